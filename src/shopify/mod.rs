//! Shopify's Admin API as a plain struct with a base URL.
//!
//! Only reads are repeated within a call; a mutation whose answer is lost is [`Error::Unknown`], and its caller looks before it tries
//! again. A call waits for the shop's budget, up to [`PATIENCE`]; longer waits are the caller's ([`Error::Throttled`]). Nothing that
//! is logged or reported holds a token, a variable or a body.

mod budget;
mod bulk;
mod bulk_file;
mod documents;
mod error;
pub mod model;
mod orders;
#[cfg(test)]
mod testing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use self::{
    budget::{Budgets, Cost},
    documents::Document,
    error::{Errors, request_id},
    model::ShopInfo,
};
pub use self::{
    bulk::{BulkOperation, BulkStatus, bulk_orders_query},
    bulk_file::{BulkOrders, BulkRow, Counted},
    error::{Cause, Error},
    orders::{UpdatedOrder, UpdatedOrders},
};

/// The version that the documents are written for.
pub const API_VERSION: &str = "2026-10";

/// What the documents need; `read_all_orders` shows what is older than 60 days.
pub const SCOPES: &str = "read_orders,read_all_orders,read_customers";

/// How long one call waits for the budget in all.
const PATIENCE: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("ml-connector/", env!("CARGO_PKG_VERSION"));

/// Every shop's API. Clones share what is known of the shops' budgets.
#[derive(Clone)]
pub struct Shopify(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    base: String,
    version: String,
    budgets: Budgets,
    fell_forward: AtomicBool,
}

impl Shopify {
    /// `base` with `{shop}` in it, such as `https://{shop}`; `version` such as [`API_VERSION`].
    pub fn new(http: reqwest::Client, base: &str, version: &str) -> Self {
        Self(Arc::new(Inner {
            http,
            base: base.trim_end_matches('/').to_owned(),
            version: version.to_owned(),
            budgets: Budgets::default(),
            fell_forward: AtomicBool::new(false),
        }))
    }

    /// The shop `domain` (`name.myshopify.com`), seen with `token`.
    pub fn shop(&self, domain: &str, token: SecretString) -> Shop {
        Shop { shopify: self.clone(), domain: domain.to_owned(), token }
    }
}

/// One shop's API.
#[derive(Clone)]
pub struct Shop {
    shopify: Shopify,
    domain: String,
    token: SecretString,
}

/// The body of an answer. Parts of `data` may be there beside `errors`; they are not used then.
#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    errors: Option<Errors>,
    #[serde(default)]
    extensions: Value,
}

impl Shop {
    /// What the shop says of itself: the cheapest call, and a check of the token.
    ///
    /// # Errors
    /// As any call; see [`Error`].
    pub async fn info(&self) -> Result<ShopInfo, Error> {
        let mut data = self.ask(&documents::SHOP, json!({})).await?;
        read(data["shop"].take())
    }

    /// The `data` of an answer, after the retries and waits that are safe for `document`.
    async fn ask(&self, document: &Document, variables: Value) -> Result<Value, Error> {
        let call = || self.when_affordable(document, &variables);
        if !document.repeatable {
            return call().await;
        }
        let twice_more =
            ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
        call.retry(twice_more).when(Error::is_blip).await
    }

    /// Waits for the budget before the call and after a refusal: a refused call was not run, so a mutation may wait here as well.
    async fn when_affordable(&self, document: &Document, variables: &Value) -> Result<Value, Error> {
        let budgets = &self.shopify.0.budgets;
        let mut patience = PATIENCE;
        loop {
            let wait = match budgets.take(&self.domain, document.name, Instant::now()) {
                Err(wait) => wait,
                Ok(()) => match self.once(document, variables).await {
                    Err(Error::Throttled { wait }) => wait,
                    other => return other,
                },
            };
            patience = patience.checked_sub(wait).ok_or(Error::Throttled { wait })?;
            debug!(operation = document.name, shop = %self.domain, ?wait, "waiting for the shop's budget");
            sleep(wait + jitter()).await;
        }
    }

