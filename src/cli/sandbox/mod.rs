//! `ml-connector sandbox`: the whole thing at once, on this machine, in a minute.
//!
//! Simulated Shopify and FreshBooks on loopback, the service as it is, a sample store connected and pulled. Over a database of one's own
//! choice (`DATABASE_URL`) the simulated books live in that database too, so that a second run, or one after a crash, meets the books of
//! the first.

mod doorbell;
mod journal;
mod progress;
mod report;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use anyhow::{Context, bail};
use chrono::TimeDelta;
use entity::{
    connection::{Model, Status},
    ids::ConnectionId,
    platform_grant::Platform,
};
use ml_connector::{
    app::{App, Role as Work},
    auth::{Actor, Principal, Role, Verifier},
    authorize::{self, Browser},
    clock::Clock,
    config::{self, Config, Settings as Environment},
    connection::{self, New},
    db::Db,
    mapping::Settings,
    pull,
    sandbox::{
        freshbooks::{self, FreshBooks},
        shopify::{self, Shopify, sample_store},
    },
    telemetry,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use url::Url;

use super::{output, serve};

/// Seals the sandbox's made-up tokens and people; known to all, and good for nothing else.
const SANDBOX_KEY: &str = "sandbox:c2FuZGJveCBrZXk6IG5vdCBhIHNlY3JldCBhdCBhbGw=";
const SHOPIFY_TOKEN: &str = "shpat_sandbox";

#[derive(clap::Args)]
pub(super) struct Args {
    /// Ends after the summary: 0 when Shopify and FreshBooks agree, 1 when anything disagrees
    #[arg(long)]
    once: bool,
    /// How many orders the sample store has
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    orders: u32,
    /// How the simulated FreshBooks rounds taxes: nobody knows how the real one does
    #[arg(long, value_enum, default_value_t = Rounding::LineHalfUp)]
    rounding: Rounding,
}

/// A way of adding an invoice up.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Rounding {
    /// Each tax of each line, half a cent up
    LineHalfUp,
    /// Each tax of each line, half a cent to the even one
    LineHalfEven,
    /// Each tax once for the whole invoice, half a cent up
    InvoiceHalfUp,
    /// Each tax once for the whole invoice, half a cent to the even one
    InvoiceHalfEven,
    /// Both taxes of a line as one sum: a way that the connector does not know
    TaxesTogether,
}

impl From<Rounding> for freshbooks::Rounding {
    fn from(rounding: Rounding) -> Self {
        match rounding {
            Rounding::LineHalfUp => Self::LineHalfUp,
            Rounding::LineHalfEven => Self::LineHalfEven,
            Rounding::InvoiceHalfUp => Self::InvoiceHalfUp,
            Rounding::InvoiceHalfEven => Self::InvoiceHalfEven,
            Rounding::TaxesTogether => Self::TaxesTogether,
        }
    }
}

/// The number of the sample store's first order.
const FIRST: i32 = 1001;

/// What runs: the two platforms and the service between them.
struct Running {
    shopify: Shopify,
    freshbooks: FreshBooks,
    app: App,
    connection: ConnectionId,
}

pub(super) async fn run(environment: Environment, args: Args) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut config = Config::read(environment)?;
    let default = Config::default();
    let own_database = config.database_url.expose_secret() != default.database_url.expose_secret();
    if config.log == default.log {
        // The summary is what people came for: only what goes wrong is logged unless they say otherwise.
        config.log = "warn".to_owned();
    }
    let _telemetry = telemetry::init(&config.log, config.log_format, config.otlp_endpoint.as_deref());
    let directory =
        tempfile::Builder::new().prefix("ml-connector-sandbox-").tempdir().context("cannot make a folder")?;
    if !own_database {
        config.database_url = format!("sqlite://{}?mode=rwc", directory.path().join("sandbox.db").display()).into();
    }
    config.encryption_keys = config.encryption_keys.take().or(Some(SANDBOX_KEY.into()));
    config.jwt_secret = config.jwt_secret.take().or_else(|| Some(fresh_secret()));
    let address = if args.once { SocketAddr::from(([127, 0, 0, 1], 0)) } else { config.listen };
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} (MLC_LISTEN)"))?;
    let listen = listener.local_addr().context("the listener has no address")?;
    // Where the simulated platforms, which are on this machine, reach it.
    let reached = match listen.ip() {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        one => one,
    };
    let reached = SocketAddr::new(reached, listen.port());
    config.public_url = format!("http://{reached}/").parse().context("the listener has no usable address")?;

    let shown = config.database_shown();
    let running = start(config, &args).await.with_context(|| format!("cannot start on {shown}"))?;
    let app = running.app.clone();
    serve::stop_on_signal(&app)?;
    let verifier = Verifier::from_config(&app.config)?;
    let serving = tokio::spawn({
        let (app, verifier) = (app.clone(), verifier.clone());
        async move { app.serve(Work::All, listener, verifier).await }
    });

    let by = Actor::cli("sandbox");
    let pull = pull::request(&app, &by, running.connection, None, None).await?;
    progress::wait(&app, running.connection, pull.id).await?;
    let rung = doorbell::ring(&running, FIRST + i32::try_from(args.orders)?).await?;
    let report = report::Report::make(&running, rung, started.elapsed()).await?;
    output::line(&report.table())?;
    if args.once {
        stop(&app).await;
        serving.await.context("the service ended badly")??;
        return report.verdict();
    }
    let token = |role| {
        let principal = Principal { subject: "sandbox".to_owned(), role, connections: None };
        verifier.issue(&principal, TimeDelta::hours(12), app.clock.now())
    };
    let tokens = report::Tokens { admin: token(Role::Admin)?, viewer: token(Role::Viewer)? };
    let connection = connection::load(app.db.read(), running.connection).await?;
    output::line(&report::next_steps(listen, &tokens, &connection, &running, &shown))?;
    serving.await.context("the service ended badly")??;
    report.verdict()
}

