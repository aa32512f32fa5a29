//! One step of a pull: ask for the operation, look how far it is, or read its result.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use entity::{
    connection as connections,
    ids::PullId,
    platform_grant::Platform,
    pull::{Column, Entity, Kind, Model, State},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, UpdateMany, sea_query::Expr};
use secrecy::ExposeSecret;
use tracing::{error, info, instrument, warn};

use super::INDEX_LAG;
use crate::{
    app::App,
    auth::Actor,
    connection, grant,
    order::{self, Mark},
    problem::{Owner, Problem},
    shopify::{
        self, BulkOperation, BulkOrders, BulkRow, BulkStatus, Shop, bulk_orders_query,
        model::{Gid, Order},
    },
    telemetry,
    work::{self, Lane, Lease},
};

/// Orders per transaction.
const PAGE: usize = 100;
/// Waits between tries of a failed step, in seconds. After the last one the pull has failed; the next scheduled one covers its window.
const LADDER: [i64; 6] = [5, 30, 120, 600, 1_800, 7_200];

/// Moves a claimed pull on and ends the visit, whatever comes.
#[instrument(skip_all, fields(pull = %row.id))]
pub async fn advance(app: &App, lease: Lease, row: Model) {
    let (id, attempts, connection) = (row.id, row.attempts, row.connection_id);
    let ended = match step(app, lease, &row).await {
        Ok(()) => Ok(()),
        Err(Error::Fenced) => Ok(()),
        Err(Error::Shopify(shopify::Error::Unauthorized) | Error::Grant(grant::Error::Missing)) => {
            error!("connection {connection} needs to be authorized again");
            match connection::needs_reauthorization(app, connection).await {
                Ok(()) => later(app, lease, Duration::ZERO, false, None).await,
                Err(e) => Err(e.into()),
            }
        }
        Err(Error::Shopify(shopify::Error::Throttled { wait })) => later(app, lease, wait, false, None).await,
        Err(Error::Shopify(shopify::Error::BulkInProgress)) => {
            later(app, lease, Duration::from_secs(10), false, None).await
        }
        Err(e) => retry_or_fail(app, lease, attempts, &e).await,
    };
    if let Err(e) = ended {
        warn!(
            error = &e as &dyn std::error::Error,
            "the visit of pull {id} could not be ended; its lease will run out"
        );
    }
}

