//! The platforms' consents: token sets, sealed under the keyring and bound to their row. No token is ever stored in the clear.

use chrono::{DateTime, Utc};
use entity::{
    ids::ConnectionId,
    platform_grant::{ActiveModel, Column, Entity, Platform},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use secrecy::{ExposeSecret, SecretString};

use crate::crypto::{self, Keyring};

/// What a platform granted.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// Sent with each call.
    pub access: SecretString,
    /// Buys the next pair; absent where the token does not expire.
    pub refresh: Option<SecretString>,
    /// As granted, separated as the platform separates them.
    pub scopes: String,
    /// When `access` ends; absent where it does not.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Stores a token set in place of an earlier one.
///
/// # Errors
/// When the database fails.
pub async fn store(
    txn: &impl ConnectionTrait,
    keyring: &Keyring,
    connection: ConnectionId,
    platform: Platform,
    tokens: &TokenSet,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let seal = |column: &str, token: &SecretString| {
        keyring.seal(&place(connection, platform, column), token.expose_secret().as_bytes())
    };
    let row = ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        platform: Set(platform),
        access_token: Set(seal("access_token", &tokens.access)?),
        refresh_token: Set(tokens.refresh.as_ref().map(|token| seal("refresh_token", token)).transpose()?),
        scopes: Set(tokens.scopes.clone()),
        expires_at: Set(tokens.expires_at),
        updated_at: Set(now),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::ConnectionId, Column::Platform])
                .update_columns([
                    Column::AccessToken,
                    Column::RefreshToken,
                    Column::Scopes,
                    Column::ExpiresAt,
                    Column::UpdatedAt,
                ])
                .to_owned(),
        )
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// The access token for a call now.
///
/// # Errors
/// When there is none, or it does not open.
pub async fn access_token(
    conn: &impl ConnectionTrait,
    keyring: &Keyring,
    connection: ConnectionId,
    platform: Platform,
) -> Result<SecretString, Error> {
    let row = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Platform.eq(platform))
        .one(conn)
        .await?
        .ok_or(Error::Missing)?;
    let token = keyring.open(&place(connection, platform, "access_token"), &row.access_token)?;
    Ok(SecretString::from(String::from_utf8_lossy(&token).into_owned()))
}

fn place(connection: ConnectionId, platform: Platform, column: &str) -> String {
    let platform = match platform {
        Platform::Shopify => "shopify",
        Platform::Freshbooks => "freshbooks",
    };
    format!("platform_grant/{connection}/{platform}/{column}")
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has authorized yet.
    #[error("this platform has not been authorized yet")]
    Missing,
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
    /// The stored token does not open.
    #[error("a stored token does not open")]
    Crypto(#[from] crypto::Error),
}
