//! Who is invoiced: found, made, followed, and left as a person has it.

use entity::synced_order::State;
use ml_connector::{
    audit,
    mapping::settings::{Change, Matching, Settings, To},
    sandbox::{
        freshbooks::{ClientView, HiddenClients, Options as Books},
        shopify::{
            build::{self, Draft},
            model::{Address, CountryCode, Customer},
        },
    },
};
use serde_json::json;

use crate::harness::{TestApp, World};

async fn with(matching: Matching) -> TestApp {
    let settings = Settings { matching, ..Settings::default() };
    TestApp::in_world(World { settings, ..World::default() }).await
}

fn ada() -> Customer {
    build::customer(7, "Ada", "Example", "ada@example.com")
}

fn sold(number: i32) -> Draft {
    build::order(number).line("Mug", "12.00", 1)
}

/// The client that an order's invoice belongs to.
fn client_of(app: &TestApp, name: &str) -> ClientView {
    let invoice = app.freshbooks.invoices().into_iter().find(|invoice| invoice.po_number == name).unwrap();
    app.freshbooks.clients().into_iter().find(|client| client.id == invoice.customer_id).unwrap()
}

#[tokio::test]
async fn a_client_that_a_person_made_is_taken_where_the_address_is_known_to_be_the_customers() {
    let table = [
        (Matching::VerifiedEmail, ada(), 1),
        (Matching::VerifiedEmail, ada().unverified(), 2),
        (Matching::AlwaysCreate, ada(), 2),
        (Matching::GenericClient, ada(), 2),
    ];
    for (matching, customer, clients) in table {
        let app = with(matching).await;
        let by_hand = json!({"fname": "Ada", "email": "Ada@Example.com", "bus_phone": "+1 555 0100"});
        let made = app.freshbooks.add_client(by_hand).await.unwrap();
        app.shopify.place(sold(1001).customer(customer).paid("manual"));
        app.pull().await;
        assert_eq!(app.freshbooks.clients().len(), clients, "{matching:?}");
        assert_eq!(client_of(&app, "#1001").id == made, clients == 1, "{matching:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn what_a_person_filled_in_stays_blanks_are_filled_and_news_are_followed() {
    let app = with(Matching::VerifiedEmail).await;
    let by_hand = json!({"fname": "A.", "email": "ada@example.com", "bus_phone": "+1 555 0100"});
    let made = app.freshbooks.add_client(by_hand).await.unwrap();
    let home = |city: &str| build::address("Ada", "Example", city, "ON", "M5V 2T6", CountryCode::Ca);
    let mut customer = ada();
    customer.phone = Some("+14165550199".to_owned());
    app.shopify.place(sold(1001).customer(customer.clone()).bill_to(home("Toronto")).paid("manual"));
    app.pull().await;
    let client = client_of(&app, "#1001");
    assert_eq!(client.id, made);
    assert_eq!((client.fname.as_str(), client.lname.as_str()), ("A.", "Example"), "the blank one is filled");
    assert_eq!((client.phone.as_str(), client.address[2].as_str()), ("+1 555 0100", "Toronto"));
    // A later order moves house and says nothing of a telephone; a person has changed the name meanwhile.
    app.freshbooks.edit_client(made, json!({"lname": "Byron"})).await.unwrap();
    customer.phone = None;
    let later = sold(1002).at("2026-10-20T12:00:00Z").customer(customer).bill_to(home("Ottawa"));
    app.shopify.place(later.paid("manual"));
    app.pull().await;
    let client = client_of(&app, "#1002");
    assert_eq!((client.lname.as_str(), client.phone.as_str()), ("Byron", "+1 555 0100"));
    assert_eq!(client.address[2], "Ottawa");
    app.end().await;
}

#[tokio::test]
async fn two_clients_of_one_address_are_a_persons_decision() {
    let app = with(Matching::VerifiedEmail).await;
    let twin = json!({"fname": "Ada", "email": "ada@example.com"});
    let first = app.freshbooks.add_client(twin.clone()).await.unwrap();
    let second = app.freshbooks.add_client(twin).await.unwrap();
    let placed = app.shopify.place(sold(1001).customer(ada()).paid("manual"));
    app.pull().await;
    assert_eq!(app.state("#1001").await, (State::Waiting, "AMBIGUOUS_CLIENT".to_owned()));
    assert!(app.freshbooks.invoices().is_empty());
    app.freshbooks.archive_client(first).await.unwrap();
    app.shopify.evolve(placed.id, |order| order.fulfilled());
    app.pull().await;
    assert_eq!(client_of(&app, "#1001").id, second);
    app.end().await;
}

#[tokio::test]
async fn guests_share_the_client_of_their_address_and_change_nothing_of_it() {
    let app = with(Matching::VerifiedEmail).await;
    app.shopify.place(sold(1001).customer(ada()).paid("manual"));
    app.pull().await;
    let before = client_of(&app, "#1001");
    let stranger = build::address("Mallory", "Stranger", "Elsewhere", "QC", "H2Y 1C6", CountryCode::Ca);
    for (number, at) in [(1002, "2026-10-20T12:00:00Z"), (1003, "2026-10-21T12:00:00Z")] {
        let guest = sold(number).at(at).guest("ADA@example.com").bill_to(stranger.clone());
        app.shopify.place(guest.paid("manual"));
        app.pull().await;
        assert_eq!(client_of(&app, &format!("#{number}")), before);
    }
    app.end().await;
}

#[tokio::test]
async fn nobody_in_particular_is_the_generic_client_made_once() {
    let app = with(Matching::VerifiedEmail).await;
    for number in 1001..1004 {
        app.shopify.place(sold(number).walk_in().paid("cash"));
    }
    app.pull().await;
    let clients = app.freshbooks.clients();
    assert_eq!(clients.iter().map(|client| client.organization.as_str()).collect::<Vec<_>>(), ["Shopify sales"]);
    app.end().await;
}

#[tokio::test]
async fn a_company_is_one_client_whoever_of_its_people_orders() {
    let app = with(Matching::VerifiedEmail).await;
    let buyer = |id, name: &str| build::customer(id, name, "Buyer", &format!("{name}@example.com"));
    let order = |number, at: &str, person| {
        sold(number).at(at).customer(person).company(55, "Acme Ltd").tax_registration("FR-123").paid("manual")
    };
    app.shopify.place(order(1001, "2026-10-20T12:00:00Z", buyer(71, "kim")));
    app.pull().await;
    app.shopify.place(order(1002, "2026-10-21T12:00:00Z", buyer(72, "lou")));
    app.pull().await;
    let client = client_of(&app, "#1002");
    assert_eq!(client, client_of(&app, "#1001"));
    assert_eq!(app.freshbooks.clients().len(), 1);
    assert_eq!((client.organization.as_str(), client.vat_number.as_str()), ("Acme Ltd", "FR-123"));
    assert_eq!((client.fname.as_str(), client.email.as_str()), ("kim", "kim@example.com"), "who ordered first");
    app.end().await;
}

#[tokio::test]
async fn an_archived_client_is_noticed_and_a_merged_one_is_replaced() {
    for merged in [false, true] {
        let freshbooks = Books { hidden_clients: HiddenClients::Refuse, ..Books::default() };
        let app = TestApp::in_world(World { freshbooks, ..World::default() }).await;
        app.shopify.place(sold(1001).customer(ada()).paid("manual"));
        app.pull().await;
        app.freshbooks.archive_client(client_of(&app, "#1001").id).await.unwrap();
        let other = json!({"fname": "Ada", "email": "ada@example.com"});
        let other = if merged { Some(app.freshbooks.add_client(other).await.unwrap()) } else { None };
        app.shopify.place(sold(1002).customer(ada()).paid("manual"));
        app.pull().await;
        match other {
            Some(other) => assert_eq!(client_of(&app, "#1002").id, other),
            None => assert_eq!(app.state("#1002").await, (State::Waiting, "CLIENT_ARCHIVED".to_owned())),
        }
        app.end().await;
    }
}

#[tokio::test]
async fn an_archived_client_is_not_replaced_by_another_customers_of_the_same_address() {
    let app = TestApp::start().await; // archived clients are refused
    app.shopify.place(sold(1001).customer(ada()).paid("manual"));
    app.pull().await;
    app.freshbooks.archive_client(client_of(&app, "#1001").id).await.unwrap();
    let theirs = json!({"fname": "Eve", "email": "ada@example.com", "note": "Shopify customer 99"});
    app.freshbooks.add_client(theirs).await.unwrap();
    app.shopify.place(sold(1002).customer(ada()).paid("manual"));
    app.pull().await;
    assert_eq!(app.state("#1002").await, (State::Waiting, "CLIENT_ARCHIVED".to_owned()));
    app.end().await;
}

#[tokio::test]
async fn an_archived_company_is_replaced_by_the_one_client_with_the_buyers_address() {
    let app = TestApp::start().await;
    let order = |number| sold(number).customer(ada()).company(55, "Acme Ltd").paid("manual");
    app.shopify.place(order(1001));
    app.pull().await;
    app.freshbooks.archive_client(client_of(&app, "#1001").id).await.unwrap();
    let merged = json!({"organization": "Acme", "email": "ada@example.com"});
    let merged = app.freshbooks.add_client(merged).await.unwrap();
    app.shopify.place(order(1002));
    app.pull().await;
    assert_eq!(client_of(&app, "#1002").id, merged, "{:?}", app.states().await);
    app.end().await;
}

#[tokio::test]
async fn an_invoiced_order_stays_with_its_client_whatever_the_settings_say_later() {
    let app = with(Matching::VerifiedEmail).await;
    let placed = app.shopify.place(sold(1001).customer(ada()).paid("manual"));
    app.pull().await;
    let before = client_of(&app, "#1001");
    app.change(Change { matching: To::Value(Matching::GenericClient), ..Change::default() }).await;
    app.shopify.evolve(placed.id, |order| order.edit_adds("Spoon", "3.00", 1).paid("manual"));
    app.pull().await;
    assert_eq!(app.order("#1001").await.state, State::Synced, "{:?}", app.states().await);
    assert_eq!(client_of(&app, "#1001"), before);
    assert_eq!(app.freshbooks.clients().len(), 1);
    app.end().await;
}

#[tokio::test]
async fn what_freshbooks_has_no_room_for_is_cut_visibly_and_whole_in_the_trail() {
    let app = with(Matching::VerifiedEmail).await;
    let street = "Long Lane ".repeat(40).trim().to_owned();
    let billing = Address {
        address1: Some(street.clone()),
        ..build::address("Ada", "Example", "Toronto", "ON", "M5V 2T6", CountryCode::Ca)
    };
    app.shopify.place(sold(1001).customer(ada()).bill_to(billing).paid("manual"));
    app.pull().await;
    let written = &client_of(&app, "#1001").address[0];
    assert!(written.chars().count() <= 255 && written.ends_with('…'), "{written}");
    let entry = app.trail("#1001").await.into_iter().find(|entry| entry.action == "create_client").unwrap();
    let key = entry.customer_key_id.unwrap();
    let key = ml_connector::customer_key::find_by_id(app.app.db.read(), &app.app.keyring, key).await.unwrap();
    let fields = audit::field_mappings(&entry, key.as_ref()).unwrap();
    let whole = fields.iter().find(|field| field.shopify_field == "billingAddress.address1 (in full)").unwrap();
    assert_eq!((whole.after.as_deref(), whole.personal), (Some(street.as_str()), true));
    app.end().await;
}
