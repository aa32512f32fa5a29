//! Bulk operations and their files.

use serde_json::{Value, json};

use super::{ORDERS, ask, http, open};
use crate::sandbox::shopify::{
    BulkFate, Options, Shopify,
    build::{Giving, order, percent},
    model::BulkOperationErrorCode,
    sample_store,
};

const RUN: &str = "mutation Run($query: String!, $group: Boolean!) { bulkOperationRunQuery(query: $query, groupObjects: $group) \
                   { bulkOperation { id status objectCount url } userErrors { field message code } } }";
const POLL: &str = "query Poll($id: ID!) { bulkOperation(id: $id) { status errorCode objectCount rootObjectCount fileSize url \
                    partialDataUrl completedAt } }";

async fn run(shop: &Shopify, query: &str, group: bool) -> Value {
    ask(shop, RUN, json!({ "query": query, "group": group })).await["data"]["bulkOperationRunQuery"].clone()
}

async fn poll(shop: &Shopify, id: &Value) -> Value {
    ask(shop, POLL, json!({ "id": id })).await["data"]["bulkOperation"].clone()
}

async fn finish(shop: &Shopify, query: &str, group: bool) -> Value {
    let started = run(shop, query, group).await;
    assert_eq!(started["userErrors"], json!([]), "{started}");
    let id = &started["bulkOperation"]["id"];
    loop {
        let seen = poll(shop, id).await;
        if seen["status"] != "RUNNING" {
            return seen;
        }
    }
}

async fn download(seen: &Value) -> reqwest::Response {
    http().get(seen["url"].as_str().expect("an address")).send().await.expect("an answer")
}

fn check_file(seen: &Value, text: &str) -> Vec<Value> {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let roots = lines.iter().filter(|line| line.get("__parentId").is_none()).count();
    assert!(text.ends_with('\n'));
    assert_eq!(seen["objectCount"], lines.len().to_string());
    assert_eq!(seen["rootObjectCount"], roots.to_string());
    assert_eq!(seen["fileSize"], text.len().to_string());
    lines
}

#[tokio::test]
async fn a_file_is_written_as_shopify_writes_it() {
    let mug =
        order(1001).line("Mug \"A/B\"", "12.00", 2).discount_code("SAVE10", percent("10")).shipping("Standard", "5.00");
    let shop = open(Options { orders: vec![mug.tax("HST", "0.13").paid("manual")], ..Options::default() }).await;
    let query = "{ orders { edges { node { id note name lineItems { edges { node { __typename title id } } } \
                 discountApplications { edges { node { index } } } } } } }";
    let seen = finish(&shop, query, true).await;
    assert_eq!(seen["status"], "COMPLETED");
    let text = download(&seen).await.text().await.expect("a file");
    let root = r##"{"id":"gid:\/\/shopify\/Order\/6000000001001","note":null,"name":"#1001"}"##;
    let parent = r#""__parentId":"gid:\/\/shopify\/Order\/6000000001001""#;
    let line = r#"{"__typename":"LineItem","title":"Mug \"A\/B\"","id":"gid:\/\/shopify\/LineItem\/6000000001001001""#;
    assert_eq!(text, format!("{root}\n{line},{parent}}}\n{{\"index\":0,{parent}}}\n"));
    check_file(&seen, &text);
}

#[tokio::test]
async fn counts_and_sizes_are_right_with_both_groupings() {
    let shop = open(Options { orders: sample_store(130), ..Options::default() }).await;
    for group in [true, false] {
        let started = run(&shop, ORDERS, group).await;
        assert_eq!(started["bulkOperation"]["status"], "CREATED");
        assert_eq!(started["bulkOperation"]["objectCount"], "0");
        let id = &started["bulkOperation"]["id"];
        assert_eq!(poll(&shop, id).await["status"], "RUNNING");
        let seen = finish(&shop, ORDERS, group).await;
        let answer = download(&seen).await;
        assert_eq!(answer.headers()["content-type"], "application/jsonl");
        let lines = check_file(&seen, &answer.text().await.expect("a file"));
        assert_eq!(seen["rootObjectCount"], "130");
        let is_root = |line: &Value| line.get("__parentId").is_none();
        let first_child = lines.iter().position(|line| !is_root(line)).expect("a child");
        assert_eq!(lines.iter().skip(first_child).any(is_root), group);
    }
}

#[tokio::test]
async fn an_empty_result_has_no_address() {
    let shop = open(Options::default()).await;
    let seen = finish(&shop, "{ orders { edges { node { id } } } }", false).await;
    assert_eq!(seen["status"], "COMPLETED");
    assert_eq!(seen["url"], json!(null));
    assert_eq!(seen["objectCount"], "0");
}

