//! The documents against Shopify's schema, and against the model that reads their answers.

use std::collections::BTreeSet;

use apollo_compiler::{
    ExecutableDocument, Schema,
    ast::Type,
    executable::{Field, Selection, SelectionSet},
    schema::ExtendedType,
    validation::Valid,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::*;
use crate::shopify::{
    WebhookSubscription,
    model::{Order, ShopInfo},
    webhook::TOPICS,
};

const ALL: [&Document; 23] = [
    &SHOP,
    &APP_INSTALLATION,
    &API_VERSIONS,
    &PEOPLE,
    &ORDERS,
    &ORDER_LINES,
    &ORDER_SHIPPING,
    &ORDER_DISCOUNTS,
    &REFUND_LINES,
    &REFUND_SHIPPING,
    &REFUND_TRANSACTIONS,
    &ORDER_BY_NAME,
    &ORDERS_UPDATED,
    &ORDERS_COUNT,
    &BULK_ORDERS,
    &BULK_RUN,
    &BULK_STATUS,
    &BULK_LIST,
    &BULK_CANCEL,
    &WEBHOOK_LIST,
    &WEBHOOK_CREATE,
    &WEBHOOK_UPDATE,
    &WEBHOOK_DELETE,
];

/// Shopify's schema, where somebody has it at hand.
fn schema() -> Option<Valid<Schema>> {
    let Ok(path) = std::env::var("MLC_SHOPIFY_SCHEMA") else {
        eprintln!("skipped: MLC_SHOPIFY_SCHEMA does not name Shopify's schema");
        return None;
    };
    let mut text = std::fs::read_to_string(&path).unwrap();
    if !text.contains("directive @oneOf") {
        text.push_str("\ndirective @oneOf on INPUT_OBJECT\n"); // used there, and newer than this validator
    }
    Some(Schema::parse_and_validate(text, path).unwrap_or_else(|invalid| panic!("{}", invalid.errors)))
}

fn visit(document: &ExecutableDocument, set: &SelectionSet, see: &mut impl FnMut(&SelectionSet, &Field)) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                see(set, field);
                visit(document, &field.selection_set, see);
            }
            Selection::InlineFragment(inline) => visit(document, &inline.selection_set, see),
            Selection::FragmentSpread(spread) => {
                visit(document, &document.fragments[&spread.fragment_name].selection_set, see);
            }
        }
    }
}

