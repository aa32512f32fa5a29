//! An order that a person gives up, and takes up again.

use ::entity::{
    resource_link::Kind,
    synced_order::{Model, State},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Role, World, order};
use crate::{
    auth::Actor,
    link::{self, Intent, LinkKey, Writer},
    order::{Mark, Outcome, Target, snapshot},
    work::{Lane, Lease},
};

const DISMISS: &str = "mutation ($input: DismissOrderInput!) { dismissOrder(input: $input) {
    order { name state nextAttemptAt attempts auditEntries { nodes { action outcome actor source trigger message } } }
    userErrors { field code } } }";

async fn dismiss(world: &World, id: &Value, reason: &str) -> Value {
    let token = world.token(Role::Support, None);
    let data = world.data(&token, DISMISS, json!({ "input": { "orderId": id, "reason": reason } })).await;
    data["dismissOrder"].clone()
}

/// One order, due; its global id.
async fn one_order(world: &World) -> Value {
    let connection = world.connect("one").await.id;
    world.record(connection, &[order(1001, None, 1)]).await;
    let data = world.data(&world.token(Role::Viewer, None), "{ orders { nodes { id } } }", json!({})).await;
    data["orders"]["nodes"][0]["id"].clone()
}

async fn row(world: &World) -> Model {
    let connection = ::entity::ids::ConnectionId(1);
    crate::order::find(world.app.db.read(), connection, 1001).await.unwrap().unwrap()
}

