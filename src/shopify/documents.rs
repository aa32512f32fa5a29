//! Every document we send, as text and under one name: what they select is what [`super::model`] reads.
//!
//! They are checked against Shopify's published schema in the tests below, deprecated fields included; `MLC_SHOPIFY_SCHEMA` names it.

/// One operation.
#[derive(Debug)]
pub(super) struct Document {
    /// The operation's name: in logs, and the key under which its cost is remembered.
    pub(super) name: &'static str,
    /// GraphQL.
    pub(super) text: &'static str,
    /// Whether asking twice does no harm.
    pub(super) repeatable: bool,
}

macro_rules! document {
    ($name:literal, $($part:literal),+) => {
        Document { name: $name, text: concat!($(include_str!($part)),+), repeatable: true }
    };
}

pub(super) const SHOP: Document = document!("Shop", "shop.graphql");

pub(super) const ORDERS: Document = document!(
    "Orders",
    "orders.graphql",
    "fragment/order.graphql",
    "fragment/line.graphql",
    "fragment/shipping.graphql",
    "fragment/discount.graphql",
    "fragment/refund_line.graphql",
    "fragment/refund_shipping.graphql",
    "fragment/refund_payment.graphql",
    "fragment/tax.graphql",
    "fragment/money.graphql"
);

pub(super) const ORDER_LINES: Document = document!(
    "OrderLines",
    "order_lines.graphql",
    "fragment/line.graphql",
    "fragment/tax.graphql",
    "fragment/money.graphql"
);

pub(super) const ORDER_SHIPPING: Document = document!(
    "OrderShipping",
    "order_shipping.graphql",
    "fragment/shipping.graphql",
    "fragment/tax.graphql",
    "fragment/money.graphql"
);

pub(super) const ORDER_DISCOUNTS: Document =
    document!("OrderDiscounts", "order_discounts.graphql", "fragment/discount.graphql");

pub(super) const REFUND_LINES: Document =
    document!("RefundLines", "refund_lines.graphql", "fragment/refund_line.graphql", "fragment/money.graphql");

pub(super) const REFUND_SHIPPING: Document = document!(
    "RefundShippingLines",
    "refund_shipping.graphql",
    "fragment/refund_shipping.graphql",
    "fragment/money.graphql"
);

pub(super) const REFUND_TRANSACTIONS: Document = document!(
    "RefundTransactions",
    "refund_transactions.graphql",
    "fragment/refund_payment.graphql",
    "fragment/money.graphql"
);

pub(super) const ORDER_BY_NAME: Document = document!("OrderByName", "order_by_name.graphql");

pub(super) const ORDERS_UPDATED: Document = document!("OrdersUpdated", "orders_updated.graphql");

pub(super) const ORDERS_COUNT: Document = document!("OrdersCount", "orders_count.graphql");

/// Not sent as it is: [`super::bulk_orders_query`] puts the window in, and [`BULK_RUN`] carries it.
pub(super) const BULK_ORDERS: Document = document!(
    "BulkOrders",
    "bulk_orders.graphql",
    "fragment/order.graphql",
    "fragment/line.graphql",
    "fragment/shipping.graphql",
    "fragment/discount.graphql",
    "fragment/tax.graphql",
    "fragment/money.graphql"
);

/// Each time it is sent an operation starts.
pub(super) const BULK_RUN: Document =
    Document { repeatable: false, ..document!("BulkRun", "bulk_run.graphql", "fragment/bulk.graphql") };

pub(super) const BULK_STATUS: Document = document!("BulkStatus", "bulk_status.graphql", "fragment/bulk.graphql");

pub(super) const BULK_LIST: Document = document!("BulkList", "bulk_list.graphql", "fragment/bulk.graphql");

