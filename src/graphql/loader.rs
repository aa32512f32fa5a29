//! Reads by the batch: what the rows of a page need from other tables comes in one statement per kind, not one per row.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use entity::{
    alert, call_budget, connection, customer_key,
    ids::{ConnectionId, CustomerKeyId, OrderId},
    platform_grant, reference_check, resource_link, schedule, synced_order, told_transaction, webhook_subscription,
};
use futures_util::future::try_join_all;
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::error::Shared;
use crate::{app::App, crypto::DataKey, customer_key as keys, order, shopify::model::Order, webhook};

/// Loads whatever a page needs; one per operation.
pub(super) struct Reader(pub(super) App);

type Loaded<K, V> = Result<HashMap<K, V>, Shared>;

fn shared(error: impl std::error::Error + Send + Sync + 'static) -> Shared {
    Arc::new(error)
}

fn by_key<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn grouped<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> Option<K>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        if let Some(key) = key(&row) {
            groups.entry(key).or_default().push(row);
        }
    }
    groups
}

impl Loader<ConnectionId> for Reader {
    type Value = connection::Model;
    type Error = Shared;

    async fn load(&self, ids: &[ConnectionId]) -> Loaded<ConnectionId, Self::Value> {
        let select = connection::Entity::find().filter(connection::Column::Id.is_in(ids.iter().copied()));
        Ok(by_key(select.all(self.0.db.read()).await.map_err(shared)?, |row| row.id))
    }
}

/// The links of an order: its invoice, its payments and its credit notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LinksOf(pub(super) OrderId);

impl Loader<LinksOf> for Reader {
    type Value = Vec<resource_link::Model>;
    type Error = Shared;

    async fn load(&self, orders: &[LinksOf]) -> Loaded<LinksOf, Self::Value> {
        use resource_link::{Column, Entity};
        let select =
            Entity::find().filter(Column::OrderId.is_in(orders.iter().map(|of| of.0))).order_by_asc(Column::Id);
        Ok(grouped(select.all(self.0.db.read()).await.map_err(shared)?, |row| row.order_id.map(LinksOf)))
    }
}

/// The links of a client, by one of its two names: one by Shopify's, any number by FreshBooks', where a guest, a customer and a company may
/// be one and the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ClientOf {
    /// Shopify's number of the customer.
    Customer(ConnectionId, String),
    /// FreshBooks' id of the client.
    Client(ConnectionId, i64),
}

impl Loader<ClientOf> for Reader {
    type Value = Vec<resource_link::Model>;
    type Error = Shared;

    async fn load(&self, clients: &[ClientOf]) -> Loaded<ClientOf, Self::Value> {
        use resource_link::{Column, Entity, Kind};
        let mut any = Condition::any();
        for client in clients {
            any = any.add(match client {
                ClientOf::Customer(connection, id) => {
                    Column::ConnectionId.eq(*connection).and(Column::ShopifyId.eq(id))
                }
                ClientOf::Client(connection, id) => {
                    Column::ConnectionId.eq(*connection).and(Column::FreshbooksId.eq(*id))
                }
            });
        }
        let select = Entity::find().filter(Column::Kind.eq(Kind::Client)).filter(any).order_by_asc(Column::Id);
        let mut found: HashMap<ClientOf, Self::Value> = HashMap::new();
        for row in select.all(self.0.db.read()).await.map_err(shared)? {
            if let Some(id) = row.freshbooks_id {
                found.entry(ClientOf::Client(row.connection_id, id)).or_default().push(row.clone());
            }
            found.insert(ClientOf::Customer(row.connection_id, row.shopify_id.clone()), vec![row]);
        }
        Ok(found)
    }
}

/// Whose values a key seals: `customer:7`, or `order:9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SubjectOf(pub(super) CustomerKeyId);

impl Loader<SubjectOf> for Reader {
    type Value = String;
    type Error = Shared;

    async fn load(&self, ids: &[SubjectOf]) -> Loaded<SubjectOf, String> {
        use customer_key::{Column, Entity};
        let rows: Vec<(CustomerKeyId, String)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Subject])
            .filter(Column::Id.is_in(ids.iter().map(|of| of.0)))
            .into_tuple()
            .all(self.0.db.read())
            .await
            .map_err(shared)?;
        Ok(rows.into_iter().map(|(id, subject)| (SubjectOf(id), subject)).collect())
    }
}

impl Loader<CustomerKeyId> for Reader {
    type Value = DataKey;
    type Error = Shared;

    /// Once per key of a page, however many values it seals.
    async fn load(&self, ids: &[CustomerKeyId]) -> Loaded<CustomerKeyId, DataKey> {
        let (conn, keyring) = (self.0.db.read(), &self.0.keyring);
        let opened = ids
            .iter()
            .map(async |&id| Ok::<_, keys::Error>(keys::find_by_id(conn, keyring, id).await?.map(|key| (id, key))));
        Ok(try_join_all(opened).await.map_err(shared)?.into_iter().flatten().collect())
    }
}

