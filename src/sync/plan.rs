//! What is missing: the difference between what the books should hold and what our links say they do hold. Pure.
//!
//! A plan lists every write still to be made, in an order that is right at every step: the client before its invoice, the invoice before
//! its payments, a payment lowered before its invoice is, an invoice raised before its payments are. Only the first is ever carried out;
//! then the plan is made anew from the answer. A document whose write may or may not have happened is looked up first.

use std::collections::BTreeMap;

use entity::resource_link::{Kind, State};
use rust_decimal::Decimal;
use serde_json::Value;

use super::diff::{changed_fields, diff, pairs};
use crate::{
    audit::FieldMapping,
    freshbooks::{
        Request, clients, invoices,
        model::{Amount, ClientDraft, InvoiceDraft, PaymentDraft, VisState},
        payments,
    },
    link::{KnownDoc, LinkKey},
    mapping::{Subject, Wanted, WantedInvoice, WantedPayment, client, payment},
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
    /// Documents that this visit has looked for and FreshBooks does not have.
    pub absent: Vec<LinkKey>,
    /// Whether this account honours `status` in an invoice's create.
    pub issues_in_create: Option<bool>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    Find,
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
}

/// What is still to be done, first things first; nothing when the books agree. `client` is the link of the order's client.
pub fn plan(wanted: &Wanted, known: &Known, client: &LinkKey) -> Vec<Write> {
    let mut writes = Vec::new();
    let invoice_key = LinkKey { kind: Kind::Invoice, shopify_id: wanted.shopify_order_id.to_string() };
    if wanted.invoice.voided {
        writes.extend(void(wanted, known, &invoice_key));
        return writes;
    }
    writes.extend(of_client(wanted, known, client));
    let customer = known.client.as_ref().and_then(|client| client.id);
    let (lowered, raised) = of_payments(wanted, known);
    writes.extend(lowered);
    writes.extend(of_invoice(wanted, known, &invoice_key, customer));
    writes.extend(raised);
    writes
}

fn of_client(wanted: &Wanted, known: &Known, key: &LinkKey) -> Option<Write> {
    let draft = wanted.client.draft.clone();
    let write = |action, id, request, mappings| {
        Some(Write { key: key.clone(), action, id, request, draft: Draft::Client(Box::new(draft.clone())), mappings })
    };
    let personal = wanted.client.subject != Subject::Generic;
    let Some(doc) = known.client.as_ref().filter(|doc| doc.state == State::Confirmed) else {
        if !known.absent.contains(key) {
            let id = known.client.as_ref().and_then(|doc| doc.id);
            return write(Action::Find, id, None, Vec::new());
        }
        let mappings = diff(None, &draft, &pairs(&client::SOURCES), personal);
        return write(Action::Create, None, Some(clients::create(&draft)), mappings);
    };
    // What a newer order said stays, and so does what a person or Shopify's silence left in a field.
    if doc.facts.adopted || doc.facts.as_of.is_some_and(|as_of| as_of >= wanted.client.as_of) {
        return None;
    }
    let (id, written) = (doc.id?, doc.written.as_ref());
    let mut changed = changed_fields(written, &draft);
    changed.retain(|field, value| !client::ONLY_AT_CREATION.contains(&field.as_str()) && *value != "");
    if changed.is_empty() {
        return None;
    }
    let mut mappings = diff(written, &draft, &pairs(&client::SOURCES), personal);
    mappings.retain(|mapping| changed.contains_key(&mapping.freshbooks_field));
    write(Action::Update, Some(id), Some(clients::update(id, &changed)), mappings)
}

