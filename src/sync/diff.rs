//! What differs between two drafts, for the request (field by field as FreshBooks names them) and for the trail (as a person reads it).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::audit::FieldMapping;

/// The top-level fields in which `after` differs from what FreshBooks last accepted; all of them where that is not known.
pub(super) fn changed_fields<D: Serialize>(before: Option<&D>, after: &D) -> Map<String, Value> {
    let (before, mut after) = (before.map(fields).unwrap_or_default(), fields(after));
    after.retain(|field, value| before.get(field) != Some(value));
    after
}

/// The fields that differ, each with where it comes from. Lines are told apart one by one.
pub(super) fn diff<D: Serialize>(
    before: Option<&D>,
    after: &D,
    sources: &[(String, String)],
    personal: bool,
) -> Vec<FieldMapping> {
    let (before, after) = (before.map(flat).unwrap_or_default(), flat(after));
    let names = after.keys().chain(before.keys().filter(|name| !after.contains_key(*name)));
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let source = sources.iter().find(|(field, _)| field == name).map_or("-", |(_, source)| source.as_str());
            FieldMapping {
                shopify_field: source.to_owned(),
                freshbooks_field: name.clone(),
                before: before.get(name).cloned(),
                after: after.get(name).cloned(),
                personal: personal || name.starts_with("lines["),
            }
        })
        .collect()
}

fn fields<D: Serialize>(draft: &D) -> Map<String, Value> {
    match serde_json::to_value(draft) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Fields as text; empty ones left out, lines by their place.
fn flat<D: Serialize>(draft: &D) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (name, value) in fields(draft) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    flat.insert(format!("{name}[{index}]"), line_text(item));
                }
            }
            Value::Object(money) => {
                let part = |key: &str| money.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                flat.insert(name, format!("{} {}", part("amount"), part("code")));
            }
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => {
                flat.insert(name, text);
            }
            Value::Null => {}
            other => {
                flat.insert(name, other.to_string());
            }
        }
    }
    flat
}

/// A line as an accountant reads it: `2 × Mug (SKU M-1) at 12.00 CAD, HST 13%`.
fn line_text(line: &Value) -> String {
    let part = |key: &str| line[key].as_str().unwrap_or_default();
    let mut text = format!("{} × {}", part("qty"), part("name"));
    if !part("description").is_empty() {
        text = format!("{text} ({})", part("description"));
    }
    let cost = &line["unit_cost"];
    text = format!("{text} at {} {}", cost["amount"].as_str().unwrap_or("?"), cost["code"].as_str().unwrap_or("?"));
    for (name, percent) in [("taxName1", "taxAmount1"), ("taxName2", "taxAmount2")] {
        if !part(name).is_empty() {
            text = format!("{text}, {} {}%", part(name), part(percent));
        }
    }
    text
}

/// Sources as owned pairs: (FreshBooks field, Shopify field).
pub(super) fn pairs(sources: &[(&str, &str)]) -> Vec<(String, String)> {
    sources.iter().map(|(field, source)| ((*field).to_owned(), (*source).to_owned())).collect()
}
