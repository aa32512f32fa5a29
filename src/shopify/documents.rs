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

pub(super) const APP_INSTALLATION: Document = document!("AppInstallation", "app_installation.graphql");

pub(super) const API_VERSIONS: Document = document!("ApiVersions", "api_versions.graphql");

pub(super) const PEOPLE: Document = document!("People", "people.graphql");

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

pub(super) const WEBHOOK_LIST: Document = document!("WebhookList", "webhook_list.graphql", "fragment/webhook.graphql");

/// A second one of the same is refused, but a lost answer leaves open whether the first was made.
pub(super) const WEBHOOK_CREATE: Document =
    Document { repeatable: false, ..document!("WebhookCreate", "webhook_create.graphql", "fragment/webhook.graphql") };

/// A mutation, yet moving twice is moving.
pub(super) const WEBHOOK_UPDATE: Document =
    document!("WebhookUpdate", "webhook_update.graphql", "fragment/webhook.graphql");

/// A mutation, yet what is deleted twice is gone.
pub(super) const WEBHOOK_DELETE: Document = document!("WebhookDelete", "webhook_delete.graphql");

#[cfg(test)]
mod tests;
