//! Builds orders the way Shopify would have computed them.
//!
//! A [`Draft`] says what was sold; [`Draft::placed`] does the sale's arithmetic (discounts shared to the cent, tax per line rounded half
//! away from zero). The methods of [`Order`] then tell what happened to it, each a minute after the one before unless
//! [`Order::on`] says when, and leave all its totals consistent:
//!
//! ```
//! use ml_connector::sandbox::shopify::build::{order, percent};
//!
//! let mug = order(1001)
//!     .line("Mug", "12.00", 2)
//!     .discount_code("SAVE10", percent("10"))
//!     .shipping("Standard", "5.00")
//!     .tax("HST", "0.13")
//!     .paid("shopify_payments")
//!     .refund_units(0, 1);
//! assert_eq!(mug.totals.total_price.presentment, 3006);
//! assert_eq!(mug.totals.total_refunded.presentment, 1221);
//! ```

mod buyer;
mod draft;
mod edit;
mod pay;
mod refund;
mod sale;
#[cfg(test)]
mod tests;
mod totals;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

pub(super) use self::sale::float;
pub use self::{
    buyer::{address, customer},
    draft::Draft,
    refund::Giving,
};
use super::{
    currency::number,
    model::{Order, OrderDisplayFinancialStatus, OrderDisplayFulfillmentStatus},
};

/// How much a discount takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// 10 for ten per cent.
    Percent(Decimal),
    /// In the buyer's currency.
    Amount(Decimal),
}

/// `percent("10")` takes off a tenth.
pub fn percent(value: &str) -> Worth {
    Worth::Percent(number(value))
}

/// `amount("5.00")` takes off five, or all there is.
pub fn amount(value: &str) -> Worth {
    Worth::Amount(number(value))
}

/// Starts an order with this number; its name is `#` and the number, its id is made from it.
pub fn order(number: i32) -> Draft {
    Draft::new(number)
}

/// Reads `2026-10-03T14:05:00Z`.
///
/// # Panics
///
/// When the text is no such instant.
pub fn instant(text: &str) -> DateTime<Utc> {
    match text.parse() {
        Ok(value) => value,
        Err(error) => panic!("{text:?} is no instant: {error}"),
    }
}

impl Order {
    /// The next event happens then.
    #[must_use]
    pub fn on(mut self, when: &str) -> Order {
        self.next_event = Some(instant(when));
        self
    }

    /// Applies any change and computes the totals anew; for what has no method of its own.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Order)) -> Order {
        change(&mut self);
        self.recompute();
        self
    }

    /// Everything was sent.
    #[must_use]
    pub fn fulfilled(mut self) -> Order {
        self.tick();
        self.fulfillment_status = OrderDisplayFulfillmentStatus::Fulfilled;
        self
    }

    /// The displayed status, whatever the transactions say (`EXPIRED`, or null as on some orders made by API).
    #[must_use]
    pub fn shown_as(mut self, status: Option<OrderDisplayFinancialStatus>) -> Order {
        self.financial_status = status;
        self
    }

    /// Archived.
    #[must_use]
    pub fn closed(mut self) -> Order {
        self.closed_at = Some(self.tick());
        self
    }

    /// Moves to the next event's time and returns it.
    pub(super) fn tick(&mut self) -> DateTime<Utc> {
        self.updated_at = self.next_event.take().unwrap_or(self.updated_at + TimeDelta::minutes(1));
        self.updated_at
    }

    /// An id that nothing else of this order has.
    pub(super) fn fresh_id(&self) -> u64 {
        let taken = self.lines.iter().map(|line| line.id);
        let taken = taken.chain(self.lines.iter().flat_map(|line| line.duties.iter().map(|duty| duty.id)));
        let taken = taken.chain(self.shipping.iter().filter_map(|line| line.id));
        let taken = taken.chain(self.fees.iter().map(|fee| fee.id));
        let taken = taken.chain(self.transactions.iter().map(|paid| paid.id));
        let taken = taken.chain(self.transactions.iter().flat_map(|paid| paid.fees.iter().map(|fee| fee.id)));
        let taken = taken.chain(self.refunds.iter().flat_map(|refund| {
            let lines = refund.lines.iter().filter_map(|line| line.id);
            let shipping = refund.shipping.iter().map(|line| line.id);
            let adjustments = refund.adjustments.iter().map(|line| line.id);
            std::iter::once(refund.id).chain(lines).chain(shipping).chain(adjustments)
        }));
        taken.max().unwrap_or(self.id * 1000) + 1
    }
}
