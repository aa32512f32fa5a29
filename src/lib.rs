//! ml-connector: Shopify orders become FreshBooks invoices, to the cent, exactly once, provably.

pub mod sandbox;
