//! Orders and their snapshots: announce that one may have changed, record what it is now, resync, dismiss, settle.
//!
//! Every trigger ends here. Nothing says *what* changed: a row is marked due, and whoever claims it takes the order as it is then. The
//! newest `updatedAt` wins, whatever the order of arrival; the same state again changes nothing and wakes nobody.

mod dismiss;
mod find;
mod reading;
mod reconsider;
mod redacted;
mod revisit;
mod settle;
pub mod snapshot;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, CustomerKeyId, OrderId},
    synced_order::{ActiveModel, Column, Entity, Model, State},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, DbErr, DerivePartialModel, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany,
    sea_query::{Expr, OnConflict},
};

pub use self::{
    dismiss::dismiss,
    find::{find, find_by_name, load, lock_of_keys, newest_of_customers, of_keys},
    reading::{Reading, refresh, to_be_read, waiting_to_be_read},
    reconsider::reconsider,
    redacted::{erased, is_redacted, seal_under},
    revisit::{kept, lock, newest_of_key, revisit},
    settle::{Outcome, Proof, let_go, lost, problem, retry_later, settle},
};
use crate::{
    app::App,
    audit,
    auth::Actor,
    crypto::{self, Keyring},
    customer_key, mapping,
    shopify::model::Order,
    work::{self, Lane},
};

/// Why orders are being marked due, for the audit.
#[derive(Clone, Debug)]
pub struct Mark {
    /// How urgent.
    pub lane: Lane,
    /// Such as `pull:12` or `resync`.
    pub trigger: String,
    /// Who is behind it.
    pub actor: String,
}

impl Mark {
    /// A mark by `by`.
    pub fn new(lane: Lane, trigger: impl Into<String>, by: &Actor) -> Self {
        Self { lane, trigger: trigger.into(), actor: by.name().to_owned() }
    }
}

/// Which order a person means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One that we know.
    Known(OrderId),
    /// One by Shopify's number, known or not: an unknown one is read from Shopify.
    Shopify(ConnectionId, i64),
}

/// What decides whether news of an order is news.
#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct Standing {
    id: OrderId,
    shopify_order_id: i64,
    shopify_updated_at: Option<DateTime<Utc>>,
    state: State,
    stale: bool,
    customer_key_id: Option<CustomerKeyId>,
    updated_at: DateTime<Utc>,
}

/// Stores what these orders are now and marks those due that are new or newer. Older ones change nothing; of those whose customer was
/// erased only the version is kept. What was announced before `asked_at` is in these states: such an order need not be read again. At most
/// 500 a call, no order twice. Returns how many were new or newer.
///
/// # Errors
/// When the database fails.
pub async fn record(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    connection: ConnectionId,
    orders: &[Order],
    mark: &Mark,
    asked_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    if orders.is_empty() {
        return Ok(0);
    }
    let names = orders.iter().map(|order| (order.number_of_id(), order.name.as_str())).collect();
    let known = insert_and_lock(txn, connection, &names, now).await?;
    // Of a state that is known something may have been told since: two changes share a second, a customer's own is no order's.
    let told_before = |row: &Standing| row.stale && asked_at.is_some_and(|asked_at| row.updated_at < asked_at);
    let newer: Vec<(&Order, &Standing)> = orders
        .iter()
        .filter_map(|order| Some((order, known.get(&order.number_of_id())?)))
        .filter(|(order, row)| match row.shopify_updated_at {
            Some(version) => version < order.updated_at || (version == order.updated_at && told_before(row)),
            None => true,
        })
        .collect();
    let erased = redacted::among(txn, newer.iter().map(|(_, row)| (row.id, row.customer_key_id))).await?;
    let kept = newer.iter().filter(|(_, row)| !erased.contains(&row.id));
    let subjects: Vec<String> = kept.map(|(order, _)| mapping::client::key_subject(order)).collect();
    let keys = customer_key::load_or_make(txn, keyring, connection, &subjects, now).await?;
    for (order, row) in &newer {
        // Somebody gave a dismissed order up: what is new is kept, and nothing is done about it.
        let update = match row.state {
            State::Dismissed => Entity::update_many(),
            _ => marked(work::mark::<Entity>(mark.lane, now)?, mark, now),
        };
        let update = if erased.contains(&row.id) {
            update.col_expr(Column::ShopifyUpdatedAt, Expr::value(order.updated_at))
        } else {
            let key = keys.get(&mapping::client::key_subject(order));
            if let Some(key) = key {
                snapshot::put(txn, row.id, order, key).await?;
            }
            read_now(update, order, key.map(|(id, _)| id.0))
        };
        update.filter(Column::Id.eq(row.id)).exec(txn).await?;
    }
    // Later announcements may be of something newer still: those orders stay stale.
    let read: Vec<OrderId> = newer.iter().filter(|(_, row)| told_before(row)).map(|(_, row)| row.id).collect();
    if !read.is_empty() {
        let fresh = Entity::update_many().col_expr(Column::Stale, Expr::value(false));
        fresh.filter(Column::Id.is_in(read)).exec(txn).await?;
    }
    Ok(newer.len())
}

