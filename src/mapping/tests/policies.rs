//! Row "refunds", by the other two policies; and what was booked one way stays so.

use super::{settings::Refunds, *};

const SOLD: &str = "2 Mug at 12.00 HST 13%";
const PAID: &str = "paid 27.12 CAD on 2026-11-19 as Credit Card";

fn by(policy: Refunds) -> Settings {
    but(|settings| settings.refunds = policy)
}

fn one_mug() -> Value {
    back(1, 1, "12.00", "1.56")
}

fn one_back() -> Value {
    mugs().refunded(refund(8, &[one_mug()], "13.56")).now("13.56")
}

fn both_back() -> Value {
    one_back().refunded(refund(9, &[one_mug()], "13.56")).now("0.00")
}

fn discrepancy(order: Value, amount: &str) -> Value {
    order.set("/refundDiscrepancySet", bag(amount))
}

#[test]
fn a_credit_note_says_what_went_back_and_leaves_invoice_and_payment_alone() {
    let amount = discrepancy(mugs().refunded(refund(8, &[], "5.00")), "-5.00");
    let less = discrepancy(mugs().refunded(refund(8, &[one_mug()], "10.00")).now("13.56"), "3.56");
    let more = discrepancy(mugs().refunded(refund(8, &[one_mug()], "15.00")).now("13.56"), "-1.44");
    let full = mugs().refunded(refund(8, &[back(1, 2, "24.00", "3.12")], "27.12")).now("0.00");
    let (note, one) = ("credit note on 2026-11-21", "1 Refund: Mug at 12.00 HST 13%");
    let table: [(&str, Value, &[&str]); 6] = [
        ("partial", one_back(), &[note, one, "13.56 CAD"]),
        ("full", full, &[note, "1 Refund: Mug at 24.00 HST 13%", "27.12 CAD"]),
        ("one after the other", both_back(), &[note, one, "13.56 CAD", note, one, "13.56 CAD"]),
        ("an amount alone", amount, &[note, "1 Refund without items at 5.00", "5.00 CAD"]),
        ("less than the goods", less, &[note, one, "1 Kept from refunds at -3.56", "10.00 CAD"]),
        ("more than the goods", more, &[note, one, "1 Refund without items at 1.44", "15.00 CAD"]),
    ];
    for (what, order, notes) in table {
        let expected: Vec<&str> = [SOLD, "27.12 CAD", PAID].iter().chain(notes).copied().collect();
        assert_eq!(books(&order, &by(Refunds::CreditNote)), expected, "{what}");
    }
}

#[test]
fn a_credit_note_names_its_refund_order_and_invoice() {
    let wanted = want(&one_back(), &by(Refunds::CreditNote));
    let credit = only(&wanted.credits);
    assert_eq!(credit.draft.notes, "Shopify refund 8 of order #1001 (id 7001), invoice 1001");
    assert!(credit::is_ours(&credit.draft.notes, 8) && !credit::is_ours(&credit.draft.notes, 81));
    assert!(!credit::is_anothers(&credit.draft.notes, 8) && credit::is_anothers(&credit.draft.notes, 81));
    assert_eq!((credit.draft.credit_type.as_str(), credit.draft.currency_code.as_str()), ("goodwill", "CAD"));
    assert_eq!((wanted.proof.shopify, wanted.proof.predicted, wanted.invoice.total), (1356, 1356, 2712));
    assert_eq!(wanted.invoice.adjusted, Vec::<i64>::new());
}

#[test]
fn a_person_is_told_what_is_left_to_do_beside_the_untouched_documents() {
    let left = |refunds, amount| {
        format!("left to a person: {refunds} refund(s) of {amount} CAD are left to a person (setting `refunds`).")
    };
    for (order, told) in [(one_back(), left(1, "13.56")), (both_back(), left(2, "27.12"))] {
        assert_eq!(books(&order, &by(Refunds::Person)), [SOLD, "27.12 CAD", PAID, &told]);
    }
}

