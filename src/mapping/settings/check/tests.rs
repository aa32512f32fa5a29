use rust_decimal::Decimal;

use super::{
    super::{Change, Filters, FiltersChange, To},
    *,
};

fn bounds() -> Bounds {
    let neighbour = |connection, name: &str, invoice_number: &str| Neighbour {
        connection,
        name: name.to_owned(),
        invoice_number: invoice_number.to_owned(),
    };
    Bounds {
        today: "2026-11-20".parse().unwrap(),
        largest_number: Some(12_345),
        neighbours: vec![neighbour(7, "Outlet", "OUT-{number}"), neighbour(8, "Wholesale", "W{number}X")],
    }
}

fn texts(list: &[&str]) -> To<Vec<String>> {
    To::Value(list.iter().map(|text| (*text).to_owned()).collect())
}

fn types(list: &[(&str, &str)]) -> To<Vec<(String, String)>> {
    To::Value(list.iter().map(|(gateway, kind)| ((*gateway).to_owned(), (*kind).to_owned())).collect())
}

/// The fields that this change makes wrong.
fn fields(change: Change) -> Vec<&'static str> {
    let mut wrong = change.wrong();
    wrong.extend(check(&change.apply(&Settings::default()), &bounds()));
    wrong.iter().map(|wrong| wrong.field).collect()
}

#[test]
fn the_defaults_can_be_meant() {
    assert_eq!(check(&Settings::default(), &bounds()), []);
}

#[test]
fn each_setting_is_held_to_its_rule() {
    let filters = |change| Change { filters: To::Value(change), ..Change::default() };
    let day = |text: &str| To::Value(text.parse().unwrap());
    let long = "x".repeat(256);
    for (change, expected) in [
        (Change::default(), vec![]),
        (Change { start_date: day("1990-01-01"), ..Change::default() }, vec![]),
        (Change { start_date: day("1989-12-31"), ..Change::default() }, vec!["startDate"]),
        (Change { locked_through: day("2026-11-19"), ..Change::default() }, vec![]),
        (Change { locked_through: day("2026-11-20"), ..Change::default() }, vec!["lockedThrough"]),
        (Change { rounding_cap: To::Value(Decimal::new(500, 2)), ..Change::default() }, vec![]),
        (Change { rounding_cap: To::Value(Decimal::new(5000, 3)), ..Change::default() }, vec![]),
        (Change { rounding_cap: To::Value(Decimal::new(501, 2)), ..Change::default() }, vec!["roundingCap"]),
        (Change { rounding_cap: To::Value(Decimal::new(-1, 2)), ..Change::default() }, vec!["roundingCap"]),
        (Change { rounding_cap: To::Value(Decimal::new(5, 3)), ..Change::default() }, vec!["roundingCap"]),
        (Change { rounding_cap: To::Value(Decimal::MAX), ..Change::default() }, vec!["roundingCap"]),
        (Change { rounding_cap: To::Value(Decimal::MIN), ..Change::default() }, vec!["roundingCap"]),
        (Change { generic_client: To::Value("  ".to_owned()), ..Change::default() }, vec!["genericClient"]),
        (Change { generic_client: To::Value(long.clone()), ..Change::default() }, vec!["genericClient"]),
        (Change { generic_client: To::Value("a\nb".to_owned()), ..Change::default() }, vec!["genericClient"]),
        (Change { payment_types: types(&[]), ..Change::default() }, vec![]),
        (Change { payment_types: types(&[("a", "2Checkout"), ("b", "Other")]), ..Change::default() }, vec![]),
        (Change { payment_types: types(&[("gift_card", "Credit")]), ..Change::default() }, vec!["paymentTypes"]),
        (Change { payment_types: types(&[("", "Cash")]), ..Change::default() }, vec!["paymentTypes"]),
        (Change { payment_types: types(&[("a", "Cash"), ("a", "Check")]), ..Change::default() }, vec!["paymentTypes"]),
        (Change { payment_types: types(&[("a", "Cash"), ("A", "Cash")]), ..Change::default() }, vec!["paymentTypes"]),
        (filters(FiltersChange { financial_statuses: texts(&["paid", " PENDING"]), ..Default::default() }), vec![]),
        (
            filters(FiltersChange { financial_statuses: texts(&["OPEN"]), ..Default::default() }),
            vec!["filters.financialStatuses"],
        ),
        (
            filters(FiltersChange {
                sources: texts(&["web"]),
                excluded_sources: texts(&["Web"]),
                tags: texts(&["a", "vip"]),
                excluded_tags: texts(&["b", "VIP"]),
                ..Default::default()
            }),
            vec!["filters.excludedSources", "filters.excludedTags"],
        ),
        (filters(FiltersChange { tags: texts(&["a", " "]), ..Default::default() }), vec!["filters.tags"]),
        (filters(FiltersChange { tags: texts(&[&long]), ..Default::default() }), vec!["filters.tags"]),
    ] {
        assert_eq!(fields(change.clone()), expected, "{change:?}");
    }
}

