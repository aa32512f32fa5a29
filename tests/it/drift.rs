//! Documents changed in FreshBooks by hand: noticed, named, told, and nothing else is touched.

mod decisions;
mod quiet;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use entity::{alert, audit_entry, synced_order::State};
use ml_connector::{
    auth::{Principal, Role},
    graphql,
    mapping::settings::{Refunds, Settings},
    schedule,
    webhook::{Arrival, Intake, freshbooks},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use crate::harness::{TestApp, World, mugs};

/// FreshBooks tells of documents, by their ids.
async fn tell(app: &TestApp, event: &str, ids: impl IntoIterator<Item = u64>) {
    let intake = Intake::start(&app.app);
    for id in ids {
        let arrival = freshbooks::Arrival {
            connection: app.connection,
            event: event.to_owned(),
            object_id: i64::try_from(id).unwrap(),
            headers: "[]".to_owned(),
            body_bytes: 0,
        };
        intake.take(Arrival::FreshBooks(arrival)).await.unwrap();
    }
}

/// Whatever was told of is looked at, and what follows happens.
async fn look(app: &TestApp) {
    app.app.clock.advance(TimeDelta::minutes(6));
    schedule::fire_due(&app.app).await.unwrap();
    app.quiet().await;
    app.settle().await;
}

async fn ask(app: &TestApp, role: Role, query: &str, input: Value) -> Value {
    let schema = graphql::schema(app.app.clone());
    let asker = Principal { subject: "ada".to_owned(), role, connections: None };
    let variables = json!({"connection": graphql::connection_id(app.connection), "input": input});
    let request = async_graphql::Request::new(query).variables(async_graphql::Variables::from_json(variables));
    let answer = serde_json::to_value(graphql::answer(&schema, &app.app, asker, request).await).unwrap();
    assert!(answer["errors"].as_array().is_none_or(Vec::is_empty), "{answer}");
    answer["data"].clone()
}

/// What the admin API says of every order with a change: its name, and each field with before and after.
async fn drift_as(app: &TestApp, role: Role) -> BTreeMap<String, Vec<(String, Value, Value)>> {
    let query = "query($connection: ID!) { orders(connectionId: $connection, filter: { hasDrift: true }, first: 100) {
        nodes { name drift { field freshbooksId before after } } } }";
    let data = ask(app, role, query, Value::Null).await;
    let of = |node: &Value| {
        let fields = node["drift"].as_array().unwrap().iter();
        let field = |field: &Value| {
            (field["field"].as_str().unwrap().to_owned(), field["before"].clone(), field["after"].clone())
        };
        (node["name"].as_str().unwrap().to_owned(), fields.map(field).collect())
    };
    data["orders"]["nodes"].as_array().unwrap().iter().map(of).collect()
}

/// The names of the fields alone.
async fn drift(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let named = |fields: Vec<(String, Value, Value)>| fields.into_iter().map(|(field, ..)| field).collect();
    drift_as(app, Role::Support).await.into_iter().map(|(name, fields)| (name, named(fields))).collect()
}

/// Of an open alert: how often it was raised.
async fn alerted(app: &TestApp) -> Option<i64> {
    let open =
        alert::Entity::find().filter(alert::Column::Code.eq("DRIFT")).filter(alert::Column::ResolvedAt.is_null());
    open.one(app.app.db.read()).await.unwrap().map(|row| row.count)
}

/// Entries about changes by hand: the outcome and the sentence.
async fn trail(app: &TestApp) -> Vec<(String, String)> {
    let entries = audit_entry::Entity::find()
        .filter(audit_entry::Column::Action.eq("drift"))
        .order_by_asc(audit_entry::Column::Sequence);
    let rows = entries.all(app.app.db.read()).await.unwrap();
    rows.into_iter().map(|row| (row.outcome, row.message)).collect()
}

/// How often each call was made since `before`.
fn since(app: &TestApp, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut calls = app.calls();
    calls.retain(|call, times| {
        *times -= before.get(call).copied().unwrap_or_default();
        *times > 0
    });
    calls
}

/// The ids behind an order: client, invoice, payment.
fn ids(app: &TestApp, number: i32) -> (u64, u64, u64) {
    let invoices = app.freshbooks.invoices();
    let invoice = invoices.iter().find(|invoice| invoice.number == number.to_string()).unwrap();
    let payment = app.freshbooks.payments().into_iter().find(|payment| payment.invoice_id == invoice.id).unwrap();
    (invoice.customer_id, invoice.id, payment.id)
}

async fn synced(numbers: std::ops::RangeInclusive<i32>) -> TestApp {
    let app = TestApp::start().await;
    app.without_webhooks().await;
    for number in numbers {
        app.shopify.place(mugs(number));
    }
    app.pull().await;
    app
}

/// Everything there is was told of.
async fn tell_all(app: &TestApp) {
    tell(app, "invoice.update", app.freshbooks.invoices().iter().map(|row| row.id)).await;
    tell(app, "payment.update", app.freshbooks.payments().iter().map(|row| row.id)).await;
    tell(app, "client.update", app.freshbooks.clients().iter().map(|row| row.id)).await;
    tell(app, "credit_note.update", app.freshbooks.credit_notes().iter().map(|row| row.id)).await;
}

