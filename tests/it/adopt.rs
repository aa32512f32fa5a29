//! Documents that are in FreshBooks already: offered where they may be an order's, and adopted where a person says so.

mod again;
mod lost;
mod refused;

use entity::{resource_link, synced_order::State};
use ml_connector::{
    auth::Role,
    mapping::settings::{Refunds, Settings},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::{
    harness::{TestApp, World, mugs},
    person::{ask, ask_as, global},
};

const ADOPT: &str = "mutation ($input: AdoptDocumentInput!) { adoptDocument(input: $input) {
    order { name state } userErrors { field message code } } }";

/// The order's global id.
async fn order_id(app: &TestApp, name: &str) -> Value {
    let query = "query ($connection: ID!, $name: String!) { order(connectionId: $connection, name: $name) { id } }";
    ask(app, query, json!({"connection": global(app), "name": name})).await["order"]["id"].clone()
}

/// What ada of the support is answered; `fields` are those of the input beside the order.
async fn name(app: &TestApp, order: &str, fields: &Value) -> Value {
    let mut input = fields.clone();
    input["orderId"] = order_id(app, order).await;
    // Boxed: what a test awaits lies on its stack, once for every await.
    let answer = Box::pin(ask_as(app, Role::Support, ADOPT, json!({"input": input}))).await;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"]["adoptDocument"].clone()
}

/// The same, taken, and all that follows from it.
async fn adopt(app: &TestApp, order: &str, fields: &Value) {
    let payload = name(app, order, fields).await;
    assert_eq!(payload, json!({"order": {"name": order, "state": "DUE"}, "userErrors": []}));
    Box::pin(app.settle()).await;
}

fn document(kind: &str, id: u64) -> Value {
    json!({"kind": kind, "freshbooksId": id.to_string()})
}

/// A client by hand with the address of the one who placed this order.
async fn client_by_hand(app: &TestApp, number: i32) -> u64 {
    let fields = json!({"fname": "A.", "email": format!("buyer{number}@example.com")});
    app.freshbooks.add_client(fields).await.unwrap()
}

/// An invoice by hand over what two mugs and their shipping come to, but for `fields`.
async fn invoice_by_hand(app: &TestApp, client: u64, number: &str, fields: Value) -> u64 {
    let line = json!({"name": "As agreed", "qty": "1", "unit_cost": {"amount": "32.77", "code": "CAD"}});
    let mut invoice = json!({"customerid": client, "create_date": "2026-10-01", "invoice_number": number,
        "currency_code": "CAD", "notes": "typed by hand", "lines": [line]});
    let (invoice_fields, Value::Object(fields)) = (invoice.as_object_mut().unwrap(), fields) else { panic!() };
    invoice_fields.extend(fields);
    app.freshbooks.add_invoice(invoice).await.unwrap()
}

async fn payment_by_hand(app: &TestApp, invoice: u64, amount: &str) -> u64 {
    let fields = json!({"invoiceid": invoice, "amount": {"amount": amount, "code": "CAD"}, "date": "2026-10-03",
        "type": "Cash", "note": "over the counter"});
    app.freshbooks.add_payment(fields).await.unwrap()
}

/// Shopify's number of the order's first transaction.
fn transaction(app: &TestApp, order: u64) -> u64 {
    app.shopify.order(order).unwrap().transactions[0].id
}

/// Outcome and actor of what the trail says about adoptions, oldest first.
async fn adoptions(app: &TestApp, order: &str) -> Vec<(String, String, String)> {
    let entries = app.trail(order).await.into_iter().filter(|entry| entry.action.starts_with("adopt_"));
    entries.map(|entry| (entry.action, entry.outcome, entry.actor)).collect()
}

fn steps(steps: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let by_ada =
        |(action, outcome): &(&str, &str)| ((*action).to_owned(), (*outcome).to_owned(), "user:ada".to_owned());
    steps.iter().map(by_ada).collect()
}

/// Links that name a document of FreshBooks' and are not sure of it.
async fn pending(app: &TestApp) -> Vec<resource_link::Model> {
    let pending = resource_link::Entity::find().filter(resource_link::Column::State.eq(resource_link::State::Adopting));
    pending.all(app.app.db.read()).await.unwrap()
}

