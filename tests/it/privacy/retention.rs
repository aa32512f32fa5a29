//! What is older than it may be kept.

use chrono::TimeDelta;
use entity::{order_snapshot, synced_order::State, webhook_delivery};
use ml_connector::{
    auth::Actor,
    order::{self, Target},
    privacy,
    retention::{self, Deleted},
};
use sea_orm::EntityTrait;
use serde_json::json;

use super::{CUSTOMER, hers, number, requests, tell};
use crate::harness::{TestApp, mugs};

#[tokio::test]
async fn what_nothing_has_happened_to_for_ninety_days_is_deleted_and_read_again_when_needed() {
    let app = TestApp::start().await;
    app.shopify.place(hers(1001));
    let changed = app.shopify.place(mugs(1002));
    app.pull().await;
    tell(&app, "orders/updated", json!({ "id": number(&changed), "updated_at": app.app.clock.now().to_rfc3339() }))
        .await;
    app.settle().await;
    let run = async || retention::run(&app.app, app.connection).await.unwrap();
    assert_eq!(run().await, Deleted::default());

    app.app.clock.advance(TimeDelta::days(60));
    app.shopify.change(number(&changed), |order| order.note = Some("changed".to_owned()));
    app.pull().await;
    app.app.clock.advance(TimeDelta::days(31));
    assert_eq!(run().await, Deleted { deliveries: 1, snapshots: 1, requests: 0 });
    assert_eq!(run().await, Deleted::default());
    let kept = order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(kept.iter().map(|row| row.order_id).collect::<Vec<_>>(), [app.order("#1002").await.id]);
    assert_eq!(webhook_delivery::Entity::find().all(app.app.db.read()).await.unwrap(), []);
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()));

    let id = app.order("#1001").await.id;
    order::resync(&app.app, &Actor::system("test"), Target::Known(id)).await.unwrap();
    app.settle().await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()));
    assert_eq!(order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap().len(), 2);
    app.end().await;
}

#[tokio::test]
async fn an_order_that_is_due_keeps_its_snapshot_however_old() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    let id = app.order("#1001").await.id;
    order::resync(&app.app, &Actor::system("test"), Target::Known(id)).await.unwrap();
    app.app.clock.advance(TimeDelta::days(91));
    assert_eq!(retention::run(&app.app, app.connection).await.unwrap().snapshots, 0);
    app.settle().await;
    app.end().await;
}

#[tokio::test]
async fn old_requests_say_of_nobody_whom_they_were_about() {
    let app = TestApp::start().await;
    let data = json!({ "shop_id": 1, "shop_domain": crate::harness::SHOP, "customer": { "id": CUSTOMER }, "orders_requested": [] });
    tell(&app, "customers/data_request", data).await;
    app.settle().await;
    privacy::complete(&app.app, &Actor::system("test"), requests(&app).await[0].id, None).await.unwrap();
    assert!(requests(&app).await[0].shopify_customer_id.is_some());
    for (days, forgotten) in [(89, 0), (2, 1), (1, 0)] {
        app.app.clock.advance(TimeDelta::days(days));
        assert_eq!(retention::run(&app.app, app.connection).await.unwrap().requests, forgotten);
    }
    assert_eq!(requests(&app).await[0].shopify_customer_id, None);
    app.end().await;
}
