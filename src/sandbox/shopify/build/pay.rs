//! Money that comes in, or was promised, or did not come.

use rust_decimal::Decimal;

use super::Draft;
use crate::sandbox::shopify::{
    currency::{Minor, number, round},
    model::{
        Bag, DigitalWallet, Order, OrderTransactionErrorCode, OrderTransactionKind as Kind,
        OrderTransactionStatus as Outcome, PaymentMeans, Transaction, TransactionFee, bag,
    },
};

/// The gateway of a customer's balance with the shop.
pub(super) const STORE_CREDIT: &str = "shopify_store_credit";

impl Draft {
    /// Placed and paid in full.
    pub fn paid(self, gateway: &str) -> Order {
        self.placed().paid(gateway)
    }

    /// Placed and authorised, not captured.
    pub fn authorized(self, gateway: &str) -> Order {
        self.placed().authorized(gateway)
    }

    /// Placed with a payment method that is settled by hand, not yet settled.
    pub fn unpaid(self, gateway: &str) -> Order {
        self.placed().pending(gateway)
    }
}

impl Order {
    /// Pays all that is outstanding. Nothing is outstanding on a free order: no transaction then.
    #[must_use]
    pub fn paid(self, gateway: &str) -> Order {
        let rest = self.totals.total_outstanding.presentment;
        self.paid_minor(gateway, rest, None)
    }

    /// Pays a part: `paid_part("gift_card", "10.00").paid("shopify_payments")` is a split payment.
    #[must_use]
    pub fn paid_part(self, gateway: &str, amount: &str) -> Order {
        let amount = self.presentment.parse(amount);
        self.paid_minor(gateway, amount, None)
    }

    /// Pays a part from the customer's balance with the shop.
    #[must_use]
    pub fn paid_from_store_credit(self, amount: &str) -> Order {
        self.paid_part(STORE_CREDIT, amount)
    }

    /// Pays all that is outstanding at another rate than the order's: the shop money differs.
    #[must_use]
    pub fn paid_at_rate(self, gateway: &str, rate: &str) -> Order {
        let rest = self.totals.total_outstanding.presentment;
        self.paid_minor(gateway, rest, Some(number(rate)))
    }

    /// Pays in cash, rounded: `rounding` is what that added (`"0.02"`) or took (`"-0.02"`).
    #[must_use]
    pub fn paid_cash(mut self, rounding: &str) -> Order {
        let rounding = self.presentment.parse(rounding);
        self.cash_rounding += rounding;
        self.recompute();
        let mut paid = self.paid("cash");
        let rounded = paid.bag(rounding);
        if let Some(last) = paid.transactions.last_mut() {
            last.rounding = Some(rounded);
        }
        paid
    }

    /// Pays all that is outstanding in cash with a larger note: `change` is handed back.
    #[must_use]
    pub fn paid_with_change(self, change: &str) -> Order {
        let change = self.presentment.parse(change);
        let rest = self.totals.total_outstanding.presentment;
        if rest <= 0 {
            return self;
        }
        let mut paid = self.paid_minor("cash", rest + change, None);
        let note = paid.transactions.last().map(|paid| paid.id);
        let mut back = paid.transaction(Kind::Change, Outcome::Success, "cash", change, None);
        back.parent = note;
        paid.push(back)
    }

    /// Authorises all that is outstanding.
    #[must_use]
    pub fn authorized(mut self, gateway: &str) -> Order {
        let rest = self.totals.total_outstanding.presentment;
        let mut held = self.transaction(Kind::Authorization, Outcome::Success, gateway, rest, None);
        held.unsettled = Some(held.amount);
        held.processed_at = Some(held.created_at);
        self.push(held)
    }

    /// Captures what is authorised, or a part of it.
    #[must_use]
    pub fn captured(mut self, amount: Option<&str>) -> Order {
        let amount = amount.map(|text| self.presentment.parse(text));
        let Some(held) =
            self.transactions.iter().position(|paid| paid.unsettled.is_some_and(|left| left.presentment > 0))
        else {
            return self;
        };
        let (id, gateway) = (self.transactions[held].id, self.transactions[held].gateway.clone());
        let left = self.transactions[held].unsettled.unwrap_or_default().presentment;
        let amount = amount.unwrap_or(left).min(left);
        // A partial capture gives the rest of the hold up.
        self.transactions[held].unsettled = Some(Bag::default());
        let mut capture = self.transaction(Kind::Capture, Outcome::Success, &gateway, amount, None);
        capture.parent = Some(id);
        self.push(capture)
    }

