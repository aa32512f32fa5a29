//! Row "shipping": a line of its own, with its discount and its taxes.

use super::*;

fn hst(amount: &str) -> Value {
    tax("HST", 0.13, amount)
}

/// A mug at 12.00 with HST, shipped.
fn shipped(total: &str, line: Value) -> Value {
    order(total, &[item("Mug", "12.00", 1, "12.00", &[hst("1.56")])]).shipped(line)
}

#[test]
fn shipping_is_a_line_with_its_taxes() {
    let mug = "1 Mug at 12.00 HST 13%";
    let two = shipped("25.99", shipping("Post", "8.00", &[hst("1.04")])).shipped(shipping(
        "Insurance",
        "3.00",
        &[hst("0.39")],
    ));
    check_invoices(&[
        (
            "taxed",
            shipped("22.60", shipping("Post", "8.00", &[hst("1.04")])),
            but(|_| ()),
            &[mug, "1 Shipping: Post at 8.00 HST 13%", "22.60 CAD"],
        ),
        (
            "not taxed",
            shipped("21.56", shipping("Post", "8.00", &[])),
            but(|_| ()),
            &[mug, "1 Shipping: Post at 8.00", "21.56 CAD"],
        ),
        (
            "free",
            shipped("13.56", shipping("Pick-up", "0.00", &[])),
            but(|_| ()),
            &[mug, "1 Shipping: Pick-up at 0.00", "13.56 CAD"],
        ),
        (
            "without an id",
            shipped("21.56", shipping("Post", "8.00", &[]).set("/id", Value::Null)),
            but(|_| ()),
            &[mug, "1 Shipping: Post at 8.00", "21.56 CAD"],
        ),
        (
            "two of them",
            two,
            but(|_| ()),
            &[mug, "1 Shipping: Post at 8.00 HST 13%", "1 Shipping: Insurance at 3.00 HST 13%", "25.99 CAD"],
        ),
    ]);
}

#[test]
fn shipping_that_was_removed_is_not_there() {
    let order = shipped("13.56", shipping("Post", "8.00", &[hst("1.04")]).set("/isRemoved", true));
    assert_eq!(invoice(&order, &Settings::default()), ["1 Mug at 12.00 HST 13%", "13.56 CAD"]);
}

#[test]
fn a_discount_on_shipping_shows_like_any_other() {
    let free = shipping("Post", "8.00", &[hst("0.00")]).set("/discountedPriceSet", bag("0.00")).off("8.00", 0);
    let some = shipping("Post", "8.00", &[hst("0.65")]).set("/discountedPriceSet", bag("5.00")).off("3.00", 1);
    let unexplained = shipping("Post", "8.00", &[hst("0.65")]).set("/discountedPriceSet", bag("5.00"));
    let mug = "1 Mug at 12.00 HST 13%";
    let full = "1 Shipping: Post at 8.00 HST 13%";
    let folded = || but(|settings| settings.discounts = settings::Discounts::Folded);
    check_invoices(&[
        (
            "all of it",
            shipped("13.56", free.clone()),
            but(|_| ()),
            &[mug, full, "1 Discount SAVE10 at -8.00 HST 13%", "13.56 CAD"],
        ),
        ("all, folded", shipped("13.56", free), folded(), &[mug, "1 Shipping: Post at 0.00 HST 13%", "13.56 CAD"]),
        (
            "some of it",
            shipped("19.21", some.clone()),
            but(|_| ()),
            &[mug, full, "1 Discount Summer at -3.00 HST 13%", "19.21 CAD"],
        ),
        ("some, folded", shipped("19.21", some), folded(), &[mug, "1 Shipping: Post at 5.00 HST 13%", "19.21 CAD"]),
        (
            "what was charged wins over what explains it",
            shipped("19.21", unexplained),
            but(|_| ()),
            &[mug, full, "1 Discount at -3.00 HST 13%", "19.21 CAD"],
        ),
    ]);
}

#[test]
fn shipping_with_tax_inside_becomes_net() {
    let vat = |amount| tax("VAT", 0.2, amount);
    let order = order("18.00", &[item("Mug", "12.00", 1, "12.00", &[vat("2.00")])])
        .shipped(shipping("Post", "6.00", &[vat("1.00")]))
        .set("/taxesIncluded", true);
    let expected = ["1 Mug at 10.00 VAT 20%", "1 Shipping: Post at 5.00 VAT 20%", "18.00 CAD"];
    assert_eq!(invoice(&order, &Settings::default()), expected);
}
