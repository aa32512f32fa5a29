//! OAuth in one shop: the consent page and the token endpoint.
//!
//! Tokens handed out here carry scopes and an end of their own. Those of the options are like the tokens of an app made in the shop's admin:
//! they never end, and hold the scopes of the options.

mod consent;
mod grants;
mod scope;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use self::grants::{Grants, Pair};
pub(super) use self::scope::Scopes;
use super::{
    graphql::World,
    http::{Server, failure, spoil, unavailable},
    options::{Distribution, Options},
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const OFFLINE: &str = "urn:shopify:params:oauth:token-type:offline-access-token";

/// What the app was granted, and how often it asked.
#[derive(Debug)]
pub(super) struct Oauth {
    grants: Mutex<Grants>,
    requests: Mutex<BTreeMap<String, u64>>,
}

/// Whose a token is; each app sees only its own subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum App {
    /// That of the options' tokens, made in the shop's admin.
    Admin,
    /// The one that OAuth installs.
    Installed,
}

/// Why the token endpoint gives nothing.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    status: u16,
    error: &'static str,
    text: &'static str,
}

/// What an access token is good for.
pub(super) enum Admission {
    Granted(Scopes, App),
    Unknown,
    /// It never expires, and such tokens are no longer accepted.
    Outdated,
}

impl Oauth {
    pub(super) fn new(options: &Options) -> Oauth {
        let prefix = match options.distribution {
            Distribution::Public => "shpat_",
            Distribution::Custom => "shpca_",
        };
        let mut grants = Grants::new(prefix, options.token_lives);
        grants.secrets.extend(options.client_secrets.iter().chain(&options.tokens).cloned());
        Oauth { grants: Mutex::new(grants), requests: Mutex::default() }
    }

    /// Everything that must not be seen in a log, oldest first.
    pub(super) fn secrets(&self) -> Vec<String> {
        lock(&self.grants).secrets.clone()
    }

    pub(super) fn remember(&self, secret: &str) {
        lock(&self.grants).secrets.push(secret.to_owned());
    }

    pub(super) fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.requests).clone()
    }

    pub(super) fn forget(&self) {
        lock(&self.grants).forget();
    }

    /// Gives these scopes to every token; those they had, if there are any.
    pub(super) fn rescope(&self, scopes: &Scopes) -> Option<Scopes> {
        lock(&self.grants).rescope(scopes)
    }

    pub(super) fn expire(&self, now: DateTime<Utc>) {
        lock(&self.grants).expire(now);
    }
}

impl World {
    /// Whether a token opens the API, and how far.
    pub(super) fn admit(&self, token: &str) -> Admission {
        if lock(&self.tokens).contains(token) {
            return Admission::Granted(Scopes::of(&self.knobs().scopes), App::Admin);
        }
        let now = self.now();
        let grants = lock(&self.oauth.grants);
        let Some(access) = grants.find(token, now) else { return Admission::Unknown };
        let public = self.settings.distribution == Distribution::Public;
        if public && access.expires_at.is_none() && now >= super::build::instant("2027-01-01T00:00:00Z") {
            return Admission::Outdated;
        }
        Admission::Granted(access.scopes.clone(), App::Installed)
    }

    /// What the person agrees to.
    fn allowed(&self, asked: &Scopes) -> Scopes {
        match &self.knobs().grant_only {
            Some(only) => asked.only(only),
            None => asked.clone(),
        }
    }

    /// The client secret under callbacks and webhooks: the oldest, unless said.
    pub(super) fn signing_secret(&self) -> &str {
        let chosen = self.settings.signing_secret.as_ref();
        chosen.or(self.settings.client_secrets.last()).map(String::as_str).unwrap_or_default()
    }

    /// A query of these pairs as the shop signs it.
    pub(super) fn signed_query(&self, pairs: &[(&str, &str)]) -> String {
        let hmac = consent::sign(self.signing_secret(), pairs);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).append_pair("hmac", &hmac).finish()
    }
}

