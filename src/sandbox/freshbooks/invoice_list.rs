//! Invoices as callers see and search them.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    books::{Books, Index},
    invoice::{DRAFT, Invoice},
    list::{Listed, Term},
    problem::Problem,
    query::{Given, Query},
    render::{eastern_date, fine_stamp, money, percent, stamp},
};

/// The four ways the platform says how an invoice is doing.
pub(super) struct Statuses {
    pub(super) status: i64,
    pub(super) display: &'static str,
    pub(super) payment: &'static str,
    pub(super) v3: &'static str,
}

impl Invoice {
    pub(super) fn statuses(&self, books: &Books) -> Statuses {
        let payment = match self.paid {
            paid if paid <= Decimal::ZERO => "unpaid",
            paid if paid >= self.amount => "paid",
            _ => "partial",
        };
        let display = match self.status {
            DRAFT => "draft",
            3 => "viewed",
            _ => "sent",
        };
        let shows_payment = payment != "unpaid" && (self.status != DRAFT || books.options.payment_shows_on_draft);
        let overdue = || self.outstanding() > Decimal::ZERO && self.due_date() < eastern_date(books.now());
        let v3 = match self.status {
            _ if shows_payment => payment,
            DRAFT => "draft",
            0 => "disputed",
            _ if overdue() => "overdue",
            3 => "viewed",
            _ => "sent",
        };
        // A partly paid invoice was recorded reading `sent`; only a fully paid one may say otherwise.
        let status = if payment == "paid" && shows_payment { books.options.paid_status } else { self.status };
        Statuses { status, display, payment, v3 }
    }
}

impl Listed for Invoice {
    const SINGULAR: &'static str = "invoice";
    const PLURAL: &'static str = "invoices";
    const ID_FIELD: &'static str = "invoiceid";

    fn vis_state(&self) -> Option<i64> {
        Some(self.vis_state)
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn narrow(given: Given<'_>) -> Option<(Index, String)> {
        match given.key {
            "invoice_number" => Some((Index::InvoiceNumber, given.text())),
            "customerid" => Some((Index::InvoiceCustomer, given.text())),
            _ => None,
        }
    }

    fn term(given: Given<'_>) -> Result<Option<Term<Invoice>>, Problem> {
        Ok(Some(match given.key {
            "invoiceid" | "invoiceids" => {
                let ids = given.ids()?;
                Box::new(move |_, invoice| ids.contains(&invoice.id))
            }
            "customerid" | "customerids" => {
                let ids = given.ids()?;
                Box::new(move |_, invoice| ids.contains(&invoice.customer_id))
            }
            "invoice_number" => {
                let number = given.text();
                Box::new(move |_, invoice| invoice.number == number)
            }
            "date_min" => {
                let day = given.date()?;
                Box::new(move |_, invoice| invoice.create_date >= day)
            }
            "date_max" => {
                let day = given.date()?;
                Box::new(move |_, invoice| invoice.create_date < day)
            }
            "v3_status" => {
                let wanted = given.text();
                Box::new(move |books, invoice| invoice.statuses(books).v3 == wanted)
            }
            "paid" => {
                let wanted = given.flag()?;
                Box::new(move |books, invoice| (invoice.statuses(books).payment == "paid") == wanted)
            }
            "outstanding" => {
                let wanted = given.flag()?;
                Box::new(move |_, invoice| (invoice.outstanding() > Decimal::ZERO) == wanted)
            }
            _ => return Ok(None),
        }))
    }

    fn order(key: &str) -> Option<fn(&Invoice, &Invoice) -> Ordering> {
        (key == "invoice_date").then_some(|a, b| a.create_date.cmp(&b.create_date))
    }

    fn render(&self, books: &Books, query: &Query) -> Value {
        let code = self.currency.as_str();
        let statuses = self.statuses(books);
        let organization = books.clients.get(&self.customer_id).map(|client| client.text("organization"));
        let mut map = self.fields.clone();
        let rest = json!({
            "accountid": books.options.account_id, "accounting_systemid": books.options.account_id,
            "amount": money(self.amount, code), "attach_pdf_to_email": false, "auto_bill": false,
            "autobill_status": null, "basecampid": 0, "create_date": self.create_date,
            "created_at": stamp(self.created_at), "currency_code": code, "current_organization": organization,
            "customerid": self.customer_id, "date_paid": self.date_paid, "deposit_amount": null,
            "deposit_percentage": null, "deposit_status": "none",
            "description": self.lines.first().map(|line| line.description.as_str()).unwrap_or_default(),
            "discount_total": money(self.discount_total, code), "discount_value": percent(self.discount_percent),
            "display_status": statuses.display, "dispute_status": null, "due_date": self.due_date(),
            "due_offset_days": self.due_offset_days, "estimateid": 0, "ext_archive": self.ext_archive,
            "fulfillment_date": self.fulfillment_date, "generation_date": null, "gmail": false, "id": self.id,
            "invoice_number": self.number, "invoiceid": self.id,
        });
        let more = json!({
            "last_order_status": null, "lock_status": "unlocked", "net_paid_amount": money(self.paid, code),
            "outstanding": money(self.outstanding(), code), "ownerid": 1, "paid": money(self.paid, code),
            "parent": 0, "payment_details": "", "payment_status": statuses.payment, "return_uri": null,
            "sender_address": {"street": "", "street2": "", "city": "", "province": "", "country": "", "code": ""},
            "sentid": 1, "series": "", "show_attachments": self.show_attachments, "status": statuses.status,
            "template": "clean-grouped", "updated": stamp(self.updated_at), "uuid": self.uuid,
            "v3_status": statuses.v3, "version": fine_stamp(self.updated_at), "vis_state": self.vis_state,
        });
        for part in [rest, more] {
            if let Value::Object(part) = part {
                map.extend(part);
            }
        }
        // Without the include the key itself is missing, even right after lines were posted.
        if query.includes("lines") {
            let lines = self.lines.iter().zip(1..).map(|(line, taskno)| line.of_invoice(self.id, taskno, code, books));
            map.insert("lines".to_owned(), lines.collect());
        }
        Value::Object(map)
    }
}
