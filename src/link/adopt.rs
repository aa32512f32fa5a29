//! Documents that a person named: linked before anybody has read them, and given back where they do not fit.

use chrono::{DateTime, Utc};
use entity::{
    connection,
    ids::{ConnectionId, OrderId},
    resource_link::{Column, Entity, Kind, Model, State},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, SimpleExpr},
};

use super::{LinkKey, of, write::make};

/// What became of naming a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It is read by the next visit.
    Anew,
    /// It was named or linked before.
    Already,
    /// It was linked before, and we have deleted it since.
    Removed,
    /// Another document is linked there.
    Other(i64),
    /// FreshBooks is being asked, or its last answer never came.
    Busy,
}

/// Names a document as the one that is there already for this key.
///
/// # Errors
/// When the database fails.
pub async fn name(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    order: OrderId,
    key: &LinkKey,
    freshbooks_id: i64,
    now: DateTime<Utc>,
) -> Result<Named, DbErr> {
    make(txn, connection, order, key, now).await?;
    let row = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(key.kind))
        .filter(Column::ShopifyId.eq(&key.shopify_id))
        .lock_exclusive()
        .one(txn)
        .await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a link that was just made".to_owned()))?;
    match row.freshbooks_id {
        // A client is only ever on its way back.
        Some(id) if id == freshbooks_id && row.state == State::Removed && row.kind != Kind::Client => {
            return Ok(Named::Removed);
        }
        Some(id) if id == freshbooks_id => return Ok(Named::Already),
        // One that was only named, and not read yet, was perhaps named by mistake.
        Some(other) if row.state != State::Adopting => return Ok(Named::Other(other)),
        // Whatever it answers would take the place of what the person says.
        _ if row.leased_until.is_some_and(|until| until > now) => return Ok(Named::Busy),
        _ => {}
    }
    let update = Entity::update_many().filter(Column::Id.eq(row.id));
    update
        .col_expr(Column::State, Expr::value(State::Adopting))
        .col_expr(Column::FreshbooksId, Expr::value(freshbooks_id))
        .col_expr(Column::Fence, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::LeasedUntil, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(Named::Anew)
}

/// Gives back a document that was named and does not fit. What may have been written before is looked for again; of an invoice that was never
/// about to be written nothing is left.
///
/// # Errors
/// When the database fails.
pub async fn give_back(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    key: &LinkKey,
    freshbooks_id: i64,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if key.kind == Kind::Invoice {
        Entity::delete_many()
            .filter(Column::ConnectionId.eq(connection))
            .filter(Column::Kind.eq(key.kind))
            .filter(Column::ShopifyId.eq(&key.shopify_id))
            .filter(Column::State.eq(State::Adopting))
            .filter(Column::FreshbooksId.eq(freshbooks_id))
            .filter(Column::NaturalKey.is_null())
            .exec(txn)
            .await?;
    }
    let null = || SimpleExpr::Custom("NULL".into());
    of(connection, key)
        .filter(Column::State.eq(State::Adopting))
        .filter(Column::FreshbooksId.eq(freshbooks_id))
        .col_expr(Column::State, Expr::value(State::Intended))
        .col_expr(Column::FreshbooksId, null())
        .col_expr(Column::Fence, null())
        .col_expr(Column::LeasedUntil, null())
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(())
}

/// Whose a document is already, over all connections of a FreshBooks account; other than this one's.
///
/// # Errors
/// When the database fails.
pub async fn holder(
    conn: &impl ConnectionTrait,
    account: &str,
    kind: Kind,
    freshbooks_id: i64,
    but: (ConnectionId, &str),
) -> Result<Option<Model>, DbErr> {
    let of_account = connection::Entity::find()
        .select_only()
        .column(connection::Column::Id)
        .filter(connection::Column::AccountId.eq(account))
        .into_query();
    let rows = Entity::find()
        .filter(Column::ConnectionId.in_subquery(of_account))
        .filter(Column::Kind.eq(kind))
        .filter(Column::FreshbooksId.eq(freshbooks_id))
        .all(conn)
        .await?;
    Ok(rows.into_iter().find(|row| (row.connection_id, row.shopify_id.as_str()) != but))
}
