//! What FreshBooks takes, and how amounts must look on the wire.

use ml_connector::{
    freshbooks::model::{InvoiceDraft, Line},
    sandbox::shopify::currency::CurrencyCode,
};
use rust_decimal::Decimal;
use serde_json::Value;

/// Everything about `draft` that FreshBooks would refuse or change.
pub(super) fn invoice(draft: &InvoiceDraft, currency: CurrencyCode) -> Result<(), String> {
    let length = draft.invoice_number.chars().count();
    if !(1..=10).contains(&length) {
        return Err(format!("the number {:?} has {length} characters", draft.invoice_number));
    }
    lines(&draft.lines, currency)
}

/// Everything about the lines of a document that FreshBooks would refuse or change.
pub(super) fn lines(lines: &[Line], currency: CurrencyCode) -> Result<(), String> {
    lines.iter().try_for_each(|line| of_line(line, currency))
}

fn of_line(line: &Line, currency: CurrencyCode) -> Result<(), String> {
    let name = &line.name;
    let cost = line.unit_cost.amount.normalize();
    let decimals = if currency.digits() == 0 { 0 } else { 2 };
    if cost.scale() > decimals {
        return Err(format!("{name:?} at {cost} has more than {decimals} decimals"));
    }
    if line.qty < 1 {
        return Err(format!("{name:?} has the quantity {}", line.qty));
    }
    let slots = [(&line.tax_name1, line.tax_amount1), (&line.tax_name2, line.tax_amount2)];
    for (tax, percent) in slots {
        match (tax.as_deref(), percent) {
            (None, None) => {}
            (Some(tax), Some(percent)) => {
                let sane =
                    percent >= Decimal::ZERO && percent <= Decimal::ONE_HUNDRED && percent.normalize().scale() <= 3;
                if tax.trim().is_empty() || !sane {
                    return Err(format!("{name:?} has the tax {tax:?} of {percent} per cent"));
                }
            }
            other => return Err(format!("{name:?} has half a tax: {other:?}")),
        }
    }
    if line.tax_name1.is_some() && line.tax_name1 == line.tax_name2 {
        return Err(format!("{name:?} has {:?} twice", line.tax_name1));
    }
    Ok(())
}

/// No number in `body` has a fraction, and every amount is a text with two decimals.
pub(super) fn wire(body: &Value) -> Result<(), String> {
    match body {
        Value::Number(number) if !(number.is_i64() || number.is_u64()) => Err(format!("{number} is sent as a float")),
        Value::Array(all) => all.iter().try_for_each(wire),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match (name.as_str(), value) {
            ("amount", Value::String(text)) if two_decimals(text) => Ok(()),
            ("amount", Value::Object(_)) => wire(value),
            ("amount", other) => Err(format!("the amount {other} is no text with two decimals")),
            _ => wire(value),
        }),
        _ => Ok(()),
    }
}

fn two_decimals(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, cents) = text.strip_prefix('-').unwrap_or(text).split_once('.').unwrap_or_default();
    digits(whole) && digits(cents) && cents.len() == 2
}
