//! Over real HTTP: headers, retries, faults.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{Options, Receiver, Shopify, open, subscribe};
use crate::sandbox::shopify::{
    Deliveries, DeliveryFault, Topic,
    build::{instant, order},
};

const SECRET: &str = "shpss_sandboxsandboxsandboxsandbox01";

fn quick() -> Options {
    Options { webhook_retry: Duration::from_millis(1), ..Options::default() }
}

/// A shop that tells the receiver of new orders.
async fn telling(options: Options, receiver: &Receiver) -> Shopify {
    let shop = open(options).await;
    let sub = json!({ "uri": receiver.open().await, "name": "new-orders", "includeFields": ["id"] });
    assert_eq!(subscribe(&shop, "ORDERS_CREATE", sub).await["userErrors"], json!([]));
    shop
}

fn signed(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_delivery_has_shopifys_headers_and_is_signed_with_the_oldest_secret() {
    let receiver = Receiver::default();
    let now = instant("2026-11-20T10:00:00.123456789Z");
    let secrets = vec!["shpss_new".to_owned(), SECRET.to_owned()];
    let shop = telling(Options { client_secrets: secrets, now: Arc::new(move || now), ..quick() }, &receiver).await;
    let placed = shop.place(order(1001).line("Mug", "12.00", 1));
    shop.deliveries_done().await;
    let got = receiver.got();
    let [(headers, body)] = got.as_slice() else { panic!("{} deliveries", got.len()) };
    assert_eq!(body, format!("{{\"id\":{}}}", placed.id).as_bytes());
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("x-shopify-topic"), "orders/create");
    assert_eq!(header("x-shopify-hmac-sha256"), signed(SECRET, body));
    assert_eq!(header("x-shopify-shop-domain"), "sandbox-store.myshopify.com");
    assert_eq!(header("x-shopify-api-version"), "2026-10");
    assert_eq!(header("x-shopify-triggered-at"), "2026-11-20T10:00:00.123456789Z");
    assert_eq!(header("x-shopify-name"), "new-orders");
    assert!(!headers.contains_key("x-shopify-test"));
    assert_ne!(header("x-shopify-webhook-id"), header("x-shopify-event-id"));
    assert_eq!(shop.delivery_counts().delivered, 1);
}

#[tokio::test]
async fn each_subscription_gets_its_own_delivery_of_one_event() {
    let shop = open(Options { signing_secret: Some("shpss_other".to_owned()), ..quick() }).await;
    shop.set_deliveries(Deliveries::Holding);
    for uri in ["https://a.example.com/", "https://b.example.com/"] {
        subscribe(&shop, "ORDERS_CREATE", json!({ "uri": uri })).await;
    }
    shop.place(order(1001).line("Mug", "12.00", 1));
    let all = shop.take_deliveries();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].header("X-Shopify-Event-Id"), all[1].header("x-shopify-event-id"));
    assert_ne!(all[0].header("X-Shopify-Webhook-Id"), all[1].header("X-Shopify-Webhook-Id"));
    assert_eq!(all[0].header("X-Shopify-Name"), None);
    assert_eq!(all[1].header("X-Shopify-Hmac-SHA256"), Some(signed("shpss_other", &all[1].body).as_str()));
    assert_eq!(all[1].address, "https://b.example.com/");
    assert_eq!(shop.take_deliveries(), []);
}

#[tokio::test]
async fn anything_but_2xx_is_tried_again_with_the_same_delivery_at_the_first_address() {
    let answers = Arc::new(Mutex::new([500, 302, 404].into()));
    let receiver = Receiver { answers, ..Receiver::default() };
    let shop = telling(quick(), &receiver).await;
    shop.place(order(1001).line("Mug", "12.00", 1));
    shop.redirect_subscription(Topic::OrdersCreate, "https://elsewhere.example.com/");
    shop.deliveries_done().await;
    let got = receiver.got();
    assert_eq!(got.len(), 4, "no redirect was followed");
    let id = |at: usize| got[at].0["x-shopify-webhook-id"].clone();
    assert!(id(0) == id(3) && got[0].1 == got[3].1);
    let counts = shop.delivery_counts();
    assert_eq!((counts.made, counts.delivered, counts.failed), (1, 1, 3));
    assert_eq!(shop.subscriptions()[0].uri, "https://elsewhere.example.com/");
}

#[tokio::test]
async fn eight_failures_in_a_row_delete_the_subscription() {
    let receiver = Receiver { always: Some(503), ..Receiver::default() };
    let shop = telling(quick(), &receiver).await;
    shop.place(order(1001).line("Mug", "12.00", 1));
    shop.deliveries_done().await;
    assert_eq!((receiver.got().len(), shop.subscriptions().len()), (9, 0), "once, and eight times again");
    let counts = shop.delivery_counts();
    assert_eq!((counts.failed, counts.given_up), (9, 1));
    shop.place(order(1002).line("Mug", "12.00", 1));
    shop.deliveries_done().await;
    assert_eq!(receiver.got().len(), 9, "nobody listens any longer");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_a_failure() {
    let receiver = Receiver { late: Duration::from_millis(200), ..Receiver::default() };
    let shop = telling(Options { webhook_patience: Duration::from_millis(20), ..quick() }, &receiver).await;
    let delivery = shop.signed("orders/create", b"{}".to_vec());
    assert_eq!(shop.deliver(&delivery).await, None);
    let patient = telling(quick(), &receiver).await;
    assert_eq!(patient.deliver(&delivery).await, Some(200));
}

#[tokio::test]
async fn deliveries_get_lost_forged_and_doubled_on_request() {
    let receiver = Receiver::default();
    let shop = telling(quick(), &receiver).await;
    shop.set_deliveries(Deliveries::Holding);
    for fault in [DeliveryFault::Lost, DeliveryFault::Forged, DeliveryFault::Doubled] {
        shop.fail_deliveries(1, fault);
    }
    for number in 1001..1005 {
        shop.place(order(number).line("Mug", "12.00", 1));
    }
    let all = shop.take_deliveries();
    assert_eq!(all.len(), 4);
    let genuine = |at: usize| all[at].header("X-Shopify-Hmac-SHA256") == Some(signed(SECRET, &all[at].body).as_str());
    assert_eq!([0, 1, 2, 3].map(genuine), [false, true, true, true]);
    assert_eq!(all[1], all[2]);
    assert_eq!((shop.delivery_counts().made, shop.delivery_counts().lost), (4, 1));

    let own = shop.signed("orders/create", b"{\"id\":1}".to_vec());
    assert_eq!(own.address, shop.subscriptions()[0].uri);
    assert_eq!(own.header("X-Shopify-Hmac-SHA256"), Some(signed(SECRET, b"{\"id\":1}").as_str()));
    assert_eq!(shop.deliver(&own).await, Some(200));
    assert_eq!(receiver.got().len(), 1, "what is held is not sent");
}
