//! The pseudonyms of guests, and forgetting whom documents were made for: which document belongs to which order stays.

use entity::{
    ids::{ConnectionId, CustomerKeyId},
    resource_link::{Column, Entity, Kind},
};
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, SimpleExpr},
};
use sha2::Sha256;

/// What the links of guests begin with; a pseudonym of the guest's address follows.
const GUEST: &str = "guest:";

/// The pseudonym that a guest is known by: the address (in lower case) itself is never stored in the clear.
pub fn guest(email: &str, salt: &str) -> String {
    // HMAC takes a key of any length.
    let mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).map(|mut mac| {
        mac.update(email.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    });
    format!("{GUEST}{}", mac.unwrap_or_default())
}

/// Forgets what documents said that these keys seal. Returns how many those were.
///
/// # Errors
/// When the database fails.
pub async fn redact(txn: &DatabaseTransaction, keys: &[CustomerKeyId]) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::CustomerKeyId.is_in(keys.iter().copied()))
        .col_expr(Column::Written, Expr::value(None::<String>))
        .col_expr(Column::Seen, Expr::value(None::<String>))
        .col_expr(Column::Drift, Expr::value(None::<String>));
    Ok(update.exec(txn).await?.rows_affected)
}

/// Forgets the pseudonyms of these guests. One who orders again is linked anew.
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
    let update = Entity::update_many()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(Kind::Client))
        .filter(whose)
        .col_expr(Column::ShopifyId, Expr::cust("'redacted:' || CAST(id AS text)"));
    Ok(update.exec(txn).await?.rows_affected)
}
