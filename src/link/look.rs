//! Documents that somebody may have changed in FreshBooks: which are to be looked at, and what a look brought.
//!
//! A look holds its rows by a time far ahead: whatever is told meanwhile asks for an earlier one, and is not lost. Whoever is killed in the
//! middle leaves rows that are looked at when that time has come.

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, LinkId, OrderId},
    resource_link::{Column, Entity, Kind, Model, State},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Expr, SimpleExpr},
};

use super::{
    Error, Facts,
    seen::{Seen, listed, sealed},
};
use crate::crypto::DataKey;

/// Has these documents looked at in FreshBooks at `at`, or earlier where that was so already.
///
/// # Errors
/// When the database fails.
pub async fn look_later(conn: &impl ConnectionTrait, links: &[LinkId], at: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::Id.is_in(links.iter().copied()))
        .filter(Column::LookAt.is_null().or(Column::LookAt.gt(at)))
        .col_expr(Column::LookAt, Expr::value(at))
        .exec(conn)
        .await?;
    Ok(())
}

/// When the next document of this connection is to be looked at.
///
/// # Errors
/// When the database fails.
pub async fn next_look(conn: &impl ConnectionTrait, connection: ConnectionId) -> Result<Option<DateTime<Utc>>, DbErr> {
    let first = Entity::find()
        .select_only()
        .column(Column::LookAt)
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::LookAt.is_not_null())
        .order_by_asc(Column::LookAt);
    let first: Option<Option<DateTime<Utc>>> = first.into_tuple().one(conn).await?;
    Ok(first.flatten())
}

/// Takes documents of one kind whose time comes by `until`, at most `limit` of those behind `after`, and holds them until `held`. Returns
/// each as it is now, in order.
///
/// # Errors
/// When the database fails.
pub async fn take(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    kind: Kind,
    after: LinkId,
    until: DateTime<Utc>,
    held: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let due: Vec<LinkId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(kind))
        .filter(Column::Id.gt(after))
        .filter(Column::LookAt.lte(until))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let taken = Entity::update_many()
        .filter(Column::Id.is_in(due))
        .filter(Column::LookAt.lte(until))
        .col_expr(Column::LookAt, Expr::value(held));
    let mut rows = taken.exec_with_returning(conn).await?;
    rows.sort_by_key(|row| row.id.0);
    Ok(rows)
}

/// Puts off, until `at`, everything of a connection whose time comes by `until`.
///
/// # Errors
/// When the database fails.
pub async fn put_off(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    until: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::LookAt.lte(until))
        .filter(Column::LookAt.lt(at))
        .col_expr(Column::LookAt, Expr::value(at))
        .exec(conn)
        .await?;
    Ok(())
}

/// Ends the look at these documents; `at` is when they are looked at again, if ever. What was told meanwhile stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn let_go(
    conn: &impl ConnectionTrait,
    links: &[LinkId],
    held: DateTime<Utc>,
    at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    if links.is_empty() {
        return Ok(());
    }
    let at = at.map_or_else(|| SimpleExpr::Custom("NULL".into()), Expr::value);
    Entity::update_many()
        .filter(Column::Id.is_in(links.iter().copied()))
        .filter(Column::LookAt.eq(held))
        .col_expr(Column::LookAt, at)
        .exec(conn)
        .await?;
    Ok(())
}

/// What becomes of what is remembered of a document.
#[derive(Clone, Copy, Debug)]
pub struct Remembered<'a> {
    /// How it was after our last write, and is.
    pub seen: &'a Seen,
    /// The fields that a person has changed.
    pub drift: &'a [String],
    /// What FreshBooks answered.
    pub facts: &'a Facts,
}

/// Stores what a look brought. `false` when the document was written since `row` was read, or is being written. The
/// caller holds the key.
///
/// # Errors
/// When the database fails.
pub async fn remember_seen(
    txn: &DatabaseTransaction,
    row: &Model,
    key: &DataKey,
    remembered: Remembered<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(remembering(unwritten(row, now), row, key, remembered)?.exec(txn).await?.rows_affected == 1)
}

/// Stores what a person decided, or what another link's write to the same client was answered; `row` is locked. A write under way that is answered later goes by it.
///
/// # Errors
/// When the database fails.
pub async fn remember_decision(
    txn: &DatabaseTransaction,
    row: &Model,
    key: &DataKey,
    remembered: Remembered<'_>,
) -> Result<(), Error> {
    let update = Entity::update_many().filter(Column::Id.eq(row.id));
    remembering(update, row, key, remembered)?.exec(txn).await?;
    Ok(())
}

fn remembering(
    update: UpdateMany<Entity>,
    row: &Model,
    key: &DataKey,
    remembered: Remembered<'_>,
) -> Result<UpdateMany<Entity>, Error> {
    Ok(update
        .col_expr(Column::Seen, Expr::value(sealed(row.id, remembered.seen, key)?))
        .col_expr(Column::Drift, Expr::value(listed(remembered.drift)?))
        .col_expr(Column::Facts, Expr::value(serde_json::to_string(remembered.facts)?)))
}

