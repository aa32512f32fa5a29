//! The end of an operation that nobody looks at: whoever subscribed to it need not.

use std::{sync::Weak, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::{Bulk, Status, file::Progress, lock};
use crate::sandbox::shopify::{graphql::World, options::BulkPace};

/// Ends an operation as soon as it is written and its time has come.
pub(super) async fn watch(world: Weak<World>, id: u64, mut progress: watch::Receiver<Progress>) {
    // A writer that was stopped is through as well.
    let _ = progress.wait_for(|progress| progress.ended).await;
    while let Some(world) = world.upgrade() {
        let Some(rest) = world.bulk.rest(world.settings.bulk_pace, id, world.now()) else {
            world.bulk.bring_on(&world, id).await;
            return;
        };
        drop(world);
        tokio::time::sleep(rest).await;
    }
}

impl Bulk {
    /// How long until an operation ends by time alone; nothing when that time has come, or when only looks bring it on.
    fn rest(&self, pace: BulkPace, id: u64, now: DateTime<Utc>) -> Option<Duration> {
        let operations = lock(&self.operations);
        let operation = operations.iter().find(|operation| operation.seen.id == id)?;
        let running = matches!(operation.seen.status, Status::Created | Status::Running);
        match pace {
            BulkPace::After(time) if running && !operation.due(pace, now) => {
                let end = operation.seen.created_at + TimeDelta::from_std(time).ok()?;
                (end - now).to_std().ok()
            }
            _ => None,
        }
    }
}
