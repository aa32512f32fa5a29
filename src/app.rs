//! What all parts share, as a value: no globals, so that a test can run several at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use tokio::{
    net::TcpListener,
    sync::{Mutex, Notify, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    alert,
    auth::Verifier,
    budget,
    check::Looks,
    clock::{Clock, News, Reading},
    config::{self, Config},
    crypto::Keyring,
    db::Db,
    freshbooks::FreshBooks,
    grant, http, link,
    pauses::Pauses,
    privacy, rotate, schedule,
    shopify::Shopify,
    subscription,
    sync::Readings,
    telemetry,
    webhook::Intake,
    work, worker,
};

/// How long a graceful stop may take: a write in flight is finished, or left as an intent that the next start looks up.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How often a process without workers tells whom it was refused by, and hears of others.
const KEEP_PAUSES: Duration = Duration::from_secs(1);

/// How often it is looked whether somebody has set the clock.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);

/// How often the clock is compared with the database's, whatever it says.
const KEEP_TIME: Duration = Duration::from_secs(60);

/// How long a platform is left alone after a refusal that does not say how long; further ones double it.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);

/// One running connector. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The parts of an [`App`].
pub struct Inner {
    /// Settings of this process.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// What seals secrets.
    pub keyring: Keyring,
    /// What time it is.
    pub clock: Clock,
    /// Shopify's API.
    pub shopify: Shopify,
    /// FreshBooks' API.
    pub freshbooks: FreshBooks,
    /// Who asked us to slow down.
    pub pauses: Pauses,
    /// Where alerts go.
    pub channels: alert::Channels,
    /// Rung when this process has made something due, so that its worker need not wait for the next look.
    pub bell: Notify,
    /// Whose turn it is to look at a connection's ends.
    pub looks: Looks,
    /// Whose turn it is to read a connection's orders from Shopify.
    pub readings: Readings,
    /// Room for scheduled runs: each calls platforms, and many may be due at once.
    pub chores: Arc<Semaphore>,
    /// Cancelled when the process should stop taking work.
    pub stop: CancellationToken,
    tasks: TaskTracker,
    /// Whether time has jumped and what is held has not been held anew yet. Whoever sets the clock has it: nobody claims in between.
    leases_are_old: Mutex<bool>,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Which part of the work this process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything.
    #[default]
    All,
    /// The HTTP server only.
    Web,
    /// The scheduler and the sync workers only.
    Worker,
}

impl App {
    /// Connects to the database and migrates it.
    ///
    /// # Errors
    /// When a setting is wrong or the database does not answer.
    pub async fn new(config: Config, clock: Clock) -> Result<Self, Error> {
        config.keyring()?;
        let db = Db::connect(config.database_url.expose_secret()).await.map_err(Error::Connect)?;
        db.migrate().await.map_err(Error::Migrate)?;
        let app = Self::on(db, config, clock)?;
        app.compare_clocks().await.map_err(Error::Database)?; // nothing is held yet that would have to go on
        // A slip while keys are changed is told now, not order by order.
        let (conn, keyring) = (app.db.read(), &app.keyring);
        let mut missing = grant::missing_key(conn, keyring).await.map_err(Error::Database)?.map(|id| (id, "tokens"));
        if missing.is_none() {
            let of_requests = privacy::missing_key(conn, keyring).await.map_err(Error::Database)?;
            missing = of_requests.map(|id| (id, "requests about people"));
        }
        if missing.is_none() {
            let of_callbacks = subscription::missing_key(conn, keyring).await.map_err(Error::Database)?;
            missing = of_callbacks.map(|id| (id, "secrets of callbacks"));
        }
        if let Some((id, what)) = missing {
            let reason = format!(
                "it does not hold the key `{id}`, under which stored {what} are sealed: put it back beside the others"
            );
            return Err(config::Error::new("MLC_ENCRYPTION_KEYS", reason).into());
        }
        Ok(app)
    }

