//! The keys of the customers' personal values (law 10): one per person, sealed under the keyring, destroyed to redact.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::{
    customer_key::{ActiveModel, Column, Entity, Model},
    ids::{ConnectionId, CustomerKeyId},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Func, OnConflict},
};

use crate::{
    app::App,
    crypto::{self, DataKey, Keyring},
};

/// Keys that are sealed anew in one transaction.
const RESEALED_AT_ONCE: u64 = 200;

/// The keys of these subjects, made where missing. Nobody destroys one of them before the caller's transaction ends.
///
/// # Errors
/// When the database fails or a stored key does not open.
pub async fn load_or_make(
    txn: &impl ConnectionTrait,
    keyring: &Keyring,
    connection: ConnectionId,
    subjects: &[String],
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, (CustomerKeyId, DataKey)>, Error> {
    let mut wanted = subjects.to_vec();
    wanted.sort();
    wanted.dedup();
    let mut rows = find(txn, connection, &wanted).await?;
    let missing: Vec<&String> =
        wanted.iter().filter(|subject| !rows.iter().any(|row| row.subject == **subject)).collect();
    if !missing.is_empty() {
        let mut fresh = Vec::new();
        for subject in missing {
            let sealed = keyring.seal(&place(connection, subject), DataKey::generate().bytes())?;
            fresh.push(ActiveModel {
                id: NotSet,
                connection_id: Set(connection),
                subject: Set(subject.clone()),
                sealed_key: Set(Some(sealed)),
                created_at: Set(now),
                destroyed_at: Set(None),
                merged_into: Set(None),
            });
        }
        Entity::insert_many(fresh)
            .on_conflict(OnConflict::columns([Column::ConnectionId, Column::Subject]).do_nothing().to_owned())
            .exec_without_returning(txn)
            .await?;
        rows = find(txn, connection, &wanted).await?;
    }
    let mut keys = BTreeMap::new();
    for row in rows {
        if let Some(key) = opened(keyring, &row)? {
            keys.insert(row.subject, (row.id, key));
        }
    }
    Ok(keys)
}

/// The key of this id; `None` once it was destroyed.
///
/// # Errors
/// When the database fails or the stored key does not open.
pub async fn find_by_id(
    conn: &impl ConnectionTrait,
    keyring: &Keyring,
    id: CustomerKeyId,
) -> Result<Option<DataKey>, Error> {
    match Entity::find_by_id(id).one(conn).await? {
        Some(row) => opened(keyring, &row),
        None => Ok(None),
    }
}

/// The keys of these customers (Shopify's numbers), of whoever was merged into them too; also those that were destroyed.
///
/// # Errors
/// When the database fails.
pub async fn of_customers(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    customers: &[i64],
) -> Result<Vec<CustomerKeyId>, DbErr> {
    let subjects: Vec<String> = customers.iter().map(|number| subject(*number)).collect();
    let mut keys = find_of(conn, connection, &subjects).await?;
    // Not by one `OR`: each of the two has an index of its own.
    let merged = Entity::find().select_only().column(Column::Id).filter(Column::ConnectionId.eq(connection));
    let merged: Vec<CustomerKeyId> =
        merged.filter(Column::MergedInto.is_in(customers.iter().copied())).into_tuple().all(conn).await?;
    keys.extend(merged);
    keys.sort();
    keys.dedup();
    Ok(keys)
}

/// The keys of these subjects, as far as there are any.
///
/// # Errors
/// When the database fails.
pub async fn find_of(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    subjects: &[String],
) -> Result<Vec<CustomerKeyId>, DbErr> {
    let select = Entity::find().select_only().column(Column::Id).filter(Column::ConnectionId.eq(connection));
    select.filter(Column::Subject.is_in(subjects.iter().cloned())).into_tuple().all(conn).await
}

/// Whether this key still opens anything. It is not destroyed before the caller's transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn hold(txn: &DatabaseTransaction, id: CustomerKeyId) -> Result<bool, DbErr> {
    let row = Entity::find_by_id(id).filter(Column::DestroyedAt.is_null()).lock_shared().one(txn).await?;
    Ok(row.is_some())
}

