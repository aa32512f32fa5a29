//! The integration tests: one binary, a file per behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod books;
mod cents;
mod cli;
mod crash;
mod freshbooks;
mod harness;
mod layers;
mod preview;
mod pulls;
mod secrets;
mod settings;
mod unknown;