    async fn once(&self, document: &Document, variables: &Value) -> Result<Value, Error> {
        let Inner { http, base, version, budgets, .. } = &*self.shopify.0;
        let Document { name, text, repeatable } = *document;
        let mut token = HeaderValue::from_str(self.token.expose_secret())
            .map_err(|_| Error::Rejected("the token cannot be sent".to_owned()))?;
        token.set_sensitive(true);
        let address = format!("{}/admin/api/{version}/graphql.json", base.replace("{shop}", &self.domain));
        let sent = http
            .post(address)
            .header("X-Shopify-Access-Token", token)
            .header("User-Agent", USER_AGENT)
            .header("Accept", "application/json")
            .json(&json!({"query": text, "variables": variables, "operationName": name}))
            .send()
            .await;
        let answer = sent.map_err(|error| Error::transport(repeatable, error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let request = request_id(&headers);
        self.compare_version(&headers);
        if !status.is_success() {
            debug!(operation = name, shop = %self.domain, status = status.as_u16(), request, "Shopify answered");
            return Err(Error::status(repeatable, status, &headers));
        }
        let body = answer.bytes().await.map_err(|error| Error::transport(repeatable, error))?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
            let what = format!("{}, request {request}", error::shape(&error));
            if repeatable { Error::Malformed(what) } else { Error::Unknown(Cause::Answer(what)) }
        })?;
        let cost = Cost::of(&answer.extensions);
        budgets.learn(&self.domain, name, &cost, Instant::now());
        let (requested, actual, available) = (cost.requested(), cost.actual(), cost.available());
        debug!(operation = name, shop = %self.domain, status = 200, request, requested, actual, available, "Shopify answered");
        if let Some(errors) = answer.errors {
            return Err(errors.into_error(repeatable, request, cost.wait()));
        }
        match answer.data {
            Some(data) if data.is_object() => Ok(data),
            _ if repeatable => Err(Error::Malformed(format!("no data, request {request}"))),
            _ => Err(Error::Unknown(Cause::Answer(format!("no data, request {request}")))),
        }
    }

    /// A version that left support is answered by the oldest one left, which may mean other things by the same words.
    fn compare_version(&self, headers: &HeaderMap) {
        let asked = &self.shopify.0.version;
        let Some(used) = headers.get("x-shopify-api-version").and_then(|version| version.to_str().ok()) else { return };
        if used != asked && !self.shopify.0.fell_forward.swap(true, Ordering::Relaxed) {
            warn!(asked, used, "Shopify no longer supports API version {asked} and answers as {used}");
        }
    }
}

/// A part of an answer as what it should be.
fn read<T: for<'de> Deserialize<'de>>(part: Value) -> Result<T, Error> {
    serde_json::from_value(part).map_err(|error| Error::Malformed(error::shape(&error)))
}

