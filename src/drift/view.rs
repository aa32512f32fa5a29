//! A document as it is compared: the fields that a person can change, as text. Pure.
//!
//! What FreshBooks computes by itself is left out (what is paid and outstanding, statuses, stamps): it moves with every payment. The total
//! is in: it shows a discount, which has no field here.

use entity::resource_link::Kind;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    freshbooks::Documents,
    link::seen::{LINES, View, field_of},
};

/// How a field is read.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Money,
    State,
}

const INVOICE: [(&str, Form); 8] = [
    ("invoice_number", Form::Text),
    ("customerid", Form::Text),
    ("create_date", Form::Text),
    ("currency_code", Form::Text),
    ("po_number", Form::Text),
    ("notes", Form::Text),
    ("amount", Form::Money),
    ("vis_state", Form::State),
];
const PAYMENT: [(&str, Form); 6] = [
    ("invoiceid", Form::Text),
    ("amount", Form::Money),
    ("date", Form::Text),
    ("type", Form::Text),
    ("note", Form::Text),
    ("vis_state", Form::State),
];
const CREDIT_NOTE: [(&str, Form); 6] = [
    ("clientid", Form::Text),
    ("create_date", Form::Text),
    ("currency_code", Form::Text),
    ("notes", Form::Text),
    ("amount", Form::Money),
    ("vis_state", Form::State),
];
const CLIENT: [(&str, Form); 22] = [
    ("fname", Form::Text),
    ("lname", Form::Text),
    ("organization", Form::Text),
    ("email", Form::Text),
    ("bus_phone", Form::Text),
    ("p_street", Form::Text),
    ("p_street2", Form::Text),
    ("p_city", Form::Text),
    ("p_province", Form::Text),
    ("p_code", Form::Text),
    ("p_country", Form::Text),
    ("s_street", Form::Text),
    ("s_street2", Form::Text),
    ("s_city", Form::Text),
    ("s_province", Form::Text),
    ("s_code", Form::Text),
    ("s_country", Form::Text),
    ("currency_code", Form::Text),
    ("language", Form::Text),
    ("vat_number", Form::Text),
    ("note", Form::Text),
    ("vis_state", Form::State),
];

/// What stands for a document that FreshBooks does not know any more.
pub const ERASED: &str = "erased";
/// A document that shows.
pub const ACTIVE: &str = "active";
/// A document that was deleted, and can be brought back.
pub const DELETED: &str = "deleted";

/// The document as it is compared. Null, empty and absent are the same; an amount is the same however many zeros it ends in.
pub fn view(kind: Kind, document: &Value) -> View {
    let fields: &[(&str, Form)] = match kind {
        Kind::Client => &CLIENT,
        Kind::Invoice => &INVOICE,
        Kind::Payment => &PAYMENT,
        Kind::CreditNote => &CREDIT_NOTE,
    };
    let mut view = View::new();
    for (field, form) in fields {
        let value = &document[*field];
        let text = match form {
            Form::Text => text(value),
            Form::Money => money(value),
            Form::State => state(value).to_owned(),
        };
        if !text.is_empty() {
            view.insert((*field).to_owned(), text);
        }
    }
    if let Some(lines) = document[LINES].as_array() {
        view.insert(LINES.to_owned(), String::new());
        view.extend(lines.iter().enumerate().map(|(place, value)| (format!("{LINES}[{place}]"), line(value))));
    }
    view
}

/// Whether the values of this field may be a person's: texts that people fill in, and all of a client.
pub fn is_personal(kind: Kind, name: &str) -> bool {
    match (kind, field_of(name)) {
        (_, "vis_state") => false,
        (Kind::Client, _) => true,
        (_, field) => [LINES, "notes", "note", "po_number"].contains(&field),
    }
}

/// The document's amount in hundredths, as far as it counts: a deleted one counts for nothing.
pub fn counted(view: &View) -> Option<i64> {
    if view.get("vis_state").is_some_and(|state| state == DELETED || state == ERASED) {
        return Some(0);
    }
    let amount: Decimal = view.get("amount")?.split(' ').next()?.parse().ok()?;
    Some(crate::mapping::cents(amount))
}

