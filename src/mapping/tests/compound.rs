//! Row "tax": a tax on a tax, for which Shopify has no flag.

use super::{taxes::one, *};

#[test]
fn a_tax_on_a_tax_is_told_by_its_amount_in_whatever_order_it_is_listed() {
    // 9.5 % of 100.00 would be 9.50, of 105.00 it is 9.98.
    let (gst, qst) = (tax("GST", 0.05, "5.00"), tax("QST", 0.095, "9.98"));
    let beside = tax("QST", 0.095, "9.50");
    let on_top = ["1 Mug at 100.00 GST 5%, QST 9.5% on top", "114.98 CAD"];
    let inclusive = one("114.98", "114.98", &[gst.clone(), qst.clone()]).set("/taxesIncluded", true);
    check_invoices(&[
        ("on top", one("100.00", "114.98", &[gst.clone(), qst.clone()]), but(|_| ()), &on_top),
        ("the other way round", one("100.00", "114.98", &[qst, gst.clone()]), but(|_| ()), &on_top),
        ("inside the price", inclusive, but(|_| ()), &on_top),
        (
            "side by side",
            one("100.00", "114.50", &[gst, beside]),
            but(|_| ()),
            &["1 Mug at 100.00 GST 5%, QST 9.5%", "114.50 CAD"],
        ),
    ]);
}

#[test]
fn a_refund_takes_a_tax_on_a_tax_back_as_such() {
    let mug = item("Mug", "100.00", 2, "200.00", &[tax("GST", 0.05, "10.00"), tax("QST", 0.095, "19.95")]);
    let order = order("229.95", &[mug]).refunded(refund(8, &[back(1, 1, "100.00", "14.98")], "114.98")).now("114.97");
    let expected =
        ["2 Mug at 100.00 GST 5%, QST 9.5% on top", "1 Refund: Mug at -100.00 GST 5%, QST 9.5% on top", "114.97 CAD"];
    assert_eq!(invoice(&order, &Settings::default()), expected);
}

#[test]
fn some_units_of_a_line_keep_its_tax_on_a_tax_though_their_share_is_a_cent_off() {
    // 9.5 % of 104.99 are 9.97; a third of that is 3.32, and 9.5 % of 35.00 are 3.33.
    let three = || {
        let taxes = [tax("GST", 0.05, "5.00"), tax("QST", 0.095, "9.97")];
        order("114.96", &[item("Mug", "33.33", 3, "99.99", &taxes)])
    };
    let returned = three().refunded(refund(8, &[back(1, 1, "33.33", "4.99")], "38.32")).now("76.64");
    let on_top = "at 33.33 GST 5%, QST 9.5% on top";
    check_invoices(&[
        (
            "one of three is left",
            three().unpaid().left(1, 1).now("38.32"),
            but(|_| ()),
            &[&format!("1 Mug {on_top}"), "1 Rounding at -0.01", "38.32 CAD"],
        ),
        (
            "one of three came back",
            returned,
            but(|_| ()),
            &[
                &format!("3 Mug {on_top}"),
                "1 Refund: Mug at -33.33 GST 5%, QST 9.5% on top",
                "1 Rounding at 0.01",
                "76.64 CAD",
            ],
        ),
    ]);
}
