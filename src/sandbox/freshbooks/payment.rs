//! Payments: money booked against an invoice, never more than it still lacks.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    books::{Books, Index, Kind, Record},
    client::new_vis_state,
    credit::CreditNote,
    input::Fields,
    invoice::Invoice,
    problem::Problem,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Payment {
    pub(super) id: u64,
    pub(super) invoice_id: u64,
    pub(super) client_id: u64,
    pub(super) amount: Decimal,
    pub(super) currency: String,
    pub(super) date: NaiveDate,
    pub(super) kind: String,
    pub(super) note: String,
    pub(super) notify: Option<bool>,
    pub(super) credit_id: Option<u64>,
    pub(super) overpayment_id: Option<u64>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) vis_state: i64,
}

const TYPES: &[&str] = &[
    "Check",
    "Credit",
    "Cash",
    "Bank Transfer",
    "Credit Card",
    "Debit",
    "PayPal",
    "2Checkout",
    "AMEX",
    "JCB",
    "Other",
    "VISA",
    "MASTERCARD",
    "DISCOVER",
    "DINERS",
    "ACH",
];
const READ_ONLY: &[&str] = &[
    "id",
    "logid",
    "clientid",
    "overpaymentid",
    "orderid",
    "gateway",
    "transactionid",
    "transaction_uuid",
    "bulk_paymentid",
    "accounting_systemid",
    "updated",
];
const ONLY_ON_CREATE: &[&str] = &["creditid", "from_credit", "send_client_notification"];

impl Payment {
    /// Books what is outstanding; the surplus becomes a credit of the client, without any complaint.
    pub(super) fn create(books: &mut Books, fields: Fields<'_>) -> Result<u64, Problem> {
        fields.refuse(READ_ONLY)?;
        fields.refuse(&["vis_state"])?;
        let invoice_id = fields.id("invoiceid")?.ok_or_else(|| Problem::missing("payment", "invoiceid"))?;
        let date = fields.date("date")?.ok_or_else(|| Problem::missing("payment", "date"))?;
        if fields.value("amount").is_none() {
            return Err(Problem::missing("payment", "amount"));
        }
        let invoice = payable(books, invoice_id)?;
        let offered = positive(fields, &invoice.currency)?.unwrap_or_default();
        let credit_id = usable_credit(books, fields, &invoice, offered)?;
        let amount = offered.min(invoice.outstanding());
        let mut payment = Payment {
            id: 0,
            invoice_id,
            client_id: invoice.customer_id,
            amount,
            currency: invoice.currency.clone(),
            date,
            kind: kind(fields)?.unwrap_or("Other").to_owned(),
            note: fields.text("note", usize::MAX)?.unwrap_or_default().to_owned(),
            notify: fields.flag("send_client_notification")?,
            credit_id,
            overpayment_id: None,
            updated_at: books.now(),
            vis_state: 0,
        };
        if payment.notify == Some(true) {
            books.counters.emails_sent += 1;
        }
        payment.id = books.next_id();
        if offered > amount {
            payment.overpayment_id = Some(CreditNote::overpayment(books, &payment, &invoice.number, offered - amount));
        }
        let id = payment.id;
        books.put(payment);
        Invoice::settle(books, invoice_id);
        CreditNote::settle(books, credit_id);
        Ok(id)
    }

