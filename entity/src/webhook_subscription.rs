//! What we asked a platform to tell us of, and how that stands.

use sea_orm::entity::prelude::*;

use crate::{ids::ConnectionId, platform_grant::Platform};

/// A row: one topic of one end.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_subscription")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub connection_id: ConnectionId,
    pub platform: Platform,
    /// `orders/updated`, `invoice.update`.
    pub topic: String,
    /// Where events are sent to.
    #[sea_orm(column_type = "Text")]
    pub address: String,
    pub state: State,
    /// Shopify's gid, FreshBooks' callback id; empty until the platform has answered.
    pub remote_id: Option<String>,
    /// Sealed: FreshBooks' secret of this callback, with which its events are signed.
    #[sea_orm(column_type = "Text", nullable)]
    pub verifier: Option<String>,
    /// Sealed JSON: what claimed to be the verifier, until FreshBooks has confirmed one.
    #[sea_orm(column_type = "Text", nullable)]
    pub offered: Option<String>,
    /// Of the payloads, where the platform says.
    pub api_version: Option<String>,
    /// Why it does not stand, as the connector's `Problem` writes it.
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    /// When it was last found missing or wrong and set right.
    pub repaired_at: Option<DateTimeUtc>,
    /// When the platform last said how it stands.
    pub checked_at: Option<DateTimeUtc>,
    /// Whoever is at it: a run has the rows of an end to itself.
    pub fence: Option<Uuid>,
    /// Until when, at most.
    pub leased_until: Option<DateTimeUtc>,
}

/// How it stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// Not there yet.
    Wanted,
    /// There; the platform has still to confirm our address.
    Unverified,
    /// Events come.
    Active,
    /// It could not be set up; the problem says why.
    Failing,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
