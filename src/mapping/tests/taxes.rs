//! Row "tax": each of Shopify's taxes by title and rate, in FreshBooks' two slots a line.

use serde_json::json;

use super::{settings::MarketplaceTax, *};

/// One thing at this price, with these taxes.
pub(super) fn one(price: &str, total: &str, taxes: &[Value]) -> Value {
    order(total, &[item("Mug", price, 1, price, taxes)])
}

#[test]
fn none_one_or_two_taxes_are_percentages() {
    let (gst, qst) = (tax("GST", 0.05, "0.50"), tax("QST", 0.09975, "1.00"));
    check_invoices(&[
        ("none", one("10.00", "10.00", &[]), but(|_| ()), &["1 Mug at 10.00", "10.00 CAD"]),
        (
            "one",
            one("10.00", "10.50", std::slice::from_ref(&gst)),
            but(|_| ()),
            &["1 Mug at 10.00 GST 5%", "10.50 CAD"],
        ),
        ("two", one("10.00", "11.50", &[gst, qst]), but(|_| ()), &["1 Mug at 10.00 GST 5%, QST 9.975%", "11.50 CAD"]),
    ]);
}

#[test]
fn more_than_two_taxes_are_one_named_sum_with_its_parts_in_words() {
    let state = || tax("State", 0.0625, "6.25");
    let county = || tax("County", 0.01, "1.00");
    let more = || [tax("City", 0.005, "0.50"), tax("District", 0.0025, "0.25"), tax("Transit", 0.00125, "0.13")];
    let [city, district, transit] = more();
    let table = [
        (
            vec![state(), county(), city.clone()],
            "1 Mug at 100.00 State + County + City 7.75%",
            "107.75 CAD",
            "Taxes: State 6.25%, County 1%, City 0.5%",
        ),
        (
            vec![state(), county(), city.clone(), district.clone()],
            "1 Mug at 100.00 State + County + City + District 8%",
            "108.00 CAD",
            "Taxes: State 6.25%, County 1%, City 0.5%, District 0.25%",
        ),
        (
            vec![state(), county(), city, district, transit],
            "1 Mug at 100.00 State + County + City + District + Transit 8.125%",
            "108.13 CAD",
            "Taxes: State 6.25%, County 1%, City 0.5%, District 0.25%, Transit 0.125%",
        ),
    ];
    for (taxes, line, total, words) in table {
        let order = one("100.00", total.trim_end_matches(" CAD"), &taxes);
        assert_eq!(invoice(&order, &Settings::default()), [line, total]);
        assert_eq!(only(&want(&order, &Settings::default()).invoice.draft.lines).description, words);
    }
}

#[test]
fn the_words_for_merged_taxes_follow_the_sku() {
    let taxes = [tax("A", 0.01, "0.10"), tax("B", 0.02, "0.20"), tax("C", 0.03, "0.30")];
    let order = one("10.00", "10.60", &taxes).set("/lineItems/nodes/0/sku", "M-1");
    let wanted = want(&order, &Settings::default());
    assert_eq!(only(&wanted.invoice.draft.lines).description, "SKU M-1, Taxes: A 1%, B 2%, C 3%");
}

#[test]
fn the_same_tax_twice_on_a_line_is_one_tax_of_both_rates() {
    let (four, one_more, city) = (tax("State", 0.04, "0.40"), tax("State", 0.01, "0.10"), tax("City", 0.02, "0.20"));
    check_invoices(&[
        (
            "alone",
            one("10.00", "10.50", &[four.clone(), one_more.clone()]),
            but(|_| ()),
            &["1 Mug at 10.00 State 5%", "10.50 CAD"],
        ),
        (
            "with another, still two",
            one("10.00", "10.70", &[four, city, one_more]),
            but(|_| ()),
            &["1 Mug at 10.00 State 5%, City 2%", "10.70 CAD"],
        ),
    ]);
}

#[test]
fn prices_with_tax_inside_become_net_prices_that_make_the_same_total() {
    let inside = |order: Value| order.set("/taxesIncluded", true);
    let three = order("10.00", &[item("Mug", "3.33", 3, "10.00", &[tax("VAT", 0.2, "1.67")])]);
    let two = [tax("State", 0.05, "0.50"), tax("Federal", 0.1, "1.00")];
    check_invoices(&[
        (
            "even",
            inside(one("12.00", "12.00", &[tax("VAT", 0.2, "2.00")])),
            but(|_| ()),
            &["1 Mug at 10.00 VAT 20%", "12.00 CAD"],
        ),
        ("net 8.33 for three", inside(three), but(|_| ()), &["1 Mug at 8.33 VAT 20%", "10.00 CAD"]),
        (
            "two taxes",
            inside(one("11.50", "11.50", &two)),
            but(|_| ()),
            &["1 Mug at 10.00 State 5%, Federal 10%", "11.50 CAD"],
        ),
        ("none", inside(one("12.00", "12.00", &[])), but(|_| ()), &["1 Mug at 12.00", "12.00 CAD"]),
    ]);
}

