//! Alerts: what a person should know of, told once, and told to be over.
//!
//! Raising is part of the transaction of whatever went wrong, and a conditional statement: of one connection, code and subject one alert is
//! open at most, however many say so at once. Telling people is work like any other: the row is due, a worker leases it, each channel that
//! has not had the message is tried, what failed is tried again by itself. So no mail server holds up a sync, and no alert is lost to one.
//!
//! Every mark of the row is one message, numbered by `generation`: the first tells that it was raised, later ones remind, the last tells
//! that it is over. A channel keeps the number of the last message it took. Thereby nothing is repeated to a channel that has it, and what
//! was never told anywhere is not told to be over.

mod channels;
mod deliver;
pub mod digest;
mod message;

use chrono::{DateTime, TimeDelta, Utc};
pub use entity::alert::{Action, Severity};
use entity::{
    alert::{ActiveModel, Column, Entity, Model},
    ids::{AlertId, ConnectionId},
    platform_grant::Platform,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use url::Url;
use uuid::Uuid;

pub use self::{channels::Channels, deliver::deliver};
use crate::{
    app::App,
    audit,
    auth::Actor,
    authorize, crypto,
    problem::Problem,
    telemetry,
    work::{self, Lane},
};

/// The type of an alert in the schema, of which its global id is made.
pub const GLOBAL_TYPE: &str = "Alert";

/// One for all: that one is over is told before that it is raised anew.
const LANE: Lane = Lane::Webhook;
/// How long nobody is reminded of an alert that is raised again and again.
const REMIND_AFTER: TimeDelta = TimeDelta::days(1);

/// Something that a person should know of.
#[derive(Clone, Debug)]
pub struct Raise<'a> {
    /// Whose.
    pub connection: ConnectionId,
    /// What within the connection it is about, such as `shopify`; may be empty.
    pub subject: &'a str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and what to do about it. Names nobody.
    pub problem: Problem,
    /// The page where it is done, where there is one.
    pub action: Option<Action>,
}

/// Raises an alert in the caller's transaction. Where the same one is open already it is counted and takes the newer words; people are
/// reminded of it once a day at most, and not at all once somebody has acknowledged it. Ring the bell after the commit.
///
/// # Errors
/// When the database fails.
pub async fn raise(txn: &impl ConnectionTrait, raise: Raise<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    let Raise { connection, subject, severity, problem, action } = raise;
    let row = ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        code: Set(problem.code.clone()),
        subject: Set(subject.to_owned()),
        severity: Set(severity),
        problem: Set(serde_json::to_string(&problem)?),
        action: Set(action),
        count: Set(1),
        raised_at: Set(now),
        last_raised_at: Set(now),
        acknowledged_at: Set(None),
        acknowledged_by: Set(None),
        resolved_at: Set(None),
        announced_at: Set(now),
        webhook_sent_at: Set(None),
        webhook_told: Set(0),
        email_sent_at: Set(None),
        email_told: Set(0),
        last_error: Set(None),
        lane: Set(LANE as i16),
        due_at: Set(Some(now)),
        generation: Set(1),
        claimed_generation: Set(0),
        attempts: Set(0),
        fence: Set(None),
        leased_until: Set(None),
    };
    let again = OnConflict::columns([Column::ConnectionId, Column::Code, Column::Subject])
        .target_and_where(Expr::col(Column::ResolvedAt).is_null())
        .update_columns([Column::Severity, Column::Problem, Column::Action, Column::LastRaisedAt])
        .value(Column::Count, Expr::col((Entity, Column::Count)).add(1))
        .to_owned();
    let row = Entity::insert(row).on_conflict(again).exec_with_returning(txn).await?;
    if row.count == 1 {
        telemetry::alert_raised(&row.code);
        return Ok(());
    }
    work::mark::<Entity>(LANE, now)?
        .filter(Column::Id.eq(row.id))
        .filter(Column::AcknowledgedAt.is_null())
        .filter(Column::DueAt.is_null())
        .filter(Column::AnnouncedAt.lte(now - REMIND_AFTER))
        .col_expr(Column::AnnouncedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(())
}

