//! A server for this module's tests: gives the prepared replies in turn and keeps what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{API_VERSION, Shop, Shopify};

pub(super) enum Reply {
    Answer(u16, Vec<u8>),
    /// The request is taken, and nothing ever comes back.
    Silence,
}

impl Reply {
    pub(super) fn json(body: Value) -> Self {
        Self::Answer(200, body.to_string().into_bytes())
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        Self::Answer(status, body.as_bytes().to_vec())
    }
}

#[derive(Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
}

pub(super) struct Server {
    pub(super) base: String,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Script { replies: replies.into_iter().collect(), seen: Vec::new() };
        let script = Arc::new(Mutex::new(script));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, script }
    }

    /// The sample shop on this server.
    pub(super) fn shop(&self) -> Shop {
        Shopify::new(http(), &format!("{}/{{shop}}", self.base), API_VERSION)
            .shop("sample.myshopify.com", "shpat_secret".into())
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }
}

pub(super) fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_millis(500)).build().unwrap()
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let reply = {
        let mut script = script.lock().unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        script.seen.push(Seen { path: parts.uri.to_string(), headers: parts.headers, body });
        script.replies.pop_front().unwrap_or(Reply::Answer(599, b"no further call was expected".to_vec()))
    };
    match reply {
        Reply::Answer(status, body) => {
            Response::builder().status(status).header("x-request-id", "r-1").body(Body::from(body)).unwrap()
        }
        Reply::Silence => std::future::pending().await,
    }
}
