//! What can be subscribed to, where, and by whom.

use serde_json::{Value, json};

use super::{CREATE, Options, open, subscribe};
use crate::sandbox::shopify::{
    Topic,
    tests::{
        address, ask, http,
        install::{ASKED, Install},
    },
};

const HOOKS: &str = "https://app.example.com/hooks";
const LIST: &str = "query List($topics: [WebhookSubscriptionTopic!], $uri: String, $after: String) \
    { webhookSubscriptions(first: 2, after: $after, topics: $topics, uri: $uri) { nodes { id topic uri } pageInfo { hasNextPage endCursor } } }";

#[tokio::test]
async fn a_subscription_reads_back_as_it_was_made() {
    let shop = open(Options::default()).await;
    let body = json!({ "topic": "ORDERS_UPDATED", "sub": { "uri": HOOKS, "format": "JSON", "name": "orders" } });
    let answer = http()
        .post(address(&shop, "2026-07"))
        .header("X-Shopify-Access-Token", "shpat_sandbox")
        .json(&json!({ "query": CREATE, "variables": body }))
        .send()
        .await
        .expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["extensions"]["cost"]["requestedQueryCost"], 11, "ten, and one for the version");
    let made = &answer["data"]["webhookSubscriptionCreate"]["webhookSubscription"];
    let id = made["id"].as_str().expect("an id");
    assert_eq!(id.rsplit('/').next(), made["legacyResourceId"].as_str());
    assert_eq!(
        (&made["topic"], &made["uri"], &made["format"], &made["name"]),
        (&json!("ORDERS_UPDATED"), &json!(HOOKS), &json!("JSON"), &json!("orders"))
    );
    assert_eq!((&made["filter"], &made["includeFields"]), (&json!(null), &json!([])));
    assert_eq!(made["apiVersion"], json!({ "handle": "2026-07", "supported": true }), "that of the address");

    let made = subscribe(&shop, "SHOP_UPDATE", json!({ "uri": HOOKS, "filter": "" })).await;
    assert_eq!(made["webhookSubscription"]["filter"], "", "an empty filter stays an empty filter");
    let own = shop.subscriptions();
    assert_eq!((own[0].version, own[1].version), ("2026-07", "2026-10"));
}

#[tokio::test]
async fn addresses_are_refused_as_shopify_refuses_them() {
    let shop = open(Options { loopback_webhooks: false, ..Options::default() }).await;
    let internal = "Address cannot be a Shopify or an internal domain";
    let cases = [
        (json!({}), vec!["Address can't be blank"]),
        (json!({ "uri": "  " }), vec!["Address can't be blank"]),
        (json!({ "uri": "http://app.example.com" }), vec!["Address protocol http:// is not supported"]),
        (json!({ "uri": "http://127.0.0.1:8080/" }), vec!["Address protocol http:// is not supported"]),
        (json!({ "uri": "ftp://app.example.com" }), vec!["Address protocol ftp:// is not supported"]),
        (json!({ "uri": "https://shopify.com/x" }), vec![internal]),
        (json!({ "uri": "https://some.myshopify.com/x" }), vec![internal]),
        (json!({ "uri": "https://localhost/x" }), vec![internal]),
        (json!({ "uri": "https://10.1.2.3/x" }), vec![internal]),
        (json!({ "uri": "https://[::1]/x" }), vec![internal]),
        (
            json!({ "uri": "pubsub://project:" }),
            vec![
                "Address protocol pubsub:// is not supported",
                "Address is not a valid GCP pub/sub format. Format should be pubsub://project:topic",
            ],
        ),
    ];
    for (sub, messages) in cases {
        let made = subscribe(&shop, "SHOP_UPDATE", sub.clone()).await;
        let field = json!(["webhookSubscription", "callbackUrl"]);
        let errors: Vec<Value> = messages.iter().map(|text| json!({ "field": field, "message": text })).collect();
        assert_eq!(made, json!({ "webhookSubscription": null, "userErrors": errors }), "{sub}");
    }
    for uri in ["https://notshopify.com/x", "pubsub://project:topic", HOOKS] {
        assert_eq!(subscribe(&shop, "SHOP_UPDATE", json!({ "uri": uri })).await["userErrors"], json!([]), "{uri}");
    }
    let taken = subscribe(&shop, "SHOP_UPDATE", json!({ "uri": HOOKS })).await;
    assert_eq!(taken["userErrors"][0]["message"], "Address for this topic has already been taken");
    let wrong = subscribe(&shop, "ORDERS_CREATE", json!({ "uri": HOOKS, "filter": "totally bogus syntax" })).await;
    assert_eq!(
        wrong["userErrors"],
        json!([{
            "field": ["webhookSubscription"],
            "message": "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on.",
        }])
    );
    let filter = "(title:'a b' OR total_price:>10) AND test:false";
    assert_eq!(
        subscribe(&shop, "ORDERS_CREATE", json!({ "uri": HOOKS, "filter": filter })).await["userErrors"],
        json!([])
    );
}

