//! Consent, codes, and the chain of refresh tokens.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    Options, http,
    install::{ASKED, BACK, Install},
};
use crate::sandbox::{
    faults::{Failure, Moment},
    shopify::Distribution,
};

const CLIENT: (&str, &str) = ("client_id", "sandbox-shopify-client");
const DEAD: &str = r#"{"error":"invalid_request","error_description":"This request requires an active refresh_token"}"#;

#[tokio::test]
async fn the_consent_page_checks_what_it_is_asked() {
    let app = Install::start(Options { redirect_uris: vec![BACK.to_owned()], ..Options::default() }).await;
    let (scope, state) = (("scope", ASKED), ("state", "nonce-42"));
    let good = [CLIENT, scope, state, ("redirect_uri", BACK)];
    assert_eq!(app.visit(&good).await.0, 302);
    let wrong: [&[(&str, &str)]; 6] = [
        &[("client_id", "another"), scope, state, ("redirect_uri", BACK)],
        &[CLIENT, scope, state, ("redirect_uri", "https://app.example.com/back/")],
        &[CLIENT, scope, state],
        &[CLIENT, scope, ("redirect_uri", BACK)],
        &[CLIENT, ("scope", "read_orders,read_mind"), state, ("redirect_uri", BACK)],
        &[CLIENT, scope, state, ("redirect_uri", BACK), ("grant_options[]", "per-user")],
    ];
    for query in wrong {
        assert_eq!(app.visit(query).await, (400, None), "{query:?}");
    }
}

#[tokio::test]
async fn the_callback_is_signed_with_the_oldest_secret() {
    let secrets = vec!["shpss_new".to_owned(), "shpss_old".to_owned()];
    let app = Install::start(Options { client_secrets: secrets, padded_host: true, ..Options::default() }).await;
    let back = app.callback("write_orders,read_customers").await;
    let keys: Vec<&str> = back.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "hmac", "host", "shop", "state", "timestamp"]);
    assert_eq!(back["host"], "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc2FuZGJveC1zdG9yZQ==");
    assert_eq!((back["state"].as_str(), back["timestamp"].as_str()), ("nonce-42", "1795176000"));
    // The padding is signed as it stands in a form.
    let pairs: Vec<(&str, &str)> =
        back.iter().filter(|(key, _)| *key != "hmac").map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let signed = app.shop.signed_query(&pairs);
    assert!(signed.contains("%3D%3D") && signed.ends_with(&format!("&hmac={}", back["hmac"])));

    for (secret, status) in [("shpss_old", 200), ("shpss_guess", 401)] {
        let body = json!({ "code": back["code"], "client_secret": secret });
        assert_eq!(app.token(body).await.0, status);
    }
    let code = &app.callback(ASKED).await["code"];
    assert_eq!(app.token(json!({ "code": code, "client_secret": "shpss_new" })).await.0, 200);
}

#[tokio::test]
async fn a_code_works_once_and_not_for_long() {
    let app = Install::start(Options::default()).await;
    let code = app.callback("write_orders,read_orders,read_customers").await.remove("code");
    let (status, body) = app.token(json!({ "code": code, "expiring": 1 })).await;
    assert_eq!((status, &body["scope"]), (200, &json!("write_orders,read_customers")));
    assert_eq!((&body["expires_in"], &body["refresh_token_expires_in"]), (&json!(3600), &json!(7_776_000)));
    assert_eq!(app.opens(&body["access_token"]).await, 200);
    assert_eq!(app.token(json!({ "code": code })).await.0, 400);

    let code = app.callback(ASKED).await.remove("code");
    app.pass(TimeDelta::seconds(60));
    assert_eq!(app.token(json!({ "code": code })).await.0, 400);

    let code = app.callback(ASKED).await.remove("code").expect("a code");
    let form = [CLIENT, ("client_secret", "shpss_sandboxsandboxsandboxsandbox01"), ("code", &code)];
    let url = format!("{}/admin/oauth/access_token", app.shop.url().replace("{shop}", app.shop.shop()));
    let answer = http().post(url).form(&form).send().await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "without `expiring` it never expires: {body}");
    assert_eq!(
        app.grant("read_orders", "0").await["access_token"],
        body["access_token"],
        "granted again, it is the same"
    );
    assert_eq!(app.shop.token_requests()["authorization_code"], 5);
}

