//! Hosts whose clocks are off: all replicas have the database's time, so leases, retries and tokens mean the same to each.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use entity::{platform_grant::Platform, synced_order};
use ml_connector::{
    app::App,
    clock::Clock,
    grant, order,
    sandbox::faults::Moment,
    work::{self, Lane, Lease},
    worker,
};

use super::on_postgres;
use crate::{
    calls::Calls,
    harness::{TestApp, mugs},
    person::{Person, connect_by_browser, unconnected},
};

/// The same service on a host whose clock is off.
async fn elsewhere(app: &TestApp, minutes: i64) -> App {
    let clock = Clock::off_by(TimeDelta::minutes(minutes));
    let off = clock.now() - app.app.clock.now();
    assert!((off - TimeDelta::minutes(minutes)).abs() < TimeDelta::seconds(1));
    App::new(app.app.config.clone(), clock).await.unwrap()
}

async fn claim(app: &App) -> Option<Lease> {
    let rows = worker::orders(app, 10, Lane::Backfill).await.unwrap();
    rows.first().map(|(lease, _)| *lease)
}

#[tokio::test]
async fn what_one_host_holds_or_puts_off_another_leaves_alone_whatever_its_clock_says() {
    if !on_postgres() {
        return;
    }
    for minutes in [10, -10] {
        let app = TestApp::start().await;
        app.listen().await;
        let there = elsewhere(&app, minutes).await;
        app.shopify.place(mugs(1001));
        app.ring().await;
        for (holds, other) in [(&app.app, &there), (&there, &app.app)] {
            for clock in [&app.app.clock, &there.clock] {
                clock.advance(TimeDelta::seconds(3));
            }
            let lease = claim(holds).await.unwrap();
            assert!(claim(other).await.is_none(), "held by the other, {minutes} min");
            // Put off by a minute: not due before, and due then, for both.
            let now = holds.clock.now();
            let at = now + TimeDelta::minutes(1);
            let state = synced_order::State::Due;
            assert!(order::retry_later(holds.db.write(), lease, state, None, at, false, now).await.unwrap());
            for (ahead, due) in [(20, false), (45, true)] {
                for clock in [&app.app.clock, &there.clock] {
                    clock.advance(TimeDelta::seconds(ahead));
                }
                let waiting = work::waiting::<synced_order::Entity>(other.db.read(), Lane::Backfill, other.clock.now());
                let waits = waiting.await.unwrap()[0].lane.is_some();
                assert_eq!(waits, due, "after {ahead} s more, {minutes} min");
            }
        }
        app.settle().await;
        app.end().await;
    }
}

#[tokio::test]
async fn no_token_is_renewed_early_or_late_by_a_host_whose_clock_is_off() {
    if !on_postgres() {
        return;
    }
    let mut app = TestApp::in_world(unconnected()).await;
    connect_by_browser(&mut app, &mut Person::default()).await;
    let generation = async || {
        let row = grant::find(app.app.db.read(), app.connection, Platform::Shopify).await.unwrap().unwrap();
        row.generation
    };
    let (fast, slow) = (elsewhere(&app, 10).await, elsewhere(&app, -10).await);
    let before = generation().await;
    let ends = grant::find(app.app.db.read(), app.connection, Platform::Shopify).await.unwrap().unwrap().expires_at;
    let lasts = ends.unwrap() - app.app.clock.now();
    assert!(lasts < TimeDelta::hours(2), "{lasts}");
    let all = |by: TimeDelta| [&app.app, &fast, &slow].iter().for_each(|app| app.clock.advance(by));
    all(lasts - TimeDelta::minutes(9));
    grant::access(&fast, app.connection, Platform::Shopify).await.unwrap();
    assert_eq!(generation().await, before, "nine minutes before its end, by a clock that is ten ahead");
    all(TimeDelta::minutes(7));
    grant::access(&slow, app.connection, Platform::Shopify).await.unwrap();
    assert_eq!(generation().await, before + 1, "two minutes before its end, by a clock that is ten behind");
    app.end().await;
}

#[tokio::test]
async fn a_clock_is_not_set_by_an_answer_that_was_waited_for() {
    if !on_postgres() {
        return;
    }
    let app = TestApp::start().await;
    let mut taken = Vec::new();
    for _ in 0..20 {
        taken.push(app.app.db.begin_write().await.unwrap());
    }
    let wait = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(taken);
    };
    let (set, ()) = tokio::join!(app.app.set_clock(), wait);
    set.unwrap();
    // The database is on this host.
    let off = app.app.clock.now() - Clock::default().now();
    assert!(off.abs() < TimeDelta::seconds(1), "{off}");
    app.end().await;
}

#[tokio::test]
async fn the_database_tells_every_host_the_same_time() {
    if !on_postgres() {
        return;
    }
    let app = TestApp::start().await;
    for minutes in [-10, 10] {
        let there = elsewhere(&app, minutes).await;
        let apart = there.clock.now().signed_duration_since::<Utc>(app.app.clock.now());
        assert!(apart.abs() < TimeDelta::seconds(2), "{apart}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_clock_that_is_set_while_a_document_is_made_makes_no_second_one() {
    for minutes in [10, -10] {
        for name in ["CreateClient", "CreateInvoice", "CreatePayment"] {
            let app = TestApp::start().await;
            app.listen().await;
            app.shopify.place(mugs(1001));
            app.ring().await;
            app.app.clock.advance(TimeDelta::seconds(3));
            let mut calls = Calls::held(&app.freshbooks.faults);
            let set = async {
                let call = calls.next(name, Moment::Before).await;
                drop(calls);
                app.app.clock.step(TimeDelta::minutes(minutes));
                let visits = worker::drain(&app.app).await.unwrap();
                assert_eq!(visits, 0, "{name} was about to be made, {minutes} min");
                call.go(None);
            };
            let (_, ()) = tokio::join!(worker::drain(&app.app), set);
            app.settle().await;
            assert_eq!(app.state("#1001").await.0, synced_order::State::Synced);
            let calls = app.calls();
            assert_eq!((calls["CreateClient"], calls["CreateInvoice"], calls["CreatePayment"]), (1, 1, 1));
            app.end().await;
        }
    }
}
