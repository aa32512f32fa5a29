//! Pulls: the orders of a shop that changed within a window, read by one bulk operation, streamed and recorded page by page.
//!
//! A pull is a row like an order: claimed, moved on by one step, due again. The operation is asked for at most once per pull: its request
//! is noted before, its id after, and an answer that never came is looked up among the shop's operations. The watermark moves only when
//! the transfer is proved (bytes, lines and orders as announced), in the transaction that stores the last of them.

mod result;
mod run;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{ConnectionId, PullId},
    pull::{ActiveModel, Column, Entity, Kind, Model, State},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::Expr,
};

pub use self::run::advance;
use crate::{app::App, auth::Actor, connection, problem::Problem, work::Lane};

/// How far a scheduled pull reads behind the watermark: Shopify's search index lags behind its writes.
const LOOKBACK: TimeDelta = TimeDelta::minutes(10);
/// What [`catch_up`] writes down as the reason.
const CATCH_UP: &str = "webhooks";
/// How far behind the present a window ends, for the same reason.
const INDEX_LAG: TimeDelta = TimeDelta::minutes(1);

/// Asks for the orders that changed within a window; without `since`, from the beginning. Returns the pull, under way.
///
/// # Errors
/// When the window is empty, the connection is unknown, or the database fails.
pub async fn request(
    app: &App,
    by: &Actor,
    connection: ConnectionId,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<Model, Error> {
    let now = app.clock.now();
    let until = until.unwrap_or(now).min(now);
    if since.is_some_and(|since| since >= until) {
        return Err(Error::EmptyWindow);
    }
    connection::load(app.db.read(), connection).await?;
    let row = row(connection, Kind::Backfill, since, until, Lane::Backfill, "pullOrders", by, now);
    let row = Entity::insert(row).exec_with_returning(app.db.write()).await?;
    app.bell.notify_one();
    Ok(row)
}

/// Makes the scheduled pull of a connection due, from its watermark on. One that is still under way covers it.
///
/// # Errors
/// When the database fails.
pub async fn schedule(
    txn: &impl ConnectionTrait,
    by: &Actor,
    connection: ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let under_way = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(Kind::Scheduled))
        .filter(Column::State.is_in([State::Waiting, State::Running]))
        .one(txn)
        .await?;
    if under_way.is_some() {
        return Ok(());
    }
    let Some(row_of) = entity::connection::Entity::find_by_id(connection).one(txn).await? else { return Ok(()) };
    // The first one starts a day before the connection was made; older history comes by an explicit backfill.
    let since = row_of.watermark.map_or(row_of.created_at - TimeDelta::days(1), |watermark| watermark - LOOKBACK);
    let row = row(connection, Kind::Scheduled, Some(since), now - INDEX_LAG, Lane::Pull, "schedule", by, now);
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// More orders were told of than can be read one by one in good time: one operation reads whatever changed since the first of them. One
/// that is under way is enough. Those told of within the last minute are read directly all the same.
///
/// # Errors
/// When the database fails.
pub async fn catch_up(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let under_way = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Trigger.eq(CATCH_UP))
        .filter(Column::State.is_in([State::Waiting, State::Running]))
        .one(txn)
        .await?;
    if under_way.is_none() {
        let by = Actor::system("webhook");
        let row = row(connection, Kind::Backfill, Some(since - LOOKBACK), now, Lane::Webhook, CATCH_UP, &by, now);
        Entity::insert(row).exec_without_returning(txn).await?;
    }
    Ok(())
}

/// Shopify says that a bulk operation ended: whichever pull waits for it looks at once, and believes only what it sees. `false` where
/// none waits.
///
/// # Errors
/// When the database fails.
pub async fn operation_ended(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    operation: &str,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let its = Condition::all()
        .add(Column::ConnectionId.eq(connection))
        .add(Column::BulkOperationId.eq(operation))
        .add(Column::State.is_in([State::Waiting, State::Running]))
        .add(Column::DueAt.is_not_null());
    if Entity::find().filter(its.clone()).one(txn).await?.is_none() {
        return Ok(false);
    }
    // Only sooner: attempts go on counting, and whoever is at it just now sees for themselves.
    let sooner = Entity::update_many().filter(its).filter(Column::DueAt.gt(now));
    sooner.col_expr(Column::DueAt, Expr::value(now)).exec(txn).await?;
    Ok(true)
}

/// The pull of this id.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn load(conn: &impl ConnectionTrait, id: PullId) -> Result<Model, Error> {
    Entity::find_by_id(id).one(conn).await?.ok_or(Error::Missing)
}

/// Why a pull failed, or what it stumbled over last.
pub fn problem(row: &Model) -> Option<Problem> {
    serde_json::from_str(row.last_error.as_deref()?).ok()
}

#[expect(clippy::too_many_arguments, reason = "the columns of a new row, in one place")]
fn row(
    connection: ConnectionId,
    kind: Kind,
    since: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
    lane: Lane,
    trigger: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> ActiveModel {
    ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        kind: Set(kind),
        state: Set(State::Waiting),
        since: Set(since),
        until: Set(until),
        bulk_requested_at: Set(None),
        bulk_operation_id: Set(None),
        announced_objects: Set(None),
        announced_orders: Set(None),
        orders_seen: Set(0),
        orders_changed: Set(0),
        last_error: Set(None),
        trigger: Set(trigger.to_owned()),
        actor: Set(by.name().to_owned()),
        lane: Set(lane as i16),
        due_at: Set(Some(now)),
        generation: Set(0),
        claimed_generation: Set(0),
        attempts: Set(0),
        fence: Set(None),
        leased_until: Set(None),
        created_at: Set(now),
        finished_at: Set(None),
    }
}

/// Why there is no pull.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such row.
    #[error("there is no such pull")]
    Missing,
    /// `since` is not before `until`.
    #[error("since must be before until, and until not in the future")]
    EmptyWindow,
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] connection::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