/// So that those who were refused together do not come back together.
fn jitter() -> Duration {
    Duration::from_millis(rand::random_range(0..250))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{testing::*, *};

    fn shop_body() -> Value {
        json!({"data": {"shop": {"id": "gid://shopify/Shop/1", "name": "Sample", "myshopifyDomain": "sample.myshopify.com",
            "currencyCode": "CAD", "ianaTimezone": "America/Toronto", "taxesIncluded": false}}})
    }

    fn refused(requested: u64, available: u64) -> Reply {
        Reply::json(json!({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {"cost": {"requestedQueryCost": requested, "actualQueryCost": null, "throttleStatus":
                {"maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": 100}}}}))
    }

    #[tokio::test]
    async fn a_call_carries_token_version_and_name_of_the_operation() {
        let server = Server::start([Reply::json(shop_body())]).await;
        assert_eq!(server.shop().info().await.unwrap().iana_timezone, "America/Toronto");
        let [seen] = &server.seen()[..] else { panic!("one call") };
        assert_eq!(seen.path, "/sample.myshopify.com/admin/api/2026-10/graphql.json");
        assert_eq!(seen.headers["x-shopify-access-token"], "shpat_secret");
        assert_eq!(seen.headers["user-agent"], USER_AGENT);
        assert_eq!(seen.body["operationName"], "Shop");
    }

    #[tokio::test]
    async fn each_refusal_has_its_own_remedy() {
        let scope = json!([{"message": "Access denied for ada@example.com", "path": ["shop", 0],
            "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_orders` access scope."}}]);
        let cases = [
            (Reply::status(401, r#"{"errors":"[API] Invalid API key"}"#), "Shopify no longer accepts our token"),
            (Reply::status(401, "<html>Sign in</html>"), "Shopify no longer accepts our token"),
            (Reply::status(402, r#"{"errors":"x"}"#), "the shop is not available: HTTP 402, request r-1"),
            (Reply::status(423, ""), "the shop is not available: HTTP 423, request r-1"),
            (Reply::status(403, ""), "Shopify does not allow this: HTTP 403, request r-1"),
            (Reply::status(400, "<html>"), "Shopify rejected our request: HTTP 400, request r-1"),
            (Reply::status(430, ""), "Shopify asked us to wait 60s"),
            (
                Reply::status(200, "<html>"),
                "cannot make sense of Shopify's answer: Syntax error in column 1, request r-1",
            ),
            (
                Reply::json(json!({"errors": scope, "data": {"shop": null}})),
                "Shopify does not allow this: ACCESS_DENIED at shop, needs read_orders, request r-1",
            ),
            (
                Reply::json(json!({"errors": [{"message": "x", "extensions": {"code": "SHOP_INACTIVE"}}]})),
                "the shop is not available: SHOP_INACTIVE, request r-1",
            ),
            (
                Reply::json(json!({"errors": [{"message": "x", "extensions": {"code": "undefinedField"}}]})),
                "Shopify rejected our request: undefinedField, request r-1",
            ),
            (Reply::json(json!({"errors": "x"})), "Shopify rejected our request: not a GraphQL answer, request r-1"),
        ];
        for (reply, expected) in cases {
            let server = Server::start([reply]).await;
            assert_eq!(server.shop().info().await.unwrap_err().to_string(), expected);
            assert_eq!(server.seen().len(), 1, "{expected}: not repeated");
        }
    }

    #[tokio::test]
    async fn a_read_is_repeated_over_blips_and_gives_up_after_three() {
        let internal = json!({"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]});
        let server =
            Server::start([Reply::status(520, "<html>"), Reply::json(internal), Reply::json(shop_body())]).await;
        assert_eq!(server.shop().info().await.unwrap().name, "Sample");

        let server = Server::start([502, 503, 504].map(|status| Reply::status(status, ""))).await;
        assert!(matches!(server.shop().info().await, Err(Error::Unavailable(Cause::Status(504)))));
        assert_eq!(server.seen().len(), 3);
    }

    #[tokio::test]
    async fn a_refused_call_waits_and_comes_again() {
        let server = Server::start([refused(30, 0), Reply::json(shop_body())]).await;
        let start = Instant::now();
        server.shop().info().await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(1));

        let server = Server::start([refused(9000, 0)]).await;
        let wait = match server.shop().info().await {
            Err(Error::Throttled { wait }) => wait,
            other => panic!("{other:?}"),
        };
        assert!(wait >= Duration::from_secs(90), "longer than we wait in a call: {wait:?}");
        assert_eq!(server.seen().len(), 1);
    }

    #[tokio::test]
    async fn a_mutation_whose_answer_is_lost_is_in_doubt_and_not_repeated() {
        for reply in
            [Reply::status(502, ""), Reply::status(200, "{"), Reply::Silence, Reply::json(json!({"data": null}))]
        {
            let server = Server::start([reply]).await;
            assert!(matches!(server.shop().start_bulk("{ orders }").await, Err(Error::Unknown(_))));
            assert_eq!(server.seen().len(), 1);
        }
        let nobody = Shopify::new(http(), "http://127.0.0.1:9", API_VERSION).shop("x", "t".into());
        assert!(matches!(nobody.start_bulk("{ orders }").await, Err(Error::Unavailable(_))), "nothing was sent");
    }
}
