//! Row "refunds", by the default policy: the payment is lowered, the invoice gets negative lines with the same taxes.

use serde_json::json;

use super::*;

pub(super) const SOLD: &str = "2 Mug at 12.00 HST 13%";

pub(super) fn paid(amount: &str) -> String {
    format!("paid {amount} CAD on 2026-11-19 as Credit Card")
}

/// Shopify's sum of suggested less actual refunds.
pub(super) fn discrepancy(order: Value, amount: &str) -> Value {
    order.set("/refundDiscrepancySet", bag(amount))
}

pub(super) fn one_mug() -> Value {
    back(1, 1, "12.00", "1.56")
}

#[test]
fn what_was_given_back_shows_once_on_the_invoice_and_in_the_payment() {
    let full = mugs().refunded(refund(8, &[back(1, 2, "24.00", "3.12")], "27.12")).now("0.00");
    let partial = mugs().refunded(refund(8, &[one_mug()], "13.56")).now("13.56");
    let twice = partial.clone().refunded(refund(9, &[one_mug()], "13.56")).now("0.00");
    let amount = discrepancy(mugs().refunded(refund(8, &[], "5.00")), "-5.00");
    let less = discrepancy(mugs().refunded(refund(8, &[one_mug()], "10.00")).now("13.56"), "3.56");
    let more = discrepancy(mugs().refunded(refund(8, &[one_mug()], "15.00")).now("13.56"), "-1.44");
    let one = "1 Refund: Mug at -12.00 HST 13%";
    check_books(&[
        ("full", full, but(|_| ()), &[SOLD, "1 Refund: Mug at -24.00 HST 13%", "0.00 CAD", &paid("0.00")]),
        ("partial", partial, but(|_| ()), &[SOLD, one, "13.56 CAD", &paid("13.56")]),
        ("one after the other", twice, but(|_| ()), &[SOLD, one, one, "0.00 CAD", &paid("0.00")]),
        (
            "an amount alone",
            amount,
            but(|_| ()),
            &[SOLD, "1 Refund without items at -5.00", "22.12 CAD", &paid("22.12")],
        ),
        (
            "less than the goods",
            less,
            but(|_| ()),
            &[SOLD, one, "1 Kept from refunds at 3.56", "17.12 CAD", &paid("17.12")],
        ),
        (
            "more than the goods",
            more,
            but(|_| ()),
            &[SOLD, one, "1 Refund without items at -1.44", "12.12 CAD", &paid("12.12")],
        ),
    ]);
}

#[test]
fn a_refund_of_several_units_is_one_line_that_counts_them() {
    let order = mugs().refunded(refund(8, &[back(1, 2, "24.00", "3.12")], "27.12")).now("0.00");
    let wanted = want(&order, &Settings::default());
    assert_eq!(wanted.invoice.draft.lines[1].description, "2 units");
    assert_eq!((wanted.invoice.adjusted, wanted.invoice.total), (vec![8], 0));
}

/// A mug and its shipping: 12.00 + 1.56, 8.00 + 1.04.
fn shipped() -> Value {
    let hst = |amount| tax("HST", 0.13, amount);
    order("22.60", &[item("Mug", "12.00", 1, "12.00", &[hst("1.56")])]).shipped(shipping(
        "Post",
        "8.00",
        &[hst("1.04")],
    ))
}

fn shipping_back(subtotal: &str, tax: &str, id: &str) -> Value {
    json!([{"subtotalAmountSet": bag(subtotal), "taxAmountSet": bag(tax), "shippingLine": {"id": id, "title": "Post"}}])
}

#[test]
fn shipping_goes_back_with_its_tax() {
    let back_by = |subtotal, tax, id: &str, money| {
        refund(8, &[], money).set("/refundShippingLines", shipping_back(subtotal, tax, id))
    };
    let own = "gid://shopify/ShippingLine/31";
    let sold = ["1 Mug at 12.00 HST 13%", "1 Shipping: Post at 8.00 HST 13%"];
    let nameless = refund(8, &[], "9.04").set(
        "/refundShippingLines",
        json!([{"subtotalAmountSet": bag("8.00"), "taxAmountSet": bag("1.04"), "shippingLine": null}]),
    );
    check_invoices(&[
        (
            "all",
            shipped().refunded(back_by("8.00", "1.04", own, "9.04")).now("13.56"),
            but(|_| ()),
            &[sold[0], sold[1], "1 Refund: Post at -8.00 HST 13%", "13.56 CAD"],
        ),
        (
            "half",
            shipped().refunded(back_by("4.00", "0.52", own, "4.52")).now("18.08"),
            but(|_| ()),
            &[sold[0], sold[1], "1 Refund: Post at -4.00 HST 13%", "18.08 CAD"],
        ),
        (
            "of a line that is gone: its tax has no name",
            shipped().refunded(back_by("8.00", "1.04", "gid://shopify/ShippingLine/39", "9.04")).now("13.56"),
            but(|_| ()),
            &[sold[0], sold[1], "1 Refund: Post at -8.00 Tax 13%", "13.56 CAD"],
        ),
        (
            "of no line",
            shipped().refunded(nameless).now("13.56"),
            but(|_| ()),
            &[sold[0], sold[1], "1 Refund: Shipping at -8.00 Tax 13%", "13.56 CAD"],
        ),
    ]);
}

