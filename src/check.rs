//! Reference checks: what a look at both ends of a connection finds, and what follows from it.
//!
//! Both platforms are asked with the stored credentials. Each finding has a name that stays, and is kept until the next look. What stands
//! in the way stops the connection under a code of its own; once it is seen to be gone the connection goes on. What a platform does not
//! answer is unknown, and changes nothing: nobody is stopped or started on a guess.

mod freshbooks;
mod seen;
mod shopify;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    connection::{self, Status},
    ids::ConnectionId,
    platform_grant::Platform,
    reference_check::{ActiveModel, Column, Entity, Model, Outcome},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use tokio::sync::OwnedMutexGuard;
use tracing::{info, warn};

use self::seen::{Glance, Seen};
use crate::{
    alert,
    app::App,
    connection as connections,
    grant::{self, Used},
};

/// What people are told of a connection that goes on working.
pub(crate) const ALERTS: [(Platform, &str); 3] = [
    (Platform::Shopify, shopify::TOKEN_KIND),
    (Platform::Shopify, shopify::REFRESH_ENDS),
    (Platform::Freshbooks, freshbooks::PLAN_LIMIT),
];

/// How long one end may take to answer all that it is asked.
const PATIENCE: Duration = Duration::from_secs(25);
/// For so long after a look a refusal is answered by a glance, and after one without an answer by none.
const RECENT: TimeDelta = TimeDelta::seconds(10);

/// Looks at both ends, keeps what it finds, and stops the connection or lets it go on accordingly. Returns the findings, in a fixed order.
///
/// # Errors
/// When there is no such connection, it is disconnected, or the database fails. A platform that does not answer is a finding.
pub async fn run(app: &App, id: ConnectionId) -> Result<Vec<Model>, Error> {
    let mut turn = app.looks.turn(id).await;
    Ok(look(app, id, &mut turn).await?.0)
}

/// Whether the connection works on after a platform has refused something: that may be about one order, or about all of them. `false`
/// when the connection has stopped.
///
/// Those who ask at once wait for one look. Soon after a look, one call to each end shows whether anything has changed since. Soon after a
/// platform was silent nobody calls it: those who wait in line do not wait for its silence one after the other.
///
/// # Errors
/// [`Error::NoAnswer`] when it cannot be told now; when the database fails.
pub async fn allows_work(app: &App, id: ConnectionId) -> Result<bool, Error> {
    let mut turn = app.looks.turn(id).await;
    if !is_active(app, id).await? {
        return Ok(false);
    }
    let recently = app.clock.now() - RECENT;
    let last = turn.filter(|(ended_at, _)| *ended_at > recently);
    if last.is_some_and(|(_, sure)| !sure) {
        return Err(Error::NoAnswer);
    }
    // Of another replica, perhaps.
    let latest = Entity::find().filter(Column::ConnectionId.eq(id)).order_by_desc(Column::CheckedAt);
    let latest = latest.one(app.db.read()).await?;
    if last.is_some() || latest.is_some_and(|row| row.checked_at > recently) {
        match glance(app, id).await? {
            Glance::Fine => return Ok(true),
            Glance::Silent => {
                *turn = Some((app.clock.now(), false));
                return Err(Error::NoAnswer);
            }
            Glance::Wrong => {}
        }
    }
    let outlook = match look(app, id, &mut turn).await {
        Ok((_, outlook)) => outlook,
        Err(Error::Connection(connections::Error::Disconnected)) => return Ok(false),
        Err(error) => return Err(error),
    };
    match outlook {
        _ if !is_active(app, id).await? => Ok(false),
        Outlook::Sure => Ok(true),
        Outlook::Unsure | Outlook::Overtaken => Err(Error::NoAnswer),
    }
}

/// As [`run`], by the clock: what it brings is in the log and with the connection.
pub async fn run_scheduled(app: &App, id: ConnectionId) {
    match run(app, id).await {
        Ok(rows) => {
            let failed = rows.iter().filter(|row| row.outcome == Outcome::Failed).count();
            info!(connection = %id, failed, "both ends of connection {id} were looked at");
        }
        Err(e) => {
            warn!(error = &e as &dyn std::error::Error, connection = %id, "the ends of connection {id} could not be looked at");
        }
    }
}

/// As [`run_scheduled`], in the background: an end was just authorized.
pub(crate) fn soon(app: &App, id: ConnectionId) {
    let looking = app.clone();
    app.spawn(async move { run_scheduled(&looking, id).await });
}

/// What the last look found, in a fixed order; empty before the first one.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &impl ConnectionTrait, id: ConnectionId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::ConnectionId.eq(id)).order_by_asc(Column::Id).all(conn).await
}

/// Forgets what was found at the ends of a connection.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget(txn: &impl ConnectionTrait, id: ConnectionId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ConnectionId.eq(id)).exec(txn).await?;
    Ok(())
}

/// When a look of this process last ended, or a glance that met silence, and whether it was sure.
type Last = Option<(DateTime<Utc>, bool)>;

/// Whose turn it is to look: one at a time for each connection in this process.
#[derive(Debug, Default)]
pub struct Looks(Mutex<HashMap<ConnectionId, Arc<tokio::sync::Mutex<Last>>>>);

/// What a look is worth to those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlook {
    /// All is known that could stand in the way.
    Sure,
    /// It is not.
    Unsure,
    /// A look that began later was stored first: nothing follows from this one.
    Overtaken,
}

impl Looks {
    async fn turn(&self, id: ConnectionId) -> OwnedMutexGuard<Last> {
        let queue = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone();
        queue.lock_owned().await
    }
}

async fn is_active(app: &App, id: ConnectionId) -> Result<bool, Error> {
    Ok(connections::load(app.db.read(), id).await?.status == Status::Active)
}

