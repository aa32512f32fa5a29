//! A transaction as a webhook told of it: shown until the order's own reading brings it, never booked from here.

use sea_orm::entity::prelude::*;

use crate::ids::ConnectionId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "told_transaction")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub connection_id: ConnectionId,
    pub shopify_order_id: i64,
    pub shopify_transaction_id: i64,
    /// Shopify's word, such as `sale` or `capture`.
    pub kind: String,
    /// Shopify's word, such as `success`.
    pub status: String,
    pub gateway: String,
    /// A decimal string, in `currency`.
    pub amount: String,
    pub currency: String,
    pub processed_at: Option<DateTimeUtc>,
    pub told_at: DateTimeUtc,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
