//! The invoice that an order should be.

use chrono_tz::Tz;

use crate::{
    freshbooks::model::InvoiceDraft,
    mapping::{
        Cents, Refusal, Shop,
        document::{self, Style, Totalled},
        line::Shape,
        part::{Parts, View},
        settings::{Cancelled, Issue, Settings},
        text,
    },
    shopify::model::Order,
};

/// FreshBooks' limit where one is known.
pub const NUMBER_LENGTH: usize = 10;

/// An invoice as it should be. `draft.customerid` is 0 until the client is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedInvoice {
    /// What FreshBooks is sent.
    pub draft: InvoiceDraft,
    /// Where each field comes from: (FreshBooks field, Shopify field).
    pub sources: Vec<(String, String)>,
    /// How far it goes by itself.
    pub issue: Issue,
    /// It should not show any more.
    pub voided: bool,
    /// Refunds (Shopify's numbers) that it shows as negative lines.
    pub adjusted: Vec<i64>,
    /// Its date is locked: while its total is right, nothing about it is changed.
    pub frozen: bool,
    /// The total that it must have, and that FreshBooks is expected to answer; hundredths.
    pub total: Cents,
}

/// Also the shape that its lines have.
pub(super) fn wanted(
    view: View<'_>,
    parts: &Parts,
    shop: &Shop,
    style: Style<'_>,
) -> Result<(WantedInvoice, Shape), Refusal> {
    let View { order, settings, booked, .. } = view;
    let code = style.currency.code();
    if parts.invoiced < 0 {
        return Err(Refusal::negative(parts.invoiced, code));
    }
    let unexplained = booked.invoice.as_ref().map_or(0, |invoice| invoice.unexplained);
    let Totalled { lines, shape } = document::to_the_cent(&parts.invoice, parts.invoiced, unexplained, style)?;
    let number = number(view);
    if number.chars().count() > NUMBER_LENGTH {
        return Err(Refusal::number_too_long(&number));
    }
    let mut sources: Vec<(String, String)> = [
        ("invoice_number", "number"),
        ("customerid", "customer"),
        ("create_date", "processedAt"),
        ("currency_code", "currencyCode"),
        ("po_number", "name"),
        ("notes", "name, id, poNumber"),
    ]
    .map(|(field, source)| (field.to_owned(), source.to_owned()))
    .into();
    sources.extend(lines.iter().enumerate().map(|(index, line)| (format!("lines[{index}]"), line.source.clone())));
    let own = day(order.processed_at, shop.time_zone);
    let dated = booked.invoice.as_ref().and_then(|invoice| invoice.dated);
    let frozen = dated.is_some_and(|day| settings.locks(day));
    let create_date = settings.date(own, dated);
    let mut notes = format!("Shopify order {}, {}", order.name, marker(order.number_of_id()));
    if let Some(number) = order.po_number.as_deref().map(str::trim).filter(|number| !number.is_empty()) {
        notes.push_str(&format!("\nPurchase order {number}"));
    }
    if create_date != own {
        notes.push_str(&format!("\nSold on {own}."));
    }
    let draft = InvoiceDraft {
        invoice_number: number,
        customerid: 0,
        create_date,
        currency_code: code.to_owned(),
        po_number: text::fit(&order.name, text::SHORT),
        notes,
        lines: lines.into_iter().map(|line| line.line).collect(),
    };
    let adjusted = parts.refunds.iter().filter(|refund| refund.is_adjusted()).map(|refund| refund.number).collect();
    let voided = voided(order) && settings.cancelled == Cancelled::Void;
    let invoice =
        WantedInvoice { draft, sources, issue: settings.issue, voided, adjusted, frozen, total: parts.invoiced };
    Ok((invoice, shape))
}

/// Cancelled before any money came: nobody owes anything. A cancelled order that was paid is credited through its refunds instead.
pub(super) fn voided(order: &Order) -> bool {
    order.cancelled_at.is_some() && order.total_received_set.shop_money.amount.is_zero()
}

/// The number that the invoice has, or by the settings shall have: it never changes once it is given.
pub(super) fn number(view: View<'_>) -> String {
    let given = view.booked.invoice.as_ref().and_then(|invoice| invoice.number.clone());
    given.unwrap_or_else(|| new_number(view.order, view.settings))
}

/// The number that an invoice which is not there yet shall have.
pub fn new_number(order: &Order, settings: &Settings) -> String {
    settings.invoice_number.replace("{number}", &order.number.to_string())
}

/// The calendar day of an instant where the shop is.
pub(super) fn day(at: chrono::DateTime<chrono::Utc>, zone: Tz) -> chrono::NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// By this text in the notes we know our own invoices: `id 7000000000001`.
fn marker(shopify_order_id: i64) -> String {
    format!("id {shopify_order_id}")
}

/// Whether an invoice with these notes was made for another order, through whatever connection.
pub fn is_anothers(notes: &str, shopify_order_id: i64) -> bool {
    let names_one = |line: &str| {
        let number = line.strip_prefix("Shopify order ").and_then(|line| line.rsplit_once(", id "));
        number.is_some_and(|(_, number)| number.parse::<i64>().is_ok())
    };
    !is_ours(notes, shopify_order_id) && notes.lines().any(names_one)
}

/// Whether an invoice with these notes is the one we made for this order.
pub fn is_ours(notes: &str, shopify_order_id: i64) -> bool {
    let marker = marker(shopify_order_id);
    notes.lines().any(|line| line.starts_with("Shopify order ") && line.ends_with(&marker))
}
