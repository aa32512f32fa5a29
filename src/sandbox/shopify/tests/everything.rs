//! Every field of every type, asked of an order of every kind.

use std::sync::{Arc, Mutex, OnceLock};

use async_graphql::{Request, Variables};
use serde_json::json;

use crate::sandbox::shopify::{
    Options,
    bulk::Bulk,
    cost::Bucket,
    graphql::{Api, Asked, Knobs, World},
    oauth::{App, Oauth, Scopes},
    sample_store,
    sdl::is_connection,
    store::Store,
    webhook::Webhooks,
};

/// A selection of all fields, down to this depth.
fn all_fields(api: &Api, ty: &str, depth: usize) -> String {
    let mut parts = vec!["__typename".to_owned()];
    let members: &[&str] = match ty {
        "PricingValue" => &["MoneyV2", "PricingPercentageValue"],
        "PaymentDetails" => &["CardPaymentDetails", "LocalPaymentMethodsPaymentDetails", "PaypalWalletPaymentDetails"],
        "PurchasingEntity" => &["Customer", "PurchasingCompany"],
        "DiscountApplication" => {
            &["DiscountCodeApplication", "AutomaticDiscountApplication", "ManualDiscountApplication"]
        }
        _ => &[],
    };
    parts.extend(
        members
            .iter()
            .map(|member| format!("... on {member} {{ {} }}", all_fields(api, member, depth.saturating_sub(1)))),
    );
    for (name, field) in api.types.fields(ty) {
        if !api.types.is_composite(&field.name) {
            parts.push(name.to_owned());
        } else if depth > 0 && !matches!(name, "order" | "parentTransaction") {
            let window = if is_connection(field) { "(first: 3)" } else { "" };
            parts.push(format!("{name}{window} {{ {} }}", all_fields(api, &field.name, depth - 1)));
        }
    }
    parts.join(" ")
}

#[tokio::test]
async fn an_order_of_every_kind_answers_every_field() {
    let options = Options::default();
    let orders = Store::default();
    orders.load(sample_store(100));
    let world = Arc::new(World {
        tokens: Mutex::default(),
        oauth: Oauth::new(&options),
        knobs: Mutex::new(Knobs::of(&options)),
        bucket: Mutex::new(Bucket::full(1, 1, (options.now)())),
        bulk: Bulk::new().expect("a folder"),
        webhooks: Arc::new(Webhooks::new(&options)),
        base: OnceLock::new(),
        faults: Arc::default(),
        orders,
        settings: options,
    });
    let api = Arc::new(Api::new(&world));
    let fields = all_fields(&api, "Order", 4);
    let query = format!("query All($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Order {{ {fields} }} }} }}");
    let small = world.orders.all().into_iter().filter(|order| order.lines.len() < 50);
    let ids: Vec<String> = small.map(|order| format!("gid://shopify/Order/{}", order.id)).collect();
    let variables = Variables::from_json(json!({ "ids": ids }));
    let asked = Asked::direct(&api, Scopes::of(&world.settings.scopes), App::Admin, "2026-10");
    let answer = api.schema.execute(Request::new(&query).variables(variables).data(asked)).await;
    assert_eq!(answer.errors, []);
    let nodes = answer.data.into_json().expect("JSON")["nodes"].as_array().map(Vec::len);
    assert_eq!(nodes, Some(ids.len()));
    world.bulk.clear();
}
