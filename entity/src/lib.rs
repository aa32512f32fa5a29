//! The tables of ml-connector, one file each. No behaviour: who writes what is decided by the owners in the main crate.
//!
//! Money is `…_minor` (integer minor units) beside a currency code; instants end in `_at` and are UTC; `sealed` texts are ciphertext.

pub mod alert;
pub mod alert_digest;
pub mod audit_chain;
pub mod audit_entry;
pub mod call_budget;
pub mod connection;
pub mod customer_key;
pub mod ids;
pub mod oauth_state;
pub mod order_snapshot;
pub mod platform_grant;
pub mod privacy_request;
pub mod pull;
pub mod reference_check;
pub mod resource_link;
pub mod schedule;
pub mod synced_order;
pub mod told_transaction;
pub mod webhook_delivery;
pub mod webhook_subscription;
