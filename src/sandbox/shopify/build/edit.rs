//! Changes to an order after the sale, as the editor in the admin makes them.

use rust_decimal::Decimal;

use super::{
    Worth,
    sale::{Taxing, taken_off, taxes},
};
use crate::sandbox::shopify::{
    currency::{number, share},
    model::{
        Allocation, Discount, DiscountApplicationAllocationMethod, DiscountApplicationTargetSelection,
        DiscountApplicationTargetType, DiscountSource, DiscountValue, Duty, Line, Order, OrderDisplayFulfillmentStatus,
        Refund, RefundLineItemRestockType,
    },
};

impl Order {
    /// Removes units. Recorded as a refund without money; the line keeps its quantity and its tax lines.
    #[must_use]
    pub fn edit_removes(mut self, line: usize, quantity: i64) -> Order {
        let now = self.tick();
        let id = self.fresh_id();
        self.refunds.push(Refund {
            id,
            created_at: Some(now),
            processed_at: now,
            updated_at: now,
            note: None,
            lines: Vec::new(),
            shipping: Vec::new(),
            adjustments: Vec::new(),
            transactions: Vec::new(),
            duties: Vec::new(),
            removal: true,
            settles: 0,
        });
        let before = self.removed(line);
        self.give_back(line, quantity, RefundLineItemRestockType::Cancel);
        self.drop_duties(line, before);
        self.edited()
    }

    /// Adds a line, taxed like the first taxed one.
    #[must_use]
    pub fn edit_adds(mut self, title: &str, price: &str, quantity: i64) -> Order {
        self.tick();
        let id = self.fresh_id();
        let rates = self.lines.iter().find(|line| !line.taxes.is_empty()).map(rates).unwrap_or_default();
        let unit_price = self.presentment.parse(price);
        self.lines.push(Line {
            id,
            title: title.to_owned(),
            variant_title: None,
            sku: None,
            vendor: None,
            quantity,
            gone: 0,
            unit_price,
            allocations: Vec::new(),
            taxes: taxes(unit_price * quantity, &rates, self.taxing(Some(false))),
            duties: Vec::new(),
            gift_card: false,
            taxable: true,
            requires_shipping: true,
            tip: false,
            custom_attributes: Vec::new(),
        });
        if self.fulfillment_status == OrderDisplayFulfillmentStatus::Fulfilled {
            self.fulfillment_status = OrderDisplayFulfillmentStatus::PartiallyFulfilled;
        }
        self.edited()
    }

    /// Grants a discount on what is left of a line; subtotal and total move, the original total does not.
    #[must_use]
    pub fn edit_discounts(mut self, at: usize, title: &str, worth: Worth) -> Order {
        self.tick();
        let discount = self.discounts.len();
        let presentment = self.presentment;
        let how = self.taxing(None);
        let value = match worth {
            Worth::Percent(percent) => DiscountValue::Percent(percent),
            Worth::Amount(amount) => DiscountValue::Amount(presentment.minor(amount)),
        };
        let left = self.line_now(at).0;
        let Some(line) = self.lines.get_mut(at) else { return self };
        let amount = taken_off(worth, left, presentment);
        line.allocations.push(Allocation { discount, amount });
        let rates = rates(line);
        let liable = line.taxes.first().and_then(|tax| tax.channel_liable);
        line.taxes = taxes(line.gross(), &rates, Taxing { liable, ..how });
        self.discounts.push(Discount {
            source: DiscountSource::Manual(title.to_owned(), None),
            allocation_method: DiscountApplicationAllocationMethod::Each,
            target_selection: DiscountApplicationTargetSelection::Explicit,
            target_type: DiscountApplicationTargetType::LineItem,
            value,
        });
        self.edited()
    }

    /// Removes the first shipping line; it stays visible, marked as removed.
    #[must_use]
    pub fn edit_removes_shipping(mut self) -> Order {
        self.tick();
        if let Some(line) = self.shipping.first_mut() {
            line.removed = true;
        }
        self.edited()
    }

    /// The buyer's address changed and with it the rate of every tax, but not on what has gone back.
    #[must_use]
    pub fn taxes_recalculated(mut self, title: &str, rate: &str) -> Order {
        self.tick();
        let rates = [(title.to_owned(), number(rate))];
        let how = self.taxing(Some(false));
        let shipping_left: Vec<bool> = (0..self.shipping.len()).map(|at| self.shipping_now(at).0 > 0).collect();
        for line in self.lines.iter_mut().filter(|line| !line.taxes.is_empty() && line.gone < line.quantity) {
            line.taxes = taxes(line.gross(), &rates, how);
        }
        let shipping = self.shipping.iter_mut().zip(shipping_left).filter(|(_, left)| *left).map(|(line, _)| line);
        for line in shipping.filter(|line| !line.taxes.is_empty()) {
            line.taxes = taxes(line.discounted(), &rates, how);
        }
        self.recompute();
        self
    }

    /// Units that edits took off a line.
    fn removed(&self, at: usize) -> i64 {
        let removals = self.refunds.iter().filter(|refund| refund.removal).flat_map(|refund| &refund.lines);
        removals.filter(|line| line.line == at).map(|line| line.quantity).sum()
    }

    /// The customs charge goes with the units of a line that an edit has just taken off; `before` were gone already.
    fn drop_duties(&mut self, at: usize, before: i64) {
        let after = self.removed(at);
        let Some(line) = self.lines.get(at) else { return };
        let part = |duty: &Duty| {
            let share = share(duty.price, after, line.quantity) - share(duty.price, before, line.quantity);
            (duty.id, share.min(self.duty_now(duty).0))
        };
        let gone: Vec<_> = line.duties.iter().map(part).filter(|(_, amount)| *amount > 0).collect();
        if let Some(refund) = self.refunds.last_mut() {
            refund.duties = gone;
        }
    }

    fn taxing(&self, liable: Option<bool>) -> Taxing {
        Taxing { inclusive: self.taxes_included, compound: self.taxes_compound, liable }
    }

    fn edited(mut self) -> Order {
        self.edited = true;
        self.recompute();
        self
    }
}

fn rates(line: &Line) -> Vec<(String, Decimal)> {
    line.taxes.iter().map(|tax| (tax.title.clone(), tax.rate.unwrap_or_default())).collect()
}
