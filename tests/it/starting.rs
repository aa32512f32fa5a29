//! A start over a large database: nothing that a visit waits for reads what is at rest. (In the background one statement looks for customers'
//! keys to seal anew.)

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use entity::{pull, resource_link, synced_order};
use ml_connector::{
    order,
    work::{self, Lane, Share},
};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, ExecResult, IdenStatic, Iterable, QueryResult,
    Statement, prelude::async_trait::async_trait,
};

use crate::{
    harness::{TestApp, mugs},
    service::{Service, Start, until},
};

/// The tables that grow with the orders.
const LARGE: [&str; 2] = ["synced_order", "resource_link"];

/// Tells the large tables apart from the rest of a plan: which of them it reads from one end to the other.
fn reads_all_of(plan: &[String]) -> Vec<String> {
    let by_a_few = ["_leased", "_waiting"];
    let whole = |line: &&String| {
        LARGE.iter().any(|table| {
            line.contains(&format!("Seq Scan on {table}"))
                || (line.contains(&format!("SCAN {table}")) && !by_a_few.iter().any(|index| line.contains(index)))
        })
    };
    plan.iter().filter(whole).cloned().collect()
}

#[tokio::test]
async fn taking_up_what_was_left_and_looking_for_work_read_nothing_that_is_at_rest() {
    let app = grown(20_000).await;
    let now = app.app.clock.now();
    let seen = Seen { db: app.app.db.write(), statements: Mutex::default() };
    work::abandon::<synced_order::Entity>(&seen, now).await.unwrap();
    work::abandon::<pull::Entity>(&seen, now).await.unwrap();
    order::lost(&seen, now).await.unwrap();
    for lane in [Lane::Backfill, Lane::Resync] {
        work::waiting::<synced_order::Entity>(&seen, lane, now).await.unwrap();
        let share = Share { connection: app.connection, rows: 8 };
        let claimed = work::claim_share::<synced_order::Entity>(&seen, share, lane, now).await.unwrap();
        assert!(claimed.is_empty());
    }
    let statements = seen.statements.into_inner().unwrap();
    assert!(statements.len() >= 7);
    for statement in statements {
        let plan = plan(&app, &statement).await;
        assert_eq!(reads_all_of(&plan), Vec::<String>::new(), "{}\n{}", statement.sql, plan.join("\n"));
    }
    // The look itself sees what it is to find.
    let all = Statement::from_string(backend(&app), "SELECT count(total_minor + 1) FROM synced_order".to_owned());
    assert_eq!(reads_all_of(&plan(&app, &all).await).len(), 1);
    app.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a million rows are some minutes' work: for looking at by hand"]
async fn over_a_million_orders_it_is_ready_in_well_under_a_second() {
    let orders = std::env::var("MLC_START_ORDERS").map_or(1_000_000, |orders| orders.parse().unwrap());
    let app = grown(orders).await;
    app.listen().await;
    for _ in 0..3 {
        let began = Instant::now();
        let service = Service::with(&app, Start { port: crate::service::free_port().await, ..Start::default() });
        while service.get("readyz").await != Some(200) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ready = began.elapsed();
        let number = 2_000 + i32::try_from(began.elapsed().as_micros() % 100_000).unwrap();
        app.shopify.place(mugs(number));
        let told = Instant::now();
        service.ring(&app).await;
        until(|| async { app.freshbooks.invoices().iter().any(|invoice| invoice.po_number == format!("#{number}")) })
            .await;
        println!(
            "{orders} orders: ready after {ready:?}, a new one in the books {:?} after it was told",
            told.elapsed()
        );
        assert!(ready < Duration::from_secs(1), "{ready:?}");
        service.stop().await;
    }
    app.database.remove().await;
}

/// A world with as many orders at rest as if it had been at work for years: one real one, many times.
async fn grown(orders: u32) -> TestApp {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    let of_order = |column: &str| match column {
        "id" => "id + n".to_owned(),
        // Far from any that the shop gives.
        "shopify_order_id" => "shopify_order_id + 1000000000 + n".to_owned(),
        "name" => "name || '-' || n".to_owned(),
        other => format!("\"{other}\""),
    };
    let of_link = |column: &str| match column {
        "id" => "id + n * 10".to_owned(),
        "order_id" | "freshbooks_id" => format!("{column} + n"),
        "shopify_id" => "shopify_id || '-' || n".to_owned(),
        other => format!("\"{other}\""),
    };
    let of_key = |column: &str| match column {
        "id" => "id + n".to_owned(),
        "subject" => "subject || '-' || n".to_owned(),
        other => format!("\"{other}\""),
    };
    multiply::<synced_order::Entity>(&app, "synced_order", orders, of_order).await;
    multiply::<resource_link::Entity>(&app, "resource_link", orders, of_link).await;
    multiply::<entity::customer_key::Entity>(&app, "customer_key", orders, of_key).await;
    app
}

async fn multiply<E: EntityTrait>(app: &TestApp, table: &str, times: u32, column: impl Fn(&str) -> String) {
    let names: Vec<&str> = E::Column::iter().map(|column| IdenStatic::as_str(&column)).collect();
    let (quoted, values): (Vec<_>, Vec<_>) = names.iter().map(|name| (format!("\"{name}\""), column(name))).unzip();
    let (quoted, values) = (quoted.join(", "), values.join(", "));
    let db = app.app.db.write();
    let many = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {times})
         INSERT INTO {table} ({quoted}) SELECT {values} FROM (SELECT * FROM {table}) AS one CROSS JOIN numbers"
    );
    db.execute_unprepared(&many).await.unwrap();
    if backend(app) == DbBackend::Postgres {
        let next = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table})); ANALYZE {table}"
        );
        db.execute_unprepared(&next).await.unwrap();
    }
}

fn backend(app: &TestApp) -> DbBackend {
    app.app.db.write().get_database_backend()
}

/// How the database would carry it out.
async fn plan(app: &TestApp, statement: &Statement) -> Vec<String> {
    let (explain, column) = match backend(app) {
        DbBackend::Postgres => ("EXPLAIN", "QUERY PLAN"),
        _ => ("EXPLAIN QUERY PLAN", "detail"),
    };
    let explained = Statement { sql: format!("{explain} {}", statement.sql), ..statement.clone() };
    let rows = app.app.db.write().query_all_raw(explained).await.unwrap();
    rows.iter().map(|row| row.try_get("", column).unwrap()).collect()
}

/// A connection that remembers what it was asked.
struct Seen<'a> {
    db: &'a DatabaseConnection,
    statements: Mutex<Vec<Statement>>,
}

impl Seen<'_> {
    fn note(&self, statement: &Statement) {
        self.statements.lock().unwrap().push(statement.clone());
    }
}

#[async_trait]
impl ConnectionTrait for Seen<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.note(&statement);
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(&statement);
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(&statement);
        self.db.query_all_raw(statement).await
    }
}
