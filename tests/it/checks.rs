//! Both ends of a connection looked at: what stands in the way stops it at no order's cost, and lets it go on once it is mended.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    alert,
    connection::Status,
    platform_grant::{self, Kind},
    pull,
    reference_check::{Model, Outcome},
    schedule,
    synced_order::State,
};
use ml_connector::{
    app::App,
    auth::{Actor, Principal, Role},
    authorize, check, connection,
    connection::Account,
    freshbooks::oauth::SCOPES,
    grant::{self, TokenSet},
    graphql,
    order::{self, Target},
    sandbox::{
        faults::{Failure, Moment},
        freshbooks,
        shopify::{self, ShopState},
    },
    schedule as schedules, worker,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{ENCRYPTION_KEYS, SHOPIFY_TOKEN, TestApp, World, mugs};

const NAMES: [&str; 16] = [
    "shopifyToken",
    "shopifyShop",
    "shopifyScopes",
    "shopifyOrderHistory",
    "shopifyProtectedData",
    "shopifyPlan",
    "shopifyTokenKind",
    "shopifyRefresh",
    "shopifyApiVersion",
    "currency",
    "timeZone",
    "freshbooksToken",
    "freshbooksRole",
    "freshbooksSubscription",
    "freshbooksScopes",
    "freshbooksPlanLimit",
];

/// A look, by name.
struct Looked(BTreeMap<String, Model>);

impl Looked {
    async fn at(app: &TestApp) -> Self {
        let rows = check::run(&app.app, app.connection).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), NAMES);
        Self(rows.into_iter().map(|row| (row.name.clone(), row)).collect())
    }

    fn outcome(&self, name: &str) -> Outcome {
        self.0[name].outcome
    }

    fn detail(&self, name: &str) -> &str {
        &self.0[name].detail
    }

    /// Whatever did not pass.
    fn rest(&self) -> Vec<(&str, Outcome)> {
        let rest = NAMES.into_iter().map(|name| (name, self.outcome(name)));
        rest.filter(|(_, outcome)| *outcome != Outcome::Passed).collect()
    }
}

/// Where the connection stands, and the code of the reason.
async fn standing(app: &TestApp) -> (Status, String) {
    let row = app.connection().await;
    let grants = grant::list(app.app.db.read(), row.id).await.unwrap();
    let code = connection::problem(&row, &grants).map(|problem| problem.code).unwrap_or_default();
    (row.status, code)
}

fn blocked(code: &str) -> (Status, String) {
    (Status::Blocked, code.to_owned())
}

fn active() -> (Status, String) {
    (Status::Active, String::new())
}

/// The codes of the open alerts, in order.
async fn told(app: &TestApp) -> Vec<String> {
    let open = alert::Entity::find().filter(alert::Column::ResolvedAt.is_null()).all(app.app.db.read()).await.unwrap();
    let mut codes: Vec<String> = open.into_iter().map(|row| row.code).collect();
    codes.sort();
    codes
}

async fn no_attempt_was_lost(app: &TestApp) {
    for row in pull::Entity::find().all(app.app.db.read()).await.unwrap() {
        assert_eq!((row.attempts, row.state == pull::State::Failed), (0, false));
    }
    for row in entity::synced_order::Entity::find().all(app.app.db.read()).await.unwrap() {
        assert_eq!((row.attempts, row.state == State::Failed), (0, false), "{}", row.name);
    }
}

async fn resync(app: &TestApp, name: &str) {
    let target = Target::Known(app.order(name).await.id);
    order::resync(&app.app, &Actor::system("test"), target).await.unwrap();
}

/// As the clock of the shop's night does it.
async fn night_passes(app: &TestApp) {
    app.app.clock.advance(TimeDelta::hours(25));
    schedules::fire_due(&app.app).await.unwrap();
}

async fn comes_to(app: &TestApp, wanted: &(Status, String)) {
    for _ in 0..200 {
        if standing(app).await == *wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{:?} instead of {wanted:?}", standing(app).await);
}

#[tokio::test]
async fn a_good_connection_passes_but_for_what_a_sandbox_is() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    let looked = Looked::at(&app).await;
    // A development store; and the consent of these tests came without a list of scopes.
    let expected = [("shopifyPlan", Outcome::Warning), ("freshbooksScopes", Outcome::Unknown)];
    assert_eq!(looked.rest(), expected, "{:#?}", looked.0);
    assert!(looked.0.values().all(|row| row.hint.is_empty() != (row.outcome == Outcome::Warning)));
    assert!(looked.detail("shopifyTokenKind").contains("custom app"));
    assert_eq!(check::list(app.app.db.read(), app.connection).await.unwrap().len(), NAMES.len());
    assert_eq!(standing(&app).await, active());
    app.end().await;
}

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
    let app = TestApp::start().await;
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

