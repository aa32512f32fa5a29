//! Looks at the service's own table while it works: what is due, and how long it takes to come to rest.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use entity::{
    ids::OrderId,
    pull,
    synced_order::{Column, Entity, Model},
};
use ml_connector::app::App;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Watch {
    /// Orders that were leased when a process was killed, and when that was.
    held: HashMap<OrderId, Instant>,
    /// Orders that are not known to be at rest since their last news, by Shopify's id.
    told: HashMap<i64, Instant>,
    /// Until when news are counted.
    seen: HashMap<i64, Instant>,
    pub(crate) recovered: u64,
    pub(crate) slowest_recovery: Duration,
    pub(crate) slowest_order: Duration,
}

impl Watch {
    /// A process was killed just now, and not started anew yet.
    pub(crate) async fn killed(&mut self, app: &App) -> Result<(), DbErr> {
        let now = Instant::now();
        let leased = Entity::find().filter(Column::LeasedUntil.gt(app.clock.now())).all(app.db.read()).await?;
        for row in leased {
            // Held twice, it has not recovered from the first time yet.
            self.held.entry(row.id).or_insert(now);
        }
        Ok(())
    }

    /// What is due now, after `news` came.
    pub(crate) async fn look(&mut self, app: &App, news: HashMap<i64, Instant>) -> Result<Vec<Model>, DbErr> {
        for (order, at) in news {
            if self.seen.insert(order, at) != Some(at) {
                self.told.insert(order, at);
            }
        }
        let due = Entity::find().filter(Column::DueAt.is_not_null()).all(app.db.read()).await?;
        let rows: HashSet<OrderId> = due.iter().map(|row| row.id).collect();
        let orders: HashSet<i64> = due.iter().map(|row| row.shopify_order_id).collect();
        let (mut recovered, mut recovery, mut rest) = (0, self.slowest_recovery, self.slowest_order);
        self.held.retain(|row, killed| {
            let at_rest = !rows.contains(row);
            if at_rest {
                recovered += 1;
                recovery = recovery.max(killed.elapsed());
            }
            !at_rest
        });
        self.told.retain(|order, told| {
            let at_rest = !orders.contains(order);
            if at_rest {
                rest = rest.max(told.elapsed());
            }
            !at_rest
        });
        self.recovered += recovered;
        (self.slowest_recovery, self.slowest_order) = (recovery, rest);
        Ok(due)
    }
}

/// How many pulls are under way: what they bring is due only then.
pub(crate) async fn pulls(app: &App) -> Result<u64, DbErr> {
    pull::Entity::find().filter(pull::Column::DueAt.is_not_null()).count(app.db.read()).await
}
