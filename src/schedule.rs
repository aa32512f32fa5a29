//! The cron heartbeat. `tokio-cron-scheduler` only beats, in UTC, once a second; when something is due is data, and a replica that moves
//! `next_run_at` on by compare-and-set has won the firing. So each fires once in the fleet, whatever the number of replicas.
//!
//! A pull is due work of its own, made in the transaction that moves the schedule on. The other kinds are run here, and the firing holds
//! until they have ended: a schedule is first moved on by some minutes only, and to its next time when the run is over. A process that dies in
//! between loses no run. [`hasten`] brings the next run forward in the transaction of whatever asks for it.
//!
//! Cron expressions are read in the shop's time zone by croner at each step: a change of daylight saving moves nothing by an hour.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds},
};
use entity::{
    connection::{self, Status},
    ids::ConnectionId,
    schedule::{ActiveModel, Column, Entity, Kind},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, UpdateMany,
    sea_query::{Expr, OnConflict, SimpleExpr},
};
use tokio_cron_scheduler::{Job, JobScheduler};
use tracing::{error, info, warn};

use crate::{alert, app::App, auth::Actor, check, drift, link, pull, retention, subscription};

/// How long a run may take before another one begins.
const GIVEN: TimeDelta = TimeDelta::minutes(5);

/// Runs at once in this process, at most.
pub(crate) const AT_ONCE: usize = 8;

/// Starts the heartbeat; it ends with the app.
///
/// # Errors
/// When the scheduler does not start.
pub async fn start(app: &App) -> Result<(), Error> {
    let mut beats = JobScheduler::new().await?;
    let beating = app.clone();
    let job = Job::new_async("* * * * * *", move |_, _| {
        let app = beating.clone();
        Box::pin(async move {
            if app.stop.is_cancelled() {
                return;
            }
            if let Err(e) = fire_due(&app).await
                && app.db.failed(&e).is_none()
            {
                error!(error = &e as &dyn std::error::Error, "due schedules could not be looked up");
            }
        })
    })?;
    beats.add(job).await?;
    beats.start().await?;
    let stop = app.stop.clone();
    app.spawn(async move {
        stop.cancelled().await;
        if let Err(e) = beats.shutdown().await {
            error!(error = &e as &dyn std::error::Error, "the scheduler did not stop");
        }
    });
    Ok(())
}

/// Starts what is due. Safe on every replica at once; returns how many firings this call won.
///
/// # Errors
/// When the database fails.
pub async fn fire_due(app: &App) -> Result<usize, Error> {
    let now = app.clock.now();
    let standing = |wanted: SimpleExpr| {
        let connections = connection::Entity::find().select_only().column(connection::Column::Id);
        Column::ConnectionId.in_subquery(connections.filter(wanted).into_query())
    };
    let status = connection::Column::Status;
    // Tokens of a connection that rests, or of which one end is still missing, are kept alive; and what stopped it may be over.
    let wanted = Condition::any()
        .add(Column::Kind.is_in([Kind::Pull, Kind::Webhooks, Kind::Drift]).and(standing(status.eq(Status::Active))))
        .add(Column::Kind.eq(Kind::Check).and(standing(status.ne(Status::Disconnected))))
        .add(Column::Kind.eq(Kind::Retention));
    let due = Entity::find().filter(Column::NextRunAt.lte(now)).filter(wanted).order_by_asc(Column::NextRunAt);
    let mut won = usize::from(alert::digest::fire(app, now).await?);
    for row in due.all(app.db.read()).await? {
        let run = row.kind != Kind::Pull;
        let turn = if run { app.chores.clone().try_acquire_owned().ok() } else { None };
        if run && turn.is_none() {
            continue; // It stays due.
        }
        // From now, not from the missed time: after an outage one pull catches up, not one per missed firing.
        let next = if run { now + GIVEN } else { next(&row.cron, &row.time_zone, now)? };
        let txn = app.db.begin_write().await?;
        let moved =
            moved(&row, next).col_expr(Column::LastRunAt, Expr::value(now)).exec(&txn).await?.rows_affected == 1;
        if moved && !run {
            pull::schedule(&txn, &Actor::system("schedule"), row.connection_id, now).await?;
        }
        txn.commit().await?;
        if moved {
            won += 1;
        }
        if moved && run {
            let running = app.clone();
            app.spawn(async move {
                run_and_move_on(&running, entity::schedule::Model { next_run_at: next, ..row }).await;
                drop(turn);
            });
        }
    }
    if won > 0 {
        info!(won, "schedules fired");
        app.bell.notify_one();
    }
    Ok(won)
}

/// Runs what is no due work of its own, then moves its schedule on; unless it was hastened meanwhile. Looks run again when the next
/// document's time comes.
async fn run_and_move_on(app: &App, row: entity::schedule::Model) {
    let id = row.connection_id;
    match row.kind {
        Kind::Pull => {}
        Kind::Check => check::run_scheduled(app, id).await,
        Kind::Webhooks => subscription::run_scheduled(app, id).await,
        Kind::Drift => drift::run_scheduled(app, id).await,
        Kind::Retention => retention::run_scheduled(app, id).await,
    }
    if app.stop.is_cancelled() {
        return; // Perhaps it was cut short: it is run again.
    }
    let ended = async {
        let next = next(&row.cron, &row.time_zone, app.clock.now())?;
        let txn = app.db.begin_write().await?;
        moved(&row, next).exec(&txn).await?;
        // What was told during the run may be due before that, and brought nothing forward: it was to run again in some minutes.
        if row.kind == Kind::Drift
            && let Some(at) = link::next_look(&txn, id).await?
        {
            hasten(&txn, [id], Kind::Drift, at).await?;
        }
        txn.commit().await?;
        Ok::<_, Error>(())
    };
    if let Err(e) = ended.await {
        warn!(error = &e as &dyn std::error::Error, "a schedule was not moved on: it fires again in some minutes");
    }
}

