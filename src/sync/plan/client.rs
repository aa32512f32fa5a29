//! The client of an order: looked for, made, or followed where Shopify says something new.

use entity::resource_link::State;

use super::{Action, Draft, Known, Write};
use crate::{
    audit::FieldMapping,
    freshbooks::{clients, model::VisState},
    link::LinkKey,
    mapping::{Subject, Wanted, client},
    sync::diff::{changed_fields, diff, pairs},
};

pub(super) fn plan(wanted: &Wanted, known: &Known, key: &LinkKey) -> Option<Write> {
    let draft = wanted.client.draft.clone();
    let write = |action, id, request, mappings| {
        Some(Write { key: key.clone(), action, id, request, draft: Draft::Client(Box::new(draft.clone())), mappings })
    };
    let personal = wanted.client.subject != Subject::Generic;
    if let Some(id) = known.client.as_ref().filter(|doc| doc.state == State::Removed).and_then(|doc| doc.id) {
        let request = clients::set_vis_state(id, VisState::Active);
        return write(Action::Restore, Some(id), Some(request), Vec::new());
    }
    let Some(doc) = known.client.as_ref().filter(|doc| doc.state == State::Confirmed) else {
        if !known.absent.contains(key) {
            let (id, named) = known.client.as_ref().map_or((None, false), |doc| (doc.id, doc.state == State::Adopting));
            return write(if named { Action::Adopt } else { Action::Find }, id, None, Vec::new());
        }
        let mut mappings = diff(None, &draft, &pairs(&client::SOURCES), personal);
        mappings.extend(in_full(wanted));
        return write(Action::Create, None, Some(clients::create(&draft)), mappings);
    };
    // What a newer order said stays, and so does what a person or Shopify's silence left in a field.
    if doc.facts.as_of.is_some_and(|as_of| as_of >= wanted.client.as_of) {
        return None;
    }
    // Anybody may type anybody's address: a guest's order changes nothing of a client that was there before.
    if doc.facts.adopted && matches!(wanted.client.subject, Subject::Guest(_)) {
        return None;
    }
    let (id, written) = (doc.id?, doc.written.as_ref());
    let mut changed = changed_fields(written, &draft);
    changed.retain(|field, value| !client::is_set_once(&wanted.client.subject, field) && *value != "");
    if changed.is_empty() {
        return None;
    }
    let mut mappings = diff(written, &draft, &pairs(&client::SOURCES), personal);
    mappings.extend(in_full(wanted));
    mappings.retain(|mapping| changed.contains_key(&mapping.freshbooks_field));
    write(Action::Update, Some(id), Some(clients::update(id, &changed)), mappings)
}

/// What had to be cut, whole: the trail has what FreshBooks has no room for.
fn in_full(wanted: &Wanted) -> impl Iterator<Item = FieldMapping> {
    wanted.client.cut.iter().map(|(field, text)| {
        let source = client::SOURCES.iter().find(|(name, _)| name == field).map_or("-", |(_, source)| *source);
        FieldMapping {
            shopify_field: format!("{source} (in full)"),
            freshbooks_field: field.clone(),
            before: None,
            after: Some(text.clone()),
            personal: true,
        }
    })
}
