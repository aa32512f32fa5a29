use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, Ordering},
};

use super::*;
use crate::sandbox::{
    faults::{Failure, Moment},
    freshbooks::Business,
};

pub(super) const BACK: &str = "https://service.example.com/back";

impl Caller {
    async fn me(&self) -> Value {
        let (status, body) = self.send(Method::GET, "/auth/api/v1/users/me", None).await;
        assert_eq!(status, 200);
        body["response"].clone()
    }

    /// The code a consent to these scopes is worth.
    pub(super) async fn code(&self, scope: &str) -> String {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let query = [
            ("client_id", "sandbox-client-id"),
            ("response_type", "code"),
            ("redirect_uri", BACK),
            ("state", "s"),
            ("scope", scope),
        ];
        let page = http.get(format!("{}/oauth/authorize/", self.books.url())).query(&query).send().await.unwrap();
        let target = url::Url::parse(page.headers()["location"].to_str().unwrap()).unwrap();
        let back: HashMap<_, _> = target.query_pairs().into_owned().collect();
        back["code"].clone()
    }

    pub(super) async fn token(&self, grant: &str, key: &str, value: &str, uri: &str) -> (u16, Value) {
        let body = json!({
            "client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret", "grant_type": grant, key: value,
            "redirect_uri": uri,
        });
        let url = format!("{}/auth/oauth/token", self.books.url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        self.token("refresh_token", "refresh_token", token, BACK).await
    }

    async fn status(&self, token: &Value, method: Method, path: &str) -> u16 {
        let request = self.http.request(method, format!("{}/accounting/account/SbX7q1/{path}", self.books.url()));
        let request = request.bearer_auth(token.as_str().unwrap()).json(&json!({"client": {"email": "x@example.com"}}));
        request.send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn a_person_belongs_to_several_businesses() {
    let second = Business { currency_code: "EUR".to_owned(), ..Business::new(14_700_002, "Second", Some("SbB2")) };
    let staff = Business {
        role: "business_employee".to_owned(),
        account_role: Some("client".to_owned()),
        subscription: "cancelled".to_owned(),
        ..Business::new(14_700_004, "Employer", Some("SbD4"))
    };
    let more_businesses = vec![second, Business::new(14_700_003, "Without books", None), staff];
    let api = Caller::start(Options { more_businesses, client_of: vec!["SbE5".to_owned()], ..noon() }).await;
    let me = api.me().await;
    let memberships = me["business_memberships"].as_array().unwrap();
    let accounts: Vec<_> = memberships.iter().map(|one| one["business"]["account_id"].as_str()).collect();
    assert_eq!(accounts, [Some("SbX7q1"), Some("SbB2"), None, Some("SbD4")]);
    assert_eq!((&memberships[3]["role"], &memberships[3]["id"]), (&json!("business_employee"), &json!(40_000_004)));
    let mut ids: Vec<_> = memberships.iter().map(|one| one["business"]["business_uuid"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let roles = me["roles"].as_array().unwrap();
    let roles: Vec<_> =
        roles.iter().map(|one| (one["accountid"].as_str().unwrap(), one["role"].as_str().unwrap())).collect();
    assert_eq!(roles, [("SbX7q1", "owner"), ("SbB2", "owner"), ("SbD4", "client"), ("SbE5", "client")]);
    assert_eq!(me["subscription_statuses"], json!({"SbX7q1": "active", "SbB2": "active", "SbD4": "cancelled"}));

    let system = |account: &str, business: u64| format!("/accounting/account/{account}/systems/systems/{business}");
    let (status, body) = api.send(Method::GET, &system("SbB2", 14_700_002), None).await;
    assert_eq!((status, &body["response"]["result"]["system"]["currency_code"]), (200, &json!("EUR")));
    assert_eq!(api.send(Method::GET, &system("SbB2", 14_700_001), None).await.0, 404);
    assert_eq!(api.send(Method::GET, &system("SbZ9", 14_700_001), None).await.0, 404);
    api.client("a@example.com").await;
    let clients = "/accounting/account/SbB2/users/clients";
    let (status, body) = api.send(Method::GET, clients, None).await;
    assert_eq!((status, &body["response"]["result"]["total"]), (200, &json!(0)));
    let body = json!({"client": {"email": "b@example.com"}});
    assert_eq!(api.send(Method::POST, clients, Some(body.clone())).await.0, 501);
    assert_eq!(api.send(Method::POST, &clients.replace("SbB2", "SbE5"), Some(body)).await.0, 403);
}

#[tokio::test]
async fn an_identity_may_tell_nothing_of_accounts() {
    let api = Caller::start(Options { without_account: true, without_roles: true, ..noon() }).await;
    let me = api.me().await;
    assert_eq!(me["business_memberships"][0]["business"]["account_id"], json!(null));
    assert_eq!((me.get("roles"), &me["subscription_statuses"]), (None, &json!({})));
    assert_eq!(api.accounting(Method::GET, "users/clients", None).await.0, 404);
}

#[tokio::test]
async fn a_client_may_not_write_and_sees_nothing() {
    let api = Caller::start(noon()).await;
    api.client("a@example.com").await;
    api.books.set_role("client");
    let (me, body) = (api.me().await, json!({"client": {"email": "b@example.com"}}));
    assert_eq!((&me["roles"][0]["role"], &me["business_memberships"][0]["role"]), (&json!("client"), &json!("owner")));
    assert_eq!(api.refused(Method::POST, "users/clients", body).await, (403, 1003, String::new()));
    assert_eq!(api.get("users/clients").await["total"], 0);
    api.books.set_role("admin");
    assert_eq!(api.get("users/clients").await["total"], 1);
}

#[tokio::test]
async fn a_lapsed_account_takes_no_writes() {
    let api = Caller::start(Options { subscription: "active_trial".to_owned(), ..noon() }).await;
    api.client("a@example.com").await;
    api.books.set_subscription("cancelled");
    assert_eq!(api.me().await["subscription_statuses"]["SbX7q1"], "cancelled");
    let body = json!({"client": {"email": "b@example.com"}});
    assert_eq!(api.refused(Method::POST, "users/clients", body).await, (403, 1042, "accountid".to_owned()));
    assert_eq!(api.get("users/clients").await["total"], 1);
    api.books.set_subscription("active");
    api.client("b@example.com").await;
}

#[tokio::test]
async fn a_plan_allows_so_many_clients() {
    let api = Caller::start(Options { client_limit: 1, ..noon() }).await;
    assert_eq!(api.me().await["permissions"]["SbX7q1"]["client.limit"], 1);
    let first = api.client("a@example.com").await;
    let body = json!({"client": {"email": "b@example.com"}});
    assert_eq!(api.refused(Method::POST, "users/clients", body.clone()).await.0, 200);
    api.books.archive_client(first).await.unwrap();
    api.post("users/clients", body.clone()).await;
    api.books.set_client_limit(-1);
    api.post("users/clients", body).await;
}

#[tokio::test]
async fn a_code_is_for_one_redirect_uri_and_one_exchange() {
    let api = Caller::start(noon()).await;
    let code = api.code("").await;
    let exchange = async |code: &str, uri| api.token("authorization_code", "code", code, uri).await;
    assert_eq!(exchange(&code, BACK).await.0, 200);
    let (status, body) = exchange(&code, BACK).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    let code = api.code("").await;
    let (status, body) = exchange(&code, "https://service.example.com/elsewhere").await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn a_person_may_grant_less_than_asked() {
    let api = Caller::start(noon()).await;
    api.books.set_grant_only(Some(vec!["user:clients:read".to_owned()]));
    let code = api.code("user:clients:read user:clients:write user:invoices:read").await;
    let (_, pair) = api.token("authorization_code", "code", &code, BACK).await;
    assert_eq!(pair["scope"], "user:profile:read user:clients:read");
    let token = &pair["access_token"];
    assert_eq!(api.status(token, Method::GET, "users/clients").await, 200);
    assert_eq!(api.status(token, Method::POST, "users/clients").await, 403);
    assert_eq!(api.status(token, Method::GET, "invoices/invoices").await, 403);
    api.books.set_grant_only(Some(Vec::new()));
    let (_, pair) = api.token("authorization_code", "code", &api.code("user:clients:read").await, BACK).await;
    assert_eq!(pair["scope"], "user:profile:read");
}

#[tokio::test]
async fn a_disconnected_app_has_nothing_left() {
    let api = Caller::start(noon()).await;
    let (_, pair) = api.token("authorization_code", "code", &api.code("").await, BACK).await;
    let waiting = api.code("").await;
    api.books.disconnect().await.unwrap();
    assert_eq!(api.status(&pair["access_token"], Method::GET, "users/clients").await, 401);
    assert_eq!(api.status(&json!("sandbox-access-token"), Method::GET, "users/clients").await, 401);
    for token in [pair["refresh_token"].as_str().unwrap(), "sandbox-refresh-token"] {
        let (status, body) = api.refresh(token).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(api.token("authorization_code", "code", &waiting, BACK).await.0, 400);
    let (status, _) = api.token("authorization_code", "code", &api.code("").await, BACK).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn every_secret_is_known_also_of_answers_that_were_lost() {
    let api = Caller::start(noon()).await;
    let code = api.code("").await;
    api.books.faults.add(Some("Token"), 0, 1, Moment::After, Failure::Status(502));
    assert_eq!(api.refresh("sandbox-refresh-token").await.0, 502);
    let (access, refresh) = api.books.tokens();
    let (access, refresh) = (access.unwrap(), refresh.unwrap());
    assert_eq!(api.refresh("sandbox-refresh-token").await.0, 400, "it was spent");
    let secrets = api.books.secrets();
    for secret in ["sandbox-client-secret", "sandbox-access-token", "sandbox-refresh-token", &code, &access, &refresh] {
        assert_eq!(secrets.iter().filter(|known| *known == secret).count(), 1, "{secret}");
    }
    assert_eq!((api.books.token_requests()["refresh_token"], api.books.faults.calls()["Token"]), (2, 2));
}

#[tokio::test]
async fn a_pair_may_be_older_than_its_answer() {
    let clock = Arc::new(AtomicI64::new(1_790_000_000));
    let reading = clock.clone();
    let now: crate::sandbox::freshbooks::Now =
        Arc::new(move || DateTime::from_timestamp(reading.load(Ordering::Relaxed), 0).unwrap());
    let api = Caller::start(Options { created_earlier: Some(600), now, ..Options::default() }).await;
    let (_, pair) = api.refresh("sandbox-refresh-token").await;
    assert_eq!((&pair["created_at"], &pair["expires_in"]), (&json!(1_789_999_400), &json!(43_199)));
    clock.fetch_add(43_199 - 600 - 1, Ordering::Relaxed);
    assert_eq!(api.status(&pair["access_token"], Method::GET, "users/clients").await, 200);
    clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(api.status(&pair["access_token"], Method::GET, "users/clients").await, 401);
}