/// A mutation, yet cancelling twice is cancelling.
pub(super) const BULK_CANCEL: Document = document!("BulkCancel", "bulk_cancel.graphql");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use apollo_compiler::{
        ExecutableDocument, Schema,
        executable::{Field, Selection, SelectionSet},
        validation::Valid,
    };

    use super::*;

    const ALL: [&Document; 16] = [
        &SHOP,
        &ORDERS,
        &ORDER_LINES,
        &ORDER_SHIPPING,
        &ORDER_DISCOUNTS,
        &REFUND_LINES,
        &REFUND_SHIPPING,
        &REFUND_TRANSACTIONS,
        &ORDER_BY_NAME,
        &ORDERS_UPDATED,
        &ORDERS_COUNT,
        &BULK_ORDERS,
        &BULK_RUN,
        &BULK_STATUS,
        &BULK_LIST,
        &BULK_CANCEL,
    ];

    /// Shopify's schema, where somebody has it at hand.
    fn schema() -> Option<Valid<Schema>> {
        let Ok(path) = std::env::var("MLC_SHOPIFY_SCHEMA") else {
            eprintln!("skipped: MLC_SHOPIFY_SCHEMA does not name Shopify's schema");
            return None;
        };
        let mut text = std::fs::read_to_string(&path).unwrap();
        if !text.contains("directive @oneOf") {
            text.push_str("\ndirective @oneOf on INPUT_OBJECT\n"); // used there, and newer than this validator
        }
        Some(Schema::parse_and_validate(text, path).unwrap_or_else(|invalid| panic!("{}", invalid.errors)))
    }

    fn visit(document: &ExecutableDocument, set: &SelectionSet, see: &mut impl FnMut(&SelectionSet, &Field)) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    see(set, field);
                    visit(document, &field.selection_set, see);
                }
                Selection::InlineFragment(inline) => visit(document, &inline.selection_set, see),
                Selection::FragmentSpread(spread) => {
                    visit(document, &document.fragments[&spread.fragment_name].selection_set, see);
                }
            }
        }
    }

    #[test]
    fn every_document_is_valid_and_uses_nothing_deprecated() {
        let Some(schema) = schema() else { return };
        let mut wrong = BTreeSet::new();
        for Document { name, text, .. } in ALL {
            let document = match ExecutableDocument::parse_and_validate(&schema, *text, *name) {
                Ok(document) => document,
                Err(invalid) => {
                    wrong.insert(invalid.errors.to_string());
                    continue;
                }
            };
            assert_eq!(document.operations.len(), 1, "{name}");
            let operation = document.operations.iter().next().unwrap();
            assert_eq!(operation.name.as_ref().map(|name| name.as_str()), Some(*name));
            visit(&document, &operation.selection_set, &mut |set, field| {
                if field.definition.directives.has("deprecated") {
                    wrong.insert(format!("{name}: {}.{} is deprecated", set.ty, field.name));
                }
                for argument in &field.arguments {
                    let defined = field.definition.argument_by_name(&argument.name).unwrap();
                    if defined.directives.has("deprecated") {
                        wrong.insert(format!("{name}: {}.{}({}:) is deprecated", set.ty, field.name, argument.name));
                    }
                }
            });
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// The requested cost by the model that fits Shopify's recorded answers: money is free, other objects cost one, a connection costs
    /// two and its node times m(first).
    fn cost(document: &ExecutableDocument, set: &SelectionSet) -> u64 {
        let mut sum = 0;
        for selection in &set.selections {
            sum += match selection {
                Selection::InlineFragment(inline) => cost(document, &inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    cost(document, &document.fragments[&spread.fragment_name].selection_set)
                }
                Selection::Field(field) => {
                    let of = field.ty().inner_named_type().as_str();
                    let inner = cost(document, &field.selection_set);
                    match (of, field.argument_by_name("first").ok().and_then(|first| first.to_i32())) {
                        (connection, Some(first)) if connection.ends_with("Connection") => 2 + pages(first) * inner,
                        ("MoneyBag" | "MoneyV2" | "PageInfo", _) => inner,
                        _ if field.selection_set.is_empty() => 0,
                        _ => 1 + inner,
                    }
                }
            };
        }
        sum
    }

    fn pages(first: i32) -> u64 {
        match first {
            1 | 2 => 1,
            3 | 4 => 2,
            5 | 6 => 3,
            10 => 4,
            20 => 5,
            25 => 6,
            100 => 9,
            250 => 11,
            other => panic!("no figure for first: {other}"),
        }
    }

    #[test]
    fn reading_whole_orders_stays_within_the_budget() {
        let Some(schema) = schema() else { return };
        let cost_of = |Document { name, text, .. }: &Document| {
            let document = ExecutableDocument::parse_and_validate(&schema, *text, *name).unwrap();
            cost(&document, &document.operations.iter().next().unwrap().selection_set)
        };
        assert_eq!(cost_of(&ORDERS), 95);
        assert!(cost_of(&ORDER_LINES) < 80);
        assert!(cost_of(&REFUND_LINES) < 40);
        assert!(cost_of(&ORDERS_UPDATED) < 20);
    }
}
