//! One order with all that it became.

use ::entity::{
    ids::CustomerKeyId,
    resource_link::{Kind, State},
};
use serde_json::json;

use super::{Role, World, order, synced_order};
use crate::{
    crypto::DataKey,
    freshbooks::model::{ClientDraft, InvoiceDraft},
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
struct Doc<'a> {
    kind: Kind,
    shopify_id: &'a str,
    id: i64,
    total: Option<i64>,
    state: State,
}

async fn confirm<D: serde::Serialize>(
    world: &World,
    lease: Lease,
    key: &(CustomerKeyId, DataKey),
    doc: Doc<'_>,
    draft: &D,
) {
    let now = world.now();
    let txn = world.app.db.begin_write().await.unwrap();
    let writer = Writer { connection: ::entity::ids::ConnectionId(1), lease, key };
    let link = LinkKey { kind: doc.kind, shopify_id: doc.shopify_id.to_owned() };
    let number = (doc.kind == Kind::Invoice).then_some("1001");
    let id = link::intend(&txn, writer, &link, link::Intent { natural_key: number, ..Default::default() }, now)
        .await
        .unwrap();
    let facts = Facts { total: doc.total, issued: true, currency: "CAD".to_owned(), ..Facts::default() };
    let answer = Confirmed { id, state: doc.state, freshbooks_id: doc.id, written: Some(draft), facts: &facts };
    link::confirm(&txn, writer, answer, now).await.unwrap();
    txn.commit().await.unwrap();
}

fn invoice(client: i64) -> InvoiceDraft {
    InvoiceDraft {
        invoice_number: "1001".to_owned(),
        customerid: client,
        create_date: "2026-11-01".parse().unwrap(),
        currency_code: "CAD".to_owned(),
        po_number: "#1001".to_owned(),
        notes: String::new(),
        lines: Vec::new(),
    }
}

#[tokio::test]
async fn an_order_shows_its_documents_and_its_proof() {
    let world = World::start().await;
    let connection = world.connect("one").await;
    world.record(connection.id, &[order(1001, Some(7), 1), order(1002, None, 2)]).await;
    let token = world.token(Role::Viewer, None);
    let id = world.data(&token, "{ connections { id } }", json!({})).await["connections"][0]["id"].clone();

    let fresh = world.data(&token, ORDER, json!({ "id": id, "name": "1001" })).await["order"].clone();
    assert_eq!((&fresh["state"], &fresh["lane"]), (&json!("DUE"), &json!("PULL")));
    assert!(fresh["nextAttemptAt"].is_string() && fresh["invoice"].is_null() && fresh["client"].is_null());

    for (lease, row) in world.claim().await {
        let name = row.name.clone();
        let syncing = world.data(&token, ORDER, json!({ "id": id, "name": name })).await["order"].clone();
        assert_eq!((&syncing["state"], syncing["nextAttemptAt"].is_null()), (&json!("SYNCING"), true));
        let key = snapshot::find(world.app.db.read(), &world.app.keyring, row.id).await.unwrap().unwrap().key;
        let guest = row.shopify_order_id == 1002;
        let (client, shopify_id, order_id, transaction) =
            if guest { (72, "guest:00ff", "1002", "10029") } else { (71, "7", "1001", "10019") };
        let doc = |kind, shopify_id, id, total, state| Doc { kind, shopify_id, id, total, state };
        let confirmed = State::Confirmed;
        confirm(&world, lease, &key, doc(Kind::Client, shopify_id, client, None, confirmed), &ClientDraft::default())
            .await;
        confirm(&world, lease, &key, doc(Kind::Invoice, order_id, 500, Some(2400), confirmed), &invoice(client)).await;
        confirm(&world, lease, &key, doc(Kind::Payment, transaction, 900, Some(2000), confirmed), &json!({})).await;
        let gone = format!("{transaction}0");
        confirm(&world, lease, &key, doc(Kind::Payment, &gone, 901, Some(100), State::Removed), &json!({})).await;
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
    // A guest's client is found by its invoice.
    let guest = world.data(&token, ORDER, json!({ "id": id, "name": "#1002" })).await["order"]["client"].clone();
    assert_eq!(
        guest,
        json!({ "freshbooksId": "72", "matched": false, "shopifyCustomerId": null, "state": "CONFIRMED" })
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
