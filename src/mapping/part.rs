//! An order taken apart: what was sold, shipped, charged and given back, each with the amounts that Shopify itself states.
//!
//! Tax amounts come from Shopify's tax lines and are never recomputed here; rates only travel along. Amounts are hundredths.

use crate::{
    mapping::{
        Booked, Cents, Refusal,
        amount::Reader,
        refund::{self, Refunded},
        settings::{MarketplaceTax, Settings},
        tax::{Tax, making, taxes},
    },
    shopify::model::{DiscountAllocation, LineItem, Order, ShippingLine},
};

/// One line of the sale, or of what was given back, before FreshBooks' rules apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Where in the Shopify order it comes from, such as `lineItems[LineItem/7]`.
    pub(super) source: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) quantity: i64,
    /// Before discounts; with tax inside where the order's prices include it.
    pub(super) gross: Cents,
    /// What each discount takes away (positive), by its name.
    pub(super) discounts: Vec<(String, Cents)>,
    pub(super) taxes: Vec<Tax>,
    /// Whether `gross` and `discounts` contain the taxes.
    pub(super) inclusive: bool,
}

impl Part {
    pub(super) fn plain(source: String, name: &str, amount: Cents) -> Self {
        Self {
            source,
            name: name.to_owned(),
            description: String::new(),
            quantity: 1,
            gross: amount,
            discounts: Vec::new(),
            taxes: Vec::new(),
            inclusive: false,
        }
    }

    pub(super) fn tax(&self) -> Cents {
        self.taxes.iter().map(|tax| tax.amount).sum()
    }

    pub(super) fn discount(&self) -> Cents {
        self.discounts.iter().map(|(_, amount)| amount).sum()
    }

    /// After discounts, without tax.
    pub(super) fn net(&self) -> Cents {
        self.gross - self.discount() - if self.inclusive { self.tax() } else { 0 }
    }

    /// Makes it `charged` after discounts, and its taxes `tax`: a share of the whole is a cent off, or more where the whole changed since.
    fn set(&mut self, charged: Cents, tax: Cents, read: Reader) {
        let missing = charged - (self.gross - self.discount());
        match self.discounts.last_mut() {
            Some((_, amount)) => *amount -= missing,
            None => self.gross += missing,
        }
        self.taxes = making(std::mem::take(&mut self.taxes), tax, read);
    }

    /// What the customer is charged for it.
    pub(super) fn total(&self) -> Cents {
        self.net() + self.tax()
    }

    /// The same amounts the other way round: what a credit note says of goods that an invoice would take back.
    pub(super) fn reversed(mut self) -> Self {
        self.gross = -self.gross;
        self.discounts.iter_mut().for_each(|(_, amount)| *amount = -*amount);
        self.taxes.iter_mut().for_each(|tax| tax.amount = -tax.amount);
        self
    }
}

/// The order taken apart, and the totals that its documents must make.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Of the invoice.
    pub(super) invoice: Vec<Part>,
    /// The invoice's total: what is owed, and what is credited elsewhere.
    pub(super) invoiced: Cents,
    /// Law 2's owed total.
    pub(super) owed: Cents,
    /// Refunds that moved money, each with the way in which it is recorded.
    pub(super) refunds: Vec<Refunded>,
}

/// What taking an order apart must know beside the order.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) order: &'a Order,
    pub(super) read: Reader,
    pub(super) settings: &'a Settings,
    pub(super) booked: &'a Booked,
}

impl<'a> View<'a> {
    /// The same order in the buyer's money, for proportions of what was paid.
    pub(super) fn in_shares(self) -> Self {
        Self { read: Reader::shares(), ..self }
    }

    pub(super) fn marketplace(self) -> MarketplaceTax {
        self.settings.marketplace_tax
    }
}

