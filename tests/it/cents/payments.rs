//! How the buyer paid, or did not.

use ml_connector::sandbox::shopify::{
    build::Draft,
    currency::{CurrencyCode, Minor},
    model::Order,
};
use rust_decimal::Decimal;

use super::{dice::Dice, features::Feature, later, sale::text};

const WAYS: [Feature; 18] = [
    Feature::PaidAtOnce,
    Feature::GiftCardAndCard,
    Feature::StoreCreditAndCard,
    Feature::ThreePayments,
    Feature::PartlyPaid,
    Feature::Promised,
    Feature::PromisedThenPaid,
    Feature::Declined,
    Feature::DeclinedThenPaid,
    Feature::Authorized,
    Feature::Captured,
    Feature::CapturedInPart,
    Feature::EditedThenCaptured,
    Feature::AuthorizationVoided,
    Feature::Unpaid,
    Feature::Cash,
    Feature::CashWithChange,
    Feature::TestTransaction,
];
const GATEWAYS: [&str; 5] = ["shopify_payments", "shopify_payments", "paypal", "manual", "Klarna"];

/// The order after the first attempts to pay it.
pub(super) fn pay(draft: Draft, dice: &mut Dice) -> Order {
    let mut order = draft.placed();
    if dice.has(Feature::UnknownRate) {
        order =
            order.with(|order| order.lines.iter_mut().flat_map(|line| &mut line.taxes).for_each(|tax| tax.rate = None));
    }
    if dice.has(Feature::EditedBeforePayment) {
        order = later::edit(order, dice);
    }
    let gateway = dice.one_of(&GATEWAYS);
    let total = order.totals.total_outstanding.presentment;
    match dice.pick(&WAYS) {
        Some(Feature::GiftCardAndCard) => rest(part(order, "gift_card", dice), gateway, dice),
        Some(Feature::StoreCreditAndCard) => rest(part(order, "shopify_store_credit", dice), gateway, dice),
        Some(Feature::ThreePayments) => {
            rest(part(part(order, "gift_card", dice), "shopify_store_credit", dice), gateway, dice)
        }
        Some(Feature::PartlyPaid) => part(order, gateway, dice),
        Some(Feature::Promised) => order.pending("Bank Deposit"),
        Some(Feature::PromisedThenPaid) => rest(order.pending("Bank Deposit"), "manual", dice),
        Some(Feature::Declined) => order.declined(gateway),
        Some(Feature::DeclinedThenPaid) => rest(order.declined(gateway), gateway, dice),
        Some(Feature::Authorized) => order.authorized(gateway),
        Some(Feature::Captured) => order.authorized(gateway).captured(None),
        Some(Feature::CapturedInPart) => {
            let some = text(dice.between(1, total), order.presentment);
            order.authorized(gateway).captured(Some(&some))
        }
        Some(Feature::EditedThenCaptured) => {
            let edited = later::edit(order.authorized(gateway), dice);
            let most = text(edited.totals.current_total_price.presentment, edited.presentment);
            edited.captured(Some(&most))
        }
        Some(Feature::AuthorizationVoided) => order.authorized(gateway).voided(),
        Some(Feature::Unpaid) => order,
        Some(Feature::Cash) => {
            let rounding = to_coins(total, order.presentment);
            order.clone().paid_cash(&text(rounding, order.presentment))
        }
        Some(Feature::CashWithChange) => {
            let change = text(dice.between(1, 2_000), order.presentment);
            order.paid_with_change(&change)
        }
        Some(Feature::TestTransaction) => order.paid_in_test_mode("bogus"),
        _ => rest(order, gateway, dice),
    }
}

/// All that is outstanding; in another currency often at another day's rate.
pub(super) fn rest(order: Order, gateway: &str, dice: &mut Dice) -> Order {
    if order.currency == order.presentment || !dice.has(Feature::OtherDaysRate) {
        return order.paid(gateway);
    }
    let rate = other_days_rate(&order, dice);
    order.paid_at_rate(gateway, &rate)
}

pub(super) fn other_days_rate(order: &Order, dice: &mut Dice) -> String {
    (order.rate * Decimal::new(dice.between(960, 1_040), 3)).round_dp(6).max(Decimal::new(1, 6)).to_string()
}

fn part(order: Order, gateway: &str, dice: &mut Dice) -> Order {
    let outstanding = order.totals.total_outstanding.presentment;
    let some = text(dice.between(0, outstanding - 1).max(0), order.presentment);
    order.paid_part(gateway, &some)
}

/// What rounding to the nearest five cents adds; nothing in currencies that have no cents.
pub(super) fn to_coins(amount: Minor, currency: CurrencyCode) -> Minor {
    if currency.digits() == 2 { (amount + 2).div_euclid(5) * 5 - amount } else { 0 }
}
