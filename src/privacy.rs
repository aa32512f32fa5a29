//! Requests about people, as Shopify passes them on: what is held of a customer is handed out, or erased; a shop is forgotten.
//!
//! A request is a row that a worker visits, like an order. Erasing destroys the keys that personal values are sealed under: whatever they
//! seal opens nowhere any more, and the audit trail, which covers the sealed bytes, still verifies. What is only kept for a while (order
//! snapshots, drafts, deliveries) is deleted as well. Documents in FreshBooks belong to the merchant's books, and stay.
//!
//! An order whose customer was erased stays erased ([`order::is_redacted`]); a new order of the same customer is as any other's.

mod attend;
mod complete;
mod customer;
mod data;
mod erase;
mod export;
mod shop;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{ConnectionId, PrivacyRequestId},
    privacy_request::{ActiveModel, Column, Entity, Kind, Model, State},
    synced_order,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

pub use self::{attend::attend, complete::complete, export::export};
use crate::{
    alert,
    app::App,
    audit, authorize, check, connection,
    crypto::{self, Keyring},
    customer_key, link, order,
    shopify::webhook::Person,
    work::Lane,
};

/// How long the law gives.
const GIVEN: TimeDelta = TimeDelta::days(30);
/// Who carries requests out.
const SERVICE: &str = "system:privacy";
/// Behind the orders that somebody waits for: there are days, not seconds.
const LANE: Lane = Lane::Pull;

/// Takes a request down; a worker sees to it.
///
/// # Errors
/// When the database fails, or the address cannot be sealed.
pub async fn ask(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    connection: ConnectionId,
    kind: Kind,
    person: Option<&Person>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let orders = person.map(|person| person.orders.as_slice()).unwrap_or_default();
    let row = ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        kind: Set(kind),
        state: Set(State::Open),
        reference: Set(person.and_then(|person| person.request).map(|number| number.to_string())),
        shopify_customer_id: Set(person.and_then(|person| person.customer)),
        shopify_order_ids: Set(serde_json::to_string(orders)?),
        email: Set(None),
        detail: Set(String::new()),
        received_at: Set(now),
        deadline_at: Set(now + GIVEN),
        completed_at: Set(None),
        completed_by: Set(None),
        lane: Set(LANE as i16),
        due_at: Set(Some(now)),
        generation: Set(1),
        claimed_generation: Set(0),
        attempts: Set(0),
        fence: Set(None),
        leased_until: Set(None),
    };
    let id = Entity::insert(row).exec(txn).await?.last_insert_id;
    if let Some(email) = person.and_then(|person| person.email.as_deref()) {
        let sealed = keyring.seal(&place(id), email.as_bytes())?;
        let update = Entity::update_many().filter(Column::Id.eq(id)).col_expr(Column::Email, Expr::value(sealed));
        update.exec(txn).await?;
    }
    Ok(())
}

/// The request of this id.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn load(conn: &impl ConnectionTrait, id: PrivacyRequestId) -> Result<Model, Error> {
    Entity::find_by_id(id).one(conn).await?.ok_or(Error::Missing)
}

/// Shopify's numbers of the orders that a request names.
pub fn orders(row: &Model) -> Vec<i64> {
    serde_json::from_str(&row.shopify_order_ids).unwrap_or_default()
}

/// Whose an order's values are that has no customer; see [`crate::mapping::client::key_subject`].
fn of_order(order: &synced_order::Model) -> String {
    format!("order:{}", order.shopify_order_id)
}

/// The address that a request names, in lower case as guests are known by it.
fn email(keyring: &Keyring, row: &Model) -> Result<Option<String>, Error> {
    let Some(sealed) = &row.email else { return Ok(None) };
    let plain = keyring.open(&place(row.id), sealed)?;
    Ok(Some(String::from_utf8_lossy(&plain).trim().to_lowercase()))
}

/// Forgets whom requests were about that were done before `before`.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget_older(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    before: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::State.ne(State::Open))
        .filter(Column::CompletedAt.lt(before))
        .filter(Column::ShopifyCustomerId.is_not_null().or(Column::Email.is_not_null()))
        .col_expr(Column::ShopifyCustomerId, Expr::value(None::<i64>))
        .col_expr(Column::Email, Expr::value(None::<String>));
    Ok(update.exec(conn).await?.rows_affected)
}

/// The id of a key that some stored address is sealed under and the ring does not hold.
///
/// # Errors
/// When the database fails.
pub async fn missing_key(conn: &impl ConnectionTrait, keyring: &Keyring) -> Result<Option<String>, DbErr> {
    let rows = Entity::find().filter(Column::Email.is_not_null()).all(conn).await?;
    let sealed = rows.iter().filter_map(|row| row.email.as_deref());
    Ok(sealed.filter_map(|sealed| keyring.missing_for(sealed)).next().map(str::to_owned))
}

/// Seals anew, under the first key, addresses that another one sealed. Returns how many those were.
///
/// # Errors
/// When the database fails, or an address does not open.
pub async fn reseal(app: &App) -> Result<u64, Error> {
    let keyring = &app.keyring;
    let mut done = 0;
    let rows = Entity::find().filter(Column::Email.is_not_null()).order_by_asc(Column::Id);
    for row in rows.all(app.db.read()).await? {
        let Some(sealed) = row.email.as_deref().filter(|sealed| !keyring.is_current(sealed)) else { continue };
        let anew = keyring.seal(&place(row.id), &keyring.open(&place(row.id), sealed)?)?;
        let update = Entity::update_many()
            .filter(Column::Id.eq(row.id))
            .filter(Column::Email.eq(sealed))
            .col_expr(Column::Email, Expr::value(anew));
        done += update.exec(app.db.write()).await?.rows_affected;
    }
    Ok(done)
}

fn place(id: PrivacyRequestId) -> String {
    format!("privacy_request/{id}/email")
}

/// Why a request was not seen to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such request.
    #[error("there is no such request")]
    Missing,
    /// The service sees to it by itself, or has.
    #[error("{0}")]
    NotForPeople(&'static str),
    /// The note is too long, or no line of text.
    #[error("{0}")]
    Note(&'static str),
    /// Another worker has it, or a person has completed it.
    #[error("this visit no longer holds the request")]
    Fenced,
    /// Nobody can tell whether the shop still has the app.
    #[error("Shopify did not say whether the app is still installed")]
    Unsure,
    /// The shop was connected again while it was about to be forgotten.
    #[error("the shop was connected again meanwhile")]
    ConnectedAgain,
    /// An order is not to be had.
    #[error(transparent)]
    Order(#[from] order::Error),
    /// A link is not to be had.
    #[error(transparent)]
    Link(#[from] link::Error),
    /// A customer's key is not to be had.
    #[error(transparent)]
    Key(#[from] customer_key::Error),
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] connection::Error),
    /// The connection could not be ended.
    #[error(transparent)]
    Authorize(#[from] authorize::Error),
    /// Its ends could not be looked at.
    #[error(transparent)]
    Check(#[from] check::Error),
    /// An alert could not be raised.
    #[error("an alert could not be raised")]
    Alert(#[from] alert::Error),
    /// The trail could not be written.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// What is stored does not open.
    #[error("what a request names does not open")]
    Crypto(#[from] crypto::Error),
    /// What is stored is not in its form.
    #[error("a request is not in its form")]
    Form(#[from] serde_json::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
