//! `shop/redact`.

use entity::{
    connection::Status, customer_key, order_snapshot, platform_grant, privacy_request::Kind, privacy_request::State,
    webhook_delivery,
};
use ml_connector::{audit, auth::Actor};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::{SHE, alerts, as_guest, hers, requests, states, tell};
use crate::{
    harness::{SHOP, TestApp},
    person::{Person, ask, connect_by_browser, freshbooks_link, global, install_link, unconnected},
    stored::{as_it_lies, contains},
};

fn redact_shop() -> Value {
    json!({ "shop_id": 1, "shop_domain": SHOP })
}

/// A shop with the app, and two orders.
async fn installed() -> (TestApp, Person) {
    let (mut app, mut person) = (TestApp::in_world(unconnected()).await, Person::default());
    connect_by_browser(&mut app, &mut person).await;
    app.shopify.place(hers(1001));
    app.shopify.place(as_guest(1002));
    app.pull().await;
    (app, person)
}

#[tokio::test]
async fn a_shop_that_has_the_app_is_not_forgotten_and_somebody_is_told() {
    let (app, _) = installed().await;
    tell(&app, "shop/redact", redact_shop()).await;
    app.settle().await;
    assert_eq!(states(&app).await, [(Kind::ShopRedact, State::Declined)]);
    assert_eq!(alerts(&app).await, ["SHOP_REDACT_WHILE_INSTALLED"]);
    assert_eq!(app.connection().await.status, Status::Active);
    assert_eq!(order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap().len(), 2);

    let list = "query($id: ID!) { privacyRequests(connectionId: $id) { nodes { id state detail } } }";
    let listed = ask(&app, list, json!({ "id": global(&app) })).await;
    let request = &listed["privacyRequests"]["nodes"][0];
    assert_eq!(request["detail"], "The app is still installed in the shop: nothing was erased.");
    let complete = "mutation($id: ID!) { completePrivacyRequest(input: { id: $id, note: \"An old one.\" }) {
        privacyRequest { state completedBy } } }";
    let done = ask(&app, complete, json!({ "id": request["id"] })).await;
    assert_eq!(
        done["completePrivacyRequest"]["privacyRequest"],
        json!({ "state": "DECLINED", "completedBy": "user:ada" })
    );
    let completed = requests(&app).await;
    ask(&app, complete, json!({ "id": request["id"] })).await;
    assert_eq!(requests(&app).await, completed, "once is enough");
    assert_eq!(alerts(&app).await, Vec::<String>::new());
    app.settle().await;
    app.end().await;
}

#[tokio::test]
async fn a_shop_that_has_uninstalled_the_app_is_forgotten_and_may_come_back() {
    let (app, mut person) = installed().await;
    assert_eq!(app.connection().await.name, "Sandbox Store");
    app.shopify.uninstall();
    app.app.clock.advance(chrono::TimeDelta::hours(48));
    tell(&app, "shop/redact", redact_shop()).await;
    app.settle().await;
    app.quiet().await;

    assert_eq!(states(&app).await, [(Kind::ShopRedact, State::Done)]);
    assert!(requests(&app).await[0].detail.starts_with("Keys destroyed: 2; snapshots deleted: 2;"));
    let row = app.connection().await;
    assert_eq!((row.status, row.name.as_str(), row.shop_name), (Status::Disconnected, SHOP, None));
    let db = app.app.db.read();
    assert_eq!(platform_grant::Entity::find().all(db).await.unwrap(), []);
    assert_eq!(order_snapshot::Entity::find().all(db).await.unwrap(), []);
    assert_eq!(webhook_delivery::Entity::find().all(db).await.unwrap(), []);
    assert_eq!(alerts(&app).await, Vec::<String>::new());
    let keys = customer_key::Entity::find().all(db).await.unwrap();
    assert!(keys.iter().all(|key| key.sealed_key.is_none() && key.subject == format!("redacted:{}", key.id)));
    let stored = as_it_lies(&app).await;
    for word in SHE {
        assert!(!contains(&stored, word.as_bytes()), "{word} is in the database");
    }
    assert!(!contains(&stored, b"guest:"), "a guest's pseudonym is in the database");
    assert!(matches!(audit::verify(db, app.connection).await.unwrap(), audit::Verdict::Intact(_)));

    // Installed again: a shop like any other, whose old orders stay as they are.
    assert_eq!(person.open(&install_link(&app)).await.status, 200);
    assert_eq!(person.open(&freshbooks_link(&app).await).await.status, 200);
    app.quiet().await;
    app.shopify.place(hers(1003));
    app.pull().await;
    assert_eq!(app.connection().await.name, "Sandbox Store");
    assert_eq!(app.state("#1003").await.0, entity::synced_order::State::Synced);
    assert_eq!(app.invoices_of("#1001").len(), 1);
    app.end().await;
}

#[tokio::test]
async fn a_connection_that_a_person_has_ended_is_forgotten_without_asking() {
    let (app, _) = installed().await;
    ml_connector::authorize::disconnect(&app.app, &Actor::system("test"), app.connection).await.unwrap();
    tell(&app, "shop/redact", redact_shop()).await;
    app.settle().await;
    app.quiet().await;
    assert_eq!(states(&app).await, [(Kind::ShopRedact, State::Done)]);
    assert_eq!(order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap(), []);
    app.end().await;
}

#[tokio::test]
async fn while_shopify_is_silent_nothing_is_erased_and_somebody_is_told() {
    use ml_connector::sandbox::faults::{Failure, Moment};
    let (app, _) = installed().await;
    app.shopify.faults.add(Some("graphql:Shop"), 0, 60, Moment::Before, Failure::Status(503));
    tell(&app, "shop/redact", redact_shop()).await;
    for _ in 0..6 {
        ml_connector::worker::drain(&app.app).await.unwrap();
        app.app.clock.advance(chrono::TimeDelta::minutes(10));
    }
    assert_eq!(states(&app).await, [(Kind::ShopRedact, State::Open)]);
    assert_eq!(alerts(&app).await, ["PRIVACY_REQUEST_FAILING"]);
    assert_eq!(order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap().len(), 2);
    app.shopify.faults.clear();
    app.settle().await;
    assert_eq!(states(&app).await, [(Kind::ShopRedact, State::Declined)]);
    assert_eq!(alerts(&app).await, ["SHOP_REDACT_WHILE_INSTALLED"]);
    app.end().await;
}
