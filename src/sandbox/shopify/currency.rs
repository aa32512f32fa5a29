//! Currencies and amounts, the way Shopify counts and prints them.
//!
//! Amounts are integers in the currency's minor unit; the decimal point appears only where a text is read or written.

use async_graphql::Enum;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// An amount in minor units (cents; whole yen; thousandths of a Kuwaiti dinar).
pub type Minor = i64;

/// The ISO 4217 codes that this simulator can sell in.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CurrencyCode {
    /// Australian dollar.
    Aud,
    /// Bahraini dinar, three decimals.
    Bhd,
    /// Brazilian real.
    Brl,
    /// Canadian dollar, the sample store's currency.
    #[default]
    Cad,
    /// Swiss franc.
    Chf,
    /// Chinese yuan.
    Cny,
    /// Czech koruna.
    Czk,
    /// Danish krone.
    Dkk,
    /// Euro.
    Eur,
    /// Pound sterling.
    Gbp,
    /// Hong Kong dollar.
    Hkd,
    /// New shekel.
    Ils,
    /// Indian rupee.
    Inr,
    /// Yen, no decimals.
    Jpy,
    /// Won, no decimals.
    Krw,
    /// Kuwaiti dinar, three decimals.
    Kwd,
    /// Mexican peso.
    Mxn,
    /// Norwegian krone.
    Nok,
    /// New Zealand dollar.
    Nzd,
    /// Zloty.
    Pln,
    /// Swedish krona.
    Sek,
    /// Singapore dollar.
    Sgd,
    /// United States dollar.
    Usd,
    /// Rand.
    Zar,
}

impl CurrencyCode {
    /// Decimals of the minor unit.
    pub fn digits(self) -> u32 {
        match self {
            Self::Jpy | Self::Krw => 0,
            Self::Bhd | Self::Kwd => 3,
            _ => 2,
        }
    }

    /// The amount as a decimal number of the major unit.
    pub fn major(self, minor: Minor) -> Decimal {
        Decimal::new(minor, self.digits())
    }

    /// Rounds half away from zero to this currency's minor unit, as Shopify does.
    pub fn minor(self, major: Decimal) -> Minor {
        let scaled = major * Decimal::from(10_i64.pow(self.digits()));
        round(scaled)
    }

    /// Reads `"12.00"`.
    ///
    /// # Panics
    ///
    /// When the text is no number: these texts are written in tests and samples.
    pub fn parse(self, text: &str) -> Minor {
        self.minor(number(text))
    }

    /// Prints as GraphQL does: `12.0`, `31.9`, `17.01`, never less than one decimal.
    pub fn print(self, minor: Minor) -> String {
        let text = self.major(minor).normalize().to_string();
        if text.contains('.') { text } else { format!("{text}.0") }
    }
}

/// Half away from zero to a whole number.
pub(super) fn round(value: Decimal) -> Minor {
    value.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().unwrap_or_default()
}

/// Reads a number written in a test or sample.
///
/// # Panics
///
/// When the text is no number.
pub(super) fn number(text: &str) -> Decimal {
    match text.parse() {
        Ok(value) => value,
        Err(error) => panic!("{text:?} is no number: {error}"),
    }
}

/// Shares `total` in proportion to `weights` to the last minor unit: the largest remainders get the left-over units, the earlier
/// of two equal ones first.
pub(super) fn split(total: Minor, weights: &[Minor]) -> Vec<Minor> {
    let sum: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: Minor| i128::from(total) * i128::from(weight);
    let mut parts: Vec<Minor> = weights.iter().map(|&weight| exact(weight).div_euclid(sum) as Minor).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(exact(weights[at]).rem_euclid(sum)));
    let left = total - parts.iter().sum::<Minor>();
    for &at in order.iter().take(usize::try_from(left).unwrap_or_default()) {
        parts[at] += 1;
    }
    parts
}

/// `amount × part / whole`, rounded half away from zero.
pub(super) fn share(amount: Minor, part: Minor, whole: Minor) -> Minor {
    if whole == 0 { 0 } else { round(Decimal::from(amount) * Decimal::from(part) / Decimal::from(whole)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_over_three_equal_lines_is_split_as_in_the_rest_example() {
        assert_eq!(split(1000, &[500, 500, 500]), [334, 333, 333]);
        assert_eq!(split(1, &[1, 2]), [0, 1]);
        assert_eq!(split(7, &[0, 0]), [0, 0]);
    }

    #[test]
    fn amounts_are_printed_trimmed_with_one_decimal_at_least() {
        assert_eq!(CurrencyCode::Cad.print(1200), "12.0");
        assert_eq!(CurrencyCode::Cad.print(3190), "31.9");
        assert_eq!(CurrencyCode::Cad.print(-1701), "-17.01");
        assert_eq!(CurrencyCode::Jpy.print(1200), "1200.0");
        assert_eq!(CurrencyCode::Kwd.print(CurrencyCode::Kwd.parse("3.125")), "3.125");
    }
}
