//! Settings as an admin gives them: what is left out stays, null is the default.

use async_graphql::{InputObject, MaybeUndefined};

use super::{
    super::scalar::{Day, Decimal},
    choice::{
        CancelledPolicy, ClientMatching, CurrencyBasis, DiscountDisplay, DriftPolicy, InvoiceIssue, InvoiceWhen,
        LateChanges, MarketplaceTaxDisplay, RefundPolicy,
    },
};
use crate::mapping::settings::{Change, FiltersChange, To};

/// What the settings of a connection become. What is left out stays as it is; null returns to the default.
#[derive(Debug, Default, InputObject)]
pub(in super::super) struct ConnectionSettingsInput {
    /// Which orders are booked at all. Of the filters, too, what is left out stays; null books all orders but test orders.
    filters: MaybeUndefined<BookingFiltersInput>,
    /// Leaves out orders from before this day (in the shop's time zone); not before 1990-01-01. Null leaves out none.
    start_date: MaybeUndefined<Day>,
    /// From when on an order is invoiced; null is CREATED.
    invoice_when: MaybeUndefined<InvoiceWhen>,
    /// How far an invoice goes by itself; null is SENT.
    issue: MaybeUndefined<InvoiceIssue>,
    /// How invoices are numbered: `{number}` once, and around it letters A to Z, digits and `- _ . / #`. At most ten characters with the
    /// shop's largest order number filled in, which has four digits or more. No other connection to the same FreshBooks account may give
    /// the same numbers: where only digits set two of them apart, they may. Null is `{number}`.
    invoice_number: MaybeUndefined<String>,
    /// The currency of invoices and payments; null is SHOP.
    currency: MaybeUndefined<CurrencyBasis>,
    /// How discounts show; null is OWN_LINE.
    discounts: MaybeUndefined<DiscountDisplay>,
    /// How taxes show that a marketplace collects; null is NAMED.
    marketplace_tax: MaybeUndefined<MarketplaceTaxDisplay>,
    /// The largest rounding line, in the invoice's currency, from `"0.00"` to `"5.00"`. Null allows one cent per line, and at least two.
    rounding_cap: MaybeUndefined<Decimal>,
    /// What becomes of the invoice of an order that was cancelled unpaid; null is VOID.
    cancelled: MaybeUndefined<CancelledPolicy>,
    /// How refunds are recorded; null is ADJUST.
    refunds: MaybeUndefined<RefundPolicy>,
    /// The FreshBooks payment type by gateway, in place of the whole list; a gateway that is not listed gets `Other`. Null returns to the
    /// default list.
    payment_types: MaybeUndefined<Vec<PaymentTypeInput>>,
    /// How the FreshBooks client of an order is found; null is VERIFIED_EMAIL.
    matching: MaybeUndefined<ClientMatching>,
    /// The name of the one client for sales without a customer, at most 255 characters; null is `Shopify sales`.
    generic_client: MaybeUndefined<String>,
    /// Closes the books up to and including this day, which must be over where the shop is: a document moved out of today would be dated
    /// tomorrow. It may be moved back; the trail says who did. Null locks nothing.
    locked_through: MaybeUndefined<Day>,
    /// What becomes of changes that belong into the locked period; null is OPEN_PERIOD.
    late_changes: MaybeUndefined<LateChanges>,
    /// What becomes of a document that somebody changed in FreshBooks; null is KEEP.
    drift: MaybeUndefined<DriftPolicy>,
}

/// What the filters become. What is left out stays as it is; null is the default. A list takes the place of the whole list before it, and
/// has at most 100 entries.
#[derive(Debug, Default, InputObject)]
pub(in super::super) struct BookingFiltersInput {
    /// Only orders with one of these of Shopify's financial statuses: `AUTHORIZED`, `EXPIRED`, `PAID`, `PARTIALLY_PAID`,
    /// `PARTIALLY_REFUNDED`, `PENDING`, `REFUNDED`, `VOIDED`. Empty, or null, is all.
    financial_statuses: MaybeUndefined<Vec<String>>,
    /// Only orders from one of these sources, such as `web` or `pos`. Empty, or null, is all.
    sources: MaybeUndefined<Vec<String>>,
    /// No orders from these sources, none of which may be among `sources`. Empty, or null, excludes none.
    excluded_sources: MaybeUndefined<Vec<String>>,
    /// Only orders with at least one of these tags. Empty, or null, is all.
    tags: MaybeUndefined<Vec<String>>,
    /// No orders with one of these tags, none of which may be among `tags`. Empty, or null, excludes none.
    excluded_tags: MaybeUndefined<Vec<String>>,
    /// Whether orders made with a test gateway are booked too; null is false.
    test_orders: MaybeUndefined<bool>,
}

/// The FreshBooks payment type of one gateway.
#[derive(Debug, InputObject)]
pub(in super::super) struct PaymentTypeInput {
    /// Shopify's name of the gateway, such as `shopify_payments`; each once, upper and lower case being the same.
    gateway: String,
    /// One of FreshBooks' `Check`, `Credit Card`, `Cash`, `Bank Transfer`, `Debit`, `PayPal`, `AMEX`, `JCB`, `2Checkout`, `Other`. `Credit`
    /// is none of them: it draws on the client's credits.
    #[graphql(name = "type")]
    kind: String,
}

impl From<ConnectionSettingsInput> for Change {
    fn from(input: ConnectionSettingsInput) -> Self {
        Self {
            filters: to(input.filters),
            start_date: with(input.start_date, |day| day.0),
            invoice_when: to(input.invoice_when),
            issue: to(input.issue),
            invoice_number: to(input.invoice_number),
            currency: to(input.currency),
            discounts: to(input.discounts),
            marketplace_tax: to(input.marketplace_tax),
            rounding_cap: with(input.rounding_cap, |cap| cap.0),
            cancelled: to(input.cancelled),
            refunds: to(input.refunds),
            payment_types: with(input.payment_types, |list| {
                list.into_iter().map(|PaymentTypeInput { gateway, kind }| (gateway, kind)).collect()
            }),
            matching: to(input.matching),
            generic_client: to(input.generic_client),
            locked_through: with(input.locked_through, |day| day.0),
            late_changes: to(input.late_changes),
            drift: to(input.drift),
        }
    }
}

impl From<BookingFiltersInput> for FiltersChange {
    fn from(input: BookingFiltersInput) -> Self {
        Self {
            financial_statuses: to(input.financial_statuses),
            sources: to(input.sources),
            excluded_sources: to(input.excluded_sources),
            tags: to(input.tags),
            excluded_tags: to(input.excluded_tags),
            test_orders: to(input.test_orders),
        }
    }
}

fn to<T, S: From<T>>(given: MaybeUndefined<T>) -> To<S> {
    with(given, S::from)
}

fn with<T, S>(given: MaybeUndefined<T>, read: impl FnOnce(T) -> S) -> To<S> {
    match given {
        MaybeUndefined::Undefined => To::Same,
        MaybeUndefined::Null => To::Default,
        MaybeUndefined::Value(value) => To::Value(read(value)),
    }
}
