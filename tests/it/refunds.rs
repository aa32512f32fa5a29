//! Refunds by the three policies, each recorded once, whatever happens on the way and whatever the settings become.

use entity::synced_order::State;
use ml_connector::{
    mapping::settings::{Change, Refunds, Settings, To},
    sandbox::{
        faults::{Failure, Moment},
        freshbooks::{HiddenClients, Options as Books},
        shopify::{Options, build::Giving, sample_store},
    },
};

use crate::harness::{TestApp, World, mugs};

async fn by(refunds: Refunds) -> TestApp {
    let settings = Settings { refunds, ..Settings::default() };
    TestApp::in_world(World { settings, ..World::default() }).await
}

fn policy(refunds: Refunds) -> Change {
    Change { refunds: To::Value(refunds), ..Change::default() }
}

/// Invoice, then live credit notes.
fn books(app: &TestApp) -> Vec<String> {
    app.invoices_of("#1001").into_iter().chain(app.credits()).collect()
}

#[tokio::test]
async fn each_refund_becomes_one_credit_note_and_the_documents_stay() {
    let app = by(Refunds::CreditNote).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    let calls = app.calls();
    app.shopify.evolve(placed.id, |order| order.on("2026-10-05T15:00:00Z").refund_units(0, 1));
    app.pull().await;
    assert_eq!(books(&app), ["32.77 CAD, paid", "13.56 CAD on 2026-10-05"]);
    app.shopify.evolve(placed.id, |order| order.on("2026-10-06T15:00:00Z").refund_amount("2.00"));
    app.shopify.evolve(placed.id, |order| order.on("2026-10-07T15:00:00Z").refund_all());
    app.pull().await;
    assert_eq!(
        books(&app),
        ["32.77 CAD, paid", "13.56 CAD on 2026-10-05", "2.00 CAD on 2026-10-06", "17.21 CAD on 2026-10-07"]
    );
    let mut after = app.calls();
    after.retain(|call, times| calls.get(call) != Some(times));
    assert_eq!(after.into_iter().collect::<Vec<_>>(), [("CreateCreditNote".to_owned(), 3)], "nothing else was called");
    let notes = app.freshbooks.credit_notes();
    assert!(
        notes
            .iter()
            .all(|note| note.kind == "goodwill"
                && note.notes.contains("of order #1001 (id 6000000001001), invoice 1001"))
    );
    let first: Vec<_> = notes[0].lines.iter().map(|line| (line.name.as_str(), line.amount.to_string())).collect();
    assert_eq!(first, [("Refund: Mug", "12.00".to_owned())]);
    app.end().await;
}

