//! Lost replies, refusals, throttling: whatever one call suffers, the books end right and nothing is doubled.

use chrono::TimeDelta;
use entity::synced_order::State;
use ml_connector::{
    auth::Actor,
    freshbooks::{
        model::{Amount, PaymentDraft},
        payments,
    },
    mapping::settings::{Change, To},
    order::{self, Target},
    sandbox::{
        faults::{Failure, Moment},
        freshbooks,
        shopify::{build, model::OrderCancelReason},
    },
    sync,
    work::{self, Lane},
    worker,
};
use sea_orm::ConnectionTrait;

use crate::{
    calls::Calls,
    harness::{TestApp, World, mugs},
};

const WRITES: [&str; 3] = ["CreateClient", "CreateInvoice", "CreatePayment"];

#[tokio::test]
async fn a_create_whose_reply_was_lost_is_adopted_not_repeated() {
    for call in WRITES {
        for failure in [Failure::Drop, Failure::Status(504)] {
            let app = TestApp::start().await;
            app.shopify.place(mugs(1001));
            app.freshbooks.faults.add(Some(call), 0, 1, Moment::After, failure);
            app.pull().await;
            assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"], "{call} {failure:?}");
            assert_eq!(app.calls()[call], 1, "{call} {failure:?} was sent twice");
            assert_eq!(app.freshbooks.clients().len(), 1);
            app.end().await;
        }
    }
}

#[tokio::test]
async fn a_client_that_was_looked_for_before_another_visit_made_it_is_not_made_again() {
    let app = TestApp::start().await;
    if !app.app.db.is_single_process() {
        return app.end().await; // the trigger below is in SQLite's words
    }
    app.listen().await;
    for number in [1001, 1002] {
        let (mut order, same) = (mugs(number), mugs(1001));
        (order.customer, order.email) = (same.customer, same.email);
        app.shopify.place(order);
    }
    app.ring().await;
    app.app.clock.advance(TimeDelta::seconds(3));
    let mut calls = Calls::held(&app.freshbooks.faults);
    let (lease, row) = worker::orders(&app.app, 1, Lane::Backfill).await.unwrap().remove(0);
    let other = if row.shopify_order_id == 6_000_000_001_001 { "#1002" } else { "#1001" };
    let overtaken = async {
        // It is told that there is no such client, and stands still for longer than its lease.
        let answer = calls.next("ListClients", Moment::After).await;
        drop(calls);
        app.app.clock.advance(work::LEASE + TimeDelta::seconds(1));
        let id = app.order(other).await.id;
        order::resync(&app.app, &Actor::system("test"), Target::Known(id)).await.unwrap();
        let (lease, row) = worker::orders(&app.app, 1, Lane::Resync).await.unwrap().remove(0);
        // The other one makes the client, cannot note it, and lets go of it.
        let db = app.app.db.write();
        let full = "CREATE TRIGGER no_answer BEFORE UPDATE OF freshbooks_id ON resource_link WHEN NEW.freshbooks_id IS NOT NULL
            BEGIN SELECT RAISE(ABORT, 'no'); END";
        db.execute_unprepared(full).await.unwrap();
        sync::sync_order(&app.app, lease, row).await;
        db.execute_unprepared("DROP TRIGGER no_answer").await.unwrap();
        assert_eq!(app.calls()["CreateClient"], 1);
        answer.go(None);
    };
    tokio::join!(sync::sync_order(&app.app, lease, row), overtaken);
    app.settle().await;
    assert_eq!((app.calls()["CreateClient"], app.freshbooks.clients().len()), (1, 1));
    assert!(app.states().await.values().all(|(state, _)| *state == State::Synced), "{:?}", app.states().await);
    app.end().await;
}

#[tokio::test]
async fn an_invoice_in_doubt_is_looked_for_by_the_number_it_was_sent_with() {
    let renumbered = || Change { invoice_number: To::Value("SH-{number}".to_owned()), ..Change::default() };
    for (moment, number) in [(Moment::After, "1001"), (Moment::Before, "SH-1001")] {
        let retry_scale = rust_decimal::Decimal::ONE_THOUSAND; // the settings change before the next try
        let app = TestApp::in_world(World { retry_scale, ..World::default() }).await;
        app.shopify.place(mugs(1001));
        app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1, moment, Failure::Drop);
        app.pull_once().await;
        app.change(renumbered()).await;
        let numbers: Vec<_> = app.freshbooks.invoices().into_iter().map(|invoice| invoice.number).collect();
        assert_eq!(numbers, [number], "{moment:?}");
        assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
        app.end().await;
    }
}

