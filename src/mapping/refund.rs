//! Refunds under the adjusting policy: the invoice gets a negative line, with the same taxes, for what was given back.
//!
//! Three kinds of refund record must be told apart. Money moved: it shows as negative lines. Money still moving: it waits, as if it were
//! not there. No money at all (an edit removed units, goods came back in an exchange): the units simply leave the invoice.

use crate::{
    mapping::{
        Cents, Refusal,
        amount::Reader,
        part::{Part, Tax, short, taxes},
    },
    shopify::model::{LineItem, Order, Refund, ShippingLine, TransactionKind, TransactionStatus},
};

/// How far a refund's money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Moved,
    Moving,
    None,
}

fn progress(refund: &Refund) -> Progress {
    let statuses = refund.transactions.iter().filter(|transaction| transaction.kind == TransactionKind::Refund);
    let mut progress = Progress::None;
    for status in statuses.map(|transaction| transaction.status) {
        match status {
            TransactionStatus::Pending | TransactionStatus::AwaitingResponse => return Progress::Moving,
            TransactionStatus::Success => progress = Progress::Moved,
            _ => {}
        }
    }
    progress
}

/// The refunds that show on the invoice.
pub(super) fn reflected(order: &Order) -> impl Iterator<Item = &Refund> {
    order.refunds.iter().filter(|refund| progress(refund) == Progress::Moved)
}

/// Units of `item` that are gone from its current quantity, but not by an edit: refunded (shown as negative lines) or about to be.
pub(super) fn units_not_edited_away(order: &Order, item: &LineItem) -> i64 {
    order
        .refunds
        .iter()
        .filter(|refund| progress(refund) != Progress::None)
        .flat_map(|refund| &refund.refund_line_items)
        .filter(|line| line.line_item.id == item.id)
        .map(|line| line.quantity)
        .sum()
}

/// What left `item` without money, as Shopify states it: units, their amount after discounts, their tax.
pub(super) fn left_without_money(order: &Order, item: &LineItem, read: Reader) -> Result<(i64, Cents, Cents), Refusal> {
    let (mut units, mut amount, mut tax) = (0, 0, 0);
    let refunds = order.refunds.iter().filter(|refund| progress(refund) == Progress::None);
    for line in refunds.flat_map(|refund| &refund.refund_line_items).filter(|line| line.line_item.id == item.id) {
        units += line.quantity;
        amount += read.cents("subtotalSet", &line.subtotal_set)?;
        tax += read.cents("totalTaxSet", &line.total_tax_set)?;
    }
    Ok((units, amount, tax))
}

/// What was taken off a shipping line without money: the amount after discounts, its tax.
pub(super) fn shipping_without_money(
    order: &Order,
    shipping: &ShippingLine,
    read: Reader,
) -> Result<(Cents, Cents), Refusal> {
    let (mut amount, mut tax) = (0, 0);
    let refunds = order.refunds.iter().filter(|refund| progress(refund) == Progress::None);
    for line in refunds.flat_map(|refund| &refund.refund_shipping_lines) {
        if line.shipping_line.as_ref().is_some_and(|name| name.id == shipping.id) {
            amount += read.cents("subtotalAmountSet", &line.subtotal_amount_set)?;
            tax += read.cents("taxAmountSet", &line.tax_amount_set)?;
        }
    }
    Ok((amount, tax))
}

/// What Shopify's current total leaves out, or takes off too early.
pub(super) struct Corrections {
    /// Money refunded beside what was given back (negative), or kept although it was given back.
    pub(super) discrepancy: Cents,
    /// What refunds still under way have already taken off.
    pub(super) pending: Cents,
}

/// Reads the order's refund discrepancy.
pub(super) fn corrections(order: &Order, read: Reader) -> Result<Corrections, Refusal> {
    let (pending, _) = pending_and_moved(order, read)?;
    let stated = read.cents("refundDiscrepancySet", &order.refund_discrepancy_set)?;
    let counts_pending = pending != 0 && counts_pending(order)?;
    Ok(Corrections { discrepancy: if counts_pending { stated - pending } else { stated }, pending })
}

/// Whether Shopify counts pending refunds into the discrepancy is not documented: the refunds themselves tell. In the buyer's money, for
/// in the shop's a refund's transactions have a rate of their own.
fn counts_pending(order: &Order) -> Result<bool, Refusal> {
    let read = Reader::shares();
    let (pending, own) = pending_and_moved(order, read)?;
    let stated = read.cents("refundDiscrepancySet", &order.refund_discrepancy_set)?;
    Ok((stated - own - pending).abs() <= (stated - own).abs())
}