/// An order of which something was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Shopify's number.
    pub number: i64,
    /// The state that was told of; `None` where only the order was named.
    pub version: Option<DateTime<Utc>>,
}

/// Notes that these orders may have changed: each is read from Shopify before it is looked at again, at `due` or earlier. What is told of
/// a state older than the one known changes nothing; the same state does, since two changes may share a second. A dismissed order is read
/// only once somebody resyncs it. Returns which state of each order was known before.
///
/// # Errors
/// When the database fails.
pub async fn announce(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    told: &[Told],
    mark: &Mark,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<(i64, Option<DateTime<Utc>>)>, Error> {
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let names = told.iter().map(|one| (one.number, "")).collect();
    let known = insert_and_lock(txn, connection, &names, now).await?;
    let newer = |row: &&Standing| {
        let of_it = told.iter().filter(|one| one.number == row.shopify_order_id);
        let mut versions = of_it.map(|one| one.version);
        versions
            .any(|version| version.is_none_or(|version| row.shopify_updated_at.is_none_or(|known| known <= version)))
    };
    let (dismissed, others): (Vec<&Standing>, Vec<&Standing>) =
        known.values().filter(newer).partition(|row| row.state == State::Dismissed);
    for (rows, update) in
        [(others, marked(work::mark::<Entity>(mark.lane, due)?, mark, now)), (dismissed, Entity::update_many())]
    {
        if !rows.is_empty() {
            let ids = rows.iter().map(|row| row.id);
            update.col_expr(Column::Stale, Expr::value(true)).filter(Column::Id.is_in(ids)).exec(txn).await?;
        }
    }
    Ok(known.into_values().map(|row| (row.shopify_order_id, row.shopify_updated_at)).collect())
}

/// Syncs one order anew, ahead of everything else: it is read from Shopify and planned again, whatever became of it before. This is the one
/// way back for an order that was dismissed.
///
/// # Errors
/// When there is no such order, or the database fails.
pub async fn resync(app: &App, by: &Actor, target: Target) -> Result<Model, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    let (connection, shopify_order_id) = match target {
        Target::Known(id) => {
            let row = load(&txn, id).await?;
            (row.connection_id, row.shopify_order_id)
        }
        Target::Shopify(connection, shopify_order_id) => (connection, shopify_order_id),
    };
    let known = insert_and_lock(&txn, connection, &BTreeMap::from([(shopify_order_id, "")]), now).await?;
    let id = known.into_values().next().ok_or(Error::Missing)?.id;
    let mark = Mark::new(Lane::Resync, "resync", by);
    let row = made_stale(&txn, marked(work::mark::<Entity>(mark.lane, now)?, &mark, now), id).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(row)
}

/// What every mark says beside the due columns. A leased row keeps its fence: the visit under way notices by the generation.
fn marked(update: UpdateMany<Entity>, mark: &Mark, now: DateTime<Utc>) -> UpdateMany<Entity> {
    update
        .col_expr(Column::State, Expr::value(State::Due))
        .col_expr(Column::Trigger, Expr::value(&mark.trigger))
        .col_expr(Column::Actor, Expr::value(&mark.actor))
        .col_expr(Column::UpdatedAt, Expr::value(now))
}

