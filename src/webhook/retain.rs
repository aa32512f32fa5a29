//! Deliveries are kept for a while only.

use chrono::{DateTime, Utc};
use entity::{ids::ConnectionId, told_transaction, webhook_delivery};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};

/// Deletes what was received before `before`: of this connection, and of shops that are none. Returns how many deliveries that were.
///
/// # Errors
/// When the database fails.
pub async fn delete_older(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    before: DateTime<Utc>,
) -> Result<u64, DbErr> {
    use webhook_delivery::{Column, Entity};
    let whose = Column::ConnectionId.eq(connection).or(Column::ConnectionId.is_null());
    let deleted = Entity::delete_many().filter(whose).filter(Column::ReceivedAt.lt(before)).exec(conn).await?;
    told_transaction::Entity::delete_many()
        .filter(told_transaction::Column::ConnectionId.eq(connection))
        .filter(told_transaction::Column::ToldAt.lt(before))
        .exec(conn)
        .await?;
    Ok(deleted.rows_affected)
}
