//! Webhook deliveries: what the platforms told by themselves, and what became of it.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ids::ConnectionId,
    platform_grant,
    webhook_delivery::{Column, Entity, Model, Outcome},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::{
    auth::Asking,
    connection::Connection,
    error::{Fault, Result},
    loader::NumberedOrder,
    node::{Numbered, shopify_order_id},
    order::SyncedOrder,
    page::{self, Asked, Page, Sort},
    scalar::Instant,
};
use crate::webhook;

/// Which side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "platform_grant::Platform")]
pub(super) enum Platform {
    /// Where the shop sells.
    Shopify,
    /// Where the books are kept.
    Freshbooks,
}

/// What became of a webhook delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Outcome")]
pub(super) enum WebhookOutcome {
    /// What it is about was marked to be looked at. What is true now is read from the platform, never from the delivery.
    Accepted,
    /// It tells of an older state than the one that is known: nothing followed from it.
    OutOfOrder,
    /// FreshBooks tells of a document that we had written ourselves within the last minutes: it is looked at together with others.
    Echo,
    /// It concerns nothing here; `detail` says why.
    Ignored,
}

/// One header of a delivery.
#[derive(SimpleObject)]
pub(super) struct WebhookHeader {
    /// In lower case.
    name: String,
    /// As it came.
    value: String,
}

/// One event as a platform delivered it, signature verified. The body is not kept: what it is about is read anew.
pub(super) struct WebhookDelivery(pub(super) Model);

/// One event as a platform delivered it, signature verified. The body is not kept: what it is about is read anew.
#[Object]
impl WebhookDelivery {
    /// Opaque and global.
    pub(super) async fn id(&self) -> ID {
        self.0.id.global()
    }

    /// Who sent it.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// The connection that it came for; null where the shop is not connected here.
    async fn connection(&self, ctx: &Context<'_>) -> Result<Option<Connection>> {
        let Some(id) = self.0.connection_id else { return Ok(None) };
        Ok(ctx.reader().load_one(id).await?.map(Connection))
    }

    /// The shop that its header names; null for FreshBooks.
    async fn shop_domain(&self) -> Option<&str> {
        Some(self.0.shop_domain.as_str()).filter(|domain| !domain.is_empty())
    }

    /// What happened, in the platform's word, such as `orders/updated` or `invoice.update`.
    async fn topic(&self) -> &str {
        &self.0.topic
    }

    /// Shopify's id of this delivery.
    async fn webhook_id(&self) -> Option<&str> {
        self.0.webhook_id.as_deref()
    }

    /// Shopify's id of the event; its deliveries share it.
    async fn event_id(&self) -> Option<&str> {
        self.0.event_id.as_deref()
    }

    /// The version of Shopify's API that the body was written in.
    async fn api_version(&self) -> Option<&str> {
        self.0.api_version.as_deref()
    }

    /// Shopify's number of the order behind it; null where it is about no one order.
    async fn shopify_order_id(&self) -> Option<String> {
        self.0.shopify_order_id.map(|id| id.to_string())
    }

    /// The order behind it; null where it is about no one order.
    async fn order(&self, ctx: &Context<'_>) -> Result<Option<SyncedOrder>> {
        let (Some(connection), Some(number)) = (self.0.connection_id, self.0.shopify_order_id) else { return Ok(None) };
        Ok(ctx.reader().load_one(NumberedOrder(connection, number)).await?.map(SyncedOrder))
    }

    /// What it is about, such as `OrderTransaction/123` or `invoice/456`.
    async fn resource(&self) -> Option<&str> {
        self.0.resource.as_deref()
    }

    /// The state that it tells of, by Shopify's own stamp; null where it names none.
    async fn shopify_updated_at(&self) -> Option<Instant> {
        self.0.version.map(Instant)
    }

    /// When it happened, as the platform says.
    async fn triggered_at(&self) -> Option<Instant> {
        self.0.triggered_at.map(Instant)
    }

    /// When it came.
    async fn received_at(&self) -> Instant {
        Instant(self.0.received_at)
    }

