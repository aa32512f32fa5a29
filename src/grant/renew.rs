//! Renewing a grant: by one process at a time, stored before it is used, whoever is killed in between.
//!
//! The old refresh token stays until the new pair is stored, so that after a crash or a lost answer the same one is sent again. Shopify
//! gives the replacement once more; FreshBooks refuses what was spent, and only then it is known that a person must authorize again.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    connection,
    ids::ConnectionId,
    platform_grant::{Column, Entity, Kind, Model, Platform},
};
use rand::Rng;
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, SimpleExpr},
};
use secrecy::SecretString;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{Access, Error, Sealed, TokenSet, find, give_back, name, opened, refusal};
use crate::{
    app::App,
    config::Client,
    connection as connections, crypto, freshbooks,
    problem::{Owner, Problem},
    shopify, telemetry,
};

/// How long before its end a token is renewed, at most; a short-lived one in the last tenth of its life.
const EARLY: TimeDelta = TimeDelta::minutes(5);
/// How long a call waits for somebody else's renewal.
const PATIENCE: Duration = Duration::from_secs(35);
/// How long nobody else asks: longer than the two calls that one renewal may make.
const LEASE: TimeDelta = TimeDelta::seconds(75);
/// How soon after a refusal another one shows that renewing does not help.
const SECOND_REFUSAL: TimeDelta = TimeDelta::minutes(10);
/// Waits after a renewal that brought nothing, in seconds; the last one stays.
const LADDER: [i64; 6] = [5, 30, 120, 600, 1_800, 3_600];
/// Bounds of such a wait.
const LEAST_REST: TimeDelta = TimeDelta::milliseconds(200);
const LONGEST_REST: TimeDelta = TimeDelta::hours(1);
/// From how many failures in a row on somebody is told.
const TELL_AFTER: i32 = 4;

/// What is to be done about a token that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is a newer one, or there will be: the same call may be made again.
    Again,
    /// Only a person can go on. The connection has been stopped.
    Final(Problem),
}

