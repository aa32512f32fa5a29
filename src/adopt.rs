//! Adoption: a person says that a document which is in FreshBooks already is the one of an order.
//!
//! Here it is only named: the link is there with FreshBooks' id, and the order is due. The visit reads the document, links it where it fits
//! and gives it back where it does not; nothing of it is changed before.

use entity::{
    connection,
    ids::OrderId,
    resource_link::Kind,
    synced_order::{self, Model, State},
};
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use crate::{
    app::App,
    audit::{self, FieldMapping},
    auth::Actor,
    connection as connections,
    link::{self, LinkKey, Named},
    mapping,
    order::{self, Mark, snapshot},
    shopify::model::{Gid, Order},
    work::Lane,
};

/// What a document is to be for its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its invoice.
    Invoice,
    /// The client of its customer, company or guest, or the generic one.
    Client,
    /// The payment of this transaction, by Shopify's number.
    Payment(i64),
    /// The credit note of this refund, by Shopify's number.
    CreditNote(i64),
}

impl Place {
    fn kind(self) -> Kind {
        match self {
            Self::Invoice => Kind::Invoice,
            Self::Client => Kind::Client,
            Self::Payment(_) => Kind::Payment,
            Self::CreditNote(_) => Kind::CreditNote,
        }
    }
}

