//! Webhook subscriptions of both ends.

use entity::ids::ConnectionId;
use secrecy::SecretString;

use crate::app::App;

/// Compares what is subscribed with what is wanted, and repairs it.
pub async fn run_scheduled(_app: &App, _id: ConnectionId) {}

/// What claims to be the secret of a callback. Kept until FreshBooks itself confirms it.
pub async fn offered(_app: &App, _id: ConnectionId, _event: &str, _callback: i64, _verifier: SecretString) -> Result<(), sea_orm::DbErr> {
    Ok(())
}

/// The secrets with which FreshBooks signs what it sends to this connection, that of `event` first.
pub async fn verifiers(_app: &App, _id: ConnectionId, _event: &str) -> Result<Vec<SecretString>, sea_orm::DbErr> {
    Ok(Vec::new())
}
