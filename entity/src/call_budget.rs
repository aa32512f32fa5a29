//! How much one account or shop of a platform takes at once, as its answers have shown.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "call_budget")]
pub struct Model {
    /// `freshbooks/` and the account's id, or `shopify/` and the shop's domain.
    #[sea_orm(primary_key, auto_increment = false)]
    pub whom: String,
    /// Visits at the same time, over all processes.
    pub at_once: i16,
    /// When `at_once` was changed last.
    pub changed_at: DateTimeUtc,
    /// Nobody calls before this: the platform asked us to slow down.
    pub paused_until: Option<DateTimeUtc>,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
