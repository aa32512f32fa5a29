//! ml-connector: Shopify orders become FreshBooks invoices, to the cent, exactly once, provably.

pub mod audit;
pub mod clock;
pub mod crypto;
pub mod customer_key;
pub mod db;
pub mod freshbooks;
pub mod mapping;
pub mod money;
pub mod problem;
pub mod sandbox;
pub mod shopify;
pub mod work;