#[tokio::test]
async fn a_sandbox_on_loopback_is_told_there_over_http() {
    let shop = open(Options::default()).await;
    for uri in ["http://127.0.0.1:8080/", "http://localhost:8080/", "http://[::1]:8080/"] {
        assert_eq!(subscribe(&shop, "SHOP_UPDATE", json!({ "uri": uri })).await["userErrors"], json!([]), "{uri}");
    }
    let elsewhere = subscribe(&shop, "SHOP_UPDATE", json!({ "uri": "http://192.168.0.1/" })).await;
    assert_eq!(elsewhere["userErrors"][0]["message"], "Address protocol http:// is not supported");
}

#[tokio::test]
async fn inputs_and_topics_that_do_not_exist_are_refused() {
    let shop = open(Options::default()).await;
    let wrong = ask(&shop, CREATE, json!({ "topic": "SHOP_UPDATE", "sub": { "url": HOOKS } })).await;
    assert_eq!(
        wrong["errors"][0]["message"],
        "Variable $sub of type WebhookSubscriptionInput! was provided invalid value for url (Field is not defined on \
         WebhookSubscriptionInput)"
    );
    assert_eq!(wrong["errors"][0]["extensions"]["problems"][0]["path"], json!(["url"]));
    let wrong = ask(&shop, CREATE, json!({ "topic": "CUSTOMERS_REDACT", "sub": { "uri": HOOKS } })).await;
    assert_eq!(wrong["errors"][0]["extensions"]["code"], "INVALID_VARIABLE", "compliance is no topic of the API");
    let missing = "mutation M { webhookSubscriptionCreate(webhookSubscription: {}) { userErrors { message } } }";
    let missing = ask(&shop, missing, json!({})).await;
    assert_eq!(
        missing["errors"][0]["message"],
        "Field 'webhookSubscriptionCreate' is missing required arguments: topic"
    );
    assert_eq!(shop.subscriptions(), []);
}

#[tokio::test]
async fn subscriptions_are_listed_changed_and_deleted() {
    let shop = open(Options::default()).await;
    for topic in ["ORDERS_CREATE", "ORDERS_UPDATED", "REFUNDS_CREATE"] {
        subscribe(&shop, topic, json!({ "uri": HOOKS })).await;
    }
    let page = ask(&shop, LIST, json!({})).await;
    let page = &page["data"]["webhookSubscriptions"];
    assert_eq!((page["nodes"].as_array().map(Vec::len), &page["pageInfo"]["hasNextPage"]), (Some(2), &json!(true)));
    let next = ask(&shop, LIST, json!({ "after": page["pageInfo"]["endCursor"] })).await;
    assert_eq!(next["data"]["webhookSubscriptions"]["nodes"][0]["topic"], "REFUNDS_CREATE");
    let some = ask(&shop, LIST, json!({ "topics": ["ORDERS_UPDATED"], "uri": HOOKS })).await;
    let id = &some["data"]["webhookSubscriptions"]["nodes"][0]["id"];

    let update = "mutation Update($id: ID!, $sub: WebhookSubscriptionInput!) { webhookSubscriptionUpdate(id: $id, webhookSubscription: \
                  $sub) { webhookSubscription { uri includeFields } userErrors { field message } } }";
    let changed = ask(&shop, update, json!({ "id": id, "sub": { "includeFields": ["id"] } })).await;
    assert_eq!(
        changed["data"]["webhookSubscriptionUpdate"]["webhookSubscription"],
        json!({ "uri": HOOKS, "includeFields": ["id"] })
    );
    let blank = ask(&shop, update, json!({ "id": id, "sub": { "uri": "" } })).await;
    assert_eq!(
        blank["data"]["webhookSubscriptionUpdate"]["userErrors"][0],
        json!({ "field": ["webhookSubscription", "callbackUrl"], "message": "Address can't be blank" })
    );

    let delete = "mutation Delete($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } } }";
    let gone = ask(&shop, delete, json!({ "id": id })).await;
    assert_eq!(gone["data"]["webhookSubscriptionDelete"]["deletedWebhookSubscriptionId"], *id);
    let unknown = json!([{ "field": ["id"], "message": "Webhook subscription does not exist" }]);
    let again = ask(&shop, delete, json!({ "id": id })).await;
    assert_eq!(again["data"]["webhookSubscriptionDelete"]["userErrors"], unknown);
    let late = ask(&shop, update, json!({ "id": id, "sub": { "uri": HOOKS } })).await;
    assert_eq!(late["data"]["webhookSubscriptionUpdate"]["userErrors"], unknown);
    let count = ask(&shop, "{ webhookSubscriptionsCount { count } }", json!({})).await;
    assert_eq!(count["data"]["webhookSubscriptionsCount"]["count"], 2);
}

