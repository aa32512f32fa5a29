//! Another visit to orders whose documents somebody changed in FreshBooks.

use chrono::{DateTime, Utc};
use entity::{
    ids::{CustomerKeyId, OrderId},
    synced_order::{Column, Entity, Model, State},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{Error, Mark, marked, problem};
use crate::work;

/// The order of this id, locked.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn lock(txn: &DatabaseTransaction, id: OrderId) -> Result<Model, Error> {
    Entity::find_by_id(id).lock_exclusive().one(txn).await?.ok_or(Error::Missing)
}

/// Marks these orders due.
///
/// # Errors
/// When the database fails.
pub async fn revisit(txn: &DatabaseTransaction, ids: &[OrderId], mark: &Mark, now: DateTime<Utc>) -> Result<(), Error> {
    let update = marked(work::mark::<Entity>(mark.lane, now)?, mark, now);
    update.filter(Column::Id.is_in(ids.iter().copied())).exec(txn).await?;
    Ok(())
}

/// A person keeps what FreshBooks has of an order, whose documents come to `returned` there: its proof says so. An order that waited for
/// the decision is looked at again; any other stays where it is.
///
/// # Errors
/// When the database fails.
pub async fn kept(
    txn: &DatabaseTransaction,
    order: &Model,
    returned: Option<i64>,
    mark: &Mark,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if let Some(returned) = returned.filter(|_| order.proof_currency.is_some()) {
        let update = Entity::update_many().filter(Column::Id.eq(order.id));
        update.col_expr(Column::ProofReturnedMinor, Expr::value(returned)).exec(txn).await?;
    }
    let waited = order.state == State::Waiting && problem(order).is_some_and(|problem| problem.code == "DRIFT");
    if waited {
        revisit(txn, &[order.id], mark, now).await?;
    }
    Ok(())
}

/// The order under this customer's key that was changed last in Shopify.
///
/// # Errors
/// When the database fails.
pub async fn newest_of_key(conn: &impl ConnectionTrait, key: CustomerKeyId) -> Result<Option<OrderId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CustomerKeyId.eq(key))
        .filter(Column::ShopifyUpdatedAt.is_not_null())
        .order_by_desc(Column::ShopifyUpdatedAt)
        .into_tuple()
        .one(conn)
        .await
}
