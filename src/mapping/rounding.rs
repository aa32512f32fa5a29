//! How FreshBooks adds up an invoice: its rule is not documented, so all four plausible ones are known here.
//!
//! Amounts are hundredths of the document's currency, FreshBooks' precision in every currency.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    freshbooks::model::Line,
    money::{half_even, half_up},
};

/// Hundredths of a document's currency unit.
pub type Cents = i64;

/// One way of rounding taxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Each tax of each line, ties away from zero: what every recording fits.
    LineHalfUp,
    /// Each tax of each line, ties to even.
    LineHalfEven,
    /// Each tax once for the whole invoice, ties away from zero.
    InvoiceHalfUp,
    /// Each tax once for the whole invoice, ties to even.
    InvoiceHalfEven,
}

impl Rule {
    /// In the order of preference.
    pub const ALL: [Self; 4] = [Self::LineHalfUp, Self::LineHalfEven, Self::InvoiceHalfUp, Self::InvoiceHalfEven];

    fn round(self, amount: Decimal) -> Cents {
        match self {
            Self::LineHalfUp | Self::InvoiceHalfUp => half_up(amount),
            Self::LineHalfEven | Self::InvoiceHalfEven => half_even(amount),
        }
    }

    /// The total that FreshBooks computes for `lines` under this rule.
    pub fn total<'a>(self, lines: impl IntoIterator<Item = &'a Line>) -> Cents {
        let mut total = 0;
        let mut by_tax: BTreeMap<(&str, Decimal), Decimal> = BTreeMap::new();
        for line in lines {
            let net = line_amount(line);
            total += net;
            let mut base = Decimal::from(net);
            for (name, percent) in percentages(line) {
                let tax = base * percent / Decimal::ONE_HUNDRED;
                let charged = match self {
                    Self::LineHalfUp | Self::LineHalfEven => {
                        let rounded = self.round(tax);
                        total += rounded;
                        Decimal::from(rounded)
                    }
                    Self::InvoiceHalfUp | Self::InvoiceHalfEven => {
                        *by_tax.entry((name, percent)).or_default() += tax;
                        tax
                    }
                };
                if line.compounded_tax {
                    base += charged;
                }
            }
        }
        total + by_tax.into_values().map(|tax| self.round(tax)).sum::<Cents>()
    }
}

/// The rules that an account's answers have not contradicted. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules(i32);

impl Default for Rules {
    fn default() -> Self {
        Self((1 << Rule::ALL.len()) - 1)
    }
}

impl Rules {
    /// From the bit set that the connection stores; anything senseless means "nothing learnt yet".
    pub fn from_bits(bits: i32) -> Self {
        if bits & Self::default().0 == 0 { Self::default() } else { Self(bits & Self::default().0) }
    }

    /// For the connection to store.
    pub fn bits(self) -> i32 {
        self.0
    }

    /// The rule to predict by: the first that still stands.
    pub fn preferred(self) -> Rule {
        self.standing().next().unwrap_or(Rule::LineHalfUp)
    }

    /// By how much FreshBooks' answer differs from all rules that still stand; 0 where one explains it.
    pub fn unexplained(self, lines: &[Line], total: Cents) -> Cents {
        if self.standing().any(|rule| rule.total(lines) == total) { 0 } else { total - self.preferred().total(lines) }
    }

    /// What stands after FreshBooks answered `total` for `lines`; unchanged when no rule explains the answer.
    #[must_use]
    pub fn learn(self, lines: &[Line], total: Cents) -> Self {
        let mut bits = 0;
        for (index, rule) in Rule::ALL.iter().enumerate() {
            if self.0 & (1 << index) != 0 && rule.total(lines) == total {
                bits |= 1 << index;
            }
        }
        if bits == 0 { self } else { Self(bits) }
    }

    fn standing(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().enumerate().filter(move |(index, _)| self.0 & (1 << index) != 0).map(|(_, rule)| rule)
    }
}

/// A line's amount before taxes.
pub fn line_amount(line: &Line) -> Cents {
    half_up(line.unit_cost.amount * Decimal::from(line.qty) * Decimal::ONE_HUNDRED)
}

/// A line's taxes: name and percentage.
pub(super) fn percentages(line: &Line) -> impl Iterator<Item = (&str, Decimal)> {
    let slots = [(&line.tax_name1, line.tax_amount1), (&line.tax_name2, line.tax_amount2)];
    slots.into_iter().filter_map(|(name, percent)| Some((name.as_deref()?, percent?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freshbooks::model::Amount;

    fn line(cost: &str, percent: &str) -> Line {
        Line {
            name: "x".to_owned(),
            description: String::new(),
            qty: 1,
            unit_cost: Amount { amount: cost.parse().unwrap(), code: "CAD".to_owned() },
            tax_name1: Some("T".to_owned()),
            tax_amount1: Some(percent.parse().unwrap()),
            tax_name2: None,
            tax_amount2: None,
            compounded_tax: false,
        }
    }

    #[test]
    fn three_lines_of_10_10_at_13_percent_tell_line_from_invoice() {
        let lines = [line("10.10", "13"), line("10.10", "13"), line("10.10", "13")];
        assert_eq!(Rule::LineHalfUp.total(&lines), 3423);
        assert_eq!(Rule::InvoiceHalfUp.total(&lines), 3424);
    }

    #[test]
    fn a_tie_tells_half_up_from_half_even() {
        let lines = [line("0.50", "5")];
        assert_eq!(Rule::LineHalfUp.total(&lines), 53);
        assert_eq!(Rule::LineHalfEven.total(&lines), 52);
    }

    #[test]
    fn each_answer_leaves_only_the_rules_that_explain_it() {
        let lines = [line("10.10", "13"), line("10.10", "13"), line("10.10", "13")];
        let learnt = Rules::default().learn(&lines, 3424);
        assert_eq!(learnt.preferred(), Rule::InvoiceHalfUp);
        assert_eq!(Rules::from_bits(learnt.bits()), learnt);
        assert_eq!(learnt.learn(&lines, 9999), learnt, "an answer that nothing explains teaches nothing");
        assert_eq!(Rules::from_bits(0), Rules::default());
    }
}
