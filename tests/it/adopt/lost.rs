//! Whatever answer is lost while a document is adopted: it is linked once, and the books end right.

use entity::synced_order::State;
use ml_connector::{
    auth::Actor,
    mapping::settings::{Refunds, Settings},
    order::{self, Target},
    sandbox::faults::{Failure, Moment},
};
use serde_json::{Value, json};

use super::{
    adopt, adoptions, client_by_hand, document, invoice_by_hand, message, name, payment_by_hand, refunded_by_hand,
    steps, transaction,
};
use crate::harness::{TestApp, World, mugs};

/// A document by hand that an order waits for, and what names it.
async fn by_hand(kind: &str) -> (TestApp, Value) {
    let refunds = if kind == "CREDIT_NOTE" { Refunds::Person } else { Refunds::Adjust };
    let settings = Settings { refunds, ..Settings::default() };
    let app = TestApp::in_world(World { settings, ..World::default() }).await;
    if kind == "CREDIT_NOTE" {
        let (order, note) = Box::pin(refunded_by_hand(&app)).await;
        let mut fields = document(kind, note);
        fields["shopifyRefundId"] = json!(app.shopify.order(order).unwrap().refunds[0].id.to_string());
        return (app, fields);
    }
    let client = client_by_hand(&app, 1001).await;
    let other = if kind == "CLIENT" { Some(client_by_hand(&app, 1001).await) } else { None };
    let invoice = match kind {
        "CLIENT" => None,
        _ => Some(invoice_by_hand(&app, client, "1001", json!({})).await),
    };
    let payment = match invoice {
        Some(invoice) if kind == "PAYMENT" => Some(payment_by_hand(&app, invoice, "32.77").await),
        _ => None,
    };
    let placed = app.shopify.place(mugs(1001));
    Box::pin(app.pull()).await;
    let Some(payment) = payment else { return (app, document(kind, invoice.or(other).unwrap())) };
    adopt(&app, "#1001", &document("INVOICE", invoice.unwrap())).await;
    assert_eq!(app.state("#1001").await, (State::Failed, "PAYMENT_EXCEEDS_OUTSTANDING".to_owned()));
    let mut fields = document(kind, payment);
    fields["shopifyTransactionId"] = json!(transaction(&app, placed.id).to_string());
    (app, fields)
}

/// One answer after the other is lost, before and after its effect.
async fn one_lost_answer(kind: &str, calls: u64) {
    for moment in [Moment::Before, Moment::After] {
        for skip in 0..calls {
            let (app, fields) = Box::pin(by_hand(kind)).await;
            app.freshbooks.faults.add(None, skip, 1, moment, Failure::Status(504));
            adopt(&app, "#1001", &fields).await;
            assert!(app.freshbooks.faults.is_empty(), "{kind}: there was no call {skip} to fail");
            let what = format!("{kind}, call {skip} {moment:?}: {:?}", app.states().await);
            assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{what}");
            assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"], "{what}");
            let (payments, clients) = (app.freshbooks.payments().len(), app.freshbooks.clients().len());
            assert_eq!((payments, clients), (1, if kind == "CLIENT" { 2 } else { 1 }), "{what}");
            let adopted = adoptions(&app, "#1001").await.into_iter().filter(|(_, outcome, _)| outcome == "adopted");
            assert_eq!(adopted.count(), if kind == "PAYMENT" { 2 } else { 1 }, "{what}");
            app.end().await;
        }
    }
}

#[tokio::test]
async fn one_lost_answer_while_an_invoice_is_adopted_changes_nothing_in_the_end() {
    one_lost_answer("INVOICE", 6).await;
}

#[tokio::test]
async fn one_lost_answer_while_a_payment_is_adopted_changes_nothing_in_the_end() {
    one_lost_answer("PAYMENT", 3).await;
}

#[tokio::test]
async fn one_lost_answer_while_a_client_is_adopted_changes_nothing_in_the_end() {
    one_lost_answer("CLIENT", 5).await;
}

#[tokio::test]
async fn one_lost_answer_while_a_credit_note_is_adopted_changes_nothing_in_the_end() {
    one_lost_answer("CREDIT_NOTE", 3).await;
}

#[tokio::test]
async fn a_document_that_cannot_be_read_for_a_long_time_stays_named() {
    let (app, fields) = by_hand("INVOICE").await;
    app.freshbooks.faults.add(Some("GetInvoice"), 0, 12, Moment::Before, Failure::Status(503));
    adopt(&app, "#1001", &fields).await;
    assert!(app.freshbooks.faults.is_empty());
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    assert_eq!(app.freshbooks.invoices().len(), 1);
    app.end().await;
}

#[tokio::test]
async fn our_own_invoice_whose_reply_was_lost_comes_before_one_that_a_person_names() {
    let retry_scale = rust_decimal::Decimal::ONE_THOUSAND; // a person is faster than the next try
    let app = TestApp::in_world(World { retry_scale, ..World::default() }).await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "B-77", json!({})).await;
    app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1, Moment::After, Failure::Drop);
    app.pull_once().await;
    let fields = document("INVOICE", invoice);
    let refused = name(&app, "#1001", &fields).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{refused}");
    assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("in a minute"), "{refused}");

    app.app.clock.advance(chrono::TimeDelta::minutes(1));
    adopt(&app, "#1001", &fields).await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "ADOPTION_REFUSED".to_owned()));
    let ours = app.freshbooks.invoices().into_iter().find(|invoice| invoice.number == "1001").unwrap().id;
    assert!(message(&app, "#1001").await.contains(&format!("{ours} was made by us")));
    let row = app.order("#1001").await;
    order::resync(&app.app, &Actor::system("test"), Target::Known(row.id)).await.unwrap();
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    let by_hand = app.freshbooks.invoices().into_iter().find(|found| found.id == invoice).unwrap();
    assert_eq!(by_hand.notes, "typed by hand");
    assert_eq!(adoptions(&app, "#1001").await, steps(&[("adopt_invoice", "named"), ("adopt_invoice", "refused")]));
    app.end().await;
}
