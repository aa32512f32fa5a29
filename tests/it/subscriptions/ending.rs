//! Uninstalled and installed again, disconnected, and keys changed.

use ml_connector::{auth::Actor, authorize, config::Config, rotate};

use super::*;
use crate::{harness::ENCRYPTION_KEYS, person::install_link};

const NEW_KEY: &str = "next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

#[tokio::test]
async fn after_an_install_anew_they_are_made_anew_and_nobody_is_told() {
    let mut app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    connect_by_browser(&mut app, &mut person).await;
    clock_strikes(&app, TimeDelta::zero()).await;
    all_stand(&app);
    let callbacks = app.freshbooks.callbacks();
    app.shopify.uninstall();
    assert_eq!(app.shopify.subscriptions().len(), 0);
    app.shopify.deliveries_done().await;
    app.shopify.install();
    assert_eq!(person.open(&install_link(&app)).await.status, 200);
    app.quiet().await;
    clock_strikes(&app, TimeDelta::seconds(1)).await;
    all_stand(&app);
    assert_eq!(app.freshbooks.callbacks(), callbacks, "FreshBooks' still stood");
    assert!(!told(&app).await.iter().any(|told_of| told_of.0.starts_with("WEBHOOKS_")));
    app.end().await;
}

#[tokio::test]
async fn a_connection_that_ends_takes_its_webhooks_along() {
    let app = set_up(World::default()).await;
    app.shopify.remove_subscription(shopify::Topic::OrdersPaid);
    look(&app).await;
    assert_eq!(told(&app).await.len(), 1);
    let hook = app.books().create_callback("invoice.update", "https://theirs.example.com/hook").await.unwrap();
    authorize::disconnect(&app.app, &Actor::system("test"), app.connection).await.unwrap();
    app.quiet().await;
    assert_eq!(app.shopify.subscriptions(), []);
    let left: Vec<u64> = app.freshbooks.callbacks().iter().map(|known| known.id).collect();
    assert_eq!(left, [hook.id.unsigned_abs()], "what others registered stays");
    assert_eq!(Entity::find().all(app.app.db.read()).await.unwrap(), []);
    assert_eq!(told(&app).await, []);
    let shown =
        ask(&app, "{ connections { shopify { webhooksHealthy } webhookSubscriptions { topic } } }", json!({})).await;
    assert_eq!(shown["connections"][0], json!({ "shopify": { "webhooksHealthy": null }, "webhookSubscriptions": [] }));
    assert_eq!(look(&app).await, [Look::Closed, Look::Closed]);
    app.end().await;
}

#[tokio::test]
async fn secrets_are_sealed_anew_and_a_missing_key_is_noticed_at_the_start() {
    let app = set_up(World::default()).await;
    let with = |keys: &str| Config { encryption_keys: Some(keys.to_owned().into()), ..app.app.config.clone() };
    let clock = || app.app.clock.clone();
    let sealed = row(&app, "invoice.update").await.verifier.unwrap();
    let own = app.freshbooks.callbacks().into_iter().find(|known| known.event == "invoice.update").unwrap().verifier;
    assert!(sealed.starts_with("k1.test.") && !sealed.contains(&own));
    let both = App::new(with(&format!("{NEW_KEY},{ENCRYPTION_KEYS}")), clock()).await.unwrap();
    assert_eq!(rotate::run(&both).await.unwrap().callbacks, 8);
    assert_eq!(rotate::run(&both).await.unwrap().callbacks, 0);
    assert!(row(&app, "invoice.update").await.verifier.unwrap().starts_with("k1.next."));
    let new = App::new(with(NEW_KEY), clock()).await.unwrap();
    let secrets = subscription::verifiers(&new, app.connection, "invoice.update").await.unwrap();
    assert_eq!((secrets.len(), secrecy::ExposeSecret::expose_secret(&secrets[0])), (8, own.as_str()));
    // Its verifiers alone are enough to be missed.
    app.app.db.write().execute_unprepared("DELETE FROM platform_grant").await.unwrap();
    for waiting in ["SELECT 1", "UPDATE webhook_subscription SET offered = verifier, verifier = NULL"] {
        app.app.db.write().execute_unprepared(waiting).await.unwrap();
        let without = App::new(with(ENCRYPTION_KEYS), clock()).await.err().unwrap().to_string();
        assert!(without.contains("`next`"), "{without}");
    }
    app.database.remove().await;
}
