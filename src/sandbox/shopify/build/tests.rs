//! What each event does to the figures and the displayed status.

use super::{Giving, amount, order, percent};
use crate::sandbox::shopify::{
    currency::CurrencyCode,
    model::{Order, OrderAdjustmentDiscrepancyReason, OrderCancelReason, OrderDisplayFinancialStatus as Status},
};

/// 100.00 and 13.00 tax on two lamps.
fn lamps() -> Order {
    order(1).line("Lamp", "50.00", 2).tax("HST", "0.13").placed()
}

/// Status, current total, received, refunded, outstanding, discrepancy.
#[track_caller]
fn shows(order: &Order, status: Status, figures: [i64; 5]) {
    let sums = &order.totals;
    assert_eq!(order.financial_status, Some(status));
    let found = [
        sums.current_total_price,
        sums.total_received,
        sums.total_refunded,
        sums.total_outstanding,
        sums.refund_discrepancy,
    ];
    assert_eq!(found.map(|bag| bag.presentment), figures);
}

#[test]
fn money_that_comes_in() {
    shows(&lamps(), Status::Pending, [11300, 0, 0, 11300, 0]);
    shows(&lamps().paid("manual"), Status::Paid, [11300, 11300, 0, 0, 0]);
    shows(&lamps().paid_part("gift_card", "13.00"), Status::PartiallyPaid, [11300, 1300, 0, 10000, 0]);
    shows(&lamps().paid_part("gift_card", "13.00").paid("shopify_payments"), Status::Paid, [11300, 11300, 0, 0, 0]);
    shows(&lamps().authorized("shopify_payments"), Status::Authorized, [11300, 0, 0, 0, 0]);
    shows(&lamps().authorized("shopify_payments").captured(None), Status::Paid, [11300, 11300, 0, 0, 0]);
    shows(&lamps().authorized("shopify_payments").voided(), Status::Voided, [11300, 0, 0, 11300, 0]);
    shows(&lamps().declined("shopify_payments"), Status::Pending, [11300, 0, 0, 11300, 0]);
    shows(&lamps().pending("Bank Deposit"), Status::Pending, [11300, 0, 0, 11300, 0]);
    let free =
        order(2).line("Lamp", "50.00", 1).discount_code("GRATIS", percent("100")).tax("HST", "0.13").paid("manual");
    shows(&free, Status::Paid, [0; 5]);
    assert!(free.transactions.is_empty());
}

#[test]
fn money_that_goes_back() {
    let paid = || lamps().paid("manual");
    shows(&paid().refund_units(0, 1), Status::PartiallyRefunded, [5650, 11300, 5650, 0, 0]);
    shows(&paid().refund_all(), Status::Refunded, [0, 11300, 11300, 0, 0]);
    shows(&paid().refund_amount("5.00"), Status::PartiallyRefunded, [11300, 11300, 500, 0, -500]);
    shows(&paid().refunded(Giving::nothing().units(0, 1).without_money()), Status::Paid, [5650, 11300, 0, 0, 5650]);
    let pending = paid().refunded(Giving::nothing().units(0, 1).pending());
    shows(&pending, Status::Paid, [5650, 11300, 0, 0, 5650]);
    let reason = pending.refunds[0].adjustments[0].reason;
    assert_eq!(reason, Some(OrderAdjustmentDiscrepancyReason::PendingRefundDiscrepancy));
    shows(&pending.refund_arrives(), Status::PartiallyRefunded, [5650, 11300, 5650, 0, 0]);
    shows(&paid().cancelled(OrderCancelReason::Other), Status::Refunded, [0, 11300, 11300, 0, 0]);
    shows(&lamps().cancelled(OrderCancelReason::Other), Status::Voided, [0; 5]);
    let split = lamps().paid_part("gift_card", "13.00").paid("manual").refund_all();
    let back: Vec<i64> = split.transactions.iter().skip(2).map(|paid| paid.amount.presentment).collect();
    assert_eq!(back, [10000, 1300]);
}

#[test]
fn edits_as_recorded() {
    // A unit removed: the total stays at 113, the current one halves, the line keeps quantity and tax.
    let removed = lamps().paid("manual").edit_removes(0, 1);
    shows(&removed, Status::Paid, [5650, 11300, 0, -5650, 0]);
    assert_eq!(removed.totals.total_price.presentment, 11300);
    assert_eq!(removed.totals.current_total_tax.presentment, 650);
    assert_eq!((removed.lines[0].quantity, removed.lines[0].gone, removed.lines[0].tax()), (2, 1, 1300));
    assert!(removed.refunds[0].transactions.is_empty() && removed.edited);
    shows(&removed.refunded(Giving::nothing()), Status::PartiallyRefunded, [5650, 11300, 5650, 0, 0]);

    // A discount added: the total moves, the original one does not.
    let cheaper = order(2).line("Lamp", "100.00", 1).placed().edit_discounts(0, "Scratched", amount("20.00"));
    assert_eq!(cheaper.totals.total_price.presentment, 8000);
    assert_eq!(cheaper.totals.original_total_price.presentment, 10000);

    let more = lamps().paid("manual").edit_adds("Bulb", "2.00", 1);
    shows(&more, Status::PartiallyPaid, [11526, 11300, 0, 226, 0]);
}

#[test]
fn units_refunded_one_by_one_give_all_of_it_to_the_cent() {
    let odd =
        order(1).line("Bowl", "9.97", 3).discount_code("SAVE", percent("10")).tax("GST", "0.05").tax("QST", "0.09975");
    let mut odd = odd.paid("manual");
    for _ in 0..3 {
        odd = odd.refund_units(0, 1);
    }
    let total = odd.totals.total_price.presentment;
    shows(&odd, Status::Refunded, [0, total, total, 0, 0]);
}

#[test]
fn tax_inside_the_price() {
    let uk = order(1).line("Mug", "12.00", 2).discount_code("SAVE10", percent("10")).shipping("Post", "6.00");
    let uk = uk.inclusive().tax("VAT", "0.2").paid("manual");
    assert_eq!((uk.lines[0].gross(), uk.lines[0].tax(), uk.shipping[0].tax()), (2160, 360, 100));
    assert_eq!((uk.totals.total_price.presentment, uk.totals.total_tax.presentment), (2760, 460));
}

#[test]
fn each_figure_is_converted_by_itself() {
    let beads =
        (0..9).fold(order(1), |draft, _| draft.line("Bead", "0.33", 1)).sold_in(CurrencyCode::Usd, "1.3742").placed();
    assert_eq!(beads.totals.total_price.shop, 408);
    assert_eq!(beads.lines.iter().map(|line| beads.bag(line.gross()).shop).sum::<i64>(), 405);
}

#[test]
fn cash_is_rounded_outside_the_total() {
    let cash = order(1).line("Tea towel", "7.35", 1).walk_in().tax("HST", "0.13").placed().paid_cash("-0.01");
    shows(&cash, Status::Paid, [831, 830, 0, 0, 0]);
}
