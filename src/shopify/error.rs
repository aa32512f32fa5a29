//! What can go wrong at Shopify, sorted by what the caller can do about it.
//!
//! Shopify reports in three layers: the HTTP status, the top-level `errors` (a string or a list), and a mutation's `userErrors`. No
//! message here repeats a body, a token or a value: only codes, field names and Shopify's request id.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The shop's budget is used up for longer than we wait within a call. Nothing was done.
    #[error("Shopify asked us to wait {wait:?}")]
    Throttled {
        /// How long until the same call has a chance.
        wait: Duration,
    },
    /// 401: the token is expired, revoked or wrong.
    #[error("Shopify no longer accepts our token")]
    Unauthorized,
    /// A scope is missing, or the shop is closed to us.
    #[error("Shopify does not allow this: {0}")]
    Forbidden(String),
    /// The app has no approval for protected customer data: without it no order and no customer is shown.
    #[error("Shopify shows this app no protected customer data: {0}")]
    ProtectedData(String),
    /// Our token is of the kind that never expires, and Shopify takes those no longer: it has to be migrated.
    #[error("Shopify no longer accepts tokens that do not expire")]
    NonExpiringToken,
    /// Frozen, locked or unknown; the first two can pass.
    #[error("the shop is not available: {said}")]
    ShopUnavailable {
        /// Which of them.
        state: ShopState,
        /// Shopify's status or code.
        said: String,
    },
    /// As many bulk operations are running as this app may have. Nothing was started.
    #[error("no further bulk operation can start now")]
    BulkInProgress,
    /// There is one like it already. Nothing was made.
    #[error("there is one like it at Shopify already")]
    Taken,
    /// Our document or argument is wrong: the same call will fail again.
    #[error("Shopify rejected our request: {0}")]
    Rejected(String),
    /// A read that failed, also when repeated, or a mutation that never reached Shopify.
    #[error("Shopify is not available")]
    Unavailable(#[source] Cause),
    /// A mutation without an answer: it may have been done.
    #[error("no answer: Shopify may have done it")]
    Unknown(#[source] Cause),
    /// A bulk result's address no longer works: read the operation again.
    #[error("the bulk result is no longer served")]
    Expired,
    /// An answer that is not what the API promises.
    #[error("cannot make sense of Shopify's answer: {0}")]
    Malformed(String),
    /// A bulk result that ended within this line: nothing of the window is proved.
    #[error("the bulk result broke off in line {0}")]
    Truncated(u64),
}

/// Why nobody reaches a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShopState {
    /// 402: its bill is unpaid. Passes once it is paid.
    Frozen,
    /// 423, or `SHOP_INACTIVE`: closed by Shopify. May pass.
    Locked,
    /// 404: there is no shop of this name, or no such version of the API.
    Unknown,
}

/// What lies behind a missing answer.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// No answer at all; never names the address, which may hold a signature.
    #[error("the connection failed")]
    Transport(#[source] reqwest::Error),
    /// The same while a bulk result was being read.
    #[error("the connection failed")]
    Stream(#[source] std::io::Error),
    /// Nothing came for so long.
    #[error("nothing came for {0:?}")]
    Stalled(Duration),
    /// A status that says nothing about the request.
    #[error("HTTP {0}")]
    Status(u16),
    /// Shopify's own code for a failure on its side, or what was wrong with its answer.
    #[error("{0}")]
    Answer(String),
    /// The order changed between two pages of one reading, again and again.
    #[error("the order kept changing while it was read")]
    Moving,
}

impl Error {
    /// Its name in the figures.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::ProtectedData(_) => "protected_data",
            Self::NonExpiringToken => "non_expiring_token",
            Self::ShopUnavailable { .. } => "shop_unavailable",
            Self::BulkInProgress => "bulk_in_progress",
            Self::Taken => "taken",
            Self::Rejected(_) => "rejected",
            Self::Unavailable(_) => "unavailable",
            Self::Unknown(_) => "unknown",
            Self::Expired => "expired",
            Self::Malformed(_) => "malformed",
            Self::Truncated(_) => "truncated",
        }
    }

    /// Whether a failed reading says something of an order rather than of Shopify.
    pub fn is_about_one(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Unavailable(Cause::Moving))
    }

    /// Why Shopify lets nobody read, where that is what it says.
    pub fn denial(&self) -> Option<&str> {
        match self {
            Self::Forbidden(said) | Self::ProtectedData(said) => Some(said),
            Self::NonExpiringToken => Some("it no longer accepts tokens that do not expire"),
            _ => None,
        }
    }

    /// Whether the same read may succeed in a moment.
    pub(super) fn is_blip(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// No answer, or none that can be read: a read can be repeated, a mutation is in doubt.
    pub(super) fn lost(repeatable: bool, cause: Cause) -> Self {
        if repeatable { Self::Unavailable(cause) } else { Self::Unknown(cause) }
    }

    /// A request that did not bring an answer. Where not even a connection came about, nothing was done.
    pub(super) fn transport(repeatable: bool, error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            return Self::Rejected("the shop's address or token cannot be sent".to_owned());
        }
        Self::lost(repeatable || error.is_connect(), Cause::Transport(error))
    }

    /// What a status other than success means.
    pub(super) fn status(repeatable: bool, status: StatusCode, headers: &HeaderMap) -> Self {
        let said = || format!("HTTP {}, request {}", status.as_u16(), request_id(headers));
        let unavailable = |state| Self::ShopUnavailable { state, said: said() };
        match status.as_u16() {
            401 => Self::Unauthorized,
            402 => unavailable(ShopState::Frozen),
            404 => unavailable(ShopState::Unknown),
            423 => unavailable(ShopState::Locked),
            403 => Self::Forbidden(said()),
            429 => Self::Throttled { wait: retry_after(headers).unwrap_or(Duration::from_secs(1)) },
            // Refused as a security risk: go on, but slowly.
            430 => Self::Throttled { wait: retry_after(headers).unwrap_or(Duration::from_secs(60)) },
            408 | 500.. => Self::lost(repeatable, Cause::Status(status.as_u16())),
            _ => Self::Rejected(said()),
        }
    }

    /// Tells apart what shares a status, by the words of the `body`.
    pub(super) fn explained_by(self, body: &str) -> Self {
        let words = "non-expiring access tokens";
        match self {
            Self::Forbidden(_) if body.to_ascii_lowercase().contains(words) => Self::NonExpiringToken,
            other => other,
        }
    }
}

