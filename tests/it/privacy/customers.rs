//! `customers/redact`.

use entity::{
    customer_key, order_snapshot, privacy_request::Kind, privacy_request::State as Asked, resource_link,
    synced_order::State,
};
use ml_connector::{
    auth::Actor,
    order::{self, Target},
    sandbox::shopify::build,
    sync,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::{CUSTOMER, EMAIL, SHE, alerts, as_guest, hers, key, number, redact_her, requests, states, tell, zenobia};
use crate::{
    harness::{SHOP, TestApp, mugs},
    person::ask,
    stored::{as_it_lies, contains, everything},
};

/// Where something that names her is found.
async fn found(app: &TestApp, more: &[Vec<u8>]) -> Vec<String> {
    let stored = as_it_lies(app).await;
    assert!(contains(&stored, b"sandbox-store"), "this is not the database");
    let needles = SHE.iter().map(|word| word.as_bytes().to_vec()).chain(more.iter().cloned());
    let found = needles.filter(|needle| contains(&stored, needle));
    found.map(|needle| String::from_utf8_lossy(&needle).into_owned()).collect()
}

async fn resync(app: &TestApp, name: &str) {
    let id = app.order(name).await.id;
    order::resync(&app.app, &Actor::system("test"), Target::Known(id)).await.unwrap();
    app.settle().await;
}

#[tokio::test]
async fn an_erased_customer_is_found_nowhere_and_the_trail_still_verifies() {
    let app = TestApp::start().await;
    let (first, second) = (app.shopify.place(hers(1001)), app.shopify.place(as_guest(1002)));
    app.shopify.place(mugs(1003));
    app.pull().await;
    tell(&app, "customers/update", json!({ "id": CUSTOMER, "updated_at": "2026-11-20T10:00:00Z" })).await;
    app.settle().await;
    let hers = key(&app, &format!("customer:{CUSTOMER}")).await.unwrap();
    let guests = key(&app, &format!("order:{}", number(&second))).await.unwrap();
    let pseudonym = ml_connector::link::guest(EMAIL, &app.connection().await.salt);
    let sealed = |row: &customer_key::Model| row.sealed_key.clone().unwrap().into_bytes();
    let needles =
        [sealed(&hers), sealed(&guests), pseudonym.into_bytes(), format!("Customer/{CUSTOMER}\"").into_bytes()];
    let before = everything(&app).await;
    assert!(needles[..3].iter().all(|needle| contains(&before, needle)), "nothing would be found anyway");
    let others = key(&app, "customer:10003").await.unwrap();

    tell(&app, "customers/redact", redact_her(&[number(&first), number(&second)])).await;
    app.settle().await;

    assert_eq!(states(&app).await, [(Kind::CustomerRedact, Asked::Done)]);
    let request = &requests(&app).await[0];
    assert_eq!((request.shopify_customer_id, &request.email), (None, &None));
    assert!(
        request.detail.starts_with("Keys destroyed: 2; orders concerned: 2; snapshots deleted: 2;"),
        "{}",
        request.detail
    );
    assert_eq!(found(&app, &needles).await, Vec::<String>::new());
    for old in [&hers, &guests] {
        let row = customer_key::Entity::find_by_id(old.id).one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!((row.subject, row.sealed_key), (format!("redacted:{}", old.id), None));
        assert!(row.destroyed_at.is_some());
    }
    let delivered = entity::webhook_delivery::Entity::find()
        .filter(entity::webhook_delivery::Column::Resource.eq(format!("Customer/{CUSTOMER}")));
    assert_eq!(delivered.one(app.app.db.read()).await.unwrap(), None);

    // Nobody else is concerned, and no document is.
    assert_eq!(key(&app, "customer:10003").await, Some(others));
    let kept = order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(kept.iter().map(|row| row.order_id).collect::<Vec<_>>(), [app.order("#1003").await.id]);
    for name in ["#1001", "#1002", "#1003"] {
        assert_eq!(app.state(name).await, (State::Synced, String::new()));
        assert_eq!(app.invoices_of(name).len(), 1, "{name}");
    }
    let entries = entity::audit_entry::Entity::find().filter(entity::audit_entry::Column::Source.eq("privacy"));
    let entries = entries.all(app.app.db.read()).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["redact_customer"]);
    assert!(!entries[0].message.contains(&CUSTOMER.to_string()), "{}", entries[0].message);
    verify_by_command(&app);
    app.end().await;
}

/// As an auditor does who has the database and nothing else.
fn verify_by_command(app: &TestApp) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ml-connector"))
        .args(["audit", "verify", "--connection", SHOP])
        .current_dir(std::env::temp_dir())
        .env_clear()
        .envs([("DATABASE_URL", app.database.url.as_str()), ("MLC_LOG", "off")])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with(SHOP) && said.trim_end().ends_with("entries, intact"), "{said}");
}

