//! Another look at what is kept out of the books, because what kept it out has changed.

use chrono::{DateTime, Utc};
use entity::{
    ids::ConnectionId,
    synced_order::{Column, Entity, State},
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::LockType,
};

use super::{Error, Mark, marked};
use crate::work;

/// Marks the connection's orders that wait, failed or were skipped; and those that are being visited just now, by what held until now.
/// Orders in the books and orders that a person gave up stay as they are. Returns how many were marked.
///
/// Call it before anything else in the transaction: whoever ends a visit locks the order first, too, and then its connection.
///
/// # Errors
/// When the database fails.
pub async fn reconsider(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    mark: &Mark,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let visited = Condition::all().add(Column::LeasedUntil.gt(now)).add(Column::State.ne(State::Dismissed));
    let kept_out = Column::State.is_in([State::Waiting, State::Failed, State::Skipped]);
    // Locked in the order of pages, as everybody does who locks several.
    let mut affected = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ConnectionId.eq(connection))
        .filter(Condition::any().add(kept_out).add(visited))
        .order_by_asc(Column::ShopifyOrderId);
    QuerySelect::query(&mut affected).lock(LockType::Update);
    let update = marked(work::mark::<Entity>(mark.lane, now)?, mark, now);
    Ok(update.filter(Column::Id.in_subquery(affected.into_query())).exec(txn).await?.rows_affected)
}
