//! Lines of invoices and credit notes.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    books::Books,
    input::Fields,
    json::{Money, NULL, Object, Plain, Raw, put_all},
    options::Options,
    problem::Problem,
    render::stamp,
    totals::cents,
};

/// One of a line's two places for a tax: a copy of name and percentage, never a reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TaxSlot {
    pub(super) name: Option<String>,
    pub(super) percent: Decimal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) kind: i64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) qty: Decimal,
    pub(super) unit_cost: Decimal,
    /// Before discount and tax.
    pub(super) amount: Decimal,
    pub(super) taxes: [TaxSlot; 2],
    pub(super) compounded_tax: bool,
    pub(super) expense_id: u64,
    pub(super) updated_at: DateTime<Utc>,
}

const READ_ONLY: &[&str] = &[
    "amount",
    "taxNumber1",
    "taxNumber2",
    "updated",
    "invoiceid",
    "taskno",
    "basecampid",
    "modern_project_id",
    "modern_time_entries",
    "retainer_id",
    "retainer_period_id",
];
// A credit note whose line carried an amount was seen accepted, so there it is merely ignored.
const READ_ONLY_ON_CREDITS: &[&str] = &["taxNumber1", "taxNumber2", "updated", "creditid", "taskno"];
const TAX_KEYS: [(&str, &str); 2] = [("taxName1", "taxAmount1"), ("taxName2", "taxAmount2")];

/// Where the lines belong, and the rules that follow from it.
pub(super) struct LineRules<'a> {
    /// `invoice` or `credit_note`.
    pub(super) object: &'static str,
    pub(super) currency: &'a str,
    pub(super) options: &'a Options,
    pub(super) now: DateTime<Utc>,
    /// Lines there now: only their ids may be named.
    pub(super) existing: &'a [Line],
}

impl LineRules<'_> {
    /// Reads a whole new list; a line without an id gets the next one from `next`.
    pub(super) fn read(&self, value: &Value, next: &mut u64) -> Result<Vec<Line>, Problem> {
        let Value::Array(entries) = value else {
            return Err(Problem::invalid(self.object, "lines", value, "must be a list"));
        };
        let mut lines: Vec<Line> = Vec::with_capacity(entries.len());
        for entry in entries {
            let Value::Object(map) = entry else {
                return Err(Problem::invalid(self.object, "lines", entry, "must be a list of objects"));
            };
            let line = self.line(Fields::new("line", map), next)?;
            if lines.iter().any(|other| other.id == line.id) {
                return Err(Problem::invalid("line", "lineid", line.id, "is given twice"));
            }
            lines.push(line);
        }
        Ok(lines)
    }

    fn line(&self, fields: Fields<'_>, next: &mut u64) -> Result<Line, Problem> {
        fields.refuse(if self.object == "invoice" { READ_ONLY } else { READ_ONLY_ON_CREDITS })?;
        let id = match fields.id("lineid")? {
            Some(id) if self.existing.iter().any(|line| line.id == id) => id,
            Some(id) => return Err(Problem::invalid("line", "lineid", id, "names no line of this document")),
            None => {
                let id = *next;
                *next += 1;
                id
            }
        };
        let kind = fields.int("type")?.unwrap_or(0);
        let expense_id = fields.id("expenseid")?.unwrap_or(0);
        match kind {
            0 => {}
            1 if expense_id == 0 => return Err(Problem::missing("line", "expenseid")),
            1 => {}
            other => return Err(Problem::invalid("line", "type", other, "must be 0 or 1")),
        }
        let qty = fields.decimal("qty")?.unwrap_or(Decimal::ONE);
        let unit_cost = fields.money("unit_cost", self.currency)?.unwrap_or_default();
        let amount = qty.checked_mul(unit_cost).ok_or_else(|| Problem::not_a_number("line", "qty", qty))?;
        let mut taxes = [TaxSlot::default(), TaxSlot::default()];
        for (slot, (name, percent)) in taxes.iter_mut().zip(TAX_KEYS) {
            slot.name = fields.text(name, 255)?.filter(|text| !text.is_empty()).map(str::to_owned);
            slot.percent = fields.percent(percent, 3)?.unwrap_or_default();
            if slot.name.is_none() && !slot.percent.is_zero() {
                return Err(Problem::missing("line", name));
            }
        }
        Ok(Line {
            id,
            kind,
            name: fields
                .text("name", self.options.longest_line_name.unwrap_or(usize::MAX))?
                .unwrap_or_default()
                .to_owned(),
            description: fields.text("description", usize::MAX)?.unwrap_or_default().to_owned(),
            qty,
            unit_cost,
            amount: cents(amount, self.options.rounding),
            taxes,
            compounded_tax: fields.flag("compounded_tax")?.unwrap_or(false),
            expense_id,
            updated_at: self.now,
        })
    }
}

impl Line {
    #[cfg(test)]
    pub(super) fn priced(amount: Decimal) -> Line {
        Line { amount, unit_cost: amount, ..Line::plain("", amount, DateTime::UNIX_EPOCH) }
    }

    /// One untaxed unit at `amount`.
    pub(super) fn plain(name: &str, amount: Decimal, now: DateTime<Utc>) -> Line {
        Line {
            id: 1,
            kind: 0,
            name: name.to_owned(),
            description: String::new(),
            qty: Decimal::ONE,
            unit_cost: amount,
            amount,
            taxes: [TaxSlot::default(), TaxSlot::default()],
            compounded_tax: false,
            expense_id: 0,
            updated_at: now,
        }
    }

    fn shared(&self, taskno: usize, currency: &str, books: &Books, out: &mut Object) {
        put_all!(out, {
            "amount": Money(self.amount, currency), "compounded_tax": self.compounded_tax,
            "description": self.description.as_str(), "name": self.name.as_str(), "qty": Plain(self.qty),
            "taskno": taskno, "type": self.kind, "unit_cost": Money(self.unit_cost, currency),
        });
        let keys = [("taxName1", "taxAmount1", "taxNumber1"), ("taxName2", "taxAmount2", "taxNumber2")];
        for (slot, (name, amount, number)) in self.taxes.iter().zip(keys) {
            out.put(name, slot.name.as_deref());
            out.put(amount, Plain(slot.percent));
            let known = slot.name.as_ref().and_then(|name| books.taxes.values().find(|tax| tax.name == *name));
            out.put(number, known.and_then(|tax| tax.number.as_deref()));
        }
    }

    pub(super) fn of_invoice(&self, invoice: u64, taskno: usize, currency: &str, books: &Books, out: &mut Object) {
        self.shared(taskno, currency, books, out);
        put_all!(out, {
            "basecampid": 0_i64, "date": NULL, "expenseid": self.expense_id, "invoiceid": invoice,
            "lineid": self.id, "modern_project_id": NULL, "modern_time_entries": Raw("[]"), "retainer_id": NULL,
            "retainer_period_id": NULL, "updated": stamp(self.updated_at),
        });
    }

    pub(super) fn of_credit(&self, credit: u64, taskno: usize, currency: &str, books: &Books, out: &mut Object) {
        self.shared(taskno, currency, books, out);
        out.put("creditid", credit);
    }
}
