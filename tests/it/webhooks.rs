//! What shops tell: taken once, whatever the order of arrival, and never believed for more than that something happened.

use std::time::Duration;

use chrono::TimeDelta;
use entity::{
    pull, synced_order,
    webhook_delivery::{self, Model, Outcome},
};
use ml_connector::{
    app::App,
    auth::Actor,
    order,
    sandbox::faults::{Failure, Moment},
    schedule, sync,
    work::Lane,
    worker,
};
use rust_decimal::Decimal;
use sea_orm::{EntityTrait, QueryOrder, sea_query::Expr};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    calls::Calls,
    harness::{TestApp, World, mugs},
    person::{ask, global, http},
    ringing::{send, send_by, with},
};

impl TestApp {
    /// What was kept of deliveries, oldest first.
    async fn kept(&self) -> Vec<Model> {
        let all = webhook_delivery::Entity::find().order_by_asc(webhook_delivery::Column::Id);
        all.all(self.app.db.read()).await.unwrap()
    }

    /// How often the shop was asked for orders.
    fn readings(&self) -> u64 {
        self.shopify.faults.calls().get("graphql:Orders").copied().unwrap_or_default()
    }

    async fn is_due(&self, name: &str) -> bool {
        self.order(name).await.due_at.is_some()
    }
}

#[tokio::test]
async fn an_order_is_in_the_books_without_any_pull() {
    let app = TestApp::start().await;
    app.listen().await;
    app.shopify.place(mugs(1001));
    let told = app.ring().await;
    assert!(told.len() >= 4, "one checkout is several events: {}", told.len());
    let kept = app.kept().await;
    assert_eq!(kept.len(), told.len());
    for (row, delivery) in kept.iter().zip(&told) {
        assert_eq!(row.topic, delivery.topic);
        assert_eq!(row.webhook_id.as_deref(), delivery.header("X-Shopify-Webhook-Id"));
        assert_eq!(usize::try_from(row.body_bytes).unwrap(), delivery.body.len());
        for (name, value) in &delivery.headers {
            let value = (name.to_ascii_lowercase(), value.clone());
            assert!(ml_connector::webhook::headers(row).contains(&value), "{value:?} was not kept");
        }
    }
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.readings(), 1, "many events of one order are one visit");
    assert!(app.trail("#1001").await.iter().all(|entry| entry.trigger == "webhook"));
    app.end().await;
}

#[tokio::test]
async fn a_burst_is_read_by_the_twenty() {
    let app = TestApp::start().await;
    app.listen().await;
    for number in 1..=60 {
        app.shopify.place(mugs(number));
    }
    app.ring().await;
    app.app.clock.advance(TimeDelta::seconds(3));
    app.settle().await;
    assert_eq!(app.readings(), 3);
    assert_eq!(app.states().await.values().filter(|(state, _)| *state == synced_order::State::Synced).count(), 60);
    app.end().await;
}

/// Visits the most urgent order.
async fn visit(app: &App) {
    let (lease, row) = worker::orders(app, 1, Lane::Backfill).await.unwrap().remove(0);
    sync::sync_order(app, lease, row).await;
}

#[tokio::test]
async fn news_that_is_read_along_with_another_order_brings_forward_what_was_put_off_meanwhile() {
    let app = TestApp::in_world(World { retry_scale: Decimal::ONE_HUNDRED, ..World::default() }).await;
    app.listen().await;
    let other = App::on(app.app.db.clone(), app.app.config.clone(), app.app.clock.clone()).unwrap();
    let id = app.shopify.place(mugs(1001)).id;
    app.ring().await;
    app.app.clock.advance(TimeDelta::seconds(3));
    let mut reads = Calls::held(&app.shopify.faults);
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1, Moment::Before, Failure::Status(503));
    let overtaken = async {
        // One process has read the first state; another one reads the second, along with an order of its own.
        let first = reads.next("graphql:Orders", Moment::After).await;
        app.app.clock.advance(TimeDelta::seconds(2));
        app.shopify.evolve(id, |order| order.refund_all());
        app.shopify.take_deliveries();
        app.shopify.place(mugs(1002));
        app.ring().await;
        app.app.clock.advance(TimeDelta::seconds(3));
        let along = async {
            let second = reads.next("graphql:Orders", Moment::After).await;
            drop(reads);
            first.go(None);
            let number = i64::try_from(id).unwrap();
            let attempts =
                || async { order::find(app.app.db.read(), app.connection, number).await.unwrap().unwrap().attempts };
            while attempts().await == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            second.go(None);
        };
        tokio::join!(visit(&other), along);
    };
    tokio::join!(visit(&app.app), overtaken);
    assert!(app.order("#1001").await.due_at.unwrap() <= app.app.clock.now(), "not hours later");
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["0.00 CAD, unpaid"]);
    app.end().await;
}

