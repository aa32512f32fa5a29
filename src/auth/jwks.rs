//! The keys of an identity provider: read when a token needs them, and kept.
//!
//! Which algorithm a key checks is said by its own kind, never by the token. A provider that does not answer takes nothing away: the keys
//! that are known stay good. Whoever makes up names of keys makes us ask once a minute at most.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::{info, warn};
use url::{Host, Url};

use super::Error;
use crate::config::{self, Config};

/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the longest key set, and how many of its keys are looked at.
const LARGEST: usize = 256 * 1024;
const MOST: usize = 100;
/// When keys are read again even if they are enough: one may have been withdrawn.
const KEPT: TimeDelta = TimeDelta::hours(1);
/// How long one answer, or none, has to do.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Bits of the shortest RSA key (RFC 7518, 3.3).
const RSA_BITS: usize = 2048;
/// Bytes of a coordinate of P-256, and of a key of Ed25519.
const COORDINATE: usize = 32;

const URL_VARIABLE: &str = "MLC_JWT_JWKS_URL";

/// An identity provider, and what is known of its keys.
pub(super) struct Provider {
    http: reqwest::Client,
    url: Url,
    known: RwLock<Known>,
    /// Held by the one who asks.
    asking: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Key>,
    /// When the keys were read.
    read_at: Option<DateTime<Utc>>,
    /// When the provider was asked last, whatever came of it.
    asked_at: Option<DateTime<Utc>>,
    /// Nothing came of it.
    silent: bool,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("the connection failed")]
    Transport(#[from] reqwest::Error),
    #[error("HTTP {0}")]
    Status(u16),
    #[error("the answer is longer than {LARGEST} bytes")]
    Long,
    #[error("the answer is not a key set")]
    Malformed(#[from] serde_json::Error),
}

/// The algorithms that a key of a provider can check.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

impl Provider {
    /// The provider of the settings, where they name one. Asks it nothing yet.
    ///
    /// # Errors
    /// When its address is not safe, or any token of the provider would do.
    pub(super) fn from_config(config: &Config) -> Result<Option<Arc<Self>>, config::Error> {
        let Some(url) = config.jwt_jwks_url.clone() else { return Ok(None) };
        if url.scheme() != "https" && !is_loopback(&url) {
            let reason = "it is not an https address: whoever is on the way could put in keys of their own";
            return Err(config::Error::new(URL_VARIABLE, reason));
        }
        for (variable, set, else_taken) in [
            ("MLC_JWT_ISSUER", config.jwt_issuer.is_some(), "whoever it lets sign tokens"),
            ("MLC_JWT_AUDIENCE", config.jwt_audience.is_some(), "whichever of its services they are for"),
        ] {
            if !set {
                let reason = format!(
                    "it is not set, but {URL_VARIABLE} is: every token of that provider would do, {else_taken}"
                );
                return Err(config::Error::new(variable, reason));
            }
        }
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| config::Error::new(URL_VARIABLE, "the HTTP client does not start"))?;
        Ok(Some(Arc::new(Self { http, url, known: RwLock::default(), asking: Arc::default() })))
    }

    /// The key that a token with this `kid` and algorithm is to be checked with.
    ///
    /// # Errors
    /// When the provider lists no such key, or cannot be asked; when the key checks another algorithm.
    pub(super) async fn key(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: DateTime<Utc>,
    ) -> Result<DecodingKey, Error> {
        let found = self.find(kid, algorithm);
        let missing = matches!(found, Err(Error::UnknownKey | Error::Provider));
        if !self.is_due(missing, now) {
            return found;
        }
        let asking = Arc::clone(&self.asking);
        let held = match found {
            // Good for now: nobody waits for a second opinion that another is getting already.
            Ok(key) => match asking.try_lock_owned() {
                Ok(held) => held,
                Err(_) => return Ok(key),
            },
            Err(_) => asking.lock_owned().await,
        };
        if self.is_due(missing, now) {
            let provider = Arc::clone(self);
            // A task of its own: a client that hangs up would end the question for all who wait for the answer.
            let question = tokio::spawn(async move {
                provider.ask(now).await;
                drop(held);
            });
            if let Err(error) = question.await {
                warn!(error = &error as &dyn std::error::Error, "the question for keys ended badly");
            }
        }
        self.find(kid, algorithm)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Error> {
        let known = self.known();
        let named: Vec<&Key> = known.keys.iter().filter(|key| kid.is_none() || key.id.as_deref() == kid).collect();
        match named[..] {
            [] if known.silent => Err(Error::Provider),
            [] => Err(Error::UnknownKey),
            [_, _, ..] if kid.is_none() => Err(Error::WhichKey),
            _ => named.iter().find(|key| key.algorithm == algorithm).map(|key| key.key.clone()).ok_or(Error::Algorithm),
        }
    }

    /// Whether the provider is to be asked, for a key that is missing or because the keys are old.
    fn is_due(&self, missing: bool, now: DateTime<Utc>) -> bool {
        let known = self.known();
        // A clock that was put back counts as time that went by.
        let past = |at: Option<DateTime<Utc>>, span: TimeDelta| at.is_none_or(|at| (now - at).abs() >= span);
        (missing || past(known.read_at, KEPT)) && past(known.asked_at, PAUSE)
    }

    async fn ask(&self, now: DateTime<Utc>) {
        let answer = self.fetch().await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.asked_at = Some(now);
        match answer {
            Ok(keys) => {
                info!(keys = keys.len(), "the identity provider lists {} keys that can be used", keys.len());
                *known = Known { keys, read_at: Some(now), asked_at: Some(now), silent: false };
            }
            Err(error) => {
                known.silent = true;
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the identity provider's keys cannot be read; the {} known ones stay good",
                    known.keys.len()
                );
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<Key>, Unread> {
        let mut answer = self.http.get(self.url.clone()).header("Accept", "application/json").send().await?;
        if !answer.status().is_success() {
            return Err(Unread::Status(answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Unread::Long);
            }
            body.extend_from_slice(&chunk);
        }
        let set: KeySet = serde_json::from_slice(&body)?;
        Ok(set.keys.iter().take(MOST).filter_map(usable).collect())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A key of a set, if it is one that signs tokens we take. Providers list keys for other uses beside it.
fn usable(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| BASE64.decode(text(name)?).ok();
    let (name, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            if bits(&n) < RSA_BITS {
                return None;
            }
            ("RS256", DecodingKey::from_rsa_raw_components(&n, &e))
        }
        ("EC", Some("P-256")) => {
            let fits = |name| bytes(name).is_some_and(|bytes| bytes.len() == COORDINATE);
            if !fits("x") || !fits("y") {
                return None;
            }
            ("ES256", DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?)
        }
        ("OKP", Some("Ed25519")) => {
            let x = bytes("x")?;
            if x.len() != COORDINATE {
                return None;
            }
            ("EdDSA", DecodingKey::from_ed_der(&x))
        }
        _ => return None,
    };
    // What a key says of itself can only narrow what it is good for.
    let says = |field: &str, expected: &str| jwk.get(field).is_none_or(|value| value.as_str() == Some(expected));
    let verifies =
        jwk.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.contains(&"verify".into())));
    let good = says("alg", name) && says("use", "sig") && verifies;
    let id = text("kid").map(str::to_owned);
    algorithm(name).filter(|_| good).map(|algorithm| Key { id, algorithm, key })
}

/// How long a number is.
fn bits(number: &[u8]) -> usize {
    let mut bytes = number.iter().skip_while(|byte| **byte == 0);
    let first = bytes.next().map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    first + 8 * bytes.count()
}

#[cfg(test)]
mod tests;
