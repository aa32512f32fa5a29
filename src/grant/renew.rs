//! Renewing a grant: by one process at a time, stored before it is used, whoever is killed in between.
//!
//! The old refresh token stays until the new pair is stored, so that after a crash or a lost answer the same one is sent again. Shopify
//! gives the replacement once more; FreshBooks refuses what was spent, and only then it is known that a person must authorize again.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::ConnectionId,
    platform_grant::{Column, Entity, Kind, Model, Platform},
};
use rand::Rng;
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, SimpleExpr},
};
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{
    Access, Error, Sealed, TokenSet,
    ask::{Fault, Renewal, ask, lost, ours, renewal, sealed, unanswered},
    find, give_back, name, opened, refusal,
};
use crate::{app::App, connection as connections, crypto, problem::Problem, telemetry};

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
            return told(app, &row, present(app, &row)).await;
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

/// Whoever runs the service is told of a token that does not open.
async fn told(app: &App, row: &Model, access: Result<Access, Error>) -> Result<Access, Error> {
    if let Err(Error::Crypto(_)) = access {
        connections::not_renewed(app, row, sealed(row.platform)).await?;
    }
    access
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
