//! Asking a platform for the next token set, by its own rules, and what is told when it brings none.

use std::time::Duration;

use entity::{
    connection,
    platform_grant::{Kind, Model, Platform},
};
use secrecy::SecretString;

use super::{TokenSet, opened, title};
use crate::{
    app::App,
    config::Client,
    crypto, freshbooks,
    problem::{Owner, Problem},
    shopify,
};

/// How a grant is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// With its refresh token.
    Refresh,
    /// Its token, which never ends, for one that does: Shopify takes no others of public apps from 2027 on.
    Migrate,
    /// By asking again.
    ClientCredentials,
}

pub(super) fn renewal(row: &Model) -> Option<Renewal> {
    match (row.kind, row.platform) {
        (Kind::CustomApp, _) => None,
        (Kind::ClientCredentials, _) => Some(Renewal::ClientCredentials),
        (Kind::Authorization, _) if row.refresh_token.is_some() => Some(Renewal::Refresh),
        (Kind::Authorization, Platform::Shopify) => Some(Renewal::Migrate),
        (Kind::Authorization, Platform::Freshbooks) => None,
    }
}

/// Why a renewal brought nothing.
pub(super) enum Fault {
    /// The grant is over: a person must authorize again.
    Over(Problem),
    /// Our own credentials are wrong, or there are none.
    Ours(String),
    /// No answer, or none that says anything. Asked again later, with the same token.
    Later(Box<dyn std::error::Error + Send + Sync>, Option<Duration>),
    /// What is stored does not open.
    Sealed(crypto::Error),
    /// This token cannot be exchanged, and works as it is.
    Stays,
}

/// The next token set.
pub(super) async fn ask(app: &App, connection: &connection::Model, row: &Model) -> Result<TokenSet, Fault> {
    match row.platform {
        Platform::Shopify => ask_shopify(app, connection, row).await,
        Platform::Freshbooks => ask_freshbooks(app, row).await,
    }
}

async fn ask_shopify(app: &App, connection: &connection::Model, row: &Model) -> Result<TokenSet, Fault> {
    let domain = &connection.shop_domain;
    let own = own_client(app, row)?;
    let clients = match &own {
        Some(own) => vec![own.clone()],
        None => app.config.shopify_clients(),
    };
    let refresh = secret(app, row, "refresh_token", row.refresh_token.as_deref())?;
    let access = secret(app, row, "access_token", Some(&row.access_token))?;
    let mut refused = "MLC_SHOPIFY_CLIENT_ID and MLC_SHOPIFY_CLIENT_SECRET are not set".to_owned();
    for client in clients {
        let now = app.clock.now();
        let answer = match (renewal(row), &refresh, &access) {
            (Some(Renewal::ClientCredentials), _, _) => app.shopify.client_credentials(domain, &client, now).await,
            (_, Some(refresh), _) => app.shopify.refresh(domain, &client, refresh, now).await,
            (_, None, Some(access)) => app.shopify.migrate(domain, &client, access, now).await,
            _ => return Err(Fault::Sealed(crypto::Error::Sealed)),
        };
        return match answer {
            Ok(answer) => Ok(TokenSet {
                kind: row.kind,
                access: answer.access_token,
                refresh: answer.refresh_token,
                client: own,
                scopes: if answer.scopes.is_empty() { row.scopes.clone() } else { answer.scopes.join(",") },
                expires_at: answer.expires_at,
                refresh_expires_at: answer.refresh_expires_at,
            }),
            // Another app may have been given it: the API itself tells whether it still works.
            Err(shopify::Error::Unauthorized) if renewal(row) == Some(Renewal::Migrate) && !row.stale => {
                Err(Fault::Stays)
            }
            Err(shopify::Error::Unauthorized) => Err(Fault::Over(lost(row.platform, row.kind))),
            // An app of the shop's own: its owner has the new secret.
            Err(shopify::Error::Rejected(_)) if own.is_some() => Err(Fault::Over(lost(row.platform, row.kind))),
            // The newest secret is tried first: a token is bound to the one that renewed it last.
            Err(shopify::Error::Rejected(reason)) => {
                refused = reason;
                continue;
            }
            Err(shopify::Error::Throttled { wait }) => {
                Err(Fault::Later(Box::new(shopify::Error::Throttled { wait }), Some(wait)))
            }
            Err(other) => Err(Fault::Later(Box::new(other), None)),
        };
    }
    if renewal(row) == Some(Renewal::Migrate) && !row.stale { Err(Fault::Stays) } else { Err(Fault::Ours(refused)) }
}