    /// The same over a database that is connected and migrated already.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn on(db: Db, config: Config, clock: Clock) -> Result<Self, Error> {
        let keyring = config.keyring()?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(config.workers.max(8))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(Error::Http)?;
        let channels = alert::Channels::new(http.clone(), &config)?;
        let pauses = Pauses::new(clock.clone(), config.scaled(FIRST_PAUSE).to_std().unwrap_or_default());
        Ok(Self(Arc::new(Inner {
            channels,
            shopify: Shopify::new(http.clone(), &config.shopify_url, &config.shopify_api_version, pauses.clone()),
            freshbooks: FreshBooks::new(http, config.freshbooks_url.as_str(), pauses.clone()),
            pauses,
            config,
            db,
            keyring,
            clock,
            bell: Notify::new(),
            looks: Looks::default(),
            readings: Readings::default(),
            chores: Arc::new(Semaphore::new(schedule::AT_ONCE)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            leases_are_old: Mutex::default(),
        })))
    }

    /// Sets the clock by the database's, so that all replicas have the same time whatever their hosts say. Where time jumps, what is held is
    /// held from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_clock(&self) -> Result<(), sea_orm::DbErr> {
        self.set_clock_in_turn(&mut *self.leases_are_old.lock().await).await
    }

    /// As [`App::set_clock`], where the host's clock was set since: before anything is claimed or begun by it. Waits for whoever is at that.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mind_clock(&self) -> Result<(), sea_orm::DbErr> {
        let mut leases_are_old = self.leases_are_old.lock().await;
        if *leases_are_old || self.clock.has_jumped() {
            self.set_clock_in_turn(&mut leases_are_old).await
        } else {
            Ok(())
        }
    }

    async fn set_clock_in_turn(&self, leases_are_old: &mut bool) -> Result<(), sea_orm::DbErr> {
        *leases_are_old |= self.compare_clocks().await?.jumped;
        if *leases_are_old {
            info!("time has jumped: what is held is held from now on");
            let (db, now) = (self.db.write(), self.clock.now());
            work::hold_anew::<entity::synced_order::Entity>(db, now).await?;
            work::hold_anew::<entity::pull::Entity>(db, now).await?;
            work::hold_anew::<entity::alert::Entity>(db, now).await?;
            work::hold_anew::<entity::alert_digest::Entity>(db, now).await?;
            work::hold_anew::<entity::privacy_request::Entity>(db, now).await?;
            link::hold_anew(db, now).await?;
            *leases_are_old = false;
        }
        Ok(())
    }

    async fn compare_clocks(&self) -> Result<News, sea_orm::DbErr> {
        let mut best: Option<(TimeDelta, Reading, DateTime<Utc>)> = None;
        // An answer is worth as much as it is quick: where there was a wait, nobody knows on which way.
        for _ in 0..3 {
            let read = self.clock.read();
            let Some(there) = self.db.now().await? else { return Ok(self.clock.set(read, None)) };
            let took = read.elapsed();
            if best.is_none_or(|(quickest, ..)| took < quickest) {
                best = Some((took, read, there - took / 2));
            }
            if took < TimeDelta::milliseconds(100) {
                break;
            }
        }
        let Some((_, read, there)) = best else { return Ok(News::default()) };
        let news = self.clock.set(read, Some(there));
        if let Some(behind) = news.behind {
            warn!(
                behind_ms = behind.num_milliseconds(),
                "this host's clock is {} ms {} the database's, which is gone by: have it set (NTP)",
                behind.num_milliseconds().abs(),
                if behind < TimeDelta::zero() { "ahead of" } else { "behind" },
            );
        }
        Ok(news)
    }

    /// Starts the scheduler and the workers in the background.
    ///
    /// # Errors
    /// When the scheduler does not start.
    pub async fn start_work(&self) -> Result<(), Error> {
        if self.db.is_single_process() {
            // Whoever held a lease is dead: go on at once instead of waiting for it to run out. Not so of a call under way: it may be
            // carried out yet, and its document's lease is kept.
            let (db, now) = (self.db.write(), self.clock.now());
            link::hold_no_longer(db, now).await.map_err(Error::Database)?;
            let orders = work::abandon::<entity::synced_order::Entity>(db, now).await.map_err(Error::Database)?;
            let pulls = work::abandon::<entity::pull::Entity>(db, now).await.map_err(Error::Database)?;
            grant::abandon(db).await.map_err(Error::Database)?;
            let alerts = work::abandon::<entity::alert::Entity>(db, now).await.map_err(Error::Database)?;
            work::abandon::<entity::alert_digest::Entity>(db, now).await.map_err(Error::Database)?;
            work::abandon::<entity::privacy_request::Entity>(db, now).await.map_err(Error::Database)?;
            if orders + pulls + alerts > 0 {
                info!(orders, pulls, alerts, "taking up what the last process left unfinished");
            }
        }
        schedule::start(self).await.map_err(Error::Schedule)?;
        let app = self.clone();
        self.spawn(async move { worker::run(&app).await });
        let app = self.clone();
        self.spawn(async move {
            tokio::select! {
                () = app.stop.cancelled() => {}
                () = rotate::run_quietly(&app) => {}
            }
        });
        Ok(())
    }

    /// Does the work of `role` until [`Inner::stop`], then ends what is in flight. Every role answers health checks and figures.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn serve(&self, role: Role, listener: TcpListener, verifier: Verifier) -> Result<(), Error> {
        if role != Role::Web {
            self.start_work().await?;
        }
        self.spawn(self.db.clone().watch(self.stop.clone()));
        self.spawn(keep_time(self.clone()));
        if role == Role::Web {
            self.spawn(keep_pauses(self.clone())); // The workers do it before they claim.
        }
        let metrics: http::Metrics = Arc::new(telemetry::prometheus);
        let router = match role {
            Role::Worker => http::health_router(self.clone(), metrics),
            Role::All | Role::Web => http::router(self.clone(), verifier, metrics, Intake::start(self)),
        };
        // Side by side: requests under way and work under way have the same ten seconds.
        let worked = async {
            self.stop.cancelled().await;
            self.stopped().await
        };
        let ((), in_time) = tokio::join!(http::serve(self, listener, router), worked);
        if !in_time {
            warn!("something was still running after ten seconds; the next start takes it up");
        }
        Ok(())
    }

    /// Runs `task` so that [`App::stopped`] waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Does `work` to its end, also when whoever waits for it goes away: a request that is hung up on, a visit that lost its row. `None`
    /// only when it panicked, or the runtime ends.
    pub async fn to_the_end<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (told, hears) = tokio::sync::oneshot::channel();
        self.spawn(async move {
            // Nobody may be there to hear it any more.
            let _ = told.send(work.await);
        });
        hears.await.ok()
    }

    /// Whether nothing runs in the background just now.
    pub fn is_quiet(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Stops taking work and waits for what is in flight, ten seconds at most. `false` when something was still running then.
    pub async fn stopped(&self) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_ok()
    }
}

