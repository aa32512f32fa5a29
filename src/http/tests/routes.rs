//! The routes beside the API.

use serde_json::{Value, json};

use std::sync::Arc;

use axum::{Router, http::Method, middleware::from_fn_with_state, routing};

use super::{Role, World};
use crate::{
    config::Config,
    http::{layers, limit::Limit},
};

async fn get(world: &World, path: &str) -> (u16, String, axum::http::HeaderMap) {
    let answer = world.http.get(format!("{}{path}", world.base)).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, answer.text().await.unwrap(), headers)
}

#[tokio::test]
async fn operators_find_what_they_look_for() {
    let world = World::start().await;
    for (path, text) in [("/healthz", "alive"), ("/readyz", "ready"), ("/metrics", "mlc_sample 1"), ("/", "/graphiql")]
    {
        let (status, body, headers) = get(&world, path).await;
        assert_eq!((status, body.contains(text)), (200, true), "{path}: {body}");
        for name in [
            "x-request-id",
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "permissions-policy",
        ] {
            assert!(headers.contains_key(name), "{path} lacks {name}");
        }
        assert!(!headers.contains_key("strict-transport-security"), "there is no TLS");
    }
    for (path, status) in [("/nothing", 404), ("/graphql", 405)] {
        let (answered, body, headers) = get(&world, path).await;
        assert_eq!((answered, &headers["content-type"]), (status, &"application/json".parse().unwrap()));
        assert!(serde_json::from_str::<Value>(&body).unwrap()["error"].is_string());
    }
}

#[tokio::test]
async fn where_there_is_tls_browsers_keep_to_it() {
    let config = Config { public_url: "https://books.example.com/".parse().unwrap(), ..Config::default() };
    let world = World::with(config).await;
    for path in ["/healthz", "/nothing"] {
        let (_, _, headers) = get(&world, path).await;
        assert_eq!(headers["strict-transport-security"], "max-age=31536000", "{path}");
    }
}

#[tokio::test]
async fn other_sites_may_read_nothing() {
    let world = World::start().await;
    for method in [Method::OPTIONS, Method::GET, Method::POST] {
        for path in ["/graphql", "/graphiql", "/healthz", "/nothing"] {
            let request = world.http.request(method.clone(), format!("{}{path}", world.base));
            let request = request
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,content-type");
            let answer = request.send().await.unwrap();
            let crossing = answer.headers().keys().find(|name| name.as_str().starts_with("access-control-"));
            assert!(crossing.is_none(), "{method} {path}: {crossing:?}");
            assert!(method != Method::OPTIONS || !answer.status().is_success(), "{path}");
        }
    }
}

#[tokio::test]
async fn nobody_is_led_to_an_address_that_a_caller_named() {
    let world = World::start().await;
    let paths =
        ["//evil.example", "//evil.example/..", "/%2F%2Fevil.example", "/graphiql/", "/?next=https://evil.example"];
    for path in paths.into_iter().chain(["/", "/graphql"]) {
        let request = world.http.get(format!("{}{path}", world.base));
        let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let answer = request.send().await.unwrap();
        assert!(!answer.status().is_redirection() && !answer.headers().contains_key("location"), "{path}");
        assert!(!answer.text().await.unwrap().contains("evil.example"), "{path}");
    }
}

