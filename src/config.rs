//! Every setting once, read once, with its type.
//!
//! A value that cannot be meant stops the process before it touches anything, in one line that names the variable. The value itself is
//! repeated only where it is no secret. The fields are plain, so that the sandbox and the tests build a [`Config`] by hand.

mod read;
mod settings;

use std::net::SocketAddr;

use chrono::TimeDelta;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use ipnet::IpNet;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use self::settings::Settings;
use crate::crypto::Keyring;

/// What this process was told. [`Config::default`] is what an empty environment means.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite:` or `postgres:`; secret, as it may hold a password. For people there is [`Config::database_shown`].
    pub database_url: SecretString,
    /// Address of the HTTP server.
    pub listen: SocketAddr,
    /// Where the world reaches us. Its path ends with a slash, so that `join("oauth/…")` stays below it.
    pub public_url: Url,
    /// Reverse proxies that are believed when they say whose request they pass on.
    pub trusted_proxies: Vec<IpNet>,
    /// Not parsed yet: few commands need it. See [`Config::keyring`].
    pub encryption_keys: Option<SecretString>,
    /// Signs and checks admin tokens; its length is checked by `auth::Verifier`.
    pub jwt_secret: Option<SecretString>,
    /// Key set of an identity provider.
    pub jwt_jwks_url: Option<Url>,
    /// `iss` that a token must have.
    pub jwt_issuer: Option<String>,
    /// `aud` that a token must have.
    pub jwt_audience: Option<String>,
    /// Name of the claim that holds the role.
    pub jwt_role_claim: String,
    /// Name of the claim that lists connections.
    pub jwt_connections_claim: String,
    /// Present exactly when there is a secret.
    pub shopify_client_id: Option<String>,
    /// The first is used to ask for tokens, each may have signed a webhook.
    pub shopify_client_secrets: Vec<SecretString>,
    /// OAuth scopes asked of a store.
    pub shopify_scopes: Vec<String>,
    /// Such as `2026-10`.
    pub shopify_api_version: String,
    /// Still with `{shop}` in it; see [`Config::shopify_base`].
    pub shopify_url: String,
    /// Present exactly when there is a secret.
    pub freshbooks_client_id: Option<String>,
    /// The FreshBooks app's secret.
    pub freshbooks_client_secret: Option<SecretString>,
    /// Its path ends with a slash, so that `join("auth/…")` stays below it.
    pub freshbooks_url: Url,
    /// Where a person authorizes us.
    pub freshbooks_auth_url: Url,
    /// Default of new connections; parses by [`cron`].
    pub pull_cron: String,
    /// Default of new connections; parses by [`cron`].
    pub reconcile_cron: String,
    /// 1 to 256.
    pub workers: usize,
    /// At least 1.
    pub retention_days: u32,
    /// Where alerts are posted; secret, as such a URL is all that is needed to post there.
    pub alert_webhook_url: Option<SecretString>,
    /// Signs posted alerts.
    pub alert_webhook_secret: Option<SecretString>,
    /// `smtp:` or `smtps:`; present exactly when there are a sender and a receiver.
    pub smtp_url: Option<SecretString>,
    /// Sender of alert e-mails.
    pub alert_from: Option<String>,
    /// Receivers of alert e-mails.
    pub alert_to: Vec<String>,
    /// When the digest of open alerts is sent, in UTC; parses by [`cron`].
    pub alert_digest_cron: Option<String>,
    /// Not negative; applied by [`Config::scaled`].
    pub retry_scale: Decimal,
    /// A `tracing` filter that parses.
    pub log: String,
    /// Shape of the log lines.
    pub log_format: LogFormat,
    /// Traces are sent when this is set.
    pub otlp_endpoint: Option<String>,
}

/// Shape of the log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    #[default]
    Pretty,
    /// One object per line, for a collector.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        match Self::read(Settings::default()) {
            Ok(config) => config,
            Err(error) => unreachable!("a default does not read: {error}"),
        }
    }
}

/// An app's credentials at a platform.
#[derive(Clone, Debug)]
pub struct Client {
    /// Public.
    pub id: String,
    /// Not.
    pub secret: SecretString,
}

impl Config {
    /// The Shopify app, once for each of its active secrets, the newest first; none where it is not set.
    pub fn shopify_clients(&self) -> Vec<Client> {
        let id = self.shopify_client_id.iter();
        id.flat_map(|id| {
            self.shopify_client_secrets.iter().map(|secret| Client { id: id.clone(), secret: secret.clone() })
        })
        .collect()
    }

