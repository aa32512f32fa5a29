//! The wire: paths, headers, tokens, and the faults that a test asked for.

use std::{
    future::{Future, ready},
    io,
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use uuid::Uuid;

use super::{
    bulk,
    gate::{self, Question},
    graphql::{Api, Asked, World},
    oauth::{self, Admission},
    options::{SUPPORTED, ShopState},
};
use crate::sandbox::faults::{Failure, Moment};

/// What all requests share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) api: Arc<Api>,
    pub(super) world: Arc<World>,
}

pub(super) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/{shop}/admin/api/{version}/graphql.json", post(graphql))
        .route("/{shop}/admin/oauth/authorize", get(oauth::authorize))
        .route("/{shop}/admin/oauth/access_token", post(oauth::token))
        .route("/bulk-operation-outputs/{secret}", get(bulk::download))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "Not Found") })
        .layer(DefaultBodyLimit::max(4 * 1024 * 1024))
        .with_state(server)
}

async fn graphql(
    State(server): State<Arc<Server>>,
    Path((shop, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let world = &server.world;
    let used = used_version(&version);
    let (Some(used), true) = (used, shop == world.settings.shop) else {
        return failure(StatusCode::NOT_FOUND, "Not Found");
    };
    let question = question(&headers, &body);
    let call = question.as_ref().map_or_else(|_| "graphql:".to_owned(), Question::call);
    let work = async {
        if let Some(closed) = unavailable(world, &shop) {
            return closed;
        }
        let token = headers.get("X-Shopify-Access-Token").and_then(|token| token.to_str().ok());
        let (scopes, app) = match world.admit(token.unwrap_or_default()) {
            Admission::Granted(scopes, app) => (scopes, app),
            Admission::Unknown => {
                let text = "[API] Invalid API key or access token (unrecognized login or wrong password)";
                return failure(StatusCode::UNAUTHORIZED, text);
            }
            Admission::Outdated => {
                let text = "[API] Non-expiring access tokens are no longer accepted for the Admin API. Start using expiring offline tokens.";
                return failure(StatusCode::FORBIDDEN, text);
            }
        };
        if world.knobs().state == ShopState::Inactive {
            return axum::Json(gate::inactive()).into_response();
        }
        match question {
            Ok(question) => {
                let asked = Asked::direct(&server.api, scopes, app, used);
                let answer = gate::answer(world, asked, question).await;
                axum::Json(answer).into_response()
            }
            Err(response) => *response,
        }
    };
    let work = async {
        let before = world.faults.pass(&call, Moment::Before).await.map(|failure| (Moment::Before, failure));
        let response = spoil(before, work).await;
        let after = world.faults.pass(&call, Moment::After).await.map(|failure| (Moment::After, failure));
        spoil(after, ready(response)).await
    };
    let mut response = spoil(world.faults.strike(&call), work).await;
    let headers = response.headers_mut();
    headers.insert("X-Shopify-API-Version", HeaderValue::from_static(used));
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert("X-Request-Id", id);
    }
    response
}

/// The version that answers: one that left support falls forward to the oldest supported one.
fn used_version(asked: &str) -> Option<&'static str> {
    let known = SUPPORTED.iter().find(|version| **version == asked).copied();
    let quarter = |version: &str| {
        let (year, month) = version.split_once('-')?;
        let year: u16 = year.parse().ok()?;
        (matches!(month, "01" | "04" | "07" | "10") && year >= 2019).then_some(())
    };
    known.or_else(|| quarter(asked).and_then(|()| SUPPORTED.first().copied().filter(|oldest| asked < *oldest)))
}

fn question(headers: &HeaderMap, body: &Bytes) -> Result<Question, Box<Response>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/graphql") {
        let query = String::from_utf8_lossy(body).into_owned();
        return Ok(Question { query, variables: None, operation_name: None });
    }
    if !kind.starts_with("application/json") {
        return Err(Box::new(failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type")));
    }
    serde_json::from_slice(body).map_err(|_| {
        let body = json!({ "errors": { "query": "Required parameter missing or invalid" } });
        Box::new((StatusCode::BAD_REQUEST, axum::Json(body)).into_response())
    })
}

/// The answer of a shop that is not there, whatever it was asked.
pub(super) fn unavailable(world: &World, shop: &str) -> Option<Response> {
    let state = if shop == world.settings.shop { world.knobs().state } else { ShopState::Unknown };
    let (status, text) = match state {
        ShopState::Open | ShopState::Inactive => return None,
        ShopState::Frozen => (StatusCode::PAYMENT_REQUIRED, "Unavailable Shop"),
        ShopState::Locked => (StatusCode::LOCKED, "This shop is unavailable"),
        ShopState::Closed => (StatusCode::FORBIDDEN, "Unavailable Shop"),
        ShopState::Unknown => (StatusCode::NOT_FOUND, "Not Found"),
    };
    Some(failure(status, text))
}

pub(super) fn failure(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "errors": text }))).into_response()
}

/// Does the work and carries out a fault before or after it. A late answer is late, not spoilt.
pub(super) async fn spoil(strike: Option<(Moment, Failure)>, work: impl Future<Output = Response>) -> Response {
    match strike {
        None => work.await,
        Some((Moment::Before, Failure::Late(time))) => {
            tokio::time::sleep(time).await;
            work.await
        }
        Some((Moment::After, Failure::Late(time))) => {
            let response = work.await;
            tokio::time::sleep(time).await;
            response
        }
        Some((Moment::Before, how)) => spoilt(how),
        Some((Moment::After, how)) => {
            drop(work.await);
            spoilt(how)
        }
    }
}

fn spoilt(how: Failure) -> Response {
    match how {
        Failure::Drop => {
            let start = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"{\"da"))]);
            ([(header::CONTENT_TYPE, "application/json")], broken(start)).into_response()
        }
        Failure::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let page = "<!DOCTYPE html><html><body><h1>Something went wrong</h1></body></html>";
            (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
        }
        Failure::Throttle(after) => {
            let mut response = failure(StatusCode::TOO_MANY_REQUESTS, "Exceeded 2 calls per second for api client.");
            if let Some(after) = after.and_then(|after| HeaderValue::from_str(&after.to_string()).ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, after);
            }
            response
        }
        Failure::Late(_) => StatusCode::OK.into_response(),
    }
}

/// A body that ends in a broken connection.
pub(super) fn broken(start: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    let error = stream::once(async { Err(io::Error::new(io::ErrorKind::ConnectionReset, "broken on purpose")) });
    Body::from_stream(start.chain(error))
}
