//! Settings: shown whole, changed by admins only, told what is wrong field by field.

use ::entity::{ids::ConnectionId, synced_order::State};
use serde_json::{Value, json};

use super::{Role, Settings, World, order};
use crate::order::Outcome;

const SETTINGS: &str = "{ connections { settings {
    filters { financialStatuses sources excludedSources tags excludedTags testOrders } startDate invoiceWhen issue invoiceNumber
    currency discounts marketplaceTax roundingCap cancelled refunds paymentTypes { gateway type } matching genericClient
    lockedThrough lateChanges drift } } }";

#[tokio::test]
async fn a_connection_tells_every_setting() {
    let world = World::start().await;
    world.connect("one").await;
    let token = world.token(Role::Viewer, None);
    let settings = world.data(&token, SETTINGS, json!({})).await["connections"][0]["settings"].clone();
    assert_eq!(
        settings,
        json!({
            "filters": { "financialStatuses": [], "sources": [], "excludedSources": [], "tags": [], "excludedTags": [],
                "testOrders": false },
            "startDate": null, "invoiceWhen": "CREATED", "issue": "SENT", "invoiceNumber": "{number}", "currency": "SHOP",
            "discounts": "OWN_LINE", "marketplaceTax": "NAMED", "roundingCap": null, "cancelled": "VOID", "refunds": "ADJUST",
            "paymentTypes": [
                { "gateway": "bank_deposit", "type": "Bank Transfer" }, { "gateway": "cash", "type": "Cash" },
                { "gateway": "paypal", "type": "PayPal" }, { "gateway": "shopify_payments", "type": "Credit Card" },
            ],
            "matching": "VERIFIED_EMAIL", "genericClient": "Shopify sales", "lockedThrough": null,
            "lateChanges": "OPEN_PERIOD",
            "drift": "KEEP",
        })
    );
}

const UPDATE: &str = "mutation ($id: ID!, $settings: ConnectionSettingsInput!) {
    updateConnectionSettings(input: { connectionId: $id, settings: $settings }) {
        connection { settings { filters { tags testOrders } refunds invoiceNumber roundingCap startDate paymentTypes { gateway type } } }
        userErrors { field message code } } }";
const TRAIL: &str =
    "{ auditEntries(filter: { action: \"update_settings\" }) { nodes { outcome actor source trigger shopifyOrderId
    message fieldMappings { shopifyField freshbooksField before after personal } } } }";

async fn ids(world: &World, token: &str) -> Vec<Value> {
    let data = world.data(token, "{ connections { id } }", json!({})).await;
    data["connections"].as_array().unwrap().iter().map(|connection| connection["id"].clone()).collect()
}

async fn update(world: &World, token: &str, id: &Value, settings: Value) -> Value {
    world.data(token, UPDATE, json!({ "id": id, "settings": settings })).await["updateConnectionSettings"].clone()
}

