//! Scalars, spelt and printed as Shopify's.

use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;

use crate::sandbox::shopify::{
    currency::{CurrencyCode, Minor},
    model::{Bag, Order},
};

/// A decimal number as text.
#[derive(Clone, Debug)]
pub(super) struct DecimalText(pub(super) String);

/// An instant in UTC, whole seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instant(pub(super) DateTime<Utc>);

/// A big number as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnsignedInt64(pub(super) u64);

/// An address on the web.
#[derive(Clone, Debug)]
pub(super) struct WebAddress(pub(super) String);

#[Scalar(name = "Decimal")]
impl ScalarType for DecimalText {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(DecimalText)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[Scalar(name = "DateTime")]
impl ScalarType for Instant {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value)?.parse().map(Instant).map_err(|_| InputValueError::custom("not a DateTime"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

#[Scalar(name = "UnsignedInt64")]
impl ScalarType for UnsignedInt64 {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value)?.parse().map(UnsignedInt64).map_err(|_| InputValueError::custom("not an UnsignedInt64"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[Scalar(name = "URL")]
impl ScalarType for WebAddress {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(WebAddress)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn text<T: async_graphql::InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::custom(format!("{other} is no text"))),
    }
}

/// An amount of one currency.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct MoneyV2 {
    amount: DecimalText,
    currency_code: CurrencyCode,
}

impl MoneyV2 {
    pub(super) fn new(currency: CurrencyCode, amount: Minor) -> MoneyV2 {
        MoneyV2 { amount: DecimalText(currency.print(amount)), currency_code: currency }
    }
}

/// The same amount in the shop's and in the buyer's currency.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct MoneyBag {
    presentment_money: MoneyV2,
    shop_money: MoneyV2,
}

impl MoneyBag {
    pub(super) fn new(order: &Order, bag: Bag) -> MoneyBag {
        MoneyBag {
            presentment_money: MoneyV2::new(order.presentment, bag.presentment),
            shop_money: MoneyV2::new(order.currency, bag.shop),
        }
    }

    /// At the order's own rate.
    pub(super) fn at_rate(order: &Order, amount: Minor) -> MoneyBag {
        MoneyBag::new(order, order.bag(amount))
    }
}

/// `gid://shopify/Order/1`.
pub(super) fn gid(kind: &str, id: u64) -> ID {
    ID(format!("gid://shopify/{kind}/{id}"))
}

/// A rate as GraphQL prints it.
pub(super) fn rate_text(rate: Decimal) -> DecimalText {
    DecimalText(rate.normalize().to_string())
}
