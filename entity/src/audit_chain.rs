//! The head of a connection's hash chain; locked by whoever appends.

use sea_orm::entity::prelude::*;

use crate::ids::ConnectionId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_chain")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub connection_id: ConnectionId,
    /// Of the last entry; 0 before the first.
    pub sequence: i64,
    /// Hex SHA-256 of the last entry.
    pub hash: String,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
