//! What is missing: the difference between what the books should hold and what our links say they do hold. Pure.
//!
//! A plan lists every write still to be made, in an order that is right at every step: the client before its invoice, the invoice before
//! its payments, a payment lowered before its invoice is, an invoice raised before its payments are, credit notes last. Only the first is
//! ever carried out;
//! then the plan is made anew from the answer. A document whose write may or may not have happened is looked up first, and so is one that a
//! person named.

mod client;
mod credit;
mod held;
mod invoice;
mod locked;
mod payment;

use std::collections::{BTreeMap, HashMap, HashSet};

use entity::resource_link::{Kind, State};
use serde_json::Value;

use self::credit::credit_key;
pub use self::{
    held::{Spared, problem as held_back, sent, spare, stands_against},
    locked::locked,
    payment::payment_key,
};
use crate::{
    audit::FieldMapping,
    freshbooks::{
        Request,
        model::{ClientDraft, CreditNoteDraft, InvoiceDraft, PaymentDraft},
    },
    link::{Facts, KnownDoc, LinkKey, seen::Held},
    mapping::{Booked, BookedCredit, BookedInvoice, Cents, Wanted},
};

/// What our links say of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its client.
    pub client: Option<KnownDoc<ClientDraft>>,
    /// Its invoice.
    pub invoice: Option<KnownDoc<InvoiceDraft>>,
    /// Its payments, by Shopify's number of the transaction.
    pub payments: BTreeMap<i64, KnownDoc<PaymentDraft>>,
    /// Credit notes for its refunds, by Shopify's number of the refund.
    pub credits: BTreeMap<i64, KnownDoc<CreditNoteDraft>>,
    /// What is outstanding on the invoice, as this visit has just been told; hundredths.
    pub outstanding: Option<Cents>,
    /// Documents that this visit has looked for and FreshBooks does not have.
    pub absent: Vec<LinkKey>,
    /// Whether this account honours `status` in an invoice's create.
    pub issues_in_create: Option<bool>,
    /// What a person has changed in FreshBooks, or keeps as it is there, of any of these documents.
    pub held: HashMap<LinkKey, Held>,
    /// Documents of which a person wants our version back.
    pub restoring: HashSet<LinkKey>,
}

impl Known {
    /// What binds the mapping of what is there already.
    pub fn booked(&self) -> Booked {
        let looked_for = self.absent.iter().any(|key| key.kind == Kind::Invoice);
        let invoice =
            self.invoice.as_ref().filter(|doc| doc.id.is_some() || doc.state == State::Intended && !looked_for);
        let bound = |facts: &Facts| BookedInvoice {
            number: facts.number.clone(),
            dated: facts.dated,
            currency: Some(facts.currency.clone()).filter(|code| !code.is_empty()),
            adjusted: facts.adjusted.clone(),
            unexplained: facts.unexplained,
        };
        let credit = |facts: &Facts| BookedCredit { dated: facts.dated, unexplained: facts.unexplained };
        Booked {
            invoice: invoice.map(|doc| bound(&doc.facts)),
            credited: self
                .credits
                .iter()
                .filter(|(refund, doc)| doc.id.is_some() || look_up(doc, &credit_key(**refund), self).is_some())
                .map(|(refund, doc)| (*refund, credit(&doc.facts)))
                .collect(),
            paid: self.payments.iter().filter_map(|(id, doc)| Some((*id, doc.facts.dated?))).collect(),
        }
    }
}

/// One step, in FreshBooks or (a look-up) before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The document.
    pub key: LinkKey,
    /// What is done to it.
    pub action: Action,
    /// FreshBooks' id of it, where it has one.
    pub id: Option<i64>,
    /// Exactly what is sent; a look-up sends nothing that is shown. Ids not known yet are null.
    pub request: Option<Request>,
    /// What is accepted once FreshBooks has answered.
    pub draft: Draft,
    /// Field by field: where it comes from, what it was, what it becomes.
    pub mappings: Vec<FieldMapping>,
}

/// What is done to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    Find,
    Adopt,
    Create,
    Update,
    Issue,
    Void,
    Restore,
    Delete,
}

impl Action {
    /// Its name in the audit trail.
    pub fn name(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Adopt => "adopt",
            Self::Create => "create",
            Self::Update => "update",
            Self::Issue => "issue",
            Self::Void => "void",
            Self::Restore => "restore",
            Self::Delete => "delete",
        }
    }
}

/// The draft behind a write.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Draft {
    Client(Box<ClientDraft>),
    Invoice(InvoiceDraft),
    Payment(PaymentDraft),
    Credit(CreditNoteDraft),
}

/// The link of an order's invoice.
pub fn invoice_key(wanted: &Wanted) -> LinkKey {
    LinkKey { kind: Kind::Invoice, shopify_id: wanted.shopify_order_id.to_string() }
}

/// What is still to be done, first things first; nothing when the books agree. `client` is the link of the order's client.
pub fn plan(wanted: &Wanted, known: &Known, client: &LinkKey) -> Vec<Write> {
    let mut writes = Vec::new();
    let invoice_key = invoice_key(wanted);
    if wanted.invoice.voided {
        writes.extend(invoice::void(wanted, known, &invoice_key));
        return writes;
    }
    // An invoice that a person named brings its own client: none is looked for or made before it was read.
    if let Some(doc) = known.invoice.as_ref().filter(|doc| doc.state == State::Adopting) {
        return invoice::plan(wanted, known, &invoice_key, doc.facts.client);
    }
    // Once invoiced an order stays with its client, whoever Shopify or the settings would take for it now.
    let bound = known.invoice.as_ref().and_then(|doc| doc.facts.client);
    let mut customer = known.client.as_ref().and_then(|client| client.id);
    if bound.is_none() || bound == customer {
        writes.extend(client::plan(wanted, known, client));
    } else {
        customer = bound;
    }
    let (lowered, raised) = payment::plan(wanted, known);
    writes.extend(lowered);
    writes.extend(invoice::plan(wanted, known, &invoice_key, customer));
    writes.extend(raised);
    writes.extend(credit::plan(wanted, known, customer));
    writes
}

/// How a document is read before anything else is done about it: its last write may or may not have been done, or a person named it.
fn look_up<D>(doc: &KnownDoc<D>, key: &LinkKey, known: &Known) -> Option<Action> {
    match doc.state {
        State::Adopting => Some(Action::Adopt),
        State::Intended if !known.absent.contains(key) => Some(Action::Find),
        _ => None,
    }
}

/// Shows an id that only an earlier write of the plan will bring as null.
fn known_ids(mut request: Request, object: &str, field: &str, id: Option<i64>) -> Request {
    if id.is_none() {
        request.body[object][field] = Value::Null;
    }
    request
}