#[tokio::test]
async fn more_than_the_budget_reads_in_a_minute_is_read_by_one_operation() {
    let mut world = World::default();
    (world.shopify.bucket, world.shopify.restore_rate) = (1_500, 1);
    let app = TestApp::in_world(world).await;
    app.listen().await;
    for number in 1..=400 {
        let id = app.shopify.place(mugs(number)).id;
        app.shopify.change(id, |order| order.note = Some("changed just now".to_owned()));
    }
    let client = http();
    for delivery in app.held(&["orders/updated"]) {
        assert_eq!(send_by(&client, &delivery.address, &delivery).await, Some(200));
    }
    app.app.clock.advance(TimeDelta::minutes(2));
    app.settle().await;
    let pulls = pull::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(pulls.iter().map(|pull| pull.trigger.as_str()).collect::<Vec<_>>(), ["webhooks"]);
    assert!(app.readings() <= 12, "{} calls for twenty orders each", app.readings());
    assert_eq!(app.states().await.values().filter(|(state, _)| *state == synced_order::State::Synced).count(), 400);
    app.end().await;
}

#[tokio::test]
async fn repeats_are_counted_and_nothing_follows_from_them() {
    let app = TestApp::start().await;
    app.listen().await;
    app.shopify.place(mugs(1001));
    let told = app.held(&["orders/create"]);
    assert_eq!(send(&told[0]).await, 200);
    app.settle().await;
    let generation = app.order("#1001").await.generation;
    assert_eq!(send(&told[0]).await, 200);
    let other_id = with(&told[0], "X-Shopify-Webhook-Id", &Uuid::new_v4().to_string());
    assert_eq!(send(&other_id).await, 200, "the same event in another delivery");
    let other_event = with(&told[0], "X-Shopify-Event-Id", &Uuid::new_v4().to_string());
    assert_eq!(send(&other_event).await, 200, "the same delivery under another event");
    let kept = app.kept().await;
    assert_eq!((kept.len(), kept[0].repeats), (1, 3));
    assert_eq!(app.order("#1001").await.generation, generation);

    // The same ids under another topic are another trigger.
    assert_eq!(send(&with(&told[0], "X-Shopify-Topic", "orders/paid")).await, 200);
    assert_eq!(app.kept().await.len(), 2);
    app.settle().await;
    app.end().await;
}

#[tokio::test]
async fn what_is_not_signed_or_not_whole_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    app.listen().await;
    app.shopify.place(mugs(1001));
    let good = app.held(&["orders/create"]).remove(0);
    let mut forged = good.clone();
    let last = forged.body.len() - 2;
    forged.body[last] ^= 1;
    assert_eq!(send(&forged).await, 401, "one bit is another");
    let mut short = good.clone();
    short.body.truncate(100);
    assert_eq!(send(&short).await, 401, "a part of it");
    assert_eq!(send(&with(&good, "X-Shopify-Hmac-SHA256", "")).await, 401);
    assert_eq!(send(&with(&good, "X-Shopify-Hmac-SHA256", "not base64 at all!")).await, 401);
    let unreadable = app.shopify.signed("orders/create", b"[1, 2]".to_vec());
    assert_eq!(send(&unreadable).await, 400);
    let nothing = app.shopify.signed("orders/create", b"{}".to_vec());
    assert_eq!(send(&nothing).await, 400, "which order?");
    assert_eq!(send(&with(&good, "X-Shopify-Topic", "")).await, 400);
    let large = app.shopify.signed("orders/create", vec![b' '; 4 * 1024 * 1024 + 1]);
    assert_eq!(send(&large).await, 413, "its signature is not even looked at");
    let wrong_method = http().get(app.door("/webhooks/shopify")).send().await.unwrap();
    assert_eq!(wrong_method.status().as_u16(), 405);
    assert_eq!(app.kept().await, []);
    assert_eq!(app.states().await.len(), 0);

    let mut almost = br#"{"id": 7000000001001, "note": ""#.to_vec();
    almost.resize(4 * 1024 * 1024 - 2, b'x');
    almost.extend(b"\"}");
    assert_eq!(send(&app.shopify.signed("orders/create", almost)).await, 200, "an order of 4 MiB");
    app.database.remove().await;
}

