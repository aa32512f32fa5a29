//! Goods and money that go back.

use super::pay::STORE_CREDIT;
use crate::sandbox::shopify::{
    currency::{Minor, number, share},
    model::{
        Adjustment, Order, OrderAdjustmentDiscrepancyReason as Reason, OrderCancelReason, OrderReturnStatus,
        OrderTransactionKind as Kind, OrderTransactionStatus as Outcome, Refund, RefundLine,
        RefundLineItemRestockType as Restock, RefundShipping, Transaction,
    },
};

/// What a refund gives back. Money defaults to what the lines are worth, from the last payment.
#[derive(Clone, Debug, Default)]
pub struct Giving {
    units: Vec<(usize, i64)>,
    shipping: Option<String>,
    all_shipping: bool,
    everything: bool,
    duties: bool,
    store_credit: bool,
    money: Option<Vec<(Option<String>, String)>>,
    rate: Option<String>,
    rounding: Option<String>,
    no_money: bool,
    pending: bool,
    failed: bool,
    restock: Option<Restock>,
    note: Option<String>,
}

impl Giving {
    /// Nothing yet; alone it is a refund of nothing.
    pub fn nothing() -> Giving {
        Giving::default()
    }

    /// All that is left.
    pub fn everything() -> Giving {
        Giving { everything: true, all_shipping: true, duties: true, ..Giving::default() }
    }

    /// Units of the line at this position.
    #[must_use]
    pub fn units(mut self, line: usize, quantity: i64) -> Giving {
        self.units.push((line, quantity));
        self
    }

    /// A part of the first shipping line's price, and its share of the tax.
    #[must_use]
    pub fn shipping(mut self, amount: &str) -> Giving {
        self.shipping = Some(amount.to_owned());
        self
    }

    /// All shipping that is left.
    #[must_use]
    pub fn all_shipping(mut self) -> Giving {
        self.all_shipping = true;
        self
    }

    /// All customs charges that are left, with their tax.
    #[must_use]
    pub fn all_duties(mut self) -> Giving {
        self.duties = true;
        self
    }

    /// The money goes to the buyer's store credit instead of back to the payment.
    #[must_use]
    pub fn to_store_credit(mut self) -> Giving {
        self.store_credit = true;
        self
    }

    /// This much money, whatever the lines are worth.
    #[must_use]
    pub fn money(mut self, amount: &str) -> Giving {
        self.money.get_or_insert_default().push((None, amount.to_owned()));
        self
    }

    /// This much money to the payment made through `gateway`; call it again for another one.
    #[must_use]
    pub fn money_to(mut self, gateway: &str, amount: &str) -> Giving {
        self.money.get_or_insert_default().push((Some(gateway.to_owned()), amount.to_owned()));
        self
    }

    /// Goods come back, no money goes.
    #[must_use]
    pub fn without_money(mut self) -> Giving {
        self.no_money = true;
        self
    }

    /// Converted at this day's rate.
    #[must_use]
    pub fn at_rate(mut self, rate: &str) -> Giving {
        self.rate = Some(rate.to_owned());
        self
    }

    /// Paid out in cash, rounded: `rounding` is what that added (`"0.02"`) or took (`"-0.02"`).
    #[must_use]
    pub fn cash(mut self, rounding: &str) -> Giving {
        self.rounding = Some(rounding.to_owned());
        self
    }

    /// The money has not moved yet: [`Order::refund_arrives`].
    #[must_use]
    pub fn pending(mut self) -> Giving {
        self.pending = true;
        self
    }

    /// The money never moved.
    #[must_use]
    pub fn failed(mut self) -> Giving {
        self.failed = true;
        self
    }

    /// What becomes of the goods; back into stock when not said.
    #[must_use]
    pub fn restock(mut self, restock: Restock) -> Giving {
        self.restock = Some(restock);
        self
    }

    /// A remark.
    #[must_use]
    pub fn note(mut self, note: &str) -> Giving {
        self.note = Some(note.to_owned());
        self
    }
}

impl Order {
    /// Gives units of a line back, with their tax and their money.
    #[must_use]
    pub fn refund_units(self, line: usize, quantity: i64) -> Order {
        self.refunded(Giving::nothing().units(line, quantity))
    }

    /// Gives a part of the shipping back.
    #[must_use]
    pub fn refund_shipping(self, amount: &str) -> Order {
        self.refunded(Giving::nothing().shipping(amount))
    }

    /// Gives money back for nothing in particular: the order's total stays, the discrepancy shows it.
    #[must_use]
    pub fn refund_amount(self, amount: &str) -> Order {
        self.refunded(Giving::nothing().money(amount))
    }

    /// Gives everything back.
    #[must_use]
    pub fn refund_all(self) -> Order {
        self.refunded(Giving::everything())
    }

