//! Whose turn it is: what a person waits for before ten thousand others, what fails without holding anybody up, and who is not called.

use std::time::Instant;

use chrono::TimeDelta;
use entity::{call_budget, order_snapshot, pull, synced_order, synced_order::State};
use ml_connector::{
    auth::Actor,
    config::Config,
    order::{self, Target},
    pull as pulls,
    sandbox::{
        faults::{Failure, Moment},
        shopify::Options,
    },
    work::{self, Lane},
    worker,
};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};

use crate::{
    calls::Calls,
    harness::{TestApp, World, mugs},
    service::until,
};

const WAITING: i32 = 10_000;
/// As many visits as an account takes at once to begin with.
const WORKERS: usize = 4;

/// A backfill that stores its orders, and no visit to any of them.
async fn only_pulled(app: &TestApp) {
    app.app.clock.advance(TimeDelta::minutes(5));
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    while pull::Entity::find().filter(pull::Column::DueAt.is_not_null()).one(app.app.db.read()).await.unwrap().is_some()
    {
        for (lease, row) in worker::pulls(&app.app, 1).await.unwrap() {
            pulls::advance(&app.app, lease, row).await;
        }
        app.app.clock.advance(TimeDelta::seconds(1));
    }
}

/// What is stored of this order cannot be opened: every visit to it fails.
async fn poison(app: &TestApp, name: &str) {
    order_snapshot::Entity::update_many()
        .filter(order_snapshot::Column::OrderId.eq(app.order(name).await.id))
        .col_expr(order_snapshot::Column::Sealed, Expr::value("not what was sealed"))
        .exec(app.app.db.write())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_a_person_waits_for_goes_before_ten_thousand_others() {
    let shopify = Options { restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let config = Config { workers: WORKERS, ..Config::default() };
    let app = TestApp::in_world(World { shopify, config, ..World::default() }).await;
    for number in 1..=WAITING {
        app.shopify.place(mugs(number));
    }
    only_pulled(&app).await;
    poison(&app, "#1").await;
    let due = synced_order::Entity::find().filter(synced_order::Column::DueAt.is_not_null());
    assert_eq!(due.count(app.app.db.read()).await.unwrap(), u64::try_from(WAITING).unwrap());
    app.app.start_work().await.unwrap();
    until(|| async { app.freshbooks.invoices().len() >= 5 }).await;
    // All visits under way stand still where they are about to make an invoice; whatever comes after them does not.
    let (mut calls, mut standing) = (Calls::held(&app.freshbooks.faults), Vec::new());
    while standing.len() < WORKERS {
        standing.push(calls.next("CreateInvoice", Moment::Before).await);
    }
    drop(calls);

    let (began, newest) = (Instant::now(), app.freshbooks.invoices().iter().map(|invoice| invoice.id).max().unwrap());
    let id = app.order("#9999").await.id;
    order::resync(&app.app, &Actor::system("test"), Target::Known(id)).await.unwrap();
    until(|| async { !app.invoices_of("#9999").is_empty() && app.state("#9999").await.0 == State::Synced }).await;
    println!("in FreshBooks {:?} after the mutation", began.elapsed());
    assert_eq!(app.invoices_of("#9999"), ["32.77 CAD, paid"]);
    // By FreshBooks' own order, not by the machine's pace: it has waited neither for the visits under way nor for anybody in the queue.
    let invoices = app.freshbooks.invoices();
    let its = invoices.iter().find(|invoice| invoice.po_number == "#9999").unwrap().id;
    let before: Vec<_> = invoices.iter().filter(|invoice| invoice.id > newest && invoice.id < its).collect();
    assert!(before.is_empty(), "others went before it: {before:?}");
    drop(standing);
    let poisoned = app.order("#1").await;
    assert!(matches!(poisoned.state, State::Retrying | State::Due) && poisoned.attempts > 0, "{poisoned:?}");
    assert!(app.app.stopped().await);
    app.database.remove().await;
}

#[tokio::test]
async fn an_order_that_kills_its_process_is_tried_ever_more_rarely_and_holds_nobody_up() {
    let app = TestApp::in_world(World { retry_scale: Decimal::ONE, ..World::default() }).await;
    app.shopify.place(mugs(1));
    app.shopify.place(mugs(2));
    only_pulled(&app).await;
    let mut visits = 0;
    for attempt in 0..9 {
        for _ in 0..3 {
            // Claimed, and never heard of again.
            let claimed = worker::orders(&app.app, 50, Lane::Backfill).await.unwrap();
            let lost: Vec<_> = claimed.iter().filter(|(_, row)| row.name == "#1").collect();
            assert_eq!(lost.len(), 1, "attempt {attempt}");
            visits += 1;
            for (lease, row) in claimed.into_iter().filter(|(_, row)| row.name != "#1") {
                ml_connector::sync::sync_order(&app.app, lease, row).await;
            }
            app.app.clock.advance(work::LEASE + TimeDelta::seconds(1));
        }
        // Whoever looks next puts it off instead of visiting it.
        let (before, now) = (app.order("#1").await, app.app.clock.now());
        assert_eq!(before.lost, 2);
        assert_eq!(ml_connector::sync::put_off_lost(&app.app).await, 1);
        let row = app.order("#1").await;
        assert_eq!((row.state, row.attempts, row.lost), (State::Retrying, attempt + 1, 0));
        let problem = order::problem(&row).unwrap();
        assert_eq!(problem.code, "VISIT_LOST");
        let due = row.due_at.unwrap();
        assert!(due > now);
        app.app.clock.advance(due - now + TimeDelta::seconds(1));
    }
    assert_eq!((visits, app.invoices_of("#2")), (27, vec!["32.77 CAD, paid".to_owned()]));
    // A visit that ends makes up for all that.
    app.settle().await;
    assert_eq!(app.invoices_of("#1"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn an_account_that_asks_us_to_slow_down_is_not_asked_by_every_order() {
    let app = TestApp::in_world(World { retry_scale: Decimal::ONE, ..World::default() }).await;
    for number in 1..=20 {
        app.shopify.place(mugs(number));
    }
    app.freshbooks.faults.add(Some("CreateInvoice"), 3, 1, Moment::Before, Failure::Throttle(Some(400)));
    only_pulled(&app).await;
    for _ in 0..30 {
        worker::drain(&app.app).await.unwrap();
        app.app.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(app.freshbooks.invoices().len(), 3, "nobody calls for as long as it said");
    assert_eq!(app.calls()["CreateInvoice"], 4, "one was refused, nobody found out for themselves");
    let row = call_budget::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
    assert_eq!((row.whom.as_str(), row.at_once), ("freshbooks/SbX7q1", 2), "half as many at once");
    app.settle().await;
    assert_eq!(app.freshbooks.invoices().len(), 20);
    let rows = synced_order::Entity::find().all(app.app.db.read()).await.unwrap();
    assert!(rows.iter().all(|row| row.state == State::Synced && row.attempts == 0));
    app.end().await;
}
