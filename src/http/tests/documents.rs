//! What an order became in FreshBooks: whose client it is invoiced to, and how its refunds are recorded.

use ::entity::{
    order_snapshot,
    resource_link::{Kind, State},
};
use sea_orm::{EntityTrait, sea_query::Expr};
use serde_json::{Value, json};

use super::{
    Role, World, order,
    order::{Doc, confirm},
};
use crate::{
    link::Facts,
    shopify::model::{Order, Refund},
    work::Lease,
};

/// The one order of a world, under way.
async fn visited(world: &World, order: Order) -> Lease {
    let connection = world.connect("one").await.id;
    world.record(connection, &[order]).await;
    world.claim().await[0].0
}

async fn ask(world: &World, fields: &str) -> Value {
    let query = format!("{{ orders {{ nodes {{ {fields} }} }} }}");
    let data = world.data(&world.token(Role::Viewer, None), &query, json!({})).await;
    data["orders"]["nodes"][0].clone()
}

/// Links of clients: Shopify's name, FreshBooks' id, whether it was found there.
type Clients = &'static [(&'static str, i64, bool)];

#[tokio::test]
async fn the_client_is_the_one_that_the_invoice_names() {
    const GUEST: Clients = &[("guest:00ff", 71, false)];
    const COMPANY: Clients = &[("7", 70, true), ("company:5", 71, false)];
    const GENERIC: Clients = &[("7", 70, true), ("generic", 71, false)];
    const ONE_AND_THE_SAME: Clients = &[("8", 71, true), ("guest:00ff", 71, true), ("7", 71, false)];
    const FOUND: Clients = &[("7", 71, true)];
    const MOVED_ON: Clients = &[("7", 70, true)];
    let invoiced = Some(71);
    // The customer, the links, the client of the invoice; FreshBooks' id, matched, customer and company as they are shown.
    let table = [
        ("a customer", Some(7), FOUND, invoiced, json!(["71", true, "7", null])),
        ("a customer not invoiced yet", Some(7), FOUND, None, json!(["71", true, "7", null])),
        ("a guest", None, GUEST, invoiced, json!(["71", false, null, null])),
        ("a guest not invoiced yet", None, GUEST, None, Value::Null),
        ("a company", Some(7), COMPANY, invoiced, json!(["71", false, "7", "5"])),
        ("the generic client", Some(7), GENERIC, invoiced, json!(["71", false, "7", null])),
        ("one client of three, a customer", Some(7), ONE_AND_THE_SAME, invoiced, json!(["71", false, "7", null])),
        ("one client of three, a guest", None, ONE_AND_THE_SAME, invoiced, json!(["71", true, null, null])),
        ("a customer who has another client now", Some(7), MOVED_ON, invoiced, json!(["71", false, "7", null])),
    ];
    for (what, customer, clients, client, expected) in table {
        let world = World::start().await;
        let lease = visited(&world, order(1001, customer, 1)).await;
        for &(shopify_id, id, adopted) in clients {
            let client = Doc::new(Kind::Client, shopify_id, id, Facts { adopted, ..Facts::default() });
            confirm(&world, lease, client, &json!({})).await;
        }
        if client.is_some() {
            let invoice = Doc::new(Kind::Invoice, "1001", 500, Facts { client, ..Facts::default() });
            confirm(&world, lease, invoice, &json!({})).await;
        }
        let fields = "client { freshbooksId matched shopifyCustomerId shopifyCompanyId state }";
        let shown = ask(&world, fields).await["client"].clone();
        let list = |name: &str| shown[name].clone();
        let told = match &shown {
            Value::Null => Value::Null,
            _ => ["freshbooksId", "matched", "shopifyCustomerId", "shopifyCompanyId"].map(list).to_vec().into(),
        };
        assert_eq!(told, expected, "{what}");
        assert!(shown.is_null() || shown["state"] == "CONFIRMED", "{what}");
    }
}

