//! What happened to an order later: refunds, edits, exchanges, cancellations.

use ml_connector::sandbox::shopify::{
    build::{Giving, amount, percent},
    currency::Minor,
    model::{Order, OrderCancelReason, OrderTransactionKind as Kind, OrderTransactionStatus as Status, Transaction},
};

use super::{
    dice::Dice,
    features::Feature,
    payments::{other_days_rate, rest, to_coins},
    sale::{price, text},
};

const REFUNDS: [Feature; 13] = [
    Feature::RefundUnits,
    Feature::RefundSeveral,
    Feature::RefundUnitsAndShipping,
    Feature::RefundShipping,
    Feature::RefundAmount,
    Feature::RefundOtherAmount,
    Feature::RefundPending,
    Feature::RefundArrived,
    Feature::RefundFailed,
    Feature::RefundTwoGateways,
    Feature::RefundWithoutMoney,
    Feature::RefundInCash,
    Feature::RefundAll,
];
const EDITS: [Feature; 5] = [
    Feature::EditRemoves,
    Feature::EditAdds,
    Feature::EditDiscounts,
    Feature::EditRemovesShipping,
    Feature::Recalculated,
];
const ENDINGS: [Feature; 3] = [Feature::Exchange, Feature::Cancelled, Feature::CancelledKeepingMoney];

/// One to four events.
pub(super) fn happen(mut order: Order, dice: &mut Dice) -> Order {
    let all: Vec<Feature> = [&REFUNDS[..], &EDITS, &ENDINGS].concat();
    for _ in 0..dice.one_of(&[1, 1, 1, 2, 2, 3, 4]) {
        let Some(event) = dice.pick(&all) else { continue };
        let edit = EDITS.contains(&event);
        if edit && !order.refunds.is_empty() {
            dice.note(Feature::RefundedThenEdited);
        } else if !edit && order.edited {
            dice.note(Feature::EditedThenRefunded);
        }
        order = if edit {
            edited(order, event, dice)
        } else if REFUNDS.contains(&event) {
            refunded(order, event, dice)
        } else {
            ended(order, event, dice)
        };
        if order.cancelled_at.is_some() {
            break;
        }
        order = settled(order, dice);
    }
    order
}

/// Any edit, at any time.
pub(super) fn edit(order: Order, dice: &mut Dice) -> Order {
    match dice.pick(&EDITS) {
        Some(event) => edited(order, event, dice),
        None => order,
    }
}

/// Shops mostly refund what an edit left over, and buyers mostly pay what it added.
fn settled(order: Order, dice: &mut Dice) -> Order {
    let outstanding = order.totals.total_outstanding.presentment;
    let paid = order.totals.net_payment.presentment > 0;
    if outstanding < 0 && paid && dice.has(Feature::OverpaymentRefunded) {
        order.refunded(Giving::nothing())
    } else if outstanding > 0 && paid && dice.has(Feature::RestPaid) {
        rest(order, "shopify_payments", dice)
    } else {
        order
    }
}

fn edited(order: Order, event: Feature, dice: &mut Dice) -> Order {
    // Nobody edits what was refunded in full.
    if order.totals.total_received.presentment > 0 && order.totals.net_payment.presentment == 0 {
        return order;
    }
    let at = pick_line(&order, dice);
    let left = order.lines[at].quantity - order.lines[at].gone;
    match event {
        Feature::EditRemoves if order.lines[at].duties.is_empty() => order.edit_removes(at, dice.between(1, left)),
        Feature::EditAdds => {
            let price = text(price(dice, order.presentment), order.presentment);
            order.edit_adds("Saucer", &price, dice.between(1, 3))
        }
        Feature::EditDiscounts if order.line_now(at).0 > 0 && !order.lines[at].gift_card && !order.lines[at].tip => {
            let worth = if dice.below(2) == 0 {
                percent("10")
            } else {
                amount(&text(dice.between(1, order.line_now(at).0), order.presentment))
            };
            order.edit_discounts(at, "Scratched", worth)
        }
        Feature::EditRemovesShipping if order.refunds.iter().all(|refund| refund.shipping.is_empty()) => {
            order.edit_removes_shipping()
        }
        Feature::Recalculated => order.taxes_recalculated("HST", dice.one_of(&["0.13", "0.15", "0.05"])),
        _ => order,
    }
}

