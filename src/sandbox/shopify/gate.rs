//! What happens to a request before and after the executor: validation in Shopify's words, the price, the bucket, the answer's shape.

use std::sync::Arc;

use async_graphql::{
    PathSegment, Pos, Request, ServerError, Value, Variables,
    parser::{parse_query, types::OperationDefinition},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    check::{self, Fault},
    cost::{MOST, Pricer},
    graphql::{Asked, World},
    sdl::operation,
};

/// A request's body.
#[derive(Debug, Deserialize)]
pub(super) struct Question {
    pub(super) query: String,
    #[serde(default)]
    pub(super) variables: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, rename = "operationName")]
    pub(super) operation_name: Option<String>,
}

/// An answer's body, in the order of the recorded ones.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<serde_json::Value>,
}

impl Question {
    /// The name under which faults know this call: the operation's name, or its first field.
    pub(super) fn call(&self) -> String {
        let document = parse_query(&self.query).ok();
        let found = document.as_ref().and_then(|document| operation(document, self.operation_name.as_deref()));
        let name = found.map(|(name, op)| {
            let first = || {
                let mut fields = super::sdl::flatten(document.as_ref()?, &op.selection_set.node, "").into_iter();
                fields.next().map(|(_, field)| field.node.name.node.to_string())
            };
            name.map(ToString::to_string).or_else(first).unwrap_or_default()
        });
        format!("graphql:{}", name.or_else(|| self.operation_name.clone()).unwrap_or_default())
    }
}

/// Answers a question; always with HTTP 200.
pub(super) async fn answer(world: &World, asked: Asked, question: Question) -> Answer {
    let api = Arc::clone(&asked.api);
    let document = match parse_query(&question.query) {
        Ok(document) => document,
        Err(error) => {
            let locations: Vec<Pos> = error.positions().collect();
            return refused(vec![json!({ "message": format!("syntax error: {error}"), "locations": locations })]);
        }
    };
    let Some((name, op)) = operation(&document, question.operation_name.as_deref()) else {
        let message = match &question.operation_name {
            Some(name) => format!("No operation named \"{name}\""),
            None => "An operation name is required".to_owned(),
        };
        return refused(vec![json!({ "message": message })]);
    };
    let label = format!(
        "{}{}",
        if op.ty.to_string() == "mutation" { "mutation" } else { "query" },
        name.map(|name| format!(" {name}")).unwrap_or_default()
    );
    let faults = check::document(&api.types, &document, op, &label);
    if !faults.is_empty() {
        return refused(faults.into_iter().map(Fault::into_json).collect());
    }
    let given = question.variables.unwrap_or_default();
    let faults = check::variables(&api.types, op, &given);
    if !faults.is_empty() {
        return refused(faults.into_iter().map(Fault::into_json).collect());
    }
    let mut variables = Variables::from_json(serde_json::Value::Object(given));
    for definition in &op.variable_definitions {
        if let (name, Some(value)) = (&definition.node.name.node, &definition.node.default_value) {
            variables.entry(name.clone()).or_insert_with(|| value.node.clone());
        }
    }
    let mut request = Request::new(&question.query).variables(variables.clone());
    if let Some(name) = &question.operation_name {
        request = request.operation_name(name);
    }
    run(world, asked, &Pricer { types: &api.types, document: &document, variables: &variables }, op, request).await
}

async fn run(world: &World, asked: Asked, pricer: &Pricer<'_>, op: &OperationDefinition, request: Request) -> Answer {
    let requested = pricer.requested(op);
    if requested > MOST {
        return refused(vec![too_expensive(requested)]);
    }
    {
        let mut bucket = world.bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !bucket.affords(requested, world.now()) {
            let code = json!({ "code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits" });
            return Answer {
                errors: vec![json!({ "message": "Throttled", "extensions": code })],
                data: None,
                extensions: Some(json!({ "cost": bucket.report(requested, None) })),
            };
        }
        // Held until the true cost is known, so that parallel requests cannot spend it twice.
        bucket.pay(requested, world.now());
    }
    let (api, notes) = (Arc::clone(&asked.api), Arc::clone(&asked.notes));
    let answer = api.schema.execute(request.data(asked)).await;

    let mut bucket = world.bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let invalid = answer.data == Value::Null && answer.errors.iter().any(|error| error.path.is_empty());
    if invalid {
        bucket.pay(-requested, world.now());
        return refused(answer.errors.iter().map(|error| check::translated(error).into_json()).collect());
    }
    let actual = pricer.actual(op, &answer.data).min(requested);
    bucket.pay(actual - requested, world.now());
    let mut extensions = json!({ "cost": bucket.report(requested, Some(actual)) });
    let notes = std::mem::take(&mut *notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    if !notes.is_empty() {
        extensions["search"] = serde_json::Value::Array(notes);
    }
    let errors = answer.errors.iter().map(executed).collect();
    Answer { errors, data: Some(answer.data), extensions: Some(extensions) }
}

fn refused(errors: Vec<serde_json::Value>) -> Answer {
    Answer { errors, ..Answer::default() }
}

/// What a shop that was closed or frozen answers, where it answers at all.
pub(super) fn inactive() -> Answer {
    refused(vec![json!({ "message": "Unavailable Shop", "extensions": { "code": "SHOP_INACTIVE" } })])
}

/// An error of a resolver.
fn executed(error: &ServerError) -> serde_json::Value {
    let path = error.path.iter().map(|part| match part {
        PathSegment::Field(name) => json!(name),
        PathSegment::Index(at) => json!(at),
    });
    let mut body = json!({ "message": error.message, "locations": error.locations });
    if let Some(extensions) = &error.extensions {
        body["extensions"] = json!(extensions);
    }
    body["path"] = path.collect();
    body
}

fn too_expensive(cost: i64) -> serde_json::Value {
    let message = format!(
        "Query cost is {cost}, which exceeds the single query max cost limit ({MOST}).\n\nSee \
         https://shopify.dev/concepts/about-apis/rate-limits for more information on how the\ncost of a query is calculated.\n\n\
         To query larger amounts of data with fewer limits, bulk operations should be used instead.\nSee \
         https://shopify.dev/api/usage/bulk-operations/queries for usage details.\n"
    );
    json!({
        "message": message,
        "extensions": {
            "code": "MAX_COST_EXCEEDED",
            "cost": cost,
            "maxCost": MOST,
            "documentation": "https://shopify.dev/api/usage/rate-limits",
        },
    })
}
