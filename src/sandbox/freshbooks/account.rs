//! The accounting family: who may call, which object, what comes back.

use serde_json::{Map, Value};

use super::{
    books::Books,
    client::Client,
    credit::CreditNote,
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

/// Checks token, account, role and scope, in that order.
pub(super) fn admit(
    books: &Books,
    asked: &Asked<'_>,
    account: &str,
    scope: Option<(&str, bool)>,
) -> Result<(), Problem> {
    let grant = oauth::bearer(books, asked.authorization).ok_or_else(Problem::unauthorized)?;
    // The wrong kind of id is as unknown as a made-up one.
    if account != books.options.account_id {
        return Err(Problem::new(404, 1012, "Account not found").at("account", "accountid", account));
    }
    let Some((object, writes)) = scope else { return Ok(()) };
    if writes && books.options.role == "client" {
        return Err(Problem::forbidden("Permission Denied"));
    }
    let needed = format!("user:{object}:{}", if writes { "write" } else { "read" });
    if !grant.covers(&needed) {
        let provided = grant.scope();
        return Err(Problem::forbidden(format!("Insufficient scope. Provided: {provided}. Needed: {needed}.")));
    }
    Ok(())
}

/// Answers one call.
pub(super) fn answer(books: &mut Books, resource: Resource, verb: Verb, asked: &Asked<'_>) -> Result<String, Problem> {
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

/// What one POST makes.
pub(super) fn create(books: &mut Books, resource: Resource, fields: Fields<'_>) -> Result<u64, Problem> {
    match resource {
        Resource::Client => Client::create(books, fields),
        Resource::Invoice => Invoice::create(books, fields),
        Resource::Payment => Payment::create(books, fields),
        Resource::CreditNote => CreditNote::create(books, fields),
        Resource::Tax => Tax::create(books, fields),
    }
}

/// One PUT's worth of change.
pub(super) fn update(books: &mut Books, resource: Resource, id: u64, fields: Fields<'_>) -> Result<(), Problem> {
    match resource {
        Resource::Client => Client::update(books, id, fields),
        Resource::Invoice => Invoice::update(books, id, fields),
        Resource::Payment => Payment::update(books, id, fields),
        Resource::CreditNote => CreditNote::update(books, id, fields),
        Resource::Tax => Tax::update(books, id, fields),
    }
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
