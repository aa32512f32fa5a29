//! Orders of customers whose data were erased: their rows point to a destroyed key. Nothing of them is ever stored again, whoever brings
//! it; what is in the books stays as it is.

use std::collections::BTreeSet;

use entity::{
    ids::{CustomerKeyId, OrderId},
    synced_order::{Column, Entity, Model},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    customer_key,
    problem::{Owner, Problem},
};

/// Whether the customer of this order was erased.
///
/// # Errors
/// When the database fails.
pub async fn is_redacted(conn: &impl ConnectionTrait, row: &Model) -> Result<bool, DbErr> {
    Ok(!among(conn, [(row.id, row.customer_key_id)]).await?.is_empty())
}

/// Those of these orders, each with its customer's key, whose customer was erased.
pub(super) async fn among(
    conn: &impl ConnectionTrait,
    orders: impl IntoIterator<Item = (OrderId, Option<CustomerKeyId>)>,
) -> Result<BTreeSet<OrderId>, DbErr> {
    let sealed: Vec<(OrderId, CustomerKeyId)> = orders.into_iter().filter_map(|(id, key)| Some((id, key?))).collect();
    if sealed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let destroyed = customer_key::destroyed(conn, sealed.iter().map(|(_, key)| *key)).await?;
    Ok(sealed.into_iter().filter(|(_, key)| destroyed.contains(key)).map(|(id, _)| id).collect())
}

/// Seals the order, of which nothing is held yet, under this key: that of a customer who is erased.
///
/// # Errors
/// When the database fails.
pub async fn seal_under(conn: &impl ConnectionTrait, id: OrderId, key: CustomerKeyId) -> Result<(), DbErr> {
    let update = Entity::update_many().filter(Column::Id.eq(id)).filter(Column::CustomerKeyId.is_null());
    update.col_expr(Column::CustomerKeyId, Expr::value(key.0)).exec(conn).await?;
    Ok(())
}

/// Why nothing is done about such an order.
pub fn erased() -> Problem {
    Problem::new(
        Owner::Accountant,
        "CUSTOMER_ERASED",
        "The customer's data were erased at their request; the documents in FreshBooks stay as they are.",
        "Book late changes of this order, such as refunds, in FreshBooks by hand.",
    )
}
