//! However FreshBooks adds up, invoices end at what the orders are owed.

use entity::synced_order::State;
use ml_connector::{
    auth::Actor,
    mapping::{
        Rules,
        rounding::Rule,
        settings::{Refunds, Settings},
    },
    order::{self, Target},
    sandbox::{
        freshbooks::{self, ErrorStyle, Rounding},
        shopify::{Options, build, sample_store},
    },
};

use crate::harness::{TestApp, World};

/// A store of every kind under one way of adding up; nothing may fail.
async fn store(rounding: Rounding, refunds: Refunds) -> TestApp {
    let freshbooks = freshbooks::Options { rounding, error_style: ErrorStyle::New, ..Default::default() };
    let shopify = Options { orders: sample_store(110), restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let settings = Settings { refunds, ..Settings::default() };
    let app = TestApp::in_world(World { freshbooks, shopify, settings, ..World::default() }).await;
    app.pull().await;
    let failed: Vec<_> = app.states().await.into_iter().filter(|(_, (state, _))| *state == State::Failed).collect();
    assert!(failed.is_empty(), "{rounding:?}: {failed:#?}");
    app
}

#[tokio::test]
async fn each_way_of_rounding_ends_to_the_cent_and_is_learnt() {
    for (rounding, rule) in [
        (Rounding::LineHalfUp, Rule::LineHalfUp),
        (Rounding::LineHalfEven, Rule::LineHalfEven),
        (Rounding::InvoiceHalfUp, Rule::InvoiceHalfUp),
        (Rounding::InvoiceHalfEven, Rule::InvoiceHalfEven),
    ] {
        let app = store(rounding, Refunds::Adjust).await;
        let learnt = Rules::from_bits(app.connection().await.rounding_rules);
        assert_eq!(learnt.preferred(), rule, "{rounding:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn credit_notes_too_end_to_the_cent_whatever_the_rounding() {
    for rounding in [Rounding::LineHalfEven, Rounding::InvoiceHalfUp] {
        store(rounding, Refunds::CreditNote).await.end().await;
    }
}

#[tokio::test]
async fn an_answer_that_no_rule_explains_is_corrected_with_one_more_write() {
    // Both taxes of a line rounded as one: 5 % and 9.975 % of 10.10 are 0.505 and 1.007475, 1.52 apart and 1.51 together.
    let freshbooks = freshbooks::Options { rounding: Rounding::TaxesTogether, ..Default::default() };
    let app = TestApp::in_world(World { freshbooks, ..World::default() }).await;
    let sold = build::order(1001).line("Lamp", "10.10", 1).tax("GST", "0.05").tax("QST", "0.09975");
    app.shopify.place(sold.paid("shopify_payments"));
    app.pull().await;
    let row = app.order("#1001").await;
    assert_eq!((row.state, row.proof_returned_minor), (State::Synced, row.proof_shopify_minor));
    let actions: Vec<_> = app.trail("#1001").await.into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["create_client", "create_invoice", "update_invoice", "create_payment"]);
    let invoice = &app.freshbooks.invoices()[0];
    let last = invoice.lines.last().unwrap();
    assert_eq!((last.name.as_str(), last.taxes.len()), ("Rounding", 0));
    // It stays so, and costs nothing more.
    let calls = app.freshbooks.faults.total();
    app.pull().await;
    assert_eq!(app.freshbooks.faults.total(), calls);
    app.end().await;
}

#[tokio::test]
async fn the_whole_store_ends_to_the_cent_where_no_rule_explains_the_answers() {
    store(Rounding::TaxesTogether, Refunds::Adjust).await.end().await;
}

#[tokio::test]
async fn where_no_rounding_line_is_allowed_taxes_become_lines_or_the_order_fails_with_both_figures() {
    let freshbooks = freshbooks::Options { rounding: Rounding::TaxesTogether, ..Default::default() };
    let settings = Settings { rounding_cap: Some(0), ..Settings::default() };
    let app = TestApp::in_world(World { freshbooks, settings, ..World::default() }).await;
    let sold = build::order(1001).line("Lamp", "10.10", 1).tax("GST", "0.05").tax("QST", "0.09975");
    app.shopify.place(sold.paid("shopify_payments"));
    app.pull().await;
    assert_eq!(app.order("#1001").await.state, State::Synced, "{:?}", app.states().await);
    let names: Vec<_> = app.freshbooks.invoices()[0].lines.iter().map(|line| line.name.clone()).collect();
    assert_eq!(names, ["Lamp", "Tax: GST 5%", "Tax: QST 9.975%"]);
    app.end().await;
}

#[tokio::test]
async fn a_total_that_cannot_be_made_right_is_told_with_both_figures_and_never_called_synced() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(build::order(1001).line("Mug", "20.00", 1).tax("HST", "0.13").placed());
    app.pull().await;
    // A tenth off the whole invoice, given by hand: FreshBooks takes it off whatever we write.
    app.freshbooks.edit_invoice("1001", serde_json::json!({"discount_value": "10"})).await.unwrap();
    app.shopify.evolve(placed.id, |order| order.edit_adds("Spoon", "3.00", 1));
    app.pull().await;
    let row = app.order("#1001").await;
    assert_eq!(app.state("#1001").await, (State::Failed, "NOT_TO_THE_CENT".to_owned()));
    assert_eq!(row.proof_shopify_minor, Some(2599));
    assert_ne!(row.proof_returned_minor, row.proof_shopify_minor);
    let problem = order::problem(&row).unwrap();
    assert!(problem.message.contains("25.99"), "{}", problem.message);
    app.freshbooks.edit_invoice("1001", serde_json::json!({"discount_value": "0"})).await.unwrap();
    let target = Target::Known(row.id);
    order::resync(&app.app, &Actor::system("test"), target).await.unwrap();
    app.settle().await;
    assert_eq!(app.order("#1001").await.state, State::Synced, "mended by hand: {:?}", app.states().await);
    app.end().await;
}
