//! Why an order has no translation, or none yet.

use crate::{
    mapping::{CentProof, cents_text},
    problem::{Owner, Problem},
};

/// Why mapping does not say what FreshBooks should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A rule of the settings leaves it out.
    Skipped(SkipRule),
    /// It becomes translatable when Shopify or a person changes something.
    Waiting(Problem),
    /// It cannot be translated as it is.
    Failed(Problem),
}

/// The rules that leave an order out, each countable by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipRule {
    /// Made with a test gateway.
    TestOrder,
    /// Processed before *startDate*.
    BeforeStartDate,
    /// Not in one of the financial statuses of the filters.
    FinancialStatus,
    /// From a source that the filters leave out.
    Source,
    /// By the tags of the filters.
    Tag,
    /// Cancelled before anything was invoiced.
    CancelledBeforeInvoice,
}

impl SkipRule {
    /// Its stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::TestOrder => "TEST_ORDER",
            Self::BeforeStartDate => "BEFORE_START_DATE",
            Self::FinancialStatus => "FINANCIAL_STATUS",
            Self::Source => "SOURCE",
            Self::Tag => "TAG",
            Self::CancelledBeforeInvoice => "CANCELLED_BEFORE_INVOICE",
        }
    }

    /// What it says to a person.
    pub fn problem(self) -> Problem {
        let (message, hint) = match self {
            Self::TestOrder => ("This is a test order.", "Nothing to do: test orders are not money."),
            Self::BeforeStartDate => {
                ("It was processed before the start date.", "Move startDate back if it belongs in these books.")
            }
            Self::FinancialStatus => (
                "Its financial status is not among those that are booked.",
                "It is looked at again when its status changes; or change filters.financialStatuses.",
            ),
            Self::Source => {
                ("It comes from a source that is not booked.", "Change filters.sources if it belongs in these books.")
            }
            Self::Tag => ("Its tags leave it out.", "Change its tags in Shopify, or the tags of the filters."),
            Self::CancelledBeforeInvoice => {
                ("It was cancelled unpaid before it was invoiced.", "Nothing to do: nobody owes anything.")
            }
        };
        Problem::new(Owner::Merchant, self.code(), message, hint)
    }
}

impl Refusal {
    /// What it says to a person.
    pub fn problem(self) -> Problem {
        match self {
            Self::Skipped(rule) => rule.problem(),
            Self::Waiting(problem) | Self::Failed(problem) => problem,
        }
    }

    pub(super) fn not_to_the_cent(proof: CentProof, currency: &str) -> Self {
        Self::Failed(Problem::new(
            Owner::Operator,
            "NOT_TO_THE_CENT",
            format!(
                "Shopify's order is owed {}, its parts make {} {currency}.",
                cents_text(proof.shopify),
                cents_text(proof.predicted)
            ),
            "Compare the order's parts in Shopify; raise roundingCap only if the difference is rounding.",
        ))
    }

    pub(super) fn precision(field: &str, amount: rust_decimal::Decimal, currency: &str) -> Self {
        Self::Failed(Problem::new(
            Owner::Accountant,
            "CURRENCY_PRECISION",
            format!("{field} is {amount} {currency}: FreshBooks keeps two decimals."),
            "Book this order by hand, or in the shop's currency (setting `currency`).",
        ))
    }

    pub(super) fn overpaid(paid: i64, owed: i64, currency: &str) -> Self {
        Self::Waiting(Problem::new(
            Owner::Merchant,
            "OVERPAID",
            format!("The customer paid {}, but owes {} {currency}.", cents_text(paid), cents_text(owed)),
            "Refund the difference in Shopify; the order goes on by itself.",
        ))
    }

    pub(super) fn not_paid_yet() -> Self {
        Self::Waiting(Problem::new(
            Owner::Merchant,
            "NOT_PAID_YET",
            "It is not paid in full yet, and orders are invoiced once they are (setting `invoiceWhen`).",
            "Nothing to do: it goes on by itself when the money is there.",
        ))
    }

    pub(super) fn not_fulfilled_yet() -> Self {
        Self::Waiting(Problem::new(
            Owner::Merchant,
            "NOT_FULFILLED_YET",
            "It is not sent yet, and orders are invoiced once they are (setting `invoiceWhen`).",
            "Nothing to do: it goes on by itself when everything is sent.",
        ))
    }

    pub(super) fn cancelled_by_person() -> Self {
        Self::Waiting(Problem::new(
            Owner::Accountant,
            "CANCELLATION_LEFT_TO_PERSON",
            "The order was cancelled unpaid; its invoice is left to a person (setting `cancelled`).",
            "Delete or keep the invoice in FreshBooks, then dismiss the order; or set `cancelled` to void.",
        ))
    }

    pub(super) fn negative(owed: i64, currency: &str) -> Self {
        Self::Failed(Problem::new(
            Owner::Accountant,
            "NEGATIVE_TOTAL",
            format!("The order is owed {} {currency}: FreshBooks takes no negative invoice.", cents_text(owed)),
            "Book this order by hand.",
        ))
    }

    pub(super) fn number_too_long(number: &str) -> Self {
        Self::Failed(Problem::new(
            Owner::Accountant,
            "INVOICE_NUMBER_TOO_LONG",
            format!("The invoice number `{number}` has more than ten characters."),
            "Shorten the setting invoiceNumber.",
        ))
    }
}

/// Refunds that a person records, by the settings.
pub(super) fn refund_left(refunds: usize, amount: i64, currency: &str) -> Problem {
    Problem::new(
        Owner::Accountant,
        "REFUND_LEFT_TO_PERSON",
        format!("{refunds} refund(s) of {} {currency} are left to a person (setting `refunds`).", cents_text(amount)),
        "Record them in FreshBooks, then dismiss the order; or let the setting record them.",
    )
}
