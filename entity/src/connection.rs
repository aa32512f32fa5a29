//! One shop tied to one FreshBooks account.

use sea_orm::entity::prelude::*;

use crate::ids::ConnectionId;

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "connection")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: ConnectionId,
    pub name: String,
    /// `name.myshopify.com`.
    #[sea_orm(unique)]
    pub shop_domain: String,
    pub status: Status,
    /// The connector's settings, as its `Settings` type writes them.
    #[sea_orm(column_type = "Text")]
    pub settings: String,
    pub shop_name: Option<String>,
    pub shop_currency: Option<String>,
    /// IANA name; dates of documents are days of this zone.
    pub shop_time_zone: Option<String>,
    pub account_id: Option<String>,
    pub business_id: Option<i64>,
    pub business_name: Option<String>,
    pub business_currency: Option<String>,
    /// Bit set of the rounding rules that FreshBooks' answers have not contradicted yet.
    pub rounding_rules: i32,
    /// Whether `status` in an invoice's create was honoured; unknown until the first answer.
    pub issues_in_create: Option<bool>,
    /// The businesses that the person who authorized FreshBooks may write to, where one is still to be chosen; JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub businesses: Option<String>,
    /// What keeps both grants from being of use, as the connector's `Problem` writes it.
    #[sea_orm(column_type = "Text", nullable)]
    pub blocked: Option<String>,
    /// Hex; keys the pseudonyms of guests.
    pub salt: String,
    /// Every change of the shop's orders before this instant has been read.
    pub watermark: Option<DateTimeUtc>,
    pub last_pull_at: Option<DateTimeUtc>,
    pub last_synced_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Where a connection stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
pub enum Status {
    /// A grant is still missing.
    Pending,
    /// Working.
    Active,
    /// Stopped by a person.
    Paused,
    /// A platform no longer accepts our token.
    NeedsReauthorization,
    /// Something over there stands in the way, such as a frozen shop; looked at again once a day.
    Blocked,
    /// Ended by a person or by an uninstall.
    Disconnected,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