#[tokio::test]
async fn a_number_that_was_taken_is_given_up_when_the_settings_name_another() {
    let app = TestApp::start().await;
    let stranger = app.freshbooks.add_client(serde_json::json!({"fname": "Ida"})).await.unwrap();
    let by_hand = serde_json::json!({"customerid": stranger, "create_date": "2026-10-01", "invoice_number": "1001"});
    app.freshbooks.add_invoice(by_hand).await.unwrap();
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Failed, "INVOICE_NUMBER_TAKEN".to_owned()));
    app.change(Change { invoice_number: To::Value("SH-{number}".to_owned()), ..Change::default() }).await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"], "{:?}", app.states().await);
    app.database.remove().await;
}

#[tokio::test]
async fn a_create_that_never_arrived_is_sent_again_after_looking() {
    for call in WRITES {
        let app = TestApp::start().await;
        app.shopify.place(mugs(1001));
        app.freshbooks.faults.add(Some(call), 0, 1, Moment::Before, Failure::Drop);
        app.pull().await;
        assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"], "{call}");
        assert_eq!(app.calls()[call], 2, "{call}");
        app.end().await;
    }
}

#[tokio::test]
async fn one_failure_at_any_call_changes_nothing_in_the_end() {
    // Every call of the first sync and of a refund, one by one, before and after its effect.
    for moment in [Moment::Before, Moment::After] {
        for skip in 0..6 {
            let app = TestApp::start().await;
            let placed = app.shopify.place(mugs(1001));
            app.freshbooks.faults.add(None, skip, 1, moment, Failure::Drop);
            app.pull().await;
            app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
            app.pull().await;
            assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"], "call {skip} {moment:?}");
            assert!(app.freshbooks.faults.is_empty(), "there was no call {skip} to fail");
            app.end().await;
        }
    }
}

#[tokio::test]
async fn a_payment_in_doubt_is_looked_up_even_when_it_should_be_gone_by_now() {
    let retry_scale = rust_decimal::Decimal::ONE_THOUSAND; // the next try is far enough away for the order to change before it
    let app = TestApp::in_world(World { retry_scale, ..World::default() }).await;
    let placed = app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(Some("CreatePayment"), 0, 1, Moment::After, Failure::Drop);
    app.pull_once().await;
    app.shopify.evolve(placed.id, |order| order.refund_all());
    app.pull().await;
    let left = &app.freshbooks.invoices()[0];
    assert!(left.amount.is_zero() && left.paid.is_zero(), "{left:?} {:?}", app.states().await);
    app.end().await;
}

#[tokio::test]
async fn a_payment_that_was_not_made_and_is_not_wanted_any_more_is_looked_for_once() {
    let app = TestApp::start().await;
    let order = app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(Some("CreatePayment"), 0, 1, Moment::Before, Failure::Throttle(Some(3)));
    app.pull_once().await;
    app.shopify.evolve(order.id, |order| order.cancelled(OrderCancelReason::Inventory));
    app.pull().await;
    assert_eq!(app.state("#1001").await.0, State::Synced);
    let calls = app.calls();
    assert!(calls["ListPayments"] > 0);
    let id = app.order("#1001").await.id;
    order::resync(&app.app, &Actor::system("test"), Target::Known(id)).await.unwrap();
    app.settle().await;
    assert_eq!(app.calls(), calls);
    app.end().await;
}

