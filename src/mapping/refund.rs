//! Refunds: what was given back, and in which document it shows.
//!
//! Three kinds of refund record must be told apart. Money moved: it is recorded, by the policy of the settings. Money still moving: it
//! waits, as if it were not there. No money at all (an edit removed units, goods came back in an exchange): the units simply leave the
//! invoice.

mod goods;

use self::goods::parts;
use crate::{
    mapping::{
        Cents, Refusal,
        amount::{Reader, unit},
        part::{Part, View, total},
        settings::{LateChanges, Refunds},
    },
    shopify::model::{Gid, LineItem, Order, Refund, ShippingLine, TransactionKind, TransactionStatus},
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
    /// The money given back.
    pub(super) given: Cents,
}

impl Refunded {
    pub(super) fn is_adjusted(&self) -> bool {
        self.policy == Refunds::Adjust
    }

    /// Goods less money: positive where something was kept, negative where more was given.
    fn kept(&self) -> Cents {
        -total(&self.parts) - self.given
    }

    /// What a credit note for it says: positive, goods and what was given beside them.
    pub(super) fn credited(&self, source: &str) -> Vec<Part> {
        let mut parts: Vec<Part> = self.parts.iter().cloned().map(Part::reversed).collect();
        if self.kept() != 0 {
            parts.push(beside(format!("refunds[{source}]"), self.kept()).reversed());
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
fn policy(number: i64, view: View<'_>) -> Refunds {
    let View { settings, booked, .. } = view;
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

/// Some of its money is still to move: all of it waits.
pub(super) fn is_under_way(refund: &Refund) -> bool {
    progress(refund) == Progress::Moving
}

fn is_test(order: &Order, refund: &Refund) -> bool {
    let of_order = |id: &Gid| order.transactions.iter().find(|transaction| transaction.id == *id);
    refund.transactions.iter().any(|own| of_order(&own.id).is_some_and(|transaction| transaction.test))
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

/// What left `item` without money, as Shopify states it: units, their amount after discounts, their tax.
pub(super) fn left_without_money(view: View<'_>, item: &LineItem) -> Result<(i64, Cents, Cents), Refusal> {
    let (mut units, mut amount, mut tax) = (0, 0, 0);
    let refunds = view.order.refunds.iter().filter(|refund| progress(refund) == Progress::None);
    for line in refunds.flat_map(|refund| &refund.refund_line_items).filter(|line| line.line_item.id == item.id) {
        units += line.quantity;
        amount += view.read.cents("subtotalSet", &line.subtotal_set)?;
        tax += view.read.cents("totalTaxSet", &line.total_tax_set)?;
    }
    Ok((units, amount, tax))
}

/// What was taken off a shipping line without money: the amount after discounts, its tax.
pub(super) fn shipping_without_money(view: View<'_>, shipping: &ShippingLine) -> Result<(Cents, Cents), Refusal> {
    let (mut amount, mut tax) = (0, 0);
    let refunds = view.order.refunds.iter().filter(|refund| progress(refund) == Progress::None);
    for line in refunds.flat_map(|refund| &refund.refund_shipping_lines) {
        if line.shipping_line.as_ref().is_some_and(|name| name.id == shipping.id) {
            amount += view.read.cents("subtotalAmountSet", &line.subtotal_amount_set)?;
            tax += view.read.cents("taxAmountSet", &line.tax_amount_set)?;
        }
    }
    Ok((amount, tax))
}

/// What an order's refunds make of its totals.
pub(super) struct Corrections {
    /// Law 2's owed total: Shopify's current one, corrected by what it leaves out or takes off too early.
    pub(super) owed: Cents,
    /// Money refunded beside what was given back (negative), or kept although it was given back, as far as the invoice shows it.
    pub(super) on_invoice: Cents,
    /// Refunds whose money has moved.
    pub(super) refunds: Vec<Refunded>,
}

/// Reads the order's refunds.
pub(super) fn corrections(view: View<'_>) -> Result<Corrections, Refusal> {
    let View { order, read, .. } = view;
    let (pending, mut refunds) = pending_and_moved(view)?;
    lower_payments(view, &mut refunds)?;
    let owed = owed(view, pending)?;
    if read.is_foreign(order) {
        take_shares(view, owed, pending, &mut refunds)?;
    }
    let elsewhere: Cents = refunds.iter().filter(|refund| !refund.is_adjusted()).map(Refunded::kept).sum();
    let on_invoice = discrepancy(view, pending)? - elsewhere;
    // What was converted one by one need not add up to the converted sum; cents of it are rounding, not a refund.
    let cents = Cents::try_from(order.refunds.len()).unwrap_or_default() * unit(read.currency(order));
    let is_rounding = read.is_foreign(order) && on_invoice.abs() <= cents;
    Ok(Corrections { owed, on_invoice: if is_rounding { 0 } else { on_invoice }, refunds })
}

/// Money that had come in beyond what is owed (paid twice, or paid before an edit took something off) goes back without being a refund of
/// anything sold: the total does not know it. Whatever the policy, the payment is lowered by it.
fn lower_payments(view: View<'_>, refunds: &mut [Refunded]) -> Result<(), Refusal> {
    if refunds.iter().all(Refunded::is_adjusted) {
        return Ok(());
    }
    let shares = view.in_shares();
    let (pending, exact) = pending_and_moved(shares)?;
    let mut beyond = discrepancy(shares, pending)? - exact.iter().map(Refunded::kept).sum::<Cents>();
    for (refund, exact) in refunds.iter_mut().zip(exact).filter(|(refund, _)| !refund.is_adjusted()) {
        let is_new = !view.booked.credited.contains_key(&refund.number);
        if is_new && exact.parts.is_empty() && exact.given <= beyond {
            beyond -= exact.given;
            refund.policy = Refunds::Adjust;
        }
    }
    Ok(())
}

/// A transaction has its own day's exchange rate, so what was given back is told by its share in the buyer's money: of what the refunds
/// make of Shopify's totals where that is all that they do, else of what is owed; of that also where all that was paid went back, so that
/// payments and credit notes end at nothing.
fn take_shares(view: View<'_>, owed: Cents, pending: Cents, refunds: &mut [Refunded]) -> Result<(), Refusal> {
    let (order, shares) = (view.order, view.in_shares());
    let (under_way, exact) = pending_and_moved(shares)?;
    let explained = !order.net_payment_set.presentment_money.amount.is_zero()
        && refunds.iter().all(|refund| !refund.is_adjusted())
        && discrepancy(shares, under_way)? == exact.iter().map(Refunded::kept).sum::<Cents>();
    let (whole, all) = if explained {
        let goods = -refunds.iter().map(|refund| total(&refund.parts)).sum::<Cents>();
        (goods - discrepancy(view, pending)?, exact.iter().map(|refund| refund.given).sum())
    } else {
        (owed, self::owed(shares, under_way)?)
    };
    let price = |view: View<'_>| view.read.cents("totalPriceSet", &order.total_price_set);
    let (whole, all) = if all == 0 { (price(view)?, price(shares)?) } else { (whole, all) };
    let (mut seen, mut given) = (0, 0);
    for (refund, exact) in refunds.iter_mut().zip(exact).filter(|(refund, _)| !refund.is_adjusted()) {
        seen += exact.given;
        let up_to_here = view.read.share(whole, seen, all);
        refund.given = up_to_here - given;
        given = up_to_here;
    }
    Ok(())
}

fn owed(view: View<'_>, pending: Cents) -> Result<Cents, Refusal> {
    let View { order, read, .. } = view;
    let current = read.cents("currentTotalPriceSet", &order.current_total_price_set)?;
    Ok(current + discrepancy(view, pending)? + cash_rounding(view)? + pending)
}

/// What rounding to coins added to the payment, less what it added to the refund.
pub(super) fn cash_rounding(view: View<'_>) -> Result<Cents, Refusal> {
    let rounding = &view.order.total_cash_rounding_adjustment;
    Ok(view.read.cents("cash rounding", &rounding.payment_set)?
        - view.read.cents("cash rounding", &rounding.refund_set)?)
}

/// Suggested less actual refunds, without those under way. Whether Shopify counts these is not documented: the refunds themselves tell, in
/// the buyer's money, for in the shop's a refund's transactions have a rate of their own.
fn discrepancy(view: View<'_>, pending: Cents) -> Result<Cents, Refusal> {
    let stated = |view: View<'_>| view.read.cents("refundDiscrepancySet", &view.order.refund_discrepancy_set);
    if pending == 0 {
        return stated(view);
    }
    let shares = view.in_shares();
    let (under_way, moved) = pending_and_moved(shares)?;
    let beyond = stated(shares)? - moved.iter().map(Refunded::kept).sum::<Cents>();
    let counted = (beyond - under_way).abs() <= beyond.abs();
    Ok(if counted { stated(view)? - pending } else { stated(view)? })
}

/// What pending refunds take off, and the refunds whose money has moved.
fn pending_and_moved(view: View<'_>) -> Result<(Cents, Vec<Refunded>), Refusal> {
    let (mut pending, mut moved) = (0, Vec::new());
    for (index, refund) in view.order.refunds.iter().enumerate() {
        match progress(refund) {
            Progress::Moving => pending -= total(&parts(view, refund)?),
            Progress::Moved => {
                let number = refund.id.number().unwrap_or_default();
                // What a test gateway claims to have given back was never booked as received: the goods leave the invoice, no more.
                let policy = if is_test(view.order, refund) { Refunds::Adjust } else { policy(number, view) };
                let (parts, given) = (parts(view, refund)?, given(refund, view.read)?);
                moved.push(Refunded { number, index, policy, parts, given });
            }
            Progress::None => {}
        }
    }
    Ok((pending, moved))
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
