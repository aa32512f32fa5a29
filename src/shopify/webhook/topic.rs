//! The webhooks that each shop is asked for. Those of privacy law cannot be asked for: they belong to the app's own settings.

/// A kind of event, by both of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// In GraphQL, such as `ORDERS_CREATE`.
    pub name: &'static str,
    /// In a delivery's head, such as `orders/create`.
    pub header: &'static str,
    /// Without it Shopify refuses the subscription; `None` where every app may.
    pub scope: Option<&'static str>,
}

/// What we want to hear of, where the scope is granted.
pub const TOPICS: [Topic; 15] = [
    of("ORDERS_CREATE", "orders/create", Some("read_orders")),
    of("ORDERS_UPDATED", "orders/updated", Some("read_orders")),
    of("ORDERS_EDITED", "orders/edited", Some("read_orders")),
    of("ORDERS_PAID", "orders/paid", Some("read_orders")),
    of("ORDERS_CANCELLED", "orders/cancelled", Some("read_orders")),
    of("ORDERS_DELETE", "orders/delete", Some("read_orders")),
    of("ORDER_TRANSACTIONS_CREATE", "order_transactions/create", Some("read_orders")),
    of("REFUNDS_CREATE", "refunds/create", Some("read_orders")),
    of("CUSTOMERS_CREATE", "customers/create", Some("read_customers")),
    of("CUSTOMERS_UPDATE", "customers/update", Some("read_customers")),
    of("CUSTOMERS_MERGE", "customers/merge", Some("read_customer_merge")),
    of("APP_UNINSTALLED", "app/uninstalled", None),
    of("APP_SCOPES_UPDATE", "app/scopes_update", None),
    of("SHOP_UPDATE", "shop/update", None),
    of("BULK_OPERATIONS_FINISH", "bulk_operations/finish", None),
];

const fn of(name: &'static str, header: &'static str, scope: Option<&'static str>) -> Topic {
    Topic { name, header, scope }
}
