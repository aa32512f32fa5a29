//! Shopify's amounts as whole numbers, in the connection's basis.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    mapping::{Cents, Refusal, settings::Basis},
    money::{Currency, share},
    shopify::model::{MoneyBag, MoneyV2, Order},
};

/// The currency's smallest amount in hundredths.
pub(super) fn unit(currency: Currency) -> Cents {
    if currency.decimals() == 0 { 100 } else { 1 }
}

/// Reads money bags in one basis, as whole parts of the currency's unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    basis: Basis,
    parts: Decimal,
    /// The smallest amount that Shopify knows of the currency, in parts: 100 hundredths of a yen, one hundredth of a dollar.
    unit: Cents,
}

impl Reader {
    /// For documents: hundredths, FreshBooks' precision in every currency.
    pub(super) fn documents(basis: Basis, order: &Order) -> Self {
        let reader = Self { basis, parts: Decimal::ONE_HUNDRED, unit: 1 };
        Self { unit: unit(reader.currency(order)), ..reader }
    }

    /// For proportions of what the buyer paid: thousandths, so that no currency is too fine.
    pub(super) fn shares() -> Self {
        Self { basis: Basis::Presentment, parts: Decimal::ONE_THOUSAND, unit: 1 }
    }

    /// Whether documents are in the shop's money and the buyer paid in another: then exchange rates differ from day to day.
    pub(super) fn is_foreign(self, order: &Order) -> bool {
        self.basis == Basis::Shop && order.currency_code != order.presentment_currency_code
    }

    /// The currency for `order`.
    pub(super) fn currency(self, order: &Order) -> Currency {
        match self.basis {
            Basis::Shop => order.currency_code,
            Basis::Presentment => order.presentment_currency_code,
        }
    }

    /// The exact amount of `bag`; `field` names it in the refusal.
    pub(super) fn cents(self, field: &str, bag: &MoneyBag) -> Result<Cents, Refusal> {
        let money = self.money(bag);
        let scaled = money.amount.checked_mul(self.parts).filter(|scaled| scaled.fract().is_zero());
        scaled
            .and_then(|scaled| scaled.to_i64())
            .ok_or_else(|| Refusal::precision(field, money.amount, money.currency_code.code()))
    }

    /// The same where the bag may be missing.
    pub(super) fn cents_or_zero(self, field: &str, bag: Option<&MoneyBag>) -> Result<Cents, Refusal> {
        bag.map_or(Ok(0), |bag| self.cents(field, bag))
    }

    /// `whole * part / total` in whole units of the currency.
    pub(super) fn share(self, whole: Cents, part: Cents, total: Cents) -> Cents {
        share(whole / self.unit, part, total) * self.unit
    }

    /// What is left of `whole` when `kept` of `quantity` units are: Shopify rounds what goes, not what stays.
    pub(super) fn left(self, whole: Cents, kept: i64, quantity: i64) -> Cents {
        whole - self.share(whole, quantity - kept, quantity)
    }

    fn money(self, bag: &MoneyBag) -> &MoneyV2 {
        match self.basis {
            Basis::Shop => &bag.shop_money,
            Basis::Presentment => &bag.presentment_money,
        }
    }
}
