//! Law 10: no token, no secret, no person in the logs, and no token in the clear in the database file.

use std::{
    process::Command,
    sync::{Arc, Mutex},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ml_connector::{
    auth::{Principal, Role, Verifier},
    sandbox::{
        faults::{Failure, Moment},
        freshbooks,
        shopify::sample_store,
    },
};
use tempfile::TempDir;
use tracing_subscriber::util::SubscriberInitExt;

use crate::{
    harness::{ENCRYPTION_KEYS, JWT_SECRET, SHOP, TestApp, mugs},
    person::{Person, connect_by_browser, http, install_link, unconnected},
    stored::{self, contains},
};

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

/// What the log says in this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_that_opens_a_door_is_stored_in_the_clear_or_said_anywhere() {
    // One thread: what it logs is all that is logged.
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    // What the libraries say through `log` comes too.
    let listening = lines.finish().set_default();

    let mut app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    let mut said = Vec::new();
    for number in 1001..1004 {
        app.shopify.place(mugs(number));
    }
    connect_by_browser(&mut app, &mut person).await;
    app.pull().await;
    // Renewed, refused, renewed with a lost answer, revoked, authorized again.
    app.app.clock.advance(chrono::TimeDelta::hours(13));
    app.shopify.faults.add(Some("oauth:token"), 0, 1, Moment::After, Failure::Drop);
    app.shopify.place(mugs(1004));
    app.pull().await;
    app.freshbooks.expire_access_tokens().await.unwrap();
    app.shopify.expire_access_tokens();
    app.shopify.place(mugs(1005));
    app.pull().await;
    app.freshbooks.disconnect().await.unwrap();
    app.shopify.uninstall();
    app.shopify.place(mugs(1006));
    app.pull_until_stopped().await;
    let callback = person.callback(&install_link(&app)).await;
    let state = callback.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    let code = callback.query_pairs().find(|(key, _)| key == "code").unwrap().1.into_owned();
    said.push(Person::default().step(&callback).await.unwrap_err().page);
    let begun = stored::everything(&app).await;
    said.push(person.step(&callback).await.unwrap_err().page);
    said.push(person.step(&callback).await.unwrap_err().page);

    // What the API and the figures say, also of what goes wrong.
    let token = token(&app);
    for body in [
        r#"{"query":"{ connections { shopDomain status problem { message hint } shopify { scopes expiresAt } freshbooks { scopes } } }"}"#,
        r#"{"query":"mutation { useShopifyToken(input: { connectionId: \"x\", token: \"shpat_pasted_by_somebody\" }) { userErrors { message } } }"}"#,
        r#"{"query":"mutation { useShopifyClientCredentials(input: { connectionId: \"x\", clientId: \"a\", clientSecret: \"shpss_pasted_by_somebody\" }) { userErrors { message } } }"}"#,
        r#"{"query":"mutation($input: UseShopifyTokenInput!) { useShopifyToken(input: $input) { userErrors { message } } }","variables":{"input":{"token":"shpat_pasted_by_somebody"}}}"#,
        r#"{"query":"{ previewOrder(connectionId: \"x\", shopifyOrderId: \"1\") { orderName } }"}"#,
    ] {
        let post = http().post(format!("{}graphql", app.app.config.public_url));
        let answer =
            post.bearer_auth(&token).header("content-type", "application/json").body(body).send().await.unwrap();
        said.push(answer.text().await.unwrap());
    }
    said.push(reqwest::get(format!("{}metrics", app.app.config.public_url)).await.unwrap().text().await.unwrap());
    drop(listening);

    let mut doors = app.shopify.secrets();
    doors.extend(app.freshbooks.secrets());
    doors.extend([JWT_SECRET.to_owned(), token, state, code]);
    doors.extend(["shpat_pasted_by_somebody".to_owned(), "shpss_pasted_by_somebody".to_owned()]);
    doors.extend(person.cookie_value());
    assert!(doors.len() > 20, "{}", doors.len());
    let key = STANDARD.decode(ENCRYPTION_KEYS.split_once(':').unwrap().1).unwrap();
    let mut needles: Vec<Vec<u8>> =
        vec![key.clone(), hex::encode(&key).into_bytes(), STANDARD.encode(&key).into_bytes()];
    for door in doors.iter().filter(|door| door.len() >= 8) {
        needles.push(door.clone().into_bytes());
        needles.push(hex::encode(door).into_bytes());
        // Without the last group, which depends on what follows.
        for encoded in [STANDARD.encode(door), URL_SAFE_NO_PAD.encode(door)] {
            needles.push(encoded.as_bytes()[..encoded.len() - 4].to_vec());
        }
    }
    let logged = log.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&logged);
    assert!(text.lines().count() > 200 && text.contains("TRACE"), "the log was not at trace:\n{text}");
    let stored = stored::everything(&app).await;
    assert!(contains(&stored, SHOP.as_bytes()) && contains(&begun, b"shopify"), "this is not the database");
    let mut places = vec![("database", stored), ("database before the end", begun), ("log", logged.clone())];
    places.extend(said.into_iter().map(|text| ("answer", text.into_bytes())));
    for (place, haystack) in places {
        let found = needles.iter().find(|needle| contains(&haystack, needle));
        assert_eq!(found.map(|needle| String::from_utf8_lossy(needle)), None, "in the {place}");
    }
    app.database.remove().await;
}

/// Of an admin.
fn token(app: &TestApp) -> String {
    let admin = Principal { subject: "ada".to_owned(), role: Role::Admin, connections: None };
    let verifier = Verifier::from_config(&app.app.config).unwrap();
    verifier.issue(&admin, chrono::TimeDelta::hours(1), app.app.clock.now()).unwrap()
}
