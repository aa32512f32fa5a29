//! The accounting family: who may call, which object, what comes back.

use axum::http::{header, request::Parts};
use serde_json::{Map, Value};

use super::{
    books::Books,
    client::Client,
    credit::CreditNote,
    happening::{self, Before},
    identity::Seat,
    input::Fields,
    invoice::Invoice,
    list::{one, page},
    oauth,
    payment::Payment,
    problem::Problem,
    query::Query,
    route::{Resource, Verb},
    tax::Tax,
};

const DELETED: &str = "{\"response\":{}}";

/// What a request brought along.
pub(super) struct Asked<'a> {
    pub(super) authorization: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

impl<'a> Asked<'a> {
    pub(super) fn of(parts: &'a Parts, body: &'a [u8]) -> Asked<'a> {
        let text = |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Asked {
            authorization: text(header::AUTHORIZATION),
            content_type: text(header::CONTENT_TYPE),
            query: parts.uri.query().unwrap_or_default(),
            body,
        }
    }
}

/// Checks token, account, role, subscription and scope, in that order, and tells the person's place in the account.
pub(super) fn admit(
    books: &Books,
    asked: &Asked<'_>,
    account: &str,
    scope: Option<(&str, bool)>,
) -> Result<Seat, Problem> {
    let grant = oauth::bearer(books, asked.authorization).ok_or_else(Problem::unauthorized)?;
    let seat = Seat::find(&books.options, account);
    let seat = seat.ok_or_else(|| Problem::new(404, 1012, "Account not found").at("account", "accountid", account))?;
    let Some((object, writes)) = scope else { return Ok(seat) };
    if writes && seat.role == "client" {
        return Err(Problem::forbidden("Permission Denied"));
    }
    if writes && !seat.paid_for() {
        return Err(Problem::new(403, 1042, "This account is inactive.").at("account", "accountid", account));
    }
    let needed = format!("user:{object}:{}", if writes { "write" } else { "read" });
    if !grant.covers(&needed) {
        let provided = grant.scope();
        return Err(Problem::forbidden(format!("Insufficient scope. Provided: {provided}. Needed: {needed}.")));
    }
    Ok(seat)
}

/// Answers one call of a person with this place in the account.
pub(super) fn answer(
    books: &mut Books,
    seat: &Seat,
    resource: Resource,
    verb: Verb,
    asked: &Asked<'_>,
) -> Result<String, Problem> {
    if seat.sees_books() {
        return perform(books, resource, verb, asked);
    }
    if verb.writes() {
        return Err(Problem::new(501, 500, "The sandbox keeps no books for this account."));
    }
    let mut empty = Books::empty(books.options.clone());
    perform(&mut empty, resource, verb, asked)
}

fn perform(books: &mut Books, resource: Resource, verb: Verb, asked: &Asked<'_>) -> Result<String, Problem> {
    let query = Query::parse(asked.query)?;
    match verb {
        Verb::List => match resource {
            Resource::Client => page::<Client>(books, &query),
            Resource::Invoice => page::<Invoice>(books, &query),
            Resource::Payment => page::<Payment>(books, &query),
            Resource::CreditNote => page::<CreditNote>(books, &query),
            Resource::Tax => page::<Tax>(books, &query),
        },
        Verb::Get(id) => get(books, resource, id, &query),
        Verb::Create => {
            let body = parse(resource, asked)?;
            if resource == Resource::Client {
                within_plan(books)?;
            }
            let id = create(books, resource, Fields::new(resource.wrapper(), &body))?;
            get(books, resource, id, &query)
        }
        Verb::Update(id) => {
            let body = parse(resource, asked)?;
            update(books, resource, id, Fields::new(resource.wrapper(), &body))?;
            get(books, resource, id, &query)
        }
        Verb::Delete(id) => match resource {
            Resource::Tax => {
                Tax::delete(books, id)?;
                happening::removed(books, resource, id);
                Ok(DELETED.to_owned())
            }
            Resource::Invoice => {
                let gone = Map::from_iter([("vis_state".to_owned(), Value::from(1))]);
                update(books, resource, id, Fields::new("invoice", &gone))?;
                Ok(DELETED.to_owned())
            }
            _ => Err(Problem::new(405, 405, "Method not allowed.")),
        },
    }
}

// Nobody has recorded this refusal: it comes as those of other features that a plan lacks, inside HTTP 200.
fn within_plan(books: &Books) -> Result<(), Problem> {
    let Ok(limit) = usize::try_from(books.options.client_limit) else { return Ok(()) };
    if books.clients.values().filter(|client| client.vis_state == 0).count() < limit {
        return Ok(());
    }
    Err(Problem::new(200, 12_001, "Your plan does not allow more clients."))
}

/// What one POST makes.
pub(super) fn create(books: &mut Books, resource: Resource, fields: Fields<'_>) -> Result<u64, Problem> {
    let id = match resource {
        Resource::Client => Client::create(books, fields)?,
        Resource::Invoice => Invoice::create(books, fields)?,
        Resource::Payment => Payment::create(books, fields)?,
        Resource::CreditNote => CreditNote::create(books, fields)?,
        Resource::Tax => Tax::create(books, fields)?,
    };
    happening::created(books, resource, id);
    Ok(id)
}

/// One PUT's worth of change.
pub(super) fn update(books: &mut Books, resource: Resource, id: u64, fields: Fields<'_>) -> Result<(), Problem> {
    let before = Before::of(books, resource, id);
    match resource {
        Resource::Client => Client::update(books, id, fields)?,
        Resource::Invoice => Invoice::update(books, id, fields)?,
        Resource::Payment => Payment::update(books, id, fields)?,
        Resource::CreditNote => CreditNote::update(books, id, fields)?,
        Resource::Tax => Tax::update(books, id, fields)?,
    }
    happening::changed(books, resource, id, &before);
    Ok(())
}

fn get(books: &Books, resource: Resource, id: u64, query: &Query) -> Result<String, Problem> {
    match resource {
        Resource::Client => one::<Client>(books, id, query),
        Resource::Invoice => one::<Invoice>(books, id, query),
        Resource::Payment => one::<Payment>(books, id, query),
        Resource::CreditNote => one::<CreditNote>(books, id, query),
        Resource::Tax => one::<Tax>(books, id, query),
    }
}

// A body under a wrong wrapper is an empty one: its fields are simply not seen.
fn parse(resource: Resource, asked: &Asked<'_>) -> Result<Map<String, Value>, Problem> {
    let unreadable = || Problem::new(400, 1005, "The request body could not be parsed.");
    let json = asked.content_type.is_some_and(|kind| kind.starts_with("application/json"));
    let body: Value =
        Some(asked.body).filter(|_| json).and_then(|body| serde_json::from_slice(body).ok()).ok_or_else(unreadable)?;
    let Value::Object(mut body) = body else { return Err(unreadable()) };
    match body.remove(resource.wrapper()) {
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) => Err(unreadable()),
        None => Ok(Map::new()),
    }
}
