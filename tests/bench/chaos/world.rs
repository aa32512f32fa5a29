//! What lives on whoever is killed: the two platforms, the database, and the person who connected them.

use std::{net::Ipv4Addr, path::PathBuf};

use anyhow::{Context, bail};
use chrono::TimeDelta;
use entity::{
    connection::{Model as Connection, Status},
    ids::ConnectionId,
    platform_grant::Platform,
};
use ml_connector::{
    app::App,
    auth::Actor,
    authorize::{self, Browser},
    clock::Clock,
    config::Config,
    connection,
    mapping::settings::{Change, To},
    sandbox::{
        faults::{Failure, Moment, Odds},
        freshbooks::{self, FreshBooks},
        shopify::{self, Deliveries, Shopify},
    },
    subscription::{self, Look},
};
use rust_decimal::Decimal;
use tokio::net::TcpListener;
use url::Url;

use crate::{Args, LOOK, database::Database};

const ENCRYPTION_KEYS: &str = "chaos:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const JWT_SECRET: &str = "a secret of the chaos run, 32 bytes and more";
/// Of the retry ladder's waits; see the head of main.rs.
const RETRY_SCALE: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// How often something that takes a moment is looked at.
const LOOKS: usize = 600;

pub(crate) struct World {
    pub(crate) shopify: Shopify,
    pub(crate) freshbooks: FreshBooks,
    /// The service in this process: it works on nothing, but knows the database and lets a person in.
    pub(crate) app: App,
    pub(crate) connection: ConnectionId,
    pub(crate) database: Database,
    /// Where the first process of the service listens; FreshBooks tells there what happened.
    pub(crate) port: u16,
}

impl World {
    /// Opens both platforms and connects them, while nothing fails yet.
    pub(crate) async fn begin(database: Database, args: &Args) -> anyhow::Result<Self> {
        let token_lives = TimeDelta::seconds(args.tokens.into());
        let store = shopify::Options { token_lives, bucket: 20_000, restore_rate: 1_000, ..Default::default() };
        let books = freshbooks::Options { token_lives, ..Default::default() };
        let port = free_port().await?;
        let mut config = Config {
            database_url: database.url.clone().into(),
            encryption_keys: Some(ENCRYPTION_KEYS.into()),
            jwt_secret: Some(JWT_SECRET.into()),
            public_url: format!("http://127.0.0.1:{port}/").parse()?,
            shopify_client_id: Some(store.client_id.clone()),
            shopify_client_secrets: store.client_secrets.iter().cloned().map(Into::into).collect(),
            freshbooks_client_id: Some(books.client_id.clone()),
            freshbooks_client_secret: Some(books.client_secret.clone().into()),
            retry_scale: RETRY_SCALE,
            ..Config::default()
        };
        let shopify = Shopify::start(store).await.context("simulated Shopify does not start")?;
        shopify.set_deliveries(Deliveries::Holding);
        let freshbooks = FreshBooks::start(books).await.context("simulated FreshBooks does not start")?;
        config.shopify_url = shopify.url();
        config.freshbooks_url = freshbooks.url().parse()?;
        config.freshbooks_auth_url = config.freshbooks_url.join("oauth/authorize")?;
        let app = App::new(config, Clock::default()).await.context("the service does not start")?;
        let mut world = Self { shopify, freshbooks, app, connection: ConnectionId(0), database, port };
        world.connection = world.install().await.context("Shopify does not let us in")?;
        world.authorize().await.context("FreshBooks does not let us in")?;
        let settings = Change { refunds: To::Value(args.refunds.into()), ..Change::default() };
        connection::update_settings(&world.app, &by(), world.connection, &settings).await?;
        Ok(world)
    }

    /// The service's environment, as an operator would write it.
    pub(crate) fn environment(&self, port: u16, log: &str) -> Vec<(&'static str, String)> {
        let (store, books) = (shopify::Options::default(), freshbooks::Options::default());
        vec![
            ("DATABASE_URL", self.database.url.clone()),
            ("MLC_ENCRYPTION_KEYS", ENCRYPTION_KEYS.to_owned()),
            ("MLC_JWT_SECRET", JWT_SECRET.to_owned()),
            ("MLC_LISTEN", format!("127.0.0.1:{port}")),
            ("MLC_PUBLIC_URL", self.app.config.public_url.to_string()),
            ("MLC_SHOPIFY_URL", self.shopify.url()),
            ("MLC_SHOPIFY_CLIENT_ID", store.client_id),
            ("MLC_SHOPIFY_CLIENT_SECRET", store.client_secrets.join(",")),
            ("MLC_FRESHBOOKS_URL", self.freshbooks.url()),
            ("MLC_FRESHBOOKS_CLIENT_ID", books.client_id),
            ("MLC_FRESHBOOKS_CLIENT_SECRET", books.client_secret),
            ("MLC_RETRY_SCALE", RETRY_SCALE.to_string()),
            ("MLC_LOG", log.to_owned()),
            ("RUST_BACKTRACE", "0".to_owned()),
        ]
    }

