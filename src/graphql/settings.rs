//! A connection's settings as a support person reads them.

use async_graphql::{Enum, SimpleObject};

use super::scalar::{Day, Decimal};
use crate::mapping::{Settings, settings};

/// Whose money the documents are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Basis")]
pub(super) enum CurrencyBasis {
    /// The shop's currency: what the shop's own reports are in.
    Shop,
    /// The buyer's currency: what the buyer saw and paid.
    Presentment,
}

/// How far an invoice goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Issue")]
pub(super) enum InvoiceIssue {
    /// Marked sent, without an e-mail to anybody: it counts in FreshBooks' reports.
    Sent,
    /// Left a draft for somebody to look at: it does not count in FreshBooks' reports until it is sent.
    Draft,
    /// Sent to the client by e-mail, by FreshBooks: a real e-mail to a customer.
    Email,
}

/// How discounts show on an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Discounts")]
pub(super) enum DiscountDisplay {
    /// As a negative line under the item, with the item's taxes.
    OwnLine,
    /// Inside the item's price: the discount itself does not show.
    Folded,
}

/// How a connection's orders are booked.
#[derive(SimpleObject)]
pub(super) struct ConnectionSettings {
    /// The currency of invoices and payments: the shop's, or the one in which the buyer paid.
    currency: CurrencyBasis,
    /// Whether invoices go into the books by themselves, or wait as drafts for somebody to send them.
    issue: InvoiceIssue,
    /// Whether a discount shows as a line of its own, or is taken off the item's price.
    discounts: DiscountDisplay,
    /// How invoices are numbered: `{number}` stands for Shopify's order number. At most ten characters once it is filled in. A second
    /// shop that writes to the same FreshBooks account needs a prefix, such as `SH-{number}`.
    invoice_number: String,
    /// Orders from before this day (in the shop's time zone) are left out; null leaves out none.
    start_date: Option<Day>,
    /// The largest rounding line that may be put on an invoice to make it agree to the cent, in the invoice's currency. Null allows one
    /// cent per line, and at least two. What does not agree within it is refused, never guessed.
    rounding_cap: Option<Decimal>,
    /// The name of the one FreshBooks client that sales without a customer and without an e-mail address are invoiced to.
    generic_client: String,
    /// Which FreshBooks payment type a payment gets, by the gateway it came through. Gateways that are not listed get `Other`.
    payment_types: Vec<PaymentType>,
}

/// The FreshBooks payment type of one gateway.
#[derive(SimpleObject)]
pub(super) struct PaymentType {
    /// Shopify's name of the gateway, such as `shopify_payments`.
    gateway: String,
    /// FreshBooks' payment type, such as `Credit Card`.
    #[graphql(name = "type")]
    kind: String,
}

impl From<Settings> for ConnectionSettings {
    fn from(settings: Settings) -> Self {
        Self {
            currency: settings.currency.into(),
            issue: settings.issue.into(),
            discounts: settings.discounts.into(),
            invoice_number: settings.invoice_number,
            start_date: settings.start_date.map(Day),
            rounding_cap: settings.rounding_cap.map(|cap| Decimal(rust_decimal::Decimal::new(cap, 2))),
            generic_client: settings.generic_client,
            payment_types: settings
                .payment_types
                .into_iter()
                .map(|(gateway, kind)| PaymentType { gateway, kind })
                .collect(),
        }
    }
}
