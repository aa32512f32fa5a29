//! Invoices: what may be written, and what follows from it.
//!
//! Everything derived (amount, paid, outstanding, the four statuses) is worked out here and never taken from a caller. Three refusals are
//! stricter than is known of the platform, on purpose: a negative total, a total below what is paid, and read-only keys beyond `due_date`.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    books::{Books, Index, Kind, Record, next_number},
    client::{Client, new_vis_state},
    input::{Fields, Text, nullable, text},
    line::{Line, LineRules},
    options::DuplicateNumbers,
    payment::Payment,
    problem::Problem,
    totals::totals,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) id: u64,
    pub(super) number: String,
    pub(super) customer_id: u64,
    pub(super) create_date: NaiveDate,
    pub(super) due_offset_days: i64,
    pub(super) currency: String,
    pub(super) discount_percent: Decimal,
    pub(super) discount_total: Decimal,
    pub(super) amount: Decimal,
    pub(super) paid: Decimal,
    pub(super) date_paid: Option<NaiveDate>,
    /// As last set, 0 to 3; what callers read also depends on payments.
    pub(super) status: i64,
    pub(super) fulfillment_date: Option<NaiveDate>,
    pub(super) lines: Vec<Line>,
    pub(super) next_line: u64,
    pub(super) show_attachments: bool,
    /// Texts callers may write, under the platform's own keys.
    pub(super) fields: Map<String, Value>,
    pub(super) uuid: String,
    pub(super) emails_sent: u64,
    /// Everybody to whom it was e-mailed, each time again.
    #[serde(default)]
    pub(super) emailed_to: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) ext_archive: i64,
    pub(super) vis_state: i64,
}

pub(super) const DRAFT: i64 = 1;
pub(super) const SENT: i64 = 2;
const LONGEST_NUMBER: usize = 10;

const TEXTS: &[Text] = &[
    text("language", 10),
    text("notes", usize::MAX),
    nullable("terms", usize::MAX),
    nullable("po_number", 255),
    nullable("discount_description", 255),
    text("organization", 255),
    text("fname", 255),
    text("lname", 255),
    nullable("vat_name", 255),
    nullable("vat_number", 255),
    text("street", 255),
    text("street2", 255),
    text("city", 100),
    text("province", 100),
    text("country", 100),
    text("code", 100),
    text("address", 500),
];

/// Key on the invoice, and the key on the client it is copied from.
const COPIED: &[(&str, &str)] = &[
    ("organization", "organization"),
    ("fname", "fname"),
    ("lname", "lname"),
    ("vat_name", "vat_name"),
    ("vat_number", "vat_number"),
    ("street", "p_street"),
    ("street2", "p_street2"),
    ("city", "p_city"),
    ("province", "p_province"),
    ("country", "p_country"),
    ("code", "p_code"),
];

const READ_ONLY: &[&str] = &[
    "id",
    "invoiceid",
    "accountid",
    "accounting_systemid",
    "due_date",
    "amount",
    "outstanding",
    "paid",
    "net_paid_amount",
    "discount_total",
    "discount",
    "description",
    "v3_status",
    "display_status",
    "payment_status",
    "deposit_status",
    "dispute_status",
    "last_order_status",
    "autobill_status",
    "auto_bill",
    "date_paid",
    "generation_date",
    "created_at",
    "updated",
    "version",
    "current_organization",
    "sender_address",
    "template",
    "lock_status",
    "uuid",
    "ext_archive",
];
const ONLY_ON_CREATE: &[&str] =
    &["ownerid", "sentid", "estimateid", "parent", "basecampid", "use_default_presentation"];

