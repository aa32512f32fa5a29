//! The closed lists of values that orders, transactions and bulk operations use, spelt as in Shopify's schema.

#![expect(missing_docs, reason = "the values are Shopify's, and explained there")]

use async_graphql::Enum;

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderCancelReason {
    Customer,
    Declined,
    Fraud,
    Inventory,
    Other,
    Staff,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderDisplayFinancialStatus {
    Authorized,
    Expired,
    Paid,
    PartiallyPaid,
    PartiallyRefunded,
    Pending,
    Refunded,
    Voided,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderDisplayFulfillmentStatus {
    Fulfilled,
    FulfillmentNotRequired,
    InProgress,
    OnHold,
    Open,
    PartiallyFulfilled,
    PendingFulfillment,
    RequestDeclined,
    Restocked,
    Scheduled,
    Unfulfilled,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderReturnStatus {
    InspectionComplete,
    InProgress,
    NoReturn,
    Returned,
    ReturnFailed,
    ReturnRequested,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderTransactionKind {
    Authorization,
    Capture,
    Change,
    EmvAuthorization,
    Refund,
    Sale,
    SuggestedRefund,
    Void,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderTransactionStatus {
    AwaitingResponse,
    Error,
    Failure,
    Pending,
    Success,
    Unknown,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderTransactionErrorCode {
    AuthorizationExpired,
    CancelledPayment,
    CardDeclined,
    ExpiredCard,
    FraudSuspected,
    GenericError,
    InsufficientFunds,
    ProcessingError,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderAdjustmentDiscrepancyReason {
    Customer,
    Damage,
    FullReturnBalancingAdjustment,
    PendingRefundDiscrepancy,
    RefundDiscrepancy,
    Restock,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundLineItemRestockType {
    Cancel,
    LegacyRestock,
    NoRestock,
    Return,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigitalWallet {
    AmazonPay,
    AndroidPay,
    ApplePay,
    FacebookPay,
    GooglePay,
    ShopifyPay,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscountApplicationAllocationMethod {
    Across,
    Each,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscountApplicationTargetSelection {
    All,
    Entitled,
    Explicit,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscountApplicationTargetType {
    LineItem,
    ShippingLine,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerState {
    Declined,
    Disabled,
    Enabled,
    Invited,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOperationStatus {
    Canceled,
    Canceling,
    Completed,
    Created,
    Expired,
    Failed,
    Running,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOperationType {
    Mutation,
    Query,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOperationErrorCode {
    AccessDenied,
    InternalServerError,
    Timeout,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOperationUserErrorCode {
    Invalid,
    LimitReached,
    OperationInProgress,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountPrecision {
    AtLeast,
    Exact,
}
