//! Webhooks: subscribing, what is told, and how it is sent.

mod bodies;
mod compliance;
mod events;
mod sending;
mod subscribing;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};

use super::{Options, Shopify, ask, open};
use crate::sandbox::shopify::{Deliveries, Delivery};

const CREATE: &str = "mutation Subscribe($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) \
    { webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) { webhookSubscription { id legacyResourceId topic uri format \
    name filter includeFields metafieldNamespaces apiVersion { handle supported } createdAt updatedAt } userErrors { field message } } }";

/// Subscribes as the app of the options' token; the payload.
async fn subscribe(shop: &Shopify, topic: &str, sub: Value) -> Value {
    let answer = ask(shop, CREATE, json!({ "topic": topic, "sub": sub })).await;
    answer["data"]["webhookSubscriptionCreate"].clone()
}

/// A shop whose deliveries pile up, with a subscription to each of these.
async fn holding(options: Options, topics: &[&str]) -> Shopify {
    let options =
        Options { scopes: options.scopes.into_iter().chain(["read_customer_merge".to_owned()]).collect(), ..options };
    let shop = open(options).await;
    shop.set_deliveries(Deliveries::Holding);
    for topic in topics {
        let made = subscribe(&shop, topic, json!({ "uri": "https://app.example.com/hooks" })).await;
        assert_eq!(made["userErrors"], json!([]), "{topic}");
    }
    shop
}

fn topics(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.topic.as_str()).collect()
}

/// The body of the only delivery there is.
fn told(shop: &Shopify) -> Value {
    let all = shop.take_deliveries();
    assert_eq!(all.len(), 1, "{:?}", topics(&all));
    all[0].json()
}

/// Somebody who takes webhooks: answers what it is told to, then 200.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<u16>>>,
    always: Option<u16>,
    late: Duration,
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    /// Its address.
    async fn open(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/hooks")
    }

    fn got(&self) -> Vec<(HeaderMap, Bytes)> {
        self.got.lock().expect("a lock").clone()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    receiver.got.lock().expect("a lock").push((headers, body));
    tokio::time::sleep(receiver.late).await;
    let next = receiver.answers.lock().expect("a lock").pop_front();
    let status = next.or(receiver.always).unwrap_or(200);
    (StatusCode::from_u16(status).expect("a status"), [("location", "/elsewhere")])
}
