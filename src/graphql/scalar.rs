//! The scalars: amounts as text, instants in UTC, days, currency codes, JSON. Nothing here ever becomes a float.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use chrono::{NaiveDate, SecondsFormat, Utc};

use crate::money;

/// An instant; read in any offset, written in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant(pub(super) chrono::DateTime<Utc>);

/// An instant as ISO 8601, such as `2026-03-01T09:30:00Z`. Any offset is read; what is written is UTC.
#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for Instant {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else { return Err(InputValueError::expected_type(value)) };
        chrono::DateTime::parse_from_rfc3339(&text)
            .map(|at| Self(at.with_timezone(&Utc)))
            .map_err(|_| InputValueError::custom("an instant with its offset is needed, such as 2026-03-01T09:30:00Z"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day(pub(super) NaiveDate);

/// A day of the calendar, such as `2026-03-01`. Where a zone matters, it is the shop's.
#[Scalar(name = "Date")]
impl ScalarType for Day {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else { return Err(InputValueError::expected_type(value)) };
        text.parse().map(Self).map_err(|_| InputValueError::custom("a day is needed, such as 2026-03-01"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An exact decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal(pub(super) rust_decimal::Decimal);

/// An exact decimal number as text, such as `"12.30"`: JSON's numbers lose cents in many readers.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else { return Err(InputValueError::expected_type(value)) };
        text.parse()
            .map(Self)
            .map_err(|_| InputValueError::custom("a decimal number as text is needed, such as \"12.30\""))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CurrencyCode(pub(super) money::Currency);

/// A currency by its ISO 4217 code, such as `CAD`.
#[Scalar(name = "CurrencyCode")]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else { return Err(InputValueError::expected_type(value)) };
        money::Currency::new(&text)
            .map(Self)
            .map_err(|_| InputValueError::custom("a currency code of three letters is needed, such as CAD"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.code().to_owned())
    }
}

/// Any JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Json(pub(super) serde_json::Value);

/// Any JSON value, as it is.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        value.into_json().map(Self).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

/// An exact amount of one currency. Amounts of two currencies never add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
pub(super) struct Money {
    /// The amount, such as `"12.30"`.
    amount: Decimal,
    /// Its currency.
    currency_code: CurrencyCode,
}

impl Money {
    /// An amount as FreshBooks keeps it: in hundredths, whatever the currency. `None` without a currency.
    pub(super) fn hundredths(cents: i64, currency: &str) -> Option<Self> {
        let currency = money::Currency::new(currency).ok()?;
        Some(Self { amount: Decimal(rust_decimal::Decimal::new(cents, 2)), currency_code: CurrencyCode(currency) })
    }

    /// An amount as somebody wrote it. `None` without a currency.
    pub(super) fn decimal(amount: rust_decimal::Decimal, currency: &str) -> Option<Self> {
        Some(Self { amount: Decimal(amount), currency_code: CurrencyCode(money::Currency::new(currency).ok()?) })
    }

    /// An amount as Shopify keeps it: in the currency's own minor units. `None` without a currency.
    pub(super) fn minor(minor: i64, currency: &str) -> Option<Self> {
        let money = money::Money::new(minor, money::Currency::new(currency).ok()?);
        Some(Self { amount: Decimal(money.amount()), currency_code: CurrencyCode(money.currency) })
    }
}

/// The code of a stored currency, where it is one.
pub(super) fn currency(code: Option<&str>) -> Option<CurrencyCode> {
    money::Currency::new(code?).ok().map(CurrencyCode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_their_zeros_and_instants_their_zone() {
        let text = |value: Value| value.to_string();
        assert_eq!(text(Money::hundredths(120_000, "JPY").unwrap().amount.to_value()), "\"1200.00\"");
        assert_eq!(text(Money::minor(1200, "JPY").unwrap().amount.to_value()), "\"1200\"");
        assert_eq!(text(Money::minor(-5, "cad").unwrap().amount.to_value()), "\"-0.05\"");
        let at = Instant::parse(Value::String("2026-03-01T09:30:00-05:00".to_owned())).ok().unwrap();
        assert_eq!(text(at.to_value()), "\"2026-03-01T14:30:00Z\"");
        assert!(Instant::parse(Value::String("2026-03-01".to_owned())).is_err());
        assert!(Decimal::parse(Value::from(1)).is_err());
    }
}
