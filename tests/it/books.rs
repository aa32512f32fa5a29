//! The main job: orders become invoices, payments and audit entries, and stay right while the orders change.

use entity::synced_order::State;
use ml_connector::{
    auth::Actor,
    mapping::settings::{Basis, Settings},
    order::{self, Target},
    sandbox::{
        freshbooks,
        shopify::{Options, build, model::OrderCancelReason, sample_store},
    },
};

use crate::harness::{TestApp, World, mugs};

#[tokio::test]
async fn a_paid_order_becomes_one_paid_invoice() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.order("#1001").await.state, State::Synced);
    app.end().await;
}

#[tokio::test]
async fn the_whole_sample_store_ends_to_the_cent_with_nothing_unexplained() {
    let shopify = Options { orders: sample_store(200), restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    app.pull().await;
    let states = app.states().await;
    assert_eq!(states.len(), 200);
    let resting = |state: &State| matches!(state, State::Synced | State::Skipped | State::Waiting);
    let unexplained: Vec<_> = states.iter().filter(|(_, (state, _))| !resting(state)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let waiting: Vec<_> = states.values().filter(|(state, _)| *state == State::Waiting).collect();
    assert!(waiting.iter().all(|(_, reason)| reason.starts_with("OVERPAID")), "{waiting:#?}");
    app.end().await;
}

#[tokio::test]
async fn in_the_buyers_currency_every_order_ends_to_the_cent_or_is_refused_by_name() {
    let shopify = Options { orders: sample_store(100), restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let settings = Settings { currency: Basis::Presentment, ..Settings::default() };
    let app = TestApp::in_world(World { shopify, settings, ..World::default() }).await;
    app.pull().await;
    let states = app.states().await;
    let failed: Vec<_> = states.iter().filter(|(_, (state, _))| *state == State::Failed).collect();
    assert!(failed.iter().all(|(_, (_, reason))| reason.starts_with("CURRENCY_PRECISION")), "{failed:#?}");
    assert_eq!(failed.len(), 1, "the one in dinars: {failed:#?}");
    let yen: Vec<_> = app.freshbooks.invoices().into_iter().filter(|invoice| invoice.currency == "JPY").collect();
    assert!(!yen.is_empty());
    for invoice in yen {
        assert!(invoice.amount.fract().is_zero(), "{invoice:?}");
        let items = invoice.lines.iter().filter(|line| line.name != "Rounding");
        assert!(items.into_iter().all(|line| line.unit_cost.fract().is_zero()), "{invoice:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_second_pull_of_the_same_store_makes_no_call() {
    let app = TestApp::start().await;
    for number in 1001..1011 {
        app.shopify.place(mugs(number));
    }
    app.pull().await;
    let before = app.freshbooks.faults.total();
    app.pull().await;
    assert_eq!(app.freshbooks.faults.total(), before);
    app.end().await;
}

#[tokio::test]
async fn a_paid_order_of_a_known_client_is_two_writes_and_no_read_or_three_where_the_create_does_not_issue() {
    for (honours_status_in_create, writes) in [
        (true, vec!["CreateInvoice", "CreatePayment"]),
        (false, vec!["CreateInvoice", "CreatePayment", "UpdateInvoice"]),
    ] {
        let freshbooks = freshbooks::Options { honours_status_in_create, ..Default::default() };
        let app = TestApp::in_world(World { freshbooks, ..World::default() }).await;
        let ada = build::customer(7, "Ada", "Example", "ada@example.com");
        let sold = |number| {
            let order = build::order(number).line("Mug", "12.00", 1).tax("HST", "0.13");
            order.customer(ada.clone()).paid("shopify_payments")
        };
        app.shopify.place(sold(1001));
        app.pull().await;
        let before = app.calls();
        app.shopify.place(sold(1002));
        app.pull().await;
        let mut after = app.calls();
        after.retain(|call, times| {
            *times -= before.get(call).copied().unwrap_or_default();
            *times > 0
        });
        let expected: Vec<_> = writes.into_iter().map(|call| (call.to_owned(), 1)).collect();
        assert_eq!(after.into_iter().collect::<Vec<_>>(), expected);
        app.end().await;
    }
}

#[tokio::test]
async fn a_resync_of_an_unchanged_order_calls_nothing_and_says_so_in_the_trail() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    let before = app.freshbooks.faults.total();
    let row = app.order("#1001").await;
    order::resync(&app.app, &Actor::system("test"), Target::Known(row.id)).await.unwrap();
    app.settle().await;
    assert_eq!(app.freshbooks.faults.total(), before);
    let last = app.trail("#1001").await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.outcome.as_str(), last.trigger.as_str()), ("none", "unchanged", "resync"));
    app.end().await;
}

#[tokio::test]
async fn an_order_that_was_never_pulled_is_synced_by_its_number() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    let target = Target::Shopify(app.connection, i64::try_from(placed.id).unwrap());
    order::resync(&app.app, &Actor::system("test"), target).await.unwrap();
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    let missing = order::resync(&app.app, &Actor::system("test"), Target::Shopify(app.connection, 404)).await.unwrap();
    app.settle().await;
    let row = order::load(app.app.db.read(), missing.id).await.unwrap();
    assert_eq!((row.state, order::problem(&row).unwrap().code.as_str()), (State::Failed, "NOT_IN_SHOPIFY"));
    app.end().await;
}

#[tokio::test]
async fn a_later_refund_lowers_the_payment_and_then_the_invoice() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"]);
    app.shopify.evolve(placed.id, |order| order.refund_all());
    app.pull().await;
    let left = &app.freshbooks.invoices()[0];
    assert!(left.amount.is_zero() && left.paid.is_zero(), "{left:?}");
    app.end().await;
}

