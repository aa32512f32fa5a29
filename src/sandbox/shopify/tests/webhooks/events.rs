//! What is told of an order's life, of customers, of the shop and of bulk operations.

use std::time::Duration;

use serde_json::json;

use super::{Options, Shopify, ask, holding, open, subscribe, told, topics};
use crate::sandbox::shopify::{
    BulkPace, Deliveries,
    build::{Draft, Giving, customer, order},
    currency::CurrencyCode,
    model::{Order, OrderCancelReason, OrderTransactionStatus},
    tests::install::{ASKED, Install},
};

const ORDERS: &[&str] = &[
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "ORDERS_PAID",
    "ORDERS_CANCELLED",
    "ORDERS_EDITED",
    "ORDERS_DELETE",
    "ORDER_TRANSACTIONS_CREATE",
    "REFUNDS_CREATE",
    "CUSTOMERS_CREATE",
    "CUSTOMERS_UPDATE",
];

fn mug(number: i32) -> Draft {
    order(number).line("Mug", "12.00", 2).customer(customer(501, "Ada", "Sample", "ada@example.com"))
}

/// The topics of all that was told since the last time.
fn heard(shop: &Shopify) -> Vec<String> {
    topics(&shop.take_deliveries()).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_is_told_when_nobody_asked() {
    let shop = open(Options::default()).await;
    shop.set_deliveries(Deliveries::Holding);
    let placed = shop.place(mug(1001).paid("manual"));
    shop.evolve(placed.id, Order::refund_all);
    subscribe(&shop, "ORDERS_PAID", json!({ "uri": "https://app.example.com/hooks" })).await;
    shop.evolve(placed.id, Order::fulfilled);
    assert_eq!(heard(&shop), [""; 0]);
}

#[tokio::test]
async fn an_orders_life_is_told_event_by_event() {
    let shop = holding(Options::default(), ORDERS).await;
    let placed = shop.place(mug(1001).placed());
    assert_eq!(heard(&shop), ["orders/create", "customers/create", "orders/updated"]);
    shop.evolve(placed.id, |order| order.paid("shopify_payments"));
    assert_eq!(heard(&shop), ["order_transactions/create", "orders/paid", "orders/updated"]);
    shop.evolve(placed.id, |order| order.edit_adds("Cup", "5.00", 1));
    assert_eq!(heard(&shop), ["orders/edited", "orders/updated"]);
    shop.evolve(placed.id, |order| order.refund_units(0, 1));
    assert_eq!(heard(&shop), ["order_transactions/create", "refunds/create", "orders/updated"]);
    shop.evolve(placed.id, |order| order.cancelled_without_refund(OrderCancelReason::Customer));
    let last = heard(&shop);
    assert!(
        last.contains(&"orders/cancelled".to_owned()) && last.ends_with(&["orders/updated".to_owned()]),
        "{last:?}"
    );
    shop.delete(placed.id);
    assert_eq!(told(&shop), json!({ "id": placed.id }));

    shop.place(mug(1002).paid("manual"));
    shop.place(mug(1003).placed());
    assert_eq!(
        heard(&shop),
        [
            "orders/create",
            "customers/create",
            "order_transactions/create",
            "orders/paid",
            "orders/updated",
            "orders/create",
            "customers/update",
            "orders/updated",
        ],
        "a buyer is new once, among the orders that are there"
    );
}

#[tokio::test]
async fn an_attempt_is_told_when_its_end_is_known() {
    let shop = holding(Options::default(), &["ORDER_TRANSACTIONS_CREATE"]).await;
    let placed = shop.place(mug(1001).paid("manual"));
    shop.take_deliveries();
    shop.evolve(placed.id, |order| order.refunded(Giving::everything().pending()));
    assert_eq!(heard(&shop), [""; 0], "a refund under way is no news");
    shop.evolve(placed.id, Order::refund_arrives);
    let paid = told(&shop);
    assert_eq!((&paid["kind"], &paid["status"]), (&json!("refund"), &json!("success")));
    let failed = |order: &mut Order| order.transactions[0].status = OrderTransactionStatus::Failure;
    shop.change(placed.id, failed);
    assert_eq!(told(&shop)["status"], "failure");
}

#[tokio::test]
async fn an_edit_tells_what_was_added_and_removed() {
    let shop = holding(Options::default(), &["ORDERS_EDITED"]).await;
    let placed = shop.place(mug(1001).shipping("Standard", "5.00").paid("manual"));
    shop.evolve(placed.id, |order| order.edit_removes(0, 1).edit_adds("Cup", "5.00", 3));
    let edit = &told(&shop)["order_edit"];
    let added = shop.order(placed.id).expect("the order").lines[1].id;
    assert_eq!(edit["order_id"], json!(placed.id));
    assert_eq!(edit["line_items"]["additions"], json!([{ "id": added, "delta": 3 }]));
    assert_eq!(edit["line_items"]["removals"], json!([{ "id": placed.lines[0].id, "delta": 1 }]));
    shop.evolve(placed.id, Order::edit_removes_shipping);
    assert_eq!(told(&shop)["order_edit"]["shipping_lines"]["removals"].as_array().map(Vec::len), Some(1));
    shop.evolve(placed.id, Order::fulfilled);
    assert_eq!(heard(&shop), [""; 0], "an order that was edited once is not edited for ever");
}

#[tokio::test]
async fn customers_change_in_all_their_orders_and_merge() {
    let shop = holding(Options::default(), &["CUSTOMERS_UPDATE", "CUSTOMERS_CREATE", "CUSTOMERS_MERGE"]).await;
    let ada = shop.place(mug(1001).placed());
    let bob = shop.place(order(1002).line("Cup", "4.00", 1).customer(customer(502, "Bob", "Other", "bob@example.com")));
    shop.take_deliveries();
    shop.change_customer(501, |ada| ada.email = Some("ada@example.org".to_owned()));
    let body = told(&shop);
    assert_eq!((&body["id"], &body["email"]), (&json!(501), &json!("ada@example.org")));
    let now = shop.order(ada.id).expect("the order");
    assert_eq!(now.customer.as_ref().and_then(|ada| ada.email.as_deref()), Some("ada@example.org"));
    assert_eq!(now.updated_at, ada.updated_at, "the order itself did not change");

    shop.merge_customers(501, 502);
    let body = told(&shop);
    assert_eq!(body["admin_graphql_api_customer_kept_id"], "gid://shopify/Customer/501");
    assert_eq!(body["admin_graphql_api_customer_deleted_id"], "gid://shopify/Customer/502");
    assert_eq!(shop.order(bob.id).and_then(|order| order.customer.as_ref().map(|buyer| buyer.id)), Some(501));
    shop.add_customer(&customer(503, "Cy", "New", ""));
    assert_eq!(told(&shop)["id"], 503);
}

#[tokio::test]
async fn scopes_and_shop_change() {
    let shop = holding(Options::default(), &["APP_SCOPES_UPDATE", "SHOP_UPDATE"]).await;
    shop.change_scopes(&["read_customers"]);
    let body = told(&shop);
    assert_eq!(body["current"], json!(["read_customers"]));
    assert_eq!(body["previous"][0], "read_orders");
    let denied = ask(&shop, "{ ordersCount { count } }", json!({})).await;
    assert_eq!(denied["errors"][0]["extensions"]["code"], "ACCESS_DENIED");

    shop.change_shop(|facts| facts.currency = CurrencyCode::Usd);
    assert_eq!(told(&shop)["currency"], "USD");
    let seen = ask(&shop, "{ shop { currencyCode } }", json!({})).await;
    assert_eq!(seen["data"]["shop"]["currencyCode"], "USD");
}

#[tokio::test]
async fn a_bulk_operation_tells_its_end() {
    let run =
        "mutation { bulkOperationRunQuery(query: \"{ orders { edges { node { id } } } }\") { bulkOperation { id } } }";
    let orders = vec![mug(1001).paid("manual")];
    let shop = holding(Options { orders: orders.clone(), ..Options::default() }, &["BULK_OPERATIONS_FINISH"]).await;
    let started = ask(&shop, run, json!({})).await;
    let id = &started["data"]["bulkOperationRunQuery"]["bulkOperation"]["id"];
    let look = "query Look($id: ID!) { bulkOperation(id: $id) { status } }";
    for seen in ["RUNNING", "COMPLETED", "COMPLETED"] {
        assert_eq!(ask(&shop, look, json!({ "id": id })).await["data"]["bulkOperation"]["status"], seen);
    }
    let body = told(&shop);
    assert_eq!(
        (&body["admin_graphql_api_id"], &body["status"], &body["type"]),
        (id, &json!("completed"), &json!("query"))
    );

    let options = Options { orders, bulk_pace: BulkPace::After(Duration::from_millis(20)), ..Options::default() };
    let shop = holding(options, &["BULK_OPERATIONS_FINISH"]).await;
    ask(&shop, run, json!({})).await;
    let mut told = Vec::new();
    while told.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        told = shop.take_deliveries();
    }
    assert_eq!(told[0].json()["status"], "completed", "nobody looked");
}

#[tokio::test]
async fn the_last_word_of_a_shop_is_that_the_app_was_uninstalled() {
    let app = Install::start(Options::default()).await;
    app.shop.set_deliveries(Deliveries::Holding);
    let token = &app.grant(ASKED, "1").await["access_token"];
    for topic in ["APP_UNINSTALLED", "ORDERS_CREATE"] {
        let create = format!(
            "mutation {{ webhookSubscriptionCreate(topic: {topic}, webhookSubscription: {{ uri: \"https://app.example.com/\" }}) {{ \
             userErrors {{ message }} }} }}"
        );
        app.ask(token, &create).await;
    }
    app.shop.uninstall();
    assert_eq!(app.shop.subscriptions(), []);
    let body = told(&app.shop);
    assert_eq!(body["myshopify_domain"], app.shop.shop());
    app.shop.place(mug(1001));
    app.shop.uninstall();
    assert_eq!(heard(&app.shop), [""; 0]);
}