async fn step(app: &App, lease: Lease, row: &Model) -> Result<(), Error> {
    let connection = connection::load(app.db.read(), row.connection_id).await?;
    let token = grant::access_token(app.db.read(), &app.keyring, connection.id, Platform::Shopify).await?;
    let shop = app.shopify.shop(&connection.shop_domain, token);
    let operation = match &row.bulk_operation_id {
        Some(id) => shop.bulk(id).await?,
        None => Some(start(app, lease, row, &shop).await?),
    };
    let Some(operation) = operation else {
        // Shopify no longer knows it: ask anew.
        return start_over(app, lease, row.id).await;
    };
    match operation.status {
        BulkStatus::Created | BulkStatus::Running | BulkStatus::Canceling => {
            let waited =
                (app.clock.now() - row.bulk_requested_at.unwrap_or(row.created_at)).to_std().unwrap_or_default();
            // Short operations end within a second or two, long ones take hours: look after half the time waited so far.
            let wait = (waited / 2).clamp(Duration::from_millis(500), Duration::from_secs(60));
            later(app, lease, wait, false, None).await
        }
        BulkStatus::Completed => read(app, lease, row, &connection, &shop, &operation).await,
        BulkStatus::Failed if operation.error_code.as_deref() == Some("ACCESS_DENIED") => {
            Err(shopify::Error::Forbidden("the bulk operation was denied".to_owned()).into())
        }
        BulkStatus::Failed => {
            forget_operation(app, lease, row.id).await?;
            Err(Error::Operation(operation.error_code.unwrap_or_else(|| "no reason given".to_owned())))
        }
        BulkStatus::Canceled | BulkStatus::Expired => start_over(app, lease, row.id).await,
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

/// Streams the result into the database, proves the transfer, moves the watermark.
async fn read(
    app: &App,
    lease: Lease,
    row: &Model,
    connection: &connections::Model,
    shop: &Shop,
    operation: &BulkOperation,
) -> Result<(), Error> {
    let mark = Mark::new(lane(row.kind), format!("pull:{}", row.id), &Actor::system("pull"));
    let mut pages = Pages { app, lease, row, mark, seen: 0, changed: 0 };
    let announced = (operation.object_count, operation.root_object_count);
    let update = held(lease)
        .col_expr(Column::AnnouncedObjects, Expr::value(i64::try_from(announced.0).unwrap_or(i64::MAX)))
        .col_expr(Column::AnnouncedOrders, Expr::value(i64::try_from(announced.1).unwrap_or(i64::MAX)));
    fenced(update.exec(app.db.write()).await?.rows_affected)?;
    let Some(url) = &operation.url else {
        if announced.0 != 0 {
            return Err(Error::Unproved("no result although lines were announced".to_owned()));
        }
        return pages.finish(Vec::new(), connection).await;
    };
    let mut rows = shop.bulk_orders(url.expose_secret()).await?;
    let mut page = Vec::with_capacity(PAGE);
    while let Some(next) = next_order(&mut rows, &pages).await? {
        page.push(next);
        if page.len() == PAGE {
            if app.stop.is_cancelled() {
                return later(app, lease, Duration::ZERO, false, None).await;
            }
            let full = std::mem::replace(&mut page, Vec::with_capacity(PAGE));
            let full = completed(shop, full).await?;
            pages.store(full, None).await?;
        }
    }
    let counted = rows.counted();
    let proved =
        (counted.objects, counted.roots) == announced && operation.file_size.is_none_or(|size| size == counted.bytes);
    if !proved {
        return Err(Error::Unproved(format!(
            "{} lines with {} orders came, {} with {} were announced",
            counted.objects, counted.roots, announced.0, announced.1
        )));
    }
    let last = completed(shop, page).await?;
    pages.finish(last, connection).await
}

/// The next whole order. A child that came apart from its order makes that order be read directly: memory holds one order, not the file.
async fn next_order(rows: &mut BulkOrders, pages: &Pages<'_>) -> Result<Option<Order>, Error> {
    loop {
        match rows.next().await? {
            Some(BulkRow::Order(order)) => return Ok(Some(*order)),
            Some(BulkRow::Orphan { parent }) => pages.announce(&parent).await?,
            None => return Ok(None),
        }
    }
}

/// A bulk result cannot hold a refund's lines: orders with refunds are read directly, many to a call.
async fn completed(shop: &Shop, mut page: Vec<Order>) -> Result<Vec<Order>, Error> {
    let ids: Vec<Gid> = page.iter().filter(|order| !order.refunds.is_empty()).map(|order| order.id.clone()).collect();
    if ids.is_empty() {
        return Ok(page);
    }
    for whole in shop.orders(&ids).await?.into_iter().flatten() {
        if let Some(order) = page.iter_mut().find(|order| order.id == whole.id) {
            *order = whole;
        }
    }
    Ok(page)
}

/// What has been stored of a result.
struct Pages<'a> {
    app: &'a App,
    lease: Lease,
    row: &'a Model,
    mark: Mark,
    seen: i64,
    changed: i64,
}

impl Pages<'_> {
    /// One page: orders, due marks and the counts, in one transaction. `last` is the connection whose watermark the last page moves.
    async fn store(&mut self, page: Vec<Order>, last: Option<&connections::Model>) -> Result<(), Error> {
        let now = self.app.clock.now();
        let connection = self.row.connection_id;
        let txn = self.app.db.begin_write().await?;
        if !work::renew::<Entity>(&txn, self.lease, now).await? {
            return Err(Error::Fenced);
        }
        let changed = order::record(&txn, &self.app.keyring, connection, &page, &self.mark, now).await?;
        self.seen += i64::try_from(page.len()).unwrap_or(i64::MAX);
        self.changed += i64::try_from(changed).unwrap_or(i64::MAX);
        let update = match last {
            Some(connection) => {
                // A backfill proves its own window; it moves the watermark only where it leaves no gap behind it.
                let gapless = match (self.row.since, connection.watermark) {
                    (None, _) => true,
                    (Some(since), Some(watermark)) => since <= watermark,
                    (Some(_), None) => self.row.kind == Kind::Scheduled,
                };
                // What was changed just before the operation may not have been searchable yet.
                let proved = self.row.until.min(self.row.created_at - INDEX_LAG);
                connection::pulled(&txn, connection.id, gapless.then_some(proved), now).await?;
                work::settle::<Entity>(self.lease, now)?
                    .col_expr(Column::State, Expr::value(State::Completed))
                    .col_expr(Column::LastError, Expr::value(None::<String>))
                    .col_expr(Column::FinishedAt, Expr::value(now))
            }
            None => held(self.lease),
        };
        let update = update
            .col_expr(Column::OrdersSeen, Expr::value(self.seen))
            .col_expr(Column::OrdersChanged, Expr::value(self.changed));
        fenced(update.exec(&txn).await?.rows_affected)?;
        txn.commit().await?;
        telemetry::orders_pulled(page.len() as u64);
        self.app.bell.notify_one();
        Ok(())
    }

    async fn announce(&self, order: &Gid) -> Result<(), Error> {
        let Some(number) = order.number() else { return Ok(()) };
        warn!("Shopify's result holds order {number} in pieces; it is read directly");
        let txn = self.app.db.begin_write().await?;
        order::announce(&txn, self.row.connection_id, number, &self.mark, self.app.clock.now()).await?;
        txn.commit().await?;
        Ok(())
    }

    async fn finish(mut self, last: Vec<Order>, connection: &connections::Model) -> Result<(), Error> {
        self.store(last, Some(connection)).await?;
        info!(orders = self.seen, changed = self.changed, "pull completed");
        Ok(())
    }
}

