//! The payments of an order, and those that are not wanted any more.

use entity::resource_link::{Kind, State};
use rust_decimal::Decimal;

use super::{Action, Draft, Known, Write, known_ids, look_up};
use crate::{
    freshbooks::{
        model::{Amount, PaymentDraft, VisState},
        payments,
    },
    link::{KnownDoc, LinkKey},
    mapping::{Wanted, WantedPayment, payment},
    sync::diff::{changed_fields, diff, pairs},
};

/// Payments to be lowered (before the invoice is) and payments to be made or raised (after it is).
pub(super) fn plan(wanted: &Wanted, known: &Known) -> (Vec<Write>, Vec<Write>) {
    let invoice = known.invoice.as_ref().and_then(|doc| doc.id);
    let (mut lowered, mut raised) = (Vec::new(), Vec::new());
    for payment in &wanted.payments {
        let doc = known.payments.get(&payment.transaction);
        let write = of_payment(payment, doc, known, invoice);
        let before = doc.filter(|doc| doc.state == State::Confirmed).and_then(|doc| doc.facts.total).unwrap_or(0);
        if let Some(write) = write {
            // What may be there already can stand in the way of a lower invoice.
            let goes_first = match write.action {
                Action::Find | Action::Adopt => invoice.is_some(),
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
    if let Some((doc, action)) = doc.and_then(|doc| Some((doc, look_up(doc, &key, known)?))) {
        return write(action, doc.id, None, Vec::new());
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
    if changed.is_empty() || payment.frozen && doc.facts.total == Some(payment.amount()) {
        return None;
    }
    let mappings = diff(doc.written.as_ref(), &draft, &sources, false);
    write(Action::Update, Some(id), Some(payments::update(id, &changed)), mappings)
}

/// The payment of a transaction that is not wanted at all.
pub(super) fn gone(transaction: i64, doc: &KnownDoc<PaymentDraft>, known: &Known, wanted: &Wanted) -> Option<Write> {
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
    if let Some(action) = look_up(doc, &key, known) {
        let draft = Draft::Payment(draft);
        return Some(Write { key, action, id: doc.id, request: None, draft, mappings: Vec::new() });
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
