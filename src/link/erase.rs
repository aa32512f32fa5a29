//! The pseudonyms of guests, and forgetting whom documents were made for: which document belongs to which order stays.

use std::collections::BTreeSet;

use entity::{
    ids::{ConnectionId, CustomerKeyId, LinkId, OrderId},
    resource_link::{Column, Entity, Kind},
};
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Expr, SimpleExpr},
};
use sha2::Sha256;

/// What the links of guests begin with; a pseudonym of the guest's address follows.
const GUEST: &str = "guest:";
/// Orders that one statement names, at most.
const TOGETHER: usize = 500;

/// The pseudonym that a guest is known by: the address (in lower case) itself is never stored in the clear.
pub fn guest(email: &str, salt: &str) -> String {
    // HMAC takes a key of any length.
    let mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).map(|mut mac| {
        mac.update(email.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    });
    format!("{GUEST}{}", mac.unwrap_or_default())
}

/// Links that speak of somebody whoever's key seals them: a client may be shared, and was written last by another's order.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// Whose books.
    pub connection: ConnectionId,
    /// FreshBooks' ids of clients.
    pub clients: &'a BTreeSet<i64>,
    /// Pseudonyms of guests.
    pub guests: &'a [String],
}

/// Forgets what documents said that these keys seal, and what the links of these clients did. Returns how many those were.
///
/// # Errors
/// When the database fails.
pub async fn redact(
    txn: &DatabaseTransaction,
    keys: &[CustomerKeyId],
    shared: Option<Shared<'_>>,
) -> Result<u64, DbErr> {
    let mut whose = Condition::any().add(Column::CustomerKeyId.is_in(keys.iter().copied()));
    if let Some(Shared { connection, clients, guests }) = shared {
        let theirs = Condition::any()
            .add(Column::FreshbooksId.is_in(clients.iter().copied()))
            .add(Column::ShopifyId.is_in(guests.iter().cloned()));
        let of_connection =
            Condition::all().add(Column::ConnectionId.eq(connection)).add(Column::Kind.eq(Kind::Client));
        whose = whose.add(of_connection.add(theirs));
    }
    // In order, as whoever writes a client locks its links.
    let locked = Entity::find().select_only().column(Column::Id).filter(whose.clone()).order_by_asc(Column::Id);
    let _: Vec<LinkId> = locked.lock_exclusive().into_tuple().all(txn).await?;
    Ok(silenced(Entity::update_many().filter(whose)).exec(txn).await?.rows_affected)
}

/// FreshBooks' ids of the clients that these orders were invoiced to.
///
/// # Errors
/// When the database fails.
pub async fn clients_of(txn: &DatabaseTransaction, orders: &[OrderId]) -> Result<BTreeSet<i64>, DbErr> {
    let mut clients = BTreeSet::new();
    for some in orders.chunks(TOGETHER) {
        let invoices = Entity::find().filter(Column::OrderId.is_in(some.iter().copied()));
        let invoices = invoices.filter(Column::Kind.eq(Kind::Invoice)).all(txn).await?;
        clients.extend(invoices.iter().filter_map(|row| super::facts(row).client));
    }
    Ok(clients)
}

/// Forgets the pseudonyms of these guests, and what their links said. One who orders again is linked anew.
///
/// # Errors
/// When the database fails.
pub async fn forget_guests(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    pseudonyms: &[String],
) -> Result<u64, DbErr> {
    renamed(txn, connection, Column::ShopifyId.is_in(pseudonyms.iter().cloned())).await
}

/// As [`forget_guests`], of all guests of a connection.
///
/// # Errors
/// When the database fails.
pub async fn forget_all_guests(txn: &DatabaseTransaction, connection: ConnectionId) -> Result<u64, DbErr> {
    renamed(txn, connection, Column::ShopifyId.starts_with(GUEST)).await
}

async fn renamed(txn: &DatabaseTransaction, connection: ConnectionId, whose: SimpleExpr) -> Result<u64, DbErr> {
    let update = silenced(Entity::update_many())
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(Kind::Client))
        .filter(whose)
        .col_expr(Column::ShopifyId, Expr::cust("'redacted:' || CAST(id AS text)"));
    Ok(update.exec(txn).await?.rows_affected)
}

/// Nothing is left of what a document said.
fn silenced(update: UpdateMany<Entity>) -> UpdateMany<Entity> {
    update
        .col_expr(Column::Written, Expr::value(None::<String>))
        .col_expr(Column::Seen, Expr::value(None::<String>))
        .col_expr(Column::Drift, Expr::value(None::<String>))
}
