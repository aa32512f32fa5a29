//! The choices that a connection's settings leave. Each enum's first value is the default.

use async_graphql::Enum;

use crate::mapping::settings;

/// From when on an order is invoiced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::InvoiceWhen")]
pub(in super::super) enum InvoiceWhen {
    /// As soon as it is placed. The default.
    Created,
    /// Once it is paid in full. Until then it waits.
    Paid,
    /// Once everything in it was sent to the buyer. Until then it waits.
    Fulfilled,
}

/// How far an invoice goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Issue")]
pub(in super::super) enum InvoiceIssue {
    /// Marked sent, without an e-mail to anybody: it counts in FreshBooks' reports. The default.
    Sent,
    /// Left a draft for somebody to look at: it does not count in FreshBooks' reports until it is sent.
    Draft,
    /// Sent to the client by e-mail, by FreshBooks: a real e-mail to a customer.
    Email,
}

/// Whose money the documents are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Basis")]
pub(in super::super) enum CurrencyBasis {
    /// The shop's currency: what the shop's own reports are in. The default.
    Shop,
    /// The buyer's currency: what the buyer saw and paid.
    Presentment,
}

/// How discounts show on an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Discounts")]
pub(in super::super) enum DiscountDisplay {
    /// As a negative line under the item, with the item's taxes. The default.
    OwnLine,
    /// Inside the item's price: the discount itself does not show.
    Folded,
}

/// How taxes show that a marketplace collects and remits for the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::MarketplaceTax")]
pub(in super::super) enum MarketplaceTaxDisplay {
    /// As taxes whose names say that the marketplace collected them: they count in FreshBooks' tax report. The default.
    Named,
    /// As lines of their own, which FreshBooks' tax report leaves out.
    OwnLine,
}

/// What becomes of the invoice of an order that was cancelled before anything was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Cancelled")]
pub(in super::super) enum CancelledPolicy {
    /// It is deleted in FreshBooks, where it can be restored. Its number stays taken. The default.
    Void,
    /// It stays as it is until a person decides.
    Person,
}

/// How refunds are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Refunds")]
pub(in super::super) enum RefundPolicy {
    /// The payment is lowered and the invoice gets negative lines with the same taxes. The default.
    Adjust,
    /// Invoice and payment stay as they are; each refund becomes a credit note of the client.
    CreditNote,
    /// Left to a person: the order waits.
    Person,
}

/// How the FreshBooks client of an order is found when none is linked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Matching")]
pub(in super::super) enum ClientMatching {
    /// By e-mail address, where Shopify knows it to be the customer's own and exactly one active client has it; else a new client is made.
    /// The default.
    VerifiedEmail,
    /// Never: each of Shopify's customers gets a client of their own.
    AlwaysCreate,
    /// All sales go to the one generic client.
    GenericClient,
}

/// What becomes of changes that belong into the locked period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::LateChanges")]
pub(in super::super) enum LateChanges {
    /// New documents are dated on the first open day and name the day that they belong to; refunds of a locked invoice become credit notes.
    /// What would change a locked document waits. The default.
    OpenPeriod,
    /// Everything waits for a person.
    Wait,
}

/// What becomes of a document that somebody changed in FreshBooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "settings::Drift")]
pub(in super::super) enum DriftPolicy {
    /// It is shown, told by an alert, and kept until somebody decides (`resolveDrift`). The default.
    Keep,
    /// Our version is written again: whatever is changed in FreshBooks by hand is undone.
    Restore,
}