/// The least that shows whether something stands in the way: one call to each end.
async fn glance(app: &App, id: ConnectionId) -> Result<Glance, Error> {
    let row = connections::load(app.db.read(), id).await?;
    let used = Used::default();
    let both = async { tokio::join!(shopify::glance(app, &row, &used), freshbooks::glance(app, &row, &used)) };
    let Ok((shop, books)) = tokio::time::timeout(PATIENCE, both).await else { return Ok(Glance::Silent) };
    Ok(match (shop?, books?) {
        (Glance::Wrong, _) | (_, Glance::Wrong) => Glance::Wrong,
        (Glance::Fine, Glance::Fine) => Glance::Fine,
        _ => Glance::Silent,
    })
}

/// The findings, and what they are worth.
async fn look(app: &App, id: ConnectionId, last: &mut Last) -> Result<(Vec<Model>, Outlook), Error> {
    let began = app.clock.now();
    let row = connections::load(app.db.read(), id).await?;
    if row.status == Status::Disconnected {
        return Err(connections::Error::Disconnected.into());
    }
    let used = Used::default();
    let (shop, books) = tokio::join!(
        within(Platform::Shopify, shopify::look(app, &row, &used)),
        within(Platform::Freshbooks, freshbooks::look(app, &row, &used)),
    );
    let (shop, books) = (shop?, books?);
    let outlook = if shop.is_sure() && books.is_sure() { Outlook::Sure } else { Outlook::Unsure };
    *last = Some((app.clock.now(), outlook == Outlook::Sure));
    let Some(rows) = keep(app, id, began, [&shop, &books]).await? else {
        return Ok((list(app.db.read(), id).await?, Outlook::Overtaken));
    };
    for (grant, problem) in [shop, books].iter().filter_map(|seen| seen.short.as_ref()) {
        connections::needs_reauthorization(app, grant, problem).await?;
    }
    Ok((rows, outlook))
}

async fn within(platform: Platform, look: impl Future<Output = Result<Seen, Error>>) -> Result<Seen, Error> {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(seen) => seen,
        Err(_) => Ok(Seen::silent(platform)),
    }
}

/// Stores the findings, tells people what they must see to, and stops the connection or lets it go on. Findings are of the instant at
/// which their look began. `None`, and nothing done, where newer ones are stored: other replicas look as well.
async fn keep(
    app: &App,
    id: ConnectionId,
    began: DateTime<Utc>,
    [shop, books]: [&Seen; 2],
) -> Result<Option<Vec<Model>>, Error> {
    let now = app.clock.now();
    let ends = [shop, books];
    let findings = ends.iter().flat_map(|seen| seen.in_order()).map(|finding| ActiveModel {
        id: NotSet,
        connection_id: Set(id),
        name: Set(finding.name.to_owned()),
        outcome: Set(finding.outcome),
        detail: Set(finding.detail.clone()),
        hint: Set(finding.hint.clone()),
        checked_at: Set(began),
    });
    let newer = OnConflict::columns([Column::ConnectionId, Column::Name])
        .update_columns([Column::Outcome, Column::Detail, Column::Hint, Column::CheckedAt])
        .to_owned();
    let txn = app.db.begin_write().await?;
    // Locked first: whatever is concluded is concluded from the connection as it is now.
    let row = connection::Entity::find_by_id(id).lock_exclusive().one(&txn).await?;
    let row = row.ok_or(connections::Error::Missing)?;
    if row.status == Status::Disconnected {
        return Err(connections::Error::Disconnected.into());
    }
    let newer_ones = Entity::find().filter(Column::ConnectionId.eq(id)).filter(Column::CheckedAt.gt(began));
    if newer_ones.one(&txn).await?.is_some() {
        return Ok(None);
    }
    Entity::insert_many(findings).on_conflict(newer).exec_without_returning(&txn).await?;
    for (platform, code, told) in ends.iter().flat_map(|seen| seen.alerts()) {
        match told {
            Some(told) => {
                let raise = alert::Raise {
                    connection: id,
                    subject: grant::name(platform),
                    severity: told.severity,
                    problem: told.problem.clone(),
                    action: told.action,
                };
                alert::raise(&txn, raise, now).await?;
            }
            None => {
                alert::resolve(&txn, id, code, grant::name(platform), now).await?;
            }
        }
    }
    let rows = list(&txn, id).await?;
    conclude(&txn, &row, shop, books, now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(Some(rows))
}

/// Where the connection stands by what was seen; `row` is locked.
async fn conclude(
    txn: &impl ConnectionTrait,
    row: &connection::Model,
    shop: &Seen,
    books: &Seen,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let known = connections::problem(row, &[]);
    // What stopped it stays until its own end says otherwise.
    let stays = known.as_ref().is_some_and(|known| {
        let end = if known.code.starts_with("FRESHBOOKS_") { books } else { shop };
        end.obstacle.is_none() && !end.over.contains(&known.code.as_str())
    });
    if stays {
        return Ok(());
    }
    match shop.obstacle.as_ref().or(books.obstacle.as_ref()) {
        Some(problem) => connections::block(txn, row, problem, now).await?,
        None => connections::unblock(txn, row, now).await?,
    }
    Ok(())
}

/// Why a look brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A platform did not answer: nobody knows what stands in the way, if anything does.
    #[error("a platform did not answer when it was asked what stands in the way")]
    NoAnswer,
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] connections::Error),
    /// A token is not to be had, for a reason of ours.
    #[error(transparent)]
    Grant(#[from] grant::Error),
    /// An alert could not be raised.
    #[error("an alert could not be raised")]
    Alert(#[from] alert::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
