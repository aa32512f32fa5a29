//! What a token may see, and when the shop does not answer at all.

use serde_json::{Value, json};

use super::{
    Options,
    install::{ASKED, Install},
};
use crate::sandbox::shopify::{ShopState, build::order, model::Order};

const LATELY: &str = "2026-11-02T12:00:00Z";
const ORDERS: &str =
    "{ orders(first: 5) { nodes { name email customer { email: defaultEmailAddress { emailAddress } } } } }";

fn mug(number: i32, time: &str) -> Order {
    order(number).at(time).guest("ann@example.com").line("Mug", "12.00", 1).paid("manual")
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_token_sees_what_it_was_granted() {
    let app = Install::start(Options { orders: vec![mug(1001, LATELY)], ..Options::default() }).await;
    let scopes = "{ currentAppInstallation { accessScopes { handle } } }";
    let handles = async |token: &Value| {
        let body = app.ask(token, scopes).await.1;
        let list = body["data"]["currentAppInstallation"]["accessScopes"].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|scope| scope["handle"].as_str().map(str::to_owned)).collect::<Vec<_>>().join(",")
    };
    let all = app.grant(ASKED, "1").await;
    app.shop.set_grant_only(Some(vec!["read_orders".to_owned()]));
    let fewer = app.grant(ASKED, "1").await;
    assert_eq!(fewer["scope"], "read_orders");
    app.shop.set_grant_only(Some(Vec::new()));
    let none = app.grant(ASKED, "1").await;
    assert_eq!(none["scope"], "");
    let (all, fewer, none) = (&all["access_token"], &fewer["access_token"], &none["access_token"]);
    assert_eq!((handles(all).await.as_str(), handles(fewer).await.as_str()), (ASKED, "read_orders"));

    let count = "{ ordersCount { count } }";
    assert_eq!(app.ask(all, count).await.1["data"]["ordersCount"]["count"], 1);
    assert_eq!(code(&app.ask(none, count).await.1), "ACCESS_DENIED");
    assert_eq!(app.ask(all, ORDERS).await.1.get("errors"), None);
    let (_, body) = app.ask(fewer, ORDERS).await;
    assert_eq!(
        (code(&body), &body["errors"][0]["path"]),
        ("ACCESS_DENIED", &json!(["orders", "nodes", 0, "customer"]))
    );
    assert_eq!(body["data"]["orders"]["nodes"][0]["customer"], json!(null));
    let id = format!("gid://shopify/Order/{}", app.shop.orders()[0].id);
    let node =
        format!("{{ node(id: \"{id}\") {{ id }} nodes(ids: [\"{id}\"]) {{ id }} order(id: \"{id}\") {{ id }} }}");
    let (_, body) = app.ask(none, &node).await;
    assert_eq!(body["data"], json!({ "node": null, "nodes": [null], "order": null }));
    assert_eq!(body["errors"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn without_read_all_orders_sixty_days_show() {
    let orders = vec![mug(1001, LATELY), mug(1002, "2026-06-01T12:00:00Z")];
    let app = Install::start(Options { orders, ..Options::default() }).await;
    for (scopes, seen) in [(ASKED, 2), ("read_orders", 1)] {
        let token = app.grant(scopes, "1").await;
        let (_, body) = app.ask(&token["access_token"], "{ ordersCount { count } }").await;
        assert_eq!(body["data"]["ordersCount"]["count"], seen);
    }
}

#[tokio::test]
async fn protected_data_needs_an_approval() {
    let app = Install::start(Options { orders: vec![mug(1001, LATELY)], ..Options::default() }).await;
    let token = &app.grant(ASKED, "1").await["access_token"];
    let email = async || app.ask(token, ORDERS).await.1["data"]["orders"]["nodes"][0]["email"].is_string();
    assert!(email().await);
    app.shop.set_personal_data(false);
    assert!(!email().await);
    app.shop.set_orders_allowed(false);
    let (status, body) = app.ask(token, ORDERS).await;
    assert_eq!((status, code(&body)), (200, "ACCESS_DENIED"));
    assert_eq!(
        body["errors"][0]["message"],
        "This app is not approved to access the Order object. See https://shopify.dev/docs/apps/launch/protected-customer-data for more \
         details."
    );
}

#[tokio::test]
async fn a_bulk_operation_without_the_scope_fails() {
    let app = Install::start(Options::default()).await;
    let token = &app.grant("read_customers", "1").await["access_token"];
    let run =
        "mutation { bulkOperationRunQuery(query: \"{ orders { edges { node { id } } } }\") { bulkOperation { id } } }";
    app.ask(token, run).await;
    let list = "{ bulkOperations(first: 1) { nodes { status errorCode } } }";
    app.ask(token, list).await;
    let (_, body) = app.ask(token, list).await;
    assert_eq!(body["data"]["bulkOperations"]["nodes"], json!([{ "status": "FAILED", "errorCode": "ACCESS_DENIED" }]));
}

#[tokio::test]
async fn an_uninstalled_app_has_nothing_left() {
    let app = Install::start(Options { orders: vec![mug(1001, LATELY)], ..Options::default() }).await;
    let code = &app.callback(ASKED).await["code"];
    let old = &app.grant(ASKED, "0").await["access_token"];
    let pair = app.grant(ASKED, "1").await;
    let run =
        "mutation { bulkOperationRunQuery(query: \"{ orders { edges { node { id } } } }\") { bulkOperation { id } } }";
    app.ask(&pair["access_token"], run).await;
    app.shop.uninstall();
    for token in [old, &pair["access_token"]] {
        assert_eq!(app.opens(token).await, 401);
    }
    assert_eq!(app.refresh(&pair["refresh_token"]).await.0, 401);
    assert_eq!(app.token(json!({ "code": code })).await.0, 400);
    let again = app.grant(ASKED, "1").await;
    let list = "{ bulkOperations(first: 1) { nodes { status url } } }";
    let (_, body) = app.ask(&again["access_token"], list).await;
    assert_eq!(body["data"]["bulkOperations"]["nodes"], json!([{ "status": "CANCELED", "url": null }]));

    let secrets = app.shop.secrets();
    let handed = [&pair["access_token"], &pair["refresh_token"], &again["access_token"], old, &json!(code)];
    let handed =
        handed.into_iter().filter_map(Value::as_str).chain(["shpss_sandboxsandboxsandboxsandbox01", "shpat_sandbox"]);
    for secret in handed {
        assert!(secrets.iter().any(|known| known == secret), "{secret}");
    }
}

#[tokio::test]
async fn a_shop_that_is_not_open_says_so() {
    let app = Install::start(Options::default()).await;
    let pair = app.grant(ASKED, "1").await;
    let states = [
        (ShopState::Frozen, 402, "Unavailable Shop"),
        (ShopState::Locked, 423, "This shop is unavailable"),
        (ShopState::Closed, 403, "Unavailable Shop"),
        (ShopState::Unknown, 404, "Not Found"),
    ];
    for (state, status, text) in states {
        app.shop.set_state(state);
        assert_eq!(app.ask(&pair["access_token"], "{ shop { id } }").await, (status, json!({ "errors": text })));
        assert_eq!(app.refresh(&pair["refresh_token"]).await, (status, json!({ "errors": text })));
    }
    app.shop.set_state(ShopState::Inactive);
    let (status, body) = app.ask(&pair["access_token"], "{ shop { id } }").await;
    assert_eq!((status, code(&body), body.get("data")), (200, "SHOP_INACTIVE", None));
    app.shop.set_state(ShopState::Open);
    assert_eq!(app.refresh(&pair["refresh_token"]).await.0, 200, "nothing happened to the chain");
}

#[tokio::test]
async fn the_shop_tells_what_an_installation_asks() {
    let app = Install::start(Options::default()).await;
    let token = &app.grant(ASKED, "1").await["access_token"];
    let facts = "{ shop { id name myshopifyDomain currencyCode ianaTimezone taxesIncluded plan { publicDisplayName partnerDevelopment \
                 shopifyPlus } } publicApiVersions { handle supported displayName } }";
    let (_, body) = app.ask(token, facts).await;
    assert_eq!(body.get("errors"), None);
    assert_eq!(body["data"]["shop"]["plan"]["publicDisplayName"], "Development");
    let versions = body["data"]["publicApiVersions"].as_array().cloned().unwrap_or_default();
    assert!(versions.iter().any(|version| version["handle"] == "2026-10" && version["supported"] == true));
}
