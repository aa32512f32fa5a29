//! Refunds: what was given back, and in which document it shows.
//!
//! Three kinds of refund record must be told apart. Money moved: it is recorded, by the policy of the settings. Money still moving: it
//! waits, as if it were not there. No money at all (an edit removed units, goods came back in an exchange): the units simply leave the
//! invoice.

use crate::{
    mapping::{
        Booked, Cents, Refusal,
        amount::Reader,
        part::{Part, View, short, total},
        settings::{LateChanges, Refunds, Settings},
        tax::{Tax, making, taxes},
    },
    shopify::model::{LineItem, Order, Refund, TransactionKind, TransactionStatus},
};

/// A refund whose money has moved.
#[derive(Clone, Debug)]
pub(super) struct Refunded {
    /// Shopify's number.
    pub(super) number: i64,
    /// Position in the order's refunds.
    pub(super) index: usize,
    pub(super) policy: Refunds,
    /// As the invoice would show them: negative, goods only.
    pub(super) parts: Vec<Part>,
    /// Goods less money: positive where something was kept, negative where more was given.
    kept: Cents,
}

impl Refunded {
    pub(super) fn is_adjusted(&self) -> bool {
        self.policy == Refunds::Adjust
    }

    /// The money given back.
    pub(super) fn given(&self) -> Cents {
        -total(&self.parts) - self.kept
    }

    /// What a credit note for it says: positive, goods and what was given beside them.
    pub(super) fn credited(&self, source: &str) -> Vec<Part> {
        let mut parts: Vec<Part> = self.parts.iter().cloned().map(Part::reversed).collect();
        if self.kept != 0 {
            parts.push(beside(format!("refunds[{source}]"), self.kept).reversed());
        }
        parts
    }
}

/// Money that no goods stand behind (negative), or that was kept although goods came back (positive).
pub(super) fn beside(source: String, amount: Cents) -> Part {
    let name = if amount < 0 { "Refund without items" } else { "Kept from refunds" };
    Part::plain(source, name, amount)
}

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

/// How this refund is recorded: as it was when it already is, else as the settings say. A locked invoice is not adjusted any more.
fn policy(number: i64, settings: &Settings, booked: &Booked) -> Refunds {
    let invoice = booked.invoice.as_ref();
    if invoice.is_some_and(|invoice| invoice.adjusted.contains(&number)) {
        return Refunds::Adjust;
    }
    if booked.credited.contains_key(&number) {
        return Refunds::CreditNote;
    }
    let dated = invoice.and_then(|invoice| invoice.dated);
    let late = settings.late_changes == LateChanges::OpenPeriod && dated.is_some_and(|day| settings.locks(day));
    match settings.refunds {
        Refunds::Adjust if late => Refunds::CreditNote,
        policy => policy,
    }
}

/// Units of `item` that are gone from its current quantity, but not by an edit: refunded (recorded as such) or about to be.
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

/// What Shopify's current total leaves out, or takes off too early.
pub(super) struct Corrections {
    /// Money refunded beside what was given back (negative), or kept although it was given back.
    pub(super) discrepancy: Cents,
    /// The part of it that the invoice shows.
    pub(super) on_invoice: Cents,
    /// What refunds still under way have already taken off.
    pub(super) pending: Cents,
    /// Refunds whose money has moved.
    pub(super) refunds: Vec<Refunded>,
}

/// Reads the order's refunds. Whether Shopify counts a pending one into the discrepancy is not documented: the refunds themselves tell.
pub(super) fn corrections(view: View<'_>) -> Result<Corrections, Refusal> {
    let View { order, read, settings, booked } = view;
    let (mut pending, mut own, mut refunds) = (0, 0, Vec::new());
    for (index, refund) in order.refunds.iter().enumerate() {
        match progress(refund) {
            Progress::Moving => pending -= total(&parts(view, refund)?),
            Progress::Moved => {
                let number = refund.id.number().unwrap_or_default();
                let parts = parts(view, refund)?;
                let kept = kept(view, refund, &parts)?;
                own += kept;
                refunds.push(Refunded { number, index, policy: policy(number, settings, booked), parts, kept });
            }
            Progress::None => {}
        }
    }
    let stated = read.cents("refundDiscrepancySet", &order.refund_discrepancy_set)?;
    let counts_pending = pending != 0 && (stated - own - pending).abs() <= (stated - own).abs();
    let discrepancy = if counts_pending { stated - pending } else { stated };
    let elsewhere: Cents = refunds.iter().filter(|refund| !refund.is_adjusted()).map(|refund| refund.kept).sum();
    let mut on_invoice = discrepancy - elsewhere;
    // Converted one by one, shares need not add up to the converted sum: the last one takes what is missing.
    if read.is_foreign(order)
        && refunds.iter().all(|refund| !refund.is_adjusted())
        && let Some(last) = refunds.last_mut()
    {
        last.kept += std::mem::take(&mut on_invoice);
    }
    Ok(Corrections { discrepancy, on_invoice, pending, refunds })
}

