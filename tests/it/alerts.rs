//! Alerts: raised once, told to everybody once, told to be over; whatever the receivers do.

mod digests;
mod receivers;

use std::{process::Command, time::Duration};

use chrono::TimeDelta;
use entity::{alert::Model, connection::Status, synced_order};
use ml_connector::{
    alert::{self, Action, Raise, Severity},
    app::App,
    audit,
    auth::Actor,
    config::Config,
    connection,
    problem::{Owner, Problem},
    pull as pulls, worker,
};
use sea_orm::EntityTrait;

use self::receivers::{MailServer, PASSWORD, PATH_SECRET, SECRET, Webhook};
use crate::harness::{ENCRYPTION_KEYS, TestApp, mugs};

const CODE: &str = "NEEDS_REAUTHORIZATION";

/// A connector with both channels, and who listens at their ends.
struct Told {
    app: TestApp,
    webhook: Webhook,
    mail: MailServer,
}

impl Told {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (webhook, mail) = (Webhook::start().await, MailServer::start().await);
        let mut app = TestApp::start().await;
        let mut config = Config {
            alert_webhook_url: Some(webhook.url.clone().into()),
            alert_webhook_secret: Some(SECRET.into()),
            smtp_url: Some(mail.url.clone().into()),
            alert_from: Some("ml-connector <alerts@example.com>".to_owned()),
            alert_to: vec!["ops@example.com".to_owned(), "Books <books@example.com>".to_owned()],
            ..app.app.config.clone()
        };
        change(&mut config);
        app.app = App::on(app.app.db.clone(), config, app.app.clock.clone()).unwrap();
        Self { app, webhook, mail }
    }

    async fn raise(&self, subject: &str) {
        let problem = Problem::new(
            Owner::Merchant,
            CODE,
            "Shopify must be authorized again.",
            "Open the link and install the app once more.",
        );
        let raise = Raise {
            connection: self.app.connection,
            subject,
            severity: Severity::Critical,
            problem,
            action: Some(Action::AuthorizeShopify),
        };
        let app = &self.app.app;
        let txn = app.db.begin_write().await.unwrap();
        alert::raise(&txn, raise, app.clock.now()).await.unwrap();
        txn.commit().await.unwrap();
    }

    async fn resolve(&self, subject: &str) -> bool {
        let app = &self.app.app;
        let txn = app.db.begin_write().await.unwrap();
        let resolved = alert::resolve(&txn, self.app.connection, CODE, subject, app.clock.now()).await.unwrap();
        txn.commit().await.unwrap();
        resolved
    }

    async fn alerts(&self) -> Vec<Model> {
        entity::alert::Entity::find().all(self.app.app.db.read()).await.unwrap()
    }

    async fn drain(&self) {
        worker::drain(&self.app.app).await.unwrap();
    }
}

