//! Invoices as callers see and search them.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{
    books::{Books, Index},
    invoice::{DRAFT, Invoice},
    json::{List, Money, NULL, Object, Plain, Raw, put_all},
    list::{Listed, Term},
    problem::Problem,
    query::{Given, Query},
    render::{eastern_date, fine_stamp, stamp},
};

const SENDER: Raw = Raw(r#"{"street":"","street2":"","city":"","province":"","country":"","code":""}"#);

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
    const ID_KEYS: &'static [&'static str] = &["invoiceid", "invoiceids"];

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

    fn render(&self, books: &Books, query: &Query, out: &mut Object) {
        let code = self.currency.as_str();
        let account = books.options.account_id.as_str();
        let statuses = self.statuses(books);
        let organization = books.clients.get(&self.customer_id).map(|client| client.text("organization"));
        let description = self.lines.first().map(|line| line.description.as_str()).unwrap_or_default();
        out.all(&self.fields);
        put_all!(out, {
            "accountid": account, "accounting_systemid": account, "amount": Money(self.amount, code),
            "attach_pdf_to_email": false, "auto_bill": false, "autobill_status": NULL, "basecampid": 0_i64,
            "create_date": self.create_date, "created_at": stamp(self.created_at), "currency_code": code,
            "current_organization": organization, "customerid": self.customer_id, "date_paid": self.date_paid,
            "deposit_amount": NULL, "deposit_percentage": NULL, "deposit_status": "none",
            "description": description, "discount_total": Money(self.discount_total, code),
            "discount_value": Plain(self.discount_percent), "display_status": statuses.display,
            "dispute_status": NULL, "due_date": self.due_date(), "due_offset_days": self.due_offset_days,
            "estimateid": 0_i64, "ext_archive": self.ext_archive, "fulfillment_date": self.fulfillment_date,
            "generation_date": NULL, "gmail": false, "id": self.id, "invoice_number": self.number.as_str(),
            "invoiceid": self.id, "last_order_status": NULL, "lock_status": "unlocked",
            "net_paid_amount": Money(self.paid, code), "outstanding": Money(self.outstanding(), code),
            "ownerid": 1_i64, "paid": Money(self.paid, code), "parent": 0_i64, "payment_details": "",
            "payment_status": statuses.payment, "return_uri": NULL, "sender_address": SENDER, "sentid": 1_i64,
            "series": "", "show_attachments": self.show_attachments, "status": statuses.status,
            "template": "clean-grouped", "updated": stamp(self.updated_at), "uuid": self.uuid.as_str(),
            "v3_status": statuses.v3, "version": fine_stamp(self.updated_at), "vis_state": self.vis_state,
        });
        // Without the include the key itself is missing, even right after lines were posted.
        if query.includes("lines") {
            let lines = self.lines.iter().zip(1_usize..);
            out.put(
                "lines",
                List(lines.map(|(line, taskno)| {
                    move |object: &mut Object| line.of_invoice(self.id, taskno, code, books, object)
                })),
            );
        }
    }
}