#[tokio::test]
async fn what_shopify_refuses_is_refused_in_its_words() {
    let shop = open(Options::default()).await;
    let refusals = [
        (
            "{ orders { nodes { id } } }",
            "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: 'orders { edges { node {'. \
             Selecting via 'nodes' is not supported. Invalid connection fields: 'orders'.",
        ),
        ("{ shop { id } }", "Bulk queries must contain at least one connection."),
        ("{ node(id: \"gid://shopify/Order/1\") { id } }", "Bulk queries cannot contain a top level `node` field."),
        (
            "{ orders { edges { node { id refunds { id refundLineItems { edges { node { id } } } } } } } }",
            "Queries that contain a connection field within a list field are not currently supported.",
        ),
        (
            "{ orders { edges { node { name lineItems { edges { node { id } } } } } } }",
            "The parent 'node' field for a nested connection must select the 'id' field without an alias and must be of 'ID' return \
             type. Connection fields without 'id': orders.",
        ),
        (
            "{ orders { edges { node { id a: lineItems { edges { node { id } } } b: lineItems { edges { node { id } } } c: lineItems \
             { edges { node { id } } } d: lineItems { edges { node { id } } } e: lineItems { edges { node { id } } } } } } }",
            "Bulk queries cannot contain more than 5 connections.",
        ),
        (
            "mutation { bulkOperationCancel(id: \"gid://shopify/BulkOperation/1\") { userErrors { message } } }",
            "Invalid operation type. Only `query` operations are supported.",
        ),
        ("{ orders {", "Invalid bulk query: syntax error, unexpected end of file"),
    ];
    for (query, message) in refusals {
        let refused = run(&shop, query, false).await;
        assert_eq!(refused["bulkOperation"], json!(null));
        assert_eq!(refused["userErrors"][0], json!({ "field": ["query"], "message": message, "code": "INVALID" }));
    }
    let long = format!("{{ orders {{ edges {{ node {{ id }} }} }} }}{}", " ".repeat(65_536 - 36));
    let refused = run(&shop, &long, false).await;
    assert_eq!(
        refused["userErrors"][0]["message"],
        format!("Query is too large ({} bytes; maximum is 65535 bytes)", long.len())
    );
}

#[tokio::test]
async fn five_run_at_once_and_one_can_be_cancelled() {
    let shop = open(Options { orders: vec![order(1).line("Mug", "1.00", 1).placed()], ..Options::default() }).await;
    let query = "{ orders { edges { node { id } } } }";
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(run(&shop, query, false).await["bulkOperation"]["id"].clone());
    }
    let sixth = run(&shop, query, false).await;
    assert_eq!(sixth["userErrors"][0]["code"], "OPERATION_IN_PROGRESS");
    let names: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
    let message = format!("A bulk query operation for this app and shop is already in progress: {}.", names.join(", "));
    assert_eq!(sixth["userErrors"][0], json!({ "field": null, "message": message, "code": "OPERATION_IN_PROGRESS" }));

    let cancel = "mutation Cancel($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { field message } } }";
    let cancelled = ask(&shop, cancel, json!({ "id": ids[0] })).await;
    assert_eq!(cancelled["data"]["bulkOperationCancel"]["bulkOperation"]["status"], "CANCELING");
    let seen = poll(&shop, &ids[0]).await;
    assert_eq!((&seen["status"], &seen["completedAt"]), (&json!("CANCELED"), &json!(null)));
    assert_eq!(run(&shop, query, false).await["userErrors"], json!([]));

    poll(&shop, &ids[1]).await;
    assert_eq!(poll(&shop, &ids[1]).await["status"], "COMPLETED");
    let late = ask(&shop, cancel, json!({ "id": ids[1] })).await;
    let errors = &late["data"]["bulkOperationCancel"]["userErrors"];
    assert_eq!(errors[0]["message"], "A bulk operation cannot be canceled when it is completed");
    let none = ask(&shop, cancel, json!({ "id": "gid://shopify/BulkOperation/1" })).await;
    assert_eq!(
        none["data"]["bulkOperationCancel"],
        json!({ "bulkOperation": null, "userErrors": [{ "field": ["id"], "message": "Bulk operation does not exist" }] })
    );
}

#[tokio::test]
async fn operations_fail_downloads_break_and_addresses_expire() {
    let shop = open(Options { orders: sample_store(80), ..Options::default() }).await;
    shop.next_bulk(BulkFate::Fail(BulkOperationErrorCode::Timeout));
    let failed = finish(&shop, ORDERS, false).await;
    assert_eq!(
        (&failed["status"], &failed["errorCode"], &failed["url"]),
        (&json!("FAILED"), &json!("TIMEOUT"), &json!(null))
    );
    let partial = http().get(failed["partialDataUrl"].as_str().expect("an address")).send().await.expect("an answer");
    assert!(partial.text().await.expect("a file").ends_with('\n'));

    shop.next_bulk(BulkFate::BreakDownload);
    let seen = finish(&shop, ORDERS, false).await;
    assert!(download(&seen).await.bytes().await.is_err());
    check_file(&seen, &download(&seen).await.text().await.expect("the second time it is whole"));

    shop.next_bulk(BulkFate::CutDownload);
    let seen = finish(&shop, ORDERS, false).await;
    let cut = download(&seen).await.bytes().await.expect("half a file");
    assert_ne!(seen["fileSize"].as_str(), Some(cut.len().to_string().as_str()));
    let rest = http().get(seen["url"].as_str().expect("an address")).header("Range", format!("bytes={}-", cut.len()));
    let rest = rest.send().await.expect("an answer");
    assert_eq!(rest.status(), 206);
    let whole = [cut, rest.bytes().await.expect("the other half")].concat();
    check_file(&seen, &String::from_utf8(whole).expect("UTF-8"));

    shop.next_bulk(BulkFate::Expire);
    let started = run(&shop, ORDERS, false).await;
    let id = &started["bulkOperation"]["id"];
    poll(&shop, id).await;
    let seen = poll(&shop, id).await;
    assert_eq!(download(&seen).await.status(), 403);
    assert_eq!(poll(&shop, id).await["status"], "EXPIRED");
}

#[tokio::test]
async fn a_refund_shows_its_header_only() {
    let back = order(1).line("Mug", "5.00", 2).paid("manual").refunded(Giving::nothing().units(0, 1));
    let shop = open(Options { orders: vec![back], ..Options::default() }).await;
    let seen = finish(&shop, ORDERS, true).await;
    let lines = check_file(&seen, &download(&seen).await.text().await.expect("a file"));
    assert_eq!(lines[0]["refunds"][0]["totalRefundedSet"]["shopMoney"]["amount"], "5.0");
    assert_eq!(lines[1]["currentQuantity"], 1);
}
