//! The server over real HTTP: a SQLite file, the real router, tokens as people have them.

mod access;
mod alerts;
mod dismiss;
mod documents;
mod lists;
mod order;
mod people;
mod routes;
mod settings;
mod what_if;

use std::{sync::Arc, time::Duration};

use ::entity::{connection, ids::ConnectionId, synced_order};
use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{router, serve};
use crate::{
    app::App,
    auth::{Actor, Principal, Role, Verifier},
    clock::Clock,
    config::Config,
    connection::{Account, New},
    crypto,
    db::Db,
    grant::TokenSet,
    mapping::Settings,
    order::Mark,
    shopify::model::{Gid, Order, ShopInfo},
    webhook::Intake,
    work::{self, Lane, Lease},
};

/// Entries that connecting a shop leaves in its trail: made, both ends authorized, the business selected.
const CONNECTED: i64 = 4;
const SECRET: &str = "a secret of the tests, 32 bytes and more";

/// A server, and what is behind it.
struct World {
    app: App,
    auth: Verifier,
    base: String,
    http: reqwest::Client,
    _database: Database,
}

/// A SQLite file, or a database of its own on the PostgreSQL server that `TEST_DATABASE_URL` names. Gone when dropped.
struct Database {
    url: String,
    server: Option<(String, String)>,
    _directory: TempDir,
}

impl Database {
    async fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            let url = format!("sqlite://{}/test.db?mode=rwc", directory.path().display());
            return Self { url, server: None, _directory: directory };
        };
        let name = format!("mlc_http_{}", uuid::Uuid::new_v4().simple());
        let admin = Db::connect(&server).await.unwrap();
        admin.write().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let mut url: url::Url = server.parse().unwrap();
        url.set_path(&name);
        Self { url: url.into(), server: Some((server, name)), _directory: directory }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        // The runtime of the test is on its way out.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = Db::connect(&server).await.unwrap();
                admin.write().execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            });
        });
        assert!(dropping.join().is_ok() || std::thread::panicking(), "the test's database is still there");
    }
}

impl World {
    async fn start() -> Self {
        Self::beside("http://127.0.0.1:1").await
    }

    /// With Shopify at this address.
    async fn beside(shopify: &str) -> Self {
        let config = Config { shopify_url: shopify.to_owned(), ..Config::default() };
        Self::with(config).await
    }

    /// With these settings, and a database and secrets of its own.
    async fn with(config: Config) -> Self {
        let database = Database::make().await;
        let config = Config {
            database_url: database.url.clone().into(),
            encryption_keys: Some(crypto::keygen("k1")),
            jwt_secret: Some(SECRET.into()),
            ..config
        };
        let auth = Verifier::from_config(&config).unwrap();
        let app = App::new(config, Clock::default()).await.unwrap();
        let routes = router(app.clone(), auth.clone(), Arc::new(|| "mlc_sample 1\n".to_owned()), Intake::start(&app));
        let base = listen(&app, routes).await;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { app, auth, base, http, _database: database }
    }

    fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// A token of this role for these connections (`None`: all), good for an hour.
    fn token(&self, role: Role, connections: Option<&[&str]>) -> String {
        let connections = connections.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        let who = Principal { subject: "ada".to_owned(), role, connections };
        self.auth.issue(&who, TimeDelta::hours(1), self.now()).unwrap()
    }

