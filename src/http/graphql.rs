//! `POST /graphql`: a token, one operation, one answer.
//!
//! Whoever cannot be told from a stranger gets an answer of GraphQL's form all the same, so that every client shows the reason. Nothing of
//! an operation is read before the token is good: not even the schema is told to strangers.

use std::sync::Arc;

use async_graphql::Response as Answer;
use async_graphql_axum::GraphQLResponse;
use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};

use super::{Web, caller::Caller};
use crate::{
    auth::{self, Principal},
    graphql,
};

/// Bytes of the longest request.
pub(super) const LARGEST_BODY: usize = 1024 * 1024;

pub(super) async fn answer(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let asker = match asker(&web, &headers).await {
        Ok(asker) => asker,
        Err(reason) => return stranger(&web, caller, reason),
    };
    let refuse = |status, reason: &str| (status, Json(graphql::malformed(reason.to_owned()))).into_response();
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "The request is larger than 1 MiB.");
        }
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "The request broke off."),
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.trim_start().to_ascii_lowercase().starts_with("application/json") {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send the operation as JSON, with `Content-Type: application/json`.",
        );
    }
    match serde_json::from_slice(&body) {
        Ok(request) => executed(graphql::answer(&web.schema, &web.app, asker, request).await, &headers),
        Err(_) => refuse(
            StatusCode::BAD_REQUEST,
            "This is not a GraphQL request: send one JSON object with `query`, and `variables` where it needs some.",
        ),
    }
}

/// The answer to somebody without a good token: the reason, or after some of them only that they come too often. Good tokens do not count,
/// and are taken all the same: many people may share an address with one who guesses.
fn stranger(web: &Web, Caller(address): Caller, reason: String) -> Response<Body> {
    match web.strangers.admit(address) {
        Ok(()) => Json(graphql::unauthenticated(reason)).into_response(),
        Err(seconds) => {
            let reason =
                format!("Too many requests without a good token came from your address: wait {seconds} s. {reason}");
            let retry = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
            (StatusCode::TOO_MANY_REQUESTS, retry, Json(graphql::rate_limited(reason))).into_response()
        }
    }
}

/// The answer to an operation, in GraphQL's own media type for those who ask for it, as plain JSON for everybody else.
fn executed(answer: Answer, headers: &HeaderMap) -> Response<Body> {
    let mut response = GraphQLResponse::from(answer).into_response();
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accepted.contains("application/graphql-response+json") {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// Who sent this, or what is wrong with their token and what to do about it.
async fn asker(web: &Web, headers: &HeaderMap) -> Result<Principal, String> {
    let Some(token) = headers.get(header::AUTHORIZATION).and_then(|token| token.to_str().ok()) else {
        let how = "`ml-connector token --role viewer` prints one.";
        return Err(format!("A token is needed, in the header `Authorization: Bearer <token>`; {how}"));
    };
    web.auth.verify(token, web.app.clock.now()).await.map_err(|error| match error {
        auth::Error::Expired => {
            "The token has expired: get a new one, such as `ml-connector token --role viewer` prints.".to_owned()
        }
        auth::Error::Signature => {
            "The signature of the token is wrong: it was issued with another MLC_JWT_SECRET or key, or altered."
                .to_owned()
        }
        other => format!("The token is not good: {other}."),
    })
}
