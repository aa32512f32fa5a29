//! What operators and their machines look at.

use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode, header},
    response::{Html, IntoResponse},
};
use tracing::warn;

use super::Web;

/// The process runs. Asks nobody: a database that is away is no reason to restart us.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Whether requests can be served: the database answers (it was migrated before we listened).
pub(super) async fn ready(State(web): State<Web>) -> Response<Body> {
    match web.app.db.ping().await {
        Ok(()) if web.app.stop.is_cancelled() => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// The figures, for Prometheus.
pub(super) async fn metrics(State(web): State<Web>) -> Response<Body> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (web.metrics)()).into_response()
}

/// What this is, for whoever opens it in a browser.
pub(super) async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}
