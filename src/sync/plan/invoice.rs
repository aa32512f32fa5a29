//! The invoice of an order: made, brought up to date field by field, issued; or voided.

use entity::resource_link::State;
use serde_json::Value;

use super::{Action, Draft, Known, Write, known_ids, look_up, payment};
use crate::{
    audit::FieldMapping,
    freshbooks::{invoices, model::VisState},
    link::LinkKey,
    mapping::{Wanted, WantedInvoice, settings::Issue},
    sync::diff::{changed_fields, diff},
};

pub(super) fn plan(wanted: &Wanted, known: &Known, key: &LinkKey, customer: Option<i64>) -> Vec<Write> {
    let WantedInvoice { draft, sources, issue, .. } = &wanted.invoice;
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
    if let Some((doc, action)) = known.invoice.as_ref().and_then(|doc| Some((doc, look_up(doc, key, known)?))) {
        return vec![write(action, doc.id, None, Vec::new())];
    }
    let Some((doc, id)) = known.invoice.as_ref().and_then(|doc| Some((doc, doc.id?))) else {
        let ask = *issue == Issue::Sent && known.issues_in_create != Some(false);
        let request = known_ids(invoices::create(&draft, ask), "invoice", "customerid", customer);
        return vec![write(Action::Create, None, Some(request), diff(None, &draft, sources, false))];
    };
    if wanted.invoice.frozen && doc.state == State::Confirmed && doc.facts.total == Some(wanted.invoice.total) {
        return Vec::new();
    }
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
    if *issue != Issue::Draft && !doc.facts.issued {
        let recipient = &wanted.client.draft.email;
        let (said, request) = match issue {
            Issue::Email if !recipient.is_empty() => ("sent by e-mail", invoices::send_by_email(id, recipient)),
            _ => ("sent", invoices::mark_sent(id)),
        };
        let mapping = FieldMapping {
            shopify_field: "-".to_owned(),
            freshbooks_field: "status".to_owned(),
            before: Some("draft".to_owned()),
            after: Some(said.to_owned()),
            personal: false,
        };
        writes.push(write(Action::Issue, Some(id), Some(request), vec![mapping]));
    }
    writes
}

/// Cancelled unpaid: payments first, then the invoice; what may or may not be there is looked up before.
pub(super) fn void(wanted: &Wanted, known: &Known, key: &LinkKey) -> Vec<Write> {
    let Some(doc) = &known.invoice else { return Vec::new() };
    let write = |action, id, request| Write {
        key: key.clone(),
        action,
        id,
        request,
        draft: Draft::Invoice(doc.written.clone().unwrap_or_else(|| wanted.invoice.draft.clone())),
        mappings: vec![],
    };
    if let Some(action) = look_up(doc, key, known) {
        return vec![write(action, doc.id, None)];
    }
    let Some(id) = doc.id else { return Vec::new() };
    let mut writes: Vec<Write> = known
        .payments
        .iter()
        .filter_map(|(transaction, doc)| payment::gone(*transaction, doc, known, wanted))
        .collect();
    if doc.state != State::Removed {
        writes.push(write(Action::Void, Some(id), Some(invoices::set_vis_state(id, VisState::Deleted))));
    }
    writes
}
