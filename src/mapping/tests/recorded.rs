//! What Shopify was seen to do, rebuilt from the figures alone, and what the books must then show.
//!
//! The orders, rates and amounts are those of recordings against a live test shop (API versions 2025-01 and 2026-04); everything else is
//! made up.

use serde_json::json;

use super::{
    settings::{Basis, InvoiceWhen, Refunds},
    *,
};

fn in_dollars(shop: &str, buyer: &str) -> Value {
    bags(shop, "CAD", buyer, "USD")
}

/// A shop in Canada sold for 9.00 US dollars: 8.00 and 12.5 % tax, at 1.5 in the shop's money.
fn sold_abroad() -> Value {
    let line = item("Lamp", "8.00", 1, "8.00", &[tax("Sales tax", 0.125, "1.00")]);
    order("9.00", &[line]).abroad("1.5").set("/transactions", json!([]))
}

/// It was marked as paid on another day: 9.00 US dollars were 12.77 in the shop's money then, not 13.50.
fn paid_abroad() -> Value {
    let sale = payment(5, "SALE", "0").set("/gateway", "manual").set("/amountSet", in_dollars("12.77", "9.00"));
    sold_abroad().paid(&[sale])
}

/// Then 5.00 US dollars went back for nothing in particular: 7.10 in the shop's money by the refund. Whether the order's own sum says
/// so, or 7.50 by its own rate, was not recorded.
fn refunded_abroad(discrepancy: &str) -> Value {
    let money = in_dollars("7.10", "5.00");
    let refund = refund(8, &[], "0").set("/transactions/0/amountSet", money.clone());
    paid_abroad().refunded(refund).set("/refundDiscrepancySet", in_dollars(discrepancy, "-5.00"))
}

#[test]
fn two_currencies_a_payment_at_its_own_rate_and_a_refund_at_another() {
    let buyers = || but(|settings| settings.currency = Basis::Presentment);
    let (shop, buyer) = ("1 Lamp at 12.00 Sales tax 12.5%", "1 Lamp at 8.00 Sales tax 12.5%");
    let back = "1 Refund without items at";
    let paid = |amount: &str| format!("paid {amount} on 2026-11-19 as Other");
    let table: [(&str, Value, Settings, &[&str]); 8] = [
        ("sold", sold_abroad(), but(|_| ()), &[shop, "13.50 CAD", "outstanding 13.50 CAD"]),
        ("paid", paid_abroad(), but(|_| ()), &[shop, "13.50 CAD", &paid("13.50 CAD"), "outstanding 0.00 CAD"]),
        (
            "refunded at the refund's rate",
            refunded_abroad("-7.10"),
            but(|_| ()),
            &[shop, &format!("{back} -7.10"), "6.40 CAD", &paid("6.40 CAD"), "outstanding 0.00 CAD"],
        ),
        (
            "refunded at the order's rate",
            refunded_abroad("-7.50"),
            but(|_| ()),
            &[shop, &format!("{back} -7.50"), "6.00 CAD", &paid("6.00 CAD"), "outstanding 0.00 CAD"],
        ),
        (
            "refunded, by credit note",
            refunded_abroad("-7.10"),
            but(|settings| settings.refunds = Refunds::CreditNote),
            &[
                shop,
                "13.50 CAD",
                &paid("13.50 CAD"),
                "credit note on 2026-11-21",
                &format!("{back} 7.10"),
                "7.10 CAD",
                "outstanding 0.00 CAD",
            ],
        ),
        ("sold, in the buyer's money", sold_abroad(), buyers(), &[buyer, "9.00 USD", "outstanding 9.00 USD"]),
        ("paid", paid_abroad(), buyers(), &[buyer, "9.00 USD", &paid("9.00 USD"), "outstanding 0.00 USD"]),
        (
            "refunded",
            refunded_abroad("-7.10"),
            buyers(),
            &[buyer, &format!("{back} -5.00"), "4.00 USD", &paid("4.00 USD"), "outstanding 0.00 USD"],
        ),
    ];
    for (what, order, settings, expected) in table {
        assert_eq!(outstanding(&order, &settings), expected, "{what}");
    }
}

#[test]
fn one_of_two_units_and_the_shipping_go_back() {
    // Two at 10.00 and 5.00 shipping were paid by hand, 25.00; one unit and the shipping went back, 15.00.
    let shipping_line = json!([{"subtotalAmountSet": bag("5.00"), "taxAmountSet": bag("0"),
        "shippingLine": {"id": "gid://shopify/ShippingLine/31", "title": "Post"}}]);
    let order = order("25.00", &[item("Cup", "10.00", 2, "20.00", &[])])
        .shipped(shipping("Post", "5.00", &[]))
        .paid(&[payment(5, "SALE", "25.00").set("/gateway", "manual")])
        .refunded(refund(8, &[back(1, 1, "10.00", "0")], "15.00").set("/refundShippingLines", shipping_line))
        .now("10.00")
        .set("/displayFinancialStatus", "PARTIALLY_REFUNDED");
    let expected = [
        "2 Cup at 10.00",
        "1 Shipping: Post at 5.00",
        "1 Refund: Cup at -10.00",
        "1 Refund: Post at -5.00",
        "10.00 CAD",
        "paid 10.00 CAD on 2026-11-19 as Other",
        "outstanding 0.00 CAD",
    ];
    assert_eq!(outstanding(&order, &Settings::default()), expected);
    let credit = but(|settings| settings.refunds = Refunds::CreditNote);
    let note = ["credit note on 2026-11-21", "1 Refund: Cup at 10.00", "1 Refund: Post at 5.00", "15.00 CAD"];
    assert_eq!(books(&order, &credit)[4..], note);
}