/// Where FreshBooks keeps such documents.
pub(super) fn documents(kind: Kind) -> Documents {
    match kind {
        Kind::Client => Documents::Clients,
        Kind::Invoice => Documents::Invoices,
        Kind::Payment => Documents::Payments,
        Kind::CreditNote => Documents::CreditNotes,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Without the zeros at its end; as it came where it is no number.
fn number(value: &Value) -> String {
    let text = text(value);
    text.trim().parse::<Decimal>().map_or(text, |number| number.normalize().to_string())
}

/// `12.00 CAD`; what needs more than two decimals keeps them.
fn money(value: &Value) -> String {
    let amount = number(if value.is_object() { &value["amount"] } else { value });
    let amount = match amount.parse::<Decimal>() {
        Ok(mut number) if number.scale() < 2 => {
            number.rescale(2);
            number.to_string()
        }
        _ => amount,
    };
    match value["code"].as_str() {
        Some(code) if !code.is_empty() && !amount.is_empty() => format!("{amount} {code}"),
        _ => amount,
    }
}

fn state(value: &Value) -> &'static str {
    match value.as_i64().or_else(|| value.as_str()?.parse().ok()) {
        Some(1) => DELETED,
        Some(2) => "archived",
        _ => ACTIVE,
    }
}

/// A line as an accountant reads it: `2 × Mug (SKU M-1) at 12.00 CAD, HST 13%`.
fn line(line: &Value) -> String {
    let mut told = format!("{} × {}", number(&line["qty"]), text(&line["name"]));
    let description = text(&line["description"]);
    if !description.is_empty() {
        told = format!("{told} ({description})");
    }
    told = format!("{told} at {}", money(&line["unit_cost"]));
    for (name, percent) in [("taxName1", "taxAmount1"), ("taxName2", "taxAmount2")] {
        let name = text(&line[name]);
        if !name.is_empty() {
            told = format!("{told}, {name} {}%", number(&line[percent]));
        }
    }
    if line["compounded_tax"].as_bool() == Some(true) { format!("{told}, compounded") } else { told }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn line_of(cost: &Value, description: &Value) -> Value {
        json!({"lineid": 1, "qty": "2", "name": "Mug", "description": description, "unit_cost": {"amount": cost, "code": "CAD"},
            "taxName1": "HST", "taxAmount1": "13.000", "taxName2": null, "taxAmount2": "0", "amount": {"amount": "24.00"}})
    }

    #[test]
    fn null_empty_and_absent_are_the_same_and_so_are_amounts() {
        let one = json!({"id": 7, "customerid": 12, "notes": null, "amount": {"amount": "12.00", "code": "CAD"}, "vis_state": 0,
            "outstanding": {"amount": "0.00", "code": "CAD"}, "lines": [line_of(&json!("12.0"), &json!(null))]});
        let other = json!({"id": "7", "customerid": "12", "notes": "", "po_number": "", "amount": {"amount": "12.0", "code": "CAD"},
            "lines": [line_of(&json!("12.00"), &json!(""))], "updated": "2026-11-20 10:00:00"});
        assert_eq!(view(Kind::Invoice, &one), view(Kind::Invoice, &other));
        let seen = view(Kind::Invoice, &one);
        assert_eq!(
            (seen["lines[0]"].as_str(), seen["amount"].as_str()),
            ("2 × Mug at 12.00 CAD, HST 13%", "12.00 CAD")
        );
        assert!(!seen.contains_key("outstanding"));
    }

    #[test]
    fn texts_are_no_numbers() {
        let of = |number: &str| view(Kind::Invoice, &json!({"po_number": number}))["po_number"].clone();
        assert_ne!(of("1.10"), of("1.1"));
    }

    #[test]
    fn what_is_deleted_counts_for_nothing() {
        let of = |state| {
            counted(&view(Kind::Payment, &json!({"amount": {"amount": "5.5", "code": "CAD"}, "vis_state": state})))
        };
        assert_eq!([of(0), of(1), of(2)], [Some(550), Some(0), Some(550)]);
        assert_eq!(counted(&View::new()), None);
    }

    proptest! {
        #[test]
        fn a_view_of_a_view_is_the_same(text in ".{0,12}", cents in -100_000_i64..100_000, zeros in 0_u32..4) {
            let mut amount = Decimal::new(cents, 2);
            amount.rescale(2 + zeros);
            let money = json!({"amount": amount.to_string(), "code": "CAD"});
            for kind in [Kind::Client, Kind::Invoice, Kind::Payment, Kind::CreditNote] {
                let document = json!({"notes": text, "note": text, "email": text, "date": text, "amount": money});
                let first = view(kind, &document);
                let mut again = serde_json::to_value(&first).unwrap();
                if let Some(total) = first.get("amount") {
                    let (amount, code) = total.split_once(' ').unwrap();
                    prop_assert_eq!(amount, &Decimal::new(cents, 2).to_string());
                    again["amount"] = json!({"amount": amount, "code": code});
                }
                prop_assert_eq!(view(kind, &again), first);
            }
        }
    }
}
