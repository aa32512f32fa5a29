//! What an admin does about connections: other ways into a shop, pausing, disconnecting.

use entity::connection::Status;
use ml_connector::{
    auth::Actor,
    authorize, grant,
    sandbox::{
        faults::{Failure, Moment},
        shopify,
    },
};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::{
    harness::{TestApp, World, mugs},
    person::{
        Person, ask, connect_by_browser, freshbooks_link, global, install_link, only_connection, pending, unconnected,
    },
};

#[tokio::test]
async fn disconnecting_needs_no_answer_of_freshbooks() {
    let mut app = TestApp::in_world(unconnected()).await;
    connect_by_browser(&mut app, &mut Person::default()).await;
    app.freshbooks.faults.add(Some("Revoke"), 0, 2, Moment::Before, Failure::Drop);
    authorize::disconnect(&app.app, &Actor::system("test"), app.connection).await.unwrap();
    app.quiet().await;
    assert_eq!(app.connection().await.status, Status::Disconnected);
    assert!(grant::list(app.app.db.read(), app.connection).await.unwrap().is_empty());
    let trail = entity::audit_entry::Entity::find().all(app.app.db.read()).await.unwrap();
    let said: Vec<_> =
        trail.iter().rev().take(2).map(|entry| (entry.action.as_str(), entry.message.as_str())).collect();
    assert_eq!((said[1].0, said[0].0), ("disconnect", "revoke"));
    assert!(said[0].1.contains("did not confirm"), "{said:?}");
    app.end().await;
}

#[tokio::test]
async fn an_admin_connects_a_shop_by_a_custom_apps_token_step_by_step() {
    let mut app = TestApp::in_world(unconnected()).await;
    app.shopify.place(mugs(1001));
    let create = "mutation { createConnection(input: { name: \"Mugs\", shopDomain: \"https://sandbox-store.myshopify.com/admin\" }) {
        connection { id status } userErrors { field message code } } }";
    let made = ask(&app, create, json!({})).await["createConnection"].clone();
    assert_eq!(made["connection"]["status"], "PENDING", "{made:#}");
    let id = made["connection"]["id"].clone();
    let again = ask(&app, create, json!({})).await;
    assert_eq!(again["createConnection"]["userErrors"][0]["code"], "TAKEN");

    let token = "mutation($id: ID!, $token: String!) { useShopifyToken(input: { connectionId: $id, token: $token }) {
        connection { shopify { status kind shopName authorizeBy } } userErrors { field message code } } }";
    let wrong = ask(&app, token, json!({ "id": id, "token": "shpat_wrong" })).await;
    assert_eq!(wrong["useShopifyToken"]["userErrors"][0]["code"], "INVALID");
    assert!(!wrong.to_string().contains("shpat_wrong"), "a token is not repeated");
    let right = ask(&app, token, json!({ "id": id, "token": "shpat_sandbox" })).await;
    let shopify = &right["useShopifyToken"]["connection"]["shopify"];
    assert_eq!((&shopify["status"], &shopify["kind"]), (&json!("GRANTED"), &json!("CUSTOM_APP")), "{right:#}");
    assert_eq!(shopify["authorizeBy"], Value::Null);

    let link = "mutation($id: ID!) { authorizeFreshbooks(input: { connectionId: $id }) { authorizationUrl userErrors { message } } }";
    let link = ask(&app, link, json!({ "id": id })).await["authorizeFreshbooks"]["authorizationUrl"].clone();
    let landed = Person::default().open(link.as_str().unwrap()).await;
    assert_eq!(landed.status, 200, "{}", landed.page);
    app.connection = only_connection(&app).await.id;
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn an_app_of_the_shops_own_is_let_in_by_its_credentials_for_as_long_as_they_are_good() {
    let store = shopify::Options { own_store: true, ..shopify::Options::default() };
    let mut app = TestApp::in_world(World { shopify: store.clone(), ..unconnected() }).await;
    app.shopify.install();
    pending(&mut app).await;
    let query = "mutation($id: ID!, $client: String!, $secret: String!) {
        useShopifyClientCredentials(input: { connectionId: $id, clientId: $client, clientSecret: $secret }) {
            connection { shopify { kind expiresAt } } userErrors { field message code } } }";
    let with = |secret: &str| json!({ "id": global(&app), "client": store.client_id, "secret": secret });
    let wrong = ask(&app, query, with("shpss_wrong")).await;
    assert_eq!(wrong["useShopifyClientCredentials"]["userErrors"][0]["code"], "INVALID");
    let right = ask(&app, query, with(&store.client_secrets[0])).await;
    let shopify = &right["useShopifyClientCredentials"]["connection"]["shopify"];
    assert_eq!(shopify["kind"], "CLIENT_CREDENTIALS", "{right:#}");
    Person::default().open(&freshbooks_link(&app).await).await;
    app.quiet().await;
    assert_eq!(app.connection().await.status, Status::Active);
    // A day later the token is over, and asked for again.
    app.app.clock.advance(chrono::TimeDelta::hours(25));
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.shopify.token_requests().get("client_credentials"), Some(&3), "{:?}", app.shopify.token_requests());
    app.end().await;
}

#[tokio::test]
async fn pausing_stops_and_disconnecting_revokes_and_both_can_be_taken_back() {
    let mut app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    connect_by_browser(&mut app, &mut person).await;
    let change = async |mutation: &str| {
        let input = format!("{}{}Input!", mutation[..1].to_uppercase(), &mutation[1..]);
        let query = format!(
            "mutation($input: {input}) {{ {mutation}(input: $input) {{ connection {{ status }} userErrors {{ message }} }} }}"
        );
        ask(&app, &query, json!({ "input": { "connectionId": global(&app) } })).await[mutation]["connection"]["status"]
            .clone()
    };
    assert_eq!(change("pauseConnection").await, "PAUSED");
    app.shopify.place(mugs(1001));
    app.pull_until_stopped().await;
    assert!(app.invoices_of("#1001").is_empty());
    assert_eq!(change("resumeConnection").await, "ACTIVE");
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(change("disconnectConnection").await, "DISCONNECTED");
    app.quiet().await;
    assert!(grant::list(app.app.db.read(), app.connection).await.unwrap().is_empty());
    assert_eq!(app.freshbooks.tokens(), (None, None), "revoked over there");
    assert_eq!(change("resumeConnection").await, Value::Null, "somebody must authorize first");
    // The same connection is taken up again, with its links: nothing is booked twice.
    person.open(&install_link(&app)).await;
    let landed = person.open(&freshbooks_link(&app).await).await;
    assert_eq!(landed.status, 200, "{}", landed.page);
    assert_eq!(app.connection().await.status, Status::Active);
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}
