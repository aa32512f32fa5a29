//! Where a connection stands, worked out from its facts: what a person decided, its two grants, what stands in the way.
//!
//! Whatever changes a fact ends with [`settled`], in the same transaction. Work stops and goes on by the status alone: rows of a
//! connection that is not active are not claimed, lose no attempt, and wait where they stopped.

use chrono::{DateTime, Utc};
use entity::{
    connection::{Column, Entity, Model, Status},
    ids::ConnectionId,
    platform_grant::{self, Kind, Platform},
    schedule::Kind as Schedule,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use tracing::{error, info, warn};

use super::{Error, load, noted, settings::lock};
use crate::{
    alert::{self, Action, Raise, Severity},
    app::App,
    auth::Actor,
    check, grant,
    problem::Problem,
    schedule, subscription,
};

/// What keeps a connection from working, where something does: a refused grant before what stands in the way over there.
pub fn problem(row: &Model, grants: &[platform_grant::Model]) -> Option<Problem> {
    grants.iter().find_map(grant::refusal).or_else(|| blocked(row))
}

/// What stands in the way over there.
pub(super) fn blocked(row: &Model) -> Option<Problem> {
    serde_json::from_str(row.blocked.as_deref()?).ok()
}

/// Stops all work of the connection until a person authorizes again: this token set is no longer accepted. One that was replaced
/// meanwhile is left alone.
///
/// # Errors
/// When the database fails.
pub(crate) async fn needs_reauthorization(
    app: &App,
    grant: &platform_grant::Model,
    problem: &Problem,
) -> Result<(), Error> {
    let (id, now) = (grant.connection_id, app.clock.now());
    let txn = app.db.begin_write().await?;
    lock(&txn, Some(id), None).await?;
    if grant::refuse(&txn, grant, problem).await? {
        let row = settled(&txn, id, now).await?;
        // Only what was allowed in a browser is allowed again there.
        let action = match (grant.platform, grant.kind) {
            (Platform::Freshbooks, _) => Some(Action::AuthorizeFreshbooks),
            (Platform::Shopify, Kind::Authorization) => Some(Action::AuthorizeShopify),
            (Platform::Shopify, Kind::ClientCredentials | Kind::CustomApp) => None,
        };
        alert::raise(&txn, told(id, grant.platform, problem.clone(), action), now).await?;
        let by = Actor::system("worker");
        noted(&txn, &by, id, "needs_reauthorization", problem.to_string(), now).await?;
        txn.commit().await?;
        error!("connection {id} ({}) needs to be authorized again: {problem}", row.shop_domain);
        app.bell.notify_one();
    }
    Ok(())
}

/// Stops all work of the connection until what stands in the way over there is gone. In a transaction that has locked `row`, of a
/// connection that is not disconnected; ring the bell after the commit.
///
/// # Errors
/// When the database fails.
pub(crate) async fn block(
    txn: &impl ConnectionTrait,
    row: &Model,
    problem: &Problem,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (id, known) = (row.id, blocked(row));
    if known.as_ref() == Some(problem) {
        return Ok(());
    }
    if let Some(known) = known {
        alert::resolve(txn, id, &known.code, "", now).await?;
    }
    write_blocked(txn, id, Some(problem)).await?;
    settled(txn, id, now).await?;
    let raise =
        Raise { connection: id, subject: "", severity: Severity::Critical, problem: problem.clone(), action: None };
    alert::raise(txn, raise, now).await?;
    noted(txn, &Actor::system("worker"), id, "blocked", problem.to_string(), now).await?;
    warn!("connection {id} is blocked: {problem}");
    Ok(())
}

/// What stood in the way, if anything did, is over. Called as [`block`].
///
/// # Errors
/// When the database fails.
pub(crate) async fn unblock(txn: &impl ConnectionTrait, row: &Model, now: DateTime<Utc>) -> Result<(), Error> {
    let (id, Some(known)) = (row.id, blocked(row)) else { return Ok(()) };
    write_blocked(txn, id, None).await?;
    settled(txn, id, now).await?;
    alert::resolve(txn, id, &known.code, "", now).await?;
    noted(txn, &Actor::system("worker"), id, "unblocked", format!("{} is over.", known.code), now).await?;
    info!("connection {id} works again: {} is over", known.code);
    Ok(())
}

/// A grant was renewed; `before` is its row as it was. Mostly there is nothing to do.
///
/// # Errors
/// When the database fails.
pub(crate) async fn renewed(app: &App, before: &platform_grant::Model) -> Result<(), Error> {
    let (id, now) = (before.connection_id, app.clock.now());
    let stopped = load(app.db.read(), id).await?.status == Status::NeedsReauthorization;
    if !stopped && before.failures == 0 {
        return Ok(());
    }
    let txn = app.db.begin_write().await?;
    lock(&txn, Some(id), None).await?;
    settled(&txn, id, now).await?;
    well_again(&txn, id, before.platform, now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(())
}

/// Tells that a grant's renewals bring nothing. The connection works on for as long as its token does. Of a token set that was replaced
/// meanwhile, or forgotten, nothing is told.
///
/// # Errors
/// When the database fails.
pub(crate) async fn not_renewed(app: &App, grant: &platform_grant::Model, problem: Problem) -> Result<(), Error> {
    let (id, platform) = (grant.connection_id, grant.platform);
    let txn = app.db.begin_write().await?;
    lock(&txn, Some(id), None).await?;
    let present = grant::find(&txn, id, platform).await?;
    let same = present.is_some_and(|row| row.id == grant.id && row.generation == grant.generation);
    if !same || load(&txn, id).await?.status == Status::Disconnected {
        return Ok(());
    }
    alert::raise(&txn, told(id, platform, problem, None), app.clock.now()).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(())
}

/// Every stored token opens: takes back what was told of keys that were missing.
///
/// # Errors
/// When the database fails.
pub(crate) async fn keys_are_back(app: &App) -> Result<(), Error> {
    for row in super::list(app.db.read(), None).await? {
        for platform in [Platform::Shopify, Platform::Freshbooks] {
            alert::resolve(app.db.write(), row.id, "KEY_MISSING", grant::name(platform), app.clock.now()).await?;
        }
    }
    Ok(())
}

/// Takes back whatever was told about a grant.
pub(super) async fn well_again(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    platform: Platform,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for code in ["NEEDS_REAUTHORIZATION", "APP_CREDENTIALS", "KEY_MISSING", "TOKEN_NOT_RENEWED", "SCOPE_MISSING"] {
        alert::resolve(txn, id, code, grant::name(platform), now).await?;
    }
    Ok(())
}

/// Takes back whatever was told, and what stood in the way: of a connection that has ended nobody has to mend anything.
pub(super) async fn forgotten(txn: &impl ConnectionTrait, row: &Model, now: DateTime<Utc>) -> Result<(), Error> {
    if let Some(known) = blocked(row) {
        alert::resolve(txn, row.id, &known.code, "", now).await?;
        write_blocked(txn, row.id, None).await?;
    }
    subscription::forget(txn, row.id, now).await?;
    for (platform, code) in check::ALERTS {
        alert::resolve(txn, row.id, code, grant::name(platform), now).await?;
    }
    for platform in [Platform::Shopify, Platform::Freshbooks] {
        well_again(txn, row.id, platform, now).await?;
    }
    Ok(())
}

/// What is told about a grant.
fn told(id: ConnectionId, platform: Platform, problem: Problem, action: Option<Action>) -> Raise<'static> {
    Raise { connection: id, subject: grant::name(platform), severity: Severity::Critical, problem, action }
}

/// Stops the connection until a person resumes it. What is under way ends first.
///
/// # Errors
/// When there is no such connection, it is disconnected, or the database fails.
pub async fn pause(app: &App, by: &Actor, id: ConnectionId) -> Result<Model, Error> {
    decide(app, by, id, "pause", Status::Paused).await
}

/// Takes a paused connection up again, where it stopped.
///
/// # Errors
/// When there is no such connection, it is disconnected, or the database fails.
pub async fn resume(app: &App, by: &Actor, id: ConnectionId) -> Result<Model, Error> {
    decide(app, by, id, "resume", Status::Pending).await
}

async fn decide(app: &App, by: &Actor, id: ConnectionId, action: &str, status: Status) -> Result<Model, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    lock(&txn, Some(id), None).await?;
    let row = load(&txn, id).await?;
    if row.status == Status::Disconnected {
        return Err(Error::Disconnected);
    }
    let paused = row.status == Status::Paused;
    if paused == (status == Status::Paused) {
        return Ok(row);
    }
    write_status(&txn, id, status, now).await?;
    let row = settled(&txn, id, now).await?;
    noted(&txn, by, id, action, format!("The connection is {} now.", word(row.status)), now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(row)
}

/// The status that the facts ask for, stored. What a person decided stays.
pub(super) async fn settled(txn: &impl ConnectionTrait, id: ConnectionId, now: DateTime<Utc>) -> Result<Model, Error> {
    let mut row = load(txn, id).await?;
    if matches!(row.status, Status::Paused | Status::Disconnected) {
        return Ok(row);
    }
    let grants = grant::list(txn, id).await?;
    let complete = grants.len() == 2 && row.account_id.is_some() && row.shop_time_zone.is_some();
    let status = if grants.iter().any(|grant| grant.refusal.is_some()) {
        Status::NeedsReauthorization
    } else if !complete {
        Status::Pending
    } else if row.blocked.is_some() {
        Status::Blocked
    } else {
        Status::Active
    };
    if row.status != status {
        write_status(txn, id, status, now).await?;
        row.status = status;
        row.updated_at = now;
        if status == Status::Active {
            // Webhooks are not looked after while it stands still.
            schedule::hasten(txn, [id], Schedule::Webhooks, now).await?;
        }
    }
    Ok(row)
}

pub(super) async fn write_status(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    status: Status,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(())
}

async fn write_blocked(txn: &impl ConnectionTrait, id: ConnectionId, problem: Option<&Problem>) -> Result<(), Error> {
    let text = problem.map(serde_json::to_string).transpose()?;
    Entity::update_many().filter(Column::Id.eq(id)).col_expr(Column::Blocked, Expr::value(text)).exec(txn).await?;
    Ok(())
}

/// A status in a sentence.
fn word(status: Status) -> &'static str {
    match status {
        Status::Pending => "not complete",
        Status::Active => "active",
        Status::Paused => "paused",
        Status::NeedsReauthorization => "waiting to be authorized again",
        Status::Blocked => "blocked",
        Status::Disconnected => "disconnected",
    }
}
