//! Intake: what the platforms tell by themselves is kept, and what it concerns is marked, in one transaction; only then is it answered.
//!
//! Under load many deliveries share one transaction: while one batch is committed the next one fills itself, so that a disk which syncs a
//! hundred times a second takes thousands of deliveries, and none waits for a timer. What does not fit is refused at once: the platform
//! sends it again. A delivery says that something happened, never what is true now: nothing of it is booked.

pub mod freshbooks;
mod retain;
pub mod shopify;

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{
    connection,
    ids::ConnectionId,
    webhook_delivery::{ActiveModel, Column, Entity, Model, Outcome},
};
use sea_orm::{
    ActiveValue::NotSet,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Order, Query, SimpleExpr},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{error, warn};

pub use self::retain::{delete_older, forget_customers, forget_shop};
use crate::{
    app::App,
    freshbooks::callback,
    order, privacy,
    shopify::webhook::{COMPLIANCE, TOPICS},
    telemetry,
};

/// Deliveries that may wait for the next batch.
const WAITING: usize = 1_024;
/// Deliveries that share one transaction, at most.
const BATCH: usize = 256;
/// Rows in one statement. Headers are long: a statement that does not fit into what a connection sends at once waits for the other side's
/// delayed acknowledgement, 40 ms each time, since the driver leaves Nagle's algorithm on.
const AT_ONCE: usize = 8;
/// How long one may wait in all: Shopify gives five seconds, and hears of an overload before they are over.
const PATIENCE: Duration = Duration::from_millis(3_500);

/// A delivery whose signature was verified.
#[expect(clippy::large_enum_variant, reason = "most are of the larger kind, and few wait at once")]
#[derive(Clone, Debug)]
pub enum Arrival {
    /// From a shop.
    Shopify(shopify::Arrival),
    /// From an account.
    FreshBooks(freshbooks::Arrival),
}

struct Waiting {
    arrival: Arrival,
    stored: oneshot::Sender<bool>,
}

/// Where deliveries are handed in. Cheap to clone; the last clone's end ends the task behind it.
#[derive(Clone, Debug)]
pub struct Intake(mpsc::Sender<Waiting>);

impl Intake {
    /// Begins to take deliveries in.
    pub fn start(app: &App) -> Self {
        Self::with(Some(app.clone()))
    }

    /// Says that it keeps deliveries and keeps none: what is left is what all the rest costs.
    pub fn forgetful() -> Self {
        Self::with(None)
    }

    fn with(app: Option<App>) -> Self {
        let (sender, mut waiting) = mpsc::channel::<Waiting>(WAITING);
        // Ends with its senders, after the last answer: requests under way are still answered while the process stops.
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                match &app {
                    Some(app) => store(app, std::mem::take(&mut batch)).await,
                    None => batch.drain(..).for_each(|one| answer(one.stored, true)),
                }
            }
        });
        Self(sender)
    }

    /// Keeps a delivery. It is safe once this returns.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when there is no room, or it did not become safe in time; [`Error::Failed`] when the database failed. Either
    /// way the platform sends it again.
    pub async fn take(&self, arrival: Arrival) -> Result<(), Error> {
        let (stored, answer) = oneshot::channel();
        self.0.try_send(Waiting { arrival, stored }).map_err(|_| Error::Overloaded)?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) => Err(Error::Failed),
            Err(_) => Err(Error::Overloaded),
        }
    }
}

/// Stores a batch and answers each. Where the batch fails each delivery is tried alone: one that cannot be stored takes no other with it.
async fn store(app: &App, batch: Vec<Waiting>) {
    let (arrivals, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.arrival, one.stored)).unzip();
    let Err(e) = together(app, &arrivals).await else {
        return answers.into_iter().for_each(|waits| answer(waits, true));
    };
    if app.db.failed(&e).is_some() {
        return answers.into_iter().for_each(|waits| answer(waits, false)); // alone they would fare no better
    }
    if arrivals.len() > 1 {
        warn!(error = &e as &dyn std::error::Error, "deliveries could not be stored together: each is tried alone");
    }
    for (arrival, waits) in arrivals.iter().zip(answers) {
        let alone = together(app, std::slice::from_ref(arrival)).await;
        if let Err(e) = &alone {
            error!(error = e as &dyn std::error::Error, "a delivery could not be stored; it is sent again");
        }
        answer(waits, alone.is_ok());
    }
}

/// Whoever asked may have gone by now: what is stored is stored.
fn answer(waits: oneshot::Sender<bool>, stored: bool) {
    let _ = waits.send(stored);
}

async fn together(app: &App, arrivals: &[Arrival]) -> Result<(), Failure> {
    let now = app.clock.now();
    let (mut shops, mut books) = (Vec::new(), Vec::new());
    for arrival in arrivals {
        match arrival {
            Arrival::Shopify(arrival) => shops.push(arrival),
            Arrival::FreshBooks(arrival) => books.push(arrival),
        }
    }
    let txn = app.db.begin_write().await?;
    let mut kept = shopify::store(&txn, &app.keyring, &shops, now).await?;
    kept.extend(freshbooks::store(&txn, &books, now).await?);
    txn.commit().await?;
    app.bell.notify_one();
    for (platform, topic, outcome) in kept {
        // The header that names it is not signed: anybody with one delivery could make up others.
        let ours = callback::EVENTS.iter().chain(&COMPLIANCE).copied().chain(TOPICS.iter().map(|known| known.header));
        let asked_for = ours.into_iter().any(|known| known == topic);
        telemetry::webhook_taken(platform, if asked_for { &topic } else { "other" }, outcome);
    }
    Ok(())
}

/// What became of a delivery, for the figures: platform, topic, outcome.
type Kept = (&'static str, String, &'static str);

/// The figure's word.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::OutOfOrder => "out_of_order",
        Outcome::Echo => "echo",
        Outcome::Ignored => "ignored",
    }
}

/// The headers of a delivery, in the order in which they came.
pub fn headers(row: &Model) -> Vec<(String, String)> {
    serde_json::from_str(&row.headers).unwrap_or_default()
}

/// When the last delivery of each of these connections came, where one has: by the index alone, however many are kept.
///
/// # Errors
/// When the database fails.
pub async fn last(
    conn: &impl ConnectionTrait,
    connections: &[ConnectionId],
) -> Result<Vec<(ConnectionId, DateTime<Utc>)>, DbErr> {
    let last = Query::select()
        .column(Column::ReceivedAt)
        .from(Entity)
        .and_where(Expr::col((Entity, Column::ConnectionId)).equals((connection::Entity, connection::Column::Id)))
        .order_by(Column::Id, Order::Desc)
        .limit(1)
        .to_owned();
    let rows: Vec<(ConnectionId, Option<DateTime<Utc>>)> = connection::Entity::find()
        .select_only()
        .column(connection::Column::Id)
        .column_as(SimpleExpr::SubQuery(None, Box::new(last.into())), "last")
        .filter(connection::Column::Id.is_in(connections.iter().copied()))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(|(id, last)| Some((id, last?))).collect())
}

/// Why a delivery was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no room for it now.
    #[error("too many deliveries at once")]
    Overloaded,
    /// The database failed; the log says how.
    #[error("the delivery could not be stored")]
    Failed,
}

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Order(#[from] order::Error),
    #[error("a request about people could not be stored")]
    Privacy(#[from] privacy::Error),
    #[error("the database failed")]
    Db(#[from] DbErr),
}

/// An empty row.
fn blank() -> ActiveModel {
    ActiveModel { id: NotSet, ..Default::default() }
}
