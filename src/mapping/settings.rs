//! How a connection wants its orders booked. Every choice has a default that an accountant would make.

mod change;
mod check;
mod listed;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use self::{
    change::{Change, FiltersChange, To},
    check::{Bounds, Neighbour, PAYMENT_TYPES, Reason, Wrong, check},
    listed::listed,
};

/// The settings of one connection, named as in the accountant's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Which orders are booked at all.
    pub filters: Filters,
    /// Orders processed before this day (in the shop's time zone) are left out.
    pub start_date: Option<NaiveDate>,
    /// From when on an order is invoiced.
    pub invoice_when: InvoiceWhen,
    /// How far an invoice goes by itself.
    pub issue: Issue,
    /// The invoice number: `{number}` is Shopify's order number. At most ten characters once filled in.
    pub invoice_number: String,
    /// Whose money the documents are in.
    pub currency: Basis,
    /// How discounts show.
    pub discounts: Discounts,
    /// How taxes show that a marketplace collects and remits.
    pub marketplace_tax: MarketplaceTax,
    /// The largest visible rounding line, in hundredths; absent means one minor unit per line of the invoice, at least two.
    pub rounding_cap: Option<i64>,
    /// What becomes of the invoice of an order that was cancelled unpaid.
    pub cancelled: Cancelled,
    /// How refunds are recorded.
    pub refunds: Refunds,
    /// FreshBooks' payment type by Shopify gateway.
    pub payment_types: BTreeMap<String, String>,
    /// How the client of an order is found.
    pub matching: Matching,
    /// The organization name of the one client for sales without a customer and without an e-mail address.
    pub generic_client: String,
    /// Nothing is written with a date up to and including this day.
    pub locked_through: Option<NaiveDate>,
    /// What becomes of changes that belong into the locked period.
    pub late_changes: LateChanges,
    /// What becomes of a document that somebody changed in FreshBooks.
    pub drift: Drift,
}

/// Which orders are booked. An empty list lets everything pass. Once an order has its invoice, it is kept right whatever the filters say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filters {
    /// Only orders whose displayed financial status is one of these, such as `PAID`.
    pub financial_statuses: Vec<String>,
    /// Only orders from one of these sources, such as `web` or `pos`.
    pub sources: Vec<String>,
    /// No orders from these sources.
    pub excluded_sources: Vec<String>,
    /// Only orders with at least one of these tags.
    pub tags: Vec<String>,
    /// No orders with one of these tags.
    pub excluded_tags: Vec<String>,
    /// Also orders made with a test gateway.
    pub test_orders: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let types = [
            ("bank_deposit", "Bank Transfer"),
            ("cash", "Cash"),
            ("paypal", "PayPal"),
            ("shopify_payments", "Credit Card"),
        ];
        Self {
            filters: Filters::default(),
            start_date: None,
            invoice_when: InvoiceWhen::Created,
            issue: Issue::Sent,
            invoice_number: "{number}".to_owned(),
            currency: Basis::Shop,
            discounts: Discounts::OwnLine,
            marketplace_tax: MarketplaceTax::Named,
            rounding_cap: None,
            cancelled: Cancelled::Void,
            refunds: Refunds::Adjust,
            payment_types: types.map(|(gateway, kind)| (gateway.to_owned(), kind.to_owned())).into(),
            matching: Matching::VerifiedEmail,
            generic_client: "Shopify sales".to_owned(),
            locked_through: None,
            late_changes: LateChanges::OpenPeriod,
            drift: Drift::Keep,
        }
    }
}

impl Settings {
    /// Whether nothing may be written with this date any more.
    pub fn locks(&self, day: NaiveDate) -> bool {
        self.locked_through.is_some_and(|locked| day <= locked)
    }

    /// The date of a document that belongs to `own`: as it was booked where it is, else the first open day where its own is locked.
    pub fn date(&self, own: NaiveDate, booked: Option<NaiveDate>) -> NaiveDate {
        let open = self.locked_through.filter(|_| self.late_changes == LateChanges::OpenPeriod);
        match (booked, open) {
            (Some(booked), _) => booked,
            (None, Some(locked)) if own <= locked => locked.succ_opt().unwrap_or(own),
            _ => own,
        }
    }

    /// FreshBooks' type for a payment through `gateway`, compared without regard to case.
    pub fn payment_type(&self, gateway: &str) -> &str {
        let named = self.payment_types.iter().find(|(known, _)| known.eq_ignore_ascii_case(gateway));
        named.map_or("Other", |(_, kind)| kind.as_str())
    }
}

/// From when on an order is invoiced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InvoiceWhen {
    /// As soon as it is there.
    #[default]
    Created,
    /// Once it is paid in full.
    Paid,
    /// Once everything is sent.
    Fulfilled,
}

/// Whose money a document is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// The shop's currency.
    #[default]
    Shop,
    /// The buyer's.
    Presentment,
}

/// How far an invoice goes by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Issue {
    /// Marked sent, no e-mail: in the books.
    #[default]
    Sent,
    /// Left a draft: outside FreshBooks' reports.
    Draft,
    /// Sent by e-mail to the client.
    Email,
}

/// How discounts show on an invoice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Discounts {
    /// A line of their own under the item, with the same taxes.
    #[default]
    OwnLine,
    /// Folded into the unit price.
    Folded,
}

/// How taxes show that a marketplace collects and remits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MarketplaceTax {
    /// As taxes, named as collected by the marketplace.
    #[default]
    Named,
    /// As lines of their own, outside FreshBooks' tax report.
    OwnLine,
}

/// What becomes of the invoice of an order that was cancelled unpaid. A cancelled order that was paid is credited through its refunds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cancelled {
    /// It is deleted; its number stays taken.
    #[default]
    Void,
    /// It stays as it is until a person decides.
    Person,
}

/// How refunds are recorded. What was recorded one way stays so when the setting changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refunds {
    /// The payment is lowered and the invoice gets negative lines.
    #[default]
    Adjust,
    /// Invoice and payment stay; each refund becomes a goodwill credit note of the client.
    CreditNote,
    /// Left to a person: the order waits.
    Person,
}

/// How the client of an order is found, beyond the link that we stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Matching {
    /// By e-mail address: exactly one active client has it, and Shopify knows it to be the customer's own.
    #[default]
    VerifiedEmail,
    /// Never: each customer gets a client of their own.
    AlwaysCreate,
    /// All sales go to the one generic client.
    GenericClient,
}

/// What becomes of changes that belong into the locked period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LateChanges {
    /// New documents are dated on the first open day and name the day they belong to; refunds of a locked invoice become credit notes.
    /// What would change a locked document waits.
    #[default]
    OpenPeriod,
    /// Everything waits for a person.
    Wait,
}

/// What becomes of a document that somebody changed in FreshBooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Drift {
    /// It is shown, and kept until a person decides.
    #[default]
    Keep,
    /// Our version is written again.
    Restore,
}
