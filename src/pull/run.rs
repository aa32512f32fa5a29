//! One step of a pull: ask for the operation, look how far it is, or have its result read.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use entity::{
    platform_grant::Platform,
    pull::{Column, Entity, Model, State},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, UpdateMany, sea_query::Expr};
use tracing::{error, instrument, warn};

use super::result;
use crate::{
    app::App,
    check, connection,
    grant::{self, Used},
    order,
    problem::{Owner, Problem},
    shopify::{self, BulkOperation, BulkStatus, Shop, bulk_orders_query},
    work::{self, Lease},
};

/// Waits between tries of a failed step, in seconds. After the last one the pull has failed; the next scheduled one covers its window.
const LADDER: [i64; 6] = [5, 30, 120, 600, 1_800, 7_200];

/// Moves a claimed pull on and ends the visit, whatever comes.
#[instrument(skip_all, fields(pull = %row.id))]
pub async fn advance(app: &App, lease: Lease, row: Model) {
    let id = row.id;
    let used = Used::default();
    let ended = match step(app, lease, &row, &used).await {
        Ok(()) => Ok(()),
        Err(error) => app.db.insist(&app.stop, || end(app, lease, &row, &error, &used)).await,
    };
    if let Err(e) = ended {
        warn!(
            error = &e as &dyn std::error::Error,
            "the visit of pull {id} could not be ended; its lease will run out"
        );
    }
}

/// Ends a visit that could not be finished.
async fn end(app: &App, lease: Lease, row: &Model, error: &Error, used: &Used) -> Result<(), Error> {
    let (attempts, connection) = (row.attempts, row.connection_id);
    if let Some(trouble) = app.db.failed(error) {
        return later(app, lease, app.db.patience(), false, Some(&trouble.problem())).await;
    }
    match error {
        Error::Fenced => Ok(()),
        // A newer token, or a stopped connection, whose pulls are not claimed until it goes on.
        Error::Shopify(shopify::Error::Unauthorized | shopify::Error::NonExpiringToken) => {
            used.refused(app, connection, Platform::Shopify).await?;
            later(app, lease, Duration::ZERO, false, None).await
        }
        Error::Grant(grant::Error::Missing | grant::Error::Refused(_)) => {
            later(app, lease, Duration::from_secs(1), false, None).await
        }
        Error::Grant(grant::Error::NotYet { wait }) => {
            later(app, lease, (*wait).max(Duration::from_millis(200)), false, None).await
        }
        // A key is missing: whoever runs the service has been told.
        Error::Grant(grant::Error::Crypto(_)) => later(app, lease, Duration::from_secs(60), false, None).await,
        Error::Shopify(
            shopify::Error::Forbidden(_) | shopify::Error::ProtectedData(_) | shopify::Error::ShopUnavailable { .. },
        ) => match check::allows_work(app, connection).await {
            Ok(true) => retry_or_fail(app, lease, attempts, error).await,
            Ok(false) => later(app, lease, Duration::ZERO, false, None).await,
            // Not given up at once, as for a refusal that is sure: by the ladder.
            Err(e @ check::Error::NoAnswer) => retry_or_fail(app, lease, attempts, &e.into()).await,
            Err(e) => Err(e.into()),
        },
        Error::Shopify(shopify::Error::Throttled { wait }) => later(app, lease, *wait, false, None).await,
        Error::Shopify(shopify::Error::BulkInProgress) => later(app, lease, Duration::from_secs(10), false, None).await,
        e => retry_or_fail(app, lease, attempts, e).await,
    }
}

async fn step(app: &App, lease: Lease, row: &Model, used: &Used) -> Result<(), Error> {
    let connection = connection::load(app.db.read(), row.connection_id).await?;
    let token = used.token(app, connection.id, Platform::Shopify).await?;
    let shop = app.shopify.shop(&connection.shop_domain, token);
    let operation = match &row.bulk_operation_id {
        Some(id) => shop.bulk(id).await?,
        None => Some(start(app, lease, row, &shop).await?),
    };
    let Some(operation) = operation else {
        return Err(gone(app, lease, "Shopify no longer knows it").await);
    };
    match operation.status {
        BulkStatus::Created | BulkStatus::Running | BulkStatus::Canceling => {
            let waited =
                (app.clock.now() - row.bulk_requested_at.unwrap_or(row.created_at)).to_std().unwrap_or_default();
            // Short operations end within a second or two, long ones take hours: look after half the time waited so far.
            let wait = (waited / 2).clamp(Duration::from_millis(500), Duration::from_secs(60));
            later(app, lease, wait, false, None).await
        }
        BulkStatus::Completed => result::read(app, lease, row, &connection, &shop, &operation).await,
        BulkStatus::Failed if operation.error_code.as_deref() == Some("ACCESS_DENIED") => {
            // It stays denied: once access is given, another one is asked for.
            forget(app, lease).await?;
            Err(shopify::Error::Forbidden("the bulk operation was denied".to_owned()).into())
        }
        BulkStatus::Failed => Err(gone(app, lease, operation.error_code.as_deref().unwrap_or("no reason given")).await),
        BulkStatus::Canceled => Err(gone(app, lease, "it was cancelled").await),
        BulkStatus::Expired => Err(gone(app, lease, "its result is no longer kept").await),
    }
}

