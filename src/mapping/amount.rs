//! Shopify's amounts as whole numbers, in the connection's basis.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    mapping::{Cents, Refusal, settings::Basis},
    shopify::model::{MoneyBag, MoneyV2, Order},
};

/// Reads money bags in one basis, as whole parts of the currency's unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    basis: Basis,
    parts: Decimal,
}

impl Reader {
    /// For documents: hundredths, FreshBooks' precision in every currency.
    pub(super) fn documents(basis: Basis) -> Self {
        Self { basis, parts: Decimal::ONE_HUNDRED }
    }

    /// For proportions of what the buyer paid: thousandths, so that no currency is too fine.
    pub(super) fn shares() -> Self {
        Self { basis: Basis::Presentment, parts: Decimal::ONE_THOUSAND }
    }

    /// The currency for `order`.
    pub(super) fn currency(self, order: &Order) -> crate::money::Currency {
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

    fn money(self, bag: &MoneyBag) -> &MoneyV2 {
        match self.basis {
            Basis::Shop => &bag.shop_money,
            Basis::Presentment => &bag.presentment_money,
        }
    }
}
