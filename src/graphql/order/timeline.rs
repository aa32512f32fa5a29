//! What happened to an order, in one list: what the platforms told of it, what was written for it, what was decided about it.

use async_graphql::{Context, Enum, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{audit_entry, synced_order::Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::super::{
    audit::AuditEntry,
    auth::Asking,
    delivery::{self, WebhookDelivery},
    error::Result,
    scalar::Instant,
};

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(in super::super) enum TimelineKind {
    /// A platform told of it.
    Webhook,
    /// It was written to FreshBooks, or decided not to be.
    Audit,
}

/// One thing that happened to an order.
#[derive(SimpleObject)]
pub(in super::super) struct TimelineEntry {
    /// When it came to be known, or was done.
    at: Instant,
    /// What kind of thing it is.
    kind: TimelineKind,
    /// It, in one sentence, without personal data.
    summary: String,
    /// What was told; null for what we did ourselves.
    webhook_delivery: Option<WebhookDelivery>,
    /// What was written or decided; null for what was told.
    audit_entry: Option<AuditEntry>,
    #[graphql(skip)]
    instant: DateTime<Utc>,
}

/// The newest `most` things, newest first.
pub(super) async fn timeline(ctx: &Context<'_>, order: &Model, most: u64) -> Result<Vec<TimelineEntry>> {
    use audit_entry::{Column, Entity};
    let told = delivery::of_order(ctx, order.connection_id, order.shopify_order_id, most).await?;
    let done = Entity::find()
        .filter(Column::ConnectionId.eq(order.connection_id))
        .filter(Column::ShopifyOrderId.eq(order.shopify_order_id))
        .order_by_desc(Column::Sequence)
        .limit(most)
        .all(ctx.app().db.read())
        .await?;
    let told = told.into_iter().map(|row| TimelineEntry {
        at: Instant(row.received_at),
        instant: row.received_at,
        kind: TimelineKind::Webhook,
        summary: [format!("Told: {}.", row.topic), row.detail.clone()].join(" ").trim_end().to_owned(),
        webhook_delivery: Some(WebhookDelivery(row)),
        audit_entry: None,
    });
    let done = done.into_iter().map(|row| TimelineEntry {
        at: Instant(row.occurred_at),
        instant: row.occurred_at,
        kind: TimelineKind::Audit,
        summary: row.message.clone(),
        webhook_delivery: None,
        audit_entry: Some(AuditEntry(row)),
    });
    let mut all: Vec<TimelineEntry> = told.chain(done).collect();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.instant));
    all.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(all)
}