#[test]
fn an_invoice_number_is_short_plain_and_nobody_elses() {
    let taken = |connection, name: &str| Reason::Taken { connection, name: name.to_owned() };
    for (template, largest, expected) in [
        ("{number}", None, None),
        ("SHOPS-{number}", None, None),
        ("SHOPS-{number}", Some(99_999), Some("11 characters")),
        ("SHOP-{number}", Some(99_999), None),
        ("SHOP-{number}", Some(100_000), Some("11 characters")),
        ("{number}/26", Some(9), None),
        ("SH-", None, Some("exactly once")),
        ("{number}{number}", None, Some("exactly once")),
        ("SH {number}", None, Some("` `")),
        ("№{number}", None, Some("`№`")),
        ("{{number}}", None, Some("`{`")),
    ] {
        let settings = Settings { invoice_number: template.to_owned(), ..Settings::default() };
        let bounds = Bounds { largest_number: largest, neighbours: Vec::new(), ..bounds() };
        let wrong = check(&settings, &bounds).into_iter().next().map(|wrong| wrong.to_string());
        let as_expected = match (&wrong, expected) {
            (Some(said), Some(words)) => said.starts_with("invoiceNumber: ") && said.contains(words),
            (None, None) => true,
            _ => false,
        };
        assert!(as_expected, "{template} with {largest:?}: {wrong:?}");
    }
    for (template, expected) in [
        ("out-{number}", Some(taken(7, "Outlet"))),
        ("OUT-1{number}", Some(taken(7, "Outlet"))),
        ("OUT-{number}0", Some(taken(7, "Outlet"))),
        ("OUT-0{number}", None),
        ("{number}", None),
        ("OUT{number}", None),
        ("W{number}", None),
        ("W2{number}X", Some(taken(8, "Wholesale"))),
    ] {
        let settings = Settings { invoice_number: template.to_owned(), ..Settings::default() };
        let wrong = check(&settings, &Bounds { largest_number: None, ..bounds() });
        assert_eq!(wrong.into_iter().next().map(|wrong| wrong.reason), expected, "{template}");
    }
}

#[test]
fn what_is_not_named_stays_and_null_is_the_default() {
    let before = Settings {
        invoice_number: "SH-{number}".to_owned(),
        rounding_cap: Some(7),
        filters: Filters { tags: vec!["vip".to_owned()], test_orders: true, ..Filters::default() },
        ..Settings::default()
    };
    assert_eq!(Change::default().apply(&before), before);
    let filters = FiltersChange { test_orders: To::Default, sources: texts(&["web ", "web"]), ..Default::default() };
    let after = Change { rounding_cap: To::Default, filters: To::Value(filters), ..Change::default() }.apply(&before);
    assert_eq!((after.rounding_cap, after.invoice_number.as_str()), (None, "SH-{number}"));
    let expected = Filters { tags: vec!["vip".to_owned()], sources: vec!["web".to_owned()], ..Filters::default() };
    assert_eq!(after.filters, expected);
    let after = Change { filters: To::Default, invoice_number: To::Default, ..Change::default() }.apply(&before);
    assert_eq!((after.filters, after.invoice_number.as_str()), (Filters::default(), "{number}"));
}

#[test]
fn settings_are_listed_as_the_api_spells_them() {
    let settings = Settings {
        refunds: super::super::Refunds::CreditNote,
        rounding_cap: Some(5),
        filters: Filters { tags: vec!["a".to_owned(), "b".to_owned()], ..Filters::default() },
        ..Settings::default()
    };
    let listed = super::super::listed(&settings);
    let of = |name: &str| listed.iter().find(|(known, _)| *known == name).and_then(|(_, text)| text.as_deref());
    assert_eq!((of("refunds"), of("roundingCap")), (Some("CREDIT_NOTE"), Some("0.05")));
    assert_eq!((of("filters.tags"), of("filters.sources")), (Some("a, b"), None));
    assert_eq!(
        of("paymentTypes"),
        Some("bank_deposit: Bank Transfer, cash: Cash, paypal: PayPal, shopify_payments: Credit Card")
    );
    assert_eq!((of("filters.testOrders"), of("matching")), (Some("false"), Some("VERIFIED_EMAIL")));
}