    /// Any other refund.
    #[must_use]
    pub fn refunded(mut self, giving: Giving) -> Order {
        let overpaid = (-self.totals.total_outstanding.presentment).max(0);
        let now = self.tick();
        let id = self.fresh_id();
        self.refunds.reserve_exact(1);
        self.refunds.push(Refund {
            id,
            created_at: Some(now),
            processed_at: now,
            updated_at: now,
            note: giving.note.clone(),
            lines: Vec::new(),
            shipping: Vec::new(),
            adjustments: Vec::new(),
            transactions: Vec::new(),
            duties: Vec::new(),
            removal: false,
            settles: 0,
        });
        let restock = giving.restock.unwrap_or(Restock::Return);
        let units: Vec<(usize, i64)> = if giving.everything {
            self.lines.iter().enumerate().map(|(at, line)| (at, line.quantity - line.gone)).collect()
        } else {
            giving.units.clone()
        };
        for (line, quantity) in units {
            self.give_back(line, quantity, restock);
        }
        for at in 0..self.shipping.len() {
            let left = self.shipping_now(at).0;
            let amount = match &giving.shipping {
                Some(amount) if at == 0 => self.presentment.parse(amount).min(left),
                _ if giving.all_shipping => left,
                _ => 0,
            };
            self.give_shipping_back(at, amount);
        }
        if giving.duties && !self.duties_included {
            let duties = self.lines.iter().flat_map(|line| &line.duties).map(|duty| (duty.id, self.duty_now(duty).0));
            let duties: Vec<(u64, Minor)> = duties.filter(|(_, left)| *left > 0).collect();
            self.refund_now(|refund| refund.duties = duties);
        }
        self.settle(&giving, overpaid);
        self.pay_back(&giving)
    }

    /// Money that a removal had left over is due; more than that and the lines is not.
    fn settle(&mut self, giving: &Giving, overpaid: Minor) {
        let lines = self.refunds.last().map_or(0, |refund| self.suggested(refund));
        let settles = match &giving.money {
            _ if giving.no_money => 0,
            Some(sums) => {
                let sum: Minor = sums.iter().map(|(_, sum)| self.presentment.parse(sum)).sum();
                overpaid.min((sum - lines).max(0))
            }
            None if lines == 0 || giving.everything => overpaid,
            None => 0,
        };
        let rounding = giving.rounding.as_deref().map_or(0, |rounding| self.presentment.parse(rounding));
        self.cash_rounding_refund += rounding;
        self.refund_now(|refund| refund.settles = settles + rounding);
    }

    /// The pending refunds' money has moved.
    #[must_use]
    pub fn refund_arrives(mut self) -> Order {
        let now = self.tick();
        for paid in &mut self.transactions {
            if paid.kind == Kind::Refund && paid.status == Outcome::Pending {
                paid.status = Outcome::Success;
                paid.processed_at = Some(now);
            }
        }
        for refund in &mut self.refunds {
            refund.adjustments.retain(|line| line.reason != Some(Reason::PendingRefundDiscrepancy));
            refund.updated_at = now;
        }
        self.recompute();
        self
    }

    /// Cancelled: authorisations are given back, what was paid is refunded, everything leaves the order.
    #[must_use]
    pub fn cancelled(self, reason: OrderCancelReason) -> Order {
        let mut order = if self.totals.total_capturable.presentment > 0 { self.voided() } else { self };
        let paid = order.totals.total_received.presentment > 0;
        let holds = order.totals.net_payment.presentment > 0;
        let giving = Giving { no_money: !holds, ..Giving::everything().restock(Restock::Cancel) };
        order = order.refunded(giving);
        let now = order.updated_at;
        if let Some(refund) = order.refunds.last_mut().filter(|_| !paid) {
            refund.removal = true;
            refund.adjustments.clear();
        }
        order.cancelled_as(reason, now)
    }

    /// Cancelled, and the money stays where it is: only the mark changes.
    #[must_use]
    pub fn cancelled_without_refund(mut self, reason: OrderCancelReason) -> Order {
        let now = self.tick();
        self.cancelled_as(reason, now)
    }

    fn cancelled_as(mut self, reason: OrderCancelReason, now: chrono::DateTime<chrono::Utc>) -> Order {
        self.cancelled_at = Some(now);
        self.closed_at = Some(now);
        self.cancel_reason = Some(reason);
        self.recompute();
        self
    }

