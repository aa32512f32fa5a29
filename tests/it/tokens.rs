//! Tokens over their whole life: renewed once however many ask, through crashes and lost answers; a dead one stops the connection, and
//! an authorization takes it up where it stopped.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use entity::{
    alert,
    connection::Status,
    platform_grant::{self, Column, Entity, Kind, Platform},
    synced_order::State,
};
use ml_connector::{
    app::App,
    auth::Actor,
    authorize,
    clock::Clock,
    grant, pull as pulls,
    sandbox::{
        faults::{Failure, Moment},
        shopify,
    },
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use secrecy::ExposeSecret;

use crate::{
    harness::{ENCRYPTION_KEYS, TestApp, mugs},
    person::{Person, connect_by_browser, http, install_link, unconnected},
    service::Service,
};

const BOTH: [Platform; 2] = [Platform::Shopify, Platform::Freshbooks];

async fn connected() -> (TestApp, Person) {
    let mut app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    connect_by_browser(&mut app, &mut person).await;
    (app, person)
}

async fn row(app: &TestApp, platform: Platform) -> platform_grant::Model {
    grant::find(app.app.db.read(), app.connection, platform).await.unwrap().unwrap()
}

fn refreshes(app: &TestApp, platform: Platform) -> u64 {
    let requests = match platform {
        Platform::Shopify => app.shopify.token_requests(),
        Platform::Freshbooks => app.freshbooks.token_requests(),
    };
    requests.get("refresh_token").copied().unwrap_or_default()
}

/// The access tokens of both ends run out, by every clock.
fn run_out(app: &TestApp) {
    app.app.clock.advance(TimeDelta::hours(13));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_with_a_token_that_ran_out_renew_it_once() {
    let (app, _) = connected().await;
    for platform in BOTH {
        let before = row(&app, platform).await;
        run_out(&app);
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let (app, connection) = (app.app.clone(), app.connection);
                tokio::spawn(async move { grant::access(&app, connection, platform).await.unwrap() })
            })
            .collect();
        let mut tokens = Vec::new();
        for call in calls {
            let access = call.await.unwrap();
            assert_eq!(access.generation, before.generation + 1);
            tokens.push(access.token.expose_secret().to_owned());
        }
        tokens.dedup();
        assert_eq!((tokens.len(), refreshes(&app, platform)), (1, 1), "{platform:?}");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_orders_whose_token_ran_out_cost_one_renewal_each_side_and_no_attempt() {
    let (app, _) = connected().await;
    for number in 1001..1051 {
        app.shopify.place(mugs(number));
    }
    run_out(&app);
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    app.app.start_work().await.unwrap();
    app.rest().await;
    assert_eq!((refreshes(&app, Platform::Shopify), refreshes(&app, Platform::Freshbooks)), (1, 1));
    for (name, (state, why)) in app.states().await {
        assert_eq!((state, app.order(&name).await.attempts), (State::Synced, 0), "{name}: {why}");
    }
    app.app.stopped().await;
    app.end().await;
}

#[tokio::test]
async fn a_token_is_renewed_some_minutes_before_it_ends() {
    let (app, _) = connected().await;
    let before = row(&app, Platform::Shopify).await;
    app.app.clock.advance(TimeDelta::minutes(54));
    grant::access(&app.app, app.connection, Platform::Shopify).await.unwrap();
    assert_eq!(row(&app, Platform::Shopify).await, before);
    app.app.clock.advance(TimeDelta::minutes(2));
    grant::access(&app.app, app.connection, Platform::Shopify).await.unwrap();
    assert_eq!(row(&app, Platform::Shopify).await.generation, before.generation + 1);
    app.end().await;
}

#[tokio::test]
async fn a_token_that_dies_before_its_time_is_renewed_once_and_the_sync_goes_on() {
    let (app, _) = connected().await;
    app.shopify.place(mugs(1001));
    app.shopify.expire_access_tokens();
    app.freshbooks.expire_access_tokens().await.unwrap();
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.order("#1001").await.attempts, 0);
    assert_eq!((refreshes(&app, Platform::Shopify), refreshes(&app, Platform::Freshbooks)), (1, 1));
    // And again, hours later: what worked for a while gets another chance.
    app.app.clock.advance(TimeDelta::minutes(30));
    app.freshbooks.expire_access_tokens().await.unwrap();
    app.shopify.place(mugs(1002));
    app.pull().await;
    assert_eq!(app.invoices_of("#1002"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_second_refusal_right_after_a_renewal_is_final() {
    let (app, _) = connected().await;
    let first = grant::access(&app.app, app.connection, Platform::Freshbooks).await.unwrap();
    let refused = |generation| grant::refused(&app.app, app.connection, Platform::Freshbooks, generation);
    assert_eq!(refused(first.generation).await.unwrap(), grant::Verdict::Again);
    assert_eq!(refused(first.generation).await.unwrap(), grant::Verdict::Again, "told twice, renewed once");
    let second = grant::access(&app.app, app.connection, Platform::Freshbooks).await.unwrap();
    assert_eq!(second.generation, first.generation + 1);
    assert_eq!(refused(first.generation).await.unwrap(), grant::Verdict::Again, "a late word about the old one");
    assert_eq!(app.connection().await.status, Status::Active);
    assert!(matches!(refused(second.generation).await.unwrap(), grant::Verdict::Final(_)));
    assert_eq!(app.connection().await.status, Status::NeedsReauthorization);
    assert!(matches!(
        grant::access(&app.app, app.connection, Platform::Freshbooks).await,
        Err(grant::Error::Refused(_))
    ));
    app.database.remove().await;
}

#[tokio::test]
async fn a_lost_answer_of_shopify_is_asked_for_again_with_the_same_token() {
    let (app, _) = connected().await;
    app.shopify.place(mugs(1001));
    run_out(&app);
    app.shopify.faults.add(Some("oauth:token"), 0, 2, Moment::After, Failure::Drop);
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(refreshes(&app, Platform::Shopify), 3);
    assert_eq!(row(&app, Platform::Shopify).await.failures, 0);
    app.end().await;
}

#[tokio::test]
async fn a_lost_answer_of_freshbooks_is_final_once_the_spent_token_is_refused() {
    let (app, mut person) = connected().await;
    app.shopify.place(mugs(1001));
    run_out(&app);
    app.freshbooks.faults.add(Some("Token"), 0, 1, Moment::After, Failure::Drop);
    app.pull_until_stopped().await;
    let row = app.connection().await;
    assert_eq!(row.status, Status::NeedsReauthorization);
    assert_eq!(app.order("#1001").await.attempts, 0, "it cost the order nothing");
    reauthorize(&app, &mut person, Platform::Freshbooks).await;
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_renewal_that_never_reached_freshbooks_costs_no_authorization() {
    let (app, _) = connected().await;
    app.shopify.place(mugs(1001));
    run_out(&app);
    app.freshbooks.faults.add(Some("Token"), 0, 5, Moment::Before, Failure::Status(502));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.order("#1001").await.attempts, 0);
    app.end().await;
}

/// The person follows the link that says so.
async fn reauthorize(app: &TestApp, person: &mut Person, platform: Platform) {
    let link = ml_connector::authorize::link(&app.app, &app.connection().await, platform).unwrap();
    let landed = person.open(link.as_str()).await;
    assert_eq!(landed.status, 200, "{}", landed.page);
    assert_eq!(app.connection().await.status, Status::Active);
}

#[tokio::test]
async fn an_uninstall_stops_the_connection_and_a_reinstall_takes_it_up_where_it_stopped() {
    let (app, mut person) = connected().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    app.shopify.uninstall();
    app.shopify.place(mugs(1002));
    app.pull_until_stopped().await;
    assert_eq!(app.connection().await.status, Status::NeedsReauthorization);
    let refusal = grant::refusal(&row(&app, Platform::Shopify).await).unwrap();
    assert!(refusal.message.contains("uninstalled"), "{refusal}");
    let open = async || {
        let all = entity::alert::Entity::find().all(app.app.db.read()).await.unwrap();
        all.into_iter().filter(|alert| alert.resolved_at.is_none()).collect::<Vec<_>>()
    };
    let told = open().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].code.as_str(), told[0].subject.as_str()), ("NEEDS_REAUTHORIZATION", "shopify"));
    let link = ml_connector::alert::link(&app.app, &app.connection().await, &told[0]).unwrap().unwrap();
    assert_eq!(link.as_str(), install_link(&app), "the alert leads to where it is mended");
    let landed = person.open(&install_link(&app)).await;
    assert!(landed.page.contains("Both ends are connected"), "{}", landed.page);
    assert!(open().await.is_empty(), "it is told to be over");
    app.settle().await;
    assert_eq!((app.invoices_of("#1001").len(), app.invoices_of("#1002").len()), (1, 1));
    app.end().await;
}

#[tokio::test]
async fn revoked_while_shopify_prepares_a_pull_and_authorized_again_everything_completes() {
    let (app, mut person) = connected().await;
    for number in 1001..1021 {
        app.shopify.place(mugs(number));
    }
    let pull = pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    ml_connector::worker::drain(&app.app).await.unwrap();
    let row = pulls::load(app.app.db.read(), pull.id).await.unwrap();
    assert!(row.bulk_operation_id.is_some() && row.finished_at.is_none(), "under way: {row:?}");
    app.shopify.uninstall();
    app.freshbooks.disconnect().await.unwrap();
    app.pull_until_stopped().await;
    assert_eq!(app.connection().await.status, Status::NeedsReauthorization);
    assert!(app.freshbooks.invoices().is_empty());
    let landed = person.open(&install_link(&app)).await;
    assert_eq!(landed.status, 200, "{}", landed.page);
    let link = ml_connector::authorize::link(&app.app, &app.connection().await, Platform::Freshbooks).unwrap();
    person.open(link.as_str()).await;
    app.quiet().await;
    app.settle().await;
    assert_eq!(app.freshbooks.invoices().len(), 20);
    let row = pulls::load(app.app.db.read(), pull.id).await.unwrap();
    assert_eq!((row.state, row.orders_seen), (entity::pull::State::Completed, 20), "the same pull");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_while_orders_are_written_and_authorized_again_everything_completes() {
    let (app, mut person) = connected().await;
    for number in 1001..1031 {
        app.shopify.place(mugs(number));
    }
    let slow = Failure::Late(Duration::from_millis(60));
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 30, Moment::Before, slow);
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    app.app.start_work().await.unwrap();
    until(async || app.freshbooks.invoices().len() >= 3).await;
    app.freshbooks.disconnect().await.unwrap();
    until(async || app.connection().await.status == Status::NeedsReauthorization).await;
    let written = app.freshbooks.invoices().len();
    assert!(written < 30, "all were written before");
    reauthorize(&app, &mut person, Platform::Freshbooks).await;
    app.rest().await;
    for (name, (state, why)) in app.states().await {
        assert_eq!((state, app.order(&name).await.attempts), (State::Synced, 0), "{name}: {why}");
    }
    assert_eq!(app.freshbooks.invoices().len(), 30);
    app.app.stopped().await;
    app.end().await;
}

/// Waits in real time for what workers in the background bring about.
async fn until(is: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not happen");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_renew_once_between_them() {
    let (app, _) = connected().await;
    if app.app.db.is_single_process() {
        // A SQLite file has one process; PostgreSQL shows this.
        return app.end().await;
    }
    let other = App::new(app.app.config.clone(), app.app.clock.clone()).await.unwrap();
    for platform in BOTH {
        run_out(&app);
        let calls: Vec<_> = (0..40)
            .map(|index| {
                let (app, connection) = (if index % 2 == 0 { &app.app } else { &other }.clone(), app.connection);
                tokio::spawn(async move { grant::access(&app, connection, platform).await.unwrap().generation })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(refreshes(&app, platform), 1, "{platform:?}");
    }
    app.end().await;
}

/// `kill -9` while the platform answers: it has renewed, nobody has stored it, the lease is still there.
async fn killed_between_answer_and_commit(app: &TestApp, platform: Platform) {
    let (faults, call) = match platform {
        Platform::Shopify => (&app.shopify.faults, "oauth:token"),
        Platform::Freshbooks => (&app.freshbooks.faults, "Token"),
    };
    faults.add(Some(call), 0, 1, Moment::After, Failure::Late(Duration::from_secs(60)));
    // Told to be refused: the service renews it before its first call.
    let generation = row(app, platform).await.generation;
    assert_eq!(grant::refused(&app.app, app.connection, platform, generation).await.unwrap(), grant::Verdict::Again);
    app.shopify.place(mugs(1001));
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    let service = Service::start(app);
    until(async || refreshes(app, platform) == 1).await;
    drop(service);
    assert_eq!(row(app, platform).await.generation, generation, "nothing was stored");
    app.app.clock.advance(TimeDelta::seconds(80)); // the dead one's leases
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_shopifys_answer_and_the_commit_the_same_token_brings_the_pair_again() {
    let (app, _) = connected().await;
    killed_between_answer_and_commit(&app, Platform::Shopify).await;
    app.settle().await;
    assert_eq!(app.connection().await.status, Status::Active);
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_freshbooks_answer_and_the_commit_a_person_is_asked_and_nothing_is_lost() {
    let (app, mut person) = connected().await;
    killed_between_answer_and_commit(&app, Platform::Freshbooks).await;
    app.pull_until_stopped().await;
    assert_eq!(app.connection().await.status, Status::NeedsReauthorization);
    reauthorize(&app, &mut person, Platform::Freshbooks).await;
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_token_that_never_ends_is_exchanged_for_one_that_does_before_shopify_refuses_it() {
    let (app, _) = connected().await;
    // As an earlier grant of this app left it: Shopify's simulator hands one out where nobody asks for an expiring one.
    let before = row(&app, Platform::Shopify).await;
    let store = shopify::Options::default();
    let code = {
        let mut person = Person::default();
        let callback = person.callback(&install_link(&app)).await;
        callback.query_pairs().find(|(key, _)| key == "code").unwrap().1.into_owned()
    };
    let answer: serde_json::Value = http()
        .post(format!("{}/admin/oauth/access_token", app.shopify.url().replace("{shop}", &store.shop)))
        .json(&serde_json::json!({ "client_id": store.client_id, "client_secret": store.client_secrets[0], "code": code }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(answer.get("expires_in").is_none(), "{answer}");
    let old = answer["access_token"].as_str().unwrap();
    let tokens =
        grant::TokenSet { kind: Kind::Authorization, ..grant::TokenSet::custom_app(old.into(), before.scopes.clone()) };
    grant::store(app.app.db.write(), &app.app.keyring, app.connection, Platform::Shopify, &tokens, app.app.clock.now())
        .await
        .unwrap();
    let stored = row(&app, Platform::Shopify).await;
    assert_eq!(grant::refused_from(&stored), Some("2027-01-01T00:00:00Z".parse().unwrap()));
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    let migrated = row(&app, Platform::Shopify).await;
    assert!(migrated.refresh_token.is_some() && migrated.expires_at.is_some());
    assert_eq!(grant::refused_from(&migrated), None);
    app.end().await;
}

#[tokio::test]
async fn wrong_credentials_of_ours_cost_no_authorization() {
    let (app, _) = connected().await;
    app.shopify.place(mugs(1001));
    run_out(&app);
    let mut config = app.app.config.clone();
    config.freshbooks_client_secret = Some("wrong".into());
    let wrong = App::on(app.app.db.clone(), config, app.app.clock.clone()).unwrap();
    let access = grant::access(&wrong, app.connection, Platform::Freshbooks).await;
    assert!(matches!(access, Err(grant::Error::NotYet { .. })), "{access:?}");
    assert_eq!(app.connection().await.status, Status::Active);
    app.app.clock.advance(TimeDelta::minutes(1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_sealed_token_opens_in_its_own_row_and_column_only() {
    let (app, _) = connected().await;
    let shopify = row(&app, Platform::Shopify).await;
    let books = row(&app, Platform::Freshbooks).await;
    let put = async |column: Column, id: i64, sealed: &str| {
        let update = Entity::update_many().filter(Column::Id.eq(id)).col_expr(column, Expr::value(sealed));
        update.exec(app.app.db.write()).await.unwrap();
    };
    let opens = async |platform| match grant::access(&app.app, app.connection, platform).await {
        Ok(_) => true,
        Err(grant::Error::Crypto(_)) => false,
        Err(other) => panic!("{other}"),
    };
    put(Column::AccessToken, shopify.id, &books.access_token).await;
    assert!(!opens(Platform::Shopify).await, "moved to another row");
    put(Column::AccessToken, shopify.id, shopify.refresh_token.as_deref().unwrap()).await;
    assert!(!opens(Platform::Shopify).await, "moved to another column");
    let mut altered = shopify.access_token.clone().into_bytes();
    let last = altered.len() - 3;
    altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
    put(Column::AccessToken, shopify.id, std::str::from_utf8(&altered).unwrap()).await;
    assert!(!opens(Platform::Shopify).await, "altered");
    // It costs no order anything, and whoever runs the service is told.
    app.shopify.place(mugs(1001));
    app.pull_until_stopped().await;
    let told = entity::alert::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!((told.len(), told[0].code.as_str(), told[0].resolved_at), (1, "KEY_MISSING", None));
    put(Column::AccessToken, shopify.id, &shopify.access_token).await;
    assert!(opens(Platform::Shopify).await);
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_late_successor_of_the_stored_token_is_stored_however_late() {
    // Whoever was frozen with FreshBooks' answer in hand holds the only good pair: its lease is over, its pair is not.
    let (app, _) = connected().await;
    let clock: Clock = app.app.clock.clone();
    run_out(&app);
    app.freshbooks.faults.add(Some("Token"), 0, 1, Moment::After, Failure::Late(Duration::from_millis(700)));
    let (frozen, connection) = (app.app.clone(), app.connection);
    let late = tokio::spawn(async move { grant::access(&frozen, connection, Platform::Freshbooks).await });
    while refreshes(&app, Platform::Freshbooks) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    clock.advance(TimeDelta::seconds(80));
    let other = grant::access(&app.app, app.connection, Platform::Freshbooks).await;
    assert!(matches!(other, Err(grant::Error::Refused(_))), "{other:?}");
    assert_eq!(app.connection().await.status, Status::NeedsReauthorization);
    late.await.unwrap().unwrap();
    assert_eq!(app.connection().await.status, Status::Active, "it goes on by itself");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_takes_over_under_load_and_no_request_fails() {
    let (app, _) = connected().await;
    for number in 1001..1031 {
        app.shopify.place(mugs(number));
    }
    app.pull_once().await;
    let old = ENCRYPTION_KEYS;
    let new = ml_connector::crypto::keygen("new");
    let ring = |keys: &str| {
        let mut config = app.app.config.clone();
        config.encryption_keys = Some(keys.into());
        App::on(app.app.db.clone(), config, app.app.clock.clone()).unwrap()
    };
    // The old process goes on beside those that know both keys, the new one behind and then in front.
    let behind = ring(&format!("{old},{}", new.expose_secret()));
    let front = ring(&format!("{},{old}", new.expose_secret()));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let app_id = app.connection.0;
    let calls: Vec<_> = (0..8)
        .map(|index| {
            let app = if index % 2 == 0 { behind.clone() } else { front.clone() };
            let (connection, stop) = (entity::ids::ConnectionId(app_id), stop.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    for platform in BOTH {
                        grant::access(&app, connection, platform).await.unwrap();
                    }
                    count += 1;
                    tokio::task::yield_now().await;
                }
                count
            })
        })
        .collect();
    app.shopify.place(mugs(1031));
    pulls::request(&front, &Actor::system("test"), app.connection, None, None).await.unwrap();
    ml_connector::worker::drain(&front).await.unwrap();
    let rotated = ml_connector::rotate::run(&front).await.unwrap();
    assert_eq!(rotated.grants, 2);
    assert!(rotated.customer_keys >= 30, "{rotated:?}");
    for _ in 0..10 {
        app.app.clock.advance(TimeDelta::seconds(1));
        ml_connector::worker::drain(&front).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for call in calls {
        assert!(call.await.unwrap() > 0);
    }
    let again = ml_connector::rotate::run(&front).await.unwrap();
    assert_eq!((again.grants, again.customer_keys), (0, 0), "nothing is left under the old key");
    let mut slip = app.app.config.clone();
    slip.encryption_keys = Some(old.into());
    let refused = App::new(slip, app.app.clock.clone()).await.err().unwrap().to_string();
    assert!(refused.contains("MLC_ENCRYPTION_KEYS") && refused.contains("`new`"), "{refused}");
    let only = ring(new.expose_secret());
    for platform in BOTH {
        grant::access(&only, app.connection, platform).await.unwrap();
    }
    for number in 1001..1032 {
        let row = app.order(&format!("#{number}")).await;
        ml_connector::order::snapshot::find(only.db.read(), &only.keyring, row.id).await.unwrap().unwrap();
    }
    app.database.remove().await;
}

#[tokio::test]
async fn nothing_is_told_of_a_renewal_that_failed_after_the_connection_ended() {
    let (app, _) = connected().await;
    run_out(&app);
    let mut config = app.app.config.clone();
    config.freshbooks_client_secret = Some("wrong".into());
    let wrong = App::on(app.app.db.clone(), config, app.app.clock.clone()).unwrap();
    app.freshbooks.faults.add(Some("Token"), 0, 1, Moment::After, Failure::Late(Duration::from_secs(1)));
    let before = app.freshbooks.faults.calls().get("Token").copied();
    let id = app.connection;
    let renewing = tokio::spawn(async move { grant::access(&wrong, id, Platform::Freshbooks).await });
    while app.freshbooks.faults.calls().get("Token").copied() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    authorize::disconnect(&app.app, &Actor::system("test"), id).await.unwrap();
    assert!(renewing.await.unwrap().is_err());
    let open = alert::Entity::find().filter(alert::Column::ResolvedAt.is_null()).all(app.app.db.read()).await.unwrap();
    assert!(open.is_empty(), "{open:?}");
    app.end().await;
}
