//! FreshBooks' accounting API as a plain struct with a base URL.
//!
//! Reads are repeated within a call when FreshBooks stumbles; a write is sent once, whatever happens: FreshBooks knows no idempotency
//! key, so a write whose answer is lost is [`Error::Unknown`], and its caller looks before it tries again. There is one way to write:
//! a pure function (such as [`invoices::create`]) makes the [`Request`], which can be shown, and [`Books`] sends exactly that.

mod answer;
pub mod callback;
mod callbacks;
pub mod clients;
pub mod credit_notes;
mod deadline;
mod documents;
mod error;
pub mod invoices;
pub mod model;
pub mod oauth;
pub mod payments;
pub mod taxes;
#[cfg(test)]
mod testing;
mod told;

use std::{
    collections::HashSet,
    fmt,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
pub use reqwest::Method;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::debug;

use self::deadline::Deadline;
pub use self::{
    callbacks::Callback,
    documents::Documents,
    error::{Cause, Error, Fault},
    told::Told,
};
use crate::{
    clock::Clock,
    pauses::{self, Pauses},
    telemetry,
};

const USER_AGENT: &str = concat!("ml-connector/", env!("CARGO_PKG_VERSION"));

/// The most that FreshBooks gives at once.
const PER_PAGE: &str = "100";

/// A write, ready to be sent or shown.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// `POST` creates, `PUT` changes.
    pub method: Method,
    /// Below the account, such as `invoices/invoices/12?include[]=lines`.
    pub path: String,
    /// JSON.
    pub body: Value,
}

impl Request {
    fn create(path: &str, key: &str, fields: Value) -> Self {
        Self { method: Method::POST, path: path.to_owned(), body: json!({ key: fields }) }
    }

    fn update(path: &str, id: i64, query: &str, key: &str, fields: Value) -> Self {
        Self { method: Method::PUT, path: format!("{path}/{id}{query}"), body: json!({ key: fields }) }
    }
}

/// Without the body: it holds people.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// The API before an account is chosen.
#[derive(Clone)]
pub struct FreshBooks {
    http: reqwest::Client,
    base: String,
    pauses: Pauses,
}

impl FreshBooks {
    /// `base` such as `https://api.freshbooks.com`; what is asked not to be called is kept in `pauses`.
    pub fn new(http: reqwest::Client, base: &str, pauses: Pauses) -> Self {
        Self { http, base: base.trim_end_matches('/').to_owned(), pauses }
    }

    /// The books of one account, written with `token`.
    pub fn account(&self, account_id: &str, token: SecretString) -> Books {
        Books { freshbooks: self.clone(), account_id: account_id.to_owned(), token, deadline: None }
    }

    /// Where a person sees an invoice.
    pub fn invoice_url(account_id: &str, invoice_id: i64) -> String {
        format!("https://my.freshbooks.com/#/invoice/{account_id}-{invoice_id}")
    }

    /// Sends a read, up to three times.
    async fn repeat(&self, call: &str, request: impl Fn() -> RequestBuilder) -> Result<Value, Error> {
        let twice_more =
            ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
        (|| self.once(false, call, request())).retry(twice_more).when(Error::is_blip).await
    }

    /// Sends once; `call` is its name in the log.
    async fn once(&self, write: bool, call: &str, request: RequestBuilder) -> Result<Value, Error> {
        let began = Instant::now();
        let answer = self.exchange(write, call, request).await;
        let outcome = answer.as_ref().err().map_or("ok", Error::kind);
        telemetry::freshbooks_call(family(call), outcome, began.elapsed());
        answer
    }

    async fn exchange(&self, write: bool, call: &str, request: RequestBuilder) -> Result<Value, Error> {
        let sent = request.header("User-Agent", USER_AGENT).header("Accept", "application/json").send().await;
        let answer = sent.map_err(|error| Error::transport(write, error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        debug!(call, status = status.as_u16(), "FreshBooks answered");
        let body = answer.bytes().await.map_err(|error| Error::transport(write, error))?;
        answer::judge(write, status, &headers, &body)
    }
}

/// The figures' name for a call: the method and what it is about, never an id.
fn family(call: &str) -> &'static str {
    const FAMILIES: [(&str, &str, &str); 20] = [
        ("GET", "users/clients", "read_clients"),
        ("POST", "users/clients", "create_client"),
        ("PUT", "users/clients", "update_client"),
        ("GET", "invoices/invoices", "read_invoices"),
        ("POST", "invoices/invoices", "create_invoice"),
        ("PUT", "invoices/invoices", "update_invoice"),
        ("GET", "payments/payments", "read_payments"),
        ("POST", "payments/payments", "create_payment"),
        ("PUT", "payments/payments", "update_payment"),
        ("GET", "credit_notes/credit_notes", "read_credit_notes"),
        ("POST", "credit_notes/credit_notes", "create_credit_note"),
        ("PUT", "credit_notes/credit_notes", "update_credit_note"),
        ("GET", "taxes/taxes", "read_taxes"),
        ("POST", "taxes/taxes", "create_tax"),
        ("GET", "events/callbacks", "read_callbacks"),
        ("POST", "events/callbacks", "create_callback"),
        ("PUT", "events/callbacks", "update_callback"),
        ("DELETE", "events/callbacks", "delete_callback"),
        ("GET", "users/me", "read_identity"),
        ("POST", "oauth", "token"),
    ];
    let of = |(method, path, _): &&(&str, &str, &str)| call.starts_with(method) && call.contains(path);
    FAMILIES.iter().find(of).map_or("other", |(_, _, name)| name)
}

/// One account's books.
#[derive(Clone)]
pub struct Books {
    freshbooks: FreshBooks,
    account_id: String,
    token: SecretString,
    deadline: Option<Deadline>,
}

impl Books {
    /// The same books, whose writes leave before `at` or not at all ([`Error::TooLate`]).
    #[must_use]
    pub fn until(&self, clock: &Clock, at: DateTime<Utc>) -> Self {
        Self { deadline: Some(Deadline::new(clock, at)), ..self.clone() }
    }

