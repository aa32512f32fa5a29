//! Alerts as people see them: lists, one by its id, and taking note.

use ::entity::{
    alert::{Action, Severity},
    ids::ConnectionId,
};
use serde_json::{Value, json};

use super::{Role, World};
use crate::{
    alert::{self, Raise},
    problem::{Owner, Problem},
};

const LIST: &str = "query ($connection: ID, $open: Boolean, $first: Int, $after: String) {
    alerts(connectionId: $connection, open: $open, first: $first, after: $after) {
        totalCount nodes { id subject } pageInfo { hasNextPage endCursor } } }";
const ACKNOWLEDGE: &str = "mutation ($id: ID!) { acknowledgeAlert(input: { alertId: $id }) {
    alert { acknowledgedBy acknowledgedAt resolvedAt } userErrors { field code } } }";

async fn raise(world: &World, connection: ConnectionId, subject: &str) {
    let problem = Problem::new(Owner::Merchant, "NEEDS_REAUTHORIZATION", "Authorize again.", "Open the link.");
    let action = Some(Action::AuthorizeFreshbooks);
    let raise = Raise { connection, subject, severity: Severity::Critical, problem, action };
    alert::raise(world.app.db.write(), raise, world.now()).await.unwrap();
}

async fn list(world: &World, token: &str, variables: Value) -> (Vec<String>, Value) {
    let page = world.data(token, LIST, variables).await["alerts"].clone();
    let nodes = page["nodes"].as_array().unwrap();
    (nodes.iter().map(|node| node["subject"].as_str().unwrap().to_owned()).collect(), page)
}

/// Two connections, three alerts, one of them resolved.
async fn three(world: &World) -> [Value; 2] {
    let (one, two) = (world.connect("one").await.id, world.connect("two").await.id);
    for (connection, subject) in [(one, "a"), (one, "b"), (two, "c")] {
        raise(world, connection, subject).await;
    }
    alert::resolve(world.app.db.write(), one, "NEEDS_REAUTHORIZATION", "a", world.now()).await.unwrap();
    [one, two].map(|id| json!(crate::graphql::connection_id(id)))
}

#[tokio::test]
async fn alerts_are_listed_newest_first_open_or_not_and_counted() {
    let world = World::start().await;
    let [one, _] = three(&world).await;
    let token = world.token(Role::Viewer, None);
    assert_eq!(list(&world, &token, json!({})).await.0, ["c", "b", "a"]);
    assert_eq!(list(&world, &token, json!({ "open": true })).await.0, ["c", "b"]);
    assert_eq!(list(&world, &token, json!({ "open": false })).await.0, ["a"]);
    assert_eq!(list(&world, &token, json!({ "connection": one })).await.0, ["b", "a"]);
    let (first, page) = list(&world, &token, json!({ "first": 2 })).await;
    assert_eq!(
        (first, &page["totalCount"], &page["pageInfo"]["hasNextPage"]),
        (vec!["c".into(), "b".into()], &json!(3), &json!(true))
    );
    let (rest, _) = list(&world, &token, json!({ "first": 2, "after": page["pageInfo"]["endCursor"] })).await;
    assert_eq!(rest, ["a"]);
    let data = world.data(&token, "{ connections { syncStatus { openAlerts } } }", json!({})).await;
    let open = |alerts: i64| json!({ "syncStatus": { "openAlerts": alerts } });
    assert_eq!(data["connections"], json!([open(1), open(1)]));
}

#[tokio::test]
async fn a_limited_token_sees_and_acknowledges_its_own_only() {
    let world = World::start().await;
    let [one, two] = three(&world).await;
    let all = world.token(Role::Viewer, None);
    let (_, page) = list(&world, &all, json!({})).await;
    let (theirs, ours) = (page["nodes"][0]["id"].clone(), page["nodes"][1]["id"].clone());
    let limited = world.token(Role::Support, Some(&[one.as_str().unwrap()]));
    assert_eq!(list(&world, &limited, json!({})).await.0, ["b", "a"]);
    assert_eq!(list(&world, &limited, json!({ "connection": two })).await.0, Vec::<String>::new());
    let node = "query ($id: ID!) { node(id: $id) { ... on Alert { subject } } }";
    assert_eq!(world.data(&limited, node, json!({ "id": theirs })).await["node"], Value::Null);
    assert_eq!(world.data(&limited, node, json!({ "id": ours })).await["node"]["subject"], "b");
    assert_eq!(world.code(&limited, ACKNOWLEDGE, json!({ "id": theirs })).await, "FORBIDDEN");
    assert_eq!(world.code(&all, ACKNOWLEDGE, json!({ "id": ours })).await, "FORBIDDEN");
    assert_eq!(world.code(&limited, ACKNOWLEDGE, json!({ "id": one })).await, "BAD_USER_INPUT");

    let data = world.data(&limited, ACKNOWLEDGE, json!({ "id": ours })).await;
    let alert = &data["acknowledgeAlert"]["alert"];
    assert_eq!((&alert["acknowledgedBy"], &alert["resolvedAt"]), (&json!("user:ada"), &Value::Null));
    assert!(alert["acknowledgedAt"].is_string());
    let again = world.data(&limited, ACKNOWLEDGE, json!({ "id": ours })).await;
    assert_eq!(again, data, "the first one stays");
    let trail = "{ auditEntries(first: 1) { nodes { action source actor trigger message } } }";
    let entry = json!({ "action": "acknowledge_alert", "source": "alert", "actor": "user:ada", "trigger": "acknowledge",
        "message": "Acknowledged NEEDS_REAUTHORIZATION (b)." });
    assert_eq!(world.data(&all, trail, json!({})).await["auditEntries"]["nodes"], json!([entry]));
    let unknown = json!({ "id": crate::global_id::write("Alert", 99) });
    let data = world.data(&world.token(Role::Admin, None), ACKNOWLEDGE, unknown).await;
    assert_eq!(
        data["acknowledgeAlert"]["userErrors"][0],
        json!({ "field": ["input", "alertId"], "code": "NOT_FOUND" })
    );
}

#[tokio::test]
async fn only_an_admin_gets_the_link_and_only_while_it_is_open() {
    let world = World::start().await;
    three(&world).await;
    let query = "{ alerts { nodes { code message hint owner severity count subject authorizationUrl lastError
        webhookSentAt emailSentAt raisedAt lastRaisedAt connection { shopDomain } } } }";
    for (role, shown) in [(Role::Viewer, false), (Role::Support, false), (Role::Admin, true)] {
        let data = world.data(&world.token(role, None), query, json!({})).await;
        let nodes = data["alerts"]["nodes"].as_array().unwrap();
        let links: Vec<bool> = nodes.iter().map(|node| node["authorizationUrl"].is_string()).collect();
        assert_eq!(links, [shown, shown, false]);
        let alert = &nodes[0];
        assert_eq!(
            (&alert["owner"], &alert["severity"], &alert["count"]),
            (&json!("MERCHANT"), &json!("CRITICAL"), &json!(1))
        );
        assert_eq!((&alert["message"], &alert["hint"]), (&json!("Authorize again."), &json!("Open the link.")));
        assert_eq!(
            (&alert["connection"]["shopDomain"], &alert["webhookSentAt"]),
            (&json!("two.myshopify.com"), &Value::Null)
        );
    }
}