#[tokio::test]
async fn each_topic_needs_its_scope_and_the_approval() {
    let app = Install::start(Options::default()).await;
    let token = &app.grant("read_customers", "1").await["access_token"];
    let create = |topic: &str| {
        format!(
            "mutation {{ webhookSubscriptionCreate(topic: {topic}, webhookSubscription: {{ uri: \"{HOOKS}\" }}) \
             {{ webhookSubscription {{ id }} userErrors {{ field message }} }} }}"
        )
    };
    for (topic, scope) in [("ORDERS_UPDATED", "read_orders"), ("CUSTOMERS_MERGE", "read_customer_merge")] {
        let (status, refused) = app.ask(token, &create(topic)).await;
        assert_eq!((status, &refused["data"]), (200, &json!({ "webhookSubscriptionCreate": null })));
        let text =
            format!("Access denied for webhookSubscriptionCreate field. Required access: `{scope}` access scope.");
        assert_eq!(
            (&refused["errors"][0]["message"], &refused["errors"][0]["extensions"]["code"]),
            (&json!(text), &json!("ACCESS_DENIED"))
        );
    }
    for topic in ["CUSTOMERS_UPDATE", "APP_UNINSTALLED"] {
        let (_, made) = app.ask(token, &create(topic)).await;
        assert_eq!(made["data"]["webhookSubscriptionCreate"]["userErrors"], json!([]), "{topic}");
    }
    app.shop.set_orders_allowed(false);
    let (_, refused) = app.ask(token, &create("CUSTOMERS_CREATE")).await;
    let problem = &refused["data"]["webhookSubscriptionCreate"]["userErrors"][0];
    assert_eq!(problem["field"], json!(["webhookSubscription"]));
    assert!(problem["message"].as_str().is_some_and(|text| text.contains("protected customer data")), "{problem}");
}

#[tokio::test]
async fn an_app_sees_its_own_subscriptions_and_loses_them_with_the_installation() {
    let app = Install::start(Options::default()).await;
    let create = format!(
        "mutation {{ webhookSubscriptionCreate(topic: APP_UNINSTALLED, webhookSubscription: {{ uri: \"{HOOKS}\" }}) {{ \
         webhookSubscription {{ id }} }} }}"
    );
    let count = "{ webhookSubscriptionsCount { count } }";
    let seen =
        async |token: &Value| app.ask(token, count).await.1["data"]["webhookSubscriptionsCount"]["count"].clone();
    let (token, other) = (&app.grant(ASKED, "1").await["access_token"], &json!("shpat_sandbox"));
    let id = app.ask(token, &create).await.1["data"]["webhookSubscriptionCreate"]["webhookSubscription"]["id"].clone();
    assert_eq!((seen(token).await, seen(other).await), (json!(1), json!(0)));
    let delete = format!("mutation {{ webhookSubscriptionDelete(id: {id}) {{ userErrors {{ message }} }} }}");
    let (_, refused) = app.ask(other, &delete).await;
    let text = "Webhook subscription does not exist";
    assert_eq!(refused["data"]["webhookSubscriptionDelete"]["userErrors"][0]["message"], text);

    app.ask(other, &create).await;
    app.shop.uninstall();
    let token = &app.grant(ASKED, "1").await["access_token"];
    assert_eq!((seen(token).await, seen(other).await), (json!(0), json!(1)), "a new installation starts with none");
    app.shop.remove_subscription(Topic::AppUninstalled);
    assert_eq!(seen(other).await, 0);
}
