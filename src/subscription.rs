//! What both platforms are asked to tell us of, kept as it should be.
//!
//! Nothing depends on webhooks: they shorten the wait for the next pull. But they get lost without a word. Shopify deletes one whose
//! deliveries fail eight times in a row and all of them with an uninstall, FreshBooks sends nothing to an address that it takes for
//! unproved, and people change what they find. So what a platform has is listed again and again, compared with what is wanted, and set
//! right. Whoever may have lost some is looked at soon: [`schedule::hasten`].
//!
//! A row says what is wanted, where to, and how it stands. It is there before the platform is asked: FreshBooks' verifier comes by a post of
//! its own, perhaps before the answer, and finds where it belongs. One run at a time has the rows of an end (`turn`); that two of them
//! never make the same one is all that keeps it from being there twice, since FreshBooks does not mind.

mod ending;
mod freshbooks;
mod shopify;
mod told;
mod turn;
mod verifier;

use std::{error::Error as StdError, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    connection::{Model as Connection, Status},
    ids::ConnectionId,
    platform_grant::Platform,
    schedule::Kind,
    webhook_subscription::{Column, Entity, Model, State},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, SimpleExpr},
};
use tracing::{debug, info, warn};

use self::turn::Turn;
pub use self::verifier::{missing_key, offered, reseal, verifiers};
pub(crate) use self::{ending::take_back, told::ALERTS};
use crate::{
    alert,
    app::App,
    connection as connections, crypto,
    grant::{self, Used, Verdict},
    schedule,
};

/// How long an end may take to be looked at and set right. Less than [`turn::LEASE`]: whoever runs out of it has stopped when another begins.
const PATIENCE: Duration = Duration::from_secs(120);
/// When a run that found another one at work comes back.
const BUSY: TimeDelta = TimeDelta::seconds(5);

/// What a look at one end came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nobody has authorized it, or only a person can authorize it again: nothing was asked.
    Closed,
    /// Another run is at it, or the connection has ended meanwhile.
    Busy,
    /// The platform did not answer: nothing was concluded.
    Silent,
    /// The platform has said what there is.
    Seen {
        /// The topics that had stood, were found missing or wrong, and were set up anew.
        repaired: Vec<String>,
        /// Whether all that is wanted stands.
        healthy: bool,
    },
}

/// Compares what is subscribed at both ends with what is wanted, and repairs it: Shopify's, then FreshBooks'. Of a connection that does not
/// work nothing is asked.
///
/// # Errors
/// When there is no such connection, or the database fails. A platform that does not answer is a [`Look`].
pub async fn run(app: &App, id: ConnectionId) -> Result<[Look; 2], Error> {
    let row = connections::load(app.db.read(), id).await?;
    if row.status != Status::Active {
        return Ok([Look::Closed, Look::Closed]);
    }
    let (shop, books) = tokio::join!(look_at(app, &row, Platform::Shopify), look_at(app, &row, Platform::Freshbooks));
    Ok([shop?, books?])
}

/// As [`run`], by the clock: what it brings is in the log and with the connection.
pub async fn run_scheduled(app: &App, id: ConnectionId) {
    match run(app, id).await {
        Ok([shop, books]) => debug!(connection = %id, ?shop, ?books, "the webhooks of connection {id} were looked at"),
        Err(e) => {
            warn!(error = &e as &dyn StdError, connection = %id, "the webhooks of connection {id} could not be looked at");
        }
    }
}

/// The rows of an end that was just authorized: what the platform has for them, and whether it has any, is not known.
///
/// # Errors
/// When the database fails.
pub(crate) async fn begin_anew(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    platform: Platform,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::ConnectionId.eq(id))
        .filter(Column::Platform.eq(platform))
        .col_expr(Column::State, Expr::value(State::Wanted))
        .col_expr(Column::Problem, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::CheckedAt, SimpleExpr::Custom("NULL".into()))
        .exec(txn)
        .await?;
    schedule::hasten(txn, [id], Kind::Webhooks, now).await
}

/// Forgets the rows of a connection that ends; [`take_back`] tells the platforms.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), alert::Error> {
    Entity::delete_many().filter(Column::ConnectionId.eq(id)).exec(txn).await?;
    for platform in [Platform::Shopify, Platform::Freshbooks] {
        for code in ALERTS {
            alert::resolve(txn, id, code, grant::name(platform), now).await?;
        }
    }
    Ok(())
}