    /// Waits until both platforms tell what happens: only then is there something to be lost.
    pub(crate) async fn subscribed(&self) -> anyhow::Result<()> {
        let mut looks = None;
        for _ in 0..LOOKS {
            let seen = subscription::run(&self.app, self.connection).await?;
            if seen.iter().all(|look| matches!(look, Look::Seen { healthy: true, .. })) {
                return Ok(());
            }
            looks = Some(seen);
            tokio::time::sleep(LOOK).await;
        }
        bail!("webhooks could not be set up: {looks:?}")
    }

    /// Lets calls fail by chance from now on.
    pub(crate) fn begin_to_fail(&self, args: &Args, seed: u64) {
        let odds = |percent: u32, moment, failure| Odds { per_mille: percent * 5, moment, failure };
        let odds = [
            odds(args.errors, Moment::Before, Failure::Status(503)),
            odds(args.errors, Moment::After, Failure::Status(502)),
            odds(args.lost * 2, Moment::After, Failure::Drop),
            odds(args.throttled, Moment::Before, Failure::Throttle(None)),
            odds(args.throttled, Moment::Before, Failure::Throttle(Some(1))),
        ];
        self.shopify.faults.by_chance(seed, &odds, &[]);
        self.freshbooks.faults.by_chance(seed.wrapping_add(1), &odds, &["Token"]);
    }

    pub(crate) fn stop_failing(&self) {
        self.shopify.faults.clear();
        self.freshbooks.faults.clear();
    }

    /// Whether a person has to authorize again.
    pub(crate) async fn needs_a_person(&self) -> anyhow::Result<bool> {
        let row = connection::load(self.app.db.read(), self.connection).await?;
        Ok(row.status == Status::NeedsReauthorization)
    }

    /// A person consents at FreshBooks, in a browser of their own.
    pub(crate) async fn authorize(&self) -> anyhow::Result<Connection> {
        let browser = Browser::fresh();
        let row = connection::load(self.app.db.read(), self.connection).await?;
        let link = authorize::link(&self.app, &row, Platform::Freshbooks)?;
        let consent = authorize::begin_freshbooks(&self.app, link.query().unwrap_or_default(), &browser).await?;
        let back = sent_to(consent).await?;
        let granted = authorize::end_freshbooks(&self.app, back.query().unwrap_or_default(), Some(&browser)).await?;
        Ok(granted.connection)
    }

    /// The merchant installs the app.
    async fn install(&self) -> anyhow::Result<ConnectionId> {
        let browser = Browser::fresh();
        let query = format!("shop={}", self.shopify.shop());
        let consent = authorize::begin_shopify(&self.app, &query, &browser).await?;
        let back = sent_to(consent).await?;
        let granted = authorize::end_shopify(&self.app, back.query().unwrap_or_default(), Some(&browser)).await?;
        Ok(granted.connection.id)
    }

    /// Removes everything, or keeps what tells why: where that is.
    pub(crate) async fn end(self, agreed: bool) -> anyhow::Result<Option<PathBuf>> {
        let Self { shopify, freshbooks, app, database, .. } = self;
        app.stopped().await;
        drop(app);
        shopify.stop().await;
        freshbooks.stop().await;
        if agreed {
            database.remove().await?;
            return Ok(None);
        }
        Ok(Some(database.keep()))
    }
}

/// A port that nobody listens on just now.
pub(crate) async fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port())
}

fn by() -> Actor {
    Actor::system("chaos")
}

/// Where a consent page sends the browser that says yes.
async fn sent_to(consent: Url) -> anyhow::Result<Url> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = http.get(consent).send().await?;
    let back = answer.headers().get("location").with_context(|| format!("no consent: HTTP {}", answer.status()))?;
    Ok(back.to_str()?.parse()?)
}
