//! A customer is erased while somebody is at work on their orders.

use std::{sync::Arc, time::Duration};

use entity::{order_snapshot, privacy_request::State as Asked, resource_link, synced_order::State};
use ml_connector::{
    auth::Actor,
    pull as pulls,
    sandbox::faults::{Failure, Moment},
    worker,
};
use sea_orm::EntityTrait;
use serde_json::json;

use super::{SHE, as_guest, hers, number, redact_her, requests, tell};
use crate::{
    harness::TestApp,
    stored::{as_it_lies, contains},
};

/// One call answers late; meanwhile she is erased, by another worker.
async fn erased_during(call: &str) {
    let app = TestApp::start().await;
    let (first, guest) = (app.shopify.place(hers(1001)), app.shopify.place(as_guest(1002)));
    app.app.clock.advance(chrono::TimeDelta::minutes(5));
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    let faults = if call.starts_with("graphql:") { &app.shopify.faults } else { &app.freshbooks.faults };
    faults.add(Some(call), 0, 2, Moment::After, Failure::Late(Duration::from_millis(1_500)));
    let working = app.app.clone();
    let clock = app.app.clock.clone();
    let visits = tokio::spawn(async move {
        for _ in 0..40 {
            worker::drain(&working).await.unwrap();
            clock.advance(chrono::TimeDelta::milliseconds(250));
        }
    });
    // Once the call is under way.
    while !faults.calls().contains_key(call) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tell(&app, "customers/redact", redact_her(&[number(&first), number(&guest)])).await;
    worker::drain(&app.app).await.unwrap();
    assert_eq!(requests(&app).await[0].state, Asked::Done, "{call}: she was erased while the call was under way");
    visits.await.unwrap();
    app.settle().await;
    let snapshots = order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(snapshots, [], "{call}: a snapshot was left behind");
    let stored = as_it_lies(&app).await;
    for word in SHE {
        assert!(!contains(&stored, word.as_bytes()), "{call}: {word} is in the database");
    }
    let links = resource_link::Entity::find().all(app.app.db.read()).await.unwrap();
    let told = links.iter().filter(|row| row.written.is_some() || row.shopify_id.starts_with("guest:"));
    assert_eq!(told.collect::<Vec<_>>(), Vec::<&resource_link::Model>::new(), "{call}");
    for name in ["#1001", "#1002"] {
        let (state, code) = app.state(name).await;
        assert!(
            state == State::Synced || (state == State::Skipped && code == "CUSTOMER_ERASED"),
            "{call}: {state:?} {code}"
        );
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_just_being_read_leaves_no_snapshot_behind() {
    let app = TestApp::start().await;
    let order = app.shopify.place(hers(1001));
    app.pull().await;
    let changed = json!({ "id": number(&order), "updated_at": app.app.clock.now().to_rfc3339() });
    tell(&app, "orders/updated", changed).await;
    app.app.clock.advance(chrono::TimeDelta::seconds(3));
    let read = app.shopify.faults.calls().get("graphql:Orders").copied();
    app.shopify.faults.add(Some("graphql:Orders"), 0, 1, Moment::After, Failure::Late(Duration::from_millis(1_500)));
    let working = app.app.clone();
    let visit = tokio::spawn(async move { worker::drain(&working).await.unwrap() });
    while app.shopify.faults.calls().get("graphql:Orders").copied() == read {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tell(&app, "customers/redact", redact_her(&[number(&order)])).await;
    worker::drain(&app.app).await.unwrap();
    assert_eq!(requests(&app).await[0].state, Asked::Done);
    assert!(visit.await.unwrap() > 0);
    assert_eq!(app.state("#1001").await, (State::Skipped, "CUSTOMER_ERASED".to_owned()));
    assert_eq!(order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap(), []);
    app.settle().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_bring_her_orders_while_she_is_erased_leave_nothing_of_them() {
    let app = Arc::new(TestApp::start().await);
    let orders: Vec<_> = (1001..1021).map(|number| app.shopify.place(hers(number))).collect();
    app.pull().await;
    let numbers: Vec<u64> = orders.iter().map(|order| number(order)).collect();
    for id in &numbers {
        app.shopify.change(*id, |order| order.note = Some("changed".to_owned()));
    }
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    let tasks: Vec<_> = (0..3)
        .map(|task| {
            let (app, numbers) = (app.clone(), numbers.clone());
            tokio::spawn(async move {
                for id in numbers.iter().skip(task).step_by(3) {
                    let told = json!({ "id": id, "updated_at": app.app.clock.now().to_rfc3339() });
                    tell(&app, "orders/updated", told).await;
                    app.app.clock.advance(chrono::TimeDelta::milliseconds(500));
                    worker::drain(&app.app).await.unwrap();
                }
            })
        })
        .collect();
    tell(&app, "customers/redact", redact_her(&numbers)).await;
    for task in tasks {
        task.await.unwrap();
    }
    app.settle().await;
    assert_eq!(requests(&app).await[0].state, Asked::Done);
    assert_eq!(order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap(), []);
    let links = resource_link::Entity::find().all(app.app.db.read()).await.unwrap();
    assert!(links.iter().all(|row| row.written.is_none()));
    Arc::into_inner(app).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_just_being_made_leaves_nothing_behind() {
    erased_during("CreateClient").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_that_is_just_being_made_leaves_nothing_behind() {
    erased_during("CreateInvoice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_is_just_being_made_leaves_nothing_behind() {
    erased_during("CreatePayment").await;
}
