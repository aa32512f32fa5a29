//! Static validation with Shopify's messages and codes, where the executor's own would differ.

use async_graphql::{
    Name, Pos, Positioned, ServerError,
    parser::types::{BaseType, ExecutableDocument, Field, OperationDefinition, SelectionSet, Type},
};
use serde_json::{Map, Value, json};

use super::sdl::{FieldType, Types, flatten, root};

/// An error that stops a request before it runs.
#[derive(Debug)]
pub(super) struct Fault {
    message: String,
    locations: Vec<Pos>,
    path: Vec<String>,
    extensions: Value,
}

impl Fault {
    pub(super) fn into_json(self) -> Value {
        let mut body = json!({ "message": self.message, "locations": self.locations });
        if !self.path.is_empty() {
            body["path"] = json!(self.path);
        }
        body["extensions"] = self.extensions;
        body
    }
}

/// Fields, arguments and literal ids of an operation. `label` is `query Name`, the start of each path.
pub(super) fn document(
    types: &Types,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    label: &str,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    selection(types, document, &operation.selection_set.node, root(operation), &[label.to_owned()], &mut faults);
    faults
}

fn selection(
    types: &Types,
    document: &ExecutableDocument,
    set: &SelectionSet,
    parent: &str,
    path: &[String],
    faults: &mut Vec<Fault>,
) {
    for (parent, field) in flatten(document, set, parent) {
        let name = field.node.name.node.as_str();
        if name.starts_with("__") || (types.is_abstract(&parent) && types.field(&parent, name).is_none()) {
            continue; // the executor's own affair
        }
        let mut path = path.to_vec();
        path.push(field.node.response_key().node.to_string());
        let Some(ty) = types.field(&parent, name) else {
            if types.is_composite(&parent) {
                faults.push(Fault {
                    message: format!("Field '{name}' doesn't exist on type '{parent}'"),
                    locations: vec![field.pos],
                    path,
                    extensions: json!({ "code": "undefinedField", "typeName": parent, "fieldName": name }),
                });
            }
            continue;
        };
        arguments(ty, field, &path, faults);
        selection(types, document, &field.node.selection_set.node, &ty.name, &path, faults);
    }
}

fn arguments(ty: &FieldType, field: &Positioned<Field>, path: &[String], faults: &mut Vec<Fault>) {
    let name = field.node.name.node.as_str();
    let missing: Vec<&str> = ty
        .arguments
        .iter()
        .filter(|(argument, _, required)| *required && field.node.get_argument(argument).is_none())
        .map(|(argument, ..)| argument.as_str())
        .collect();
    if !missing.is_empty() {
        faults.push(Fault {
            message: format!("Field '{name}' is missing required arguments: {}", missing.join(", ")),
            locations: vec![field.pos],
            path: path.to_vec(),
            extensions: json!({
                "code": "missingRequiredArguments", "className": "Field", "name": name, "arguments": missing.join(", "),
            }),
        });
    }
    for (argument, value) in &field.node.arguments {
        let mut path = path.to_vec();
        path.push(argument.node.to_string());
        let Some((_, wanted, _)) = ty.arguments.iter().find(|(known, ..)| *known == argument.node.as_str()) else {
            faults.push(Fault {
                message: format!("Field '{name}' doesn't accept argument '{}'", argument.node),
                locations: vec![argument.pos],
                path,
                extensions: json!({
                    "code": "argumentNotAccepted", "name": name, "typeName": "Field", "argumentName": argument.node.as_str(),
                }),
            });
            continue;
        };
        let literal = value.node.clone().into_const().and_then(|literal| literal.into_json().ok());
        if let Some(bad) = literal.and_then(|literal| bad_id(wanted, &literal)) {
            faults.push(Fault {
                message: format!("Invalid global id '{bad}'"),
                locations: vec![field.pos],
                path,
                extensions: json!({ "code": "argumentLiteralsIncompatible", "typeName": "CoercionError" }),
            });
        }
    }
}

fn bad_id(ty: &Type, value: &Value) -> Option<String> {
    match (&ty.base, value) {
        (BaseType::Named(name), Value::String(id)) if name == "ID" && !is_global(id) => Some(id.clone()),
        (BaseType::List(inner), Value::Array(items)) => items.iter().find_map(|item| bad_id(inner, item)),
        _ => None,
    }
}

fn is_global(id: &str) -> bool {
    let parts = id.strip_prefix("gid://shopify/").and_then(|rest| rest.split_once('/'));
    parts.is_some_and(|(kind, key)| !kind.is_empty() && !key.is_empty())
}

