//! Pulls: once per firing, proved before the watermark moves, asked for once, and stopped by no single order.

use chrono::TimeDelta;
use entity::{
    call_budget,
    ids::PullId,
    pull::{Column, Entity, Kind, Model, State},
    synced_order,
};
use ml_connector::{
    app::App,
    auth::Actor,
    order, pauses, pull as pulls,
    sandbox::{
        faults::{Failure, Moment},
        freshbooks,
        shopify::{
            BulkFate, Options, build,
            model::{BulkOperationErrorCode, Order},
        },
    },
    schedule, worker,
};
use rust_decimal::Decimal;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::harness::{TestApp, World, mugs};

/// A ladder whose waits are long enough for a test to look in between.
fn patient() -> World {
    World { retry_scale: Decimal::ONE, ..World::default() }
}

/// Another process over the same database and by the same clock.
async fn replica(of: &TestApp) -> App {
    App::new(of.app.config.clone(), of.app.clock.clone()).await.unwrap()
}

async fn backfill(app: &TestApp) -> PullId {
    app.app.clock.advance(TimeDelta::minutes(5));
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap().id
}

async fn load(app: &TestApp, id: PullId) -> Model {
    pulls::load(app.app.db.read(), id).await.unwrap()
}

async fn pass_next_firing(app: &TestApp) {
    let at = schedule::next_run_at(app.app.db.read(), app.connection).await.unwrap().unwrap();
    app.app.clock.advance((at - app.app.clock.now()).max(TimeDelta::zero()) + TimeDelta::seconds(1));
}

/// Works until the pull has stumbled for the first time.
async fn until_it_stumbles(app: &TestApp, id: PullId) -> Model {
    for _ in 0..20 {
        worker::drain(&app.app).await.unwrap();
        let row = load(app, id).await;
        if row.attempts > 0 {
            return row;
        }
        app.app.clock.advance(TimeDelta::seconds(1));
    }
    panic!("nothing went wrong")
}

/// The pull until its orders are stored, and nothing else.
async fn only_the_pull(app: &TestApp) {
    while Entity::find().filter(Column::DueAt.is_not_null()).one(app.app.db.read()).await.unwrap().is_some() {
        one_step(app).await;
    }
}

async fn one_step(app: &TestApp) {
    for (lease, row) in worker::pulls(&app.app, 1).await.unwrap() {
        pulls::advance(&app.app, lease, row).await;
    }
    app.app.clock.advance(TimeDelta::seconds(1));
}

fn shopify_calls(app: &TestApp, name: &str) -> u64 {
    app.shopify.faults.calls().get(name).copied().unwrap_or_default()
}

fn with_a_refund(number: i32) -> Order {
    mugs(number).refund_units(0, 1)
}

#[tokio::test]
async fn a_schedule_fires_once_though_two_replicas_look_at_once() {
    let app = TestApp::start().await;
    let other = replica(&app).await;
    pass_next_firing(&app).await;
    let (here, there) = tokio::join!(schedule::fire_due(&app.app), schedule::fire_due(&other));
    // Other kinds may be due as well.
    assert!(here.unwrap() + there.unwrap() >= 1);
    let rows = Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.kind).collect::<Vec<_>>(), [Kind::Scheduled]);
    app.settle().await;
    app.end().await;
}

