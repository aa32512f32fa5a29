//! What time it is. The only caller of the system clock, so that tests can move time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Duration, SubsecRound, Utc};

/// The system's clock, plus what a test has added to it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The present instant in whole microseconds: what both databases keep.
    #[expect(clippy::disallowed_methods, reason = "this is its one home")]
    pub fn now(&self) -> DateTime<Utc> {
        (Utc::now() + Duration::milliseconds(self.ahead_ms.load(Ordering::Relaxed))).trunc_subsecs(6)
    }

    /// Moves this clock and its clones ahead; for tests and rehearsals.
    pub fn advance(&self, by: Duration) {
        self.ahead_ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}
