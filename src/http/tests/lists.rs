//! Lists: each row once, in either direction, whatever the filter.

use serde_json::{Value, json};

use super::{Role, World, order};
use crate::{
    order::{Outcome, Proof, Target},
    problem::{Owner, Problem},
};

const PAGE: &str = "query ($by: OrderOrder!, $first: Int, $after: String, $last: Int, $before: String) {
    orders(orderBy: $by, first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { shopifyOrderId } } nodes { shopifyOrderId }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

fn numbers(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["shopifyOrderId"].as_str().unwrap().to_owned()).collect()
}

/// Seven orders, two of them not read yet, three of one instant.
async fn seven(world: &World) {
    let connection = world.connect("one").await.id;
    let orders = [(1001, 3), (1002, 1), (1003, 3), (1004, 3), (1005, 2)].map(|(number, day)| order(number, None, day));
    world.record(connection, &orders).await;
    let by = crate::auth::Actor::cli("test");
    for number in [1006, 1007] {
        crate::order::resync(&world.app, &by, Target::Shopify(connection, number)).await.unwrap();
    }
}

#[tokio::test]
async fn pages_visit_each_row_once_forward_and_backward() {
    let world = World::start().await;
    seven(&world).await;
    let token = world.token(Role::Viewer, None);
    for (by, expected) in [
        ("PROCESSED_AT_DESC", ["1007", "1006", "1004", "1003", "1001", "1005", "1002"]),
        ("PROCESSED_AT_ASC", ["1002", "1005", "1001", "1003", "1004", "1006", "1007"]),
        ("UPDATED_AT_DESC", ["1007", "1006", "1004", "1003", "1001", "1005", "1002"]),
    ] {
        for size in [1, 2, 3, 7, 8] {
            let (mut seen, mut after) = (Vec::new(), Value::Null);
            loop {
                let data = world.data(&token, PAGE, json!({ "by": by, "first": size, "after": after })).await;
                let page = &data["orders"];
                seen.extend(numbers(page));
                assert_eq!(page["totalCount"], 7);
                assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(!after.is_null()));
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
            assert_eq!(seen, expected, "{by}, forward by {size}");
            let (mut seen, mut before) = (Vec::new(), Value::Null);
            loop {
                let data = world.data(&token, PAGE, json!({ "by": by, "last": size, "before": before })).await;
                let page = &data["orders"];
                seen.splice(0..0, numbers(page));
                assert_eq!(page["pageInfo"]["hasNextPage"], json!(!before.is_null()));
                if page["pageInfo"]["hasPreviousPage"] == false {
                    break;
                }
                before = page["pageInfo"]["startCursor"].clone();
            }
            assert_eq!(seen, expected, "{by}, backward by {size}");
        }
    }
    let all = world.data(&token, PAGE, json!({ "by": "PROCESSED_AT_ASC" })).await;
    let cursor = |of: usize| all["orders"]["edges"][of]["cursor"].clone();
    for (after, before) in [(0, 6), (2, 4), (4, 6), (5, 6)] {
        let between = json!({ "by": "PROCESSED_AT_ASC", "after": cursor(after), "before": cursor(before) });
        let data = world.data(&token, PAGE, between).await;
        assert_eq!(numbers(&data["orders"]), numbers(&all["orders"])[after + 1..before]);
    }
    let other_order = json!({ "by": "UPDATED_AT_DESC", "after": cursor(0) });
    for wrong in [
        other_order,
        json!({ "by": "UPDATED_AT_DESC", "first": 101 }),
        json!({ "by": "UPDATED_AT_DESC", "first": 1, "last": 1 }),
    ] {
        assert_eq!(world.code(&token, PAGE, wrong).await, "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let world = World::start().await;
    seven(&world).await;
    let proof = |returned| Proof { currency: "CAD".to_owned(), predicted: 2400, returned, shopify: 2400 };
    let overpaid = Problem::new(Owner::Merchant, "OVERPAID", "\"code\":\"LOOKS_LIKE_IT\"", "Refund it.");
    let now = world.now();
    for (lease, row) in world.claim().await {
        let (state, problem, proof) = match row.shopify_order_id {
            1001 => (super::synced_order::State::Synced, None, Some(proof(2400))),
            1002 => (super::synced_order::State::Failed, None, Some(proof(2401))),
            1003 => (super::synced_order::State::Waiting, Some(overpaid.clone()), None),
            // Still under way.
            1004 => continue,
            _ => (super::synced_order::State::Skipped, None, None),
        };
        let outcome = Outcome { state, problem, proof };
        assert!(crate::order::settle(world.app.db.write(), lease, &outcome, now).await.unwrap());
    }
    let token = world.token(Role::Viewer, None);
    let query = "query ($filter: OrderFilter!) { orders(filter: $filter) { totalCount nodes { shopifyOrderId } } }";
    for (filter, expected) in [
        (json!({}), vec!["1007", "1006", "1004", "1003", "1001", "1005", "1002"]),
        (json!({ "states": ["SYNCED", "SYNCING"] }), vec!["1004", "1001"]),
        (json!({ "states": ["DUE"] }), vec![]),
        (json!({ "states": [] }), vec![]),
        (json!({ "differs": true }), vec!["1002"]),
        (json!({ "differs": false }), vec!["1001"]),
        (json!({ "hasProblemCode": "OVERPAID" }), vec!["1003"]),
        (json!({ "hasProblemCode": "LOOKS_LIKE_IT" }), vec![]),
        (json!({ "hasProblemCode": "OVER_AID" }), vec![]),
        (json!({ "name": "1005" }), vec!["1005"]),
        (json!({ "namePrefix": "#100" }), vec!["1004", "1003", "1001", "1005", "1002"]),
        (json!({ "namePrefix": "%" }), vec![]),
        (
            json!({ "financialStatus": "paid", "processedFrom": "2026-11-02T10:00:00Z", "processedTo": "2026-11-03T10:00:00Z" }),
            vec!["1005"],
        ),
        (json!({ "updatedFrom": "2026-11-03T05:00:00-05:00" }), vec!["1004", "1003", "1001"]),
    ] {
        let data = world.data(&token, query, json!({ "filter": filter })).await;
        assert_eq!(numbers(&data["orders"]), expected, "{filter}");
        assert_eq!(data["orders"]["totalCount"], expected.len(), "{filter}");
    }
    assert_eq!(world.code(&token, query, json!({ "filter": { "hasProblemCode": "%" } })).await, "BAD_USER_INPUT");

    let status = "{ connections { syncStatus { ordersByState { state count } lagSeconds nextPullAt watermark } } }";
    let data = world.data(&token, status, json!({})).await;
    let status = &data["connections"][0]["syncStatus"];
    let counts: Vec<_> =
        status["ordersByState"].as_array().unwrap().iter().map(|of| of["count"].as_i64().unwrap()).collect();
    assert_eq!(counts, [0, 1, 1, 1, 0, 1, 3, 0]);
    assert!(status["nextPullAt"].is_string() && status["watermark"].is_null());

    // Due again, and nobody comes: the wait shows.
    let one = Target::Shopify(crate::connection::list(world.app.db.read(), None).await.unwrap()[0].id, 1001);
    crate::order::resync(&world.app, &crate::auth::Actor::cli("test"), one).await.unwrap();
    world.app.clock.advance(chrono::TimeDelta::seconds(30));
    let data = world.data(&token, "{ connections { syncStatus { lagSeconds } } }", json!({})).await;
    let lag = data["connections"][0]["syncStatus"]["lagSeconds"].as_i64().unwrap();
    assert!((30..40).contains(&lag), "{lag}");
}

#[tokio::test]
async fn what_is_too_deep_or_too_much_is_refused() {
    let world = World::start().await;
    let token = world.token(Role::Viewer, None);
    let deep = format!(
        "{{ __schema {{ types {{ fields {{ type {} }} }} }} }}",
        "{ ofType ".repeat(20) + "{ name }" + &" }".repeat(20)
    );
    assert_eq!(world.code(&token, &deep, json!({})).await, "BAD_USER_INPUT");
    let costly = "{ orders(first: 100) { nodes { auditEntries(first: 100) { nodes { id action } } } } }";
    assert_eq!(world.code(&token, costly, json!({})).await, "BAD_USER_INPUT");
    assert_eq!(world.code(&token, "{ orders { nodes { nonsense } } }", json!({})).await, "BAD_USER_INPUT");
    // What GraphiQL asks when it opens: nine levels of wrapped types below an argument.
    let wrapped = "{ kind name ofType ".repeat(9) + "{ kind name }" + &" }".repeat(9);
    let tool = format!("{{ __schema {{ types {{ fields {{ args {{ type {wrapped} }} }} }} }} }}");
    assert!(world.data(&token, &tool, json!({})).await["__schema"]["types"].is_array());
}
