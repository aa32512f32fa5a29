//! What an order is worth to the merchant, figured out from the money side: an independent check of whoever books it from the lines.

use super::{currency::Minor, model::Order};

impl Order {
    /// What was received and kept, is still to be paid, or is reserved (of a reservation only what the order still needs), in minor units
    /// of the shop's currency. On orders sold in another currency, whose transactions have rates of their own, what the order itself says
    /// it is worth now.
    pub fn owed(&self) -> Minor {
        let totals = &self.totals;
        if self.currency == self.presentment {
            let reserved = totals.total_capturable.shop.min(totals.current_total_price.shop);
            return totals.net_payment.shop + totals.total_outstanding.shop.max(0) + reserved;
        }
        let rounding = self.bag(self.cash_rounding).shop - self.bag(self.cash_rounding_refund).shop;
        totals.current_total_price.shop + totals.refund_discrepancy.shop + rounding
    }
}
