//! Row ids as types of their own, so that an order is never looked up by a pull's number.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

macro_rules! row_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

row_id! {
    /// A row of `connection`.
    ConnectionId,
    /// A row of `synced_order`; not Shopify's id.
    OrderId,
    /// A row of `pull`.
    PullId,
    /// A row of `resource_link`.
    LinkId,
    /// A row of `customer_key`.
    CustomerKeyId,
    /// A row of `audit_entry`.
    AuditEntryId,
    /// A row of `alert`.
    AlertId,
    /// A row of `webhook_delivery`.
    DeliveryId,
    /// A row of `privacy_request`.
    PrivacyRequestId,
}
