//! The auth family: consent and tokens.
//!
//! A refresh token works once. Using it makes a new pair and spends the old one, also when the answer never arrives: losing it means that a
//! person has to consent again.

use std::collections::{BTreeMap, HashMap};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::books::{Books, Kind, Record};

/// How long an access token lives, unless the options say otherwise.
pub(super) const TOKEN_LIVES: TimeDelta = TimeDelta::hours(12);
const CODE_LIVES: TimeDelta = TimeDelta::minutes(5);
const OBJECTS: &[&str] = &[
    "profile",
    "clients",
    "invoices",
    "payments",
    "credit_notes",
    "taxes",
    "billable_items",
    "online_payments",
    "other_income",
    "journal_entries",
    "reports",
    "business",
    "expenses",
    "bill_payments",
    "bill_vendors",
    "bills",
    "estimates",
    "notifications",
    "projects",
    "retainers",
    "teams",
    "time_entries",
];
const READ_ONLY_OBJECTS: &[&str] = &["profile", "notifications", "reports"];

/// One consent, and the pair of tokens it has now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Grant {
    id: u64,
    access_token: Option<String>,
    refresh_token: Option<String>,
    /// The access token before the last refresh, where such tokens live on.
    old_access_token: Option<String>,
    scope: String,
    created_at: DateTime<Utc>,
    /// Seconds, counted from `created_at`.
    #[serde(default = "token_lives")]
    lives: i64,
}

fn token_lives() -> i64 {
    TOKEN_LIVES.num_seconds()
}

/// What the consent page handed to the redirect URI.
pub(super) struct Code {
    redirect_uri: String,
    scope: String,
    made_at: DateTime<Utc>,
}

/// An answer of this family: HTTP status and body.
pub(super) type Answer = (u16, Value);

impl Grant {
    /// The consent the options stand for.
    pub(super) fn first(books: &mut Books) -> Grant {
        let id = books.counters.next_grant;
        books.counters.next_grant += 1;
        Grant {
            id,
            access_token: Some(books.options.access_token.clone()),
            refresh_token: Some(books.options.refresh_token.clone()),
            old_access_token: None,
            scope: every_scope(),
            created_at: books.now().trunc_subsecs(0),
            lives: books.options.token_lives.num_seconds(),
        }
    }

    fn renew(&mut self, books: &mut Books) {
        self.old_access_token = self.access_token.take().filter(|_| books.options.old_token_survives);
        self.created_at = books.now().trunc_subsecs(0);
        self.lives = books.options.token_lives.num_seconds();
        if let Some(seconds) = books.options.created_earlier {
            self.created_at -= TimeDelta::seconds(seconds.into());
            self.lives -= 1;
        }
        let (access, refresh) = (new_access_token(books, &self.scope), random_hex());
        books.secrets.extend([access.clone(), refresh.clone()]);
        self.access_token = Some(access);
        self.refresh_token = Some(refresh);
    }

    fn answer(&self) -> Value {
        json!({
            "access_token": self.access_token, "token_type": "Bearer", "expires_in": self.lives,
            "created_at": self.created_at.timestamp(), "refresh_token": self.refresh_token, "scope": self.scope,
        })
    }

    /// Whether the consent covers `scope`.
    pub(super) fn covers(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|given| given == scope)
    }

    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    pub(super) fn access_token(&self) -> Option<&str> {
        self.access_token.as_deref()
    }

    pub(super) fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_deref()
    }

    /// Kills the access token, as an expiry nobody foresaw.
    pub(super) fn forget_access_token(&mut self) {
        self.access_token = None;
        self.old_access_token = None;
    }

    /// Kills the consent.
    pub(super) fn forget(&mut self) {
        self.forget_access_token();
        self.refresh_token = None;
    }
}

/// The grant a bearer token stands for, if it is alive.
pub(super) fn bearer<'a>(books: &'a Books, authorization: Option<&str>) -> Option<&'a Grant> {
    let token = authorization?.strip_prefix("Bearer ")?;
    let alive = |grant: &&Grant| books.now() < grant.created_at + TimeDelta::seconds(grant.lives);
    let holds = |kept: &Option<String>| kept.as_deref() == Some(token);
    books.grants.values().filter(|grant| holds(&grant.access_token) || holds(&grant.old_access_token)).find(alive)
}

