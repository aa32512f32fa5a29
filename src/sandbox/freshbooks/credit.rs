//! Credit notes: what the business owes a client. They belong to a client, not to an invoice, and lower nothing until applied.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    books::{Books, Index, Kind, Record, next_number},
    client::{Client, new_vis_state},
    input::{Fields, Text, nullable, text},
    json::{List, Money, NULL, Object, put_all},
    line::{Line, LineRules},
    list::{Listed, Term},
    payment::Payment,
    problem::Problem,
    query::{Given, Query},
    render::eastern_date,
    totals::totals,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CreditNote {
    pub(super) id: u64,
    pub(super) number: String,
    pub(super) client_id: u64,
    pub(super) kind: String,
    pub(super) create_date: NaiveDate,
    pub(super) currency: String,
    pub(super) amount: Decimal,
    /// How much of it has been applied.
    pub(super) paid: Decimal,
    pub(super) lines: Vec<Line>,
    pub(super) description: String,
    pub(super) fields: Map<String, Value>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) vis_state: i64,
}

const TEXTS: &[Text] = &[
    text("language", 10),
    text("notes", usize::MAX),
    nullable("terms", usize::MAX),
    nullable("vat_name", 255),
    nullable("vat_number", 255),
    text("organization", 255),
    text("fname", 255),
    text("lname", 255),
    text("street", 255),
    text("street2", 255),
    text("city", 100),
    text("province", 100),
    text("country", 100),
    text("code", 100),
];
const COPIED: &[(&str, &str)] = &[
    ("organization", "organization"),
    ("fname", "fname"),
    ("lname", "lname"),
    ("street", "p_street"),
    ("street2", "p_street2"),
    ("city", "p_city"),
    ("province", "p_province"),
    ("country", "p_country"),
    ("code", "p_code"),
];
const READ_ONLY: &[&str] = &[
    "id",
    "creditid",
    "amount",
    "paid",
    "payment_status",
    "status",
    "display_status",
    "description",
    "current_organization",
    "dispute_status",
    "last_order_status",
    "ext_archive",
    "sentid",
    "template",
    "accounting_systemid",
];
const ONLY_ON_CREATE: &[&str] = &["clientid", "credit_type", "create_date", "currency_code", "payment_type"];

impl CreditNote {
    pub(super) fn create(books: &mut Books, fields: Fields<'_>) -> Result<u64, Problem> {
        fields.refuse(READ_ONLY)?;
        fields.refuse(&["vis_state"])?;
        let client_id = fields.id("clientid")?.ok_or_else(|| Problem::missing("credit_note", "clientid"))?;
        let date = fields.date("create_date")?.ok_or_else(|| Problem::missing("credit_note", "create_date"))?;
        let kind = fields.text("credit_type", 255)?.unwrap_or("goodwill");
        if !["goodwill", "prepayment"].contains(&kind) {
            return Err(Problem::invalid("credit_note", "credit_type", kind, "must be goodwill or prepayment"));
        }
        Client::billable(books, "clientid", client_id)?;
        let mut credit = CreditNote::blank(books, client_id, kind, date)?;
        if let Some(code) = fields.currency("currency_code")? {
            code.clone_into(&mut credit.currency);
        }
        credit.write(books, fields)?;
        Ok(credit.file(books))
    }

    /// The surplus of `payment`, kept for its client.
    pub(super) fn overpayment(books: &mut Books, payment: &Payment, invoice: &str, surplus: Decimal) -> u64 {
        let now = books.now();
        let date = eastern_date(now);
        // The client of an invoice exists; without it there would still be the money to keep.
        let blank = CreditNote::blank(books, payment.client_id, "overpayment", date);
        let mut credit = blank.unwrap_or_else(|_| CreditNote::empty(payment.client_id, "overpayment", date, now));
        credit.currency.clone_from(&payment.currency);
        credit.amount = surplus;
        credit.description = format!("Overpayment: invoice {invoice}");
        credit.lines = vec![Line::plain(&credit.description, surplus, now)];
        credit.file(books)
    }

    fn empty(client_id: u64, kind: &str, create_date: NaiveDate, now: DateTime<Utc>) -> CreditNote {
        let mut fields = Map::new();
        for Text { key, nullable, .. } in TEXTS {
            fields.insert((*key).to_owned(), if *nullable { Value::Null } else { Value::from("") });
        }
        fields.insert("language".to_owned(), Value::from("en"));
        CreditNote {
            id: 0,
            number: String::new(),
            client_id,
            kind: kind.to_owned(),
            create_date,
            currency: String::new(),
            amount: Decimal::ZERO,
            paid: Decimal::ZERO,
            lines: Vec::new(),
            description: String::new(),
            fields,
            updated_at: now,
            vis_state: 0,
        }
    }

    fn blank(books: &Books, client_id: u64, kind: &str, date: NaiveDate) -> Result<CreditNote, Problem> {
        let unknown = || Problem::unknown("client", "clientid", client_id);
        let client = books.clients.get(&client_id).ok_or_else(unknown)?;
        let mut credit = CreditNote::empty(client_id, kind, date, books.now());
        for (key, source) in COPIED {
            credit.fields.insert((*key).to_owned(), client.fields.get(*source).cloned().unwrap_or_default());
        }
        client.text("currency_code").clone_into(&mut credit.currency);
        Ok(credit)
    }

