//! The shop's orders, and what can be found among them.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

use async_graphql::Enum;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    model::{Order, OrderDisplayFinancialStatus as Status, Refund},
    search::{Held, Kind, Search, Searchable},
};

/// All orders, each with the state that search still shows while its index lags.
#[derive(Debug, Default)]
pub(super) struct Store {
    orders: RwLock<BTreeMap<u64, Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    order: Arc<Order>,
    before: Option<Arc<Order>>,
    written: DateTime<Utc>,
}

/// Who asks, and so what is visible.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) now: DateTime<Utc>,
    pub(super) lag: TimeDelta,
    /// Without `read_all_orders` only the last sixty days.
    pub(super) since: Option<DateTime<Utc>>,
}

/// What orders can be sorted by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderSortKeys {
    CreatedAt,
    CurrentTotalPrice,
    Id,
    OrderNumber,
    ProcessedAt,
    TotalPrice,
    UpdatedAt,
}

impl OrderSortKeys {
    pub(super) fn key(self, order: &Order) -> (i64, u64) {
        let value = match self {
            Self::CreatedAt => order.created_at.timestamp_micros(),
            Self::CurrentTotalPrice => order.totals.current_total_price.shop,
            Self::Id => 0,
            Self::OrderNumber => i64::from(order.number),
            Self::ProcessedAt => order.processed_at.timestamp_micros(),
            Self::TotalPrice => order.totals.total_price.shop,
            Self::UpdatedAt => order.updated_at.timestamp_micros(),
        };
        (value, order.id)
    }
}

impl Store {
    pub(super) fn put(&self, order: Arc<Order>, now: DateTime<Utc>) {
        let mut orders = self.write();
        let before = orders.get(&order.id).map(|entry| Arc::clone(&entry.order));
        orders.insert(order.id, Entry { order, before, written: now });
    }

    /// As if it had always been there: search shows it at once.
    pub(super) fn load(&self, all: Vec<Order>) {
        let entry = |order: Order| {
            let order = Arc::new(order);
            (order.id, Entry { before: Some(Arc::clone(&order)), order, written: DateTime::UNIX_EPOCH })
        };
        self.write().extend(all.into_iter().map(entry));
    }

    pub(super) fn remove(&self, id: u64) -> Option<Arc<Order>> {
        self.write().remove(&id).map(|entry| entry.order)
    }

    pub(super) fn get(&self, id: u64) -> Option<Arc<Order>> {
        self.read().get(&id).map(|entry| Arc::clone(&entry.order))
    }

    pub(super) fn all(&self) -> Vec<Arc<Order>> {
        self.read().values().map(|entry| Arc::clone(&entry.order)).collect()
    }

    /// Sorted by the key, then the id.
    pub(super) fn find(&self, search: Option<&Search>, view: View, sort: OrderSortKeys) -> Vec<Arc<Order>> {
        let orders = self.read();
        let seen = |entry: &&Entry| {
            let lagging = entry.written + view.lag > view.now;
            let shown = if lagging { entry.before.as_ref() } else { Some(&entry.order) };
            shown.is_some_and(|order| search.is_none_or(|search| search.finds(order.as_ref())))
                && view.since.is_none_or(|since| entry.order.created_at >= since)
        };
        let mut found: Vec<Arc<Order>> = orders.values().filter(seen).map(|entry| Arc::clone(&entry.order)).collect();
        drop(orders);
        found.sort_by_cached_key(|order| sort.key(order));
        found
    }

    /// The order and the position of the refund in it.
    pub(super) fn refund(&self, id: u64) -> Option<(Arc<Order>, usize)> {
        let within = |order: &Arc<Order>| {
            let at = order.refunds.iter().position(|refund: &Refund| refund.id == id)?;
            Some((Arc::clone(order), at))
        };
        // The builder makes a refund's id from its order's.
        self.get(id / 1000).as_ref().and_then(within).or_else(|| self.all().iter().find_map(within))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<u64, Entry>> {
        self.orders.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<u64, Entry>> {
        self.orders.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

const FINANCIAL: &[&str] =
    &["paid", "pending", "authorized", "partially_paid", "partially_refunded", "refunded", "voided", "expired"];

impl Searchable for Order {
    fn kind(field: &str) -> Option<Kind> {
        Some(match field {
            "created_at" | "updated_at" | "processed_at" => Kind::Time,
            "id" | "customer_id" => Kind::Number,
            "name" | "email" | "gateway" | "source_name" | "tag" | "confirmation_number" | "po_number" => Kind::Text,
            "financial_status" => Kind::Choice(FINANCIAL),
            "status" => Kind::Choice(&["open", "closed", "cancelled", "not_closed", "any"]),
            "test" => Kind::Choice(&["true", "false"]),
            _ => return None,
        })
    }

    fn held(&self, field: &str) -> Held {
        let number = |id: u64| Held::Number(i64::try_from(id).unwrap_or_default());
        let text = |text: &Option<String>| Held::Text(text.iter().cloned().collect());
        match field {
            "created_at" => Held::Time(Some(self.created_at)),
            "updated_at" => Held::Time(Some(self.updated_at)),
            "processed_at" => Held::Time(Some(self.processed_at)),
            "id" => number(self.id),
            "customer_id" => number(self.customer.as_ref().map_or(0, |customer| customer.id)),
            "name" => Held::Text(vec![self.name.clone(), self.number.to_string()]),
            "email" => text(&self.email),
            "po_number" => text(&self.po_number),
            "source_name" => text(&self.source_name),
            "tag" => Held::Text(self.tags.clone()),
            "gateway" => Held::Text(self.transactions.iter().map(|paid| paid.gateway.clone()).collect()),
            "test" => Held::Text(vec![self.test.to_string()]),
            "financial_status" => {
                let name = |status: Status| match status {
                    Status::Authorized => "authorized",
                    Status::Expired => "expired",
                    Status::Paid => "paid",
                    Status::PartiallyPaid => "partially_paid",
                    Status::PartiallyRefunded => "partially_refunded",
                    Status::Pending => "pending",
                    Status::Refunded => "refunded",
                    Status::Voided => "voided",
                };
                Held::Text(self.financial_status.map(|status| name(status).to_owned()).into_iter().collect())
            }
            "status" => {
                let closed = self.closed_at.is_some();
                let mut states = vec!["any", if closed { "closed" } else { "not_closed" }];
                states.extend(self.cancelled_at.map(|_| "cancelled"));
                states.extend((!closed && self.cancelled_at.is_none()).then_some("open"));
                Held::Text(states.into_iter().map(str::to_owned).collect())
            }
            _ => Held::Text(Vec::new()),
        }
    }

    fn words(&self) -> Vec<String> {
        std::iter::once(self.name.clone()).chain(self.email.clone()).collect()
    }
}
