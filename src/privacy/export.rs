//! What is held of a customer: put together from what is there at the moment of asking, and kept nowhere.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    audit_entry,
    ids::CustomerKeyId,
    privacy_request::{Kind, Model},
    resource_link, synced_order,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use super::Error;
use crate::{
    app::App,
    audit, connection as connections,
    crypto::DataKey,
    customer_key, link,
    order::{self, snapshot},
};

/// All that is held of whom a data request names, as JSON: their orders as they were last read from Shopify, what was written to FreshBooks
/// for them, and the trail of it. `None` for a request that asks for no data, and for one that is done.
///
/// # Errors
/// When the database fails, or something that is stored does not open.
pub async fn export(app: &App, row: &Model) -> Result<Option<String>, Error> {
    if row.kind != Kind::CustomerData || row.state != entity::privacy_request::State::Open {
        return Ok(None);
    }
    let connection = connections::load(app.db.read(), row.connection_id).await?;
    let email = super::email(&app.keyring, row)?;
    let held = Held::find(app, row).await?;
    let mut orders = Vec::with_capacity(held.orders.len());
    for order in &held.orders {
        orders.push(held.order(app, order).await?);
    }
    let mut names: Vec<String> = held.customers.iter().map(ToString::to_string).collect();
    names.extend(email.as_deref().map(|email| link::guest(email, &connection.salt)));
    let export = json!({
        "shopDomain": connection.shop_domain,
        "madeAt": app.clock.now(),
        "request": { "reference": row.reference, "receivedAt": row.received_at, "deadlineAt": row.deadline_at },
        "customer": { "shopifyCustomerId": row.shopify_customer_id.map(|id| id.to_string()), "email": email },
        "clients": held.clients(app, row, &names).await?,
        "orders": orders,
    });
    Ok(Some(serde_json::to_string_pretty(&export)?))
}

/// Where it is to be looked for.
struct Held {
    keys: BTreeMap<CustomerKeyId, DataKey>,
    customers: BTreeSet<i64>,
    orders: Vec<synced_order::Model>,
}

impl Held {
    /// The customer's orders, and those named that are nobody else's.
    async fn find(app: &App, row: &Model) -> Result<Self, Error> {
        let conn = app.db.read();
        let own: Vec<i64> = row.shopify_customer_id.into_iter().collect();
        let mut ids: BTreeSet<CustomerKeyId> =
            customer_key::of_customers(conn, row.connection_id, &own).await?.into_iter().collect();
        let theirs: Vec<CustomerKeyId> = ids.iter().copied().collect();
        let mut orders = order::of_keys(conn, row.connection_id, &theirs, &super::orders(row)).await?;
        let sealed = orders.iter().filter_map(|order| order.customer_key_id).chain(theirs.iter().copied());
        let subjects = customer_key::subjects(conn, sealed).await?;
        let merged = theirs.iter().filter_map(|id| subjects.get(id)?.strip_prefix("customer:")?.parse().ok());
        let customers = own.into_iter().chain(merged).collect();
        let is_nobodys = |order: &synced_order::Model, key| subjects.get(&key) == Some(&super::of_order(order));
        orders.retain(|order| order.customer_key_id.is_some_and(|key| ids.contains(&key) || is_nobodys(order, key)));
        ids.extend(orders.iter().filter_map(|order| order.customer_key_id));
        // Before somebody had an order, it may have been nobody's.
        let before: Vec<String> = orders.iter().map(super::of_order).collect();
        ids.extend(customer_key::find_of(conn, row.connection_id, &before).await?);
        Ok(Self { keys: customer_key::list(conn, &app.keyring, ids).await?, customers, orders })
    }

    async fn order(&self, app: &App, order: &synced_order::Model) -> Result<Value, Error> {
        let conn = app.db.read();
        let snapshot = snapshot::find(conn, &app.keyring, order.id).await?;
        let mut documents = Vec::new();
        for row in link::list(conn, order.id).await? {
            documents.push(self.document(&row)?);
        }
        let entries = audit_entry::Entity::find()
            .filter(audit_entry::Column::ConnectionId.eq(order.connection_id))
            .filter(audit_entry::Column::ShopifyOrderId.eq(order.shopify_order_id))
            .order_by_asc(audit_entry::Column::Sequence)
            .all(conn)
            .await?;
        let trail = entries.iter().map(|entry| self.entry(entry)).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({
            "shopifyOrderId": order.shopify_order_id.to_string(),
            "name": order.name,
            "processedAt": order.processed_at,
            "shopifyOrder": snapshot.map(|snapshot| snapshot.order),
            "freshbooksDocuments": documents,
            "auditEntries": trail,
        }))
    }

    fn document(&self, row: &resource_link::Model) -> Result<Value, Error> {
        // What another customer's key seals says something of them.
        let key = row.customer_key_id.and_then(|id| self.keys.get(&id));
        let written: Option<Value> = key.map(|key| link::written(row, key)).transpose()?.flatten();
        Ok(json!({
            "kind": kind(row.kind),
            "freshbooksId": row.freshbooks_id.map(|id| id.to_string()),
            "written": written,
        }))
    }

    fn entry(&self, entry: &audit_entry::Model) -> Result<Value, Error> {
        let key = entry.customer_key_id.and_then(|id| self.keys.get(&id));
        let mappings = audit::field_mappings(entry, key)?.into_iter().map(|mapping| {
            json!({
                "shopifyField": mapping.shopify_field,
                "freshbooksField": mapping.freshbooks_field,
                "before": mapping.before,
                "after": mapping.after,
            })
        });
        Ok(json!({
            "occurredAt": entry.occurred_at,
            "action": entry.action,
            "outcome": entry.outcome,
            "shopifyResource": entry.shopify_resource,
            "freshbooksResource": entry.freshbooks_resource,
            "message": entry.message,
            "fieldMappings": mappings.collect::<Vec<_>>(),
        }))
    }

    /// The clients in FreshBooks that the customer is known as, also as a guest.
    async fn clients(&self, app: &App, request: &Model, names: &[String]) -> Result<Vec<Value>, Error> {
        use resource_link::{Column, Entity, Kind};
        let theirs = Condition::any()
            .add(Column::ShopifyId.is_in(names.iter().cloned()))
            .add(Column::CustomerKeyId.is_in(self.keys.keys().copied()));
        let rows = Entity::find()
            .filter(Column::ConnectionId.eq(request.connection_id))
            .filter(Column::Kind.eq(Kind::Client))
            .filter(theirs)
            .order_by_asc(Column::Id)
            .all(app.db.read())
            .await?;
        let mut clients = Vec::with_capacity(rows.len());
        for row in rows {
            clients.push(self.document(&row)?);
        }
        Ok(clients)
    }
}

fn kind(kind: resource_link::Kind) -> &'static str {
    match kind {
        resource_link::Kind::Client => "client",
        resource_link::Kind::Invoice => "invoice",
        resource_link::Kind::Payment => "payment",
        resource_link::Kind::CreditNote => "creditNote",
    }
}
