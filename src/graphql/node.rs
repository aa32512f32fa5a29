//! Global ids: opaque to the outside, a type's name and a row's number inside (`SyncedOrder:12` in URL-safe base64).

use async_graphql::{Context, ID, Interface, Object};
use entity::ids::{AlertId, AuditEntryId, ConnectionId, DeliveryId, OrderId, PrivacyRequestId, PullId};
use sea_orm::EntityTrait;

use super::{
    alert::Alert,
    audit::AuditEntry,
    auth::Asking,
    connection::Connection,
    delivery::WebhookDelivery,
    error::{Fault, Result},
    order::SyncedOrder,
    privacy::PrivacyRequest,
    pull::Pull,
};
use crate::{alert, global_id};

/// A row that has a global id.
pub(super) trait Numbered: Sized + Copy {
    /// Its type in the schema.
    const TYPE: &'static str;
    /// Its number.
    fn number(self) -> i64;
    /// The row of this number.
    fn of(number: i64) -> Self;

    /// The global id.
    fn global(self) -> ID {
        ID(global_id::write(Self::TYPE, self.number()))
    }

    /// The row behind a global id; `None` for anything that [`Numbered::global`] does not write.
    fn find(id: &str) -> Option<Self> {
        global_id::read(Self::TYPE, id).map(Self::of)
    }

    /// The row behind a global id that somebody gave.
    fn read(id: &ID) -> Result<Self> {
        Self::find(id)
            .ok_or_else(|| Fault::BadInput(format!("`{}` is not an id of the type {}.", id.as_str(), Self::TYPE)))
    }
}

macro_rules! numbered {
    ($($id:ident: $name:expr),+ $(,)?) => {$(
        impl Numbered for $id {
            const TYPE: &'static str = $name;
            fn number(self) -> i64 {
                self.0
            }
            fn of(number: i64) -> Self {
                Self(number)
            }
        }
    )+};
}

numbered! {
    ConnectionId: "Connection", OrderId: "SyncedOrder", AuditEntryId: "AuditEntry", PullId: "Pull", AlertId: alert::GLOBAL_TYPE,
    PrivacyRequestId: "PrivacyRequest", DeliveryId: "WebhookDelivery",
}

/// Anything with a global id, found again by `node`.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque and global: names one object among all of this installation."))]
pub(super) enum Node {
    /// A connection.
    Connection(Connection),
    /// An order.
    SyncedOrder(SyncedOrder),
    /// An audit entry.
    AuditEntry(AuditEntry),
    /// A pull.
    Pull(Pull),
    /// An alert.
    Alert(Alert),
    /// A request about a person or a shop.
    PrivacyRequest(PrivacyRequest),
    /// A webhook delivery.
    WebhookDelivery(WebhookDelivery),
}

/// What is asked about anything at all.
#[derive(Default)]
pub(super) struct NodeQuery;

/// What is asked about anything at all.
#[Object]
impl NodeQuery {
    /// Any object by its global id; null when there is none, or none for this token.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As an `id` field said it.")] id: ID,
    ) -> Result<Option<Node>> {
        let db = ctx.app().db.read();
        let (node, connection) = if let Some(id) = ConnectionId::find(&id) {
            let row = entity::connection::Entity::find_by_id(id).one(db).await?;
            (row.map(|row| Node::from(Connection(row))), Some(id))
        } else if let Some(id) = OrderId::find(&id) {
            let row = entity::synced_order::Entity::find_by_id(id).one(db).await?;
            let connection = row.as_ref().map(|row| row.connection_id);
            (row.map(|row| SyncedOrder(row).into()), connection)
        } else if let Some(id) = AuditEntryId::find(&id) {
            let row = entity::audit_entry::Entity::find_by_id(id).one(db).await?;
            let connection = row.as_ref().map(|row| row.connection_id);
            (row.map(|row| AuditEntry(row).into()), connection)
        } else if let Some(id) = PullId::find(&id) {
            let row = entity::pull::Entity::find_by_id(id).one(db).await?;
            let connection = row.as_ref().map(|row| row.connection_id);
            (row.map(|row| Pull(row).into()), connection)
        } else if let Some(id) = AlertId::find(&id) {
            let row = entity::alert::Entity::find_by_id(id).one(db).await?;
            let connection = row.as_ref().map(|row| row.connection_id);
            (row.map(|row| Alert(row).into()), connection)
        } else if let Some(id) = PrivacyRequestId::find(&id) {
            let row = entity::privacy_request::Entity::find_by_id(id).one(db).await?;
            let connection = row.as_ref().map(|row| row.connection_id);
            (row.map(|row| PrivacyRequest(row).into()), connection)
        } else if let Some(id) = DeliveryId::find(&id) {
            let row = entity::webhook_delivery::Entity::find_by_id(id).one(db).await?;
            let connection = row.as_ref().and_then(|row| row.connection_id);
            (row.map(|row| WebhookDelivery(row).into()), connection)
        } else {
            return Ok(None);
        };
        Ok(if ctx.sees(connection) { node } else { None })
    }
}

/// Shopify's number of an order, from the number or the gid.
pub(super) fn shopify_order_id(text: &str) -> Result<i64> {
    shopify_number(text, "Order").ok_or_else(|| {
        let text = text.trim();
        Fault::BadInput(format!("`{text}` is not Shopify's id of an order: give its number, or gid://shopify/Order/…"))
    })
}

/// Shopify's number of something of this type, from the number or the gid.
pub(super) fn shopify_number(text: &str, of_type: &str) -> Option<i64> {
    let text = text.trim();
    let gid = text.strip_prefix("gid://shopify/").and_then(|rest| rest.strip_prefix(of_type)?.strip_prefix('/'));
    let number = gid.map_or(text, |rest| rest.split('?').next().unwrap_or(rest));
    number.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn an_id_has_one_spelling_and_one_type() {
        let id = OrderId(12).global();
        assert_eq!(OrderId::find(&id), Some(OrderId(12)));
        assert_eq!(PullId::find(&id), None);
        assert_eq!(ConnectionId(1).global().as_str(), "Q29ubmVjdGlvbjox");
        for text in ["SyncedOrder:012", "SyncedOrder:+1", "SyncedOrder:", "SyncedOrder"] {
            assert_eq!(OrderId::find(&URL_SAFE_NO_PAD.encode(text)), None, "{text} was taken");
        }
        assert_eq!(OrderId::find("12"), None);
    }

    #[test]
    fn shopify_ids_come_as_number_or_gid() {
        for text in ["7001", " 7001 ", "gid://shopify/Order/7001", "gid://shopify/Order/7001?key=1"] {
            assert_eq!(shopify_order_id(text).ok(), Some(7001), "{text}");
        }
        for text in ["", "#1001", "-1", "gid://shopify/Customer/7001", "7001.5"] {
            assert!(shopify_order_id(text).is_err(), "{text} was taken");
        }
    }
}
