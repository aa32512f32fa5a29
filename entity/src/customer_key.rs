//! The key of one customer's personal values. Destroying it redacts them everywhere at once.

use sea_orm::entity::prelude::*;

use crate::ids::{ConnectionId, CustomerKeyId};

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_key")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: CustomerKeyId,
    pub connection_id: ConnectionId,
    /// `customer:{Shopify's id}`, or `order:{Shopify's id}` where the order has no customer.
    pub subject: String,
    /// Sealed under the keyring; empty once destroyed.
    #[sea_orm(column_type = "Text", nullable)]
    pub sealed_key: Option<String>,
    pub created_at: DateTimeUtc,
    pub destroyed_at: Option<DateTimeUtc>,
    /// Shopify's number of the customer that this one was merged into: a request about that one is about this one too.
    pub merged_into: Option<i64>,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
