//! What a query costs, by the model fitted on recorded answers, and the bucket it is paid from.

use std::collections::HashMap;

use async_graphql::{
    Value, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::sdl::{Types, is_connection, root};

/// The largest single query.
pub(super) const MOST: i64 = 1000;

/// Where the logarithm of the fitted model reaches the next whole number: twice the natural logarithm of the page size.
const STEPS: [usize; 10] = [3, 5, 8, 13, 21, 34, 55, 91, 149, 245];

/// What a page of `n` weighs: 1→1, 3→2, 10→4, 50→7, 250→11.
pub(super) fn weight(n: usize) -> i64 {
    1 + STEPS.iter().take_while(|&&step| n >= step).count() as i64
}

/// Prices one operation.
pub(super) struct Pricer<'a> {
    pub(super) types: &'a Types,
    pub(super) document: &'a ExecutableDocument,
    pub(super) variables: &'a Variables,
}

impl Pricer<'_> {
    /// Before it runs: by the page sizes asked for.
    pub(super) fn requested(&self, operation: &OperationDefinition) -> i64 {
        self.set(&operation.selection_set.node, root(operation), None)
    }

    /// After it ran: by what came back.
    pub(super) fn actual(&self, operation: &OperationDefinition, data: &Value) -> i64 {
        self.set(&operation.selection_set.node, root(operation), Some(data))
    }

    fn set(&self, set: &SelectionSet, parent: &str, data: Option<&Value>) -> i64 {
        let mut base = 0;
        let mut members: HashMap<&str, i64> = HashMap::new();
        for item in &set.items {
            let (on, inner) = match &item.node {
                Selection::Field(field) => {
                    base += self.field(&field.node, parent, data);
                    continue;
                }
                Selection::InlineFragment(part) => {
                    let on =
                        part.node.type_condition.as_ref().map_or(parent, |condition| condition.node.on.node.as_str());
                    (on, &part.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let Some(part) = self.document.fragments.get(&spread.node.fragment_name.node) else { continue };
                    (part.node.type_condition.node.on.node.as_str(), &part.node.selection_set.node)
                }
            };
            let cost = self.set(inner, on, data);
            if self.types.is_abstract(parent) && on != parent {
                *members.entry(on).or_default() += cost;
            } else {
                base += cost;
            }
        }
        base + members.into_values().max().unwrap_or_default()
    }

    fn field(&self, field: &Field, parent: &str, data: Option<&Value>) -> i64 {
        let name = field.name.node.as_str();
        let Some(ty) = self.types.field(parent, name) else { return 0 };
        if !self.types.is_composite(&ty.name) {
            return 0;
        }
        let value = data.map(|data| at(data, field.response_key().node.as_str()));
        let inner = &field.selection_set.node;
        if parent == "Mutation" {
            return 10 + self.payload(inner, &ty.name, value);
        }
        if is_connection(ty) {
            return 2 + self.nodes(field, &ty.name, value);
        }
        let children = self.set_of(inner, &ty.name, value);
        match ty.name.as_str() {
            "MoneyBag" | "MoneyV2" | "PageInfo" => children,
            "Count" if parent == "QueryRoot" => 10,
            _ => 1 + children,
        }
    }

    /// A payload and its direct objects are in the price of the mutation.
    fn payload(&self, set: &SelectionSet, parent: &str, data: Option<&Value>) -> i64 {
        let direct = super::sdl::flatten(self.document, set, parent);
        let cost = |(on, field): &(String, &async_graphql::Positioned<Field>)| {
            let Some(ty) = self.types.field(on, &field.node.name.node) else { return 0 };
            let value = data.map(|data| at(data, field.node.response_key().node.as_str()));
            self.set_of(&field.node.selection_set.node, &ty.name, value)
        };
        direct.iter().map(cost).sum()
    }

    /// The node part of a connection, once for `nodes` and once for `edges`.
    fn nodes(&self, field: &Field, connection: &str, data: Option<&Value>) -> i64 {
        let mut total = 0;
        for (on, part) in super::sdl::flatten(self.document, &field.selection_set.node, connection) {
            let name = part.node.name.node.as_str();
            if !matches!(name, "nodes" | "edges") {
                continue;
            }
            let Some(ty) = self.types.field(&on, name) else { continue };
            let list = data.map(|data| at(data, part.node.response_key().node.as_str()));
            let asked = ["first", "last"].iter().find_map(|name| self.int(field, name));
            let size = match list {
                Some(Value::List(items)) => Some(items.len()),
                Some(_) => None,
                None => asked,
            };
            let Some(size) = size else { continue };
            let inner = &part.node.selection_set.node;
            let each = if name == "nodes" {
                1 + self.set_of(inner, &ty.name, list)
            } else {
                // An edge is free; its node is what is counted.
                self.set_of(inner, &ty.name, list)
            };
            total += weight(size) * each.max(1);
        }
        total
    }

    /// A selection over one thing, or the dearest of several.
    fn set_of(&self, set: &SelectionSet, parent: &str, data: Option<&Value>) -> i64 {
        match data {
            Some(Value::List(items)) => {
                items.iter().map(|item| self.set_of(set, parent, Some(item))).max().unwrap_or_default()
            }
            Some(Value::Null) => 0,
            _ => self.set(set, parent, data),
        }
    }

    fn int(&self, field: &Field, name: &str) -> Option<usize> {
        let value = field.get_argument(name)?.node.clone();
        let value = value.into_const_with(|name| self.variables.get(&name).cloned().ok_or(())).ok()?;
        match value {
            Value::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
            _ => None,
        }
    }
}

fn at<'a>(data: &'a Value, key: &str) -> &'a Value {
    match data {
        Value::Object(fields) => fields.get(key).unwrap_or(&Value::Null),
        _ => &Value::Null,
    }
}

/// The leaky bucket of one app in one shop. Counts in thousandths of a point, so that milliseconds restore exactly.
#[derive(Debug)]
pub(super) struct Bucket {
    size: i64,
    rate: i64,
    level: i64,
    at: DateTime<Utc>,
}

impl Bucket {
    pub(super) fn full(size: u32, rate: u32, now: DateTime<Utc>) -> Bucket {
        let size = i64::from(size) * 1000;
        Bucket { size, rate: i64::from(rate), level: size, at: now }
    }

    fn refill(&mut self, now: DateTime<Utc>) {
        let passed = (now - self.at).num_milliseconds().max(0);
        self.level = self.level.saturating_add(passed.saturating_mul(self.rate)).min(self.size);
        self.at = self.at.max(now);
    }

    /// Whether there is enough to start.
    pub(super) fn affords(&mut self, points: i64, now: DateTime<Utc>) -> bool {
        self.refill(now);
        points * 1000 <= self.level
    }

    /// Takes what a query costs; a negative number gives back.
    pub(super) fn pay(&mut self, points: i64, now: DateTime<Utc>) {
        self.refill(now);
        self.level = (self.level - points * 1000).clamp(0, self.size);
    }

    /// `extensions.cost`.
    pub(super) fn report(&self, requested: i64, actual: Option<i64>) -> serde_json::Value {
        json!({
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": self.size / 1000,
                "currentlyAvailable": self.level / 1000,
                "restoreRate": self.rate,
            },
        })
    }
}
