//! A storm: thousands of deliveries, doubled, shuffled, late, some forged, some cut short, into a service that is killed while they come.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use entity::{platform_grant::Platform, synced_order, webhook_delivery};
use ml_connector::sandbox::shopify::{Delivery, Options};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use crate::{
    harness::{TestApp, World, mugs},
    person::http,
    ringing::send_by,
    service::{Service, Start, free_port, until_within},
};

const ORDERS: i32 = 500;
const SENDERS: usize = 16;
/// Thousands of requests and hundreds of orders take their time where the machine is busy.
const LONG: Duration = Duration::from_secs(300);

/// One request to be made, until it is answered.
#[derive(Clone)]
struct Request {
    delivery: Delivery,
    /// What a right answer is.
    expected: u16,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_ends_right_whatever_befalls_its_deliveries() {
    let seed = rand::rng().random::<u64>();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let shopify = Options { restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    app.listen().await;
    let told = happen(&app, &mut dice);
    let ids: BTreeSet<String> =
        told.iter().filter_map(|one| one.header("X-Shopify-Webhook-Id")).map(str::to_owned).collect();
    assert_eq!(ids.len(), told.len());
    assert!(told.len() >= 5_000, "{} deliveries", told.len());

    let mut requests = requests(&told, &mut dice);
    requests.shuffle(&mut dice);
    let forged = requests.iter().filter(|request| request.expected == 401).count();
    let port = free_port().await;
    let answers = storm(&app, requests, port).await;
    assert_eq!(answers.get(&401).copied().unwrap_or_default(), forged, "each forged one was refused: {answers:?}");
    assert_eq!(answers.keys().filter(|status| !matches!(status, 200 | 401 | 503)).count(), 0, "{answers:?}");

    let db = app.app.db.read();
    let stored: Vec<Option<String>> = webhook_delivery::Entity::find()
        .select_only()
        .column(webhook_delivery::Column::WebhookId)
        // FreshBooks rings as well by now, and numbers nothing.
        .filter(webhook_delivery::Column::Platform.eq(Platform::Shopify))
        .into_tuple()
        .all(db)
        .await
        .unwrap();
    let stored_once: BTreeSet<String> = stored.iter().flatten().cloned().collect();
    assert_eq!(stored.len(), stored_once.len(), "a delivery was kept twice");
    assert!(stored_once == ids, "{} were sent, {} are kept", ids.len(), stored_once.len());
    let repeats =
        webhook_delivery::Entity::find().filter(webhook_delivery::Column::Repeats.gt(0)).count(db).await.unwrap();
    assert_eq!(usize::try_from(repeats).unwrap(), ids.len(), "each came twice at least");

    let states = app.states().await;
    assert_eq!(states.len(), usize::try_from(ORDERS).unwrap());
    let wrong: Vec<_> = states.iter().filter(|(_, (state, _))| *state != synced_order::State::Synced).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    app.end().await;
}

/// Five hundred checkouts and what becomes of them; all that the shop tells of it.
fn happen(app: &TestApp, dice: &mut StdRng) -> Vec<Delivery> {
    let ids: Vec<u64> = (1..=ORDERS).map(|number| app.shopify.place(mugs(number)).id).collect();
    for id in &ids {
        app.shopify.change(*id, |order| order.note = Some("gift".to_owned()));
        match dice.random_range(0..3) {
            0 => app.shopify.evolve(*id, |order| order.refund_all()),
            1 => app.shopify.evolve(*id, |order| order.refund_amount("5.00")),
            _ => {
                app.shopify.change(*id, |order| order.tags.push("seen".to_owned()));
                app.shopify.change(*id, |order| order.tags.push("packed".to_owned()));
                app.shopify.change(*id, |order| order.tags.push("gone".to_owned()));
            }
        }
        app.shopify.change(*id, |order| order.note = Some("no gift".to_owned()));
    }
    app.shopify.take_deliveries()
}

/// Each twice; besides, one in twenty forged, and one in a hundred cut short.
fn requests(told: &[Delivery], dice: &mut StdRng) -> Vec<Request> {
    let mut requests = Vec::new();
    for delivery in told {
        for _ in 0..2 {
            requests.push(Request { delivery: delivery.clone(), expected: 200 });
            if dice.random_range(0..20) == 0 {
                let mut delivery = delivery.clone();
                let place = dice.random_range(0..delivery.body.len());
                delivery.body[place] ^= 1 << dice.random_range(0..8);
                requests.push(Request { delivery, expected: 401 });
            }
            if dice.random_range(0..100) == 0 {
                let mut delivery = delivery.clone();
                delivery.body.truncate(dice.random_range(0..delivery.body.len()));
                requests.push(Request { delivery, expected: 401 });
            }
        }
    }
    requests
}

/// Sends everything until it is answered, killing the service twice meanwhile, and waits until all work is done. How often which status
/// was answered.
async fn storm(app: &TestApp, requests: Vec<Request>, port: u16) -> BTreeMap<u16, usize> {
    let (all, queue) = (requests.len(), Arc::new(Mutex::new(requests)));
    let answers: Arc<Mutex<BTreeMap<u16, usize>>> = Arc::default();
    let address = format!("http://127.0.0.1:{port}/webhooks/shopify");
    let client = http();
    let mut service = Service::with(app, Start { port, ..Start::default() });
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (queue, answers, address, client) = (queue.clone(), answers.clone(), address.clone(), client.clone());
            tokio::spawn(async move {
                loop {
                    let Some(request) = queue.lock().unwrap().pop() else { return };
                    let answer = send_by(&client, &address, &request.delivery).await;
                    if let Some(status) = answer {
                        *answers.lock().unwrap().entry(status).or_default() += 1;
                    }
                    if answer != Some(request.expected) {
                        // As Shopify does, only sooner: it comes again later, among others.
                        assert!(matches!(answer, None | Some(503)), "{answer:?} for {}", request.delivery.topic);
                        queue.lock().unwrap().insert(0, request);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            })
        })
        .collect();
    for left in [all * 2 / 3, all / 3] {
        until_within(LONG, || async { queue.lock().unwrap().len() <= left }).await;
        drop(service); // kill -9
        service = Service::with(app, Start { port, ..Start::default() });
    }
    for sender in senders {
        sender.await.unwrap();
    }
    let at_rest = || async {
        let due = synced_order::Entity::find().filter(synced_order::Column::DueAt.is_not_null());
        due.count(app.app.db.read()).await.unwrap() == 0
    };
    until_within(LONG, at_rest).await;
    let figures = client.get(format!("http://127.0.0.1:{port}/metrics")).send().await.unwrap().text().await.unwrap();
    let refused =
        figures.lines().find(|line| line.starts_with("mlc_webhooks_refused_total") && line.contains("signature"));
    let refused: usize = refused.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default();
    assert!(refused > 0, "what is refused is counted:\n{figures}");
    drop(service);
    Arc::try_unwrap(answers).unwrap().into_inner().unwrap()
}
