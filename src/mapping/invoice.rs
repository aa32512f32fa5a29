//! The invoice that an order should be, and the proof that it is right to the cent under FreshBooks' way of adding up.

use chrono_tz::Tz;

use crate::{
    freshbooks::model::{InvoiceDraft, Line},
    mapping::{
        CentProof, Cents, Refusal, Shop,
        amount::{Reader, unit},
        line::{self, SourcedLine, Taxes},
        part::{self, Parts},
        settings::{Issue, Settings},
    },
    money::Currency,
    shopify::model::Order,
};

/// FreshBooks' limit where one is known.
const NUMBER_LENGTH: usize = 10;

/// An invoice as it should be. `draft.customerid` is 0 until the client is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedInvoice {
    /// What FreshBooks is sent.
    pub draft: InvoiceDraft,
    /// Where each field comes from: (FreshBooks field, Shopify field).
    pub sources: Vec<(String, String)>,
    /// Marked sent, or left a draft.
    pub issued: bool,
    /// It should not show any more.
    pub voided: bool,
}

pub(super) fn wanted(
    order: &Order,
    parts: &Parts,
    settings: &Settings,
    shop: &Shop,
) -> Result<(WantedInvoice, CentProof), Refusal> {
    let currency = Reader::documents(settings.currency, order).currency(order);
    if parts.owed < 0 {
        return Err(Refusal::negative(parts.owed, currency.code()));
    }
    let (lines, proof) = to_the_cent(parts, settings, shop, currency)?;
    let number = settings.invoice_number.replace("{number}", &order.number.to_string());
    if number.chars().count() > NUMBER_LENGTH {
        return Err(Refusal::number_too_long(&number));
    }
    let mut sources = vec![
        ("invoice_number".to_owned(), "number".to_owned()),
        ("customerid".to_owned(), "customer".to_owned()),
        ("create_date".to_owned(), "processedAt".to_owned()),
        ("currency_code".to_owned(), "currencyCode".to_owned()),
        ("po_number".to_owned(), "name".to_owned()),
        ("notes".to_owned(), "name, id".to_owned()),
    ];
    sources.extend(lines.iter().enumerate().map(|(index, line)| (format!("lines[{index}]"), line.source.clone())));
    let draft = InvoiceDraft {
        invoice_number: number,
        customerid: 0,
        create_date: day(order.processed_at, shop.time_zone),
        currency_code: currency.code().to_owned(),
        po_number: order.name.clone(),
        notes: format!("Shopify order {}, {}", order.name, marker(order.number_of_id())),
        lines: lines.into_iter().map(|line| line.line).collect(),
    };
    let voided =
        order.cancelled_at.is_some() && parts.owed == 0 && order.total_received_set.shop_money.amount.is_zero();
    Ok((WantedInvoice { draft, sources, issued: settings.issue == Issue::Sent, voided }, proof))
}

/// Cancelled before any money came: nobody owes anything. A cancelled order that was paid is credited through its refunds instead.
pub(super) fn voided(order: &Order) -> bool {
    order.cancelled_at.is_some() && order.total_received_set.shop_money.amount.is_zero()
}

/// The calendar day of an instant where the shop is.
pub(super) fn day(at: chrono::DateTime<chrono::Utc>, zone: Tz) -> chrono::NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// By this text in the notes we know our own invoices: `id 7000000000001`.
fn marker(shopify_order_id: i64) -> String {
    format!("id {shopify_order_id}")
}

/// Whether an invoice with these notes is the one we made for this order.
pub fn is_ours(notes: &str, shopify_order_id: i64) -> bool {
    let marker = marker(shopify_order_id);
    notes.lines().any(|line| line.starts_with("Shopify order ") && line.ends_with(&marker))
}

/// Lines whose total under FreshBooks' rule is what the order is owed: true rates first, then taxes as lines of their own.
fn to_the_cent(
    parts: &Parts,
    settings: &Settings,
    shop: &Shop,
    currency: Currency,
) -> Result<(Vec<SourcedLine>, CentProof), Refusal> {
    let code = currency.code();
    let rule = shop.rules.preferred();
    let mut best = None;
    for taxes in [Taxes::Percentages, Taxes::Lines] {
        let mut lines = line::lines(&parts.parts, currency, settings.discounts, taxes);
        let predicted = rule.total(&plain(&lines));
        let missing = parts.owed - predicted;
        if missing.abs() <= cap(settings, lines.len(), currency) {
            if missing != 0 {
                lines.push(line::plain("currentTotalPriceSet", "Rounding", missing, code));
            }
            return Ok((lines, CentProof { shopify: parts.owed, predicted: predicted + missing }));
        }
        best = Some(predicted);
    }
    let predicted = best.unwrap_or_else(|| part::total(&parts.parts));
    Err(Refusal::not_to_the_cent(CentProof { shopify: parts.owed, predicted }, code))
}

/// The largest rounding line allowed, in hundredths.
fn cap(settings: &Settings, lines: usize, currency: Currency) -> Cents {
    let lines = i64::try_from(lines).unwrap_or(i64::MAX);
    settings.rounding_cap.unwrap_or_else(|| lines.max(2).saturating_mul(unit(currency)))
}

fn plain(lines: &[SourcedLine]) -> Vec<Line> {
    lines.iter().map(|line| line.line.clone()).collect()
}