#[tokio::test]
async fn a_shop_that_is_not_connected_is_answered_and_ignored() {
    let app = TestApp::start().await;
    app.listen().await;
    app.shopify.place(mugs(1001));
    let good = app.held(&["orders/create"]).remove(0);
    assert_eq!(send(&with(&good, "X-Shopify-Shop-Domain", "another.myshopify.com")).await, 200);
    let kept = app.kept().await;
    assert_eq!((kept[0].outcome, kept[0].connection_id), (Outcome::Ignored, None));
    assert_eq!(app.states().await.len(), 0, "and the order is nobody's");
    app.end().await;
}

#[tokio::test]
async fn an_event_older_than_what_is_known_changes_nothing() {
    let app = TestApp::start().await;
    app.listen().await;
    let id = app.shopify.place(mugs(1001)).id;
    let old = app.held(&["orders/create", "orders/updated"]);
    app.app.clock.advance(TimeDelta::minutes(5));
    app.shopify.evolve(id, |order| order.refund_all());
    app.ring().await;
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["0.00 CAD, unpaid"]);
    let readings = app.readings();
    for delivery in &old {
        assert_eq!(send(delivery).await, 200);
    }
    assert!(!app.is_due("#1001").await);
    let late: Vec<Model> = app.kept().await.into_iter().rev().take(old.len()).collect();
    assert!(late.iter().all(|row| row.outcome == Outcome::OutOfOrder), "{late:?}");
    app.settle().await;
    assert_eq!(app.readings(), readings);

    let query = "query($c: ID!) { webhookDeliveries(filter: {connectionId: $c, outcomes: [OUT_OF_ORDER]}, first: 5) {
        totalCount nodes { topic outcome detail shopifyOrderId order { name } headers { name value } } }
        order(connectionId: $c, name: \"#1001\") { timeline(first: 50) { at kind summary webhookDelivery { outcome } auditEntry { action } } } }";
    let answer = ask(&app, query, json!({"c": global(&app)})).await;
    let found = &answer["webhookDeliveries"];
    assert_eq!(found["totalCount"], old.len(), "{answer}");
    assert_eq!(found["nodes"][0]["order"]["name"], "#1001");
    let timeline = answer["order"]["timeline"].as_array().unwrap();
    let told = timeline.iter().filter(|entry| entry["kind"] == "WEBHOOK").count();
    assert_eq!(told, app.kept().await.iter().filter(|row| row.shopify_order_id.is_some()).count());
    assert!(timeline.iter().any(|entry| entry["auditEntry"]["action"] == "create_invoice"), "{answer}");
    assert!(timeline.iter().any(|entry| entry["webhookDelivery"]["outcome"] == "OUT_OF_ORDER"));
    app.end().await;
}

#[tokio::test]
async fn two_changes_within_a_second_are_both_seen() {
    let app = TestApp::start().await;
    app.listen().await;
    let id = app.shopify.place(mugs(1001)).id;
    app.ring().await;
    app.settle().await;
    // The second change bears the very stamp of the first.
    let stamp = app.shopify.order(id).unwrap().updated_at;
    app.shopify.change(id, |order| order.note = Some("changed".to_owned()));
    let mut changed = (*app.shopify.order(id).unwrap()).clone();
    changed.updated_at = stamp;
    app.shopify.place(changed);
    let told = app.held(&["orders/updated"]);
    let mut body: Value = serde_json::from_slice(&told[0].body).unwrap();
    body["updated_at"] = stamp.to_rfc3339().into();
    let same = app.shopify.signed("orders/updated", serde_json::to_vec(&body).unwrap());
    let readings = app.readings();
    assert_eq!(send(&same).await, 200);
    app.settle().await;
    assert_eq!(app.readings(), readings + 1);
    app.end().await;
}

#[tokio::test]
async fn money_that_is_seen_before_its_order_waits_for_it() {
    let app = TestApp::start().await;
    app.listen().await;
    let placed = app.shopify.place(mugs(1001));
    let told = app.held(&["order_transactions/create"]);
    assert_eq!(told.len(), 1);
    app.shopify.delete(placed.id);
    assert_eq!(send(&told[0]).await, 200);
    app.app.clock.advance(TimeDelta::seconds(3));
    worker::drain(&app.app).await.unwrap();

    let query = "query($c: ID!, $o: String!) { order(connectionId: $c, shopifyOrderId: $o) { state lastError { code }
        payments { shopifyTransactionId freshbooksId kind gateway state amount { amount currencyCode } } } }";
    let variables = json!({"c": global(&app), "o": placed.id.to_string()});
    let answer = ask(&app, query, variables.clone()).await;
    let order = &answer["order"];
    assert_eq!(
        (&order["state"], &order["lastError"]["code"]),
        (&json!("RETRYING"), &json!("NOT_IN_SHOPIFY")),
        "{answer}"
    );
    assert_eq!(order["payments"][0]["state"], "WAITING");
    assert_eq!(order["payments"][0]["amount"], json!({"amount": "32.77", "currencyCode": "CAD"}));

    app.shopify.place((*placed).clone());
    app.settle().await;
    let answer = ask(&app, query, variables).await;
    let payments = answer["order"]["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1, "{answer}");
    assert_eq!((&payments[0]["state"], &payments[0]["gateway"]), (&json!("CONFIRMED"), &json!("shopify_payments")));
    app.end().await;
}