async fn message(app: &TestApp, order: &str) -> String {
    let problem = ml_connector::order::problem(&app.order(order).await).unwrap();
    format!("{} {}", problem.message, problem.hint)
}

#[tokio::test]
async fn an_invoice_with_the_same_client_and_total_is_offered_and_adopted() {
    let app = TestApp::start().await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "ADOPTION_OFFERED".to_owned()));
    let told = message(&app, "#1001").await;
    for part in [&format!("{invoice} with 32.77 CAD"), "invoice 1001", "adoptDocument"] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(app.freshbooks.invoices()[0].notes, "typed by hand", "nothing is touched before somebody says so");

    adopt(&app, "#1001", &document("INVOICE", invoice)).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    let invoices = app.freshbooks.invoices();
    assert_eq!((invoices.len(), invoices[0].id, invoices[0].customer_id), (1, invoice, client));
    assert!(invoices[0].notes.starts_with("Shopify order #1001, id "), "{}", invoices[0].notes);
    assert_eq!(invoices[0].create_date.to_string(), "2026-10-01", "what is dated keeps its date");
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    let expected = steps(&[("adopt_invoice", "named"), ("adopt_invoice", "adopted")]);
    assert_eq!(adoptions(&app, "#1001").await, expected);
    let query = "query ($connection: ID!) { order(connectionId: $connection, name: \"#1001\") {
        invoice { freshbooksId number state } auditEntries(first: 50) { nodes { action outcome shopifyResource freshbooksResource
            fieldMappings { shopifyField freshbooksField before after } } } } }";
    let order = ask(&app, query, json!({"connection": global(&app)})).await["order"].clone();
    let shown = json!({"freshbooksId": invoice.to_string(), "number": "1001", "state": "CONFIRMED"});
    assert_eq!(order["invoice"], shown);
    let nodes = order["auditEntries"]["nodes"].as_array().unwrap();
    let of = |outcome: &str| {
        nodes.iter().find(|node| node["action"] == "adopt_invoice" && node["outcome"] == outcome).unwrap().clone()
    };
    let mapping =
        json!([{"shopifyField": "id", "freshbooksField": "id", "before": null, "after": invoice.to_string()}]);
    assert_eq!(of("named")["fieldMappings"], mapping);
    assert_eq!(of("named")["freshbooksResource"], format!("invoice/{invoice}"));
    let was = of("adopted")["fieldMappings"].as_array().unwrap().clone();
    let notes = was.iter().find(|mapping| mapping["freshbooksField"] == "notes").unwrap();
    assert_eq!(notes["before"], "typed by hand", "what a person wrote is in the trail");

    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["19.21 CAD, paid"], "it is kept right like any other");
    app.end().await;
}

#[tokio::test]
async fn an_invoice_is_offered_only_with_the_same_money_of_the_same_client() {
    let dearer = json!({"lines": [{"name": "Mugs", "qty": "1", "unit_cost": {"amount": "32.78", "code": "CAD"}}]});
    let in_dollars = json!({"currency_code": "USD",
        "lines": [{"name": "Mugs", "qty": "1", "unit_cost": {"amount": "32.77", "code": "USD"}}]});
    let anothers = json!({"notes": "Shopify order #1001, id 12"});
    for (fields, own_client, code) in [
        (json!({}), true, "ADOPTION_OFFERED"),
        (json!({}), false, "INVOICE_NUMBER_TAKEN"),
        (dearer, true, "INVOICE_NUMBER_TAKEN"),
        (in_dollars, true, "INVOICE_NUMBER_TAKEN"),
        (anothers, true, "INVOICE_NUMBER_TAKEN"),
    ] {
        let app = TestApp::start().await;
        let client = client_by_hand(&app, if own_client { 1001 } else { 7 }).await;
        let invoice = invoice_by_hand(&app, client, "1001", fields.clone()).await;
        app.shopify.place(mugs(1001));
        app.pull().await;
        assert_eq!(app.state("#1001").await.1, code, "{fields} {own_client}");
        assert!(message(&app, "#1001").await.contains(&invoice.to_string()), "the invoice is named");
        assert_eq!(app.freshbooks.invoices().len(), 1);
        app.database.remove().await;
    }
}