/// Forgets what was remembered of a document, and what a person has changed of it: it can be compared no more.
///
/// # Errors
/// When the database fails.
pub async fn forget_seen(txn: &DatabaseTransaction, id: LinkId) -> Result<(), Error> {
    let null = || SimpleExpr::Custom("NULL".into());
    let update = Entity::update_many().filter(Column::Id.eq(id));
    update.col_expr(Column::Seen, null()).col_expr(Column::Drift, null()).exec(txn).await?;
    Ok(())
}

/// Has a document of an order written whole again: it is read first, as one whose last write may or may not have been done.
///
/// # Errors
/// When the database fails.
pub async fn doubt(txn: &DatabaseTransaction, row: &Model) -> Result<(), Error> {
    let update = Entity::update_many().filter(Column::Id.eq(row.id)).filter(Column::FreshbooksId.is_not_null());
    update.col_expr(Column::State, Expr::value(State::Intended)).exec(txn).await?;
    Ok(())
}

/// Has fields of a client written again. `written` is what it would be had we written what FreshBooks has now; `removed` where it was
/// archived or deleted there.
///
/// # Errors
/// When the database fails.
pub async fn rewrite(
    txn: &DatabaseTransaction,
    row: &Model,
    key: &DataKey,
    written: Option<&serde_json::Value>,
    removed: bool,
) -> Result<(), Error> {
    let mut update = Entity::update_many().filter(Column::Id.eq(row.id));
    if let Some(written) = written {
        let text = key.seal(&super::place(row.id), &serde_json::to_vec(written)?)?;
        update = update.col_expr(Column::Written, Expr::value(text));
    }
    if removed {
        update = update.col_expr(Column::State, Expr::value(State::Removed));
    }
    // An order that is as new as the one that these fields stem from may write them once more.
    let mut facts = super::facts(row);
    facts.as_of = facts.as_of.map(|as_of| as_of - chrono::TimeDelta::microseconds(1));
    update.col_expr(Column::Facts, Expr::value(serde_json::to_string(&facts)?)).exec(txn).await?;
    Ok(())
}

/// The row where nobody has written the document since it was read, nor is writing it.
fn unwritten(row: &Model, now: DateTime<Utc>) -> UpdateMany<Entity> {
    let same = |column: Column, text: &Option<String>| match text {
        Some(text) => column.eq(text),
        None => column.is_null(),
    };
    Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .filter(Column::State.eq(row.state))
        .filter(same(Column::Seen, &row.seen))
        .filter(same(Column::Written, &row.written))
        .filter(same(Column::Drift, &row.drift))
        .filter(same(Column::Facts, &row.facts))
        .filter(Column::LeasedUntil.is_null().or(Column::LeasedUntil.lte(now)))
}

/// A link and, where it is one of a client, the others of the same client in FreshBooks: a guest, a customer and a company may share one.
/// All are locked, in order.
///
/// # Errors
/// When the database fails.
pub async fn locked_with_others(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    id: LinkId,
    kind: Kind,
    freshbooks_id: i64,
) -> Result<(Option<Model>, Vec<Model>), DbErr> {
    let mut wanted = Condition::any().add(Column::Id.eq(id));
    if kind == Kind::Client {
        wanted = wanted.add(of_client(connection, freshbooks_id));
    }
    let rows = Entity::find().filter(wanted).order_by_asc(Column::Id).lock_exclusive().all(txn).await?;
    let (own, others) = rows.into_iter().partition::<Vec<_>, _>(|row| row.id == id);
    Ok((own.into_iter().next(), others))
}

/// The documents of a connection that a person has changed, and nobody has decided about.
///
/// # Errors
/// When the database fails.
pub async fn drifted(conn: &impl ConnectionTrait, connection: ConnectionId) -> Result<Vec<Model>, DbErr> {
    let rows = Entity::find().filter(Column::ConnectionId.eq(connection)).filter(Column::Drift.is_not_null());
    rows.order_by_asc(Column::Id).all(conn).await
}

/// How many these are.
///
/// # Errors
/// When the database fails.
pub async fn count_drifted(conn: &impl ConnectionTrait, connection: ConnectionId) -> Result<u64, DbErr> {
    let rows = Entity::find().filter(Column::ConnectionId.eq(connection)).filter(Column::Drift.is_not_null());
    rows.count(conn).await
}

/// An order's documents and the links of the client that its invoice names, locked.
///
/// # Errors
/// When the database fails.
pub async fn locked(txn: &DatabaseTransaction, connection: ConnectionId, order: OrderId) -> Result<Vec<Model>, DbErr> {
    let own = Entity::find().filter(Column::OrderId.eq(order)).order_by_asc(Column::Id).lock_exclusive();
    let mut rows = own.all(txn).await?;
    let invoice = rows.iter().find(|row| row.kind == Kind::Invoice);
    if let Some(client) = invoice.and_then(|row| super::facts(row).client) {
        let of_client = Entity::find().filter(of_client(connection, client));
        rows.extend(of_client.order_by_asc(Column::Id).lock_exclusive().all(txn).await?);
    }
    Ok(rows)
}

/// The links of a client in FreshBooks.
fn of_client(connection: ConnectionId, client: i64) -> Condition {
    Condition::all()
        .add(Column::ConnectionId.eq(connection))
        .add(Column::Kind.eq(Kind::Client))
        .add(Column::FreshbooksId.eq(client))
}
