//! Dismissed orders: what changes is recorded, the books stay, and a resync takes them up again.

use entity::synced_order::State;
use ml_connector::{
    auth::Actor,
    connection,
    mapping::settings::{Change, LateChanges, Refunds, Settings, To},
    order::{self, Target},
    sandbox::faults::Moment,
};

use crate::{
    calls::Calls,
    harness::{TestApp, World, mugs},
};

#[tokio::test]
async fn a_dismissed_order_stays_as_it_is_through_pulls_and_settings_until_it_is_resynced() {
    let settings = Settings { refunds: Refunds::Person, ..Settings::default() };
    let app = TestApp::in_world(World { settings, ..World::default() }).await;
    let placed = app.shopify.place(mugs(1001).refund_units(0, 1));
    app.pull().await;
    let waiting = app.order("#1001").await;
    assert_eq!(
        (waiting.state, order::problem(&waiting).unwrap().code.as_str()),
        (State::Waiting, "REFUND_LEFT_TO_PERSON")
    );

    let by = Actor::system("test");
    order::dismiss(&app.app, &by, waiting.id, "Recorded by hand.").await.unwrap();
    let calls = app.calls();
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    let pulled = app.order("#1001").await;
    assert_eq!(pulled.state, State::Dismissed);
    assert!(pulled.shopify_updated_at > waiting.shopify_updated_at, "the news is recorded");
    let change = Change { late_changes: To::Value(LateChanges::Wait), ..Change::default() };
    connection::update_settings(&app.app, &by, app.connection, &change).await.unwrap();
    app.settle().await;
    assert_eq!((app.order("#1001").await.state, app.calls()), (State::Dismissed, calls));
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);

    let change = Change { refunds: To::Value(Refunds::Adjust), ..Change::default() };
    connection::update_settings(&app.app, &by, app.connection, &change).await.unwrap();
    order::resync(&app.app, &by, Target::Known(waiting.id)).await.unwrap();
    app.settle().await;
    assert_eq!(app.order("#1001").await.state, State::Synced);
    assert_eq!(app.invoices_of("#1001"), ["5.65 CAD, paid"]);
    let trail = app.trail("#1001").await;
    let dismissal = trail.iter().find(|entry| entry.action == "dismiss").unwrap();
    assert_eq!((dismissal.outcome.as_str(), dismissal.message.as_str()), ("done", "Dismissed: Recorded by hand."));
    app.end().await;
}

#[tokio::test]
async fn an_order_given_up_during_its_visit_is_nobodys_afterwards() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    let mut calls = Calls::held(&app.freshbooks.faults);
    let given_up = async {
        let answer = calls.next("CreateInvoice", Moment::After).await;
        drop(calls);
        let id = app.order("#1001").await.id;
        order::dismiss(&app.app, &Actor::system("test"), id, "Booked by hand.").await.unwrap();
        answer.go(None);
    };
    tokio::join!(given_up, app.pull());
    let row = app.order("#1001").await;
    assert_eq!((row.state, row.due_at, row.fence, row.leased_until), (State::Dismissed, None, None, None));
    assert_eq!(app.calls().get("CreatePayment"), None, "the call that was under way was the last");
    app.end().await;
}