#[tokio::test]
async fn an_invoice_of_another_client_with_the_address_is_offered_and_brings_its_client() {
    let settings =
        Settings { matching: ml_connector::mapping::settings::Matching::AlwaysCreate, ..Settings::default() };
    let app = TestApp::in_world(World { settings, ..World::default() }).await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "ADOPTION_OFFERED".to_owned()));
    adopt(&app, "#1001", &document("INVOICE", invoice)).await;
    app.shopify.evolve(placed.id, |order| order.edit_adds("Spoon", "3.00", 1).paid("manual"));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    assert_eq!(app.freshbooks.invoices()[0].customer_id, client, "once invoiced an order stays with its client");
    app.end().await;
}

#[tokio::test]
async fn an_invoice_of_any_number_is_adopted_before_the_order_is_first_looked_at_and_no_client_is_made() {
    let app = TestApp::start().await;
    let client = app.freshbooks.add_client(json!({"organization": "Example Ltd"})).await.unwrap();
    let fields = json!({"lines": [{"name": "Mugs", "qty": "3", "unit_cost": {"amount": "9.00", "code": "CAD"}}]});
    let invoice = invoice_by_hand(&app, client, "B-77", fields).await;
    app.shopify.place(mugs(1001));
    app.freshbooks.faults.add(
        None,
        0,
        40,
        ml_connector::sandbox::faults::Moment::Before,
        ml_connector::sandbox::faults::Failure::Throttle(Some(30)),
    );
    app.pull_once().await;
    app.freshbooks.faults.clear();
    adopt(&app, "#1001", &document("INVOICE", invoice)).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    let invoices = app.freshbooks.invoices();
    assert_eq!((invoices.len(), invoices[0].number.as_str()), (1, "B-77"), "what is numbered keeps its number");
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"], "its lines are the order's now");
    assert_eq!(app.freshbooks.clients().len(), 1);
    app.end().await;
}

#[tokio::test]
async fn a_payment_by_hand_is_adopted_for_its_transaction_and_nothing_is_paid_twice() {
    let app = TestApp::start().await;
    let placed = app.shopify.place(ml_connector::sandbox::shopify::build::order(1001).line("Mug", "20.00", 1).placed());
    app.pull().await;
    let invoice = app.freshbooks.invoices()[0].id;
    let payment = payment_by_hand(&app, invoice, "20.00").await;
    app.shopify.evolve(placed.id, |order| order.paid("shopify_payments"));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Failed, "PAYMENT_EXCEEDS_OUTSTANDING".to_owned()));
    let transaction = transaction(&app, placed.id).to_string();
    let told = message(&app, "#1001").await;
    assert!(told.contains(&transaction) && told.contains("adoptDocument"), "{told}");

    let mut fields = document("PAYMENT", payment);
    fields["shopifyTransactionId"] = json!(format!("gid://shopify/OrderTransaction/{transaction}"));
    fields["note"] = json!("As the customer says.");
    adopt(&app, "#1001", &fields).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    let payments = app.freshbooks.payments();
    assert_eq!((payments.len(), payments[0].id, payments[0].kind.as_str()), (1, payment, "Credit Card"));
    assert!(payments[0].note.starts_with(&format!("Shopify transaction {transaction} ")), "{}", payments[0].note);
    assert_eq!(payments[0].date.to_string(), "2026-10-03");
    let expected = steps(&[("adopt_payment", "named"), ("adopt_payment", "adopted")]);
    assert_eq!(adoptions(&app, "#1001").await, expected);
    let named = app.trail("#1001").await.into_iter().find(|entry| entry.outcome == "named").unwrap();
    assert!(named.message.ends_with(" As the customer says."), "{}", named.message);
    app.shopify.evolve(placed.id, |order| order.refund_all());
    app.pull().await;
    let left = app.freshbooks.payments().into_iter().filter(|payment| payment.vis_state != 1).count();
    assert_eq!((app.invoices_of("#1001"), left), (vec!["0.00 CAD, unpaid".to_owned()], 0), "it is ours to remove");
    app.end().await;
}