/// What pending refunds take off, and by how much the others' goods exceed their money.
fn pending_and_moved(order: &Order, read: Reader) -> Result<(Cents, Cents), Refusal> {
    let (mut pending, mut own) = (0, 0);
    for refund in &order.refunds {
        let goods = -parts(order, refund, read)?.iter().map(Part::total).sum::<Cents>();
        match progress(refund) {
            Progress::Moving => pending += goods,
            Progress::Moved => own += goods - given(refund, read)?,
            Progress::None => {}
        }
    }
    Ok((pending, own))
}

/// The money that a refund has moved.
fn given(refund: &Refund, read: Reader) -> Result<Cents, Refusal> {
    let mut money = 0;
    for transaction in &refund.transactions {
        if transaction.kind == TransactionKind::Refund && transaction.status == TransactionStatus::Success {
            money += read.cents("refund", &transaction.amount_set)?;
        }
    }
    Ok(money)
}

/// The negative parts of one refund.
pub(super) fn parts(order: &Order, refund: &Refund, read: Reader) -> Result<Vec<Part>, Refusal> {
    let source = short(&refund.id.0);
    let mut parts = Vec::new();
    for line in &refund.refund_line_items {
        let item = order.line_items.iter().find(|item| item.id == line.line_item.id);
        let mut part = given_back(
            format!("refunds[{source}].refundLineItems[{}]", short(&line.line_item.id.0)),
            format!("Refund: {}", item.map_or("item", |item| item.title.as_str())),
            (read.cents("subtotalSet", &line.subtotal_set)?, read.cents("totalTaxSet", &line.total_tax_set)?),
            item.map_or(Ok(Vec::new()), |item| taxes(&item.tax_lines, line.quantity, item.quantity, read))?,
            order.taxes_included,
            read,
        );
        if line.quantity > 1 {
            part.description = format!("{} units", line.quantity);
        }
        parts.push(part);
    }
    for line in &refund.refund_shipping_lines {
        let name = line.shipping_line.as_ref();
        let shipping = name.and_then(|name| order.shipping_lines.iter().find(|shipping| shipping.id == name.id));
        parts.push(given_back(
            format!("refunds[{source}].refundShippingLines"),
            format!("Refund: {}", name.map_or("Shipping", |name| name.title.as_str())),
            (
                read.cents("subtotalAmountSet", &line.subtotal_amount_set)?,
                read.cents("taxAmountSet", &line.tax_amount_set)?,
            ),
            shipping.map_or(Ok(Vec::new()), |shipping| taxes(&shipping.tax_lines, 1, 1, read))?,
            order.taxes_included,
            read,
        ));
    }
    for duty in refund.duties.iter().flatten() {
        let amount = read.cents("refunded duty", &duty.amount_set)?;
        parts.push(Part::plain(format!("refunds[{source}].duties"), "Refund: Duty", -amount));
    }
    parts.retain(|part| part.total() != 0);
    Ok(parts)
}

/// A negative part whose taxes are those of the line it takes back, scaled to the tax that Shopify gave back.
fn given_back(
    source: String,
    name: String,
    (subtotal, tax): (Cents, Cents),
    like: Vec<Tax>,
    inclusive: bool,
    read: Reader,
) -> Part {
    let mut part = Part::plain(source, &name, -subtotal);
    part.inclusive = inclusive;
    part.taxes = scaled(like, -tax, read);
    part
}

/// The same taxes, together `total`.
pub(super) fn scaled(mut taxes: Vec<Tax>, total: Cents, read: Reader) -> Vec<Tax> {
    let whole: Cents = taxes.iter().map(|tax| tax.amount).sum();
    if whole == 0 {
        // Of nothing there are no shares: the last one takes it all.
        if let Some(tax) = taxes.last_mut() {
            tax.amount = total;
        } else if total != 0 {
            taxes.push(Tax { name: "Tax".to_owned(), percent: None, amount: total });
        }
        return taxes;
    }
    let (mut seen, mut given) = (0, 0);
    for tax in &mut taxes {
        seen += tax.amount;
        let up_to_here = read.share(total, seen, whole);
        tax.amount = up_to_here - given;
        given = up_to_here;
    }
    taxes
}