    fn file(mut self, books: &mut Books) -> u64 {
        if self.number.is_empty() {
            let taken = |number: &str| books.found(Index::CreditNumber, number).next().is_some();
            self.number = next_number(&books.counters.last_credit_number, taken);
        }
        books.counters.last_credit_number.clone_from(&self.number);
        self.id = books.next_id();
        let id = self.id;
        books.put(self);
        id
    }

    /// One PUT: state alone, or ordinary fields.
    pub(super) fn update(books: &mut Books, id: u64, fields: Fields<'_>) -> Result<(), Problem> {
        let unknown = || Problem::unknown("credit_note", "creditid", id);
        let mut credit = books.credits.get(&id).cloned().ok_or_else(unknown)?;
        if let Some(state) = new_vis_state(fields)? {
            credit.vis_state = state;
        } else {
            fields.refuse(READ_ONLY)?;
            fields.refuse(ONLY_ON_CREATE)?;
            credit.write(books, fields)?;
        }
        credit.updated_at = books.now();
        books.put(credit);
        Ok(())
    }

    fn write(&mut self, books: &Books, fields: Fields<'_>) -> Result<(), Problem> {
        fields.texts(TEXTS, &mut self.fields)?;
        if let Some(number) = fields.text("credit_number", 255)?.filter(|number| !number.is_empty()) {
            if books.found(Index::CreditNumber, number).any(|other| other != self.id) {
                return Err(Problem::invalid("credit_note", "credit_number", number, "is already in use"));
            }
            number.clone_into(&mut self.number);
        }
        if let Some(lines) = fields.value("lines") {
            let options = &*books.options;
            let (currency, now) = (self.currency.as_str(), books.now());
            let rules = LineRules { object: "credit_note", currency, options, now, existing: &[] };
            self.lines = rules.read(lines, &mut 1)?;
            let sum = totals(&self.lines, Decimal::ZERO, options.rounding);
            if sum.amount < self.paid {
                return Err(Problem::invalid("credit_note", "amount", sum.amount, "is less than what was applied"));
            }
            self.amount = sum.amount;
            self.description = self.lines.first().map(|line| line.description.clone()).unwrap_or_default();
        }
        Ok(())
    }

    /// Works out anew how much of a credit is applied.
    pub(super) fn settle(books: &mut Books, id: Option<u64>) {
        let Some(id) = id else { return };
        let payments = books.found(Index::PaymentCredit, id).filter_map(|id| books.payments.get(&id));
        let paid: Decimal = payments.filter(|payment| payment.vis_state != 1).map(|payment| payment.amount).sum();
        let now = books.now();
        books.amend(id, |credit: &mut CreditNote| (credit.paid, credit.updated_at) = (paid, now));
    }

    pub(super) fn payment_status(&self) -> &'static str {
        match self.paid {
            paid if paid <= Decimal::ZERO => "unpaid",
            paid if paid >= self.amount => "paid",
            _ => "partial",
        }
    }
}

impl Record for CreditNote {
    const KIND: Kind = Kind::CreditNote;
    fn id(&self) -> u64 {
        self.id
    }
    fn rows(books: &Books) -> &BTreeMap<u64, CreditNote> {
        &books.credits
    }
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, CreditNote> {
        &mut books.credits
    }
    fn keys(&self) -> Vec<(Index, String)> {
        vec![(Index::CreditNumber, self.number.clone()), (Index::CreditClient, self.client_id.to_string())]
    }
}

impl Listed for CreditNote {
    const SINGULAR: &'static str = "credit_note";
    const PLURAL: &'static str = "credit_notes";
    const ID_FIELD: &'static str = "creditid";
    const SHARED_KEYS: &'static [&'static str] = &["vis_state"];

    fn vis_state(&self) -> Option<i64> {
        Some(self.vis_state)
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn narrow(given: Given<'_>) -> Option<(Index, String)> {
        (given.key == "clientid").then(|| (Index::CreditClient, given.text()))
    }

    fn term(given: Given<'_>) -> Result<Option<Term<CreditNote>>, Problem> {
        Ok(Some(match given.key {
            "clientid" => {
                let ids = given.ids()?;
                Box::new(move |_, credit| ids.contains(&credit.client_id))
            }
            "date_min" => {
                let day = given.date()?;
                Box::new(move |_, credit| credit.create_date >= day)
            }
            "date_max" => {
                let day = given.date()?;
                Box::new(move |_, credit| credit.create_date < day)
            }
            _ => return Ok(None),
        }))
    }

    fn render(&self, books: &Books, query: &Query, out: &mut Object) {
        let code = self.currency.as_str();
        let organization = books.clients.get(&self.client_id).map(|client| client.text("organization"));
        out.all(&self.fields);
        put_all!(out, {
            "accounting_systemid": books.options.account_id.as_str(), "amount": Money(self.amount, code),
            "clientid": self.client_id, "create_date": self.create_date, "credit_number": self.number.as_str(),
            "credit_type": self.kind.as_str(), "creditid": self.id, "currency_code": code,
            "current_organization": organization, "description": self.description.as_str(),
            "display_status": "created", "dispute_status": NULL, "ext_archive": 0_i64, "id": self.id,
            "last_order_status": NULL, "paid": Money(self.paid, code), "payment_status": self.payment_status(),
            "payment_type": NULL, "sentid": 1_i64, "status": "created", "template": "clean-grouped",
            "vis_state": self.vis_state,
        });
        if query.includes("lines") {
            let lines = self.lines.iter().zip(1_usize..);
            out.put(
                "lines",
                List(lines.map(|(line, taskno)| {
                    move |object: &mut Object| line.of_credit(self.id, taskno, code, books, object)
                })),
            );
        }
    }
}