#[tokio::test]
async fn an_invoice_and_its_payment_are_named_together_and_read_one_after_the_other() {
    let app = TestApp::start().await;
    let client = client_by_hand(&app, 1001).await;
    let invoice = invoice_by_hand(&app, client, "1001", json!({})).await;
    let payment = payment_by_hand(&app, invoice, "32.77").await;
    let placed = app.shopify.place(mugs(1001));
    app.pull().await;
    let mut fields = document("PAYMENT", payment);
    fields["shopifyTransactionId"] = json!(transaction(&app, placed.id).to_string());
    for fields in [fields, document("INVOICE", invoice)] {
        assert_eq!(name(&app, "#1001", &fields).await["userErrors"], json!([]));
    }
    app.settle().await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    assert_eq!((app.freshbooks.payments().len(), app.invoices_of("#1001")), (1, vec!["32.77 CAD, paid".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn one_of_several_clients_is_adopted_and_keeps_what_a_person_filled_in() {
    let app = TestApp::start().await;
    let first = client_by_hand(&app, 1001).await;
    let second = client_by_hand(&app, 1001).await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "AMBIGUOUS_CLIENT".to_owned()));
    let told = message(&app, "#1001").await;
    for part in [&first.to_string(), &second.to_string(), "adoptDocument"] {
        assert!(told.contains(part), "{told}");
    }
    adopt(&app, "#1001", &document("CLIENT", second)).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    let client = app.freshbooks.clients().into_iter().find(|client| client.id == second).unwrap();
    assert_eq!((client.fname.as_str(), client.lname.as_str()), ("A.", "Example"), "only the blank one is filled");
    assert_eq!((app.freshbooks.invoices()[0].customer_id, app.freshbooks.clients().len()), (second, 2));
    let expected = steps(&[("adopt_client", "named"), ("adopt_client", "adopted")]);
    assert_eq!(adoptions(&app, "#1001").await, expected);
    app.end().await;
}

#[tokio::test]
async fn a_credit_note_by_hand_is_adopted_for_its_refund() {
    let settings = Settings { refunds: Refunds::Person, ..Settings::default() };
    let app = TestApp::in_world(World { settings, ..World::default() }).await;
    let (order, note) = refunded_by_hand(&app).await;
    let mut fields = document("CREDIT_NOTE", note);
    fields["shopifyRefundId"] = json!(app.shopify.order(order).unwrap().refunds[0].id.to_string());
    adopt(&app, "#1001", &fields).await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()), "{:?}", app.states().await);
    assert_eq!(app.credits(), ["13.56 CAD on 2026-10-09"]);
    let notes = app.freshbooks.credit_notes();
    assert!(notes.len() == 1 && notes[0].notes.starts_with("Shopify refund "), "{notes:?}");
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    let expected = steps(&[("adopt_credit_note", "named"), ("adopt_credit_note", "adopted")]);
    assert_eq!(adoptions(&app, "#1001").await, expected);
    app.end().await;
}

/// An order one of whose mugs was refunded, which a person has recorded by hand. Returns the order and the credit note.
async fn refunded_by_hand(app: &TestApp) -> (u64, u64) {
    let placed = app.shopify.place(mugs(1001));
    app.shopify.evolve(placed.id, |order| order.refund_units(0, 1));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "REFUND_LEFT_TO_PERSON".to_owned()));
    let note = credit_by_hand(app, app.freshbooks.invoices()[0].customer_id, json!({})).await;
    (placed.id, note)
}

async fn credit_by_hand(app: &TestApp, client: u64, fields: Value) -> u64 {
    let line = json!({"name": "A mug", "qty": "1", "unit_cost": {"amount": "13.00", "code": "CAD"}});
    let mut note = json!({"clientid": client, "create_date": "2026-10-09", "currency_code": "CAD", "credit_type": "goodwill",
        "notes": "typed by hand", "lines": [line]});
    let (note_fields, Value::Object(fields)) = (note.as_object_mut().unwrap(), fields) else { panic!() };
    note_fields.extend(fields);
    app.freshbooks.add_credit_note(note).await.unwrap()
}
