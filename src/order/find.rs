//! Orders by what they are known by.

use entity::{
    ids::{ConnectionId, CustomerKeyId, OrderId},
    synced_order::{Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use super::Error;
use crate::customer_key;

/// The order of this id.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn load(conn: &impl ConnectionTrait, id: OrderId) -> Result<Model, Error> {
    Entity::find_by_id(id).one(conn).await?.ok_or(Error::Missing)
}

/// The order of this Shopify number.
///
/// # Errors
/// When the database fails.
pub async fn find(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    shopify_order_id: i64,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::ShopifyOrderId.eq(shopify_order_id))
        .one(conn)
        .await
}

/// The newest order of this name, such as `#1001`.
///
/// # Errors
/// When the database fails.
pub async fn find_by_name(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    name: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Name.eq(name))
        .order_by_desc(Column::ShopifyOrderId)
        .one(conn)
        .await
}

/// The newest order of each of these customers, by Shopify's numbers.
///
/// # Errors
/// When the database fails.
pub async fn newest_of_customers(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    customers: &[i64],
) -> Result<Vec<i64>, DbErr> {
    let keys = customer_key::of_customers(txn, connection, customers).await?;
    let rows: Vec<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Expr::col(Column::ShopifyOrderId).max(), "newest")
        .filter(Column::CustomerKeyId.is_in(keys))
        .group_by(Column::CustomerKeyId)
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().flatten().collect())
}

/// The orders whose personal values these keys seal.
///
/// # Errors
/// When the database fails.
pub async fn of_keys(conn: &impl ConnectionTrait, keys: &[CustomerKeyId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::CustomerKeyId.is_in(keys.iter().copied()))
        .order_by_asc(Column::ShopifyOrderId)
        .all(conn)
        .await
}

/// As [`of_keys`], with the orders of these Shopify numbers; locked in the order of all who lock several, before anything else of the
/// transaction.
///
/// # Errors
/// When the database fails.
pub async fn lock_of_keys(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    keys: &[CustomerKeyId],
    numbers: &[i64],
) -> Result<Vec<Model>, DbErr> {
    let theirs =
        Column::CustomerKeyId.is_in(keys.iter().copied()).or(Column::ShopifyOrderId.is_in(numbers.iter().copied()));
    Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(theirs)
        .order_by_asc(Column::ShopifyOrderId)
        .lock_exclusive()
        .all(txn)
        .await
}