#[test]
fn duties_go_back_as_they_came() {
    let coat = item("Coat", "100.00", 1, "100.00", &[]).set("/duties", vec![duty("10.00", &[])]);
    let goods = refund(8, &[back(1, 1, "100.00", "0")], "110.00").set("/duties", json!([{"amountSet": bag("10.00")}]));
    let order = order("110.00", &[coat]).refunded(goods).now("0.00");
    let expected = [
        "1 Coat at 100.00",
        "1 Duty: Coat at 10.00",
        "1 Refund: Coat at -100.00",
        "1 Refund: Duty at -10.00",
        "0.00 CAD",
    ];
    assert_eq!(invoice(&order, &Settings::default()), expected);
}

#[test]
fn a_refund_takes_all_taxes_of_its_line_back() {
    let taxes = |a, b, c| [tax("A", 0.05, a), tax("B", 0.03, b), tax("C", 0.02, c)];
    let two = [tax("GST", 0.05, "1.00"), tax("QST", 0.09975, "2.00")];
    let merged = order("22.00", &[item("Mug", "10.00", 2, "20.00", &taxes("1.00", "0.60", "0.40"))])
        .refunded(refund(8, &[back(1, 1, "10.00", "1.00")], "11.00"))
        .now("11.00");
    let both = order("23.00", &[item("Mug", "10.00", 2, "20.00", &two)])
        .refunded(refund(8, &[back(1, 1, "10.00", "1.50")], "11.50"))
        .now("11.50");
    let inside = order("24.00", &[item("Mug", "12.00", 2, "24.00", &[tax("VAT", 0.2, "4.00")])])
        .set("/taxesIncluded", true)
        .refunded(refund(8, &[back(1, 1, "12.00", "2.00")], "12.00"))
        .now("12.00");
    let none = order("24.00", &[item("Mug", "12.00", 2, "24.00", &[])])
        .refunded(refund(8, &[back(1, 1, "12.00", "0.00")], "12.00"))
        .now("12.00");
    check_invoices(&[
        (
            "merged",
            merged,
            but(|_| ()),
            &["2 Mug at 10.00 A + B + C 10%", "1 Refund: Mug at -10.00 A + B + C 10%", "11.00 CAD"],
        ),
        (
            "two",
            both,
            but(|_| ()),
            &["2 Mug at 10.00 GST 5%, QST 9.975%", "1 Refund: Mug at -10.00 GST 5%, QST 9.975%", "11.50 CAD"],
        ),
        (
            "inside the price",
            inside,
            but(|_| ()),
            &["2 Mug at 10.00 VAT 20%", "1 Refund: Mug at -10.00 VAT 20%", "12.00 CAD"],
        ),
        ("none", none, but(|_| ()), &["2 Mug at 12.00", "1 Refund: Mug at -12.00", "12.00 CAD"]),
    ]);
}

#[test]
fn a_refund_lowers_the_payment_it_went_back_to_first() {
    let split = [payment(5, "SALE", "20.00"), payment(6, "SALE", "7.12").set("/gateway", "gift_card")];
    let orphan = mugs().paid(&split).refunded(refund(8, &[one_mug()], "13.56")).now("13.56");
    let orphan = orphan.set("/transactions/2/parentTransaction", Value::Null);
    let first = mugs().paid(&split).refunded(refund(8, &[one_mug()], "13.56")).now("13.56");
    let table = [
        ("to the first", first, ["6.44", "7.12"]),
        ("to nobody in particular, the last first", orphan, ["13.56", "0.00"]),
    ];
    for (what, order, [card, gift]) in table {
        let gift = format!("paid {gift} CAD on 2026-11-19 as Other");
        let expected = [SOLD, "1 Refund: Mug at -12.00 HST 13%", "13.56 CAD", &paid(card), &gift];
        assert_eq!(books(&order, &Settings::default()), expected, "{what}");
    }
}

#[test]
fn an_untaxed_item_goes_back_without_the_taxes_of_the_others() {
    let book = item("Book", "10.00", 1, "10.00", &[]).set("/id", "gid://shopify/LineItem/2");
    let mug = item("Mug", "12.00", 1, "12.00", &[tax("VAT", 0.2, "2.00")]);
    let sold =
        order("22.00", &[mug, book]).set("/taxesIncluded", true).set("/taxLines", json!([tax("VAT", 0.2, "2.00")]));
    let order = sold.refunded(refund(8, &[back(2, 1, "10.00", "0.00")], "10.00")).now("12.00");
    let expected = ["1 Mug at 10.00 VAT 20%", "1 Book at 10.00", "1 Refund: Book at -10.00", "12.00 CAD"];
    assert_eq!(invoice(&order, &Settings::default()), expected);
}
