//! What is sold, before any figure is computed.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::{Worth, instant};
use crate::sandbox::shopify::{
    currency::{CurrencyCode, number},
    model::{Address, Attribute, CountryCode, Customer, DiscountSource, Order},
};

/// An order being written down. Methods about a line mean the line named last.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) id: u64,
    pub(super) number: i32,
    pub(super) at: DateTime<Utc>,
    pub(super) entered: Option<DateTime<Utc>>,
    pub(super) lines: Vec<DraftLine>,
    pub(super) discounts: Vec<DraftDiscount>,
    pub(super) shipping: Vec<(String, Decimal)>,
    pub(super) shipping_taxed: bool,
    pub(super) taxes: Vec<(String, Decimal)>,
    pub(super) order_tax_only: bool,
    pub(super) marketplace: bool,
    pub(super) fees: Vec<DraftFee>,
    pub(super) tip: Decimal,
    pub(super) tip_line: bool,
    pub(super) rate: Option<Decimal>,
    pub(super) order: Facts,
}

/// What goes into the order as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) name: Option<String>,
    pub(super) test: bool,
    pub(super) taxes_included: bool,
    pub(super) tax_exempt: bool,
    pub(super) estimated_taxes: bool,
    pub(super) duties_included: bool,
    pub(super) source_name: Option<String>,
    pub(super) po_number: Option<String>,
    pub(super) note: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) currency: CurrencyCode,
    pub(super) presentment: Option<CurrencyCode>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) customer: Option<Arc<Customer>>,
    pub(super) billing: Option<Arc<Address>>,
    pub(super) shipping: Option<Arc<Address>>,
}

#[derive(Clone, Debug)]
pub(super) struct DraftLine {
    pub(super) title: String,
    pub(super) variant: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) vendor: Option<String>,
    pub(super) price: Decimal,
    pub(super) quantity: i64,
    pub(super) gift_card: bool,
    pub(super) taxable: bool,
    pub(super) sent: bool,
    pub(super) tip: bool,
    pub(super) taxes: Option<Vec<(String, Decimal)>>,
    pub(super) duty: Option<(Decimal, String, CountryCode)>,
    pub(super) duty_taxes: Vec<(String, Decimal)>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Clone, Debug)]
pub(super) struct DraftFee {
    pub(super) name: String,
    pub(super) price: Decimal,
    pub(super) taxes: Vec<(String, Decimal)>,
}

#[derive(Clone, Debug)]
pub(super) struct DraftDiscount {
    pub(super) source: DiscountSource,
    pub(super) worth: Worth,
    pub(super) target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    AllLines,
    Line(usize),
    Shipping,
}

impl DraftLine {
    pub(super) fn new(title: &str, price: Decimal, quantity: i64) -> DraftLine {
        DraftLine {
            title: title.to_owned(),
            variant: None,
            sku: None,
            vendor: Some("Sandbox Goods".to_owned()),
            price,
            quantity,
            gift_card: false,
            taxable: true,
            sent: true,
            tip: false,
            taxes: None,
            duty: None,
            duty_taxes: Vec::new(),
            attributes: Vec::new(),
        }
    }
}

impl Draft {
    pub(super) fn new(number: i32) -> Draft {
        let minutes = i64::from(number.rem_euclid(20_000));
        Draft {
            id: 6_000_000_000_000 + u64::from(number.unsigned_abs()),
            number,
            at: instant("2026-10-01T12:00:00Z") + TimeDelta::minutes(minutes),
            entered: None,
            lines: Vec::new(),
            discounts: Vec::new(),
            shipping: Vec::new(),
            shipping_taxed: true,
            taxes: Vec::new(),
            order_tax_only: false,
            marketplace: false,
            fees: Vec::new(),
            tip: Decimal::ZERO,
            tip_line: true,
            rate: None,
            order: Facts { source_name: Some("web".to_owned()), ..Facts::default() },
        }
    }

    /// Sells `quantity` of something at `price` each.
    #[must_use]
    pub fn line(mut self, title: &str, price: &str, quantity: i64) -> Draft {
        self.lines.push(DraftLine::new(title, number(price), quantity));
        self
    }