#[test]
fn no_policy_books_money_that_has_not_moved() {
    let with = |state: &str| {
        mugs().refunded(refund(8, &[one_mug()], "13.56").set("/transactions/0/status", state)).now("13.56")
    };
    for policy in [Refunds::Adjust, Refunds::CreditNote, Refunds::Person] {
        assert_eq!(books(&with("PENDING"), &by(policy)), [SOLD, "27.12 CAD", PAID], "{policy:?}, pending");
        let failed = discrepancy(with("FAILURE"), "13.56");
        let expected = ["1 Mug at 12.00 HST 13%", "1 Kept from refunds at 13.56", "27.12 CAD", PAID];
        assert_eq!(books(&failed, &by(policy)), expected, "{policy:?}, failed");
    }
}

#[test]
fn an_exchange_without_money_is_no_refund_under_any_policy() {
    let item = |name| item(name, "27.12", 1, "27.12", &[]);
    let order =
        order("27.12", &[item("Mug"), item("Cup")]).refunded(refund(8, &[back(1, 1, "27.12", "0")], "")).now("27.12");
    for policy in [Refunds::Adjust, Refunds::CreditNote, Refunds::Person] {
        assert_eq!(books(&order, &by(policy)), ["1 Cup at 27.12", "27.12 CAD", PAID], "{policy:?}");
    }
}

/// The first refund was booked under another policy than the second will be.
#[test]
fn what_is_booked_stays_in_its_form_when_the_policy_changes() {
    let adjusted = || invoiced(|invoice| invoice.adjusted = vec![8]);
    let credited = || Booked { credited: [(8, BookedCredit::default())].into(), ..invoiced(|_| ()) };
    let (gone, note) = ("1 Refund: Mug at -12.00 HST 13%", "credit note on 2026-11-21");
    let (half, one) = ("paid 13.56 CAD on 2026-11-19 as Credit Card", "1 Refund: Mug at 12.00 HST 13%");
    let told = "left to a person: 1 refund(s) of 13.56 CAD are left to a person (setting `refunds`).";
    let table: [(Booked, Refunds, &[&str]); 4] = [
        (adjusted(), Refunds::CreditNote, &[SOLD, gone, "13.56 CAD", half, note, one, "13.56 CAD"]),
        (adjusted(), Refunds::Person, &[SOLD, gone, "13.56 CAD", half, told]),
        (credited(), Refunds::Adjust, &[SOLD, gone, "13.56 CAD", half, note, one, "13.56 CAD"]),
        (credited(), Refunds::Person, &[SOLD, "27.12 CAD", PAID, note, one, "13.56 CAD", told]),
    ];
    for (booked, policy, expected) in table {
        assert_eq!(books_after(&both_back(), &by(policy), &booked), expected, "{booked:?}, now {policy:?}");
    }
    let wanted = want_with(&both_back(), &by(Refunds::Adjust), &toronto(), &credited()).unwrap();
    assert_eq!((wanted.invoice.adjusted, only(&wanted.credits).refund), (vec![9], 8));
}

#[test]
fn marketplace_taxes_of_their_own_go_back_as_such() {
    let settings = but(|settings| {
        settings.refunds = Refunds::CreditNote;
        settings.marketplace_tax = settings::MarketplaceTax::OwnLine;
    });
    let order = one_back().set("/lineItems/nodes/0/taxLines/0/channelLiable", true);
    let apart = |amount| format!("1 Tax: HST (collected by the marketplace) 13% at {amount}");
    let expected = [
        "2 Mug at 12.00",
        &apart("3.12"),
        "27.12 CAD",
        PAID,
        "credit note on 2026-11-21",
        "1 Refund: Mug at 12.00",
        &apart("1.56"),
        "13.56 CAD",
    ];
    assert_eq!(books(&order, &settings), expected);
}
