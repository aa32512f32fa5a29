//! Echoes of our own writes, looks that fail or come at a bad moment: nothing is reported, and nothing is lost.

use chrono::TimeDelta;
use entity::{resource_link, schedule};
use ml_connector::{
    drift as drifts, link,
    sandbox::{
        faults::{Failure, Moment},
        shopify::{Options, build, model::CountryCode, sample_store},
    },
    schedule as schedules,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::{alerted, drift, look, since, synced, tell, tell_all, trail};
use crate::harness::{TestApp, World};

/// Documents that are still to be looked at.
async fn waiting(app: &TestApp) -> usize {
    let rows = resource_link::Entity::find().filter(resource_link::Column::LookAt.is_not_null());
    rows.all(app.app.db.read()).await.unwrap().len()
}

#[tokio::test]
async fn three_hundred_orders_of_our_own_cost_a_handful_of_lists_and_no_report() {
    let shopify = Options { orders: sample_store(300), restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    app.without_webhooks().await;
    app.pull().await;
    let (before, clients) = (app.calls(), app.freshbooks.clients().len() as u64);
    let (invoices, payments) = (app.freshbooks.invoices().len() as u64, app.freshbooks.payments().len() as u64);
    app.freshbooks.take_writes();
    tell_all(&app).await;
    look(&app).await;
    let mut calls = since(&app, &before);
    calls.retain(|call, _| call.starts_with("List") || call.starts_with("Get"));
    let pages = [clients, invoices, payments].map(|rows| rows.div_ceil(100)).iter().sum::<u64>();
    // Once more for those that a list leaves out: the voided ones.
    assert!(calls.values().sum::<u64>() <= pages + 2 * 5, "{calls:?}, {pages} pages");
    assert_eq!(calls.keys().filter(|call| call.starts_with("Get")).count(), 0, "{calls:?}");
    assert_eq!((drift(&app).await.len(), alerted(&app).await, waiting(&app).await), (0, None, 0));
    assert!(trail(&app).await.is_empty() && app.freshbooks.take_writes().is_empty());
    app.end().await;
}

#[tokio::test]
async fn our_edits_refunds_and_removals_are_no_drift() {
    let app = synced(1001..=1003).await;
    let ids: Vec<u64> = app.shopify.orders().iter().map(|order| order.id).collect();
    tell_all(&app).await;
    look(&app).await;
    app.shopify.evolve(ids[0], |order| order.refund_units(0, 1));
    app.shopify.evolve(ids[1], |order| order.edit_adds("Spoon", "3.00", 1));
    app.shopify.evolve(ids[2], |order| order.refund_all());
    app.pull().await;
    tell_all(&app).await;
    look(&app).await;
    assert_eq!((drift(&app).await.len(), alerted(&app).await, trail(&app).await.len()), (0, None, 0));
    app.end().await;
}

#[tokio::test]
async fn what_we_wrote_before_we_remembered_is_compared_as_far_as_it_can_be() {
    let app = synced(1001..=1003).await;
    let none: Option<String> = None;
    resource_link::Entity::update_many()
        .col_expr(resource_link::Column::Seen, Expr::value(none))
        .exec(app.app.db.write())
        .await
        .unwrap();
    app.freshbooks.edit_invoice("1001", json!({"notes": "not remembered"})).await.unwrap();
    app.freshbooks.edit_invoice("1002", json!({"create_date": "2026-01-01"})).await.unwrap();
    app.app.clock.advance(TimeDelta::minutes(6));
    tell_all(&app).await;
    look(&app).await;
    assert_eq!(drift(&app).await.into_keys().collect::<Vec<_>>(), ["#1002"]);
    app.freshbooks.edit_invoice("1001", json!({"notes": "remembered"})).await.unwrap();
    tell_all(&app).await;
    look(&app).await;
    assert_eq!(drift(&app).await["#1001"], ["invoice.notes"]);
    app.end().await;
}

#[tokio::test]
async fn a_look_that_is_refused_or_not_answered_comes_again() {
    for failure in [Failure::Throttle(Some(60)), Failure::Status(401)] {
        let app = synced(1001..=1001).await;
        app.freshbooks.edit_invoice("1001", json!({"notes": "theirs"})).await.unwrap();
        app.app.clock.advance(TimeDelta::minutes(6));
        app.freshbooks.faults.add(Some("ListInvoices"), 0, 1, Moment::Before, failure);
        tell_all(&app).await;
        look(&app).await;
        look(&app).await;
        assert_eq!((drift(&app).await.len(), waiting(&app).await), (1, 0), "{failure:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn what_is_told_during_a_look_is_looked_at_again() {
    let app = synced(1001..=1001).await;
    let invoice = app.freshbooks.invoices()[0].id;
    app.app.clock.advance(TimeDelta::minutes(6));
    tell(&app, "invoice.update", [invoice]).await;
    app.app.clock.advance(TimeDelta::seconds(10));
    let slow = std::time::Duration::from_millis(700);
    app.freshbooks.faults.add(Some("ListInvoices"), 0, 1, Moment::After, Failure::Late(slow));
    let meanwhile = async {
        tokio::time::sleep(slow / 2).await;
        tell(&app, "invoice.update", [invoice]).await;
    };
    let (looked, ()) = tokio::join!(drifts::run(&app.app, app.connection), meanwhile);
    assert_eq!((looked.unwrap(), waiting(&app).await), (1, 1));
    look(&app).await;
    assert_eq!(waiting(&app).await, 0);
    app.end().await;
}

#[tokio::test]
async fn what_is_told_during_a_look_that_takes_long_does_not_wait_for_the_hour() {
    let app = synced(1001..=1001).await;
    let invoice = app.freshbooks.invoices()[0].id;
    app.app.clock.advance(TimeDelta::minutes(6));
    tell(&app, "invoice.update", [invoice]).await;
    app.app.clock.advance(TimeDelta::seconds(10));
    let slow = std::time::Duration::from_millis(700);
    app.freshbooks.faults.add(Some("ListInvoices"), 0, 1, Moment::After, Failure::Late(slow));
    assert!(schedules::fire_due(&app.app).await.unwrap() > 0);
    tokio::time::sleep(slow / 2).await;
    // An echo of a write that has just been made is looked at later than the schedule would run again by itself.
    let links = resource_link::Entity::find().all(app.app.db.read()).await.unwrap();
    let links: Vec<_> = links.iter().map(|row| row.id).collect();
    let at = app.app.clock.now() + TimeDelta::minutes(7);
    link::look_later(app.app.db.write(), &links, at).await.unwrap();
    schedules::hasten(app.app.db.write(), [app.connection], schedule::Kind::Drift, at).await.unwrap();
    app.quiet().await;
    let row = schedule::Entity::find().filter(schedule::Column::Kind.eq(schedule::Kind::Drift));
    let row = row.one(app.app.db.read()).await.unwrap().unwrap();
    assert!(row.next_run_at <= at, "{} is after {at}", row.next_run_at);
    app.end().await;
}

#[tokio::test]
async fn a_document_that_is_being_written_is_looked_at_later() {
    let app = synced(1001..=1001).await;
    app.freshbooks.faults.add(Some("UpdateInvoice"), 0, 1, Moment::After, Failure::Drop);
    let order = app.shopify.orders()[0].id;
    app.shopify.evolve(order, |order| order.edit_adds("Spoon", "3.00", 1));
    app.pull_once().await; // its answer is lost: whether it was done is not known
    tell_all(&app).await;
    app.app.clock.advance(TimeDelta::minutes(6));
    drifts::run(&app.app, app.connection).await.unwrap();
    assert_eq!(waiting(&app).await, 1, "the one in doubt");
    app.settle().await;
    look(&app).await;
    look(&app).await;
    assert_eq!((drift(&app).await.len(), waiting(&app).await), (0, 0));
    app.end().await;
}

#[tokio::test]
async fn a_write_to_a_client_is_no_drift_to_the_other_links_of_that_client() {
    let app = TestApp::start().await;
    let ada = || build::customer(7, "Ada", "Example", "ada@example.com");
    let home = |city: &str| build::address("Ada", "Example", city, "ON", "M5V 2T6", CountryCode::Ca);
    let sold = |number, at: &str| build::order(number).line("Mug", "12.00", 1).at(at);
    app.shopify.place(sold(1001, "2026-10-19T12:00:00Z").customer(ada()).bill_to(home("Toronto")).paid("manual"));
    app.pull().await;
    app.shopify.place(sold(1002, "2026-10-20T12:00:00Z").guest("ada@example.com").paid("manual"));
    app.pull().await;
    let clients = resource_link::Entity::find().filter(resource_link::Column::Kind.eq(resource_link::Kind::Client));
    let rows = clients.clone().all(app.app.db.read()).await.unwrap();
    assert!(rows.len() == 2 && rows[0].freshbooks_id == rows[1].freshbooks_id, "{rows:?}");
    let links: Vec<_> = rows.iter().map(|row| row.id).collect();
    let looked = async |city: &str| {
        link::look_later(app.app.db.write(), &links, app.app.clock.now()).await.unwrap();
        assert_eq!(drifts::run(&app.app, app.connection).await.unwrap(), 2, "{city}");
    };
    looked("Toronto").await;
    let by_hand = json!({"p_street2": "2nd floor"});
    let client = u64::try_from(rows[0].freshbooks_id.unwrap()).unwrap();
    app.freshbooks.edit_client(client, by_hand).await.unwrap();
    app.shopify.place(sold(1003, "2026-10-21T12:00:00Z").customer(ada()).bill_to(home("Ottawa")).paid("manual"));
    app.pull().await;
    looked("Ottawa").await;
    let fields = clients.all(app.app.db.read()).await.unwrap().into_iter().map(|row| row.drift.unwrap_or_default());
    assert_eq!(fields.collect::<Vec<_>>(), [r#"["p_street2"]"#; 2], "what was changed by hand, and that at both");
    app.database.remove().await; // the client is as a person left it
}