/// The token for a call now, renewed where it is about to end.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Refused`] when only a person can go on, [`Error::NotYet`] when a renewal is under way or was put off.
pub async fn access(app: &App, connection: ConnectionId, platform: Platform) -> Result<Access, Error> {
    let began = Instant::now();
    let mut renewed = false;
    loop {
        let row = find(app.db.read(), connection, platform).await?.ok_or(Error::Missing)?;
        if let Some(problem) = refusal(&row) {
            return Err(Error::Refused(problem));
        }
        let now = app.clock.now();
        if !is_due(app, &row, now) {
            return present(app, &row);
        }
        // Asked once, whatever came of it. And nothing is begun that the end of the process would cut off.
        if renewed || app.stop.is_cancelled() {
            return present_or_later(app, &row, now, TimeDelta::seconds(1));
        }
        if let Some(after) = row.renew_after.filter(|after| *after > now) {
            return present_or_later(app, &row, now, after - now);
        }
        if let Some(fence) = take(app, &row, now).await? {
            // A visit that is dropped half-way must not take the new pair with it.
            let renewing = app.clone();
            let ended = app.to_the_end(async move { renew(&renewing, row, fence).await }).await;
            ended.unwrap_or(Err(Error::NotYet { wait: Duration::from_secs(1) }))?;
            renewed = true;
            continue;
        }
        if began.elapsed() > PATIENCE {
            return present_or_later(app, &row, now, TimeDelta::seconds(1));
        }
        let pause = rand::rng().random_range(20..80);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// The platform did not accept the token of this generation. A token that can be renewed is, once; the refusal of what that brought is
/// final, and stops the connection.
///
/// # Errors
/// When the database fails.
pub async fn refused(
    app: &App,
    connection: ConnectionId,
    platform: Platform,
    generation: i64,
) -> Result<Verdict, Error> {
    let Some(row) = find(app.db.read(), connection, platform).await? else {
        return Ok(Verdict::Final(lost(platform, Kind::Authorization)));
    };
    if let Some(problem) = refusal(&row) {
        return Ok(Verdict::Final(problem));
    }
    if row.generation != generation {
        return Ok(Verdict::Again);
    }
    let just_renewed = row.second_chance && row.updated_at + SECOND_REFUSAL > app.clock.now();
    if !just_renewed && renewal(&row).is_some() {
        Entity::update_many()
            .filter(Column::Id.eq(row.id))
            .filter(Column::Generation.eq(generation))
            .col_expr(Column::Stale, Expr::value(true))
            .exec(app.db.write())
            .await?;
        return Ok(Verdict::Again);
    }
    let problem = lost(platform, row.kind);
    connections::needs_reauthorization(app, &row, &problem).await?;
    Ok(Verdict::Final(problem))
}

/// How a grant is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// With its refresh token.
    Refresh,
    /// Its token, which never ends, for one that does: Shopify takes no others of public apps from 2027 on.
    Migrate,
    /// By asking again.
    ClientCredentials,
}

fn renewal(row: &Model) -> Option<Renewal> {
    match (row.kind, row.platform) {
        (Kind::CustomApp, _) => None,
        (Kind::ClientCredentials, _) => Some(Renewal::ClientCredentials),
        (Kind::Authorization, _) if row.refresh_token.is_some() => Some(Renewal::Refresh),
        (Kind::Authorization, Platform::Shopify) => Some(Renewal::Migrate),
        (Kind::Authorization, Platform::Freshbooks) => None,
    }
}

fn is_due(app: &App, row: &Model, now: DateTime<Utc>) -> bool {
    let ends = || {
        row.expires_at.is_some_and(|at| {
            let life = at - row.updated_at;
            at - EARLY.min(life / 10) <= now
        })
    };
    match renewal(row) {
        None => false,
        Some(Renewal::Migrate) => row.stale || app.config.shopify_client_id.is_some(),
        Some(_) => row.stale || ends(),
    }
}

/// Whether the token may still be sent.
fn is_usable(row: &Model, now: DateTime<Utc>) -> bool {
    !row.stale && row.expires_at.is_none_or(|at| now < at)
}

fn present(app: &App, row: &Model) -> Result<Access, Error> {
    let token = opened(&app.keyring, row, "access_token", Some(&row.access_token))?;
    Ok(Access { token: token.ok_or(crypto::Error::Sealed)?, generation: row.generation })
}

fn present_or_later(app: &App, row: &Model, now: DateTime<Utc>, wait: TimeDelta) -> Result<Access, Error> {
    if is_usable(row, now) {
        return present(app, row);
    }
    Err(Error::NotYet { wait: wait.to_std().unwrap_or_default() })
}

/// Takes the lease of a renewal.
async fn take(app: &App, row: &Model, now: DateTime<Utc>) -> Result<Option<Uuid>, DbErr> {
    let fence = Uuid::new_v4();
    let taken = Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .filter(Column::Generation.eq(row.generation))
        .filter(Column::RenewingUntil.is_null().or(Column::RenewingUntil.lt(now)))
        .col_expr(Column::Renewer, Expr::value(fence))
        .col_expr(Column::RenewingUntil, Expr::value(now + LEASE))
        .exec(app.db.write())
        .await?;
    Ok((taken.rows_affected == 1).then_some(fence))
}

/// A grant that nobody renews while a person's new one is fetched.
pub(crate) struct Alone {
    row: Model,
    fence: Uuid,
}

/// Keeps renewals of a grant away, after one that is under way; for as long as a renewal's lease lasts. `None` where there is no grant, or
/// whoever is at it takes too long.
///
/// # Errors
/// When the database fails.
pub(crate) async fn alone(app: &App, connection: ConnectionId, platform: Platform) -> Result<Option<Alone>, Error> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        let Some(row) = find(app.db.read(), connection, platform).await? else { return Ok(None) };
        if let Some(fence) = take(app, &row, app.clock.now()).await? {
            return Ok(Some(Alone { row, fence }));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(None)
}

impl Alone {
    /// Renewals may go on. Where a new grant was stored there is nothing to release.
    pub(crate) async fn release(self, app: &App) -> Result<(), Error> {
        Ok(release(app, &self.row, self.fence, None).await?)
    }
}

/// Why a renewal brought nothing.
enum Fault {
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

async fn renew(app: &App, row: Model, fence: Uuid) -> Result<(), Error> {
    let platform = name(row.platform);
    let connection = connections::load(app.db.read(), row.connection_id).await?;
    match ask(app, &connection, &row).await {
        Ok(tokens) => {
            let stored = kept_at_last(app, &row, &tokens).await?;
            telemetry::token_renewed(platform, if stored { "renewed" } else { "superseded" });
            info!(connection = %row.connection_id, platform, stored, "token renewed");
            if stored {
                connections::renewed(app, &row).await?;
            } else if find(app.db.read(), row.connection_id, row.platform).await?.is_none() {
                // Disconnected meanwhile: what was just bought is nobody's.
                give_back(app, row.platform, tokens.refresh.iter().chain([&tokens.access])).await;
            }
            Ok(())
        }
        Err(Fault::Over(problem)) => {
            telemetry::token_renewed(platform, "over");
            connections::needs_reauthorization(app, &row, &problem).await?;
            release(app, &row, fence, None).await?;
            Err(Error::Refused(problem))
        }
        Err(Fault::Stays) => Ok(release(app, &row, fence, Some(TimeDelta::days(1))).await?),
        Err(Fault::Ours(reason)) => {
            telemetry::token_renewed(platform, "misconfigured");
            error!(connection = %row.connection_id, platform, "token not renewed: {reason}");
            put_off(app, &row, fence, None, Some(ours(row.platform, &reason))).await
        }
        Err(Fault::Sealed(cause)) => {
            telemetry::token_renewed(platform, "sealed");
            error!(error = &cause as &dyn std::error::Error, connection = %row.connection_id, platform, "token not renewed");
            put_off(app, &row, fence, None, Some(sealed(row.platform))).await
        }
        Err(Fault::Later(cause, wait)) => {
            telemetry::token_renewed(platform, "no_answer");
            warn!(error = &*cause as &dyn std::error::Error, connection = %row.connection_id, platform, "token not renewed");
            put_off(app, &row, fence, wait, None).await
        }
    }
}

/// As [`keep`], for minutes where the database does not take it: at FreshBooks there is no second pair for the same token.
async fn kept_at_last(app: &App, row: &Model, tokens: &TokenSet) -> Result<bool, Error> {
    let patiently = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(30))
        .with_max_times(14)
        .with_jitter();
    (|| keep(app, row, tokens))
        .retry(patiently)
        .when(|error| matches!(error, Error::Db(_)))
        .notify(|error, wait| {
            warn!(error = error as &dyn std::error::Error, ?wait, "a new token could not be stored yet")
        })
        .await
}

/// The new token set in place of the one that it was bought with. By that one's generation, not by the lease: whoever holds its only
/// successor must be able to store it, however late, and a successor that was stored already wins.
async fn keep(app: &App, row: &Model, tokens: &TokenSet) -> Result<bool, Error> {
    let sealed = Sealed::of(&app.keyring, row.connection_id, row.platform, tokens)?;
    let kept = Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .filter(Column::Generation.eq(row.generation))
        .col_expr(Column::Generation, Expr::value(row.generation + 1))
        .col_expr(Column::AccessToken, Expr::value(sealed.access))
        .col_expr(Column::RefreshToken, Expr::value(sealed.refresh))
        .col_expr(Column::Scopes, Expr::value(&tokens.scopes))
        .col_expr(Column::ExpiresAt, Expr::value(tokens.expires_at))
        .col_expr(Column::RefreshExpiresAt, Expr::value(tokens.refresh_expires_at))
        .col_expr(Column::Stale, Expr::value(false))
        .col_expr(Column::SecondChance, Expr::value(row.stale))
        .col_expr(Column::Refusal, Expr::value(None::<String>))
        .col_expr(Column::Renewer, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::RenewingUntil, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::Failures, Expr::value(0))
        .col_expr(Column::RenewAfter, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::UpdatedAt, Expr::value(app.clock.now()))
        .exec(app.db.write())
        .await?;
    Ok(kept.rows_affected == 1)
}

/// Ends the lease; nobody tries again for so long.
async fn release(app: &App, row: &Model, fence: Uuid, rest: Option<TimeDelta>) -> Result<(), DbErr> {
    let now = app.clock.now();
    Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .filter(Column::Renewer.eq(fence))
        .col_expr(Column::Renewer, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::RenewingUntil, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::RenewAfter, Expr::value(rest.map(|rest| now + rest)))
        .col_expr(Column::Failures, Expr::col(Column::Failures).add(i32::from(rest.is_some())))
        .exec(app.db.write())
        .await?;
    Ok(())
}

async fn put_off(
    app: &App,
    row: &Model,
    fence: Uuid,
    wait: Option<Duration>,
    ours: Option<Problem>,
) -> Result<(), Error> {
    let step = usize::try_from(row.failures).unwrap_or_default().min(LADDER.len() - 1);
    let asked = wait.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default();
    // A platform may ask for no time at all, or for years.
    let rest = app.config.scaled(TimeDelta::seconds(LADDER[step])).max(asked).clamp(LEAST_REST, LONGEST_REST);
    release(app, row, fence, Some(rest)).await?;
    if ours.is_some() || row.failures + 1 >= TELL_AFTER {
        connections::not_renewed(app, row, ours.unwrap_or_else(|| unanswered(row.platform))).await?;
    }
    Ok(())
}

async fn ask(app: &App, connection: &connection::Model, row: &Model) -> Result<TokenSet, Fault> {
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
fn lost(platform: Platform, kind: Kind) -> Problem {
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

fn title(platform: Platform) -> &'static str {
    match platform {
        Platform::Shopify => "Shopify",
        Platform::Freshbooks => "FreshBooks",
    }
}

/// The platform does not know our app.
fn ours(platform: Platform, reason: &str) -> Problem {
    Problem::new(
        Owner::Operator,
        "APP_CREDENTIALS",
        format!("{} does not know this service's app: {reason}.", title(platform)),
        "Compare the client id and secret of the settings with those of the app, and restart. The sync goes on by itself then.",
    )
}

/// What is stored does not open.
fn sealed(platform: Platform) -> Problem {
    Problem::new(
        Owner::Operator,
        "KEY_MISSING",
        format!("The stored token for {} does not open under MLC_ENCRYPTION_KEYS.", title(platform)),
        "Put the key back that is missing from MLC_ENCRYPTION_KEYS, and restart. If it is lost, this end must be authorized again.",
    )
}

/// No answer for a while.
fn unanswered(platform: Platform) -> Problem {
    Problem::new(
        Owner::Platform,
        "TOKEN_NOT_RENEWED",
        format!("{} has not answered a renewal of its token for a while.", title(platform)),
        "Nothing to do if its status page shows an outage: it is tried again by itself.",
    )
}
