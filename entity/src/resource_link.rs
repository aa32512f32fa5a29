//! "This became that": one Shopify object and the FreshBooks document made for it, or about to be.

use sea_orm::entity::prelude::*;

use crate::ids::{ConnectionId, CustomerKeyId, LinkId, OrderId};

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_link")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: LinkId,
    pub connection_id: ConnectionId,
    /// Empty on clients: they belong to many orders.
    pub order_id: Option<OrderId>,
    pub kind: Kind,
    /// Shopify's number for orders, transactions, refunds and customers; a pseudonym for guests; `generic`.
    pub shopify_id: String,
    pub state: State,
    pub freshbooks_id: Option<i64>,
    /// What the document can be found by over there; never a personal value.
    pub natural_key: Option<String>,
    /// Sealed JSON of the draft that FreshBooks last accepted.
    #[sea_orm(column_type = "Text", nullable)]
    pub written: Option<String>,
    /// What FreshBooks answered, as the connector's `Facts` type writes it.
    #[sea_orm(column_type = "Text", nullable)]
    pub facts: Option<String>,
    /// Opens `written`.
    pub customer_key_id: Option<CustomerKeyId>,
    /// The visit that is writing it.
    pub fence: Option<Uuid>,
    pub leased_until: Option<DateTimeUtc>,
    /// When FreshBooks is asked how the document stands there: somebody may have changed it.
    pub look_at: Option<DateTimeUtc>,
    /// Sealed JSON: how the document stood there after our last write, field by field.
    #[sea_orm(column_type = "Text", nullable)]
    pub seen: Option<String>,
    /// JSON list of the fields that a person changed there since; empty when none.
    #[sea_orm(column_type = "Text", nullable)]
    pub drift: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// What kind of document.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Client,
    Invoice,
    Payment,
    CreditNote,
}

/// How sure we are of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// A write was about to be sent; whether it was done is unknown until FreshBooks is asked.
    Intended,
    /// A person named it as the document that is there already; nothing of it is known until FreshBooks is asked.
    Adopting,
    /// FreshBooks answered.
    Confirmed,
    /// We deleted it over there; its number stays taken.
    Removed,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
