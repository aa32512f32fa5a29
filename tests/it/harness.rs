//! The world of a test: its own database, its own simulated Shopify and FreshBooks, real HTTP between them, the worker at rest.
//!
//! A test places orders, lets things happen, and reads the books. Whatever it was about, [`TestApp::end`] audits them: one live invoice
//! per order, totals to the cent, nothing left due, the audit chain intact.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use entity::{
    alert, alert_digest, audit_entry, call_budget, connection,
    ids::{ConnectionId, OrderId},
    platform_grant::{Kind, Platform},
    privacy_request, pull, resource_link, synced_order,
};
use ml_connector::{
    app::App,
    audit,
    auth::{Actor, Verifier},
    clock::Clock,
    config::Config,
    connection::{Account, New},
    db::Db,
    freshbooks::Books,
    grant::{self, TokenSet},
    http,
    mapping::settings::{Basis, Change, Settings},
    pull as pulls,
    sandbox::{
        freshbooks::{self, FreshBooks},
        shopify::{self, Shopify, build, model::Order},
    },
    telemetry,
    webhook::Intake,
    worker,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

pub(crate) const ENCRYPTION_KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(crate) const JWT_SECRET: &str = "a secret of the tests, 32 bytes and more";
pub(crate) const SHOP: &str = "sandbox-store.myshopify.com";
pub(crate) const SHOPIFY_TOKEN: &str = "shpat_sandbox";

/// How a test's platforms behave; the default is as the sandbox command has them.
pub(crate) struct World {
    pub(crate) shopify: shopify::Options,
    pub(crate) freshbooks: freshbooks::Options,
    pub(crate) settings: Settings,
    pub(crate) retry_scale: rust_decimal::Decimal,
    /// What a test has to say about the connector's own settings.
    pub(crate) config: Config,
    /// Whether there is a connection from the start, by a custom app's token.
    pub(crate) connected: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            shopify: shopify::Options::default(),
            freshbooks: freshbooks::Options::default(),
            settings: Settings::default(),
            retry_scale: rust_decimal::Decimal::new(1, 2),
            config: Config::default(),
            connected: true,
        }
    }
}

pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) shopify: Shopify,
    pub(crate) freshbooks: FreshBooks,
    pub(crate) connection: ConnectionId,
    pub(crate) database: TestDatabase,
    in_shop_currency: bool,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::in_world(World::default()).await
    }

    pub(crate) async fn in_world(world: World) -> Self {
        Self::on(TestDatabase::make().await, world).await
    }

    /// Starts over a database that may have been used before.
    pub(crate) async fn on(database: TestDatabase, mut world: World) -> Self {
        let clock = Clock::default();
        let (shopify_now, books_now) = (clock.clone(), clock.clone());
        world.shopify.now = Arc::new(move || shopify_now.now());
        world.freshbooks.now = Arc::new(move || books_now.now());
        let books = world.freshbooks.clone();
        let in_shop_currency = world.settings.currency == Basis::Shop;
        let store = world.shopify.clone();
        let shopify = Shopify::start(world.shopify).await.unwrap();
        let freshbooks = FreshBooks::start(world.freshbooks).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config {
            database_url: database.url.clone().into(),
            encryption_keys: Some(ENCRYPTION_KEYS.into()),
            jwt_secret: Some(JWT_SECRET.into()),
            public_url: format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap(),
            shopify_url: shopify.url(),
            shopify_client_id: Some(store.client_id),
            shopify_client_secrets: store.client_secrets.into_iter().map(Into::into).collect(),
            freshbooks_auth_url: format!("{}/oauth/authorize", freshbooks.url().trim_end_matches('/')).parse().unwrap(),
            freshbooks_url: freshbooks.url().parse().unwrap(),
            freshbooks_client_id: Some(books.client_id.clone()),
            freshbooks_client_secret: Some(books.client_secret.clone().into()),
            // The ladder's hours become minutes: tokens outlive it.
            retry_scale: world.retry_scale,
            ..world.config
        };
        let app = App::new(config, clock.clone()).await.unwrap();
        let verifier = Verifier::from_config(&app.config).unwrap();
        let router = http::router(app.clone(), verifier, Arc::new(telemetry::prometheus), Intake::start(&app));
        let serving = app.clone();
        tokio::spawn(async move { http::serve(&serving, listener, router).await });
        let connection = match world.connected {
            true => connect(&app, &books, world.settings).await,
            false => ConnectionId(0),
        };
        Self { app, shopify, freshbooks, connection, database, in_shop_currency }
    }

    /// A backfill of everything, and all that follows from it.
    pub(crate) async fn pull(&self) {
        // What was told to happen may take some minutes by the shop's clock.
        self.app.clock.advance(TimeDelta::minutes(5));
        pulls::request(&self.app, &Actor::system("test"), self.connection, None, None).await.unwrap();
        self.settle().await;
    }

    /// Runs what is due, moves the clock past every wait, until nothing is left to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..200 {
            worker::drain(&self.app).await.unwrap();
            match self.next_due().await {
                Some(at) => {
                    let wait = at - self.app.clock.now();
                    self.app.clock.advance(wait.max(TimeDelta::zero()) + TimeDelta::milliseconds(2));
                }
                None => return,
            }
        }
        panic!("it does not come to rest");
    }

    /// Whether pulls have ended and no order is due, where another process is at work.
    pub(crate) async fn at_rest(&self) -> bool {
        let db = self.app.db.read();
        // Pulls first: what one makes due before it ends is seen by the second look.
        let pulls =
            pull::Entity::find().filter(pull::Column::State.ne(pull::State::Completed)).count(db).await.unwrap();
        let due = synced_order::Entity::find().filter(synced_order::Column::DueAt.is_not_null());
        pulls == 0 && due.count(db).await.unwrap() == 0
    }

    /// Due rows, and rows whose lease must run out first.
    async fn next_due(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        let db = self.app.db.read();
        // Pulls first: what one makes due before it ends is seen by the second look.
        let pulls = pull::Entity::find().filter(pull::Column::DueAt.is_not_null()).all(db).await.unwrap();
        let orders =
            synced_order::Entity::find().filter(synced_order::Column::DueAt.is_not_null()).all(db).await.unwrap();
        // Nobody is visited before whoever asked us to slow down may be called.
        let paused =
            call_budget::Entity::find().all(db).await.unwrap().into_iter().filter_map(|row| row.paused_until).max();
        let orders = orders.into_iter().map(|row| row.due_at.max(row.leased_until).max(paused));
        let pulls = pulls.into_iter().map(|row| row.due_at.max(row.leased_until));
        let alerts = alert::Entity::find().filter(alert::Column::DueAt.is_not_null()).all(db).await.unwrap();
        let digest =
            alert_digest::Entity::find().filter(alert_digest::Column::DueAt.is_not_null()).all(db).await.unwrap();
        let alerts = alerts.into_iter().map(|row| row.due_at.max(row.leased_until));
        let digest = digest.into_iter().map(|row| row.due_at.max(row.leased_until));
        let requests = privacy_request::Entity::find().filter(privacy_request::Column::DueAt.is_not_null());
        let requests = requests.all(db).await.unwrap().into_iter().map(|row| row.due_at.max(row.leased_until));
        orders.chain(pulls).chain(alerts).chain(digest).chain(requests).flatten().min()
    }

    /// Waits for what an authorization begins in the background: a look at both ends.
    pub(crate) async fn quiet(&self) {
        for _ in 0..2_000 {
            if self.app.is_quiet() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("something goes on and on in the background");
    }

    /// Waits for workers in the background to have nothing left: bounded, and in real time.
    pub(crate) async fn rest(&self) {
        for _ in 0..600 {
            if self.next_due().await.is_none() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("it does not come to rest");
    }

    /// A backfill and one visit to each of its orders, whatever becomes of it.
    pub(crate) async fn pull_once(&self) {
        self.app.clock.advance(TimeDelta::minutes(5));
        pulls::request(&self.app, &Actor::system("test"), self.connection, None, None).await.unwrap();
        while pull::Entity::find()
            .filter(pull::Column::DueAt.is_not_null())
            .one(self.app.db.read())
            .await
            .unwrap()
            .is_some()
        {
            worker::drain(&self.app).await.unwrap();
            self.app.clock.advance(TimeDelta::milliseconds(2));
        }
    }

    /// A backfill whose orders stay due because the connection stops on the way.
    pub(crate) async fn pull_until_stopped(&self) {
        pulls::request(&self.app, &Actor::system("test"), self.connection, None, None).await.unwrap();
        for _ in 0..20 {
            worker::drain(&self.app).await.unwrap();
            self.app.clock.advance(TimeDelta::seconds(1));
        }
    }

    /// An admin changes settings, and what follows from it happens.
    pub(crate) async fn change(&self, change: Change) {
        let by = Actor::system("test");
        ml_connector::connection::update_settings(&self.app, &by, self.connection, &change).await.unwrap();
        self.settle().await;
    }

    /// Where an order stands, and the code of the reason.
    pub(crate) async fn state(&self, name: &str) -> (synced_order::State, String) {
        let row = self.order(name).await;
        (row.state, ml_connector::order::problem(&row).map(|problem| problem.code).unwrap_or_default())
    }

    /// Credit notes that show, oldest first, as an accountant would name them: `13.56 CAD on 2026-10-02`.
    pub(crate) fn credits(&self) -> Vec<String> {
        let live = self.freshbooks.credit_notes().into_iter().filter(|note| note.vis_state != 1);
        live.map(|note| format!("{} {} on {}", note.amount, note.currency, note.create_date)).collect()
    }

    pub(crate) async fn connection(&self) -> connection::Model {
        ml_connector::connection::load(self.app.db.read(), self.connection).await.unwrap()
    }

    pub(crate) async fn order(&self, name: &str) -> synced_order::Model {
        ml_connector::order::find_by_name(self.app.db.read(), self.connection, name).await.unwrap().unwrap()
    }

    /// What the audit trail says of an order, oldest first.
    pub(crate) async fn trail(&self, name: &str) -> Vec<audit_entry::Model> {
        let row = self.order(name).await;
        audit_entry::Entity::find()
            .filter(audit_entry::Column::ShopifyOrderId.eq(row.shopify_order_id))
            .order_by_asc(audit_entry::Column::Sequence)
            .all(self.app.db.read())
            .await
            .unwrap()
    }

    /// FreshBooks as a person with the same account would call it.
    pub(crate) fn books(&self) -> Books {
        let options = freshbooks::Options::default();
        self.app.freshbooks.account(&options.account_id, options.access_token.into())
    }

    /// Every order's state and the reason for it, by name.
    pub(crate) async fn states(&self) -> BTreeMap<String, (synced_order::State, String)> {
        let rows = synced_order::Entity::find().all(self.app.db.read()).await.unwrap();
        let reason = |row: &synced_order::Model| {
            ml_connector::order::problem(row)
                .map(|problem| format!("{}: {}", problem.code, problem.message))
                .unwrap_or_default()
        };
        rows.iter().map(|row| (row.name.clone(), (row.state, reason(row)))).collect()
    }

    /// The live invoices of an order as an accountant would name them: `27.12 CAD, paid`.
    pub(crate) fn invoices_of(&self, name: &str) -> Vec<String> {
        let live = self.freshbooks.invoices().into_iter().filter(|invoice| invoice.vis_state != 1);
        let of_order = live.filter(|invoice| invoice.po_number == name);
        of_order.map(|invoice| format!("{} {}, {}", invoice.amount, invoice.currency, invoice.payment_status)).collect()
    }

    /// What a person could find wrong with the books and the trail, whatever the test was about.
    pub(crate) async fn audit_books(&self) {
        let db = self.app.db.read();
        let due = synced_order::Entity::find().filter(synced_order::Column::DueAt.is_not_null()).all(db).await.unwrap();
        assert!(due.is_empty(), "still due: {:?}", due.iter().map(|row| &row.name).collect::<Vec<_>>());

        let mut live: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for invoice in self.freshbooks.invoices().into_iter().filter(|invoice| invoice.vis_state != 1) {
            live.entry(invoice.po_number.clone()).or_default().push(invoice);
        }
        for (name, invoices) in &live {
            assert_eq!(invoices.len(), 1, "{name} has more than one live invoice");
        }
        let orders = synced_order::Entity::find().order_by_asc(synced_order::Column::Id).all(db).await.unwrap();
        for row in orders.iter().filter(|row| row.state == synced_order::State::Synced) {
            let order = self.shopify.order(row.shopify_order_id.unsigned_abs()).unwrap();
            let invoice = live.get(&row.name).map(|invoices| &invoices[0]);
            if order.cancelled_at.is_some() && order.totals.total_received.shop == 0 {
                assert!(invoice.is_none(), "{} was cancelled unpaid and still has an invoice", row.name);
                continue;
            }
            let invoice = invoice.unwrap_or_else(|| panic!("{} has no invoice", row.name));
            assert_eq!(row.proof_returned_minor, row.proof_shopify_minor, "{}", row.name);
            if self.in_shop_currency {
                assert_eq!(row.proof_shopify_minor, Some(order.owed()), "{} is owed", row.name);
            }
            // Test transactions never post, whatever Shopify's sums say.
            let real = order.transactions.iter().all(|transaction| !transaction.test);
            // A refund lowers the payment, or is a credit note: never both, never neither.
            let credited = self.credited(row.id).await;
            if self.in_shop_currency && real && order.currency == order.presentment {
                assert_eq!(hundredths(invoice.paid) - credited, order.totals.net_payment.shop, "{} was paid", row.name);
            }
            assert_eq!(hundredths(invoice.amount) - credited, row.proof_shopify_minor.unwrap(), "{}", row.name);
        }
        let transactions: Vec<String> = self
            .freshbooks
            .payments()
            .into_iter()
            .filter(|payment| payment.vis_state != 1)
            .map(|payment| payment.note.split(" of ").next().unwrap_or_default().to_owned())
            .collect();
        let mut once = transactions.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), transactions.len(), "a transaction was booked twice");
        let notes = self.freshbooks.credit_notes();
        assert!(notes.iter().all(|note| note.kind == "goodwill"), "money was booked as a credit");
        assert_eq!(self.freshbooks.ignored_search_keys(), Vec::<String>::new());

        let verdict = audit::verify(db, self.connection).await.unwrap();
        assert!(matches!(verdict, audit::Verdict::Intact(_)), "{verdict:?}");
        let intended = resource_link::Entity::find()
            .filter(
                resource_link::Column::State.is_in([resource_link::State::Intended, resource_link::State::Adopting]),
            )
            .filter(resource_link::Column::FreshbooksId.is_not_null())
            .all(db)
            .await
            .unwrap();
        assert!(intended.is_empty());
    }

    /// What the credit notes of an order come to, by our links and FreshBooks' figures.
    async fn credited(&self, order: OrderId) -> i64 {
        let links = resource_link::Entity::find()
            .filter(resource_link::Column::OrderId.eq(order))
            .filter(resource_link::Column::Kind.eq(resource_link::Kind::CreditNote))
            .all(self.app.db.read())
            .await
            .unwrap();
        let ours = |id: u64| links.iter().any(|link| link.freshbooks_id.map(i64::unsigned_abs) == Some(id));
        let notes = self.freshbooks.credit_notes().into_iter().filter(|note| note.vis_state != 1 && ours(note.id));
        notes.map(|note| hundredths(note.amount)).sum()
    }

    /// How often FreshBooks was called, by call.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.freshbooks.faults.calls()
    }

    /// Ends the world: the books are audited, the database is dropped.
    pub(crate) async fn end(self) {
        self.audit_books().await;
        self.database.remove().await;
    }
}