    /// One PUT: state alone, or ordinary fields.
    pub(super) fn update(books: &mut Books, id: u64, fields: Fields<'_>) -> Result<(), Problem> {
        let mut payment = books.payments.get(&id).cloned().ok_or_else(|| Problem::unknown("payment", "logid", id))?;
        let before = payment.clone();
        if let Some(state) = new_vis_state(fields)? {
            payment.vis_state = state;
        } else {
            fields.refuse(READ_ONLY)?;
            fields.refuse(ONLY_ON_CREATE)?;
            if payment.vis_state == 1 {
                return Err(Problem::deleted("payment", "logid", id));
            }
            if let Some(invoice_id) = fields.id("invoiceid")?.filter(|invoice| *invoice != payment.invoice_id) {
                let invoice = payable(books, invoice_id)?;
                if invoice.currency != payment.currency {
                    return Err(Problem::invalid("payment", "invoiceid", invoice_id, "is in another currency"));
                }
                payment.invoice_id = invoice_id;
                payment.client_id = invoice.customer_id;
            }
            if let Some(amount) = positive(fields, &payment.currency)? {
                payment.amount = amount;
            }
            if let Some(date) = fields.date("date")? {
                payment.date = date;
            }
            if let Some(kind) = kind(fields)? {
                kind.clone_into(&mut payment.kind);
            }
            if let Some(note) = fields.text("note", usize::MAX)? {
                note.clone_into(&mut payment.note);
            }
        }
        // Not known of the platform: growing past what the invoice lacks is refused rather than turned into a credit.
        let counted = |payment: &Payment| if payment.vis_state == 1 { Decimal::ZERO } else { payment.amount };
        let room = books.invoices.get(&payment.invoice_id).map(Invoice::outstanding).unwrap_or_default();
        let freed = if before.invoice_id == payment.invoice_id { counted(&before) } else { Decimal::ZERO };
        if counted(&payment) > room + freed {
            return Err(Problem::invalid("payment", "amount", payment.amount, "is more than is outstanding"));
        }
        payment.updated_at = books.now();
        let (invoice_id, credit_id) = (payment.invoice_id, payment.credit_id);
        books.put(payment);
        Invoice::settle(books, before.invoice_id);
        if invoice_id != before.invoice_id {
            Invoice::settle(books, invoice_id);
        }
        CreditNote::settle(books, credit_id);
        Ok(())
    }
}

fn payable(books: &Books, id: u64) -> Result<Invoice, Problem> {
    let invoice = books.invoices.get(&id).ok_or_else(|| Problem::unknown("invoice", "invoiceid", id))?;
    if invoice.vis_state == 1 {
        return Err(Problem::deleted("invoice", "invoiceid", id));
    }
    Ok(invoice.clone())
}

fn positive(fields: Fields<'_>, currency: &str) -> Result<Option<Decimal>, Problem> {
    match fields.money("amount", currency)? {
        Some(amount) if amount <= Decimal::ZERO => {
            Err(Problem::invalid("payment", "amount", amount, "must be more than zero"))
        }
        other => Ok(other.map(|mut amount| {
            amount.rescale(2);
            amount
        })),
    }
}

fn kind<'a>(fields: Fields<'a>) -> Result<Option<&'a str>, Problem> {
    match fields.text("type", 255)? {
        Some(kind) if !TYPES.contains(&kind) => {
            Err(Problem::invalid("payment", "type", kind, "is not a known type of payment"))
        }
        other => Ok(other),
    }
}

fn usable_credit(
    books: &Books,
    fields: Fields<'_>,
    invoice: &Invoice,
    offered: Decimal,
) -> Result<Option<u64>, Problem> {
    let Some(id) = fields.id("creditid")? else { return Ok(None) };
    let unknown = || Problem::unknown("credit_note", "creditid", id);
    let credit = books.credits.get(&id).filter(|credit| credit.vis_state != 1).ok_or_else(unknown)?;
    if credit.client_id != invoice.customer_id || credit.currency != invoice.currency {
        return Err(Problem::invalid("payment", "creditid", id, "belongs to another client or currency"));
    }
    if credit.amount - credit.paid < offered.min(invoice.outstanding()) {
        return Err(Problem::invalid("payment", "creditid", id, "has less than that left"));
    }
    Ok(Some(id))
}

impl Record for Payment {
    const KIND: Kind = Kind::Payment;
    fn id(&self) -> u64 {
        self.id
    }
    fn rows(books: &Books) -> &BTreeMap<u64, Payment> {
        &books.payments
    }
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, Payment> {
        &mut books.payments
    }
    fn keys(&self) -> Vec<(Index, String)> {
        let credit = self.credit_id.map(|id| (Index::PaymentCredit, id.to_string()));
        std::iter::once((Index::PaymentInvoice, self.invoice_id.to_string())).chain(credit).collect()
    }
}
