//! Row "lines": what was sold, and what is neither goods nor shipping.

use serde_json::json;

use super::*;

#[test]
fn a_sale_is_its_lines_its_total_and_its_payment() {
    let expected = ["2 Mug at 12.00 HST 13%", "27.12 CAD", "paid 27.12 CAD on 2026-11-19 as Credit Card"];
    assert_eq!(books(&mugs(), &Settings::default()), expected);
}

#[test]
fn a_line_says_variant_sku_and_what_the_buyer_chose_but_not_what_shopify_hides() {
    let plain = item("Mug", "12.00", 1, "12.00", &[]);
    let chosen =
        json!([{"key": "Engraving", "value": "Ada"}, {"key": "_bundle", "value": "7"}, {"key": "Gift", "value": null}]);
    let table = [
        (plain.clone(), ("Mug", "")),
        (plain.clone().set("/variantTitle", "Blue / L"), ("Mug - Blue / L", "")),
        (plain.clone().set("/variantTitle", "").set("/sku", ""), ("Mug", "")),
        (plain.clone().set("/sku", "M-1"), ("Mug", "SKU M-1")),
        (plain.clone().set("/customAttributes", chosen.clone()), ("Mug", "Engraving: Ada, Gift: ")),
        (plain.set("/sku", "M-1").set("/customAttributes", chosen), ("Mug", "SKU M-1, Engraving: Ada, Gift: ")),
    ];
    for (sold, expected) in table {
        let wanted = want(&order("12.00", &[sold]), &Settings::default());
        let line = only(&wanted.invoice.draft.lines);
        assert_eq!((line.name.as_str(), line.description.as_str()), expected);
    }
}

#[test]
fn a_total_that_the_quantity_does_not_divide_is_two_prices_a_cent_apart() {
    let sold = |unit, quantity, total| order(total, &[item("Mug", unit, quantity, total, &[])]);
    let hst = order("11.30", &[item("Mug", "3.33", 3, "10.00", &[tax("HST", 0.13, "1.30")])]);
    check_invoices(&[
        ("it divides", sold("9.97", 3, "29.91"), but(|_| ()), &["3 Mug at 9.97", "29.91 CAD"]),
        ("a cent less", sold("9.97", 3, "29.90"), but(|_| ()), &["1 Mug at 9.96", "2 Mug at 9.97", "29.90 CAD"]),
        ("sevenths", sold("14.29", 7, "100.00"), but(|_| ()), &["3 Mug at 14.28", "4 Mug at 14.29", "100.00 CAD"]),
        ("half cents", sold("9.995", 2, "19.99"), but(|_| ()), &["1 Mug at 9.99", "1 Mug at 10.00", "19.99 CAD"]),
        ("less than a cent", sold("0.001", 9, "0.01"), but(|_| ()), &["8 Mug at 0.00", "1 Mug at 0.01", "0.01 CAD"]),
        ("both taxed", hst, but(|_| ()), &["2 Mug at 3.33 HST 13%", "1 Mug at 3.34 HST 13%", "11.30 CAD"]),
    ]);
}

#[test]
fn a_tip_is_a_line_whether_or_not_shopify_lists_it_as_an_item() {
    let mug = || item("Mug", "12.00", 1, "12.00", &[]);
    let beside = order("15.00", &[mug()]).set("/totalTipReceivedSet", bag("3.00"));
    let listed =
        order("15.00", &[mug(), item("Trinkgeld", "3.00", 1, "3.00", &[])]).set("/totalTipReceivedSet", bag("3.00"));
    check_invoices(&[
        ("without a line", beside, but(|_| ()), &["1 Mug at 12.00", "1 Tip at 3.00", "15.00 CAD"]),
        ("with a line", listed, but(|_| ()), &["1 Mug at 12.00", "1 Trinkgeld at 3.00", "15.00 CAD"]),
    ]);
}

#[test]
fn a_tip_given_back_with_everything_else_leaves_nothing() {
    let order = order("15.00", &[item("Mug", "12.00", 1, "12.00", &[])])
        .set("/totalTipReceivedSet", bag("3.00"))
        .refunded(refund(8, &[back(1, 1, "12.00", "0")], "15.00"))
        .now("3.00")
        .set("/refundDiscrepancySet", bag("-3.00"));
    let expected =
        ["1 Mug at 12.00", "1 Refund: Mug at -12.00", "1 Refund without items at -3.00", "1 Tip at 3.00", "0.00 CAD"];
    assert_eq!(invoice(&order, &Settings::default()), expected);
}

#[test]
fn duties_are_lines_with_their_taxes_unless_the_prices_hold_them() {
    let hst = |amount| tax("HST", 0.13, amount);
    let coat = |duties: Vec<Value>| item("Coat", "100.00", 1, "100.00", &[hst("13.00")]).set("/duties", duties);
    let plain = order("123.00", &[coat(vec![duty("10.00", &[])])]);
    let taxed = order("124.30", &[coat(vec![duty("10.00", &[hst("1.30")])])]);
    let inside = order("113.00", &[coat(vec![duty("10.00", &[])])]).set("/dutiesIncluded", true);
    let own = "1 Coat at 100.00 HST 13%";
    check_invoices(&[
        ("untaxed", plain, but(|_| ()), &[own, "1 Duty: Coat at 10.00", "123.00 CAD"]),
        ("taxed", taxed, but(|_| ()), &[own, "1 Duty: Coat at 10.00 HST 13%", "124.30 CAD"]),
        ("inside the price", inside, but(|_| ()), &[own, "113.00 CAD"]),
    ]);
}

