//! What stops the work of a connection, lets it go on, and costs no order anything.

use super::*;

#[tokio::test]
async fn a_shop_that_does_not_answer_stops_the_connection_and_nothing_is_lost() {
    let states = [
        (ShopState::Frozen, "SHOP_FROZEN"),
        (ShopState::Locked, "SHOP_LOCKED"),
        (ShopState::Inactive, "SHOP_LOCKED"),
        (ShopState::Closed, "SHOP_GONE"),
        (ShopState::Unknown, "SHOP_GONE"),
    ];
    for (state, code) in states {
        let app = TestApp::start().await;
        app.shopify.place(mugs(1001));
        app.pull().await;
        app.shopify.place(mugs(1002));
        // A look just before does not hide what comes after it.
        assert_eq!(Looked::at(&app).await.outcome("shopifyShop"), Outcome::Passed);
        app.shopify.set_state(state);
        resync(&app, "#1001").await;
        app.pull_until_stopped().await;
        assert_eq!(standing(&app).await, blocked(code));
        no_attempt_was_lost(&app).await;

        let looked = Looked::at(&app).await;
        assert_eq!(looked.outcome("shopifyShop"), Outcome::Failed);
        assert_eq!(looked.outcome("freshbooksToken"), Outcome::Passed);
        assert_eq!(standing(&app).await, blocked(code), "still so");
        assert_eq!(told(&app).await, [code]);

        app.shopify.set_state(ShopState::Open);
        Looked::at(&app).await;
        assert_eq!(standing(&app).await, active());
        assert!(told(&app).await.is_empty());
        app.settle().await;
        assert_eq!(app.invoices_of("#1002"), ["32.77 CAD, paid"], "{code}");
        app.end().await;
    }
}

#[tokio::test]
async fn the_daily_look_lets_a_thawed_shop_go_on() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.shopify.set_state(ShopState::Frozen);
    app.pull_until_stopped().await;
    night_passes(&app).await;
    comes_to(&app, &blocked("SHOP_FROZEN")).await;
    app.shopify.set_state(ShopState::Open);
    night_passes(&app).await;
    comes_to(&app, &active()).await;
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn an_app_without_approval_for_orders_is_stopped_and_one_without_people_is_warned() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.shopify.set_orders_allowed(false);
    app.pull_until_stopped().await;
    assert_eq!(standing(&app).await, blocked("PROTECTED_DATA"));
    no_attempt_was_lost(&app).await;
    app.shopify.set_orders_allowed(true);
    app.shopify.set_personal_data(false);
    let looked = Looked::at(&app).await;
    assert_eq!(looked.outcome("shopifyProtectedData"), Outcome::Warning);
    assert!(looked.detail("shopifyProtectedData").contains("names, e-mail"));
    assert_eq!(standing(&app).await, active());
    app.shopify.set_personal_data(true);
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_login_that_may_no_longer_write_stops_the_connection_and_fails_no_order() {
    for (role, subscription, code) in
        [("client", "active", "FRESHBOOKS_ROLE"), ("owner", "cancelled", "FRESHBOOKS_INACTIVE")]
    {
        let app = TestApp::start().await;
        for number in [1001, 1002] {
            app.shopify.place(mugs(number));
        }
        Looked::at(&app).await;
        app.freshbooks.set_role(role);
        app.freshbooks.set_subscription(subscription);
        app.pull_until_stopped().await;
        assert_eq!(standing(&app).await, blocked(code));
        no_attempt_was_lost(&app).await;
        assert!(app.freshbooks.invoices().is_empty());

        app.freshbooks.set_role("owner");
        app.freshbooks.set_subscription("active_trial");
        let looked = Looked::at(&app).await;
        assert_eq!(looked.outcome("freshbooksSubscription"), Outcome::Warning);
        assert_eq!(standing(&app).await, active());
        app.settle().await;
        assert_eq!(app.freshbooks.invoices().len(), 2, "{code}");
        app.end().await;
    }
}

#[tokio::test]
async fn a_refusal_of_one_order_is_that_orders_own() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1, Moment::Before, Failure::Status(403));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Failed, "FRESHBOOKS_FORBIDDEN".to_owned()));
    assert_eq!(standing(&app).await, active());
    app.end().await;
}

#[tokio::test]
async fn a_refusal_that_nobody_can_explain_yet_is_tried_again_later() {
    // On a slow machine a shortened wait would be over before anybody looks.
    let app = TestApp::in_world(World { retry_scale: rust_decimal::Decimal::ONE, ..World::default() }).await;
    app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1, Moment::Before, Failure::Status(403));
    app.freshbooks.faults.add(Some("Me"), 0, 3, Moment::Before, Failure::Status(503));
    app.pull_once().await;
    worker::drain(&app.app).await.unwrap();
    assert_eq!(app.state("#1001").await, (State::Retrying, "PLATFORM_NO_ANSWER".to_owned()));
    app.settle().await;
    assert_eq!(app.state("#1001").await.0, State::Synced);
    app.end().await;
}

