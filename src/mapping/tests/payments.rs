//! Row "payments": each successful sale or capture is one payment; nothing else is.

use super::*;

/// The payments of two mugs over 27.12.
fn payments(transactions: &[Value], settings: &Settings) -> Vec<String> {
    let mut told = books(&mugs().paid(transactions), settings);
    if told.len() > 1 {
        told.drain(..2);
    }
    told
}

fn through(gateway: &str, amount: &str) -> Value {
    payment(5, "SALE", amount).set("/gateway", gateway)
}

#[test]
fn each_successful_sale_or_capture_is_a_payment() {
    let card = |amount: &str| format!("paid {amount} CAD on 2026-11-19 as Credit Card");
    let authorized = || payment(4, "AUTHORIZATION", "27.12");
    let capture = |number, amount| payment(number, "CAPTURE", amount);
    let table = [
        ("sale", vec![payment(5, "SALE", "27.12")], vec![card("27.12")]),
        ("authorized, captured", vec![authorized(), capture(5, "27.12")], vec![card("27.12")]),
        ("captured in part", vec![authorized(), capture(5, "20.00")], vec![card("20.00")]),
        (
            "captured in two",
            vec![authorized(), capture(5, "20.00"), capture(6, "7.12")],
            vec![card("20.00"), card("7.12")],
        ),
        ("split", vec![payment(5, "SALE", "20.00"), payment(6, "SALE", "7.12")], vec![card("20.00"), card("7.12")]),
        ("nothing yet", vec![], vec![]),
    ];
    for (what, transactions, expected) in table {
        assert_eq!(payments(&transactions, &Settings::default()), expected, "{what}");
    }
}

#[test]
fn only_money_that_moved_posts() {
    let (auth, sale) = (|| payment(5, "AUTHORIZATION", "27.12"), || payment(5, "SALE", "27.12"));
    let table = [
        ("authorized", auth()),
        ("authorized in person", auth().set("/kind", "EMV_AUTHORIZATION")),
        ("void", auth().set("/kind", "VOID")),
        ("a suggestion", auth().set("/kind", "SUGGESTED_REFUND")),
        ("a kind of tomorrow", auth().set("/kind", "TELEPORT")),
        ("pending", sale().set("/status", "PENDING")),
        ("awaiting an answer", sale().set("/status", "AWAITING_RESPONSE")),
        ("failed", sale().set("/status", "FAILURE")),
        ("in error", sale().set("/status", "ERROR")),
        ("a status of tomorrow", sale().set("/status", "MAYBE")),
        ("test money", sale().set("/test", true)),
        ("a pending capture", sale().set("/kind", "CAPTURE").set("/status", "PENDING")),
    ];
    for (what, transaction) in table {
        assert_eq!(
            books(&mugs().paid(&[transaction]), &Settings::default()),
            ["2 Mug at 12.00 HST 13%", "27.12 CAD"],
            "{what}"
        );
    }
    let at_last = [sale().set("/status", "FAILURE"), payment(6, "SALE", "27.12")];
    assert_eq!(payments(&at_last, &Settings::default()), ["paid 27.12 CAD on 2026-11-19 as Credit Card"]);
}

#[test]
fn test_money_never_posts_even_where_test_orders_are_booked() {
    let settings = but(|settings| settings.filters.test_orders = true);
    let order = mugs().set("/test", true).set("/transactions/0/test", true);
    assert_eq!(books(&order, &settings), ["2 Mug at 12.00 HST 13%", "27.12 CAD"]);
}

