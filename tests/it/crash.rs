//! `kill -9`: the service is a process of its own here, the platforms live on in the test. And, within the test's own process, every single
//! place at which a visit can be cut short.

mod every_call;
mod every_statement;
mod kinds;
mod statements;
mod trial;

use std::time::Duration;

use entity::{pull, synced_order};
use ml_connector::{
    auth::Actor,
    pull as pulls,
    sandbox::shopify::{BulkPace, Options, sample_store},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{
    harness::{TestApp, World},
    service::{Service, until, until_within},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_pull_and_in_the_push_it_ends_as_if_nothing_had_been() {
    let shopify = Options {
        orders: sample_store(150),
        restore_rate: 1000,
        bucket: 20_000,
        bulk_pace: BulkPace::After(Duration::from_millis(700)),
        ..Options::default()
    };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();

    // Once while Shopify prepares the result, once while it is being read, then again and again while orders are written.
    let service = Service::start(&app);
    until(|| async { pull_row(&app).await.bulk_operation_id.is_some() }).await;
    drop(service);
    let service = Service::start(&app);
    until(|| async { pull_row(&app).await.orders_seen > 0 }).await;
    drop(service);
    // On PostgreSQL each kill costs a lease of 15 s, or 45 s for what was being written; a SQLite file has one process, which frees the
    // orders that its predecessor held.
    let kills: &[u64] = if app.app.db.is_single_process() { &[5, 40, 120, 200] } else { &[60] };
    for &writes in kills {
        let service = Service::start(&app);
        until(|| async { created(&app) >= writes || app.at_rest().await }).await;
        drop(service);
    }
    let service = Service::start(&app);
    until_within(Duration::from_secs(300), || async { app.at_rest().await }).await;
    drop(service);

    assert_eq!(app.states().await.len(), 150);
    let emails: Vec<_> =
        app.freshbooks.clients().into_iter().map(|client| client.email).filter(|e| !e.is_empty()).collect();
    let mut once = emails.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), emails.len(), "a client was made twice");
    app.end().await;
}

#[tokio::test]
async fn told_to_stop_it_ends_in_time_and_the_next_start_goes_on() {
    let shopify = Options { orders: sample_store(80), restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    let service = Service::start(&app);
    until(|| async { created(&app) >= 10 }).await;
    let (_, took) = service.stop().await;
    assert!(took < Duration::from_secs(14), "{took:?}");
    let held = synced_order::Entity::find().filter(synced_order::Column::Fence.is_not_null());
    assert_eq!(
        held.count(app.app.db.read()).await.unwrap(),
        0,
        "nothing is left leased: another replica goes on at once"
    );
    app.settle().await;
    app.end().await;
}

async fn pull_row(app: &TestApp) -> pull::Model {
    pull::Entity::find().one(app.app.db.read()).await.unwrap().unwrap()
}

/// Documents made so far, as FreshBooks counts them.
fn created(app: &TestApp) -> u64 {
    app.calls().iter().filter(|(call, _)| call.starts_with("Create")).map(|(_, times)| times).sum()
}
