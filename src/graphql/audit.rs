//! The audit trail: every write to FreshBooks and every decision not to write.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::{
    audit_entry::{Column, Entity, Model},
    ids::{ConnectionId, OrderId},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    auth::Asking,
    connection::Connection,
    error::{Fault, Result},
    node::{Numbered, shopify_order_id},
    page::{self, Asked, Page, Sort},
    scalar::Instant,
};
use crate::audit;

/// One field of a document: where its value came from, what it was, what it became.
#[derive(SimpleObject)]
pub(super) struct FieldMapping {
    /// Where the value comes from in Shopify's order, such as `transactions.amountSet`; `-` where it is ours.
    shopify_field: String,
    /// The field in FreshBooks, such as `amount`; a setting reads as `settings.refunds`.
    freshbooks_field: String,
    /// What it was before; null on a create. A person's values read `***` without the right to see them, and once they were redacted.
    before: Option<String>,
    /// What it became; null on a delete. A person's values read `***` without the right to see them, and once they were redacted.
    pub(super) after: Option<String>,
    /// Whether the values are a person's.
    personal: bool,
}

impl FieldMapping {
    /// As it is, or with a person's values masked.
    pub(super) fn shown(mapping: audit::FieldMapping, people: bool) -> Self {
        let mask = |value: Option<String>| {
            value.map(|value| if mapping.personal && !people { MASK.to_owned() } else { value })
        };
        Self {
            before: mask(mapping.before),
            after: mask(mapping.after),
            shopify_field: mapping.shopify_field,
            freshbooks_field: mapping.freshbooks_field,
            personal: mapping.personal,
        }
    }
}

/// What stands for a value that the asker may not see.
pub(super) const MASK: &str = "***";

/// One write to FreshBooks, or one decision not to write. Never changed, chained by hash per connection.
pub(super) struct AuditEntry(pub(super) Model);

/// One write to FreshBooks, or one decision not to write. Never changed, chained by hash per connection.
#[Object]
impl AuditEntry {
    /// Opaque and global.
    pub(super) async fn id(&self) -> ID {
        self.0.id.global()
    }

    /// Its place in the connection's chain: 1, 2, 3 … without gaps. As text, since it may outgrow an `Int`.
    async fn sequence(&self) -> String {
        self.0.sequence.to_string()
    }

    /// When it happened.
    async fn occurred_at(&self) -> Instant {
        Instant(self.0.occurred_at)
    }

    /// Whose chain it belongs to.
    async fn connection(&self, ctx: &Context<'_>) -> Result<Connection> {
        let row = ctx.reader().load_one(self.0.connection_id).await?;
        row.map(Connection).ok_or_else(|| Fault::NotFound("There is no such connection.".to_owned()))
    }

    /// Shopify's number of the order behind it; null where it is about no one order, such as changed settings.
    async fn shopify_order_id(&self) -> Option<String> {
        self.0.shopify_order_id.map(|id| id.to_string())
    }

    /// What it was about in Shopify, such as `OrderTransaction/123`.
    async fn shopify_resource(&self) -> Option<&str> {
        self.0.shopify_resource.as_deref()
    }

    /// What was written in FreshBooks, such as `payment/456`.
    async fn freshbooks_resource(&self) -> Option<&str> {
        self.0.freshbooks_resource.as_deref()
    }

    /// What was done, such as `create_invoice`; `none` for a decision not to write, `update_settings` for changed settings,
    /// `dismiss` for an order given up, `redact_customer` for a customer erased.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// What came of it: `done`, `adopted`, `unchanged`, `skipped`, `waiting`, `failed`; of an adoption also `named` and `refused`.
    async fn outcome(&self) -> &str {
        &self.0.outcome
    }

    /// Who caused it, such as `user:alice` or `system:schedule`.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// The part of this service that decided: `sync`, `settings`, `order` for what a person did about an order, `privacy` for requests
    /// about people.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// What made the order due, such as `resync` or `pull:12`; `settings` where settings were changed, `dismiss` where it was given up.
    async fn trigger(&self) -> &str {
        &self.0.trigger
    }

    /// The visit that it belongs to: entries of one visit share it.
    async fn correlation_id(&self) -> &str {
        &self.0.correlation_id
    }

