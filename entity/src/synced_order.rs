//! One Shopify order and where it stands on its way into FreshBooks. The row itself is the unit of work.

use sea_orm::entity::prelude::*;

use crate::ids::{ConnectionId, CustomerKeyId, OrderId};

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "synced_order")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: OrderId,
    pub connection_id: ConnectionId,
    pub shopify_order_id: i64,
    pub name: String,
    pub processed_at: Option<DateTimeUtc>,
    /// The version of the snapshot; empty while the order is only known by name.
    pub shopify_updated_at: Option<DateTimeUtc>,
    pub financial_status: Option<String>,
    /// Shopify's present total, in the shop's currency.
    pub total_minor: Option<i64>,
    pub currency: Option<String>,
    pub state: State,
    /// Why it is not synced, as the connector's `Problem` type writes it.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    /// Shopify has something newer than the snapshot, or a person wants it read again.
    pub stale: bool,
    /// What made it due, for the audit; the sync never reads it.
    pub trigger: String,
    /// Who made it due.
    pub actor: String,
    /// 0 one-order resync, 1 webhook, 2 scheduled pull, 3 backfill.
    pub lane: i16,
    pub due_at: Option<DateTimeUtc>,
    /// Raised by every mark; a visit that began before a mark leaves the row due.
    pub generation: i64,
    pub claimed_generation: i64,
    pub attempts: i32,
    /// Proof of the present lease.
    pub fence: Option<Uuid>,
    pub leased_until: Option<DateTimeUtc>,
    /// Visits in a row that never ended: the process died, or hung for longer than its lease.
    pub lost: i16,
    pub proof_currency: Option<String>,
    /// The three totals of law 2: what we said FreshBooks would answer, …
    pub proof_predicted_minor: Option<i64>,
    /// … what it did answer, …
    pub proof_returned_minor: Option<i64>,
    /// … and what Shopify's order is owed.
    pub proof_shopify_minor: Option<i64>,
    pub synced_at: Option<DateTimeUtc>,
    pub customer_key_id: Option<CustomerKeyId>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Where an order stands. A leased row shows as syncing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// Waits for a worker.
    Due,
    /// FreshBooks holds what it should.
    Synced,
    /// Waits for something other than time: a person, a refund, another document.
    Waiting,
    /// Failed for now; tried again by itself.
    Retrying,
    /// Gave up; kept until resynced or dismissed.
    Failed,
    /// A rule leaves it out.
    Skipped,
    /// A person gave it up.
    Dismissed,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