/// The values given for the operation's variables.
pub(super) fn variables(types: &Types, operation: &OperationDefinition, given: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let value = given.get(name.as_str());
        if value.is_none() && definition.node.default_value.is_some() {
            continue;
        }
        let value = value.unwrap_or(&Value::Null);
        if let Some((path, explanation)) = coercion(types, ty, value) {
            faults.push(invalid_variable(name, ty, definition.pos, value, &path, &explanation));
        }
    }
    faults
}

fn invalid_variable(name: &Name, ty: &Type, pos: Pos, value: &Value, path: &[Value], explanation: &str) -> Fault {
    let steps: Vec<String> =
        path.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
    let nested = if steps.is_empty() { String::new() } else { format!(" for {} ({explanation})", steps.join(".")) };
    Fault {
        message: format!("Variable ${name} of type {ty} was provided invalid value{nested}"),
        locations: vec![pos],
        path: Vec::new(),
        extensions: json!({
            "code": "INVALID_VARIABLE",
            "value": value,
            "problems": [{ "path": path, "explanation": explanation, "message": explanation }],
        }),
    }
}

fn coercion(types: &Types, ty: &Type, value: &Value) -> Option<(Vec<Value>, String)> {
    if value.is_null() {
        return (!ty.nullable).then(|| (Vec::new(), "Expected value to not be null".to_owned()));
    }
    match &ty.base {
        BaseType::List(inner) => {
            let Value::Array(items) = value else { return coercion(types, inner, value) };
            if items.len() > 250 {
                return Some((
                    Vec::new(),
                    format!("The input array size of {} is greater than the maximum allowed of 250.", items.len()),
                ));
            }
            items.iter().enumerate().find_map(|(at, item)| {
                let (rest, explanation) = coercion(types, inner, item)?;
                Some((std::iter::once(at.into()).chain(rest).collect(), explanation))
            })
        }
        BaseType::Named(name) => {
            let fits = match name.as_str() {
                "ID" => {
                    let Value::String(id) = value else {
                        return Some((Vec::new(), format!("Invalid global id '{value}'")));
                    };
                    return (!is_global(id)).then(|| (Vec::new(), format!("Invalid global id '{id}'")));
                }
                "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                "Float" => value.is_number(),
                "Boolean" => value.is_boolean(),
                "String" => value.is_string(),
                other if types.input(other).is_some() => return input(types, other, value),
                other => match (types.values(other), value) {
                    (Some(values), Value::String(given)) => {
                        if !values.contains(given) {
                            let accepted = values.join(", ");
                            return Some((Vec::new(), format!("Expected \"{given}\" to be one of: {accepted}")));
                        }
                        true
                    }
                    (Some(_), _) => false,
                    (None, _) => true,
                },
            };
            (!fits).then(|| (Vec::new(), format!("Could not coerce value {value} to {name}")))
        }
    }
}

/// The fields of an input object: none that it has not, none missing that it needs.
fn input(types: &Types, name: &str, value: &Value) -> Option<(Vec<Value>, String)> {
    let Value::Object(given) = value else {
        return Some((Vec::new(), format!("Could not coerce value {value} to {name}")));
    };
    let fields = types.input(name)?;
    if let Some(unknown) = given.keys().find(|key| !fields.contains_key(*key)) {
        return Some((vec![unknown.as_str().into()], format!("Field is not defined on {name}")));
    }
    fields.iter().find_map(|(field, ty)| {
        let (rest, explanation) = coercion(types, ty, given.get(field).unwrap_or(&Value::Null))?;
        Some((std::iter::once(field.as_str().into()).chain(rest).collect(), explanation))
    })
}

/// The executor's validation errors under Shopify's codes.
pub(super) fn translated(error: &ServerError) -> Fault {
    const CODES: [(&str, &str); 12] = [
        ("Unknown type", "undefinedType"),
        ("Unknown field", "undefinedField"),
        ("Unknown argument", "argumentNotAccepted"),
        ("Unknown directive", "undefinedDirective"),
        ("Unknown fragment", "useAndDefineFragment"),
        ("selection of subfields", "selectionMismatch"),
        ("must not have a selection", "selectionMismatch"),
        ("is never used", "useAndDefineFragment"),
        ("is not used by", "variableNotUsed"),
        ("is not defined", "variableNotDefined"),
        ("used in position expecting", "variableMismatch"),
        ("conflict because", "fieldConflict"),
    ];
    let code = CODES.iter().find(|(part, _)| error.message.contains(part)).map(|(_, code)| *code);
    let code = code.unwrap_or(if error.message.contains("Fragment") {
        "cannotSpreadFragment"
    } else {
        "argumentLiteralsIncompatible"
    });
    Fault {
        message: error.message.clone(),
        locations: error.locations.clone(),
        path: Vec::new(),
        extensions: json!({ "code": code }),
    }
}
