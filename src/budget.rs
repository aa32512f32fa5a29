//! How much of a platform's account or shop is worked on at once, by all processes together.
//!
//! FreshBooks publishes no limits, so they are felt for: a refusal (429) halves what is worked on at once and pauses the account for as
//! long as it said; while nothing is refused and more is waiting, one more is allowed after a while. The figures are shared through the
//! database, where every claim looks at them: ten replicas are hardly less polite than one.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::call_budget::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{CaseStatement, Expr, OnConflict},
};
use tracing::info;

use crate::{app::App, pauses::Pause};

/// What is worked on at once before anything is known of an account.
pub const FIRST: i16 = 4;
/// The most that is ever worked on at once.
const MOST: i16 = 16;
/// How long nothing may have changed before one more is allowed.
const CALM: TimeDelta = TimeDelta::seconds(10);

/// Tells the other processes who refused us, and hears whom they were refused by.
///
/// # Errors
/// When the database fails; what was to be told is told next time.
pub async fn exchange(app: &App) -> Result<(), DbErr> {
    let now = app.clock.now();
    for pause in app.pauses.news() {
        refused(app.db.write(), &pause, now).await?;
        app.pauses.told(&pause);
        info!(whom = pause.whom, until = %pause.until, "{} asked us to slow down", pause.whom);
    }
    for row in Entity::find().filter(Column::PausedUntil.gt(now)).all(app.db.read()).await? {
        if let Some(until) = row.paused_until {
            app.pauses.hear(Pause { whom: row.whom, until });
        }
    }
    Ok(())
}

/// What is known of everybody, by name.
///
/// # Errors
/// When the database fails.
pub async fn all(conn: &impl ConnectionTrait) -> Result<HashMap<String, Model>, DbErr> {
    Ok(Entity::find().all(conn).await?.into_iter().map(|row| (row.whom.clone(), row)).collect())
}

/// Stores a refusal. The first of a burst halves what is worked on at once; the others only make the pause longer.
async fn refused(conn: &impl ConnectionTrait, pause: &Pause, now: DateTime<Utc>) -> Result<(), DbErr> {
    make_sure(conn, &pause.whom, now).await?;
    let free = Column::PausedUntil.is_null().or(Column::PausedUntil.lte(now));
    let half = CaseStatement::new().case(Column::AtOnce.gt(1), Expr::col(Column::AtOnce).div(2)).finally(1);
    Entity::update_many()
        .filter(Column::Whom.eq(&pause.whom))
        .filter(free)
        .col_expr(Column::AtOnce, half.into())
        .col_expr(Column::ChangedAt, Expr::value(now))
        .exec(conn)
        .await?;
    Entity::update_many()
        .filter(Column::Whom.eq(&pause.whom))
        .filter(Column::PausedUntil.is_null().or(Column::PausedUntil.lt(pause.until)))
        .col_expr(Column::PausedUntil, Expr::value(pause.until))
        .exec(conn)
        .await?;
    Ok(())
}

/// More is waiting for `whom` than may be worked on at once: one more is allowed, where nothing was refused for a while.
///
/// # Errors
/// When the database fails.
pub async fn press(app: &App, whom: &str, known: Option<&Model>) -> Result<(), DbErr> {
    let now = app.clock.now();
    let calm_since = now - app.config.scaled(CALM);
    let recent = |at: DateTime<Utc>| at > calm_since;
    if known.is_some_and(|row| row.at_once >= MOST || recent(row.changed_at) || row.paused_until.is_some_and(recent)) {
        return Ok(());
    }
    make_sure(app.db.write(), whom, now).await?;
    Entity::update_many()
        .filter(Column::Whom.eq(whom))
        .filter(Column::AtOnce.lt(MOST))
        .filter(Column::ChangedAt.lte(calm_since))
        .filter(Column::PausedUntil.is_null().or(Column::PausedUntil.lte(calm_since)))
        .col_expr(Column::AtOnce, Expr::col(Column::AtOnce).add(1))
        .col_expr(Column::ChangedAt, Expr::value(now))
        .exec(app.db.write())
        .await?;
    Ok(())
}

async fn make_sure(conn: &impl ConnectionTrait, whom: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row =
        ActiveModel { whom: Set(whom.to_owned()), at_once: Set(FIRST), changed_at: Set(now), paused_until: Set(None) };
    let nothing = OnConflict::column(Column::Whom).do_nothing().to_owned();
    Entity::insert(row).on_conflict(nothing).exec_without_returning(conn).await?;
    Ok(())
}
