//! The service as an operator starts it: a process of its own, while the platforms live on in the test.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ml_connector::sandbox::{freshbooks, shopify::Options};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;

use crate::{
    harness::{ENCRYPTION_KEYS, JWT_SECRET, TestApp},
    person::http,
    ringing::send_by,
};

/// Less than a test may take, so that it says itself what it waited for: above all, leases have to run out on PostgreSQL after a kill, an
/// order's of 15 s and a document's of 45 s.
pub(crate) const LONGEST: Duration = Duration::from_secs(100);

/// A running service; killed when dropped.
pub(crate) struct Service {
    process: Child,
    port: u16,
    log: NamedTempFile,
}

/// How it is started.
pub(crate) struct Start {
    pub(crate) role: &'static str,
    /// Where others know its address; any other when 0.
    pub(crate) port: u16,
    /// Another way to the database.
    pub(crate) database: Option<String>,
    pub(crate) workers: u16,
    pub(crate) log: &'static str,
}

impl Default for Start {
    fn default() -> Self {
        Self { role: "all", port: 0, database: None, workers: 8, log: "warn" }
    }
}

impl Service {
    pub(crate) fn start(app: &TestApp) -> Self {
        Self::with(app, Start::default())
    }

    pub(crate) fn with(app: &TestApp, start: Start) -> Self {
        let (store, books) = (Options::default(), freshbooks::Options::default());
        let settings = [
            ("DATABASE_URL", start.database.unwrap_or_else(|| app.database.url.clone())),
            ("MLC_ENCRYPTION_KEYS", ENCRYPTION_KEYS.to_owned()),
            ("MLC_JWT_SECRET", JWT_SECRET.to_owned()),
            ("MLC_LISTEN", format!("127.0.0.1:{}", start.port)),
            ("MLC_SHOPIFY_URL", app.shopify.url()),
            ("MLC_SHOPIFY_CLIENT_ID", store.client_id),
            ("MLC_SHOPIFY_CLIENT_SECRET", store.client_secrets.join(",")),
            ("MLC_FRESHBOOKS_URL", app.freshbooks.url()),
            ("MLC_FRESHBOOKS_CLIENT_ID", books.client_id),
            ("MLC_FRESHBOOKS_CLIENT_SECRET", books.client_secret),
            ("MLC_RETRY_SCALE", "0.01".to_owned()),
            ("MLC_WORKERS", start.workers.to_string()),
            ("MLC_LOG", start.log.to_owned()),
        ];
        let log = NamedTempFile::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ml-connector"));
        command.args(["serve", "--role", start.role]).env_clear().envs(settings);
        command.stdout(Stdio::null()).stderr(log.reopen().unwrap());
        Self { process: command.spawn().unwrap(), port: start.port, log }
    }

    /// One that can be told of what happens, and asked; once it answers.
    pub(crate) async fn ready(app: &TestApp, start: Start) -> Self {
        let mut service = Self::with(app, Start { port: free_port().await, ..start });
        service.until_ready().await;
        service
    }

    /// Waits until it takes part. One that has ended, because another one has its port perhaps, never will.
    pub(crate) async fn until_ready(&mut self) {
        let began = Instant::now();
        loop {
            let ready = self.get("readyz").await == Some(200);
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("it has ended, {status}: {}", self.log());
            }
            if ready {
                return;
            }
            assert!(began.elapsed() < LONGEST, "it is not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// The status of an answer; nothing where nobody answers.
    pub(crate) async fn get(&self, path: &str) -> Option<u16> {
        http().get(self.url(path)).send().await.ok().map(|answer| answer.status().as_u16())
    }

    /// Tells it of everything that has piled up in the shop.
    pub(crate) async fn ring(&self, app: &TestApp) {
        let client = http();
        for delivery in app.shopify.take_deliveries() {
            let answer = send_by(&client, &self.url("webhooks/shopify"), &delivery).await;
            assert_eq!(answer, Some(200), "{}: {}", delivery.topic, self.log());
        }
    }

    /// What it has written to its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Tells it to stop and waits until it has, as if nothing were wrong. What it wrote to its log, and how long it took.
    pub(crate) async fn stop(mut self) -> (String, Duration) {
        self.signal("TERM");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(15) {
            if let Some(status) = self.process.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0), "{}", self.log());
                return (self.log(), began.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it does not stop: {}", self.log());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.process.kill().unwrap(); // SIGKILL: nothing is finished, nothing is said (nor is it an error if it has ended)
        self.process.wait().unwrap();
    }
}

/// A port that nobody listens on.
pub(crate) async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Waits for what another process does: bounded, in real time.
pub(crate) async fn until<F: Future<Output = bool>>(done: impl Fn() -> F) {
    until_within(LONGEST, done).await;
}

/// The same, for what is much work besides. The test needs a longer time in `.config/nextest.toml` as well.
pub(crate) async fn until_within<F: Future<Output = bool>>(longest: Duration, done: impl Fn() -> F) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < longest, "it took longer than {longest:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
