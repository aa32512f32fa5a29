//! `GET /graphiql`: a page to try the API in, with a place for the token.
//!
//! The editor comes from a CDN, in a fixed version that the browser checks by its digest: a token is typed next to it.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{Html, IntoResponse},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("graphiql.html");

/// Only our own script, named by its digest, and the editor's files may run.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let script =
        PAGE.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).map_or("", |(own, _)| own);
    let digest = STANDARD.encode(Sha256::digest(script));
    format!(
        "default-src 'none'; script-src 'sha256-{digest}' https://unpkg.com; style-src 'unsafe-inline' https://unpkg.com; \
         font-src https://unpkg.com data:; img-src 'self' data:; connect-src 'self'; worker-src blob:; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
});

pub(super) async fn page() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY.as_str())], Html(PAGE))
}