#[tokio::test]
async fn a_refusal_that_nobody_can_ever_explain_is_that_orders_own_in_the_end() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1_000, Moment::Before, Failure::Status(403));
    app.freshbooks.faults.add(Some("Me"), 0, 1_000, Moment::Before, Failure::Status(418));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Failed, "FRESHBOOKS_FORBIDDEN".to_owned()));
    let tries = app.freshbooks.faults.calls()["CreateInvoice"];
    assert!((5..=12).contains(&tries), "{tries}");
    assert_eq!(standing(&app).await, active());
    app.end().await;
}

#[tokio::test]
async fn soon_after_a_look_one_call_to_each_end_tells_whether_work_goes_on() {
    let app = TestApp::start().await;
    let allows = async || check::allows_work(&app.app, app.connection).await;
    let looks = || app.shopify.faults.calls().get("graphql:AppInstallation").copied().unwrap_or_default();
    let before = looks();
    for _ in 0..3 {
        assert!(allows().await.unwrap());
    }
    assert_eq!(looks() - before, 1, "one whole look");
    app.app.clock.advance(TimeDelta::seconds(11));
    let (one, other) = tokio::join!(allows(), allows());
    assert!(one.unwrap() && other.unwrap());
    assert_eq!(looks() - before, 2, "shared by those who ask at once");
    app.freshbooks.faults.add(Some("Me"), 0, 3, Moment::Before, Failure::Status(503));
    assert!(matches!(allows().await, Err(check::Error::NoAnswer)));
    app.freshbooks.set_role("client");
    let asked = app.freshbooks.faults.calls();
    assert!(matches!(allows().await, Err(check::Error::NoAnswer)));
    assert_eq!(app.freshbooks.faults.calls(), asked, "nobody asks again at once");
    app.app.clock.advance(TimeDelta::seconds(11));
    assert!(!allows().await.unwrap());
    assert_eq!(standing(&app).await, blocked("FRESHBOOKS_ROLE"));
    app.end().await;
}

#[tokio::test]
async fn a_pull_whose_refusal_nobody_can_explain_yet_is_tried_again_later() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.shopify.faults.add(Some("graphql:BulkRun"), 0, 1, Moment::Before, Failure::Status(403));
    app.freshbooks.faults.add(Some("Me"), 0, 1, Moment::Before, Failure::Status(418));
    app.pull().await;
    assert!(app.shopify.faults.is_empty() && app.freshbooks.faults.is_empty());
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

/// Begins a look on this replica and lets it go on once FreshBooks was called so.
async fn under_way(app: &TestApp, replica: &App, call: &str) -> JoinHandle<Result<Vec<Model>, check::Error>> {
    let calls = || app.freshbooks.faults.calls().get(call).copied().unwrap_or_default();
    let before = calls();
    app.freshbooks.faults.add(Some(call), 0, 1, Moment::After, Failure::Late(Duration::from_secs(1)));
    let (replica, id) = (replica.clone(), app.connection);
    let looking = tokio::spawn(async move { check::run(&replica, id).await });
    while calls() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    looking
}

#[tokio::test]
async fn nothing_follows_from_a_look_that_another_replica_has_overtaken() {
    let app = TestApp::start().await;
    let other = App::on(app.app.db.clone(), app.app.config.clone(), app.app.clock.clone()).unwrap();
    app.freshbooks.set_role("client");
    let older = under_way(&app, &other, "Me").await;
    app.freshbooks.set_role("owner");
    Looked::at(&app).await;
    let found = older.await.unwrap().unwrap();
    assert!(found.iter().any(|row| row.name == "freshbooksRole" && row.outcome == Outcome::Passed));
    assert_eq!(standing(&app).await, active());

    // And the other way round: what was seen to be well before it broke lets nothing go on.
    let older = under_way(&app, &other, "Me").await;
    app.freshbooks.set_role("client");
    Looked::at(&app).await;
    older.await.unwrap().unwrap();
    assert_eq!(standing(&app).await, blocked("FRESHBOOKS_ROLE"));
    assert_eq!(told(&app).await, ["FRESHBOOKS_ROLE"]);
    app.end().await;
}

#[tokio::test]
async fn nothing_is_told_of_a_connection_that_ended_during_a_look() {
    let app = TestApp::start().await;
    app.freshbooks.add_client(json!({"fname": "Ida"})).await.unwrap();
    app.freshbooks.set_client_limit(1);
    let looking = under_way(&app, &app.app, "ListClients").await;
    authorize::disconnect(&app.app, &Actor::system("test"), app.connection).await.unwrap();
    let ended = looking.await.unwrap();
    assert!(matches!(ended, Err(check::Error::Connection(connection::Error::Disconnected))), "{ended:?}");
    assert!(told(&app).await.is_empty());
    app.end().await;
}
