//! What each event does to the figures and the displayed status.

use super::{Draft, Giving, amount, order, percent};
use crate::sandbox::shopify::{
    currency::CurrencyCode,
    model::{
        CountryCode, Order, OrderAdjustmentDiscrepancyReason, OrderCancelReason, OrderDisplayFinancialStatus as Status,
    },
    tests::figures::agree,
};

/// 100.00 and 13.00 tax on two lamps.
fn lamps() -> Order {
    order(1).line("Lamp", "50.00", 2).tax("HST", "0.13").placed()
}

/// Status, current total, received, refunded, outstanding, discrepancy.
#[track_caller]
fn shows(order: &Order, status: Status, figures: [i64; 5]) {
    agree(order);
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

/// Two knives at 80.00 with 6.40 of duty taxed at 5 %, and a levy of 2.00 taxed at 10 %.
fn imported() -> Draft {
    let knives = order(1).line("Knife", "40.00", 2).duty("6.40", "8211.92", CountryCode::Jp).duty_tax("GST", "0.05");
    knives.fee("Levy", "2.00").fee_tax("GST", "0.05").fee_tax("PST", "0.05")
}

#[test]
fn duties_and_fees_are_taxed() {
    let placed = imported().tax("GST", "0.05").placed();
    agree(&placed);
    assert_eq!((placed.lines[0].duties[0].tax(), placed.fees[0].tax()), (32, 20));
    // 80.00 + 4.00, 6.40 + 0.32, 2.00 + 0.20; the three taxes of one name and rate are one.
    assert_eq!((placed.totals.total_price.presentment, placed.totals.total_tax.presentment), (9292, 452));
    let listed: Vec<_> = placed.tax_lines(false).into_iter().map(|tax| (tax.title, tax.price)).collect();
    assert_eq!(listed, [("GST".to_owned(), 442), ("PST".to_owned(), 10)]);

    let inside = imported().tax("GST", "0.05").inclusive().placed();
    agree(&inside);
    assert_eq!(inside.totals.total_price.presentment, 8000 + 640 + 200);
    assert_eq!((inside.lines[0].duties[0].tax(), inside.fees[0].tax()), (30, 18));
    for other in [imported().duties_included(), imported().tax_exempt(), imported().tax_on_order_only()] {
        let other = other.tax("GST", "0.05").placed();
        agree(&other);
        assert_eq!(other.lines[0].duties[0].tax(), 0);
    }
    assert_eq!(imported().tax_on_order_only().tax("GST", "0.05").placed().order_taxes.len(), 2);
}

#[test]
fn a_duty_goes_back_with_its_tax_and_a_fee_stays() {
    let paid = || imported().tax("GST", "0.05").paid("manual");
    // 84.00 and 6.72 go back, 2.20 stay.
    shows(&paid().refund_all(), Status::PartiallyRefunded, [220, 9292, 9072, 0, 0]);
    shows(&paid().refund_units(0, 2), Status::PartiallyRefunded, [892, 9292, 8400, 0, 0]);
    let duties_later = paid().refund_units(0, 2).refunded(Giving::nothing().all_duties());
    shows(&duties_later, Status::PartiallyRefunded, [220, 9292, 9072, 0, 0]);
    assert_eq!(duties_later.refunds[1].duties[0].1, 640);
    shows(&duties_later.refund_all(), Status::PartiallyRefunded, [220, 9292, 9072, 0, 0]);
    // A unit that an edit takes off takes its share of the duty along.
    let edited = paid().edit_removes(0, 1);
    shows(&edited, Status::Paid, [4200 + 336 + 220, 9292, 0, -4536, 0]);
    assert_eq!(edited.totals.current_total_duties.map(|bag| bag.presentment), Some(320));
    shows(&edited.refunded(Giving::nothing()), Status::PartiallyRefunded, [4756, 9292, 4536, 0, 0]);
}

#[test]
fn taxes_that_compound() {
    let lamp = || order(1).line("Lamp", "100.00", 1).shipping("Post", "10.00").tax("GST", "0.05").tax("QST", "0.1");
    let taxes = |order: &Order| {
        agree(order);
        let prices = |taxes: &[crate::sandbox::shopify::model::TaxLine]| taxes.iter().map(|tax| tax.price).collect();
        let [line, shipping]: [Vec<i64>; 2] = [prices(&order.lines[0].taxes), prices(&order.shipping[0].taxes)];
        (line, shipping, order.totals.total_price.presentment)
    };
    assert_eq!(taxes(&lamp().placed()), (vec![500, 1000], vec![50, 100], 12650));
    let compound = lamp().compound().paid("manual");
    assert_eq!(taxes(&compound), (vec![500, 1050], vec![50, 105], 12705));
    shows(&compound.refund_all(), Status::Refunded, [0, 12705, 12705, 0, 0]);
    // 100.00 = 86.58 × 1.05 × 1.1
    assert_eq!(taxes(&lamp().compound().inclusive().placed()), (vec![433, 909], vec![43, 91], 11000));
    let edited =
        lamp().compound().paid("manual").edit_adds("Bulb", "2.00", 1).edit_discounts(0, "Chipped", amount("50"));
    agree(&edited);
    let added: Vec<i64> = edited.lines[1].taxes.iter().map(|tax| tax.price).collect();
    let cheaper: Vec<i64> = edited.lines[0].taxes.iter().map(|tax| tax.price).collect();
    assert_eq!((cheaper, added), (vec![250, 525], vec![10, 21]));
}

#[test]
fn five_taxes_on_a_line() {
    let rates = ["0.04", "0.0225", "0.01", "0.00375", "0.0015"];
    let five =
        |draft: Draft| rates.iter().enumerate().fold(draft, |draft, (n, rate)| draft.tax(&format!("T{n}"), rate));
    let sold = |draft: Draft| five(draft.line("Mug", "33.33", 3).shipping("Post", "7.77")).paid("manual");
    for order in [sold(order(1)), sold(order(2).inclusive()), sold(order(3).compound())] {
        agree(&order);
        assert_eq!((order.lines[0].taxes.len(), order.tax_lines(false).len()), (5, 5));
        let back = order.refund_units(0, 1).refund_units(0, 1).refund_all();
        agree(&back);
        assert_eq!(back.totals.current_total_price.presentment, 0);
    }
}

#[test]
fn edits_and_refunds_in_any_order() {
    let paid = || order(1).line("Bowl", "9.97", 5).line("Cup", "7.35", 2).shipping("Post", "5.00").tax("HST", "0.13");
    let paid = || paid().discount_code("SAVE10", percent("10")).paid("manual");
    let events: [fn(Order) -> Order; 8] = [
        |order| order.refund_units(0, 1),
        |order| order.edit_removes(0, 1),
        |order| order.edit_removes(1, 1).refunded(Giving::nothing()),
        |order| order.edit_adds("Jug", "19.00", 1),
        |order| order.refund_shipping("1.00"),
        |order| order.refund_amount("1.00"),
        |order| order.refunded(Giving::nothing().units(1, 1).pending()),
        |order| order.paid("shopify_payments"),
    ];
    for first in events {
        for second in events {
            for third in events {
                let order = third(second(first(paid())));
                agree(&order);
                let all = order.refund_arrives().refund_all();
                agree(&all);
                assert_eq!(all.totals.current_total_price.presentment, 0);
            }
        }
    }
}

#[test]
fn a_refund_after_an_edit_after_a_refund() {
    let refunded = order(1).line("Bowl", "10.00", 4).tax("HST", "0.13").paid("manual").refund_units(0, 1);
    shows(&refunded, Status::PartiallyRefunded, [3390, 4520, 1130, 0, 0]);
    let edited = refunded.edit_removes(0, 1);
    shows(&edited, Status::PartiallyRefunded, [2260, 4520, 1130, -1130, 0]);
    assert_eq!((edited.lines[0].quantity, edited.lines[0].gone), (4, 2));
    // The refund of another unit leaves what the edit had left over; the next one settles it.
    let again = edited.refund_units(0, 1);
    shows(&again, Status::PartiallyRefunded, [1130, 4520, 2260, -1130, 0]);
    shows(&again.refunded(Giving::nothing()), Status::PartiallyRefunded, [1130, 4520, 3390, 0, 0]);
}

#[test]
fn store_credit_is_a_gateway_like_any_other() {
    let split = lamps().paid_from_store_credit("13.00").paid("shopify_payments");
    shows(&split, Status::Paid, [11300, 11300, 0, 0, 0]);
    let gateways: Vec<&str> = split.transactions.iter().map(|paid| paid.gateway.as_str()).collect();
    assert_eq!(gateways, ["shopify_store_credit", "shopify_payments"]);
    let back = lamps().paid("manual").refunded(Giving::nothing().units(0, 1).to_store_credit());
    shows(&back, Status::PartiallyRefunded, [5650, 11300, 5650, 0, 0]);
    let last = &back.transactions[1];
    assert_eq!((last.gateway.as_str(), last.parent), ("shopify_store_credit", Some(back.transactions[0].id)));
}
