//! Looks that somebody asks for: by the API, at a terminal.

use super::*;

const PING: &str = "mutation($id: ID!) { pingConnection(input: { connectionId: $id }) {
    connection { status problem { code } referenceChecks { name outcome } }
    referenceChecks { name outcome detail hint checkedAt } userErrors { field code } } }";

#[tokio::test]
async fn support_pings_a_connection_and_a_viewer_sees_what_was_found() {
    let app = TestApp::start().await;
    let refused = ask(&app, Role::Viewer, PING).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");

    app.freshbooks.set_subscription("cancelled");
    let pinged = &ask(&app, Role::Support, PING).await["data"]["pingConnection"];
    assert_eq!(pinged["userErrors"], json!([]));
    assert_eq!(pinged["connection"]["status"], "BLOCKED");
    assert_eq!(pinged["connection"]["problem"]["code"], "FRESHBOOKS_INACTIVE");
    let found = pinged["referenceChecks"].as_array().unwrap();
    assert_eq!(found.iter().map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), NAMES);
    assert_eq!(found[13]["outcome"], "FAILED");
    assert!(found[13]["hint"].as_str().unwrap().starts_with("Whoever keeps the books: "));
    assert_eq!(pinged["connection"]["referenceChecks"][13]["outcome"], "FAILED");

    app.freshbooks.set_subscription("active");
    let pinged = &ask(&app, Role::Support, PING).await["data"]["pingConnection"];
    assert_eq!(pinged["connection"]["status"], "ACTIVE");
    let seen = ask(&app, Role::Viewer, "query($id: ID!) { connection(id: $id) { referenceChecks { outcome } } }").await;
    assert_eq!(seen["data"]["connection"]["referenceChecks"][13]["outcome"], "PASSED");

    authorize::disconnect(&app.app, &Actor::system("test"), app.connection).await.unwrap();
    let pinged = &ask(&app, Role::Support, PING).await["data"]["pingConnection"];
    assert_eq!((&pinged["connection"], &pinged["userErrors"][0]["code"]), (&Value::Null, &json!("INVALID")));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_pings_beside_a_service_that_runs() {
    let app = TestApp::start().await;
    let run = async |arguments: &'static [&'static str]| {
        let settings = [
            ("DATABASE_URL", app.database.url.clone()),
            ("MLC_ENCRYPTION_KEYS", ENCRYPTION_KEYS.to_owned()),
            ("MLC_SHOPIFY_URL", app.shopify.url()),
            ("MLC_FRESHBOOKS_URL", app.freshbooks.url()),
        ];
        let output = tokio::task::spawn_blocking(move || {
            let directory = tempfile::TempDir::new().unwrap();
            std::process::Command::new(env!("CARGO_BIN_EXE_ml-connector"))
                .args(arguments)
                .current_dir(directory.path())
                .env_clear()
                .envs(settings)
                .output()
                .unwrap()
        });
        let output = output.await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(&["ping"]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.starts_with("Test (sandbox-store.myshopify.com, ") && out.contains("ACTIVE"), "{out}");
    assert!(NAMES.iter().all(|name| out.contains(name)), "{out}");

    app.shopify.set_state(ShopState::Frozen);
    let (code, out, err) = run(&["ping", "--json"]).await;
    assert_eq!(code, Some(1), "{out}{err}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), NAMES.len());
    assert_eq!((&lines[1]["name"], &lines[1]["outcome"]), (&json!("shopifyShop"), &json!("FAILED")));
    assert_eq!(lines[1]["status"], "BLOCKED");
    assert_eq!(standing(&app).await, blocked("SHOP_FROZEN"));

    let (code, _, err) = run(&["ping", "--connection", "nobody"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("there is no connection nobody"), "{err}");
    app.end().await;
}
