//! Documents that are not adopted: named by whom may not, named wrongly, or read and found not to fit.

use std::collections::BTreeMap;

use entity::{connection, resource_link, synced_order::State};
use ml_connector::{
    auth::{Actor, Principal, Role, Verifier},
    connection::New,
    mapping::settings::{Refunds, Settings},
    order::{self, Target},
    sandbox::shopify::{
        build::{self, customer},
        model::OrderCancelReason,
    },
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

use super::{
    ADOPT, adopt, adoptions, client_by_hand, credit_by_hand, document, invoice_by_hand, message, name, order_id,
    payment_by_hand, pending, refunded_by_hand, steps, transaction,
};
use crate::{
    harness::{TestApp, World, mugs},
    person::{ask_as, http},
};

/// The order waits with this reason, the document is no longer linked, and the trail says so.
async fn was_refused(app: &TestApp, kind: &str, why: &str) {
    assert_eq!(app.state("#1001").await, (State::Waiting, "ADOPTION_REFUSED".to_owned()), "{why}");
    let told = message(app, "#1001").await;
    assert!(told.contains(why) && told.contains("adoptDocument"), "{told}");
    assert!(pending(app).await.is_empty(), "{why}");
    let action = format!("adopt_{}", kind.to_lowercase());
    let last = adoptions(app, "#1001").await.pop();
    assert_eq!(last, steps(&[(&action, "refused")]).pop(), "{why}");
}

#[tokio::test]
async fn an_invoice_that_does_not_fit_is_given_back_untouched_and_the_order_says_why() {
    let line = |code: &str| json!([{"name": "Mugs", "qty": "1", "unit_cost": {"amount": "32.77", "code": code}}]);
    for (fields, delete, why) in [
        (json!({}), true, "it is deleted"),
        (
            json!({"currency_code": "USD", "lines": line("USD")}),
            false,
            "it is in USD, and the order's documents are in CAD",
        ),
        (json!({"notes": "Shopify order #7, id 77"}), false, "another order's"),
        (json!({"discount_value": "10"}), false, "a discount on the invoice as a whole"),
    ] {
        let app = TestApp::start().await;
        let client = client_by_hand(&app, 7).await;
        // It has the order's number: the order waits for a person.
        let invoice = invoice_by_hand(&app, client, "1001", fields).await;
        if delete {
            app.freshbooks.delete_invoice("1001").await.unwrap();
        }
        let before = app.freshbooks.invoices();
        app.shopify.place(mugs(1001));
        app.pull().await;
        adopt(&app, "#1001", &document("INVOICE", invoice)).await;
        was_refused(&app, "invoice", why).await;
        assert_eq!(app.freshbooks.invoices(), before, "{why}");
        app.database.remove().await;
    }
}

#[tokio::test]
async fn an_invoice_that_is_not_there_or_no_longer_wanted_is_given_back_and_the_order_goes_on_without_it() {
    let app = TestApp::start().await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    adopt(&app, "#1001", &document("INVOICE", invoice + 5_000)).await;
    was_refused(&app, "invoice", "FreshBooks has none of this id").await;
    app.freshbooks.edit_invoice("1001", json!({"invoice_number": "B-77"})).await.unwrap();
    let row = app.order("#1001").await;
    order::resync(&app.app, &Actor::system("test"), Target::Known(row.id)).await.unwrap();
    app.settle().await;
    assert_eq!((app.invoices_of("#1001"), app.freshbooks.invoices().len()), (vec!["32.77 CAD, paid".to_owned()], 2));
    app.end().await;

    let app = TestApp::start().await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    let before = app.freshbooks.invoices();
    app.shopify.place(build::order(1001).line("Mug", "29.00", 1).placed().cancelled(OrderCancelReason::Customer));
    app.pull().await;
    assert_eq!(app.state("#1001").await.0, State::Skipped);
    adopt(&app, "#1001", &document("INVOICE", invoice)).await;
    was_refused(&app, "invoice", "the order was cancelled before any money came").await;
    assert_eq!(app.freshbooks.invoices(), before, "nothing of a person's is deleted");
    app.database.remove().await;
}

#[tokio::test]
async fn a_payment_that_does_not_fit_is_given_back_untouched() {
    for (case, why) in [
        ("none", "FreshBooks has none of this id"),
        ("deleted", "it is deleted"),
        ("of another invoice", "it pays invoice "),
        ("of another transaction", "it says that it was made for something else in Shopify"),
        ("of nothing", "nothing of this transaction is to show on the invoice"),
    ] {
        let app = TestApp::start().await;
        let placed = app.shopify.place(build::order(1001).line("Mug", "20.00", 1).placed());
        app.pull().await;
        let (own, client) = (app.freshbooks.invoices()[0].id, app.freshbooks.invoices()[0].customer_id);
        // Stands in the way of ours.
        payment_by_hand(&app, own, "5.00").await;
        let other = invoice_by_hand(&app, client, "B-77", json!({})).await;
        let mut named = payment_by_hand(&app, if case == "of another invoice" { other } else { own }, "6.00").await;
        match case {
            "none" => named += 5_000,
            "deleted" => app.freshbooks.edit_payment(named, json!({"vis_state": 1})).await.unwrap(),
            "of another transaction" => {
                let note = "Shopify transaction 77 of order #7 (id 7), cash";
                app.freshbooks.edit_payment(named, json!({"note": note})).await.unwrap();
            }
            _ => {}
        }
        app.shopify.evolve(placed.id, |order| order.paid("shopify_payments"));
        if case == "of nothing" {
            app.shopify.evolve(placed.id, |order| order.refund_all());
        }
        app.pull().await;
        let before = app.freshbooks.payments();
        let mut fields = document("PAYMENT", named);
        fields["shopifyTransactionId"] = json!(transaction(&app, placed.id).to_string());
        adopt(&app, "#1001", &fields).await;
        was_refused(&app, "payment", why).await;
        assert_eq!(app.freshbooks.payments(), before, "{case}");
        app.database.remove().await;
    }
}

#[tokio::test]
async fn a_client_or_credit_note_that_does_not_fit_is_given_back_untouched() {
    for (case, why) in [("archived", "it is archived or deleted"), ("anothers", "another customer's")] {
        let app = TestApp::start().await;
        let named = client_by_hand(&app, 1001).await;
        for _ in 0..2 {
            client_by_hand(&app, 1001).await;
        }
        let change = if case == "archived" { json!({"vis_state": 2}) } else { json!({"note": "Shopify customer 77"}) };
        app.freshbooks.edit_client(named, change).await.unwrap();
        let before = app.freshbooks.clients();
        app.shopify.place(mugs(1001));
        app.pull().await;
        adopt(&app, "#1001", &document("CLIENT", named)).await;
        was_refused(&app, "client", why).await;
        assert_eq!((app.freshbooks.clients(), app.freshbooks.invoices().len()), (before, 0), "{case}");
        app.database.remove().await;
    }
    let settings = Settings { refunds: Refunds::Person, ..Settings::default() };
    let app = TestApp::in_world(World { settings, ..World::default() }).await;
    let (order, _) = refunded_by_hand(&app).await;
    let stranger = client_by_hand(&app, 7).await;
    let theirs = credit_by_hand(&app, stranger, json!({})).await;
    let own = app.freshbooks.invoices()[0].customer_id;
    let prepaid = credit_by_hand(&app, own, json!({"credit_type": "prepayment"})).await;
    let anothers = credit_by_hand(&app, own, json!({"notes": "Shopify refund 77 of order #7 (id 7)"})).await;
    let before = app.freshbooks.credit_notes();
    for (note, why) in [
        (theirs, format!("it is client {stranger}'s")),
        (prepaid, "it is a credit of the type \"prepayment\"".to_owned()),
        (anothers, "it says that it was made for something else in Shopify".to_owned()),
        (anothers + 5_000, "FreshBooks has none of this id".to_owned()),
    ] {
        let mut fields = document("CREDIT_NOTE", note);
        fields["shopifyRefundId"] = json!(app.shopify.order(order).unwrap().refunds[0].id.to_string());
        adopt(&app, "#1001", &fields).await;
        was_refused(&app, "credit_note", &why).await;
        assert_eq!(app.freshbooks.credit_notes(), before, "{why}");
    }
    app.database.remove().await;
}

#[tokio::test]
async fn an_input_that_cannot_be_meant_names_its_field_and_changes_nothing() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(mugs(1001));
    let refunded = app.shopify.place(mugs(1002));
    app.shopify.evolve(refunded.id, |order| order.refund_units(0, 1));
    app.pull().await;
    let invoices: BTreeMap<String, u64> =
        app.freshbooks.invoices().into_iter().map(|invoice| (invoice.number, invoice.id)).collect();
    let payment = transaction(&app, placed.id).to_string();
    let refund = app.shopify.order(refunded.id).unwrap().refunds[0].id.to_string();
    let long = "x".repeat(501);
    let rows = resource_link::Entity::find().all(app.app.db.read()).await.unwrap();
    for (order, fields, field, code) in [
        ("#1001", json!({"kind": "INVOICE", "freshbooksId": "0"}), "freshbooksId", "INVALID"),
        ("#1001", json!({"kind": "INVOICE", "freshbooksId": "-7"}), "freshbooksId", "INVALID"),
        ("#1001", json!({"kind": "INVOICE", "freshbooksId": "INV-7"}), "freshbooksId", "INVALID"),
        ("#1001", json!({"kind": "INVOICE", "freshbooksId": "7", "note": long}), "note", "INVALID"),
        ("#1001", json!({"kind": "INVOICE", "freshbooksId": "7"}), "freshbooksId", "TAKEN"),
        ("#1002", json!({"kind": "INVOICE", "freshbooksId": invoices["1001"].to_string()}), "freshbooksId", "TAKEN"),
        ("#1001", json!({"kind": "CLIENT", "freshbooksId": "7"}), "freshbooksId", "TAKEN"),
        ("#1001", json!({"kind": "PAYMENT", "freshbooksId": "7"}), "shopifyTransactionId", "REQUIRED"),
        (
            "#1001",
            json!({"kind": "PAYMENT", "freshbooksId": "7", "shopifyTransactionId": "x"}),
            "shopifyTransactionId",
            "INVALID",
        ),
        (
            "#1001",
            json!({"kind": "PAYMENT", "freshbooksId": "7", "shopifyTransactionId": "77"}),
            "shopifyTransactionId",
            "NOT_FOUND",
        ),
        (
            "#1002",
            json!({"kind": "PAYMENT", "freshbooksId": "7", "shopifyTransactionId": payment}),
            "shopifyTransactionId",
            "NOT_FOUND",
        ),
        (
            "#1001",
            json!({"kind": "PAYMENT", "freshbooksId": "7", "shopifyTransactionId": payment}),
            "freshbooksId",
            "TAKEN",
        ),
        ("#1001", json!({"kind": "CREDIT_NOTE", "freshbooksId": "7"}), "shopifyRefundId", "REQUIRED"),
        (
            "#1001",
            json!({"kind": "CREDIT_NOTE", "freshbooksId": "7", "shopifyRefundId": refund}),
            "shopifyRefundId",
            "NOT_FOUND",
        ),
        (
            "#1002",
            json!({"kind": "CREDIT_NOTE", "freshbooksId": "7", "shopifyRefundId": refund}),
            "shopifyRefundId",
            "TAKEN",
        ),
        (
            "#1001",
            json!({"kind": "INVOICE", "freshbooksId": "7", "shopifyTransactionId": payment}),
            "shopifyTransactionId",
            "INVALID",
        ),
        (
            "#1001",
            json!({"kind": "PAYMENT", "freshbooksId": "7", "shopifyRefundId": "7"}),
            "shopifyRefundId",
            "INVALID",
        ),
    ] {
        let payload = name(&app, order, &fields).await;
        let error = &payload["userErrors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!(["input", field]), &json!(code)), "{fields}: {payload}");
        assert!(payload["order"].is_null(), "{fields}");
    }
    assert_eq!(resource_link::Entity::find().all(app.app.db.read()).await.unwrap(), rows);
    assert!(adoptions(&app, "#1001").await.is_empty() && adoptions(&app, "#1002").await.is_empty());
    app.end().await;
}

#[tokio::test]
async fn a_document_of_another_connection_of_the_account_is_not_adopted() {
    let app = TestApp::start().await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    let settings = Settings { invoice_number: "B-{number}".to_owned(), ..Settings::default() };
    let new = New { name: "Other".to_owned(), shop_domain: "other.myshopify.com".to_owned(), settings };
    let other = ml_connector::connection::create(&app.app, &Actor::system("test"), new).await.unwrap();
    let account = app.connection().await.account_id;
    connection::Entity::update_many()
        .filter(connection::Column::Id.eq(other.id))
        .col_expr(connection::Column::AccountId, Expr::value(account))
        .exec(app.app.db.write())
        .await
        .unwrap();
    let theirs = resource_link::ActiveModel {
        connection_id: Set(other.id),
        kind: Set(resource_link::Kind::Invoice),
        shopify_id: Set("9".to_owned()),
        state: Set(resource_link::State::Confirmed),
        freshbooks_id: Set(Some(i64::try_from(invoice).unwrap())),
        created_at: Set(app.app.clock.now()),
        updated_at: Set(app.app.clock.now()),
        ..Default::default()
    };
    resource_link::Entity::insert(theirs).exec(app.app.db.write()).await.unwrap();
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.state("#1001").await.1, "INVOICE_NUMBER_TAKEN", "it is not offered either");
    let payload = name(&app, "#1001", &document("INVOICE", invoice)).await;
    assert_eq!(payload["userErrors"][0]["code"], "TAKEN", "{payload}");
    assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains("another connection"), "{payload}");
    app.database.remove().await;
}

