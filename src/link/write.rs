//! Writes: the intent before the call, the answer after it, and who is at it meanwhile.

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, CustomerKeyId, LinkId, OrderId},
    resource_link::{ActiveModel, Column, Entity, Kind, Model, State},
    synced_order,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, OnConflict, SimpleExpr},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Error, Facts, LinkKey, of, place,
    seen::{self, Seen},
};
use crate::{
    crypto::DataKey,
    order,
    work::{self, LEASE, Lease},
};

/// Who is about to write: the visit of an order, or of the client behind it.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// Whose books.
    pub connection: ConnectionId,
    /// The order's lease: without it nothing is intended.
    pub lease: Lease,
    /// Seals what is stored.
    pub key: &'a (CustomerKeyId, DataKey),
}

/// What is to be remembered of a write before it is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intent<'a> {
    /// What the document can be found by over there; never a personal value.
    pub natural_key: Option<&'a str>,
    /// The document is there already and is about to change: if the answer never comes it is read again before anything is compared.
    pub changes: bool,
    /// The document is about to be made: not where another visit has made it meanwhile.
    pub creates: bool,
    /// The document is the one of this id that a person named: only while it still is. Nothing else is done about a link while one is named.
    pub adopts: Option<i64>,
}

/// Notes what is about to be written, if the order is still ours and nobody else is writing the same document.
///
/// # Errors
/// [`Error::Fenced`] when the lease was lost or the order given up, [`Error::Erased`] when its customer was erased, [`Error::Busy`] when
/// another visit is writing it.
pub async fn intend(
    txn: &DatabaseTransaction,
    writer: Writer<'_>,
    key: &LinkKey,
    intent: Intent<'_>,
    now: DateTime<Utc>,
) -> Result<LinkId, Error> {
    let Intent { natural_key, changes, creates, adopts } = intent;
    hold(txn, writer.lease, now).await?;
    make(txn, writer.connection, OrderId(writer.lease.id), key, now).await?;
    // An order's own documents are written by one visit at a time ([`under_way`]); a client is shared by many orders.
    let mut update = of(writer.connection, key);
    if key.kind == Kind::Client {
        let free = Column::Fence.is_null().or(Column::Fence.eq(writer.lease.visit())).or(Column::LeasedUntil.lt(now));
        update = update.filter(free);
    }
    update = update
        .col_expr(Column::Fence, Expr::value(writer.lease.visit()))
        .col_expr(Column::LeasedUntil, Expr::value(now + LEASE))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    if creates {
        // What another visit was about to make, even one whose lease has run out, may be there: it is looked for first, and a look that was
        // taken over since does not count. A client is always looked for first, and whoever took the look over may have let go of it again.
        let ours = Column::Fence.eq(writer.lease.visit());
        update = update.filter(if key.kind == Kind::Client { ours } else { ours.or(Column::Fence.is_null()) });
        update = update.filter(Column::FreshbooksId.is_null());
    }
    update = match adopts {
        Some(id) => update.filter(Column::State.eq(State::Adopting)).filter(Column::FreshbooksId.eq(id)),
        None => update.filter(Column::State.ne(State::Adopting)),
    };
    if changes {
        update = update.col_expr(Column::State, Expr::value(State::Intended));
    }
    if let Some(natural_key) = natural_key {
        update = update.col_expr(Column::NaturalKey, Expr::value(natural_key));
    }
    let taken = update.exec_with_returning(txn).await?;
    taken.into_iter().next().map(|row| row.id).ok_or(Error::Busy)
}

/// Makes sure that there is a row: of a document of this order, or of the client behind it.
pub(super) async fn make(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    order: OrderId,
    key: &LinkKey,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let blank = ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        order_id: Set((key.kind != Kind::Client).then_some(order)),
        kind: Set(key.kind),
        shopify_id: Set(key.shopify_id.clone()),
        state: Set(State::Intended),
        freshbooks_id: Set(None),
        natural_key: Set(None),
        written: Set(None),
        facts: Set(None),
        customer_key_id: Set(None),
        fence: Set(None),
        leased_until: Set(None),
        look_at: Set(None),
        seen: Set(None),
        drift: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    Entity::insert(blank)
        .on_conflict(
            OnConflict::columns([Column::ConnectionId, Column::Kind, Column::ShopifyId]).do_nothing().to_owned(),
        )
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// Whether the order is still ours and nobody gave it up, for another while.
async fn hold(txn: &DatabaseTransaction, lease: Lease, now: DateTime<Utc>) -> Result<(), Error> {
    let renewal = work::renewal::<synced_order::Entity>(lease, now)?;
    let held = renewal.filter(synced_order::Column::State.ne(synced_order::State::Dismissed));
    let row = held.exec_with_returning(txn).await?.into_iter().next().ok_or(Error::Fenced)?;
    // Asked after the row is ours: whoever erases a customer locks the orders first.
    if order::is_redacted(txn, &row).await? { Err(Error::Erased) } else { Ok(()) }
}

/// What FreshBooks answered about a document.
#[derive(Clone, Copy, Debug)]
pub struct Confirmed<'a, D> {
    /// The intended link.
    pub id: LinkId,
    /// Live or removed.
    pub state: State,
    /// FreshBooks' id of the document.
    pub freshbooks_id: i64,
    /// The draft that it accepted; `None` where what it holds is not known, or its customer was erased meanwhile.
    pub written: Option<&'a D>,
    /// What it answered.
    pub facts: &'a Facts,
    /// What is remembered of the answer for later comparing; `None` where it showed no document, or its customer was erased meanwhile.
    pub seen: Option<&'a Seen>,
    /// The fields that a person has changed and that this write did not name.
    pub drift: &'a [String],
}

