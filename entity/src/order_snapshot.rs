//! The newest Shopify state known of an order, sealed under its customer's key.
//!
//! Apart from `synced_order` so that leasing a row does not rewrite it and retention can delete it.

use sea_orm::entity::prelude::*;

use crate::ids::{CustomerKeyId, OrderId};

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "order_snapshot")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    pub shopify_updated_at: DateTimeUtc,
    pub customer_key_id: CustomerKeyId,
    /// Sealed JSON of the order.
    #[sea_orm(column_type = "Text")]
    pub sealed: String,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
