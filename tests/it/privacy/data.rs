//! `customers/data_request`.

use entity::privacy_request::{Kind, State};
use ml_connector::{app::App, auth::Role};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{CUSTOMER, EMAIL, SHE, alerts, as_guest, hers, number, requests, states, tell};
use crate::{
    harness::{ENCRYPTION_KEYS, SHOP, TestApp, mugs},
    person::{ask, ask_as, global},
};

const LIST: &str = "query($id: ID!) { privacyRequests(connectionId: $id, open: true) { totalCount nodes {
    id kind state reference completedBy detail shopifyOrderIds export } } }";
const COMPLETE: &str = "mutation($input: CompletePrivacyRequestInput!) { completePrivacyRequest(input: $input) {
    privacyRequest { state completedBy detail export } userErrors { field code } } }";

fn ask_for_hers(orders: &[u64]) -> Value {
    json!({
        "shop_id": 1,
        "shop_domain": SHOP,
        "customer": { "id": CUSTOMER, "email": EMAIL, "phone": "+14165550123" },
        "orders_requested": orders,
        "data_request": { "id": 9_999 },
    })
}

#[tokio::test]
async fn what_is_held_of_a_customer_is_handed_out_by_whoever_may_see_people() {
    let app = TestApp::start().await;
    let (first, guest) = (app.shopify.place(hers(1001)), app.shopify.place(as_guest(1002)));
    let other = app.shopify.place(mugs(1003));
    app.pull().await;
    tell(&app, "customers/data_request", ask_for_hers(&[number(&first), number(&guest), number(&other)])).await;
    app.settle().await;
    assert_eq!(alerts(&app).await, ["CUSTOMER_DATA_REQUEST"]);

    let variables = json!({ "id": global(&app) });
    let seen = ask_as(&app, Role::Viewer, LIST, variables.clone()).await;
    let seen = &seen["data"]["privacyRequests"]["nodes"][0];
    assert_eq!(
        (&seen["kind"], &seen["state"], &seen["export"]),
        (&json!("CUSTOMER_DATA"), &json!("OPEN"), &json!(null))
    );
    assert_eq!(seen["reference"], "9999");

    let listed = ask_as(&app, Role::Support, LIST, variables.clone()).await;
    let request = &listed["data"]["privacyRequests"]["nodes"][0];
    let text = request["export"].as_str().unwrap();
    for word in SHE {
        assert!(text.contains(word), "{word} is not in the export");
    }
    assert!(!text.contains("buyer1003@example.com"), "another customer is in the export");
    let export: Value = serde_json::from_str(text).unwrap();
    assert_eq!(export["customer"], json!({ "shopifyCustomerId": CUSTOMER.to_string(), "email": EMAIL }));
    let names: Vec<_> = export["orders"].as_array().unwrap().iter().map(|order| order["name"].clone()).collect();
    assert_eq!(names, ["#1001", "#1002"]);
    let order = &export["orders"][0];
    assert_eq!(order["shopifyOrder"]["email"], EMAIL);
    assert_eq!(order["freshbooksDocuments"][0]["kind"], "invoice");
    let entries = order["auditEntries"].as_array().unwrap();
    let client = entries.iter().find(|entry| entry["action"] == "create_client").unwrap();
    let mappings = client["fieldMappings"].as_array().unwrap();
    assert!(mappings.iter().any(|mapping| mapping["after"] == "Zenobia"), "{mappings:?}");
    assert_eq!(export["clients"].as_array().unwrap().len(), 2, "as a customer and as a guest: {:#}", export["clients"]);

    let input = json!({ "input": { "id": request["id"], "note": "Sent to the merchant." } });
    let refused = ask_as(&app, Role::Viewer, COMPLETE, input.clone()).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let long = json!({ "input": { "id": request["id"], "note": "x".repeat(501) } });
    let wrong = ask_as(&app, Role::Support, COMPLETE, long).await;
    assert_eq!(wrong["data"]["completePrivacyRequest"]["userErrors"][0]["code"], "INVALID");
    let done = ask_as(&app, Role::Support, COMPLETE, input).await;
    let done = &done["data"]["completePrivacyRequest"];
    assert_eq!(done["userErrors"], json!([]));
    let expected =
        json!({ "state": "DONE", "completedBy": "user:ada", "detail": "Sent to the merchant.", "export": null });
    assert_eq!(done["privacyRequest"], expected);
    app.settle().await;
    assert_eq!(alerts(&app).await, Vec::<String>::new());
    assert_eq!(requests(&app).await[0].email, None);
    assert_eq!(ask(&app, LIST, variables).await["privacyRequests"]["totalCount"], 0);
    app.end().await;
}

