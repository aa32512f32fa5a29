//! What holds for every route.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
    middleware::Next,
    response::IntoResponse,
};
use ipnet::IpNet;
use tower_http::{
    classify::{ServerErrorsAsFailures, SharedClassifier},
    trace::{MakeSpan, OnResponse, TraceLayer},
};
use tracing::{Span, debug, info, info_span, warn};

use super::{
    caller::Caller,
    error,
    limit::Limit,
    page::{Outcome, Page},
};
use crate::{config::Config, telemetry};

/// How long a handler may take. Platforms are given less by their clients.
const LONGEST: Duration = Duration::from_secs(30);

/// What browsers may do with an answer that is no page of ours: nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What pages of ours may do with the machine they are read on: nothing.
const NO_POWERS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// What a person does whose authorization broke off.
const ANEW: &str = "Open the link again that you were given: nothing more is needed than a new start.";

/// Browsers that came by TLS once do not come without it for a year.
const ONLY_TLS: &str = "max-age=31536000";

/// What the settings say of requests and answers.
#[derive(Clone)]
pub(super) struct Guard {
    proxies: Arc<[IpNet]>,
    tls: bool,
}

impl Guard {
    pub(super) fn of(config: &Config) -> Self {
        Self { proxies: config.trusted_proxies.clone().into(), tls: config.public_url.scheme() == "https" }
    }
}

/// Finds out whose request this is: handlers and [`limited`] read it as an extension.
pub(super) async fn located(State(guard): State<Guard>, mut request: Request, next: Next) -> Response<Body> {
    let peer = request.extensions().get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| *peer);
    let caller = Caller::of(peer, request.headers(), &guard.proxies);
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Keeps strangers from coming too often: for routes that ask for no token.
pub(super) async fn limited(State(limit): State<Arc<Limit>>, request: Request, next: Next) -> Response<Body> {
    let caller = request.extensions().get().copied();
    match caller.map_or(Ok(()), |Caller(address)| limit.admit(address)) {
        Ok(()) => next.run(request).await,
        Err(seconds) => {
            let mut response = error::line(StatusCode::TOO_MANY_REQUESTS, "Too many requests: wait a little.");
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
    }
}

/// Ends what takes too long.
pub(super) async fn in_time(request: Request, next: Next) -> Response<Body> {
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => error::line(StatusCode::GATEWAY_TIMEOUT, "This took longer than 30 seconds and was given up."),
    }
}

/// Where a person's browser comes, what went wrong for all requests alike is a page as well.
pub(super) async fn readable(request: Request, next: Next) -> Response<Body> {
    let in_a_browser = route(&request).starts_with("/oauth/");
    let response = next.run(request).await;
    let (title, next) = match response.status() {
        StatusCode::TOO_MANY_REQUESTS => ("Too many requests came from your network", "Wait a minute, then try again."),
        StatusCode::GATEWAY_TIMEOUT => ("This took too long and was given up", ANEW),
        StatusCode::INTERNAL_SERVER_ERROR => ("Something went wrong here", ANEW),
        _ => return response,
    };
    if !in_a_browser || !is_json(&response) {
        return response;
    }
    let page = Page {
        title: title.to_owned(),
        happened: Vec::new(),
        next: vec![next.to_owned()],
        links: Vec::new(),
        outcome: Outcome::Failure(response.status()),
    };
    let mut page = page.into_response();
    if let Some(wait) = response.headers().get(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, wait.clone());
    }
    page
}

fn is_json(response: &Response<Body>) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// Tells browsers what not to do. A page that needs more brings its own policy.
pub(super) async fn guarded(State(guard): State<Guard>, request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, NOTHING),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("permissions-policy"), NO_POWERS),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if guard.tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    response
}

/// Counts requests by the route that matched, never by the path: paths are endless.
pub(super) async fn counted(request: Request, next: Next) -> Response<Body> {
    let began = Instant::now();
    let route = route(&request).to_owned();
    let method = known(request.method().as_str());
    let response = next.run(request).await;
    telemetry::http_request(method, &route, response.status().as_u16(), began.elapsed());
    response
}

fn route(request: &axum::http::Request<Body>) -> &str {
    request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str)
}

/// Anybody may send methods of their own making.
fn known(method: &str) -> &'static str {
    ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

/// A span and a line per request, without query and headers: they hold tokens and signatures.
pub(super) fn trace() -> TraceLayer<SharedClassifier<ServerErrorsAsFailures>, RequestSpan, (), RequestSpan, (), (), ()>
{
    TraceLayer::new_for_http()
        .make_span_with(RequestSpan)
        .on_request(())
        .on_response(RequestSpan)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
}

/// How requests are logged.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestSpan;

impl MakeSpan<Body> for RequestSpan {
    fn make_span(&mut self, request: &axum::http::Request<Body>) -> Span {
        let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        info_span!("http", method = known(request.method().as_str()), route = route(request), request = id)
    }
}

impl<B> OnResponse<B> for RequestSpan {
    fn on_response(self, response: &Response<B>, latency: Duration, span: &Span) {
        let _entered = span.enter();
        let status = response.status();
        // Whoever cannot serve just now has said why, once for all.
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            warn!(status = status.as_u16(), ?latency, "answered {status} after {latency:?}");
        } else if span.metadata().is_some() && (status.is_success() || status.is_server_error()) {
            debug!(status = status.as_u16(), ?latency, "answered {status} after {latency:?}");
        } else {
            info!(status = status.as_u16(), ?latency, "answered {status} after {latency:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::to_bytes, middleware::from_fn, routing::get};
    use tower::Service;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn answer(path: &str) -> (u16, String, Option<HeaderValue>) {
        let limited = || async {
            let mut response = error::line(StatusCode::TOO_MANY_REQUESTS, "Too many requests: wait a little.");
            response.headers_mut().insert(header::RETRY_AFTER, 7.into());
            response
        };
        let mut routes = Router::<()>::new()
            .route("/oauth/limited", get(limited))
            .route("/oauth/broken", get(broken))
            .route("/oauth/slow", get(|| async { error::line(StatusCode::GATEWAY_TIMEOUT, "Given up.") }))
            .route("/oauth/refused", get(|| async { error::line(StatusCode::BAD_REQUEST, "No.") }))
            .route("/readyz", get(limited))
            .layer(CatchPanicLayer::custom(error::panicked))
            .layer(from_fn(readable));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = routes.call(request).await.unwrap();
        let (status, wait) = (response.status().as_u16(), response.headers().get(header::RETRY_AFTER).cloned());
        let body = to_bytes(response.into_body(), 100_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap(), wait)
    }

    #[expect(clippy::panic, reason = "a bug")]
    async fn broken() {
        panic!("a bug")
    }

    #[tokio::test]
    async fn a_person_reads_a_page_and_a_program_a_line() {
        for (path, status, words) in [
            ("/oauth/limited", 429, "Wait a minute"),
            ("/oauth/broken", 500, "Open the link again"),
            ("/oauth/slow", 504, "Open the link again"),
        ] {
            let (answered, body, wait) = answer(path).await;
            assert_eq!((answered, wait.is_some()), (status, status == 429));
            assert!(body.starts_with("<!DOCTYPE html>") && body.contains(words), "{body}");
        }
        for (path, status) in [("/readyz", 429), ("/oauth/refused", 400)] {
            let (answered, body, _) = answer(path).await;
            assert_eq!(answered, status);
            assert!(body.starts_with('{'), "{body}");
        }
    }
}
