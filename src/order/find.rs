//! Orders by what they are known by.

use std::collections::BTreeMap;

use entity::{
    ids::{ConnectionId, CustomerKeyId, OrderId},
    resource_link,
    synced_order::{Column, Entity, Model, State},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, sea_query::Expr,
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

/// The order of each of these customers that carries a change of theirs into the books, by Shopify's numbers: of those that nobody
/// gave up and no rule leaves out the newest that has an invoice, else the newest; where there are none, the newest.
///
/// # Errors
/// When the database fails.
pub async fn newest_of_customers(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    customers: &[i64],
) -> Result<Vec<i64>, DbErr> {
    let keys = customer_key::of_customers(txn, connection, customers).await?;
    if keys.is_empty() {
        return Ok(Vec::new()); // most who only look around
    }
    let invoiced = resource_link::Entity::find()
        .select_only()
        .column(resource_link::Column::OrderId)
        .filter(resource_link::Column::Kind.eq(resource_link::Kind::Invoice))
        .filter(resource_link::Column::State.eq(resource_link::State::Confirmed))
        .filter(
            resource_link::Column::OrderId.in_subquery(
                Entity::find()
                    .select_only()
                    .column(Column::Id)
                    .filter(Column::CustomerKeyId.is_in(keys.iter().copied()))
                    .into_query(),
            ),
        )
        .into_query();
    let visited = Column::State.is_not_in([State::Dismissed, State::Skipped]);
    let among = |these: Condition| {
        Entity::find()
            .select_only()
            .column(Column::CustomerKeyId)
            .column_as(Expr::col(Column::ShopifyOrderId).max(), "newest")
            .filter(Column::CustomerKeyId.is_in(keys.iter().copied()))
            .filter(these)
            .group_by(Column::CustomerKeyId)
            .into_tuple::<(CustomerKeyId, i64)>()
    };
    let mut newest: BTreeMap<CustomerKeyId, i64> = BTreeMap::new();
    let carrying = Column::Id.in_subquery(invoiced).and(visited.clone());
    for these in [Condition::all().add(carrying), Condition::all().add(visited), Condition::all()] {
        for (key, number) in among(these).all(txn).await? {
            newest.entry(key).or_insert(number);
        }
    }
    Ok(newest.into_values().collect())
}

/// The orders whose personal values these keys seal, and those of these Shopify numbers.
///
/// # Errors
/// When the database fails.
pub async fn of_keys(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    keys: &[CustomerKeyId],
    numbers: &[i64],
) -> Result<Vec<Model>, DbErr> {
    theirs(connection, keys, numbers).all(conn).await
}

/// As [`of_keys`], locked in the order of all who lock several, before anything else of the
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
    theirs(connection, keys, numbers).lock_exclusive().all(txn).await
}

fn theirs(connection: ConnectionId, keys: &[CustomerKeyId], numbers: &[i64]) -> Select<Entity> {
    let theirs =
        Column::CustomerKeyId.is_in(keys.iter().copied()).or(Column::ShopifyOrderId.is_in(numbers.iter().copied()));
    Entity::find().filter(Column::ConnectionId.eq(connection)).filter(theirs).order_by_asc(Column::ShopifyOrderId)
}
