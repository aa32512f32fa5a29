//! Deliveries are kept for a while only.

use chrono::{DateTime, Utc};
use entity::{ids::ConnectionId, told_transaction, webhook_delivery};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    QueryTrait,
};

/// Rows that one statement deletes: whoever takes deliveries in meanwhile hardly waits.
const TOGETHER: u64 = 2_000;

/// Deletes what was received before `before`: of this connection, and of shops that are none. Returns how many deliveries that were.
///
/// # Errors
/// When the database fails.
pub async fn delete_older(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    before: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let mut deleted = 0;
    loop {
        use webhook_delivery::{Column, Entity};
        let whose = Column::ConnectionId.eq(connection).or(Column::ConnectionId.is_null());
        let some = Entity::find().select_only().column(Column::Id).filter(whose).filter(Column::ReceivedAt.lt(before));
        let some = Column::Id.in_subquery(some.limit(TOGETHER).into_query());
        let rows = Entity::delete_many().filter(some).exec(conn).await?.rows_affected;
        deleted += rows;
        if rows < TOGETHER {
            break;
        }
    }
    loop {
        use told_transaction::{Column, Entity};
        let some = Entity::find().select_only().column(Column::Id).filter(Column::ConnectionId.eq(connection));
        let some = some.filter(Column::ToldAt.lt(before)).limit(TOGETHER);
        let some = Column::Id.in_subquery(some.into_query());
        if Entity::delete_many().filter(some).exec(conn).await?.rows_affected < TOGETHER {
            return Ok(deleted);
        }
    }
}

/// Deletes what was told of these customers (Shopify's numbers).
///
/// # Errors
/// When the database fails.
pub async fn forget_customers(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    customers: &[i64],
) -> Result<(), DbErr> {
    use webhook_delivery::{Column, Entity};
    let names = customers.iter().map(|number| format!("Customer/{number}"));
    let theirs = Entity::delete_many().filter(Column::ConnectionId.eq(connection));
    theirs.filter(Column::Resource.is_in(names)).filter(Column::ShopifyOrderId.is_null()).exec(txn).await?;
    Ok(())
}

/// Deletes all that this shop, by its connection or its address, has told.
///
/// # Errors
/// When the database fails.
pub async fn forget_shop(txn: &DatabaseTransaction, connection: ConnectionId, domain: &str) -> Result<(), DbErr> {
    use webhook_delivery::{Column, Entity};
    let theirs = Column::ConnectionId.eq(connection).or(Column::ShopDomain.eq(domain));
    Entity::delete_many().filter(theirs).exec(txn).await?;
    let told = told_transaction::Entity::delete_many();
    told.filter(told_transaction::Column::ConnectionId.eq(connection)).exec(txn).await?;
    Ok(())
}