/// The consent page of a person who always agrees: where the browser is sent, or a status and a text.
pub(super) fn authorize(books: &mut Books, query: &str) -> Result<String, (u16, String)> {
    let asked: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |key: &str| asked.get(key).map(String::as_str).unwrap_or_default();
    // The platform answers a strange app with a bare 500.
    if get("client_id") != books.options.client_id {
        return Err((500, String::new()));
    }
    let registered = &books.options.redirect_uris;
    let uri = get("redirect_uri");
    let parsed = Url::parse(uri).ok().filter(|uri| uri.query().is_none());
    let Some(mut target) = parsed.filter(|_| registered.is_empty() || registered.iter().any(|known| known == uri))
    else {
        return Err((400, "The redirect uri included is not valid.".to_owned()));
    };
    if get("response_type") != "code" {
        return Err((400, "The authorization server does not support this response type.".to_owned()));
    }
    let scope = if get("scope").is_empty() { every_scope() } else { get("scope").to_owned() };
    let every = every_scope();
    if !scope.split(' ').all(|wanted| every.split(' ').any(|known| known == wanted)) {
        return Err((400, "The requested scope is invalid, unknown, or malformed.".to_owned()));
    }
    let granted = |wanted: &&str| {
        let only = books.options.grant_only.as_ref();
        only.is_none_or(|only| only.iter().any(|given| given == wanted))
    };
    let scope = scope.split(' ').filter(granted).collect::<Vec<_>>().join(" ");
    // Identity is always granted.
    let scope = if scope.split(' ').any(|given| given == "user:profile:read") {
        scope
    } else {
        format!("user:profile:read {scope}").trim_end().to_owned()
    };
    let code = random_hex();
    let made_at = books.now();
    books.secrets.push(code.clone());
    books.codes.insert(code.clone(), Code { redirect_uri: uri.to_owned(), scope, made_at });
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = asked.get("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    Ok(target.into())
}

/// `POST /auth/oauth/token`, form or JSON.
pub(super) fn token(books: &mut Books, asked: &HashMap<String, String>) -> Answer {
    let get = |key: &str| asked.get(key).map(String::as_str).unwrap_or_default();
    if let Some(refused) = wrong_app(books, asked) {
        return refused;
    }
    if get("redirect_uri").is_empty() {
        return failure(400, "invalid_request", "Missing required parameter: redirect_uri.");
    }
    let stale = "The provided authorization grant is invalid, expired, revoked, or was issued to another client.";
    match get("grant_type") {
        "authorization_code" => {
            let now = books.now();
            let code = books.codes.remove(get("code"));
            let fits = |code: &Code| code.redirect_uri == get("redirect_uri") && now < code.made_at + CODE_LIVES;
            let Some(code) = code.filter(fits) else { return failure(400, "invalid_grant", stale) };
            let id = books.counters.next_grant;
            books.counters.next_grant += 1;
            let mut grant = Grant {
                id,
                access_token: None,
                refresh_token: None,
                old_access_token: None,
                scope: code.scope,
                created_at: now,
                lives: 0,
            };
            grant.renew(books);
            let answer = grant.answer();
            books.put(grant);
            (200, answer)
        }
        "refresh_token" => {
            let spent = |grant: &&Grant| grant.refresh_token.as_deref() == Some(get("refresh_token"));
            let Some(mut grant) = books.grants.values().find(spent).cloned() else {
                return failure(400, "invalid_grant", stale);
            };
            grant.renew(books);
            let answer = grant.answer();
            books.put(grant);
            (200, answer)
        }
        _ => failure(400, "unsupported_grant_type", "The authorization grant type is not supported."),
    }
}

/// `POST /auth/oauth/revoke`: an access token dies alone, a refresh token takes it along.
pub(super) fn revoke(books: &mut Books, asked: &HashMap<String, String>) -> Answer {
    if let Some(refused) = wrong_app(books, asked) {
        return refused;
    }
    let token = asked.get("token").map(String::as_str);
    let known = |grant: &&Grant| {
        token.is_some() && (grant.access_token.as_deref() == token || grant.refresh_token.as_deref() == token)
    };
    if let Some(mut grant) = books.grants.values().find(known).cloned() {
        if grant.refresh_token.as_deref() == token {
            grant.refresh_token = None;
        }
        grant.forget_access_token();
        books.put(grant);
    }
    (200, json!({}))
}

fn wrong_app(books: &Books, asked: &HashMap<String, String>) -> Option<Answer> {
    let is = |key: &str, expected: &str| asked.get(key).is_some_and(|given| given == expected);
    let right = is("client_id", &books.options.client_id) && is("client_secret", &books.options.client_secret);
    (!right).then(|| failure(401, "invalid_client", "Client authentication failed."))
}

fn failure(http: u16, error: &str, description: &str) -> Answer {
    (http, json!({"error": error, "error_description": description}))
}

/// The body of a 401 in this family.
pub(super) fn unauthenticated() -> Answer {
    failure(401, "unauthenticated", "This action requires authentication to continue.")
}

fn every_scope() -> String {
    let scopes = OBJECTS.iter().flat_map(|object| {
        let write = (!READ_ONLY_OBJECTS.contains(object)).then(|| format!("user:{object}:write"));
        std::iter::once(format!("user:{object}:read")).chain(write)
    });
    scopes.collect::<Vec<_>>().join(" ")
}

fn random_hex() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Looks and weighs like the real ones: a JWT of about a thousand characters.
fn new_access_token(books: &Books, scope: &str) -> String {
    let mut signature = [0; 256];
    rand::rng().fill_bytes(&mut signature);
    let claims = json!({
        "iss": "sandbox", "jti": random_hex(), "iat": books.now().timestamp(), "scope": scope,
    });
    [json!({"alg": "RS256", "typ": "JWT"}).to_string(), claims.to_string()]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .into_iter()
        .chain([URL_SAFE_NO_PAD.encode(signature)])
        .collect::<Vec<_>>()
        .join(".")
}

impl Record for Grant {
    const KIND: Kind = Kind::Grant;
    fn id(&self) -> u64 {
        self.id
    }
    fn rows(books: &Books) -> &BTreeMap<u64, Grant> {
        &books.grants
    }
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, Grant> {
        &mut books.grants
    }
}
