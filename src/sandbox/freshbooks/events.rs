//! The events family: who may register callbacks, and what comes back. Its refusals have a shape of their own.

use serde_json::{Map, Value, json};

use super::{
    account::Asked,
    books::Books,
    callback::{Callback, object_of},
    identity::Seat,
    list::{one, page},
    oauth,
    problem::Problem,
    query::Query,
    route::Verb,
};

/// Why a call was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) http: u16,
    message: String,
    details: Vec<String>,
}

impl Refusal {
    pub(super) fn new(http: u16, message: impl Into<String>) -> Refusal {
        Refusal { http, message: message.into(), details: Vec::new() }
    }

    /// The body was read and makes no sense; each detail names a field.
    pub(super) fn semantic(details: Vec<String>) -> Refusal {
        let message = "The request was well-formed but was unable to be followed due to semantic errors.";
        Refusal { details, ..Refusal::new(422, message) }
    }

    pub(super) fn unknown() -> Refusal {
        Refusal::new(404, "Requested resource could not be found.")
    }

    pub(super) fn body(&self) -> Value {
        let mut body = json!({"errno": self.http, "message": self.message});
        if !self.details.is_empty() {
            body["details"] = json!(self.details);
        }
        body
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        match problem.http {
            404 => Refusal::unknown(),
            422 => Refusal::semantic(vec![format!("{}: {}", problem.field, problem.message)]),
            http => Refusal::new(http, problem.message),
        }
    }
}

/// Answers one call about callbacks: HTTP status and body.
pub(super) fn answer(
    books: &mut Books,
    account: &str,
    verb: Verb,
    asked: &Asked<'_>,
) -> Result<(u16, String), Refusal> {
    let refused = || Refusal::new(401, "invalid_token: The request token failed to authenticate or validate.");
    oauth::bearer(books, asked.authorization).ok_or_else(refused)?;
    let seat = Seat::find(&books.options, account).ok_or_else(Refusal::unknown)?;
    if verb.writes() && seat.role == "client" {
        return Err(Refusal::new(403, "Permission Denied"));
    }
    if seat.sees_books() {
        return perform(books, verb, asked);
    }
    if verb.writes() {
        return Err(Refusal::new(501, "The sandbox keeps no books for this account."));
    }
    perform(&mut Books::empty(books.options.clone()), verb, asked)
}

fn perform(books: &mut Books, verb: Verb, asked: &Asked<'_>) -> Result<(u16, String), Refusal> {
    let query = Query::parse(asked.query)?;
    let id = match verb {
        Verb::List => return Ok((200, page::<Callback>(books, &query)?)),
        Verb::Get(id) => id,
        Verb::Create => {
            let fields = parse(asked)?;
            within_scope(books, asked, &fields)?;
            Callback::create(books, &fields)?
        }
        Verb::Update(id) => {
            let fields = parse(asked)?;
            within_scope(books, asked, &fields)?;
            Callback::update(books, id, &fields)?;
            id
        }
        Verb::Delete(id) => {
            if !books.callbacks.contains_key(&id) {
                return Err(Refusal::unknown());
            }
            books.remove::<Callback>(id);
            let silent = books.options.callbacks.delete_answers_204;
            return Ok(if silent { (204, String::new()) } else { (200, "{\"response\":{}}".to_owned()) });
        }
    };
    Ok((200, one::<Callback>(books, id, &query)?))
}

// The documentation has one thin sentence about this; so it is a switch.
fn within_scope(books: &Books, asked: &Asked<'_>, fields: &Map<String, Value>) -> Result<(), Refusal> {
    let object = fields.get("event").and_then(Value::as_str).and_then(object_of);
    let grant = oauth::bearer(books, asked.authorization);
    let (Some(object), Some(grant), true) = (object, grant, books.options.callbacks.need_scope) else { return Ok(()) };
    let needed = format!("user:{object}:read");
    if grant.covers(&needed) {
        return Ok(());
    }
    let provided = grant.scope();
    Err(Refusal::new(403, format!("Insufficient scope. Provided: {provided}. Needed: {needed}.")))
}

// As elsewhere, what stands under a wrong wrapper is not seen.
fn parse(asked: &Asked<'_>) -> Result<Map<String, Value>, Refusal> {
    let unreadable = || Refusal::new(400, "The request body could not be parsed.");
    let json = asked.content_type.is_some_and(|kind| kind.starts_with("application/json"));
    let body = Some(asked.body).filter(|_| json).and_then(|body| serde_json::from_slice(body).ok());
    let Value::Object(mut body) = body.ok_or_else(unreadable)? else { return Err(unreadable()) };
    match body.remove("callback") {
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) => Err(unreadable()),
        None => Ok(Map::new()),
    }
}
