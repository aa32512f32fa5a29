//! The HTTP server: routes, and what holds for each of them.
//!
//! Every answer carries a request id, which the log repeats; no log line repeats a query or a header. A panic or a handler that takes too
//! long ends one request, not the process. No answer lets another site read it (there are no CORS headers) or leads anybody to an address
//! that they named themselves.

mod caller;
mod error;
mod graphiql;
mod graphql;
mod health;
mod layers;
mod limit;
mod oauth;
mod page;
mod server;
mod webhook;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tokio::net::TcpListener;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
};

use self::limit::Limit;
use crate::{
    app::App,
    auth,
    graphql::{Schema, schema},
    webhook::Intake,
};

/// Bytes of the longest request, where a route does not say otherwise.
const LARGEST_BODY: usize = 64 * 1024;

/// Renders the figures of `/metrics`.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What handlers share.
struct Web {
    app: App,
    auth: auth::Verifier,
    schema: Schema,
    metrics: Metrics,
    strangers: Limit,
    doors: webhook::Doors,
}

/// What a process that only works answers: whether it lives, and its figures.
pub fn health_router(app: App, metrics: Metrics) -> Router {
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(health::Health { app: app.clone(), metrics });
    layered(&app, routes)
}

/// All routes of this service. What the platforms tell goes to `intake`.
pub fn router(app: App, auth: auth::Verifier, metrics: Metrics, intake: Intake) -> Router {
    let doors = webhook::Doors::to(intake);
    let web =
        Web { schema: schema(app.clone()), app: app.clone(), auth, metrics, strangers: Limit::strangers(), doors };
    let grants = Router::new()
        .route("/oauth/shopify/install", get(oauth::install))
        .route("/oauth/shopify/callback", get(oauth::installed))
        .route("/oauth/freshbooks/authorize", get(oauth::consent))
        .route("/oauth/freshbooks/callback", get(oauth::consented))
        .route_layer(from_fn_with_state(Arc::new(Limit::strangers()), layers::limited));
    let routes = Router::new()
        .route("/", get(health::index))
        .route("/graphql", post(graphql::answer).layer(DefaultBodyLimit::max(graphql::LARGEST_BODY)))
        .route("/graphiql", get(graphiql::page))
        .route("/webhooks/shopify", post(webhook::from_shopify))
        .route("/webhooks/freshbooks/{connection}/{event}", post(webhook::from_freshbooks))
        .merge(grants)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(Arc::new(web));
    layered(&app, routes)
}

/// What holds for every route, also for those that are none.
fn layered(app: &App, routes: Router) -> Router {
    let guard = layers::Guard::of(&app.config);
    routes
        // A route that reads more says so itself.
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_method)
        // The last one sees a request first.
        .layer(from_fn(layers::in_time))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn(layers::readable))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(guard.clone(), layers::guarded))
        .layer(from_fn(layers::counted))
        .layer(from_fn_with_state(guard, layers::located))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(layers::trace())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// Serves until the app stops; requests under way are answered first.
pub async fn serve(app: &App, listener: TcpListener, router: Router) {
    server::run(listener, router, app.stop.clone()).await;
}

#[cfg(test)]
mod tests;