/// Asks for the operation once: an earlier request whose answer was lost is adopted.
async fn start(app: &App, lease: Lease, row: &Model, shop: &Shop) -> Result<BulkOperation, Error> {
    // Shopify's instants are whole seconds: the window is widened to them.
    let query = bulk_orders_query(row.since, row.until.trunc_subsecs(0) + TimeDelta::seconds(1));
    let asked_before = row.bulk_requested_at.is_some();
    if !asked_before {
        let asked = Expr::value(app.clock.now());
        let update =
            held(lease).col_expr(Column::BulkRequestedAt, asked).col_expr(Column::State, Expr::value(State::Running));
        fenced(update.exec(app.db.write()).await?.rows_affected)?;
    }
    let adopted = if asked_before { shop.find_bulk(&query).await? } else { None };
    let usable = |operation: &BulkOperation| {
        !matches!(operation.status, BulkStatus::Failed | BulkStatus::Canceled | BulkStatus::Expired)
    };
    let operation = match adopted.filter(usable) {
        Some(operation) => operation,
        None => shop.start_bulk(&query).await?,
    };
    let update = held(lease).col_expr(Column::BulkOperationId, Expr::value(&operation.id));
    fenced(update.exec(app.db.write()).await?.rows_affected)?;
    Ok(operation)
}

/// Forgets the operation, so that the next visit asks for another one. An error all the same: the ladder spaces these visits and ends
/// them, where every operation goes the same way.
async fn gone(app: &App, lease: Lease, why: &str) -> Error {
    forget(app, lease).await.err().unwrap_or_else(|| Error::Operation(why.to_owned()))
}

async fn forget(app: &App, lease: Lease) -> Result<(), Error> {
    let update = held(lease)
        .col_expr(Column::BulkOperationId, Expr::value(None::<String>))
        .col_expr(Column::BulkRequestedAt, Expr::value(None::<DateTime<Utc>>));
    fenced(update.exec(app.db.write()).await?.rows_affected)
}

async fn retry_or_fail(app: &App, lease: Lease, attempts: i32, error: &Error) -> Result<(), Error> {
    let problem = problem(error);
    match LADDER.get(usize::try_from(attempts).unwrap_or(usize::MAX)).filter(|_| problem.owner != Owner::Merchant) {
        Some(seconds) => {
            let wait = app.config.scaled(TimeDelta::seconds(*seconds)).to_std().unwrap_or_default();
            warn!(error = error as &dyn std::error::Error, ?wait, "pull not completed, tried again later");
            later(app, lease, wait, true, Some(&problem)).await
        }
        None => {
            error!(error = error as &dyn std::error::Error, "pull given up");
            let now = app.clock.now();
            let update = work::settle::<Entity>(lease, now)?
                .col_expr(Column::State, Expr::value(State::Failed))
                .col_expr(Column::LastError, Expr::value(serde_json::to_string(&problem)?))
                .col_expr(Column::FinishedAt, Expr::value(now));
            update.exec(app.db.write()).await?;
            Ok(())
        }
    }
}

fn problem(error: &Error) -> Problem {
    match error {
        Error::Shopify(error) if error.denial().is_some() => Problem::new(
            Owner::Merchant,
            "SHOPIFY_FORBIDDEN",
            format!("Shopify does not allow reading orders: {}.", error.denial().unwrap_or_default()),
            "The app needs the scopes read_orders and read_customers and access to protected customer data.",
        ),
        other => Problem::new(
            Owner::Platform,
            "PULL_NOT_COMPLETED",
            format!("{other}."),
            "Nothing to do: it is tried again by itself, and the next scheduled pull covers the same window.",
        ),
    }
}

pub(super) async fn later(
    app: &App,
    lease: Lease,
    wait: Duration,
    counts: bool,
    why: Option<&Problem>,
) -> Result<(), Error> {
    let now = app.clock.now();
    let at = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1));
    let mut update = work::retry_later::<Entity>(lease, at, counts, now)?;
    if let Some(problem) = why {
        update = update.col_expr(Column::LastError, Expr::value(serde_json::to_string(problem)?));
    }
    update.exec(app.db.write()).await?;
    Ok(())
}

pub(super) fn held(lease: Lease) -> UpdateMany<Entity> {
    Entity::update_many().filter(Column::Id.eq(lease.id)).filter(Column::Fence.eq(lease.fence))
}

pub(super) fn fenced(rows: u64) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::Fenced) }
}

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("this visit no longer holds the pull")]
    Fenced,
    #[error("Shopify's bulk operation failed: {0}")]
    Operation(String),
    #[error("the transfer is not proved: {0}")]
    Unproved(String),
    #[error(transparent)]
    Shopify(#[from] shopify::Error),
    #[error(transparent)]
    Connection(#[from] connection::Error),
    #[error(transparent)]
    Grant(#[from] grant::Error),
    #[error(transparent)]
    Check(#[from] check::Error),
    #[error(transparent)]
    Order(#[from] order::Error),
    #[error("a problem could not be written down")]
    Form(#[from] serde_json::Error),
    #[error("the database failed")]
    Db(#[from] DbErr),
}
