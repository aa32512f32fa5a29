//! Simulated Shopify and FreshBooks over real HTTP, as strict as the real platforms.
//!
//! Nothing here imports anything else of this crate: a misspelt field must fail a test, not agree with itself.

pub mod faults;
pub mod freshbooks;
pub mod shopify;
