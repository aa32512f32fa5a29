//! One visit to one request. It is never given up: the law knows no "could not be reached".

use chrono::{DateTime, TimeDelta, Utc};
use entity::privacy_request::{Column, Entity, Kind, Model, State};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use tracing::{debug, error, info, instrument, warn};

use super::{Error, SERVICE, customer, data, shop};
use crate::{
    alert::{self, Raise, Severity},
    app::App,
    problem::{Owner, Problem},
    work::{self, Lease},
};

/// The waits between tries, in minutes; the last one again and again.
const LADDER: [i64; 5] = [1, 5, 15, 60, 360];
/// After so many tries people are told.
const TOLD_AFTER: i32 = 3;

const FAILING: &str = "PRIVACY_REQUEST_FAILING";

/// How a visit ended.
pub(super) enum Ended {
    /// The row says so already.
    Settled,
    /// Seen to once more after this long, to be sure that nothing was left.
    Again(TimeDelta),
}

/// Sees to a claimed request and ends the visit, whatever comes.
#[instrument(skip_all, fields(request = %row.id, kind = ?row.kind))]
pub async fn attend(app: &App, lease: Lease, row: Model) {
    let seen_to = match row.kind {
        // A person has completed it before its visit came.
        _ if row.state != State::Open => rest(app, lease).await,
        Kind::CustomerData => data::attend(app, lease, &row).await,
        // On the heap: each is a long way, and a debug build keeps all of them on the stack of whoever drains.
        Kind::CustomerRedact => Box::pin(customer::attend(app, lease, &row)).await,
        Kind::ShopRedact => Box::pin(shop::attend(app, lease, &row)).await,
    };
    let now = app.clock.now();
    let ended = match seen_to {
        Ok(Ended::Settled) => Ok(()),
        Ok(Ended::Again(wait)) => later(app, lease, now + wait, false, now).await,
        Err(Error::Fenced) => {
            debug!("this visit lost its request to another");
            Ok(())
        }
        Err(e) => failed(app, lease, &row, &e, now).await,
    };
    if let Err(e) = ended {
        warn!(
            error = &e as &dyn std::error::Error,
            "the visit of request {} could not be ended; its lease will run out", row.id
        );
    }
    app.bell.notify_one();
}

async fn rest(app: &App, lease: Lease) -> Result<Ended, Error> {
    work::settle::<Entity>(lease, app.clock.now())?.exec(app.db.write()).await?;
    Ok(Ended::Settled)
}

async fn later(app: &App, lease: Lease, at: DateTime<Utc>, counts: bool, now: DateTime<Utc>) -> Result<(), Error> {
    work::retry_later::<Entity>(lease, at, counts, now)?.exec(app.db.write()).await?;
    Ok(())
}

async fn failed(app: &App, lease: Lease, row: &Model, error: &Error, now: DateTime<Utc>) -> Result<(), Error> {
    let step = usize::try_from(row.attempts).unwrap_or_default().min(LADDER.len() - 1);
    let minutes = LADDER.get(step).copied().unwrap_or(360);
    let wait = app.config.scaled(TimeDelta::minutes(minutes));
    error!(error = error as &dyn std::error::Error, ?wait, "request {} not seen to, tried again later", row.id);
    if row.attempts >= TOLD_AFTER {
        let hint = match error {
            Error::Unsure => {
                "Where the app is no longer in the shop: disconnectConnection, and the request is carried out. It is tried again by itself."
            }
            _ => "The log of this time names the cause. It is tried again by itself until it is done.",
        };
        let day = row.deadline_at.date_naive();
        let problem = Problem::new(
            Owner::Operator,
            FAILING,
            format!("A request under privacy law could not be carried out yet; it is due by {day}: {error}."),
            hint,
        );
        let txn = app.db.begin_write().await?;
        let raise = Raise {
            connection: row.connection_id,
            subject: &row.id.to_string(),
            severity: Severity::Warning,
            problem,
            action: None,
        };
        alert::raise(&txn, raise, now).await?;
        txn.commit().await?;
    }
    later(app, lease, now + wait, true, now).await
}

/// Ends a request in the transaction of what was done about it: whom it was about is forgotten.
pub(super) async fn settle(
    txn: &impl ConnectionTrait,
    lease: Lease,
    row: &Model,
    (state, detail): (State, &str),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let update = work::settle::<Entity>(lease, now)?
        .filter(Column::State.eq(State::Open))
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::Detail, Expr::value(detail))
        .col_expr(Column::CompletedAt, Expr::value(now))
        .col_expr(Column::CompletedBy, Expr::value(SERVICE))
        .col_expr(Column::Email, Expr::value(None::<String>))
        .col_expr(Column::ShopifyCustomerId, Expr::value(None::<i64>));
    if update.exec(txn).await?.rows_affected != 1 {
        return Err(Error::Fenced);
    }
    alert::resolve(txn, row.connection_id, FAILING, &row.id.to_string(), now).await?;
    info!(?state, "request {} seen to", row.id);
    Ok(())
}

/// Notes on a request that goes on what was done so far.
pub(super) async fn note(txn: &impl ConnectionTrait, lease: Lease, detail: &str) -> Result<(), Error> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(lease.id))
        .filter(Column::Fence.eq(lease.fence))
        .col_expr(Column::Detail, Expr::value(detail));
    if update.exec(txn).await?.rows_affected == 1 { Ok(()) } else { Err(Error::Fenced) }
}
