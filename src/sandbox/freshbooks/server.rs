//! From a request to an answer over the wire, with the faults on the way.
//!
//! The books are locked for the time it takes to work out an answer, and never across a wait. What changed is handed to the journal before
//! the answer leaves, in a task of its own: a caller that hangs up does not undo what was done.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use super::{
    account::{self, Asked},
    books::Books,
    courier::{Courier, Letter},
    events, identity, oauth,
    options::ErrorStyle,
    problem::Problem,
    route::Route,
};
use crate::sandbox::faults::{Failure, Faults, Moment};

const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// What all requests share.
pub(super) struct Server {
    books: Mutex<Books>,
    pub(super) faults: Arc<Faults>,
    /// Calls whose next answer is an error inside HTTP 200, and how often.
    pub(super) hidden_errors: Mutex<HashMap<String, u64>>,
    /// Writes as they came, once somebody asked to keep them.
    pub(super) kept: Mutex<Option<Vec<KeptWrite>>>,
    /// By grant type.
    pub(super) token_requests: Mutex<BTreeMap<String, u64>>,
    pub(super) courier: Courier,
    pub(super) closed: CancellationToken,
}

/// A request that was to change something, as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptWrite {
    /// `POST` or `PUT`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Byte for byte.
    pub body: Vec<u8>,
}

impl Server {
    pub(super) fn new(books: Books) -> Server {
        let closed = CancellationToken::new();
        Server {
            books: Mutex::new(books),
            faults: Arc::default(),
            hidden_errors: Mutex::default(),
            kept: Mutex::default(),
            token_requests: Mutex::default(),
            courier: Courier::new(closed.clone()),
            closed,
        }
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_write(&self, parts: &Parts, body: &Bytes) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_mut().filter(|_| parts.method != Method::GET) {
            let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
            kept.push(KeptWrite { method: parts.method.to_string(), path, body: body.to_vec() });
        }
    }

    fn count_token_request(&self, parts: &Parts, body: &Bytes) {
        let form = parameters(&Asked::of(parts, body)).unwrap_or_default();
        let grant = form.get("grant_type").cloned().unwrap_or_default();
        *self.token_requests.lock().unwrap_or_else(PoisonError::into_inner).entry(grant).or_default() += 1;
    }

    fn errs_inside_200(&self, call: &str) -> bool {
        let mut calls = self.hidden_errors.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = calls.get_mut(call).filter(|times| **times > 0) else { return false };
        *times -= 1;
        true
    }
}

/// The one handler. What has begun is carried out, also when the caller hangs up.
pub(super) async fn serve(State(server): State<Arc<Server>>, request: Request) -> Response {
    tokio::spawn(attend(server, request)).await.unwrap_or_else(|_| broken())
}

async fn attend(server: Arc<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else { return broken() };
    if server.closed.is_cancelled() {
        return broken();
    }
    server.keep_write(&parts, &body);
    let route = Route::of(&parts.method, parts.uri.path());
    if route == Route::Token {
        server.count_token_request(&parts, &body);
    }
    let call = route.call();
    let struck = server.faults.strike(&call);
    let at = |moment| struck.filter(|(when, _)| *when == moment).map(|(_, failure)| failure);
    let held = server.faults.pass(&call, Moment::Before).await;
    if let Some(failure) = at(Moment::Before).or(held)
        && let Some(spoilt) = spoil(failure).await
    {
        return spoilt;
    }
    let response = if server.errs_inside_200(&call) {
        let problem = Problem::new(200, 12_001, "You do not have access to this feature.");
        answer(200, &problem.body(ErrorStyle::Old))
    } else {
        perform(&server, &route, &parts, &body).await
    };
    let held = server.faults.pass(&call, Moment::After).await;
    if let Some(failure) = at(Moment::After).or(held)
        && let Some(spoilt) = spoil(failure).await
    {
        return spoilt;
    }
    response
}

async fn perform(server: &Arc<Server>, route: &Route, parts: &Parts, body: &Bytes) -> Response {
    let (response, left) = {
        let mut books = server.books();
        let response = respond(&mut books, route, parts, body);
        (response, Left::behind(&mut books))
    };
    match keep(server, left).await {
        Ok(()) => response,
        Err(_) => answer(500, &json!({"message": "The journal of the sandbox failed."})),
    }
}

/// What a change leaves to be done before anybody is told that it worked.
pub(super) struct Left {
    line: Option<(u64, String)>,
    journal: Option<super::Journal>,
    letters: Vec<Letter>,
}

