//! A replica that stands still for longer than its lease, wherever it stands: another one does its work, and once it wakes it writes nothing.

use std::time::Duration;

use chrono::TimeDelta;
use ml_connector::{
    sandbox::{
        faults::{Failure, Moment},
        shopify::Options,
    },
    sync,
    work::{self, Lane},
    worker,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tracing_subscriber::util::SubscriberInitExt;

use super::{on_postgres, small, until_synced, waiting_for_a_lock, world, writes};
use crate::{
    harness::{TestApp, mugs},
    secrets::Log,
    service::{Service, until},
};

/// Either the next write found that the order is no longer ours, or the renewal of its lease did.
const REFUSED: [&str; 2] = ["this visit was taken over or ended: it writes no more", "another worker has it"];

#[tokio::test]
async fn a_visit_that_goes_on_after_another_one_has_taken_its_order_is_refused_by_the_fence() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _listening = lines.finish().set_default();
    let app = world(Options::default()).await;
    app.shopify.place(mugs(1001));
    app.ring().await;
    app.app.clock.advance(TimeDelta::seconds(3));
    let claim = || worker::orders(&app.app, 1, Lane::Backfill);
    let (late, before) = claim().await.unwrap().remove(0);
    app.app.clock.advance(work::LEASE + TimeDelta::seconds(1));
    let (lease, row) = claim().await.unwrap().remove(0);

    sync::sync_order(&app.app, late, before).await;
    assert!(log.text().contains(REFUSED[0]), "{}", log.text());
    assert_eq!(writes(&app).len(), 0);
    sync::sync_order(&app.app, lease, row).await;
    // What the late one read was news: the order is looked at once more.
    app.settle().await;
    assert_eq!(writes(&app)["CreateInvoice"], 1);
    app.end().await;
}

// Side by side, since each waits for a lease of 45 s to run out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_frozen_beyond_its_lease_writes_nothing_when_it_wakes() {
    if on_postgres() {
        tokio::join!(in_a_call(), before_a_write(), within_a_transaction());
    }
}

/// FreshBooks has done what it was asked, and answers nobody.
async fn in_a_call() {
    let app = world(Options::default()).await;
    let one = Service::ready(&app, small()).await;
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1, Moment::After, Failure::Late(Duration::from_secs(20)));
    app.shopify.place(mugs(1001));
    one.ring(&app).await;
    until(|| async { writes(&app).get("CreateInvoice") == Some(&1) }).await;
    one.signal("STOP");

    let two = taken_over(&app, &one).await;
    // With nothing in flight it does no harm either, and it does its part again afterwards.
    one.signal("STOP");
    app.shopify.place(mugs(1003));
    two.ring(&app).await;
    until_synced(&app, 3).await;
    one.signal("CONT");
    drop(two);
    app.shopify.place(mugs(1004));
    one.ring(&app).await;
    until_synced(&app, 4).await;
    drop(one);
    app.end().await;
}

/// It was about to find out what to write.
async fn before_a_write() {
    let app = world(Options::default()).await;
    let one = Service::ready(&app, small()).await;
    let lock = lock(&app, "resource_link IN ACCESS EXCLUSIVE MODE").await;
    app.shopify.place(mugs(1001));
    one.ring(&app).await;
    until(|| async { waiting_for_a_lock(&app, "FROM \"resource_link\"").await > 0 }).await;
    one.signal("STOP");
    lock.rollback().await.unwrap();

    drop(taken_over(&app, &one).await);
    drop(one);
    app.end().await;
}

/// It holds locks that everybody else needs: the database takes them from it.
async fn within_a_transaction() {
    let app = world(Options::default()).await;
    let one = Service::ready(&app, small()).await;
    let lock = lock(&app, "audit_entry IN SHARE MODE").await;
    app.shopify.place(mugs(1001));
    one.ring(&app).await;
    until(|| async { waiting_for_a_lock(&app, "INSERT INTO \"audit_entry\"").await > 0 }).await;
    one.signal("STOP");
    lock.rollback().await.unwrap();

    drop(taken_over(&app, &one).await);
    drop(one);
    app.end().await;
}

/// Locks a table for as long as the test likes: the database takes nothing from a transaction that is waited for by it.
async fn lock(app: &TestApp, table: &str) -> DatabaseTransaction {
    let lock = app.app.db.begin_write().await.unwrap();
    let held = format!("SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE {table}");
    lock.execute_unprepared(&held).await.unwrap();
    lock
}

/// Another replica finishes the order of the frozen one, and one more; then that one wakes.
async fn taken_over(app: &TestApp, frozen: &Service) -> Service {
    let two = Service::ready(app, small()).await;
    app.shopify.place(mugs(1002));
    two.ring(app).await;
    until_synced(app, 2).await;
    let before = writes(app);
    frozen.signal("CONT");
    until(|| async { REFUSED.iter().any(|refused| frozen.log().contains(refused)) }).await;
    // What it might still send would come now.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(writes(app), before, "{}", frozen.log());
    assert_eq!(before["CreateInvoice"], 2);
    assert_eq!(before["CreateClient"], 2);
    two
}
