//! Takes notifications to where callbacks point, or holds them for a test to take there itself.
//!
//! Each goes its own way in a task of its own, so they overtake each other. Nothing runs while there is nothing to deliver.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use reqwest::redirect::Policy;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const LONGEST_WAIT: Duration = Duration::from_secs(5);
pub(super) const SIGNATURE: &str = "X-FreshBooks-Hmac-SHA256";

/// One notification, as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The callback's whole URI.
    pub address: String,
    /// `invoice.update`, `callback.verify`, …
    pub event: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// A form.
    pub body: Vec<u8>,
}

/// What becomes of notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deliveries {
    /// They are sent at once, each on its own.
    #[default]
    Sending,
    /// They are kept until somebody takes them, verifications too, and without any delay.
    Holding,
}

/// A delivery on its way out.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) delivery: Delivery,
    /// How much later it leaves.
    pub(super) delay: Duration,
    /// The call that caused it does not answer before the first attempt is over.
    pub(super) awaited: bool,
    /// How often it is tried again.
    pub(super) retries: u32,
    /// The time before the first of these; each is twice the one before.
    pub(super) gap: Duration,
}

#[derive(Debug, Default)]
struct Desk {
    mode: Deliveries,
    held: Vec<Delivery>,
}

pub(super) struct Courier {
    desk: Mutex<Desk>,
    // Made when first needed: most accounts never send anything.
    http: OnceLock<Option<reqwest::Client>>,
    tasks: TaskTracker,
    closed: CancellationToken,
}

impl Courier {
    pub(super) fn new(closed: CancellationToken) -> Courier {
        Courier { desk: Mutex::default(), http: OnceLock::new(), tasks: TaskTracker::new(), closed }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_mode(&self, mode: Deliveries) {
        self.desk().mode = mode;
    }

    pub(super) fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.desk().held)
    }

    /// Sends or holds; comes back with those whose first attempt somebody waits for.
    pub(super) fn send(&self, letters: Vec<Letter>) -> Vec<JoinHandle<()>> {
        if letters.is_empty() {
            return Vec::new();
        }
        let mut desk = self.desk();
        if desk.mode == Deliveries::Holding {
            desk.held.extend(letters.into_iter().map(|letter| letter.delivery));
            return Vec::new();
        }
        drop(desk);
        let Some(http) = self.http.get_or_init(client) else { return Vec::new() };
        let mut awaited = Vec::new();
        for letter in letters {
            let (http, closed, waits) = (http.clone(), self.closed.clone(), letter.awaited);
            let task = self.tasks.spawn(async move {
                closed.run_until_cancelled(carry(&http, &letter)).await;
            });
            if waits {
                awaited.push(task);
            }
        }
        awaited
    }

    /// Waits until nothing is on its way.
    pub(super) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

fn client() -> Option<reqwest::Client> {
    reqwest::Client::builder().redirect(Policy::none()).timeout(LONGEST_WAIT).no_proxy().build().ok()
}

async fn carry(http: &reqwest::Client, letter: &Letter) {
    tokio::time::sleep(letter.delay).await;
    let mut gap = letter.gap;
    for _ in 0..letter.retries {
        if attempt(http, &letter.delivery).await {
            return;
        }
        tokio::time::sleep(gap).await;
        gap = gap.saturating_mul(2);
    }
    attempt(http, &letter.delivery).await;
}

/// Whether it was taken; a redirect is no yes.
async fn attempt(http: &reqwest::Client, delivery: &Delivery) -> bool {
    let mut request = http.post(&delivery.address).body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    request.send().await.is_ok_and(|answer| answer.status().is_success())
}