/// In the evening of the 20th where the shop is: money that went back, and money that did not.
fn refund(number: i64, given: &str) -> Refund {
    let transaction = |status: &str, cad: &str, usd: &str| {
        json!({ "id": format!("gid://shopify/OrderTransaction/{number}1"), "kind": "REFUND", "status": status, "amountSet": {
            "shopMoney": { "amount": cad, "currencyCode": "CAD" }, "presentmentMoney": { "amount": usd, "currencyCode": "USD" } } })
    };
    serde_json::from_value(json!({ "id": format!("gid://shopify/Refund/{number}"), "createdAt": "2026-11-21T04:30:00Z",
        "processedAt": "2026-11-21T04:30:00Z", "note": null, "duties": null,
        "totalRefundedSet": transaction("SUCCESS", given, "1.00")["amountSet"],
        "transactions": [transaction("SUCCESS", given, "1.00"), transaction("FAILURE", "9.99", "9.99")] }))
    .unwrap()
}

#[tokio::test]
async fn each_refund_tells_how_it_is_recorded() {
    const REFUNDS: &str =
        "refunds { shopifyRefundId recordedAs freshbooksId amount { amount currencyCode } date state }";
    let world = World::start().await;
    let refunded = Order {
        refunds: [(8, "5.25"), (9, "3.00"), (11, "2.00")].map(|(n, given)| refund(n, given)).into(),
        ..order(1001, Some(7), 1)
    };
    let lease = visited(&world, refunded).await;
    assert_eq!(ask(&world, REFUNDS).await["refunds"], json!([]));

    let facts =
        |total, dated: &str| Facts { total: Some(total), dated: Some(dated.parse().unwrap()), ..Facts::default() };
    let invoice = Facts { adjusted: vec![11, 8], ..facts(1675, "2026-11-01") };
    confirm(&world, lease, Doc::new(Kind::Invoice, "1001", 500, invoice), &json!({})).await;
    confirm(&world, lease, Doc::new(Kind::CreditNote, "9", 800, facts(300, "2026-11-21")), &json!({})).await;
    let gone = Doc { state: State::Removed, ..Doc::new(Kind::CreditNote, "10", 801, facts(100, "2026-11-22")) };
    confirm(&world, lease, gone, &json!({})).await;

    let money = |amount: &str| json!({ "amount": amount, "currencyCode": "CAD" });
    let adjusted = |number: &str, amount: Value, date: Value| {
        json!({ "shopifyRefundId": number, "recordedAs": "ADJUSTMENT", "freshbooksId": null, "amount": amount, "date": date,
            "state": "CONFIRMED" })
    };
    let credited = |number: &str, id: &str, amount: &str, date: &str, state: &str| {
        json!({ "shopifyRefundId": number, "recordedAs": "CREDIT_NOTE", "freshbooksId": id, "amount": money(amount), "date": date,
            "state": state })
    };
    let notes = || {
        [
            credited("9", "800", "3.00", "2026-11-21", "CONFIRMED"),
            credited("10", "801", "1.00", "2026-11-22", "REMOVED"),
        ]
    };
    let [nine, ten] = notes();
    let known = [
        adjusted("8", money("5.25"), json!("2026-11-20")),
        nine,
        ten,
        adjusted("11", money("2.00"), json!("2026-11-20")),
    ];
    assert_eq!(ask(&world, REFUNDS).await["refunds"], json!(known));
    let invoice = ask(&world, "invoice { amount { amount } outstanding { amount } }").await["invoice"].clone();
    assert_eq!(invoice, json!({ "amount": { "amount": "16.75" }, "outstanding": { "amount": "16.75" } }));

    // What needs no snapshot opens none: this one would not open.
    let spoilt = order_snapshot::Entity::update_many().col_expr(order_snapshot::Column::Sealed, Expr::value("spoilt"));
    spoilt.exec(world.app.db.write()).await.unwrap();
    let told = ask(&world, "refunds { shopifyRefundId recordedAs state syncedAt }").await;
    assert_eq!(told["refunds"].as_array().unwrap().len(), 4);
    let query = format!("{{ orders {{ nodes {{ {REFUNDS} }} }} }}");
    assert_eq!(world.code(&world.token(Role::Viewer, None), &query, json!({})).await, "INTERNAL");

    // Past its retention there is none.
    order_snapshot::Entity::delete_many().exec(world.app.db.write()).await.unwrap();
    let [nine, ten] = notes();
    let known = [adjusted("8", Value::Null, Value::Null), nine, ten, adjusted("11", Value::Null, Value::Null)];
    assert_eq!(ask(&world, REFUNDS).await["refunds"], json!(known));
}
