//! Order in, books out: every row of the accountant's two tables, as cases that an accountant can check.
//!
//! An order is the Admin API's JSON with Shopify's own figures spelled out. What the books then show is told in plain lines: the invoice's
//! lines, its total, the payments, the credit notes; or why nothing is booked. Every case also proves the document's own invariants.

mod clients;
mod compound;
mod currency;
mod discounts;
mod edits;
mod examples;
mod filters;
mod lines;
mod matching;
mod numbers;
mod order;
mod payments;
mod periods;
mod policies;
mod recorded;
mod refunds;
mod returns;
mod rounding;
mod shipping;
mod steps;
mod taxes;
mod taxlines;

use serde_json::Value;

use self::order::*;
use super::{rounding::Rule, *};
use crate::freshbooks::model::Line;

/// The default settings, but for this.
fn but(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

fn toronto() -> Shop {
    Shop { time_zone: chrono_tz::America::Toronto, rules: Rules::default() }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The one credit note, payment, line…
fn only<T>(all: &[T]) -> &T {
    let [one] = all else { panic!("{} instead of one", all.len()) };
    one
}

/// The invoice that is there already, unlike any default only in this.
fn invoiced(change: impl FnOnce(&mut BookedInvoice)) -> Booked {
    let mut invoice = BookedInvoice { currency: Some("CAD".to_owned()), ..BookedInvoice::default() };
    change(&mut invoice);
    Booked { invoice: Some(invoice), ..Booked::default() }
}

fn want(order: &Value, settings: &Settings) -> Wanted {
    want_with(order, settings, &toronto(), &Booked::default()).unwrap()
}

/// What mapping says, once it has kept its promises.
fn want_with(order: &Value, settings: &Settings, shop: &Shop, booked: &Booked) -> Result<Wanted, Refusal> {
    let order: Order = serde_json::from_value(order.clone()).unwrap();
    let wanted = wanted(&order, settings, shop, booked)?;
    let rule = shop.rules.preferred();
    let (code, invoice) = (wanted.currency.code(), &wanted.invoice);
    let all = wanted.credits.iter().flat_map(|credit| &credit.draft.lines).chain(&invoice.draft.lines);
    for line in all {
        assert!(line.qty > 0 && line.unit_cost.code == code && line.unit_cost.amount.scale() <= 2, "{line:?}");
        assert_ne!(line.tax_name1, line.tax_name2.clone().or(Some(String::new())), "one tax twice: {line:?}");
    }
    if booked.invoice.as_ref().is_none_or(|invoice| invoice.unexplained == 0) {
        assert_eq!(rule.total(&invoice.draft.lines), invoice.total, "the invoice adds up by {rule:?}");
    }
    for credit in wanted.credits.iter().filter(|credit| !booked.credited.contains_key(&credit.refund)) {
        assert_eq!(rule.total(&credit.draft.lines), credit.total, "the credit note adds up by {rule:?}");
    }
    let lines = |sources: &[(String, String)]| sources.iter().filter(|(field, _)| field.starts_with("lines[")).count();
    assert_eq!(lines(&invoice.sources), invoice.draft.lines.len(), "every line says where it comes from");
    assert!(wanted.payments.iter().map(WantedPayment::amount).sum::<Cents>() <= invoice.total, "never overpaid");
    if wanted.left_to_person.is_none() {
        assert_eq!(wanted.proof.predicted, wanted.proof.shopify, "what is owed is what is booked");
    }
    Ok(wanted)
}

/// What the books show: the invoice, then its payments, then credit notes, each as plain lines.
fn books(order: &Value, settings: &Settings) -> Vec<String> {
    books_after(order, settings, &Booked::default())
}

/// The same, where the books hold something of the order already.
fn books_after(order: &Value, settings: &Settings, booked: &Booked) -> Vec<String> {
    told(want_with(order, settings, &toronto(), booked))
}

/// The invoice alone: its lines, then its total.
fn invoice(order: &Value, settings: &Settings) -> Vec<String> {
    invoice_by(order, settings, &toronto(), &Booked::default())
}

fn invoice_by(order: &Value, settings: &Settings, shop: &Shop, booked: &Booked) -> Vec<String> {
    match want_with(order, settings, shop, booked) {
        Ok(wanted) => document(&wanted.invoice.draft.lines, wanted.invoice.total, wanted.currency),
        Err(refusal) => vec![reason(&refusal)],
    }
}

fn told(wanted: Result<Wanted, Refusal>) -> Vec<String> {
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(refusal) => return vec![reason(&refusal)],
    };
    if wanted.invoice.voided {
        return vec!["voided".to_owned()];
    }
    let mut told = document(&wanted.invoice.draft.lines, wanted.invoice.total, wanted.currency);
    for payment in &wanted.payments {
        let draft = &payment.draft;
        told.push(format!("paid {} {} on {} as {}", draft.amount.amount, draft.amount.code, draft.date, draft.kind));
    }
    for credit in &wanted.credits {
        told.push(format!("credit note on {}", credit.draft.create_date));
        told.extend(document(&credit.draft.lines, credit.total, wanted.currency));
    }
    told.extend(wanted.left_to_person.map(|problem| format!("left to a person: {}", problem.message)));
    told
}

/// The books, then what is still to pay.
fn outstanding(order: &Value, settings: &Settings) -> Vec<String> {
    let wanted = want(order, settings);
    let paid: Cents = wanted.payments.iter().map(WantedPayment::amount).sum();
    let open = format!("outstanding {} {}", cents_text(wanted.invoice.total - paid), wanted.currency);
    let mut told = told(Ok(wanted));
    told.push(open);
    told
}

fn document(lines: &[Line], total: Cents, currency: Currency) -> Vec<String> {
    let total = format!("{} {currency}", cents_text(total));
    lines.iter().map(line).chain([total]).collect()
}

/// Such as `2 Mug at 12.00 GST 5%, QST 9.975%`; a compounded tax is `on top`.
fn line(line: &Line) -> String {
    let slots = [(&line.tax_name1, line.tax_amount1), (&line.tax_name2, line.tax_amount2)];
    let taxes: Vec<String> =
        slots.into_iter().filter_map(|(name, percent)| Some(format!("{} {}%", name.as_ref()?, percent?))).collect();
    let taxes = if taxes.is_empty() { String::new() } else { format!(" {}", taxes.join(", ")) };
    let on_top = if line.compounded_tax { " on top" } else { "" };
    format!("{} {} at {}{taxes}{on_top}", line.qty, line.name, line.unit_cost.amount)
}

/// Such as `waits: OVERPAID`.
fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Skipped(rule) => format!("skipped: {}", rule.code()),
        Refusal::Waiting(problem) => format!("waits: {}", problem.code),
        Refusal::Failed(problem) => format!("failed: {}", problem.code),
    }
}

/// One row of a table: what it shows, the order, the settings, the invoice.
type Row<'a> = (&'a str, Value, Settings, &'a [&'a str]);

/// Checks the invoices of a table.
fn check_invoices(table: &[Row<'_>]) {
    for (what, order, settings, expected) in table {
        assert_eq!(invoice(order, settings), *expected, "{what}");
    }
}

/// Checks everything that the books show.
fn check_books(table: &[Row<'_>]) {
    for (what, order, settings, expected) in table {
        assert_eq!(books(order, settings), *expected, "{what}");
    }
}
