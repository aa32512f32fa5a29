//! The statements that a visit sends to its database, counted as they are about to be sent, and what befalls the n-th of them.

use std::{
    any::Any,
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ml_connector::app::App;
use sea_orm::DatabaseConnection;
use tracing::{
    Metadata, Subscriber,
    instrument::WithSubscriber,
    span::{Attributes, Id, Record},
};

/// What befalls the n-th statement.
#[derive(Clone)]
pub(super) enum Fate {
    /// The process dies before it is sent.
    Death,
    /// SQLite refuses it.
    Refusal(Refusal),
}

/// Makes SQLite refuse the next statement.
#[derive(Clone, Default)]
pub(super) struct Refusal(Arc<Armed>);

#[derive(Default)]
struct Armed {
    statement: AtomicBool,
    commit: AtomicBool,
}

impl Refusal {
    /// Able to refuse whatever any of the app's connections is sent.
    pub(super) async fn of(app: &App) -> Self {
        let refusal = Self::default();
        for pool in [app.db.write(), app.db.read()].map(DatabaseConnection::get_sqlite_connection_pool) {
            let mut all = Vec::new();
            while all.len() < pool.options().get_max_connections() as usize {
                let mut connection = pool.acquire().await.unwrap();
                let (statement, commit) = (refusal.0.clone(), refusal.0.clone());
                let mut handle = connection.lock_handle().await.unwrap();
                handle.set_progress_handler(1, move || !statement.statement.swap(false, Ordering::Relaxed));
                handle.set_commit_hook(move || !commit.commit.swap(false, Ordering::Relaxed));
                drop(handle);
                all.push(connection);
            }
        }
        refusal
    }

    fn arm(&self, statement: &str) {
        let armed = if statement == "commit" { &self.0.commit } else { &self.0.statement };
        armed.store(true, Ordering::Relaxed);
    }
}

/// Counts statements by the spans that SeaORM opens around them.
struct Statements {
    left: AtomicU64,
    fate: Fate,
}

/// How a visit dies.
struct Killed;

/// Does `work` until it is about to send statement `n`, counted from zero, which meets its fate. Whether there was one.
pub(super) async fn until_statement(n: u64, fate: Fate, work: impl Future<Output = ()> + Send + 'static) -> bool {
    let statements = Arc::new(Statements { left: AtomicU64::new(n + 1), fate });
    let died = tokio::spawn(work.with_subscriber(statements.clone())).await.err();
    if let Some(died) = died {
        let payload: Box<dyn Any + Send> = died.into_panic();
        if !payload.is::<Killed>() {
            panic::resume_unwind(payload);
        }
    }
    statements.left.load(Ordering::Relaxed) == 0
}

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        matches!(
            (metadata.target(), metadata.name()),
            ("sea_orm::database::transaction", "begin" | "commit")
                | (
                    "sea_orm::database::transaction" | "sea_orm::database::db_connection",
                    "execute_raw" | "execute_unprepared" | "query_one_raw" | "query_all_raw" | "stream_raw"
                )
        )
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if before == Ok(1) {
            match &self.fate {
                // As a panic, only without words: nothing after this runs.
                Fate::Death => panic::resume_unwind(Box::new(Killed)),
                Fate::Refusal(refusal) => refusal.arm(attributes.metadata().name()),
            }
        }
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
