use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// Where the checked-in schema is.
const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");

#[test]
fn the_checked_in_schema_is_up_to_date() {
    let (ours, theirs) = (sdl(), std::fs::read_to_string(CHECKED_IN).unwrap_or_default());
    if ours.trim_end() != theirs.trim_end() {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(CHECKED_IN, &ours).unwrap();
            return;
        }
        panic!(
            "schema.graphql is stale: run `cargo run -- schema > schema.graphql`, or this test with UPDATE_SCHEMA=1"
        );
    }
}

#[test]
fn the_schema_reads_as_one() {
    if let Err(wrong) = apollo_compiler::Schema::parse_and_validate(sdl(), "schema.graphql") {
        panic!("{wrong}");
    }
}

const EVERYTHING: &str = "{ __schema { types { kind name description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description } enumValues(includeDeprecated: true) { name description } } } }";

#[tokio::test]
async fn everything_is_described() {
    let data = build().finish().execute(EVERYTHING).await.into_result().unwrap().data.into_json().unwrap();
    let mut silent = BTreeSet::new();
    let mut look = |way: String, thing: &Value| {
        if thing["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            silent.insert(way);
        }
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    for of in list(&data["__schema"]["types"]) {
        if name(&of).starts_with("__") {
            continue;
        }
        look(name(&of), &of);
        for field in list(&of["fields"]) {
            let way = format!("{}.{}", name(&of), name(&field));
            look(way.clone(), &field);
            list(&field["args"]).iter().for_each(|arg| look(format!("{way}({})", name(arg)), arg));
        }
        for part in list(&of["inputFields"]).iter().chain(&list(&of["enumValues"])) {
            look(format!("{}.{}", name(&of), name(part)), part);
        }
    }
    assert_eq!(silent, BTreeSet::new(), "these have no description");
}