pub(crate) fn hundredths(amount: rust_decimal::Decimal) -> i64 {
    ml_connector::money::half_up(amount * rust_decimal::Decimal::ONE_HUNDRED)
}

async fn connect(app: &App, books: &freshbooks::Options, settings: Settings) -> ConnectionId {
    if let Some(known) = ml_connector::connection::find_by_shop(app.db.read(), SHOP).await.unwrap() {
        return known.id;
    }
    let by = Actor::system("test");
    let info = app.shopify.shop(SHOP, SHOPIFY_TOKEN.into()).info().await.unwrap();
    let new = New { name: "Test".to_owned(), shop_domain: SHOP.to_owned(), settings };
    let id = ml_connector::connection::create(app, &by, new).await.unwrap().id;
    let shopify = TokenSet::custom_app(SHOPIFY_TOKEN.into(), "read_orders,read_customers".to_owned());
    ml_connector::connection::shopify_granted(app, &by, id, &shopify).await.unwrap();
    ml_connector::connection::shop_seen(app, id, &info).await.unwrap();
    let tokens = TokenSet {
        kind: Kind::Authorization,
        refresh: Some(books.refresh_token.clone().into()),
        ..TokenSet::custom_app(books.access_token.clone().into(), String::new())
    };
    let account = Account {
        account_id: books.account_id.clone(),
        business_id: i64::try_from(books.business_id).unwrap(),
        name: books.business_name.clone(),
        currency_code: Some(books.currency_code.clone()),
    };
    let row = ml_connector::connection::freshbooks_granted(app, &by, id, &tokens, &[account]).await.unwrap();
    assert_eq!(row.status, connection::Status::Active);
    // What is stored opens again.
    grant::access(app, row.id, Platform::Shopify).await.unwrap();
    row.id
}