/// Names the document `freshbooks_id` as the one that is there already for `place` of this order, which is looked at next. Naming it again
/// changes nothing, unless the order was given up: it is taken up again.
///
/// # Errors
/// [`Error`] says what does not fit; when there is no such order, or the database fails.
pub async fn adopt(
    app: &App,
    by: &Actor,
    id: OrderId,
    place: Place,
    freshbooks_id: i64,
    note: Option<&str>,
) -> Result<Model, Error> {
    let (now, note) = (app.clock.now(), audit::note(note).map_err(Error::Note)?);
    let txn = app.db.begin_write().await?;
    // Orders, connections, links, trail: as everybody locks them. Of two that name one document the later sees the earlier.
    let order = order::lock(&txn, id).await?;
    if order::is_redacted(&txn, &order).await? {
        return Err(Error::Erased);
    }
    let connection = connections::load(&txn, order.connection_id).await?;
    connections::lock(&txn, Some(connection.id), connection.account_id.as_deref()).await?;
    let key = key(app, &txn, &connection, &order, place).await?;
    may_be_linked(&txn, &connection, &order, &key, freshbooks_id).await?;
    let named = link::name(&txn, connection.id, id, &key, freshbooks_id, now).await?;
    match named {
        Named::Already if order.state != State::Dismissed => return Ok(order),
        Named::Anew | Named::Already => {}
        Named::Removed => return Err(Error::Removed(freshbooks_id)),
        Named::Other(other) => return Err(Error::Linked(other)),
        Named::Busy => return Err(Error::Busy),
    }
    order::revisit(&txn, &[id], &Mark::new(Lane::Resync, "adopt", by), now).await?;
    let row = order::load(&txn, id).await?;
    let entry = entry(&order, by, &key, freshbooks_id, named, note);
    audit::append_of(&txn, "order", entry, None, now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(row)
}

/// The link that the document is to have.
async fn key(
    app: &App,
    txn: &DatabaseTransaction,
    connection: &connection::Model,
    row: &synced_order::Model,
    place: Place,
) -> Result<LinkKey, Error> {
    if place == Place::Invoice {
        return Ok(LinkKey { kind: Kind::Invoice, shopify_id: row.shopify_order_id.to_string() });
    }
    let Order { transactions, refunds, .. } = &match snapshot::find(txn, &app.keyring, row.id).await? {
        Some(found) if place == Place::Client => {
            let subject = mapping::client::invoiced(&found.order, &connections::settings(connection)?);
            return Ok(LinkKey::of_client(&subject, &connection.salt));
        }
        Some(found) => found.order,
        None => return Err(Error::NotRead),
    };
    let is = |id: &Gid, number: i64| id.number() == Some(number);
    let number = match place {
        Place::Payment(number) => {
            let own = transactions.iter().find(|own| is(&own.id, number)).ok_or(Error::NoTransaction)?;
            if !mapping::payment::is_received(own) {
                return Err(Error::NothingReceived);
            }
            number
        }
        Place::CreditNote(number) => {
            let own = refunds.iter().find(|own| is(&own.id, number));
            own.map(|_| number).ok_or(Error::NoRefund)?
        }
        Place::Invoice | Place::Client => row.shopify_order_id,
    };
    Ok(LinkKey { kind: place.kind(), shopify_id: number.to_string() })
}

/// Fails where what is linked already leaves no room for the document.
async fn may_be_linked(
    txn: &DatabaseTransaction,
    connection: &connection::Model,
    order: &synced_order::Model,
    key: &LinkKey,
    freshbooks_id: i64,
) -> Result<(), Error> {
    let links = link::list(txn, order.id).await?;
    let facts = links.iter().find(|row| row.kind == Kind::Invoice).map(link::facts).unwrap_or_default();
    if key.kind == Kind::Client {
        // Clients are shared: a guest, a customer and a company may be one of them.
        return match facts.client {
            Some(client) if client != freshbooks_id => Err(Error::Invoiced(client)),
            _ => Ok(()),
        };
    }
    if key.kind == Kind::CreditNote && facts.adjusted.iter().any(|refund| refund.to_string() == key.shopify_id) {
        return Err(Error::Adjusted);
    }
    let account = connection.account_id.as_deref().unwrap_or_default();
    let own = (connection.id, key.shopify_id.as_str());
    let Some(other) = link::holder(txn, account, key.kind, freshbooks_id, own).await? else { return Ok(()) };
    let whose = if other.connection_id == connection.id {
        link::shopify_resource(other.kind, &other.shopify_id)
    } else {
        "an order of another connection".to_owned()
    };
    Err(Error::Taken(whose))
}

fn entry(
    order: &Model,
    by: &Actor,
    key: &LinkKey,
    freshbooks_id: i64,
    named: Named,
    note: Option<&str>,
) -> audit::Entry {
    let noun = link::noun(key.kind);
    let document = format!("{} {freshbooks_id}", noun.replace('_', " "));
    let message = match named {
        Named::Already => format!("Said again that the {document} is this one's: the order is taken up again."),
        _ => format!("Said that the {document} is this one's: it is read next."),
    };
    let source = match key.kind {
        Kind::Client => "customer.id",
        Kind::Invoice => "id",
        Kind::Payment => "transactions.id",
        Kind::CreditNote => "refunds.id",
    };
    audit::Entry {
        connection: order.connection_id,
        shopify_order_id: Some(order.shopify_order_id),
        shopify_resource: Some(link::shopify_resource(key.kind, &key.shopify_id)),
        freshbooks_resource: Some(format!("{noun}/{freshbooks_id}")),
        action: format!("adopt_{noun}"),
        outcome: "named".to_owned(),
        actor: by.name().to_owned(),
        trigger: "adopt".to_owned(),
        correlation_id: Uuid::new_v4().to_string(),
        field_mappings: vec![FieldMapping {
            shopify_field: source.to_owned(),
            freshbooks_field: "id".to_owned(),
            before: (named == Named::Already).then(|| freshbooks_id.to_string()),
            after: Some(freshbooks_id.to_string()),
            personal: false,
        }],
        message: note.map_or(message.clone(), |note| format!("{message} {note}")),
    }
}

/// Why a document is not named.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The note is too long, or no line of text; the sentence says which.
    #[error("{0}")]
    Note(&'static str),
    /// Nothing is written for the order any more.
    #[error(
        "The order's customer was erased at their request: nothing is linked to it any more. Change the document by hand."
    )]
    Erased,
    /// What the order consists of is not stored.
    #[error(
        "What this order consists of is not stored here at the moment. Resync it (resyncOrder), then name the document again."
    )]
    NotRead,
    /// No such transaction.
    #[error(
        "This order has no such transaction. `payments` of the order names those that have payments; after a change in Shopify, resync it first."
    )]
    NoTransaction,
    /// The transaction is no money.
    #[error(
        "No money came in by this transaction: only successful sales and captures, and no test transactions, have payments."
    )]
    NothingReceived,
    /// No such refund.
    #[error("This order has no such refund. After a change in Shopify, resync it first.")]
    NoRefund,
    /// The refund is on the invoice.
    #[error("This refund is recorded on the invoice already: a credit note would count it twice.")]
    Adjusted,
    /// There is one already.
    #[error(
        "{0} is linked there already. Name another document only where none is; what was deleted by hand is brought back by resolveDrift."
    )]
    Linked(i64),
    /// It is the one, and we have deleted it.
    #[error(
        "{0} is linked there already, and was deleted when the order needed it no longer. Resync the order (resyncOrder): what it needs after all is brought back."
    )]
    Removed(i64),
    /// Its invoice is another client's.
    #[error(
        "This order is invoiced to client {0} and stays there. To change who is invoiced next, name the client by an order without an invoice."
    )]
    Invoiced(i64),
    /// The document is another's.
    #[error("That document is linked to {0} already: one document stands for one thing in Shopify. Check the id.")]
    Taken(String),
    /// Somebody writes it.
    #[error("FreshBooks is being asked about just that at the moment. Name the document again in a minute.")]
    Busy,
    /// The order is not to be had.
    #[error(transparent)]
    Order(#[from] order::Error),
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] connections::Error),
    /// The trail could not be written.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
