//! The HTTP server: routes, and what holds for each of them.
//!
//! Every answer carries a request id, which the log repeats; no log line repeats a query or a header. A panic or a handler that takes too
//! long ends one request, not the process.

mod error;
mod graphiql;
mod graphql;
mod health;
mod layers;
mod oauth;
mod page;

use std::{io, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn,
    routing::{get, post},
};
use tokio::net::TcpListener;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
};

use crate::{
    app::App,
    auth,
    graphql::{Schema, schema},
};

/// Renders the figures of `/metrics`.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What handlers share.
#[derive(Clone)]
struct Web {
    app: App,
    auth: auth::Verifier,
    schema: Schema,
    metrics: Metrics,
}

/// What a process that only works answers: whether it lives, and its figures.
pub fn health_router(app: App, metrics: Metrics) -> Router {
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(health::Health { app, metrics });
    layered(routes)
}

/// All routes of this service.
pub fn router(app: App, auth: auth::Verifier, metrics: Metrics) -> Router {
    let web = Web { schema: schema(app.clone()), app, auth, metrics };
    let routes = Router::new()
        .route("/", get(health::index))
        .route("/graphql", post(graphql::answer).layer(DefaultBodyLimit::max(graphql::LARGEST_BODY)))
        .route("/graphiql", get(graphiql::page))
        .route("/oauth/shopify/install", get(oauth::install))
        .route("/oauth/shopify/callback", get(oauth::installed))
        .route("/oauth/freshbooks/authorize", get(oauth::consent))
        .route("/oauth/freshbooks/callback", get(oauth::consented))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(web);
    layered(routes)
}

/// What holds for every route, also for those that are none.
fn layered(routes: Router) -> Router {
    routes
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_method)
        // The last one sees a request first.
        .layer(from_fn(layers::in_time))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(CompressionLayer::new())
        .layer(from_fn(layers::guarded))
        .layer(from_fn(layers::counted))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(layers::trace())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// Serves until the app stops; requests under way are answered first.
///
/// # Errors
/// When the listener fails.
pub async fn serve(app: &App, listener: TcpListener, router: Router) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(app.stop.clone().cancelled_owned()).await
}

#[cfg(test)]
mod tests;
