//! One write to FreshBooks, or one decision not to write. Append-only.

use sea_orm::entity::prelude::*;

use crate::ids::{AuditEntryId, ConnectionId, CustomerKeyId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: AuditEntryId,
    pub connection_id: ConnectionId,
    /// 1, 2, 3 … within the connection, without gaps.
    pub sequence: i64,
    pub occurred_at: DateTimeUtc,
    pub shopify_order_id: Option<i64>,
    /// Such as `OrderTransaction/123`.
    pub shopify_resource: Option<String>,
    /// Such as `payment/456`.
    pub freshbooks_resource: Option<String>,
    pub action: String,
    pub outcome: String,
    pub actor: String,
    /// The part of the connector that decided, such as `sync`.
    pub source: String,
    pub trigger: String,
    /// The visit that it belongs to.
    pub correlation_id: String,
    /// Canonical JSON; text, not JSON, because the chain covers its very bytes. Personal values in it are sealed.
    #[sea_orm(column_type = "Text")]
    pub field_mappings: String,
    /// Opens the sealed values.
    pub customer_key_id: Option<CustomerKeyId>,
    #[sea_orm(column_type = "Text")]
    pub message: String,
    pub previous_hash: String,
    pub hash: String,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
