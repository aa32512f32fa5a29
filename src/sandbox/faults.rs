//! Knobs that make a simulated platform misbehave, and the record of what it was asked.
//!
//! A call has a name (`CreateInvoice`, `graphql:Orders`, …). A fault happens before the call's effect (nothing was done) or after it
//! (done over there, never heard of here): the second is what law 8 of the sync is about.
//!
//! Faults are told by name and count, for a test that knows which call it means, or left to chance, for a run that means all of them. Where
//! a test wants to say when each thing happens, every call is held at both moments until it is let go.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// How a simulated platform fails a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// One way to fail by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// Of how many calls in a thousand.
    pub per_mille: u32,
    /// Before the call's effect, or after it.
    pub moment: Moment,
    /// What the caller sees.
    pub failure: Failure,
}

#[derive(Debug)]
struct Chance {
    dice: StdRng,
    odds: Vec<Odds>,
    /// Calls whose effect nobody may fail to hear of.
    heard: Vec<String>,
}

impl Chance {
    /// One throw for all ways together, so that each has the share that it was given.
    fn strike(&mut self, call: &str) -> Option<(Moment, Failure)> {
        let mut thrown = self.dice.random_range(0..1000);
        let struck = self.odds.iter().find(|odds| {
            let hit = thrown < odds.per_mille;
            thrown = thrown.saturating_sub(odds.per_mille);
            hit
        })?;
        let heard = self.heard.iter().any(|name| name == call);
        Some((if heard { Moment::Before } else { struck.moment }, struck.failure))
    }
}

/// The faults waiting to strike, and how often each call came.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
    chance: Mutex<Option<Chance>>,
    struck: Mutex<BTreeMap<(Moment, Failure), u64>>,
    calls: Mutex<BTreeMap<String, u64>>,
    holder: Mutex<Option<UnboundedSender<Held>>>,
}

impl Faults {
    /// Fails the next `times` calls named `call` (every call when `None`) after letting `skip` of them pass.
    pub fn add(&self, call: Option<&str>, skip: u64, times: u64, moment: Moment, failure: Failure) {
        lock(&self.rules).push(Rule { call: call.map(str::to_owned), skip, times, moment, failure });
    }

    /// From now on any call may fail, by these odds; the same `seed` throws the same. Calls named in `heard` fail before their effect
    /// whatever the odds say: for those whose lost answer only a person can mend. Faults told by name strike first.
    pub fn by_chance(&self, seed: u64, odds: &[Odds], heard: &[&str]) {
        let heard = heard.iter().map(|name| (*name).to_owned()).collect();
        *lock(&self.chance) = Some(Chance { dice: StdRng::seed_from_u64(seed), odds: odds.to_vec(), heard });
    }

    /// Forgets every fault that has not struck yet, and leaves nothing to chance.
    pub fn clear(&self) {
        lock(&self.rules).clear();
        *lock(&self.chance) = None;
    }

    /// Whether every fault told by name has struck.
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
        let struck = struck.or_else(|| lock(&self.chance).as_mut().and_then(|chance| chance.strike(call)));
        if let Some(fault) = struck {
            *lock(&self.struck).entry(fault).or_default() += 1;
        }
        struck
    }

    /// How often each fault struck.
    pub fn struck(&self) -> BTreeMap<(Moment, Failure), u64> {
        lock(&self.struck).clone()
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

#[cfg(test)]
mod tests {
    use super::*;

    const ODDS: [Odds; 2] = [
        Odds { per_mille: 100, moment: Moment::Before, failure: Failure::Status(503) },
        Odds { per_mille: 50, moment: Moment::After, failure: Failure::Drop },
    ];

    #[test]
    fn by_chance_each_way_has_its_share_and_a_seed_throws_the_same_again() {
        let throw = |seed| {
            let faults = Faults::default();
            faults.by_chance(seed, &ODDS, &[]);
            let thrown: Vec<_> = (0..10_000).map(|_| faults.strike("CreateInvoice")).collect();
            (thrown, faults.struck())
        };
        let (thrown, struck) = throw(7);
        let of = |odds: &Odds| struck[&(odds.moment, odds.failure)];
        assert!((900..1100).contains(&of(&ODDS[0])) && (400..600).contains(&of(&ODDS[1])), "{struck:?}");
        assert_eq!(thrown, throw(7).0);
        assert_ne!(thrown, throw(8).0);
    }

    #[test]
    fn a_call_that_must_be_heard_of_fails_before_its_effect_only() {
        let faults = Faults::default();
        faults.by_chance(1, &ODDS, &["Token"]);
        let thrown: Vec<_> = (0..1000).filter_map(|_| faults.strike("Token")).collect();
        assert!(thrown.contains(&(Moment::Before, Failure::Drop)));
        assert!(thrown.iter().all(|(moment, _)| *moment == Moment::Before));
    }

    #[test]
    fn faults_told_by_name_strike_first_and_nothing_strikes_once_all_is_cleared() {
        let faults = Faults::default();
        faults.by_chance(1, &[Odds { per_mille: 1000, ..ODDS[0] }], &[]);
        faults.add(Some("Me"), 0, 1, Moment::After, Failure::Drop);
        assert_eq!(faults.strike("Me"), Some((Moment::After, Failure::Drop)));
        assert_eq!(faults.strike("Me"), Some((Moment::Before, Failure::Status(503))));
        faults.clear();
        assert_eq!(faults.strike("Me"), None);
    }
}