    /// The merchant's article number.
    #[must_use]
    pub fn sku(self, sku: &str) -> Draft {
        self.last(|line| line.sku = Some(sku.to_owned()))
    }

    /// The variant's title.
    #[must_use]
    pub fn variant(self, variant: &str) -> Draft {
        self.last(|line| line.variant = Some(variant.to_owned()))
    }

    /// Outside the taxes of the order.
    #[must_use]
    pub fn untaxed(self) -> Draft {
        self.last(|line| line.taxable = false)
    }

    /// Nothing is sent.
    #[must_use]
    pub fn digital(self) -> Draft {
        self.last(|line| line.sent = false)
    }

    /// A gift card: no tax, nothing sent, no share of order discounts.
    #[must_use]
    pub fn gift_card(self) -> Draft {
        self.last(|line| {
            line.gift_card = true;
            line.taxable = false;
            line.sent = false;
        })
    }

    /// A tax of the line's own, in place of the order's taxes.
    #[must_use]
    pub fn line_tax(self, title: &str, rate: &str) -> Draft {
        self.last(|line| line.taxes.get_or_insert_default().push((title.to_owned(), number(rate))))
    }

    /// Taxed although the variant says it is not.
    #[must_use]
    pub fn taxed_anyway(self, title: &str, rate: &str) -> Draft {
        self.line_tax(title, rate).untaxed()
    }

    /// A customs charge on the line.
    #[must_use]
    pub fn duty(self, price: &str, tariff: &str, origin: CountryCode) -> Draft {
        self.last(|line| line.duty = Some((number(price), tariff.to_owned(), origin)))
    }

    /// A tax on the line's customs charge; call it again for a second one.
    #[must_use]
    pub fn duty_tax(self, title: &str, rate: &str) -> Draft {
        self.last(|line| line.duty_taxes.push((title.to_owned(), number(rate))))
    }

    /// An engraving or the like.
    #[must_use]
    pub fn property(self, key: &str, value: &str) -> Draft {
        self.last(|line| line.attributes.push(attribute(key, value)))
    }

    /// A discount on the line alone, granted by staff.
    #[must_use]
    pub fn line_discount(mut self, title: &str, worth: Worth) -> Draft {
        let target = Target::Line(self.lines.len().saturating_sub(1));
        let source = DiscountSource::Manual(title.to_owned(), None);
        self.discounts.push(DraftDiscount { source, worth, target });
        self
    }

    /// A discount of any source on all goods.
    #[must_use]
    pub fn discount(mut self, source: DiscountSource, worth: Worth) -> Draft {
        self.discounts.push(DraftDiscount { source, worth, target: Target::AllLines });
        self
    }

    /// A code on all goods.
    #[must_use]
    pub fn discount_code(self, code: &str, worth: Worth) -> Draft {
        self.discount(DiscountSource::Code(code.to_owned()), worth)
    }

    /// A code on the shipping: `percent("100")` makes it free.
    #[must_use]
    pub fn shipping_code(mut self, code: &str, worth: Worth) -> Draft {
        let source = DiscountSource::Code(code.to_owned());
        self.discounts.push(DraftDiscount { source, worth, target: Target::Shipping });
        self
    }

    /// A shipping line.
    #[must_use]
    pub fn shipping(mut self, title: &str, price: &str) -> Draft {
        self.shipping.push((title.to_owned(), number(price)));
        self
    }

    /// The order's taxes are not charged on shipping.
    #[must_use]
    pub fn shipping_untaxed(mut self) -> Draft {
        self.shipping_taxed = false;
        self
    }

    /// A tax on everything taxable; call it again for a second one.
    #[must_use]
    pub fn tax(mut self, title: &str, rate: &str) -> Draft {
        self.taxes.push((title.to_owned(), number(rate)));
        self
    }

    /// Prices contain the taxes.
    #[must_use]
    pub fn inclusive(mut self) -> Draft {
        self.order.taxes_included = true;
        self
    }

    /// The tax is recorded on the order, not on its lines, as some importers do.
    #[must_use]
    pub fn tax_on_order_only(mut self) -> Draft {
        self.order_tax_only = true;
        self
    }

