//! Grants at Shopify: plain calls and checks, nothing is stored.
//!
//! No call for tokens is repeated here: whoever holds the stored pair decides that. Shopify takes the same refresh token again until the
//! new one is used, so that a lost answer costs nothing; a code is taken once.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{
    StatusCode,
    header::{ACCEPT, HeaderMap, USER_AGENT as AGENT},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use super::{
    Shopify, USER_AGENT,
    error::{Cause, Error, request_id, shape},
};
use crate::{config::Client, telemetry};

/// How far a signed request's time may be from ours.
const FRESH_SECONDS: u64 = 90;
/// What an expiring token lives for where the answer does not say.
const LIFETIME: i64 = 3600;
/// Characters of the longest name that a host can have before its first dot.
const LABEL_LENGTH: usize = 63;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const OFFLINE_TOKEN: &str = "urn:shopify:params:oauth:token-type:offline-access-token";

/// What a grant brought. With an expiring token, whatever was before is on its way out.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    /// For calls.
    pub access_token: SecretString,
    /// For the next refresh; `None` where there is none, as with client credentials.
    pub refresh_token: Option<SecretString>,
    /// `None` where the token does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the refresh token dies unused.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// What the token may do: it can be less than was asked, even nothing.
    pub scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    expires_in: Option<i64>,
    refresh_token_expires_in: Option<i64>,
    #[serde(default)]
    scope: String,
}

/// Whether this is a shop's permanent address, such as `name.myshopify.com`, in its one spelling: lower case and nothing around it. No
/// secret may go to a host that is not.
pub fn is_shop_domain(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.strip_suffix(".myshopify.com").is_some_and(|name| {
        !name.is_empty() && name.len() <= LABEL_LENGTH && !name.starts_with('-') && name.bytes().all(good)
    })
}

/// Whether Shopify signed this raw query, without its `?`, with one of the app's secrets. Says nothing of when: see [`fresh`].
pub fn signed(query: &str, secrets: &[SecretString]) -> bool {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    fields.remove("signature");
    let Some(given) = fields.remove("hmac") else { return false };
    let [given] = &given[..] else { return false };
    let canonical = given.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let Some(given) = hex::decode(given).ok().filter(|_| canonical) else { return false };
    let fields = fields.iter().map(|(name, values)| (name, values.join(",")));
    let message = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    secrets.iter().any(|secret| {
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .is_ok_and(|mac| mac.chain_update(&message).verify_slice(&given).is_ok())
    })
}

/// Whether a signed query is of this moment, give or take a minute and a half: an old one may have been picked up somewhere.
pub fn fresh(query: &str, now: DateTime<Utc>) -> bool {
    parameter(query, "timestamp")
        .and_then(|text| text.parse::<i64>().ok())
        .is_some_and(|at| now.timestamp().abs_diff(at) <= FRESH_SECONDS)
}

/// The value of a raw query's parameter. `None` also where it stands there twice: nobody knows which one counts.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        _ => None,
    }
}

/// The scopes of `asked` that `granted` does not cover: the right to write is the right to read as well.
pub fn missing_scopes(asked: &[String], granted: &[String]) -> Vec<String> {
    let covered = |scope: &String| {
        let write = scope.strip_prefix("read_").map(|what| format!("write_{what}"));
        granted.iter().any(|has| has == scope || Some(has) == write.as_ref())
    };
    asked.iter().filter(|scope| !covered(scope)).cloned().collect()
}

