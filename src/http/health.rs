//! What operators and their machines look at.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRef, State},
    http::{Response, StatusCode, header},
    response::{Html, IntoResponse},
};
use tracing::warn;

use super::{Metrics, Web};
use crate::app::App;

/// What these handlers need, in every role.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) app: App,
    pub(super) metrics: Metrics,
}

impl FromRef<Arc<Web>> for Health {
    fn from_ref(web: &Arc<Web>) -> Self {
        Self { app: web.app.clone(), metrics: web.metrics.clone() }
    }
}

/// The process runs. Asks nobody: a database that is away is no reason to restart us.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Whether requests can be served: the database answers (it was migrated before we listened).
pub(super) async fn ready(State(health): State<Health>) -> Response<Body> {
    match health.app.db.ping().await {
        Ok(()) if health.app.stop.is_cancelled() => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            if health.app.db.failed(&error).is_none() {
                warn!(error = &error as &dyn std::error::Error, "not ready: the database does not answer");
            }
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// The figures, for Prometheus.
pub(super) async fn metrics(State(health): State<Health>) -> Response<Body> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (health.metrics)()).into_response()
}

/// What this is, for whoever opens it in a browser.
pub(super) async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}
