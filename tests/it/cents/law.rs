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
    /// Money of refunds that have wholly moved, in hundredths; `None` where the document's currency tells only its share.
    pub(super) refunded: Option<Cents>,
    /// More came in than the order is owed.
    pub(super) overpaid: bool,
}

impl Law {
    pub(super) fn of(order: &Order, basis: Basis) -> Self {
        let (owed, paid) = (owed(order), paid(order));
        let overpaid = paid > owed;
        if basis == Basis::Presentment || order.currency == order.presentment {
            let (currency, refunded) = (order.presentment, cents(refunded(order), order.presentment));
            return Self { currency, owed: cents(owed, currency), paid: cents(paid, currency), refunded, overpaid };
        }
        // A transaction's shop amount has its own day's rate: what counts is which part of the order it pays.
        let whole = if void(order) { 0 } else { order.owed() };
        let share = if owed == 0 { 0 } else { share(whole, paid, owed) };
        let currency = order.currency;
        let refunded = (refunded(order) == 0).then_some(0);
        Self { currency, owed: cents(whole, currency), paid: cents(share, currency), refunded, overpaid }
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

/// Money of refunds none of whose transactions is still under way or a test's, in minor units of the buyer's currency.
fn refunded(order: &Order) -> Minor {
    let of = |ids: &[u64]| {
        let ids = ids.to_vec();
        order.transactions.iter().filter(move |paid| paid.kind == Kind::Refund && ids.contains(&paid.id))
    };
    let moved = order
        .refunds
        .iter()
        .filter(|refund| of(&refund.transactions).all(|paid| paid.status != Status::Pending && !paid.test));
    moved
        .flat_map(|refund| of(&refund.transactions))
        .filter(|paid| paid.status == Status::Success)
        .map(|paid| paid.amount.presentment)
        .sum()
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