async fn ask_freshbooks(app: &App, row: &Model) -> Result<TokenSet, Fault> {
    let Some(client) = app.config.freshbooks_client() else {
        return Err(Fault::Ours("MLC_FRESHBOOKS_CLIENT_ID and MLC_FRESHBOOKS_CLIENT_SECRET are not set".to_owned()));
    };
    let Some(refresh) = secret(app, row, "refresh_token", row.refresh_token.as_deref())? else {
        return Err(Fault::Over(lost(row.platform, row.kind)));
    };
    let redirect = app.config.freshbooks_redirect();
    let call = || app.freshbooks.refresh(&client.id, &client.secret, &refresh, redirect.as_str());
    let mut answer = call().await;
    if matches!(answer, Err(freshbooks::Error::Unknown(_))) {
        // Spent or not? The same question once more tells: a spent token is refused, and whatever it bought is lost.
        answer = call().await;
    }
    match answer {
        Ok(answer) => Ok(TokenSet {
            kind: row.kind,
            access: answer.access_token,
            refresh: Some(answer.refresh_token),
            client: None,
            scopes: if answer.scopes.is_empty() { row.scopes.clone() } else { answer.scopes.join(" ") },
            expires_at: Some(answer.expires_at),
            refresh_expires_at: None,
        }),
        Err(freshbooks::Error::Unauthorized) => Err(Fault::Over(lost(row.platform, row.kind))),
        Err(freshbooks::Error::Refused(fault)) => Err(Fault::Ours(format!("FreshBooks says {}", fault.message))),
        Err(freshbooks::Error::Throttled { wait }) => {
            Err(Fault::Later(Box::new(freshbooks::Error::Throttled { wait }), wait))
        }
        Err(other) => Err(Fault::Later(Box::new(other), None)),
    }
}

fn own_client(app: &App, row: &Model) -> Result<Option<Client>, Fault> {
    let secret = secret(app, row, "client_secret", row.client_secret.as_deref())?;
    Ok(row.client_id.clone().zip(secret).map(|(id, secret)| Client { id, secret }))
}

fn secret(app: &App, row: &Model, column: &str, sealed: Option<&str>) -> Result<Option<SecretString>, Fault> {
    opened(&app.keyring, row, column, sealed).map_err(Fault::Sealed)
}

/// A grant that is over.
pub(super) fn lost(platform: Platform, kind: Kind) -> Problem {
    let (owner, message, hint) = match (platform, kind) {
        (Platform::Shopify, Kind::Authorization) => (
            Owner::Merchant,
            "Shopify no longer accepts the connector's token: the app was uninstalled, or its access was taken back.",
            "Authorize again with the link of the alert, or of authorizeShopify. Nothing is lost: the sync goes on where it stopped.",
        ),
        (Platform::Shopify, Kind::CustomApp) => (
            Owner::Merchant,
            "Shopify no longer accepts the custom app's token: the app was uninstalled, or the token was revoked.",
            "Copy the app's new Admin API token and store it with useShopifyToken. Nothing is lost: the sync goes on where it stopped.",
        ),
        (Platform::Shopify, Kind::ClientCredentials) => (
            Owner::Merchant,
            "Shopify no longer accepts the app of this shop's own: it was uninstalled, or its secret was replaced.",
            "Install it again or store its new secret with useShopifyClientCredentials. Nothing is lost: the sync goes on where it stopped.",
        ),
        (Platform::Freshbooks, _) => (
            Owner::Accountant,
            "FreshBooks no longer accepts the connector's token: access was taken back, or a renewal of it was lost.",
            "Authorize again with the link of the alert, or of authorizeFreshbooks. Nothing is lost: the sync goes on where it stopped.",
        ),
    };
    Problem::new(owner, "NEEDS_REAUTHORIZATION", message, hint)
}

/// The platform does not know our app.
pub(super) fn ours(platform: Platform, reason: &str) -> Problem {
    Problem::new(
        Owner::Operator,
        "APP_CREDENTIALS",
        format!("{} does not know this service's app: {reason}.", title(platform)),
        "Compare the client id and secret of the settings with those of the app, and restart. The sync goes on by itself then.",
    )
}

/// What is stored does not open.
pub(super) fn sealed(platform: Platform) -> Problem {
    Problem::new(
        Owner::Operator,
        "KEY_MISSING",
        format!("The stored token for {} does not open under MLC_ENCRYPTION_KEYS.", title(platform)),
        "Put the key back that is missing from MLC_ENCRYPTION_KEYS, and restart. If it is lost, this end must be authorized again.",
    )
}

/// No answer for a while.
pub(super) fn unanswered(platform: Platform) -> Problem {
    Problem::new(
        Owner::Platform,
        "TOKEN_NOT_RENEWED",
        format!("{} has not answered a renewal of its token for a while.", title(platform)),
        "Nothing to do if its status page shows an outage: it is tried again by itself.",
    )
}