fn of_invoice(wanted: &Wanted, known: &Known, key: &LinkKey, customer: Option<i64>) -> Vec<Write> {
    let WantedInvoice { draft, sources, issued, .. } = &wanted.invoice;
    let mut draft = draft.clone();
    draft.customerid = customer.unwrap_or_default();
    let write = |action, id, request, mappings| Write {
        key: key.clone(),
        action,
        id,
        request,
        draft: Draft::Invoice(draft.clone()),
        mappings,
    };
    if let Some(doc) = known.invoice.as_ref().filter(|doc| in_doubt(doc, key, known)) {
        return vec![write(Action::Find, doc.id, None, Vec::new())];
    }
    let Some((doc, id)) = known.invoice.as_ref().and_then(|doc| Some((doc, doc.id?))) else {
        let ask = *issued && known.issues_in_create != Some(false);
        let request = known_ids(invoices::create(&draft, ask), "invoice", "customerid", customer);
        return vec![write(Action::Create, None, Some(request), diff(None, &draft, sources, false))];
    };
    let mut writes = Vec::new();
    if doc.state == State::Removed {
        writes.push(write(Action::Restore, Some(id), Some(invoices::set_vis_state(id, VisState::Active)), Vec::new()));
    }
    let mut changed = changed_fields(doc.written.as_ref(), &draft);
    if let Some(lines) = changed.get_mut("lines").and_then(Value::as_array_mut) {
        // The list is replaced whole: a line that keeps its place keeps its id.
        for (line, lineid) in lines.iter_mut().zip(&doc.facts.line_ids) {
            line["lineid"] = (*lineid).into();
        }
    }
    if !changed.is_empty() {
        let mappings = diff(doc.written.as_ref(), &draft, sources, false);
        writes.push(write(Action::Update, Some(id), Some(invoices::update(id, &changed)), mappings));
    }
    if *issued && !doc.facts.issued {
        let mapping = FieldMapping {
            shopify_field: "-".to_owned(),
            freshbooks_field: "status".to_owned(),
            before: Some("draft".to_owned()),
            after: Some("sent".to_owned()),
            personal: false,
        };
        writes.push(write(Action::Issue, Some(id), Some(invoices::mark_sent(id)), vec![mapping]));
    }
    writes
}

/// Payments to be lowered (before the invoice is) and payments to be made or raised (after it is).
fn of_payments(wanted: &Wanted, known: &Known) -> (Vec<Write>, Vec<Write>) {
    let invoice = known.invoice.as_ref().and_then(|doc| doc.id);
    let (mut lowered, mut raised) = (Vec::new(), Vec::new());
    for payment in &wanted.payments {
        let doc = known.payments.get(&payment.transaction);
        let write = of_payment(payment, doc, known, invoice);
        let before = doc.filter(|doc| doc.state == State::Confirmed).and_then(|doc| doc.facts.total).unwrap_or(0);
        if let Some(write) = write {
            // What may be there already can stand in the way of a lower invoice.
            let goes_first = match write.action {
                Action::Find => invoice.is_some(),
                _ => payment.amount() < before,
            };
            if goes_first { lowered.push(write) } else { raised.push(write) }
        }
    }
    // A transaction that Shopify no longer counts: its payment goes.
    for (transaction, doc) in &known.payments {
        if wanted.payments.iter().all(|payment| payment.transaction != *transaction) {
            lowered.extend(gone(*transaction, doc, known, wanted));
        }
    }
    (lowered, raised)
}

fn of_payment(
    payment: &WantedPayment,
    doc: Option<&KnownDoc<PaymentDraft>>,
    known: &Known,
    invoice: Option<i64>,
) -> Option<Write> {
    let key = payment_key(payment.transaction);
    let mut draft = payment.draft.clone();
    draft.invoiceid = invoice.unwrap_or_default();
    let write = |action, id, request, mappings| {
        Some(Write { key: key.clone(), action, id, request, draft: Draft::Payment(draft.clone()), mappings })
    };
    let sources = pairs(&payment::SOURCES);
    if let Some(doc) = doc.filter(|doc| in_doubt(doc, &key, known)) {
        return write(Action::Find, doc.id, None, Vec::new());
    }
    if payment.amount() == 0 {
        return doc.and_then(|doc| delete(payment.transaction, doc, &payment.draft));
    }
    let Some(doc) = doc.filter(|doc| doc.id.is_some()) else {
        let request = known_ids(payments::create(&draft), "payment", "invoiceid", invoice);
        return write(Action::Create, None, Some(request), diff(None, &draft, &sources, false));
    };
    let id = doc.id?;
    if doc.state == State::Removed {
        let request = payments::set_vis_state(id, VisState::Active);
        return write(Action::Restore, Some(id), Some(request), Vec::new());
    }
    let changed = changed_fields(doc.written.as_ref(), &draft);
    if changed.is_empty() {
        return None;
    }
    let mappings = diff(doc.written.as_ref(), &draft, &sources, false);
    write(Action::Update, Some(id), Some(payments::update(id, &changed)), mappings)
}