    /// The FreshBooks app, where it is set.
    pub fn freshbooks_client(&self) -> Option<Client> {
        let (id, secret) = self.freshbooks_client_id.as_ref().zip(self.freshbooks_client_secret.as_ref())?;
        Some(Client { id: id.clone(), secret: secret.clone() })
    }

    /// An address of ours as the world reaches it; `path` without a slash at its start.
    pub fn public(&self, path: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&format!("{}{path}", url.path()));
        url
    }

    /// Where Shopify sends people back to.
    pub fn shopify_redirect(&self) -> Url {
        self.public("oauth/shopify/callback")
    }

    /// Where FreshBooks sends people back to.
    pub fn freshbooks_redirect(&self) -> Url {
        self.public("oauth/freshbooks/callback")
    }

    /// The keys that seal stored secrets.
    ///
    /// # Errors
    /// When `MLC_ENCRYPTION_KEYS` is unset or malformed.
    pub fn keyring(&self) -> Result<Keyring, Error> {
        const VARIABLE: &str = "MLC_ENCRYPTION_KEYS";
        let keys = self.encryption_keys.as_ref().ok_or_else(|| {
            Error::new(VARIABLE, "it is not set, and stored secrets need a key (`ml-connector keygen` prints one)")
        })?;
        Keyring::parse(keys).map_err(|error| Error::new(VARIABLE, error.to_string()))
    }

    /// Base URL of one store, such as `https://name.myshopify.com`, without a slash at its end.
    pub fn shopify_base(&self, shop_domain: &str) -> String {
        self.shopify_url.replace("{shop}", shop_domain)
    }

    /// The database URL with its password masked: for logs and errors.
    pub fn database_shown(&self) -> String {
        let url = self.database_url.expose_secret();
        if url.starts_with("sqlite:") {
            return url.to_owned();
        }
        let Ok(mut shown) = Url::parse(url) else { return "postgres:…".to_owned() };
        if shown.password().is_some() && shown.set_password(Some("***")).is_err() {
            return "postgres:…".to_owned();
        }
        // A password may stand in the query as well.
        shown.set_query(None);
        shown.into()
    }

    /// A wait of the retry ladder as this process is to observe it.
    pub fn scaled(&self, wait: TimeDelta) -> TimeDelta {
        Decimal::from(wait.num_milliseconds())
            .checked_mul(self.retry_scale)
            .and_then(|scaled| scaled.round().to_i64())
            .and_then(TimeDelta::try_milliseconds)
            .unwrap_or(wait)
    }

    /// What `serve` should say at its start: legal, but hardly meant in production.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.public_url.scheme() != "https" {
            warnings.push(format!(
                "MLC_PUBLIC_URL is {}: Shopify and FreshBooks send webhooks and people to https addresses only",
                self.public_url
            ));
        }
        if !self.shopify_url.contains("{shop}") {
            warnings
                .push("MLC_SHOPIFY_URL holds no {shop}: the requests of every store go to the same address".to_owned());
        }
        // Whoever sets it relies on it: better told now than found out.
        if self.reconcile_cron != Self::default().reconcile_cron {
            warnings.push(
                "MLC_RECONCILE_CRON is set and has no effect yet: this version does not do what it is for".to_owned(),
            );
        }
        if self.alert_digest_cron.is_some() && self.alert_webhook_url.is_none() && self.smtp_url.is_none() {
            warnings.push(
                "MLC_ALERT_DIGEST_CRON is set, but neither MLC_ALERT_WEBHOOK_URL nor MLC_SMTP_URL: no digest is sent"
                    .to_owned(),
            );
        }
        if self.retry_scale != Decimal::ONE {
            warnings.push(format!("MLC_RETRY_SCALE is {}: the retry ladder does not keep its times", self.retry_scale));
        }
        warnings
    }
}

/// Reads a schedule: six fields, seconds first, or a nickname such as `@daily`.
///
/// # Errors
/// Says what is wrong with it, in words for the person who wrote it.
pub fn cron(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
    parser
        .parse(text)
        .map_err(|error| format!("`{text}` is not a schedule of six fields, such as `0 */15 * * * *`: {error}"))
}

/// A setting that cannot be meant. The process ends with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct Error {
    variable: &'static str,
    reason: String,
}

impl Error {
    /// `reason` must not repeat a secret.
    pub fn new(variable: &'static str, reason: impl Into<String>) -> Self {
        Self { variable, reason: reason.into() }
    }

    /// Which one.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

#[cfg(test)]
mod tests;