/// Who asks us to slow down asks all processes.
async fn keep_pauses(app: App) {
    while app.stop.run_until_cancelled(tokio::time::sleep(KEEP_PAUSES)).await.is_some() {
        if let Err(e) = budget::exchange(&app).await {
            app.db.failed(&e);
        }
    }
}

/// Clocks drift, and are set by hand.
async fn keep_time(app: App) {
    let mut compared = Instant::now();
    while app.stop.run_until_cancelled(tokio::time::sleep(LOOK_AT_CLOCK)).await.is_some() {
        if compared.elapsed() < KEEP_TIME && !app.clock.has_jumped() {
            continue;
        }
        compared = Instant::now();
        if let Err(e) = app.set_clock().await
            && app.db.failed(&e).is_none()
        {
            warn!(error = &e as &dyn std::error::Error, "the clock could not be compared with the database's");
        }
    }
}

/// Why a connector does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Nothing answers at `DATABASE_URL`.
    #[error("the database of DATABASE_URL does not answer")]
    Connect(#[source] sea_orm::DbErr),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date")]
    Migrate(#[source] sea_orm::DbErr),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sea_orm::DbErr),
    /// No TLS, in practice.
    #[error("the HTTP client does not start")]
    Http(#[source] reqwest::Error),
    /// The cron heartbeat did not start.
    #[error("the scheduler does not start")]
    Schedule(#[source] schedule::Error),
}
