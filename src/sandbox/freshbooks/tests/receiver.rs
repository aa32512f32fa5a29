//! An address that callbacks can point to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, http::Uri};
use url::form_urlencoded;

use super::*;

/// What came in.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) path: String,
    pub(super) signature: Option<String>,
    /// In the order of the body.
    pub(super) fields: Vec<(String, String)>,
}

impl Got {
    pub(super) fn of(path: &str, headers: &[(String, String)], body: &[u8]) -> Got {
        let header = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        assert_eq!(header("content-type").unwrap().1, "application/x-www-form-urlencoded");
        let signature = header("X-FreshBooks-Hmac-SHA256").map(|(_, value)| value.clone());
        Got { path: path.to_owned(), signature, fields: form_urlencoded::parse(body).into_owned().collect() }
    }

    pub(super) fn field(&self, key: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// `invoice.create 100002`
    pub(super) fn told(&self) -> String {
        format!("{} {}", self.field("name"), self.field("object_id"))
    }
}

#[derive(Default)]
struct Post {
    got: Mutex<Vec<Got>>,
    answers: Mutex<VecDeque<u16>>,
}

pub(super) struct Receiver {
    pub(super) url: String,
    post: Arc<Post>,
}

async fn receive(State(post): State<Arc<Post>>, uri: Uri, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap) {
    let named = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let named: Vec<_> = named.collect();
    post.got.lock().unwrap().push(Got::of(uri.path(), &named, &body));
    let status = post.answers.lock().unwrap().pop_front().unwrap_or(200);
    (StatusCode::from_u16(status).unwrap(), HeaderMap::from_iter([("location".parse().unwrap(), "/".parse().unwrap())]))
}

impl Receiver {
    pub(super) async fn start() -> Receiver {
        let post = Arc::new(Post::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(post.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { url, post }
    }

    /// The statuses of the next answers; 200 afterwards.
    pub(super) fn answer(&self, statuses: &[u16]) {
        self.post.answers.lock().unwrap().extend(statuses);
    }

    /// What came since this was last called.
    pub(super) fn take(&self) -> Vec<Got> {
        std::mem::take(&mut *self.post.got.lock().unwrap())
    }

    /// The same in short, sorted: notifications overtake each other.
    pub(super) async fn told(&self, api: &Caller) -> Vec<String> {
        api.books.delivered().await;
        let mut told: Vec<String> = self.take().iter().map(Got::told).collect();
        told.sort();
        told
    }
}

impl Caller {
    /// A call of the events family: `path` follows that of the collection.
    pub(super) async fn callbacks(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send(method, &format!("/events/account/SbX7q1/events/callbacks{path}"), body).await
    }

    pub(super) async fn register(&self, event: &str, uri: &str) -> u64 {
        let body = json!({"callback": {"event": event, "uri": uri}});
        let (status, body) = self.callbacks(Method::POST, "", Some(body)).await;
        assert_eq!(status, 200, "{body}");
        body["response"]["result"]["callback"]["callbackid"].as_u64().unwrap()
    }

    pub(super) async fn change(&self, id: u64, fields: Value) -> (u16, Value) {
        self.callbacks(Method::PUT, &format!("/{id}"), Some(json!({"callback": fields}))).await
    }

    /// Registers and goes through the handshake.
    pub(super) async fn listen(&self, event: &str, receiver: &Receiver) -> u64 {
        let id = self.register(event, &format!("{}/{event}", receiver.url)).await;
        self.books.delivered().await;
        let got = receiver.take();
        let verification = got.iter().find(|got| got.told() == format!("callback.verify {id}")).unwrap();
        let (status, body) = self.change(id, json!({"verifier": verification.field("verifier")})).await;
        assert_eq!((status, &body["response"]["result"]["callback"]["verified"]), (200, &json!(true)));
        id
    }
}
