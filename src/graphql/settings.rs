//! A connection's settings as a support person reads them and an admin changes them.

mod choice;
mod input;
mod update;

use async_graphql::SimpleObject;

use self::choice::{
    CancelledPolicy, ClientMatching, CurrencyBasis, DiscountDisplay, DriftPolicy, InvoiceIssue, InvoiceWhen,
    LateChanges, MarketplaceTaxDisplay, RefundPolicy,
};
pub(super) use self::{
    input::ConnectionSettingsInput,
    update::{SettingsMutation, sentences, user_error},
};
use super::scalar::{Day, Decimal};
use crate::mapping::settings::{Filters, Settings};

/// How a connection's orders are booked.
#[derive(SimpleObject)]
pub(super) struct ConnectionSettings {
    /// Which orders are booked at all. By default all but test orders.
    filters: BookingFilters,
    /// Orders from before this day (in the shop's time zone) are left out; null, the default, leaves out none.
    start_date: Option<Day>,
    /// From when on an order is invoiced: when it is placed (the default), paid or fulfilled.
    invoice_when: InvoiceWhen,
    /// Whether invoices go into the books by themselves (the default), wait as drafts for somebody to send them, or are sent by e-mail.
    issue: InvoiceIssue,
    /// How invoices are numbered: `{number}`, which is also the default, stands for Shopify's order number. At most ten characters once it
    /// is filled in. A second shop that writes to the same FreshBooks account needs a prefix, such as `SH-{number}`.
    invoice_number: String,
    /// The currency of invoices and payments: the shop's (the default), or the one in which the buyer paid.
    currency: CurrencyBasis,
    /// Whether a discount shows as a line of its own (the default), or is taken off the item's price.
    discounts: DiscountDisplay,
    /// Whether taxes that a marketplace collects show as taxes with its name (the default), or as lines of their own.
    marketplace_tax: MarketplaceTaxDisplay,
    /// The largest rounding line that may be put on an invoice to make it agree to the cent, in the invoice's currency. Null, the default,
    /// allows one cent per line, and at least two. What does not agree within it is refused, never guessed.
    rounding_cap: Option<Decimal>,
    /// What becomes of the invoice of an order that was cancelled unpaid: it is voided (the default), or a person decides.
    cancelled: CancelledPolicy,
    /// How refunds are recorded: the invoice is adjusted (the default), a credit note is made, or a person decides. What was recorded one
    /// way stays so when the setting changes.
    refunds: RefundPolicy,
    /// Which FreshBooks payment type a payment gets, by the gateway it came through. Gateways that are not listed get `Other`. By default:
    /// `bank_deposit` is `Bank Transfer`, `cash` is `Cash`, `paypal` is `PayPal`, `shopify_payments` is `Credit Card`.
    payment_types: Vec<PaymentType>,
    /// How the FreshBooks client of an order is found: by verified e-mail address (the default), never, or it is always the generic client.
    matching: ClientMatching,
    /// The name of the one FreshBooks client that sales without a customer and without an e-mail address are invoiced to. By default
    /// `Shopify sales`.
    generic_client: String,
    /// The books are closed up to and including this day: nothing is written with a date in that period. Null, the default, locks nothing.
    locked_through: Option<Day>,
    /// What becomes of changes that belong into the locked period: they are booked in the open one (the default), or wait for a person.
    late_changes: LateChanges,
    /// What becomes of a document that somebody changed in FreshBooks: it is shown and kept until somebody decides (the default), or our
    /// version is written again.
    drift: DriftPolicy,
}

/// Which orders are booked. An order must pass all of these; an empty list lets everything pass. Once an order has its invoice, the invoice
/// is kept right whatever the filters say.
#[derive(SimpleObject)]
pub(super) struct BookingFilters {
    /// Only orders with one of these financial statuses, as Shopify names them, such as `PAID`. Empty by default.
    financial_statuses: Vec<String>,
    /// Only orders from one of these sources, as Shopify names them, such as `web` or `pos`. Empty by default.
    sources: Vec<String>,
    /// No orders from these sources. Empty by default.
    excluded_sources: Vec<String>,
    /// Only orders with at least one of these tags. Empty by default.
    tags: Vec<String>,
    /// No orders with one of these tags. Empty by default.
    excluded_tags: Vec<String>,
    /// Whether orders made with a test gateway are booked too. False by default: they are not money.
    test_orders: bool,
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
            filters: settings.filters.into(),
            start_date: settings.start_date.map(Day),
            invoice_when: settings.invoice_when.into(),
            issue: settings.issue.into(),
            invoice_number: settings.invoice_number,
            currency: settings.currency.into(),
            discounts: settings.discounts.into(),
            marketplace_tax: settings.marketplace_tax.into(),
            rounding_cap: settings.rounding_cap.map(|cap| Decimal(rust_decimal::Decimal::new(cap, 2))),
            cancelled: settings.cancelled.into(),
            refunds: settings.refunds.into(),
            payment_types: settings
                .payment_types
                .into_iter()
                .map(|(gateway, kind)| PaymentType { gateway, kind })
                .collect(),
            matching: settings.matching.into(),
            generic_client: settings.generic_client,
            locked_through: settings.locked_through.map(Day),
            late_changes: settings.late_changes.into(),
            drift: settings.drift.into(),
        }
    }
}

impl From<Filters> for BookingFilters {
    fn from(filters: Filters) -> Self {
        let Filters { financial_statuses, sources, excluded_sources, tags, excluded_tags, test_orders } = filters;
        Self { financial_statuses, sources, excluded_sources, tags, excluded_tags, test_orders }
    }
}
