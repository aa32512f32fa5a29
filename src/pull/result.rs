//! Reads an operation's result into the database: streamed, made whole, stored page by page, proved at its end.
//!
//! One order never stops a shop: what cannot be read whole is announced instead and fails, alone, as an order. Nor does a slow budget:
//! whatever was whole when the visit had to end is stored, and the next visit reads it from the file but not from Shopify again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    connection as connections,
    pull::{Column, Entity, Kind, Model, State},
    synced_order,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use secrecy::ExposeSecret;
use tracing::{info, warn};

use super::{
    INDEX_LAG,
    run::{Error, fenced, held, later},
};
use crate::{
    app::App,
    auth::Actor,
    connection,
    order::{self, Mark},
    shopify::{
        BulkOperation, BulkOrders, BulkRow, Shop,
        model::{Gid, Order},
    },
    telemetry,
    work::{self, Lane, Lease},
};

/// Orders per transaction.
const PAGE: usize = 100;
/// Orders read directly at once; as many as one call asks for.
const BATCH: usize = 20;

/// Streams the result into the database, proves the transfer, moves the watermark.
pub(super) async fn read(
    app: &App,
    lease: Lease,
    row: &Model,
    connection: &connections::Model,
    shop: &Shop,
    operation: &BulkOperation,
) -> Result<(), Error> {
    let mark = Mark::new(lane(row.kind), format!("pull:{}", row.id), &Actor::system("pull"));
    // An earlier visit's orders are seen again, but they change nothing any more.
    let mut pages = Pages { app, lease, row, shop, mark, seen: 0, changed: row.orders_changed };
    let announced = (operation.object_count, operation.root_object_count);
    let update = held(lease)
        .col_expr(Column::AnnouncedObjects, Expr::value(i64::try_from(announced.0).unwrap_or(i64::MAX)))
        .col_expr(Column::AnnouncedOrders, Expr::value(i64::try_from(announced.1).unwrap_or(i64::MAX)));
    fenced(update.exec(app.db.write()).await?.rows_affected)?;
    let Some(url) = &operation.url else {
        if announced.0 != 0 {
            return Err(Error::Unproved("no result although lines were announced".to_owned()));
        }
        return pages.finish(Page::default(), connection).await;
    };
    let mut rows = shop.bulk_orders(url.expose_secret()).await?;
    let mut page = Vec::with_capacity(PAGE);
    while let Some(next) = next_order(&mut rows, &pages).await? {
        page.push(next);
        if page.len() == PAGE {
            if app.stop.is_cancelled() {
                return later(app, lease, std::time::Duration::ZERO, false, None).await;
            }
            let full = std::mem::replace(&mut page, Vec::with_capacity(PAGE));
            let full = pages.whole(full).await?;
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
    let last = pages.whole(page).await?;
    pages.finish(last, connection).await
}

/// The next order of the file. A child that came apart from its order makes that order be read directly: memory holds one order, not
/// the file.
async fn next_order(rows: &mut BulkOrders, pages: &Pages<'_>) -> Result<Option<Order>, Error> {
    loop {
        match rows.next().await? {
            Some(BulkRow::Order(order)) => return Ok(Some(*order)),
            Some(BulkRow::Orphan { parent }) => pages.announce(&parent, "is in pieces in Shopify's result").await?,
            None => return Ok(None),
        }
    }
}

/// Some of a result's orders.
#[derive(Default)]
struct Page {
    /// How many there were.
    seen: usize,
    /// Those of them that are to be recorded, whole.
    orders: Vec<Order>,
}

/// What has been stored of a result.
struct Pages<'a> {
    app: &'a App,
    lease: Lease,
    row: &'a Model,
    shop: &'a Shop,
    mark: Mark,
    seen: i64,
    changed: i64,
}

impl Pages<'_> {
    /// A bulk result cannot hold a refund's lines: orders with refunds are read directly, unless they are known already. Where that
    /// comes to an end early, what is whole by then is stored, so that the next visit has less to read.
    async fn whole(&mut self, page: Vec<Order>) -> Result<Page, Error> {
        let seen = page.len();
        let (headers, mut orders): (Vec<Order>, Vec<Order>) =
            page.into_iter().partition(|order| !order.refunds.is_empty());
        let unknown = self.unknown(headers).await?;
        let mut batches: Vec<&[Gid]> = unknown.chunks(BATCH).rev().collect();
        while let Some(batch) = batches.pop() {
            match self.shop.orders(batch).await {
                Ok(read) => {
                    for (id, order) in batch.iter().zip(read) {
                        match order {
                            Some(order) => orders.push(order),
                            None => self.announce(id, "is no longer shown by Shopify").await?,
                        }
                    }
                }
                Err(e) if e.is_about_one() => match batch {
                    [id] => self.announce(id, "cannot be read whole").await?,
                    // The culprit is in one of the halves.
                    several => batches.extend(<[_; 2]>::from(several.split_at(several.len() / 2))),
                },
                Err(e) => {
                    self.store(Page { seen: orders.len(), orders }, None).await?;
                    return Err(e.into());
                }
            }
        }
        Ok(Page { seen, orders })
    }

    /// Those of `orders` that [`order::record`] would take: new, or newer than what is stored.
    async fn unknown(&self, orders: Vec<Order>) -> Result<Vec<Gid>, DbErr> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let stored: Vec<(i64, Option<DateTime<Utc>>)> = synced_order::Entity::find()
            .select_only()
            .column(synced_order::Column::ShopifyOrderId)
            .column(synced_order::Column::ShopifyUpdatedAt)
            .filter(synced_order::Column::ConnectionId.eq(self.row.connection_id))
            .filter(synced_order::Column::ShopifyOrderId.is_in(orders.iter().map(Order::number_of_id)))
            .into_tuple()
            .all(self.app.db.read())
            .await?;
        let stored: HashMap<i64, Option<DateTime<Utc>>> = stored.into_iter().collect();
        let known = |order: &Order| {
            let version = stored.get(&order.number_of_id()).copied().flatten();
            version.is_some_and(|version| version >= order.updated_at)
        };
        Ok(orders.into_iter().filter(|order| !known(order)).map(|order| order.id).collect())
    }

    /// One page: orders, due marks and the counts, in one transaction. `last` is the connection whose watermark the last page moves.
    async fn store(&mut self, page: Page, last: Option<&connections::Model>) -> Result<(), Error> {
        let now = self.app.clock.now();
        let connection = self.row.connection_id;
        let txn = self.app.db.begin_write().await?;
        if !work::renew::<Entity>(&txn, self.lease, now).await? {
            return Err(Error::Fenced);
        }
        // The operation may have looked for its orders in an index that lagged.
        let asked_at = self.row.bulk_requested_at.map(|at| at - INDEX_LAG);
        let changed =
            order::record(&txn, &self.app.keyring, connection, &page.orders, &self.mark, asked_at, now).await?;
        self.seen += i64::try_from(page.seen).unwrap_or(i64::MAX);
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
        telemetry::orders_pulled(page.seen as u64);
        self.app.bell.notify_one();
        Ok(())
    }

    /// Leaves an order to its own visit, which reads it from Shopify.
    async fn announce(&self, order: &Gid, why: &str) -> Result<(), Error> {
        let Some(number) = order.number() else { return Ok(()) };
        warn!("order {number} {why}; it is read directly, by itself");
        let txn = self.app.db.begin_write().await?;
        let (now, told) = (self.app.clock.now(), order::Told { number, version: None });
        order::announce(&txn, self.row.connection_id, &[told], &self.mark, now, now).await?;
        txn.commit().await?;
        Ok(())
    }

    async fn finish(mut self, last: Page, connection: &connections::Model) -> Result<(), Error> {
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