#[tokio::test]
async fn a_secret_that_is_being_replaced_still_opens() {
    let old = "shpss_the_old_one_that_signs_until_it_is_revoked";
    let mut world = World::default();
    world.shopify.client_secrets = vec!["shpss_the_new_one".to_owned(), old.to_owned()];
    let app = TestApp::in_world(world).await;
    app.listen().await;
    app.shopify.place(mugs(1001));
    let told = app.ring().await;
    assert!(!told.is_empty(), "the shop signs with the oldest secret");
    app.settle().await;
    app.end().await;
}

#[tokio::test]
async fn an_order_that_is_deleted_over_there_says_so_and_keeps_its_documents() {
    let app = TestApp::start().await;
    app.listen().await;
    let placed = app.shopify.place(mugs(1001));
    app.ring().await;
    app.settle().await;
    let held = app.invoices_of("#1001");
    assert_eq!(held, ["32.77 CAD, paid"]);
    app.shopify.delete(placed.id);
    let told = app.ring().await;
    assert_eq!(told.iter().map(|delivery| delivery.topic.as_str()).collect::<Vec<_>>(), ["orders/delete"]);
    app.app.clock.advance(TimeDelta::seconds(3));
    app.settle().await;
    assert_eq!(app.state("#1001").await, (synced_order::State::Failed, "NOT_IN_SHOPIFY".to_owned()));
    assert_eq!(app.invoices_of("#1001"), held);
    assert_eq!(app.freshbooks.payments().len(), 1);
    app.database.remove().await;
}

#[tokio::test]
async fn a_customer_who_moves_is_changed_in_the_books() {
    let app = TestApp::start().await;
    app.listen().await;
    let order = app.shopify.place(mugs(1001));
    app.ring().await;
    app.settle().await;
    let customer = order.customer.as_ref().unwrap().id;
    app.app.clock.advance(TimeDelta::minutes(1));
    app.shopify.change_customer(customer, |customer| customer.first_name = Some("Augusta".to_owned()));
    app.ring().await;
    app.settle().await;
    let clients = app.freshbooks.clients();
    assert_eq!(clients.iter().map(|client| client.fname.as_str()).collect::<Vec<_>>(), ["Augusta"]);

    // Their newest order was given up: the one before it carries the change.
    let same = app.shopify.order(order.id).unwrap().customer.as_deref().unwrap().clone();
    let mut second = mugs(1002);
    second.customer = Some(same.into());
    app.shopify.place(second);
    app.ring().await;
    app.settle().await;
    order::dismiss(&app.app, &Actor::system("test"), app.order("#1002").await.id, "Not ours.").await.unwrap();
    app.app.clock.advance(TimeDelta::minutes(1));
    app.shopify.change_customer(customer, |customer| customer.first_name = Some("Adelaide".to_owned()));
    app.ring().await;
    app.settle().await;
    assert_eq!(app.freshbooks.clients()[0].fname, "Adelaide");

    // Of nobody's: there is nothing to do until they order.
    app.shopify.add_customer(&ml_connector::sandbox::shopify::build::customer(5, "New", "Comer", "new@example.com"));
    app.ring().await;
    assert_eq!(app.kept().await.last().unwrap().outcome, Outcome::Ignored);
    app.end().await;
}

#[tokio::test]
async fn what_was_told_of_a_known_state_is_read_by_a_pull_as_well() {
    let app = TestApp::start().await;
    app.listen().await;
    let order = app.shopify.place(mugs(1001));
    app.ring().await;
    app.settle().await;
    // The order itself does not change, and the pull comes before its visit.
    app.shopify.change_customer(order.customer.as_ref().unwrap().id, |one| one.first_name = Some("Augusta".to_owned()));
    app.ring().await;
    let later = synced_order::Entity::update_many()
        .col_expr(synced_order::Column::DueAt, Expr::value(app.app.clock.now() + TimeDelta::hours(1)));
    later.exec(app.app.db.write()).await.unwrap();
    let readings = app.readings();
    app.pull().await;
    assert_eq!(app.readings(), readings, "the operation read it");
    assert_eq!(app.freshbooks.clients()[0].fname, "Augusta");
    app.end().await;
}

