//! How a simulated shop is set up.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{currency::CurrencyCode, model::Order};

/// Versions answered as asked for; older ones fall forward to the first.
pub(super) const SUPPORTED: &[&str] = &["2026-01", "2026-04", "2026-07", "2026-10", "2027-01", "unstable"];

/// A clock.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How long a bulk operation takes.
#[derive(Clone, Copy, Debug)]
pub enum BulkPace {
    /// It has ended when it is looked at for this many times; 0 is ended before the first look.
    Polls(u32),
    /// It has ended after this time, by the shop's clock.
    After(Duration),
}

/// Who may install the app; chosen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Any merchant. From 2027 on its tokens must expire.
    Public,
    /// One merchant. Its tokens need never expire.
    Custom,
}

/// Whether the shop answers; changed by [`Shopify::set_state`](super::Shopify::set_state).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShopState {
    /// It does.
    #[default]
    Open,
    /// HTTP 402: nobody paid for it.
    Frozen,
    /// HTTP 423: it was abused or broken into.
    Locked,
    /// HTTP 403: the merchant closed it.
    Closed,
    /// HTTP 200 with the error `SHOP_INACTIVE` from the API, as the documentation has it; OAuth goes on.
    Inactive,
    /// HTTP 404: there is no such shop.
    Unknown,
}

/// What the shop says of itself.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the schema")]
pub struct ShopFacts {
    pub id: u64,
    pub name: String,
    pub email: String,
    pub currency: CurrencyCode,
    pub presentment_currencies: Vec<CurrencyCode>,
    pub zone: Tz,
    pub taxes_included: bool,
    pub order_prefix: String,
    pub plan: String,
    pub created_at: DateTime<Utc>,
}

impl Default for ShopFacts {
    fn default() -> ShopFacts {
        use CurrencyCode::{Cad, Eur, Gbp, Jpy, Kwd, Usd};
        ShopFacts {
            id: 70_000_000_001,
            name: "Sandbox Store".to_owned(),
            email: "owner@example.com".to_owned(),
            currency: Cad,
            presentment_currencies: vec![Cad, Usd, Eur, Gbp, Jpy, Kwd],
            zone: Tz::America__Toronto,
            taxes_included: false,
            order_prefix: "#".to_owned(),
            plan: "Development".to_owned(),
            created_at: super::build::instant("2026-06-01T13:00:00Z"),
        }
    }
}

/// How to start a simulated shop.
#[derive(Clone)]
pub struct Options {
    /// Its `myshopify.com` domain.
    pub shop: String,
    /// What it says of itself.
    pub facts: ShopFacts,
    /// Orders that are there from the start.
    pub orders: Vec<Order>,
    /// Access tokens that are accepted: those of an app made in the shop's admin. They never expire and are no concern of OAuth.
    pub tokens: Vec<String>,
    /// Scopes of these tokens, and of the app where it is installed without being asked. Without `read_all_orders` only the last sixty
    /// days show, without `read_orders` none.
    pub scopes: Vec<String>,
    /// The app was approved for names, addresses, e-mail and telephone; else they are null.
    pub personal_data: bool,
    /// The app was approved for orders and customers at all; else they are refused.
    pub orders_allowed: bool,
    /// The app's id.
    pub client_id: String,
    /// The app's secrets, newest first. Each opens the token endpoint.
    pub client_secrets: Vec<String>,
    /// The secret that signs callbacks and webhooks; the oldest when `None`.
    pub signing_secret: Option<String>,
    /// Addresses the consent page may send a browser to; when empty any of http or https.
    pub redirect_uris: Vec<String>,
    /// Who may install the app.
    pub distribution: Distribution,
    /// The person grants no more than these scopes; all that is asked for when `None`.
    pub grant_only: Option<Vec<String>>,
    /// The `host` in callbacks is base64 with padding.
    pub padded_host: bool,
    /// Errors of the token endpoint come as HTML pages.
    pub html_errors: bool,
    /// App and shop are of one organisation, so that the app gets tokens by its credentials alone.
    pub own_store: bool,
    /// How long an access token lives that comes with a refresh token; an hour in Shopify.
    pub token_lives: TimeDelta,
    /// Points restored a second.
    pub restore_rate: u32,
    /// Points that the bucket holds.
    pub bucket: u32,
    /// How long after a change search still shows the state before.
    pub index_lag: Duration,
    /// How long a bulk operation takes.
    pub bulk_pace: BulkPace,
    /// Webhooks may go to http addresses of this machine, which Shopify would refuse: the one leniency towards a sandbox that runs on
    /// the loopback interface itself.
    pub loopback_webhooks: bool,
    /// Where the app's own settings send the compliance topics; nowhere when `None`.
    pub compliance_uri: Option<String>,
    /// How long after a failure a delivery is first tried again; each further gap is twice the one before.
    pub webhook_retry: Duration,
    /// How long the answer to a delivery may take.
    pub webhook_patience: Duration,
    /// Where to listen; a free port of the loopback interface unless said.
    pub address: SocketAddr,
    /// The shop's clock.
    pub now: Now,
}

impl Default for Options {
    fn default() -> Options {
        let scopes = ["read_orders", "read_all_orders", "read_customers"];
        Options {
            shop: "sandbox-store.myshopify.com".to_owned(),
            facts: ShopFacts::default(),
            orders: Vec::new(),
            tokens: vec!["shpat_sandbox".to_owned()],
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            personal_data: true,
            orders_allowed: true,
            client_id: "sandbox-shopify-client".to_owned(),
            client_secrets: vec!["shpss_sandboxsandboxsandboxsandbox01".to_owned()],
            signing_secret: None,
            redirect_uris: Vec::new(),
            distribution: Distribution::Public,
            grant_only: None,
            padded_host: false,
            html_errors: false,
            own_store: false,
            token_lives: TimeDelta::hours(1),
            restore_rate: 100,
            bucket: 2000,
            index_lag: Duration::ZERO,
            bulk_pace: BulkPace::Polls(2),
            loopback_webhooks: true,
            compliance_uri: None,
            webhook_retry: Duration::from_secs(60),
            webhook_patience: Duration::from_secs(5),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            now: Arc::new(real_clock),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a simulated platform has a clock of its own; tests replace it")]
fn real_clock() -> DateTime<Utc> {
    Utc::now()
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("shop", &self.shop).field("orders", &self.orders.len()).finish_non_exhaustive()
    }
}
