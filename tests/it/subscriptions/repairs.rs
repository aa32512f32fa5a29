//! What was deleted, redirected, limited or no longer allowed.

use ml_connector::sandbox::shopify::Topic;

use super::*;

#[tokio::test]
async fn what_is_missing_or_wrong_is_set_right_within_one_look_and_told() {
    let app = set_up(World::default()).await;
    app.shopify.remove_subscription(Topic::OrdersUpdated);
    app.shopify.redirect_subscription(Topic::OrdersPaid, "https://old.example.com/webhooks");
    app.freshbooks.remove_callback("invoice.update").await.unwrap();
    app.freshbooks.unverify_callback("payment.update").await.unwrap();
    app.freshbooks.redirect_callback("client.update", "https://old.example.com/webhooks").await.unwrap();
    clock_strikes(&app, TimeDelta::hours(1)).await;
    all_stand(&app);
    let told_of = told(&app).await;
    let expected = [
        (
            "shopify",
            "Webhooks of Shopify were found missing or wrong and were set up anew: orders/updated were missing; orders/paid were sent to another address.",
        ),
        (
            "freshbooks",
            "Webhooks of FreshBooks were found missing or wrong and were set up anew: invoice.update were missing; client.update were sent to another address; payment.update were no longer verified.",
        ),
    ];
    for (subject, message) in expected {
        let told_of = told_of.iter().find(|told_of| told_of.1 == subject).unwrap();
        assert_eq!((told_of.0.as_str(), told_of.2.as_str()), ("WEBHOOKS_REPAIRED", message));
    }
    assert_eq!(told_of.len(), 2);
    let at = row(&app, "orders/updated").await;
    assert!(at.repaired_at.is_some() && at.repaired_at == at.checked_at && at.state == State::Active);
    assert_eq!(row(&app, "orders/create").await.repaired_at, None);
    // The next look finds all well.
    clock_strikes(&app, TimeDelta::hours(1)).await;
    assert_eq!(told(&app).await, []);
    assert_eq!(row(&app, "orders/updated").await.repaired_at, at.repaired_at);
    app.end().await;
}

#[tokio::test]
async fn another_address_of_ours_moves_them_and_what_others_subscribed_to_is_left_alone() {
    let app = set_up(World::default()).await;
    let shop = app.app.shopify.shop(SHOP, SHOPIFY_TOKEN.into());
    let theirs = shop.create_webhook("ORDERS_PAID", "https://theirs.example.com/hook", Some("theirs")).await.unwrap();
    let books = app.books();
    let hook = books.create_callback("invoice.update", "https://theirs.example.com/hook").await.unwrap();
    // One of ours that nobody here knows of, at an address of before.
    let lost = shop
        .create_webhook("ORDERS_PAID", "https://old.example.com/hook", Some("ml-connector-orders-paid"))
        .await
        .unwrap();
    let twice = books.create_callback("invoice.update", &callback_address(&app, "invoice.update")).await.unwrap();
    assert_eq!(look(&app).await, [well(), well()]);
    let subscriptions = app.shopify.subscriptions();
    let has = |id: &ml_connector::shopify::model::Gid| {
        subscriptions.iter().any(|known| Some(known.id) == id.number().map(i64::unsigned_abs))
    };
    assert_eq!((subscriptions.len(), has(&theirs.id), has(&lost.id)), (15, true, false));
    let callbacks = app.freshbooks.callbacks();
    let has = |id: i64| callbacks.iter().any(|known| known.id == id.unsigned_abs());
    assert_eq!((callbacks.len(), has(hook.id), has(twice.id)), (9, true, false));

    // The service moves: everything of ours goes along, in place where the platform can do that.
    let moved = ml_connector::config::Config {
        public_url: app.app.config.public_url.as_str().replace("127.0.0.1", "localhost").parse().unwrap(),
        ..app.app.config.clone()
    };
    let moved = App::new(moved, app.app.clock.clone()).await.unwrap();
    let [shop, books] = subscription::run(&moved, app.connection).await.unwrap();
    let (Look::Seen { repaired: shop, healthy: true }, Look::Seen { repaired: books, .. }) = (shop, books) else {
        panic!("not seen");
    };
    assert_eq!((shop.len(), books.len()), (14, 8));
    let subscriptions = app.shopify.subscriptions();
    let at_home = subscriptions.iter().filter(|known| known.uri.starts_with("http://localhost:")).count();
    assert_eq!((subscriptions.len(), at_home), (15, 14));
    let callbacks = app.freshbooks.callbacks();
    let at_home = callbacks.iter().filter(|known| known.uri.starts_with("http://localhost:")).count();
    assert_eq!((callbacks.len(), at_home), (9, 8));
    app.end().await;
}

