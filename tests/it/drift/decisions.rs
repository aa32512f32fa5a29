//! What a person decides about a change by hand: it is kept, or ours is written again; and until then nothing is written over it.

use chrono::TimeDelta;
use entity::{resource_link, synced_order::State};
use ml_connector::{
    auth::Role,
    mapping::settings::{Change, Drift, To},
    sandbox::faults::{Failure, Moment},
    schedule as schedules,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

use super::{alerted, ask, drift, ids, look, synced, tell_all, trail};
use crate::harness::TestApp;

const RESOLVE: &str = "mutation($input: ResolveDriftInput!) { resolveDrift(input: $input) {
    order { state hasDifference } userErrors { field code message } } }";

async fn global(app: &TestApp, name: &str) -> Value {
    let query = format!("query($connection: ID!) {{ order(connectionId: $connection, name: \"{name}\") {{ id }} }}");
    ask(app, Role::Support, &query, Value::Null).await["order"]["id"].clone()
}

async fn resolve(app: &TestApp, name: &str, choice: &str) -> Value {
    let input = json!({"orderId": global(app, name).await, "choice": choice, "note": "As agreed."});
    // Boxed: what a test awaits lies on its stack, once for every await.
    let payload = Box::pin(ask(app, Role::Support, RESOLVE, input)).await["resolveDrift"].clone();
    Box::pin(app.settle()).await;
    payload
}

/// Told of and looked at.
async fn noticed(app: &TestApp) {
    app.app.clock.advance(TimeDelta::minutes(6));
    Box::pin(tell_all(app)).await;
    Box::pin(look(app)).await;
}

fn cup() -> Value {
    json!({"lines": [{"name": "Cup", "qty": "1", "unit_cost": {"amount": "40.00", "code": "CAD"}}]})
}

/// Everything that a person may change of one order.
async fn meddle(app: &TestApp) {
    let (client, _, payment) = ids(app, 1001);
    app.freshbooks.edit_client(client, json!({"email": "ida@example.com", "p_city": "Elsewhere"})).await.unwrap();
    app.freshbooks.archive_client(client).await.unwrap();
    app.freshbooks.edit_payment(payment, json!({"amount": {"amount": "20.00", "code": "CAD"}})).await.unwrap();
    app.freshbooks.edit_payment(payment, json!({"vis_state": 1})).await.unwrap();
    app.freshbooks.edit_invoice("1001", json!({"notes": "theirs"})).await.unwrap();
    app.freshbooks.edit_invoice("1001", cup()).await.unwrap();
    app.freshbooks.delete_invoice("1001").await.unwrap();
}

#[tokio::test]
async fn restored_everything_is_as_we_wrote_it_and_the_alert_is_over() {
    let app = synced(1001..=1002).await;
    let before = (app.freshbooks.invoices(), app.freshbooks.clients());
    meddle(&app).await;
    noticed(&app).await;
    assert_eq!(drift(&app).await.into_keys().collect::<Vec<_>>(), ["#1001"]);
    let payload = resolve(&app, "#1001", "RESTORE").await;
    assert_eq!(payload["userErrors"], json!([]));
    look(&app).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()));
    assert_eq!((drift(&app).await.len(), alerted(&app).await), (0, None));
    let shown = |invoices: &[ml_connector::sandbox::freshbooks::InvoiceView]| {
        let one = &invoices[0];
        let lines: Vec<_> = one.lines.iter().map(|line| (line.name.clone(), line.amount)).collect();
        (one.notes.clone(), one.amount, one.paid, one.vis_state, lines)
    };
    assert_eq!(shown(&app.freshbooks.invoices()), shown(&before.0));
    let client = &app.freshbooks.clients()[0];
    assert_eq!((&client.email, client.vis_state), (&before.1[0].email, 0));
    let restoring = trail(&app).await.into_iter().filter(|(outcome, _)| outcome == "restoring").count();
    assert_eq!(restoring, 3, "invoice, payment, client");
    assert_eq!(
        resolve(&app, "#1001", "RESTORE").await["userErrors"][0]["code"],
        "INVALID",
        "nothing is left to decide"
    );
    app.end().await;
}