    /// A marketplace collects and remits the taxes.
    #[must_use]
    pub fn marketplace(mut self) -> Draft {
        self.marketplace = true;
        self
    }

    /// The buyer pays none of the taxes.
    #[must_use]
    pub fn tax_exempt(mut self) -> Draft {
        self.order.tax_exempt = true;
        self
    }

    /// An additional fee.
    #[must_use]
    pub fn fee(mut self, name: &str, price: &str) -> Draft {
        self.fees.push(DraftFee { name: name.to_owned(), price: number(price), taxes: Vec::new() });
        self
    }

    /// A tax on the fee named last; call it again for a second one.
    #[must_use]
    pub fn fee_tax(mut self, title: &str, rate: &str) -> Draft {
        if let Some(fee) = self.fees.last_mut() {
            fee.taxes.push((title.to_owned(), number(rate)));
        }
        self
    }

    /// A gratuity, shown as a line too.
    #[must_use]
    pub fn tip(mut self, price: &str) -> Draft {
        self.tip = number(price);
        self
    }

    /// A gratuity that only the total knows.
    #[must_use]
    pub fn tip_without_line(mut self, price: &str) -> Draft {
        self.tip_line = false;
        self.tip(price)
    }

    /// Sold in the buyer's currency: `rate` is shop money for one unit of it.
    #[must_use]
    pub fn sold_in(mut self, currency: CurrencyCode, rate: &str) -> Draft {
        self.order.presentment = Some(currency);
        self.rate = Some(number(rate));
        self
    }

    /// The shop's currency when it is not CAD.
    #[must_use]
    pub fn shop_currency(mut self, currency: CurrencyCode) -> Draft {
        self.order.currency = currency;
        self
    }

    /// Sold then (also when it was entered, unless [`Draft::entered`] says otherwise).
    #[must_use]
    pub fn at(mut self, when: &str) -> Draft {
        self.at = instant(when);
        self
    }

    /// Sold then.
    #[must_use]
    pub fn at_instant(mut self, when: DateTime<Utc>) -> Draft {
        self.at = when;
        self
    }

    /// Entered later than it was sold, as importers do.
    #[must_use]
    pub fn entered(mut self, when: &str) -> Draft {
        self.entered = Some(instant(when));
        self
    }

    /// Another id than the one made from the number.
    #[must_use]
    pub fn id(mut self, id: u64) -> Draft {
        self.id = id;
        self
    }

    /// Another name than `#` and the number.
    #[must_use]
    pub fn name(mut self, name: &str) -> Draft {
        self.order.name = Some(name.to_owned());
        self
    }

    /// A test order.
    #[must_use]
    pub fn test(mut self) -> Draft {
        self.order.test = true;
        self
    }

    /// A remark.
    #[must_use]
    pub fn note(mut self, note: &str) -> Draft {
        self.order.note = Some(note.to_owned());
        self
    }

    /// A custom attribute of the order.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: &str) -> Draft {
        self.order.attributes.push(attribute(key, value));
        self
    }

    /// A label.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Draft {
        self.order.tags.push(tag.to_owned());
        self
    }

    /// `pos`, `shopify_draft_order`, …
    #[must_use]
    pub fn source(mut self, name: &str) -> Draft {
        self.order.source_name = Some(name.to_owned());
        self
    }

    /// The buyer's own order number.
    #[must_use]
    pub fn po_number(mut self, number: &str) -> Draft {
        self.order.po_number = Some(number.to_owned());
        self
    }

    /// Taxes may still change.
    #[must_use]
    pub fn estimated(mut self) -> Draft {
        self.order.estimated_taxes = true;
        self
    }

    /// Duties are inside the subtotal.
    #[must_use]
    pub fn duties_included(mut self) -> Draft {
        self.order.duties_included = true;
        self
    }

    fn last(mut self, change: impl FnOnce(&mut DraftLine)) -> Draft {
        if let Some(line) = self.lines.last_mut() {
            change(line);
        }
        self
    }
}

impl From<Draft> for Order {
    fn from(draft: Draft) -> Order {
        draft.placed()
    }
}

fn attribute(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Some(value.to_owned()) }
}
