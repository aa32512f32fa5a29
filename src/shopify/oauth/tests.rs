use std::time::Duration;

use serde_json::json;

use super::{
    super::{API_VERSION, testing::*},
    *,
};

const SECRET: &str = "shpss_0123456789abcdef0123456789abcdef";
const FIELDS: &str = "code=7a1c0ffee0a1b2c3&host=YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvdGVzdC1zaG9w\
    &shop=test-shop.myshopify.com&state=nonce-42&timestamp=1795334400";
const HMAC: &str = "ffb5f787f4fd74bc466ba5594c11924d5a70876cd742eee3baa8a4c92300cf2a";
const SHOP: &str = "sample.myshopify.com";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_334_400, 0).unwrap()
}

fn secrets(list: &[&str]) -> Vec<SecretString> {
    list.iter().map(|secret| (*secret).into()).collect()
}

fn good(query: &str) -> bool {
    signed(query, &secrets(&[SECRET]))
}

/// The signature of a message that is in its signed form already.
fn sign(message: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(message);
    hex::encode(mac.finalize().into_bytes())
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_shop_has_one_address() {
    for shop in ["sample.myshopify.com", "0-a.myshopify.com", "a-.myshopify.com"] {
        assert!(is_shop_domain(shop), "{shop}");
    }
    let long = format!("{}.myshopify.com", "a".repeat(64));
    for other in [
        "",
        ".myshopify.com",
        "-a.myshopify.com",
        "a.b.myshopify.com",
        "Sample.myshopify.com",
        "a.myshopify.com.evil.example",
        "evil.example/a.myshopify.com",
        "evil.example#a.myshopify.com",
        "user@a.myshopify.com",
        "a.myshopify.com\n",
        "a\n.myshopify.com",
        " a.myshopify.com",
        "a.myshopify.com:443",
        "a.myshopify.com/",
        "amyshopify.com",
        "ä.myshopify.com",
        &long,
    ] {
        assert!(!is_shop_domain(other), "{other:?}");
    }
}

#[test]
fn the_order_of_the_parameters_does_not_matter_and_any_active_secret_may_have_signed() {
    assert!(good(&format!("{FIELDS}&hmac={HMAC}")));
    let turned: Vec<_> = FIELDS.split('&').rev().collect();
    let turned = format!("hmac={HMAC}&signature=old&{}", turned.join("&"));
    assert!(good(&turned));
    assert!(signed(&turned, &secrets(&["new", SECRET])));
    assert!(!signed(&turned, &secrets(&["new"])) && !signed(&turned, &[]));
}

#[test]
fn reserved_characters_are_signed_in_their_encoded_form() {
    let hmac = sign("a+b=c%26d%3De+f&host=YQ%3D%3D&shop=x.myshopify.com");
    for host in ["YQ==", "YQ%3D%3D", "YQ%3d="] {
        assert!(good(&format!("hmac={hmac}&shop=x.myshopify.com&host={host}&a%20b=c%26d%3De+f")), "{host}");
    }
    // A separator within a value is not one between parameters.
    assert!(!good(&format!("hmac={hmac}&shop=x.myshopify.com&host=YQ==&a%20b=c&d=e+f")));
}

#[test]
fn repeated_parameters_are_signed_joined() {
    let hmac = sign("ids=1%2C2&shop=x.myshopify.com");
    assert!(good(&format!("ids=1&ids=2&shop=x.myshopify.com&hmac={hmac}")));
    assert!(!good(&format!("ids=2&ids=1&shop=x.myshopify.com&hmac={hmac}")));
}

#[test]
fn whatever_was_altered_is_not_signed() {
    let other = FIELDS.replace("test-shop", "evil-shop");
    assert!(!good(&format!("{other}&hmac={HMAC}")));
    assert!(!good(&format!("{FIELDS}&extra=1&hmac={HMAC}")));
    assert!(!good(&format!("{}&hmac={HMAC}", FIELDS.replace("&state=nonce-42", ""))));
    assert!(!good(&format!("{FIELDS}&shop=evil.myshopify.com&hmac={HMAC}")));
}

#[test]
fn a_signature_has_one_form_and_stands_there_once() {
    assert!(!good(FIELDS) && !good(""));
    let upper = HMAC.to_uppercase();
    for hmac in ["", "ff", &HMAC[..62], &HMAC[..63], &upper, &format!("{HMAC}00"), &HMAC.replace('f', "g"), "ﬀ"] {
        assert!(!good(&format!("{FIELDS}&hmac={hmac}")), "{hmac}");
    }
    assert!(!good(&format!("{FIELDS}&hmac={HMAC}&hmac={HMAC}")));
    assert!(!good(&format!("{FIELDS}&HMAC={HMAC}")));
}

#[test]
fn a_query_is_fresh_for_a_minute_and_a_half() {
    for (off, expected) in [(0, true), (90, true), (-90, true), (91, false), (-91, false)] {
        assert_eq!(fresh(FIELDS, now() + TimeDelta::seconds(off)), expected, "{off}");
    }
    let max = format!("timestamp={}", i64::MIN);
    for query in ["", "timestamp=", "timestamp=soon", "timestamp=1795334400&timestamp=1795334400", &max] {
        assert!(!fresh(query, now()), "{query}");
    }
}

#[test]
fn the_right_to_write_covers_reading() {
    let asked = words(&["read_orders", "read_all_orders", "write_customers"]);
    assert_eq!(missing_scopes(&asked, &asked), Vec::<String>::new());
    let granted = words(&["write_orders", "read_customers", "read_all_orders_too"]);
    assert_eq!(missing_scopes(&asked, &granted), ["read_all_orders", "write_customers"]);
    assert_eq!(missing_scopes(&asked, &[]), asked);
}

#[test]
fn a_person_is_sent_to_the_shop_and_nowhere_else() {
    let shopify = Shopify::new(http(), "https://{shop}", API_VERSION, crate::pauses::Pauses::default());
    let url = |shop: &str| {
        shopify.authorize_url(shop, "id", &words(&["read_orders", "read_customers"]), "https://x.example/cb?a=b", "n/1")
    };
    assert_eq!(
        url(SHOP).unwrap().as_str(),
        "https://sample.myshopify.com/admin/oauth/authorize?client_id=id&scope=read_orders%2Cread_customers\
            &redirect_uri=https%3A%2F%2Fx.example%2Fcb%3Fa%3Db&state=n%2F1"
    );
    for other in ["evil.example", "evil.example/.myshopify.com", "a@evil.example#.myshopify.com"] {
        assert!(matches!(url(other), Err(Error::Rejected(_))), "{other}");
    }
}

fn client() -> Client {
    Client { id: "app".to_owned(), secret: "s3cret".into() }
}

fn pair() -> Value {
    json!({"access_token": "shpat_a", "scope": "read_orders,write_customers", "expires_in": 3600,
        "refresh_token": "shprt_r", "refresh_token_expires_in": 7_776_000})
}

fn shopify(server: &Server) -> Shopify {
    Shopify::new(http(), &format!("{}/{{shop}}", server.base), API_VERSION, crate::pauses::Pauses::default())
}

async fn refreshed(reply: Reply) -> Result<TokenAnswer, Error> {
    let server = Server::start([reply]).await;
    let answer = shopify(&server).refresh(SHOP, &client(), &"shprt_old".into(), now()).await;
    assert_eq!(server.seen().len(), 1, "not repeated");
    answer
}

#[tokio::test]
async fn each_grant_is_asked_for_in_its_own_words() {
    let server = Server::start([(); 4].map(|()| Reply::json(pair()))).await;
    let shopify = shopify(&server);
    shopify.exchange_code(SHOP, &client(), "c0de", now()).await.unwrap();
    shopify.refresh(SHOP, &client(), &"shprt_old".into(), now()).await.unwrap();
    shopify.migrate(SHOP, &client(), &"shpat_old".into(), now()).await.unwrap();
    shopify.client_credentials(SHOP, &client(), now()).await.unwrap();
    let seen = server.seen();
    let offline = "urn:shopify:params:oauth:token-type:offline-access-token";
    let expected = [
        json!({"code": "c0de", "expiring": "1"}),
        json!({"grant_type": "refresh_token", "refresh_token": "shprt_old"}),
        json!({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "shpat_old",
            "subject_token_type": offline, "requested_token_type": offline, "expiring": "1"}),
        json!({"grant_type": "client_credentials"}),
    ];
    for (seen, mut expected) in seen.iter().zip(expected) {
        expected["client_id"] = json!("app");
        expected["client_secret"] = json!("s3cret");
        assert_eq!(seen.body, expected);
        assert_eq!(seen.path, "/sample.myshopify.com/admin/oauth/access_token");
        assert_eq!(
            (&seen.headers["accept"], &seen.headers["content-type"]),
            (&"application/json".parse().unwrap(), &"application/json".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn an_answer_says_how_long_its_tokens_live() {
    let answer = refreshed(Reply::json(pair())).await.unwrap();
    assert_eq!(answer.expires_at, Some(now() + TimeDelta::hours(1)));
    assert_eq!(answer.refresh_expires_at, Some(now() + TimeDelta::days(90)));
    assert_eq!(answer.scopes, ["read_orders", "write_customers"]);
    assert!(!format!("{answer:?}").contains("shp"), "tokens do not print");

    let silent = json!({"access_token": "a", "scope": "", "refresh_token": "r", "refresh_token_expires_in": null});
    let answer = refreshed(Reply::json(silent)).await.unwrap();
    assert_eq!((answer.expires_at, answer.refresh_expires_at), (Some(now() + TimeDelta::hours(1)), None));
    assert!(answer.scopes.is_empty());

    let endless = refreshed(Reply::json(json!({"access_token": "a", "scope": "read_orders"}))).await.unwrap();
    assert!(endless.expires_at.is_none() && endless.refresh_token.is_none());
}

const DEAD: &str = r#"{"error":"invalid_request","error_description":"This request requires an active refresh_token"}"#;
const DEAD_PAGE: &str =
    "<html><h1>Oauth error invalid_request: This request requires an active refresh_token</h1></html>";

#[tokio::test]
async fn a_dead_grant_is_told_from_wrong_credentials() {
    for (status, body) in [
        (401, DEAD),
        (401, DEAD_PAGE),
        (401, ""),
        (400, r#"{"error":"invalid_grant"}"#),
        (400, r#"{"error":"invalid_subject_token"}"#),
        (400, "<p>Oauth error app_not_installed</p>"),
        (403, r#"{"error":"app_not_installed"}"#),
    ] {
        let answer = refreshed(Reply::status(status, body)).await;
        assert!(matches!(answer, Err(Error::Unauthorized)), "{status} {body}: {answer:?}");
    }
    for (status, body, says) in [
        (401, r#"{"error":"invalid_client"}"#, "MLC_SHOPIFY_CLIENT_SECRET"),
        (400, r#"{"error":"invalid_client"}"#, "MLC_SHOPIFY_CLIENT_ID"),
        (401, "<p>Oauth error invalid_client: unknown</p>", "MLC_SHOPIFY_CLIENT_ID"),
        (400, r#"{"error":"unsupported_grant_type"}"#, "HTTP 400 (unsupported_grant_type, request r-1)"),
        (400, "<html>", "HTTP 400, request r-1"),
    ] {
        match refreshed(Reply::status(status, body)).await {
            Err(Error::Rejected(said)) => assert!(said.contains(says), "{said}"),
            other => panic!("{status} {body}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_code_that_is_not_taken_asks_for_a_new_grant() {
    let server = Server::start([Reply::status(400, DEAD), Reply::status(400, r#"{"error":"invalid_client"}"#)]).await;
    let exchange = async || shopify(&server).exchange_code(SHOP, &client(), "used", now()).await;
    assert!(matches!(exchange().await, Err(Error::Unauthorized)));
    assert!(matches!(exchange().await, Err(Error::Rejected(_))));
}

#[tokio::test]
async fn a_lost_answer_may_be_asked_for_again_and_is_not_repeated_here() {
    let endless = json!({"access_token": "a", "expires_in": i64::MAX});
    for reply in [
        Reply::status(502, ""),
        Reply::status(520, "<p>Oauth error invalid_client</p>"),
        Reply::status(200, "{}"),
        Reply::status(200, r#"{"access_token":""}"#),
        Reply::status(200, "<html>"),
        Reply::json(endless),
        Reply::Silence,
    ] {
        let answer = refreshed(reply).await;
        assert!(matches!(answer, Err(Error::Unknown(_))), "{answer:?}");
    }
    let slow = refreshed(Reply::status(429, r#"{"error":"invalid_client"}"#)).await;
    assert!(matches!(slow, Err(Error::Throttled { wait }) if wait == Duration::from_secs(1)));
    let frozen = refreshed(Reply::status(402, "")).await;
    assert!(matches!(frozen, Err(Error::ShopUnavailable { .. })));
}

#[tokio::test]
async fn no_secret_goes_to_a_host_that_is_no_shop() {
    let server = Server::start([]).await;
    let answer = shopify(&server).client_credentials("evil.example", &client(), now()).await;
    assert!(matches!(answer, Err(Error::Rejected(_))));
    assert!(server.seen().is_empty());
}
