//! What erasing a customer and forgetting a shop have in common.

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, CustomerKeyId},
    privacy_request::{Column, Entity, Kind, State},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use uuid::Uuid;

use super::{Error, SERVICE};
use crate::{alert, audit, customer_key, link, order::snapshot};

/// Tables that personal values were deleted from.
pub(super) const TOUCHED: [&str; 7] = [
    "customer_key",
    "order_snapshot",
    "resource_link",
    "webhook_delivery",
    "privacy_request",
    "told_transaction",
    "alert",
];

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Erased {
    pub(super) keys: u64,
    pub(super) snapshots: u64,
    pub(super) documents: u64,
}

impl std::ops::AddAssign for Erased {
    fn add_assign(&mut self, other: Self) {
        self.keys += other.keys;
        self.snapshots += other.snapshots;
        self.documents += other.documents;
    }
}

/// Destroys these keys, some hundred at most, and deletes what they seal. The caller has locked their orders. The keys go first: whoever
/// seals with one of them just now is waited for, and what he stored is deleted after. `shared` speaks of them under the keys of others.
pub(super) async fn under(
    txn: &DatabaseTransaction,
    keys: &[CustomerKeyId],
    shared: Option<link::Shared<'_>>,
    now: DateTime<Utc>,
) -> Result<Erased, Error> {
    if keys.is_empty() && shared.is_none() {
        return Ok(Erased::default());
    }
    Ok(Erased {
        keys: customer_key::destroy(txn, keys, now).await?,
        snapshots: snapshot::delete_of_keys(txn, keys).await?,
        documents: link::redact(txn, keys, shared).await?,
    })
}

/// Forgets whom other requests of the connection are about: of these customers, or of anybody. Where data were still to be handed out,
/// there are none any more.
pub(super) async fn requests(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    customers: Option<&[i64]>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut theirs = Entity::update_many().filter(Column::ConnectionId.eq(connection));
    if let Some(customers) = customers {
        theirs = theirs.filter(Column::ShopifyCustomerId.is_in(customers.iter().copied()));
    }
    let open = theirs
        .clone()
        .filter(Column::Kind.eq(Kind::CustomerData))
        .filter(Column::State.eq(State::Open))
        .col_expr(Column::State, Expr::value(State::Declined))
        .col_expr(Column::Detail, Expr::value("The data were erased before they were handed out."))
        .col_expr(Column::CompletedAt, Expr::value(now))
        .col_expr(Column::CompletedBy, Expr::value(SERVICE))
        .exec(txn)
        .await?;
    // Requests to erase need what they name until they are carried out.
    theirs
        .filter(Column::State.ne(State::Open))
        .col_expr(Column::Email, Expr::value(None::<String>))
        .col_expr(Column::ShopifyCustomerId, Expr::value(None::<i64>))
        .exec(txn)
        .await?;
    if open.rows_affected > 0 {
        resolve_if_none_is_open(txn, connection, now).await?;
    }
    Ok(())
}

/// Nobody has to hand anything out any more, where that is so.
pub(super) async fn resolve_if_none_is_open(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let open = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(Kind::CustomerData))
        .filter(Column::State.eq(State::Open))
        .order_by_asc(Column::Id);
    if open.one(txn).await?.is_none() {
        alert::resolve(txn, connection, super::data::ALERT, "", now).await?;
    }
    Ok(())
}

/// What was done about a request, for the trail. Last in its transaction.
pub(super) async fn noted(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    actor: &str,
    (action, outcome): (&str, &str),
    message: String,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let entry = audit::Entry {
        connection,
        shopify_order_id: None,
        shopify_resource: None,
        freshbooks_resource: None,
        action: action.to_owned(),
        outcome: outcome.to_owned(),
        actor: actor.to_owned(),
        trigger: "privacy".to_owned(),
        correlation_id: Uuid::new_v4().to_string(),
        field_mappings: Vec::new(),
        message,
    };
    audit::append_of(txn, "privacy", entry, None, now).await?;
    Ok(())
}
