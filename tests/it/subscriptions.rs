//! What both platforms are asked to tell of: set up by itself, looked at by the clock, set right, and ended with the connection.

mod ending;
mod handshake;
mod repairs;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use entity::{
    alert,
    platform_grant::Platform,
    webhook_subscription::{Column, Entity, Model, State},
};
use ml_connector::{
    app::App,
    graphql,
    sandbox::{
        faults::{Failure, Moment},
        freshbooks::{self, Delivery},
        shopify,
    },
    schedule,
    subscription::{self, Look},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use crate::{
    harness::{SHOP, SHOPIFY_TOKEN, TestApp, World, mugs},
    person::{Person, ask, connect_by_browser, http, unconnected},
};

/// Nothing was repaired, and all stands.
fn well() -> Look {
    repaired(&[])
}

fn repaired(topics: &[&str]) -> Look {
    Look::Seen { repaired: topics.iter().map(|topic| (*topic).to_owned()).collect(), healthy: true }
}

async fn look(app: &TestApp) -> [Look; 2] {
    subscription::run(&app.app, app.connection).await.unwrap()
}

/// Whatever is due by the clock runs to its end.
async fn clock_strikes(app: &TestApp, later: TimeDelta) {
    app.app.clock.advance(later);
    schedule::fire_due(&app.app).await.unwrap();
    app.quiet().await;
}

async fn rows(app: &TestApp, platform: Platform) -> Vec<Model> {
    let rows = Entity::find().filter(Column::Platform.eq(platform)).order_by_asc(Column::Id);
    rows.all(app.app.db.read()).await.unwrap()
}

async fn row(app: &TestApp, topic: &str) -> Model {
    Entity::find().filter(Column::Topic.eq(topic)).one(app.app.db.read()).await.unwrap().unwrap()
}

/// The open alerts: code, subject, and message.
async fn told(app: &TestApp) -> Vec<(String, String, String)> {
    let open = alert::Entity::find().filter(alert::Column::ResolvedAt.is_null()).order_by_asc(alert::Column::Id);
    let open = open.all(app.app.db.read()).await.unwrap();
    let message = |row: &alert::Model| ml_connector::alert::problem(row).unwrap().message;
    open.iter().map(|row| (row.code.clone(), row.subject.clone(), message(row))).collect()
}

/// What both platforms have, as it should be for the harness' connection: no topic twice, all at the address of this service.
fn all_stand(app: &TestApp) {
    let subscriptions = app.shopify.subscriptions();
    let topics: BTreeSet<&str> = subscriptions.iter().map(|known| known.topic.name()).collect();
    assert_eq!((subscriptions.len(), topics.len()), (14, 14), "{topics:?}");
    let address = app.app.config.public("webhooks/shopify");
    assert!(subscriptions.iter().all(|known| known.uri == address.as_str()), "{subscriptions:?}");
    let callbacks = app.freshbooks.callbacks();
    let events: BTreeSet<&str> = callbacks.iter().map(|known| known.event.as_str()).collect();
    assert_eq!((callbacks.len(), events.len()), (8, 8), "{events:?}");
    for known in &callbacks {
        assert!(known.verified, "{known:?}");
        assert_eq!(known.uri, callback_address(app, &known.event));
    }
}

fn callback_address(app: &TestApp, event: &str) -> String {
    let id = graphql::connection_id(app.connection);
    app.app.config.public(&format!("webhooks/freshbooks/{id}/{event}")).into()
}

/// A notification arrives; the answer's status.
async fn arrives(delivery: &Delivery) -> u16 {
    let mut request = http().post(&delivery.address).body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

async fn set_up(world: World) -> TestApp {
    let app = TestApp::in_world(world).await;
    assert_eq!(look(&app).await, [well(), well()]);
    app
}

#[tokio::test]
async fn a_new_connection_has_all_its_webhooks_with_the_next_beat() {
    let app = TestApp::start().await;
    clock_strikes(&app, TimeDelta::zero()).await;
    all_stand(&app);
    let names: Vec<_> = app.shopify.subscriptions().into_iter().filter_map(|known| known.name).collect();
    assert!(names.contains(&"ml-connector-order-transactions-create".to_owned()), "{names:?}");
    assert_eq!(told(&app).await, []);
    let query =
        "{ connections { shopify { webhooksHealthy } freshbooks { webhooksHealthy } syncStatus { lastWebhookAt }
        webhookSubscriptions { platform topic address state problem { code } apiVersion checkedAt repairedAt } } }";
    let shown = ask(&app, query, json!({})).await["connections"][0].clone();
    assert_eq!(
        (&shown["shopify"]["webhooksHealthy"], &shown["freshbooks"]["webhooksHealthy"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(shown["syncStatus"]["lastWebhookAt"], Value::Null);
    let all = shown["webhookSubscriptions"].as_array().unwrap();
    assert_eq!(all.len(), 22);
    let merged = all.iter().find(|one| one["topic"] == "customers/merge");
    assert_eq!(merged, None, "its scope is not granted");
    for one in all {
        assert_eq!(
            (&one["state"], &one["problem"], &one["repairedAt"]),
            (&json!("ACTIVE"), &Value::Null, &Value::Null)
        );
        let version = if one["platform"] == "SHOPIFY" { json!("2026-10") } else { Value::Null };
        assert_eq!((&one["apiVersion"], one["checkedAt"].is_string()), (&version, true));
    }
    // By the clock, and nothing is done any more.
    clock_strikes(&app, TimeDelta::hours(1)).await;
    all_stand(&app);
    assert_eq!(app.calls().get("CreateCallback"), Some(&8));
    assert_eq!(app.shopify.faults.calls()["graphql:WebhookCreate"], 14);
    app.end().await;
}

#[tokio::test]
async fn before_the_first_look_nobody_knows_and_what_is_not_authorized_is_not_looked_at() {
    let app = TestApp::start().await;
    let health =
        "{ connections { shopify { webhooksHealthy } freshbooks { webhooksHealthy } webhookSubscriptions { topic } } }";
    let shown = ask(&app, health, json!({})).await["connections"][0].clone();
    let nothing = json!({ "shopify": { "webhooksHealthy": null }, "freshbooks": { "webhooksHealthy": null }, "webhookSubscriptions": [] });
    assert_eq!(shown, nothing);
    let half = "UPDATE platform_grant SET refusal = '{}' WHERE platform = 'freshbooks'";
    app.app.db.write().execute_unprepared(half).await.unwrap();
    assert_eq!(look(&app).await, [well(), Look::Closed]);
    app.app.db.write().execute_unprepared("UPDATE connection SET status = 'paused'").await.unwrap();
    assert_eq!(look(&app).await, [Look::Closed, Look::Closed]);
    let shown = ask(&app, health, json!({})).await["connections"][0].clone();
    assert_eq!(
        (&shown["shopify"]["webhooksHealthy"], &shown["freshbooks"]["webhooksHealthy"]),
        (&json!(true), &Value::Null)
    );
    app.end().await;
}

#[tokio::test]
async fn what_freshbooks_signs_is_taken_and_nothing_else() {
    let app = set_up(World::default()).await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    app.freshbooks.delivered().await;
    app.freshbooks.set_deliveries(freshbooks::Deliveries::Holding);
    let number = app.freshbooks.invoices().remove(0).number;
    app.freshbooks.edit_invoice(&number, json!({ "notes": "by hand" })).await.unwrap();
    let told = app.freshbooks.take_deliveries();
    let update = told.iter().find(|delivery| delivery.event == "invoice.update").unwrap();
    assert_eq!(arrives(update).await, 200);
    // Signed by another callback of the same connection: its path may be wrong, it is FreshBooks all the same.
    let elsewhere = Delivery { address: callback_address(&app, "client.delete"), ..update.clone() };
    assert_eq!(arrives(&elsewhere).await, 200);
    let unknown = update
        .address
        .replace(&graphql::connection_id(app.connection), &graphql::connection_id(entity::ids::ConnectionId(999)));
    assert_eq!(arrives(&Delivery { address: unknown, ..update.clone() }).await, 404);
    app.freshbooks.spoil_next_signature();
    app.freshbooks.edit_invoice(&number, json!({ "notes": "once more" })).await.unwrap();
    let spoilt = app.freshbooks.take_deliveries().remove(0);
    assert_eq!(arrives(&spoilt).await, 401);
    let shown = ask(&app, "{ connections { syncStatus { lastWebhookAt } } }", json!({})).await;
    assert!(shown["connections"][0]["syncStatus"]["lastWebhookAt"].is_string(), "{shown}");
    app.database.remove().await;
}

#[tokio::test]
async fn two_replicas_at_once_make_nothing_twice() {
    let app = TestApp::start().await;
    let other = App::new(app.app.config.clone(), app.app.clock.clone()).await.unwrap();
    let (here, there) =
        tokio::join!(subscription::run(&app.app, app.connection), subscription::run(&other, app.connection));
    let looks: Vec<Look> = here.unwrap().into_iter().chain(there.unwrap()).collect();
    assert!(looks.iter().all(|look| *look == well() || *look == Look::Busy), "{looks:?}");
    all_stand(&app);
    // Whoever found the other one at it comes back.
    clock_strikes(&app, TimeDelta::seconds(6)).await;
    all_stand(&app);
    assert_eq!(told(&app).await, []);
    app.end().await;
}

#[tokio::test]
async fn what_was_made_without_our_hearing_of_it_is_not_made_twice() {
    let app = TestApp::start().await;
    app.shopify.faults.add(Some("graphql:WebhookCreate"), 2, 1, Moment::After, Failure::Drop);
    app.freshbooks.faults.add(Some("CreateCallback"), 1, 1, Moment::After, Failure::Drop);
    assert_eq!(look(&app).await, [well(), well()]);
    all_stand(&app);
    assert!(app.shopify.faults.is_empty() && app.freshbooks.faults.is_empty());
    app.end().await;
}

#[tokio::test]
async fn a_platform_that_does_not_answer_changes_nothing() {
    let app = set_up(World::default()).await;
    app.shopify.remove_subscription(shopify::Topic::OrdersPaid);
    app.freshbooks.remove_callback("invoice.update").await.unwrap();
    let before = Entity::find().order_by_asc(Column::Id).all(app.app.db.read()).await.unwrap();
    app.shopify.faults.add(Some("graphql:WebhookList"), 0, 10, Moment::Before, Failure::Status(503));
    app.freshbooks.faults.add(Some("ListCallbacks"), 0, 10, Moment::Before, Failure::Status(503));
    assert_eq!(look(&app).await, [Look::Silent, Look::Silent]);
    assert_eq!(Entity::find().order_by_asc(Column::Id).all(app.app.db.read()).await.unwrap(), before);
    assert_eq!(told(&app).await, []);
    app.shopify.faults.clear();
    app.freshbooks.faults.clear();
    assert_eq!(look(&app).await, [repaired(&["orders/paid"]), repaired(&["invoice.update"])]);
    all_stand(&app);
    app.end().await;
}
