//! What a test sees when it opens the simulated books.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    books::Books, callback::Callback, client::Client, credit::CreditNote, invoice::Invoice, line::Line,
    payment::Payment, totals::line_taxes,
};

/// An invoice, deleted ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceView {
    /// The platform's id.
    pub id: u64,
    /// Its document number.
    pub number: String,
    /// The reference printed on it; empty when unset.
    pub po_number: String,
    /// The text for the customer.
    pub notes: String,
    /// The client's id.
    pub customer_id: u64,
    /// ISO 4217.
    pub currency: String,
    /// Date of issue.
    pub create_date: NaiveDate,
    /// Zero or negative.
    pub discount_total: Decimal,
    /// The total with tax, after discount.
    pub amount: Decimal,
    /// Sum of its live payments.
    pub paid: Decimal,
    /// What is still owed.
    pub outstanding: Decimal,
    /// The number callers read.
    pub status: i64,
    /// `draft`, `sent`, `viewed`.
    pub display_status: String,
    /// `unpaid`, `partial`, `paid`.
    pub payment_status: String,
    /// `draft`, `sent`, `partial`, `paid`, `overdue`, …
    pub v3_status: String,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: i64,
    /// How often it would have been e-mailed.
    pub emails_sent: u64,
    /// To whom, one after the other.
    pub emailed_to: Vec<String>,
    /// In their order.
    pub lines: Vec<LineView>,
}

/// A line of an invoice or a credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineView {
    /// Unique within its document.
    pub id: u64,
    /// Item title.
    pub name: String,
    /// Item text.
    pub description: String,
    /// How many.
    pub quantity: Decimal,
    /// Price of one.
    pub unit_cost: Decimal,
    /// Before discount and tax.
    pub amount: Decimal,
    /// The taxes charged, at most two.
    pub taxes: Vec<TaxView>,
    /// The second tax is charged on the first one too.
    pub compounded: bool,
}

/// One tax of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxView {
    /// Its name.
    pub name: String,
    /// Its rate in percent.
    pub percent: Decimal,
    /// What it comes to on this line, to the cent.
    pub amount: Decimal,
}

/// A payment, deleted ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentView {
    /// The platform's id.
    pub id: u64,
    /// What it pays.
    pub invoice_id: u64,
    /// Who paid.
    pub client_id: u64,
    /// What was booked, which can be less than what was sent.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// Booking date.
    pub date: NaiveDate,
    /// `Credit Card`, `Cash`, …
    pub kind: String,
    /// Free text.
    pub note: String,
    /// The credit that took the surplus.
    pub overpayment_id: Option<u64>,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: i64,
}

/// A client, deleted ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientView {
    /// The platform's id.
    pub id: u64,
    /// Generated login name.
    pub username: String,
    /// As written by the caller.
    pub email: String,
    /// Company.
    pub organization: String,
    /// First name.
    pub fname: String,
    /// Last name.
    pub lname: String,
    /// Default currency.
    pub currency: String,
    /// Private note.
    pub note: String,
    /// Telephone number.
    pub phone: String,
    /// Registration for sales tax.
    pub vat_number: String,
    /// Language.
    pub language: String,
    /// Billing street, second line, city, province, postal code, country.
    pub address: [String; 6],
    /// The same of the secondary address.
    pub other_address: [String; 6],
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: i64,
}

/// A credit note, deleted ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNoteView {
    /// The platform's id.
    pub id: u64,
    /// Its document number.
    pub number: String,
    /// Whose credit it is.
    pub client_id: u64,
    /// `goodwill`, `prepayment`, `overpayment`.
    pub kind: String,
    /// ISO 4217.
    pub currency: String,
    /// Date of issue.
    pub create_date: NaiveDate,
    /// The total with tax.
    pub amount: Decimal,
    /// How much has been applied.
    pub paid: Decimal,
    /// `unpaid`, `partial`, `paid`.
    pub payment_status: String,
    /// The text for the customer.
    pub notes: String,
    /// What it is for.
    pub description: String,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: i64,
    /// In their order.
    pub lines: Vec<LineView>,
}