/// The statement that moves a schedule on from where `row` has it.
fn moved(row: &entity::schedule::Model, next: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .filter(Column::NextRunAt.eq(row.next_run_at))
        .col_expr(Column::NextRunAt, Expr::value(next))
}

/// Brings the next run of these connections forward to `at`, where it would be later. Survives whatever happens to this process.
///
/// # Errors
/// When the database fails.
pub async fn hasten(
    txn: &impl ConnectionTrait,
    connections: impl IntoIterator<Item = ConnectionId>,
    kind: Kind,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::ConnectionId.is_in(connections))
        .filter(Column::Kind.eq(kind))
        .filter(Column::NextRunAt.gt(at))
        .col_expr(Column::NextRunAt, Expr::value(at))
        .exec(txn)
        .await?;
    Ok(())
}

/// Sets the schedules that every connection has from its first day: by its id, so that not all are due in the same minute.
///
/// # Errors
/// When the database fails.
pub async fn begin(txn: &impl ConnectionTrait, connection: ConnectionId, now: DateTime<Utc>) -> Result<(), Error> {
    let minute = connection.0.rem_euclid(60);
    for (kind, cron) in [
        // By its own clock once the shop has told it.
        (Kind::Check, format!("0 {minute} 4 * * *")),
        (Kind::Webhooks, format!("0 {minute} * * * *")),
        (Kind::Drift, format!("0 {} * * * *", (minute + 30) % 60)),
        (Kind::Retention, format!("0 {minute} 5 * * *")),
    ] {
        put(txn, connection, kind, &cron, "UTC", now).await?;
    }
    Ok(())
}

/// Sets when something of a connection is due.
///
/// # Errors
/// When the cron expression or the time zone is wrong, or the database fails.
pub async fn put(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    kind: Kind,
    cron: &str,
    time_zone: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        kind: Set(kind),
        cron: Set(cron.to_owned()),
        time_zone: Set(time_zone.to_owned()),
        next_run_at: Set(next(cron, time_zone, now)?),
        last_run_at: Set(None),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::ConnectionId, Column::Kind])
                .update_columns([Column::Cron, Column::TimeZone, Column::NextRunAt])
                .to_owned(),
        )
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// Lets the schedules of a connection go by the clocks of another time zone.
///
/// # Errors
/// When the time zone is wrong, or the database fails.
pub async fn move_to(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    time_zone: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for row in Entity::find().filter(Column::ConnectionId.eq(connection)).all(txn).await? {
        put(txn, connection, row.kind, &row.cron, time_zone, now).await?;
        // What was brought forward stays so; what runs just now is moved on when it ends.
        if row.next_run_at < now + GIVEN / 2 {
            hasten(txn, [connection], row.kind, row.next_run_at).await?;
        }
    }
    Ok(())
}

/// When the connection's next scheduled pull is due.
///
/// # Errors
/// When the database fails.
pub async fn next_run_at(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let row = Entity::find().filter(Column::ConnectionId.eq(connection)).filter(Column::Kind.eq(Kind::Pull)).one(conn);
    Ok(row.await?.map(|row| row.next_run_at))
}

/// The first instant after `now` that the expression names on the clocks of `time_zone`.
fn next(cron: &str, time_zone: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let wrong = || Error::Expression { cron: cron.to_owned(), time_zone: time_zone.to_owned() };
    let parsed: Cron = CronParser::builder().seconds(Seconds::Required).build().parse(cron).map_err(|_| wrong())?;
    let zone = Tz::from_str(time_zone).map_err(|_| wrong())?;
    let next = parsed.find_next_occurrence(&now.with_timezone(&zone), false).map_err(|_| wrong())?;
    Ok(next.with_timezone(&Utc))
}

/// Why nothing fires.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not six fields, or not a zone.
    #[error("`{cron}` in the time zone `{time_zone}` is not a schedule (six fields, seconds first)")]
    Expression {
        /// As stored.
        cron: String,
        /// As stored.
        time_zone: String,
    },
    /// The scheduler failed.
    #[error("the scheduler failed")]
    Scheduler(#[from] tokio_cron_scheduler::JobSchedulerError),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_past_two_stays_half_past_two_over_a_change_of_clocks() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        // Toronto went from UTC-4 to UTC-5 on 1 November 2026.
        let before = next("0 30 2 * * *", "America/Toronto", at("2026-10-31T00:00:00Z")).unwrap();
        assert_eq!(before, at("2026-10-31T06:30:00Z"));
        let after = next("0 30 2 * * *", "America/Toronto", at("2026-11-02T00:00:00Z")).unwrap();
        assert_eq!(after, at("2026-11-02T07:30:00Z"));
    }

    #[test]
    fn five_fields_are_not_a_schedule() {
        let now = "2026-10-31T00:00:00Z".parse().unwrap();
        assert!(next("*/5 * * * *", "UTC", now).is_err());
        assert!(next("0 */5 * * * *", "Mars/Olympus", now).is_err());
    }
}