    /// Gives the authorisation back.
    #[must_use]
    pub fn voided(mut self) -> Order {
        let Some(held) = self.transactions.iter().find(|paid| paid.kind == Kind::Authorization) else { return self };
        let (id, gateway, amount) = (held.id, held.gateway.clone(), held.amount.presentment);
        for paid in &mut self.transactions {
            paid.unsettled = paid.unsettled.map(|_| Bag::default());
        }
        let mut void = self.transaction(Kind::Void, Outcome::Success, &gateway, amount, None);
        void.parent = Some(id);
        self.push(void)
    }

    /// An attempt that failed.
    #[must_use]
    pub fn declined(mut self, gateway: &str) -> Order {
        let rest = self.totals.total_outstanding.presentment;
        let mut failed = self.transaction(Kind::Sale, Outcome::Failure, gateway, rest, None);
        failed.error = Some(OrderTransactionErrorCode::CardDeclined);
        self.push(failed)
    }

    /// A payment that was promised (bank transfer, cash on delivery).
    #[must_use]
    pub fn pending(mut self, gateway: &str) -> Order {
        let rest = self.totals.total_outstanding.presentment;
        let promised = self.transaction(Kind::Sale, Outcome::Pending, gateway, rest, None);
        self.push(promised)
    }

    /// A payment in test mode, in the shop's own books all the same.
    #[must_use]
    pub fn paid_in_test_mode(self, gateway: &str) -> Order {
        let mut order = self.paid(gateway);
        if let Some(last) = order.transactions.last_mut() {
            last.test = true;
        }
        order
    }

    /// The last payment came from a phone's wallet.
    #[must_use]
    pub fn by_wallet(mut self, wallet: DigitalWallet) -> Order {
        if let Some(PaymentMeans::Card(_, _, slot)) =
            self.transactions.last_mut().and_then(|paid| paid.details.as_mut())
        {
            *slot = Some(wallet);
        }
        self
    }

    /// What Shopify Payments kept of the last payment: 2.9 % and 0.30, in shop currency.
    #[must_use]
    pub fn with_fees(mut self) -> Order {
        let id = self.fresh_id();
        if let Some(last) = self.transactions.last_mut() {
            let rate = Decimal::new(29, 3);
            let flat = 30;
            let amount = round(Decimal::from(last.amount.shop) * rate) + flat;
            last.fees.reserve_exact(1);
            last.fees.push(TransactionFee { id, amount, flat, rate });
        }
        self
    }

    fn paid_minor(mut self, gateway: &str, amount: Minor, rate: Option<Decimal>) -> Order {
        if amount <= 0 {
            return self;
        }
        let sale = self.transaction(Kind::Sale, Outcome::Success, gateway, amount, rate);
        self.push(sale)
    }

    /// A transaction of this moment; with `rate` it converts by that instead of the order's.
    pub(super) fn transaction(
        &mut self,
        kind: Kind,
        status: Outcome,
        gateway: &str,
        amount: Minor,
        rate: Option<Decimal>,
    ) -> Transaction {
        let now = self.tick();
        let id = self.fresh_id();
        let manual = matches!(gateway, "manual" | "Cash on Delivery (COD)" | "Bank Deposit" | "Money Order" | "cash");
        Transaction {
            id,
            kind,
            status,
            gateway: gateway.to_owned(),
            manual,
            amount: bag(amount, self.presentment, self.currency, rate.unwrap_or(self.rate)),
            rounding: None,
            unsettled: None,
            created_at: now,
            processed_at: (status == Outcome::Success).then_some(now),
            parent: None,
            test: self.test,
            error: None,
            payment_id: (!manual).then(|| format!("{}.{}", self.name, self.transactions.len() + 1)),
            details: means(gateway),
            fees: Vec::new(),
        }
    }

    pub(super) fn push(mut self, transaction: Transaction) -> Order {
        self.transactions.reserve_exact(1); // most orders have one: no room to spare in a big store
        self.transactions.push(transaction);
        self.recompute();
        self
    }
}

fn means(gateway: &str) -> Option<PaymentMeans> {
    match gateway {
        "shopify_payments" | "stripe" | "bogus" => {
            Some(PaymentMeans::Card("Visa".to_owned(), "•••• •••• •••• 4242".to_owned(), None))
        }
        "paypal" => Some(PaymentMeans::Paypal),
        "ideal" | "bancontact" => Some(PaymentMeans::Local(gateway.to_owned())),
        "shop_pay_installments" => Some(PaymentMeans::Instalments),
        _ => None,
    }
}