impl Shopify {
    /// Where a person allows the app to see the shop, for a token of the app, not of that person.
    ///
    /// # Errors
    /// [`Error::Rejected`] when `domain` is no shop's address.
    pub fn authorize_url(
        &self,
        domain: &str,
        client_id: &str,
        scopes: &[String],
        redirect_uri: &str,
        state: &str,
    ) -> Result<Url, Error> {
        let mut url = self.admin(domain, "authorize")?;
        url.query_pairs_mut()
            .append_pair("client_id", client_id)
            .append_pair("scope", &scopes.join(","))
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state);
        Ok(url)
    }

    /// Turns the code of a callback into an expiring token. A code is taken once: after a lost answer only a new one helps.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the code is used, expired or wrong; otherwise as [`Self::refresh`].
    pub async fn exchange_code(
        &self,
        domain: &str,
        client: &Client,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<TokenAnswer, Error> {
        let grant = [("code", code), ("expiring", "1")];
        self.tokens("ExchangeCode", domain, client, &grant, now).await
    }

    /// Asks for a new pair. The old access token stays good until it expires, and the same `refresh_token` may be used again until the
    /// new pair is: after [`Error::Unknown`], [`Error::Unavailable`] or [`Error::Throttled`] repeat it with the same one.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the grant is dead (superseded, expired, revoked, uninstalled): a person must authorize again.
    /// [`Error::Rejected`] when our credentials are wrong. [`Error::Unknown`] when the answer was lost.
    pub async fn refresh(
        &self,
        domain: &str,
        client: &Client,
        refresh_token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<TokenAnswer, Error> {
        let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        self.tokens("Refresh", domain, client, &grant, now).await
    }

    /// Turns a token that does not expire into a pair that does. One way: `old_token` stops at once. The same call may be repeated for
    /// seven days and brings the same pair, until that pair is refreshed.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when `old_token` is not good any more; otherwise as [`Self::refresh`].
    pub async fn migrate(
        &self,
        domain: &str,
        client: &Client,
        old_token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<TokenAnswer, Error> {
        let grant = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", old_token.expose_secret()),
            ("subject_token_type", OFFLINE_TOKEN),
            ("requested_token_type", OFFLINE_TOKEN),
            ("expiring", "1"),
        ];
        self.tokens("Migrate", domain, client, &grant, now).await
    }

    /// A token for a shop of the app's own organisation, good for a day and without a refresh token: ask again. Repeating it does no
    /// harm.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub async fn client_credentials(
        &self,
        domain: &str,
        client: &Client,
        now: DateTime<Utc>,
    ) -> Result<TokenAnswer, Error> {
        self.tokens("ClientCredentials", domain, client, &[("grant_type", "client_credentials")], now).await
    }

    async fn tokens(
        &self,
        call: &'static str,
        domain: &str,
        client: &Client,
        grant: &[(&str, &str)],
        now: DateTime<Utc>,
    ) -> Result<TokenAnswer, Error> {
        let address = self.admin(domain, "access_token")?;
        let credentials = [("client_id", client.id.as_str()), ("client_secret", client.secret.expose_secret())];
        let body: Map<String, Value> =
            credentials.iter().chain(grant).map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let began = std::time::Instant::now();
        let answer = self.ask_for_tokens(address, &body).await;
        let answer = answer.map_err(|refusal| refusal.means(call)).and_then(|tokens| tokens.answer(now));
        telemetry::shopify_call(call, answer.as_ref().err().map_or("ok", Error::kind), began.elapsed());
        answer
    }

    async fn ask_for_tokens(&self, address: Url, body: &Map<String, Value>) -> Result<Tokens, Refusal> {
        let request = self.0.http.post(address).header(AGENT, USER_AGENT).header(ACCEPT, "application/json");
        let lost = |error| Refusal::NoAnswer(Error::transport(false, error));
        let answer = request.json(body).send().await.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(lost)?;
        if !status.is_success() {
            return Err(Refusal::Status { status, word: word(&body), headers });
        }
        serde_json::from_slice(&body).map_err(|error| {
            let what = format!("{}, request {}", shape(&error), request_id(&headers));
            Refusal::NoAnswer(Error::Unknown(Cause::Answer(what)))
        })
    }

    /// A page of the shop's OAuth, once it is sure to be a shop's.
    fn admin(&self, domain: &str, page: &str) -> Result<Url, Error> {
        if !is_shop_domain(domain) {
            return Err(Error::Rejected("this is not the address of a shop".to_owned()));
        }
        let base = self.0.base.replace("{shop}", domain);
        Url::parse(&format!("{base}/admin/oauth/{page}"))
            .map_err(|_| Error::Rejected("the shop's address cannot be used".to_owned()))
    }
}

impl Tokens {
    fn answer(self, now: DateTime<Utc>) -> Result<TokenAnswer, Error> {
        let unreadable = |what: &str| Error::Unknown(Cause::Answer(what.to_owned()));
        if self.access_token.expose_secret().is_empty() {
            return Err(unreadable("no token"));
        }
        let later = |seconds: Option<i64>| {
            let at = |seconds| TimeDelta::try_seconds(seconds).and_then(|lifetime| now.checked_add_signed(lifetime));
            seconds.map(|seconds| at(seconds).ok_or_else(|| unreadable("no time of expiry"))).transpose()
        };
        let lifetime = self.expires_in.or(self.refresh_token.as_ref().map(|_| LIFETIME));
        Ok(TokenAnswer {
            expires_at: later(lifetime)?,
            refresh_expires_at: later(self.refresh_token_expires_in)?,
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            scopes: scopes(&self.scope),
        })
    }
}

fn scopes(list: &str) -> Vec<String> {
    list.split([',', ' ']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// Why there are no tokens, before it is known what that means for the grant.
enum Refusal {
    NoAnswer(Error),
    Status { status: StatusCode, word: String, headers: HeaderMap },
}

impl Refusal {
    /// The status decides, then the word: a grant that is dead is a person's business, wrong credentials are the operator's.
    fn means(self, call: &str) -> Error {
        let (status, word, headers) = match self {
            Self::NoAnswer(error) => return error,
            Self::Status { status, word, headers } => (status, word, headers),
        };
        let said = |what: &str| Error::Rejected(format!("{what} ({word}, request {})", request_id(&headers)));
        match (status.as_u16(), word.as_str()) {
            (400..=404, "invalid_client" | "application_cannot_be_found") => {
                said("MLC_SHOPIFY_CLIENT_ID and MLC_SHOPIFY_CLIENT_SECRET are not those of an app")
            }
            (400..=404, "app_not_installed") if matches!(call, "Refresh" | "Migrate") => Error::Unauthorized,
            (400..=404, "app_not_installed") => said("the app is not installed in this shop"),
            (401, _) | (400, "invalid_grant" | "invalid_subject_token") => Error::Unauthorized,
            (400, _) if call == "ExchangeCode" => Error::Unauthorized,
            (400, word) if !word.is_empty() => said("HTTP 400"),
            _ => Error::status(false, status, &headers),
        }
    }
}

/// The error's code: of a JSON answer, or of the page for people that may come in its place. Empty where there is none.
fn word(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let rest = match json["error"].as_str() {
        Some(word) => word,
        None => text.split_once("Oauth error ").map_or("", |(_, rest)| rest),
    };
    rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect()
}

#[cfg(test)]
mod tests;
