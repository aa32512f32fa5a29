//! Shopify's amounts as hundredths of the document's currency, in the connection's basis.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    mapping::{Cents, Refusal, settings::Basis},
    shopify::model::{MoneyBag, MoneyV2, Order},
};

/// Reads money bags in one basis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader(pub(super) Basis);

impl Reader {
    /// The document's currency for `order`.
    pub(super) fn currency(self, order: &Order) -> crate::money::Currency {
        match self.0 {
            Basis::Shop => order.currency_code,
            Basis::Presentment => order.presentment_currency_code,
        }
    }

    /// The exact hundredths of `bag`; `field` names it in the refusal.
    pub(super) fn cents(self, field: &str, bag: &MoneyBag) -> Result<Cents, Refusal> {
        let money = self.money(bag);
        hundredths(money).ok_or_else(|| Refusal::precision(field, money.amount, money.currency_code.code()))
    }

    /// The same where the bag may be missing.
    pub(super) fn cents_or_zero(self, field: &str, bag: Option<&MoneyBag>) -> Result<Cents, Refusal> {
        bag.map_or(Ok(0), |bag| self.cents(field, bag))
    }

    fn money(self, bag: &MoneyBag) -> &MoneyV2 {
        match self.0 {
            Basis::Shop => &bag.shop_money,
            Basis::Presentment => &bag.presentment_money,
        }
    }
}

fn hundredths(money: &MoneyV2) -> Option<Cents> {
    let scaled = money.amount.checked_mul(Decimal::ONE_HUNDRED)?;
    if scaled.fract().is_zero() { scaled.to_i64() } else { None }
}
