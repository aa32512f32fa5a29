//! What the laws ask of an order, taken from the sandbox's figures: what it is owed, and what was paid.

use ml_connector::{
    mapping::{Cents, settings::Basis},
    sandbox::shopify::{
        currency::{CurrencyCode, Minor},
        model::{Order, OrderTransactionKind as Kind, OrderTransactionStatus as Status},
    },
};

/// The figures of one order in one document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Law {
    /// The document's currency.
    pub(super) currency: CurrencyCode,
    /// What the order is owed, in hundredths; `None` where that takes a third decimal.
    pub(super) owed: Option<Cents>,
    /// What was received and not given back, in hundredths of the document's currency.
    pub(super) paid: Option<Cents>,
    /// More came in than the order is owed.
    pub(super) overpaid: bool,
}

impl Law {
    pub(super) fn of(order: &Order, basis: Basis) -> Self {
        let (owed, paid) = (owed(order), paid(order));
        let overpaid = paid > owed;
        if basis == Basis::Presentment || order.currency == order.presentment {
            let currency = order.presentment;
            return Self { currency, owed: cents(owed, currency), paid: cents(paid, currency), overpaid };
        }
        // A transaction's shop amount has its own day's rate: what counts is which part of the order it pays.
        let whole = if void(order) { 0 } else { order.owed() };
        let share = if owed == 0 { 0 } else { share(whole, paid, owed) };
        let currency = order.currency;
        Self { currency, owed: cents(whole, currency), paid: cents(share, currency), overpaid }
    }
}

/// Cancelled before any money came: nobody owes anything.
pub(super) fn void(order: &Order) -> bool {
    order.cancelled_at.is_some() && order.totals.total_received.presentment == 0
}

/// From the money side, in minor units of the buyer's currency: what was kept, is still to be paid, or is reserved. Negative
/// outstanding is money that is to go back.
fn owed(order: &Order) -> Minor {
    let totals = &order.totals;
    if void(order) {
        return 0;
    }
    let reserved = totals.total_capturable.presentment.min(totals.current_total_price.presentment);
    totals.net_payment.presentment + totals.total_outstanding.presentment + reserved
}

/// In minor units of the buyer's currency. What a test gateway claims never moved.
fn paid(order: &Order) -> Minor {
    let moved = order.transactions.iter().filter(|paid| paid.status == Status::Success && !paid.test);
    let sign = |kind| match kind {
        Kind::Sale | Kind::Capture => 1,
        Kind::Refund | Kind::Change => -1,
        _ => 0,
    };
    moved.map(|paid| sign(paid.kind) * paid.amount.presentment).sum()
}

/// Minor units as hundredths, FreshBooks' precision in every currency.
fn cents(minor: Minor, currency: CurrencyCode) -> Option<Cents> {
    match currency.digits() {
        0 => Some(minor * 100),
        2 => Some(minor),
        _ => (minor % 10 == 0).then_some(minor / 10),
    }
}

/// `whole * part / all`, half away from zero; none of them negative.
fn share(whole: Minor, part: Minor, all: Minor) -> Minor {
    let (whole, part, all) = (i128::from(whole), i128::from(part), i128::from(all));
    i64::try_from((2 * whole * part + all).div_euclid(2 * all)).unwrap()
}
