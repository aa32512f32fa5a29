//! The arithmetic of a sale: discounts first, shared to the cent, then tax on what is left.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{
    Draft, Worth,
    draft::{DraftDiscount, DraftFee, DraftLine, Target},
};
use crate::sandbox::shopify::{
    currency::{CurrencyCode, Minor, round, split},
    model::{
        Allocation, Discount, DiscountApplicationAllocationMethod as Method,
        DiscountApplicationTargetSelection as Selection, DiscountApplicationTargetType as TargetType, DiscountValue,
        Duty, Fee, Line, Order, OrderDisplayFulfillmentStatus, OrderReturnStatus, Shipping, TaxLine, Totals,
    },
};

impl Draft {
    /// The order as it stands before anybody paid.
    pub fn placed(mut self) -> Order {
        if !self.tip.is_zero() && self.tip_line {
            let mut tip = DraftLine::new("Tip", self.tip, 1);
            (tip.tip, tip.taxable, tip.sent, tip.vendor) = (true, false, false, None);
            self.lines.push(tip);
        }
        let currency = self.order.currency;
        let presentment = self.order.presentment.unwrap_or(currency);
        let mut ids = self.id * 1000..;
        let mut next = || ids.next().unwrap_or_default() + 1;

        let mut lines: Vec<Line> = self.lines.iter().map(|line| unpriced(line, presentment, &mut next)).collect();
        let mut shipping: Vec<Shipping> = self
            .shipping
            .iter()
            .map(|(title, price)| unpriced_shipping(title, *price, presentment, &mut next))
            .collect();
        for (at, discount) in self.discounts.iter().enumerate() {
            apply(at, discount, &mut lines, &mut shipping, presentment);
        }
        self.tax_all(&mut lines, &mut shipping);
        let order_taxes = if self.order_tax_only { take_taxes(&mut lines, &mut shipping) } else { Vec::new() };

        let fees: Vec<Fee> = self.fees.iter().map(|fee| self.priced_fee(fee, presentment, next())).collect();
        let entered = self.entered.unwrap_or(self.at);
        let facts = self.order;
        let mut order = Order {
            id: self.id,
            number: self.number,
            name: facts.name.unwrap_or_else(|| format!("#{}", self.number)),
            created_at: entered,
            processed_at: self.at,
            updated_at: entered,
            closed_at: None,
            cancelled_at: None,
            cancel_reason: None,
            test: facts.test,
            confirmed: true,
            edited: false,
            taxes_included: facts.taxes_included,
            tax_exempt: facts.tax_exempt,
            estimated_taxes: facts.estimated_taxes,
            duties_included: facts.duties_included,
            source_name: facts.source_name,
            po_number: facts.po_number,
            note: facts.note,
            tags: facts.tags,
            custom_attributes: facts.attributes,
            currency,
            presentment,
            rate: self.rate.unwrap_or(Decimal::ONE),
            financial_status: None,
            fulfillment_status: OrderDisplayFulfillmentStatus::Unfulfilled,
            return_status: OrderReturnStatus::NoReturn,
            email: facts.email,
            phone: facts.phone,
            customer: facts.customer,
            billing_address: facts.billing,
            shipping_address: facts.shipping,
            lines,
            shipping,
            discounts: self.discounts.iter().map(|discount| granted(discount, presentment)).collect(),
            fees,
            order_taxes,
            transactions: Vec::new(),
            refunds: Vec::new(),
            tip: presentment.minor(self.tip),
            cash_rounding: 0,
            cash_rounding_refund: 0,
            totals: Totals::default(),
            next_event: None,
        };
        if !order.lines.iter().any(|line| line.requires_shipping) {
            order.fulfillment_status = OrderDisplayFulfillmentStatus::FulfillmentNotRequired;
        }
        order.recompute();
        order.totals.original_total_price = order.totals.total_price;
        order
    }

    fn tax_all(&self, lines: &mut [Line], shipping: &mut [Shipping]) {
        if self.order.tax_exempt {
            return;
        }
        let liable = Some(self.marketplace);
        let inclusive = self.order.taxes_included;
        for (line, draft) in lines.iter_mut().zip(&self.lines) {
            let rates = match &draft.taxes {
                Some(own) => own.as_slice(),
                None if draft.taxable => self.taxes.as_slice(),
                None => &[],
            };
            line.taxes = taxes(line.gross(), rates, inclusive, liable);
            for duty in &mut line.duties {
                duty.taxes = taxes(duty.price, &draft.duty_taxes, inclusive, liable);
            }
        }
        for line in shipping.iter_mut().filter(|_| self.shipping_taxed) {
            line.taxes = taxes(line.discounted(), &self.taxes, inclusive, liable);
        }
    }

    fn priced_fee(&self, fee: &DraftFee, currency: CurrencyCode, id: u64) -> Fee {
        let price = currency.minor(fee.price);
        let rates = if self.order.tax_exempt { &[] } else { fee.taxes.as_slice() };
        let taxes = taxes(price, rates, self.order.taxes_included, Some(self.marketplace));
        Fee { id, name: fee.name.clone(), price, taxes }
    }
}

