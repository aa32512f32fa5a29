//! Row "rounding", and law 2: a small difference shows as one untaxed line, a larger one finds another form or is refused.

use super::*;

/// One mug at 10.00 with a tax of 13 %, charged as `amount`.
fn charged(amount: &str, total: &str) -> Value {
    order(total, &[item("Mug", "10.00", 1, "10.00", &[tax("HST", 0.13, amount)])])
}

fn cap(hundredths: i64) -> Settings {
    but(|settings| settings.rounding_cap = Some(hundredths))
}

#[test]
fn each_rule_of_rounding_is_met_by_the_line_that_it_needs() {
    let sold =
        |price: &'static str, rate: f64, amount: &'static str| item("Mug", price, 1, price, &[tax("T", rate, amount)]);
    let three =
        order("34.23", &[sold("10.10", 0.13, "1.31"), sold("10.10", 0.13, "1.31"), sold("10.10", 0.13, "1.31")]);
    let tie = order("0.53", &[sold("0.50", 0.05, "0.03")]);
    let two_ties = order("1.06", &[sold("0.50", 0.05, "0.03"), sold("0.50", 0.05, "0.03")]);
    let even_tie = order("1.58", &[sold("1.50", 0.05, "0.08")]);
    let table = [
        ("per line 3 × 1.31, at once 3.94", three, [None, None, Some("-0.01"), Some("-0.01")]),
        ("2.5 cents", tie, [None, Some("0.01"), None, Some("0.01")]),
        ("twice 2.5 cents", two_ties, [None, Some("0.02"), Some("0.01"), Some("0.01")]),
        ("7.5 cents are 8 either way", even_tie, [None; 4]),
    ];
    for (what, order, expected) in table {
        for (index, rule) in Rule::ALL.into_iter().enumerate() {
            let shop = Shop { rules: Rules::from_bits(1 << index), ..toronto() };
            let told = invoice_by(&order, &Settings::default(), &shop, &Booked::default());
            let line = told.iter().find_map(|line| line.strip_prefix("1 Rounding at "));
            assert_eq!(line, expected[index], "{what}, {rule:?}");
        }
    }
}

#[test]
fn the_rounding_line_is_untaxed_visible_and_says_that_the_total_wants_it() {
    let wanted = want(&charged("1.31", "11.31"), &Settings::default());
    let line = wanted.invoice.draft.lines.last().unwrap();
    assert_eq!(
        (line.name.as_str(), line.qty, line.tax_name1.clone(), line.tax_name2.clone()),
        ("Rounding", 1, None, None)
    );
    assert_eq!(wanted.invoice.sources.last().unwrap().1, "currentTotalPriceSet");
}

#[test]
fn the_cap_is_a_cent_a_line_and_at_least_two_unless_it_is_set() {
    let mug = |amount: &'static str| item("Mug", "10.00", 1, "10.00", &[tax("HST", 0.13, amount)]);
    let three = order("33.93", &[mug("1.30"), mug("1.30"), mug("1.33")]);
    let yen = |amount: &'static str, total| {
        order(total, &[item("Tea", "1000", 1, "1000", &[tax("VAT", 0.1, amount)])]).in_currency("JPY")
    };
    let percent = "1 Mug at 10.00 HST 13%";
    check_invoices(&[
        ("two of two", charged("1.32", "11.32"), but(|_| ()), &[percent, "1 Rounding at 0.02", "11.32 CAD"]),
        ("two down", charged("1.28", "11.28"), but(|_| ()), &[percent, "1 Rounding at -0.02", "11.28 CAD"]),
        (
            "three of two",
            charged("1.33", "11.33"),
            but(|_| ()),
            &["1 Mug at 10.00", "1 Tax: HST 13% at 1.33", "11.33 CAD"],
        ),
        ("three of three", three, but(|_| ()), &[percent, percent, percent, "1 Rounding at 0.03", "33.93 CAD"]),
        ("one of none", charged("1.31", "11.31"), cap(0), &["1 Mug at 10.00", "1 Tax: HST 13% at 1.31", "11.31 CAD"]),
        ("none of none", charged("1.30", "11.30"), cap(0), &[percent, "11.30 CAD"]),
        ("five of five", charged("1.35", "11.35"), cap(5), &[percent, "1 Rounding at 0.05", "11.35 CAD"]),
        (
            "two yen of two",
            yen("102", "1102"),
            but(|_| ()),
            &["1 Tea at 1000.00 VAT 10%", "1 Rounding at 2.00", "1102.00 JPY"],
        ),
        (
            "three yen of two",
            yen("103", "1103"),
            but(|_| ()),
            &["1 Tea at 1000.00", "1 Tax: VAT 10% at 103.00", "1103.00 JPY"],
        ),
    ]);
}

#[test]
fn parts_that_do_not_make_the_total_are_refused_with_both_figures() {
    let wrong = order("99.00", &[item("Mug", "10.00", 1, "10.00", &[])]);
    let refusal = want_with(&wrong, &Settings::default(), &toronto(), &Booked::default());
    let Err(Refusal::Failed(problem)) = refusal else { panic!("{refusal:?}") };
    assert_eq!(problem.code, "NOT_TO_THE_CENT");
    assert_eq!(problem.message, "Shopify's order is owed 99.00, its parts make 10.00 CAD.");
    assert_eq!(
        invoice(&wrong, &cap(8900)),
        ["1 Mug at 10.00", "1 Rounding at 89.00", "99.00 CAD"],
        "as far as the cap goes"
    );
}

#[test]
fn what_no_rule_explains_is_corrected_once_freshbooks_has_answered() {
    // FreshBooks answered 27.13 for two mugs that make 27.12 by every rule.
    let answered = |by| invoiced(|invoice| invoice.unexplained = by);
    let percent = "2 Mug at 12.00 HST 13%";
    let table: [(i64, &[&str]); 4] = [
        (0, &[percent, "27.12 CAD"]),
        (1, &[percent, "1 Rounding at -0.01", "27.12 CAD"]),
        (-2, &[percent, "1 Rounding at 0.02", "27.12 CAD"]),
        (5, &["2 Mug at 12.00", "1 Tax: HST 13% at 3.12", "27.12 CAD"]),
    ];
    for (by, expected) in table {
        assert_eq!(invoice_by(&mugs(), &Settings::default(), &toronto(), &answered(by)), expected, "{by}");
    }
}

#[test]
fn a_credit_note_is_corrected_in_the_same_way() {
    let order = mugs().refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56")).now("13.56");
    let credited = BookedCredit { unexplained: -1, ..BookedCredit::default() };
    let booked = Booked { credited: [(8, credited)].into(), ..invoiced(|_| ()) };
    let wanted = want_with(&order, &Settings::default(), &toronto(), &booked).unwrap();
    let credit = only(&wanted.credits);
    let told = document(&credit.draft.lines, credit.total, wanted.currency);
    assert_eq!(told, ["1 Refund: Mug at 12.00 HST 13%", "1 Rounding at 0.01", "13.56 CAD"]);
}
