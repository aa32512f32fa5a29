//! Looks at the service's own table while it works: what is due, and how long it takes to come to rest.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use entity::{
    ids::OrderId,
    pull,
    synced_order::{Column, Entity, Model},
};
use ml_connector::{app::App, order};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Watch {
    held: HashMap<OrderId, Held>,
    /// Orders that have not been seen at rest since their last news, by Shopify's id.
    told: HashMap<i64, Instant>,
    /// Until when news are counted.
    heard: HashMap<i64, Instant>,
    /// How many orders were held by somebody when a process was killed, and were visited to the end later.
    pub(crate) recovered: u64,
    pub(crate) slowest_recovery: Slowest,
    pub(crate) slowest_order: Slowest,
}

/// An order that was leased when a process was killed.
struct Held {
    order: i64,
    since: Instant,
    /// The end of a visit puts another time here, or none; nothing else does once it is past.
    due_at: DateTime<Utc>,
}

/// How long the slowest order took, and Shopify's id of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slowest {
    took: Duration,
    order: i64,
}

impl Slowest {
    fn of(&mut self, took: Duration, order: i64) {
        if took > self.took {
            *self = Self { took, order };
        }
    }
}

impl fmt::Display for Slowest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} s", self.took.as_secs(), self.took.subsec_millis() / 100)?;
        if self.order == 0 { Ok(()) } else { write!(f, ", order {}", self.order) }
    }
}

impl Watch {
    /// A process was killed just now, and not started anew yet.
    pub(crate) async fn killed(&mut self, app: &App) -> Result<(), DbErr> {
        let since = Instant::now();
        let leased = Entity::find().filter(Column::LeasedUntil.gt(app.clock.now())).all(app.db.read()).await?;
        for row in leased {
            let Some(due_at) = row.due_at else { continue };
            // Held a second time, it has not recovered from the first yet.
            self.held.entry(row.id).or_insert(Held { order: row.shopify_order_id, since, due_at });
        }
        Ok(())
    }

    /// How many orders are due now, after `news` came.
    pub(crate) async fn look(&mut self, app: &App, news: HashMap<i64, Instant>) -> Result<usize, DbErr> {
        for (order, at) in news {
            if self.heard.insert(order, at) != Some(at) {
                self.told.insert(order, at);
            }
        }
        let columns = [Column::Id, Column::ShopifyOrderId, Column::DueAt];
        let due = Entity::find().select_only().columns(columns).filter(Column::DueAt.is_not_null());
        let due: Vec<(OrderId, i64, DateTime<Utc>)> = due.into_tuple().all(app.db.read()).await?;
        let rows: HashMap<OrderId, DateTime<Utc>> = due.iter().map(|(id, _, at)| (*id, *at)).collect();
        let orders: HashSet<i64> = due.iter().map(|(_, order, _)| *order).collect();
        let held = self.held.extract_if(|id, held| rows.get(id) != Some(&held.due_at));
        for (_, held) in held {
            self.recovered += 1;
            self.slowest_recovery.of(held.since.elapsed(), held.order);
        }
        for (order, told) in self.told.extract_if(|order, _| !orders.contains(order)) {
            self.slowest_order.of(told.elapsed(), order);
        }
        Ok(due.len())
    }
}

/// How many pulls are under way: what they bring is due only then.
pub(crate) async fn pulls(app: &App) -> Result<u64, DbErr> {
    pull::Entity::find().filter(pull::Column::DueAt.is_not_null()).count(app.db.read()).await
}

/// The first orders that are due, with what is wrong.
pub(crate) async fn first_due(app: &App) -> Result<String, DbErr> {
    let due = Entity::find().filter(Column::DueAt.is_not_null()).limit(5).all(app.db.read()).await?;
    let one = |row: &Model| {
        let problem = order::problem(row).map_or_else(|| "no problem told".to_owned(), |problem| problem.message);
        format!("{} ({:?}, attempt {}, due {:?}: {problem})", row.name, row.state, row.attempts, row.due_at)
    };
    Ok(due.iter().map(one).collect::<Vec<_>>().join("; "))
}
