//! Simulated Shopify.
