//! People stay inside: who sees what of them.

use serde_json::{Value, json};

use super::{Role, World, order};
use crate::{audit, order::snapshot};

const TRAIL: &str = "query ($filter: AuditFilter) { auditEntries(filter: $filter) { totalCount nodes { sequence action outcome
    shopifyOrderId hash previousHash message fieldMappings { shopifyField freshbooksField before after personal } } } }";
const PREVIEW: &str = "query ($id: ID!) { previewOrder(connectionId: $id, shopifyOrderId: \"1001\") {
    orderName knownSince owed { amount currencyCode } predictedTotal { amount } problem { code }
    writes { action resource shopifyResource freshbooksId request { method path body }
        fieldMappings { freshbooksField after personal } } } }";

fn field(name: &str, after: &str, personal: bool) -> audit::FieldMapping {
    audit::FieldMapping {
        shopify_field: "-".to_owned(),
        freshbooks_field: name.to_owned(),
        before: None,
        after: Some(after.to_owned()),
        personal,
    }
}

/// Two entries about order 1001, the second with a person's value.
async fn trail(world: &World) {
    let connection = world.connect("one").await.id;
    world.record(connection, &[order(1001, Some(7), 1)]).await;
    let row = crate::order::find(world.app.db.read(), connection, 1001).await.unwrap().unwrap();
    let (key_id, key) = snapshot::find(world.app.db.read(), &world.app.keyring, row.id).await.unwrap().unwrap().key;
    for (action, outcome) in [("none", "waiting"), ("create_client", "done")] {
        let entry = audit::Entry {
            connection,
            shopify_order_id: Some(1001),
            shopify_resource: Some("Customer/7".to_owned()),
            freshbooks_resource: None,
            action: action.to_owned(),
            outcome: outcome.to_owned(),
            actor: "system:schedule".to_owned(),
            trigger: "pull:1".to_owned(),
            correlation_id: "visit-1".to_owned(),
            field_mappings: vec![field("email", "quill@example.com", true), field("currency_code", "CAD", false)],
            message: "A sentence.".to_owned(),
        };
        let txn = world.app.db.begin_write().await.unwrap();
        audit::append(&txn, entry, Some((key_id, &key)), world.now()).await.unwrap();
        txn.commit().await.unwrap();
    }
}

#[tokio::test]
async fn the_trail_is_masked_for_viewers_and_open_for_support() {
    let world = World::start().await;
    trail(&world).await;
    for (role, shown) in
        [(Role::Viewer, "***"), (Role::Support, "quill@example.com"), (Role::Admin, "quill@example.com")]
    {
        let data = world.data(&world.token(role, None), TRAIL, json!({})).await;
        // What came before is how the shop was connected.
        let entries = &data["auditEntries"]["nodes"].as_array().unwrap()[..2];
        assert_eq!(entries[0]["action"], "create_client", "newest first");
        assert_eq!(entries[0]["previousHash"], entries[1]["hash"]);
        for entry in entries {
            let mappings = &entry["fieldMappings"];
            assert_eq!((&mappings[0]["after"], &mappings[0]["personal"]), (&json!(shown), &json!(true)), "{role:?}");
            assert_eq!((&mappings[1]["after"], &mappings[1]["before"]), (&json!("CAD"), &Value::Null));
        }
    }
}

#[tokio::test]
async fn the_trail_is_filtered_and_stands_under_its_order() {
    let world = World::start().await;
    trail(&world).await;
    let token = world.token(Role::Viewer, None);
    let data = world
        .data(&token, "{ orders { nodes { id auditEntries(first: 1) { totalCount nodes { action } } } } }", json!({}))
        .await;
    let order = &data["orders"]["nodes"][0];
    assert_eq!(order["auditEntries"], json!({ "totalCount": 2, "nodes": [{ "action": "create_client" }] }));
    for (filter, expected) in [
        (json!({ "orderId": order["id"] }), 2),
        (json!({ "orderId": "U3luY2VkT3JkZXI6OTk" }), 0),
        (json!({ "shopifyOrderId": "gid://shopify/Order/1001", "outcome": "done" }), 1),
        (json!({ "action": "none" }), 1),
        (json!({ "correlationId": "visit-1", "from": "2020-01-01T00:00:00Z" }), 2),
        (json!({ "to": "2020-01-01T00:00:00Z" }), 0),
        (json!({ "connectionId": "Q29ubmVjdGlvbjo5" }), 0),
    ] {
        let data = world.data(&token, TRAIL, json!({ "filter": filter })).await;
        assert_eq!(data["auditEntries"]["totalCount"], expected, "{filter}");
    }
}

#[tokio::test]
async fn a_preview_names_nobody_to_viewers() {
    let world = World::start().await;
    let connection = world.connect("one").await.id;
    world.record(connection, &[order(1001, Some(7), 1)]).await;
    let (viewer, support) = (world.token(Role::Viewer, None), world.token(Role::Support, None));
    let id = world.data(&viewer, "{ connections { id } }", json!({})).await["connections"][0]["id"].clone();
    let preview = world.data(&support, PREVIEW, json!({ "id": id })).await["previewOrder"].clone();
    assert_eq!((&preview["orderName"], &preview["owed"]["amount"]), (&json!("#1001"), &json!("24.00")));
    assert_eq!((&preview["predictedTotal"]["amount"], &preview["problem"]), (&json!("24.00"), &Value::Null));
    let writes = preview["writes"].as_array().unwrap();
    let steps: Vec<_> =
        writes.iter().map(|of| (of["action"].as_str().unwrap(), of["shopifyResource"].as_str())).collect();
    assert_eq!(
        steps,
        [("find", Some("Customer/7")), ("create", Some("Order/1001")), ("create", Some("OrderTransaction/10019"))]
    );
    assert_eq!(writes[1]["request"]["method"], "POST");
    assert_eq!(writes[1]["request"]["body"]["invoice"]["lines"][0]["name"], "Mug");
    assert_eq!(writes[2]["request"]["body"]["payment"]["invoiceid"], Value::Null);

    let masked = world.data(&viewer, PREVIEW, json!({ "id": id })).await["previewOrder"].clone();
    let line = &masked["writes"][1]["request"]["body"]["invoice"]["lines"][0];
    assert_eq!((&line["name"], &line["description"]), (&json!("***"), &json!("***")));
    assert_eq!(line["unit_cost"]["amount"], "12.00");
    assert_eq!(masked["predictedTotal"], preview["predictedTotal"]);
    for word in ["Quillon", "quill@", "Testperson", "Mug"] {
        assert!(!masked.to_string().contains(word), "{word} was told: {masked:#}");
    }
}