#[tokio::test]
async fn two_orders_never_adopt_one_invoice() {
    let app = TestApp::start().await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    for number in [1001, 1002] {
        let sold = build::order(number).line("Mug", "32.77", 1);
        app.shopify.place(sold.customer(customer(7, "Ada", "Example", "buyer1001@example.com")).paid("manual"));
    }
    invoice_by_hand(&app, client, "1002", json!({})).await;
    app.pull().await;
    let fields = document("INVOICE", invoice);
    let (one, other) = tokio::join!(Box::pin(name(&app, "#1001", &fields)), Box::pin(name(&app, "#1002", &fields)));
    let refused: Vec<&Value> = [&one, &other].into_iter().filter(|payload| payload["order"].is_null()).collect();
    assert_eq!(refused.len(), 1, "{one} {other}");
    assert_eq!(refused[0]["userErrors"][0]["code"], "TAKEN");
    app.settle().await;
    let links = resource_link::Entity::find().filter(resource_link::Column::FreshbooksId.eq(invoice));
    assert_eq!(links.all(app.app.db.read()).await.unwrap().len(), 1);
    app.database.remove().await;
}

#[tokio::test]
async fn whoever_only_reads_or_has_another_connection_names_nothing() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    let input = json!({"input": {"orderId": order_id(&app, "#1001").await, "kind": "INVOICE", "freshbooksId": "7"}});
    let answer = ask_as(&app, Role::Viewer, ADOPT, input.clone()).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    let verifier = Verifier::from_config(&app.app.config).unwrap();
    let elsewhere = Some(vec!["Q29ubmVjdGlvbjo5OQ".to_owned()].into_iter().collect());
    let somebody = Principal { subject: "eve".to_owned(), role: Role::Support, connections: elsewhere };
    let token = verifier.issue(&somebody, chrono::TimeDelta::hours(1), app.app.clock.now()).unwrap();
    let address = format!("{}graphql", app.app.config.public_url);
    let request = http().post(address).bearer_auth(token).json(&json!({"query": ADOPT, "variables": input}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    let nobody = json!({"input": {"orderId": "U3luY2VkT3JkZXI6OTk", "kind": "INVOICE", "freshbooksId": "7"}});
    let answer = ask_as(&app, Role::Support, ADOPT, nobody).await;
    assert_eq!(answer["data"]["adoptDocument"]["userErrors"][0]["code"], "NOT_FOUND", "{answer}");
    assert!(adoptions(&app, "#1001").await.is_empty());
    app.end().await;
}
