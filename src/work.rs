//! Due rows of any table, and the right to work on one.
//!
//! A row says *that* it needs a visit, never *what* happened. A mark made during a visit raises `generation`, and [`settle`] then leaves
//! the row due. A lease that ran out is free for all; its late holder fails the fence in its next write and stops. The row itself is the
//! job (no queue table): a mark and the change that caused it are one statement apart in one transaction, and a partial index over due
//! rows keeps the claim cheap however many are at rest. Rows of connections are claimed connection by connection, each its fair share
//! ([`share`]): the rows that one has waiting never stand in another's way.

mod fair;

use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, ModelTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, UpdateMany, Value,
    sea_query::{CaseStatement, Expr, LockBehavior, LockType, SimpleExpr},
};
use uuid::Uuid;

pub use self::fair::{Share, Waiting, share, waiting};

/// How long a claim holds without being renewed, where what it does is guarded by nothing else: longer than any one call may take.
pub const LEASE: Duration = Duration::seconds(45);

/// How often a lease is renewed while its visit runs.
pub const RENEW: Duration = Duration::seconds(2);

/// How urgent a row is: lower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A person waits for this one.
    Resync = 0,
    /// A webhook rang.
    Webhook = 1,
    /// A scheduled pull brought it.
    Pull = 2,
    /// A backfill brought it.
    Backfill = 3,
}

/// A table with the columns `id, lane, due_at, generation, claimed_generation, attempts, fence, leased_until`; with `connection_id` where
/// rows are claimed by connection ([`waiting`], [`claim_share`]).
pub trait Due: EntityTrait {
    /// How long a claim holds without being renewed. Shorter than any call where each call has a lease of its own: a crash is soon forgotten.
    const HOLD: Duration = LEASE;
}

impl Due for entity::synced_order::Entity {
    // A document that is being written is leased by its link, for as long as its call may take.
    const HOLD: Duration = Duration::seconds(15);
}

impl Due for entity::pull::Entity {}

impl Due for entity::privacy_request::Entity {}

impl Due for entity::alert::Entity {}

impl Due for entity::alert_digest::Entity {}

/// The right to work on one row, until it runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The row.
    pub id: i64,
    /// Proof; unique to this claim, which may have taken several rows.
    pub fence: Uuid,
}

impl Lease {
    /// The name of the visit: unique to this row and this claim.
    pub fn visit(&self) -> Uuid {
        Uuid::from_u128(self.fence.as_u128() ^ u128::from(self.id.unsigned_abs()))
    }
}

/// Leases up to `n` due rows, the most urgent first, whosever they are: of stopped connections too, where one that has stopped is the very
/// thing that the rows are about.
///
/// # Errors
/// When the database fails.
pub async fn claim<E: Due>(
    db: &impl ConnectionTrait,
    n: u64,
    now: DateTime<Utc>,
) -> Result<Vec<(Lease, E::Model)>, DbErr> {
    lease(db, free::<E>(now)?.limit(n), now).await
}

/// Leases a connection's [`Share`]: of its due rows the most urgent, none beyond `least_urgent`.
///
/// # Errors
/// When the database fails.
pub async fn claim_share<E: Due>(
    db: &impl ConnectionTrait,
    share: Share,
    least_urgent: Lane,
    now: DateTime<Utc>,
) -> Result<Vec<(Lease, E::Model)>, DbErr> {
    let free = free::<E>(now)?
        .filter(column::<E>("connection_id")?.eq(share.connection))
        .filter(column::<E>("lane")?.lte(least_urgent as i16));
    lease(db, free.limit(share.rows), now).await
}

/// Due rows that nobody holds, the most urgent first.
fn free<E: Due>(now: DateTime<Utc>) -> Result<Select<E>, DbErr> {
    Ok(E::find()
        .filter(column::<E>("due_at")?.lte(now))
        .filter(column::<E>("leased_until")?.is_null().or(column::<E>("leased_until")?.lt(now)))
        .order_by_asc(column::<E>("lane")?)
        .order_by_asc(column::<E>("due_at")?))
}

