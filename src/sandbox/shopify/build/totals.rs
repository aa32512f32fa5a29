//! All the sums that Shopify shows with an order, from its facts.

use crate::sandbox::shopify::{
    currency::{Minor, share},
    model::{
        Bag, DiscountApplicationTargetSelection, DiscountApplicationTargetType, Duty, Fee, Line, Order,
        OrderDisplayFinancialStatus as Status, OrderTransactionKind as Kind, OrderTransactionStatus as Outcome, Refund,
        Shipping, TaxLine, Totals, Transaction,
    },
};

use super::sale::summed;

impl Order {
    /// Computes `totals` anew from everything else, and the displayed financial status. `original_total_price` stays.
    pub fn recompute(&mut self) {
        let original = self.totals.original_total_price;
        let mut sums = self.sums();
        sums.original_total_price = original;
        let known = self.totals != Totals::default();
        let frozen =
            matches!(self.financial_status, Some(Status::Expired)) || (known && self.financial_status.is_none());
        self.totals = sums;
        if !frozen {
            self.financial_status = Some(self.status());
        }
    }

    /// What is left of a line's value and tax after refunds and removals.
    pub fn line_now(&self, at: usize) -> (Minor, Minor) {
        let given = self.refunds.iter().flat_map(|refund| &refund.lines).filter(|given| given.line == at);
        let (subtotal, tax) = given.fold((0, 0), |sum, given| (sum.0 + given.subtotal, sum.1 + given.tax));
        self.lines.get(at).map_or((0, 0), |line| (line.gross() - subtotal, line.tax() - tax))
    }

    /// What is left of a shipping line's price and tax after refunds; nothing when it was removed.
    pub fn shipping_now(&self, at: usize) -> (Minor, Minor) {
        let Some(line) = self.shipping.get(at).filter(|line| !line.removed) else { return (0, 0) };
        let given = self.refunds.iter().flat_map(|refund| &refund.shipping).filter(|given| given.shipping == at);
        let (subtotal, tax) = given.fold((0, 0), |sum, given| (sum.0 + given.subtotal, sum.1 + given.tax));
        (line.discounted() - subtotal, line.tax() - tax)
    }

    /// What is left of a customs charge and its tax after refunds and removals.
    pub fn duty_now(&self, duty: &Duty) -> (Minor, Minor) {
        let given = self.refunds.iter().flat_map(|refund| &refund.duties).filter(|(id, _)| *id == duty.id);
        let given: Minor = given.map(|(_, amount)| amount).sum();
        (duty.price - given, duty.tax() - share(duty.tax(), given, duty.price))
    }