/// A database of one test: a SQLite file, or a PostgreSQL database where `TEST_DATABASE_URL` names a server.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    _directory: Option<TempDir>,
    server: Option<(String, String)>,
}

impl TestDatabase {
    pub(crate) async fn make() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(server) => {
                let name = format!("mlc_test_{}", Uuid::new_v4().simple());
                let admin = Db::connect(&server).await.unwrap();
                admin.write().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
                let mut url: url::Url = server.parse().unwrap();
                url.set_path(&name);
                Self { url: url.into(), _directory: None, server: Some((server, name)) }
            }
            Err(_) => {
                let directory = TempDir::new().unwrap();
                let url = format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display());
                Self { url, _directory: Some(directory), server: None }
            }
        }
    }

    pub(crate) async fn remove(self) {
        if let Some((server, name)) = self.server {
            let admin = Db::connect(&server).await.unwrap();
            admin.write().execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        }
    }
}

/// A plain paid order: two mugs, shipping, HST.
pub(crate) fn mugs(number: i32) -> Order {
    build::order(number)
        .line("Mug", "12.00", 2)
        .sku("MUG-1")
        .shipping("Standard", "5.00")
        .tax("HST", "0.13")
        .customer(build::customer(
            9_000 + u64::try_from(number).unwrap(),
            "Ada",
            "Example",
            &format!("buyer{number}@example.com"),
        ))
        .paid("shopify_payments")
}