/// The paths of what is wrong, without the two steps that all share.
fn wrong(payload: &Value) -> Vec<String> {
    assert!(payload["connection"].is_null(), "{payload:#}");
    let path = |error: &Value| {
        let path: Vec<_> = error["field"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
        assert_eq!(path[..2], ["input", "settings"]);
        path[2..].join(".")
    };
    payload["userErrors"].as_array().unwrap().iter().map(path).collect()
}

#[tokio::test]
async fn only_admins_change_settings() {
    let world = World::start().await;
    world.connect("one").await;
    world.connect("two").await;
    let ids = ids(&world, &world.token(Role::Admin, None)).await;
    let change = json!({ "id": ids[0], "settings": { "refunds": "PERSON" } });
    for token in [
        world.token(Role::Viewer, None),
        world.token(Role::Support, None),
        world.token(Role::Admin, Some(&[ids[1].as_str().unwrap()])),
    ] {
        assert_eq!(world.code(&token, UPDATE, change.clone()).await, "FORBIDDEN");
    }
    let admin = world.token(Role::Admin, Some(&[ids[0].as_str().unwrap()]));
    let payload = update(&world, &admin, &ids[0], json!({ "refunds": "PERSON" })).await;
    assert_eq!(payload["connection"]["settings"]["refunds"], "PERSON");
    let nowhere = json!("Q29ubmVjdGlvbjo5");
    let payload = update(&world, &world.token(Role::Admin, None), &nowhere, json!({})).await;
    assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn what_is_left_out_stays_null_is_the_default_and_the_trail_says_so() {
    let world = World::start().await;
    world.connect("one").await;
    let admin = world.token(Role::Admin, None);
    let id = ids(&world, &admin).await.remove(0);
    let first = json!({ "refunds": "CREDIT_NOTE", "roundingCap": "0.05", "startDate": "2026-01-01",
        "filters": { "tags": ["vip", " vip "], "testOrders": true }, "paymentTypes": [{ "gateway": "cash", "type": "Cash" }] });
    let settings = update(&world, &admin, &id, first.clone()).await["connection"]["settings"].clone();
    assert_eq!(
        settings,
        json!({ "filters": { "tags": ["vip"], "testOrders": true }, "refunds": "CREDIT_NOTE", "invoiceNumber": "{number}",
            "roundingCap": "0.05", "startDate": "2026-01-01", "paymentTypes": [{ "gateway": "cash", "type": "Cash" }] })
    );
    update(&world, &admin, &id, first).await;
    update(&world, &admin, &id, json!({})).await;
    let second = json!({ "startDate": null, "roundingCap": null, "filters": { "testOrders": null } });
    let settings = update(&world, &admin, &id, second).await["connection"]["settings"].clone();
    assert_eq!((&settings["startDate"], &settings["roundingCap"]), (&Value::Null, &Value::Null));
    assert_eq!(settings["filters"], json!({ "tags": ["vip"], "testOrders": false }));

    let entries = world.data(&world.token(Role::Viewer, None), TRAIL, json!({})).await["auditEntries"]["nodes"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 2, "what changes nothing is not told: {entries:#}");
    let mapping = |field: &str, before: Value, after: Value| json!({ "shopifyField": "-", "freshbooksField": field, "before": before, "after": after, "personal": false });
    assert_eq!(
        entries[0],
        json!({ "outcome": "done", "actor": "user:ada", "source": "settings", "trigger": "settings", "shopifyOrderId": null,
            "message": "Changed settings.filters.testOrders, settings.startDate, settings.roundingCap.",
            "fieldMappings": [
                mapping("settings.filters.testOrders", json!("true"), json!("false")),
                mapping("settings.startDate", json!("2026-01-01"), Value::Null),
                mapping("settings.roundingCap", json!("0.05"), Value::Null),
            ] })
    );
    assert_eq!(entries[1]["fieldMappings"][3], mapping("settings.roundingCap", Value::Null, json!("0.05")));
    let verdict = crate::audit::verify(world.app.db.read(), ConnectionId(1)).await.unwrap();
    assert_eq!(verdict, crate::audit::Verdict::Intact(super::CONNECTED + 2));
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_and_nothing_is_changed() {
    let world = World::start().await;
    let connection = world.connect("one").await;
    let admin = world.token(Role::Admin, None);
    let id = ids(&world, &admin).await.remove(0);
    let payload = update(
        &world,
        &admin,
        &id,
        json!({ "refunds": "PERSON", "invoiceNumber": "INVOICE-{number}", "roundingCap": "-0.01", "genericClient": "",
            "filters": { "financialStatuses": ["OPEN"], "tags": ["a"], "excludedTags": ["A"] },
            "paymentTypes": [{ "gateway": "gift_card", "type": "Credit" }], "lockedThrough": "2199-01-01" }),
    )
    .await;
    assert_eq!(
        wrong(&payload),
        [
            "filters.financialStatuses",
            "filters.excludedTags",
            "invoiceNumber",
            "roundingCap",
            "paymentTypes",
            "genericClient",
            "lockedThrough",
        ]
    );
    let codes: Vec<_> = payload["userErrors"].as_array().unwrap().iter().map(|error| error["code"].as_str()).collect();
    assert_eq!((codes[2], codes[5]), (Some("INVALID"), Some("REQUIRED")));
    let row = crate::connection::load(world.app.db.read(), connection.id).await.unwrap();
    assert_eq!(row, connection);
    assert_eq!(world.data(&admin, TRAIL, json!({})).await["auditEntries"]["nodes"], json!([]));
}

#[tokio::test]
async fn two_shops_of_one_account_cannot_write_the_same_numbers() {
    let world = World::start().await;
    let templates = |template: &str| Settings { invoice_number: template.to_owned(), ..Settings::default() };
    world.connect_to("one", "books", Settings::default()).await.unwrap();
    let refused = world.connect_to("refused", "books", Settings::default()).await.unwrap_err().to_string();
    assert!(refused.contains("Shop one"), "{refused}");
    world.connect_to("two", "books", templates("TWO-{number}")).await.unwrap();
    world.connect_to("three", "others", Settings::default()).await.unwrap();

    let admin = world.token(Role::Admin, None);
    let ids = ids(&world, &admin).await;
    let payload = update(&world, &admin, &ids[2], json!({ "invoiceNumber": "{number}", "refunds": "PERSON" })).await;
    assert_eq!(
        (wrong(&payload), &payload["userErrors"][0]["code"]),
        (vec!["invoiceNumber".to_owned()], &json!("TAKEN"))
    );
    assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains("`Shop one`"), "{payload:#}");
    let limited = world.token(Role::Admin, Some(&[ids[2].as_str().unwrap()]));
    let payload = update(&world, &limited, &ids[2], json!({ "invoiceNumber": "7{number}" })).await;
    assert_eq!(wrong(&payload), ["invoiceNumber"]);
    assert!(!payload.to_string().contains("Shop one"), "the token is told of another connection: {payload:#}");
    let payload = update(&world, &admin, &ids[2], json!({ "invoiceNumber": "2ND-{number}" })).await;
    assert_eq!(payload["connection"]["settings"]["invoiceNumber"], "2ND-{number}");
}

#[tokio::test]
async fn what_was_kept_out_is_due_again_and_what_is_in_the_books_is_not() {
    let world = World::start().await;
    let connection = world.connect("one").await.id;
    let states = [State::Synced, State::Waiting, State::Failed, State::Skipped];
    let numbers = [1001, 1002, 1003, 1004];
    world.record(connection, &numbers.map(|number| order(number, None, 1))).await;
    for (lease, row) in world.claim().await {
        let state = numbers.into_iter().zip(states).find(|(number, _)| row.shopify_order_id == *number).unwrap().1;
        let outcome = Outcome { state, problem: None, proof: None };
        assert!(crate::order::settle(world.app.db.write(), lease, &outcome, world.now()).await.unwrap());
    }
    world.record(connection, &[order(1005, None, 1), order(1006, None, 1)]).await;
    let visited = world.claim().await.into_iter().find(|(_, row)| row.shopify_order_id == 1005).unwrap().0;

    let admin = world.token(Role::Admin, None);
    let id = ids(&world, &admin).await.remove(0);
    update(&world, &admin, &id, json!({ "refunds": "PERSON" })).await;
    // A visit that began under the old settings ends; its order is looked at again.
    let outcome = Outcome { state: State::Failed, problem: None, proof: None };
    assert!(crate::order::settle(world.app.db.write(), visited, &outcome, world.now()).await.unwrap());
    let mut rows = Vec::new();
    for number in 1001..=1005 {
        let row = crate::order::find(world.app.db.read(), connection, number).await.unwrap().unwrap();
        rows.push((row.state, row.due_at.is_some(), row.trigger, row.actor));
    }
    let due = (State::Due, true, "settings".to_owned(), "user:ada".to_owned());
    let synced = (State::Synced, false, "pull:1".to_owned(), "system:schedule".to_owned());
    assert_eq!(rows, [synced, due.clone(), due.clone(), due.clone(), due]);
}
