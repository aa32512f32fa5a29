//! Reading orders.

use serde_json::json;

use super::{ORDER, ask, open};
use crate::sandbox::shopify::{
    Options,
    build::{customer, order, percent},
    currency::CurrencyCode,
};

#[tokio::test]
async fn an_order_is_read_in_full_with_its_lines_page_by_page() {
    let mugs = order(1001)
        .line("Mug", "12.00", 2)
        .line("Plate", "8.00", 1)
        .line("Cup", "4.10", 1)
        .discount_code("SAVE10", percent("10"))
        .shipping("Standard", "5.00")
        .tax("HST", "0.13")
        .customer(customer(501, "Ada", "Sample", "ada@example.com"))
        .paid("shopify_payments")
        .refund_units(0, 1);
    let shop = open(Options { orders: vec![mugs.clone()], ..Options::default() }).await;
    let id = format!("gid://shopify/Order/{}", mugs.id);

    let first = ask(&shop, ORDER, json!({ "id": id })).await;
    assert_eq!(first["errors"], json!(null), "{first}");
    let read = &first["data"]["order"];
    assert_eq!(read["name"], "#1001");
    assert_eq!(read["displayFinancialStatus"], "PARTIALLY_REFUNDED");
    assert_eq!(read["subtotalPriceSet"]["shopMoney"], json!({ "amount": "32.49", "currencyCode": "CAD" }));
    assert_eq!(read["customer"]["defaultEmailAddress"]["emailAddress"], "ada@example.com");
    assert_eq!(read["refunds"][0]["refundLineItems"]["nodes"][0]["subtotalSet"]["shopMoney"]["amount"], "10.8");
    assert_eq!(read["lineItems"]["nodes"].as_array().map(Vec::len), Some(2));

    let after = &read["lineItems"]["pageInfo"]["endCursor"];
    let second = ask(&shop, ORDER, json!({ "id": id, "lines": after })).await;
    assert_eq!(second["data"]["order"]["lineItems"]["nodes"][0]["title"], "Cup");
    assert_eq!(second["data"]["order"]["lineItems"]["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn another_rate_on_the_payment_shows_in_its_shop_money() {
    let foreign =
        order(1).line("Book", "9.00", 1).sold_in(CurrencyCode::Usd, "1.5").placed().paid_at_rate("paypal", "1.4189");
    let shop = open(Options { orders: vec![foreign.clone()], ..Options::default() }).await;
    let read = ask(&shop, ORDER, json!({ "id": format!("gid://shopify/Order/{}", foreign.id) })).await;
    let read = &read["data"]["order"];
    assert_eq!(read["totalPriceSet"]["shopMoney"]["amount"], "13.5");
    assert_eq!(read["transactions"][0]["amountSet"]["shopMoney"]["amount"], "12.77");
    assert_eq!(read["totalOutstandingSet"]["shopMoney"]["amount"], "0.0");
    assert_eq!(read["displayFinancialStatus"], "PAID");
}

#[tokio::test]
async fn orders_are_searched_sorted_and_paged() {
    let orders = (1001..1010).map(|number| order(number).line("Mug", "1.00", 1).paid("manual")).collect();
    let shop = open(Options { orders, ..Options::default() }).await;
    let query = "query Page($q: String, $after: String) { orders(first: 4, after: $after, query: $q, sortKey: UPDATED_AT) \
                 { nodes { name } pageInfo { hasNextPage endCursor } } }";
    let q = "created_at:>='2026-10-02T04:43:00Z' AND financial_status:paid";
    let mut names = Vec::new();
    let mut after = json!(null);
    loop {
        let page = ask(&shop, query, json!({ "q": q, "after": after })).await;
        let orders = &page["data"]["orders"];
        names.extend(orders["nodes"].as_array().expect("nodes").iter().map(|node| node["name"].to_string()));
        if orders["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = orders["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(names.len(), 7);
    assert_eq!(names[0], "\"#1003\"");

    let wrong = ask(&shop, query, json!({ "q": "updatd_at:>'2026-01-01'" })).await;
    assert_eq!(wrong["data"]["orders"]["nodes"].as_array().map(Vec::len), Some(4), "an unknown field is ignored");
    assert_eq!(wrong["extensions"]["search"][0]["warnings"][0]["code"], "invalid_field");

    let nothing = ask(&shop, query, json!({ "q": "financial_status:free" })).await;
    assert_eq!(nothing["data"]["orders"]["nodes"], json!([]));
    assert_eq!(nothing["extensions"]["search"][0]["warnings"][0]["code"], "invalid_value");

    let bad = ask(&shop, query, json!({ "q": "updated_at:>yesterday" })).await;
    assert_eq!(bad["errors"][0]["message"], "Invalid timestamp for query filter `updated_at`.");
    assert_eq!(bad["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    assert_eq!(bad["data"], json!(null));
}

#[tokio::test]
async fn a_change_moves_updated_at_and_a_lagging_index_hides_what_is_new() {
    let now = crate::sandbox::shopify::build::instant("2026-11-20T10:00:00Z");
    let shop = open(Options {
        orders: vec![order(1).line("Mug", "1.00", 1).paid("manual")],
        index_lag: std::time::Duration::from_secs(10),
        now: std::sync::Arc::new(move || now),
        ..Options::default()
    })
    .await;
    let id = shop.orders()[0].id;
    shop.evolve(id, |order| order.refund_all());
    let changed = shop.order(id).expect("the order");
    assert_eq!(changed.updated_at, now);
    assert_eq!(changed.refunds[0].processed_at, now);
    let new = shop.place(order(2).line("Cup", "1.00", 1).paid("manual"));

    let search = "{ ordersCount(query: \"updated_at:>='2026-11-20T00:00:00Z' OR name:2\") { count precision } }";
    let count = ask(&shop, search, json!({})).await;
    assert_eq!(count["data"]["ordersCount"], json!({ "count": 0, "precision": "EXACT" }));
    let direct = format!("{{ order(id: \"gid://shopify/Order/{}\") {{ name }} }}", new.id);
    assert_eq!(ask(&shop, &direct, json!({})).await["data"]["order"]["name"], "#2");
}
