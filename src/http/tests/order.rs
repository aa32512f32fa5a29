//! One order with all that it became.

use ::entity::resource_link::{Kind, State};
use serde_json::json;

use super::{Role, World, order, synced_order};
use crate::{
    link::{self, Confirmed, Facts, LinkKey, Writer},
    order::{Outcome, Proof, snapshot},
    work::Lease,
};

const ORDER: &str = "query ($id: ID!, $name: String) { order(connectionId: $id, name: $name) {
    shopifyOrderId name processedAt financialStatus total { amount currencyCode } state attempts nextAttemptAt lane
    lastError { code } hasDifference connection { shopDomain }
    centProof { predicted { amount } returned { amount } shopify { amount currencyCode } agrees }
    client { freshbooksId matched shopifyCustomerId state }
    invoice { freshbooksId number amount { amount currencyCode } outstanding { amount } url issued state }
    payments { shopifyTransactionId freshbooksId amount { amount } kind gateway date state } } }";

/// A document of the visit under way, as FreshBooks answered it.
pub(super) struct Doc<'a> {
    pub(super) kind: Kind,
    pub(super) shopify_id: &'a str,
    pub(super) id: i64,
    pub(super) state: State,
    pub(super) facts: Facts,
}

impl<'a> Doc<'a> {
    pub(super) fn new(kind: Kind, shopify_id: &'a str, id: i64, facts: Facts) -> Self {
        let facts = Facts { issued: true, currency: "CAD".to_owned(), ..facts };
        Self { kind, shopify_id, id, state: State::Confirmed, facts }
    }
}

pub(super) async fn confirm<D: serde::Serialize>(world: &World, lease: Lease, doc: Doc<'_>, draft: &D) {
    let now = world.now();
    let order = ::entity::ids::OrderId(lease.id);
    let key = snapshot::find(world.app.db.read(), &world.app.keyring, order).await.unwrap().unwrap().key;
    let txn = world.app.db.begin_write().await.unwrap();
    let writer = Writer { connection: ::entity::ids::ConnectionId(1), lease, key: &key };
    let link = LinkKey { kind: doc.kind, shopify_id: doc.shopify_id.to_owned() };
    let number = (doc.kind == Kind::Invoice).then_some("1001");
    let id = link::intend(&txn, writer, &link, link::Intent { natural_key: number, ..Default::default() }, now)
        .await
        .unwrap();
    let (freshbooks_id, facts, seen) = (doc.id, &doc.facts, None);
    let answer = Confirmed { id, state: doc.state, freshbooks_id, written: Some(draft), facts, seen, drift: &[] };
    assert!(link::confirm(&txn, writer, answer, now).await.unwrap());
    txn.commit().await.unwrap();
}

#[tokio::test]
async fn an_order_shows_its_documents_and_its_proof() {
    let world = World::start().await;
    let connection = world.connect("one").await;
    world.record(connection.id, &[order(1001, Some(7), 1)]).await;
    let token = world.token(Role::Viewer, None);
    let id = world.data(&token, "{ connections { id } }", json!({})).await["connections"][0]["id"].clone();

    let fresh = world.data(&token, ORDER, json!({ "id": id, "name": "1001" })).await["order"].clone();
    assert_eq!((&fresh["state"], &fresh["lane"]), (&json!("DUE"), &json!("PULL")));
    assert!(fresh["nextAttemptAt"].is_string() && fresh["invoice"].is_null() && fresh["client"].is_null());

    for (lease, row) in world.claim().await {
        let name = row.name.clone();
        let syncing = world.data(&token, ORDER, json!({ "id": id, "name": name })).await["order"].clone();
        assert_eq!((&syncing["state"], syncing["nextAttemptAt"].is_null()), (&json!("SYNCING"), true));
        let total = |total| Facts { total: Some(total), ..Facts::default() };
        let confirm = async |doc| confirm(&world, lease, doc, &json!({})).await;
        confirm(Doc::new(Kind::Client, "7", 71, Facts::default())).await;
        confirm(Doc::new(Kind::Invoice, "1001", 500, Facts { client: Some(71), ..total(2400) })).await;
        confirm(Doc::new(Kind::Payment, "10019", 900, total(2000))).await;
        confirm(Doc { state: State::Removed, ..Doc::new(Kind::Payment, "100190", 901, total(100)) }).await;
        let proof = Proof { currency: "CAD".to_owned(), predicted: 2400, returned: 2400, shopify: 2400 };
        let outcome = Outcome { state: synced_order::State::Synced, problem: None, proof: Some(proof) };
        assert!(crate::order::settle(world.app.db.write(), lease, &outcome, world.now()).await.unwrap());
    }
    let synced = world.data(&token, ORDER, json!({ "id": id, "name": "#1001" })).await["order"].clone();
    assert_eq!(
        synced,
        json!({
            "shopifyOrderId": "1001", "name": "#1001", "processedAt": "2026-11-01T10:00:00Z", "financialStatus": "PAID",
            "total": { "amount": "24.00", "currencyCode": "CAD" }, "state": "SYNCED", "attempts": 0,
            "nextAttemptAt": null, "lane": "PULL", "lastError": null, "hasDifference": false,
            "connection": { "shopDomain": "one.myshopify.com" },
            "centProof": { "predicted": { "amount": "24.00" }, "returned": { "amount": "24.00" },
                "shopify": { "amount": "24.00", "currencyCode": "CAD" }, "agrees": true },
            "client": { "freshbooksId": "71", "matched": false, "shopifyCustomerId": "7", "state": "CONFIRMED" },
            "invoice": { "freshbooksId": "500", "number": "1001", "amount": { "amount": "24.00", "currencyCode": "CAD" },
                "outstanding": { "amount": "4.00" }, "url": "https://my.freshbooks.com/#/invoice/oneBooks-500",
                "issued": true, "state": "CONFIRMED" },
            "payments": [
                { "shopifyTransactionId": "10019", "freshbooksId": "900", "amount": { "amount": "20.00" },
                    "kind": "SALE", "gateway": "shopify_payments", "date": "2026-11-01", "state": "CONFIRMED" },
                { "shopifyTransactionId": "100190", "freshbooksId": "901", "amount": { "amount": "1.00" },
                    "kind": null, "gateway": null, "date": null, "state": "REMOVED" },
            ],
        })
    );
}

#[tokio::test]
async fn a_connection_tells_its_ends() {
    let world = World::start().await;
    world.connect("one").await;
    let token = world.token(Role::Viewer, None);
    let query = "{ connection(shopDomain: \"ONE.myshopify.com\") { name status
        shopify { status scopes expiresAt shopName currencyCode timeZone apiVersion }
        freshbooks { status scopes accountId businessName currencyCode }
        syncStatus { lastPullAt lastSyncedAt lagSeconds } } }";
    let connection = world.data(&token, query, json!({})).await["connection"].clone();
    assert_eq!(connection["status"], "ACTIVE");
    assert_eq!(connection["shopify"]["scopes"], json!(["read_orders", "read_customers"]));
    assert_eq!(
        (&connection["shopify"]["status"], &connection["shopify"]["timeZone"]),
        (&json!("GRANTED"), &json!("America/Toronto"))
    );
    assert_eq!(connection["freshbooks"]["accountId"], "oneBooks");
    assert_eq!(connection["syncStatus"], json!({ "lastPullAt": null, "lastSyncedAt": null, "lagSeconds": 0 }));
}
