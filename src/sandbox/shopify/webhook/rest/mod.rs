//! The bodies of webhooks: the shapes of Shopify's REST API, which know nothing of GraphQL's.
//!
//! Ids are numbers, amounts texts with all the decimals of their currency, times have the shop's offset. What the app was not approved
//! for is null.

mod edit;
mod line;
mod order;
mod payment;
mod people;
mod shop;

use std::{fmt::Debug, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::sandbox::shopify::{
    build::float,
    currency::{CurrencyCode, Minor},
    graphql::World,
    model::{Bag, Order},
    options::ShopFacts,
};

/// Writes bodies as the shop is now.
pub(in crate::sandbox::shopify) struct Rest {
    facts: Arc<ShopFacts>,
    facts_changed_at: DateTime<Utc>,
    domain: String,
    personal: bool,
}

impl Rest {
    pub(super) fn of(world: &World) -> Rest {
        let knobs = world.knobs();
        Rest {
            facts: Arc::clone(&knobs.facts),
            facts_changed_at: knobs.facts_changed_at,
            domain: world.settings.shop.clone(),
            personal: knobs.personal_data,
        }
    }

    fn time(&self, time: DateTime<Utc>) -> String {
        time.with_timezone(&self.facts.zone).to_rfc3339_opts(SecondsFormat::Secs, false)
    }

    /// Names, addresses, e-mail and telephone, for an app that was approved for them.
    fn personal<'a>(&self, value: &'a Option<String>) -> Option<&'a str> {
        value.as_deref().filter(|_| self.personal)
    }
}

fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// `"12.00"`, or `"1200"` of yen.
fn amount(currency: CurrencyCode, minor: Minor) -> String {
    currency.major(minor).to_string()
}

/// In shop currency, as most plain fields have it.
fn in_shop(order: &Order, presentment: Minor) -> String {
    amount(order.currency, order.bag(presentment).shop)
}

/// `_set`: the amount in both currencies.
fn set(order: &Order, bag: Bag) -> Value {
    json!({
        "shop_money": { "amount": amount(order.currency, bag.shop), "currency_code": code(order.currency) },
        "presentment_money": {
            "amount": amount(order.presentment, bag.presentment),
            "currency_code": code(order.presentment),
        },
    })
}

fn set_at_rate(order: &Order, presentment: Minor) -> Value {
    set(order, order.bag(presentment))
}

/// A JSON number in shop currency: refunds have them.
fn number(order: &Order, presentment: Minor) -> f64 {
    float(order.currency.major(order.bag(presentment).shop))
}

/// `CAD`.
fn code(currency: CurrencyCode) -> String {
    format!("{currency:?}").to_uppercase()
}

/// `PartiallyRefunded` becomes `partially_refunded`.
fn snake(value: impl Debug) -> String {
    let mut text = String::new();
    for c in format!("{value:?}").chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// Thirty-two hexadecimal digits that are always the same for the same number.
fn token(id: u64) -> String {
    let mixed = u128::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    format!("{mixed:032x}")
}

/// Only these fields, `customer.id` being one inside another and lists meaning each of their items; everything when none are named.
pub(super) fn only(body: &Value, fields: &[String]) -> Value {
    if fields.is_empty() {
        return body.clone();
    }
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    kept(body, &fields)
}

fn kept(body: &Value, fields: &[&str]) -> Value {
    match body {
        Value::Array(items) => items.iter().map(|item| kept(item, fields)).collect(),
        Value::Object(all) => {
            let mut some = Map::new();
            for (key, value) in all {
                let inner: Vec<&str> =
                    fields.iter().filter_map(|field| field.strip_prefix(key)?.strip_prefix('.')).collect();
                if fields.contains(&key.as_str()) {
                    some.insert(key.clone(), value.clone());
                } else if !inner.is_empty() {
                    some.insert(key.clone(), kept(value, &inner));
                }
            }
            Value::Object(some)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_fields_alone_are_kept_down_into_lists() {
        let body = json!({ "id": 1, "name": "#1", "customer": { "id": 2, "email": "a@b" }, "lines": [{ "id": 3, "sku": "x" }] });
        let fields = ["id", "customer.id", "lines.id", "nothing"].map(str::to_owned);
        assert_eq!(only(&body, &fields), json!({ "id": 1, "customer": { "id": 2 }, "lines": [{ "id": 3 }] }));
        assert_eq!(only(&body, &[]), body);
    }

    #[test]
    fn values_are_in_snake_case() {
        use crate::sandbox::shopify::model::OrderDisplayFinancialStatus as Status;
        assert_eq!(
            (snake(Status::PartiallyRefunded), snake(Status::Paid)),
            ("partially_refunded".into(), "paid".into())
        );
        assert_eq!((amount(CurrencyCode::Cad, 1200), amount(CurrencyCode::Jpy, 1200)), ("12.00".into(), "1200".into()));
    }
}
