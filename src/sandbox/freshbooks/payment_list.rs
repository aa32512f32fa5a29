//! Payments as callers see and search them.

use chrono::{DateTime, Utc};

use super::{
    books::{Books, Index},
    json::{Money, NULL, Object, put_all},
    list::{Listed, Term, like},
    payment::Payment,
    problem::Problem,
    query::{Given, Query},
    render::stamp,
};

impl Listed for Payment {
    const SINGULAR: &'static str = "payment";
    const PLURAL: &'static str = "payments";
    const ID_FIELD: &'static str = "logid";
    const ID_KEYS: &'static [&'static str] = &["logid", "logids"];

    fn vis_state(&self) -> Option<i64> {
        Some(self.vis_state)
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn narrow(given: Given<'_>) -> Option<(Index, String)> {
        (given.key == "invoiceid").then(|| (Index::PaymentInvoice, given.text()))
    }

    fn term(given: Given<'_>) -> Result<Option<Term<Payment>>, Problem> {
        let text = given.text();
        let lower = given.lowercase();
        Ok(Some(match given.key {
            "invoiceid" => {
                let ids = given.ids()?;
                Box::new(move |_, payment| ids.contains(&payment.invoice_id))
            }
            "clientid" | "clientids" | "customerid" | "customerids" => {
                let ids = given.ids()?;
                Box::new(move |_, payment| ids.contains(&payment.client_id))
            }
            "date_min" => {
                let day = given.date()?;
                Box::new(move |_, payment| payment.date >= day)
            }
            "date_max" => {
                let day = given.date()?;
                Box::new(move |_, payment| payment.date < day)
            }
            "amount_min" => {
                let amount = given.decimal()?;
                Box::new(move |_, payment| payment.amount >= amount)
            }
            "amount_max" => {
                let amount = given.decimal()?;
                Box::new(move |_, payment| payment.amount < amount)
            }
            "type" => Box::new(move |_, payment| payment.kind == text),
            "currency" => Box::new(move |_, payment| payment.currency == text),
            "notes" => Box::new(move |_, payment| like(&lower, [payment.note.as_str()])),
            "from_credit" => {
                let wanted = given.flag()?;
                Box::new(move |_, payment| payment.credit_id.is_some() == wanted)
            }
            "client_name" => Box::new(move |books, payment| {
                let client = books.clients.get(&payment.client_id);
                client
                    .is_some_and(|client| like(&lower, ["organization", "fname", "lname"].map(|key| client.text(key))))
            }),
            "number" => Box::new(move |books, payment| {
                books.invoices.get(&payment.invoice_id).is_some_and(|invoice| invoice.number == text)
            }),
            "payment_or_credit" => Box::new(move |_, payment| (text == "credit") == payment.credit_id.is_some()),
            _ => return Ok(None),
        }))
    }

    fn render(&self, books: &Books, _query: &Query, out: &mut Object) {
        put_all!(out, {
            "accounting_systemid": books.options.account_id.as_str(), "amount": Money(self.amount, &self.currency),
            "bulk_paymentid": NULL, "clientid": self.client_id, "creditid": self.credit_id, "date": self.date,
            "from_credit": self.credit_id.is_some(), "gateway": NULL, "id": self.id, "invoiceid": self.invoice_id,
            "logid": self.id, "note": self.note.as_str(), "orderid": NULL, "overpaymentid": self.overpayment_id,
            "send_client_notification": self.notify, "transaction_uuid": NULL, "transactionid": NULL,
            "type": self.kind.as_str(), "updated": stamp(self.updated_at), "vis_state": self.vis_state,
        });
    }
}