#[tokio::test]
async fn strangers_who_come_too_often_wait_and_others_do_not() {
    let config = Config { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..Config::default() };
    let world = World::with(config).await;
    let token = world.token(Role::Viewer, None);
    let ask = async |from: &'static str, token: &str| {
        let request = world.http.post(format!("{}/graphql", world.base)).bearer_auth(token);
        let query = json!({ "query": "{ viewer { subject } }" });
        let answer = request.header("x-forwarded-for", from).json(&query).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, headers, answer.json::<Value>().await.unwrap())
    };
    let mut answers = Vec::new();
    for _ in 0..60 {
        answers.push(ask("203.0.113.9", "a.guessed.token").await);
    }
    let (first, last) = (answers.first().unwrap(), answers.iter().find(|answer| answer.0 != 200).unwrap());
    assert_eq!(first.2["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!((last.0, &last.2["errors"][0]["extensions"]["code"]), (429, &json!("RATE_LIMITED")));
    let wait: u64 = last.1["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(ask("203.0.113.10", "a.guessed.token").await.0, 200, "another address");
    assert_eq!(ask("203.0.113.9", &token).await.2["data"]["viewer"]["subject"], "ada", "somebody at the same address");
}

#[tokio::test]
async fn a_public_route_takes_twenty_at_once_from_one_address() {
    let world = World::start().await;
    let limit = Arc::new(Limit::strangers());
    let routes = Router::new().route("/open", routing::get(async || "open"));
    let routes = routes.layer(from_fn_with_state(limit, layers::limited));
    let base = super::listen(&world.app, crate::http::layered(&world.app, routes)).await;
    let mut passed = 0;
    let refused = loop {
        // Nobody is believed by default: the header makes no other client of them.
        let request = world.http.get(format!("{base}/open")).header("x-forwarded-for", format!("203.0.113.{passed}"));
        let answer = request.send().await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        passed += 1;
        assert!(passed < 100, "there is no limit");
    };
    assert!(passed >= 20, "{passed}");
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after") && refused.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn a_route_reads_no_more_than_it_says() {
    let world = World::start().await;
    let routes = Router::new().route("/take", routing::post(async |body: axum::body::Bytes| body.len().to_string()));
    let base = super::listen(&world.app, crate::http::layered(&world.app, routes)).await;
    for (length, status) in [(64 * 1024, 200), (64 * 1024 + 1, 413)] {
        let answer = world.http.post(format!("{base}/take")).body("x".repeat(length)).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn a_panic_ends_one_request() {
    let world = World::start().await;
    let routes =
        axum::Router::new().route("/boom", axum::routing::get(async || -> &'static str { panic!("a secret") }));
    let base = super::listen(&world.app, crate::http::layered(&world.app, routes)).await;
    for _ in 0..2 {
        let answer = world.http.get(format!("{base}/boom")).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        assert!(answer.headers().contains_key("x-request-id"));
        let body = answer.text().await.unwrap();
        assert!(body.contains("x-request-id") && !body.contains("a secret"), "{body}");
    }
}

#[tokio::test]
async fn a_server_that_stops_lets_go_of_its_address() {
    let world = World::start().await;
    world.app.stop.cancel();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while world.http.get(format!("{}/healthz", world.base)).send().await.is_ok() {
        assert!(std::time::Instant::now() < until, "it still answers");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_editor_may_load_its_files_and_nothing_else() {
    let world = World::start().await;
    let (status, body, headers) = get(&world, "/graphiql").await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert_eq!(status, 200);
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe-eval"), "{policy}");
    for file in body.split("https://unpkg.com/").skip(1).filter(|rest| rest.contains("integrity=")) {
        assert!(file.starts_with(['r', 'g']), "an editor's file");
    }
    assert_eq!(body.matches("integrity=\"sha384-").count(), 4, "each file is checked by its digest");
    assert!(body.contains("id=\"token\"") && body.contains("If this stays"));
}

#[tokio::test]
async fn what_is_no_operation_is_refused_in_graphqls_form() {
    let world = World::start().await;
    let token = world.token(Role::Viewer, None);
    let url = format!("{}/graphql", world.base);
    let send = async |kind: &'static str, body: String| {
        let request = world.http.post(&url).bearer_auth(&token).header("content-type", kind).body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"].clone())
    };
    let bad = json!("BAD_USER_INPUT");
    assert_eq!(send("application/json", "{".to_owned()).await, (400, bad.clone()));
    let batch = json!([{ "query": "{ viewer { subject } }" }]).to_string();
    assert_eq!(send("application/json; charset=utf-8", batch).await, (400, bad.clone()));
    assert_eq!(send("text/plain", json!({ "query": "{ viewer { subject } }" }).to_string()).await, (415, bad.clone()));
    let long = json!({ "query": "{ viewer { subject } }", "variables": { "x": "x".repeat(1024 * 1024) } }).to_string();
    assert_eq!(send("application/json", long).await, (413, bad));
}

#[tokio::test]
async fn a_failure_of_ours_gives_nothing_away() {
    let world = World::start().await;
    let connection = world.connect("one").await;
    sea_orm::ConnectionTrait::execute_unprepared(world.app.db.write(), "UPDATE connection SET settings = 'broken'")
        .await
        .unwrap();
    let token = world.token(Role::Viewer, None);
    let answer = world.ask(&token, "{ connections { settings { currency } } }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL");
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("x-request-id") && !message.contains("settings"), "{message}");
    assert_eq!(connection.shop_domain, "one.myshopify.com");
}
