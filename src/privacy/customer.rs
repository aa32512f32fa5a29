//! `customers/redact`: one customer is erased.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::{
    connection,
    ids::{CustomerKeyId, OrderId},
    privacy_request::{Model, State},
    synced_order,
};
use sea_orm::DatabaseTransaction;
use tracing::warn;

use super::{
    Error, SERVICE,
    attend::{self, Ended},
    erase::{self, Erased},
    of_order,
};
use crate::{
    app::App,
    connection as connections, customer_key, link,
    mapping::client::{Subject, subject},
    order::{self, snapshot},
    webhook,
    work::Lease,
};

/// Erases whom the request names.
pub(super) async fn attend(app: &App, lease: Lease, row: &Model) -> Result<Ended, Error> {
    let now = app.clock.now();
    let connection = connections::load(app.db.read(), row.connection_id).await?;
    let txn = app.db.begin_write().await?;
    let whom = find(&txn, app, &connection, row, now).await?;
    let shared = link::Shared { connection: connection.id, clients: &whom.clients, guests: &whom.pseudonyms };
    let erased = erase::under(&txn, &whom.keys, Some(shared), now).await?;
    link::forget_guests(&txn, connection.id, &whom.pseudonyms).await?;
    webhook::forget_customers(&txn, connection.id, &whom.customers).await?;
    let detail = told(erased, whom.orders);
    attend::settle(&txn, lease, row, (State::Done, &detail), now).await?;
    erase::requests(&txn, connection.id, Some(&whom.customers), now).await?;
    let message = format!("A customer was erased at their request. {detail}");
    erase::noted(&txn, connection.id, SERVICE, ("redact_customer", "done"), message, now).await?;
    txn.commit().await?;
    scrub(app).await;
    Ok(Ended::Settled)
}

/// All that a customer is known by here.
struct Whom {
    keys: Vec<CustomerKeyId>,
    /// Shopify's numbers: the customer's own, and of those merged into it.
    customers: Vec<i64>,
    /// As a guest.
    pseudonyms: Vec<String>,
    /// FreshBooks' ids of whom their orders were invoiced to: a company's client, or one that they share with others.
    clients: BTreeSet<i64>,
    orders: usize,
}

/// Locks the customer's orders, and finds all that they are known by: their own keys, those of whoever was merged into them, and those of the
/// orders named, unless another customer has such an order by now.
async fn find(
    txn: &DatabaseTransaction,
    app: &App,
    connection: &connection::Model,
    row: &Model,
    now: DateTime<Utc>,
) -> Result<Whom, Error> {
    let own: Vec<i64> = row.shopify_customer_id.into_iter().collect();
    let numbers = super::orders(row);
    let mut keys: BTreeSet<CustomerKeyId> =
        customer_key::of_customers(txn, connection.id, &own).await?.into_iter().collect();
    let known: Vec<CustomerKeyId> = keys.iter().copied().collect();
    let orders = order::lock_of_keys(txn, connection.id, &known, &numbers).await?;
    let subjects = customer_key::subjects(txn, orders.iter().filter_map(|order| order.customer_key_id)).await?;
    let mut theirs = Vec::new();
    for order in orders {
        let key = match order.customer_key_id {
            // Only known by its number: whatever is read of it later is not kept either.
            None => Some(key_of(txn, app, &order, now).await?),
            Some(key) => {
                let of_order = subjects.get(&key).is_some_and(|subject| *subject == of_order(&order));
                (keys.contains(&key) || of_order).then_some(key)
            }
        };
        if let Some(key) = key {
            keys.insert(key);
            theirs.push(order);
        }
    }
    // Before somebody had an order, it may have been nobody's: its values of then are sealed under a key of its own.
    let before: Vec<String> = theirs.iter().map(of_order).collect();
    keys.extend(customer_key::find_of(txn, connection.id, &before).await?);
    let keys: Vec<CustomerKeyId> = keys.into_iter().collect();
    let subjects = customer_key::subjects(txn, keys.iter().copied()).await?;
    let merged = subjects.values().filter_map(|subject| subject.strip_prefix("customer:")?.parse().ok());
    let customers: BTreeSet<i64> = own.into_iter().chain(merged).collect();
    let mut guests: BTreeSet<String> = super::email(&app.keyring, row)?.into_iter().collect();
    for order in &theirs {
        let stored = match snapshot::find(txn, &app.keyring, order.id).await {
            // One that was tampered with says nothing; it is deleted like the others.
            Err(order::Error::Crypto(_) | order::Error::Form(_)) => None,
            other => other?,
        };
        if let Some(Subject::Guest(email)) = stored.map(|stored| subject(&stored.order)) {
            guests.insert(email);
        }
    }
    let pseudonyms = guests.iter().map(|email| link::guest(email, &connection.salt)).collect();
    let invoiced: Vec<OrderId> = theirs.iter().map(|order| order.id).collect();
    let clients = link::clients_of(txn, &invoiced).await?;
    Ok(Whom { keys, customers: customers.into_iter().collect(), pseudonyms, clients, orders: theirs.len() })
}

/// A key for an order that has none: made to be destroyed.
async fn key_of(
    txn: &DatabaseTransaction,
    app: &App,
    order: &synced_order::Model,
    now: DateTime<Utc>,
) -> Result<CustomerKeyId, Error> {
    let subject = of_order(order);
    let made =
        customer_key::load_or_make(txn, &app.keyring, order.connection_id, std::slice::from_ref(&subject), now).await?;
    let (id, _) = made.get(&subject).ok_or(Error::Missing)?;
    order::seal_under(txn, order.id, *id).await?;
    Ok(*id)
}

fn told(erased: Erased, orders: usize) -> String {
    if erased.keys == 0 {
        return "Nothing was held of them.".to_owned();
    }
    let Erased { keys, snapshots, documents } = erased;
    format!(
        "Keys destroyed: {keys}; orders concerned: {orders}; snapshots deleted: {snapshots}; copies of documents deleted: {documents}. The documents in FreshBooks stay."
    )
}

/// Nothing of it is left in the database's files. What cannot be done now the database does by itself, later.
pub(super) async fn scrub(app: &App) {
    match app.db.scrub(&erase::TOUCHED).await {
        Ok(true) => {}
        Ok(false) => warn!("the database's log could not be emptied yet: a later checkpoint does it"),
        Err(e) => {
            warn!(error = &e as &dyn std::error::Error, "what was erased is not cleaned up in the database's files yet")
        }
    }
}
