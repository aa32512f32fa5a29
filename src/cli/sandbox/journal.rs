//! Where simulated FreshBooks keeps its books over a restart: a table beside the connector's own, written before each answer.

use ml_connector::{db::Db, sandbox::freshbooks::Journal};
use sea_orm::{ConnectionTrait, DbErr, Statement};

/// The lines of earlier runs.
pub(super) async fn read(db: &Db) -> Result<Vec<String>, DbErr> {
    let conn = db.write();
    conn.execute_unprepared("CREATE TABLE IF NOT EXISTS sandbox_journal (line TEXT NOT NULL)").await?;
    let all = Statement::from_string(conn.get_database_backend(), "SELECT line FROM sandbox_journal");
    conn.query_all_raw(all).await?.iter().map(|row| row.try_get("", "line")).collect()
}

/// Adds a line; FreshBooks answers only once it is stored.
pub(super) fn on(db: &Db) -> Journal {
    let db = db.clone();
    std::sync::Arc::new(move |line| {
        let db = db.clone();
        Box::pin(async move {
            let conn = db.write();
            let sql = "INSERT INTO sandbox_journal (line) VALUES ($1)";
            let insert = Statement::from_sql_and_values(conn.get_database_backend(), sql, [line.into()]);
            conn.execute_raw(insert).await.map(|_| ()).map_err(|error| error.to_string())
        })
    })
}
