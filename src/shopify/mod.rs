//! Shopify's Admin API as a plain struct with a base URL.

pub mod model;
