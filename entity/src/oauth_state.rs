//! A grant that somebody has begun in a browser and not ended yet. Taken out by the callback that ends it: good once.

use sea_orm::entity::prelude::*;

use crate::{ids::ConnectionId, platform_grant::Platform};

/// A row. Holds hashes only: whoever reads the table can end nobody's grant.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oauth_state")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub platform: Platform,
    /// SHA-256 of the `state` that the platform sends back, in hex.
    #[sea_orm(unique)]
    pub state_hash: String,
    /// SHA-256 of the cookie of the browser that began it, in hex.
    pub browser_hash: String,
    /// Whose FreshBooks end; a Shopify grant names the shop.
    pub connection_id: Option<ConnectionId>,
    pub shop_domain: Option<String>,
    pub expires_at: DateTimeUtc,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
