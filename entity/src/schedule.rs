//! When a connection's next scheduled work is due. Moved on by compare-and-set: one replica wins a firing.

use sea_orm::entity::prelude::*;

use crate::ids::ConnectionId;

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub connection_id: ConnectionId,
    pub kind: Kind,
    /// Six fields, seconds first.
    pub cron: String,
    /// IANA name: the cron expression's clock.
    pub time_zone: String,
    pub next_run_at: DateTimeUtc,
    pub last_run_at: Option<DateTimeUtc>,
}

/// What a schedule starts.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Kind {
    /// A pull of what changed since the watermark.
    Pull,
    /// A look at both ends: tokens, scopes, plans, reference data.
    Check,
    /// Webhook subscriptions of both ends are compared with what is wanted, and repaired.
    Webhooks,
    /// Documents that somebody may have changed in FreshBooks are looked at.
    Drift,
    /// What is older than it may be kept is deleted.
    Retention,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
