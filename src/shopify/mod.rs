//! Shopify's Admin API as a plain struct with a base URL.
//!
//! Only reads are repeated within a call; a mutation whose answer is lost is [`Error::Unknown`], and its caller looks before it tries
//! again. A call waits for the shop's budget, up to half a minute; longer waits are the caller's ([`Error::Throttled`]). Nothing that
//! is logged or reported holds a token, a variable or a body.

mod access;
mod budget;
mod bulk;
mod bulk_file;
mod documents;
mod error;
pub mod model;
pub mod oauth;
mod orders;
mod subscriptions;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod webhook;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

pub use self::{
    access::{Access, ApiVersion, People},
    bulk::{BulkOperation, BulkStatus, bulk_orders_query},
    bulk_file::{BulkOrders, BulkRow, Counted},
    error::{Cause, Error, ShopState},
    orders::{UpdatedOrder, UpdatedOrders},
    subscriptions::WebhookSubscription,
};
use self::{
    budget::{Budgets, Cost},
    documents::Document,
    error::{Errors, request_id},
    model::ShopInfo,
};
use crate::{
    pauses::{self, Pauses},
    telemetry,
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
    pauses: Pauses,
    fell_forward: AtomicBool,
}

impl Shopify {
    /// `base` with `{shop}` in it, such as `https://{shop}`; `version` such as [`API_VERSION`]; which shops asked not to be called is kept
    /// in `pauses`.
    pub fn new(http: reqwest::Client, base: &str, version: &str, pauses: Pauses) -> Self {
        Self(Arc::new(Inner {
            http,
            base: base.trim_end_matches('/').to_owned(),
            version: version.to_owned(),
            budgets: Budgets::default(),
            pauses,
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
        read(part(&mut data, "/shop"))
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
        let Inner { budgets, pauses, .. } = &*self.shopify.0;
        let mut patience = PATIENCE;
        loop {
            let paused = pauses.left(&pauses::shop(&self.domain)).map_or(Ok(()), Err);
            let wait = match paused.and_then(|()| budgets.take(&self.domain, document.name, Instant::now())) {
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
        let began = std::time::Instant::now();
        let answer = self.exchange(document, variables).await;
        let outcome = answer.as_ref().err().map_or("ok", Error::kind);
        telemetry::shopify_call(document.name, outcome, began.elapsed());
        answer
    }

    async fn exchange(&self, document: &Document, variables: &Value) -> Result<Value, Error> {
        let Inner { http, base, version, budgets, pauses, .. } = &*self.shopify.0;
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
            let mut refused = Error::status(repeatable, status, &headers);
            if let Error::Throttled { wait } = &mut refused {
                *wait = pauses.refused(&pauses::shop(&self.domain), Some(*wait));
            }
            let body =
                if status == StatusCode::FORBIDDEN { answer.text().await.unwrap_or_default() } else { String::new() };
            return Err(refused.explained_by(&body));
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

/// What stands at `pointer`; null where an answer has another shape.
fn part(data: &mut Value, pointer: &str) -> Value {
    data.pointer_mut(pointer).map(Value::take).unwrap_or_default()
}

/// A part of an answer as what it should be.
fn read<T: for<'de> Deserialize<'de>>(part: Value) -> Result<T, Error> {
    serde_json::from_value(part).map_err(|error| Error::Malformed(error::shape(&error)))
}

/// So that those who were refused together do not come back together.
fn jitter() -> Duration {
    Duration::from_millis(rand::random_range(0..250))
}
