//! Both ends of a connection looked at: what stands in the way stops it at no order's cost, and lets it go on once it is mended.

mod ping;
mod work;

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
    assert!(schedules.len() >= 2 && schedules.iter().all(|schedule| schedule.time_zone == "America/Toronto"));
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
