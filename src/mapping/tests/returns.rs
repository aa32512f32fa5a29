//! Row "refunds": money still on its way, money that never moves, goods that come back without any.

use super::{
    refunds::{SOLD, discrepancy, one_mug, paid},
    *,
};

#[test]
fn a_refund_under_way_waits_as_if_it_were_not_there() {
    let pending = |state: &str| {
        let refund = refund(8, &[one_mug()], "13.56").set("/transactions/0/status", state);
        mugs().refunded(refund).now("13.56")
    };
    let as_sold = [SOLD, "27.12 CAD", &paid("27.12")];
    let arrived = mugs().refunded(refund(8, &[one_mug()], "13.56")).now("13.56");
    check_books(&[
        ("pending", pending("PENDING"), but(|_| ()), &as_sold),
        ("awaiting an answer", pending("AWAITING_RESPONSE"), but(|_| ()), &as_sold),
        ("pending, and counted as a discrepancy", discrepancy(pending("PENDING"), "13.56"), but(|_| ()), &as_sold),
        ("arrived", arrived, but(|_| ()), &[SOLD, "1 Refund: Mug at -12.00 HST 13%", "13.56 CAD", &paid("13.56")]),
    ]);
}

#[test]
fn one_refund_under_way_does_not_hold_up_another() {
    let pending = refund(9, &[one_mug()], "13.56").set("/transactions/0/status", "PENDING");
    let order = mugs().refunded(refund(8, &[one_mug()], "13.56")).refunded(pending).now("0.00");
    let expected = [SOLD, "1 Refund: Mug at -12.00 HST 13%", "13.56 CAD", &paid("13.56")];
    for stated in ["0", "13.56"] {
        assert_eq!(books(&discrepancy(order.clone(), stated), &Settings::default()), expected, "discrepancy {stated}");
    }
}

#[test]
fn a_refund_that_failed_moved_no_money() {
    let failed = refund(8, &[one_mug()], "13.56").set("/transactions/0/status", "FAILURE");
    let order = mugs().refunded(failed).now("13.56");
    check_books(&[
        (
            "Shopify still owes it",
            discrepancy(order.clone(), "13.56"),
            but(|_| ()),
            &["1 Mug at 12.00 HST 13%", "1 Kept from refunds at 13.56", "27.12 CAD", &paid("27.12")],
        ),
        ("Shopify says nothing of it", order, but(|_| ()), &["waits: OVERPAID"]),
    ]);
}

#[test]
fn goods_exchanged_without_money_change_places_on_the_invoice() {
    let item = |name| item(name, "12.00", 1, "12.00", &[]);
    let order =
        order("12.00", &[item("Mug"), item("Cup")]).refunded(refund(8, &[back(1, 1, "12.00", "0")], "")).now("12.00");
    assert_eq!(books(&order, &Settings::default()), ["1 Cup at 12.00", "12.00 CAD", &paid("12.00")]);
}

#[test]
fn goods_exchanged_for_dearer_ones_leave_the_difference_outstanding() {
    let (mug, cup) = (item("Mug", "12.00", 1, "12.00", &[]), item("Cup", "15.00", 1, "15.00", &[]));
    let order = order("27.00", &[mug, cup])
        .paid(&[payment(5, "SALE", "12.00")])
        .refunded(refund(8, &[back(1, 1, "12.00", "0")], ""))
        .now("15.00");
    assert_eq!(books(&order, &Settings::default()), ["1 Cup at 15.00", "15.00 CAD", &paid("12.00")]);
}

#[test]
fn refund_lines_without_worth_leave_the_money_to_tell() {
    // Recorded so: the units are listed, their subtotal is 0.00, and 15.00 went back.
    let order = order("15.00", &[item("Mug", "15.00", 1, "15.00", &[])]).refunded(refund(
        8,
        &[back(1, 1, "0.00", "0.00")],
        "15.00",
    ));
    let expected = ["1 Mug at 15.00", "1 Refund without items at -15.00", "0.00 CAD", &paid("0.00")];
    assert_eq!(books(&discrepancy(order, "-15.00"), &Settings::default()), expected);
}

#[test]
fn a_refund_then_an_edit_then_its_money() {
    let three = order("40.68", &[item("Mug", "12.00", 3, "36.00", &[tax("HST", 0.13, "4.68")])]);
    let returned = three.refunded(refund(8, &[one_mug()], "13.56")).now("27.12");
    let edited = returned.clone().refunded(refund(9, &[one_mug()], "")).now("13.56");
    let settled = edited.clone().refunded(refund(10, &[], "13.56"));
    let (one, back) = ("2 Mug at 12.00 HST 13%", "1 Refund: Mug at -12.00 HST 13%");
    check_books(&[
        ("one came back", returned, but(|_| ()), &["3 Mug at 12.00 HST 13%", back, "27.12 CAD", &paid("27.12")]),
        ("another was edited away", edited, but(|_| ()), &["waits: OVERPAID"]),
        ("and its money sent", settled, but(|_| ()), &[one, back, "13.56 CAD", &paid("13.56")]),
    ]);
}
