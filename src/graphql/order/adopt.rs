//! A document that is in FreshBooks already, named by a person as an order's.

use async_graphql::{Enum, ID, InputObject};
use entity::ids::OrderId;

use super::{
    super::{
        error::{Fault, Result},
        mutation::UserErrorCode,
        node::shopify_number,
    },
    resync::ResyncOrderPayload,
};
use crate::{
    adopt::{self, Error, Place},
    app::App,
    auth::Actor,
};

/// What a document is for its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(in super::super) enum DocumentKind {
    /// Its invoice. The client of the invoice becomes the order's.
    Invoice,
    /// The client of its customer, company or guest, also of their later orders.
    Client,
    /// The payment of one transaction, on the order's invoice: link or adopt that one first.
    Payment,
    /// The credit note of one refund.
    CreditNote,
}

/// A document that is in FreshBooks already, and what it is of which order.
#[derive(Debug, InputObject)]
pub(in super::super) struct AdoptDocumentInput {
    /// The global id of the order.
    pub(super) order_id: ID,
    /// What the document is for the order.
    kind: DocumentKind,
    /// FreshBooks' id of the document: the number that the order's `lastError` names, or the one at the end of the document's address there.
    /// Not the number that is printed on it.
    freshbooks_id: String,
    /// For a payment, and only then: Shopify's number of the transaction whose money it is, or its gid. `payments` of the order shows it.
    shopify_transaction_id: Option<String>,
    /// For a credit note, and only then: Shopify's number of the refund that it records, or its gid.
    shopify_refund_id: Option<String>,
    /// Why, for the audit trail, where everybody may read it: name no persons. At most 500 characters, in one line.
    note: Option<String>,
}

impl AdoptDocumentInput {
    /// Names the document, or says what must be mended.
    pub(super) async fn adopt(self, app: &App, by: &Actor, order: OrderId) -> Result<ResyncOrderPayload> {
        let place = match self.place() {
            Ok(place) => place,
            Err((field, message, code)) => return Ok(ResyncOrderPayload::invalid(field, &message, code)),
        };
        let Some(id) = self.freshbooks_id.trim().parse().ok().filter(|id| *id > 0) else {
            let message = "FreshBooks' id of a document is a positive number.";
            return Ok(ResyncOrderPayload::invalid("freshbooksId", message, UserErrorCode::Invalid));
        };
        match adopt::adopt(app, by, order, place, id, self.note.as_deref()).await {
            Ok(row) => Ok(ResyncOrderPayload::of(row)),
            Err(error) => {
                let Some((field, code)) = to_be_mended(&error) else { return Err(error.into()) };
                Ok(ResyncOrderPayload::invalid(field, &error.to_string(), code))
            }
        }
    }

    fn place(&self) -> std::result::Result<Place, Wrong> {
        let (transaction, refund) = (self.shopify_transaction_id.as_deref(), self.shopify_refund_id.as_deref());
        let only = |field, whose: &str| {
            let message = format!("Only {whose} has this; leave it out, or correct `kind`.");
            Err((field, message, UserErrorCode::Invalid))
        };
        match (self.kind, transaction, refund) {
            (DocumentKind::Payment, _, Some(_)) => only("shopifyRefundId", "a credit note"),
            (DocumentKind::CreditNote, Some(_), _) => only("shopifyTransactionId", "a payment"),
            (DocumentKind::Payment, number, None) => {
                Ok(Place::Payment(numbered(number, "shopifyTransactionId", "OrderTransaction")?))
            }
            (DocumentKind::CreditNote, None, number) => {
                Ok(Place::CreditNote(numbered(number, "shopifyRefundId", "Refund")?))
            }
            (_, Some(_), _) => only("shopifyTransactionId", "a payment"),
            (_, _, Some(_)) => only("shopifyRefundId", "a credit note"),
            (DocumentKind::Invoice, None, None) => Ok(Place::Invoice),
            (DocumentKind::Client, None, None) => Ok(Place::Client),
        }
    }
}

/// A field of the input, what is wrong with it, and the same for programs.
type Wrong = (&'static str, String, UserErrorCode);

/// The number that this field gives of something of Shopify's.
fn numbered(text: Option<&str>, field: &'static str, of_type: &str) -> std::result::Result<i64, Wrong> {
    let Some(text) = text else {
        let message = format!("Say which {of_type} of Shopify's the document stands for.");
        return Err((field, message, UserErrorCode::Required));
    };
    let message = || format!("Give Shopify's number, or gid://shopify/{of_type}/….");
    shopify_number(text, of_type).ok_or_else(|| (field, message(), UserErrorCode::Invalid))
}

/// The field to be mended, where the input is to blame.
fn to_be_mended(error: &Error) -> Option<(&'static str, UserErrorCode)> {
    use UserErrorCode::{Invalid, NotFound, Taken};
    Some(match error {
        Error::Note(_) => ("note", Invalid),
        Error::Erased | Error::NotRead | Error::Busy => ("orderId", Invalid),
        Error::NoTransaction => ("shopifyTransactionId", NotFound),
        Error::NothingReceived => ("shopifyTransactionId", Invalid),
        Error::NoRefund => ("shopifyRefundId", NotFound),
        Error::Adjusted => ("shopifyRefundId", Taken),
        Error::Linked(_) | Error::Removed(_) | Error::Taken(_) | Error::Invoiced(_) => ("freshbooksId", Taken),
        Error::Order(_) | Error::Connection(_) | Error::Audit(_) | Error::Db(_) => return None,
    })
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Order(error) => error.into(),
            Error::Connection(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}