/// Whether a visit may go on to write.
async fn intends(world: &World, lease: Lease) -> bool {
    let row = row(world).await;
    let key = snapshot::find(world.app.db.read(), &world.app.keyring, row.id).await.unwrap().unwrap().key;
    let txn = world.app.db.begin_write().await.unwrap();
    let writer = Writer { connection: row.connection_id, lease, key: &key };
    let invoice = LinkKey { kind: Kind::Invoice, shopify_id: "1001".to_owned() };
    match link::intend(&txn, writer, &invoice, Intent::default(), world.now()).await {
        Ok(_) => true,
        Err(link::Error::Fenced) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn support_gives_an_order_up_once_and_the_trail_says_why() {
    let world = World::start().await;
    let id = one_order(&world).await;
    for reason in ["Booked by hand.", "Another reason."] {
        let payload = dismiss(&world, &id, reason).await;
        let entry = json!({ "action": "dismiss", "outcome": "done", "actor": "user:ada", "source": "order", "trigger": "dismiss",
            "message": "Dismissed: Booked by hand." });
        let expected = json!({ "name": "#1001", "state": "DISMISSED", "nextAttemptAt": null, "attempts": 0,
            "auditEntries": { "nodes": [entry] } });
        assert_eq!(payload, json!({ "order": expected, "userErrors": [] }), "{reason}");
    }
    assert!(world.claim().await.is_empty());
    let verdict = crate::audit::verify(world.app.db.read(), ::entity::ids::ConnectionId(1)).await.unwrap();
    assert_eq!(verdict, crate::audit::Verdict::Intact(super::CONNECTED + 1));

    let resync = "mutation ($input: ResyncOrderInput!) { resyncOrder(input: $input) { order { state stale } } }";
    let data = world.data(&world.token(Role::Support, None), resync, json!({ "input": { "orderId": id } })).await;
    assert_eq!(data["resyncOrder"]["order"], json!({ "state": "DUE", "stale": true }));
    assert_eq!(world.claim().await.len(), 1);
}

#[tokio::test]
async fn a_dismissal_asks_for_the_right_the_order_and_a_reason() {
    let world = World::start().await;
    let id = one_order(&world).await;
    world.connect("other").await;
    let data = world.data(&world.token(Role::Admin, None), "{ connections { id } }", json!({})).await;
    let other = data["connections"][1]["id"].as_str().unwrap();
    let input = json!({ "input": { "orderId": id, "reason": "Booked by hand." } });
    for token in [world.token(Role::Viewer, None), world.token(Role::Support, Some(&[other]))] {
        assert_eq!(world.code(&token, DISMISS, input.clone()).await, "FORBIDDEN");
    }
    let support = world.token(Role::Support, None);
    let nonsense = json!({ "input": { "orderId": "nonsense", "reason": "x" } });
    assert_eq!(world.code(&support, DISMISS, nonsense).await, "BAD_USER_INPUT");
    let (nobody, longest) = (json!("U3luY2VkT3JkZXI6OTk"), "ü".repeat(500));
    for (id, reason, field, code) in [
        (&nobody, "Booked by hand.", "orderId", "NOT_FOUND"),
        (&id, "", "reason", "REQUIRED"),
        (&id, " \n", "reason", "REQUIRED"),
        (&id, &format!("{longest}!"), "reason", "INVALID"),
        (&id, "two\nlines", "reason", "INVALID"),
    ] {
        let payload = dismiss(&world, id, reason).await;
        let expected = json!({ "order": null, "userErrors": [{ "field": ["input", field], "code": code }] });
        assert_eq!(payload, expected, "{reason}");
    }
    assert_eq!(row(&world).await.state, State::Due);
    assert_eq!(dismiss(&world, &id, &longest).await["order"]["state"], "DISMISSED");
}

#[tokio::test]
async fn a_visit_under_way_neither_writes_on_nor_brings_a_dismissed_order_back() {
    let world = World::start().await;
    let id = one_order(&world).await;
    let lease = world.claim().await[0].0;
    assert!(intends(&world, lease).await);
    assert_eq!(dismiss(&world, &id, "Booked by hand.").await["order"]["state"], "DISMISSED");
    let dismissed = row(&world).await;

    assert!(!intends(&world, lease).await);
    let (db, now) = (world.app.db.write(), world.now());
    for state in [State::Synced, State::Waiting] {
        let outcome = Outcome { state, problem: None, proof: None };
        assert!(!crate::order::settle(db, lease, &outcome, now).await.unwrap());
    }
    let later = now + TimeDelta::minutes(1);
    assert!(!crate::order::retry_later(db, lease, State::Retrying, None, later, true, now).await.unwrap());
    assert_eq!(row(&world).await, dismissed);
    assert!(world.claim().await.is_empty());
    let states = "{ dismissed: orders(filter: { states: [DISMISSED] }) { totalCount }
        syncing: orders(filter: { states: [SYNCING] }) { totalCount }
        connections { syncStatus { ordersByState { state count } } } }";
    let data = world.data(&world.token(Role::Viewer, None), states, json!({})).await;
    assert_eq!((&data["dismissed"]["totalCount"], &data["syncing"]["totalCount"]), (&json!(1), &json!(0)));
    let counts = data["connections"][0]["syncStatus"]["ordersByState"].as_array().unwrap();
    let some: Vec<_> = counts.iter().filter(|of| of["count"] != 0).collect();
    assert_eq!(some, [&json!({ "state": "DISMISSED", "count": 1 })]);

    // Resynced before its last call was over: that visit may go on, and another one follows it.
    crate::order::resync(&world.app, &Actor::system("test"), Target::Known(dismissed.id)).await.unwrap();
    assert!(world.claim().await.is_empty(), "two visits at once");
    assert!(intends(&world, lease).await);
    let outcome = Outcome { state: State::Synced, problem: None, proof: None };
    assert!(crate::order::settle(db, lease, &outcome, world.now()).await.unwrap());
    assert_eq!((row(&world).await.state, world.claim().await.len()), (State::Due, 1));
}

#[tokio::test]
async fn news_of_a_dismissed_order_is_kept_and_wakes_nobody() {
    let world = World::start().await;
    let id = one_order(&world).await;
    dismiss(&world, &id, "Booked by hand.").await;
    let connection = row(&world).await.connection_id;
    world.record(connection, &[order(1001, None, 2)]).await;
    let newer = row(&world).await;
    assert_eq!((newer.state, newer.due_at, newer.stale), (State::Dismissed, None, false));
    assert!(newer.shopify_updated_at.is_some_and(|at| at.to_string().starts_with("2026-11-02")));

    let mark = Mark::new(Lane::Webhook, "webhook", &Actor::system("webhook"));
    let txn = world.app.db.begin_write().await.unwrap();
    let told = crate::order::Told { number: 1001, version: None };
    crate::order::announce(&txn, connection, &[told], &mark, world.now(), world.now()).await.unwrap();
    assert_eq!(crate::order::reconsider(&txn, connection, &mark, world.now()).await.unwrap(), 0);
    txn.commit().await.unwrap();
    let announced = row(&world).await;
    assert_eq!((announced.state, announced.due_at, announced.stale), (State::Dismissed, None, true));
    assert_eq!((announced.trigger.as_str(), announced.generation), ("pull:1", newer.generation));
    assert!(world.claim().await.is_empty());
}
