//! A document that is named again: linked already, named and not read yet, or linked once and deleted since.

use entity::{audit_entry, synced_order::State};
use ml_connector::{
    auth::Actor,
    order,
    sandbox::shopify::{build, model::OrderCancelReason},
};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::{adopt, adoptions, client_by_hand, document, invoice_by_hand, name, steps, transaction};
use crate::harness::{TestApp, mugs};

#[tokio::test]
async fn naming_the_same_document_again_changes_nothing() {
    let app = TestApp::start().await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    let fields = document("INVOICE", invoice);
    for _ in 0..2 {
        let payload = name(&app, "#1001", &fields).await;
        assert_eq!(payload, json!({"order": {"name": "#1001", "state": "DUE"}, "userErrors": []}));
    }
    app.settle().await;
    let (calls, entries) = (app.calls(), all_entries(&app).await);
    let payload = name(&app, "#1001", &fields).await;
    assert_eq!(payload, json!({"order": {"name": "#1001", "state": "SYNCED"}, "userErrors": []}));
    app.settle().await;
    assert_eq!((app.calls(), all_entries(&app).await), (calls, entries));
    let expected = steps(&[("adopt_invoice", "named"), ("adopt_invoice", "adopted")]);
    assert_eq!(adoptions(&app, "#1001").await, expected);
    app.end().await;
}

async fn all_entries(app: &TestApp) -> usize {
    audit_entry::Entity::find().all(app.app.db.read()).await.unwrap().len()
}

async fn dismiss(app: &TestApp) {
    let row = app.order("#1001").await;
    order::dismiss(&app.app, &Actor::system("test"), row.id, "booked by hand").await.unwrap();
}

/// An order and an invoice by hand that is to be its own.
async fn by_hand(app: &TestApp) -> (u64, Value) {
    let client = client_by_hand(app, 1001).await;
    let invoice = invoice_by_hand(app, client, "1001", json!({})).await;
    let placed = app.shopify.place(mugs(1001));
    Box::pin(app.pull()).await;
    (placed.id, document("INVOICE", invoice))
}

#[tokio::test]
async fn an_order_that_was_dismissed_before_its_document_was_read_is_taken_up_by_naming_it_again() {
    let app = TestApp::start().await;
    let (_, fields) = by_hand(&app).await;
    name(&app, "#1001", &fields).await;
    dismiss(&app).await;
    app.settle().await;
    assert_eq!(app.order("#1001").await.state, State::Dismissed);

    adopt(&app, "#1001", &fields).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    assert_eq!((app.invoices_of("#1001"), app.freshbooks.invoices().len()), (vec!["32.77 CAD, paid".to_owned()], 1));
    let named = ("adopt_invoice", "named");
    assert_eq!(adoptions(&app, "#1001").await, steps(&[named, named, ("adopt_invoice", "adopted")]));
    app.end().await;
}

#[tokio::test]
async fn an_order_that_was_dismissed_with_its_document_linked_is_taken_up_as_well() {
    let app = TestApp::start().await;
    let (order, fields) = by_hand(&app).await;
    adopt(&app, "#1001", &fields).await;
    dismiss(&app).await;
    app.shopify.evolve(order, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);

    adopt(&app, "#1001", &fields).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"]);
    let again = app.trail("#1001").await.into_iter().rfind(|entry| entry.outcome == "named").unwrap();
    assert!(again.message.contains("Said again") && again.message.contains("taken up"), "{}", again.message);
    app.end().await;
}

/// The document is refused with what to do instead, and all is as before.
async fn is_not_linked_anew(app: &TestApp, fields: &Value) {
    let (row, entries) = (app.order("#1001").await, all_entries(app).await);
    let payload = name(app, "#1001", fields).await;
    let error = &payload["userErrors"][0];
    assert_eq!((&error["field"], &error["code"]), (&json!(["input", "freshbooksId"]), &json!("TAKEN")), "{payload}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("was deleted") && message.contains("resyncOrder"), "{message}");
    assert!(payload["order"].is_null());
    assert_eq!((app.order("#1001").await, all_entries(app).await), (row, entries));
}

#[tokio::test]
async fn an_invoice_that_was_deleted_since_is_not_linked_anew() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(build::order(1001).line("Mug", "10.00", 1).placed());
    app.pull().await;
    let fields = document("INVOICE", app.freshbooks.invoices()[0].id);
    app.shopify.evolve(placed.id, |order| order.cancelled(OrderCancelReason::Customer));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), Vec::<String>::new());
    is_not_linked_anew(&app, &fields).await;
    dismiss(&app).await;
    is_not_linked_anew(&app, &fields).await;
    app.end().await;
}

#[tokio::test]
async fn a_payment_that_was_deleted_since_is_not_linked_anew() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    let mut fields = document("PAYMENT", app.freshbooks.payments()[0].id);
    fields["shopifyTransactionId"] = json!(transaction(&app, placed.id).to_string());
    app.shopify.evolve(placed.id, |order| order.refund_all());
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["0.00 CAD, unpaid"]);
    is_not_linked_anew(&app, &fields).await;
    app.end().await;
}
