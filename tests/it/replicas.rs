//! Several processes over one PostgreSQL: frozen, replaced, with parts of the work, with clocks that are off, with the database going away.
//! Without `TEST_DATABASE_URL` there is no such database, and these tests say that they are left out.

mod clocks;
mod frozen;
mod outages;
mod roles;
mod rolling;

use std::collections::BTreeMap;

use entity::synced_order;
use ml_connector::sandbox::shopify::Options;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, Statement};

use crate::{
    harness::{TestApp, World},
    service::{Start, until},
};

/// Whether there is a PostgreSQL.
#[expect(clippy::print_stdout, reason = "a test that does nothing says why")]
fn on_postgres() -> bool {
    let there = std::env::var("TEST_DATABASE_URL").is_ok();
    if !there {
        println!("left out: it takes a PostgreSQL (TEST_DATABASE_URL)");
    }
    there
}

/// A shop that is read quickly, whose deliveries pile up until a process is told of them.
async fn world(options: Options) -> TestApp {
    let shopify = Options { restore_rate: 1000, bucket: 20_000, ..options };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    app.listen().await;
    app
}

/// A replica that takes few of the connections that all tests share, and says what it does.
fn small() -> Start {
    Start { workers: 2, log: "info", ..Start::default() }
}

/// Calls that write documents, by name.
fn writes(app: &TestApp) -> BTreeMap<String, u64> {
    let documents = ["Client", "Invoice", "Payment", "CreditNote"];
    let reads = ["Get", "List", "Read"];
    let writes = |call: &str| {
        documents.iter().any(|name| call.contains(name)) && !reads.iter().any(|read| call.starts_with(read))
    };
    app.calls().into_iter().filter(|(call, _)| writes(call)).collect()
}

/// Waits until so many orders are synced, in whatever process.
async fn until_synced(app: &TestApp, orders: u64) {
    let synced = synced_order::Entity::find().filter(synced_order::Column::State.eq(synced_order::State::Synced));
    let due = synced_order::Entity::find().filter(synced_order::Column::DueAt.is_not_null());
    let (db, synced, due) = (app.app.db.read(), &synced, &due);
    until(|| async move {
        synced.clone().count(db).await.unwrap() == orders && due.clone().count(db).await.unwrap() == 0
    })
    .await;
}

/// How many sessions of this database wait for a lock with such a statement.
async fn waiting_for_a_lock(app: &TestApp, statement: &str) -> i64 {
    let sessions = format!(
        "SELECT count(*) AS sessions FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%{statement}%'"
    );
    let row = app.app.db.read().query_one_raw(Statement::from_string(DbBackend::Postgres, sessions)).await.unwrap();
    row.unwrap().try_get("", "sessions").unwrap()
}
