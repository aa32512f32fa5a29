//! The digest of open alerts: one row, moved on from firing to firing by compare-and-set.

use sea_orm::entity::prelude::*;

/// The row; its id is always 1.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_digest")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The last firing that was won.
    pub fires_at: DateTimeUtc,
    pub webhook_sent_at: Option<DateTimeUtc>,
    /// As of an alert.
    pub webhook_told: i64,
    pub email_sent_at: Option<DateTimeUtc>,
    /// As of an alert.
    pub email_told: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    pub lane: i16,
    pub due_at: Option<DateTimeUtc>,
    /// Raised by every firing.
    pub generation: i64,
    pub claimed_generation: i64,
    pub attempts: i32,
    pub fence: Option<Uuid>,
    pub leased_until: Option<DateTimeUtc>,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
