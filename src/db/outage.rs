//! One voice for a database in trouble: what is wrong and what to do about it is said once, again once a minute, and when it is over.
//!
//! While a database is away everything fails, many times a second. So whoever meets the trouble reports it here instead of logging it, and
//! one task looks what it is: a pool only says that it waited too long, whether there is no server or no free connection.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DbErr, RuntimeErr, sqlx::ConnectOptions as _};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::{Db, Trouble};

/// How often it is looked whether the trouble is over.
const LOOK: Duration = Duration::from_secs(1);
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is said again.
const REMIND: Duration = Duration::from_secs(60);
/// The shortest and the longest wait before something is tried again.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What is known of the trouble. Where nobody reports any more it is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Outage {
    now: Arc<Mutex<Option<Reported>>>,
    reported: Arc<Notify>,
}

#[derive(Clone, Copy, Debug)]
struct Reported {
    trouble: Trouble,
    began: Instant,
    last: Instant,
}

impl Outage {
    /// Notes it. What is behind it, as far as that is known.
    fn report(&self, trouble: Trouble) -> Trouble {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let mut all = now.filter(|known| at - known.last < REMIND).unwrap_or(Reported { trouble, began: at, last: at });
        // That no connection is free is also said by all who wait for somebody whom another trouble has stopped.
        if trouble != Trouble::Crowded {
            all.trouble = trouble;
        }
        *now = Some(Reported { last: at, ..all });
        self.reported.notify_one();
        all.trouble
    }

    fn known(&self) -> Option<Reported> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody has looked what is behind it.
    fn found(&self, trouble: Trouble) {
        if let Some(known) = &mut *self.now.lock().unwrap_or_else(PoisonError::into_inner) {
            known.trouble = trouble;
        }
    }

    fn over(&self) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Db {
    /// Reports a failure. Where it is the database's trouble that is returned, and enough is said of it elsewhere; any other one is the
    /// caller's to log.
    pub fn failed(&self, error: &(dyn Error + 'static)) -> Option<Trouble> {
        let trouble = Trouble::of(error)?;
        debug!(error, "the database is in trouble");
        Some(self.outage.report(trouble))
    }

    /// What is known to be wrong just now.
    pub fn trouble(&self) -> Option<Trouble> {
        self.outage.known().filter(|known| known.last.elapsed() < REMIND).map(|known| known.trouble)
    }

    /// How long to wait before what has failed by the database's trouble is tried again: the longer it lasts the more rarely.
    pub fn patience(&self) -> Duration {
        let lasts = self.outage.known().map_or(Duration::ZERO, |known| known.began.elapsed());
        (lasts / 2).clamp(WAITS.0, WAITS.1)
    }

    /// Does what ends a visit until the database takes it: whose end is not stored is nobody's until its lease has run out.
    ///
    /// # Errors
    /// When something else is wrong, or the process stops first.
    pub async fn insist<E, F>(&self, stop: &CancellationToken, end: impl Fn() -> F) -> Result<(), E>
    where
        E: Error + 'static,
        F: Future<Output = Result<(), E>>,
    {
        loop {
            match end().await {
                Err(e) if self.failed(&e).is_some() && !stop.is_cancelled() => {
                    stop.run_until_cancelled(sleep(self.patience())).await;
                }
                ended => return ended,
            }
        }
    }

    /// Says what is wrong, until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.outage.reported.notified()).await.is_some() {
            stop.run_until_cancelled(self.tell()).await;
        }
    }

    /// Says it until it is over. One statement that fails while the database works is no outage.
    async fn tell(&self) {
        let mut said: Option<(Trouble, Instant)> = None;
        while let Some(reported) = self.outage.known() {
            let looked = Instant::now();
            let found = self.look(reported.trouble).await.err();
            let Some(Reported { trouble, began, last }) = self.outage.known() else { return };
            if found.is_none() && last + LOOK < looked {
                self.outage.over();
                let lasted = began.elapsed();
                match said {
                    Some(_) => info!("the database works again, after {} s", lasted.as_secs()),
                    None => info!(code = trouble.code(), "the database failed for a moment"),
                }
                return;
            }
            let trouble = found.inspect(|found| self.outage.found(*found)).unwrap_or(trouble);
            let lasts = found.is_some() || last - began >= LOOK;
            if lasts && said.is_none_or(|(known, at)| known != trouble || at.elapsed() >= REMIND) {
                said = Some((trouble, Instant::now()));
                error!(code = trouble.code(), "{trouble}; nothing is lost, and all goes on by itself then");
            }
            sleep(LOOK).await;
        }
    }

    /// Whether the database works again, and if not, what is wrong.
    async fn look(&self, reported: Trouble) -> Result<(), Trouble> {
        // Who waits here for the one writing connection is told nothing new.
        let of = |error: &DbErr| Trouble::of(error).filter(|found| *found != Trouble::Crowded).unwrap_or(reported);
        if self.is_single_process() && matches!(reported, Trouble::Full | Trouble::Locked) {
            return self.write_something().await.map_err(|error| of(&error));
        }
        let Err(error) = self.ping().await else { return Ok(()) };
        if self.is_single_process() {
            return Err(of(&error));
        }
        // Past the pool: whether anybody is there at all.
        let options = self.read.get_postgres_connection_pool().connect_options();
        match timeout(PATIENCE, options.connect()).await {
            Ok(Ok(_)) => Err(Trouble::Crowded),
            Ok(Err(error)) => {
                let error = DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)));
                Err(Trouble::of(&error).unwrap_or(reported))
            }
            Err(_) => Err(Trouble::Away),
        }
    }

    /// Whether there is room, and the right to fill it: a change of what is there may need none.
    async fn write_something(&self) -> Result<(), DbErr> {
        let txn = self.begin_write().await?;
        txn.execute_unprepared(
            "CREATE TABLE room_to_write (filler BLOB); INSERT INTO room_to_write VALUES (zeroblob(65536)); DROP TABLE room_to_write",
        )
        .await?;
        txn.commit().await
    }
}
