//! Locked books: nothing is written with a date in the locked period, and nothing that has such a date is changed.

use chrono::NaiveDate;
use entity::synced_order::State;
use ml_connector::{
    mapping::settings::{Change, Discounts, LateChanges, Settings, To},
    sandbox::shopify::{build, model::OrderCancelReason},
};

use crate::harness::{TestApp, World, mugs};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn locked(through: &str) -> Change {
    Change { locked_through: To::Value(day(through)), ..Change::default() }
}

/// Books that are locked through 2026-10-31; the orders of the tests are from 2026-10-02.
async fn locked_books(late_changes: LateChanges) -> TestApp {
    let settings = Settings { locked_through: Some(day("2026-10-31")), late_changes, ..Settings::default() };
    TestApp::in_world(World { settings, ..World::default() }).await
}

/// The dates of all documents.
fn dates(app: &TestApp) -> Vec<NaiveDate> {
    let invoices = app.freshbooks.invoices().into_iter().map(|invoice| invoice.create_date);
    let payments = app.freshbooks.payments().into_iter().map(|payment| payment.date);
    invoices.chain(payments).chain(app.freshbooks.credit_notes().into_iter().map(|note| note.create_date)).collect()
}

#[tokio::test]
async fn what_belongs_into_the_locked_period_is_dated_on_the_first_open_day_and_says_so() {
    let app = locked_books(LateChanges::OpenPeriod).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(dates(&app), [day("2026-11-01"), day("2026-11-01")]);
    let invoice = &app.freshbooks.invoices()[0];
    assert!(invoice.notes.contains("Sold on 2026-10-02."), "{}", invoice.notes);
    // The lock moves on past the invoice: nothing is moved after it, and nothing waits.
    app.change(locked("2026-11-02")).await;
    app.shopify.evolve(placed.id, |order| order.fulfilled());
    app.pull().await;
    assert_eq!(dates(&app), [day("2026-11-01"), day("2026-11-01")]);
    app.end().await;
}

#[tokio::test]
async fn where_late_changes_wait_nothing_is_written_into_the_locked_period() {
    let app = locked_books(LateChanges::Wait).await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "LOCKED_PERIOD".to_owned()));
    assert_eq!(dates(&app), Vec::<NaiveDate>::new());
    app.change(Change { late_changes: To::Value(LateChanges::OpenPeriod), ..Change::default() }).await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_refund_of_a_locked_invoice_becomes_a_credit_note_in_the_open_period() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.change(locked("2026-10-31")).await;
    app.shopify.evolve(placed.id, |order| order.on("2026-10-20T15:00:00Z").refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.credits(), ["13.56 CAD on 2026-11-01"]);
    assert!(app.freshbooks.credit_notes()[0].notes.contains("Refunded on 2026-10-20."));
    // Once it is recorded so it stays so, also when the books are open again.
    app.change(Change { locked_through: To::Default, ..Change::default() }).await;
    app.shopify.evolve(placed.id, |order| order.fulfilled());
    app.pull().await;
    assert_eq!(app.credits(), ["13.56 CAD on 2026-11-01"]);
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_late_payment_of_a_locked_invoice_goes_into_the_open_period() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(build::order(1001).line("Mug", "20.00", 1).placed());
    app.pull().await;
    app.change(locked("2026-10-31")).await;
    // Another look of the lines is no reason to touch what is locked.
    app.change(Change { discounts: To::Value(Discounts::Folded), ..Change::default() }).await;
    app.shopify.evolve(placed.id, |order| order.on("2026-10-20T15:00:00Z").paid("shopify_payments"));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["20.00 CAD, paid"]);
    assert_eq!(dates(&app), [day("2026-10-02"), day("2026-11-01")]);
    app.end().await;
}

#[tokio::test]
async fn what_would_change_a_locked_invoice_waits_whole() {
    let app = TestApp::start().await;
    let edited = app.shopify.place(mugs(1001));
    let cancelled = app.shopify.place(build::order(1002).line("Mug", "10.00", 1).placed());
    app.pull().await;
    let before = app.freshbooks.invoices();
    app.change(locked("2026-10-31")).await;
    app.shopify.evolve(edited.id, |order| order.edit_adds("Spoon", "3.00", 1).paid("manual"));
    app.shopify.evolve(cancelled.id, |order| order.cancelled(OrderCancelReason::Customer));
    app.pull().await;
    for name in ["#1001", "#1002"] {
        assert_eq!(app.state(name).await, (State::Waiting, "LOCKED_PERIOD".to_owned()), "{name}");
    }
    assert_eq!(app.freshbooks.invoices(), before);
    app.change(Change { locked_through: To::Default, ..Change::default() }).await;
    assert_eq!(app.invoices_of("#1001"), ["36.16 CAD, paid"]);
    assert_eq!(app.invoices_of("#1002"), Vec::<String>::new());
    app.end().await;
}
