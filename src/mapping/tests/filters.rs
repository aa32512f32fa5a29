//! Rows "which orders" and "when".

use super::{
    settings::{Filters, InvoiceWhen},
    *,
};

fn filtered(change: impl FnOnce(&mut Filters)) -> Settings {
    but(|settings| change(&mut settings.filters))
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// `booked`, or the reason why not.
fn told(order: &Value, settings: &Settings) -> String {
    let told = books(order, settings);
    if told.len() > 1 { "booked".to_owned() } else { told.concat() }
}

#[test]
fn each_filter_skips_by_its_name() {
    let tagged = || mugs().set("/tags", serde_json::json!(["wholesale", "VIP"]));
    let from = |source: &str| mugs().set("/sourceName", source);
    let status = |status: &str| mugs().set("/displayFinancialStatus", status);
    let nowhere = mugs().set("/sourceName", Value::Null);
    let no_status = mugs().set("/displayFinancialStatus", Value::Null);
    let paid_only = || filtered(|filters| filters.financial_statuses = list(&["PAID", "partially_refunded"]));
    let (web, not_pos) =
        (|| filtered(|f| f.sources = list(&["web", "POS"])), || filtered(|f| f.excluded_sources = list(&["pos"])));
    let (vip, not_vip) = (|| filtered(|f| f.tags = list(&["vip"])), || filtered(|f| f.excluded_tags = list(&["vip"])));
    let none = Settings::default;
    let table = [
        ("no filters", mugs(), none(), "booked"),
        ("a test order", mugs().set("/test", true), none(), "skipped: TEST_ORDER"),
        ("a test order, wanted", mugs().set("/test", true), filtered(|f| f.test_orders = true), "booked"),
        ("a status", status("PAID"), paid_only(), "booked"),
        ("a status in another case", status("PARTIALLY_REFUNDED"), paid_only(), "booked"),
        ("another status", status("PENDING"), paid_only(), "skipped: FINANCIAL_STATUS"),
        ("no status", no_status, paid_only(), "skipped: FINANCIAL_STATUS"),
        ("a source", from("web"), web(), "booked"),
        ("a source in another case", from("pos"), web(), "booked"),
        ("another source", from("subscription"), web(), "skipped: SOURCE"),
        ("no source", nowhere.clone(), web(), "skipped: SOURCE"),
        ("an excluded source", from("POS"), not_pos(), "skipped: SOURCE"),
        ("a source that is not excluded", from("web"), not_pos(), "booked"),
        ("no source, none asked for", nowhere, not_pos(), "booked"),
        ("a tag", tagged(), vip(), "booked"),
        ("no such tag", mugs(), vip(), "skipped: TAG"),
        ("an excluded tag", tagged(), not_vip(), "skipped: TAG"),
        ("no tag", mugs(), not_vip(), "booked"),
        (
            "wanted by one tag, excluded by another",
            tagged(),
            filtered(|f| (f.tags, f.excluded_tags) = (list(&["wholesale"]), list(&["VIP"]))),
            "skipped: TAG",
        ),
        (
            "the first rule gives the name",
            mugs().set("/test", true),
            filtered(|f| f.tags = list(&["vip"])),
            "skipped: TEST_ORDER",
        ),
    ];
    for (what, order, settings, expected) in table {
        assert_eq!(told(&order, &settings), expected, "{what}");
    }
}

#[test]
fn the_start_date_is_a_day_of_the_shop() {
    // Sold at 22:30 on the 19th in Toronto, when it was the 20th in Greenwich.
    for (start, expected) in
        [("2026-11-18", "booked"), ("2026-11-19", "booked"), ("2026-11-20", "skipped: BEFORE_START_DATE")]
    {
        assert_eq!(told(&mugs(), &but(|settings| settings.start_date = Some(day(start)))), expected, "{start}");
    }
}

#[test]
fn an_order_waits_until_it_is_paid_or_fulfilled_where_the_settings_say_so() {
    let when = |when| but(|settings| settings.invoice_when = when);
    let paid = |status: Value| mugs().set("/displayFinancialStatus", status);
    let sent = |status: Value| mugs().set("/displayFulfillmentStatus", status);
    let free =
        order("0.00", &[item("Sample", "0.00", 1, "0.00", &[])]).unpaid().set("/displayFinancialStatus", Value::Null);
    let (not_paid, not_sent) = ("waits: NOT_PAID_YET", "waits: NOT_FULFILLED_YET");
    let table = [
        (mugs().unpaid(), InvoiceWhen::Created, "booked"),
        (paid("PAID".into()), InvoiceWhen::Paid, "booked"),
        (paid("PARTIALLY_REFUNDED".into()), InvoiceWhen::Paid, "booked"),
        (paid("REFUNDED".into()), InvoiceWhen::Paid, "booked"),
        (paid("PENDING".into()), InvoiceWhen::Paid, not_paid),
        (paid("AUTHORIZED".into()), InvoiceWhen::Paid, not_paid),
        (paid("PARTIALLY_PAID".into()), InvoiceWhen::Paid, not_paid),
        (paid(Value::Null), InvoiceWhen::Paid, not_paid),
        (free, InvoiceWhen::Paid, "booked"),
        (sent("FULFILLED".into()), InvoiceWhen::Fulfilled, "booked"),
        (sent("FULFILLMENT_NOT_REQUIRED".into()), InvoiceWhen::Fulfilled, "booked"),
        (sent("PARTIALLY_FULFILLED".into()), InvoiceWhen::Fulfilled, not_sent),
        (sent("UNFULFILLED".into()), InvoiceWhen::Fulfilled, not_sent),
        (sent(Value::Null), InvoiceWhen::Fulfilled, not_sent),
        (mugs().unpaid().cancelled(), InvoiceWhen::Paid, "skipped: CANCELLED_BEFORE_INVOICE"),
        (mugs().cancelled(), InvoiceWhen::Fulfilled, "booked"),
    ];
    for (order, invoice_when, expected) in table {
        let status = (&order["displayFinancialStatus"], &order["displayFulfillmentStatus"]);
        assert_eq!(told(&order, &when(invoice_when)), expected, "{invoice_when:?} {status:?}");
    }
}

#[test]
fn an_order_that_has_its_invoice_is_kept_right_whatever_the_filters_say() {
    let settings = but(|settings| {
        settings.filters.sources = list(&["pos"]);
        settings.filters.excluded_tags = list(&["vip"]);
        settings.start_date = Some(day("2027-01-01"));
        settings.invoice_when = InvoiceWhen::Fulfilled;
    });
    let order = mugs().set("/tags", vec!["VIP"]);
    assert_eq!(told(&order, &settings), "skipped: BEFORE_START_DATE");
    assert_eq!(books_after(&order, &settings, &invoiced(|_| ())).len(), 3);
}

#[test]
fn every_skip_says_its_name_to_a_person() {
    use SkipRule::{BeforeStartDate, CancelledBeforeInvoice, FinancialStatus, Source, Tag, TestOrder};
    for rule in [TestOrder, BeforeStartDate, FinancialStatus, Source, Tag, CancelledBeforeInvoice] {
        let problem = rule.problem();
        assert_eq!(problem.code, rule.code());
        assert!(problem.message.ends_with('.') && problem.hint.ends_with('.'), "{problem:?}");
    }
}
