//! One event as a platform delivered it: the headers, and what the body said as far as we use it. The body itself is not kept.

use sea_orm::entity::prelude::*;

use crate::{
    ids::{ConnectionId, DeliveryId},
    platform_grant::Platform,
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: DeliveryId,
    pub platform: Platform,
    /// Empty where the shop is not, or no longer, connected.
    pub connection_id: Option<ConnectionId>,
    /// As the header named it; empty on FreshBooks' events.
    pub shop_domain: String,
    /// Such as `orders/updated` or `invoice.update`.
    pub topic: String,
    /// Shopify's id of this delivery.
    pub webhook_id: Option<String>,
    /// Shopify's id of the event, shared by its deliveries.
    pub event_id: Option<String>,
    pub api_version: Option<String>,
    pub shopify_order_id: Option<i64>,
    /// What the event is about, such as `Order/123` or `invoice/456`.
    pub resource: Option<String>,
    /// The state that the event tells of: the body's `updated_at`.
    pub version: Option<DateTimeUtc>,
    /// When it happened, as the header has it.
    pub triggered_at: Option<DateTimeUtc>,
    pub received_at: DateTimeUtc,
    pub outcome: Outcome,
    /// Why, in a sentence; may be empty.
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    /// How often the same event came again.
    pub repeats: i32,
    /// JSON list of pairs, as received.
    #[sea_orm(column_type = "Text")]
    pub headers: String,
    pub body_bytes: i32,
}

/// What became of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Outcome {
    /// What it is about was marked to be looked at.
    Accepted,
    /// Older than what is known: nothing follows from it.
    OutOfOrder,
    /// FreshBooks tells of something that we have just written ourselves.
    Echo,
    /// It concerns nothing of ours.
    Ignored,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