#[tokio::test]
async fn a_lost_answer_while_restoring_changes_nothing_in_the_end() {
    for moment in [Moment::Before, Moment::After] {
        for skip in 0..4 {
            let app = synced(1001..=1001).await;
            meddle(&app).await;
            noticed(&app).await;
            app.freshbooks.faults.add(None, skip, 1, moment, Failure::Drop);
            resolve(&app, "#1001", "RESTORE").await;
            look(&app).await;
            look(&app).await;
            assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "call {skip} {moment:?}");
            assert!(drift(&app).await.is_empty(), "call {skip} {moment:?}: {:?}", drift(&app).await);
            app.end().await;
        }
    }
}

#[tokio::test]
async fn the_setting_restores_by_itself_once() {
    let app = synced(1001..=1002).await;
    app.change(Change { drift: To::Value(Drift::Restore), ..Change::default() }).await;
    app.freshbooks.edit_invoice("1001", cup()).await.unwrap();
    noticed(&app).await;
    look(&app).await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!((drift(&app).await.len(), alerted(&app).await), (0, None));
    let row = app.order("#1001").await;
    assert_eq!((row.state, row.trigger.as_str()), (State::Synced, "drift"));
    app.end().await;
}

#[tokio::test]
async fn a_document_whose_memory_was_tampered_with_stops_nobody_elses_look_nor_decision() {
    let app = synced(1001..=1002).await;
    app.change(Change { drift: To::Value(Drift::Restore), ..Change::default() }).await;
    let notes = app.freshbooks.invoices().into_iter().find(|invoice| invoice.number == "1002").unwrap().notes;
    let tampered = resource_link::Entity::update_many()
        .filter(resource_link::Column::Kind.eq(resource_link::Kind::Invoice))
        .filter(resource_link::Column::NaturalKey.eq("1001"))
        .col_expr(resource_link::Column::Seen, Expr::value("tampered with"))
        .col_expr(resource_link::Column::Drift, Expr::value(r#"["notes"]"#));
    assert_eq!(tampered.exec(app.app.db.write()).await.unwrap().rows_affected, 1);
    app.freshbooks.edit_invoice("1002", json!({"notes": "theirs"})).await.unwrap();
    noticed(&app).await;
    let restored = app.freshbooks.invoices().into_iter().find(|invoice| invoice.number == "1002").unwrap();
    assert_eq!(restored.notes, notes, "{:?}", trail(&app).await);
    let waiting = resource_link::Entity::find().filter(resource_link::Column::LookAt.is_not_null());
    let waiting = waiting.filter(resource_link::Column::NaturalKey.eq("1001")).one(app.app.db.read()).await.unwrap();
    assert_eq!(waiting, None, "it is not looked at for ever");
    app.database.remove().await;
}

#[tokio::test]
async fn what_is_kept_is_not_reported_again_and_the_proof_tells_the_truth() {
    let app = synced(1001..=1002).await;
    app.freshbooks.edit_invoice("1001", cup()).await.unwrap();
    noticed(&app).await;
    app.freshbooks.take_writes();
    let payload = resolve(&app, "#1001", "KEEP").await;
    assert_eq!(payload["order"], json!({"state": "SYNCED", "hasDifference": true}));
    noticed(&app).await;
    assert_eq!((drift(&app).await.len(), alerted(&app).await), (0, None));
    assert!(app.freshbooks.take_writes().is_empty());
    assert_eq!(resolve(&app, "#1001", "KEEP").await["userErrors"][0]["code"], "INVALID");
    let kept: Vec<_> = trail(&app).await.into_iter().filter(|(outcome, _)| outcome == "kept").collect();
    assert!(kept.len() == 1 && kept[0].1.ends_with("As agreed."), "{kept:?}");
    app.database.remove().await; // the total is the person's
}

#[tokio::test]
async fn what_is_kept_is_looked_at_once_more_without_waiting_for_the_hour() {
    let app = synced(1001..=1001).await;
    app.freshbooks.edit_invoice("1001", json!({"notes": "theirs"})).await.unwrap();
    noticed(&app).await;
    resolve(&app, "#1001", "KEEP").await;
    schedules::fire_due(&app.app).await.unwrap();
    app.quiet().await;
    let waiting = resource_link::Entity::find().filter(resource_link::Column::LookAt.is_not_null());
    assert_eq!(waiting.all(app.app.db.read()).await.unwrap(), []);
    app.end().await;
}

#[tokio::test]
async fn a_visit_to_what_is_kept_says_so_and_a_person_may_think_better_of_it() {
    let app = synced(1001..=1001).await;
    app.freshbooks.edit_invoice("1001", cup()).await.unwrap();
    noticed(&app).await;
    resolve(&app, "#1001", "KEEP").await;
    let order = app.shopify.orders()[0].id;
    app.shopify.evolve(order, |order| order.fulfilled());
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "DRIFT".to_owned()));
    resolve(&app, "#1001", "RESTORE").await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()));
    app.end().await;
}