/// Takes an order apart.
pub(super) fn take_apart(view: View<'_>) -> Result<Parts, Refusal> {
    let View { order, read, .. } = view;
    let corrections = refund::corrections(view)?;
    let (mut parts, mut duties_of_gone_units) = (Vec::new(), Vec::new());
    for item in &order.line_items {
        let kept = (item.current_quantity + refund::units_not_edited_away(order, item)).clamp(0, item.quantity);
        if kept > 0 {
            let mut part = line_item(view, item, kept)?;
            let (units, amount, tax) = refund::left_without_money(view, item)?;
            if units > 0 && units == item.quantity - kept {
                let whole = line_item(view, item, item.quantity)?;
                part.set(whole.gross - whole.discount() - amount, whole.tax() - tax, read);
            }
            parts.push(part);
            parts.extend(duties(view, item, kept)?);
        }
        if kept < item.quantity {
            duties_of_gone_units.extend(duties(view, item, item.quantity - kept)?);
        }
    }
    for line in order.shipping_lines.iter().filter(|line| !line.is_removed) {
        let mut part = shipping(view, line)?;
        let (amount, tax) = refund::shipping_without_money(view, line)?;
        if amount != 0 {
            part.set(part.gross - part.discount() - amount, part.tax() - tax, read);
        }
        parts.push(part);
    }
    for fee in &order.additional_fees {
        let mut part = Part::plain(
            format!("additionalFees[{}]", short(&fee.id.0)),
            &fee.name,
            read.cents("additional fee", &fee.price)?,
        );
        part.taxes = taxes(&fee.tax_lines, (1, 1), read, view.marketplace())?;
        part.inclusive = order.taxes_included;
        parts.push(part);
    }
    parts.extend(
        corrections.refunds.iter().filter(|refund| refund.is_adjusted()).flat_map(|refund| refund.parts.clone()),
    );
    order_level_taxes(view, &mut parts)?;

    let rounding = refund::cash_rounding(view)?;
    let elsewhere = corrections.refunds.iter().filter(|refund| !refund.is_adjusted()).map(|refund| refund.given);
    let invoiced = corrections.owed + elsewhere.sum::<Cents>();

    if rounding != 0 {
        parts.push(Part::plain("totalCashRoundingAdjustment".to_owned(), "Cash rounding", rounding));
    }
    if corrections.on_invoice != 0 {
        parts.push(refund::beside("refundDiscrepancySet".to_owned(), corrections.on_invoice));
    }
    // Whether units that left without money take their duty along is not documented, and a tip is sometimes a line item too (its title is
    // translated): both are added only where the total says that they are missing, if not to the cent where amounts were converted.
    let tip = read.cents("totalTipReceivedSet", &order.total_tip_received_set)?;
    for missing in [duties_of_gone_units, vec![Part::plain("totalTipReceivedSet".to_owned(), "Tip", tip)]] {
        let lacking = invoiced - total(&parts);
        if (lacking - total(&missing)).abs() < lacking.abs() {
            parts.extend(missing);
        }
    }
    Ok(Parts { invoice: parts, invoiced, owed: corrections.owed, refunds: corrections.refunds })
}

/// What all parts make together.
pub(super) fn total(parts: &[Part]) -> Cents {
    parts.iter().map(Part::total).sum()
}

fn line_item(view: View<'_>, item: &LineItem, kept: i64) -> Result<Part, Refusal> {
    let View { order, read, .. } = view;
    let mut name = item.title.clone();
    if let Some(variant) = item.variant_title.as_deref().filter(|variant| !variant.is_empty()) {
        name = format!("{name} - {variant}");
    }
    let mut details: Vec<String> =
        item.sku.iter().filter(|sku| !sku.is_empty()).map(|sku| format!("SKU {sku}")).collect();
    if item.is_gift_card {
        details.push("Gift card".to_owned());
    }
    for attribute in item.custom_attributes.iter().filter(|attribute| !attribute.key.starts_with('_')) {
        details.push(format!("{}: {}", attribute.key, attribute.value.as_deref().unwrap_or_default()));
    }
    Ok(Part {
        source: format!("lineItems[{}]", short(&item.id.0)),
        name,
        description: details.join(", "),
        quantity: kept,
        gross: read.left(read.cents("originalTotalSet", &item.original_total_set)?, kept, item.quantity),
        discounts: discounts(view, &item.discount_allocations, kept, item.quantity)?,
        taxes: taxes(&item.tax_lines, (kept, item.quantity), read, view.marketplace())?,
        inclusive: order.taxes_included,
    })
}

/// The duties of so many units of a line.
fn duties(view: View<'_>, item: &LineItem, units: i64) -> Result<Vec<Part>, Refusal> {
    let View { order, read, .. } = view;
    let charged = item.duties.iter().filter(|_| !order.duties_included);
    charged
        .map(|duty| {
            let mut part = Part::plain(
                format!("lineItems[{}].duties[{}]", short(&item.id.0), short(&duty.id.0)),
                &format!("Duty: {}", item.title),
                read.left(read.cents("duty", &duty.price)?, units, item.quantity),
            );
            part.taxes = taxes(&duty.tax_lines, (units, item.quantity), read, view.marketplace())?;
            part.inclusive = order.taxes_included;
            Ok(part)
        })
        .collect()
}

