//! ml-connector: Shopify orders become FreshBooks invoices, to the cent, exactly once, provably.
//!
//! # The idea
//!
//! A pull, a webhook and a resync do one thing: they note that an order *may* have changed. One path then takes the order as it is now,
//! works out what FreshBooks **should** hold ([`mapping`], pure), compares that with what our links say it **does** hold
//! ([`sync::plan`], pure), and makes the missing writes, one at a time. Nothing is ever told *what* changed, so a lost, doubled or late
//! notice can do no harm; the first run, the retry, the restart and the preview are the same code.
//!
//! # One order's way
//!
//! 1. [`pull`] reads a shop's orders by bulk operation and hands them to [`order::record`] page by page: the newest state wins, what is new
//!    is marked due, in one transaction with the proof of the transfer. A [`webhook`] only tells that an order may have changed
//!    ([`order::announce`]): the next visit reads it, many to a call.
//! 2. [`worker`] claims due rows ([`work`]: lease, fence, generation; each connection its fair share) and runs [`sync::sync_order`] on each,
//!    no more at once than the FreshBooks account takes ([`budget`]).
//! 3. [`mapping::wanted`] says what FreshBooks should hold, to the cent under the account's rounding rule, or refuses with a reason that
//!    names its owner and remedy.
//! 4. [`sync::plan::plan`] lists the missing writes. Of each plan only the first is carried out: [`link::intend`] stores what is about
//!    to happen, the call is made, [`link::confirm`] stores the answer with its [`audit`] entry. Killed in between? The next visit finds
//!    the intent and looks before it writes.
//! 5. [`order::settle`] brings the row to rest, or leaves it due where it was marked meanwhile.
//!
//! # Who owns what
//!
//! Each table is written by one module: [`connection`], [`grant`], [`authorize`] (grants under way), [`check`], [`alert`],
//! [`customer_key`], [`order`], [`link`], [`audit`], [`pull`], [`schedule`], [`webhook`] (deliveries), [`subscription`], [`privacy`]
//! (requests about people), [`budget`]; [`work`] alone moves the lease columns of due rows. [`drift`] and [`retention`] own no table.
//! [`shopify`] and [`freshbooks`] are plain clients that know neither each other nor the database. [`http`] and [`graphql`] are a thin
//! skin over the owners. [`sandbox`] simulates both platforms and shares no type with the rest. `tests/it/layers.rs` holds this to the
//! code.

pub mod adopt;
pub mod alert;
pub mod app;
pub mod audit;
pub mod auth;
pub mod authorize;
pub mod budget;
pub mod check;
pub mod clock;
pub mod config;
pub mod connection;
pub mod crypto;
pub mod customer_key;
pub mod db;
pub mod drift;
pub mod freshbooks;
pub mod global_id;
pub mod grant;
pub mod graphql;
pub mod http;
pub mod link;
pub mod mapping;
pub mod money;
pub mod order;
pub mod pauses;
pub mod privacy;
pub mod problem;
pub mod pull;
pub mod retention;
pub mod rotate;
pub mod sandbox;
pub mod schedule;
pub mod shopify;
pub mod subscription;
pub mod sync;
pub mod telemetry;
pub mod webhook;
pub mod work;
pub mod worker;