/// Starts the platforms and the service, and connects the sample store unless an earlier run did.
async fn start(config: Config, args: &Args) -> anyhow::Result<Running> {
    let db = Db::connect(config.database_url.expose_secret()).await.context("the database does not answer")?;
    db.migrate().await.context("the database schema could not be brought up to date")?;
    refuse_real_connections(&db).await?;
    let books = freshbooks::Options {
        restored: journal::read(&db).await?,
        journal: Some(journal::on(&db)),
        rounding: args.rounding.into(),
        ..Default::default()
    };
    let client = (books.client_id.clone(), books.client_secret.clone());
    let store = shopify::Options::default();
    let freshbooks = FreshBooks::start(books).await.context("simulated FreshBooks does not start")?;
    let shopify = Shopify::start(shopify::Options {
        orders: sample_store(usize::try_from(args.orders)?),
        tokens: vec![SHOPIFY_TOKEN.to_owned()],
        // As a shop on the plan Plus has them.
        bucket: 20_000,
        restore_rate: 1_000,
        ..Default::default()
    })
    .await
    .context("simulated Shopify does not start")?;
    let freshbooks_url: Url = freshbooks.url().parse().context("simulated FreshBooks has no address")?;
    let config = Config {
        shopify_url: shopify.url(),
        freshbooks_auth_url: freshbooks_url.join("oauth/authorize")?,
        freshbooks_url,
        // For whoever tries the grants in a browser: both consent pages say yes by themselves.
        shopify_client_id: Some(store.client_id),
        shopify_client_secrets: store.client_secrets.into_iter().map(Into::into).collect(),
        freshbooks_client_id: Some(client.0),
        freshbooks_client_secret: Some(client.1.into()),
        ..config
    };
    let app = App::on(db, config, Clock::default())?;
    let connection = connect(&app, &shopify).await?;
    Ok(Running { connection: connection.id, shopify, freshbooks, app })
}

/// Connects the sample store, unless an earlier run did: with a custom app's token, and a consent at FreshBooks that nobody has to click.
async fn connect(app: &App, shopify: &Shopify) -> anyhow::Result<Model> {
    let by = Actor::cli("sandbox");
    let row = match connection::find_by_shop(app.db.read(), shopify.shop()).await? {
        Some(known) if known.status == Status::Active => return Ok(known),
        Some(known) => known,
        None => {
            let (name, shop_domain) = ("Sandbox".to_owned(), shopify.shop().to_owned());
            connection::create(app, &by, New { name, shop_domain, settings: Settings::default() }).await?
        }
    };
    authorize::use_shopify_token(app, &by, row.id, SHOPIFY_TOKEN.into()).await.context("Shopify does not let us in")?;
    let browser = Browser::fresh();
    let link = authorize::link(app, &row, Platform::Freshbooks)?;
    let consent = authorize::begin_freshbooks(app, link.query().unwrap_or_default(), &browser).await?;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = http.get(consent).send().await?;
    let back = answer.headers().get("location").context("FreshBooks shows no consent")?;
    let back: Url = back.to_str()?.parse()?;
    let granted = authorize::end_freshbooks(app, back.query().unwrap_or_default(), Some(&browser)).await;
    Ok(granted.context("FreshBooks does not let us in")?.connection)
}

/// A slip with `DATABASE_URL` must not mix made-up orders into real books.
async fn refuse_real_connections(db: &Db) -> anyhow::Result<()> {
    let sandbox = shopify::Options::default().shop;
    for connection in connection::list(db.read(), None).await? {
        if connection.shop_domain != sandbox {
            bail!(config::Error::new(
                "DATABASE_URL",
                "this database holds real connections; the sandbox needs one of its own"
            ));
        }
    }
    Ok(())
}

/// Ends the service as SIGTERM would.
async fn stop(app: &App) {
    if !app.stopped().await {
        tracing::warn!("something was still running after ten seconds");
    }
}

/// Signs this run's tokens and no other's.
fn fresh_secret() -> SecretString {
    let mut bytes = [0_u8; 32];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
    hex::encode(bytes).into()
}