impl Invoice {
    pub(super) fn create(books: &mut Books, fields: Fields<'_>) -> Result<u64, Problem> {
        fields.refuse(READ_ONLY)?;
        fields.refuse(&["vis_state"])?;
        let customer_id = fields.id("customerid")?.ok_or_else(|| Problem::missing("invoice", "customerid"))?;
        let create_date = fields.date("create_date")?.ok_or_else(|| Problem::missing("invoice", "create_date"))?;
        let client = Client::billable(books, "customerid", customer_id)?;
        let now = books.now();
        let mut map = Map::new();
        for Text { key, nullable, .. } in TEXTS {
            map.insert((*key).to_owned(), if *nullable { Value::Null } else { Value::from("") });
        }
        for (key, source) in COPIED {
            map.insert((*key).to_owned(), client.fields.get(*source).cloned().unwrap_or_default());
        }
        map.insert("language".to_owned(), Value::from("en"));
        let mut invoice = Invoice {
            id: 0,
            number: String::new(),
            customer_id,
            create_date,
            due_offset_days: 0,
            currency: client.text("currency_code").to_owned(),
            discount_percent: Decimal::ZERO,
            discount_total: Decimal::ZERO,
            amount: Decimal::ZERO,
            paid: Decimal::ZERO,
            date_paid: None,
            status: DRAFT,
            fulfillment_date: None,
            lines: Vec::new(),
            next_line: 1,
            show_attachments: false,
            fields: map,
            uuid: uuid::Uuid::new_v4().to_string(),
            emails_sent: 0,
            emailed_to: Vec::new(),
            created_at: now,
            updated_at: now,
            ext_archive: 0,
            vis_state: 0,
        };
        invoice.write(books, fields)?;
        let status = fields.strict_int("status")?;
        if let Some(other) = status.filter(|status| !(DRAFT..=SENT).contains(status)) {
            return Err(Problem::invalid("invoice", "status", other, "must be draft or sent"));
        }
        if let Some(status) = status.filter(|_| books.options.honours_status_in_create) {
            invoice.set_status(status);
        }
        if invoice.number.is_empty() {
            let taken = |number: &str| books.found(Index::InvoiceNumber, number).next().is_some();
            let number = next_number(&books.counters.last_invoice_number, taken);
            // A custom number at its full length leaves no room to count on.
            let fits = number.chars().count() <= LONGEST_NUMBER;
            invoice.number = if fits { number } else { next_number("", taken) };
        }
        books.counters.last_invoice_number.clone_from(&invoice.number);
        invoice.id = books.next_id();
        let id = invoice.id;
        books.put(invoice);
        books.amend(customer_id, |client: &mut Client| client.updated_at = now);
        Ok(id)
    }

    /// One PUT. Only the first kind of thing in it is done: state, then actions, then fields.
    pub(super) fn update(books: &mut Books, id: u64, fields: Fields<'_>) -> Result<(), Problem> {
        let unknown = || Problem::unknown("invoice", "invoiceid", id);
        let mut invoice = books.invoices.get(&id).cloned().ok_or_else(unknown)?;
        let now = books.now();
        if let Some(state) = fields.strict_int("ext_vis_state")? {
            invoice.ext_archive = state;
        } else if let Some(state) = new_vis_state(fields)? {
            invoice.vis_state = state;
            // The payments stay as they are, but look touched.
            let payments: Vec<u64> = books.found(Index::PaymentInvoice, id).collect();
            for payment in payments {
                books.amend(payment, |payment: &mut Payment| payment.updated_at = now);
            }
        } else if fields.has_action() {
            let emails = fields.flag("action_email")?.unwrap_or(false);
            if emails || fields.flag("action_mark_as_sent")?.unwrap_or(false) {
                if emails {
                    invoice.emailed_to.extend(recipients(books, &invoice, fields)?);
                    invoice.emails_sent += 1;
                    books.counters.emails_sent += 1;
                }
                invoice.set_status(SENT);
            }
        } else {
            fields.refuse(READ_ONLY)?;
            fields.refuse(ONLY_ON_CREATE)?;
            invoice.write(books, fields)?;
            match fields.strict_int("status")? {
                None => {}
                Some(status @ 0..=3) => invoice.set_status(status),
                Some(other) => {
                    let why = "must be one of draft, sent, viewed or disputed";
                    return Err(Problem::invalid("invoice", "status", other, why));
                }
            }
        }
        invoice.updated_at = now;
        books.put(invoice);
        Ok(())
    }