/// Goods less money of one refund. A transaction has its own day's exchange rate, so the buyer's money is compared where it differs.
fn kept(view: View<'_>, refund: &Refund, goods: &[Part]) -> Result<Cents, Refusal> {
    if !view.read.is_foreign(view.order) {
        return Ok(-total(goods) - given(refund, view.read)?);
    }
    let shares = view.in_shares();
    let kept = -total(&parts(shares, refund)?) - given(refund, shares.read)?;
    view.read.converted(kept, view.order)
}

/// Tax of units that are gone, but not by an edit: it stands on lines of its own, or is about to.
pub(super) fn tax_not_edited_away(view: View<'_>) -> Result<Cents, Refusal> {
    let View { order, read, .. } = view;
    let mut tax = 0;
    for refund in order.refunds.iter().filter(|refund| progress(refund) != Progress::None) {
        for line in &refund.refund_line_items {
            tax += read.cents("totalTaxSet", &line.total_tax_set)?;
        }
        for line in &refund.refund_shipping_lines {
            tax += read.cents("taxAmountSet", &line.tax_amount_set)?;
        }
    }
    Ok(tax)
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
fn parts(view: View<'_>, refund: &Refund) -> Result<Vec<Part>, Refusal> {
    let View { order, read, .. } = view;
    let source = short(&refund.id.0);
    let mut parts = Vec::new();
    for line in &refund.refund_line_items {
        let item = order.line_items.iter().find(|item| item.id == line.line_item.id);
        let like = match item {
            Some(item) => taxes(&item.tax_lines, (line.quantity, item.quantity), read, view.marketplace())?,
            None => Vec::new(),
        };
        let subtotal = read.cents("subtotalSet", &line.subtotal_set)?;
        let mut part = given_back(
            format!("refunds[{source}].refundLineItems[{}]", short(&line.line_item.id.0)),
            item.map_or("item", |item| item.title.as_str()),
            subtotal,
            scaled(like, read.cents("totalTaxSet", &line.total_tax_set)?, read),
            order.taxes_included,
        );
        if line.quantity > 1 {
            part.description = format!("{} units", line.quantity);
        }
        parts.push(part);
    }
    for line in &refund.refund_shipping_lines {
        let name = line.shipping_line.as_ref();
        let shipping = name.and_then(|name| order.shipping_lines.iter().find(|shipping| shipping.id == name.id));
        let like = match shipping {
            Some(shipping) => taxes(&shipping.tax_lines, (1, 1), read, view.marketplace())?,
            None => Vec::new(),
        };
        parts.push(given_back(
            format!("refunds[{source}].refundShippingLines"),
            name.map_or("Shipping", |name| name.title.as_str()),
            read.cents("subtotalAmountSet", &line.subtotal_amount_set)?,
            scaled(like, read.cents("taxAmountSet", &line.tax_amount_set)?, read),
            order.taxes_included,
        ));
    }
    for duty in refund.duties.iter().flatten() {
        let amount = read.cents("refunded duty", &duty.amount_set)?;
        parts.push(given_back(format!("refunds[{source}].duties"), "Duty", amount, Vec::new(), false));
    }
    parts.retain(|part| part.total() != 0);
    Ok(parts)
}

/// A negative part with the taxes that go back with it.
fn given_back(source: String, name: &str, subtotal: Cents, taxes: Vec<Tax>, inclusive: bool) -> Part {
    Part { taxes, inclusive, ..Part::plain(source, &format!("Refund: {name}"), -subtotal) }
}

/// The taxes of the line that is taken back, scaled to the tax that Shopify gave back.
fn scaled(taxes: Vec<Tax>, back: Cents, read: Reader) -> Vec<Tax> {
    if taxes.iter().map(|tax| tax.amount).sum::<Cents>() != 0 {
        return making(taxes, -back, read);
    }
    let unnamed = Tax { name: "Tax".to_owned(), percent: None, amount: -back, apart: false };
    if back == 0 { Vec::new() } else { vec![unnamed] }
}
