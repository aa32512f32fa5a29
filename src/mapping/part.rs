//! An order taken apart: what was sold, shipped, charged and given back, each with the amounts that Shopify itself states.
//!
//! Tax amounts come from Shopify's tax lines and are never recomputed here; rates only travel along. Amounts are hundredths.

use rust_decimal::Decimal;

use crate::{
    mapping::{Cents, Refusal, amount::Reader, refund},
    shopify::model::{LineItem, Order, ShippingLine, TaxLine},
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

/// One tax on one part, with the amount that Shopify charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tax {
    pub(super) name: String,
    /// In percent; absent where Shopify states none.
    pub(super) percent: Option<Decimal>,
    pub(super) amount: Cents,
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
        self.taxes = refund::scaled(std::mem::take(&mut self.taxes), tax, read);
    }

    /// What the customer is charged for it.
    pub(super) fn total(&self) -> Cents {
        self.net() + self.tax()
    }
}

/// The order's parts and the total that they must make.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) parts: Vec<Part>,
    /// Law 2's owed total.
    pub(super) owed: Cents,
}

impl Parts {
    /// Of an order that nobody owes anything for.
    pub(super) fn nothing() -> Self {
        Self { parts: Vec::new(), owed: 0 }
    }
}

/// Takes `order` apart.
pub(super) fn take_apart(order: &Order, read: Reader) -> Result<Parts, Refusal> {
    let refunds = refund::reflected(order);
    let mut parts = Vec::new();
    for item in &order.line_items {
        let kept = (item.current_quantity + refund::units_not_edited_away(order, item)).clamp(0, item.quantity);
        if kept > 0 {
            let mut part = line_item(order, item, kept, read)?;
            let (units, amount, tax) = refund::left_without_money(order, item, read)?;
            if units > 0 && units == item.quantity - kept {
                let whole = line_item(order, item, item.quantity, read)?;
                part.set(whole.gross - whole.discount() - amount, whole.tax() - tax, read);
            }
            parts.push(part);
            for duty in item.duties.iter().filter(|_| !order.duties_included) {
                let mut part = Part::plain(
                    format!("lineItems[{}].duties[{}]", short(&item.id.0), short(&duty.id.0)),
                    &format!("Duty: {}", item.title),
                    read.share(read.cents("duty", &duty.price)?, kept, item.quantity),
                );
                part.taxes = taxes(&duty.tax_lines, kept, item.quantity, read)?;
                part.inclusive = order.taxes_included;
                parts.push(part);
            }
        }
    }
    for line in order.shipping_lines.iter().filter(|line| !line.is_removed) {
        let mut part = shipping(order, line, read)?;
        let (amount, tax) = refund::shipping_without_money(order, line, read)?;
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
        part.taxes = taxes(&fee.tax_lines, 1, 1, read)?;
        part.inclusive = order.taxes_included;
        parts.push(part);
    }
    for refund in refunds {
        parts.extend(refund::parts(order, refund, read)?);
    }
    parts.extend(order_level_taxes(order, read)?);

    let rounding = &order.total_cash_rounding_adjustment;
    let rounding =
        read.cents("cash rounding", &rounding.payment_set)? - read.cents("cash rounding", &rounding.refund_set)?;
    let refunds = refund::corrections(order, read)?;
    let discrepancy = refunds.discrepancy;
    let owed =
        read.cents("currentTotalPriceSet", &order.current_total_price_set)? + discrepancy + rounding + refunds.pending;

    if rounding != 0 {
        parts.push(Part::plain("totalCashRoundingAdjustment".to_owned(), "Cash rounding", rounding));
    }
    if discrepancy != 0 {
        let name = if discrepancy < 0 { "Refund without items" } else { "Kept from refunds" };
        parts.push(Part::plain("refundDiscrepancySet".to_owned(), name, discrepancy));
    }
    // A tip is sometimes a line item too (its title is translated): it is added only where the total says that it is missing, if not to
    // the cent where amounts were converted one by one.
    let tip = read.cents("totalTipReceivedSet", &order.total_tip_received_set)?;
    let missing = owed - total(&parts);
    if (missing - tip).abs() < missing.abs() {
        parts.push(Part::plain("totalTipReceivedSet".to_owned(), "Tip", tip));
    }
    Ok(Parts { parts, owed })
}