    /// What became of it.
    async fn outcome(&self) -> WebhookOutcome {
        self.0.outcome.into()
    }

    /// Why; empty where there is nothing to say.
    async fn detail(&self) -> &str {
        &self.0.detail
    }

    /// How often the same event came again: repeats are counted, and nothing else follows from them.
    async fn repeats(&self) -> i32 {
        self.0.repeats
    }

    /// All headers as they came, without credentials.
    async fn headers(&self) -> Vec<WebhookHeader> {
        webhook::headers(&self.0).into_iter().map(|(name, value)| WebhookHeader { name, value }).collect()
    }

    /// How long its body was, in bytes.
    async fn body_bytes(&self) -> i32 {
        self.0.body_bytes
    }
}

/// Which deliveries: those that all of this holds for.
#[derive(Debug, Default, InputObject)]
pub(super) struct WebhookDeliveryFilter {
    /// Of this connection.
    connection_id: Option<ID>,
    /// From this side.
    platform: Option<Platform>,
    /// Of one of these topics, such as `orders/updated`.
    topics: Option<Vec<String>>,
    /// Which ended like this.
    outcomes: Option<Vec<WebhookOutcome>>,
    /// About this order: Shopify's number, or its gid.
    shopify_order_id: Option<String>,
    /// Which came at this instant or later.
    received_from: Option<DateTime<Utc>>,
    /// Which came before this instant.
    received_before: Option<DateTime<Utc>>,
}

impl WebhookDeliveryFilter {
    fn condition(&self) -> Result<Condition> {
        let order = self.shopify_order_id.as_deref().map(shopify_order_id).transpose()?;
        Ok(Condition::all()
            .add_option(self.platform.map(|platform| Column::Platform.eq(platform_grant::Platform::from(platform))))
            .add_option(self.topics.as_ref().map(|topics| Column::Topic.is_in(topics)))
            .add_option(
                self.outcomes.as_ref().map(|all| Column::Outcome.is_in(all.iter().map(|one| Outcome::from(*one)))),
            )
            .add_option(order.map(|order| Column::ShopifyOrderId.eq(order)))
            .add_option(self.received_from.map(|at| Column::ReceivedAt.gte(at)))
            .add_option(self.received_before.map(|at| Column::ReceivedAt.lt(at))))
    }
}

/// What is asked about deliveries.
#[derive(Default)]
pub(super) struct DeliveryQuery;

/// What is asked about deliveries.
#[Object]
impl DeliveryQuery {
    /// What the platforms told by themselves, newest first; kept for as long as MLC_RETENTION_DAYS says. What was refused, such as a wrong
    /// signature, is only counted (`/metrics`). Deliveries of shops that are not connected show to tokens without a limit to connections.
    #[graphql(complexity = "page::cost(first, last) * child_complexity + 1")]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that all of this holds for.")] filter: Option<WebhookDeliveryFilter>,
        #[graphql(desc = "So many from the beginning, 100 at most. Without `first` and `last`: 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Page<WebhookDelivery>> {
        let filter = filter.unwrap_or_default();
        let connection = filter.connection_id.as_ref().map(ConnectionId::read).transpose()?;
        let mut select = Entity::find().filter(filter.condition()?);
        if let Some(visible) = ctx.visible(connection)? {
            select = select.filter(Column::ConnectionId.is_in(visible));
        }
        let asked = Asked { first, after, last, before };
        let sort = Sort { order: 'w', at: None, id: Column::Id, latest_first: true };
        let key = |row: &Model| page::Key { at: None, id: row.id.0 };
        page::page(ctx.app().db.read(), select, sort, &asked, key, WebhookDelivery).await
    }
}

/// Deliveries about one order, newest first.
pub(super) async fn of_order(
    ctx: &Context<'_>,
    connection: ConnectionId,
    shopify_order_id: i64,
    most: u64,
) -> Result<Vec<Model>> {
    use sea_orm::{QueryOrder, QuerySelect};
    let select = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::ShopifyOrderId.eq(shopify_order_id))
        .order_by_desc(Column::Id)
        .limit(most);
    select.all(ctx.app().db.read()).await.map_err(Fault::from)
}
