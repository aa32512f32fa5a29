//! What Shopify asks in the name of a person or a shop: hand out what we hold, or erase it. The row itself is the unit of work.

use sea_orm::entity::prelude::*;

use crate::ids::{ConnectionId, PrivacyRequestId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "privacy_request")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PrivacyRequestId,
    pub connection_id: ConnectionId,
    pub kind: Kind,
    pub state: State,
    /// Shopify's number of a data request.
    pub reference: Option<String>,
    /// Emptied once the customer is erased.
    pub shopify_customer_id: Option<i64>,
    /// JSON list of the orders that the request names.
    #[sea_orm(column_type = "Text")]
    pub shopify_order_ids: String,
    /// Sealed under the keyring; emptied once the request is done. Guests are known by it.
    #[sea_orm(column_type = "Text", nullable)]
    pub email: Option<String>,
    /// What was done, or why not; names nobody.
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    pub received_at: DateTimeUtc,
    /// Thirty days after it was received.
    pub deadline_at: DateTimeUtc,
    pub completed_at: Option<DateTimeUtc>,
    pub completed_by: Option<String>,
    pub lane: i16,
    pub due_at: Option<DateTimeUtc>,
    pub generation: i64,
    pub claimed_generation: i64,
    pub attempts: i32,
    pub fence: Option<Uuid>,
    pub leased_until: Option<DateTimeUtc>,
}

/// What is asked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Kind {
    /// `customers/data_request`: hand out what we hold of a customer.
    CustomerData,
    /// `customers/redact`: erase it.
    CustomerRedact,
    /// `shop/redact`: erase all that we hold of a shop's customers.
    ShopRedact,
}

/// How it stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// To be done by us, or, where data are asked for, by a person who hands them over.
    Open,
    /// Done.
    Done,
    /// Not done, for the reason that it gives.
    Declined,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