#[tokio::test]
async fn a_change_in_shopify_waits_where_it_would_write_over_a_persons() {
    let app = synced(1001..=1002).await;
    let orders: Vec<u64> = app.shopify.orders().iter().map(|order| order.id).collect();
    app.freshbooks.edit_invoice("1001", cup()).await.unwrap();
    noticed(&app).await;
    app.freshbooks.take_writes();
    for order in &orders {
        app.shopify.evolve(*order, |order| order.refund_units(0, 1));
    }
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "DRIFT".to_owned()));
    assert_eq!(app.invoices_of("#1001"), ["40.00 CAD, partial"]);
    assert_eq!(
        (app.invoices_of("#1002"), app.order("#1002").await.state),
        (vec!["19.21 CAD, paid".to_owned()], State::Synced)
    );
    let last = app.trail("#1001").await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.outcome.as_str()), ("none", "waiting"));
    resolve(&app, "#1001", "RESTORE").await;
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"]);
    look(&app).await;
    assert_eq!((drift(&app).await.len(), alerted(&app).await), (0, None));
    app.end().await;
}

#[tokio::test]
async fn an_invoice_deleted_by_a_person_waits_and_comes_back_when_restored() {
    let app = synced(1001..=1001).await;
    app.freshbooks.delete_invoice("1001").await.unwrap();
    noticed(&app).await;
    let order = app.shopify.orders()[0].id;
    app.shopify.evolve(order, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "DRIFT".to_owned()));
    resolve(&app, "#1001", "RESTORE").await;
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn what_does_not_collide_is_written_and_the_persons_fields_stay() {
    let app = synced(1001..=1001).await;
    app.freshbooks.edit_invoice("1001", json!({"notes": "theirs"})).await.unwrap();
    noticed(&app).await;
    let order = app.shopify.orders()[0].id;
    app.shopify.evolve(order, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"]);
    assert_eq!(app.freshbooks.invoices()[0].notes, "theirs");
    assert_eq!(app.order("#1001").await.state, State::Synced);
    noticed(&app).await;
    assert_eq!(drift(&app).await["#1001"], ["invoice.notes"], "still undecided, and nothing else");
    resolve(&app, "#1001", "KEEP").await;
    assert_eq!((drift(&app).await.len(), alerted(&app).await), (0, None));
    app.end().await;
}

#[tokio::test]
async fn a_change_that_nobody_has_looked_at_yet_is_not_lost_in_a_write_of_ours() {
    let app = synced(1001..=1001).await;
    app.freshbooks.edit_invoice("1001", json!({"notes": "theirs"})).await.unwrap();
    let order = app.shopify.orders()[0].id;
    app.shopify.evolve(order, |order| order.refund_units(0, 1));
    app.pull().await;
    look(&app).await; // nobody told of anything: our own answer showed it
    assert_eq!(drift(&app).await["#1001"], ["invoice.notes"]);
    app.end().await;
}