async fn lease<E: Due>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    now: DateTime<Utc>,
) -> Result<Vec<(Lease, E::Model)>, DbErr> {
    let mut rows = rows.select_only().column(column::<E>("id")?);
    // SQLite's builder drops the lock: its one writer is lock enough.
    QuerySelect::query(&mut rows).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let fence = Uuid::new_v4();
    let mut update = E::update_many()
        .col_expr(column::<E>("fence")?, Expr::value(fence))
        .col_expr(column::<E>("leased_until")?, Expr::value(now + E::HOLD))
        .col_expr(column::<E>("claimed_generation")?, Expr::col(column::<E>("generation")?))
        .filter(column::<E>("id")?.in_subquery(rows.into_query()));
    if let Some(lost) = lost::<E>() {
        // Held still: its visit never ended.
        let held = Expr::col(column::<E>("fence")?).is_not_null();
        let one_more = CaseStatement::new().case(held, Expr::col(lost).add(1)).finally(Expr::col(lost));
        update = update.col_expr(lost, one_more.into());
    }
    let rows = update.exec_with_returning(db).await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let (lane, id) = (number::<E>(&row, "lane")?, number::<E>(&row, "id")?);
        claimed.push((lane, Lease { id, fence }, row));
    }
    claimed.sort_by_key(|(lane, lease, _)| (*lane, lease.id));
    Ok(claimed.into_iter().map(|(_, lease, row)| (lease, row)).collect())
}

/// Holds the lease for another [`Due::HOLD`]; `false` when it is no longer ours.
///
/// # Errors
/// When the database fails.
pub async fn renew<E: Due>(db: &impl ConnectionTrait, lease: Lease, now: DateTime<Utc>) -> Result<bool, DbErr> {
    Ok(renewal::<E>(lease, now)?.exec(db).await?.rows_affected == 1)
}

/// The statement of [`renew`], for an owner who asks for more than the lease.
///
/// # Errors
/// Only for a table without the columns.
pub fn renewal<E: Due>(lease: Lease, now: DateTime<Utc>) -> Result<UpdateMany<E>, DbErr> {
    Ok(held::<E>(lease)?.col_expr(column::<E>("leased_until")?, Expr::value(now + E::HOLD)))
}

/// Lets every lease run out. Only where no other process can hold one: at the start of the one process that a SQLite file has.
///
/// # Errors
/// When the database fails.
pub async fn abandon<E: Due>(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    all_held_until::<E>(db, now - Duration::seconds(1)).await
}

/// Lets every lease hold from now on, where time has jumped: nobody can tell any more how long each was to hold.
///
/// # Errors
/// When the database fails.
pub async fn hold_anew<E: Due>(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    all_held_until::<E>(db, now + E::HOLD).await
}

async fn all_held_until<E: Due>(db: &impl ConnectionTrait, until: DateTime<Utc>) -> Result<u64, DbErr> {
    let held = E::update_many().filter(column::<E>("fence")?.is_not_null());
    Ok(held.col_expr(column::<E>("leased_until")?, Expr::value(until)).exec(db).await?.rows_affected)
}

/// The statement that ends a visit: the row comes to rest, or stays due where it was marked meanwhile. The owner adds its columns.
///
/// # Errors
/// Only for a table without the columns.
pub fn settle<E: Due>(lease: Lease, now: DateTime<Utc>) -> Result<UpdateMany<E>, DbErr> {
    let rest = unless_marked::<E>(SimpleExpr::Custom("NULL".into()), Expr::value(now))?;
    Ok(found(release::<E>(lease)?)
        .col_expr(column::<E>("due_at")?, rest)
        .col_expr(column::<E>("attempts")?, Expr::value(0)))
}

/// The statement that ends a visit for now: due again at `at`, or at once where the row was marked meanwhile. `counts` says whether the
/// visit costs an attempt.
///
/// # Errors
/// Only for a table without the columns.
pub fn retry_later<E: Due>(
    lease: Lease,
    at: DateTime<Utc>,
    counts: bool,
    now: DateTime<Utc>,
) -> Result<UpdateMany<E>, DbErr> {
    let attempts = Expr::col(column::<E>("attempts")?).add(i32::from(counts));
    let released = release::<E>(lease)?;
    Ok(if counts { found(released) } else { released }
        .col_expr(column::<E>("due_at")?, unless_marked::<E>(Expr::value(at), Expr::value(now))?)
        .col_expr(column::<E>("attempts")?, attempts))
}

