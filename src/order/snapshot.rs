//! The newest Shopify state known of an order, sealed under its customer's key and bound to its row.

use entity::{
    ids::{CustomerKeyId, OrderId},
    order_snapshot::{ActiveModel, Column, Entity},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};

use super::Error;
use crate::{
    crypto::{DataKey, Keyring},
    customer_key,
    shopify::model::Order,
};

/// An order as it was last read, with the key that seals whatever is stored of it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// As Shopify said it.
    pub order: Order,
    /// Seals its personal values.
    pub key: (CustomerKeyId, DataKey),
}

/// Stores `order` in place of an older state. Only [`super::record`] knows that it is newer.
pub(super) async fn put(
    txn: &impl ConnectionTrait,
    id: OrderId,
    order: &Order,
    (key_id, key): &(CustomerKeyId, DataKey),
) -> Result<(), Error> {
    let row = ActiveModel {
        order_id: Set(id),
        shopify_updated_at: Set(order.updated_at),
        customer_key_id: Set(*key_id),
        sealed: Set(key.seal(&place(id), &serde_json::to_vec(order)?)?),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::OrderId)
                .update_columns([Column::ShopifyUpdatedAt, Column::CustomerKeyId, Column::Sealed])
                .to_owned(),
        )
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// The stored state; `None` where there is none any more: never read, past its retention, or its customer redacted.
///
/// # Errors
/// When the database fails or what is stored was tampered with.
pub async fn find(conn: &impl ConnectionTrait, keyring: &Keyring, id: OrderId) -> Result<Option<Snapshot>, Error> {
    let Some(row) = Entity::find_by_id(id).one(conn).await? else { return Ok(None) };
    let Some(key) = customer_key::find_by_id(conn, keyring, row.customer_key_id).await? else { return Ok(None) };
    let order = serde_json::from_slice(&key.open(&place(id), &row.sealed)?)?;
    Ok(Some(Snapshot { order, key: (row.customer_key_id, key) }))
}

fn place(id: OrderId) -> String {
    format!("order_snapshot/{id}/sealed")
}
