//! Access scopes: which exist, which a token holds, and how a list of them is written.

use std::{collections::BTreeSet, sync::Arc};

const BOTH: &[&str] = &[
    "assigned_fulfillment_orders",
    "companies",
    "content",
    "customers",
    "discounts",
    "draft_orders",
    "files",
    "fulfillments",
    "gift_cards",
    "inventory",
    "locales",
    "locations",
    "marketing_events",
    "markets",
    "merchant_managed_fulfillment_orders",
    "metaobjects",
    "order_edits",
    "orders",
    "own_subscription_contracts",
    "payment_customizations",
    "payment_terms",
    "pixels",
    "price_rules",
    "products",
    "publications",
    "reports",
    "returns",
    "script_tags",
    "shipping",
    "store_credit_accounts",
    "taxes",
    "themes",
    "third_party_fulfillment_orders",
    "translations",
];
const READ: &[&str] = &[
    "all_orders",
    "analytics",
    "cash_tracking",
    "customer_merge",
    "fulfillment_constraint_rules",
    "shopify_payments_accounts",
    "shopify_payments_disputes",
    "shopify_payments_payouts",
    "users",
];

/// Scopes of one token, in the order they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sandbox::shopify) struct Scopes(Arc<[String]>);

impl Scopes {
    /// As given; nobody checks that they exist.
    pub(in crate::sandbox::shopify) fn of(handles: &[String]) -> Scopes {
        Scopes(handles.iter().cloned().collect())
    }

    /// Reads what an app asks for, separated by commas; the error is the first scope that does not exist.
    pub(super) fn parse(text: &str) -> Result<Scopes, String> {
        let handles: Vec<String> =
            text.split(',').map(str::trim).filter(|handle| !handle.is_empty()).map(str::to_owned).collect();
        match handles.iter().find(|handle| !exists(handle)) {
            Some(unknown) => Err(unknown.clone()),
            None => Ok(Scopes(handles.into())),
        }
    }

    /// Those of them that are also in `allowed`; writing allows reading on both sides.
    pub(super) fn only(&self, allowed: &[String]) -> Scopes {
        let allowed = Scopes::of(allowed);
        Scopes(self.handles().into_iter().filter(|handle| allowed.covers(handle)).collect())
    }

    /// Whether the scope is held, or the one for writing that includes it.
    pub(in crate::sandbox::shopify) fn covers(&self, scope: &str) -> bool {
        let writing = scope.strip_prefix("read_").map(|object| format!("write_{object}"));
        self.0.iter().any(|held| held == scope || Some(held) == writing.as_ref())
    }

    /// Each scope once, with the reading that writing implies.
    pub(in crate::sandbox::shopify) fn handles(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let implied = |handle: &String| {
            let reading = handle.strip_prefix("write_").map(|object| format!("read_{object}"));
            std::iter::once(handle.clone()).chain(reading)
        };
        self.0.iter().flat_map(implied).filter(|handle| seen.insert(handle.clone())).collect()
    }

    /// As a token answer lists them: without the reading that writing implies.
    pub(super) fn listed(&self) -> String {
        let handles = self.handles();
        let implied = |handle: &String| {
            handle.strip_prefix("read_").is_some_and(|object| handles.contains(&format!("write_{object}")))
        };
        handles.iter().filter(|handle| !implied(handle)).map(String::as_str).collect::<Vec<_>>().join(",")
    }
}

fn exists(handle: &str) -> bool {
    let object = |action| handle.strip_prefix(action);
    let readable = |object: &str| BOTH.contains(&object) || READ.contains(&object);
    object("read_").is_some_and(readable) || object("write_").is_some_and(|object| BOTH.contains(&object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_implies_reading_and_is_listed_alone() {
        let asked = Scopes::parse("read_orders,write_orders,read_customers").expect("known scopes");
        assert_eq!(asked.listed(), "write_orders,read_customers");
        assert!(asked.covers("read_orders") && !asked.covers("write_customers"));
        let fewer = asked.only(&["read_orders".to_owned()]);
        assert_eq!((fewer.listed().as_str(), fewer.covers("write_orders")), ("read_orders", false));
        assert_eq!(asked.only(&[]).listed(), "");
        assert_eq!(Scopes::parse("read_orders,read_mind"), Err("read_mind".to_owned()));
        assert_eq!(Scopes::parse("write_all_orders"), Err("write_all_orders".to_owned()));
    }
}