#[tokio::test]
async fn a_connection_that_is_not_complete_is_looked_at_as_well() {
    let app = TestApp::start().await;
    let half = "DELETE FROM platform_grant WHERE platform = 'freshbooks'";
    app.app.db.write().execute_unprepared(half).await.unwrap();
    app.app.db.write().execute_unprepared("UPDATE connection SET status = 'pending'").await.unwrap();
    night_passes(&app).await;
    for _ in 0..200 {
        if !check::list(app.app.db.read(), app.connection).await.unwrap().is_empty() {
            return app.end().await;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody looked");
}

#[tokio::test]
async fn a_platform_that_does_not_answer_changes_nothing() {
    let app = TestApp::start().await;
    let silence = |app: &TestApp| {
        app.shopify.faults.add(Some("graphql:Shop"), 0, 3, Moment::Before, Failure::Status(503));
        app.freshbooks.faults.add(Some("Me"), 0, 3, Moment::Before, Failure::Status(503));
    };
    silence(&app);
    let looked = Looked::at(&app).await;
    assert!(looked.0.values().all(|row| row.outcome == Outcome::Unknown), "{:#?}", looked.0);
    assert_eq!(standing(&app).await, active());

    app.shopify.set_state(ShopState::Frozen);
    Looked::at(&app).await;
    assert_eq!(standing(&app).await, blocked("SHOP_FROZEN"));
    app.shopify.set_state(ShopState::Open);
    silence(&app);
    Looked::at(&app).await;
    assert_eq!(standing(&app).await, blocked("SHOP_FROZEN"));
    // The other end has no say in it.
    app.freshbooks.faults.add(Some("Me"), 0, 3, Moment::Before, Failure::Status(503));
    Looked::at(&app).await;
    assert_eq!(standing(&app).await, active());
    app.end().await;
}

#[tokio::test]
async fn scopes_that_are_missing_ask_for_a_new_authorization() {
    let scopes = vec!["read_orders".to_owned()];
    let app = TestApp::in_world(World {
        shopify: shopify::Options { scopes, ..shopify::Options::default() },
        ..World::default()
    })
    .await;
    for _ in 0..2 {
        let looked = Looked::at(&app).await;
        assert_eq!(looked.outcome("shopifyScopes"), Outcome::Failed);
        assert!(looked.detail("shopifyScopes").contains("read_customers"));
        assert_eq!(looked.outcome("shopifyProtectedData"), Outcome::Unknown);
        assert_eq!(standing(&app).await, (Status::NeedsReauthorization, "SCOPE_MISSING".to_owned()));
    }
    app.end().await;
}

#[tokio::test]
async fn scopes_of_freshbooks_are_those_of_its_token() {
    let app = TestApp::start().await;
    let books = freshbooks::Options::default();
    let account = Account {
        account_id: books.account_id,
        business_id: i64::try_from(books.business_id).unwrap(),
        name: books.business_name,
        currency_code: Some("CAD".to_owned()),
    };
    let granted = async |scopes: String| {
        let tokens = TokenSet {
            kind: Kind::Authorization,
            refresh: Some(books.refresh_token.clone().into()),
            ..TokenSet::custom_app(books.access_token.clone().into(), scopes)
        };
        let by = Actor::system("test");
        let accounts = std::slice::from_ref(&account);
        connection::freshbooks_granted(&app.app, &by, app.connection, &tokens, accounts).await.unwrap();
        Looked::at(&app).await
    };
    let looked = granted("user:profile:read user:invoices:read".to_owned()).await;
    assert_eq!(looked.outcome("freshbooksScopes"), Outcome::Failed);
    assert_eq!(standing(&app).await, (Status::NeedsReauthorization, "SCOPE_MISSING".to_owned()));
    let looked = granted(SCOPES.join(" ")).await;
    assert_eq!(looked.outcome("freshbooksScopes"), Outcome::Passed);
    assert_eq!(standing(&app).await, active());
    app.end().await;
}

#[tokio::test]
async fn what_only_warns_stops_nothing() {
    let scopes = vec!["read_orders".to_owned(), "read_customers".to_owned()];
    let app = TestApp::in_world(World {
        shopify: shopify::Options { scopes, ..shopify::Options::default() },
        freshbooks: freshbooks::Options { currency_code: "USD".to_owned(), ..freshbooks::Options::default() },
        ..World::default()
    })
    .await;
    app.freshbooks.add_client(json!({"fname": "Ida"})).await.unwrap();
    app.freshbooks.set_client_limit(1);
    let looked = Looked::at(&app).await;
    assert_eq!(looked.outcome("shopifyOrderHistory"), Outcome::Warning);
    assert_eq!(looked.outcome("currency"), Outcome::Warning);
    assert_eq!(looked.outcome("freshbooksPlanLimit"), Outcome::Failed);
    assert!(looked.detail("freshbooksPlanLimit").starts_with("1 of the 1"));
    assert_eq!(standing(&app).await, active());
    assert_eq!(told(&app).await, ["PLAN_LIMIT"]);
    // What nobody answers is not over.
    app.freshbooks.faults.add(Some("ListClients"), 0, 3, Moment::Before, Failure::Status(503));
    assert_eq!(Looked::at(&app).await.outcome("freshbooksPlanLimit"), Outcome::Unknown);
    assert_eq!(told(&app).await, ["PLAN_LIMIT"]);
    app.freshbooks.set_client_limit(20);
    assert_eq!(Looked::at(&app).await.outcome("freshbooksPlanLimit"), Outcome::Passed);
    assert!(told(&app).await.is_empty());
    app.end().await;
}

/// The shop's grant, as if it had come about in another way.
async fn regrant(app: &TestApp, tokens: TokenSet) {
    connection::shopify_granted(&app.app, &Actor::system("test"), app.connection, &tokens).await.unwrap();
}

#[tokio::test]
async fn a_token_that_shopify_will_refuse_is_told_in_time() {
    let app = TestApp::start().await;
    let endless = TokenSet::custom_app(SHOPIFY_TOKEN.into(), "read_orders,read_customers".to_owned());
    regrant(&app, TokenSet { kind: Kind::Authorization, ..endless }).await;
    // As when Shopify did not exchange it for one that ends.
    platform_grant::Entity::update_many()
        .col_expr(platform_grant::Column::RenewAfter, Expr::value(app.app.clock.now() + TimeDelta::days(9_999)))
        .exec(app.app.db.write())
        .await
        .unwrap();
    let deadline: DateTime<Utc> = "2027-01-01T00:00:00Z".parse().unwrap();
    let left = deadline - app.app.clock.now();
    if left > TimeDelta::zero() {
        let looked = Looked::at(&app).await;
        assert_eq!(looked.outcome("shopifyTokenKind"), Outcome::Warning);
        assert!(looked.detail("shopifyTokenKind").contains("2027-01-01"));
        app.app.clock.advance(left + TimeDelta::days(1));
    }
    assert_eq!(Looked::at(&app).await.outcome("shopifyTokenKind"), Outcome::Failed);
    assert_eq!(told(&app).await, ["TOKEN_KIND"]);
    assert_eq!(standing(&app).await, active(), "the first refused call tells, not the calendar");
    app.end().await;
}

#[tokio::test]
async fn a_refresh_token_that_nobody_replaced_is_told_before_it_ends() {
    let app = TestApp::start().await;
    for (days, outcome) in [(60, Outcome::Passed), (10, Outcome::Warning), (-1, Outcome::Failed)] {
        let now = app.app.clock.now();
        let endless = TokenSet::custom_app(SHOPIFY_TOKEN.into(), "read_orders,read_customers".to_owned());
        let tokens = TokenSet {
            kind: Kind::Authorization,
            refresh: Some("shprt_test".into()),
            expires_at: Some(now + TimeDelta::hours(1)),
            refresh_expires_at: Some(now + TimeDelta::days(days)),
            ..endless
        };
        regrant(&app, tokens).await;
        let looked = Looked::at(&app).await;
        assert_eq!((looked.outcome("shopifyRefresh"), looked.outcome("shopifyTokenKind")), (outcome, Outcome::Passed));
        assert_eq!(told(&app).await.len(), usize::from(outcome != Outcome::Passed));
    }
    // Nobody has to mend what has ended.
    app.freshbooks.set_role("client");
    Looked::at(&app).await;
    assert_eq!(told(&app).await, ["FRESHBOOKS_ROLE", "REFRESH_ENDS"]);
    authorize::disconnect(&app.app, &Actor::system("test"), app.connection).await.unwrap();
    assert!(told(&app).await.is_empty());
    assert_eq!(standing(&app).await, (Status::Disconnected, String::new()));
    app.end().await;
}

#[tokio::test]
async fn a_token_is_renewed_on_the_way_or_asked_for_again() {
    let app = TestApp::start().await;
    app.freshbooks.expire_access_tokens().await.unwrap();
    assert_eq!(Looked::at(&app).await.outcome("freshbooksToken"), Outcome::Passed);
    app.shopify.revoke_tokens();
    let looked = Looked::at(&app).await;
    assert_eq!(looked.outcome("shopifyToken"), Outcome::Failed);
    assert_eq!(looked.outcome("shopifyShop"), Outcome::Unknown);
    assert_eq!(standing(&app).await, (Status::NeedsReauthorization, "NEEDS_REAUTHORIZATION".to_owned()));
    // A custom app's token is not renewed by a consent in the browser.
    let open = alert::Entity::find().filter(alert::Column::ResolvedAt.is_null()).one(app.app.db.read()).await.unwrap();
    assert_eq!(open.unwrap().action, None);
    app.end().await;
}

#[tokio::test]
async fn a_grant_that_is_renewed_by_asking_does_not_read_as_expired() {
    let app = TestApp::start().await;
    let expired = Some(app.app.clock.now() - TimeDelta::hours(1));
    for (kind, status) in [(Kind::ClientCredentials, "GRANTED"), (Kind::Authorization, "EXPIRED")] {
        let endless = TokenSet::custom_app(SHOPIFY_TOKEN.into(), "read_orders,read_customers".to_owned());
        regrant(&app, TokenSet { kind, expires_at: expired, ..endless }).await;
        let seen = ask(&app, Role::Viewer, "query($id: ID!) { connection(id: $id) { shopify { status } } }").await;
        assert_eq!(seen["data"]["connection"]["shopify"]["status"], status);
    }
    app.end().await;
}

#[tokio::test]
async fn a_shop_that_moved_is_dated_by_its_new_days() {
    let app = TestApp::start().await;
    let moved = "UPDATE connection SET shop_time_zone = 'Europe/Paris', shop_name = 'Old name'";
    app.app.db.write().execute_unprepared(moved).await.unwrap();
    app.app.db.write().execute_unprepared("UPDATE schedule SET time_zone = 'Europe/Paris'").await.unwrap();
    let looked = Looked::at(&app).await;
    assert_eq!(looked.outcome("timeZone"), Outcome::Warning);
    assert!(looked.detail("timeZone").contains("from Europe/Paris to America/Toronto"));
    let row = app.connection().await;
    assert_eq!(row.shop_time_zone.as_deref(), Some("America/Toronto"));
    assert_eq!(row.shop_name.as_deref(), Some("Sandbox Store"));
    let schedules = schedule::Entity::find()
        .filter(schedule::Column::ConnectionId.eq(row.id))
        .all(app.app.db.read())
        .await
        .unwrap();
    assert!(schedules.len() == 2 && schedules.iter().all(|schedule| schedule.time_zone == "America/Toronto"));
    assert_eq!(Looked::at(&app).await.outcome("timeZone"), Outcome::Passed);
    app.end().await;
}

#[tokio::test]
async fn both_ends_are_looked_at_after_an_authorization() {
    let app = TestApp::start().await;
    let by = Actor::system("test");
    authorize::use_shopify_token(&app.app, &by, app.connection, SHOPIFY_TOKEN.into()).await.unwrap();
    for _ in 0..200 {
        if !check::list(app.app.db.read(), app.connection).await.unwrap().is_empty() {
            return app.end().await;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody looked");
}

async fn ask(app: &TestApp, role: Role, query: &str) -> Value {
    let schema = graphql::schema(app.app.clone());
    let asker = Principal { subject: "ada".to_owned(), role, connections: None };
    let id = graphql::connection_id(app.connection);
    let request = async_graphql::Request::new(query).variables(async_graphql::Variables::from_json(json!({"id": id})));
    serde_json::to_value(graphql::answer(&schema, &app.app, asker, request).await).unwrap()
}

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