#[tokio::test]
async fn wrong_clients_and_strange_grants_are_refused_also_in_html() {
    let app = Install::start(Options::default()).await;
    let (status, body) = app.token(json!({ "client_secret": "guess", "code": "x" })).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    assert_eq!(app.token(json!({ "client_id": "another", "code": "x" })).await.0, 401);
    assert_eq!(app.token(json!({})).await.1["error"], "invalid_request");
    assert_eq!(app.token(json!({ "grant_type": "password" })).await.1["error"], "unsupported_grant_type");
    assert_eq!(app.token(json!({ "code": "x", "expiring": "yes" })).await.0, 400);
    assert_eq!(app.refresh(&json!("shprt_x")).await, (401, serde_json::from_str(DEAD).expect("JSON")));
    app.shop.set_html_errors(true);
    let (status, page) = app.refresh(&json!("shprt_x")).await;
    let page = page.as_str().expect("a page");
    assert_eq!(status, 401);
    assert!(page.contains("Oauth error invalid_request: This request requires an active refresh_token"), "{page}");
}

#[tokio::test]
async fn an_access_token_lives_for_an_hour_and_outlives_its_refresh() {
    let app = Install::start(Options::default()).await;
    let first = app.grant(ASKED, "1").await;
    app.pass(TimeDelta::minutes(30));
    let (status, second) = app.refresh(&first["refresh_token"]).await;
    assert_eq!((status, second.as_object().map(serde_json::Map::len)), (200, Some(5)));
    assert_eq!(app.opens(&first["access_token"]).await, 200);
    app.pass(TimeDelta::seconds(1799));
    assert_eq!(app.opens(&first["access_token"]).await, 200);
    app.pass(TimeDelta::seconds(1));
    let (status, body) = app.ask(&first["access_token"], "{ shop { id } }").await;
    assert_eq!((status, body["errors"].as_str().map(|text| text.contains("Invalid API key"))), (401, Some(true)));
    assert_eq!(app.opens(&second["access_token"]).await, 200);
    app.shop.expire_access_tokens();
    assert_eq!(app.opens(&second["access_token"]).await, 401);
    assert_eq!(app.opens(&json!("shpat_sandbox")).await, 200, "the token of the options never expires");
    assert_eq!(app.refresh(&second["refresh_token"]).await.0, 200);
}

#[tokio::test]
async fn a_used_refresh_token_works_until_its_replacement_is_used() {
    let app = Install::start(Options::default()).await;
    let first = app.grant(ASKED, "1").await;
    app.shop.faults.add(Some("oauth:token"), 0, 1, Moment::After, Failure::Status(502));
    assert_eq!(app.refresh(&first["refresh_token"]).await.0, 502, "done, and never heard of");
    let (_, second) = app.refresh(&first["refresh_token"]).await;
    let (_, again) = app.refresh(&first["refresh_token"]).await;
    assert_eq!(second["refresh_token"], again["refresh_token"]);
    assert_ne!(second["access_token"], again["access_token"]);
    assert_ne!(first["refresh_token"], again["refresh_token"]);
    let (_, third) = app.refresh(&again["refresh_token"]).await;
    assert_eq!(app.refresh(&first["refresh_token"]).await.0, 401, "two generations back is retired");
    assert_eq!(app.refresh(&second["refresh_token"]).await.0, 200);

    app.pass(TimeDelta::days(30));
    assert_eq!(app.refresh(&second["refresh_token"]).await.0, 401, "used thirty days ago");
    let (_, fourth) = app.refresh(&third["refresh_token"]).await;
    assert_eq!(fourth["refresh_token_expires_in"], 7_776_000);
    app.pass(TimeDelta::days(90));
    assert_eq!(app.refresh(&fourth["refresh_token"]).await.0, 401, "unused for ninety days");
    assert_eq!(app.shop.token_requests()["refresh_token"], 9);
    assert_eq!(app.shop.faults.calls()["oauth:token"], 10);
}

#[tokio::test]
async fn a_new_grant_retires_the_chain() {
    let app = Install::start(Options { own_store: true, ..Options::default() }).await;
    for expiring in ["1", "0"] {
        let old = app.grant(ASKED, "1").await;
        app.grant(ASKED, expiring).await;
        assert_eq!(app.refresh(&old["refresh_token"]).await.0, 401);
        assert_eq!(app.opens(&old["access_token"]).await, 200);
    }
    let old = app.grant(ASKED, "1").await;
    assert_eq!(app.token(json!({ "grant_type": "client_credentials" })).await.0, 200);
    assert_eq!(app.refresh(&old["refresh_token"]).await.0, 401);
}

