//! The database goes away and comes back, or has no connection to give: what was told is told again, nothing is lost, and the log says it once.

use std::time::Duration;

use ml_connector::sandbox::{
    faults::{Failure, Moment},
    shopify::{Delivery, Options},
};
use sea_orm::ConnectionTrait;
use url::Url;

use super::{on_postgres, small, until_synced, world, writes};
use crate::{
    calls::Calls,
    harness::{TestApp, mugs},
    person::http,
    ringing::send_by,
    service::{Service, Start, until},
    wire::{Break, Wire},
};

/// What would tell of an order that had to suffer for it.
const SUFFERED: [&str; 3] = ["tried again later", "given up", "order not synced"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_twice_loses_nothing_and_the_service_goes_on_by_itself() {
    if !on_postgres() {
        return;
    }
    let app = world(Options::default()).await;
    app.freshbooks.faults.add(None, 0, u64::MAX, Moment::After, Failure::Late(Duration::from_millis(100)));
    let wire = Wire::before(&app.database.url).await;
    let through = wire.through(&app.database.url);
    let mut service = Service::ready(&app, Start { database: Some(through), workers: 4, ..small() }).await;
    let address = service.url("webhooks/shopify");
    for number in 1001..1026 {
        app.shopify.place(mugs(number));
    }
    let telling = tokio::spawn(tell(app.shopify.take_deliveries(), address.clone()));
    for (outage, (made, moment)) in (1..).zip([(3, Break::Before), (8, Break::After)]) {
        // One connection breaks at some statement, before they all do.
        wire.break_at(20, moment);
        until(|| async { writes(&app).get("CreateInvoice").is_some_and(|times| *times >= made) }).await;
        until(|| async { wire.is_broken() }).await;
        wire.refuse();
        app.shopify.place(mugs(1025 + i32::try_from(outage).unwrap()));
        let told = app.shopify.take_deliveries();
        assert_eq!(send_by(&http(), &address, &told[0]).await, Some(503), "nothing could be kept");
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(service.get("healthz").await, Some(200));
            assert_eq!(service.get("readyz").await, Some(503));
        }
        wire.pass();
        service.until_ready().await;
        tell(told, address.clone()).await;
        until(|| async { service.log().matches("the database works again").count() == outage }).await;
    }
    telling.await.unwrap();
    until_synced(&app, 27).await;

    let (log, _) = service.stop().await;
    println!("{} lines in the log", log.lines().count());
    said_once(&log, "the database does not answer", 2);
    assert_eq!(log.matches("the database works again").count(), 2, "{log}");
    assert_eq!(writes(&app)["CreateInvoice"], 27);
    drop(wire);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_connection_all_work_waits_and_costs_no_attempt() {
    if !on_postgres() {
        return;
    }
    let app = world(Options::default()).await;
    let (role, url) = role(&app).await;
    let mut service = Service::ready(&app, Start { database: Some(url), ..small() }).await;
    let mut calls = Calls::held(&app.freshbooks.faults);
    app.shopify.place(mugs(1001));
    service.ring(&app).await;
    let answer = calls.next("CreateInvoice", Moment::After).await;
    drop(calls);
    // FreshBooks answers where nothing can be stored: a visit waits ten seconds for a connection.
    limit(&app, &role, 0).await;
    answer.go(None);
    app.shopify.place(mugs(1002));
    let told = app.shopify.take_deliveries();
    assert_eq!(send_by(&http(), &service.url("webhooks/shopify"), &told[0]).await, Some(503));
    assert_eq!((service.get("healthz").await, service.get("readyz").await), (Some(200), Some(503)));
    until(|| async { service.log().contains("no connection to the database is free") }).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    limit(&app, &role, -1).await;
    service.until_ready().await;
    for delivery in &told {
        assert_eq!(send_by(&http(), &service.url("webhooks/shopify"), delivery).await, Some(200));
    }
    until_synced(&app, 2).await;
    until(|| async { service.log().contains("the database works again") }).await;
    let (log, _) = service.stop().await;
    said_once(&log, "no connection to the database is free", 1);
    assert_eq!(log.matches("the database works again").count(), 1, "{log}");
    assert_eq!(writes(&app)["CreateInvoice"], 2);
    app.app.db.write().execute_unprepared(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    app.end().await;
}

/// The log names the cause and the remedy, once for each of the `times`, and is not filled with what follows from it.
fn said_once(log: &str, cause: &str, times: usize) {
    assert_eq!(log.matches(cause).count(), times, "{log}");
    let of_database = log.lines().filter(|line| line.contains("ERROR") || line.contains("WARN")).count();
    assert!(of_database < times * 8 + 8, "{of_database} lines that warn:\n{log}");
    for sign in SUFFERED {
        assert!(!log.contains(sign), "{sign}:\n{log}");
    }
}

/// Sends each until it is kept.
async fn tell(deliveries: Vec<Delivery>, address: String) {
    let client = http();
    for delivery in &deliveries {
        loop {
            let status = send_by(&client, &address, delivery).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            match status {
                200 => break,
                503 => {}
                other => panic!("{other}"),
            }
        }
    }
}

/// Somebody with a limit: whoever may do everything is never refused a connection.
async fn role(app: &TestApp) -> (String, String) {
    let mut url: Url = app.database.url.parse().unwrap();
    let role = url.path().trim_start_matches('/').replace("mlc_test_", "mlc_role_");
    let rights = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'mlc'; GRANT ALL ON SCHEMA public TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
    );
    app.app.db.write().execute_unprepared(&rights).await.unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("mlc")).unwrap();
    (role, url.into())
}

/// So many connections may it have from now on; those it has have ended. One after the other: what is sent as one is one transaction, and
/// new ones could begin until it ends.
async fn limit(app: &TestApp, role: &str, connections: i32) {
    for change in [
        format!("ALTER ROLE {role} CONNECTION LIMIT {connections}"),
        format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'"),
    ] {
        app.app.db.write().execute_unprepared(&change).await.unwrap();
    }
}