#[tokio::test]
async fn a_credit_note_whose_reply_was_lost_is_adopted_and_one_that_never_arrived_is_sent_again() {
    for (moment, sent) in [(Moment::After, 1), (Moment::Before, 2)] {
        let app = by(Refunds::CreditNote).await;
        let placed = app.shopify.place(mugs(1001));
        app.pull().await;
        app.freshbooks.faults.add(Some("CreateCreditNote"), 0, 1, moment, Failure::Drop);
        app.shopify.evolve(placed.id, |order| order.on("2026-10-05T15:00:00Z").refund_units(0, 1));
        app.pull().await;
        assert_eq!(books(&app), ["32.77 CAD, paid", "13.56 CAD on 2026-10-05"], "{moment:?}");
        assert_eq!(app.calls()["CreateCreditNote"], sent, "{moment:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn one_failure_at_any_call_ends_with_one_credit_note_all_the_same() {
    for moment in [Moment::Before, Moment::After] {
        for skip in 0..5 {
            let app = by(Refunds::CreditNote).await;
            let placed = app.shopify.place(mugs(1001));
            app.freshbooks.faults.add(None, skip, 1, moment, Failure::Drop);
            app.pull().await;
            app.shopify.evolve(placed.id, |order| order.on("2026-10-05T15:00:00Z").refund_units(0, 1));
            app.pull().await;
            assert_eq!(books(&app), ["32.77 CAD, paid", "13.56 CAD on 2026-10-05"], "call {skip} {moment:?}");
            assert!(app.freshbooks.faults.is_empty(), "there was no call {skip} to fail");
            app.end().await;
        }
    }
}

#[tokio::test]
async fn refunds_from_before_the_invoice_are_recorded_as_those_after_it() {
    for (refunds, expected) in [
        (Refunds::Adjust, vec!["19.21 CAD, paid"]),
        (Refunds::CreditNote, vec!["32.77 CAD, paid", "13.56 CAD on 2026-10-05"]),
    ] {
        let app = by(refunds).await;
        app.shopify.place(mugs(1001).on("2026-10-05T15:00:00Z").refund_units(0, 1));
        app.pull().await;
        assert_eq!(books(&app), expected, "{refunds:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn a_pending_refund_waits_for_its_money_and_a_failed_one_is_none() {
    for (refunds, expected) in [
        (Refunds::Adjust, vec!["19.21 CAD, paid"]),
        (Refunds::CreditNote, vec!["32.77 CAD, paid", "13.56 CAD on 2026-10-05"]),
    ] {
        let app = by(refunds).await;
        let placed = app.shopify.place(mugs(1001));
        let giving = |giving: Giving| {
            move |order: ml_connector::sandbox::shopify::model::Order| order.on("2026-10-05T15:00:00Z").refunded(giving)
        };
        app.shopify.evolve(placed.id, giving(Giving::nothing().money("5.00").failed()));
        app.shopify.evolve(placed.id, giving(Giving::nothing().units(0, 1).pending()));
        app.pull().await;
        assert_eq!(books(&app), ["32.77 CAD, paid"], "{refunds:?}: nothing moved yet");
        app.shopify.evolve(placed.id, |order| order.on("2026-10-05T16:00:00Z").refund_arrives());
        app.pull().await;
        assert_eq!(books(&app), expected, "{refunds:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn a_refund_and_then_an_edit_are_both_in_the_books() {
    for (refunds, expected) in [
        (Refunds::Adjust, vec!["22.60 CAD, partial"]),
        (Refunds::CreditNote, vec!["36.16 CAD, partial", "13.56 CAD on 2026-10-05"]),
    ] {
        let app = by(refunds).await;
        let placed = app.shopify.place(mugs(1001));
        app.pull().await;
        app.shopify.evolve(placed.id, |order| order.on("2026-10-05T15:00:00Z").refund_units(0, 1));
        app.pull().await;
        app.shopify.evolve(placed.id, |order| order.edit_adds("Spoon", "3.00", 1));
        app.pull().await;
        assert_eq!(books(&app), expected, "{refunds:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn what_was_paid_twice_goes_back_by_lowering_the_payment_under_every_policy() {
    for refunds in [Refunds::Adjust, Refunds::CreditNote, Refunds::Person] {
        let app = by(refunds).await;
        let placed = app.shopify.place(mugs(1001));
        app.pull().await;
        app.shopify.evolve(placed.id, |order| order.edit_removes(0, 1));
        app.pull().await;
        assert_eq!(app.state("#1001").await, (State::Waiting, "OVERPAID".to_owned()));
        app.shopify.evolve(placed.id, |order| order.refunded(Giving::nothing()));
        app.pull().await;
        assert_eq!(books(&app), ["19.21 CAD, paid"], "{refunds:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn a_refund_left_to_a_person_changes_nothing_and_waits_until_the_settings_record_it() {
    let app = by(Refunds::Person).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.shopify.evolve(placed.id, |order| order.on("2026-10-05T15:00:00Z").refund_units(0, 1));
    app.pull().await;
    assert_eq!(books(&app), ["32.77 CAD, paid"]);
    assert_eq!(app.state("#1001").await, (State::Waiting, "REFUND_LEFT_TO_PERSON".to_owned()));
    app.change(policy(Refunds::CreditNote)).await;
    assert_eq!(books(&app), ["32.77 CAD, paid", "13.56 CAD on 2026-10-05"]);
    assert_eq!(app.order("#1001").await.state, State::Synced);
    app.end().await;
}

#[tokio::test]
async fn what_was_recorded_one_way_stays_so_when_the_policy_changes() {
    let app = by(Refunds::Adjust).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    app.change(policy(Refunds::CreditNote)).await;
    app.shopify.evolve(placed.id, |order| order.on("2026-10-08T15:00:00Z").refund_shipping("5.00"));
    app.pull().await;
    assert_eq!(books(&app), ["19.21 CAD, paid", "5.65 CAD on 2026-10-08"]);
    app.change(policy(Refunds::Adjust)).await;
    app.shopify.evolve(placed.id, |order| order.fulfilled());
    app.pull().await;
    assert_eq!(books(&app), ["19.21 CAD, paid", "5.65 CAD on 2026-10-08"]);
    app.end().await;
}

#[tokio::test]
async fn a_credit_note_that_freshbooks_refuses_does_not_bind_the_refund_to_its_form() {
    let app = by(Refunds::CreditNote).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.freshbooks.errors_inside_200("CreateCreditNote");
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.order("#1001").await.state, State::Failed, "{:?}", app.states().await);
    app.change(policy(Refunds::Adjust)).await;
    assert_eq!(books(&app), ["19.21 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn a_credit_note_for_a_client_that_was_put_away_waits_for_a_person() {
    let freshbooks = Books { hidden_clients: HiddenClients::Refuse, ..Books::default() };
    let settings = Settings { refunds: Refunds::CreditNote, ..Settings::default() };
    let app = TestApp::in_world(World { settings, freshbooks, ..World::default() }).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    let client = app.freshbooks.clients()[0].id;
    app.freshbooks.archive_client(client).await.unwrap();
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "CLIENT_ARCHIVED".to_owned()));
    app.freshbooks.edit_client(client, serde_json::json!({"vis_state": 0})).await.unwrap();
    app.shopify.evolve(placed.id, |order| order.fulfilled());
    app.pull().await;
    assert_eq!(app.order("#1001").await.state, State::Synced);
    app.end().await;
}

#[tokio::test]
async fn the_whole_sample_store_ends_to_the_cent_under_every_policy() {
    for refunds in [Refunds::CreditNote, Refunds::Person] {
        let shopify = Options { orders: sample_store(150), restore_rate: 1000, bucket: 20_000, ..Options::default() };
        let settings = Settings { refunds, ..Settings::default() };
        let app = TestApp::in_world(World { shopify, settings, ..World::default() }).await;
        app.pull().await;
        let states = app.states().await;
        let expected = ["OVERPAID", "REFUND_LEFT_TO_PERSON"];
        let unexplained: Vec<_> = states
            .iter()
            .filter(|(_, (state, reason))| match state {
                State::Synced | State::Skipped => false,
                State::Waiting => !expected.iter().any(|code| reason.starts_with(code)),
                _ => true,
            })
            .collect();
        assert!(unexplained.is_empty(), "{refunds:?}: {unexplained:#?}");
        let left = states.values().filter(|(_, reason)| reason.starts_with("REFUND_LEFT_TO_PERSON")).count();
        assert_eq!(left == 0, refunds == Refunds::CreditNote, "{left}");
        assert_eq!(app.credits().is_empty(), refunds == Refunds::Person);
        app.end().await;
    }
}
