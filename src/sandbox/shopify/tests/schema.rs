//! The simulator's schema against the real one.

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
};
use std::collections::BTreeMap;

use crate::sandbox::shopify::graphql::Api;

#[test]
fn every_name_and_type_is_shopifys() {
    let Ok(path) = std::env::var("MLC_SHOPIFY_SCHEMA") else {
        println!("skipped: MLC_SHOPIFY_SCHEMA does not name Shopify's SDL file");
        return;
    };
    let real = types(&std::fs::read_to_string(path).expect("the SDL file"));
    let ours = types(&Api::sdl());
    let mut wrong = Vec::new();
    for (name, definition) in &ours {
        match real.get(name) {
            Some(real) => compare(name, definition, real, &mut wrong),
            None => wrong.push(format!("type {name} does not exist")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ours.len() > 60, "only {} types were compared", ours.len());
}

fn types(sdl: &str) -> BTreeMap<String, TypeDefinition> {
    let definitions = parse_schema(sdl).expect("a schema").definitions.into_iter();
    let types = definitions.filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    types.map(|definition| (definition.name.node.to_string(), definition)).collect()
}

fn compare(name: &str, ours: &TypeDefinition, real: &TypeDefinition, wrong: &mut Vec<String>) {
    match (&ours.kind, &real.kind) {
        (TypeKind::Object(ours), TypeKind::Object(real)) => {
            fields(
                name,
                ours.fields.iter().map(|field| &field.node),
                real.fields.iter().map(|field| &field.node),
                wrong,
            );
        }
        (TypeKind::Interface(ours), TypeKind::Interface(real)) => {
            fields(
                name,
                ours.fields.iter().map(|field| &field.node),
                real.fields.iter().map(|field| &field.node),
                wrong,
            );
        }
        (TypeKind::Union(ours), TypeKind::Union(real)) => {
            for member in &ours.members {
                if !real.members.iter().any(|known| known.node == member.node) {
                    wrong.push(format!("union {name} has no {}", member.node));
                }
            }
        }
        (TypeKind::Enum(ours), TypeKind::Enum(real)) => {
            for value in &ours.values {
                if !real.values.iter().any(|known| known.node.value.node == value.node.value.node) {
                    wrong.push(format!("enum {name} has no {}", value.node.value.node));
                }
            }
        }
        (TypeKind::InputObject(ours), TypeKind::InputObject(real)) => {
            for field in &ours.fields {
                let there = real.fields.iter().find(|known| known.node.name.node == field.node.name.node);
                if there.is_none_or(|there| printed(&there.node) != printed(&field.node)) {
                    wrong.push(format!("input {name} has no {}", printed(&field.node)));
                }
            }
        }
        (TypeKind::Scalar, TypeKind::Scalar) => {}
        _ => wrong.push(format!("{name} is of another kind")),
    }
}

fn fields<'a>(
    name: &str,
    ours: impl Iterator<Item = &'a FieldDefinition>,
    real: impl Iterator<Item = &'a FieldDefinition>,
    wrong: &mut Vec<String>,
) {
    let real: BTreeMap<String, &FieldDefinition> = real.map(|field| (field.name.node.to_string(), field)).collect();
    for field in ours {
        let path = format!("{name}.{}", field.name.node);
        let Some(known) = real.get(field.name.node.as_str()) else {
            wrong.push(format!("{path} does not exist"));
            continue;
        };
        if field.ty.node.to_string() != known.ty.node.to_string() {
            wrong.push(format!("{path} is {} there, {} here", known.ty.node, field.ty.node));
        }
        for argument in &field.arguments {
            let there = known.arguments.iter().find(|known| known.node.name.node == argument.node.name.node);
            match there {
                None => wrong.push(format!("{path} has no argument {}", argument.node.name.node)),
                Some(there) if printed(&there.node) != printed(&argument.node) => {
                    wrong.push(format!("{path}: {} there, {} here", printed(&there.node), printed(&argument.node)));
                }
                Some(_) => {}
            }
        }
    }
}

fn printed(argument: &InputValueDefinition) -> String {
    let default = argument.default_value.as_ref().map(|value| format!(" = {}", value.node)).unwrap_or_default();
    format!("{}: {}{default}", argument.name.node, argument.ty.node)
}
