//! What a preview shows is what a sync sends, byte for byte.

use ml_connector::{
    auth::Actor,
    mapping::settings::{Refunds, Settings},
    order::{self, Target},
    sandbox::{
        freshbooks::KeptWrite,
        shopify::{Options, sample_store},
    },
    sync::{self, plan::Write},
};
use serde_json::Value;

use crate::harness::{TestApp, World, mugs};

/// Ids that only an earlier write of the same plan brings: null in the preview.
const BROUGHT: [&str; 3] = ["/invoice/customerid", "/payment/invoiceid", "/credit_note/clientid"];

/// The body of a previewed write with the ids that were sent in place of those that could not be known.
fn body(write: &Write, sent: &KeptWrite) -> Vec<u8> {
    let mut body = write.request.as_ref().unwrap().body.clone();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    for at in BROUGHT {
        if let (Some(Value::Null), Some(id)) = (body.pointer(at), sent.pointer(at)) {
            *body.pointer_mut(at).unwrap() = id.clone();
        }
    }
    serde_json::to_vec(&body).unwrap()
}

/// Previews one order that is due, lets it be synced, and compares.
async fn compare(app: &TestApp, shopify_order_id: i64) -> usize {
    let target = Target::Shopify(app.connection, shopify_order_id);
    order::resync(&app.app, &Actor::system("test"), target).await.unwrap();
    let preview = sync::preview(&app.app, app.connection, shopify_order_id).await.unwrap().unwrap();
    app.freshbooks.take_writes();
    app.settle().await;
    let (name, sent) = (&preview.order_name, app.freshbooks.take_writes());
    let shown: Vec<&Write> = preview.writes.iter().filter(|write| write.request.is_some()).collect();
    assert_eq!(shown.len(), sent.len(), "{name}: {shown:#?} {sent:#?} {:?}", preview.wanted);
    for (write, sent) in shown.iter().zip(&sent) {
        let request = write.request.as_ref().unwrap();
        assert_eq!(request.method.as_str(), sent.method, "{name}");
        let below = sent.path.split_once("/account/").and_then(|(_, path)| path.split_once('/')).unwrap().1;
        // What an earlier write brings may be in the path of a later one, too: an invoice is created, then changed.
        if write.id.is_some() {
            assert_eq!(request.path, below, "{name}");
        }
        let body = body(write, sent);
        assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&sent.body), "{name}");
    }
    sent.len()
}

/// Every sample order as it is, and every fourth once more after an edit and a refund.
async fn the_whole_store(refunds: Refunds) {
    let settings = Settings { refunds, ..Settings::default() };
    let shopify = Options { restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let app = TestApp::in_world(World { shopify, settings, ..World::default() }).await;
    // The first answer shows whether FreshBooks issues in the create; from then on a preview knows.
    app.shopify.place(mugs(900));
    app.pull().await;
    let mut writes = 0;
    for order in sample_store(110) {
        let placed = app.shopify.place(order);
        writes += compare(&app, i64::try_from(placed.id).unwrap()).await;
    }
    assert!(writes > 200, "{writes}");
    for order in app.shopify.orders().iter().step_by(4) {
        app.shopify.evolve(order.id, |order| order.edit_adds("Saucer", "3.20", 2));
        compare(&app, i64::try_from(order.id).unwrap()).await;
        app.shopify.evolve(order.id, |order| order.refund_all());
        compare(&app, i64::try_from(order.id).unwrap()).await;
    }
    app.end().await;
}

#[tokio::test]
async fn the_preview_of_every_sample_order_is_what_the_sync_then_sends() {
    the_whole_store(Refunds::Adjust).await;
}

#[tokio::test]
async fn and_so_it_is_where_refunds_become_credit_notes() {
    the_whole_store(Refunds::CreditNote).await;
}