    /// Takes units off a line within the refund being made. Shares are cumulative, so that all units together give all of it.
    pub(super) fn give_back(&mut self, at: usize, quantity: i64, restock: Restock) {
        let Some(line) = self.lines.get(at) else { return };
        let quantity = quantity.min(line.quantity - line.gone);
        if quantity <= 0 {
            return;
        }
        let after = line.gone + quantity;
        let (left, tax_left) = self.line_now(at);
        let subtotal = left - (line.gross() - share(line.gross(), after, line.quantity));
        let tax = tax_left - (line.tax() - share(line.tax(), after, line.quantity));
        let price = share(line.gross(), 1, line.quantity);
        let id = Some(self.fresh_id());
        let restocked = restock != Restock::NoRestock;
        self.lines[at].gone = after;
        self.refund_now(|refund| {
            refund.lines.reserve_exact(1);
            refund.lines.push(RefundLine { id, line: at, quantity, restock, restocked, price, subtotal, tax });
        });
    }

    fn give_shipping_back(&mut self, at: usize, amount: Minor) {
        let (left, tax_left) = self.shipping_now(at);
        if amount <= 0 || left <= 0 {
            return;
        }
        let tax = if amount == left {
            tax_left
        } else {
            share(self.shipping[at].tax(), amount, self.shipping[at].discounted())
        };
        let id = self.fresh_id();
        self.refund_now(|refund| refund.shipping.push(RefundShipping { id, shipping: at, subtotal: amount, tax }));
    }

    fn pay_back(mut self, giving: &Giving) -> Order {
        let suggested = self.refunds.last().map_or(0, |refund| self.suggested(refund));
        let tip = if giving.everything { self.tip_left() } else { 0 };
        let sums: Vec<(u64, Minor)> = match &giving.money {
            _ if giving.no_money => Vec::new(),
            Some(sums) => {
                let to = |(gateway, sum): &(Option<String>, String)| {
                    Some((self.last_payment(gateway.as_deref())?, self.presentment.parse(sum)))
                };
                sums.iter().filter_map(to).collect()
            }
            None => self.spread_back(suggested + tip),
        };
        let status = match giving {
            Giving { failed: true, .. } => Outcome::Failure,
            Giving { pending: true, .. } => Outcome::Pending,
            _ => Outcome::Success,
        };
        let rate = giving.rate.as_deref().map(number);
        let now = self.updated_at;
        for (to, sum) in sums {
            let Some(paid) = self.transactions.iter().find(|paid| paid.id == to) else { continue };
            let gateway = if giving.store_credit { STORE_CREDIT } else { &paid.gateway }.to_owned();
            let test = paid.test;
            self.next_event = Some(now);
            let mut back = self.transaction(Kind::Refund, status, &gateway, sum, rate);
            (back.parent, back.test) = (Some(to), test);
            let id = back.id;
            self.transactions.push(back);
            self.refund_now(|refund| refund.transactions.push(id));
        }
        let moved = self.refunds.last().map_or(0, |refund| self.paid_back(refund).presentment);
        if suggested != moved && !giving.failed {
            let id = self.fresh_id();
            let reason = if giving.pending { Reason::PendingRefundDiscrepancy } else { Reason::RefundDiscrepancy };
            let adjustment = Adjustment { id, reason: Some(reason), amount: suggested - moved, tax: 0 };
            self.refund_now(|refund| refund.adjustments.push(adjustment));
        }
        if self.refunds.last().is_some_and(|refund| refund.lines.iter().any(|line| line.restock == Restock::Return)) {
            self.return_status = OrderReturnStatus::Returned;
        }
        self.recompute();
        self
    }

    fn last_payment(&self, gateway: Option<&str>) -> Option<u64> {
        let payments = self.transactions.iter().rev().filter(|paid| is_payment(paid));
        payments.filter(|paid| gateway.is_none_or(|name| name == paid.gateway)).map(|paid| paid.id).next()
    }

    /// Shares `sum` over the payments that still hold money, the last one first.
    fn spread_back(&self, mut sum: Minor) -> Vec<(u64, Minor)> {
        let mut shares = Vec::new();
        for paid in self.transactions.iter().rev().filter(|paid| is_payment(paid)) {
            let back = self.transactions.iter().filter(|back| is_given_back(back) && back.parent == Some(paid.id));
            let back: Minor =
                back.filter(|back| back.status != Outcome::Failure).map(|back| back.amount.presentment).sum();
            let share = (paid.amount.presentment - back).min(sum);
            if share > 0 {
                shares.push((paid.id, share));
                sum -= share;
            }
        }
        shares
    }

    /// A full refund gives the gratuity back too, though it is on no refund line when it was on no line of the order.
    fn tip_left(&self) -> Minor {
        if self.lines.iter().any(|line| line.tip) { 0 } else { self.tip }
    }

    fn refund_now(&mut self, change: impl FnOnce(&mut Refund)) {
        if let Some(refund) = self.refunds.last_mut() {
            change(refund);
        }
    }
}

fn is_given_back(paid: &Transaction) -> bool {
    matches!(paid.kind, Kind::Refund | Kind::Change)
}

fn is_payment(paid: &Transaction) -> bool {
    matches!(paid.kind, Kind::Sale | Kind::Capture) && paid.status == Outcome::Success
}
