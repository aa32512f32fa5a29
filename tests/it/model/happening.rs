//! What may become of an order in the shop.

use ml_connector::sandbox::shopify::{
    build::{self, Giving},
    model::{
        Customer, Order, OrderCancelReason, OrderTransactionKind as Kind, OrderTransactionStatus as Status, Transaction,
    },
};
use rand::{Rng, rngs::StdRng};

/// A new order: paid, authorised, or neither.
pub(super) fn placed(number: i32, customer: Customer, dice: &mut StdRng) -> Order {
    let order = build::order(number)
        .line("Mug", "12.00", 3)
        .line("Plate", "7.35", 1)
        .shipping("Standard", "5.00")
        .tax("HST", "0.13")
        .customer(customer);
    match dice.random_range(0..5) {
        0 => order.placed(),
        1 => order.authorized("shopify_payments"),
        _ => order.paid("shopify_payments"),
    }
}

/// One more thing happens to the order, if only that somebody looked at it.
pub(super) fn next(order: Order, dice: &mut StdRng) -> (&'static str, Order) {
    let money = &order.totals;
    let (kept, open, reserved) =
        (money.net_payment.presentment, money.total_outstanding.presentment, money.total_capturable.presentment);
    // Nobody edits what was refunded in full.
    let over = order.cancelled_at.is_some() || (money.total_received.presentment > 0 && kept == 0);
    let units = order.lines[0].quantity - order.lines[0].gone;
    let before = order.clone();
    let (what, next) = match dice.random_range(0..10) {
        _ if over => ("is touched", order),
        0 => ("is touched", order),
        1 => ("is cancelled", order.cancelled(OrderCancelReason::Customer)),
        _ if reserved > 0 => ("is captured", order.captured(None)),
        2 | 3 if open > 0 => ("is paid", order.paid("shopify_payments")),
        4 if open > 1_000 => ("is paid in part", order.paid_part("gift_card", "5.00")),
        5 => ("gets one more line", order.edit_adds("Saucer", "4.40", 1)),
        6 if units > 1 => ("loses a unit", order.edit_removes(0, 1)),
        7 if open < 0 => ("is refunded what it is overpaid", order.refunded(Giving::nothing())),
        7 if open == 0 && units > 1 => ("is refunded a unit", order.refund_units(0, 1)),
        8 if open == 0 && kept > 300 => ("is refunded 3.00", order.refund_amount("3.00")),
        9 if open <= 0 && kept > 0 => ("is refunded in full", order.refund_all()),
        _ => ("is touched", order),
    };
    if is_possible(&next) { (what, next) } else { ("is touched", before) }
}

/// The merchant pays back what an edit left over.
pub(super) fn settled(order: Order) -> Order {
    if is_overpaid(&order) { order.refunded(Giving::nothing()) } else { order }
}

pub(super) fn is_overpaid(order: &Order) -> bool {
    order.totals.total_outstanding.presentment < 0
}

/// No payment gives back more than it brought.
fn is_possible(order: &Order) -> bool {
    let moved = |one: &&Transaction| one.status == Status::Success;
    let paid = |one: &&Transaction| matches!(one.kind, Kind::Sale | Kind::Capture);
    let back = |paid: &Transaction| -> i64 {
        let of_it = order.transactions.iter().filter(moved);
        let of_it = of_it.filter(|one| one.kind == Kind::Refund && one.parent == Some(paid.id));
        of_it.map(|one| one.amount.presentment).sum()
    };
    order.transactions.iter().filter(moved).filter(paid).all(|paid| back(paid) <= paid.amount.presentment)
}
