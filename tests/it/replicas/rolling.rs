//! A rolling restart: each replica is replaced in turn while orders come in by pull and by webhook.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use entity::{ids::OrderId, synced_order};
use ml_connector::{
    auth::Actor,
    pull as pulls,
    sandbox::{
        faults::{Failure, Moment},
        shopify::Options,
    },
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{on_postgres, small, until_synced, world, writes};
use crate::{
    harness::{TestApp, mugs},
    person::http,
    ringing::send_by,
    service::{Service, Start, free_port, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_replaced_one_by_one_while_orders_come_and_no_order_notices() {
    if !on_postgres() {
        return;
    }
    let app = world(Options { orders: (1001..1036).map(mugs).collect(), ..Options::default() }).await;
    app.freshbooks.faults.add(None, 0, u64::MAX, Moment::After, Failure::Late(Duration::from_millis(50)));
    let (mut fleet, mut ports) = (VecDeque::new(), Vec::new());
    for _ in 0..3 {
        let port = free_port().await;
        let mut service = Service::with(&app, Start { port, ..small() });
        service.until_ready().await;
        fleet.push_back(service);
        ports.push(port);
    }
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    for number in 1036..1061 {
        app.shopify.place(mugs(number));
    }
    let told = Arc::new(AtomicUsize::new(0));
    let telling = tokio::spawn(tell(app.shopify.take_deliveries(), ports.clone(), told.clone()));

    let began = Instant::now();
    let mut logs = Vec::new();
    for (made, port) in (1..).zip(ports) {
        until(|| async { writes(&app).get("CreateInvoice").is_some_and(|times| *times >= made * 10) }).await;
        let oldest = fleet.pop_front().unwrap();
        let (next, log, took) = replace(oldest, &app, Start { port, ..small() }).await;
        fleet.push_back(next);
        // Ten seconds for what it does, and some for a busy machine.
        assert!(took < Duration::from_secs(14), "{took:?}: {log}");
        logs.push(log);
    }
    telling.await.unwrap();
    until_synced(&app, 60).await;
    println!("60 orders and three restarts took {:?}, {} deliveries", began.elapsed(), told.load(Ordering::Relaxed));
    for service in fleet {
        let (log, _) = service.stop().await;
        logs.push(log);
    }
    for log in &logs {
        for sign in ["tried again later", "could not be ended", "given up", "taken over", "is still running"] {
            assert!(!log.contains(sign), "{sign}:\n{log}");
        }
    }
    assert_eq!(held(&app).await, BTreeSet::new());
    assert_eq!(writes(&app)["CreateInvoice"], 60);
    assert_eq!(writes(&app)["CreateClient"], 60);
    app.end().await;
}

/// Stops one, then starts another in its place, which has the port to itself. What the first one held it has given back: whatever is held
/// when it has ended is soon held no more, long before a lease runs out that nobody renews.
async fn replace(old: Service, app: &TestApp, next: Start) -> (Service, String, Duration) {
    let (log, took) = old.stop().await;
    let (stopped, left) = (Instant::now(), held(app).await);
    let mut next = Service::with(app, next);
    until(|| async { held(app).await.is_disjoint(&left) }).await;
    assert!(stopped.elapsed() < Duration::from_secs(10), "a lease was kept: {:?}", stopped.elapsed());
    next.until_ready().await;
    (next, log, took)
}

/// The claims that are at work just now.
async fn held(app: &TestApp) -> BTreeSet<(OrderId, Uuid)> {
    let rows = synced_order::Entity::find().filter(synced_order::Column::Fence.is_not_null());
    let rows = rows.all(app.app.db.read()).await.unwrap();
    rows.into_iter().filter_map(|row| Some((row.id, row.fence?))).collect()
}

/// Tells each delivery to one of the processes, or to the next where that one is being replaced.
async fn tell(deliveries: Vec<ml_connector::sandbox::shopify::Delivery>, ports: Vec<u16>, told: Arc<AtomicUsize>) {
    let client = http();
    for (index, delivery) in deliveries.iter().enumerate() {
        for port in ports.iter().cycle().skip(index % ports.len()) {
            let address = format!("http://127.0.0.1:{port}/webhooks/shopify");
            match send_by(&client, &address, delivery).await {
                Some(200) => break,
                None | Some(503) => tokio::time::sleep(Duration::from_millis(20)).await,
                other => panic!("{other:?}"),
            }
        }
        told.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