#[test]
fn additional_fees_are_lines_with_their_taxes() {
    let fees =
        |total, fee: Value| order(total, &[item("Mug", "12.00", 1, "12.00", &[])]).set("/additionalFees", vec![fee]);
    let wrap = fee("Gift wrap", "5.00", &[tax("HST", 0.13, "0.65")]);
    check_invoices(&[
        (
            "untaxed",
            fees("12.25", fee("Bag", "0.25", &[])),
            but(|_| ()),
            &["1 Mug at 12.00", "1 Bag at 0.25", "12.25 CAD"],
        ),
        ("taxed", fees("17.65", wrap), but(|_| ()), &["1 Mug at 12.00", "1 Gift wrap at 5.00 HST 13%", "17.65 CAD"]),
    ]);
}

#[test]
fn duties_and_fees_hold_their_tax_where_all_prices_do() {
    let vat = |amount| tax("VAT", 0.2, amount);
    let inside = |order: Value| order.set("/taxesIncluded", true);
    let mug = || item("Mug", "12.00", 1, "12.00", &[vat("2.00")]);
    let charged = order("18.00", &[mug().set("/duties", vec![duty("6.00", &[vat("1.00")])])]);
    let wrapped = order("18.00", &[mug()]).set("/additionalFees", vec![fee("Gift wrap", "6.00", &[vat("1.00")])]);
    let own = "1 Mug at 10.00 VAT 20%";
    check_invoices(&[
        ("duty", inside(charged), but(|_| ()), &[own, "1 Duty: Mug at 5.00 VAT 20%", "18.00 CAD"]),
        ("fee", inside(wrapped), but(|_| ()), &[own, "1 Gift wrap at 5.00 VAT 20%", "18.00 CAD"]),
    ]);
}

#[test]
fn a_gift_card_that_is_sold_says_so() {
    let card = item("Gift card", "50.00", 1, "50.00", &[]).set("/isGiftCard", true).set("/sku", "GC");
    let wanted = want(&order("50.00", &[card]), &Settings::default());
    let sold = only(&wanted.invoice.draft.lines);
    assert_eq!((line(sold).as_str(), sold.description.as_str()), ("1 Gift card at 50.00", "SKU GC, Gift card"));
}

#[test]
fn rounding_to_coins_is_a_line_either_way() {
    let cash = |total: &str, received: &str, by: &str| {
        let sale = payment(5, "SALE", received).set("/gateway", "cash");
        order(total, &[item("Mug", total, 1, total, &[])])
            .paid(&[sale])
            .set("/totalCashRoundingAdjustment/paymentSet", bag(by))
    };
    let back = cash("9.98", "10.00", "0.02")
        .refunded(refund(8, &[back(1, 1, "9.98", "0")], "10.00"))
        .now("0.00")
        .set("/totalCashRoundingAdjustment/refundSet", bag("0.02"));
    check_books(&[
        (
            "up",
            cash("9.98", "10.00", "0.02"),
            but(|_| ()),
            &["1 Mug at 9.98", "1 Cash rounding at 0.02", "10.00 CAD", "paid 10.00 CAD on 2026-11-19 as Cash"],
        ),
        (
            "down",
            cash("10.02", "10.00", "-0.02"),
            but(|_| ()),
            &["1 Mug at 10.02", "1 Cash rounding at -0.02", "10.00 CAD", "paid 10.00 CAD on 2026-11-19 as Cash"],
        ),
        (
            "given back as it came",
            back,
            but(|_| ()),
            &["1 Mug at 9.98", "1 Refund: Mug at -9.98", "0.00 CAD", "paid 0.00 CAD on 2026-11-19 as Cash"],
        ),
    ]);
}

#[test]
fn an_order_of_nothing_is_an_invoice_of_nothing() {
    let free = order("0.00", &[item("Sample", "0.00", 1, "0.00", &[])]).unpaid();
    assert_eq!(books(&free, &Settings::default()), ["1 Sample at 0.00", "0.00 CAD"]);
}

#[test]
fn an_invoice_below_zero_is_refused() {
    let order = mugs().refunded(refund(8, &[], "30.00")).set("/refundDiscrepancySet", bag("-30.00"));
    assert_eq!(books(&order, &Settings::default()), ["failed: NEGATIVE_TOTAL"]);
}

#[test]
fn huge_amounts_are_booked_to_the_cent_or_refused() {
    let bolts = |unit, total| order(total, &[item("Bolt", unit, 999_999, total, &[])]);
    check_invoices(&[
        (
            "ten billion",
            bolts("9999.99", "9999980000.01"),
            but(|_| ()),
            &["999999 Bolt at 9999.99", "9999980000.01 CAD"],
        ),
        (
            "more than can be counted",
            bolts("1000000000000000", "999999000000000000000"),
            but(|_| ()),
            &["failed: CURRENCY_PRECISION"],
        ),
    ]);
}

#[test]
fn three_hundred_lines_stay_three_hundred_lines() {
    let sold: Vec<Value> =
        (1..=300).map(|n| item(&format!("Part {n}"), "1.00", 1, "1.00", &[tax("HST", 0.13, "0.13")])).collect();
    let told = invoice(&order("339.00", &sold), &Settings::default());
    assert_eq!(told.len(), 301);
    assert_eq!(
        [&told[0], &told[299], &told[300]],
        ["1 Part 1 at 1.00 HST 13%", "1 Part 300 at 1.00 HST 13%", "339.00 CAD"]
    );
}

#[test]
fn titles_of_any_length_and_script_stay_whole() {
    for title in ["ספל קפה", "كوب القهوة", "茶碗", "🫖👩‍👩‍👧 set", "naïve \"quoted\" <b>&", &"long ".repeat(400)]
    {
        let wanted = want(&order("12.00", &[item(title, "12.00", 1, "12.00", &[])]), &Settings::default());
        assert_eq!(only(&wanted.invoice.draft.lines).name, title);
    }
}
