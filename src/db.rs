//! The database: SQLite for one process, PostgreSQL for several replicas, one code for both.
//!
//! SQLite gets one writing connection and a pool of readers: a read-then-write transaction on one of several writers dies of "database is
//! locked" whatever the busy timeout. Commits are synced to disk: what we answered 200 for must survive a power cut.

mod outage;
mod trouble;

use std::{future::ready, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    sqlx::{
        self, ConnectOptions as _, Connection, PgConnection, Row,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use tokio::time::timeout;

use self::outage::Outage;
pub use self::trouble::Trouble;

/// How long a database may take to answer at the start.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long anything waits for a free connection. Shorter than the lease of a call: what waits in vain ends before others go on.
const FREE_WITHIN: Duration = Duration::from_secs(10);
/// How long another process may hold the SQLite file before that is said; whoever waits for the writing connection meanwhile still gets it.
const BUSY: Duration = Duration::from_secs(5);
/// How long a database that works takes to say so, at most.
const PING_WITHIN: Duration = Duration::from_secs(2);
/// How long readers are waited for before SQLite's log is emptied; writers wait meanwhile.
const SCRUB_PATIENCE: Duration = Duration::from_millis(300);
/// Held while migrating, so that replicas that start together take turns.
const MIGRATION_LOCK: i64 = 0x6d6c_636f_6e6e;

/// Whether PostgreSQL answers at all: a pool would try for as long as it may wait, and then only say that it timed out.
async fn answers(url: &str) -> Result<(), DbErr> {
    let lost = |error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)));
    let timed_out = |_| DbErr::Custom(format!("no answer within {} seconds", CONNECT_WITHIN.as_secs()));
    let connection = timeout(CONNECT_WITHIN, PgConnection::connect(url)).await.map_err(timed_out)?;
    connection.map_err(lost)?.close().await.map_err(lost)
}

/// Handles to one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
    outage: Outage,
}