#[test]
fn an_edit_that_takes_a_unit_off_leaves_quantity_and_tax_lines_as_they_were() {
    // Two at 100.00 with 26.00 tax: the line still says 2 and 26.00 after the edit, the order says 113.00.
    let sold = order("226.00", &[item("Chair", "100.00", 2, "200.00", &[tax("HST", 0.13, "26.00")])]).unpaid();
    let edited =
        sold.clone().refunded(refund(8, &[back(1, 1, "100.00", "13.00")], "")).now("113.00").set("/edited", true);
    let without_record = sold.clone().left(1, 1).now("113.00").set("/edited", true);
    let one = ["1 Chair at 100.00 HST 13%", "113.00 CAD", "outstanding 113.00 CAD"];
    assert_eq!(
        outstanding(&sold, &Settings::default()),
        ["2 Chair at 100.00 HST 13%", "226.00 CAD", "outstanding 226.00 CAD"]
    );
    assert_eq!(outstanding(&edited, &Settings::default()), one);
    assert_eq!(outstanding(&without_record, &Settings::default()), one);
}

#[test]
fn an_edit_that_grants_a_discount_moves_the_original_total_too() {
    let order =
        order("80.00", &[item("Chair", "100.00", 1, "100.00", &[]).off("20.00", 1)]).unpaid().set("/edited", true);
    let expected = ["1 Chair at 100.00", "1 Discount Summer at -20.00", "80.00 CAD", "outstanding 80.00 CAD"];
    assert_eq!(outstanding(&order, &Settings::default()), expected);
}

#[test]
fn a_paid_order_that_is_cancelled_with_a_refund_is_worth_nothing() {
    // Two units for 20.00, paid by hand, cancelled with the money sent back: the present total is 0, received and refunded are 20.00.
    let order = order("20.00", &[item("Vase", "10.00", 2, "20.00", &[])])
        .paid(&[payment(5, "SALE", "20.00").set("/gateway", "manual")])
        .refunded(refund(8, &[back(1, 2, "20.00", "0")], "20.00"))
        .now("0")
        .cancelled()
        .set("/displayFinancialStatus", "REFUNDED");
    let expected = [
        "2 Vase at 10.00",
        "1 Refund: Vase at -20.00",
        "0.00 CAD",
        "paid 0.00 CAD on 2026-11-19 as Other",
        "outstanding 0.00 CAD",
    ];
    assert_eq!(outstanding(&order, &Settings::default()), expected);
    assert_eq!(
        books_after(&order, &Settings::default(), &invoiced(|_| ())),
        expected[..4],
        "after it was invoiced too"
    );
}

#[test]
fn an_unpaid_order_that_is_cancelled_owes_nothing() {
    // The recordings' own clean-up: units restocked, nothing was ever paid, the status is void.
    let order = order("13.50", &[item("Lamp", "13.50", 1, "13.50", &[])])
        .unpaid()
        .refunded(refund(8, &[back(1, 1, "13.50", "0")], ""))
        .now("0")
        .cancelled()
        .set("/displayFinancialStatus", "VOIDED");
    assert_eq!(books(&order, &Settings::default()), ["skipped: CANCELLED_BEFORE_INVOICE"]);
    assert_eq!(books_after(&order, &Settings::default(), &invoiced(|_| ())), ["voided"]);
}

#[test]
fn an_order_without_any_status_is_marked_as_paid() {
    // 12.50 outstanding and no status at all; then a sale by hand over all of it.
    let sold =
        order("12.50", &[item("Bowl", "12.50", 1, "12.50", &[])]).unpaid().set("/displayFinancialStatus", Value::Null);
    let sale = payment(5, "SALE", "12.50").set("/gateway", "manual");
    let paid = sold.clone().paid(&[sale]).set("/totalReceivedSet", bag("12.50")).set("/displayFinancialStatus", "PAID");
    let once_paid = but(|settings| settings.invoice_when = InvoiceWhen::Paid);
    let settled = ["1 Bowl at 12.50", "12.50 CAD", "paid 12.50 CAD on 2026-11-19 as Other", "outstanding 0.00 CAD"];
    assert_eq!(outstanding(&sold, &Settings::default()), ["1 Bowl at 12.50", "12.50 CAD", "outstanding 12.50 CAD"]);
    assert_eq!(books(&sold, &once_paid), ["waits: NOT_PAID_YET"]);
    assert_eq!(outstanding(&paid, &Settings::default()), settled);
    assert_eq!(outstanding(&paid, &once_paid), settled);
}

#[test]
fn an_order_abroad_is_marked_as_paid_at_its_own_rate() {
    // 12.50 US dollars were 17.01 in the shop's money, in the order and in the sale alike.
    let both = || in_dollars("17.01", "12.50");
    let bowl = item("Bowl", "0", 1, "0", &[]).set("/originalTotalSet", both());
    let mut order =
        order("0", &[bowl]).paid(&[payment(5, "SALE", "0").set("/gateway", "manual").set("/amountSet", both())]);
    for sum in ["totalPriceSet", "currentTotalPriceSet", "totalReceivedSet"] {
        order[sum] = both();
    }
    let order = order.set("/presentmentCurrencyCode", "USD");
    let expected = ["1 Bowl at 17.01", "17.01 CAD", "paid 17.01 CAD on 2026-11-19 as Other", "outstanding 0.00 CAD"];
    assert_eq!(outstanding(&order, &Settings::default()), expected);
}