#[test]
fn every_document_is_valid_and_uses_nothing_deprecated() {
    let Some(schema) = schema() else { return };
    let mut wrong = BTreeSet::new();
    for Document { name, text, .. } in ALL {
        let document = match ExecutableDocument::parse_and_validate(&schema, *text, *name) {
            Ok(document) => document,
            Err(invalid) => {
                wrong.insert(invalid.errors.to_string());
                continue;
            }
        };
        assert_eq!(document.operations.len(), 1, "{name}");
        let operation = document.operations.iter().next().unwrap();
        assert_eq!(operation.name.as_ref().map(|name| name.as_str()), Some(*name));
        visit(&document, &operation.selection_set, &mut |set, field| {
            if field.definition.directives.has("deprecated") {
                wrong.insert(format!("{name}: {}.{} is deprecated", set.ty, field.name));
            }
            for argument in &field.arguments {
                let defined = field.definition.argument_by_name(&argument.name).unwrap();
                if defined.directives.has("deprecated") {
                    wrong.insert(format!("{name}: {}.{}({}:) is deprecated", set.ty, field.name, argument.name));
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The requested cost by the model that fits Shopify's recorded answers: money is free, other objects cost one, a connection costs
/// two and its node times m(first).
fn cost(document: &ExecutableDocument, set: &SelectionSet) -> u64 {
    let mut sum = 0;
    for selection in &set.selections {
        sum += match selection {
            Selection::InlineFragment(inline) => cost(document, &inline.selection_set),
            Selection::FragmentSpread(spread) => {
                cost(document, &document.fragments[&spread.fragment_name].selection_set)
            }
            Selection::Field(field) => {
                let of = field.ty().inner_named_type().as_str();
                let inner = cost(document, &field.selection_set);
                match (of, field.argument_by_name("first").ok().and_then(|first| first.to_i32())) {
                    (connection, Some(first)) if connection.ends_with("Connection") => 2 + pages(first) * inner,
                    ("MoneyBag" | "MoneyV2" | "PageInfo", _) => inner,
                    _ if field.selection_set.is_empty() => 0,
                    _ => 1 + inner,
                }
            }
        };
    }
    sum
}

fn pages(first: i32) -> u64 {
    match first {
        1 | 2 => 1,
        3 | 4 => 2,
        5 | 6 => 3,
        10 => 4,
        20 => 5,
        25 => 6,
        100 => 9,
        250 => 11,
        other => panic!("no figure for first: {other}"),
    }
}

#[test]
fn reading_whole_orders_stays_within_the_budget() {
    let Some(schema) = schema() else { return };
    let cost_of = |Document { name, text, .. }: &Document| {
        let document = ExecutableDocument::parse_and_validate(&schema, *text, *name).unwrap();
        cost(&document, &document.operations.iter().next().unwrap().selection_set)
    };
    assert_eq!(cost_of(&ORDERS), 100);
    assert!(cost_of(&ORDER_LINES) < 80);
    assert!(cost_of(&REFUND_LINES) < 40);
    assert!(cost_of(&ORDERS_UPDATED) < 20);
    assert!(cost_of(&PEOPLE) < 30);
}

/// An answer to the selection in which nothing is null, as the schema would allow it.
fn sample(schema: &Schema, document: &ExecutableDocument, set: &SelectionSet, into: &mut Map<String, Value>) {
    for selection in &set.selections {
        match selection {
            Selection::InlineFragment(inline) => sample(schema, document, &inline.selection_set, into),
            Selection::FragmentSpread(spread) => {
                sample(schema, document, &document.fragments[&spread.fragment_name].selection_set, into);
            }
            Selection::Field(field) => {
                let value = if field.selection_set.is_empty() {
                    leaf(schema, field.ty())
                } else {
                    let mut object = Map::new();
                    sample(schema, document, &field.selection_set, &mut object);
                    Value::Object(object)
                };
                let list = matches!(field.ty(), Type::List(_) | Type::NonNullList(_));
                into.insert(field.response_key().to_string(), if list { json!([value]) } else { value });
            }
        }
    }
}

fn leaf(schema: &Schema, of: &Type) -> Value {
    match (of.inner_named_type().as_str(), schema.types.get(of.inner_named_type())) {
        ("ID", _) => json!("gid://shopify/Thing/1"),
        ("Int", _) => json!(2),
        ("Float", _) => json!(0.13),
        ("Boolean", _) => json!(true),
        ("DateTime", _) => json!("2026-11-20T10:00:00Z"),
        ("Decimal", _) => json!("31.9"),
        ("CurrencyCode", _) => json!("CAD"),
        (_, Some(ExtendedType::Enum(values))) => json!(values.values.keys().next().unwrap().as_str()),
        _ => json!("text"),
    }
}

/// Where values are, by name; how lists are wrapped does not matter.
fn places(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "pageInfo" | "__typename" => {}
                    "nodes" | "edges" | "node" => places(value, at, into),
                    _ => places(value, &format!("{at}.{name}"), into),
                }
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| places(row, at, into)),
        _ => {
            into.insert(at.to_owned());
        }
    }
}

fn sampled(schema: &Valid<Schema>, Document { name, text, .. }: &Document) -> Value {
    let document = ExecutableDocument::parse_and_validate(schema, *text, *name).unwrap();
    let mut answer = Map::new();
    sample(schema, &document, &document.operations.iter().next().unwrap().selection_set, &mut answer);
    Value::Object(answer)
}

#[test]
fn the_model_reads_all_that_is_asked_for_and_nothing_else() {
    let Some(schema) = schema() else { return };
    let answer = |document: &Document| sampled(&schema, document);
    let compare = |asked: &Value, read: Value| {
        let (mut of_asked, mut of_read) = (BTreeSet::new(), BTreeSet::new());
        places(asked, "", &mut of_asked);
        places(&read, "", &mut of_read);
        assert_eq!(of_asked.symmetric_difference(&of_read).collect::<Vec<_>>(), Vec::<&String>::new());
    };
    let asked = &answer(&ORDERS)["nodes"][0];
    compare(asked, json!(Order::deserialize(asked).unwrap()));
    let asked = &answer(&SHOP)["shop"];
    compare(asked, json!(ShopInfo::deserialize(asked).unwrap()));
    // Children stand on lines of their own there, and refunds come without theirs.
    let mut asked = answer(&BULK_ORDERS)["orders"]["edges"][0]["node"].take();
    for list in ["lineItems", "shippingLines", "discountApplications"] {
        let rows: Vec<Value> =
            asked[list]["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect();
        asked[list] = rows.into();
    }
    compare(&asked, json!(Order::deserialize(&asked).unwrap()));
}

#[test]
fn every_topic_exists_and_needs_the_scope_that_we_say() {
    let Some(schema) = schema() else { return };
    let ExtendedType::Enum(topics) = &schema.types["WebhookSubscriptionTopic"] else { panic!("not an enum") };
    for topic in TOPICS {
        let value = topics.values.get(topic.name).unwrap_or_else(|| panic!("{} does not exist", topic.name));
        let words = value.description.as_deref().unwrap_or_default();
        assert!(words.contains(&format!("`{}`", topic.header)), "{}: {words}", topic.name);
        match topic.scope {
            Some(scope) => assert!(words.contains("Requires") && words.contains(scope), "{}: {words}", topic.name),
            None => assert!(!words.contains("Requires"), "{}: {words}", topic.name),
        }
    }
    let answer = sampled(&schema, &WEBHOOK_LIST);
    let asked = &answer["webhookSubscriptions"]["nodes"][0];
    assert_eq!(WebhookSubscription::deserialize(asked).unwrap().api_version, "text");
}