#[tokio::test]
async fn nothing_of_an_erased_customers_order_is_stored_again_whoever_brings_it() {
    let app = TestApp::start().await;
    let first = app.shopify.place(hers(1001));
    let other = app.shopify.place(mugs(1002));
    app.pull().await;
    tell(&app, "customers/redact", redact_her(&[number(&first)])).await;
    app.settle().await;
    app.freshbooks.take_writes();

    // A pull, a webhook, a person.
    app.shopify.change(number(&first), |order| order.note = Some("changed".to_owned()));
    app.shopify.change(number(&other), |order| order.note = Some("changed".to_owned()));
    app.pull().await;
    let erased = (State::Skipped, "CUSTOMER_ERASED".to_owned());
    assert_eq!(app.state("#1001").await, erased);
    tell(&app, "orders/updated", json!({ "id": number(&first), "updated_at": app.app.clock.now().to_rfc3339() })).await;
    app.settle().await;
    assert_eq!(app.state("#1001").await, erased);
    resync(&app, "#1001").await;
    assert_eq!(app.state("#1001").await, erased);
    assert_eq!(app.state("#1002").await, (State::Synced, String::new()));
    let last = app.trail("#1001").await.pop().unwrap();
    assert_eq!((last.outcome.as_str(), last.trigger.as_str()), ("skipped", "resync"));
    assert!(last.message.starts_with("CUSTOMER_ERASED: "), "{}", last.message);
    assert_eq!(app.freshbooks.take_writes().len(), 0);
    assert_eq!(found(&app, &[]).await, Vec::<String>::new());
    assert_eq!(key(&app, &format!("customer:{CUSTOMER}")).await, None);

    let preview =
        sync::preview(&app.app, app.connection, i64::try_from(number(&first)).unwrap()).await.unwrap().unwrap();
    assert_eq!(preview.wanted.unwrap_err().code, "CUSTOMER_ERASED");
    assert_eq!(preview.order_name, "#1001");
    let shown = ask(
        &app,
        "query($id: ID!, $order: String!) {
            order(connectionId: $id, shopifyOrderId: $order) {
                state lastError { code hint } client { shopifyCustomerId } invoice { freshbooksId }
                payments { gateway kind } auditEntries { nodes { fieldMappings { personal after } } }
            }
            previewOrder(connectionId: $id, shopifyOrderId: $order) { problem { code } writes { action } }
        }",
        json!({ "id": crate::person::global(&app), "order": number(&first).to_string() }),
    )
    .await;
    assert_eq!(shown["order"]["lastError"]["code"], "CUSTOMER_ERASED");
    assert_eq!(shown["order"]["client"]["shopifyCustomerId"], json!(null));
    assert_eq!(shown["order"]["payments"], json!([{ "gateway": null, "kind": null }]));
    assert_eq!(shown["previewOrder"], json!({ "problem": { "code": "CUSTOMER_ERASED" }, "writes": [] }));
    let entries = shown["order"]["auditEntries"]["nodes"].as_array().unwrap();
    let mappings: Vec<_> = entries.iter().flat_map(|entry| entry["fieldMappings"].as_array().unwrap()).collect();
    let personal: Vec<_> = mappings.iter().filter(|mapping| mapping["personal"] == true).collect();
    assert!(!personal.is_empty() && personal.iter().all(|mapping| mapping["after"] == "***"), "{personal:?}");
    app.end().await;
}

#[tokio::test]
async fn the_same_customer_may_buy_again_and_be_erased_again() {
    let app = TestApp::start().await;
    let (first, guest) = (app.shopify.place(hers(1001)), app.shopify.place(as_guest(1002)));
    app.pull().await;
    tell(&app, "customers/redact", redact_her(&[number(&first), number(&guest)])).await;
    app.settle().await;
    let clients = app.freshbooks.clients().len();

    let (again, as_guest) = (app.shopify.place(hers(1003)), app.shopify.place(as_guest(1004)));
    app.pull().await;
    for name in ["#1003", "#1004"] {
        assert_eq!(app.state(name).await, (State::Synced, String::new()), "{name}");
    }
    assert_eq!(app.freshbooks.clients().len(), clients, "she is the client that she was");
    assert!(key(&app, &format!("customer:{CUSTOMER}")).await.is_some());

    tell(&app, "customers/redact", redact_her(&[number(&again), number(&as_guest)])).await;
    app.settle().await;
    assert_eq!(found(&app, &[]).await, Vec::<String>::new());
    assert_eq!(states(&app).await, [(Kind::CustomerRedact, Asked::Done); 2]);
    assert_eq!(alerts(&app).await, Vec::<String>::new());
    app.end().await;
}

#[tokio::test]
async fn an_order_that_is_another_customers_by_now_is_left_alone() {
    let app = TestApp::start().await;
    let order = app.shopify.place(mugs(1001));
    app.pull().await;
    tell(&app, "customers/redact", redact_her(&[number(&order)])).await;
    app.settle().await;
    assert!(key(&app, "customer:10001").await.is_some());
    assert_eq!(requests(&app).await[0].detail, "Nothing was held of them.");
    resync(&app, "#1001").await;
    assert_eq!(app.state("#1001").await, (State::Synced, String::new()));
    app.end().await;
}

