//! Knobs that make a simulated platform misbehave, and the record of what it was asked.
//!
//! A call has a name (`CreateInvoice`, `graphql:Orders`, …). A fault happens before the call's effect (nothing was done) or after it
//! (done over there, never heard of here): the second is what law 8 of the sync is about. Where a test wants to say when each thing happens,
//! every call is held at both moments until it is let go.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// How a simulated platform fails a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection breaks without a complete answer.
    Drop,
    /// An answer with this HTTP status and a body that is not JSON.
    Status(u16),
    /// HTTP 429, with `Retry-After` in seconds where given.
    Throttle(Option<u64>),
    /// The answer comes, late.
    Late(Duration),
}

/// When a fault strikes, seen from the call's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done.
    Before,
    /// It was done; only the answer is spoilt.
    After,
}

/// A call that stands still until it is let go; one that is dropped goes on.
#[derive(Debug)]
pub struct Held {
    /// Its name.
    pub call: String,
    /// Before or after its effect.
    pub moment: Moment,
    fate: oneshot::Sender<Option<Failure>>,
}

impl Held {
    /// Lets the call go on, or fail.
    pub fn go(self, failure: Option<Failure>) {
        // Where the platform has been stopped nobody hears it.
        let _ = self.fate.send(failure);
    }
}

#[derive(Debug)]
struct Rule {
    call: Option<String>,
    skip: u64,
    times: u64,
    moment: Moment,
    failure: Failure,
}

/// The faults waiting to strike, and how often each call came.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
    calls: Mutex<BTreeMap<String, u64>>,
    holder: Mutex<Option<UnboundedSender<Held>>>,
}

impl Faults {
    /// Fails the next `times` calls named `call` (every call when `None`) after letting `skip` of them pass.
    pub fn add(&self, call: Option<&str>, skip: u64, times: u64, moment: Moment, failure: Failure) {
        lock(&self.rules).push(Rule { call: call.map(str::to_owned), skip, times, moment, failure });
    }

    /// Forgets every fault that has not struck yet.
    pub fn clear(&self) {
        lock(&self.rules).clear();
    }

    /// Whether every fault has struck.
    pub fn is_empty(&self) -> bool {
        lock(&self.rules).is_empty()
    }

    /// Counts the call and says whether and how it fails. Called once a request, by the simulators.
    pub fn strike(&self, call: &str) -> Option<(Moment, Failure)> {
        *lock(&self.calls).entry(call.to_owned()).or_default() += 1;
        let mut rules = lock(&self.rules);
        let mut struck = None;
        for rule in rules.iter_mut().filter(|rule| rule.call.as_deref().is_none_or(|name| name == call)) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if struck.is_none() && rule.times > 0 {
                rule.times -= 1;
                struck = Some((rule.moment, rule.failure));
            }
        }
        rules.retain(|rule| rule.times > 0);
        struck
    }

    /// Every call is handed to `holder` from now on, before its effect and before its answer, for as long as anybody listens there.
    pub fn hold(&self, holder: UnboundedSender<Held>) {
        *lock(&self.holder) = Some(holder);
    }

    /// Waits until a call that is held may go on, and says whether it fails. Called twice a request, by the simulators.
    pub(super) async fn pass(&self, call: &str, moment: Moment) -> Option<Failure> {
        let (fate, told) = oneshot::channel();
        {
            let holder = lock(&self.holder);
            holder.as_ref()?.send(Held { call: call.to_owned(), moment, fate }).ok()?;
        }
        told.await.ok().flatten()
    }

    /// How often each call came, by name.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.calls).clone()
    }

    /// How many calls came in all.
    pub fn total(&self) -> u64 {
        lock(&self.calls).values().sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
