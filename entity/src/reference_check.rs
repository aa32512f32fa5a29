//! What a look at both ends of a connection found last, one row per thing looked at.

use sea_orm::entity::prelude::*;

use crate::ids::ConnectionId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reference_check")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub connection_id: ConnectionId,
    /// Stable, such as `shopifyScopes`.
    pub name: String,
    pub outcome: Outcome,
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    /// What to do about it; empty where there is nothing to do.
    #[sea_orm(column_type = "Text")]
    pub hint: String,
    pub checked_at: DateTimeUtc,
}

/// How it was found.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Works, but somebody should look at it.
    Warning,
    /// Stands in the way.
    Failed,
    /// Could not be found out this time.
    Unknown,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