/// An order as it was last read from Shopify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SnapshotOf(pub(super) OrderId);

impl Loader<SnapshotOf> for Reader {
    type Value = Arc<Order>;
    type Error = Shared;

    async fn load(&self, orders: &[SnapshotOf]) -> Loaded<SnapshotOf, Self::Value> {
        let (conn, keyring) = (self.0.db.read(), &self.0.keyring);
        let opened = orders.iter().map(async |&of| {
            let snapshot = order::snapshot::find(conn, keyring, of.0).await?;
            Ok::<_, order::Error>(snapshot.map(|snapshot| (of, Arc::new(snapshot.order))))
        });
        Ok(try_join_all(opened).await.map_err(shared)?.into_iter().flatten().collect())
    }
}

/// The transactions of an order that webhooks told of, by connection and Shopify's number of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ToldOf(pub(super) ConnectionId, pub(super) i64);

impl Loader<ToldOf> for Reader {
    type Value = Vec<told_transaction::Model>;
    type Error = Shared;

    async fn load(&self, orders: &[ToldOf]) -> Loaded<ToldOf, Self::Value> {
        use told_transaction::{Column, Entity};
        let any = orders.iter().fold(Condition::any(), |any, ToldOf(connection, order)| {
            any.add(Column::ConnectionId.eq(*connection).and(Column::ShopifyOrderId.eq(*order)))
        });
        let rows = Entity::find().filter(any).order_by_asc(Column::Id).all(self.0.db.read()).await.map_err(shared)?;
        Ok(grouped(rows, |row| Some(ToldOf(row.connection_id, row.shopify_order_id))))
    }
}

/// An order, by connection and Shopify's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NumberedOrder(pub(super) ConnectionId, pub(super) i64);

impl Loader<NumberedOrder> for Reader {
    type Value = synced_order::Model;
    type Error = Shared;

    async fn load(&self, orders: &[NumberedOrder]) -> Loaded<NumberedOrder, Self::Value> {
        use synced_order::{Column, Entity};
        let mut numbers: HashMap<ConnectionId, Vec<i64>> = HashMap::new();
        for NumberedOrder(connection, number) in orders {
            numbers.entry(*connection).or_default().push(*number);
        }
        let any = numbers.into_iter().fold(Condition::any(), |any, (connection, numbers)| {
            any.add(Column::ConnectionId.eq(connection).and(Column::ShopifyOrderId.is_in(numbers)))
        });
        let rows = Entity::find().filter(any).all(self.0.db.read()).await.map_err(shared)?;
        Ok(by_key(rows, |row| NumberedOrder(row.connection_id, row.shopify_order_id)))
    }
}

/// The grants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct GrantsOf(pub(super) ConnectionId);

impl Loader<GrantsOf> for Reader {
    type Value = Vec<platform_grant::Model>;
    type Error = Shared;

    async fn load(&self, connections: &[GrantsOf]) -> Loaded<GrantsOf, Self::Value> {
        use platform_grant::{Column, Entity};
        let select = Entity::find().filter(Column::ConnectionId.is_in(connections.iter().map(|of| of.0)));
        let rows = select.all(self.0.db.read()).await.map_err(shared)?;
        Ok(grouped(rows, |row| Some(GrantsOf(row.connection_id))))
    }
}

/// What the last look at a connection's ends found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ChecksOf(pub(super) ConnectionId);

impl Loader<ChecksOf> for Reader {
    type Value = Vec<reference_check::Model>;
    type Error = Shared;

    async fn load(&self, connections: &[ChecksOf]) -> Loaded<ChecksOf, Self::Value> {
        use reference_check::{Column, Entity};
        let select = Entity::find().filter(Column::ConnectionId.is_in(connections.iter().map(|of| of.0)));
        let rows = select.order_by_asc(Column::Id).all(self.0.db.read()).await.map_err(shared)?;
        Ok(grouped(rows, |row| Some(ChecksOf(row.connection_id))))
    }
}

/// What the platforms are asked to tell of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SubscriptionsOf(pub(super) ConnectionId);

impl Loader<SubscriptionsOf> for Reader {
    type Value = Vec<webhook_subscription::Model>;
    type Error = Shared;

    async fn load(&self, connections: &[SubscriptionsOf]) -> Loaded<SubscriptionsOf, Self::Value> {
        use webhook_subscription::{Column, Entity};
        let select = Entity::find().filter(Column::ConnectionId.is_in(connections.iter().map(|of| of.0)));
        let rows = select.order_by_asc(Column::Id).all(self.0.db.read()).await.map_err(shared)?;
        Ok(grouped(rows, |row| Some(SubscriptionsOf(row.connection_id))))
    }
}

