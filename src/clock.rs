//! What time it is. The only caller of the system clock, so that tests can move time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Duration, SubsecRound, Utc};

/// Differences up to this are the way to the database and back.
const TOLERANCE: Duration = Duration::milliseconds(250);

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
}

impl Clock {
    /// A clock whose system's is off; for tests and rehearsals.
    pub fn off_by(by: Duration) -> Self {
        Self(Arc::new(Offsets { off: AtomicI64::new(by.num_milliseconds()), ..Offsets::default() }))
    }

    /// The present instant in whole microseconds: what both databases keep.
    pub fn now(&self) -> DateTime<Utc> {
        let Offsets { correction, ahead, .. } = &*self.0;
        let moved = correction.load(Ordering::Relaxed) + ahead.load(Ordering::Relaxed);
        (self.system() + Duration::milliseconds(moved)).trunc_subsecs(6)
    }

    /// What the system says, right or wrong: for comparing it with another clock.
    #[expect(clippy::disallowed_methods, reason = "this is its one home")]
    pub fn system(&self) -> DateTime<Utc> {
        Utc::now() + Duration::milliseconds(self.0.off.load(Ordering::Relaxed))
    }

    /// Sets this clock and its clones by one that the system's is behind by this much. Whether that changes anything worth telling.
    pub fn set_by(&self, behind: Duration) -> bool {
        let known = Duration::milliseconds(self.0.correction.load(Ordering::Relaxed));
        let news = (behind - known).abs() > TOLERANCE;
        if news {
            self.0.correction.store(behind.num_milliseconds(), Ordering::Relaxed);
        }
        news
    }

    /// Moves this clock and its clones ahead; for tests and rehearsals.
    pub fn advance(&self, by: Duration) {
        self.0.ahead.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_set_by_another_and_small_differences_are_left_alone() {
        let (right, wrong) = (Clock::default(), Clock::off_by(Duration::minutes(10)));
        assert!((wrong.now() - right.now() - Duration::minutes(10)).abs() < Duration::seconds(5));
        let behind = right.system() - wrong.system();
        assert!(wrong.set_by(behind));
        assert!((wrong.now() - right.now()).abs() < Duration::seconds(5));
        assert!(!wrong.set_by(behind + Duration::milliseconds(200)));
        assert!(!right.set_by(Duration::zero()));
        wrong.advance(Duration::hours(1));
        assert!((wrong.now() - right.now() - Duration::hours(1)).abs() < Duration::seconds(5));
    }
}
