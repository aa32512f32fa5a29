//! What other settings would change: compared, never written, people masked.

use ::entity::ids::ConnectionId;
use serde_json::{Value, json};

use super::{Order, Role, World, order};

const WHAT_IF: &str = "query ($id: ID!, $settings: ConnectionSettingsInput!, $last: Int) {
    whatIf(connectionId: $id, settings: $settings, lastOrders: $last) { orders changed refusedNow refusedThen
        differences { shopifyOrderId name fieldMappings { shopifyField freshbooksField before after personal }
            totalBefore { amount currencyCode } totalAfter { amount currencyCode }
            problemBefore { code message hint owner } problemAfter { code message hint owner } } } }";

/// Three orders: of a guest, of a customer, of the same customer in dollars. The last one was placed last.
async fn three(world: &World) -> Value {
    let connection = world.connect("one").await.id;
    let dollars = in_dollars(&order(1003, Some(7), 3));
    world.record(connection, &[order(1001, None, 1), order(1002, Some(7), 2), dollars]).await;
    let admin = world.token(Role::Admin, None);
    world.data(&admin, "{ connections { id } }", json!({})).await["connections"][0]["id"].clone()
}

/// The buyer paid as many dollars.
fn in_dollars(order: &Order) -> Order {
    fn exchange(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    match name.as_str() {
                        "presentmentMoney" => field["currencyCode"] = json!("USD"),
                        "presentmentCurrencyCode" => *field = json!("USD"),
                        _ => exchange(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(exchange),
            _ => {}
        }
    }
    let mut order = serde_json::to_value(order).unwrap();
    exchange(&mut order);
    serde_json::from_value(order).unwrap()
}

async fn ask(world: &World, role: Role, id: &Value, settings: Value, last: Option<i32>) -> Value {
    let variables = json!({ "id": id, "settings": settings, "last": last });
    world.data(&world.token(role, None), WHAT_IF, variables).await["whatIf"].clone()
}

fn names(answer: &Value) -> Vec<&str> {
    answer["differences"].as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap()).collect()
}

/// The rows of one difference: field, before, after.
fn rows(difference: &Value) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let mappings = difference["fieldMappings"].as_array().unwrap();
    mappings
        .iter()
        .map(|of| (of["freshbooksField"].as_str().unwrap(), of["before"].as_str(), of["after"].as_str()))
        .collect()
}

#[tokio::test]
async fn each_changed_document_is_told_field_by_field_and_nothing_is_written() {
    let world = World::start().await;
    let id = three(&world).await;
    let nothing = json!({ "orders": 3, "changed": 0, "refusedNow": 0, "refusedThen": 0, "differences": [] });
    for change in [json!({}), json!({ "lateChanges": "WAIT", "refunds": "PERSON" })] {
        assert_eq!(ask(&world, Role::Viewer, &id, change, None).await, nothing);
    }

    let change = json!({ "invoiceNumber": "SH-{number}", "issue": "DRAFT",
        "paymentTypes": [{ "gateway": "Shopify_Payments", "type": "Debit" }] });
    let answer = ask(&world, Role::Viewer, &id, change, None).await;
    assert_eq!((&answer["orders"], &answer["changed"]), (&json!(3), &json!(3)));
    assert_eq!(names(&answer), ["#1003", "#1002", "#1001"], "placed last comes first");
    let first = &answer["differences"][2];
    assert_eq!(
        rows(first),
        [
            ("invoice.invoice_number", Some("1001"), Some("SH-1001")),
            ("invoice.status", Some("sent"), Some("draft")),
            ("payments[10019].type", Some("Credit Card"), Some("Debit")),
        ]
    );
    assert_eq!(first["fieldMappings"][0]["shopifyField"], "number");
    let money = json!({ "amount": "24.00", "currencyCode": "CAD" });
    assert_eq!((&first["totalBefore"], &first["totalAfter"]), (&money, &money));

    let trail = world.data(&world.token(Role::Viewer, None), "{ auditEntries { totalCount } }", json!({})).await;
    assert_eq!(trail["auditEntries"]["totalCount"], super::CONNECTED);
    let row = crate::connection::load(world.app.db.read(), ConnectionId(1)).await.unwrap();
    assert_eq!(crate::connection::settings(&row).unwrap(), super::Settings::default());
}

