//! FreshBooks' handshake: its secret may come early, late, or from a stranger.

use ml_connector::sandbox::freshbooks::{CallbackOptions, Deliveries, FailedVerification};

use super::*;

fn with(change: impl FnOnce(&mut CallbackOptions)) -> World {
    let mut world = World::default();
    change(&mut world.freshbooks.callbacks);
    world
}

/// A stranger claims to have the secret of a callback.
async fn forge(app: &TestApp, event: &str, callback: u64, secret: &str) {
    let body = format!("name=callback.verify&object_id={callback}&account_id=SbX7q1&verifier={secret}");
    let address = callback_address(app, event);
    let headers = vec![("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let forged = Delivery { address, event: "callback.verify".to_owned(), headers, body: body.into_bytes() };
    assert_eq!(arrives(&forged).await, 200);
}

fn callback(app: &TestApp, event: &str) -> u64 {
    app.freshbooks.callbacks().into_iter().find(|known| known.event == event).unwrap().id
}

#[tokio::test]
async fn a_secret_may_come_before_the_answer() {
    let app = set_up(with(|knobs| knobs.verify_before_create_returns = true)).await;
    all_stand(&app);
    assert_eq!(app.calls().get("UpdateCallback"), Some(&8), "each was verified at once");
    app.end().await;
}

#[tokio::test]
async fn a_secret_that_comes_late_is_enough_as_well() {
    let app = TestApp::start().await;
    app.freshbooks.set_deliveries(Deliveries::Holding);
    let unfinished = Look::Seen { repaired: Vec::new(), healthy: false };
    assert_eq!(look(&app).await, [well(), unfinished]);
    assert!(rows(&app, Platform::Freshbooks).await.iter().all(|row| row.state == State::Unverified));
    assert_eq!(told(&app).await, [], "the first time there is time");
    for delivery in app.freshbooks.take_deliveries() {
        assert_eq!(arrives(&delivery).await, 200);
    }
    // Soon, not with the next hour.
    clock_strikes(&app, TimeDelta::seconds(11)).await;
    all_stand(&app);
    assert!(
        rows(&app, Platform::Freshbooks).await.iter().all(|row| row.state == State::Active && row.offered.is_none())
    );
    assert_eq!(told(&app).await, []);
    app.end().await;
}

#[tokio::test]
async fn what_strangers_claim_neither_poisons_a_callback_nor_replaces_its_secret() {
    let app = TestApp::start().await;
    app.freshbooks.set_deliveries(Deliveries::Holding);
    // Nothing waits for it yet.
    forge(&app, "invoice.update", 1, "early").await;
    look(&app).await;
    let id = callback(&app, "invoice.update");
    for number in 0..20 {
        forge(&app, "invoice.update", id, &format!("forged{number}")).await;
        forge(&app, "invoice.update", id + 1_000, "of another").await;
        forge(&app, "invoice.eat", id, "of no event").await;
    }
    let waiting = row(&app, "invoice.update").await;
    assert!(waiting.offered.as_ref().is_some_and(|sealed| !sealed.contains("forged") && sealed.len() < 3_000));
    app.freshbooks.take_deliveries();
    app.freshbooks.set_deliveries(Deliveries::Sending);
    clock_strikes(&app, TimeDelta::seconds(11)).await;
    all_stand(&app);
    assert!(app.calls()["UpdateCallback"] < 40, "{:?}", app.calls());

    // It stands: nobody replaces it, and nobody has us call because of it.
    let before = row(&app, "invoice.update").await;
    let calls = app.freshbooks.faults.total();
    forge(&app, "invoice.update", id, "forged").await;
    clock_strikes(&app, TimeDelta::seconds(11)).await;
    assert_eq!((row(&app, "invoice.update").await, app.freshbooks.faults.total()), (before, calls));
    let secrets = subscription::verifiers(&app.app, app.connection, "invoice.update").await.unwrap();
    assert_eq!(secrets.len(), 8);
    let own = app.freshbooks.callbacks().into_iter().find(|known| known.id == id).unwrap().verifier;
    assert_eq!(secrecy::ExposeSecret::expose_secret(&secrets[0]), own, "that of the event comes first");
    app.end().await;
}

/// The right secret, amid what strangers claim before and after.
async fn flooded(app: &TestApp, secrets: &[Delivery], before: usize, after: usize, round: &str) {
    let id = callback(app, "invoice.update");
    for number in 0..before {
        forge(app, "invoice.update", id, &format!("{round}before{number}")).await;
    }
    for secret in secrets {
        assert_eq!(arrives(secret).await, 200);
    }
    for number in 0..after {
        forge(app, "invoice.update", id, &format!("{round}after{number}")).await;
    }
}

#[tokio::test]
async fn the_right_secret_is_found_among_wrong_ones() {
    let app = TestApp::start().await;
    app.freshbooks.set_deliveries(Deliveries::Holding);
    look(&app).await;
    let secrets = app.freshbooks.take_deliveries();
    // It comes once, and nobody hears it when it is rung for again.
    flooded(&app, &secrets, 9, 30, "").await;
    clock_strikes(&app, TimeDelta::seconds(11)).await;
    all_stand(&app);
    app.end().await;
}

#[tokio::test]
async fn no_flood_of_wrong_secrets_keeps_the_right_one_out() {
    let app = TestApp::start().await;
    app.freshbooks.set_deliveries(Deliveries::Holding);
    look(&app).await;
    let secrets = app.freshbooks.take_deliveries();
    flooded(&app, &secrets, 30, 30, "first").await;
    clock_strikes(&app, TimeDelta::seconds(11)).await;
    assert_ne!(row(&app, "invoice.update").await.state, State::Active);
    let tried = app.calls()["UpdateCallback"];
    app.freshbooks.take_deliveries();
    flooded(&app, &[], 30, 30, "first").await;
    flooded(&app, &[], 30, 0, "second").await;
    app.freshbooks.set_deliveries(Deliveries::Sending);
    clock_strikes(&app, TimeDelta::seconds(11)).await;
    all_stand(&app);
    assert!(app.calls()["UpdateCallback"] - tried <= 30, "{tried} {:?}", app.calls());
    app.end().await;
}

#[tokio::test]
async fn what_freshbooks_does_not_confirm_is_told_and_is_over_once_it_does() {
    let app = TestApp::in_world(with(|knobs| knobs.fail_verification = Some(FailedVerification::Refused))).await;
    clock_strikes(&app, TimeDelta::zero()).await;
    assert_eq!(told(&app).await, []);
    clock_strikes(&app, TimeDelta::seconds(61)).await;
    let told_of = told(&app).await;
    assert_eq!((told_of.len(), told_of[0].0.as_str(), told_of[0].1.as_str()), (1, "WEBHOOKS_FAILING", "freshbooks"));
    assert!(told_of[0].2.starts_with("8 of 8 webhooks of FreshBooks cannot be set up"), "{told_of:?}");
    assert!(told_of[0].2.contains("Invalid verifier"), "{told_of:?}");
    let shown = ask(&app, "{ connections { freshbooks { webhooksHealthy } } }", json!({})).await;
    assert_eq!(shown["connections"][0]["freshbooks"]["webhooksHealthy"], false);
    app.freshbooks.set_callbacks(|knobs| knobs.fail_verification = None);
    clock_strikes(&app, TimeDelta::hours(1)).await;
    all_stand(&app);
    assert_eq!(told(&app).await, []);
    app.end().await;
}

#[tokio::test]
async fn an_address_that_freshbooks_does_not_reach_is_told() {
    let app = TestApp::start().await;
    app.freshbooks.set_deliveries(Deliveries::Holding);
    look(&app).await;
    look(&app).await;
    let told_of = told(&app).await;
    assert_eq!((told_of.len(), told_of[0].0.as_str()), (1, "WEBHOOKS_FAILING"));
    let problem = subscription::problem(&row(&app, "payment.delete").await).unwrap();
    assert_eq!(problem.code, "NOT_VERIFIED");
    assert!(problem.message.contains(&callback_address(&app, "payment.delete")), "{problem}");
    assert!(problem.hint.contains("MLC_PUBLIC_URL") && problem.hint.contains("proxy"), "{problem}");
    app.freshbooks.set_deliveries(Deliveries::Sending);
    assert_eq!(look(&app).await, [well(), well()]);
    assert_eq!(told(&app).await, []);
    app.end().await;
}
