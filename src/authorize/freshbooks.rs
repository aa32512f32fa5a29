//! The FreshBooks end: a consent in the browser, the businesses that it opens, and the end of it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entity::{connection::Model, ids::ConnectionId, platform_grant::Kind, platform_grant::Platform};
use serde::{Deserialize, Serialize};
use tracing::warn;
use url::Url;

use super::{Browser, Error, Granted, Subject, begin, is_over, pending, take};
use crate::{
    app::App,
    auth::Actor,
    check,
    config::Client,
    connection::{self, Account},
    crypto,
    freshbooks::{
        self,
        oauth::{Business, Identity, SCOPES, TokenAnswer},
    },
    grant::{self, TokenSet},
    shopify::oauth::parameter as value,
    subscription,
};

/// How long a link may lie in somebody's mail. Where the connection has its books already, only a login with access to them can use it.
const LINK_LIVES: TimeDelta = TimeDelta::days(30);
/// The same while it has none: whoever opens it decides which books that will be.
const FIRST_LINK_LIVES: TimeDelta = TimeDelta::days(2);
/// Where a link's content is sealed to.
const LINK: &str = "oauth/freshbooks/link";

/// What a link says.
#[derive(Serialize, Deserialize)]
struct Link {
    connection: i64,
    until: i64,
}

/// The link under which a connection's FreshBooks end is authorized.
///
/// # Errors
/// Only when it cannot be sealed.
pub fn freshbooks_link(app: &App, connection: &Model) -> Result<Url, crypto::Error> {
    let lives = if connection.account_id.is_some() { LINK_LIVES } else { FIRST_LINK_LIVES };
    let until = (app.clock.now() + lives).timestamp();
    let link = serde_json::json!(Link { connection: connection.id.0, until }).to_string();
    let sealed = app.keyring.seal(LINK, link.as_bytes())?;
    let mut url = app.config.public("oauth/freshbooks/authorize");
    url.query_pairs_mut().append_pair("state", &URL_SAFE_NO_PAD.encode(sealed));
    Ok(url)
}

fn opened(app: &App, state: &str) -> Option<Link> {
    let sealed = String::from_utf8(URL_SAFE_NO_PAD.decode(state).ok()?).ok()?;
    let link: Link = serde_json::from_slice(&app.keyring.open(LINK, &sealed).ok()?).ok()?;
    (!is_over(link.until, app.clock.now())).then_some(link)
}

/// Begins a consent: where the browser goes next.
///
/// # Errors
/// When the link is over or was changed, or there is no app.
pub async fn begin_freshbooks(app: &App, query: &str, browser: &Browser) -> Result<Url, Error> {
    let link = value(query, "state").and_then(|state| opened(app, &state)).ok_or(Error::BadLink)?;
    let client = app.config.freshbooks_client().ok_or(Error::NotConfigured("MLC_FRESHBOOKS_CLIENT_ID"))?;
    let connection = connection::load(app.db.read(), ConnectionId(link.connection)).await?;
    let subject = Subject { platform: Platform::Freshbooks, connection: Some(connection.id), shop: None };
    let state = begin(app, browser, subject).await?;
    let mut url = app.config.freshbooks_auth_url.clone();
    url.query_pairs_mut()
        .append_pair("client_id", &client.id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", app.config.freshbooks_redirect().as_str())
        .append_pair("scope", &SCOPES.join(" "))
        .append_pair("state", &state);
    Ok(url)
}

/// Ends a consent: the code is exchanged, the login asked which businesses it opens, both stored. A grant that cannot be used is given
/// back at once.
///
/// # Errors
/// Whatever can go wrong on the way; see [`Error`].
pub async fn end_freshbooks(app: &App, query: &str, browser: Option<&Browser>) -> Result<Granted, Error> {
    let state = value(query, "state").ok_or(Error::UnknownState)?;
    let begun = pending(app, browser, Platform::Freshbooks, &state).await?;
    take(app, &begun).await?;
    let id = begun.connection_id.ok_or(Error::UnknownState)?;
    let code = value(query, "code").ok_or_else(|| match value(query, "error").as_deref() {
        None | Some("access_denied") => Error::Declined,
        Some(other) => Error::Rejected(format!("FreshBooks says {}", word(other))),
    })?;
    let client = app.config.freshbooks_client().ok_or(Error::NotConfigured("MLC_FRESHBOOKS_CLIENT_ID"))?;
    // The code is good once: whoever hangs up now must not lose what it brings.
    let granting = app.clone();
    let granted = app.to_the_end(async move { granted(&granting, id, &client, &code).await }).await;
    granted.unwrap_or(Err(Error::NoAnswer(Platform::Freshbooks)))
}

async fn granted(app: &App, id: ConnectionId, client: &Client, code: &str) -> Result<Granted, Error> {
    let back = app.config.freshbooks_redirect();
    let answer = app.freshbooks.exchange_code(&client.id, &client.secret, code, back.as_str()).await;
    let tokens = token_set(answer.map_err(refused)?);
    let used = use_grant(app, id, &tokens).await;
    if used.is_err() {
        grant::give_back(app, Platform::Freshbooks, tokens.refresh.iter().chain([&tokens.access])).await;
    }
    let connection = used?;
    check::soon(app, id);
    Ok(Granted { connection, next: None })
}

/// A code of the platform's, in letters that it may hold.
fn word(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect()
}

async fn use_grant(app: &App, id: ConnectionId, tokens: &TokenSet) -> Result<Model, Error> {
    let granted: Vec<&str> = tokens.scopes.split(' ').collect();
    let missing: Vec<String> =
        SCOPES.iter().filter(|scope| !granted.contains(scope)).map(|scope| (*scope).to_owned()).collect();
    // FreshBooks' answer may leave the list out; then the first refused call tells.
    if !missing.is_empty() && !tokens.scopes.is_empty() {
        return Err(Error::Scopes(missing));
    }
    let identity = app.freshbooks.me(&tokens.access).await.map_err(refused)?;
    let mut reasons = Vec::new();
    let mut accounts = Vec::new();
    for business in &identity.businesses {
        match fit(business, &identity) {
            Err(reason) => reasons.push(format!("{}: {reason}", business.name)),
            Ok(account_id) => {
                let books = app.freshbooks.account(account_id, tokens.access.clone());
                let currency_code = match books.currency(business.id).await {
                    Ok(currency) => currency,
                    Err(e) => {
                        warn!(error = &e as &dyn std::error::Error, "a business's currency could not be read");
                        None
                    }
                };
                accounts.push(Account {
                    account_id: account_id.to_owned(),
                    business_id: business.id,
                    name: business.name.clone(),
                    currency_code,
                });
            }
        }
    }
    if accounts.is_empty() {
        return Err(Error::NoBusiness(reasons));
    }
    // Whose login it was is all that tells one person's authorization from another's.
    let by = identity.id.map_or_else(|| Actor::system("oauth"), |login| Actor::login("freshbooks", login));
    Ok(connection::freshbooks_granted(app, &by, id, tokens, &accounts).await?)
}

/// Why a business cannot be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It has no accounting account.
    NoBooks,
    /// The person's role in it.
    Role(String),
    /// What became of its subscription.
    Subscription(String),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoBooks => f.write_str("it keeps no books in FreshBooks"),
            Self::Role(role) => write!(f, "the login's role there is `{role}`, which may not write invoices"),
            Self::Subscription(over) => write!(f, "its FreshBooks subscription is {over}"),
        }
    }
}