impl Left {
    pub(super) fn behind(books: &mut Books) -> Left {
        let letters = std::mem::take(&mut books.outbox);
        Left { line: books.take_line(), journal: books.options.journal.clone(), letters }
    }
}

/// Hands a line to the journal, waits until it is safe and lets the notifications go.
pub(super) async fn keep(server: &Arc<Server>, left: Left) -> Result<(), String> {
    let awaited = match (left.line, left.journal) {
        (Some((seq, line)), Some(journal)) => {
            let server = server.clone();
            let written = tokio::spawn(async move {
                journal(line).await?;
                server.books().confirm(seq);
                Ok(server.courier.send(left.letters))
            });
            written.await.unwrap_or_else(|e| Err(e.to_string()))?
        }
        _ => server.courier.send(left.letters),
    };
    for task in awaited {
        // The caller's answer does not depend on how it went.
        drop(task.await);
    }
    Ok(())
}

fn respond(books: &mut Books, route: &Route, parts: &Parts, body: &Bytes) -> Response {
    let asked = Asked::of(parts, body);
    match route {
        Route::Authorize => match oauth::authorize(books, asked.query) {
            Ok(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
            Err((status, text)) => (code(status), text).into_response(),
        },
        Route::Token | Route::Revoke => {
            let Some(form) = parameters(&asked) else {
                return answer(400, &json!({"error": "invalid_request", "error_description": "Unreadable body."}));
            };
            let call = if *route == Route::Token { oauth::token } else { oauth::revoke };
            let (status, body) = call(books, &form);
            answer(status, &body)
        }
        Route::Me => {
            let known = oauth::bearer(books, asked.authorization).is_some();
            let (status, body) = if known { identity::me(books) } else { oauth::unauthenticated() };
            answer(status, &body)
        }
        Route::System { account, business } => {
            let style = books.options.error_style;
            let found = account::admit(books, &asked, account, None).and_then(|_| {
                let system = identity::system(books, account, business).map(|system| system.to_string());
                system.ok_or_else(|| Problem::unknown("system", "systemid", business))
            });
            outcome(found, style)
        }
        Route::Accounting { account, resource, verb } => {
            let style = books.options.error_style;
            let scope = Some((resource.scope(), verb.writes()));
            let admitted = account::admit(books, &asked, account, scope);
            outcome(admitted.and_then(|seat| account::answer(books, &seat, *resource, *verb, &asked)), style)
        }
        Route::Callbacks { account, verb } => match events::answer(books, account, *verb, &asked) {
            Ok((204, _)) => code(204).into_response(),
            Ok((status, body)) => written(status, body),
            Err(refusal) => answer(refusal.http, &refusal.body()),
        },
        Route::Unknown => answer(404, &json!({"message": "Requested resource could not be found."})),
    }
}

fn outcome(result: Result<String, Problem>, style: ErrorStyle) -> Response {
    match result {
        Ok(body) => written(200, body),
        Err(problem) => answer(problem.http, &problem.body(style)),
    }
}

/// Form or JSON, whichever the content type says.
fn parameters(asked: &Asked<'_>) -> Option<HashMap<String, String>> {
    let kind = asked.content_type?;
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Some(form_urlencoded::parse(asked.body).into_owned().collect());
    }
    if !kind.starts_with("application/json") {
        return None;
    }
    let body: serde_json::Map<String, Value> = serde_json::from_slice(asked.body).ok()?;
    let text = |value: Value| value.as_str().map(str::to_owned);
    Some(body.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect())
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn answer(status: u16, body: &Value) -> Response {
    written(status, body.to_string())
}

fn written(status: u16, body: String) -> Response {
    (code(status), [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The answer a fault puts in place of the real one; `None` when it only delays.
async fn spoil(failure: Failure) -> Option<Response> {
    Some(match failure {
        Failure::Drop => broken(),
        Failure::Status(status) => {
            let page = "<html><body><h1>The simulated gateway failed</h1></body></html>";
            (code(status), [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        // Nobody has recorded a 429 of the platform: both bodies must do, so each comes with one of the two headers.
        Failure::Throttle(Some(seconds)) => {
            let mut response = answer(429, &json!({"message": "Rate limit exceeded."}));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Failure::Throttle(None) => code(429).into_response(),
        Failure::Late(wait) => {
            tokio::time::sleep(wait).await;
            return None;
        }
    })
}

/// An answer whose connection breaks in the middle.
fn broken() -> Response {
    let cut = stream::iter([Ok(Bytes::from_static(b"{\"resp")), Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(cut)).into_response()
}