/// What an account or shop takes at once, by its name in [`crate::pauses`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BudgetOf(pub(super) String);

impl Loader<BudgetOf> for Reader {
    type Value = call_budget::Model;
    type Error = Shared;

    async fn load(&self, whom: &[BudgetOf]) -> Loaded<BudgetOf, Self::Value> {
        use call_budget::{Column, Entity};
        let select = Entity::find().filter(Column::Whom.is_in(whom.iter().map(|of| &of.0)));
        let rows = select.all(self.0.db.read()).await.map_err(shared)?;
        Ok(by_key(rows, |row| BudgetOf(row.whom.clone())))
    }
}

/// The figures of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FiguresOf(pub(super) ConnectionId);

/// How far a connection is.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// Rows by the state of their column; those leased among them by `leased`.
    pub(super) by_state: Vec<(synced_order::State, i64)>,
    /// Of these, under way just now.
    pub(super) leased: Vec<(synced_order::State, i64)>,
    /// Since when the order that has waited longest is due.
    pub(super) oldest_due: Option<DateTime<Utc>>,
    /// When the next scheduled pull begins.
    pub(super) next_pull: Option<DateTime<Utc>>,
    /// Alerts not resolved.
    pub(super) open_alerts: i64,
    /// When the last delivery came.
    pub(super) last_webhook: Option<DateTime<Utc>>,
}

impl Loader<FiguresOf> for Reader {
    type Value = Figures;
    type Error = Shared;

    async fn load(&self, connections: &[FiguresOf]) -> Loaded<FiguresOf, Figures> {
        let ids: Vec<ConnectionId> = connections.iter().map(|of| of.0).collect();
        self.figures(&ids).await.map_err(shared)
    }
}

impl Reader {
    async fn figures(&self, ids: &[ConnectionId]) -> Result<HashMap<FiguresOf, Figures>, DbErr> {
        use synced_order::{Column, Entity};
        let (conn, now) = (self.0.db.read(), self.0.clock.now());
        let mut all: HashMap<FiguresOf, Figures> = ids.iter().map(|id| (FiguresOf(*id), Figures::default())).collect();
        let counts = || {
            Entity::find()
                .select_only()
                .columns([Column::ConnectionId, Column::State])
                .column_as(Expr::col(Column::Id).count(), "orders")
                .filter(Column::ConnectionId.is_in(ids.iter().copied()))
                .group_by(Column::ConnectionId)
                .group_by(Column::State)
        };
        let rows: Vec<(ConnectionId, synced_order::State, i64)> = counts().into_tuple().all(conn).await?;
        for (connection, state, orders) in rows {
            all.entry(FiguresOf(connection)).or_default().by_state.push((state, orders));
        }
        let leased =
            counts().filter(Column::LeasedUntil.gt(now)).filter(Column::State.ne(synced_order::State::Dismissed));
        let rows: Vec<(ConnectionId, synced_order::State, i64)> = leased.into_tuple().all(conn).await?;
        for (connection, state, orders) in rows {
            all.entry(FiguresOf(connection)).or_default().leased.push((state, orders));
        }
        let rows: Vec<(ConnectionId, Option<DateTime<Utc>>)> = Entity::find()
            .select_only()
            .column(Column::ConnectionId)
            .column_as(Expr::col(Column::DueAt).min(), "oldest")
            .filter(Column::ConnectionId.is_in(ids.iter().copied()))
            .filter(Column::DueAt.lte(now))
            .group_by(Column::ConnectionId)
            .into_tuple()
            .all(conn)
            .await?;
        for (connection, oldest) in rows {
            all.entry(FiguresOf(connection)).or_default().oldest_due = oldest;
        }
        let due = schedule::Entity::find()
            .filter(schedule::Column::ConnectionId.is_in(ids.iter().copied()))
            .filter(schedule::Column::Kind.eq(schedule::Kind::Pull));
        for row in due.all(conn).await? {
            all.entry(FiguresOf(row.connection_id)).or_default().next_pull = Some(row.next_run_at);
        }
        let rows: Vec<(ConnectionId, i64)> = alert::Entity::find()
            .select_only()
            .column(alert::Column::ConnectionId)
            .column_as(Expr::col(alert::Column::Id).count(), "alerts")
            .filter(alert::Column::ConnectionId.is_in(ids.iter().copied()))
            .filter(alert::Column::ResolvedAt.is_null())
            .group_by(alert::Column::ConnectionId)
            .into_tuple()
            .all(conn)
            .await?;
        for (connection, alerts) in rows {
            all.entry(FiguresOf(connection)).or_default().open_alerts = alerts;
        }
        for (connection, last) in webhook::last(conn, ids).await? {
            all.entry(FiguresOf(connection)).or_default().last_webhook = Some(last);
        }
        Ok(all)
    }
}