/// A callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackView {
    /// The platform's id.
    pub id: u64,
    /// A noun, or a noun and a verb.
    pub event: String,
    /// Where it is told.
    pub uri: String,
    /// Only then is it told anything.
    pub verified: bool,
    /// The secret of its signatures.
    pub verifier: String,
}

fn lines(lines: &[Line], discount: Decimal, books: &Books) -> Vec<LineView> {
    let view = |line: &Line| {
        let amounts = line_taxes(line, discount, books.options.rounding);
        let named = line
            .taxes
            .iter()
            .zip(amounts)
            .filter_map(|(slot, amount)| Some(TaxView { name: slot.name.clone()?, percent: slot.percent, amount }));
        LineView {
            id: line.id,
            name: line.name.clone(),
            description: line.description.clone(),
            quantity: line.qty,
            unit_cost: line.unit_cost,
            amount: line.amount,
            taxes: named.collect(),
            compounded: line.compounded_tax,
        }
    };
    lines.iter().map(view).collect()
}

fn written(fields: &serde_json::Map<String, serde_json::Value>, key: &str) -> String {
    fields.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

impl InvoiceView {
    pub(super) fn of(invoice: &Invoice, books: &Books) -> InvoiceView {
        let statuses = invoice.statuses(books);
        InvoiceView {
            id: invoice.id,
            number: invoice.number.clone(),
            po_number: written(&invoice.fields, "po_number"),
            notes: written(&invoice.fields, "notes"),
            customer_id: invoice.customer_id,
            currency: invoice.currency.clone(),
            create_date: invoice.create_date,
            discount_total: invoice.discount_total,
            amount: invoice.amount,
            paid: invoice.paid,
            outstanding: invoice.outstanding(),
            status: statuses.status,
            display_status: statuses.display.to_owned(),
            payment_status: statuses.payment.to_owned(),
            v3_status: statuses.v3.to_owned(),
            vis_state: invoice.vis_state,
            emails_sent: invoice.emails_sent,
            emailed_to: invoice.emailed_to.clone(),
            lines: lines(&invoice.lines, invoice.discount_percent, books),
        }
    }
}

impl PaymentView {
    pub(super) fn of(payment: &Payment) -> PaymentView {
        PaymentView {
            id: payment.id,
            invoice_id: payment.invoice_id,
            client_id: payment.client_id,
            amount: payment.amount,
            currency: payment.currency.clone(),
            date: payment.date,
            kind: payment.kind.clone(),
            note: payment.note.clone(),
            overpayment_id: payment.overpayment_id,
            vis_state: payment.vis_state,
        }
    }
}

impl ClientView {
    pub(super) fn of(client: &Client) -> ClientView {
        let text = |key| written(&client.fields, key);
        ClientView {
            id: client.id,
            username: client.username.clone(),
            email: text("email"),
            organization: text("organization"),
            fname: text("fname"),
            lname: text("lname"),
            currency: text("currency_code"),
            note: text("note"),
            phone: text("bus_phone"),
            vat_number: text("vat_number"),
            language: text("language"),
            address: ["p_street", "p_street2", "p_city", "p_province", "p_code", "p_country"].map(text),
            other_address: ["s_street", "s_street2", "s_city", "s_province", "s_code", "s_country"].map(text),
            vis_state: client.vis_state,
        }
    }
}

impl CreditNoteView {
    pub(super) fn of(credit: &CreditNote, books: &Books) -> CreditNoteView {
        CreditNoteView {
            id: credit.id,
            number: credit.number.clone(),
            client_id: credit.client_id,
            kind: credit.kind.clone(),
            currency: credit.currency.clone(),
            create_date: credit.create_date,
            amount: credit.amount,
            paid: credit.paid,
            payment_status: credit.payment_status().to_owned(),
            notes: written(&credit.fields, "notes"),
            description: credit.description.clone(),
            vis_state: credit.vis_state,
            lines: lines(&credit.lines, Decimal::ZERO, books),
        }
    }
}

impl CallbackView {
    pub(super) fn of(callback: &Callback) -> CallbackView {
        let Callback { id, event, uri, verified, verifier, .. } = callback.clone();
        CallbackView { id, event, uri, verified, verifier }
    }
}
