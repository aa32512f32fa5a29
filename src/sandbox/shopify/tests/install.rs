//! An app and a shop whose clock moves, for the tests of tokens.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta};
use reqwest::redirect::Policy;
use serde_json::{Map, Value, json};
use url::Url;

use super::{Options, Shopify, address, http};
use crate::sandbox::shopify::build::instant;

pub(super) const BACK: &str = "https://app.example.com/back";
pub(super) const ASKED: &str = "read_orders,read_all_orders,read_customers";

/// The shop as an app sees it.
pub(super) struct Install {
    pub(super) shop: Shopify,
    clock: Arc<AtomicI64>,
}

impl Install {
    /// At noon on the 20th of November 2026.
    pub(super) async fn start(options: Options) -> Install {
        let clock = Arc::new(AtomicI64::new(instant("2026-11-20T12:00:00Z").timestamp()));
        let reading = Arc::clone(&clock);
        let now = move || DateTime::from_timestamp(reading.load(Ordering::Relaxed), 0).expect("a time");
        let shop = Shopify::start(Options { now: Arc::new(now), ..options }).await.expect("a port");
        Install { shop, clock }
    }

    pub(super) fn pass(&self, time: TimeDelta) {
        self.clock.fetch_add(time.num_seconds(), Ordering::Relaxed);
    }

    fn oauth(&self, path: &str) -> String {
        format!("{}/admin/oauth/{path}", self.shop.url().replace("{shop}", self.shop.shop()))
    }

    /// What the consent page answers, and where it sends the browser.
    pub(super) async fn visit(&self, query: &[(&str, &str)]) -> (u16, Option<Url>) {
        let http = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
        let answer = http.get(self.oauth("authorize")).query(query).send().await.expect("an answer");
        let target = answer.headers().get("location").and_then(|target| Url::parse(target.to_str().ok()?).ok());
        (answer.status().as_u16(), target)
    }

    /// What came back for these scopes.
    pub(super) async fn callback(&self, scopes: &str) -> BTreeMap<String, String> {
        let client = "sandbox-shopify-client";
        let query = [("client_id", client), ("scope", scopes), ("redirect_uri", BACK), ("state", "nonce-42")];
        let (status, target) = self.visit(&query).await;
        assert_eq!(status, 302);
        target.expect("a target").query_pairs().into_owned().collect()
    }

    /// Status and body of the token endpoint; `more` beside the right client.
    pub(super) async fn token(&self, more: Value) -> (u16, Value) {
        let app =
            json!({ "client_id": "sandbox-shopify-client", "client_secret": "shpss_sandboxsandboxsandboxsandbox01" });
        let mut body: Map<String, Value> = serde_json::from_value(app).expect("an object");
        body.extend(serde_json::from_value::<Map<String, Value>>(more).expect("an object"));
        let answer = http().post(self.oauth("access_token")).json(&body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The answer for a consent to these scopes.
    pub(super) async fn grant(&self, scopes: &str, expiring: &str) -> Value {
        let code = &self.callback(scopes).await["code"];
        let (status, body) = self.token(json!({ "code": code, "expiring": expiring })).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(super) async fn refresh(&self, token: &Value) -> (u16, Value) {
        self.token(json!({ "grant_type": "refresh_token", "refresh_token": token })).await
    }

    pub(super) async fn migrate(&self, token: &Value) -> (u16, Value) {
        let kind = "urn:shopify:params:oauth:token-type:offline-access-token";
        let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
        self.token(json!({
            "grant_type": grant, "subject_token": token, "subject_token_type": kind, "requested_token_type": kind,
            "expiring": "1",
        }))
        .await
    }

    /// Status and body of a query with this token.
    pub(super) async fn ask(&self, token: &Value, query: &str) -> (u16, Value) {
        let token = token.as_str().unwrap_or_default();
        let request = http().post(address(&self.shop, "2026-10")).header("X-Shopify-Access-Token", token);
        let answer = request.json(&json!({ "query": query })).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    pub(super) async fn opens(&self, token: &Value) -> u16 {
        self.ask(token, "{ shop { id } }").await.0
    }
}