/// As [`hold`], of several, in the order in which they are destroyed: before anything that they seal is locked. Returns those that still
/// seal something.
///
/// # Errors
/// When the database fails.
pub async fn hold_all(
    txn: &DatabaseTransaction,
    ids: impl IntoIterator<Item = CustomerKeyId>,
) -> Result<BTreeSet<CustomerKeyId>, DbErr> {
    let live = Entity::find().filter(Column::Id.is_in(ids)).filter(Column::DestroyedAt.is_null());
    let rows = live.order_by_asc(Column::Id).lock_shared().all(txn).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The ids of these keys that were destroyed.
///
/// # Errors
/// When the database fails.
pub async fn destroyed(
    conn: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = CustomerKeyId>,
) -> Result<BTreeSet<CustomerKeyId>, DbErr> {
    let select = Entity::find().select_only().column(Column::Id).filter(Column::DestroyedAt.is_not_null());
    let rows: Vec<CustomerKeyId> = select.filter(Column::Id.is_in(ids)).into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

/// All keys of a connection that still open something.
///
/// # Errors
/// When the database fails.
pub async fn live(conn: &impl ConnectionTrait, connection: ConnectionId) -> Result<Vec<CustomerKeyId>, DbErr> {
    let select = Entity::find().select_only().column(Column::Id).filter(Column::ConnectionId.eq(connection));
    select.filter(Column::DestroyedAt.is_null()).into_tuple().all(conn).await
}

/// Whose these keys are, as [`crate::mapping::client::key_subject`] names them.
///
/// # Errors
/// When the database fails.
pub async fn subjects(
    conn: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = CustomerKeyId>,
) -> Result<BTreeMap<CustomerKeyId, String>, DbErr> {
    let select = Entity::find().select_only().columns([Column::Id, Column::Subject]).filter(Column::Id.is_in(ids));
    let rows: Vec<(CustomerKeyId, String)> = select.into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

/// Destroys these keys for good: what they seal opens nowhere any more. Whose they were is forgotten, so that the same customer gets a
/// fresh key with a new order. Waits for whoever seals with one of them just now. Returns how many were there to be destroyed.
///
/// # Errors
/// When the database fails.
pub async fn destroy(txn: &DatabaseTransaction, ids: &[CustomerKeyId], now: DateTime<Utc>) -> Result<u64, DbErr> {
    let these = Column::Id.is_in(ids.iter().copied());
    // In order, as everybody locks them.
    let locked = Entity::find().select_only().column(Column::Id).filter(these.clone()).order_by_asc(Column::Id);
    locked.lock_exclusive().into_tuple::<CustomerKeyId>().all(txn).await?;
    let update = Entity::update_many()
        .filter(these)
        .filter(Column::DestroyedAt.is_null())
        .col_expr(Column::Subject, Expr::cust("'redacted:' || CAST(id AS text)"))
        .col_expr(Column::SealedKey, Expr::value(None::<String>))
        .col_expr(Column::MergedInto, Expr::value(None::<i64>))
        .col_expr(Column::DestroyedAt, Expr::value(now));
    Ok(update.exec(txn).await?.rows_affected)
}

/// The customer `deleted` is the customer `kept` from now on.
///
/// # Errors
/// When the database fails.
pub async fn merge(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    deleted: i64,
    kept: i64,
) -> Result<(), DbErr> {
    let all = Entity::update_many()
        .filter(Column::ConnectionId.eq(connection))
        .col_expr(Column::MergedInto, Expr::value(kept));
    all.clone().filter(Column::Subject.eq(subject(deleted))).exec(conn).await?;
    all.filter(Column::MergedInto.eq(deleted)).exec(conn).await?;
    Ok(())
}

/// The keys of these ids, without those that were destroyed.
///
/// # Errors
/// When the database fails or a stored key does not open.
pub async fn list(
    conn: &impl ConnectionTrait,
    keyring: &Keyring,
    ids: impl IntoIterator<Item = CustomerKeyId>,
) -> Result<BTreeMap<CustomerKeyId, DataKey>, Error> {
    let mut keys = BTreeMap::new();
    for row in Entity::find().filter(Column::Id.is_in(ids)).all(conn).await? {
        if let Some(key) = opened(keyring, &row)? {
            keys.insert(row.id, key);
        }
    }
    Ok(keys)
}

/// Seals anew, under the first key of the ring, customers' keys that another one sealed: some hundred at a time, so that whoever writes
/// meanwhile hardly waits. A key that is destroyed meanwhile stays so. Returns how many that were.
///
/// # Errors
/// When the database fails, or a key does not open.
pub async fn reseal(app: &App) -> Result<u64, Error> {
    let keyring = &app.keyring;
    let mark = keyring.mark();
    let length = i32::try_from(mark.len()).unwrap_or(i32::MAX);
    let beginning = Func::cust("substr").args([Expr::col(Column::SealedKey), Expr::value(1), Expr::value(length)]);
    let old = Expr::expr(beginning).ne(mark);
    let (mut done, mut after) = (0, CustomerKeyId(0));
    loop {
        let rows = Entity::find()
            .filter(Column::Id.gt(after))
            // Told apart by the database: at a start there are many, and mostly none of them is old.
            .filter(old.clone())
            .order_by_asc(Column::Id)
            .limit(RESEALED_AT_ONCE)
            .all(app.db.read())
            .await?;
        let Some(last) = rows.last() else { return Ok(done) };
        after = last.id;
        let txn = app.db.begin_write().await?;
        for (row, sealed) in rows.iter().filter_map(|row| Some((row, row.sealed_key.as_deref()?))) {
            let place = place(row.connection_id, &row.subject);
            let anew = keyring.seal(&place, &keyring.open(&place, sealed)?)?;
            let update = Entity::update_many()
                .filter(Column::Id.eq(row.id))
                .filter(Column::SealedKey.eq(sealed))
                .col_expr(Column::SealedKey, Expr::value(anew));
            done += update.exec(&txn).await?.rows_affected;
        }
        txn.commit().await?;
    }
}

async fn find(conn: &impl ConnectionTrait, connection: ConnectionId, subjects: &[String]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Subject.is_in(subjects.iter().cloned()))
        .order_by_asc(Column::Id)
        .lock_shared()
        .all(conn)
        .await
}

fn opened(keyring: &Keyring, row: &Model) -> Result<Option<DataKey>, Error> {
    let Some(sealed) = &row.sealed_key else { return Ok(None) };
    Ok(Some(DataKey::from_bytes(&keyring.open(&place(row.connection_id, &row.subject), sealed)?)?))
}

/// What a customer's key is kept under; see [`crate::mapping::client::key_subject`].
fn subject(customer: i64) -> String {
    format!("customer:{customer}")
}

fn place(connection: ConnectionId, subject: &str) -> String {
    format!("customer_key/{connection}/{subject}/sealed_key")
}

/// Why a customer's key is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
    /// The key does not open.
    #[error("a customer's key does not open")]
    Crypto(#[from] crypto::Error),
}
