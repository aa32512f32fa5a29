//! Drift: documents of ours that somebody changed in FreshBooks.

use entity::ids::ConnectionId;

use crate::app::App;

/// Looks at the documents whose time has come.
pub async fn run_scheduled(_app: &App, _id: ConnectionId) {}
