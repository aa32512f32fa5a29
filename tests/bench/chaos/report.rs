//! What a run has to show.

use std::{collections::BTreeMap, time::Duration};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use ml_connector::{
    mapping::cents_text,
    sandbox::faults::{Failure, Faults, Moment},
};
use rust_decimal::Decimal;

use crate::{audit::Audit, run::Ran, world::World};

pub(crate) fn table(name: &str, orders: u32, world: &World, ran: &Ran, audit: &Audit, took: Duration) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    let (shop, books) = (calls(&world.shopify.faults), calls(&world.freshbooks.faults));
    row(name, format!("{} s", seconds(took)));
    row("Orders, and changes to them", format!("{orders}, {}", ran.changes));
    row("Invoices, and orders without", format!("{}, {}", audit.invoices, audit.without));
    row("Payments, credit notes, clients", format!("{}, {}, {}", audit.payments, audit.credit_notes, audit.clients));
    row("Kills, and orders held by somebody then", format!("{}, {}", ran.kills, ran.watch.recovered));
    for (fault, times) in struck(world) {
        row(&format!("Calls {fault}"), times.to_string());
    }
    row(
        "Tokens renewed, Shopify and FreshBooks",
        format!("{}, {}", renewed(world.shopify.token_requests()), renewed(world.freshbooks.token_requests())),
    );
    row("Authorized again by a person", ran.authorizations.to_string());
    row("Webhooks, doubled, repeated", format!("{}, {}, {}", ran.post.made, ran.post.doubled, ran.post.repeated));
    row("Lost", audit.lost.len().to_string());
    row("Duplicates", audit.duplicates.len().to_string());
    row("Otherwise wrong", (audit.others.len() + ran.post.wrong.len()).to_string());
    row("Difference of totals", cents_text(audit.freshbooks - audit.shopify));
    row("Difference of payments", cents_text(audit.paid - audit.received));
    row("Audit entries, chain verified", audit.audit_entries.to_string());
    row(
        "FreshBooks calls per order, of these writes",
        format!("{}, {}", per(books.values().sum(), orders), per(writes(&books), orders)),
    );
    row("Shopify calls per order", per(shop.values().sum(), orders));
    row("Slowest recovery from a kill", ran.watch.slowest_recovery.to_string());
    row("Slowest order, from its last news to rest", ran.watch.slowest_order.to_string());
    table.to_string()
}

/// Without those that set up webhooks, and those for tokens.
fn calls(faults: &Faults) -> BTreeMap<String, u64> {
    let mut calls = faults.calls();
    let other = ["Callback", "Webhook", "Token", "token", "Authorize", "authorize"];
    calls.retain(|call, _| !other.iter().any(|part| call.contains(part)));
    calls
}

fn writes(calls: &BTreeMap<String, u64>) -> u64 {
    let is_write = |call: &str| ["Create", "Update", "Delete"].iter().any(|verb| call.starts_with(verb));
    calls.iter().filter(|(call, _)| is_write(call)).map(|(_, times)| times).sum()
}

fn renewed(requests: BTreeMap<String, u64>) -> u64 {
    requests.get("refresh_token").copied().unwrap_or_default()
}

/// Both platforms' faults, named as one reads them.
fn struck(world: &World) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for ((moment, failure), times) in world.shopify.faults.struck().into_iter().chain(world.freshbooks.faults.struck())
    {
        let when = if moment == Moment::Before { "without effect" } else { "that took effect" };
        let how = match failure {
            Failure::Drop => "whose answer was lost".to_owned(),
            Failure::Status(status) => format!("answered {status}"),
            Failure::Throttle(None) => "throttled".to_owned(),
            Failure::Throttle(Some(seconds)) => format!("throttled for {seconds} s"),
            Failure::Late(time) => format!("late by {time:?}"),
        };
        *all.entry(format!("{how}, {when}")).or_default() += times;
    }
    all
}

fn seconds(time: Duration) -> String {
    format!("{}.{}", time.as_secs(), time.subsec_millis() / 100)
}

fn per(calls: u64, orders: u32) -> String {
    (Decimal::from(calls) / Decimal::from(orders)).round_dp(2).to_string()
}
