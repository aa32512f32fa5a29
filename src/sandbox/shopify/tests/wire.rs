//! Tokens, versions, errors, costs, faults.

use std::time::Duration;

use serde_json::json;

use super::{address, ask, http, open};
use crate::sandbox::{
    faults::{Failure, Moment},
    shopify::{Options, build::order},
};

const PING: &str = "query Ping { shop { id myshopifyDomain } }";

#[tokio::test]
async fn a_wrong_token_a_strange_shop_and_an_old_version() {
    let shop = open(Options::default()).await;
    let post = |url: String, token: &'static str| {
        http().post(url).header("X-Shopify-Access-Token", token).json(&json!({ "query": PING })).send()
    };
    let wrong = post(address(&shop, "2026-10"), "shpat_other").await.expect("an answer");
    assert_eq!(wrong.status(), 401);
    assert_eq!(
        wrong.text().await.expect("a body"),
        r#"{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}"#
    );
    let strange = address(&shop, "2026-10").replace("sandbox-store", "elsewhere");
    assert_eq!(post(strange, "shpat_sandbox").await.expect("an answer").status(), 404);

    let old = post(address(&shop, "2024-01"), "shpat_sandbox").await.expect("an answer");
    assert_eq!(old.headers()["X-Shopify-API-Version"], "2026-01");
    assert!(old.headers().contains_key("X-Request-Id"));
    assert_eq!(post(address(&shop, "2026-11"), "shpat_sandbox").await.expect("an answer").status(), 404);

    shop.revoke_tokens();
    assert_eq!(post(address(&shop, "2026-10"), "shpat_sandbox").await.expect("an answer").status(), 401);
}

#[tokio::test]
async fn errors_have_shopifys_shapes() {
    let shop = open(Options::default()).await;
    let unknown = ask(&shop, "query Name { shop { nme } }", json!({})).await;
    assert_eq!(unknown["errors"][0]["message"], "Field 'nme' doesn't exist on type 'Shop'");
    assert_eq!(unknown["errors"][0]["path"], json!(["query Name", "shop", "nme"]));
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "undefinedField");
    assert_eq!(unknown.get("data"), None);
    assert_eq!(unknown.get("extensions"), None);

    let literal = ask(&shop, "query Name { bulkOperation(id: \"not-a-gid\") { id } }", json!({})).await;
    assert_eq!(literal["errors"][0]["message"], "Invalid global id 'not-a-gid'");
    assert_eq!(literal["errors"][0]["path"], json!(["query Name", "bulkOperation", "id"]));

    let by_variable = "query Name($id: ID!) { order(id: $id) { id } }";
    let variable = ask(&shop, by_variable, json!({ "id": "not-a-gid" })).await;
    assert_eq!(variable["errors"][0]["message"], "Variable $id of type ID! was provided invalid value");
    assert_eq!(variable["errors"][0]["extensions"]["code"], "INVALID_VARIABLE");
    assert_eq!(variable["errors"][0]["extensions"]["problems"][0]["explanation"], "Invalid global id 'not-a-gid'");

    let kind = ask(&shop, by_variable, json!({ "id": "gid://shopify/Product/1" })).await;
    assert_eq!(kind["errors"][0]["message"], "Invalid id: gid://shopify/Product/1");
    assert_eq!(kind["errors"][0]["extensions"]["code"], "RESOURCE_NOT_FOUND");
    assert_eq!(kind["data"], json!({ "order": null }));

    let nothing = ask(&shop, by_variable, json!({ "id": "gid://shopify/Order/1" })).await;
    assert_eq!(nothing["data"], json!({ "order": null }));
    assert_eq!(nothing.get("errors"), None);

    let no_window = ask(&shop, "{ orders { nodes { id } } }", json!({})).await;
    assert_eq!(no_window["errors"][0]["message"], "you must provide one of first or last");
    assert_eq!(no_window["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    assert_eq!(no_window["extensions"]["cost"]["requestedQueryCost"], 2);
    let both = ask(&shop, "{ orders(first: 1, last: 1) { nodes { id } } }", json!({})).await;
    assert_eq!(both["errors"][0]["message"], "providing both first and last is not supported");
    let many = ask(&shop, "{ orders(first: 251) { nodes { id } } }", json!({})).await;
    assert!(many["errors"][0]["message"].as_str().is_some_and(|text| text.starts_with("first cannot exceed 250.")));
}

#[tokio::test]
async fn a_query_costs_what_the_model_says_and_an_empty_bucket_refuses() {
    let shop = open(Options { restore_rate: 0, bucket: 1000, ..Options::default() }).await;
    let page = ask(&shop, "{ orders(first: 250) { nodes { id } } }", json!({})).await;
    let cost = &page["extensions"]["cost"];
    assert_eq!(cost["requestedQueryCost"], 13);
    assert_eq!(cost["actualQueryCost"], 3, "an empty page costs its least");
    assert_eq!(
        cost["throttleStatus"],
        json!({ "maximumAvailable": 1000, "currentlyAvailable": 997, "restoreRate": 0 })
    );

    let huge = "{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { duties { id taxLines { title } } taxLines { title } lineItem: taxLines \
                { title } customAttributes { key } discountAllocations { allocatedAmountSet { shopMoney { amount } } discountApplication { index } } } } } } }";
    let huge = ask(&shop, huge, json!({})).await;
    assert_eq!(huge["errors"][0]["extensions"]["code"], "MAX_COST_EXCEEDED", "{huge}");

    shop.drain(990);
    let refused = ask(&shop, "{ orders(first: 250) { nodes { id } } }", json!({})).await;
    assert_eq!(refused["errors"][0]["message"], "Throttled");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "THROTTLED");
    assert_eq!(refused.get("data"), None);
    assert_eq!(refused["extensions"]["cost"]["actualQueryCost"], json!(null));
    assert_eq!(refused["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"], 7);
    assert!(ask(&shop, PING, json!({})).await.get("errors").is_none(), "a cheap query still fits");
}

