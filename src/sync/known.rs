//! What our links say of an order before a visit.

use entity::{
    connection,
    ids::OrderId,
    resource_link::{self, Kind},
};

use super::{Error, plan::Known};
use crate::{
    app::App,
    crypto::DataKey,
    customer_key,
    link::{self, LinkKey, seen},
    work::Lease,
};

/// What our links say of an order; its client is another's business. A visit (by its lease) is told where an earlier one may still be writing.
pub(super) async fn load_known(
    app: &App,
    connection: &connection::Model,
    order: OrderId,
    lease: Option<Lease>,
) -> Result<Known, Error> {
    let conn = app.db.read();
    let mut known = Known { issues_in_create: connection.issues_in_create, ..Known::default() };
    let rows = link::list(conn, order).await?;
    if let Some(until) = lease.and_then(|lease| link::under_way(&rows, lease.visit(), app.clock.now())) {
        return Err(Error::UnderWay(until));
    }
    // One customer's, as a rule.
    let keys = customer_key::list(conn, &app.keyring, rows.iter().filter_map(|row| row.customer_key_id)).await?;
    for row in rows {
        let key = row.customer_key_id.and_then(|id| keys.get(&id));
        let number = row.shopify_id.parse().unwrap_or_default();
        match row.kind {
            Kind::Invoice => known.invoice = Some(link::opened(&row, key)?),
            Kind::Payment => {
                known.payments.insert(number, link::opened(&row, key)?);
            }
            Kind::CreditNote => {
                known.credits.insert(number, link::opened(&row, key)?);
            }
            Kind::Client => {}
        }
        if let Some(key) = key {
            hold(&mut known, &row, key)?;
        }
    }
    Ok(known)
}

/// As [`load_known`], the client of this link.
pub(super) async fn load_client(
    app: &App,
    connection: &connection::Model,
    key: &LinkKey,
    known: &mut Known,
) -> Result<(), Error> {
    let Some(row) = link::find_row(app.db.read(), connection.id, key).await? else { return Ok(()) };
    let key = match row.customer_key_id {
        Some(id) => customer_key::find_by_id(app.db.read(), &app.keyring, id).await?,
        None => None,
    };
    known.client = Some(link::opened(&row, key.as_ref())?);
    key.map_or(Ok(()), |key| hold(known, &row, &key))
}

/// Notes what a person holds of a document.
fn hold(known: &mut Known, row: &resource_link::Model, key: &DataKey) -> Result<(), Error> {
    let Some(seen) = seen::open(row, key)? else { return Ok(()) };
    let (key, held) = (LinkKey { kind: row.kind, shopify_id: row.shopify_id.clone() }, seen.held(&seen::drift(row)));
    if seen.restoring {
        known.restoring.insert(key.clone());
    }
    if held != seen::Held::default() {
        known.held.insert(key, held);
    }
    Ok(())
}