/// Whether all that is wanted of an end stands, by its rows; `None` before the platform has said how it stands.
pub fn healthy<'a>(rows: impl IntoIterator<Item = &'a Model>) -> Option<bool> {
    let (mut seen, mut all) = (false, true);
    for row in rows {
        seen |= row.checked_at.is_some();
        all &= row.state == State::Active;
    }
    seen.then_some(all)
}

/// Why a row does not stand, where it does not.
pub fn problem(row: &Model) -> Option<crate::problem::Problem> {
    serde_json::from_str(row.problem.as_deref()?).ok()
}

/// One topic of an end, as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    topic: &'static str,
    address: String,
}

/// Why an end is not settled.
enum Stop {
    /// The token was not accepted.
    Refused,
    /// Nobody may ask.
    Closed,
    /// The platform did not say, or not yet.
    Silent(Box<dyn StdError + Send + Sync>),
    /// A failure of ours.
    Ours(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Ours(error.into())
    }
}

async fn look_at(app: &App, row: &Connection, platform: Platform) -> Result<Look, Error> {
    let Some(grant) = grant::find(app.db.read(), row.id, platform).await? else { return Ok(Look::Closed) };
    if grant.refusal.is_some() {
        return Ok(Look::Closed);
    }
    let wanted = match platform {
        Platform::Shopify => shopify::wanted(app, &grant),
        Platform::Freshbooks => freshbooks::wanted(app, row.id),
    };
    let Some(mut turn) = Turn::take(app, row, platform, &wanted).await? else {
        schedule::hasten(app.db.write(), [row.id], Kind::Webhooks, app.clock.now() + BUSY).await?;
        return Ok(Look::Busy);
    };
    let settling = async {
        match platform {
            Platform::Shopify if !shopify::is_verifiable(app, &grant) => shopify::refuse(&mut turn).await,
            _ => settle(&mut turn).await,
        }
    };
    let settled = tokio::time::timeout(PATIENCE, settling).await;
    let name = grant::name(platform);
    match settled {
        Ok(Ok(())) => turn.end(true).await,
        Ok(Err(Stop::Ours(Error::Lost))) => Ok(Look::Busy),
        Ok(Err(Stop::Ours(error))) => {
            turn.end(false).await?;
            Err(error)
        }
        Ok(Err(Stop::Closed | Stop::Refused)) => {
            turn.end(false).await?;
            Ok(Look::Closed)
        }
        Ok(Err(Stop::Silent(error))) => {
            warn!(error = &*error as &dyn StdError, connection = %row.id, "{name} did not let its webhooks be looked at, next try within an hour");
            turn.end(false).await
        }
        Err(_) => {
            warn!(connection = %row.id, "{name} did not let its webhooks be looked at in time, next try within an hour");
            turn.end(false).await
        }
    }
}

/// Once more with a newer token, where there is one.
async fn settle(turn: &mut Turn<'_>) -> Result<(), Stop> {
    let used = Used::default();
    let (id, platform) = (turn.connection.id, turn.platform);
    for _ in 0..2 {
        let token = match used.token(turn.app, id, platform).await {
            Ok(token) => token,
            Err(grant::Error::Missing | grant::Error::Refused(_)) => return Err(Stop::Closed),
            Err(error @ grant::Error::NotYet { .. }) => return Err(Stop::Silent(Box::new(error))),
            Err(error) => return Err(error.into()),
        };
        let settled = match platform {
            Platform::Shopify => shopify::settle(turn, token).await,
            Platform::Freshbooks => freshbooks::settle(turn, token).await,
        };
        let Err(Stop::Refused) = settled else { return settled };
        if let Verdict::Final(problem) = used.refused(turn.app, id, platform).await? {
            info!(connection = %id, "the webhooks were not looked at: {problem}");
            return Err(Stop::Closed);
        }
    }
    Err(Stop::Refused)
}

/// Why nothing was looked at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run has the rows by now, or the connection has ended: nothing more is written.
    #[error("another run is at these webhooks by now")]
    Lost,
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] connections::Error),
    /// A token is not to be had, for a reason of ours.
    #[error(transparent)]
    Grant(#[from] grant::Error),
    /// An alert could not be raised.
    #[error("an alert could not be raised")]
    Alert(#[from] alert::Error),
    /// A verifier could not be sealed, or does not open.
    #[error("a callback's secret could not be sealed or opened")]
    Crypto(#[from] crypto::Error),
    /// What is stored could not be written down or read.
    #[error("what is stored of a webhook is malformed")]
    Form(#[from] serde_json::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
