//! Rows "tax" and "rounding": taxes that no percentage says, as exact lines of their own.

use serde_json::json;

use super::{taxes::one, *};

#[test]
fn a_percentage_that_freshbooks_does_not_take_becomes_a_line() {
    let forties = [tax("A", 0.4, "4.00"), tax("B", 0.4, "4.00"), tax("C", 0.4, "4.00")];
    check_invoices(&[
        (
            "over a hundred",
            one("10.00", "25.00", &[tax("Tobacco", 1.5, "15.00")]),
            but(|_| ()),
            &["1 Mug at 10.00", "1 Tax: Tobacco 150% at 15.00", "25.00 CAD"],
        ),
        (
            "a hundred",
            one("10.00", "20.00", &[tax("Luxury", 1, "10.00")]),
            but(|_| ()),
            &["1 Mug at 10.00 Luxury 100%", "20.00 CAD"],
        ),
        (
            "below zero",
            one("10.00", "9.50", &[tax("Relief", -0.05, "-0.50")]),
            but(|_| ()),
            &["1 Mug at 10.00", "1 Tax: Relief -5% at -0.50", "9.50 CAD"],
        ),
        (
            "a sum over a hundred",
            one("10.00", "22.00", &forties),
            but(|_| ()),
            &["1 Mug at 10.00", "1 Tax: A 40% at 4.00", "1 Tax: B 40% at 4.00", "1 Tax: C 40% at 4.00", "22.00 CAD"],
        ),
    ]);
}

#[test]
fn a_tax_amount_that_its_rate_does_not_make_becomes_a_line() {
    let sold = |name, price, taxes: &[Value]| item(name, price, 1, price, taxes);
    let mixed = order(
        "33.00",
        &[
            sold("Cup", "10.00", &[tax("HST", 0.13, "1.30")]),
            sold("Mug", "10.00", &[tax("HST", 0.13, "1.50")]),
            sold("Pot", "10.00", &[tax("GST", 0.05, "0.20")]),
        ],
    );
    check_invoices(&[
        (
            "ten cents too little",
            one("10.00", "11.30", &[tax("HST", 0.14, "1.30")]),
            but(|_| ()),
            &["1 Mug at 10.00", "1 Tax: HST 14% at 1.30", "11.30 CAD"],
        ),
        (
            "not charged at all",
            one("10.00", "10.00", &[tax("HST", 0.13, "0.00")]),
            but(|_| ()),
            &["1 Mug at 10.00", "10.00 CAD"],
        ),
        (
            "no rate, too large for three decimals",
            one("100000.00", "112345.67", &[tax("HST", json!(null), "12345.67")]),
            but(|_| ()),
            &["1 Mug at 100000.00", "1 Tax: HST at 12345.67", "112345.67 CAD"],
        ),
        (
            "one sum per tax of the whole invoice",
            mixed,
            but(|_| ()),
            &[
                "1 Cup at 10.00",
                "1 Mug at 10.00",
                "1 Pot at 10.00",
                "1 Tax: HST 13% at 2.80",
                "1 Tax: GST 5% at 0.20",
                "33.00 CAD",
            ],
        ),
    ]);
}

#[test]
fn taxes_as_lines_follow_inclusive_prices_and_refunds() {
    let inside = one("12.00", "12.00", &[tax("VAT", 0.1, "2.00")]).set("/taxesIncluded", true);
    let sold =
        |rate: f64, amount: &str| order("22.60", &[item("Mug", "10.00", 2, "20.00", &[tax("HST", rate, amount)])]);
    let returned = sold(0.14, "2.60").refunded(refund(8, &[back(1, 1, "10.00", "1.30")], "11.30")).now("11.30");
    let odd = sold(0.13, "2.60").refunded(refund(8, &[back(1, 1, "10.00", "1.00")], "11.00")).now("11.60");
    let credit = but(|settings| settings.refunds = settings::Refunds::CreditNote);
    let note = want(&odd, &credit);
    let note = only(&note.credits);
    check_invoices(&[
        ("inside the price", inside, but(|_| ()), &["1 Mug at 10.00", "1 Tax: VAT 10% at 2.00", "12.00 CAD"]),
        (
            "half of it back",
            returned,
            but(|_| ()),
            &["2 Mug at 10.00", "1 Refund: Mug at -10.00", "1 Tax: HST 14% at 1.30", "11.30 CAD"],
        ),
        (
            "less tax back than the goods bore",
            odd.clone(),
            but(|_| ()),
            &["2 Mug at 10.00", "1 Refund: Mug at -10.00", "1 Tax: HST 13% at 1.60", "11.60 CAD"],
        ),
        ("the same, by credit note", odd, credit, &["2 Mug at 10.00 HST 13%", "22.60 CAD"]),
    ]);
    let told = document(&note.draft.lines, note.total, Currency::new("CAD").unwrap());
    assert_eq!(told, ["1 Refund: Mug at 10.00", "1 Tax: HST 13% at 1.00", "11.00 CAD"]);
}