#[tokio::test]
async fn a_payment_that_comes_later_is_added_and_an_authorization_never_is() {
    let app = TestApp::start().await;
    let draft = build::order(1001).line("Mug", "10.00", 1).tax("HST", "0.13");
    let placed = app.shopify.place(draft.authorized("shopify_payments"));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["11.30 CAD, unpaid"]);
    app.shopify.evolve(placed.id, |order| order.captured(Some("5.00")));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["11.30 CAD, partial"]);
    app.end().await;
}

#[tokio::test]
async fn an_edit_that_adds_a_line_raises_the_invoice_and_changes_only_its_lines() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    app.shopify.evolve(placed.id, |order| order.edit_adds("Spoon", "3.00", 1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001").len(), 1);
    let update = app.trail("#1001").await.into_iter().find(|entry| entry.action == "update_invoice").unwrap();
    let fields = ml_connector::audit::field_mappings(&update, None).unwrap();
    assert!(fields.iter().all(|field| field.freshbooks_field.starts_with("lines[")), "{fields:?}");
    app.end().await;
}

#[tokio::test]
async fn an_order_whose_only_line_was_edited_away_and_refunded_ends_at_nothing() {
    let app = TestApp::start().await;
    let sold = build::order(1001).line("Cookbook", "33.33", 1).tax("GST", "0.05").tax("PST", "0.07").paid("paypal");
    app.shopify.place(sold.edit_removes(0, 1).refund_amount("37.33"));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001").len(), 1, "{:?}", app.states().await);
    assert!(app.freshbooks.invoices()[0].amount.is_zero());
    app.end().await;
}

#[tokio::test]
async fn an_order_cancelled_unpaid_loses_its_invoice_whose_number_stays_taken() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(build::order(1001).line("Mug", "10.00", 1).placed());
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["10.00 CAD, unpaid"]);
    app.shopify.evolve(placed.id, |order| order.cancelled(OrderCancelReason::Customer));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), Vec::<String>::new());
    assert_eq!(app.freshbooks.invoices().len(), 1, "voided, not erased: its number stays taken");
    app.end().await;
}

#[tokio::test]
async fn an_order_cancelled_before_it_was_seen_is_skipped_by_name() {
    let app = TestApp::start().await;
    app.shopify.place(build::order(1001).line("Mug", "10.00", 1).placed().cancelled(OrderCancelReason::Customer));
    app.pull().await;
    let row = app.order("#1001").await;
    assert_eq!((row.state, order::problem(&row).unwrap().code.as_str()), (State::Skipped, "CANCELLED_BEFORE_INVOICE"));
    assert!(app.freshbooks.invoices().is_empty());
    app.end().await;
}

#[tokio::test]
async fn two_orders_of_one_customer_make_one_client_even_at_the_same_moment() {
    let app = TestApp::start().await;
    let ada = build::customer(7, "Ada", "Example", "ada@example.com");
    for number in 1001..1009 {
        app.shopify.place(build::order(number).line("Mug", "12.00", 1).customer(ada.clone()).paid("shopify_payments"));
    }
    app.app.start_work().await.unwrap(); // eight workers at once, as in production
    ml_connector::pull::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    app.rest().await;
    assert_eq!(app.freshbooks.clients().len(), 1);
    app.app.stopped().await;
    app.end().await;
}