fn shipping(view: View<'_>, line: &ShippingLine) -> Result<Part, Refusal> {
    let View { order, read, .. } = view;
    let gross = read.cents("originalPriceSet", &line.original_price_set)?;
    let mut discounts = discounts(view, &line.discount_allocations, 1, 1)?;
    // `discountedPriceSet` is what was charged; where the allocations do not explain it, it wins.
    let unexplained = gross
        - discounts.iter().map(|(_, amount)| amount).sum::<Cents>()
        - read.cents("discountedPriceSet", &line.discounted_price_set)?;
    if unexplained != 0 {
        discounts.push(("Discount".to_owned(), unexplained));
    }
    Ok(Part {
        source: format!("shippingLines[{}]", line.id.as_ref().map_or("-", |id| short(&id.0))),
        name: format!("Shipping: {}", line.title),
        description: String::new(),
        quantity: 1,
        gross,
        discounts,
        taxes: taxes(&line.tax_lines, (1, 1), read, view.marketplace())?,
        inclusive: order.taxes_included,
    })
}

fn discounts(
    view: View<'_>,
    allocations: &[DiscountAllocation],
    kept: i64,
    quantity: i64,
) -> Result<Vec<(String, Cents)>, Refusal> {
    let View { order, read, .. } = view;
    let mut found = Vec::new();
    for allocation in allocations {
        let index = allocation.discount_application.index;
        let application = order.discount_applications.iter().find(|application| application.index == index);
        let label = application.and_then(|application| application.code.as_ref().or(application.title.as_ref()));
        let name = label.map_or_else(|| "Discount".to_owned(), |label| format!("Discount {label}"));
        let amount = read.left(read.cents("allocatedAmountSet", &allocation.allocated_amount_set)?, kept, quantity);
        if amount != 0 {
            found.push((name, amount));
        }
    }
    Ok(found)
}

/// Whether the order states its taxes for itself alone: none of its lines does.
pub(super) fn states_taxes_alone(order: &Order) -> bool {
    let of_item =
        |item: &LineItem| !item.tax_lines.is_empty() || item.duties.iter().any(|duty| !duty.tax_lines.is_empty());
    !(order.line_items.iter().any(of_item)
        || order.shipping_lines.iter().any(|line| !line.tax_lines.is_empty())
        || order.additional_fees.iter().any(|fee| !fee.tax_lines.is_empty()))
}

/// Orders imported by API may state their tax on the order alone. Beside the prices it becomes lines of its own, exact and named; inside
/// them it is shared out over what was sold. What an edit took away is gone from it; what refunds took away stands on the refunds' lines.
fn order_level_taxes(view: View<'_>, parts: &mut Vec<Part>) -> Result<(), Refusal> {
    let View { order, read, .. } = view;
    let total = read.cents_or_zero("totalTaxSet", order.total_tax_set.as_ref())?;
    if total == 0 || !states_taxes_alone(order) {
        return Ok(());
    }
    let taxes = taxes(&order.tax_lines, (1, 1), read, view.marketplace())?;
    let left = read.cents("currentTotalTaxSet", &order.current_total_tax_set)? + refund::tax_not_edited_away(view)?;
    let left = left.min(total);
    if !order.taxes_included {
        let lines = making(taxes, left, read).into_iter().enumerate();
        parts.extend(lines.map(|(index, tax)| Part::plain(format!("taxLines[{index}]"), &tax.line_name(), tax.amount)));
        return Ok(());
    }
    let charged = |part: &Part| if part.inclusive { (part.gross - part.discount()).max(0) } else { 0 };
    let whole: Cents = parts.iter().map(charged).sum();
    let (mut seen, mut given) = (0, 0);
    for part in parts {
        seen += charged(part);
        let up_to_here = read.share(left, seen, whole);
        part.taxes.extend(making(taxes.clone(), up_to_here - given, read).into_iter().filter(|tax| tax.amount != 0));
        given = up_to_here;
    }
    Ok(())
}

/// `gid://shopify/LineItem/7` as `LineItem/7`.
pub(super) fn short(gid: &str) -> &str {
    gid.strip_prefix("gid://shopify/").unwrap_or(gid)
}