#[tokio::test]
async fn the_end_of_a_bulk_operation_is_looked_at_when_it_is_told() {
    let mut world = World::default();
    world.shopify.orders = vec![mugs(1001)];
    let app = TestApp::in_world(world).await;
    app.listen().await;
    let by = ml_connector::auth::Actor::system("test");
    ml_connector::pull::request(&app.app, &by, app.connection, None, None).await.unwrap();
    worker::drain(&app.app).await.unwrap();
    let pull = || async { pull::Entity::find().one(app.app.db.read()).await.unwrap().unwrap() };
    let waiting = pull().await;
    let (operation, due) = (waiting.bulk_operation_id.unwrap(), waiting.due_at.unwrap());
    assert!(due > app.app.clock.now());
    let body = json!({"admin_graphql_api_id": operation, "status": "completed", "type": "query", "error_code": null});
    let ended = app.shopify.signed("bulk_operations/finish", serde_json::to_vec(&body).unwrap());
    assert_eq!(send(&ended).await, 200);
    assert!(pull().await.due_at.unwrap() <= app.app.clock.now(), "due at once");
    let other = json!({"admin_graphql_api_id": "gid://shopify/BulkOperation/1", "status": "completed"});
    let other = app.shopify.signed("bulk_operations/finish", serde_json::to_vec(&other).unwrap());
    assert_eq!(send(&other).await, 200);
    assert_eq!(app.kept().await.last().unwrap().outcome, Outcome::Ignored);
    app.settle().await;
    app.end().await;
}

#[tokio::test]
async fn an_uninstall_is_looked_at_and_a_late_word_of_it_stops_nobody() {
    let app = TestApp::start().await;
    app.listen().await;
    let domain = app.shopify.shop().to_owned();
    let body = serde_json::to_vec(&json!({"id": 1, "myshopify_domain": domain})).unwrap();
    let late = app.shopify.signed("app/uninstalled", body);
    assert_eq!(send(&late).await, 200);
    schedule::fire_due(&app.app).await.unwrap();
    app.quiet().await;
    assert_eq!(app.connection().await.status, entity::connection::Status::Active, "the shop still lets us in");

    let of_another = json!({"id": 1, "myshopify_domain": "another.myshopify.com"});
    let of_another = app.shopify.signed("app/uninstalled", serde_json::to_vec(&of_another).unwrap());
    assert_eq!(send(&of_another).await, 200);
    assert_eq!(app.kept().await.last().unwrap().outcome, Outcome::Ignored, "signed for another shop");

    app.shopify.revoke_tokens();
    assert_eq!(send(&with(&with(&late, "X-Shopify-Webhook-Id", "second"), "X-Shopify-Event-Id", "second")).await, 200);
    schedule::fire_due(&app.app).await.unwrap();
    app.quiet().await;
    assert_eq!(app.connection().await.status, entity::connection::Status::NeedsReauthorization);
    let alerts = entity::alert::Entity::find().all(app.app.db.read()).await.unwrap();
    assert!(alerts.iter().any(|alert| alert.code == "NEEDS_REAUTHORIZATION"), "{alerts:?}");
    app.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_no_room_for_is_refused_quickly() {
    let app = TestApp::start().await;
    app.listen().await;
    app.shopify.place(mugs(1001));
    let one = app.held(&["orders/create"]).remove(0);
    // Nobody can write.
    let blocking = app.app.db.begin_write().await.unwrap();
    if !app.app.db.is_single_process() {
        use sea_orm::ConnectionTrait;
        blocking.execute_unprepared("LOCK TABLE webhook_delivery IN ACCESS EXCLUSIVE MODE").await.unwrap();
    }
    let began = std::time::Instant::now();
    let client = http();
    let sending = (0..1_500).map(|number| {
        let id = format!("flood-{number}");
        let one = with(&with(&one, "X-Shopify-Webhook-Id", &id), "X-Shopify-Event-Id", &id);
        let client = client.clone();
        async move { send_by(&client, &one.address, &one).await }
    });
    let answers = futures_util::future::join_all(sending).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    let refused = answers.iter().filter(|answer| **answer == Some(503)).count();
    assert_eq!(refused, answers.len(), "nothing is safe, and nothing says that it is");
    blocking.rollback().await.unwrap();
    assert_eq!(send(&one).await, 200);
    app.settle().await;
    assert_eq!(
        order::load(app.app.db.read(), app.order("#1001").await.id).await.unwrap().state,
        synced_order::State::Synced
    );
    app.end().await;
}
