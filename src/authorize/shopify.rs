//! The Shopify end: an install in the browser, or credentials of an app of the shop's own.

use entity::{
    connection::{Model, Status},
    ids::ConnectionId,
    platform_grant::{Kind, Platform},
};
use secrecy::SecretString;
use tracing::warn;
use url::Url;

use super::{Browser, Error, Granted, Subject, begin, freshbooks_link, pending, take};
use crate::{
    app::App,
    auth::Actor,
    check,
    config::Client,
    connection::{self, New},
    grant::{self, TokenSet},
    mapping::Settings,
    problem::{Owner, Problem},
    shopify::{
        self,
        oauth::{self, TokenAnswer, parameter as value},
    },
};

/// What the connector cannot do without. `read_all_orders` is asked for too, and only shows more.
const NEEDED: [&str; 2] = ["read_orders", "read_customers"];

/// Where an install of this shop begins.
pub fn shopify_link(app: &App, shop_domain: &str) -> Url {
    let mut url = app.config.public("oauth/shopify/install");
    url.query_pairs_mut().append_pair("shop", shop_domain);
    url
}

/// Begins an install: where the browser goes next. A query that says it is signed must be, and just now; one that does not may only
/// name the shop, whose owner is asked over there.
///
/// # Errors
/// When it names no shop, its signature is not Shopify's, or there is no app.
pub async fn begin_shopify(app: &App, query: &str, browser: &Browser) -> Result<Url, Error> {
    let shop = shop(query)?;
    let clients = app.config.shopify_clients();
    let client = clients.first().ok_or(Error::NotConfigured("MLC_SHOPIFY_CLIENT_ID"))?;
    if value(query, "hmac").is_some() || query.contains("hmac=") {
        check_signed(app, query, &clients)?;
    }
    let subject = Subject { platform: Platform::Shopify, connection: None, shop: Some(&shop) };
    let state = begin(app, browser, subject).await?;
    let scopes = &app.config.shopify_scopes;
    let back = app.config.shopify_redirect();
    app.shopify
        .authorize_url(&shop, &client.id, scopes, back.as_str(), &state)
        .map_err(|error| Error::Rejected(error.to_string()))
}

/// Ends an install: the code is exchanged, the shop asked who it is, both stored. A shop that is new here gets a connection.
///
/// # Errors
/// Whatever can go wrong on the way; see [`Error`].
pub async fn end_shopify(app: &App, query: &str, browser: Option<&Browser>) -> Result<Granted, Error> {
    let shop = shop(query)?;
    let state = value(query, "state").ok_or(Error::UnknownState)?;
    let begun = pending(app, browser, Platform::Shopify, &state).await?;
    if begun.shop_domain.as_deref() != Some(&shop) {
        return Err(Error::UnknownState);
    }
    let clients = app.config.shopify_clients();
    check_signed(app, query, &clients)?;
    take(app, &begun).await?;
    let code = value(query, "code").ok_or(Error::Declined)?;

    // The code is good once, and what it brings ends the grant before it: whoever hangs up now must not lose it.
    let installing = app.clone();
    let installed = app.to_the_end(async move { installed(&installing, &shop, &clients, &code).await }).await;
    installed.unwrap_or(Err(Error::NoAnswer(Platform::Shopify)))
}

async fn installed(app: &App, shop: &str, clients: &[Client], code: &str) -> Result<Granted, Error> {
    let known = connection::find_by_shop(app.db.read(), shop).await?;
    // A renewal and an install at once would each undo the other.
    let alone = match &known {
        Some(row) => grant::alone(app, row.id, Platform::Shopify).await?,
        None => None,
    };
    let stored = install(app, shop, clients, code, known).await;
    if let Some(alone) = alone {
        alone.release(app).await?;
    }
    let (row, scopes) = stored?;
    welcome(app, row, &scopes).await
}

/// The code for a grant, stored before anything is done with it.
async fn install(
    app: &App,
    shop: &str,
    clients: &[Client],
    code: &str,
    known: Option<Model>,
) -> Result<(Model, String), Error> {
    let tokens = token_set(exchange(app, shop, clients, code).await?, Kind::Authorization, None);
    let by = Actor::system("oauth");
    let id = match known {
        Some(row) => row.id,
        None => {
            let (name, shop_domain) = (shop.to_owned(), shop.to_owned());
            let new = New { name, shop_domain, settings: Settings::default() };
            connection::create(app, &by, new).await?.id
        }
    };
    Ok((connection::shopify_granted(app, &by, id, &tokens).await?, tokens.scopes))
}

/// What the shop says of itself, and whether it has allowed enough.
async fn welcome(app: &App, row: Model, scopes: &str) -> Result<Granted, Error> {
    let id = row.id;
    let missing = missing(scopes);
    if !missing.is_empty() {
        if let Some(row) = grant::find(app.db.read(), id, Platform::Shopify).await? {
            connection::needs_reauthorization(app, &row, &scope_missing(&missing)).await?;
        }
        return Err(Error::Scopes(missing));
    }
    let token = grant::access(app, id, Platform::Shopify).await?.token;
    let connection = match app.shopify.shop(&row.shop_domain, token).info().await {
        Ok(info) => connection::shop_seen(app, id, &info).await?,
        // The grant is good all the same: the look at both ends asks again, and the nightly one.
        Err(e) => {
            warn!(error = &e as &dyn std::error::Error, "a shop that was just authorized did not say who it is");
            row
        }
    };
    check::soon(app, id);
    let waits = connection.status == Status::Pending && connection.account_id.is_none();
    let next = if waits { Some(freshbooks_link(app, &connection)?) } else { None };
    Ok(Granted { connection, next })
}

