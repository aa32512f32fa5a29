//! ml-connector: Shopify orders become FreshBooks invoices, to the cent, exactly once, provably.

pub mod app;
pub mod audit;
pub mod auth;
pub mod clock;
pub mod config;
pub mod connection;
pub mod crypto;
pub mod customer_key;
pub mod db;
pub mod freshbooks;
pub mod grant;
pub mod graphql;
pub mod http;
pub mod link;
pub mod mapping;
pub mod money;
pub mod order;
pub mod problem;
pub mod pull;
pub mod sandbox;
pub mod schedule;
pub mod shopify;
pub mod sync;
pub mod telemetry;
pub mod work;
pub mod worker;
