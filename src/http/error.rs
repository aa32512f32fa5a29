//! Answers to what no handler takes: one line of JSON, whatever went wrong.

use std::any::Any;

use axum::{
    Json,
    body::Body,
    http::{Response, StatusCode},
    response::IntoResponse,
};
use serde_json::json;
use tracing::error;

/// One line of JSON that says what is wrong.
pub(super) fn line(status: StatusCode, message: &str) -> Response<Body> {
    (status, Json(json!({ "error": message }))).into_response()
}

pub(super) async fn no_such_route() -> Response<Body> {
    line(StatusCode::NOT_FOUND, "There is nothing here. The API is at POST /graphql, a page to try it at /graphiql.")
}

pub(super) async fn no_such_method() -> Response<Body> {
    line(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address does not take this method. The Allow header names those it takes.",
    )
}

/// A bug of ours ends this request and no other.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let reason = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it did not say why");
    error!("a handler panicked: {reason}");
    line(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here; the log says what, under this x-request-id.")
}
