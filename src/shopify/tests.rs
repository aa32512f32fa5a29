//! How a call behaves when Shopify refuses, stumbles or says nothing.

use std::time::Duration;

use serde_json::json;

use super::{testing::*, *};

fn shop_body() -> Value {
    json!({"data": {"shop": {"id": "gid://shopify/Shop/1", "name": "Sample", "myshopifyDomain": "sample.myshopify.com",
        "currencyCode": "CAD", "ianaTimezone": "America/Toronto", "taxesIncluded": false}}})
}

fn refused(requested: u64, available: u64) -> Reply {
    Reply::json(json!({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {"cost": {"requestedQueryCost": requested, "actualQueryCost": null, "throttleStatus":
            {"maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": 100}}}}))
}

#[tokio::test]
async fn a_call_carries_token_version_and_name_of_the_operation() {
    let server = Server::start([Reply::json(shop_body())]).await;
    assert_eq!(server.shop().info().await.unwrap().iana_timezone, "America/Toronto");
    let [seen] = &server.seen()[..] else { panic!("one call") };
    assert_eq!(seen.path, "/sample.myshopify.com/admin/api/2026-10/graphql.json");
    assert_eq!(seen.headers["x-shopify-access-token"], "shpat_secret");
    assert_eq!(seen.headers["user-agent"], USER_AGENT);
    assert_eq!(seen.body["operationName"], "Shop");
}

const NON_EXPIRING: &str = r#"{"errors":"[API] Non-expiring access tokens are no longer accepted for the Admin API. Start using expiring offline tokens."}"#;

const UNAPPROVED: &str = "This app is not approved to access the Order object. See \
    https://shopify.dev/docs/apps/launch/protected-customer-data for more details.";

#[tokio::test]
async fn a_shop_that_is_not_available_tells_why() {
    let inactive = json!({"errors": [{"message": "x", "extensions": {"code": "SHOP_INACTIVE"}}]});
    for (reply, expected) in [
        (Reply::status(402, r#"{"errors":"Unavailable Shop"}"#), ShopState::Frozen),
        (Reply::status(404, r#"{"errors":"Not Found"}"#), ShopState::Unknown),
        (Reply::status(423, "<html>"), ShopState::Locked),
        (Reply::json(inactive), ShopState::Locked),
    ] {
        match Server::start([reply]).await.shop().info().await {
            Err(Error::ShopUnavailable { state, .. }) => assert_eq!(state, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn each_refusal_has_its_own_remedy() {
    let scope = json!([{"message": "Access denied for ada@example.com", "path": ["shop", 0],
        "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_orders` access scope."}}]);
    let cases = [
        (Reply::status(401, r#"{"errors":"[API] Invalid API key"}"#), "Shopify no longer accepts our token"),
        (Reply::status(401, "<html>Sign in</html>"), "Shopify no longer accepts our token"),
        (Reply::status(402, r#"{"errors":"x"}"#), "the shop is not available: HTTP 402, request r-1"),
        (Reply::status(423, ""), "the shop is not available: HTTP 423, request r-1"),
        (Reply::status(403, ""), "Shopify does not allow this: HTTP 403, request r-1"),
        (Reply::status(403, NON_EXPIRING), "Shopify no longer accepts tokens that do not expire"),
        (Reply::status(400, "<html>"), "Shopify rejected our request: HTTP 400, request r-1"),
        (Reply::status(430, ""), "Shopify asked us to wait 60s"),
        (Reply::status(200, "<html>"), "cannot make sense of Shopify's answer: Syntax error in column 1, request r-1"),
        (
            Reply::json(json!({"errors": scope, "data": {"shop": null}})),
            "Shopify does not allow this: ACCESS_DENIED at shop, needs read_orders, request r-1",
        ),
        (
            Reply::json(json!({"errors": [{"message": UNAPPROVED, "path": ["nodes"]}]})),
            "Shopify shows this app no protected customer data: no code at nodes, request r-1",
        ),
        (
            Reply::json(json!({"errors": [{"message": UNAPPROVED, "extensions": {"code": "ACCESS_DENIED"}}]})),
            "Shopify shows this app no protected customer data: ACCESS_DENIED, request r-1",
        ),
        (
            Reply::json(json!({"errors": [{"message": "x", "extensions": {"code": "SHOP_INACTIVE"}}]})),
            "the shop is not available: SHOP_INACTIVE, request r-1",
        ),
        (
            Reply::json(json!({"errors": [{"message": "x", "extensions": {"code": "undefinedField"}}]})),
            "Shopify rejected our request: undefinedField, request r-1",
        ),
        (Reply::json(json!({"errors": "x"})), "Shopify rejected our request: not a GraphQL answer, request r-1"),
    ];
    for (reply, expected) in cases {
        let server = Server::start([reply]).await;
        assert_eq!(server.shop().info().await.unwrap_err().to_string(), expected);
        assert_eq!(server.seen().len(), 1, "{expected}: not repeated");
    }
}

#[tokio::test]
async fn a_read_is_repeated_over_blips_and_gives_up_after_three() {
    let internal = json!({"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]});
    let server = Server::start([Reply::status(520, "<html>"), Reply::json(internal), Reply::json(shop_body())]).await;
    assert_eq!(server.shop().info().await.unwrap().name, "Sample");

    let server = Server::start([502, 503, 504].map(|status| Reply::status(status, ""))).await;
    assert!(matches!(server.shop().info().await, Err(Error::Unavailable(Cause::Status(504)))));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_refused_call_waits_and_comes_again() {
    let server = Server::start([refused(30, 0), Reply::json(shop_body())]).await;
    let start = Instant::now();
    server.shop().info().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));

    let server = Server::start([refused(9000, 0)]).await;
    let wait = match server.shop().info().await {
        Err(Error::Throttled { wait }) => wait,
        other => panic!("{other:?}"),
    };
    assert!(wait >= Duration::from_secs(90), "longer than we wait in a call: {wait:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_mutation_whose_answer_is_lost_is_in_doubt_and_not_repeated() {
    for reply in [Reply::status(502, ""), Reply::status(200, "{"), Reply::Silence, Reply::json(json!({"data": null}))] {
        let server = Server::start([reply]).await;
        assert!(matches!(server.shop().start_bulk("{ orders }").await, Err(Error::Unknown(_))));
        assert_eq!(server.seen().len(), 1);
    }
    let nobody =
        Shopify::new(http(), "http://127.0.0.1:9", API_VERSION, crate::pauses::Pauses::default()).shop("x", "t".into());
    assert!(matches!(nobody.start_bulk("{ orders }").await, Err(Error::Unavailable(_))), "nothing was sent");
}