/// What all parts make together.
pub(super) fn total(parts: &[Part]) -> Cents {
    parts.iter().map(Part::total).sum()
}

/// The shares of `lines` that fall on `kept` of `quantity` units.
pub(super) fn taxes(lines: &[TaxLine], kept: i64, quantity: i64, read: Reader) -> Result<Vec<Tax>, Refusal> {
    lines
        .iter()
        .map(|line| {
            let suffix = if line.channel_liable == Some(true) { " (collected by the marketplace)" } else { "" };
            // FreshBooks takes no tax without a name.
            let title = if line.title.trim().is_empty() { "Tax" } else { line.title.trim() };
            Ok(Tax {
                name: format!("{title}{suffix}"),
                percent: percent(line),
                amount: read.share(read.cents("tax", &line.price_set)?, kept, quantity),
            })
        })
        .collect()
}

/// FreshBooks keeps three decimals of a percentage.
fn percent(line: &TaxLine) -> Option<Decimal> {
    line.rate.map(|rate| (rate * Decimal::ONE_HUNDRED).round_dp(3).normalize())
}

fn line_item(order: &Order, item: &LineItem, kept: i64, read: Reader) -> Result<Part, Refusal> {
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
        gross: read.share(read.cents("originalTotalSet", &item.original_total_set)?, kept, item.quantity),
        discounts: discounts(order, &item.discount_allocations, kept, item.quantity, read)?,
        taxes: taxes(&item.tax_lines, kept, item.quantity, read)?,
        inclusive: order.taxes_included,
    })
}

fn shipping(order: &Order, line: &ShippingLine, read: Reader) -> Result<Part, Refusal> {
    let gross = read.cents("originalPriceSet", &line.original_price_set)?;
    let mut discounts = discounts(order, &line.discount_allocations, 1, 1, read)?;
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
        taxes: taxes(&line.tax_lines, 1, 1, read)?,
        inclusive: order.taxes_included,
    })
}

fn discounts(
    order: &Order,
    allocations: &[crate::shopify::model::DiscountAllocation],
    kept: i64,
    quantity: i64,
    read: Reader,
) -> Result<Vec<(String, Cents)>, Refusal> {
    let mut found = Vec::new();
    for allocation in allocations {
        let index = allocation.discount_application.index;
        let application = order.discount_applications.iter().find(|application| application.index == index);
        let label = application.and_then(|application| application.code.as_ref().or(application.title.as_ref()));
        let name = label.map_or_else(|| "Discount".to_owned(), |label| format!("Discount {label}"));
        let amount = read.share(read.cents("allocatedAmountSet", &allocation.allocated_amount_set)?, kept, quantity);
        if amount != 0 {
            found.push((name, amount));
        }
    }
    Ok(found)
}

/// Orders imported by API may state their tax on the order alone: then it becomes lines of its own, exact and named.
fn order_level_taxes(order: &Order, read: Reader) -> Result<Vec<Part>, Refusal> {
    let total = read.cents_or_zero("totalTaxSet", order.total_tax_set.as_ref())?;
    let on_lines = order.line_items.iter().any(|item| !item.tax_lines.is_empty())
        || order.shipping_lines.iter().any(|line| !line.tax_lines.is_empty())
        || order.line_items.iter().flat_map(|item| &item.duties).any(|duty| !duty.tax_lines.is_empty())
        || order.additional_fees.iter().any(|fee| !fee.tax_lines.is_empty());
    if order.taxes_included || total == 0 || on_lines {
        return Ok(Vec::new());
    }
    let taxes = taxes(&order.tax_lines, 1, 1, read)?;
    Ok(taxes
        .into_iter()
        .enumerate()
        .map(|(index, tax)| Part::plain(format!("taxLines[{index}]"), &tax_line_name(&tax), tax.amount))
        .collect())
}

/// How a tax is called where it has to be a line of its own.
pub(super) fn tax_line_name(tax: &Tax) -> String {
    tax.percent.map_or_else(|| format!("Tax: {}", tax.name), |percent| format!("Tax: {} {percent}%", tax.name))
}

/// `gid://shopify/LineItem/7` as `LineItem/7`.
pub(super) fn short(gid: &str) -> &str {
    gid.strip_prefix("gid://shopify/").unwrap_or(gid)
}
