//! Retention: what is older than it may be kept is deleted, night by night. Audit entries stay, and so does which document belongs to which
//! order.

use chrono::TimeDelta;
use entity::ids::ConnectionId;
use sea_orm::DbErr;
use tracing::{info, warn};

use crate::{app::App, order::snapshot, privacy, webhook};

/// Snapshots that are deleted in one transaction: whoever writes meanwhile hardly waits.
const TOGETHER: u64 = 500;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Webhook deliveries.
    pub deliveries: u64,
    /// Snapshots of orders at rest: they are read again should anything be done about them.
    pub snapshots: u64,
    /// Requests about people that no longer say about whom.
    pub requests: u64,
}

/// Deletes what is too old, by the clock.
pub async fn run_scheduled(app: &App, id: ConnectionId) {
    match run(app, id).await {
        Ok(Deleted { deliveries, snapshots, requests }) => {
            info!(connection = %id, deliveries, snapshots, requests, "what is past its retention was deleted of connection {id}");
        }
        Err(e) => {
            warn!(error = &e as &dyn std::error::Error, connection = %id, "what is past its retention could not be deleted of connection {id}");
        }
    }
}

/// Deletes what was received, or has not changed, for `MLC_RETENTION_DAYS`. Ends early, at the end of a batch, when the process stops.
///
/// # Errors
/// When the database fails.
pub async fn run(app: &App, id: ConnectionId) -> Result<Deleted, DbErr> {
    let before = app.clock.now() - TimeDelta::days(i64::from(app.config.retention_days));
    let mut deleted = Deleted {
        deliveries: webhook::delete_older(app.db.write(), id, before).await?,
        requests: privacy::forget_older(app.db.write(), id, before).await?,
        snapshots: 0,
    };
    let mut after = 0;
    while !app.stop.is_cancelled() {
        // Looked for outside the transaction, which holds up whoever writes; each batch goes on where the last one ended.
        let old = snapshot::older(app.db.read(), id, before, after, TOGETHER).await?;
        let Some(&(_, last)) = old.last() else { break };
        after = last;
        let txn = app.db.begin_write().await?;
        deleted.snapshots += snapshot::delete_older(&txn, old.into_iter().map(|(order, _)| order), before).await?;
        txn.commit().await?;
    }
    Ok(deleted)
}