#[tokio::test]
async fn whatever_a_person_changes_is_named_and_nothing_is_written() {
    let app = synced(1001..=1010).await;
    let id = |number| ids(&app, number);
    app.freshbooks.edit_invoice("1001", json!({"notes": "Please pay Ida."})).await.unwrap();
    app.freshbooks.edit_invoice("1002", json!({"create_date": "2026-01-01"})).await.unwrap();
    let cup = json!({"lines": [{"name": "Cup", "qty": "1", "unit_cost": {"amount": "40.00", "code": "CAD"}}]});
    app.freshbooks.edit_invoice("1003", cup).await.unwrap();
    app.freshbooks.edit_payment(id(1004).2, json!({"amount": {"amount": "20.00", "code": "CAD"}})).await.unwrap();
    app.freshbooks.edit_client(id(1005).0, json!({"email": "ida@example.com"})).await.unwrap();
    app.freshbooks.delete_invoice("1006").await.unwrap();
    app.freshbooks.edit_payment(id(1007).2, json!({"vis_state": 1})).await.unwrap();
    app.freshbooks.archive_client(id(1008).0).await.unwrap();
    app.app.clock.advance(TimeDelta::minutes(6));
    app.freshbooks.take_writes();
    let before = app.calls();
    tell_all(&app).await;
    look(&app).await;
    let lists = since(&app, &before);
    let lists: Vec<_> = lists.iter().filter(|(call, _)| call.starts_with("List")).collect();
    let (clients, invoices, payments) =
        ("ListClients".to_owned(), "ListInvoices".to_owned(), "ListPayments".to_owned());
    assert_eq!(lists, [(&clients, &1), (&invoices, &2), (&payments, &2)], "what is deleted is looked for once more");
    let expected: BTreeMap<String, Vec<String>> = [
        (1001, vec!["invoice.notes".to_owned()]),
        (1002, vec!["invoice.create_date".to_owned()]),
        (1003, ["amount", "lines[0]", "lines[1]"].map(|field| format!("invoice.{field}")).to_vec()),
        (1004, vec![format!("payments[{}].amount", id(1004).2)]),
        (1005, vec!["client.email".to_owned()]),
        (1006, vec!["invoice.vis_state".to_owned()]),
        (1007, vec![format!("payments[{}].vis_state", id(1007).2)]),
        (1008, vec!["client.vis_state".to_owned()]),
    ]
    .map(|(number, fields)| (format!("#{number}"), fields))
    .into();
    assert_eq!(drift(&app).await, expected);
    assert_eq!(alerted(&app).await, Some(1));
    let told = trail(&app).await;
    assert_eq!(told.len(), 8);
    assert!(told.iter().all(|(outcome, message)| outcome == "noticed" && !message.contains("Ida")), "{told:?}");
    assert!(app.freshbooks.take_writes().is_empty(), "it is kept until a person decides");
    let states = app.states().await;
    assert!(states.values().all(|(state, _)| *state == State::Synced), "{states:?}");
    // A second look finds nothing new.
    tell_all(&app).await;
    look(&app).await;
    assert_eq!((trail(&app).await.len(), alerted(&app).await), (8, Some(1)));
    app.database.remove().await; // the books are as a person left them
}

#[tokio::test]
async fn values_are_a_persons_and_viewers_see_a_mask() {
    let app = synced(1001..=1001).await;
    app.freshbooks.edit_invoice("1001", json!({"notes": "Ida", "create_date": "2026-01-01"})).await.unwrap();
    app.app.clock.advance(TimeDelta::minutes(6));
    tell_all(&app).await;
    look(&app).await;
    let of = |all: BTreeMap<String, Vec<(String, Value, Value)>>| {
        all["#1001"].iter().map(|(_, _, after)| after.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(drift_as(&app, Role::Support).await), [json!("2026-01-01"), json!("Ida")]);
    assert_eq!(of(drift_as(&app, Role::Viewer).await), [json!("2026-01-01"), json!("***")]);
    let entry = app.trail("#1001").await.into_iter().find(|entry| entry.action == "drift").unwrap();
    assert_eq!(
        (entry.outcome.as_str(), entry.source.as_str(), entry.trigger.as_str()),
        ("noticed", "drift", "webhook")
    );
    assert!(!entry.field_mappings.contains("Ida") && entry.field_mappings.contains("2026-01-01"));
    app.end().await;
}

#[tokio::test]
async fn what_a_person_puts_right_again_is_over() {
    let app = synced(1001..=1001).await;
    let notes = app.freshbooks.invoices()[0].notes.clone();
    for (text, open) in [("Something else", Some(1)), (notes.as_str(), None)] {
        app.freshbooks.edit_invoice("1001", json!({ "notes": text })).await.unwrap();
        app.app.clock.advance(TimeDelta::minutes(6));
        tell_all(&app).await;
        look(&app).await;
        assert_eq!(alerted(&app).await, open);
    }
    assert!(drift(&app).await.is_empty());
    let outcomes: Vec<_> = trail(&app).await.into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["noticed", "gone"]);
    app.end().await;
}

#[tokio::test]
async fn a_credit_note_is_compared_as_well() {
    let settings = Settings { refunds: Refunds::CreditNote, ..Settings::default() };
    let app = TestApp::in_world(World { settings, ..World::default() }).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    tell_all(&app).await;
    look(&app).await;
    assert!(drift(&app).await.is_empty());
    let note = app.freshbooks.credit_notes()[0].id;
    app.freshbooks.edit_credit_note(note, json!({"notes": "Ours"})).await.unwrap();
    tell_all(&app).await;
    look(&app).await;
    assert_eq!(drift(&app).await["#1001"], [format!("creditNotes[{note}].notes")]);
    app.end().await;
}