impl Db {
    /// Connects to a `sqlite:` or `postgres:` URL.
    ///
    /// # Errors
    /// When the URL is of another kind or nothing answers within five seconds.
    pub async fn connect(url: &str) -> Result<Self, DbErr> {
        let options = |url: &str, connections: u32| {
            let mut options = ConnectOptions::new(url.to_owned());
            options.max_connections(connections).sqlx_logging(false);
            options.connect_timeout(CONNECT_WITHIN).acquire_timeout(FREE_WITHIN);
            options
        };
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            answers(url).await?;
            let mut pooled = options(url, 20);
            pooled.map_sqlx_postgres_opts(|options| {
                options.options([
                    // A plan that was made for an empty table is kept while it fills, and reads all of it.
                    ("plan_cache_mode", "force_custom_plan"),
                    // A process that is frozen within a transaction would lock out all others until it wakes.
                    ("idle_in_transaction_session_timeout", "20s"),
                ])
            });
            let pool = Database::connect(pooled).await?;
            return Ok(Self { write: pool.clone(), read: pool, outage: Outage::default() });
        }
        if !url.starts_with("sqlite:") {
            return Err(DbErr::Custom("the URL begins with neither sqlite: nor postgres:".to_owned()));
        }
        let tune = |options: SqliteConnectOptions| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(BUSY)
                .foreign_keys(true)
                // What is deleted is overwritten: an erased customer must not be found in the file.
                .pragma("secure_delete", "ON")
                // Statements that may be undone halfway do not need files for that.
                .pragma("temp_store", "MEMORY")
                // KiB, negative: the pages of indices that a busy hour writes to all over.
                .pragma("cache_size", "-16384")
        };
        let mut writer = options(url, 1);
        writer.map_sqlx_sqlite_opts(tune);
        // A disk that is full makes SQLite give a transaction up by itself. The driver does not notice, and would never begin another one.
        writer.map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(ready(Ok(!connection.is_in_transaction()))));
        let write = Database::connect(writer).await?;
        let mut readers = options(url, 4);
        readers.map_sqlx_sqlite_opts(move |options| tune(options).read_only(true).create_if_missing(false));
        let read = Database::connect(readers).await?;
        Ok(Self { write, read, outage: Outage::default() })
    }

    /// For reads outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For a single conditional statement. Never while holding a transaction: on SQLite both are the same one connection.
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Begins a transaction that may write. Pass `&txn` down, never `db`; call no platform before it ends.
    ///
    /// # Errors
    /// When no connection is to be had.
    pub async fn begin_write(&self) -> Result<DatabaseTransaction, DbErr> {
        self.write
            .begin_with_options(TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            })
            .await
    }

    /// Brings the schema up to date. Safe to call from several replicas at once.
    ///
    /// # Errors
    /// When a migration fails; it leaves nothing half done.
    pub async fn migrate(&self) -> Result<(), DbErr> {
        if self.write.get_database_backend() != DbBackend::Postgres {
            return Migrator::up(&self.write, None).await;
        }
        // The lock lives in a transaction of its own: it goes with the connection, however this process ends.
        let guard = self.begin_write().await?;
        guard
            .execute_raw(Statement::from_string(
                DbBackend::Postgres,
                format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"),
            ))
            .await?;
        // It does nothing else, for as long as it takes.
        guard.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        let migrated = Migrator::up(&self.write, None).await;
        guard.rollback().await?;
        migrated
    }

    /// Whether the schema is as this version needs it. Changes nothing.
    ///
    /// # Errors
    /// When the database fails, or its schema is a newer version's.
    pub async fn is_current(&self) -> Result<bool, DbErr> {
        Ok(Migrator::get_pending_migrations_read_only(&self.read).await?.is_empty())
    }

    /// Leaves nothing behind of what was just deleted from these tables, as far as the database can. SQLite overwrites it at once, and its
    /// log is emptied here; PostgreSQL gives the place of dead rows up. Outside a transaction. `false` where somebody else was in the way:
    /// the next checkpoint or vacuum comes by itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scrub(&self, tables: &[&str]) -> Result<bool, DbErr> {
        if self.write.get_database_backend() == DbBackend::Postgres {
            // Neither waits for anybody nor keeps anybody waiting.
            let vacuum = format!("VACUUM (SKIP_LOCKED, TRUNCATE FALSE) {}", tables.join(", "));
            self.write.execute_unprepared(&vacuum).await?;
            return Ok(true);
        }
        // On a connection of its own: whoever reads the log's end keeps it from being emptied, and writers wait while it is waited for.
        let options = self.write.get_sqlite_connection_pool().connect_options();
        let options = options.as_ref().clone().busy_timeout(SCRUB_PATIENCE);
        let failed = |error| DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)));
        let mut connection = options.connect().await.map_err(failed)?;
        for _ in 0..3 {
            let row =
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await.map_err(failed)?;
            if row.try_get::<i64, _>(0).map_err(failed)? == 0 {
                connection.close().await.map_err(failed)?;
                return Ok(true);
            }
            tokio::time::sleep(SCRUB_PATIENCE).await;
        }
        connection.close().await.map_err(failed)?;
        Ok(false)
    }

    /// Whether this process is the only one that works on the database: a SQLite file has one.
    pub fn is_single_process(&self) -> bool {
        self.write.get_database_backend() == DbBackend::Sqlite
    }

    /// What time the database has: the one that several hosts can agree on. `None` of SQLite, which lives on this one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn now(&self) -> Result<Option<DateTime<Utc>>, DbErr> {
        if self.is_single_process() {
            return Ok(None);
        }
        let asked = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp() AS now");
        let row = self.read.query_one_raw(asked).await?;
        row.map(|row| row.try_get("", "now")).transpose()
    }

    /// Whether the database answers, and soon.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), DbErr> {
        let late = |_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        timeout(PING_WITHIN, self.read.ping()).await.map_err(late)?
    }
}
