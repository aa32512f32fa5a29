//! What our links say of an order before a visit.

use entity::{connection, ids::OrderId, resource_link::Kind};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Error, plan::Known};
use crate::{
    app::App,
    customer_key,
    link::{self, LinkKey, seen},
    mapping::Subject,
};

/// What our links say of an order; its client is another's business.
pub(super) async fn load_known(app: &App, connection: &connection::Model, order: OrderId) -> Result<Known, Error> {
    let conn = app.db.read();
    let mut known = Known { issues_in_create: connection.issues_in_create, ..Known::default() };
    for row in link::list(conn, order).await? {
        let number = row.shopify_id.parse().unwrap_or_default();
        match row.kind {
            Kind::Invoice => known.invoice = Some(link::opened(conn, &app.keyring, &row).await?),
            Kind::Payment => {
                known.payments.insert(number, link::opened(conn, &app.keyring, &row).await?);
            }
            Kind::CreditNote => {
                known.credits.insert(number, link::opened(conn, &app.keyring, &row).await?);
            }
            Kind::Client => {}
        }
        hold(app, &mut known, &row).await?;
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
    known.client = Some(link::opened(app.db.read(), &app.keyring, &row).await?);
    hold(app, known, &row).await
}

/// Notes what a person holds of a document.
async fn hold(app: &App, known: &mut Known, row: &entity::resource_link::Model) -> Result<(), Error> {
    let (Some(_), Some(key_id)) = (&row.seen, row.customer_key_id) else { return Ok(()) };
    let Some(key) = customer_key::find_by_id(app.db.read(), &app.keyring, key_id).await? else { return Ok(()) };
    let Some(seen) = seen::open(row, &key)? else { return Ok(()) };
    let (key, held) = (LinkKey { kind: row.kind, shopify_id: row.shopify_id.clone() }, seen.held(&seen::drift(row)));
    if seen.restoring {
        known.restoring.insert(key.clone());
    }
    if held != seen::Held::default() {
        known.held.insert(key, held);
    }
    Ok(())
}

/// The link of a client. A guest is known by a pseudonym: the address itself is never stored in the clear.
pub(super) fn client_key(subject: &Subject, salt: &str) -> LinkKey {
    let shopify_id = match subject {
        Subject::Customer(number) => number.to_string(),
        Subject::Company(number) => format!("company:{number}"),
        Subject::Generic => "generic".to_owned(),
        Subject::Guest(email) => {
            // HMAC takes a key of any length.
            let mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).map(|mut mac| {
                mac.update(email.as_bytes());
                hex::encode(mac.finalize().into_bytes())
            });
            format!("guest:{}", mac.unwrap_or_default())
        }
    };
    LinkKey { kind: Kind::Client, shopify_id }
}
