//! Requests about people, from Shopify's webhook to what is left in the database.

mod customers;
mod data;
mod races;
mod retention;
mod shops;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use entity::{
    customer_key,
    privacy_request::{self, Kind, State},
};
use ml_connector::sandbox::shopify::{
    build,
    model::{Address, CountryCode, Customer, Order},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use crate::{
    harness::{SHOP, TestApp},
    person::http,
    ringing::{send_by, with},
};

const CUSTOMER: u64 = 777_001;
const EMAIL: &str = "zenobia.quillfeather@example.com";

/// All that names her.
const SHE: [&str; 5] = ["Zenobia", "Quillfeather", "zenobia.quillfeather", "7 Forgetmenot Lane", "+14165550123"];

fn address() -> Address {
    Address {
        address1: Some("7 Forgetmenot Lane".to_owned()),
        phone: Some("+14165550123".to_owned()),
        ..build::address("Zenobia", "Quillfeather", "Toronto", "ON", "M5V 2T6", CountryCode::Ca)
    }
}

/// Somebody whose name is found nowhere by chance.
fn zenobia() -> Customer {
    Customer {
        phone: Some("+14165550123".to_owned()),
        address: Some(Arc::new(address())),
        ..build::customer(CUSTOMER, "Zenobia", "Quillfeather", EMAIL)
    }
}

fn hers(number: i32) -> Order {
    build::order(number).line("Mug", "12.00", 2).tax("HST", "0.13").customer(zenobia()).paid("shopify_payments")
}

fn as_guest(number: i32) -> Order {
    let order = build::order(number).line("Mug", "12.00", 1).tax("HST", "0.13").guest(EMAIL);
    order.bill_to(address()).ship_to(address()).phone("+14165550123").paid("shopify_payments")
}

/// Tells the service, as Shopify does; what it answers.
async fn deliver(app: &TestApp, shop: &str, topic: &str, body: &Value, signed: Option<&str>) -> u16 {
    let mut one = with(&app.shopify.signed(topic, body.to_string().into_bytes()), "X-Shopify-Shop-Domain", shop);
    if let Some(signed) = signed {
        one = with(&one, "X-Shopify-Hmac-SHA256", signed);
    }
    send_by(&http(), &app.door("/webhooks/shopify"), &one).await.unwrap()
}

async fn tell(app: &TestApp, topic: &str, body: Value) {
    assert_eq!(deliver(app, SHOP, topic, &body, None).await, 200);
}

/// What Shopify says when she asks to be forgotten.
fn redact_her(orders: &[u64]) -> Value {
    json!({
        "shop_id": 1,
        "shop_domain": SHOP,
        "customer": { "id": CUSTOMER, "email": EMAIL, "phone": "+14165550123" },
        "orders_to_redact": orders,
    })
}

async fn requests(app: &TestApp) -> Vec<privacy_request::Model> {
    let select = privacy_request::Entity::find().order_by_asc(privacy_request::Column::Id);
    select.all(app.app.db.read()).await.unwrap()
}

async fn states(app: &TestApp) -> Vec<(Kind, State)> {
    requests(app).await.iter().map(|row| (row.kind, row.state)).collect()
}

/// Codes of the alerts that are open.
async fn alerts(app: &TestApp) -> Vec<String> {
    use entity::alert::{Column, Entity};
    let open = Entity::find().filter(Column::ResolvedAt.is_null()).order_by_asc(Column::Id);
    open.all(app.app.db.read()).await.unwrap().into_iter().map(|row| row.code).collect()
}

async fn key(app: &TestApp, subject: &str) -> Option<customer_key::Model> {
    let select = customer_key::Entity::find().filter(customer_key::Column::Subject.eq(subject));
    select.one(app.app.db.read()).await.unwrap()
}

fn number(order: &Order) -> u64 {
    order.id
}

#[tokio::test]
async fn a_request_that_nobody_signed_is_refused_and_one_of_a_stranger_is_taken_without_effect() {
    let app = TestApp::start().await;
    for topic in ["customers/data_request", "customers/redact", "shop/redact"] {
        let forged = STANDARD.encode([7; 32]);
        assert_eq!(deliver(&app, SHOP, topic, &redact_her(&[]), Some(&forged)).await, 401, "{topic}");
        let mut stranger = json!({ "shop_id": 2, "shop_domain": "a-stranger.myshopify.com" });
        if topic != "shop/redact" {
            stranger["customer"] = json!({ "id": 1 });
        }
        assert_eq!(deliver(&app, "a-stranger.myshopify.com", topic, &stranger, None).await, 200, "{topic}");
    }
    assert_eq!(requests(&app).await, []);
    app.end().await;
}