#[tokio::test]
async fn whoever_was_merged_into_the_customer_is_erased_with_them() {
    let app = TestApp::start().await;
    app.shopify.place(hers(1001));
    app.shopify.place(mugs(1002));
    app.pull().await;
    let merged = json!({ "customer_kept_id": 10002, "customer_deleted_id": CUSTOMER,
        "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/10002",
        "admin_graphql_api_customer_deleted_id": format!("gid://shopify/Customer/{CUSTOMER}") });
    tell(&app, "customers/merge", merged).await;
    app.settle().await;
    let kept = json!({ "shop_id": 1, "shop_domain": SHOP, "customer": { "id": 10002 }, "orders_to_redact": [] });
    tell(&app, "customers/redact", kept).await;
    app.settle().await;
    assert_eq!(found(&app, &[]).await, Vec::<String>::new());
    let left = order_snapshot::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(left, []);
    app.end().await;
}

#[tokio::test]
async fn an_order_known_by_its_number_only_is_not_read_after_its_customer_was_erased() {
    let app = TestApp::start().await;
    let order = app.shopify.place(hers(1001));
    tell(&app, "orders/create", json!({ "id": number(&order), "updated_at": "2026-11-20T10:00:00Z" })).await;
    tell(&app, "customers/redact", redact_her(&[number(&order)])).await;
    // The announcement waits for two seconds more; the request does not.
    ml_connector::worker::drain(&app.app).await.unwrap();
    app.settle().await;
    assert_eq!(found(&app, &[]).await, Vec::<String>::new());
    let row = order::find(app.app.db.read(), app.connection, i64::try_from(number(&order)).unwrap()).await.unwrap();
    assert_eq!(row.unwrap().state, State::Skipped);
    let links = resource_link::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(links, []);
    app.end().await;
}

/// The links of clients: what they are called, and whether they say anything of anybody.
async fn clients(app: &TestApp) -> Vec<(String, bool)> {
    let rows = resource_link::Entity::find().filter(resource_link::Column::Kind.eq(resource_link::Kind::Client));
    let rows = rows.all(app.app.db.read()).await.unwrap();
    let says = |row: &resource_link::Model| row.written.is_some() || row.seen.is_some() || row.drift.is_some();
    rows.iter().map(|row| (row.shopify_id.clone(), says(row))).collect()
}

#[tokio::test]
async fn a_company_that_somebody_else_wrote_last_says_nothing_of_whoever_was_erased() {
    let app = TestApp::start().await;
    let sold = |number, at: &str, customer, tax: &str| {
        let order = build::order(number).line("Mug", "12.00", 1).at(at).customer(customer);
        order.company(55, "Acme Ltd").tax_registration(tax).paid("manual")
    };
    let first = app.shopify.place(sold(1001, "2026-10-20T12:00:00Z", zenobia(), "FR-123"));
    app.pull().await;
    let lou = build::customer(72, "Lou", "Buyer", "lou@example.com");
    app.shopify.place(sold(1002, "2026-10-21T12:00:00Z", lou, "FR-456"));
    app.pull().await;
    let sealed_by = resource_link::Entity::find().filter(resource_link::Column::ShopifyId.eq("company:55"));
    let sealed_by = sealed_by.one(app.app.db.read()).await.unwrap().unwrap().customer_key_id;
    assert_eq!(sealed_by, key(&app, "customer:72").await.map(|key| key.id), "the company is written by Lou's order");
    assert_eq!(clients(&app).await, [("company:55".to_owned(), true)]);
    tell(&app, "customers/redact", redact_her(&[number(&first)])).await;
    app.settle().await;
    assert_eq!(clients(&app).await, [("company:55".to_owned(), false)]);
    assert_eq!(app.state("#1002").await, (State::Synced, String::new()));
    app.end().await;
}

#[tokio::test]
async fn a_guest_is_forgotten_whichever_of_their_orders_seals_what_is_remembered() {
    let app = TestApp::start().await;
    let first = app.shopify.place(as_guest(1001));
    app.pull().await;
    app.shopify.place(as_guest(1002));
    app.pull().await;
    // As if the second order had written the client.
    let second = key(&app, &format!("order:{}", app.order("#1002").await.shopify_order_id)).await.unwrap();
    let sealed_by_second = resource_link::Entity::update_many()
        .filter(resource_link::Column::Kind.eq(resource_link::Kind::Client))
        .col_expr(resource_link::Column::CustomerKeyId, sea_orm::sea_query::Expr::value(second.id.0))
        .col_expr(resource_link::Column::Drift, sea_orm::sea_query::Expr::value("[]"));
    assert_eq!(sealed_by_second.exec(app.app.db.write()).await.unwrap().rows_affected, 1);
    tell(&app, "customers/redact", redact_her(&[number(&first)])).await;
    app.settle().await;
    let left = clients(&app).await;
    assert!(left.len() == 1 && left[0].0.starts_with("redacted:") && !left[0].1, "{left:?}");
    app.end().await;
}
