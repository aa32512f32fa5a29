//! How a connection wants its orders booked. Every choice has a default that an accountant would make.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The settings of one connection, named as in the accountant's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Whose money the documents are in.
    pub currency: Basis,
    /// How far an invoice goes by itself.
    pub issue: Issue,
    /// How discounts show.
    pub discounts: Discounts,
    /// The invoice number: `{number}` is Shopify's order number. At most ten characters once filled in.
    pub invoice_number: String,
    /// Orders processed before this day (in the shop's time zone) are left out.
    pub start_date: Option<NaiveDate>,
    /// The largest visible rounding line, in hundredths; absent means one minor unit per line of the invoice, at least two.
    pub rounding_cap: Option<i64>,
    /// The organization name of the one client for sales without a customer and without an e-mail address.
    pub generic_client: String,
    /// FreshBooks' payment type by Shopify gateway.
    pub payment_types: BTreeMap<String, String>,
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
            currency: Basis::Shop,
            issue: Issue::Sent,
            discounts: Discounts::OwnLine,
            invoice_number: "{number}".to_owned(),
            start_date: None,
            rounding_cap: None,
            generic_client: "Shopify sales".to_owned(),
            payment_types: types.map(|(gateway, kind)| (gateway.to_owned(), kind.to_owned())).into(),
        }
    }
}

impl Settings {
    /// FreshBooks' type for a payment through `gateway`.
    pub fn payment_type(&self, gateway: &str) -> &str {
        self.payment_types.get(gateway).map_or("Other", String::as_str)
    }
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
