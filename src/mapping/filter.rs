//! Which orders are booked, and from when on. An order that has its invoice is kept right whatever the rules say now.

use chrono_tz::Tz;

use crate::{
    mapping::{
        Refusal, invoice,
        refusal::SkipRule,
        settings::{InvoiceWhen, Settings},
    },
    shopify::model::Order,
};

/// Refuses what the settings leave out, or do not want yet.
pub(super) fn check(order: &Order, settings: &Settings, zone: Tz) -> Result<(), Refusal> {
    let filters = &settings.filters;
    let is = |wanted: &String, value: &str| wanted.to_lowercase() == value.to_lowercase();
    let named = |list: &[String], value: Option<&str>| list.iter().any(|wanted| is(wanted, value.unwrap_or_default()));
    let tagged = |list: &[String]| order.tags.iter().any(|tag| list.iter().any(|wanted| is(wanted, tag)));
    let before = |start| invoice::day(order.processed_at, zone) < start;
    let (status, source) = (order.display_financial_status.as_deref(), order.source_name.as_deref());
    let rules = [
        (SkipRule::TestOrder, order.test && !filters.test_orders),
        (SkipRule::BeforeStartDate, settings.start_date.is_some_and(before)),
        (
            SkipRule::FinancialStatus,
            !filters.financial_statuses.is_empty() && !named(&filters.financial_statuses, status),
        ),
        (
            SkipRule::Source,
            named(&filters.excluded_sources, source) || !filters.sources.is_empty() && !named(&filters.sources, source),
        ),
        (SkipRule::Tag, tagged(&filters.excluded_tags) || !filters.tags.is_empty() && !tagged(&filters.tags)),
    ];
    if let Some((rule, _)) = rules.into_iter().find(|(_, applies)| *applies) {
        return Err(Refusal::Skipped(rule));
    }
    // A cancelled order waits for nothing any more.
    if order.cancelled_at.is_some() {
        return Ok(());
    }
    match settings.invoice_when {
        InvoiceWhen::Paid if !is_paid(order) => Err(Refusal::not_paid_yet()),
        InvoiceWhen::Fulfilled if !is_fulfilled(order) => Err(Refusal::not_fulfilled_yet()),
        _ => Ok(()),
    }
}

/// Paid in full once, whatever was refunded since. A free order is.
fn is_paid(order: &Order) -> bool {
    match order.display_financial_status.as_deref() {
        Some(status) => ["PAID", "PARTIALLY_REFUNDED", "REFUNDED"].contains(&status),
        None => order.current_total_price_set.shop_money.amount.is_zero(),
    }
}

fn is_fulfilled(order: &Order) -> bool {
    let sent = ["FULFILLED", "FULFILLMENT_NOT_REQUIRED"];
    order.display_fulfillment_status.as_deref().is_some_and(|status| sent.contains(&status))
}