#[tokio::test]
async fn an_update_in_doubt_is_read_before_lines_are_named_again() {
    let retry_scale = rust_decimal::Decimal::ONE_THOUSAND; // the next try is far enough away for the order to change before it
    let app = TestApp::in_world(World { retry_scale, ..World::default() }).await;
    let sold = mugs(1001).edit_adds("Spoon", "3.00", 1);
    let placed = app.shopify.place(sold);
    app.pull().await;
    app.freshbooks.faults.add(Some("UpdateInvoice"), 0, 1, Moment::After, Failure::Drop);
    app.shopify.evolve(placed.id, |order| order.edit_removes(1, 1));
    app.pull_once().await;
    app.shopify.evolve(placed.id, |order| order.edit_adds("Fork", "3.00", 1).edit_adds("Knife", "4.00", 1));
    app.pull().await;
    assert_eq!(app.order("#1001").await.state, State::Synced, "{:?}", app.states().await);
    app.end().await;
}

#[tokio::test]
async fn throttling_costs_time_but_no_attempt() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(None, 0, 12, Moment::Before, Failure::Throttle(Some(30)));
    app.pull().await;
    let row = app.order("#1001").await;
    assert_eq!((row.state, row.attempts), (State::Synced, 0));
    app.end().await;
}

#[tokio::test]
async fn an_order_that_keeps_failing_is_given_up_kept_and_revived_by_a_change() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 100, Moment::Before, Failure::Status(500));
    app.pull().await;
    let row = app.order("#1001").await;
    assert_eq!((row.state, row.due_at), (State::Failed, None));
    app.freshbooks.faults.clear();
    app.shopify.evolve(placed.id, |order| order.fulfilled());
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn an_account_that_ignores_status_in_the_create_is_learnt_and_marked_sent() {
    let freshbooks = freshbooks::Options { honours_status_in_create: false, ..Default::default() };
    let app = TestApp::in_world(World { freshbooks, ..World::default() }).await;
    app.shopify.place(mugs(1001));
    app.shopify.place(mugs(1002));
    app.pull().await;
    assert!(app.freshbooks.invoices().iter().all(|invoice| invoice.display_status == "sent"));
    assert_eq!(app.connection().await.issues_in_create, Some(false));
    app.end().await;
}

#[tokio::test]
async fn a_number_that_is_somebody_elses_is_never_touched() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    let by_hand = serde_json::json!({"notes": "typed by hand", "invoice_number": "1002"});
    app.freshbooks.edit_invoice("1001", by_hand).await.unwrap();
    app.shopify.place(mugs(1002));
    app.pull().await;
    let states = app.states().await;
    assert!(states["#1002"].1.starts_with("INVOICE_NUMBER_TAKEN"), "{states:?}");
    assert_eq!(app.freshbooks.invoices().len(), 1);
    let last = app.trail("#1002").await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.outcome.as_str()), ("none", "failed"));
    app.database.remove().await;
}

#[tokio::test]
async fn a_payment_that_freshbooks_takes_only_in_part_is_never_called_synced() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(build::order(1001).line("Mug", "20.00", 1).placed());
    app.pull().await;
    let invoice = i64::try_from(app.freshbooks.invoices()[0].id).unwrap();
    let by_hand = PaymentDraft {
        invoiceid: invoice,
        amount: Amount { amount: "12.00".parse().unwrap(), code: "CAD".to_owned() },
        date: "2026-11-01".parse().unwrap(),
        kind: "Cash".to_owned(),
        note: "typed by hand".to_owned(),
    };
    app.books().send_payment(&payments::create(&by_hand)).await.unwrap();
    app.shopify.evolve(placed.id, |order| order.paid("shopify_payments"));
    app.pull().await;
    for _ in 0..2 {
        let states = app.states().await;
        assert_eq!(states["#1001"].0, State::Failed, "{states:?}");
        let row = app.order("#1001").await;
        order::resync(&app.app, &Actor::system("test"), Target::Known(row.id)).await.unwrap();
        app.settle().await;
    }
    app.database.remove().await;
}

#[tokio::test]
async fn a_token_that_is_no_longer_accepted_stops_the_connection_and_costs_no_attempt() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.freshbooks.disconnect().await.unwrap();
    app.pull_until_stopped().await;
    let row = app.order("#1001").await;
    assert_eq!((row.state, row.attempts), (State::Due, 0));
    assert_eq!(app.connection().await.status, entity::connection::Status::NeedsReauthorization);
    app.database.remove().await;
}