#[tokio::test]
async fn what_was_written_before_somebody_had_the_order_is_handed_out_too() {
    let app = TestApp::start().await;
    let order = app.shopify.place(as_guest(1001));
    app.pull().await;
    app.shopify.change(number(&order), |order| order.customer = Some(super::zenobia().into()));
    app.pull().await;
    tell(&app, "customers/data_request", ask_for_hers(&[])).await;
    app.settle().await;
    let export = ml_connector::privacy::export(&app.app, &requests(&app).await[0]).await.unwrap().unwrap();
    let export: Value = serde_json::from_str(&export).unwrap();
    let entries = export["orders"][0]["auditEntries"].as_array().unwrap();
    let client = entries.iter().find(|entry| entry["action"] == "create_client").unwrap();
    let mappings = client["fieldMappings"].as_array().unwrap();
    assert!(mappings.iter().any(|mapping| mapping["after"] == "Zenobia"), "{mappings:?}");
    app.end().await;
}

#[tokio::test]
async fn the_alert_stays_until_the_last_of_several_requests_is_completed() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        tell(&app, "customers/data_request", ask_for_hers(&[])).await;
    }
    app.settle().await;
    let listed = ask(&app, LIST, json!({ "id": global(&app) })).await;
    for (request, left) in listed["privacyRequests"]["nodes"].as_array().unwrap().iter().zip([1, 0]) {
        assert_eq!(alerts(&app).await, ["CUSTOMER_DATA_REQUEST"]);
        let done = ask(&app, COMPLETE, json!({ "input": { "id": request["id"] } })).await;
        assert_eq!(done["completePrivacyRequest"]["privacyRequest"]["state"], "DONE");
        assert_eq!(ask(&app, LIST, json!({ "id": global(&app) })).await["privacyRequests"]["totalCount"], left);
    }
    assert_eq!(alerts(&app).await, Vec::<String>::new());
    app.settle().await;
    app.end().await;
}

#[tokio::test]
async fn who_is_erased_has_nothing_left_to_be_handed_out() {
    let app = TestApp::start().await;
    let order = app.shopify.place(hers(1001));
    app.pull().await;
    tell(&app, "customers/data_request", ask_for_hers(&[number(&order)])).await;
    app.settle().await;
    tell(&app, "customers/redact", super::redact_her(&[number(&order)])).await;
    app.settle().await;
    assert_eq!(states(&app).await, [(Kind::CustomerData, State::Declined), (Kind::CustomerRedact, State::Done)]);
    assert_eq!(alerts(&app).await, Vec::<String>::new());
    assert!(requests(&app).await.iter().all(|row| row.email.is_none() && row.shopify_customer_id.is_none()));
    app.end().await;
}

#[tokio::test]
async fn an_address_that_a_request_names_moves_to_another_key() {
    let app = TestApp::start().await;
    tell(&app, "customers/data_request", ask_for_hers(&[])).await;
    let before = requests(&app).await[0].email.clone().unwrap();
    assert!(before.starts_with("k1.test."), "{before}");
    let new = ml_connector::crypto::keygen("new");
    let mut config = app.app.config.clone();
    config.encryption_keys = Some(format!("{},{ENCRYPTION_KEYS}", new.expose_secret()).into());
    let front = App::on(app.app.db.clone(), config, app.app.clock.clone()).unwrap();
    assert_eq!(ml_connector::rotate::run(&front).await.unwrap().requests, 1);
    assert_eq!(ml_connector::rotate::run(&front).await.unwrap().requests, 0);
    let after = requests(&app).await.remove(0);
    assert!(after.email.as_deref().unwrap().starts_with("k1.new."));
    let export = ml_connector::privacy::export(&front, &after).await.unwrap().unwrap();
    assert!(export.contains(EMAIL), "{export}");
    app.settle().await;
    app.end().await;
}
