//! What a bulk query may contain, refused in Shopify's own words.

use async_graphql::{
    Positioned, Value,
    parser::{
        parse_query,
        types::{ExecutableDocument, Field, OperationType},
    },
};

use crate::sandbox::shopify::sdl::{Types, flatten, is_connection, operation, root};

/// The largest query, in bytes.
const LARGEST: usize = 65_535;

/// Which connections nest in which, by the keys of the answer.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) key: String,
    pub(super) children: Vec<Plan>,
}

/// A query that may run.
#[derive(Debug)]
pub(super) struct Runnable {
    pub(super) plan: Plan,
    /// The root connection's `query` argument.
    pub(super) search: Option<String>,
    /// The root connection's name.
    pub(super) root: String,
}

/// Reads a bulk query; the errors are the messages of `userErrors`.
pub(super) fn check(types: &Types, query: &str) -> Result<Runnable, Vec<String>> {
    if query.len() > LARGEST {
        return Err(vec![format!("Query is too large ({} bytes; maximum is {LARGEST} bytes)", query.len())]);
    }
    let document =
        parse_query(query).map_err(|_| vec!["Invalid bulk query: syntax error, unexpected end of file".to_owned()])?;
    let Some((_, op)) = operation(&document, None) else {
        return Err(vec!["Invalid bulk query: exactly one operation is expected".to_owned()]);
    };
    if op.ty != OperationType::Query {
        return Err(vec!["Invalid operation type. Only `query` operations are supported.".to_owned()]);
    }
    let top = flatten(&document, &op.selection_set.node, root(op));
    let mut walk = Walk::new(types, &document);
    let mut errors = Vec::new();
    for (_, field) in &top {
        let name = field.node.name.node.as_str();
        if matches!(name, "node" | "nodes") {
            errors.push(format!("Bulk queries cannot contain a top level `{name}` field."));
        }
    }
    let plans: Vec<Plan> = top.iter().flat_map(|(parent, field)| walk.field(parent, field, 0, false)).collect();
    if let Some(unknown) = walk.unknown {
        return Err(vec![format!("Invalid bulk query: {unknown}")]);
    }
    if walk.count == 0 {
        errors.push("Bulk queries must contain at least one connection.".to_owned());
    }
    if walk.in_list {
        errors.push(
            "Queries that contain a connection field within a list field are not currently supported.".to_owned(),
        );
    }
    if let Some(first) = walk.by_nodes.first() {
        errors.push(format!(
            "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: '{first} {{ edges {{ \
             node {{'. Selecting via 'nodes' is not supported. Invalid connection fields: '{}'.",
            walk.by_nodes.join("', '")
        ));
    }
    if walk.depth > 2 {
        errors.push("Bulk queries cannot contain connections with a nesting depth greater than 2.".to_owned());
    }
    if walk.count > 5 {
        errors.push("Bulk queries cannot contain more than 5 connections.".to_owned());
    }
    if !walk.without_id.is_empty() {
        errors.push(format!(
            "The parent 'node' field for a nested connection must select the 'id' field without an alias and must be of 'ID' \
             return type. Connection fields without 'id': {}.",
            walk.without_id.join(", ")
        ));
    }
    if top.len() > 1 && errors.is_empty() {
        errors.push("Bulk queries cannot contain more than 1 top level field.".to_owned());
    }
    if !op.variable_definitions.is_empty() && errors.is_empty() {
        errors.push("Bulk queries cannot contain variables.".to_owned());
    }
    match (errors.is_empty(), plans.into_iter().next(), top.first()) {
        (true, Some(plan), Some((_, field))) => {
            Ok(Runnable { plan, search: text(&field.node, "query"), root: field.node.name.node.to_string() })
        }
        _ => Err(errors),
    }
}

fn text(field: &Field, name: &str) -> Option<String> {
    match field.get_argument(name)?.node.clone().into_const()? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

struct Walk<'a> {
    types: &'a Types,
    document: &'a ExecutableDocument,
    count: usize,
    depth: usize,
    in_list: bool,
    by_nodes: Vec<String>,
    without_id: Vec<String>,
    unknown: Option<String>,
}

impl<'a> Walk<'a> {
    fn new(types: &'a Types, document: &'a ExecutableDocument) -> Walk<'a> {
        Walk {
            types,
            document,
            count: 0,
            depth: 0,
            in_list: false,
            by_nodes: Vec::new(),
            without_id: Vec::new(),
            unknown: None,
        }
    }

    /// Walks a field at `depth` connections below the root; returns the connections found in it.
    fn field(&mut self, parent: &str, field: &'a Positioned<Field>, depth: usize, in_list: bool) -> Vec<Plan> {
        let name = field.node.name.node.as_str();
        if name.starts_with("__") {
            return Vec::new();
        }
        let Some(ty) = self.types.field(parent, name) else {
            self.unknown.get_or_insert_with(|| format!("Field '{name}' doesn't exist on type '{parent}'"));
            return Vec::new();
        };
        let (ty, document) = (ty.clone(), self.document);
        let inner = flatten(document, &field.node.selection_set.node, &ty.name);
        if !is_connection(&ty) {
            let in_list = in_list || ty.list;
            return inner.iter().flat_map(|(on, child)| self.field(on, child, depth, in_list)).collect();
        }
        self.count += 1;
        self.depth = self.depth.max(depth);
        self.in_list |= in_list;
        if inner.iter().any(|(_, part)| part.node.name.node == "nodes") {
            self.by_nodes.push(name.to_owned());
        }
        let mut children = Vec::new();
        for (edge_on, edges) in inner.iter().filter(|(_, part)| part.node.name.node == "edges") {
            let Some(edge) = self.types.field(edge_on, "edges") else { continue };
            for (node_on, node) in flatten(document, &edges.node.selection_set.node, &edge.name.clone()) {
                let Some(ty) = self.types.field(&node_on, &node.node.name.node).cloned() else { continue };
                let fields = flatten(document, &node.node.selection_set.node, &ty.name);
                let before = children.len();
                for (on, child) in &fields {
                    children.extend(self.field(on, child, depth + 1, false));
                }
                let has_id = fields.iter().any(|(on, child)| {
                    let is_id = child.node.name.node == "id" && child.node.alias.is_none();
                    is_id && self.types.field(on, "id").is_some_and(|ty| ty.name == "ID")
                });
                if children.len() > before && !has_id {
                    self.without_id.push(name.to_owned());
                }
            }
        }
        vec![Plan { key: field.node.response_key().node.to_string(), children }]
    }
}