/// Shopify's own name for the request: what its support asks for.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("-")
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?;
    // Shopify writes "2.0" as well.
    seconds.split('.').next()?.parse().ok().map(Duration::from_secs)
}

/// What is wrong with some JSON, without repeating any of it.
pub(super) fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split(" at line").next() {
        Some(missing) if missing.starts_with("missing field") => missing.to_owned(),
        _ => format!("{:?} error in column {}", error.classify(), error.column()),
    }
}

/// The top-level `errors` of an answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Errors {
    /// GraphQL's own.
    List(Vec<GraphqlError>),
    /// A sentence or an object: the request did not get as far as GraphQL.
    Other(IgnoredAny),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GraphqlError {
    message: Value,
    path: Value,
    extensions: Value,
}

impl GraphqlError {
    fn code(&self) -> &str {
        self.extensions["code"].as_str().unwrap_or_default()
    }

    fn says(&self, words: &str) -> bool {
        self.message.as_str().is_some_and(|text| text.to_ascii_lowercase().contains(words))
    }

    /// Code, place and missing scopes: words of the schema, never values.
    fn describe(&self, request: &str) -> String {
        let mut text = if self.code().is_empty() { "no code".to_owned() } else { self.code().to_owned() };
        let path: Vec<&str> = self.path.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !path.is_empty() {
            text.push_str(" at ");
            text.push_str(&path.join("."));
        }
        let scopes = self.extensions["requiredAccess"].as_str().unwrap_or_default();
        let scopes: Vec<&str> = scopes.split('`').skip(1).step_by(2).filter(|word| is_name(word)).collect();
        if !scopes.is_empty() {
            text.push_str(", needs ");
            text.push_str(&scopes.join(", "));
        }
        format!("{text}, request {request}")
    }
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

impl Errors {
    /// The error that decides what is to be done: a missing right outweighs the nulls that follow from it. `wait` is how long the
    /// budget needs to recover.
    pub(super) fn into_error(self, repeatable: bool, request: &str, wait: Duration) -> Error {
        let list = match self {
            Self::List(list) if !list.is_empty() => list,
            Self::List(_) => return Error::Malformed(format!("errors is empty, request {request}")),
            Self::Other(_) => return Error::Rejected(format!("not a GraphQL answer, request {request}")),
        };
        let with = |codes: &[&str]| list.iter().find(|error| codes.contains(&error.code()));
        if with(&["THROTTLED"]).is_some() {
            return Error::Throttled { wait };
        }
        if let Some(error) = with(&["SHOP_INACTIVE"]) {
            return Error::ShopUnavailable { state: ShopState::Locked, said: error.describe(request) };
        }
        // Its code is not documented: a missing scope has one, and other words.
        let unapproved = |error: &&GraphqlError| {
            matches!(error.code(), "" | "ACCESS_DENIED") && error.says("not approved to access the")
        };
        if let Some(error) = list.iter().find(unapproved) {
            return Error::ProtectedData(error.describe(request));
        }
        if let Some(error) = with(&["ACCESS_DENIED"]) {
            return Error::Forbidden(error.describe(request));
        }
        let timeout = || list.iter().find(|error| error.code().is_empty() && error.says("timeout"));
        if let Some(error) = with(&["INTERNAL_SERVER_ERROR", "TIMEOUT"]).or_else(timeout) {
            return Error::lost(repeatable, Cause::Answer(error.describe(request)));
        }
        Error::Rejected(list.first().map(|error| error.describe(request)).unwrap_or_default())
    }
}
