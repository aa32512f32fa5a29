//! Knobs that make a simulated platform misbehave, and the record of what it was asked.
//!
//! A call has a name (`CreateInvoice`, `graphql:Orders`, …). A fault happens before the call's effect (nothing was done) or after it
//! (done over there, never heard of here): the second is what law 8 of the sync is about.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

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