    /// Calls, unless the account asked us to slow down; notes where it does.
    async fn paced(&self, call: impl Future<Output = Result<Value, Error>>) -> Result<Value, Error> {
        let (pauses, whom) = (&self.freshbooks.pauses, pauses::account(&self.account_id));
        if let Some(left) = pauses.left(&whom) {
            return Err(Error::Throttled { wait: Some(left) });
        }
        match call.await {
            Err(Error::Throttled { wait }) => Err(Error::Throttled { wait: Some(pauses.refused(&whom, wait)) }),
            answer => {
                if answer.is_ok() {
                    pauses.accepted(&whom);
                }
                answer
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let FreshBooks { http, base, .. } = &self.freshbooks;
        let family = if path.starts_with("events/") { "events" } else { "accounting" };
        http.request(method, format!("{base}/{family}/account/{}/{path}", self.account_id))
            .bearer_auth(self.token.expose_secret())
    }

    /// The home currency of the account's business, where FreshBooks tells.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn currency(&self, business_id: i64) -> Result<Option<String>, Error> {
        let mut answer = self.get(&format!("systems/systems/{business_id}"), &[]).await?;
        Ok(part(&mut answer, "system")["currency_code"].as_str().map(str::to_owned))
    }

    /// The `key` of what comes back from a write. Sent once.
    async fn write<T: for<'de> Deserialize<'de>>(&self, request: &Request, key: &str) -> Result<T, Error> {
        let sending = self.request(request.method.clone(), &request.path);
        let sending = match &self.deadline {
            Some(deadline) => deadline.json(sending, &request.body),
            None => sending.json(&request.body),
        };
        let mut answer = self.paced(self.freshbooks.once(true, &format!("{request:?}"), sending)).await?;
        read(true, part(&mut answer, key), key)
    }

    /// What comes back from a read, tried up to three times.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Error> {
        let request = || self.request(Method::GET, path).query(query);
        self.paced(self.freshbooks.repeat(&format!("GET {path}"), request)).await
    }

    /// The object at `path`, deleted ones included; `None` where FreshBooks knows none.
    async fn find<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        key: &str,
    ) -> Result<Option<T>, Error> {
        match self.get(path, query).await {
            Ok(mut answer) => read(false, part(&mut answer, key), key).map(Some),
            Err(Error::NotFound(fault)) if !fault.is_account() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All pages of a list, each object once. A row that comes while we read moves the others, so that one may be seen twice.
    async fn list<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        key: &str,
    ) -> Result<Vec<T>, Error> {
        let (mut seen, mut all) = (HashSet::new(), Vec::new());
        for page in 1_u64.. {
            let number = page.to_string();
            let paging = [("page", number.as_str()), ("per_page", PER_PAGE)];
            let mut answer = self.get(path, &[query, &paging].concat()).await?;
            let pages = answer["response"]["result"]["pages"].as_u64();
            let rows: Vec<Value> = read(false, part(&mut answer, key), key)?;
            let before = seen.len();
            for row in rows {
                let id = if row["id"].is_null() { &row["callbackid"] } else { &row["id"] };
                if seen.insert(id.to_string()) {
                    all.push(read(false, row, key)?);
                }
            }
            // The total does not tell: it counts rows that we may not see.
            if seen.len() == before || pages.is_some_and(|pages| page >= pages) {
                break;
            }
        }
        Ok(all)
    }
}

/// The `key` of a success; null where an answer has another shape.
fn part(answer: &mut Value, key: &str) -> Value {
    answer.pointer_mut(&format!("/response/result/{key}")).map(Value::take).unwrap_or_default()
}

/// A part of an answer as what it should be; `key` is its name over there.
fn read<T: for<'de> Deserialize<'de>>(write: bool, part: Value, key: &str) -> Result<T, Error> {
    if part.is_null() {
        return Err(Error::unreadable(write, format!("no {key}")));
    }
    serde_json::from_value(part).map_err(|error| Error::unreadable(write, format!("{key}: {}", answer::shape(&error))))
}

/// A draft's fields, those without a value left out: an empty field is one that we know nothing about.
fn filled(draft: &impl serde::Serialize) -> Value {
    let mut fields = serde_json::to_value(draft).unwrap_or_default();
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null() && value != "");
    }
    fields
}