/// The account that can be written to, or why there is none. What is not known to be in the way is let through: the books tell.
pub(crate) fn fit<'a>(business: &'a Business, identity: &Identity) -> Result<&'a str, Unfit> {
    let account_id = writable(business)?;
    subscribed(account_id, identity)?;
    Ok(account_id)
}

/// The account that the person may write to.
pub(crate) fn writable(business: &Business) -> Result<&str, Unfit> {
    const NO_WRITERS: [&str; 5] = ["client", "business_employee", "employee", "business_contractor", "contractor"];
    let account_id = business.account_id.as_deref().ok_or(Unfit::NoBooks)?;
    let roles = [Some(&business.role), business.account_role.as_ref()];
    match roles.into_iter().flatten().find(|role| NO_WRITERS.contains(&role.as_str())) {
        Some(role) => Err(Unfit::Role(role.clone())),
        None => Ok(account_id),
    }
}

/// Whether the account is paid for.
pub(crate) fn subscribed(account_id: &str, identity: &Identity) -> Result<(), Unfit> {
    match identity.subscriptions.get(account_id).map(String::as_str) {
        Some(over @ ("cancelled" | "canceled" | "expired" | "suspended")) => Err(Unfit::Subscription(over.to_owned())),
        _ => Ok(()),
    }
}

/// Ends a connection: ours are forgotten at once, then the platforms are told to send no more webhooks, and FreshBooks to forget the tokens,
/// which the trail says. The app in the shop is uninstalled there.
///
/// # Errors
/// When there is no such connection, or the database fails.
pub async fn disconnect(app: &App, by: &Actor, id: ConnectionId) -> Result<Model, Error> {
    // After a renewal that is under way: the tokens that are given back are the last ones.
    let alone = grant::alone(app, id, Platform::Freshbooks).await?;
    let grants = grant::list(app.db.read(), id).await?;
    let gone = connection::disconnected(app, by, id).await;
    if gone.is_err()
        && let Some(alone) = alone
    {
        alone.release(app).await?;
    }
    let gone = gone?;
    if !grants.is_empty() {
        let (app, by, connection) = (app.clone(), by.clone(), gone.clone());
        app.clone().spawn(async move {
            subscription::take_back(&app, &connection, &grants).await;
            let Some(row) = grants.iter().find(|row| row.platform == Platform::Freshbooks) else { return };
            let confirmed = match grant::tokens(&app.keyring, row) {
                Ok(tokens) => grant::give_back(&app, row.platform, tokens.iter()).await,
                Err(e) => {
                    warn!(error = &e as &dyn std::error::Error, "the tokens to be revoked do not open");
                    false
                }
            };
            let message = if confirmed {
                "FreshBooks has revoked the tokens."
            } else {
                "FreshBooks did not confirm that it revoked the tokens. They can be revoked there, under connected apps."
            };
            if let Err(e) = connection::note(&app, &by, id, "revoke", message).await {
                warn!(error = &e as &dyn std::error::Error, "the trail could not be written");
            }
        });
    }
    Ok(gone)
}

fn token_set(answer: TokenAnswer) -> TokenSet {
    TokenSet {
        kind: Kind::Authorization,
        access: answer.access_token,
        refresh: Some(answer.refresh_token),
        client: None,
        scopes: answer.scopes.join(" "),
        expires_at: Some(answer.expires_at),
        refresh_expires_at: None,
    }
}

fn refused(error: freshbooks::Error) -> Error {
    warn!(error = &error as &dyn std::error::Error, "FreshBooks did not take a grant's call");
    match error {
        freshbooks::Error::Unauthorized => Error::Code,
        freshbooks::Error::Refused(fault) | freshbooks::Error::Forbidden(fault) => Error::Rejected(fault.to_string()),
        freshbooks::Error::NotFound(fault) => Error::Rejected(fault.to_string()),
        _ => Error::NoAnswer(Platform::Freshbooks),
    }
}
