//! The routes beside the API.

use serde_json::{Value, json};

use super::{Role, World};

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
        for name in ["x-request-id", "content-security-policy", "x-content-type-options", "referrer-policy"] {
            assert!(headers.contains_key(name), "{path} lacks {name}");
        }
    }
    for (path, status) in [("/nothing", 404), ("/graphql", 405)] {
        let (answered, body, headers) = get(&world, path).await;
        assert_eq!((answered, &headers["content-type"]), (status, &"application/json".parse().unwrap()));
        assert!(serde_json::from_str::<Value>(&body).unwrap()["error"].is_string());
    }
}

#[tokio::test]
async fn a_panic_ends_one_request() {
    let world = World::start().await;
    let routes =
        axum::Router::new().route("/boom", axum::routing::get(async || -> &'static str { panic!("a secret") }));
    let base = super::listen(&world.app, crate::http::layered(routes)).await;
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
