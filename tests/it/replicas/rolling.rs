//! A rolling restart: each replica is replaced in turn while orders come in by pull and by webhook.

use std::{
    collections::BTreeSet,
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
    let mut fleet = Vec::new();
    for _ in 0..3 {
        let start = Start { port: free_port().await, ..small() };
        let (port, mut service) = (start.port, Service::with(&app, start));
        service.until_ready().await;
        fleet.push((port, service));
    }
    let ports: Vec<u16> = fleet.iter().map(|(port, _)| *port).collect();
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    for number in 1036..1061 {
        app.shopify.place(mugs(number));
    }
    let told = Arc::new(AtomicUsize::new(0));
    let telling = tokio::spawn(tell(app.shopify.take_deliveries(), ports, told.clone()));

    let began = Instant::now();
    let mut logs = Vec::new();
    for (made, (port, service)) in (1..).zip(&mut fleet) {
        until(|| async { writes(&app).get("CreateInvoice").is_some_and(|times| *times >= made * 10) }).await;
        let next = Start { port: *port, ..small() };
        let (log, took) = replace(service, &app, next).await;
        assert!(took < Duration::from_secs(11), "{took:?}: {log}");
        logs.push(log);
    }
    telling.await.unwrap();
    until_synced(&app, 60).await;
    println!("60 orders and three restarts took {:?}, {} deliveries", began.elapsed(), told.load(Ordering::Relaxed));
    for (_, service) in fleet {
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

/// Stops one and puts another in its place. What the first one held it has given back: whatever is held when it has ended is soon held no
/// more, long before a lease runs out that nobody renews.
async fn replace(service: &mut Service, app: &TestApp, next: Start) -> (String, Duration) {
    let old = std::mem::replace(service, Service::with(app, next));
    let ended = old.stop().await;
    let (stopped, left) = (Instant::now(), held(app).await);
    until(|| async { held(app).await.is_disjoint(&left) }).await;
    assert!(stopped.elapsed() < Duration::from_secs(10), "a lease was kept: {:?}", stopped.elapsed());
    service.until_ready().await;
    ended
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
