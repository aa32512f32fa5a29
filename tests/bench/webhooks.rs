//! How many deliveries a second the service takes, beside the same service that stores nothing.
//!
//! `cargo bench --bench webhooks`: 32 connections, bodies of 10 KB, on SQLite (`synchronous=FULL`) and, where `TEST_DATABASE_URL` names
//! one, on PostgreSQL. Sender, receiver and database share the machine, so that only the ratios say something. Both are measured by turns,
//! and the medians of the rounds are compared.
//!
//! What is answered 200 is on the disk. However fast everything else is, 32 senders who wait for it get at most 32 answers per sync: that
//! limit of the disk is measured as well.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use ml_connector::{
    app::App,
    auth::{Actor, Verifier},
    clock::Clock,
    config::Config,
    connection::{self, New},
    http,
    mapping::Settings,
    telemetry,
    webhook::Intake,
};
use sea_orm::{ConnectionTrait, Database};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

const CONNECTIONS: usize = 32;
const BODY: usize = 10 * 1024;
const ORDERS: u64 = 500;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const SECRET: &str = "shpss_a_secret_of_the_bench";
const SHOP: &str = "bench-store.myshopify.com";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let directory = tempfile::tempdir().expect("a directory");
        let file = format!("sqlite://{}?mode=rwc", directory.path().join("bench.db").display());
        compare("SQLite", &file).await;
        match std::env::var("TEST_DATABASE_URL") {
            Ok(server) => {
                let name = format!("mlc_bench_{}", Uuid::new_v4().simple());
                let admin = Database::connect(&server).await.expect("PostgreSQL answers");
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
                let (base, _) = server.rsplit_once('/').expect("postgres://host/database");
                compare("PostgreSQL", &format!("{base}/{name}")).await;
                admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("dropped");
            }
            Err(_) => say("PostgreSQL: left out, TEST_DATABASE_URL is not set"),
        }
    });
}

async fn compare(name: &str, database: &str) {
    let app = app(database).await;
    let verifier = service(&app, Intake::forgetful()).await;
    let service = service(&app, Intake::start(&app)).await;
    let letters = Arc::new(letters());
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(load(&verifier, &letters).await);
        with.push(load(&service, &letters).await);
    }
    let (without, with) = (median(without), median(with));
    let syncs = syncs_per_second();
    let limit = syncs * CONNECTIONS as u64;
    let of = |rate: u64| with.per_second * 100 / rate.max(1);
    say(&format!(
        "{name}: verified only {without}; verified and stored {with}, which is {} % of it",
        of(without.per_second)
    ));
    say(&format!(
        "{name}: the disk syncs {syncs}/s, so at most {limit}/s are stored for {CONNECTIONS} who wait: {} % of it",
        of(limit)
    ));
}

/// How often the disk can be told to keep something, one after the other.
fn syncs_per_second() -> u64 {
    let mut file = tempfile::tempfile().expect("a file");
    let (began, times) = (Instant::now(), 200_u32);
    for _ in 0..times {
        file.write_all(&[0; 32 * 1024]).expect("room");
        file.sync_data().expect("a disk");
    }
    u64::from(times) * 1000 / u64::try_from(began.elapsed().as_millis()).expect("short").max(1)
}

/// The service over this database, without workers, and the shop it knows.
async fn app(database: &str) -> App {
    let config = Config {
        database_url: database.into(),
        encryption_keys: Some("bench:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()),
        jwt_secret: Some("a secret of the bench, 32 bytes and more".into()),
        shopify_client_secrets: vec![SECRET.into()],
        ..Config::default()
    };
    let app = App::new(config, Clock::default()).await.expect("it starts");
    let new = New { name: "Bench".to_owned(), shop_domain: SHOP.to_owned(), settings: Settings::default() };
    connection::create(&app, &Actor::system("bench"), new).await.expect("a connection");
    app
}

/// Its address.
async fn service(app: &App, intake: Intake) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let verifier = Verifier::from_config(&app.config).expect("a verifier");
    let router = http::router(app.clone(), verifier, Arc::new(telemetry::prometheus), intake);
    let app = app.clone();
    tokio::spawn(async move { http::serve(&app, listener, router).await });
    address
}

/// A delivery without the two ids that make it one of its own.
struct Letter {
    head: String,
    body: Vec<u8>,
}

fn letters() -> Vec<Letter> {
    let letter = |number: u64| {
        let start = format!(
            "{{\"id\":{},\"admin_graphql_api_id\":\"gid:\\/\\/shopify\\/Order\\/{0}\",\"updated_at\":\"2026-11-20T05:00:00-05:00\",\"line_items\":[",
            7_000_000_000_000 + number
        );
        let line = "{\"id\":1,\"title\":\"Mug\",\"price\":\"12.00\",\"quantity\":2,\"tax_lines\":[{\"title\":\"HST\",\"rate\":0.13}]},";
        let lines = line.repeat((BODY - start.len()) / line.len());
        let body = format!("{start}{}]}}", lines.trim_end_matches(',')).into_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length").chain_update(&body);
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let head = format!(
            "POST /webhooks/shopify HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             X-Shopify-Topic: orders/updated\r\nX-Shopify-Shop-Domain: {SHOP}\r\nX-Shopify-API-Version: 2026-10\r\n\
             X-Shopify-Triggered-At: 2026-11-20T10:00:00.123456789Z\r\nX-Shopify-Hmac-SHA256: {signature}\r\n",
            body.len()
        );
        Letter { head, body }
    };
    (0..ORDERS).map(letter).collect()
}

/// What one round brought.
#[derive(Clone, Copy)]
struct Round {
    per_second: u64,
    half: Duration,
    most: Duration,
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/s (p50 {:.1?}, p99 {:.1?})", self.per_second, self.half, self.most)
    }
}

fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by_key(|round| round.per_second);
    rounds[rounds.len() / 2]
}

async fn load(address: &str, letters: &Arc<Vec<Letter>>) -> Round {
    static SENT: AtomicU64 = AtomicU64::new(0);
    let began = Instant::now();
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, letters) = (address.to_owned(), letters.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("it answers");
                stream.set_nodelay(true).expect("a socket");
                let (mut took, mut buffer) = (Vec::new(), vec![0_u8; 4096]);
                while began.elapsed() < ROUND {
                    let letter =
                        &letters[usize::try_from(SENT.fetch_add(1, Ordering::Relaxed) % ORDERS).expect("small")];
                    let (webhook, event) = (Uuid::new_v4(), Uuid::new_v4());
                    let mut request = format!(
                        "{}X-Shopify-Webhook-Id: {webhook}\r\nX-Shopify-Event-Id: {event}\r\n\r\n",
                        letter.head
                    )
                    .into_bytes();
                    request.extend_from_slice(&letter.body);
                    let sent = Instant::now();
                    stream.write_all(&request).await.expect("it reads");
                    let mut length = 0;
                    while !buffer[..length].windows(4).any(|end| end == b"\r\n\r\n") {
                        length += stream.read(&mut buffer[length..]).await.expect("it answers");
                    }
                    assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..length]));
                    took.push(sent.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("no panic"));
    }
    let elapsed = u64::try_from(began.elapsed().as_millis()).expect("short");
    took.sort_unstable();
    let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
    let count = u64::try_from(took.len()).expect("few");
    Round { per_second: count * 1000 / elapsed.max(1), half: at(50), most: at(99) }
}

#[expect(clippy::print_stdout, reason = "what a bench is for")]
fn say(line: &str) {
    println!("{line}");
}