    /// The order's tax lines at the sale (`now` false) or after refunds and removals.
    pub fn tax_lines(&self, now: bool) -> Vec<TaxLine> {
        if !self.order_taxes.is_empty() {
            return self.order_taxes.clone();
        }
        let part =
            |tax: &TaxLine, whole: Minor, left: Minor| if now { share(tax.price, left, whole) } else { tax.price };
        let mut all = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let left = self.line_now(at).1;
            all.extend(line.taxes.iter().map(|tax| (tax, part(tax, line.tax(), left))));
        }
        for (at, line) in self.shipping.iter().enumerate() {
            let left = self.shipping_now(at).1;
            all.extend(line.taxes.iter().map(|tax| (tax, part(tax, line.tax(), left))));
        }
        for duty in self.duties() {
            let left = self.duty_now(duty).1;
            all.extend(duty.taxes.iter().map(|tax| (tax, part(tax, duty.tax(), left))));
        }
        all.extend(self.fees.iter().flat_map(|fee| &fee.taxes).map(|tax| (tax, tax.price)));
        summed(all.into_iter())
    }

    fn duties(&self) -> impl Iterator<Item = &Duty> {
        self.lines.iter().flat_map(|line| &line.duties)
    }

    /// Whether this line's order discount was for all goods.
    fn is_cart_discount(&self, discount: usize) -> bool {
        self.discounts.get(discount).is_some_and(|discount| {
            discount.target_selection == DiscountApplicationTargetSelection::All
                && discount.target_type == DiscountApplicationTargetType::LineItem
        })
    }

    fn sums(&self) -> Totals {
        let goods = || self.lines.iter().enumerate().filter(|(_, line)| !line.tip);
        let subtotal: Minor = goods().map(|(_, line)| line.gross()).sum();
        let current_subtotal: Minor = goods().map(|(at, _)| self.line_now(at).0).sum();
        let shipping: Minor = self.shipping.iter().map(|line| line.price).sum();
        let discounted_shipping: Minor = self.shipping.iter().map(Shipping::discounted).sum();
        let current_shipping: Minor = (0..self.shipping.len()).map(|at| self.shipping_now(at).0).sum();

        let fixed_tax =
            self.order_taxes.iter().map(|tax| tax.price).sum::<Minor>() + self.fees.iter().map(Fee::tax).sum::<Minor>();
        let tax = fixed_tax
            + self.duties().map(Duty::tax).sum::<Minor>()
            + self.lines.iter().map(|line| line.tax()).sum::<Minor>()
            + self.shipping.iter().map(Shipping::tax).sum::<Minor>();
        let current_tax = fixed_tax
            + self.duties().map(|duty| self.duty_now(duty).1).sum::<Minor>()
            + (0..self.lines.len()).map(|at| self.line_now(at).1).sum::<Minor>()
            + (0..self.shipping.len()).map(|at| self.shipping_now(at).1).sum::<Minor>();

        let duties: Minor = self.duties().map(|duty| duty.price).sum();
        let duties_left: Minor = self.duties().map(|duty| self.duty_now(duty).0).sum();
        let has_duties = self.lines.iter().any(|line| !line.duties.is_empty());
        let fees: Minor = self.fees.iter().map(|fee| fee.price).sum();
        let added = |tax: Minor, duties: Minor| {
            (if self.taxes_included { 0 } else { tax })
                + (if self.duties_included { 0 } else { duties })
                + fees
                + self.tip
        };
        let tip_lines = self.lines.iter().enumerate().filter(|(_, line)| line.tip);
        let tip_back: Minor = tip_lines.map(|(at, line)| line.gross() - self.line_now(at).0).sum();
        let total = subtotal + discounted_shipping + added(tax, duties);
        let current_total = current_subtotal + current_shipping + added(current_tax, duties_left) - tip_back;

        let allocated = |now: bool, cart: bool| -> Minor {
            let of_line = |line: &Line| {
                let sum = line.allocations.iter().filter(|part| !cart || self.is_cart_discount(part.discount));
                let sum = sum.map(|part| part.amount).sum();
                if now { sum - share(sum, line.gone, line.quantity) } else { sum }
            };
            self.lines.iter().map(of_line).sum()
        };
        let shipping_off: Minor = shipping - discounted_shipping;
        let shipping_off_now: Minor =
            self.shipping.iter().filter(|line| !line.removed).map(|line| line.price - line.discounted()).sum();
        let has_cart = (0..self.discounts.len()).any(|at| self.is_cart_discount(at));

        let received = self.moved(&[Kind::Sale, Kind::Capture]);
        let change = self.moved(&[Kind::Change]);
        let received =
            Bag { presentment: received.presentment - change.presentment, shop: received.shop - change.shop };
        let refunded = self.moved(&[Kind::Refund]);
        let net = Bag { presentment: received.presentment - refunded.presentment, shop: received.shop - refunded.shop };
        let capturable = self.capturable();
        let discrepancy: Minor = self.refunds.iter().map(|refund| self.discrepancy(refund)).sum();
        let owed = current_total + discrepancy + self.cash_rounding - self.cash_rounding_refund;
        // An authorisation is as good as paid to Shopify: nothing is outstanding.
        let outstanding = owed - net.presentment - capturable.min(current_total);
        let back: Minor = self.refunds.iter().flat_map(|refund| &refund.shipping).map(|line| line.subtotal).sum();
        Totals {
            original_total_price: Bag::default(),
            total_price: self.bag(total),
            current_total_price: self.bag(current_total),
            subtotal_price: self.bag(subtotal),
            current_subtotal_price: self.bag(current_subtotal),
            total_discounts: self.bag(allocated(false, false) + shipping_off),
            current_total_discounts: self.bag(allocated(true, false) + shipping_off_now),
            cart_discount_amount: has_cart.then(|| self.bag(allocated(false, true))),
            current_cart_discount_amount: self.bag(allocated(true, true)),
            total_shipping_price: self.bag(shipping),
            current_shipping_price: self.bag(current_shipping),
            total_tax: self.bag(tax),
            current_total_tax: self.bag(current_tax),
            total_tip_received: self.bag(self.tip),
            original_total_duties: has_duties.then(|| self.bag(duties)),
            current_total_duties: has_duties.then(|| self.bag(duties_left)),
            original_total_additional_fees: (!self.fees.is_empty()).then(|| self.bag(fees)),
            current_total_additional_fees: (!self.fees.is_empty()).then(|| self.bag(fees)),
            total_received: received,
            total_capturable: self.bag(capturable),
            total_refunded: refunded,
            total_refunded_shipping: self.bag(back),
            net_payment: net,
            total_outstanding: self.bag(outstanding),
            refund_discrepancy: self.bag(discrepancy),
        }
    }

    /// What a refund's lines are worth, with tax.
    pub(super) fn suggested(&self, refund: &Refund) -> Minor {
        let with_tax = |subtotal: Minor, tax: Minor| if self.taxes_included { subtotal } else { subtotal + tax };
        let lines: Minor = refund.lines.iter().map(|line| with_tax(line.subtotal, line.tax)).sum();
        let shipping: Minor = refund.shipping.iter().map(|line| with_tax(line.subtotal, line.tax)).sum();
        lines + shipping + refund.settles + self.suggested_duties(refund)
    }

    /// What a refund's customs charges are worth, with tax; nothing of their own where they are inside the prices.
    fn suggested_duties(&self, refund: &Refund) -> Minor {
        let worth = |&(id, amount): &(u64, Minor)| {
            let Some(duty) = self.duties().find(|duty| duty.id == id) else { return amount };
            let earlier = self.refunds.iter().take_while(|other| other.id != refund.id);
            let earlier: Minor =
                earlier.flat_map(|other| &other.duties).filter(|given| given.0 == id).map(|given| given.1).sum();
            let tax_up_to = |given: Minor| share(duty.tax(), given, duty.price);
            let tax = tax_up_to(earlier + amount) - tax_up_to(earlier);
            if self.taxes_included { amount } else { amount + tax }
        };
        if self.duties_included { 0 } else { refund.duties.iter().map(worth).sum() }
    }

    /// Suggested less actual; a removal by an edit suggests nothing.
    fn discrepancy(&self, refund: &Refund) -> Minor {
        if refund.removal { 0 } else { self.suggested(refund) - self.paid_back(refund).presentment }
    }

    /// The money of a refund that has moved.
    pub fn paid_back(&self, refund: &Refund) -> Bag {
        let own = self.transactions.iter().filter(|paid| refund.transactions.contains(&paid.id));
        sum(own.filter(|paid| paid.status == Outcome::Success && paid.kind == Kind::Refund))
    }

    fn moved(&self, kinds: &[Kind]) -> Bag {
        sum(self.transactions.iter().filter(|paid| paid.status == Outcome::Success && kinds.contains(&paid.kind)))
    }

    fn capturable(&self) -> Minor {
        if self.transactions.iter().any(|paid| paid.kind == Kind::Void && paid.status == Outcome::Success) {
            return 0;
        }
        self.transactions.iter().filter_map(|paid| paid.unsettled).map(|left| left.presentment).sum()
    }

    fn status(&self) -> Status {
        let received = self.totals.total_received.presentment;
        let refunded = self.totals.total_refunded.presentment;
        let success =
            |kind: Kind| self.transactions.iter().any(|paid| paid.kind == kind && paid.status == Outcome::Success);
        if received > 0 {
            return match refunded {
                back if back >= received => Status::Refunded,
                1.. => Status::PartiallyRefunded,
                _ if self.totals.total_outstanding.presentment > 0 => Status::PartiallyPaid,
                _ => Status::Paid,
            };
        }
        if success(Kind::Void) || (self.cancelled_at.is_some() && !success(Kind::Authorization)) {
            Status::Voided
        } else if self.totals.total_capturable.presentment > 0 {
            Status::Authorized
        } else if self.totals.total_price.presentment == 0 {
            Status::Paid
        } else {
            Status::Pending
        }
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a Transaction>) -> Bag {
    all.fold(Bag::default(), |sum, paid| Bag {
        presentment: sum.presentment + paid.amount.presentment,
        shop: sum.shop + paid.amount.shop,
    })
}
