//! The way to the receiver: at once, within five seconds, without following redirects, and again and again where that fails.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{Client, redirect::Policy};
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Delivery, Webhooks};
use crate::sandbox::shopify::options::Options;

/// How often a delivery is tried again.
const RETRIES: u32 = 8;
/// How many failures of one delivery in a row cost a subscription its life.
const FATAL: u32 = 8;
/// How many deliveries are under way at once.
const AT_ONCE: usize = 32;

/// Sends in the background, one task per delivery.
#[derive(Debug)]
pub(super) struct Post {
    tasks: TaskTracker,
    end: CancellationToken,
    places: Arc<Semaphore>,
    runtime: Handle,
    /// Made when first needed: most shops never send anything.
    client: OnceLock<Client>,
    first_gap: Duration,
    patience: Duration,
}

impl Post {
    pub(super) fn new(options: &Options) -> Post {
        Post {
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            runtime: Handle::current(),
            client: OnceLock::new(),
            first_gap: options.webhook_retry,
            patience: options.webhook_patience,
        }
    }

    pub(super) fn send(&self, webhooks: &Arc<Webhooks>, delivery: Delivery) {
        let (webhooks, end) = (Arc::clone(webhooks), self.end.clone());
        let work = async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = insist(&webhooks, &delivery) => {}
            }
        };
        self.tasks.spawn_on(work, &self.runtime);
    }

    /// One attempt: the status of the answer, if one came in time.
    pub(super) async fn attempt(&self, delivery: &Delivery) -> Option<u16> {
        let _place = self.places.acquire().await.ok()?;
        let mut request = self.client()?.post(&delivery.address).timeout(self.patience).body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        // An answer counts when it is complete.
        answer.bytes().await.ok().map(|_| status)
    }

    /// Waits until nothing is under way, retries included.
    pub(super) async fn rest(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(super) fn end(&self) {
        self.end.cancel();
    }

    fn client(&self) -> Option<&Client> {
        if let Some(client) = self.client.get() {
            return Some(client);
        }
        let builder = Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(1));
        match builder.user_agent("Shopify-Captain-Hook").build() {
            Ok(client) => Some(self.client.get_or_init(|| client)),
            Err(error) => {
                tracing::warn!("simulated Shopify cannot send webhooks: {error}");
                None
            }
        }
    }
}

/// Tries until it is taken, the gaps doubling: with a minute to begin with, four hours in all.
async fn insist(webhooks: &Webhooks, delivery: &Delivery) {
    let mut gap = webhooks.post.first_gap;
    for attempt in 1..=RETRIES + 1 {
        let status = webhooks.post.attempt(delivery).await;
        if status.is_some_and(|status| (200..300).contains(&status)) {
            webhooks.state().counts.delivered += 1;
            return;
        }
        webhooks.failed(delivery, attempt);
        if attempt <= RETRIES {
            tokio::time::sleep(gap).await;
            gap *= 2;
        }
    }
}

impl Webhooks {
    /// The attempt of this number failed, as did all before it.
    fn failed(&self, delivery: &Delivery, attempt: u32) {
        let mut state = self.state();
        state.counts.failed += 1;
        if attempt == FATAL {
            state.subscriptions.retain(|known| Some(known.id) != delivery.subscription);
        }
        if attempt > RETRIES {
            state.counts.given_up += 1;
        }
    }
}
