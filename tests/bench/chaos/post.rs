//! The way of webhooks to the service: some twice, all of them late, in no order, and again where they are not taken.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ml_connector::sandbox::shopify::Delivery;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// How late a delivery may come: over this time they are shuffled.
const LATEST: Duration = Duration::from_secs(5);
/// Before one that was not taken comes again.
const AGAIN: Duration = Duration::from_millis(500);
/// How many are on their way at once.
const AT_ONCE: usize = 16;

/// Sends in the background, one task per delivery.
pub(crate) struct Post {
    route: Arc<Route>,
    tasks: TaskTracker,
    dice: StdRng,
    doubled: u32,
}

struct Route {
    http: reqwest::Client,
    addresses: Vec<String>,
    places: Semaphore,
    tally: Mutex<Tally>,
}

/// How deliveries went so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) made: u64,
    pub(crate) doubled: u64,
    /// Attempts that were not answered 200, and repeated.
    pub(crate) repeated: u64,
    /// Answers that no delivery of ours should get.
    pub(crate) wrong: Vec<String>,
    /// When the service took the last word of an order, by Shopify's id.
    pub(crate) news: HashMap<i64, Instant>,
}

impl Post {
    pub(crate) fn new(addresses: Vec<String>, doubled: u32, seed: u64) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
        let (places, tally) = (Semaphore::new(AT_ONCE), Mutex::default());
        let route = Arc::new(Route { http, addresses, places, tally });
        Ok(Self { route, tasks: TaskTracker::new(), dice: StdRng::seed_from_u64(seed), doubled })
    }

    pub(crate) fn send(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let copies = if self.dice.random_ratio(self.doubled, 100) { 2 } else { 1 };
            {
                let mut tally = self.route.tally();
                tally.made += 1;
                tally.doubled += copies - 1;
            }
            let delivery = Arc::new(delivery);
            for _ in 0..copies {
                let (route, delivery) = (Arc::clone(&self.route), Arc::clone(&delivery));
                let late = LATEST.mul_f64(self.dice.random());
                let dice = StdRng::from_rng(&mut self.dice);
                self.tasks.spawn(async move {
                    tokio::time::sleep(late).await;
                    route.insist(&delivery, dice).await;
                });
            }
        }
    }

    /// Whether everything was taken.
    pub(crate) fn is_done(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.route.tally().clone()
    }
}

impl Route {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until it is taken, by whichever process it comes to.
    async fn insist(&self, delivery: &Delivery, mut dice: StdRng) {
        loop {
            let Some(address) = self.addresses.choose(&mut dice) else { return };
            match self.attempt(address, delivery).await {
                Some(200) => {
                    if let Some(order) = order_of(delivery) {
                        self.tally().news.insert(order, Instant::now());
                    }
                    return;
                }
                Some(status) if status < 500 => {
                    return self.tally().wrong.push(format!("{} was answered {status}", delivery.topic));
                }
                // Dead, dying, or overloaded.
                Some(_) | None => self.tally().repeated += 1,
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn attempt(&self, address: &str, delivery: &Delivery) -> Option<u16> {
        let _place = self.places.acquire().await.ok()?;
        let request = self.http.post(address).body(delivery.body.clone());
        let headers = delivery.headers.iter();
        let answer = headers.fold(request, |request, (name, value)| request.header(name, value)).send().await.ok()?;
        let status = answer.status().as_u16();
        answer.bytes().await.ok().map(|_| status)
    }
}

/// The order that a delivery is about. Of refunds and the like it is another field.
fn order_of(delivery: &Delivery) -> Option<i64> {
    let body = delivery.json();
    let field = if delivery.topic.starts_with("orders/") { body.get("id") } else { body.get("order_id") };
    field?.as_i64()
}
