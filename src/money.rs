//! Money as integer minor units of one currency: what the books are written in.
//!
//! An amount never passes through a float.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

/// An ISO 4217 code, upper case, such as `CAD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads a three-letter code; lower case is accepted.
    ///
    /// # Errors
    /// When `code` is anything but three ASCII letters.
    pub fn new(code: &str) -> Result<Self, Error> {
        match code.as_bytes() {
            &[a, b, c] if code.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                Ok(Self([a, b, c].map(|byte| byte.to_ascii_uppercase())))
            }
            _ => Err(Error::Currency(code.to_owned())),
        }
    }

    /// The code, such as `CAD`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimals its minor unit has: 2 for most, 0 for yen, 3 for dinars (ISO 4217).
    pub fn decimals(&self) -> u32 {
        match self.code() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = Error;
    fn try_from(code: String) -> Result<Self, Error> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An exact amount: `minor` units (cents, yen) of `currency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative for what is taken away.
    pub minor: i64,
    /// The currency whose minor units these are.
    pub currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The exact minor units of a decimal amount.
    ///
    /// # Errors
    /// [`Error::Precision`] when the amount has more decimals than `currency` keeps, [`Error::TooLarge`] beyond 64 bits.
    pub fn exact(amount: Decimal, currency: Currency) -> Result<Self, Error> {
        let scaled = amount.checked_mul(unit(currency)).ok_or(Error::TooLarge)?;
        if !scaled.fract().is_zero() {
            return Err(Error::Precision { amount, currency });
        }
        Ok(Self { minor: scaled.to_i64().ok_or(Error::TooLarge)?, currency })
    }

    /// The amount as a decimal number with the currency's decimals, such as `12.30`.
    pub fn amount(&self) -> Decimal {
        Decimal::new(self.minor, self.currency.decimals())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

/// How many minor units make one whole unit.
fn unit(currency: Currency) -> Decimal {
    Decimal::from(10_i64.pow(currency.decimals()))
}

/// `whole * part / total`, rounded half away from zero; 0 where `total` is 0. Exact up to 64 bits in and out.
pub fn share(whole: i64, part: i64, total: i64) -> i64 {
    if total == 0 {
        return 0;
    }
    let (numerator, total) = (i128::from(whole) * i128::from(part), i128::from(total));
    let (quotient, remainder) = (numerator / total, numerator % total);
    let away = if (numerator < 0) == (total < 0) { 1 } else { -1 };
    let rounded = if remainder.abs() * 2 >= total.abs() { quotient + away } else { quotient };
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

/// `amount` rounded to a whole number, ties away from zero.
pub fn half_up(amount: Decimal) -> i64 {
    amount.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().unwrap_or(i64::MAX)
}

/// `amount` rounded to a whole number, ties to the even one.
pub fn half_even(amount: Decimal) -> i64 {
    amount.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64().unwrap_or(i64::MAX)
}

/// Why an amount is not money here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a three-letter code.
    #[error("`{0}` is not a currency code")]
    Currency(String),
    /// More decimals than the currency, or FreshBooks, keeps.
    #[error("{amount} {currency} has more decimals than can be kept")]
    Precision {
        /// The amount as it came.
        amount: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// Beyond 64 bits of minor units.
    #[error("the amount is too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cad(text: &str) -> Result<Money, Error> {
        Money::exact(text.parse().unwrap(), Currency::new("CAD").unwrap())
    }

    #[test]
    fn trailing_zeros_do_not_matter_and_lost_cents_are_refused() {
        assert_eq!(cad("12.3"), cad("12.30"));
        assert_eq!(cad("12.30").unwrap().minor, 1230);
        assert!(matches!(cad("0.001"), Err(Error::Precision { .. })));
    }

    #[test]
    fn a_share_rounds_half_away_from_zero_and_survives_large_amounts() {
        assert_eq!(share(100, 1, 3), 33);
        assert_eq!(share(5, 1, 2), 3);
        assert_eq!(share(-5, 1, 2), -3);
        assert_eq!(share(1, 0, 0), 0);
        assert_eq!(share(i64::MAX, 7, 7), i64::MAX);
    }
}