#[tokio::test]
async fn a_token_that_never_expires_is_changed_for_a_pair() {
    let app = Install::start(Options::default()).await;
    let old = app.grant(ASKED, "0").await["access_token"].clone();
    assert_eq!(app.migrate(&json!("shpat_sandbox")).await.0, 400, "another app's");
    let (status, pair) = app.migrate(&old).await;
    assert_eq!((status, pair.as_object().map(serde_json::Map::len)), (200, Some(5)));
    assert_eq!(app.opens(&old).await, 401);
    assert_eq!(app.migrate(&old).await.1, pair);
    app.pass(TimeDelta::days(6));
    let (_, late) = app.migrate(&old).await;
    assert_eq!((&late["access_token"], &late["refresh_token"]), (&pair["access_token"], &pair["refresh_token"]));
    assert_eq!((&late["expires_in"], &late["refresh_token_expires_in"]), (&json!(3600), &json!(84 * 86_400)));
    assert_eq!(app.opens(&pair["access_token"]).await, 200);
    assert_eq!(app.refresh(&pair["refresh_token"]).await.0, 200);
    assert_eq!(app.migrate(&old).await.0, 400, "the app refreshed");

    let old = app.grant(ASKED, "0").await["access_token"].clone();
    assert_eq!(app.migrate(&old).await.0, 200);
    app.pass(TimeDelta::days(7));
    assert_eq!(app.migrate(&old).await.0, 400);
}

#[tokio::test]
async fn from_2027_on_a_public_app_needs_tokens_that_expire() {
    for (distribution, prefix, status) in [(Distribution::Public, "shpat_", 403), (Distribution::Custom, "shpca_", 200)]
    {
        let app = Install::start(Options { distribution, ..Options::default() }).await;
        let token = app.grant(ASKED, "0").await["access_token"].clone();
        assert!(token.as_str().is_some_and(|token| token.starts_with(prefix)));
        assert_eq!(app.opens(&token).await, 200);
        app.pass(TimeDelta::days(42));
        let (got, body) = app.ask(&token, "{ shop { id } }").await;
        assert_eq!(got, status);
        if status == 403 {
            let text = "[API] Non-expiring access tokens are no longer accepted for the Admin API. Start using expiring offline tokens.";
            assert_eq!(body, json!({ "errors": text }));
        }
        let pair = app.migrate(&token).await.1;
        assert_eq!(app.opens(&pair["access_token"]).await, 200);
        assert_eq!(app.opens(&json!("shpat_sandbox")).await, 200);
    }
}

#[tokio::test]
async fn an_app_on_its_owners_store_needs_no_consent() {
    let ask = json!({ "grant_type": "client_credentials" });
    let app = Install::start(Options::default()).await;
    assert_eq!(app.token(ask.clone()).await.1["error"], "shop_not_permitted");
    let app = Install::start(Options { own_store: true, ..Options::default() }).await;
    let (status, body) = app.token(ask.clone()).await;
    assert_eq!((status, &body["expires_in"], &body["scope"]), (200, &json!(86_399), &json!(ASKED)));
    assert_eq!(body.get("refresh_token"), None);
    app.pass(TimeDelta::seconds(86_398));
    assert_eq!(app.opens(&body["access_token"]).await, 200);
    app.pass(TimeDelta::seconds(1));
    assert_eq!(app.opens(&body["access_token"]).await, 401);
    app.shop.uninstall();
    assert_eq!(app.token(ask.clone()).await.1["error"], "app_not_installed");
    app.shop.install();
    assert_eq!(app.token(ask).await.0, 200);
}

#[tokio::test]
async fn access_tokens_live_as_long_as_the_options_say() {
    let app = Install::start(Options { token_lives: TimeDelta::seconds(30), ..Options::default() }).await;
    let code = app.callback(ASKED).await.remove("code");
    let (_, body) = app.token(json!({ "code": code, "expiring": 1 })).await;
    assert_eq!(body["expires_in"], 30);
    app.pass(TimeDelta::seconds(29));
    assert_eq!(app.opens(&body["access_token"]).await, 200);
    app.pass(TimeDelta::seconds(1));
    assert_eq!(app.opens(&body["access_token"]).await, 401);
    let renewal = json!({ "grant_type": "refresh_token", "refresh_token": body["refresh_token"] });
    assert_eq!(app.token(renewal).await.1["expires_in"], 30);
}
