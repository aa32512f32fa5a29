//! The simulator's own schema as a table, for what an executor does not do: costs, Shopify's validation texts, the shape of bulk
//! queries.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned,
    parser::{
        parse_schema,
        types::{
            BaseType, DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
            SelectionSet, ServiceDocument, Type, TypeKind, TypeSystemDefinition,
        },
    },
};

/// What is known of a field.
#[derive(Clone, Debug)]
pub(super) struct FieldType {
    /// The named type at the heart of it.
    pub(super) name: String,
    /// It is a list.
    pub(super) list: bool,
    /// Arguments, and whether they must be given.
    pub(super) arguments: Vec<(String, Type, bool)>,
}

/// Fields by type and name.
#[derive(Debug, Default)]
pub(super) struct Types {
    fields: HashMap<String, HashMap<String, FieldType>>,
    abstracts: Vec<String>,
    enums: HashMap<String, Vec<String>>,
    inputs: HashMap<String, HashMap<String, Type>>,
}

impl Types {
    /// Reads a schema that the executor printed.
    pub(super) fn read(sdl: &str) -> Types {
        let document = parse_schema(sdl).unwrap_or_else(|_| ServiceDocument { definitions: Vec::new() });
        let mut types = Types::default();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => {
                    types.abstracts.push(name.clone());
                    interface.fields
                }
                TypeKind::Union(_) => {
                    types.abstracts.push(name.clone());
                    Vec::new()
                }
                TypeKind::Enum(of) => {
                    let values = of.values.iter().map(|value| value.node.value.node.to_string()).collect();
                    types.enums.insert(name, values);
                    continue;
                }
                TypeKind::InputObject(of) => {
                    let fields = of.fields.into_iter().map(|field| field.node);
                    let fields = fields.map(|field| (field.name.node.to_string(), field.ty.node)).collect();
                    types.inputs.insert(name, fields);
                    continue;
                }
                _ => continue,
            };
            let table = fields.into_iter().map(|field| {
                let (core, list) = heart(&field.node.ty.node);
                let arguments = field.node.arguments.iter().map(|argument| {
                    let argument = &argument.node;
                    let required = !argument.ty.node.nullable && argument.default_value.is_none();
                    (argument.name.node.to_string(), argument.ty.node.clone(), required)
                });
                (field.node.name.node.to_string(), FieldType { name: core, list, arguments: arguments.collect() })
            });
            types.fields.insert(name, table.collect());
        }
        types
    }

    pub(super) fn field(&self, parent: &str, name: &str) -> Option<&FieldType> {
        self.fields.get(parent)?.get(name)
    }

    /// All fields of a type.
    #[cfg(test)]
    pub(super) fn fields(&self, parent: &str) -> impl Iterator<Item = (&str, &FieldType)> {
        self.fields.get(parent).into_iter().flatten().map(|(name, field)| (name.as_str(), field))
    }

    /// It has fields or members, so something must be selected.
    pub(super) fn is_composite(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub(super) fn is_abstract(&self, name: &str) -> bool {
        self.abstracts.iter().any(|known| known == name)
    }

    /// The fields of an input object.
    pub(super) fn input(&self, name: &str) -> Option<&HashMap<String, Type>> {
        self.inputs.get(name)
    }

    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        self.enums.get(name).map(Vec::as_slice)
    }
}

/// The named type inside, and whether there is a list around it.
pub(super) fn heart(ty: &Type) -> (String, bool) {
    match &ty.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(inner) => (heart(inner).0, true),
    }
}

/// A connection by its type's name.
pub(super) fn is_connection(ty: &FieldType) -> bool {
    ty.name.ends_with("Connection")
}

/// The root type of an operation.
pub(super) fn root(operation: &OperationDefinition) -> &'static str {
    match operation.ty {
        OperationType::Mutation => "Mutation",
        _ => "QueryRoot",
    }
}

/// The operation to run, if the request says clearly which.
pub(super) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<(Option<&'a Name>, &'a OperationDefinition)> {
    let mut all = document.operations.iter();
    match (name, &document.operations) {
        (Some(wanted), DocumentOperations::Multiple(_)) => {
            all.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted)).map(|(name, op)| (name, &op.node))
        }
        _ if all.len() == 1 => all.next().map(|(name, op)| (name, &op.node)),
        _ => None,
    }
}

/// The fields of a selection with the type they are on, fragments unfolded.
pub(super) fn flatten<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    parent: &str,
) -> Vec<(String, &'a Positioned<Field>)> {
    let mut fields = Vec::new();
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => fields.push((parent.to_owned(), field)),
            Selection::InlineFragment(part) => {
                let on = part.node.type_condition.as_ref().map_or(parent, |condition| condition.node.on.node.as_str());
                fields.extend(flatten(document, &part.node.selection_set.node, on));
            }
            Selection::FragmentSpread(spread) => {
                if let Some(part) = document.fragments.get(&spread.node.fragment_name.node) {
                    let on = part.node.type_condition.node.on.node.as_str();
                    fields.extend(flatten(document, &part.node.selection_set.node, on));
                }
            }
        }
    }
    fields
}