/// The statement that makes rows due at `at`, keeping a more urgent lane and an earlier time. The owner adds its filter and columns.
///
/// # Errors
/// Only for a table without the columns.
pub fn mark<E: Due>(lane: Lane, at: DateTime<Utc>) -> Result<UpdateMany<E>, DbErr> {
    let (due, lanes) = (column::<E>("due_at")?, column::<E>("lane")?);
    let lane = lane as i16;
    let later = Expr::col(due).is_null().or(Expr::col(due).gt(at));
    let lower = Expr::col(due).is_null().or(Expr::col(lanes).gt(lane));
    Ok(E::update_many()
        .col_expr(due, CaseStatement::new().case(later, Expr::value(at)).finally(Expr::col(due)).into())
        .col_expr(lanes, CaseStatement::new().case(lower, Expr::value(lane)).finally(Expr::col(lanes)).into())
        .col_expr(column::<E>("generation")?, Expr::col(column::<E>("generation")?).add(1))
        .col_expr(column::<E>("attempts")?, Expr::value(0)))
}

/// The statement that takes rows out of the work: none is due until it is marked again. A visit under way keeps its lease, so that nobody
/// begins another before its last call is over; the owner sees to it that it writes no more. The owner adds its filter and columns.
///
/// # Errors
/// Only for a table without the columns.
pub fn withdraw<E: Due>() -> Result<UpdateMany<E>, DbErr> {
    Ok(E::update_many()
        .col_expr(column::<E>("due_at")?, SimpleExpr::Custom("NULL".into()))
        .col_expr(column::<E>("attempts")?, Expr::value(0)))
}

/// `unmarked` where nothing was announced since the claim, `marked` where something was.
///
/// # Errors
/// Only for a table without the columns.
pub fn unless_marked<E: Due>(unmarked: SimpleExpr, marked: SimpleExpr) -> Result<SimpleExpr, DbErr> {
    let same = Expr::col(column::<E>("generation")?).eq(Expr::col(column::<E>("claimed_generation")?));
    Ok(CaseStatement::new().case(same, unmarked).finally(marked).into())
}

/// The statement that lets go of a row, and says nothing of when it is due.
///
/// # Errors
/// Only for a table without the columns.
pub fn release<E: Due>(lease: Lease) -> Result<UpdateMany<E>, DbErr> {
    Ok(held::<E>(lease)?
        .col_expr(column::<E>("fence")?, SimpleExpr::Custom("NULL".into()))
        .col_expr(column::<E>("leased_until")?, SimpleExpr::Custom("NULL".into())))
}

/// Ends the row of visits that were lost: one has come to something.
fn found<E: Due>(update: UpdateMany<E>) -> UpdateMany<E> {
    match lost::<E>() {
        Some(lost) => update.col_expr(lost, Expr::value(0)),
        None => update,
    }
}

fn held<E: Due>(lease: Lease) -> Result<UpdateMany<E>, DbErr> {
    Ok(E::update_many().filter(column::<E>("id")?.eq(lease.id)).filter(column::<E>("fence")?.eq(lease.fence)))
}

/// What the row has there.
fn number<E: Due>(row: &E::Model, name: &str) -> Result<i64, DbErr> {
    match row.get(column::<E>(name)?) {
        Value::BigInt(Some(number)) => Ok(number),
        Value::SmallInt(Some(number)) => Ok(number.into()),
        _ => Err(DbErr::Custom(format!("the column {name} of a table of work holds no number"))),
    }
}

/// Where visits that never ended are counted: of orders only.
fn lost<E: Due>() -> Option<E::Column> {
    E::Column::from_str("lost").ok()
}

fn column<E: Due>(name: &str) -> Result<E::Column, DbErr> {
    E::Column::from_str(name).map_err(|_| DbErr::Custom(format!("a table of work lacks the column {name}")))
}