/// Stores FreshBooks' answer. The caller holds the writer's key since before it locked any link ([`crate::customer_key::hold`]), as whoever
/// erases a customer locks them; of a key that was destroyed nothing is sealed. `false`, and nothing is stored, where somebody else has written
/// or looked at the document since: what this visit was told is old.
///
/// # Errors
/// When the database fails. A lost lease on the order is no reason to forget an answer: the document is there, whoever goes on.
pub async fn confirm<D: Serialize>(
    txn: &DatabaseTransaction,
    writer: Writer<'_>,
    answer: Confirmed<'_, D>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let (key_id, key) = writer.key;
    let seal = |draft| -> Result<String, Error> { Ok(key.seal(&place(answer.id), &serde_json::to_vec(draft)?)?) };
    let stored = Entity::update_many()
        .filter(Column::Id.eq(answer.id))
        .filter(Column::Fence.eq(writer.lease.visit()))
        .col_expr(Column::State, Expr::value(answer.state))
        .col_expr(Column::FreshbooksId, Expr::value(answer.freshbooks_id))
        .col_expr(Column::Written, Expr::value(answer.written.map(seal).transpose()?))
        .col_expr(Column::CustomerKeyId, Expr::value(key_id.0))
        .col_expr(Column::Seen, Expr::value(answer.seen.map(|seen| seen::sealed(answer.id, seen, key)).transpose()?))
        .col_expr(Column::Drift, Expr::value(seen::listed(answer.drift)?))
        .col_expr(Column::Facts, Expr::value(serde_json::to_string(answer.facts)?))
        .col_expr(Column::Fence, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::LeasedUntil, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(stored.rows_affected == 1)
}

/// Lets go of documents whose writes certainly did not happen, so that others need not wait for the lease to run out.
///
/// # Errors
/// When the database fails.
pub async fn release(conn: &impl ConnectionTrait, lease: Lease) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::Fence.eq(lease.visit()))
        .col_expr(Column::Fence, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::LeasedUntil, SimpleExpr::Custom("NULL".into()))
        .exec(conn)
        .await?;
    Ok(())
}

/// Forgets what a visit was about to make, looked for and did not find, and that is not wanted any more: else it would be looked for again
/// and again.
///
/// # Errors
/// When the database fails.
pub async fn forget_absent(conn: &impl ConnectionTrait, lease: Lease) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Fence.eq(lease.visit()))
        .filter(Column::State.eq(State::Intended))
        .filter(Column::FreshbooksId.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Lets every document that is being written be left alone from now on, where time has jumped.
///
/// # Errors
/// When the database fails.
pub async fn hold_anew(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    hold_until(conn, Column::Fence.is_not_null(), now).await
}

/// Lets no document be left alone for longer than a call may take: a longer lease is of a clock that was ahead.
///
/// # Errors
/// When the database fails.
pub async fn hold_no_longer(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    hold_until(conn, Column::Fence.is_not_null().and(Column::LeasedUntil.gt(now + LEASE)), now).await
}

async fn hold_until(conn: &impl ConnectionTrait, which: SimpleExpr, now: DateTime<Utc>) -> Result<(), DbErr> {
    let held = Entity::update_many().filter(which);
    held.col_expr(Column::LeasedUntil, Expr::value(now + LEASE)).exec(conn).await?;
    Ok(())
}

/// Until when an earlier visit's call about one of these documents may still be carried out: it had no answer, died or hung. Whoever looked
/// for the document before that might not find it, make it, and have it twice.
pub fn under_way(rows: &[Model], visit: Uuid, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let others = rows.iter().filter(|row| row.fence.is_some_and(|fence| fence != visit));
    others.filter_map(|row| row.leased_until).filter(|until| *until > now).max()
}
