//! Who asked us to slow down, and until when nobody calls them.
//!
//! Platforms refuse calls (429) per account or shop. Whoever is refused first keeps everybody else of this process from calling, so that
//! a hundred visits do not find out one by one. Other processes are told through the database ([`crate::budget`]).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;

/// Doublings of the first wait, at most: from a second to a minute.
const DOUBLINGS: u32 = 6;

/// A FreshBooks account, as pauses and budgets name it.
pub fn account(id: &str) -> String {
    format!("freshbooks/{id}")
}

/// A shop, as pauses and budgets name it.
pub fn shop(domain: &str) -> String {
    format!("shopify/{domain}")
}

/// Nobody is left alone for longer, whatever they say: what they mean by more than that is another thing.
const LONGEST: Duration = Duration::from_secs(3600);

/// A pause, as its row in the database will say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The platform and its account or shop, such as `freshbooks/SbX7q1`.
    pub whom: String,
    /// Nobody calls before this.
    pub until: DateTime<Utc>,
}

/// All pauses that this process knows of. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    clock: Clock,
    /// The wait after a first refusal that names none.
    first: Duration,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    until: Option<DateTime<Utc>>,
    /// In a row, none of which named a wait.
    refusals: u32,
    /// Others have not been told.
    news: bool,
}

impl Pauses {
    /// `first` is how long is waited where a refusal names nothing; each further one in a row doubles it.
    pub fn new(clock: Clock, first: Duration) -> Self {
        Self(Arc::new(Inner { clock, first, known: Mutex::default() }))
    }

    /// How long `whom` is still not to be called; `None` when it may be.
    pub fn left(&self, whom: &str) -> Option<Duration> {
        let until = self.lock().get(whom)?.until?;
        (until - self.0.clock.now()).to_std().ok().filter(|left| !left.is_zero())
    }

    /// `whom` refused a call, perhaps with a wait of its own naming. Returns how long it is left alone.
    pub fn refused(&self, whom: &str, named: Option<Duration>) -> Duration {
        let now = self.0.clock.now();
        let mut known = self.lock();
        let known = known.entry(whom.to_owned()).or_default();
        let wait = match named {
            Some(wait) => wait.max(self.0.first).min(LONGEST),
            // Those who are refused at the same time are one refusal.
            None if known.until.is_some_and(|until| until > now) => {
                return known.until.and_then(|until| (until - now).to_std().ok()).unwrap_or_default();
            }
            None => {
                let wait = self.0.first.saturating_mul(1 << known.refusals.min(DOUBLINGS));
                known.refusals += 1;
                wait + jitter(wait)
            }
        };
        let until = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1));
        if known.until.is_none_or(|other| other < until) {
            known.until = Some(until);
            known.news = true;
        }
        wait
    }

    /// `whom` took a call: the next refusal is a first one again.
    pub fn accepted(&self, whom: &str) {
        if let Some(known) = self.lock().get_mut(whom) {
            known.refusals = 0;
        }
    }

    /// Another process was refused.
    pub fn hear(&self, pause: Pause) {
        let longest = self.0.clock.now() + LONGEST;
        let mut known = self.lock();
        let known = known.entry(pause.whom).or_default();
        known.until = known.until.max(Some(pause.until.min(longest)));
    }

    /// The pauses that others have not been told of.
    pub fn news(&self) -> Vec<Pause> {
        let known = self.lock();
        let news = known.iter().filter(|(_, known)| known.news);
        news.filter_map(|(whom, known)| Some(Pause { whom: whom.clone(), until: known.until? })).collect()
    }

    /// Others have been told of `pause`.
    pub fn told(&self, pause: &Pause) {
        if let Some(known) = self.lock().get_mut(&pause.whom) {
            known.news &= known.until != Some(pause.until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up to a fifth, so that processes which were refused together do not come back together.
fn jitter(wait: Duration) -> Duration {
    let fifth = u64::try_from(wait.as_millis() / 5).unwrap_or_default();
    Duration::from_millis(rand::random_range(0..=fifth))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_refusal_keeps_everybody_from_calling_for_as_long_as_it_says() {
        let clock = Clock::default();
        let pauses = Pauses::new(clock.clone(), seconds(1));
        assert_eq!(pauses.left("freshbooks/A"), None);
        assert_eq!(pauses.refused("freshbooks/A", Some(seconds(7))), seconds(7));
        assert!(pauses.left("freshbooks/A").is_some_and(|left| left > seconds(6)));
        assert_eq!(pauses.left("freshbooks/B"), None, "another account is not held up");
        pauses.refused("freshbooks/A", Some(seconds(1)));
        assert!(pauses.left("freshbooks/A").is_some_and(|left| left > seconds(6)), "the longer wait counts");
        assert_eq!(pauses.refused("freshbooks/B", Some(seconds(u64::MAX))), seconds(3600), "not until the end of days");
        assert_eq!(pauses.refused("freshbooks/C", Some(Duration::ZERO)), seconds(1), "nor not at all");
        clock.advance(TimeDelta::seconds(7));
        assert_eq!(pauses.left("freshbooks/A"), None);
    }

    #[test]
    fn refusals_that_name_nothing_are_waited_for_twice_as_long_each_time() {
        let clock = Clock::default();
        let pauses = Pauses::new(clock.clone(), seconds(1));
        let mut waits = Vec::new();
        for _ in 0..9 {
            let wait = pauses.refused("freshbooks/A", None);
            waits.push(wait);
            clock.advance(TimeDelta::from_std(wait).unwrap());
        }
        for (wait, least) in waits.iter().zip([1, 2, 4, 8, 16, 32, 64, 64, 64].map(seconds)) {
            assert!((least..=least * 6 / 5).contains(wait), "{waits:?}");
        }
        pauses.accepted("freshbooks/A");
        assert!(pauses.refused("freshbooks/A", None) < seconds(2), "begins anew");
        assert!(pauses.refused("freshbooks/A", None) < seconds(2), "one of many who were refused at the same time");
    }

    #[test]
    fn news_is_told_once_and_what_others_tell_is_no_news() {
        let clock = Clock::default();
        let pauses = Pauses::new(clock.clone(), seconds(1));
        pauses.refused("freshbooks/A", Some(seconds(7)));
        let news = pauses.news();
        assert_eq!(news.len(), 1);
        pauses.told(&news[0]);
        assert_eq!(pauses.news(), []);
        let other = Pauses::new(clock, seconds(1));
        other.hear(news.into_iter().next().unwrap());
        assert!(other.left("freshbooks/A").is_some());
        assert_eq!(other.news(), []);
    }
}
