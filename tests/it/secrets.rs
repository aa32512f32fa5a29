//! Law 10: no token, no secret, no person in the logs, and no token in the clear in the database file.

use std::process::Command;

use ml_connector::sandbox::{freshbooks, shopify::sample_store};
use tempfile::TempDir;

/// Streets, telephone numbers and tax numbers of its customers, long enough not to be found by chance.
fn people() -> Vec<String> {
    let mut people = Vec::new();
    for order in sample_store(100) {
        for address in [&order.billing_address, &order.shipping_address].into_iter().flatten() {
            people.extend([&address.address1, &address.phone].into_iter().flatten().cloned());
        }
        people.extend(order.customer.iter().filter_map(|customer| customer.tax_id.clone()));
        people.extend(order.company.iter().filter_map(|company| company.tax_registration_id.clone()));
    }
    people.retain(|text| text.len() > 8);
    assert!(!people.is_empty());
    people
}

/// Whatever the sandbox holds that nobody else should see.
fn secrets() -> Vec<String> {
    let books = freshbooks::Options::default();
    let mut secrets = vec![
        "shpat_sandbox".to_owned(),
        books.access_token,
        books.refresh_token,
        books.client_secret,
        "c2FuZGJveCBrZXk6IG5vdCBhIHNlY3JldCBhdCBhbGw".to_owned(), // its encryption key
    ];
    for order in sample_store(100) {
        secrets.extend(order.email.clone());
        if let Some(customer) = &order.customer {
            secrets.extend(customer.email.clone());
        }
    }
    secrets.retain(|secret| !secret.is_empty());
    assert!(secrets.len() > 20);
    secrets
}

#[test]
fn the_logs_at_debug_hold_no_token_no_secret_and_no_address() {
    let directory = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ml-connector"))
        .args(["sandbox", "--once", "--orders", "100"])
        .current_dir(directory.path())
        .env_clear()
        .env("MLC_LOG", "debug")
        .output()
        .unwrap();
    let (said, logged) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{said}{logged}");
    assert!(logged.lines().count() > 100, "the log was not at debug:\n{logged}");
    for secret in secrets() {
        for text in [&said, &logged] {
            let line = text.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
    }
    assert!(!logged.contains("Bearer "), "a header is in the log");
}

#[test]
fn the_database_file_holds_no_token_and_no_address_in_the_clear() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("books.db");
    let output = Command::new(env!("CARGO_BIN_EXE_ml-connector"))
        .args(["sandbox", "--once", "--orders", "100"])
        .current_dir(directory.path())
        .env_clear()
        .env("DATABASE_URL", format!("sqlite://{}?mode=rwc", file.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // What simulated FreshBooks keeps of its own is not the connector's: it goes before the search.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use sea_orm::ConnectionTrait;
        let db = ml_connector::db::Db::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        db.write().execute_unprepared("DROP TABLE sandbox_journal").await.unwrap();
        db.write().execute_unprepared("VACUUM").await.unwrap();
        db.write().execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    });
    let bytes = std::fs::read(&file).unwrap();
    assert!(contains(&bytes, b"#1001"), "this is not the database");
    for secret in secrets().into_iter().chain(people()) {
        assert!(!contains(&bytes, secret.as_bytes()), "{secret} is in the database file");
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
