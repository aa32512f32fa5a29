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

use super::{Books, FreshBooks};
use crate::pauses::Pauses;

pub(super) enum Reply {
    Answer(u16, String),
    /// The request is taken, and nothing ever comes back.
    Silence,
}

impl Reply {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self::Answer(status, body.to_string())
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        Self::Answer(status, body.to_owned())
    }
}

#[derive(Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) form: String,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
}

pub(super) struct Server {
    base: String,
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

    pub(super) fn freshbooks(&self) -> FreshBooks {
        FreshBooks::new(http(), &self.base, Pauses::default())
    }

    /// The sample account on this server.
    pub(super) fn books(&self) -> Books {
        self.freshbooks().account("ZyX01a", "secret".into())
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
        script.seen.push(Seen {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            form: String::from_utf8(body.to_vec()).unwrap(),
        });
        script.replies.pop_front().unwrap_or(Reply::Answer(599, "no further call was expected".to_owned()))
    };
    match reply {
        Reply::Answer(status, body) => Response::builder().status(status).body(Body::from(body)).unwrap(),
        Reply::Silence => std::future::pending().await,
    }
}