#[tokio::test]
async fn faults_strike_before_or_after_the_effect() {
    let shop =
        open(Options { orders: vec![order(1).line("Mug", "1.00", 1).paid("manual")], ..Options::default() }).await;
    let post = |query: &'static str| {
        let request = http().post(address(&shop, "2026-10")).header("X-Shopify-Access-Token", "shpat_sandbox");
        request.json(&json!({ "query": query })).send()
    };
    shop.faults.add(Some("graphql:Ping"), 0, 1, Moment::Before, Failure::Status(502));
    let answer = post(PING).await.expect("an answer");
    assert_eq!(answer.status(), 502);
    assert!(answer.json::<serde_json::Value>().await.is_err());

    shop.faults.add(Some("graphql:Ping"), 0, 1, Moment::Before, Failure::Throttle(Some(2)));
    let answer = post(PING).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), &answer.headers()["Retry-After"]), (429, &"2".parse().expect("a header")));

    shop.faults.add(None, 0, 1, Moment::Before, Failure::Late(Duration::from_millis(20)));
    assert_eq!(post(PING).await.expect("an answer").status(), 200);

    let run =
        "mutation { bulkOperationRunQuery(query: \"{ orders { edges { node { id } } } }\") { bulkOperation { id } } }";
    shop.faults.add(Some("graphql:bulkOperationRunQuery"), 0, 1, Moment::After, Failure::Drop);
    let lost = post(run).await;
    assert!(match lost {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    });
    let list = ask(&shop, "{ bulkOperations(first: 5) { nodes { id } } }", json!({})).await;
    assert_eq!(list["data"]["bulkOperations"]["nodes"].as_array().map(Vec::len), Some(1), "it was done all the same");
    assert_eq!(shop.faults.calls()["graphql:Ping"], 3);
}

#[tokio::test]
async fn a_page_of_fifty_orders_costs_thirty() {
    let shop = open(Options::default()).await;
    let page = "query Recent($q: String) { orders(first: 50, query: $q, sortKey: UPDATED_AT) { pageInfo { hasNextPage } nodes { name \
                currentTotalPriceSet { shopMoney { amount } presentmentMoney { amount } } customer { id } refunds(first: 9) { id } \
                transactions(first: 9) { id amountSet { shopMoney { amount } } } } } }";
    let page = ask(&shop, page, json!({})).await;
    assert_eq!(page["extensions"]["cost"]["requestedQueryCost"], 30);
    let facts = "{ shop { name primaryDomain { host } plan { publicDisplayName } shopAddress { city } } currentAppInstallation { \
                 accessScopes { handle } } publicApiVersions { handle } }";
    assert_eq!(ask(&shop, facts, json!({})).await["extensions"]["cost"]["requestedQueryCost"], 7);
}
