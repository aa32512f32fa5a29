//! Rows "order edited" and "cancelled": the wanted document is worked out anew.

use super::{settings::Cancelled, *};

const PAID: &str = "paid 27.12 CAD on 2026-11-19 as Credit Card";

fn hst(amount: &str) -> Value {
    tax("HST", 0.13, amount)
}

#[test]
fn a_line_that_was_added_is_there_and_outstanding() {
    let pot = item("Pot", "10.00", 1, "10.00", &[hst("1.30")]);
    let order =
        order("38.42", &[item("Mug", "12.00", 2, "24.00", &[hst("3.12")]), pot]).paid(&[payment(5, "SALE", "27.12")]);
    let expected = ["2 Mug at 12.00 HST 13%", "1 Pot at 10.00 HST 13%", "38.42 CAD", PAID];
    assert_eq!(books(&order, &Settings::default()), expected);
}

#[test]
fn units_that_were_removed_leave_with_their_share_of_everything() {
    let three = || item("Mug", "10.00", 3, "30.00", &[hst("3.51")]).off("3.00", 0);
    let thirds = order("11.30", &[item("Mug", "3.33", 3, "10.00", &[hst("1.30")])]).unpaid();
    let two_lines = || {
        order(
            "40.68",
            &[item("Mug", "12.00", 2, "24.00", &[hst("3.12")]), item("Pot", "12.00", 1, "12.00", &[hst("1.56")])],
        )
    };
    let with_duty = item("Coat", "100.00", 2, "200.00", &[]).set("/duties", vec![duty("20.00", &[])]);
    check_invoices(&[
        ("one of two", mugs().unpaid().left(1, 1).now("13.56"), but(|_| ()), &["1 Mug at 12.00 HST 13%", "13.56 CAD"]),
        (
            "with its discount",
            order("30.51", &[three()]).unpaid().left(1, 2).now("20.34"),
            but(|_| ()),
            &["2 Mug at 10.00 HST 13%", "1 Discount SAVE10 at -2.00 HST 13%", "20.34 CAD"],
        ),
        (
            "of what does not divide: 3.33 and 0.43 go",
            thirds.left(1, 2).now("7.54"),
            but(|_| ()),
            &["1 Mug at 6.67 HST 13%", "7.54 CAD"],
        ),
        (
            "with its duty",
            order("220.00", &[with_duty]).unpaid().left(1, 1).now("110.00"),
            but(|_| ()),
            &["1 Coat at 100.00", "1 Duty: Coat at 10.00", "110.00 CAD"],
        ),
        (
            "a whole line",
            two_lines().unpaid().left(2, 0).now("27.12"),
            but(|_| ()),
            &["2 Mug at 12.00 HST 13%", "27.12 CAD"],
        ),
        ("all of it", two_lines().unpaid().left(1, 0).left(2, 0).now("0.00"), but(|_| ()), &["0.00 CAD"]),
    ]);
}

#[test]
fn a_discount_that_was_added_shows_like_one_from_the_start() {
    let order = order("100.00", &[item("Mug", "100.00", 1, "100.00", &[]).off("20.00", 1)]).unpaid().now("80.00");
    let expected = ["1 Mug at 100.00", "1 Discount Summer at -20.00", "80.00 CAD"];
    assert_eq!(invoice(&order.set("/totalPriceSet", bag("80.00")), &Settings::default()), expected);
}

#[test]
fn taxes_that_were_computed_anew_are_the_ones_that_count() {
    let moved = mugs().set("/lineItems/nodes/0/taxLines", vec![tax("GST", 0.05, "1.20")]).unpaid().now("25.20");
    assert_eq!(invoice(&moved, &Settings::default()), ["2 Mug at 12.00 GST 5%", "25.20 CAD"]);
}

#[test]
fn an_edit_below_what_was_paid_waits_until_shopify_shows_the_refund() {
    let edited = mugs().left(1, 1).now("13.56");
    let settled = edited.clone().refunded(refund(8, &[], "13.56"));
    let half = "paid 13.56 CAD on 2026-11-19 as Credit Card";
    check_books(&[
        ("edited", edited, but(|_| ()), &["waits: OVERPAID"]),
        ("and the money sent", settled, but(|_| ()), &["1 Mug at 12.00 HST 13%", "13.56 CAD", half]),
    ]);
}

#[test]
fn an_order_cancelled_before_any_money_came_is_skipped_voided_or_left_to_a_person() {
    let cancelled = || mugs().unpaid().cancelled();
    let to_person = but(|settings| settings.cancelled = Cancelled::Person);
    let authorized = mugs().unpaid().paid(&[payment(4, "AUTHORIZATION", "27.12")]).cancelled();
    let table = [
        (
            "before it was invoiced",
            cancelled(),
            Settings::default(),
            Booked::default(),
            "skipped: CANCELLED_BEFORE_INVOICE",
        ),
        (
            "the same, for a person",
            cancelled(),
            to_person.clone(),
            Booked::default(),
            "skipped: CANCELLED_BEFORE_INVOICE",
        ),
        ("after", cancelled(), Settings::default(), invoiced(|_| ()), "voided"),
        ("after, money only authorized", authorized, Settings::default(), invoiced(|_| ()), "voided"),
        (
            "after, all units removed",
            cancelled().left(1, 0).now("0.00"),
            Settings::default(),
            invoiced(|_| ()),
            "voided",
        ),
        ("after, for a person", cancelled(), to_person, invoiced(|_| ()), "waits: CANCELLATION_LEFT_TO_PERSON"),
    ];
    for (what, order, settings, booked, expected) in table {
        assert_eq!(books_after(&order, &settings, &booked), [expected], "{what}");
    }
    let voided = want_with(&cancelled(), &Settings::default(), &toronto(), &invoiced(|_| ())).unwrap();
    assert_eq!((voided.invoice.total, voided.payments.len(), voided.proof.shopify), (0, 0, 0));
}

#[test]
fn an_order_cancelled_after_it_was_paid_is_credited_through_its_refunds() {
    let all = || refund(8, &[back(1, 2, "24.00", "3.12")], "27.12");
    let refunded = || mugs().refunded(all()).now("0.00").cancelled();
    let sold = "2 Mug at 12.00 HST 13%";
    let nothing = [sold, "1 Refund: Mug at -24.00 HST 13%", "0.00 CAD", "paid 0.00 CAD on 2026-11-19 as Credit Card"];
    let to_person = but(|settings| settings.cancelled = Cancelled::Person);
    let credit = but(|settings| settings.refunds = settings::Refunds::CreditNote);
    let partly = mugs().refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56")).now("13.56").cancelled();
    let half = "paid 13.56 CAD on 2026-11-19 as Credit Card";
    check_books(&[
        ("refunded", refunded(), but(|_| ()), &nothing),
        ("refunded; a person has only the unpaid ones", refunded(), to_person, &nothing),
        (
            "refunded, by credit note",
            refunded(),
            credit,
            &[sold, "27.12 CAD", PAID, "credit note on 2026-11-21", "1 Refund: Mug at 24.00 HST 13%", "27.12 CAD"],
        ),
        ("refunded in part", partly, but(|_| ()), &[sold, "1 Refund: Mug at -12.00 HST 13%", "13.56 CAD", half]),
        ("the money stays", mugs().cancelled(), but(|_| ()), &[sold, "27.12 CAD", PAID]),
    ]);
}
