//! Settings as a person reads them in the trail: one line each, by name, as the admin API spells the values.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value;

use super::{Filters, Settings};
use crate::mapping::cents_text;

/// Every setting by its name, such as `filters.tags`; absent where it is empty.
pub fn listed(settings: &Settings) -> Vec<(&'static str, Option<String>)> {
    // Taken apart whole, so that no setting is ever forgotten here.
    let Settings {
        filters,
        start_date,
        invoice_when,
        issue,
        invoice_number,
        currency,
        discounts,
        marketplace_tax,
        rounding_cap,
        cancelled,
        refunds,
        payment_types,
        matching,
        generic_client,
        locked_through,
        late_changes,
        drift,
    } = settings;
    let Filters { financial_statuses, sources, excluded_sources, tags, excluded_tags, test_orders } = filters;
    let types: Vec<String> = payment_types.iter().map(|(gateway, kind)| format!("{gateway}: {kind}")).collect();
    vec![
        ("filters.financialStatuses", list(financial_statuses)),
        ("filters.sources", list(sources)),
        ("filters.excludedSources", list(excluded_sources)),
        ("filters.tags", list(tags)),
        ("filters.excludedTags", list(excluded_tags)),
        ("filters.testOrders", Some(test_orders.to_string())),
        ("startDate", day(*start_date)),
        ("invoiceWhen", word(invoice_when)),
        ("issue", word(issue)),
        ("invoiceNumber", Some(invoice_number.clone())),
        ("currency", word(currency)),
        ("discounts", word(discounts)),
        ("marketplaceTax", word(marketplace_tax)),
        ("roundingCap", rounding_cap.map(cents_text)),
        ("cancelled", word(cancelled)),
        ("refunds", word(refunds)),
        ("paymentTypes", list(&types)),
        ("matching", word(matching)),
        ("genericClient", Some(generic_client.clone())),
        ("lockedThrough", day(*locked_through)),
        ("lateChanges", word(late_changes)),
        ("drift", word(drift)),
    ]
}

fn list(values: &[String]) -> Option<String> {
    if values.is_empty() { None } else { Some(values.join(", ")) }
}

fn day(day: Option<NaiveDate>) -> Option<String> {
    day.map(|day| day.to_string())
}

/// A choice as the admin API spells it: `CREDIT_NOTE`.
fn word(choice: &impl Serialize) -> Option<String> {
    let Ok(Value::String(stored)) = serde_json::to_value(choice) else { return None };
    let mut word = String::new();
    for letter in stored.chars() {
        if letter.is_ascii_uppercase() {
            word.push('_');
        }
        word.push(letter.to_ascii_uppercase());
    }
    Some(word)
}
