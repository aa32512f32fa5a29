use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, Ordering},
};

use super::*;

async fn ask(api: &Caller, form: &[(&str, &str)]) -> (u16, Value) {
    let app = [("client_id", "sandbox-client-id"), ("client_secret", "sandbox-client-secret")];
    let all: HashMap<&str, &str> = app.iter().chain(form).copied().collect();
    let response = api.http.post(format!("{}/auth/oauth/token", api.books.url())).form(&all).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn me(api: &Caller, token: &str) -> (u16, Value) {
    let request = api.http.get(format!("{}/auth/api/v1/users/me", api.books.url())).bearer_auth(token);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn refresh(token: &str) -> [(&str, &str); 3] {
    [("grant_type", "refresh_token"), ("refresh_token", token), ("redirect_uri", "https://service.example.com/back")]
}

#[tokio::test]
async fn a_refresh_token_works_once() {
    let api = Caller::start(noon()).await;
    let (status, first) = ask(&api, &refresh("sandbox-refresh-token")).await;
    assert_eq!((status, &first["expires_in"], &first["created_at"]), (200, &json!(43_200), &json!(1_795_194_000)));
    let access = first["access_token"].as_str().unwrap();
    assert!(access.len() > 800);
    assert_eq!(first["refresh_token"].as_str().unwrap().len(), 64);
    let (status, again) = ask(&api, &refresh("sandbox-refresh-token")).await;
    assert_eq!((status, &again["error"]), (400, &json!("invalid_grant")));
    assert_eq!(me(&api, "sandbox-access-token").await.0, 401);
    let (status, known) = me(&api, access).await;
    assert_eq!(status, 200);
    assert_eq!(known["response"]["business_memberships"][0]["business"]["account_id"], "SbX7q1");
    assert_eq!(api.books.tokens().0.as_deref(), Some(access));

    let (status, wrong) = ask(&api, &[("client_secret", "guess"), ("grant_type", "refresh_token")]).await;
    assert_eq!((status, &wrong["error"]), (401, &json!("invalid_client")));
    let without_uri = &refresh(first["refresh_token"].as_str().unwrap())[..2];
    assert_eq!(ask(&api, without_uri).await.0, 400);
}

#[tokio::test]
async fn consent_hands_out_a_code_for_one_exchange() {
    let api = Caller::start(noon()).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let consent = async |query: &str| {
        let response = http.get(format!("{}/oauth/authorize/?{query}", api.books.url())).send().await.unwrap();
        let target = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), target)
    };
    let uri = "https://service.example.com/back";
    let app = format!("client_id=sandbox-client-id&response_type=code&redirect_uri={uri}");
    assert_eq!(consent(&format!("client_id=x&response_type=code&redirect_uri={uri}")).await, (500, None));
    assert_eq!(consent(&format!("{app}?shop=1")).await, (400, None));
    assert_eq!(consent(&format!("{app}&scope=user:nothing:read")).await, (400, None));
    let (status, target) = consent(&format!("{app}&state=abc&scope=user:clients:read")).await;
    assert_eq!(status, 302);
    let target = url::Url::parse(&target.unwrap()).unwrap();
    let back: HashMap<_, _> = target.query_pairs().into_owned().collect();
    assert_eq!(back["state"], "abc");

    let exchange = |uri| [("grant_type", "authorization_code"), ("code", back["code"].as_str()), ("redirect_uri", uri)];
    let (status, pair) = ask(&api, &exchange(uri)).await;
    assert_eq!((status, &pair["scope"]), (200, &json!("user:profile:read user:clients:read")));
    assert_eq!(ask(&api, &exchange(uri)).await.0, 400);

    let token = pair["access_token"].as_str().unwrap();
    let url = format!("{}/accounting/account/SbX7q1/", api.books.url());
    let call =
        async |request: reqwest::RequestBuilder| request.bearer_auth(token).send().await.unwrap().status().as_u16();
    assert_eq!(call(http.get(format!("{url}users/clients"))).await, 200);
    assert_eq!(call(http.get(format!("{url}invoices/invoices"))).await, 403);
    assert_eq!(call(http.post(format!("{url}users/clients")).json(&json!({"client": {"fname": "X"}}))).await, 403);
    assert_eq!(call(http.get(format!("{url}systems/systems/14700001"))).await, 200);
    assert_eq!(call(http.get(format!("{url}systems/systems/40000001"))).await, 404);
    // The first consent is untouched by the second.
    api.get("users/clients").await;
}

#[tokio::test]
async fn access_tokens_live_as_long_as_the_options_say() {
    let clock = Arc::new(AtomicI64::new(1_790_000_000));
    let now = clock.clone();
    let now: crate::sandbox::freshbooks::Now =
        Arc::new(move || DateTime::from_timestamp(now.load(Ordering::Relaxed), 0).unwrap());
    let token_lives = chrono::TimeDelta::seconds(30);
    let api = Caller::start(Options { now, token_lives, ..Options::default() }).await;
    clock.fetch_add(29, Ordering::Relaxed);
    assert_eq!(me(&api, "sandbox-access-token").await.0, 200);
    clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(me(&api, "sandbox-access-token").await.0, 401);
    let (_, pair) = ask(&api, &refresh("sandbox-refresh-token")).await;
    assert_eq!(pair["expires_in"], 30);
    let access = pair["access_token"].as_str().unwrap();
    clock.fetch_add(30, Ordering::Relaxed);
    assert_eq!(me(&api, access).await.0, 401);
}

#[tokio::test]
async fn access_tokens_end_after_twelve_hours_or_when_revoked() {
    let clock = Arc::new(AtomicI64::new(1_790_000_000));
    let now = clock.clone();
    let now: crate::sandbox::freshbooks::Now =
        Arc::new(move || DateTime::from_timestamp(now.load(Ordering::Relaxed), 0).unwrap());
    let api = Caller::start(Options { now, ..Options::default() }).await;
    clock.fetch_add(43_199, Ordering::Relaxed);
    assert_eq!(me(&api, "sandbox-access-token").await.0, 200);
    clock.fetch_add(1, Ordering::Relaxed);
    let (status, body) = me(&api, "sandbox-access-token").await;
    assert_eq!((status, &body["error"]), (401, &json!("unauthenticated")));
    let (status, body) = api.accounting(Method::GET, "users/clients", None).await;
    assert_eq!((status, &body["response"]["errors"][0]["errno"]), (401, &json!(1003)));

    let (_, pair) = ask(&api, &refresh("sandbox-refresh-token")).await;
    let access = pair["access_token"].as_str().unwrap();
    let body = json!({"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret", "token": access});
    let revoke = api.http.post(format!("{}/auth/oauth/revoke", api.books.url())).json(&body).send().await.unwrap();
    assert_eq!(revoke.status(), 200);
    assert_eq!(me(&api, access).await.0, 401);
    let (_, pair) = ask(&api, &refresh(pair["refresh_token"].as_str().unwrap())).await;
    let access = pair["access_token"].as_str().unwrap();
    assert_eq!(me(&api, access).await.0, 200);
    api.books.expire_access_tokens().await.unwrap();
    assert_eq!(me(&api, access).await.0, 401);
}
