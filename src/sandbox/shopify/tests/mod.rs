//! Tests over real HTTP.

mod access;
mod bulk;
mod everything;
pub(super) mod figures;
mod install;
mod oauth;
mod orders;
mod schema;
mod webhooks;
mod wire;

use serde_json::{Value, json};

use super::{Options, Shopify};

const ORDERS: &str = include_str!("orders.graphql");
const ORDER: &str = include_str!("order.graphql");

async fn open(options: Options) -> Shopify {
    Shopify::start(options).await.expect("a port of the loopback interface")
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().build().expect("a client")
}

fn address(shop: &Shopify, version: &str) -> String {
    format!("{}/admin/api/{version}/graphql.json", shop.url().replace("{shop}", shop.shop()))
}

async fn ask(shop: &Shopify, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    let request = http().post(address(shop, "2026-10")).header("X-Shopify-Access-Token", "shpat_sandbox").json(&body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}