/// Each tax on `base`, rounded by itself. With prices that contain tax, its part of the base.
pub(super) fn taxes(base: Minor, rates: &[(String, Decimal)], inclusive: bool, liable: Option<bool>) -> Vec<TaxLine> {
    let all: Decimal = rates.iter().map(|(_, rate)| *rate).sum();
    let divisor = if inclusive { Decimal::ONE + all } else { Decimal::ONE };
    let line = |(title, rate): &(String, Decimal)| TaxLine {
        title: title.clone(),
        rate: Some(*rate),
        price: round(Decimal::from(base) * rate / divisor),
        channel_liable: liable,
        source: Some("Shopify".to_owned()),
    };
    rates.iter().map(line).collect()
}

fn unpriced(draft: &DraftLine, currency: CurrencyCode, next: &mut impl FnMut() -> u64) -> Line {
    let duty = |(price, tariff, origin): &(Decimal, String, _)| Duty {
        id: next(),
        harmonized_system_code: Some(tariff.clone()),
        country_of_origin: Some(*origin),
        price: currency.minor(*price),
        taxes: Vec::new(),
    };
    let duties = draft.duty.iter().map(duty).collect();
    Line {
        id: next(),
        title: draft.title.clone(),
        variant_title: draft.variant.clone(),
        sku: draft.sku.clone(),
        vendor: draft.vendor.clone(),
        quantity: draft.quantity,
        gone: 0,
        unit_price: currency.minor(draft.price),
        allocations: Vec::new(),
        taxes: Vec::new(),
        duties,
        gift_card: draft.gift_card,
        taxable: draft.taxable,
        requires_shipping: draft.sent,
        tip: draft.tip,
        custom_attributes: draft.attributes.clone(),
    }
}

fn unpriced_shipping(title: &str, price: Decimal, currency: CurrencyCode, next: &mut impl FnMut() -> u64) -> Shipping {
    Shipping {
        id: Some(next()),
        title: title.to_owned(),
        code: Some(title.to_owned()),
        source: Some("shopify".to_owned()),
        removed: false,
        price: currency.minor(price),
        allocations: Vec::new(),
        taxes: Vec::new(),
    }
}

fn apply(at: usize, discount: &DraftDiscount, lines: &mut [Line], ship: &mut [Shipping], currency: CurrencyCode) {
    let bases: Vec<Minor> = match discount.target {
        Target::Shipping => ship.iter().map(Shipping::discounted).collect(),
        Target::Line(only) => {
            lines.iter().enumerate().map(|(i, line)| if i == only { line.gross() } else { 0 }).collect()
        }
        Target::AllLines => {
            lines.iter().map(|line| if line.gift_card || line.tip { 0 } else { line.gross() }).collect()
        }
    };
    let shares = split(taken_off(discount.worth, bases.iter().sum(), currency), &bases);
    let shares = shares.into_iter().map(|amount| Allocation { discount: at, amount });
    if discount.target == Target::Shipping {
        ship.iter_mut().zip(shares).for_each(|(line, share)| line.allocations.extend(worth_noting(share)));
    } else {
        lines.iter_mut().zip(shares).for_each(|(line, share)| line.allocations.extend(worth_noting(share)));
    }
}

/// What a discount takes off `base`; never more than there is.
pub(super) fn taken_off(worth: Worth, base: Minor, currency: CurrencyCode) -> Minor {
    match worth {
        Worth::Percent(percent) => round(Decimal::from(base) * percent / Decimal::ONE_HUNDRED).min(base),
        Worth::Amount(amount) => currency.minor(amount).min(base),
    }
}

fn worth_noting(share: Allocation) -> Option<Allocation> {
    (share.amount != 0).then_some(share)
}

fn granted(discount: &DraftDiscount, currency: CurrencyCode) -> Discount {
    let (allocation_method, target_selection, target_type) = match discount.target {
        Target::AllLines => (Method::Across, Selection::All, TargetType::LineItem),
        Target::Line(_) => (Method::Each, Selection::Explicit, TargetType::LineItem),
        Target::Shipping => (Method::Each, Selection::All, TargetType::ShippingLine),
    };
    let value = match discount.worth {
        Worth::Percent(percent) => DiscountValue::Percent(percent),
        Worth::Amount(amount) => DiscountValue::Amount(currency.minor(amount)),
    };
    Discount { source: discount.source.clone(), allocation_method, target_selection, target_type, value }
}

/// Moves all taxes off the lines and sums them by title and rate.
fn take_taxes(lines: &mut [Line], shipping: &mut [Shipping]) -> Vec<TaxLine> {
    let all = lines.iter_mut().map(|line| std::mem::take(&mut line.taxes));
    let all = all.chain(shipping.iter_mut().map(|line| std::mem::take(&mut line.taxes)));
    let all: Vec<TaxLine> = all.flatten().collect();
    summed(all.iter().map(|tax| (tax, tax.price)))
}

/// Taxes with the same title, rate and collector, added up in the order they first appear.
pub(in crate::sandbox::shopify) fn summed<'a>(all: impl Iterator<Item = (&'a TaxLine, Minor)>) -> Vec<TaxLine> {
    let mut sums: Vec<TaxLine> = Vec::new();
    for (tax, price) in all {
        let same = |sum: &&mut TaxLine| {
            sum.title == tax.title && sum.rate == tax.rate && sum.channel_liable == tax.channel_liable
        };
        match sums.iter_mut().find(same) {
            Some(sum) => sum.price += price,
            None => sums.push(TaxLine { price, ..tax.clone() }),
        }
    }
    sums
}

/// 0.13 as the float that GraphQL prints.
pub(in crate::sandbox::shopify) fn float(rate: Decimal) -> f64 {
    rate.to_f64().unwrap_or_default()
}
