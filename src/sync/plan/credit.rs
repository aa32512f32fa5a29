//! The credit notes of an order's refunds, and those that are not wanted any more.

use entity::resource_link::{Kind, State};

use super::{Action, Draft, Known, Write, known_ids, look_up};
use crate::{
    freshbooks::{
        credit_notes,
        model::{CreditNoteDraft, VisState},
    },
    link::{KnownDoc, LinkKey},
    mapping::{Wanted, WantedCredit},
    sync::diff::{changed_fields, diff},
};

/// What FreshBooks lets nobody change of a credit note that is there.
const FIXED: [&str; 4] = ["clientid", "create_date", "currency_code", "credit_type"];

pub(super) fn plan(wanted: &Wanted, known: &Known, customer: Option<i64>) -> Vec<Write> {
    let is_wanted = |refund: &i64| wanted.credits.iter().any(|credit| credit.refund == *refund);
    let gone = known.credits.iter().filter(|(refund, _)| !is_wanted(refund));
    let gone = gone.filter_map(|(refund, doc)| remove(*refund, doc, known, wanted));
    gone.chain(wanted.credits.iter().filter_map(|credit| of_refund(credit, known, customer))).collect()
}

fn of_refund(credit: &WantedCredit, known: &Known, customer: Option<i64>) -> Option<Write> {
    let key = credit_key(credit.refund);
    let mut draft = credit.draft.clone();
    draft.clientid = customer.unwrap_or_default();
    let write = |action, id, request, mappings| {
        Some(Write { key: key.clone(), action, id, request, draft: Draft::Credit(draft.clone()), mappings })
    };
    let doc = known.credits.get(&credit.refund);
    if let Some((doc, action)) = doc.and_then(|doc| Some((doc, look_up(doc, &key, known)?))) {
        return write(action, doc.id, None, Vec::new());
    }
    let Some((doc, id)) = doc.and_then(|doc| Some((doc, doc.id?))) else {
        let request = known_ids(credit_notes::create(&draft), "credit_note", "clientid", customer);
        return write(Action::Create, None, Some(request), diff(None, &draft, &credit.sources, false));
    };
    if doc.state == State::Removed {
        let request = credit_notes::set_vis_state(id, VisState::Active);
        return write(Action::Restore, Some(id), Some(request), Vec::new());
    }
    let mut changed = changed_fields(doc.written.as_ref(), &draft);
    changed.retain(|field, _| !FIXED.contains(&field.as_str()));
    if changed.is_empty() || credit.frozen && doc.facts.total == Some(credit.total) {
        return None;
    }
    let mut mappings = diff(doc.written.as_ref(), &draft, &credit.sources, false);
    mappings.retain(|mapping| !FIXED.contains(&mapping.freshbooks_field.as_str()));
    write(Action::Update, Some(id), Some(credit_notes::update(id, &changed)), mappings)
}

/// The credit note of a refund that is not recorded so any more: its money never moved after all.
fn remove(refund: i64, doc: &KnownDoc<CreditNoteDraft>, known: &Known, wanted: &Wanted) -> Option<Write> {
    let key = credit_key(refund);
    // Stands in where a person named one: nothing is written with it.
    let blank = || CreditNoteDraft {
        clientid: 0,
        create_date: wanted.invoice.draft.create_date,
        currency_code: wanted.currency.code().to_owned(),
        credit_type: String::new(),
        notes: String::new(),
        lines: Vec::new(),
    };
    let written = doc.written.clone().or_else(|| (doc.state == State::Adopting).then(blank));
    let draft = Draft::Credit(written?);
    if let Some(action) = look_up(doc, &key, known) {
        return Some(Write { key, action, id: doc.id, request: None, draft, mappings: Vec::new() });
    }
    let id = doc.id.filter(|_| doc.state == State::Confirmed)?;
    let request = Some(credit_notes::set_vis_state(id, VisState::Deleted));
    Some(Write { key, action: Action::Delete, id: Some(id), request, draft, mappings: Vec::new() })
}

/// The link of a refund's credit note.
pub(super) fn credit_key(refund: i64) -> LinkKey {
    LinkKey { kind: Kind::CreditNote, shopify_id: refund.to_string() }
}
