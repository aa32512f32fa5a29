//! A platform's consent: its tokens, sealed under the keyring and bound to this row.

use sea_orm::entity::prelude::*;

use crate::ids::ConnectionId;

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "platform_grant")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub connection_id: ConnectionId,
    pub platform: Platform,
    /// Sealed.
    #[sea_orm(column_type = "Text")]
    pub access_token: String,
    /// Sealed.
    #[sea_orm(column_type = "Text", nullable)]
    pub refresh_token: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub scopes: String,
    pub expires_at: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
}

/// Which side granted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Platform {
    Shopify,
    Freshbooks,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