fn lane(kind: Kind) -> Lane {
    match kind {
        Kind::Scheduled => Lane::Pull,
        Kind::Backfill => Lane::Backfill,
    }
}

async fn start_over(app: &App, lease: Lease, id: PullId) -> Result<(), Error> {
    warn!("the bulk operation of pull {id} is gone; asking for another");
    forget_operation(app, lease, id).await?;
    later(app, lease, Duration::from_secs(1), true, None).await
}

async fn forget_operation(app: &App, lease: Lease, id: PullId) -> Result<(), Error> {
    let update = held(lease)
        .filter(Column::Id.eq(id))
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
        Error::Shopify(shopify::Error::Forbidden(said)) => Problem::new(
            Owner::Merchant,
            "SHOPIFY_FORBIDDEN",
            format!("Shopify does not allow reading orders: {said}."),
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

async fn later(app: &App, lease: Lease, wait: Duration, counts: bool, why: Option<&Problem>) -> Result<(), Error> {
    let now = app.clock.now();
    let at = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1));
    let mut update = work::retry_later::<Entity>(lease, at, counts, now)?;
    if let Some(problem) = why {
        update = update.col_expr(Column::LastError, Expr::value(serde_json::to_string(problem)?));
    }
    update.exec(app.db.write()).await?;
    Ok(())
}

fn held(lease: Lease) -> UpdateMany<Entity> {
    Entity::update_many().filter(Column::Id.eq(lease.id)).filter(Column::Fence.eq(lease.fence))
}

fn fenced(rows: u64) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::Fenced) }
}

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
enum Error {
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
    Order(#[from] order::Error),
    #[error("a problem could not be written down")]
    Form(#[from] serde_json::Error),
    #[error("the database failed")]
    Db(#[from] DbErr),
}
