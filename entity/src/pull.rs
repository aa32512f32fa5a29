//! One reading of a shop's orders by bulk operation, over a window of their last change.

use sea_orm::entity::prelude::*;

use crate::ids::{ConnectionId, PullId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pull")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PullId,
    pub connection_id: ConnectionId,
    pub kind: Kind,
    pub state: State,
    /// Orders changed at or after this; empty means from the beginning.
    pub since: Option<DateTimeUtc>,
    /// Orders changed before this.
    pub until: DateTimeUtc,
    /// Set before the bulk operation is asked for: an answer that never came is looked up, not repeated.
    pub bulk_requested_at: Option<DateTimeUtc>,
    pub bulk_operation_id: Option<String>,
    /// Lines and roots that Shopify announced.
    pub announced_objects: Option<i64>,
    pub announced_orders: Option<i64>,
    /// Orders read so far.
    pub orders_seen: i64,
    /// Of these, new or newer than what was known.
    pub orders_changed: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    pub trigger: String,
    pub actor: String,
    pub lane: i16,
    pub due_at: Option<DateTimeUtc>,
    pub generation: i64,
    pub claimed_generation: i64,
    pub attempts: i32,
    pub fence: Option<Uuid>,
    pub leased_until: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

/// Why it runs.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Kind {
    /// By the clock, from the watermark on.
    Scheduled,
    /// Asked for, over a window of one's choice.
    Backfill,
}

/// Where it stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum State {
    Waiting,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