/// Shopify's import API allows a tax that stands on the order alone: two mugs, 24.00 + 3.12.
fn on_the_order_alone() -> Value {
    order("27.12", &[item("Mug", "12.00", 2, "24.00", &[])])
        .set("/taxLines", vec![tax("HST", 0.13, "3.12")])
        .set("/totalTaxSet", bag("3.12"))
        .set("/currentTotalTaxSet", bag("3.12"))
}

#[test]
fn a_tax_on_the_order_alone_is_a_line() {
    let inside = order("24.00", &[item("Mug", "12.00", 2, "24.00", &[])])
        .set("/taxesIncluded", true)
        .set("/taxLines", vec![tax("HST", 0.13, "2.76")])
        .set("/totalTaxSet", bag("2.76"));
    let summed = mugs().set("/taxLines", vec![tax("HST", 0.13, "3.12")]).set("/totalTaxSet", bag("3.12"));
    check_invoices(&[
        ("alone", on_the_order_alone(), but(|_| ()), &["2 Mug at 12.00", "1 Tax: HST 13% at 3.12", "27.12 CAD"]),
        ("the sum of the lines'", summed, but(|_| ()), &["2 Mug at 12.00 HST 13%", "27.12 CAD"]),
        ("inside the prices", inside, but(|_| ()), &["2 Mug at 12.00", "24.00 CAD"]),
    ]);
}

#[test]
fn a_tax_on_the_order_alone_goes_back_with_the_goods() {
    let order = on_the_order_alone()
        .refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56"))
        .now("13.56")
        .set("/currentTotalTaxSet", bag("1.56"));
    let taxes = ["1 Tax: HST 13% at 3.12", "1 Tax: HST 13% at -1.56"];
    let expected = ["2 Mug at 12.00", "1 Refund: Mug at -12.00", taxes[0], taxes[1], "13.56 CAD"];
    assert_eq!(invoice(&order, &Settings::default()), expected);
}

#[test]
fn a_tax_on_the_order_alone_shrinks_with_an_edit() {
    let order = on_the_order_alone().unpaid().left(1, 1).now("13.56").set("/currentTotalTaxSet", bag("1.56"));
    assert_eq!(invoice(&order, &Settings::default()), ["1 Mug at 12.00", "1 Tax: HST 13% at 1.56", "13.56 CAD"]);
}

#[test]
fn a_currency_without_decimals_never_leaves_a_fraction_to_freshbooks() {
    let tea = |price, total, taxes: &[Value]| order(total, &[item("Tea", price, 1, price, taxes)]).in_currency("JPY");
    check_invoices(&[
        (
            "whole",
            tea("1000", "1100", &[tax("VAT", 0.1, "100")]),
            but(|_| ()),
            &["1 Tea at 1000.00 VAT 10%", "1100.00 JPY"],
        ),
        (
            "8 % of 1015 are 81.2",
            tea("1015", "1096", &[tax("VAT", 0.08, "81")]),
            but(|_| ()),
            &["1 Tea at 1015.00", "1 Tax: VAT 8% at 81.00", "1096.00 JPY"],
        ),
        (
            "10 % inside 1000 are 90.9",
            tea("1000", "1000", &[tax("VAT", 0.1, "91")]).set("/taxesIncluded", true),
            but(|_| ()),
            &["1 Tea at 909.00", "1 Tax: VAT 10% at 91.00", "1000.00 JPY"],
        ),
    ]);
}
