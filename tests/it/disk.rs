//! A SQLite file that cannot be written: its disk is full, or another process holds it. Whoever tells us something is told to come again, no
//! order suffers for it, the log names cause and remedy, and all goes on by itself.

use chrono::TimeDelta;
use entity::synced_order::State;
use ml_connector::{
    auth::Role,
    db::Trouble,
    order,
    sandbox::{faults::Moment, shopify::Delivery},
    worker,
};
use rust_decimal::Decimal;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tracing_subscriber::util::SubscriberInitExt;

use crate::{
    calls::Calls,
    harness::{TestApp, World, mugs},
    person::{ask_as, ask_at, global, http},
    ringing::with,
    secrets::Log,
    service::{Service, Start, until},
};

/// Sends a delivery too large for what is left of any page; its answer.
async fn tell(address: &str, delivery: &Delivery) -> reqwest::Response {
    let large = with(delivery, "X-Filler", &"x".repeat(12_000));
    let mut request = http().post(address).body(large.body);
    for (name, value) in &large.headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap()
}

fn is_told_to_come_again(answer: &reqwest::Response) {
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}

fn is_internal(answer: &Value) {
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL", "{answer}");
    let text = answer.to_string().to_lowercase();
    assert!(!["sqlite", "disk", "database", "locked"].iter().any(|word| text.contains(word)), "{answer}");
}

/// Leaves no room for another page, until [`make_room`].
async fn fill(app: &TestApp) {
    let db = app.app.db.write();
    db.execute_unprepared("CREATE TABLE IF NOT EXISTS filler (bytes BLOB); PRAGMA max_page_count = 1").await.unwrap();
    while db.execute_unprepared("INSERT INTO filler VALUES (zeroblob(4000))").await.is_ok() {}
}

async fn make_room(app: &TestApp) {
    app.app.db.write().execute_unprepared("PRAGMA max_page_count = 1000000").await.unwrap();
}

/// The same setting again and again: each is a row in the audit trail.
async fn change(app: &TestApp, day: u32) -> Value {
    let change = "mutation($c: ID!, $day: Date!) { updateConnectionSettings(input: {connectionId: $c, settings: {lockedThrough: $day}}) {
        userErrors { message } } }";
    ask_as(app, Role::Admin, change, json!({"c": global(app), "day": format!("2000-01-{day:02}")})).await
}

/// How many orders say that they wait for room; none has suffered.
async fn put_off(app: &TestApp) -> usize {
    let mut told = 0;
    for name in app.states().await.keys() {
        let row = app.order(name).await;
        assert_eq!(row.attempts, 0, "{name}");
        assert!(!matches!(row.state, State::Failed | State::Retrying), "{name}: {:?}", row.state);
        told += usize::from(order::problem(&row).is_some_and(|problem| problem.code == "DATABASE_FULL"));
    }
    told
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_lost_and_no_order_suffers() {
    // Whoever waits for room still waits when it is looked at.
    let app = TestApp::in_world(World { retry_scale: Decimal::ONE_THOUSAND, ..World::default() }).await;
    if !app.app.db.is_single_process() {
        return app.end().await; // it is PostgreSQL's own to say
    }
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _listening = lines.finish().set_default();
    app.app.spawn(app.app.db.clone().watch(app.app.stop.clone()));
    app.listen().await;
    app.shopify.place(mugs(1001));
    let told = app.shopify.take_deliveries();
    fill(&app).await;
    is_told_to_come_again(&tell(&told[0].address, &told[0]).await);
    fill(&app).await;
    let mut refused = None;
    for day in 1..=31 {
        let answer = change(&app, day).await;
        if answer.get("errors").is_some() {
            refused = Some(answer);
            break;
        }
    }
    is_internal(&refused.unwrap());
    make_room(&app).await;

    // Full while FreshBooks answers: what it answers then can only be found again.
    for (round, name) in (1..).zip(["CreateClient", "CreateInvoice", "CreatePayment"]) {
        for number in 0..3 {
            app.shopify.place(mugs(1000 + round * 10 + number));
        }
        for delivery in told.iter().chain(&app.shopify.take_deliveries()) {
            assert_eq!(tell(&delivery.address, delivery).await.status().as_u16(), 200);
        }
        until(|| async { app.app.db.trouble().is_none() }).await;
        app.app.clock.advance(TimeDelta::seconds(3));
        let mut calls = Calls::held(&app.freshbooks.faults);
        let filled = async {
            let answer = calls.next(name, Moment::After).await;
            drop(calls);
            fill(&app).await;
            answer.go(None);
            until(|| async { app.app.db.trouble() == Some(Trouble::Full) }).await;
            make_room(&app).await;
        };
        tokio::join!(filled, async { worker::drain(&app.app).await.unwrap() });
        let waiting = put_off(&app).await;
        // Whoever was read along with another order is looked at again at once; the first of them was not.
        assert!(waiting > 0 || round > 1, "no order says what it waits for");
        app.settle().await;
        assert!(app.states().await.values().all(|(state, _)| *state == State::Synced), "{:?}", app.states().await);
    }
    let calls = app.calls();
    assert_eq!((calls["CreateClient"], calls["CreateInvoice"], calls["CreatePayment"]), (10, 10, 10));
    until(|| async { log.text().contains("the database works again") }).await;
    let text = log.text();
    assert!(text.contains("the disk of the database is full: make room"), "{text}");
    assert!(!text.contains("tried again later"), "{text}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_process_holds_is_waited_for() {
    let app = TestApp::start().await;
    if !app.app.db.is_single_process() {
        return app.end().await;
    }
    app.listen().await;
    let service = Service::ready(&app, Start { log: "info", ..Start::default() }).await;
    let mut calls = Calls::held(&app.freshbooks.faults);
    app.shopify.place(mugs(1001));
    service.ring(&app).await;
    let answer = calls.next("CreateInvoice", Moment::After).await;
    drop(calls);
    let lock = app.app.db.begin_write().await.unwrap();
    answer.go(None);
    app.shopify.place(mugs(1002));
    let told = app.shopify.take_deliveries();
    let address = service.url("webhooks/shopify");
    let resync = "mutation($c: ID!) { resyncOrder(input: {connectionId: $c, name: \"#1001\"}) { order { state } } }";
    let graphql = service.url("graphql");
    let (heard, asked) = tokio::join!(
        tell(&address, &told[0]),
        ask_at(&app, &graphql, Role::Admin, resync, json!({"c": global(&app)})),
    );
    is_told_to_come_again(&heard);
    is_internal(&asked);
    until(|| async { service.log().contains("db::outage: another process holds the SQLite file") }).await;
    assert_eq!((service.get("healthz").await, service.get("readyz").await), (Some(200), Some(200)), "it can be read");
    lock.rollback().await.unwrap();

    for delivery in &told {
        assert_eq!(tell(&address, delivery).await.status().as_u16(), 200);
    }
    until(|| async {
        let states = app.states().await;
        states.len() == 2 && states.values().all(|(state, _)| *state == State::Synced)
    })
    .await;
    until(|| async { service.log().contains("the database works again") }).await;
    let log = service.log();
    let said = "ml_connector::db::outage: another process holds the SQLite file: SQLite serves one process";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    assert!(log.lines().filter(|line| line.contains("ERROR") || line.contains("WARN")).count() < 12, "{log}");
    assert!(!log.contains("tried again later"), "{log}");
    drop(service);
    assert_eq!((app.calls()["CreateClient"], app.calls()["CreateInvoice"]), (2, 2));
    app.end().await;
}