    /// The fields that create and update have in common.
    fn write(&mut self, books: &Books, fields: Fields<'_>) -> Result<(), Problem> {
        let has_payments = self.paid > Decimal::ZERO;
        fields.texts(TEXTS, &mut self.fields)?;
        if let Some(number) = fields.text("invoice_number", LONGEST_NUMBER)?.filter(|number| !number.is_empty()) {
            let others = books.found(Index::InvoiceNumber, number).any(|other| other != self.id);
            if others && books.options.duplicate_numbers == DuplicateNumbers::Refuse {
                let message = "This invoice number is already in use.";
                return Err(Problem::new(422, 13_207, message).at("invoice", "invoice_number", number));
            }
            number.clone_into(&mut self.number);
        }
        if let Some(customer) = fields.id("customerid")?.filter(|customer| *customer != self.customer_id) {
            Client::billable(books, "customerid", customer)?;
            if has_payments {
                return Err(Problem::invalid("invoice", "customerid", customer, "is locked by a payment"));
            }
            self.customer_id = customer;
        }
        if let Some(date) = fields.date("create_date")? {
            self.create_date = date;
        }
        if let Some(days) = fields.int("due_offset_days")? {
            if !(0..=36_500).contains(&days) {
                return Err(Problem::invalid("invoice", "due_offset_days", days, "is out of range"));
            }
            self.due_offset_days = days;
        }
        if let Some(flag) = fields.flag("show_attachments")? {
            self.show_attachments = flag;
        }
        if let Some(percent) = fields.percent("discount_value", 10)? {
            self.discount_percent = percent;
        }
        if let Some(code) = fields.currency("currency_code")?.filter(|code| *code != self.currency) {
            if has_payments || (!self.lines.is_empty() && fields.value("lines").is_none()) {
                return Err(Problem::invalid("invoice", "currency_code", code, "is locked by lines or payments"));
            }
            code.clone_into(&mut self.currency);
        }
        let rounding = books.options.rounding;
        if let Some(lines) = fields.value("lines") {
            let now = books.now();
            let (options, currency) = (&*books.options, self.currency.as_str());
            let rules = LineRules { object: "invoice", currency, options, now, existing: &self.lines };
            self.lines = rules.read(lines, &mut self.next_line)?;
        }
        let sum = totals(&self.lines, self.discount_percent, rounding);
        if sum.amount < Decimal::ZERO {
            return Err(Problem::invalid("invoice", "amount", sum.amount, "may not be negative"));
        }
        if sum.amount < self.paid {
            return Err(Problem::invalid("invoice", "amount", sum.amount, "is less than what has been paid"));
        }
        self.discount_total = sum.discount;
        self.amount = sum.amount;
        Ok(())
    }

    fn set_status(&mut self, status: i64) {
        if status != DRAFT && self.fulfillment_date.is_none() {
            self.fulfillment_date = Some(self.create_date);
        }
        self.status = status;
    }

    pub(super) fn outstanding(&self) -> Decimal {
        self.amount - self.paid
    }

    pub(super) fn due_date(&self) -> NaiveDate {
        let days = Days::new(self.due_offset_days.unsigned_abs());
        self.create_date.checked_add_days(days).unwrap_or(self.create_date)
    }

    /// Works out anew what is paid, from the payments there are.
    pub(super) fn settle(books: &mut Books, id: u64) {
        let Some(amount) = books.invoices.get(&id).map(|invoice| invoice.amount) else { return };
        let live = books.found(Index::PaymentInvoice, id).filter_map(|payment| books.payments.get(&payment));
        let live: Vec<_> = live.filter(|payment| payment.vis_state != 1).collect();
        let paid: Decimal = live.iter().map(|payment| payment.amount).sum();
        let settled = paid > Decimal::ZERO && paid >= amount;
        let date_paid = live.iter().map(|payment| payment.date).max().filter(|_| settled);
        let now = books.now();
        books.amend(id, |invoice: &mut Invoice| {
            (invoice.paid, invoice.date_paid, invoice.updated_at) = (paid, date_paid, now);
        });
    }
}

/// Whom an e-mail goes to: those named, else the client. Somebody it must be.
fn recipients(books: &Books, invoice: &Invoice, fields: Fields<'_>) -> Result<Vec<String>, Problem> {
    let refused = |value: &Value| Problem::invalid("invoice", "email_recipients", value, "must be a list of addresses");
    let named = match fields.value("email_recipients") {
        None => Vec::new(),
        Some(Value::Array(entries)) => {
            let address = |entry: &Value| entry.as_str().filter(|text| text.contains('@')).map(str::to_owned);
            entries.iter().map(|entry| address(entry).ok_or_else(|| refused(entry))).collect::<Result<Vec<_>, _>>()?
        }
        Some(other) => return Err(refused(other)),
    };
    if !named.is_empty() {
        return Ok(named);
    }
    let own = books.clients.get(&invoice.customer_id).map(|client| client.text("email")).unwrap_or_default();
    if own.is_empty() {
        return Err(Problem::missing("invoice", "email_recipients"));
    }
    Ok(vec![own.to_owned()])
}

impl Record for Invoice {
    const KIND: Kind = Kind::Invoice;
    fn id(&self) -> u64 {
        self.id
    }
    fn rows(books: &Books) -> &BTreeMap<u64, Invoice> {
        &books.invoices
    }
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, Invoice> {
        &mut books.invoices
    }
    fn keys(&self) -> Vec<(Index, String)> {
        vec![(Index::InvoiceNumber, self.number.clone()), (Index::InvoiceCustomer, self.customer_id.to_string())]
    }
}
