//! What can be subscribed to.

use async_graphql::Enum;

/// The topics that an accounting app has a use for, spelt as in Shopify's schema.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(name = "WebhookSubscriptionTopic")]
#[expect(missing_docs, reason = "the topics are Shopify's, and explained there")]
pub enum Topic {
    AppScopesUpdate,
    AppUninstalled,
    BulkOperationsFinish,
    CustomersCreate,
    CustomersDelete,
    CustomersMerge,
    CustomersPurchasingSummary,
    CustomersUpdate,
    DisputesCreate,
    DisputesUpdate,
    OrdersCancelled,
    OrdersCreate,
    OrdersDelete,
    OrdersEdited,
    OrdersPaid,
    OrdersUpdated,
    OrderTransactionsCreate,
    RefundsCreate,
    ReturnsApprove,
    ReturnsCancel,
    ReturnsClose,
    ReturnsDecline,
    ReturnsProcess,
    ReturnsReopen,
    ReturnsRequest,
    ReturnsUpdate,
    ShopUpdate,
    TenderTransactionsCreate,
}

impl Topic {
    /// As the header `X-Shopify-Topic` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AppScopesUpdate => "app/scopes_update",
            Self::AppUninstalled => "app/uninstalled",
            Self::BulkOperationsFinish => "bulk_operations/finish",
            Self::CustomersCreate => "customers/create",
            Self::CustomersDelete => "customers/delete",
            Self::CustomersMerge => "customers/merge",
            Self::CustomersPurchasingSummary => "customers/purchasing_summary",
            Self::CustomersUpdate => "customers/update",
            Self::DisputesCreate => "disputes/create",
            Self::DisputesUpdate => "disputes/update",
            Self::OrdersCancelled => "orders/cancelled",
            Self::OrdersCreate => "orders/create",
            Self::OrdersDelete => "orders/delete",
            Self::OrdersEdited => "orders/edited",
            Self::OrdersPaid => "orders/paid",
            Self::OrdersUpdated => "orders/updated",
            Self::OrderTransactionsCreate => "order_transactions/create",
            Self::RefundsCreate => "refunds/create",
            Self::ReturnsApprove => "returns/approve",
            Self::ReturnsCancel => "returns/cancel",
            Self::ReturnsClose => "returns/close",
            Self::ReturnsDecline => "returns/decline",
            Self::ReturnsProcess => "returns/process",
            Self::ReturnsReopen => "returns/reopen",
            Self::ReturnsRequest => "returns/request",
            Self::ReturnsUpdate => "returns/update",
            Self::ShopUpdate => "shop/update",
            Self::TenderTransactionsCreate => "tender_transactions/create",
        }
    }

    /// The scope that a subscription needs, if any.
    pub(in crate::sandbox::shopify) fn scope(self) -> Option<&'static str> {
        match self {
            Self::AppScopesUpdate | Self::AppUninstalled | Self::BulkOperationsFinish | Self::ShopUpdate => None,
            Self::CustomersMerge => Some("read_customer_merge"),
            Self::CustomersCreate
            | Self::CustomersDelete
            | Self::CustomersPurchasingSummary
            | Self::CustomersUpdate => Some("read_customers"),
            Self::DisputesCreate | Self::DisputesUpdate => Some("read_shopify_payments_disputes"),
            Self::OrdersCancelled
            | Self::OrdersCreate
            | Self::OrdersDelete
            | Self::OrdersEdited
            | Self::OrdersPaid
            | Self::OrdersUpdated
            | Self::OrderTransactionsCreate
            | Self::RefundsCreate
            | Self::TenderTransactionsCreate => Some("read_orders"),
            Self::ReturnsApprove
            | Self::ReturnsCancel
            | Self::ReturnsClose
            | Self::ReturnsDecline
            | Self::ReturnsProcess
            | Self::ReturnsReopen
            | Self::ReturnsRequest
            | Self::ReturnsUpdate => Some("read_returns"),
        }
    }

    /// It tells about people, so that the app must be approved for orders and customers.
    pub(in crate::sandbox::shopify) fn protected(self) -> bool {
        matches!(self.scope(), Some("read_orders" | "read_customers" | "read_customer_merge"))
    }
}
