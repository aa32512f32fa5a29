//! Which orders are booked and from when on; and that an order which has its invoice is kept right all the same.

use entity::synced_order::State;
use ml_connector::{
    mapping::settings::{Cancelled, Change, Filters, FiltersChange, InvoiceWhen, Issue, Settings, To},
    sandbox::shopify::{build, model::OrderCancelReason},
};

use crate::harness::{TestApp, World, mugs};

async fn with(settings: Settings) -> TestApp {
    TestApp::in_world(World { settings, ..World::default() }).await
}

#[tokio::test]
async fn each_filter_leaves_out_by_its_name_and_lets_in_what_it_names() {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let filters = Filters {
        financial_statuses: list(&["PAID", "PARTIALLY_REFUNDED"]),
        sources: list(&["web", "POS"]),
        excluded_tags: list(&["wholesale"]),
        ..Filters::default()
    };
    let start_date = Some("2026-09-30".parse().unwrap());
    let app = with(Settings { filters, start_date, ..Settings::default() }).await;
    let sold = |number| build::order(number).line("Mug", "10.00", 1).tag("vip");
    app.shopify.place(sold(1001).paid("manual"));
    app.shopify.place(sold(1002).unpaid("Bank Deposit"));
    app.shopify.place(sold(1003).source("importer").paid("manual"));
    app.shopify.place(sold(1004).tag("Wholesale").paid("manual"));
    app.shopify.place(sold(1005).test().paid("bogus"));
    app.shopify.place(sold(1006).at("2026-09-29T12:00:00Z").paid("manual"));
    app.shopify.place(sold(1007).source("pos").paid("cash"));
    app.pull().await;
    let states = app.states().await;
    let rules: Vec<_> = states.values().map(|(_, reason)| reason.split(':').next().unwrap_or_default()).collect();
    assert_eq!(rules, ["", "FINANCIAL_STATUS", "SOURCE", "TAG", "TEST_ORDER", "BEFORE_START_DATE", ""]);
    assert_eq!(app.freshbooks.invoices().len(), 2);
    // A wider filter brings what it let out.
    let filters = FiltersChange { financial_statuses: To::Default, ..FiltersChange::default() };
    app.change(Change { filters: To::Value(filters), ..Change::default() }).await;
    assert_eq!(app.invoices_of("#1002"), ["10.00 CAD, unpaid"]);
    app.end().await;
}

#[tokio::test]
async fn an_order_with_an_invoice_is_kept_right_whatever_the_filters_say() {
    let filters = Filters { financial_statuses: vec!["PAID".to_owned()], ..Filters::default() };
    let app = with(Settings { filters, ..Settings::default() }).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"], "it reads PARTIALLY_REFUNDED now");
    app.end().await;
}

#[tokio::test]
async fn an_order_is_invoiced_once_it_is_paid_or_sent_and_waits_until_then() {
    for (invoice_when, code) in [(InvoiceWhen::Paid, "NOT_PAID_YET"), (InvoiceWhen::Fulfilled, "NOT_FULFILLED_YET")] {
        let app = with(Settings { invoice_when, ..Settings::default() }).await;
        let placed = app.shopify.place(build::order(1001).line("Mug", "10.00", 1).placed());
        app.pull().await;
        assert_eq!(app.state("#1001").await, (State::Waiting, code.to_owned()));
        app.shopify.evolve(placed.id, |order| order.paid_part("manual", "4.00"));
        app.pull().await;
        assert_eq!(app.state("#1001").await, (State::Waiting, code.to_owned()));
        app.shopify.evolve(placed.id, |order| order.paid("manual").fulfilled());
        app.pull().await;
        assert_eq!(app.invoices_of("#1001"), ["10.00 CAD, paid"], "{invoice_when:?}");
        assert_eq!(app.freshbooks.payments().len(), 2);
        app.end().await;
    }
}

#[tokio::test]
async fn an_unpaid_cancellation_may_be_left_to_a_person() {
    let app = with(Settings { cancelled: Cancelled::Person, ..Settings::default() }).await;
    let placed = app.shopify.place(build::order(1001).line("Mug", "10.00", 1).placed());
    app.pull().await;
    app.shopify.evolve(placed.id, |order| order.cancelled(OrderCancelReason::Customer));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "CANCELLATION_LEFT_TO_PERSON".to_owned()));
    assert_eq!(app.invoices_of("#1001"), ["10.00 CAD, unpaid"]);
    app.change(Change { cancelled: To::Value(Cancelled::Void), ..Change::default() }).await;
    assert_eq!(app.invoices_of("#1001"), Vec::<String>::new());
    app.end().await;
}

#[tokio::test]
async fn an_invoice_goes_as_far_as_the_settings_let_it_and_is_mailed_once() {
    for (issue, expected) in [(Issue::Sent, ("sent", 0)), (Issue::Draft, ("draft", 0)), (Issue::Email, ("sent", 1))] {
        let app = with(Settings { issue, ..Settings::default() }).await;
        let placed = app.shopify.place(mugs(1001));
        app.shopify.place(build::order(1002).line("Mug", "10.00", 1).walk_in().paid("cash"));
        app.pull().await;
        app.shopify.evolve(placed.id, |order| order.edit_adds("Spoon", "3.00", 1));
        app.pull().await;
        let invoices = app.freshbooks.invoices();
        let (to_ada, to_nobody) = (&invoices[0], &invoices[1]);
        assert_eq!((to_ada.display_status.as_str(), to_ada.emails_sent), expected, "{issue:?}");
        assert_eq!((to_nobody.display_status.as_str(), to_nobody.emails_sent), (expected.0, 0), "{issue:?}");
        app.end().await;
    }
}
