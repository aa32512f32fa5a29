//! Row "discounts": Shopify's own allocations per line, as lines of their own or folded into the price.

use super::{settings::Discounts, *};

fn folded() -> Settings {
    but(|settings| settings.discounts = Discounts::Folded)
}

/// Two mugs at 12.00, 10 % off, HST on the rest: 21.60 + 2.81.
fn ten_percent_off() -> Value {
    order("24.41", &[item("Mug", "12.00", 2, "24.00", &[tax("HST", 0.13, "2.81")]).off("2.40", 0)])
}

#[test]
fn a_discount_is_a_line_of_its_own_with_the_same_taxes_or_folded_into_the_price() {
    let own = ["2 Mug at 12.00 HST 13%", "1 Discount SAVE10 at -2.40 HST 13%", "24.41 CAD"];
    check_invoices(&[
        ("own line", ten_percent_off(), but(|_| ()), &own),
        ("folded", ten_percent_off(), folded(), &["2 Mug at 10.80 HST 13%", "24.41 CAD"]),
    ]);
    let wanted = want(&ten_percent_off(), &Settings::default());
    assert_eq!(wanted.invoice.draft.lines[1].description, "Mug", "it says what it is off");
}

#[test]
fn an_order_discount_is_split_as_shopify_split_it() {
    // 10.00 off three lines of 10.00 each: 3.34, 3.33, 3.33.
    let sold = |name, off| item(name, "10.00", 1, "10.00", &[]).off(off, 0);
    let order = order("20.00", &[sold("Cup", "3.34"), sold("Mug", "3.33"), sold("Pot", "3.33")]);
    let own = [
        "1 Cup at 10.00",
        "1 Discount SAVE10 at -3.34",
        "1 Mug at 10.00",
        "1 Discount SAVE10 at -3.33",
        "1 Pot at 10.00",
        "1 Discount SAVE10 at -3.33",
        "20.00 CAD",
    ];
    check_invoices(&[
        ("own lines", order.clone(), but(|_| ()), &own),
        ("folded", order, folded(), &["1 Cup at 6.66", "1 Mug at 6.67", "1 Pot at 6.67", "20.00 CAD"]),
    ]);
}

#[test]
fn several_discounts_on_a_line_each_keep_their_name() {
    let mug = item("Mug", "10.00", 3, "30.00", &[]).off("3.00", 0).off("2.00", 1).off("0.50", 9).off("0.00", 0);
    let order = order("24.50", &[mug]);
    let own = [
        "3 Mug at 10.00",
        "1 Discount SAVE10 at -3.00",
        "1 Discount Summer at -2.00",
        "1 Discount at -0.50",
        "24.50 CAD",
    ];
    check_invoices(&[
        ("by code, by title, by neither", order.clone(), but(|_| ()), &own),
        ("folded, where it does not divide", order, folded(), &["1 Mug at 8.16", "2 Mug at 8.17", "24.50 CAD"]),
    ]);
}

#[test]
fn a_line_given_away_is_all_discount() {
    let order = order("0.00", &[item("Mug", "12.00", 1, "12.00", &[tax("HST", 0.13, "0.00")]).off("12.00", 0)]);
    check_invoices(&[
        (
            "own line",
            order.clone(),
            but(|_| ()),
            &["1 Mug at 12.00 HST 13%", "1 Discount SAVE10 at -12.00 HST 13%", "0.00 CAD"],
        ),
        ("folded", order, folded(), &["1 Mug at 0.00 HST 13%", "0.00 CAD"]),
    ]);
}

#[test]
fn a_discount_on_prices_with_tax_inside_is_net_too() {
    // 21.60, of which 3.60 tax.
    let order = order("21.60", &[item("Mug", "12.00", 2, "24.00", &[tax("VAT", 0.2, "3.60")]).off("2.40", 0)])
        .set("/taxesIncluded", true);
    let away =
        super::order::order("0.00", &[item("Mug", "12.00", 1, "12.00", &[tax("VAT", 0.2, "0.00")]).off("12.00", 0)])
            .set("/taxesIncluded", true);
    check_invoices(&[
        (
            "own line",
            order.clone(),
            but(|_| ()),
            &["2 Mug at 10.00 VAT 20%", "1 Discount SAVE10 at -2.00 VAT 20%", "21.60 CAD"],
        ),
        ("folded", order, folded(), &["2 Mug at 9.00 VAT 20%", "21.60 CAD"]),
        (
            "given away",
            away,
            but(|_| ()),
            &["1 Mug at 12.00 VAT 20%", "1 Discount SAVE10 at -12.00 VAT 20%", "0.00 CAD"],
        ),
    ]);
}

#[test]
fn a_cent_that_two_taxed_lines_round_apart_is_a_rounding_line_where_folding_needs_none() {
    // Shopify: 13 % of 1.02 are 0.13. FreshBooks: 13 % of 1.05 are 0.14, of -0.03 nothing.
    let order = order("1.15", &[item("Pin", "1.05", 1, "1.05", &[tax("HST", 0.13, "0.13")]).off("0.03", 0)]);
    check_invoices(&[
        (
            "own line",
            order.clone(),
            but(|_| ()),
            &["1 Pin at 1.05 HST 13%", "1 Discount SAVE10 at -0.03 HST 13%", "1 Rounding at -0.01", "1.15 CAD"],
        ),
        ("folded", order, folded(), &["1 Pin at 1.02 HST 13%", "1.15 CAD"]),
    ]);
}