#[tokio::test]
async fn the_watermark_moves_only_when_a_transfer_is_proved() {
    let fates = [
        BulkFate::CutDownload,
        BulkFate::BreakDownload,
        BulkFate::Fail(BulkOperationErrorCode::Timeout),
        BulkFate::Expire,
    ];
    for fate in fates {
        let app = TestApp::in_world(patient()).await;
        for number in 1001..1004 {
            app.shopify.place(mugs(number));
        }
        app.shopify.next_bulk(fate);
        let id = backfill(&app).await;
        let stumbled = until_it_stumbles(&app, id).await;
        assert_eq!(pulls::problem(&stumbled).unwrap().code, "PULL_NOT_COMPLETED", "{fate:?}");
        assert_eq!(app.connection().await.watermark, None, "{fate:?}");
        app.settle().await;
        let row = load(&app, id).await;
        assert_eq!((row.state, row.orders_seen, row.last_error), (State::Completed, 3, None), "{fate:?}");
        assert_eq!(app.connection().await.watermark, Some(row.created_at - TimeDelta::minutes(1)), "{fate:?}");
        assert_eq!(app.freshbooks.invoices().len(), 3, "{fate:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn a_lost_answer_starts_no_second_operation() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.shopify.faults.add(Some("graphql:BulkRun"), 0, 1, Moment::After, Failure::Drop);
    app.pull().await;
    assert_eq!(shopify_calls(&app, "graphql:BulkRun"), 1);
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn operations_that_always_go_are_given_up() {
    for fate in [BulkFate::Fail(BulkOperationErrorCode::Timeout), BulkFate::Expire] {
        let app = TestApp::start().await;
        app.shopify.place(mugs(1001));
        (0..50).for_each(|_| app.shopify.next_bulk(fate));
        let id = backfill(&app).await;
        app.settle().await;
        let row = load(&app, id).await;
        assert_eq!((row.state, app.connection().await.watermark), (State::Failed, None), "{fate:?}");
        assert_eq!(pulls::problem(&row).unwrap().code, "PULL_NOT_COMPLETED", "{fate:?}");
        let asked = shopify_calls(&app, "graphql:BulkRun");
        assert!((2..=7).contains(&asked), "{fate:?}: {asked} operations");
        app.end().await;
    }
}

#[tokio::test]
async fn a_scheduled_pull_brings_what_changed_since_the_watermark_by_itself() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    app.shopify.place(mugs(1002));
    app.pull().await;
    let watermark = app.connection().await.watermark.unwrap();
    app.app.clock.advance(TimeDelta::minutes(30));
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.app.clock.advance(TimeDelta::minutes(5));
    pass_next_firing(&app).await;
    schedule::fire_due(&app.app).await.unwrap();
    app.quiet().await;
    app.settle().await;
    let scheduled = Entity::find().filter(Column::Kind.eq(Kind::Scheduled)).one(app.app.db.read()).await;
    let scheduled = scheduled.unwrap().unwrap();
    assert_eq!(scheduled.since, Some(watermark - TimeDelta::minutes(10)));
    assert_eq!((scheduled.state, scheduled.orders_seen, scheduled.orders_changed), (State::Completed, 1, 1));
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"]);
    assert_eq!(app.connection().await.watermark, Some(scheduled.until));
    app.end().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_read_whole_fails_alone() {
    let app = TestApp::start().await;
    for number in 1001..1006 {
        app.shopify.place(with_a_refund(number));
    }
    let endless = (0..250).fold(with_a_refund(1006), |order, _| order.declined("manual"));
    let endless = app.shopify.place(endless);
    let id = backfill(&app).await;
    app.settle().await;
    let row = load(&app, id).await;
    assert_eq!((row.state, row.orders_seen, row.attempts), (State::Completed, 6, 0));
    assert!(app.connection().await.watermark.is_some());
    for number in 1001..1006 {
        assert_eq!(app.invoices_of(&format!("#{number}")), ["19.21 CAD, paid"]);
    }
    let endless = i64::try_from(endless.id).unwrap();
    let failed = order::find(app.app.db.read(), app.connection, endless).await.unwrap().unwrap();
    assert_eq!((failed.state, failed.stale), (synced_order::State::Failed, true));
    app.end().await;
}

#[tokio::test]
async fn a_pull_that_has_to_wait_goes_on_where_it_was_and_a_second_one_reads_nothing_again() {
    let orders = (1001..1026).map(with_a_refund).collect();
    let shopify = Options { orders, restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    // The first twenty are read; then the budget is used up for a minute.
    app.shopify.faults.add(Some("graphql:Orders"), 1, 1, Moment::Before, Failure::Throttle(Some(60)));
    let id = backfill(&app).await;
    while shopify_calls(&app, "graphql:Orders") < 2 {
        one_step(&app).await;
    }
    let waiting = load(&app, id).await;
    assert_eq!((waiting.state, waiting.orders_seen, waiting.attempts), (State::Running, 20, 0));
    app.settle().await;
    let row = load(&app, id).await;
    assert_eq!((row.state, row.orders_seen, row.orders_changed), (State::Completed, 25, 25));
    assert_eq!(shopify_calls(&app, "graphql:Orders"), 3, "the first twenty are not read again");
    app.pull().await;
    assert_eq!(shopify_calls(&app, "graphql:Orders"), 3, "what is known is not read again");
    app.end().await;
}

#[tokio::test]
async fn two_replicas_share_the_work_and_double_nothing() {
    let app = TestApp::start().await;
    let other = replica(&app).await;
    // More than one claim takes; some buyers come back, so that the replicas meet at their clients.
    for number in 1001..1061 {
        let buyer = u64::try_from(number % 12).unwrap();
        let buyer = build::customer(9_000 + buyer, "Ada", "Example", &format!("buyer{buyer}@example.com"));
        let order = build::order(number).line("Mug", "12.00", 1).tax("HST", "0.13").customer(buyer);
        app.shopify.place(order.paid("shopify_payments"));
    }
    backfill(&app).await;
    only_the_pull(&app).await;
    // The account takes more at once than one claim does.
    let budget = call_budget::ActiveModel {
        whom: Set(pauses::account(&freshbooks::Options::default().account_id)),
        at_once: Set(100),
        changed_at: Set(app.app.clock.now()),
        paused_until: Set(None),
    };
    call_budget::Entity::insert(budget).exec_without_returning(app.app.db.write()).await.unwrap();
    let (mut here, mut there) = (0, 0);
    let due = || synced_order::Entity::find().filter(synced_order::Column::DueAt.is_not_null()).one(app.app.db.read());
    for _ in 0..100 {
        let visits = tokio::join!(worker::drain(&app.app), worker::drain(&other));
        here += visits.0.unwrap();
        there += visits.1.unwrap();
        if due().await.unwrap().is_none() {
            break;
        }
        app.app.clock.advance(TimeDelta::seconds(1));
    }
    assert!(here > 0 && there > 0, "{here} visits here, {there} there");
    let calls = app.calls();
    assert_eq!((calls["CreateClient"], calls["CreateInvoice"], calls["CreatePayment"]), (12, 60, 60));
    assert_eq!(app.freshbooks.invoices().len(), 60);
    app.end().await;
}
