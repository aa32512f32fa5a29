//! What an order became in FreshBooks: whose client it is invoiced to.

use ::entity::resource_link::Kind;
use serde_json::{Value, json};

use super::{
    Role, World, order,
    order::{Doc, confirm},
};
use crate::{link::Facts, work::Lease};

/// The one order of a world, under way: of this customer, or of a guest.
async fn visited(world: &World, customer: Option<i64>) -> Lease {
    let connection = world.connect("one").await.id;
    world.record(connection, &[order(1001, customer, 1)]).await;
    world.claim().await[0].0
}

async fn ask(world: &World, fields: &str) -> Value {
    let query = format!("{{ orders {{ nodes {{ {fields} }} }} }}");
    let data = world.data(&world.token(Role::Viewer, None), &query, json!({})).await;
    data["orders"]["nodes"][0].clone()
}

/// Links of clients: Shopify's name, FreshBooks' id, whether it was found there.
type Clients = &'static [(&'static str, i64, bool)];

#[tokio::test]
async fn the_client_is_the_one_that_the_invoice_names() {
    const GUEST: Clients = &[("guest:00ff", 71, false)];
    const COMPANY: Clients = &[("7", 70, true), ("company:5", 71, false)];
    const GENERIC: Clients = &[("7", 70, true), ("generic", 71, false)];
    const ONE_AND_THE_SAME: Clients = &[("8", 71, true), ("guest:00ff", 71, true), ("7", 71, false)];
    const FOUND: Clients = &[("7", 71, true)];
    const MOVED_ON: Clients = &[("7", 70, true)];
    let invoiced = Some(71);
    // The customer, the links, the client of the invoice; FreshBooks' id, matched, customer and company as they are shown.
    let table = [
        ("a customer", Some(7), FOUND, invoiced, json!(["71", true, "7", null])),
        ("a customer not invoiced yet", Some(7), FOUND, None, json!(["71", true, "7", null])),
        ("a guest", None, GUEST, invoiced, json!(["71", false, null, null])),
        ("a guest not invoiced yet", None, GUEST, None, Value::Null),
        ("a company", Some(7), COMPANY, invoiced, json!(["71", false, "7", "5"])),
        ("the generic client", Some(7), GENERIC, invoiced, json!(["71", false, "7", null])),
        ("one client of three, a customer", Some(7), ONE_AND_THE_SAME, invoiced, json!(["71", false, "7", null])),
        ("one client of three, a guest", None, ONE_AND_THE_SAME, invoiced, json!(["71", true, null, null])),
        ("a customer who has another client now", Some(7), MOVED_ON, invoiced, json!(["71", false, "7", null])),
    ];
    for (what, customer, clients, client, expected) in table {
        let world = World::start().await;
        let lease = visited(&world, customer).await;
        for &(shopify_id, id, adopted) in clients {
            let client = Doc::new(Kind::Client, shopify_id, id, Facts { adopted, ..Facts::default() });
            confirm(&world, lease, client, &json!({})).await;
        }
        if client.is_some() {
            let invoice = Doc::new(Kind::Invoice, "1001", 500, Facts { client, ..Facts::default() });
            confirm(&world, lease, invoice, &json!({})).await;
        }
        let fields = "client { freshbooksId matched shopifyCustomerId shopifyCompanyId state }";
        let shown = ask(&world, fields).await["client"].clone();
        let list = |name: &str| shown[name].clone();
        let told = match &shown {
            Value::Null => Value::Null,
            _ => ["freshbooksId", "matched", "shopifyCustomerId", "shopifyCompanyId"].map(list).to_vec().into(),
        };
        assert_eq!(told, expected, "{what}");
        assert!(shown.is_null() || shown["state"] == "CONFIRMED", "{what}");
    }
}
