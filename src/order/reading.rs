//! What is read from Shopify because somebody said that ours may be old: which orders, and what they were.

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, OrderId},
    synced_order::{Column, Entity, Model, State},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use super::{Error, redacted, snapshot};
use crate::{
    crypto::Keyring,
    customer_key, mapping,
    shopify::model::Order,
    work::{self, Lane},
};

/// An order about to be read from Shopify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Our row.
    pub id: OrderId,
    /// Shopify's number.
    pub number: i64,
    /// Counts the marks so far: one that is made while Shopify is asked leaves the order stale.
    pub generation: i64,
}

/// Orders of a connection that are due by `until` and stale, the most urgent first: what is read from Shopify together.
///
/// # Errors
/// When the database fails.
pub async fn to_be_read(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    until: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Reading>, DbErr> {
    let rows: Vec<(OrderId, i64, i64)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ShopifyOrderId, Column::Generation])
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::DueAt.lte(until))
        .filter(Column::Stale.eq(true))
        .order_by_asc(Column::Lane)
        .order_by_asc(Column::DueAt)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|(id, number, generation)| Reading { id, number, generation }).collect())
}

/// How many orders [`to_be_read`] finds in all, and since when the first of them waits.
///
/// # Errors
/// When the database fails.
pub async fn waiting_to_be_read(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    until: DateTime<Utc>,
) -> Result<(i64, Option<DateTime<Utc>>), DbErr> {
    let counted: Option<(i64, Option<DateTime<Utc>>)> = Entity::find()
        .select_only()
        .column_as(Expr::col(Column::Id).count(), "waiting")
        .column_as(Expr::col(Column::UpdatedAt).min(), "since")
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::DueAt.lte(until))
        .filter(Column::Stale.eq(true))
        .into_tuple()
        .one(conn)
        .await?;
    Ok(counted.unwrap_or_default())
}

/// Stores what these orders were when Shopify was asked. `visited` goes on with it by itself, and so does whoever visits those that are due;
/// one that somebody else has come to an end with meanwhile, or is about to, or has put off, is marked again where this is news. A state older
/// than the one known changes nothing; what was announced meanwhile keeps an order stale, so that it is read again. Of orders whose customer
/// was erased nothing is stored.
///
/// # Errors
/// When the database fails.
pub async fn refresh(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    connection: ConnectionId,
    visited: &Model,
    read: &[(Reading, Order)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let ids = read.iter().map(|(reading, _)| reading.id);
    let rows = Entity::find()
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::ShopifyOrderId)
        .lock_exclusive()
        .all(txn)
        .await?;
    let erased = redacted::among(txn, rows.iter().map(|row| (row.id, row.customer_key_id))).await?;
    let kept = read.iter().filter(|(reading, _)| !erased.contains(&reading.id));
    let subjects: Vec<String> = kept.clone().map(|(_, order)| mapping::client::key_subject(order)).collect();
    let keys = customer_key::load_or_make(txn, keyring, connection, &subjects, now).await?;
    for ((reading, order), subject) in kept.zip(&subjects) {
        let Some(row) = rows.iter().find(|row| row.id == reading.id) else { continue };
        // Recorded while we were reading, and newer; or announced and read again meanwhile, by another process.
        let overtaken = row.generation != reading.generation && !row.stale;
        if row
            .shopify_updated_at
            .is_some_and(|known| known > order.updated_at || (overtaken && known == order.updated_at))
        {
            continue;
        }
        let key = keys.get(subject);
        if let Some(key) = key {
            snapshot::put(txn, row.id, order, key).await?;
        }
        let ours = row.id == visited.id && row.fence == visited.fence;
        let waits = row.due_at.is_some_and(|at| at <= now) && row.fence.is_none();
        let news = row.shopify_updated_at.is_none_or(|known| known < order.updated_at);
        let update = if ours || waits || !news || row.state == State::Dismissed {
            Entity::update_many()
        } else {
            work::mark::<Entity>(Lane::Webhook, now)?.col_expr(Column::State, Expr::value(State::Due))
        };
        super::read_now(update, order, key.map(|(id, _)| id.0))
            .filter(Column::Id.eq(row.id))
            .col_expr(Column::Stale, Expr::value(row.stale && row.generation != reading.generation))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .exec(txn)
            .await?;
    }
    Ok(())
}
