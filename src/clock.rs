//! What time it is. The only caller of the system clock, so that tests can move time.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use chrono::{DateTime, Duration, SubsecRound, Utc};

/// Differences up to this are the way to the database and back.
const TOLERANCE: Duration = Duration::milliseconds(250);
/// As long as two clocks may take to be read together.
const TOGETHER: std::time::Duration = std::time::Duration::from_millis(20);

/// The system's clock, set by the database's, plus what a test has added to it. Replicas hold leases by it: what one promises until a
/// certain time all others must respect until the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Offsets>);

/// In milliseconds.
#[derive(Debug, Default)]
struct Offsets {
    /// How far the system's clock is off, in a test.
    off: AtomicI64,
    /// What makes up for it.
    correction: AtomicI64,
    /// How far a test has moved time.
    ahead: AtomicI64,
    /// When it was last compared with another one.
    compared: Mutex<Reading>,
}

/// Both of a host's clocks, read together: the one that is set by people and by NTP, and the one that only ever goes on.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    system: DateTime<Utc>,
    steady: Instant,
}

impl Reading {
    /// How long ago that was, whatever became of the system's clock.
    pub fn elapsed(&self) -> Duration {
        self.until(Self::default())
    }

    fn until(&self, later: Self) -> Duration {
        Duration::from_std(later.steady.saturating_duration_since(self.steady)).unwrap_or(Duration::MAX)
    }
}

/// What a comparison has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// By how much the host's clock is behind the other one, where that was not known.
    pub behind: Option<Duration>,
    /// Time goes on elsewhere than it was: what was to hold until a certain time holds for longer now, or no more.
    pub jumped: bool,
}

impl Default for Reading {
    #[expect(clippy::disallowed_methods, reason = "this is its one home")]
    fn default() -> Self {
        loop {
            let (steady, system) = (Instant::now(), Utc::now());
            // Read together: a thread that stood still in between has read two times.
            if steady.elapsed() < TOGETHER {
                return Self { system, steady };
            }
        }
    }
}

impl Clock {
    /// A clock whose system's is off; for tests and rehearsals.
    pub fn off_by(by: Duration) -> Self {
        let clock = Self::default();
        clock.step(by);
        *clock.lock() = clock.read();
        clock
    }

    /// The present instant in whole microseconds: what both databases keep.
    pub fn now(&self) -> DateTime<Utc> {
        let Offsets { correction, ahead, .. } = &*self.0;
        let moved = correction.load(Ordering::Relaxed) + ahead.load(Ordering::Relaxed);
        (self.read().system + Duration::milliseconds(moved)).trunc_subsecs(6)
    }

    /// What the host says, right or wrong: for comparing it with another clock.
    pub fn read(&self) -> Reading {
        let read = Reading::default();
        Reading { system: read.system + Duration::milliseconds(self.0.off.load(Ordering::Relaxed)), ..read }
    }

    /// Whether the system's clock was set since it was last compared, or the host stood still: what it says may be wrong by any amount.
    pub fn has_jumped(&self) -> bool {
        let (compared, now) = (*self.lock(), self.read());
        (now.system - compared.system - compared.until(now)).abs() > TOLERANCE
    }

    /// Sets this clock and its clones by one that said `there` at the time of `read`; by the host's own where there is no other.
    pub fn set(&self, read: Reading, there: Option<DateTime<Utc>>) -> News {
        let mut compared = self.lock();
        let known = Duration::milliseconds(self.0.correction.load(Ordering::Relaxed));
        let behind = there.map_or(known, |there| there - read.system);
        let jumped = (read.system + behind) - (compared.system + known + compared.until(read));
        let news = News {
            behind: Some(behind).filter(|behind| (*behind - known).abs() > TOLERANCE),
            jumped: jumped.abs() > TOLERANCE,
        };
        if news.behind.is_some() {
            self.0.correction.store(behind.num_milliseconds(), Ordering::Relaxed);
        }
        *compared = read;
        news
    }

    /// Moves this clock and its clones ahead; for tests and rehearsals.
    pub fn advance(&self, by: Duration) {
        self.0.ahead.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }

    /// Somebody sets the system's clock; for tests and rehearsals.
    pub fn step(&self, by: Duration) {
        self.0.off.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reading> {
        self.0.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many minutes two clocks are apart.
    fn apart(one: &Clock, other: &Clock) -> i64 {
        (one.now() - other.now() + Duration::seconds(5)).num_minutes()
    }

    #[test]
    fn a_clock_that_is_off_is_set_by_another_and_small_differences_are_left_alone() {
        let (right, wrong) = (Clock::default(), Clock::off_by(Duration::minutes(10)));
        assert_eq!(apart(&wrong, &right), 10);
        let news = wrong.set(wrong.read(), Some(right.now()));
        assert!((news.behind.unwrap() + Duration::minutes(10)).abs() < Duration::seconds(5) && news.jumped);
        assert_eq!(apart(&wrong, &right), 0);
        let same = News::default();
        assert_eq!(wrong.set(wrong.read(), Some(right.now() + Duration::milliseconds(200))), same);
        assert_eq!(right.set(right.read(), None), same);
        wrong.advance(Duration::hours(1));
        assert_eq!(apart(&wrong, &right), 60);
        assert!(!wrong.has_jumped(), "a test moves time, nobody set the clock");
    }

    #[test]
    fn a_clock_that_somebody_sets_is_noticed_and_with_another_one_time_goes_on_as_it_was() {
        for minutes in [-10, 10] {
            let (right, clock) = (Clock::default(), Clock::default());
            clock.step(Duration::minutes(minutes));
            assert!(clock.has_jumped());
            let news = clock.set(clock.read(), Some(right.now()));
            assert!(news.behind.is_some() && !news.jumped);
            assert_eq!((apart(&clock, &right), clock.has_jumped()), (0, false));
        }
    }

    #[test]
    fn with_no_other_clock_time_jumps_to_where_the_host_says() {
        let (right, clock) = (Clock::default(), Clock::default());
        clock.step(Duration::minutes(10));
        assert_eq!(clock.set(clock.read(), None), News { behind: None, jumped: true });
        assert_eq!((apart(&clock, &right), clock.has_jumped()), (10, false));
    }
}
