//! Changed settings: what they kept out of the books goes on by itself, what is in the books stays.

use entity::{audit_entry, synced_order::State};
use ml_connector::{
    auth::Actor,
    connection,
    mapping::settings::{Change, Settings, To},
    order,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::harness::{TestApp, World, mugs};

fn numbered(template: &str) -> Change {
    Change { invoice_number: To::Value(template.to_owned()), ..Change::default() }
}

#[tokio::test]
async fn a_failed_order_goes_on_once_the_settings_are_mended() {
    let settings = Settings { invoice_number: "SHOP-A{number}".to_owned(), ..Settings::default() };
    let app = TestApp::in_world(World { settings, ..World::default() }).await;
    app.shopify.place(mugs(9999));
    app.shopify.place(mugs(10_000));
    app.pull().await;
    let failed = app.order("#10000").await;
    assert_eq!(failed.state, State::Failed);
    assert_eq!(order::problem(&failed).unwrap().code, "INVOICE_NUMBER_TOO_LONG");
    let calls = app.calls();

    let by = Actor::system("test");
    let refused = connection::update_settings(&app.app, &by, app.connection, &numbered("SHOP-B{number}")).await;
    assert!(matches!(refused, Err(connection::Error::Wrong(wrong)) if wrong[0].field == "invoiceNumber"));
    app.settle().await;
    assert_eq!(app.calls(), calls, "nothing was changed");

    connection::update_settings(&app.app, &by, app.connection, &numbered("SHOP{number}")).await.unwrap();
    app.settle().await;
    assert_eq!(app.invoices_of("#10000"), ["32.77 CAD, paid"]);
    let mended = app.order("#10000").await;
    assert_eq!((mended.state, mended.trigger.as_str()), (State::Synced, "settings"));
    // What agreed keeps the number that it has.
    let numbers: Vec<_> = app.freshbooks.invoices().into_iter().map(|invoice| invoice.number).collect();
    assert_eq!(numbers, ["SHOP-A9999", "SHOP10000"]);
    let told = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("update_settings"));
    assert_eq!(told.all(app.app.db.read()).await.unwrap().len(), 1);
    app.end().await;
}