#[tokio::test]
async fn an_alert_reaches_both_channels_although_its_connection_has_stopped() {
    let told = Told::start().await;
    connection::pause(&told.app.app, &Actor::system("test"), told.app.connection).await.unwrap();
    told.raise("shopify").await;
    told.drain().await;
    assert_eq!(told.app.connection().await.status, Status::Paused);

    let posted = &told.webhook.accepted()[0];
    let link = posted.body["link"].as_str().unwrap();
    assert!(link.ends_with("oauth/shopify/install?shop=sandbox-store.myshopify.com"), "{link}");
    for (field, value) in [
        ("code", CODE),
        ("severity", "critical"),
        ("state", "open"),
        ("message", "Shopify must be authorized again."),
        ("hint", "Open the link and install the app once more."),
    ] {
        assert_eq!(posted.body[field], value);
    }
    assert_eq!(posted.body["connection"]["shopDomain"], "sandbox-store.myshopify.com");
    assert!(posted.body["text"].as_str().unwrap().contains(&format!("<{link}|Authorize Shopify>")));
    assert_eq!(posted.id, format!("{}.1", posted.body["id"].as_str().unwrap()));

    let mails = told.mail.mails();
    assert_eq!(told.mail.subjects(), ["[ml-connector] Test: Shopify must be authorized again"]);
    assert_eq!(told.mail.receivers(), ["<ops@example.com>", "<books@example.com>"]);
    assert!(mails[0].contains("text/plain") && mails[0].contains("text/html"), "{}", mails[0]);
    assert!(mails[0].contains(&format!("Message-ID: <{}.", posted.id)), "{}", mails[0]);
    assert!(mails[0].contains(&format!("Authorize Shopify: {link}")), "{}", mails[0]);
    let row = &told.alerts().await[0];
    assert!(row.webhook_sent_at.is_some() && row.email_sent_at.is_some() && row.last_error.is_none());
    told.app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_who_raise_the_same_at_once_raise_one() {
    let told = std::sync::Arc::new(Told::start().await);
    let raising = (0..20).map(|_| {
        let told = told.clone();
        tokio::spawn(async move { told.raise("shopify").await })
    });
    for raised in raising.collect::<Vec<_>>() {
        raised.await.unwrap();
    }
    told.raise("freshbooks").await;
    told.drain().await;
    let counts: Vec<_> = told.alerts().await.iter().map(|row| (row.subject.clone(), row.count)).collect();
    assert_eq!(counts, [("shopify".to_owned(), 20), ("freshbooks".to_owned(), 1)]);
    assert_eq!((told.webhook.arrived(), told.mail.mails().len()), (2, 2));
    assert!(told.resolve("shopify").await && !told.resolve("shopify").await);
    told.raise("shopify").await;
    told.drain().await;
    assert_eq!(told.webhook.states(), ["open", "open", "resolved", "open"]);
    assert_eq!(told.alerts().await.len(), 3, "raised anew after it was over");
    std::sync::Arc::into_inner(told).unwrap().app.end().await;
}

#[tokio::test]
async fn the_channel_that_fails_is_tried_again_alone() {
    let told = Told::start().await;
    told.webhook.answers(&[500, 410, 302, 429]);
    told.raise("shopify").await;
    told.drain().await;
    let row = &told.alerts().await[0];
    assert_eq!((row.webhook_sent_at, row.last_error.as_deref()), (None, Some("webhook: the webhook answered 500")));
    assert_eq!((told.webhook.states().len(), told.mail.mails().len(), row.attempts), (0, 1, 1));
    told.app.settle().await;
    assert_eq!((told.webhook.states(), told.mail.mails().len()), (vec!["open".to_owned()], 1));
    let mut ids = told.webhook.ids();
    assert_eq!(ids.len(), 5, "a redirect is not followed");
    ids.dedup();
    assert_eq!(ids.len(), 1, "each try has the same name");

    told.mail.refuse(2);
    told.raise("freshbooks").await;
    told.drain().await;
    let rows = told.alerts().await;
    assert_eq!(rows[0].last_error, None);
    assert_eq!(rows[1].last_error.as_deref(), Some("email: the mail server refused the message: 450 4.2.1"));
    told.app.settle().await;
    assert_eq!((told.webhook.states().len(), told.mail.mails().len()), (2, 2));
    assert!(told.alerts().await.iter().all(|row| row.last_error.is_none() && row.due_at.is_none()));
    told.app.end().await;
}

#[tokio::test]
async fn what_nobody_takes_is_given_up_and_told_again_when_it_is_raised_the_next_day() {
    let told = Told::start().await;
    told.webhook.answers(&[503; 18]);
    told.mail.refuse(18);
    told.raise("shopify").await;
    told.app.settle().await;
    let row = &told.alerts().await[0];
    assert_eq!((told.webhook.arrived(), row.due_at), (18, None));
    assert_eq!(
        row.last_error.as_deref(),
        Some("webhook: the webhook answered 503; email: the mail server refused the message: 450 4.2.1")
    );
    told.app.app.clock.advance(TimeDelta::hours(25));
    told.raise("shopify").await;
    told.app.settle().await;
    assert_eq!((told.webhook.states().len(), told.mail.mails().len()), (1, 1));
    told.app.end().await;
}

#[tokio::test]
async fn what_is_over_before_it_was_told_is_not_told() {
    let told = Told::start().await;
    told.raise("shopify").await;
    assert!(told.resolve("shopify").await);
    told.app.settle().await;
    assert_eq!((told.webhook.arrived(), told.mail.mails().len()), (0, 0));
    told.app.end().await;
}

#[tokio::test]
async fn whoever_was_told_is_told_once_that_it_is_over() {
    let told = Told::start().await;
    // The mail server never hears of it: nor does it hear that it is over.
    told.mail.refuse(1);
    told.raise("shopify").await;
    told.drain().await;
    assert!(told.resolve("shopify").await);
    told.app.settle().await;
    told.app.app.clock.advance(TimeDelta::days(2));
    told.app.settle().await;
    assert_eq!((told.webhook.states(), told.mail.mails().len()), (vec!["open".to_owned(), "resolved".to_owned()], 0));
    let posted = told.webhook.accepted();
    assert_eq!(posted[0].body["id"], posted[1].body["id"]);
    assert!(posted[0].id != posted[1].id && posted[1].body["link"].is_null());

    told.raise("shopify").await;
    told.drain().await;
    assert!(told.resolve("shopify").await);
    told.drain().await;
    assert_eq!(
        told.mail.subjects(),
        [
            "[ml-connector] Test: Shopify must be authorized again",
            "[ml-connector] Test: resolved: Shopify must be authorized again"
        ]
    );
    assert!(told.mail.mails()[1].contains("In-Reply-To: <"));
    told.app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_while_it_is_being_told_is_told_afterwards() {
    let told = Told::start().await;
    told.webhook.hold(true);
    told.raise("shopify").await;
    let app = told.app.app.clone();
    let draining = tokio::spawn(async move { worker::drain(&app).await.unwrap() });
    until(async || told.webhook.arrived() == 1).await;
    assert!(told.resolve("shopify").await);
    told.webhook.hold(false);
    draining.await.unwrap();
    told.app.settle().await;
    assert_eq!((told.webhook.states(), told.mail.mails().len()), (vec!["open".to_owned(), "resolved".to_owned()], 2));
    told.app.end().await;
}

#[tokio::test]
async fn people_are_reminded_once_a_day_until_somebody_takes_note() {
    let told = Told::start().await;
    told.raise("shopify").await;
    told.drain().await;
    for _ in 0..3 {
        told.app.app.clock.advance(TimeDelta::hours(7));
        told.raise("shopify").await;
        told.drain().await;
    }
    assert_eq!(told.webhook.arrived(), 1, "not within a day");
    told.app.app.clock.advance(TimeDelta::hours(7));
    told.drain().await;
    assert_eq!(told.webhook.arrived(), 1, "not unless it is raised again");
    told.raise("shopify").await;
    told.raise("shopify").await;
    told.drain().await;
    assert_eq!(told.webhook.arrived(), 2);
    assert!(told.webhook.accepted()[1].body["text"].as_str().unwrap().contains("still open since"));
    assert!(told.mail.subjects()[1].contains(": still open: "));

    let id = told.alerts().await[0].id;
    let entries = async || match audit::verify(told.app.app.db.read(), told.app.connection).await.unwrap() {
        audit::Verdict::Intact(entries) => entries,
        broken => panic!("{broken:?}"),
    };
    let before = entries().await;
    let first = alert::acknowledge(&told.app.app, &Actor::cli("ada"), id).await.unwrap();
    let second = alert::acknowledge(&told.app.app, &Actor::cli("bob"), id).await.unwrap();
    assert_eq!((first.acknowledged_by.as_deref(), &first), (Some("cli:ada"), &second));
    told.app.app.clock.advance(TimeDelta::days(2));
    told.raise("shopify").await;
    told.drain().await;
    let row = &told.alerts().await[0];
    assert_eq!((told.webhook.arrived(), row.count, row.resolved_at), (2, 7, None));
    assert_eq!(entries().await, before + 1, "one entry, by who was first");
    told.resolve("shopify").await;
    told.drain().await;
    assert_eq!(told.webhook.states(), ["open", "open", "resolved"]);
    told.app.end().await;
}

#[tokio::test]
async fn without_a_channel_an_alert_is_only_kept() {
    let told = Told::with(|config| {
        config.alert_webhook_url = None;
        config.smtp_url = None;
    })
    .await;
    told.raise("shopify").await;
    told.drain().await;
    let row = &told.alerts().await[0];
    assert_eq!((row.due_at, row.last_error.as_deref(), row.webhook_sent_at), (None, None, None));
    told.app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_never_answer_hold_up_no_order() {
    let told = Told::start().await;
    told.webhook.hold(true);
    for number in 0..10 {
        told.raise(&format!("part {number}")).await;
    }
    told.app.shopify.place(mugs(1001));
    told.app.app.clock.advance(TimeDelta::minutes(5));
    let app = &told.app.app;
    app.start_work().await.unwrap();
    until(async || told.webhook.arrived() == 2).await;
    pulls::request(app, &Actor::system("test"), told.app.connection, None, None).await.unwrap();
    let synced = |row: &synced_order::Model| row.state == synced_order::State::Synced;
    until(async || {
        let rows = synced_order::Entity::find().all(app.db.read()).await.unwrap();
        !rows.is_empty() && rows.iter().all(synced)
    })
    .await;
    assert_eq!(told.webhook.arrived(), 2, "two at a time");
    told.webhook.hold(false);
    told.app.rest().await;
    assert_eq!(told.webhook.states().len(), 10);
    assert!(app.stopped().await);
    told.app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_what_failed_and_no_address_and_no_password() {
    let told = Told::start().await;
    told.app.without_webhooks().await; // which this service, without a secret, would complain of
    told.webhook.answers(&[500]);
    told.mail.refuse(1);
    told.raise("shopify").await;
    let log = tempfile::NamedTempFile::new().unwrap();
    let to = "somebody@example.com";
    let settings = [
        ("DATABASE_URL", told.app.database.url.clone()),
        ("MLC_ENCRYPTION_KEYS", ENCRYPTION_KEYS.to_owned()),
        ("MLC_JWT_SECRET", "0123456789abcdef0123456789abcdef".to_owned()),
        ("MLC_LISTEN", "127.0.0.1:0".to_owned()),
        ("MLC_SHOPIFY_URL", told.app.shopify.url()),
        ("MLC_FRESHBOOKS_URL", told.app.freshbooks.url()),
        ("MLC_RETRY_SCALE", "0.01".to_owned()),
        ("MLC_LOG", "debug".to_owned()),
        ("MLC_ALERT_WEBHOOK_URL", told.webhook.url.clone()),
        ("MLC_ALERT_WEBHOOK_SECRET", SECRET.to_owned()),
        ("MLC_SMTP_URL", told.mail.url.clone()),
        ("MLC_ALERT_FROM", "alerts@example.com".to_owned()),
        ("MLC_ALERT_TO", to.to_owned()),
    ];
    let mut service = Command::new(env!("CARGO_BIN_EXE_ml-connector"))
        .arg("serve")
        .env_clear()
        .envs(settings)
        .stdout(std::process::Stdio::null())
        .stderr(log.reopen().unwrap())
        .spawn()
        .unwrap();
    until(async || told.webhook.states().len() == 1 && told.mail.mails().len() == 1).await;
    service.kill().unwrap();
    service.wait().unwrap();
    let logged = std::fs::read_to_string(log.path()).unwrap();
    for said in ["the webhook answered 500", "the mail server refused the message: 450 4.2.1"] {
        assert!(logged.contains(said), "{said} is not in the log:\n{logged}");
    }
    assert!(!logged.contains("MLC_SMTP_URL is set"), "{logged}");
    for secret in [PATH_SECRET, SECRET, PASSWORD, to, "oauth/shopify/install?"] {
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
    told.app.database.remove().await;
}

/// Waits for another task or process: bounded, and in real time.
async fn until(done: impl AsyncFn() -> bool) {
    for _ in 0..1200 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it does not come to pass");
}
