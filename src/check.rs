//! Stub.

use entity::ids::ConnectionId;

use crate::app::App;

/// Whether work may go on.
pub async fn allows_work(_app: &App, _id: ConnectionId) -> Result<bool, Error> {
    Ok(true)
}

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] crate::connection::Error),
}

/// By the clock.
pub async fn run_scheduled(_app: &App, _id: ConnectionId) {}