#[test]
fn the_type_follows_the_gateway_whatever_its_case() {
    let own =
        || but(|settings| settings.payment_types = [("Interac e-Transfer".to_owned(), "Debit".to_owned())].into());
    let table = [
        (through("shopify_payments", "27.12"), Settings::default(), "Credit Card"),
        (through("SHOPIFY_PAYMENTS", "27.12"), Settings::default(), "Credit Card"),
        (through("paypal", "27.12"), Settings::default(), "PayPal"),
        (through("cash", "27.12"), Settings::default(), "Cash"),
        (through("bank_deposit", "27.12"), Settings::default(), "Bank Transfer"),
        (through("manual", "27.12"), Settings::default(), "Other"),
        (through("gift_card", "27.12"), Settings::default(), "Other"),
        (through("shopify_store_credit", "27.12"), Settings::default(), "Other"),
        (through("x", "27.12").set("/gateway", Value::Null), Settings::default(), "Other"),
        (through("interac E-transfer", "27.12"), own(), "Debit"),
        (through("shopify_payments", "27.12"), own(), "Other"),
    ];
    for (transaction, settings, expected) in table {
        let gateway = transaction["gateway"].to_string();
        assert_eq!(
            payments(&[transaction], &settings),
            [format!("paid 27.12 CAD on 2026-11-19 as {expected}")],
            "{gateway}"
        );
    }
}

#[test]
fn a_gift_card_beside_a_card_is_a_payment_of_its_own_not_a_discount() {
    let split = [through("gift_card", "7.12"), payment(6, "SALE", "20.00")];
    let expected = ["paid 7.12 CAD on 2026-11-19 as Other", "paid 20.00 CAD on 2026-11-19 as Credit Card"];
    assert_eq!(payments(&split, &Settings::default()), expected);
}

#[test]
fn change_given_back_was_never_paid() {
    let change = || payment(6, "CHANGE", "2.88");
    let of_the_sale = change().set("/parentTransaction", serde_json::json!({"id": "gid://shopify/OrderTransaction/5"}));
    for (what, change) in [("of the sale", of_the_sale), ("of nothing in particular", change())] {
        let told = payments(&[through("cash", "30.00"), change], &Settings::default());
        assert_eq!(told, ["paid 27.12 CAD on 2026-11-19 as Cash"], "{what}");
    }
}

#[test]
fn a_payment_is_dated_by_the_day_the_money_moved_and_says_what_it_was() {
    let later = payment(5, "SALE", "27.12").set("/processedAt", "2026-11-25T18:00:00Z");
    assert_eq!(
        payments(std::slice::from_ref(&later), &Settings::default()),
        ["paid 27.12 CAD on 2026-11-25 as Credit Card"]
    );
    let wanted = want(&mugs().paid(&[later]), &Settings::default());
    let payment = only(&wanted.payments);
    assert_eq!(payment.draft.note, "Shopify transaction 5 of order #1001 (id 7001), shopify_payments");
    assert!(payment::is_ours(&payment.draft.note, 5) && !payment::is_ours(&payment.draft.note, 51));
    assert!(!payment::is_anothers(&payment.draft.note, 5) && payment::is_anothers(&payment.draft.note, 51));
    assert!(!payment::is_anothers("Shopify transaction of Monday", 5));
}

#[test]
fn payments_are_listed_in_the_order_in_which_the_money_moved() {
    let late = payment(5, "SALE", "20.00").set("/processedAt", "2026-11-25T18:00:00Z");
    let expected = ["paid 7.12 CAD on 2026-11-19 as Credit Card", "paid 20.00 CAD on 2026-11-25 as Credit Card"];
    assert_eq!(payments(&[late, payment(6, "SALE", "7.12")], &Settings::default()), expected);
}

#[test]
fn money_beyond_what_is_owed_waits_with_both_figures() {
    let twice = mugs().paid(&[payment(5, "SALE", "27.12"), payment(6, "SALE", "27.12")]);
    let refusal = want_with(&twice, &Settings::default(), &toronto(), &Booked::default());
    let Err(Refusal::Waiting(problem)) = refusal else { panic!("{refusal:?}") };
    assert_eq!((problem.code.as_str(), problem.owner), ("OVERPAID", crate::problem::Owner::Merchant));
    assert_eq!(problem.message, "The customer paid 54.24, but owes 27.12 CAD.");
    let mended = twice.refunded(refund(8, &[], "27.12"));
    let expected = [
        "2 Mug at 12.00 HST 13%",
        "27.12 CAD",
        "paid 0.00 CAD on 2026-11-19 as Credit Card",
        "paid 27.12 CAD on 2026-11-19 as Credit Card",
    ];
    assert_eq!(books(&mended, &Settings::default()), expected, "the second payment went back");
}
