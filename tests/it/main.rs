//! The integration tests: one binary, a file per behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adopt;
mod alerts;
mod audit;
mod books;
mod calls;
mod cents;
mod checks;
mod cli;
mod clients;
mod connecting;
mod consents;
mod crash;
mod disk;
mod dismiss;
mod documented;
mod drift;
mod filters;
mod freshbooks;
mod harness;
mod lanes;
mod layers;
mod model;
mod oauth;
mod periods;
mod person;
mod preview;
mod privacy;
mod pulls;
mod refunds;
mod replicas;
mod ringing;
mod rounding;
mod secrets;
mod service;
mod settings;
mod starting;
mod stopping;
mod stored;
mod storm;
mod subscriptions;
mod tokens;
mod unknown;
mod webhooks;
mod wire;