#[test]
fn what_a_marketplace_collects_is_named_so_or_a_line_of_its_own() {
    let liable = tax("HST", 0.13, "1.30").set("/channelLiable", true);
    let ours = tax("Eco", 0.01, "0.10").set("/channelLiable", false);
    let own_line = || but(|settings| settings.marketplace_tax = MarketplaceTax::OwnLine);
    let both = one("10.00", "11.40", &[ours, liable.clone()]);
    let only_theirs = one("10.00", "11.30", &[liable]);
    let inclusive =
        one("11.40", "11.40", &[tax("Eco", 0.01, "0.10"), tax("HST", 0.13, "1.30").set("/channelLiable", true)])
            .set("/taxesIncluded", true);
    let apart = "1 Tax: HST (collected by the marketplace) 13% at 1.30";
    check_invoices(&[
        (
            "named",
            only_theirs.clone(),
            but(|_| ()),
            &["1 Mug at 10.00 HST (collected by the marketplace) 13%", "11.30 CAD"],
        ),
        ("own line", only_theirs, own_line(), &["1 Mug at 10.00", apart, "11.30 CAD"]),
        (
            "named beside ours",
            both.clone(),
            but(|_| ()),
            &["1 Mug at 10.00 Eco 1%, HST (collected by the marketplace) 13%", "11.40 CAD"],
        ),
        ("own line beside ours", both, own_line(), &["1 Mug at 10.00 Eco 1%", apart, "11.40 CAD"]),
        ("own line out of the price", inclusive, own_line(), &["1 Mug at 10.00 Eco 1%", apart, "11.40 CAD"]),
    ]);
}

#[test]
fn exempt_is_without_a_tax_and_zero_rated_is_a_tax_of_nothing() {
    let exempt = one("10.00", "10.00", &[]).set("/taxExempt", true);
    check_invoices(&[
        ("exempt", exempt, but(|_| ()), &["1 Mug at 10.00", "10.00 CAD"]),
        (
            "zero-rated",
            one("10.00", "10.00", &[tax("VAT", 0, "0.00")]),
            but(|_| ()),
            &["1 Mug at 10.00 VAT 0%", "10.00 CAD"],
        ),
        (
            "too little to tax",
            one("0.03", "0.03", &[tax("HST", 0.13, "0.00")]),
            but(|_| ()),
            &["1 Mug at 0.03 HST 13%", "0.03 CAD"],
        ),
    ]);
}

#[test]
fn rates_keep_three_decimals_of_a_percentage_and_are_computed_where_missing() {
    check_invoices(&[
        (
            "three",
            one("100.00", "109.98", &[tax("QST", 0.09975, "9.98")]),
            but(|_| ()),
            &["1 Mug at 100.00 QST 9.975%", "109.98 CAD"],
        ),
        (
            "more",
            one("100.00", "109.98", &[tax("QST", 0.099_751_2, "9.98")]),
            but(|_| ()),
            &["1 Mug at 100.00 QST 9.975%", "109.98 CAD"],
        ),
        (
            "as text",
            one("10.00", "11.30", &[tax("HST", "0.13", "1.30")]),
            but(|_| ()),
            &["1 Mug at 10.00 HST 13%", "11.30 CAD"],
        ),
        (
            "tiny",
            one("100.00", "100.01", &[tax("Levy", 0.000_05, "0.01")]),
            but(|_| ()),
            &["1 Mug at 100.00 Levy 0.005%", "100.01 CAD"],
        ),
        (
            "missing",
            one("10.00", "11.30", &[tax("HST", json!(null), "1.30")]),
            but(|_| ()),
            &["1 Mug at 10.00 HST 13%", "11.30 CAD"],
        ),
        (
            "missing, odd",
            one("9.99", "11.29", &[tax("HST", json!(null), "1.30")]),
            but(|_| ()),
            &["1 Mug at 9.99 HST 13.013%", "11.29 CAD"],
        ),
        (
            "missing on nothing",
            one("0.00", "0.00", &[tax("HST", json!(null), "0.00")]),
            but(|_| ()),
            &["1 Mug at 0.00 HST 0%", "0.00 CAD"],
        ),
    ]);
}

#[test]
fn a_title_that_is_missing_or_endless_is_mended() {
    let long = "T".repeat(300);
    let wanted = want(&one("10.00", "11.30", &[tax(&long, 0.13, "1.30")]), &Settings::default());
    let name = only(&wanted.invoice.draft.lines).tax_name1.clone().unwrap();
    assert_eq!((name.chars().count(), name.ends_with('…')), (255, true));
    let order = one("10.00", "11.30", &[tax("  ", 0.13, "1.30")]);
    assert_eq!(invoice(&order, &Settings::default()), ["1 Mug at 10.00 Tax 13%", "11.30 CAD"]);
}