/// Carries out `update` of this row, which is read from Shopify before it is looked at again.
async fn made_stale(txn: &DatabaseTransaction, update: UpdateMany<Entity>, id: OrderId) -> Result<Model, Error> {
    let update = update.col_expr(Column::Stale, Expr::value(true)).filter(Column::Id.eq(id));
    update.exec_with_returning(txn).await?.into_iter().next().ok_or(Error::Missing)
}

/// The columns that repeat what the snapshot says, for lists and filters.
fn read_now(update: UpdateMany<Entity>, order: &Order, key: Option<i64>) -> UpdateMany<Entity> {
    update
        .col_expr(Column::Name, Expr::value(&order.name))
        .col_expr(Column::ProcessedAt, Expr::value(order.processed_at))
        .col_expr(Column::ShopifyUpdatedAt, Expr::value(order.updated_at))
        .col_expr(Column::FinancialStatus, Expr::value(order.display_financial_status.clone()))
        .col_expr(Column::TotalMinor, Expr::value(mapping::shop_total(order).map(|total| total.minor)))
        .col_expr(Column::Currency, Expr::value(order.currency_code.code()))
        .col_expr(Column::CustomerKeyId, Expr::value(key))
}

/// Makes sure of a row per order (named by Shopify's number) and locks them, in one order for all callers: two pages at once wait, they do
/// not deadlock.
async fn insert_and_lock(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    names: &BTreeMap<i64, &str>,
    now: DateTime<Utc>,
) -> Result<BTreeMap<i64, Standing>, DbErr> {
    let mut rows = locked(txn, connection, names.keys().copied()).await?;
    let missing: BTreeMap<i64, &str> =
        names.iter().filter(|(number, _)| !rows.contains_key(number)).map(|(number, name)| (*number, *name)).collect();
    if !missing.is_empty() {
        Entity::insert_many(missing.iter().map(|(number, name)| blank(connection, *number, name, now)))
            .on_conflict(OnConflict::columns([Column::ConnectionId, Column::ShopifyOrderId]).do_nothing().to_owned())
            .exec_without_returning(txn)
            .await?;
        rows.extend(locked(txn, connection, missing.into_keys()).await?);
    }
    Ok(rows)
}

async fn locked(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    numbers: impl Iterator<Item = i64>,
) -> Result<BTreeMap<i64, Standing>, DbErr> {
    let rows = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::ShopifyOrderId.is_in(numbers))
        .order_by_asc(Column::ShopifyOrderId)
        .lock_exclusive()
        .into_partial_model::<Standing>()
        .all(txn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.shopify_order_id, row)).collect())
}

fn blank(connection: ConnectionId, shopify_order_id: i64, name: &str, now: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        shopify_order_id: Set(shopify_order_id),
        name: Set(name.to_owned()),
        processed_at: Set(None),
        shopify_updated_at: Set(None),
        financial_status: Set(None),
        total_minor: Set(None),
        currency: Set(None),
        state: Set(State::Due),
        last_error: Set(None),
        stale: Set(false),
        trigger: Set(String::new()),
        actor: Set(String::new()),
        lane: Set(Lane::Backfill as i16),
        due_at: Set(None),
        generation: Set(0),
        claimed_generation: Set(0),
        attempts: Set(0),
        fence: Set(None),
        leased_until: Set(None),
        lost: Set(0),
        proof_currency: Set(None),
        proof_predicted_minor: Set(None),
        proof_returned_minor: Set(None),
        proof_shopify_minor: Set(None),
        synced_at: Set(None),
        customer_key_id: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// Why an order is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such order.
    #[error("there is no such order")]
    Missing,
    /// The reason for a dismissal is blank, too long, or no line of text; the sentence says which.
    #[error("{0}")]
    Reason(&'static str),
    /// The trail could not be written.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// The customer's key is not to be had.
    #[error(transparent)]
    Key(#[from] customer_key::Error),
    /// The snapshot cannot be sealed or opened.
    #[error("an order's snapshot does not open")]
    Crypto(#[from] crypto::Error),
    /// A stored text is not in its form.
    #[error("a stored order is not in its form")]
    Form(#[from] serde_json::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