/// What the open alert of this code about this subject says, where there is one.
///
/// # Errors
/// When the database fails, or what is stored is not in its form.
pub async fn find_open(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    code: &str,
    subject: &str,
) -> Result<Option<Problem>, Error> {
    let open = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Code.eq(code))
        .filter(Column::Subject.eq(subject))
        .filter(Column::ResolvedAt.is_null());
    open.one(conn).await?.as_ref().map(problem).transpose()
}

/// Closes an alert in the caller's transaction, where it is open; `false` where it is not. Whoever was told of it is told that it is over.
///
/// # Errors
/// When the database fails.
pub async fn resolve(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    code: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    // Due in any case: a visit under way may be telling somebody just now, and only the next one knows whether it did.
    let resolved = work::mark::<Entity>(LANE, now)?
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Code.eq(code))
        .filter(Column::Subject.eq(subject))
        .filter(Column::ResolvedAt.is_null())
        .col_expr(Column::ResolvedAt, Expr::value(now))
        .col_expr(Column::AnnouncedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(resolved.rows_affected > 0)
}

/// Forgets all alerts of a connection, open or not, without a word to anybody: it is to be forgotten itself.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget(txn: &impl ConnectionTrait, connection: ConnectionId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ConnectionId.eq(connection)).exec(txn).await?;
    Ok(())
}

/// Takes note of an alert: nobody is reminded of it any more. One that is resolved or acknowledged already stays as it is.
///
/// # Errors
/// When there is no such alert, or the database fails.
pub async fn acknowledge(app: &App, by: &Actor, id: AlertId) -> Result<Model, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    let row = Entity::find_by_id(id).lock_exclusive().one(&txn).await?.ok_or(Error::Missing)?;
    if row.acknowledged_at.is_some() || row.resolved_at.is_some() {
        return Ok(row);
    }
    let acknowledged = Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::AcknowledgedAt, Expr::value(now))
        .col_expr(Column::AcknowledgedBy, Expr::value(by.name()))
        .exec_with_returning(&txn)
        .await?;
    let about = if row.subject.is_empty() { row.code.clone() } else { format!("{} ({})", row.code, row.subject) };
    let entry = audit::Entry {
        connection: row.connection_id,
        shopify_order_id: None,
        shopify_resource: None,
        freshbooks_resource: None,
        action: "acknowledge_alert".to_owned(),
        outcome: "done".to_owned(),
        actor: by.name().to_owned(),
        trigger: "acknowledge".to_owned(),
        correlation_id: Uuid::new_v4().to_string(),
        field_mappings: Vec::new(),
        message: format!("Acknowledged {about}."),
    };
    audit::append_of(&txn, "alert", entry, None, now).await?;
    txn.commit().await?;
    acknowledged.into_iter().next().ok_or(Error::Missing)
}

/// The alert of this id.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn load(conn: &impl ConnectionTrait, id: AlertId) -> Result<Model, Error> {
    Entity::find_by_id(id).one(conn).await?.ok_or(Error::Missing)
}

/// What is wrong, and what to do about it.
///
/// # Errors
/// When the stored text is not what [`raise`] wrote.
pub fn problem(row: &Model) -> Result<Problem, Error> {
    Ok(serde_json::from_str(&row.problem)?)
}

/// The page where somebody acts on an open alert. Whoever has it may authorize: for people who manage the connection only.
///
/// # Errors
/// When the link cannot be sealed.
pub fn link(app: &App, connection: &entity::connection::Model, row: &Model) -> Result<Option<Url>, Error> {
    let Some(action) = row.action.filter(|_| row.resolved_at.is_none()) else { return Ok(None) };
    let platform = match action {
        Action::AuthorizeShopify => Platform::Shopify,
        Action::AuthorizeFreshbooks => Platform::Freshbooks,
    };
    Ok(Some(authorize::link(app, connection, platform)?))
}

/// Why an alert is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such row.
    #[error("there is no such alert")]
    Missing,
    /// The stored problem is not ours.
    #[error("an alert's problem is malformed")]
    Problem(#[from] serde_json::Error),
    /// The link could not be made.
    #[error("an alert's link could not be sealed")]
    Link(#[from] crypto::Error),
    /// The trail could not be written.
    #[error("the audit trail could not be written")]
    Audit(#[from] audit::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