/// Cancelled unpaid: payments first, then the invoice; what may or may not be there is looked up before.
fn void(wanted: &Wanted, known: &Known, key: &LinkKey) -> Vec<Write> {
    let Some(doc) = &known.invoice else { return Vec::new() };
    let write = |action, id, request| Write {
        key: key.clone(),
        action,
        id,
        request,
        draft: Draft::Invoice(doc.written.clone().unwrap_or_else(|| wanted.invoice.draft.clone())),
        mappings: vec![],
    };
    if in_doubt(doc, key, known) {
        return vec![write(Action::Find, doc.id, None)];
    }
    let Some(id) = doc.id else { return Vec::new() };
    let mut writes: Vec<Write> =
        known.payments.iter().filter_map(|(transaction, doc)| gone(*transaction, doc, known, wanted)).collect();
    if doc.state != State::Removed {
        writes.push(write(Action::Void, Some(id), Some(invoices::set_vis_state(id, VisState::Deleted))));
    }
    writes
}

/// Whether the last write of this document may or may not have been done.
fn in_doubt<D>(doc: &KnownDoc<D>, key: &LinkKey, known: &Known) -> bool {
    doc.state == State::Intended && !known.absent.contains(key)
}

/// The payment of a transaction that is not wanted at all.
fn gone(transaction: i64, doc: &KnownDoc<PaymentDraft>, known: &Known, wanted: &Wanted) -> Option<Write> {
    // Stands in where it is not known what the payment says.
    let blank = || PaymentDraft {
        invoiceid: known.invoice.as_ref().and_then(|doc| doc.id).unwrap_or_default(),
        amount: Amount { amount: Decimal::ZERO, code: wanted.currency.code().to_owned() },
        date: wanted.invoice.draft.create_date,
        kind: String::new(),
        note: String::new(),
    };
    let draft = doc.written.clone().unwrap_or_else(blank);
    let key = payment_key(transaction);
    if in_doubt(doc, &key, known) {
        let draft = Draft::Payment(draft);
        return Some(Write { key, action: Action::Find, id: doc.id, request: None, draft, mappings: Vec::new() });
    }
    delete(transaction, doc, &draft)
}

/// Removes a payment that is there. `draft` stands in where it is not known what FreshBooks holds.
fn delete(transaction: i64, doc: &KnownDoc<PaymentDraft>, draft: &PaymentDraft) -> Option<Write> {
    if doc.state != State::Confirmed {
        return None;
    }
    let mut mappings =
        doc.written.as_ref().map_or_else(Vec::new, |written| diff(None, written, &pairs(&payment::SOURCES), false));
    for mapping in &mut mappings {
        mapping.before = mapping.after.take();
    }
    let id = doc.id?;
    Some(Write {
        key: payment_key(transaction),
        action: Action::Delete,
        id: Some(id),
        request: Some(payments::set_vis_state(id, VisState::Deleted)),
        draft: Draft::Payment(doc.written.clone().unwrap_or_else(|| draft.clone())),
        mappings,
    })
}

/// The link of a transaction's payment.
pub fn payment_key(transaction: i64) -> LinkKey {
    LinkKey { kind: Kind::Payment, shopify_id: transaction.to_string() }
}

/// Shows an id that only an earlier write of the plan will bring as null.
fn known_ids(mut request: Request, object: &str, field: &str, id: Option<i64>) -> Request {
    if id.is_none() {
        request.body[object][field] = Value::Null;
    }
    request
}