fn refunded(order: Order, event: Feature, dice: &mut Dice) -> Order {
    let holds = held_by_last(&order);
    if holds <= 0 || order.totals.net_payment.presentment <= pending(&order) {
        return order;
    }
    let currency = order.presentment;
    let units = units(&order, dice);
    let dutiable = order.lines.iter().any(|line| !line.duties.is_empty());
    let shipping = text(dice.between(1, order.totals.current_shipping_price.presentment.max(1)), currency);
    let some = text(dice.between(1, holds), currency);
    let mut giving = match event {
        Feature::RefundSeveral => (0..order.lines.len()).fold(units, |giving, at| giving.units(at, 1)),
        Feature::RefundUnitsAndShipping => units.shipping(&shipping),
        Feature::RefundShipping if order.totals.current_shipping_price.presentment > 0 => {
            Giving::nothing().shipping(&shipping)
        }
        Feature::RefundAmount => Giving::nothing().money(&some),
        Feature::RefundOtherAmount => units.money(&some),
        Feature::RefundPending | Feature::RefundArrived => units.pending(),
        // What becomes of a duty when its units leave without money is not known.
        Feature::RefundFailed | Feature::RefundWithoutMoney if dutiable => return order,
        Feature::RefundFailed => units.all_shipping().failed(),
        Feature::RefundTwoGateways => to_both(units, &order, dice),
        Feature::RefundWithoutMoney => units.without_money(),
        Feature::RefundInCash => in_cash(units, &order),
        Feature::RefundAll => Giving::everything(),
        Feature::RefundUnits => units,
        _ => return order,
    };
    if order.currency != order.presentment {
        giving = giving.at_rate(&other_days_rate(&order, dice));
    }
    let order = order.refunded(giving);
    if event == Feature::RefundArrived { order.refund_arrives() } else { order }
}

fn ended(order: Order, event: Feature, dice: &mut Dice) -> Order {
    let reason = dice.one_of(&[OrderCancelReason::Customer, OrderCancelReason::Fraud, OrderCancelReason::Other]);
    match event {
        Feature::Exchange => {
            let order = edited(order, Feature::EditRemoves, dice);
            let order = edited(order, Feature::EditAdds, dice);
            if order.totals.total_outstanding.presentment > 0 { rest(order, "shopify_payments", dice) } else { order }
        }
        Feature::Cancelled if pending(&order) == 0 => order.cancelled(reason),
        Feature::CancelledKeepingMoney => order.cancelled_without_refund(reason),
        _ => order,
    }
}

fn pick_line(order: &Order, dice: &mut Dice) -> usize {
    usize::try_from(dice.below(order.lines.len() as u64)).unwrap()
}

fn units(order: &Order, dice: &mut Dice) -> Giving {
    let at = pick_line(order, dice);
    let left = order.lines[at].quantity - order.lines[at].gone;
    Giving::nothing().units(at, dice.between(1, left.max(1)))
}

/// A little to each of two payments; to one where there are no two.
fn to_both(giving: Giving, order: &Order, dice: &mut Dice) -> Giving {
    let mut paid: Vec<(&str, Minor)> =
        payments(order).map(|paid| (paid.gateway.as_str(), left_of(order, paid))).collect();
    paid.reverse();
    paid.dedup_by_key(|(gateway, _)| *gateway);
    paid.iter().filter(|(_, left)| *left > 0).take(2).fold(giving, |giving, (gateway, left)| {
        giving.money_to(gateway, &text(dice.between(1, *left), order.presentment))
    })
}

/// Rounded down to coins, so that no more goes back than came in.
fn in_cash(giving: Giving, order: &Order) -> Giving {
    let worth = order.clone().refunded(giving.clone()).totals.total_refunded.presentment
        - order.totals.total_refunded.presentment;
    giving.cash(&text(to_coins(worth, order.presentment).min(0), order.presentment))
}

fn payments(order: &Order) -> impl Iterator<Item = &Transaction> {
    let paid = |paid: &&Transaction| matches!(paid.kind, Kind::Sale | Kind::Capture) && paid.status == Status::Success;
    order.transactions.iter().filter(paid)
}

/// What a payment still holds.
fn left_of(order: &Order, paid: &Transaction) -> Minor {
    let back = order.transactions.iter().filter(|back| {
        matches!(back.kind, Kind::Refund | Kind::Change)
            && back.status != Status::Failure
            && back.parent == Some(paid.id)
    });
    paid.amount.presentment - back.map(|back| back.amount.presentment).sum::<Minor>()
}

fn held_by_last(order: &Order) -> Minor {
    payments(order).last().map_or(0, |paid| left_of(order, paid))
}

/// Money on its way back.
fn pending(order: &Order) -> Minor {
    let back = |back: &&Transaction| back.kind == Kind::Refund && back.status == Status::Pending;
    order.transactions.iter().filter(back).map(|back| back.amount.presentment).sum()
}
