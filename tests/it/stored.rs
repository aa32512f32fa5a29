//! What a database holds, byte for byte: for tests of what must not be there.

use std::path::PathBuf;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::harness::TestApp;

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

/// All of it, whatever is still in the log brought into the file first.
pub(crate) async fn everything(app: &TestApp) -> Vec<u8> {
    if app.app.db.is_single_process() {
        app.app.db.write().execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
        return std::fs::read(file(app)).unwrap();
    }
    rows(app).await
}

/// As somebody finds it who takes the disk away now: SQLite's file and its log as they lie there, PostgreSQL's rows.
pub(crate) async fn as_it_lies(app: &TestApp) -> Vec<u8> {
    if !app.app.db.is_single_process() {
        return rows(app).await;
    }
    let file = file(app);
    let mut log = file.clone().into_os_string();
    log.push("-wal");
    let mut bytes = std::fs::read(file).unwrap();
    bytes.extend(std::fs::read(log).unwrap_or_default());
    bytes
}

fn file(app: &TestApp) -> PathBuf {
    app.database.url.trim_start_matches("sqlite://").split('?').next().unwrap().into()
}

/// Every row of every table.
async fn rows(app: &TestApp) -> Vec<u8> {
    let db = app.app.db.write();
    let ask = |sql: String| db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql));
    let tables = ask("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'".to_owned()).await.unwrap();
    let mut dump = Vec::new();
    for table in tables {
        let table: String = table.try_get_by_index(0).unwrap();
        for row in ask(format!("SELECT t::text FROM \"{table}\" t")).await.unwrap() {
            dump.extend_from_slice(row.try_get_by_index::<String>(0).unwrap().as_bytes());
        }
    }
    dump
}
