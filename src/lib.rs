//! ml-connector: Shopify orders become FreshBooks invoices, to the cent, exactly once, provably.

pub mod auth;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod freshbooks;
pub mod money;
pub mod sandbox;
pub mod shopify;
pub mod telemetry;
