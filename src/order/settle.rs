//! How a visit ends: the order rests with its reason and its proof, or is tried again later.

use chrono::{DateTime, Utc};
use entity::synced_order::{Column, Entity, Model, State};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::Error;
use crate::{
    problem::Problem,
    work::{self, Lease},
};

/// A visit may be lost to a power cut, and the next one to another; what is lost once more is to blame itself.
const MOST_LOST: i16 = 2;

/// How a visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where the order rests.
    pub state: State,
    /// Why, where it is not synced.
    pub problem: Option<Problem>,
    /// Law 2's three totals, where FreshBooks has answered.
    pub proof: Option<Proof>,
}

/// What FreshBooks was to answer, what it answered, and what Shopify's order is owed. In hundredths of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The document's currency.
    pub currency: String,
    /// By the rule that the account's answers have not contradicted.
    pub predicted: i64,
    /// FreshBooks' own figure.
    pub returned: i64,
    /// The order's owed total.
    pub shopify: i64,
}

/// Ends a visit: the order rests, or stays due where it changed meanwhile. `false` when the lease was lost: somebody else is at it, or gave
/// it up.
///
/// # Errors
/// When the database fails.
pub async fn settle(
    txn: &impl ConnectionTrait,
    lease: Lease,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let state = work::unless_marked::<Entity>(Expr::value(outcome.state), Expr::value(State::Due))?;
    let mut update = work::settle::<Entity>(lease, now)?
        .filter(Column::State.ne(State::Dismissed))
        .col_expr(Column::State, state)
        .col_expr(Column::LastError, Expr::value(problem_text(outcome.problem.as_ref())?))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    // The proof is of what the order is now: where there is none, an older one would say something wrong.
    let proof = outcome.proof.as_ref();
    update = update
        .col_expr(Column::ProofCurrency, Expr::value(proof.map(|proof| proof.currency.clone())))
        .col_expr(Column::ProofPredictedMinor, Expr::value(proof.map(|proof| proof.predicted)))
        .col_expr(Column::ProofReturnedMinor, Expr::value(proof.map(|proof| proof.returned)))
        .col_expr(Column::ProofShopifyMinor, Expr::value(proof.map(|proof| proof.shopify)));
    if outcome.state == State::Synced {
        update = update.col_expr(Column::SyncedAt, Expr::value(now));
    }
    Ok(update.exec(txn).await?.rows_affected == 1)
}

/// Ends a visit for now: tried again at `at`. `false` when the lease was lost or the order given up.
///
/// # Errors
/// When the database fails.
pub async fn retry_later(
    conn: &impl ConnectionTrait,
    lease: Lease,
    state: State,
    problem: Option<&Problem>,
    at: DateTime<Utc>,
    counts: bool,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let state = work::unless_marked::<Entity>(Expr::value(state), Expr::value(State::Due))?;
    let mut update = work::retry_later::<Entity>(lease, at, counts, now)?
        .filter(Column::State.ne(State::Dismissed))
        .col_expr(Column::State, state)
        .col_expr(Column::UpdatedAt, Expr::value(now));
    if problem.is_some() {
        update = update.col_expr(Column::LastError, Expr::value(problem_text(problem)?));
    }
    Ok(update.exec(conn).await?.rows_affected == 1)
}

/// Ends a visit that has nothing more to say: the order was given up meanwhile. Where somebody else is at it nothing happens.
///
/// # Errors
/// When the database fails.
pub async fn let_go(conn: &impl ConnectionTrait, lease: Lease) -> Result<(), Error> {
    work::release::<Entity>(lease)?.exec(conn).await?;
    Ok(())
}

/// Orders whose last visits never ended, and whose leases have run out again: the process dies of them, or hangs.
///
/// # Errors
/// When the database fails.
pub async fn lost(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<(Lease, Model)>, Error> {
    let rows = Entity::find()
        .filter(Column::Fence.is_not_null())
        .filter(Column::LeasedUntil.lt(now))
        .filter(Column::Lost.gte(MOST_LOST))
        .all(conn)
        .await?;
    // Nobody visits one that was dismissed meanwhile. Asked here: a database might look for these few among all that are due.
    let due = rows.into_iter().filter(|row| row.due_at.is_some());
    Ok(due.filter_map(|row| Some((Lease { id: row.id.0, fence: row.fence? }, row))).collect())
}

/// The stored problem of an order.
pub fn problem(row: &Model) -> Option<Problem> {
    serde_json::from_str(row.last_error.as_deref()?).ok()
}

fn problem_text(problem: Option<&Problem>) -> Result<Option<String>, Error> {
    Ok(problem.map(serde_json::to_string).transpose()?)
}
