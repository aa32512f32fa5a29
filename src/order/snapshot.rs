//! The newest Shopify state known of an order, sealed under its customer's key and bound to its row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, CustomerKeyId, OrderId},
    order_snapshot::{ActiveModel, Column, Entity},
    synced_order,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict, SimpleExpr},
};

use super::Error;
use crate::{
    crypto::{DataKey, Keyring},
    customer_key,
    shopify::model::Order,
};

/// An order as it was last read, with the key that seals whatever is stored of it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// As Shopify said it.
    pub order: Order,
    /// Seals its personal values.
    pub key: (CustomerKeyId, DataKey),
}

/// Stores `order` in place of an older state. Only [`super::record`] knows that it is newer.
pub(super) async fn put(
    txn: &impl ConnectionTrait,
    id: OrderId,
    order: &Order,
    (key_id, key): &(CustomerKeyId, DataKey),
) -> Result<(), Error> {
    let row = ActiveModel {
        order_id: Set(id),
        shopify_updated_at: Set(order.updated_at),
        customer_key_id: Set(*key_id),
        sealed: Set(key.seal(&place(id), &serde_json::to_vec(order)?)?),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::OrderId)
                .update_columns([Column::ShopifyUpdatedAt, Column::CustomerKeyId, Column::Sealed])
                .to_owned(),
        )
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// The stored state; `None` where there is none any more: never read, past its retention, or its customer redacted.
///
/// # Errors
/// When the database fails or what is stored was tampered with.
pub async fn find(conn: &impl ConnectionTrait, keyring: &Keyring, id: OrderId) -> Result<Option<Snapshot>, Error> {
    let Some(row) = Entity::find_by_id(id).one(conn).await? else { return Ok(None) };
    let Some(key) = customer_key::find_by_id(conn, keyring, row.customer_key_id).await? else { return Ok(None) };
    let order = serde_json::from_slice(&key.open(&place(id), &row.sealed)?)?;
    Ok(Some(Snapshot { order, key: (row.customer_key_id, key) }))
}

/// Deletes the stored states that these keys seal. Returns how many those were.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_keys(txn: &DatabaseTransaction, keys: &[CustomerKeyId]) -> Result<u64, DbErr> {
    let theirs = Column::CustomerKeyId.is_in(keys.iter().copied());
    Ok(Entity::delete_many().filter(theirs).exec(txn).await?.rows_affected)
}

/// Orders at rest, after this Shopify number, that nothing has happened to since `before` and whose state is stored: with their numbers, in
/// the order of those; at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn older(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    before: DateTime<Utc>,
    after: i64,
    limit: u64,
) -> Result<Vec<(OrderId, i64)>, DbErr> {
    use synced_order::{Column as OrderColumn, Entity as Orders};
    let stored = Entity::find().select_only().column(Column::OrderId).into_query();
    Orders::find()
        .select_only()
        .columns([OrderColumn::Id, OrderColumn::ShopifyOrderId])
        .filter(OrderColumn::ConnectionId.eq(connection))
        .filter(OrderColumn::ShopifyOrderId.gt(after))
        .filter(is_over(before))
        .filter(OrderColumn::Id.in_subquery(stored))
        .order_by_asc(OrderColumn::ShopifyOrderId)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await
}

/// Deletes the stored states of these orders, as far as they are at rest and nothing has happened to them since `before`, and has them read
/// again when they are looked at the next time. Returns how many those were.
///
/// # Errors
/// When the database fails.
pub async fn delete_older(
    txn: &DatabaseTransaction,
    ids: impl IntoIterator<Item = OrderId>,
    before: DateTime<Utc>,
) -> Result<u64, DbErr> {
    use synced_order::{Column as OrderColumn, Entity as Orders};
    let still: Vec<OrderId> = Orders::find()
        .select_only()
        .column(OrderColumn::Id)
        .filter(OrderColumn::Id.is_in(ids))
        .filter(is_over(before))
        .order_by_asc(OrderColumn::ShopifyOrderId)
        .lock_exclusive()
        .into_tuple()
        .all(txn)
        .await?;
    if still.is_empty() {
        return Ok(0);
    }
    Orders::update_many()
        .filter(OrderColumn::Id.is_in(still.iter().copied()))
        .col_expr(OrderColumn::Stale, Expr::value(true))
        .exec(txn)
        .await?;
    Ok(Entity::delete_many().filter(Column::OrderId.is_in(still)).exec(txn).await?.rows_affected)
}

/// At rest, and nothing has happened to it since.
fn is_over(before: DateTime<Utc>) -> SimpleExpr {
    use synced_order::Column as OrderColumn;
    let at_rest = OrderColumn::DueAt.is_null().and(OrderColumn::Fence.is_null());
    at_rest.and(OrderColumn::UpdatedAt.lt(before))
}

/// Which orders have a stored state, those placed last first; at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn newest(conn: &impl ConnectionTrait, connection: ConnectionId, limit: u64) -> Result<Vec<OrderId>, DbErr> {
    use synced_order::{Column as OrderColumn, Entity as Orders};
    let stored = Entity::find().select_only().column(Column::OrderId).into_query();
    Orders::find()
        .select_only()
        .column(OrderColumn::Id)
        .filter(OrderColumn::ConnectionId.eq(connection))
        .filter(OrderColumn::ProcessedAt.is_not_null())
        .filter(OrderColumn::Id.in_subquery(stored))
        .order_by_desc(OrderColumn::ProcessedAt)
        .order_by_desc(OrderColumn::Id)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await
}

/// The stored states of these orders, in their order; those whose customer was redacted are left out. A few hundred a call.
///
/// # Errors
/// When the database fails or what is stored was tampered with.
pub async fn list(conn: &impl ConnectionTrait, keyring: &Keyring, ids: &[OrderId]) -> Result<Vec<Order>, Error> {
    let rows = Entity::find().filter(Column::OrderId.is_in(ids.iter().copied())).all(conn).await?;
    let keys = customer_key::list(conn, keyring, rows.iter().map(|row| row.customer_key_id)).await?;
    let rows: BTreeMap<OrderId, _> = rows.into_iter().map(|row| (row.order_id, row)).collect();
    let opened = ids.iter().filter_map(|id| {
        let row = rows.get(id)?;
        let key = keys.get(&row.customer_key_id)?;
        let open = || Ok(serde_json::from_slice(&key.open(&place(*id), &row.sealed)?)?);
        Some(open())
    });
    opened.collect()
}

/// The largest order number among the orders placed last, where one is stored: shops count up.
///
/// # Errors
/// When the database fails or what is stored was tampered with.
pub async fn largest_number(
    conn: &impl ConnectionTrait,
    keyring: &Keyring,
    connection: ConnectionId,
) -> Result<Option<i64>, Error> {
    let newest = newest(conn, connection, 20).await?;
    Ok(list(conn, keyring, &newest).await?.iter().map(|order| order.number).max())
}

fn place(id: OrderId) -> String {
    format!("order_snapshot/{id}/sealed")
}