    async fn post(&self, token: Option<&str>, body: &Value) -> reqwest::Response {
        let mut request = self.http.post(format!("{}/graphql", self.base)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    /// The whole answer to one operation.
    async fn ask(&self, token: &str, query: &str, variables: Value) -> Value {
        let answer = self.post(Some(token), &json!({ "query": query, "variables": variables })).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// The data of an operation that must work.
    async fn data(&self, token: &str, query: &str, variables: Value) -> Value {
        let answer = self.ask(token, query, variables).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].clone()
    }

    /// The code of an operation that must not work.
    async fn code(&self, token: &str, query: &str, variables: Value) -> String {
        let answer = self.ask(token, query, variables).await;
        answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned()
    }

    /// A shop with a FreshBooks account of its own.
    async fn connect(&self, shop: &str) -> connection::Model {
        self.connect_to(shop, &format!("{shop}Books"), Settings::default()).await.unwrap()
    }

    async fn connect_to(
        &self,
        shop: &str,
        account: &str,
        settings: Settings,
    ) -> Result<connection::Model, crate::connection::Error> {
        let by = Actor::cli("test");
        let tokens = TokenSet::custom_app(SecretString::from("a token"), "read_orders,read_customers".to_owned());
        let shop = ShopInfo {
            id: Gid::new("Shop", 1),
            name: format!("Shop {shop}"),
            myshopify_domain: format!("{shop}.myshopify.com"),
            currency_code: "CAD".to_owned().try_into().unwrap(),
            iana_timezone: "America/Toronto".to_owned(),
            taxes_included: false,
        };
        let account = Account {
            account_id: account.to_owned(),
            business_id: 1,
            name: "Sample Books".to_owned(),
            currency_code: Some("CAD".to_owned()),
        };
        let new = New { name: shop.name.clone(), shop_domain: shop.myshopify_domain.clone(), settings };
        let id = crate::connection::create(&self.app, &by, new).await?.id;
        crate::connection::shopify_granted(&self.app, &by, id, &tokens).await?;
        crate::connection::shop_seen(&self.app, id, &shop).await?;
        crate::connection::freshbooks_granted(&self.app, &by, id, &tokens, &[account]).await?;
        crate::connection::select_business(&self.app, &by, id, 1).await
    }

    /// Stores orders as a pull does.
    async fn record(&self, connection: ConnectionId, orders: &[Order]) {
        let txn = self.app.db.begin_write().await.unwrap();
        let mark = Mark::new(Lane::Pull, "pull:1", &Actor::system("schedule"));
        let now = self.now();
        crate::order::record(&txn, &self.app.keyring, connection, orders, &mark, None, now).await.unwrap();
        txn.commit().await.unwrap();
    }

    /// Leases what is due.
    async fn claim(&self) -> Vec<(Lease, synced_order::Model)> {
        work::claim::<synced_order::Entity>(self.app.db.write(), 100, self.now()).await.unwrap()
    }
}

async fn listen(app: &App, router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = app.clone();
    tokio::spawn(async move { serve(&app, listener, router).await });
    base
}

/// Two mugs for 24.00 CAD, paid; of a customer, or of a guest. `day` of November.
fn order(number: i64, customer: Option<i64>, day: u32) -> Order {
    let bag = |amount: &str| {
        let money = json!({ "amount": amount, "currencyCode": "CAD" });
        json!({ "shopMoney": money, "presentmentMoney": money })
    };
    let at = format!("2026-11-{day:02}T10:00:00Z");
    let mut order = json!({
        "id": format!("gid://shopify/Order/{number}"), "name": format!("#{number}"), "number": number,
        "createdAt": at, "processedAt": at, "updatedAt": at, "test": false,
        "edited": false, "sourceName": "web", "currencyCode": "CAD",
        "presentmentCurrencyCode": "CAD", "taxesIncluded": false, "taxExempt": false, "dutiesIncluded": false,
        "displayFinancialStatus": "PAID", "email": "quill@example.com",
        "totalCashRoundingAdjustment": { "paymentSet": bag("0"), "refundSet": bag("0") },
        "transactions": [{
            "id": format!("gid://shopify/OrderTransaction/{number}9"), "kind": "SALE", "status": "SUCCESS",
            "gateway": "shopify_payments", "formattedGateway": null, "manualPaymentGateway": false, "test": false,
            "createdAt": at, "processedAt": "2026-11-02T03:00:00Z", "amountSet": bag("24"), "parentTransaction": null
        }],
        "lineItems": [{
            "id": format!("gid://shopify/LineItem/{number}"), "title": "Mug", "variantTitle": null, "sku": "M-1",
            "quantity": 2, "currentQuantity": 2, "isGiftCard": false, "originalUnitPriceSet": bag("12"),
            "customAttributes": [{ "key": "Engraving", "value": "For Quillon" }], "originalTotalSet": bag("24")
        }]
    });
    if let Some(customer) = customer {
        order["customer"] = json!({ "id": format!("gid://shopify/Customer/{customer}"), "firstName": "Quillon",
            "lastName": "Testperson", "locale": "en", "defaultEmailAddress": { "emailAddress": "quill@example.com" },
            "defaultPhoneNumber": null });
    }
    for total in ["totalPriceSet", "currentTotalPriceSet", "totalReceivedSet", "netPaymentSet"] {
        order[total] = bag("24");
    }
    for nothing in
        ["currentTotalTaxSet", "totalTipReceivedSet", "totalRefundedSet", "totalOutstandingSet", "refundDiscrepancySet"]
    {
        order[nothing] = bag("0");
    }
    serde_json::from_value(order).unwrap()
}