#[tokio::test]
async fn what_is_refused_on_one_side_is_told_with_its_reason() {
    let world = World::start().await;
    let id = three(&world).await;
    let change = json!({ "startDate": "2026-11-02", "filters": { "testOrders": true } });
    let answer = ask(&world, Role::Viewer, &id, change, None).await;
    assert_eq!((&answer["refusedNow"], &answer["refusedThen"], &answer["changed"]), (&json!(0), &json!(1), &json!(1)));
    let left_out = &answer["differences"][0];
    assert_eq!((&left_out["name"], &left_out["problemAfter"]["code"]), (&json!("#1001"), &json!("BEFORE_START_DATE")));
    assert_eq!((&left_out["problemBefore"], &left_out["totalAfter"]), (&Value::Null, &Value::Null));
    assert_eq!((&left_out["totalBefore"]["amount"], rows(left_out)), (&json!("24.00"), vec![]));
}

#[tokio::test]
async fn viewers_learn_what_changes_but_not_about_whom() {
    let world = World::start().await;
    let id = three(&world).await;
    let change = json!({ "matching": "GENERIC_CLIENT", "currency": "PRESENTMENT" });
    let open = ask(&world, Role::Support, &id, change.clone(), Some(1)).await;
    assert_eq!((&open["orders"], names(&open)), (&json!(1), vec!["#1003"]));
    let told = &open["differences"][0];
    assert!(rows(told).contains(&("client.fname", Some("Quillon"), None)), "{told:#}");
    let line = rows(told).into_iter().find(|(field, ..)| *field == "invoice.lines[0]").unwrap();
    assert!(line.1.unwrap().contains("Mug") && line.2.unwrap().contains("USD"), "{line:?}");
    assert_eq!(told["totalAfter"], json!({ "amount": "24.00", "currencyCode": "USD" }));

    let masked = ask(&world, Role::Viewer, &id, change, None).await;
    let rows = rows(&masked["differences"][0]);
    assert!(rows.contains(&("client.fname", Some("***"), None)), "{rows:?}");
    assert!(rows.contains(&("invoice.lines[0]", Some("***"), Some("***"))), "{rows:?}");
    assert!(rows.contains(&("invoice.currency_code", Some("CAD"), Some("USD"))), "{rows:?}");
    for word in ["Quillon", "quill@", "Testperson", "Mug"] {
        assert!(!masked.to_string().contains(word), "{word} was told: {masked:#}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_by_name() {
    let world = World::start().await;
    let id = three(&world).await;
    let token = world.token(Role::Viewer, None);
    for (settings, last, named) in [
        (json!({ "roundingCap": "9.00" }), 100, "`settings.roundingCap`"),
        (json!({ "filters": { "financialStatuses": ["OPEN"] } }), 100, "`settings.filters.financialStatuses`"),
        (json!({}), 0, "`lastOrders`"),
        (json!({}), 1001, "`lastOrders`"),
    ] {
        let answer = world.ask(&token, WHAT_IF, json!({ "id": id, "settings": settings, "last": last })).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
        assert!(error["message"].as_str().unwrap().contains(named), "{answer:#}");
    }
    let most = ask(&world, Role::Viewer, &id, json!({}), Some(1000)).await;
    assert_eq!(most["orders"], 3, "with every field, as many as may be");
    world.connect("two").await;
    let ids = world.data(&token, "{ connections { id } }", json!({})).await;
    let other = world.token(Role::Admin, Some(&[ids["connections"][1]["id"].as_str().unwrap()]));
    assert_eq!(world.code(&other, WHAT_IF, json!({ "id": id, "settings": {} })).await, "NOT_FOUND");
}