/// With each active secret, the newest first: one that Shopify does not know spends no code.
async fn exchange(app: &App, shop: &str, clients: &[Client], code: &str) -> Result<TokenAnswer, Error> {
    let mut refused = Error::NotConfigured("MLC_SHOPIFY_CLIENT_ID");
    for client in clients {
        match app.shopify.exchange_code(shop, client, code, app.clock.now()).await {
            Ok(answer) => return Ok(answer),
            Err(shopify::Error::Unauthorized) => return Err(Error::Code),
            Err(shopify::Error::Rejected(reason)) => refused = Error::Rejected(reason),
            Err(other) => return Err(failed(other)),
        }
    }
    Err(refused)
}

/// Takes the Admin API token of a custom app that a person made in the shop's admin.
///
/// # Errors
/// When Shopify does not accept it, it lacks scopes, or it is another shop's.
pub async fn use_shopify_token(app: &App, by: &Actor, id: ConnectionId, token: SecretString) -> Result<Model, Error> {
    store(app, by, id, |scopes| TokenSet::custom_app(token.clone(), scopes), &token).await
}

/// Takes the credentials of an app of the shop's own organization. Its tokens last a day and are renewed by asking again.
///
/// # Errors
/// When Shopify does not accept them, they lack scopes, or they are another shop's.
pub async fn use_client_credentials(app: &App, by: &Actor, id: ConnectionId, client: Client) -> Result<Model, Error> {
    let row = connection::load(app.db.read(), id).await?;
    let answer = app.shopify.client_credentials(&row.shop_domain, &client, app.clock.now()).await.map_err(failed)?;
    let token = answer.access_token.clone();
    store(app, by, id, |_| token_set(answer, Kind::ClientCredentials, Some(client)), &token).await
}

async fn store(
    app: &App,
    by: &Actor,
    id: ConnectionId,
    tokens: impl FnOnce(String) -> TokenSet,
    token: &SecretString,
) -> Result<Model, Error> {
    let row = connection::load(app.db.read(), id).await?;
    let shop = app.shopify.shop(&row.shop_domain, token.clone());
    let info = shop.info().await.map_err(failed)?;
    let scopes = shop.access().await.map_err(failed)?.scopes.join(",");
    let missing = missing(&scopes);
    if !missing.is_empty() {
        return Err(Error::Scopes(missing));
    }
    if info.myshopify_domain != row.shop_domain {
        return Err(connection::Error::AnotherShop(row.shop_domain).into());
    }
    connection::shopify_granted(app, by, id, &tokens(scopes)).await?;
    let connection = connection::shop_seen(app, id, &info).await?;
    check::soon(app, id);
    Ok(connection)
}

fn token_set(answer: TokenAnswer, kind: Kind, client: Option<Client>) -> TokenSet {
    TokenSet {
        kind,
        access: answer.access_token,
        refresh: answer.refresh_token,
        client,
        scopes: answer.scopes.join(","),
        expires_at: answer.expires_at,
        refresh_expires_at: answer.refresh_expires_at,
    }
}

fn shop(query: &str) -> Result<String, Error> {
    let shop = value(query, "shop").ok_or(Error::NotAShop)?.to_ascii_lowercase();
    if oauth::is_shop_domain(&shop) { Ok(shop) } else { Err(Error::NotAShop) }
}

fn check_signed(app: &App, query: &str, clients: &[Client]) -> Result<(), Error> {
    let secrets: Vec<SecretString> = clients.iter().map(|client| client.secret.clone()).collect();
    if !oauth::signed(query, &secrets) {
        return Err(Error::Unsigned);
    }
    if oauth::fresh(query, app.clock.now()) { Ok(()) } else { Err(Error::Stale) }
}

/// What is needed and was not granted.
pub(crate) fn missing(scopes: &str) -> Vec<String> {
    let granted: Vec<String> = scopes.split(',').map(str::to_owned).collect();
    oauth::missing_scopes(&NEEDED.map(str::to_owned), &granted)
}

/// A grant that does not reach.
pub(crate) fn scope_missing(missing: &[String]) -> Problem {
    Problem::new(
        Owner::Merchant,
        "SCOPE_MISSING",
        format!("The shop has not allowed what the connector needs: {}.", missing.join(", ")),
        "Check the scopes of the app's released version, then authorize again.",
    )
}

fn failed(error: shopify::Error) -> Error {
    warn!(error = &error as &dyn std::error::Error, "Shopify did not take a grant's call");
    match error {
        shopify::Error::Unauthorized => Error::Code,
        shopify::Error::Unavailable(_) | shopify::Error::Unknown(_) | shopify::Error::Throttled { .. } => {
            Error::NoAnswer(Platform::Shopify)
        }
        other => Error::Rejected(other.to_string()),
    }
}