/// `GET /{shop}/admin/oauth/authorize`.
pub(super) async fn authorize(
    State(server): State<Arc<Server>>,
    Path(shop): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let world = &server.world;
    let work = async {
        if let Some(closed) = unavailable(world, &shop) {
            return closed;
        }
        match consent::agree(world, &query.unwrap_or_default()) {
            Ok(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
            Err(text) => page(StatusCode::BAD_REQUEST, &text),
        }
    };
    spoil(world.faults.strike("oauth:authorize"), work).await
}

/// `POST /{shop}/admin/oauth/access_token`.
pub(super) async fn token(
    State(server): State<Arc<Server>>,
    Path(shop): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let world = &server.world;
    let form = form(&headers, &body);
    let name = form.as_ref().map(grant_type).unwrap_or_default();
    *lock(&world.oauth.requests).entry(name.to_owned()).or_default() += 1;
    let work = async {
        if let Some(closed) = unavailable(world, &shop) {
            return closed;
        }
        let Some(form) = form.as_ref() else {
            return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type");
        };
        match grant(world, form) {
            Ok(pair) => axum::Json(pair).into_response(),
            Err(refusal) => refusal.response(world.knobs().html_errors),
        }
    };
    spoil(world.faults.strike("oauth:token"), work).await
}

fn grant(world: &World, form: &BTreeMap<String, String>) -> Result<Pair, Refusal> {
    let get = |key: &str| form.get(key).map(String::as_str).unwrap_or_default();
    let options = &world.settings;
    if get("client_id") != options.client_id
        || !options.client_secrets.iter().any(|known| known == get("client_secret"))
    {
        return Err(Refusal { status: 401, error: "invalid_client", text: "Client authentication failed" });
    }
    let invalid = |text| Refusal { status: 400, error: "invalid_request", text };
    let expiring = match get("expiring") {
        "1" => true,
        "0" | "" => false,
        _ => return Err(invalid("The expiring parameter is 1 or 0")),
    };
    let now = world.now();
    let mut grants = lock(&world.oauth.grants);
    match grant_type(form) {
        "authorization_code" => {
            let pair = grants.exchange(get("code"), expiring, now)?;
            world.knobs().installed = true;
            Ok(pair)
        }
        "refresh_token" => grants.refresh(get("refresh_token"), now),
        EXCHANGE if get("subject_token_type") != OFFLINE => Err(Refusal {
            status: 400,
            error: "invalid_subject_token",
            text: "Only offline access tokens are simulated",
        }),
        EXCHANGE if get("requested_token_type") != OFFLINE || !expiring => {
            Err(invalid("An offline access token can only become an expiring one"))
        }
        EXCHANGE => grants.migrate(get("subject_token"), now),
        "client_credentials" if !options.own_store => Err(Refusal {
            status: 400,
            error: "shop_not_permitted",
            text: "Client credentials cannot be performed on this shop.",
        }),
        "client_credentials" if !world.knobs().installed => {
            Err(Refusal { status: 400, error: "app_not_installed", text: "The app is not installed on this shop" })
        }
        "client_credentials" => {
            let scopes = Scopes::of(&world.knobs().scopes);
            let scopes = world.allowed(&scopes);
            Ok(grants.credentials(scopes, now))
        }
        "" => Err(invalid("The code or the grant_type is missing")),
        _ => Err(Refusal { status: 400, error: "unsupported_grant_type", text: "This grant type is not supported" }),
    }
}

/// A code says what it is for by itself.
fn grant_type(form: &BTreeMap<String, String>) -> &str {
    let code = form.get("code").map(|_| "authorization_code");
    form.get("grant_type").map(String::as_str).or(code).unwrap_or_default()
}

/// JSON or a form, whichever the content type says. Numbers count as their text.
fn form(headers: &HeaderMap, body: &Bytes) -> Option<BTreeMap<String, String>> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Some(form_urlencoded::parse(body).into_owned().collect());
    }
    if !kind.starts_with("application/json") {
        return None;
    }
    // Unreadable JSON is an empty body: the client is then missing.
    let body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some(body.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect())
}

impl Refusal {
    fn response(self, html: bool) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        if html {
            return page(status, &format!("{}: {}", self.error, self.text));
        }
        (status, axum::Json(json!({ "error": self.error, "error_description": self.text }))).into_response()
    }
}

fn page(status: StatusCode, text: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html><head><title>{} {}</title></head><body><p>Oauth error {text}</p></body></html>",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    );
    (status, Html(page)).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
