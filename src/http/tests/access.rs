//! Who gets an answer, and to what.

use chrono::TimeDelta;
use serde_json::json;

use super::{Role, World, order};
use crate::{
    auth::testing::{AUDIENCE, ISSUER, Pair, Provider},
    config::Config,
};

const VIEWER: &str = "{ viewer { subject role rights limited connections { shopDomain } } }";
const RESYNC: &str = "mutation ($input: ResyncOrderInput!) { resyncOrder(input: $input)
    { order { name state trigger actor lane } userErrors { field message code } } }";
const PULL: &str = "mutation ($input: PullOrdersInput!) { pullOrders(input: $input)
    { pull { kind state since trigger actor } userErrors { field code } } }";

#[tokio::test]
async fn nothing_is_told_to_strangers_not_even_the_schema() {
    let world = World::start().await;
    for query in [VIEWER, "{ __schema { queryType { name } } }", "{ nonsense"] {
        let answer = world.post(None, &json!({ "query": query })).await;
        assert_eq!(answer.status(), 200);
        let answer: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert!(answer["data"].is_null(), "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("Authorization: Bearer"));
    }
    assert_eq!(world.code("not.a.token", VIEWER, json!({})).await, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_is_good_until_it_expires() {
    let world = World::start().await;
    let token = world.token(Role::Support, None);
    let data = world.data(&token, VIEWER, json!({})).await;
    assert_eq!(data["viewer"]["subject"], "ada");
    assert_eq!(data["viewer"]["role"], "SUPPORT");
    assert_eq!(data["viewer"]["rights"], json!(["READ", "READ_PERSONAL", "RESYNC", "PULL", "ACKNOWLEDGE", "HAND_OUT"]));
    world.app.clock.advance(TimeDelta::hours(2));
    let answer = world.ask(&token, VIEWER, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("expired: get a new one"));
}

#[tokio::test]
async fn a_viewer_changes_nothing() {
    let world = World::start().await;
    let connection = world.connect("one").await;
    world.record(connection.id, &[order(1001, None, 1)]).await;
    let token = world.token(Role::Viewer, None);
    let id = world.data(&token, "{ connections { id } }", json!({})).await["connections"][0]["id"].clone();
    let input = json!({ "input": { "connectionId": id, "shopifyOrderId": "1001" } });
    assert_eq!(world.code(&token, RESYNC, input).await, "FORBIDDEN");
    assert_eq!(world.code(&token, RESYNC, json!({ "input": {} })).await, "FORBIDDEN");
    assert_eq!(world.code(&token, PULL, json!({ "input": { "connectionId": id } })).await, "FORBIDDEN");
    let row = crate::order::find(world.app.db.read(), connection.id, 1001).await.unwrap().unwrap();
    assert_eq!((row.trigger.as_str(), row.stale), ("pull:1", false));
}

#[tokio::test]
async fn a_limited_token_knows_of_its_connections_only() {
    let world = World::start().await;
    let (mine, other) = (world.connect("mine").await, world.connect("other").await);
    world.record(mine.id, &[order(1001, None, 1)]).await;
    world.record(other.id, &[order(2001, None, 1)]).await;
    let admin = world.token(Role::Admin, None);
    let all = "{ connections { id shopDomain } orders { totalCount nodes { id } } }";
    let data = world.data(&admin, all, json!({})).await;
    let id = |of: usize| data["connections"][of]["id"].as_str().unwrap().to_owned();
    let theirs_order = data["orders"]["nodes"].as_array().unwrap();
    assert_eq!((data["connections"].as_array().unwrap().len(), theirs_order.len()), (2, 2));

    let token = world.token(Role::Support, Some(&[&id(0)]));
    let data = world.data(&token, &format!("{VIEWER} "), json!({})).await;
    assert_eq!(data["viewer"]["connections"], json!([{ "shopDomain": "mine.myshopify.com" }]));
    assert_eq!(data["viewer"]["limited"], true);
    let lists = "query ($other: ID!) {
        orders { totalCount nodes { name } } pulls { nodes { id } } auditEntries { nodes { id } }
        theirs: orders(connectionId: $other) { totalCount nodes { name } }
        node(id: $other) { id } connection(id: $other) { id } order(connectionId: $other, name: \"#2001\") { id }
        byShop: connection(shopDomain: \"https://other.myshopify.com/admin\") { id } }";
    let data = world.data(&token, lists, json!({ "other": id(1) })).await;
    assert_eq!(data["orders"], json!({ "totalCount": 1, "nodes": [{ "name": "#1001" }] }));
    assert_eq!(data["theirs"], json!({ "totalCount": 0, "nodes": [] }));
    for single in ["node", "connection", "order", "byShop"] {
        assert!(data[single].is_null(), "{single} was told");
    }
    let preview = "query ($id: ID!) { previewOrder(connectionId: $id, shopifyOrderId: \"2001\") { orderName } }";
    assert_eq!(world.code(&token, preview, json!({ "id": id(1) })).await, "NOT_FOUND");
    let input = json!({ "input": { "connectionId": id(1), "shopifyOrderId": "2001" } });
    assert_eq!(world.code(&token, RESYNC, input).await, "FORBIDDEN");
    assert_eq!(world.code(&token, PULL, json!({ "input": { "connectionId": id(1) } })).await, "FORBIDDEN");
    for order in theirs_order {
        let data = world.data(&token, "query ($id: ID!) { node(id: $id) { id } }", json!({ "id": order["id"] })).await;
        let sees = data["node"]["id"] == order["id"];
        let answer = world.ask(&token, RESYNC, json!({ "input": { "orderId": order["id"] } })).await;
        assert_eq!(answer["errors"].is_null(), sees, "{answer}");
    }
    assert_eq!(world.data(&world.token(Role::Admin, Some(&[])), all, json!({})).await["orders"]["totalCount"], 0);
}

#[tokio::test]
async fn a_limit_that_an_identity_provider_sets_holds_as_well() {
    let provider = Provider::start(vec![Pair::Ec.listed("k")]).await;
    let world = World::with(provider.in_config(Config::default())).await;
    let (mine, other) = (world.connect("mine").await, world.connect("other").await);
    world.record(mine.id, &[order(1001, None, 1)]).await;
    world.record(other.id, &[order(2001, None, 1)]).await;
    let all = "{ connections { id shopDomain } }";
    let data = world.data(&world.token(Role::Admin, None), all, json!({})).await;
    let id = |of: usize| data["connections"][of]["id"].as_str().unwrap().to_owned();
    let token = |connections: serde_json::Value| {
        let exp = world.now().timestamp() + 60;
        let claims = json!({ "sub": "ada", "role": "support", "exp": exp, "iss": ISSUER, "aud": AUDIENCE,
            "connections": connections });
        Pair::Ec.sign(Some("k"), &claims)
    };
    let ask = "query ($other: ID!) { connections { shopDomain } orders { nodes { name } } node(id: $other) { id }
        theirs: orders(connectionId: $other) { totalCount } order(connectionId: $other, name: \"#2001\") { id } }";
    let data = world.data(&token(json!([id(0)])), ask, json!({ "other": id(1) })).await;
    assert_eq!(data["connections"], json!([{ "shopDomain": "mine.myshopify.com" }]));
    assert_eq!(data["orders"]["nodes"], json!([{ "name": "#1001" }]));
    assert_eq!(data["theirs"]["totalCount"], 0);
    assert!(data["node"].is_null() && data["order"].is_null());
    let input = json!({ "input": { "connectionId": id(1), "shopifyOrderId": "2001" } });
    assert_eq!(world.code(&token(json!([id(0)])), RESYNC, input).await, "FORBIDDEN");
    // A limit that makes no sense is not read as none.
    assert_eq!(world.code(&token(json!(id(0))), all, json!({})).await, "UNAUTHENTICATED");
    let claims =
        json!({ "sub": "ada", "role": "admin", "exp": world.now().timestamp() + 60, "iss": ISSUER, "aud": "x" });
    let answer = world.ask(&Pair::Ec.sign(Some("k"), &claims), all, json!({})).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("another audience"), "{answer}");
}

#[tokio::test]
async fn support_resyncs_an_order_by_any_of_its_names() {
    let world = World::start().await;
    let connection = world.connect("one").await;
    world.record(connection.id, &[order(1001, None, 1)]).await;
    let token = world.token(Role::Support, None);
    let data = world.data(&token, "{ connections { id } orders { nodes { id } } }", json!({})).await;
    let (id, order) = (&data["connections"][0]["id"], &data["orders"]["nodes"][0]["id"]);
    for input in [
        json!({ "orderId": order }),
        json!({ "connectionId": id, "shopifyOrderId": "1001" }),
        json!({ "connectionId": id, "shopifyOrderId": "gid://shopify/Order/1001" }),
        json!({ "connectionId": id, "name": "#1001" }),
        json!({ "connectionId": id, "name": "1001" }),
    ] {
        let data = world.data(&token, RESYNC, json!({ "input": input })).await;
        let expected =
            json!({ "name": "#1001", "state": "DUE", "trigger": "resync", "actor": "user:ada", "lane": "RESYNC" });
        assert_eq!(data["resyncOrder"], json!({ "order": expected, "userErrors": [] }), "{input}");
    }
    // One that was never heard of becomes a row, and the visit reads it.
    let input = json!({ "input": { "connectionId": id, "shopifyOrderId": "7777" } });
    let data = world.data(&token, RESYNC, input).await;
    assert_eq!(data["resyncOrder"]["order"]["state"], "DUE");
    for (input, field, code) in [
        (json!({}), "orderId", "REQUIRED"),
        (json!({ "orderId": order, "name": "#1001" }), "orderId", "REQUIRED"),
        (json!({ "connectionId": id, "shopifyOrderId": "#1001" }), "shopifyOrderId", "INVALID"),
        (json!({ "orderId": "U3luY2VkT3JkZXI6OTk" }), "orderId", "NOT_FOUND"),
    ] {
        let data = world.data(&token, RESYNC, json!({ "input": input })).await;
        let error = &data["resyncOrder"]["userErrors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!(["input", field]), &json!(code)), "{input}");
        assert!(data["resyncOrder"]["order"].is_null());
    }
    assert_eq!(world.code(&token, RESYNC, json!({ "input": { "orderId": "nonsense" } })).await, "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_name_not_known_here_is_looked_up_in_shopify() {
    let found = json!({ "data": { "orders": { "nodes": [{ "id": "gid://shopify/Order/5005", "name": "#5005" }] } } });
    let shopify = axum::Router::new().fallback(async move || axum::Json(found.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/{{shop}}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, shopify).await.unwrap() });
    let world = World::beside(&base).await;
    let connection = world.connect("one").await;
    let token = world.token(Role::Support, None);
    let id = world.data(&token, "{ connections { id } }", json!({})).await["connections"][0]["id"].clone();
    let data = world.data(&token, RESYNC, json!({ "input": { "connectionId": id, "name": "5005" } })).await;
    assert_eq!(data["resyncOrder"]["order"]["state"], "DUE", "{data}");
    let row = crate::order::find(world.app.db.read(), connection.id, 5005).await.unwrap().unwrap();
    assert!(row.stale);
    let data = world.data(&token, RESYNC, json!({ "input": { "connectionId": id, "name": "#6006" } })).await;
    assert_eq!(data["resyncOrder"]["userErrors"][0]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn a_pull_is_asked_for_over_a_window() {
    let world = World::start().await;
    world.connect("one").await;
    let token = world.token(Role::Support, None);
    let id = world.data(&token, "{ connections { id } }", json!({})).await["connections"][0]["id"].clone();
    let input = json!({ "input": { "connectionId": id, "since": "2026-01-01T00:00:00-05:00" } });
    let pull = &world.data(&token, PULL, input).await["pullOrders"]["pull"];
    assert_eq!((&pull["kind"], &pull["state"]), (&json!("BACKFILL"), &json!("WAITING")));
    assert_eq!((&pull["since"], &pull["actor"]), (&json!("2026-01-01T05:00:00Z"), &json!("user:ada")));
    let input =
        json!({ "input": { "connectionId": id, "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" } });
    let data = world.data(&token, PULL, input).await;
    assert_eq!(data["pullOrders"]["userErrors"], json!([{ "field": ["input", "since"], "code": "INVALID" }]));
    let data = world.data(&token, "{ pulls { totalCount nodes { connection { shopDomain } } } }", json!({})).await;
    let shop = json!({ "connection": { "shopDomain": "one.myshopify.com" } });
    assert_eq!(data["pulls"], json!({ "totalCount": 1, "nodes": [shop] }));
}