#[tokio::test]
async fn topics_come_and_go_with_their_scopes() {
    let app = TestApp::start().await;
    let scopes = |scopes: &str| format!("UPDATE platform_grant SET scopes = '{scopes}' WHERE platform = 'shopify'");
    app.app.db.write().execute_unprepared(&scopes("write_orders")).await.unwrap();
    assert_eq!(look(&app).await, [well(), well()]);
    let topics = |app: &TestApp| app.shopify.subscriptions().iter().map(|known| known.topic.name()).collect::<Vec<_>>();
    assert_eq!(topics(&app).len(), 12, "the right to write is the right to read: {:?}", topics(&app));
    app.app.db.write().execute_unprepared(&scopes("read_orders,read_customers")).await.unwrap();
    assert_eq!(look(&app).await, [well(), well()]);
    all_stand(&app);
    app.app.db.write().execute_unprepared(&scopes("read_customers")).await.unwrap();
    assert_eq!(look(&app).await, [well(), well()]);
    let mut left = topics(&app);
    left.sort_unstable();
    let expected = [
        "app/scopes_update",
        "app/uninstalled",
        "bulk_operations/finish",
        "customers/create",
        "customers/update",
        "shop/update",
    ];
    assert_eq!(left, expected);
    app.end().await;
}

#[tokio::test]
async fn an_address_that_shopify_refuses_is_told_once_for_all_topics() {
    let mut world = World::default();
    world.shopify.loopback_webhooks = false;
    let app = TestApp::in_world(world).await;
    clock_strikes(&app, TimeDelta::zero()).await;
    let told_of = told(&app).await;
    assert_eq!((told_of.len(), told_of[0].0.as_str(), told_of[0].1.as_str()), (1, "WEBHOOKS_FAILING", "shopify"));
    assert!(
        told_of[0].2.contains("MLC_PUBLIC_URL") && told_of[0].2.contains("http:// is not supported"),
        "{told_of:?}"
    );
    assert_eq!(app.shopify.faults.calls()["graphql:WebhookCreate"], 1);
    let shown = ask(
        &app,
        "{ connections { shopify { webhooksHealthy } webhookSubscriptions { topic state problem { code owner } } } }",
        json!({}),
    )
    .await;
    let shown = &shown["connections"][0];
    assert_eq!(shown["shopify"]["webhooksHealthy"], false);
    let first = json!({ "topic": "orders/create", "state": "FAILING", "problem": { "code": "ADDRESS_REFUSED", "owner": "OPERATOR" } });
    assert!(shown["webhookSubscriptions"].as_array().unwrap().contains(&first), "{shown:#}");
    app.end().await;
}

#[tokio::test]
async fn without_the_apps_secret_nothing_is_asked_for() {
    let app = TestApp::start().await;
    let config = ml_connector::config::Config { shopify_client_secrets: Vec::new(), ..app.app.config.clone() };
    let bare = App::new(config, app.app.clock.clone()).await.unwrap();
    let [shop, books] = subscription::run(&bare, app.connection).await.unwrap();
    assert_eq!((shop, books), (Look::Seen { repaired: Vec::new(), healthy: false }, well()));
    assert_eq!(app.shopify.subscriptions().len(), 0);
    let told_of = told(&app).await;
    assert_eq!((told_of.len(), told_of[0].0.as_str()), (1, "WEBHOOKS_FAILING"));
    assert_eq!(subscription::problem(&row(&app, "orders/create").await).unwrap().code, "SECRET_MISSING");
    assert_eq!(look(&app).await, [well(), well()]);
    all_stand(&app);
    assert_eq!(told(&app).await, []);
    app.end().await;
}
