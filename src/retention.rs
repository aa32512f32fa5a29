//! Retention: what is older than it may be kept is deleted.

use entity::ids::ConnectionId;

use crate::app::App;

/// Deletes what is too old.
pub async fn run_scheduled(_app: &App, _id: ConnectionId) {}