    /// The fields that were written, or the settings that were changed.
    async fn field_mappings(&self, ctx: &Context<'_>) -> Result<Vec<FieldMapping>> {
        let people = ctx.sees_people(self.0.connection_id);
        let key = match self.0.customer_key_id {
            Some(id) if people => ctx.reader().load_one(id).await?,
            _ => None,
        };
        let mappings = audit::field_mappings(&self.0, key.as_ref())?;
        Ok(mappings.into_iter().map(|mapping| FieldMapping::shown(mapping, people)).collect())
    }

    /// What happened, in one sentence, without personal data.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// The hash of the entry before it in the chain.
    async fn previous_hash(&self) -> &str {
        &self.0.previous_hash
    }

    /// SHA-256 over the hash before it and every field of its own, personal values as they are sealed.
    async fn hash(&self) -> &str {
        &self.0.hash
    }
}

/// Which audit entries. Everything that is given must hold.
#[derive(Debug, Default, InputObject)]
pub(super) struct AuditFilter {
    /// Of this connection.
    connection_id: Option<ID>,
    /// About this order, by Shopify's number or gid.
    shopify_order_id: Option<String>,
    /// About this order, by its global id.
    order_id: Option<ID>,
    /// With exactly this action, such as `create_payment`.
    action: Option<String>,
    /// With exactly this outcome, such as `failed`.
    outcome: Option<String>,
    /// From this instant on.
    from: Option<Instant>,
    /// Before this instant.
    to: Option<Instant>,
    /// Of this visit.
    correlation_id: Option<String>,
}

impl AuditFilter {
    /// Everything about one order.
    pub(super) fn of_order(connection: ConnectionId, shopify_order_id: i64) -> Self {
        Self {
            connection_id: Some(connection.global()),
            shopify_order_id: Some(shopify_order_id.to_string()),
            ..Self::default()
        }
    }
}

/// A page of the trail, newest first.
pub(super) async fn list(ctx: &Context<'_>, filter: AuditFilter, asked: &Asked) -> Result<Page<AuditEntry>> {
    let db = ctx.app().db.read();
    let mut select = Entity::find();
    let connection = filter.connection_id.as_ref().map(ConnectionId::read).transpose()?;
    if let Some(visible) = ctx.visible(connection)? {
        select = select.filter(Column::ConnectionId.is_in(visible));
    }
    if let Some(number) = &filter.shopify_order_id {
        select = select.filter(Column::ShopifyOrderId.eq(shopify_order_id(number)?));
    }
    if let Some(id) = &filter.order_id {
        let row = entity::synced_order::Entity::find_by_id(OrderId::read(id)?).one(db).await?;
        // An order that is not there has no entries.
        let (connection, number) = row.map_or((ConnectionId(0), 0), |row| (row.connection_id, row.shopify_order_id));
        select = select.filter(Column::ConnectionId.eq(connection)).filter(Column::ShopifyOrderId.eq(number));
    }
    let texts = [
        (Column::Action, &filter.action),
        (Column::Outcome, &filter.outcome),
        (Column::CorrelationId, &filter.correlation_id),
    ];
    for (column, text) in texts {
        if let Some(text) = text {
            select = select.filter(column.eq(text));
        }
    }
    if let Some(from) = filter.from {
        select = select.filter(Column::OccurredAt.gte(from.0));
    }
    if let Some(to) = filter.to {
        select = select.filter(Column::OccurredAt.lt(to.0));
    }
    let sort = Sort { order: 'a', at: None, id: Column::Id, latest_first: true };
    page::page(db, select, sort, asked, |row: &Model| page::Key { at: None, id: row.id.0 }, AuditEntry).await
}

/// What is asked about the trail.
#[derive(Default)]
pub(super) struct AuditQuery;

/// What is asked about the trail.
#[Object]
impl AuditQuery {
    /// What was written and what was decided, newest first.
    #[graphql(complexity = "page::cost(first, last) * child_complexity + 1")]
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that all of this holds for.")] filter: Option<AuditFilter>,
        #[graphql(desc = "So many from the beginning, 100 at most. Without `first` and `last`: 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Page<AuditEntry>> {
        list(ctx, filter.unwrap_or_default(), &Asked { first, after, last, before }).await
    }
}
