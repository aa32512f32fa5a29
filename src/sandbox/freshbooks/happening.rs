//! What happened in the books, written up for the callbacks that want to know.
//!
//! Called where a person's hand and a call over the wire meet, and by neither when books are restored. The letters leave once the change is
//! safe.

use std::time::Duration;

use rand::seq::SliceRandom;
use url::form_urlencoded;

use super::{
    books::Books,
    courier::{Delivery, Letter, SIGNATURE},
    identity::IDENTITY,
    route::Resource,
    signature::sign,
};

/// What has to be known of an object to tell what a change did to it.
pub(super) struct Before {
    vis_state: Option<i64>,
    emails: u64,
    invoice: Option<u64>,
}

impl Before {
    /// The object as it is now.
    pub(super) fn of(books: &Books, resource: Resource, id: u64) -> Before {
        let invoice = || books.invoices.get(&id);
        let payment = || books.payments.get(&id);
        let vis_state = match resource {
            Resource::Client => books.clients.get(&id).map(|client| client.vis_state),
            Resource::Invoice => invoice().map(|invoice| invoice.vis_state),
            Resource::Payment => payment().map(|payment| payment.vis_state),
            Resource::CreditNote => books.credits.get(&id).map(|credit| credit.vis_state),
            Resource::Tax => None,
        };
        let emails = invoice().filter(|_| resource == Resource::Invoice).map_or(0, |invoice| invoice.emails_sent);
        let paid = payment().filter(|_| resource == Resource::Payment).map(|payment| payment.invoice_id);
        Before { vis_state, emails, invoice: paid }
    }
}

/// Something new is in the books.
pub(super) fn created(books: &mut Books, resource: Resource, id: u64) {
    if books.callbacks.is_empty() {
        return;
    }
    tell(books, resource.wrapper(), "create", id);
    let payer = books.invoices.get(&id).filter(|_| resource == Resource::Invoice).map(|invoice| invoice.customer_id);
    if let Some(client) = payer.filter(|_| books.options.callbacks.invoices_touch_clients) {
        tell(books, "client", "update", client);
    }
    let payment = books.payments.get(&id).filter(|_| resource == Resource::Payment);
    if let Some((invoice, surplus)) = payment.map(|payment| (payment.invoice_id, payment.overpayment_id)) {
        if let Some(credit) = surplus {
            tell(books, "credit_note", "create", credit);
        }
        touch(books, invoice);
    }
}

/// An object was changed, hidden or brought back.
pub(super) fn changed(books: &mut Books, resource: Resource, id: u64, before: &Before) {
    if books.callbacks.is_empty() {
        return;
    }
    let after = Before::of(books, resource, id);
    let gone = after.vis_state == Some(1) && before.vis_state != Some(1);
    tell(books, resource.wrapper(), if gone { "delete" } else { "update" }, id);
    if after.emails > before.emails {
        tell(books, "invoice", "sendByEmail", id);
    }
    if let Some(invoice) = after.invoice {
        touch(books, invoice);
    }
    if let Some(invoice) = before.invoice.filter(|_| before.invoice != after.invoice) {
        touch(books, invoice);
    }
}

/// An object is gone for good.
pub(super) fn removed(books: &mut Books, resource: Resource, id: u64) {
    tell(books, resource.wrapper(), "delete", id);
}

fn touch(books: &mut Books, invoice: u64) {
    if books.options.callbacks.payments_touch_invoices {
        tell(books, "invoice", "update", invoice);
    }
}

fn tell(books: &mut Books, noun: &str, verb: &str, id: u64) {
    let name = format!("{noun}.{verb}");
    let listeners = books.callbacks.values().filter(|callback| callback.hears(&name, noun));
    let listeners: Vec<_> = listeners.map(|callback| (callback.uri.clone(), callback.verifier.clone())).collect();
    let knobs = books.options.callbacks.clone();
    for (uri, verifier) in listeners {
        // Each copy is a delivery of its own, with an order of its own.
        for _ in 0..if knobs.duplicates { 2 } else { 1 } {
            let mut fields = fields(books, &name, id);
            fields.extend(knobs.extra_field.clone());
            fields.shuffle(&mut rand::rng());
            let spoilt = std::mem::take(&mut books.spoils_signature);
            let signature = sign(if spoilt { "another verifier" } else { &verifier }, &fields);
            let delivery = delivery(&uri, &name, &fields, Some(signature));
            let (retries, gap) = (knobs.retries, knobs.retry_gap);
            books.outbox.push(Letter { delivery, delay: Duration::ZERO, awaited: false, retries, gap });
        }
    }
}

/// Asks the callback's address to prove that it listens: once, nobody knows of a second attempt.
pub(super) fn verification(books: &mut Books, id: u64, created: bool) {
    let Some(callback) = books.callbacks.get(&id).cloned() else { return };
    let knobs = &books.options.callbacks;
    let mut fields = fields(books, "callback.verify", id);
    fields.push(("verifier".to_owned(), callback.verifier.clone()));
    fields.shuffle(&mut rand::rng());
    let signature = knobs.sign_verification.then(|| sign(&callback.verifier, &fields));
    let delivery = delivery(&callback.uri, "callback.verify", &fields, signature);
    let delay = knobs.verify_delay.unwrap_or_default();
    let awaited = created && knobs.verify_before_create_returns;
    books.outbox.push(Letter { delivery, delay, awaited, retries: 0, gap: Duration::ZERO });
}

fn fields(books: &Books, name: &str, id: u64) -> Vec<(String, String)> {
    let options = &books.options;
    let fields = [
        ("name", name.to_owned()),
        ("object_id", id.to_string()),
        ("account_id", options.account_id.clone()),
        ("business_id", options.business_id.to_string()),
        ("identity_id", IDENTITY.to_string()),
        ("user_id", "1".to_owned()),
    ];
    fields.map(|(key, value)| (key.to_owned(), value)).to_vec()
}

fn delivery(uri: &str, event: &str, fields: &[(String, String)], signature: Option<String>) -> Delivery {
    let kind = ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let signature = signature.map(|signature| (SIGNATURE.to_owned(), signature));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Delivery {
        address: uri.to_owned(),
        event: event.to_owned(),
        headers: std::iter::once(kind).chain(signature).collect(),
        body: body.into_bytes(),
    }
}
