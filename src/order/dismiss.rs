//! Giving an order up: nothing more is done about it until somebody resyncs it. What is in the books stays.

use entity::{
    ids::OrderId,
    synced_order::{Column, Entity, Model, State},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use uuid::Uuid;

use super::Error;
use crate::{app::App, audit, auth::Actor, work};

/// Characters of the longest reason: it is written into the trail.
const REASON_LENGTH: usize = 500;

/// Gives the order up and writes `reason`, which names nobody, into the trail. A visit under way finishes the call it is at and writes no
/// more. An order that is dismissed already stays as it is, whatever the reason.
///
/// # Errors
/// When the reason is none, when there is no such order, or the database fails.
pub async fn dismiss(app: &App, by: &Actor, id: OrderId, reason: &str) -> Result<Model, Error> {
    let (now, reason) = (app.clock.now(), checked(reason)?);
    let txn = app.db.begin_write().await?;
    let row = Entity::find_by_id(id).lock_exclusive().one(&txn).await?.ok_or(Error::Missing)?;
    if row.state == State::Dismissed {
        return Ok(row);
    }
    let dismissed = work::withdraw::<Entity>()?
        .filter(Column::Id.eq(id))
        .col_expr(Column::State, Expr::value(State::Dismissed))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec_with_returning(&txn)
        .await?;
    let entry = audit::Entry {
        connection: row.connection_id,
        shopify_order_id: Some(row.shopify_order_id),
        shopify_resource: Some(format!("Order/{}", row.shopify_order_id)),
        freshbooks_resource: None,
        action: "dismiss".to_owned(),
        outcome: "done".to_owned(),
        actor: by.name().to_owned(),
        trigger: "dismiss".to_owned(),
        correlation_id: Uuid::new_v4().to_string(),
        field_mappings: Vec::new(),
        message: format!("Dismissed: {reason}"),
    };
    audit::append_of(&txn, "order", entry, None, now).await?;
    txn.commit().await?;
    dismissed.into_iter().next().ok_or(Error::Missing)
}

fn checked(reason: &str) -> Result<&str, Error> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::Reason("Say why the order is given up."));
    }
    if reason.chars().count() > REASON_LENGTH {
        return Err(Error::Reason("The reason has more than 500 characters."));
    }
    if reason.chars().any(char::is_control) {
        return Err(Error::Reason("The reason has control characters, such as line breaks."));
    }
    Ok(reason)
}
