//! How a document's lines add up.
//!
//! A line is quantity times price to the cent; the discount is one percentage of the subtotal; each tax is charged on the discounted line,
//! and the two taxes of a line are rounded apart from each other, unless told otherwise. Where the rounding happens is the [`Rounding`] switch.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

use super::{line::Line, options::Rounding};

/// What a document comes to; `discount` is zero or negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) subtotal: Decimal,
    pub(super) discount: Decimal,
    pub(super) tax: Decimal,
    pub(super) amount: Decimal,
}

/// To the cent, ties as `rounding` says.
pub(super) fn cents(exact: Decimal, rounding: Rounding) -> Decimal {
    let ties = match rounding {
        Rounding::LineHalfUp | Rounding::InvoiceHalfUp | Rounding::TaxesTogether => {
            RoundingStrategy::MidpointAwayFromZero
        }
        Rounding::LineHalfEven | Rounding::InvoiceHalfEven => RoundingStrategy::MidpointNearestEven,
    };
    let mut rounded = exact.round_dp_with_strategy(2, ties);
    rounded.rescale(2);
    // A decimal has a negative zero; money has not.
    rounded.set_sign_positive(rounded.is_zero() || rounded.is_sign_positive());
    rounded
}

/// Adds up `lines` with `discount` percent off.
pub(super) fn totals(lines: &[Line], discount: Decimal, rounding: Rounding) -> Totals {
    let subtotal: Decimal = lines.iter().map(|line| line.amount).sum();
    let off = cents(-percent_of(discount, subtotal), rounding);
    let tax: Decimal = match rounding {
        Rounding::LineHalfUp | Rounding::LineHalfEven | Rounding::TaxesTogether => {
            lines.iter().flat_map(|line| line_taxes(line, discount, rounding)).sum()
        }
        Rounding::InvoiceHalfUp | Rounding::InvoiceHalfEven => {
            let mut by_tax: BTreeMap<(&str, Decimal), Decimal> = BTreeMap::new();
            for line in lines {
                let exact = exact_taxes(line, discount, |tax| tax);
                for (slot, tax) in line.taxes.iter().zip(exact) {
                    *by_tax.entry((slot.name.as_deref().unwrap_or_default(), slot.percent)).or_default() += tax;
                }
            }
            by_tax.into_values().map(|exact| cents(exact, rounding)).sum()
        }
    };
    Totals { subtotal, discount: off, tax, amount: subtotal + off + tax }
}

/// The two taxes of one line, each to the cent; where they are rounded together the second is what is left of their sum.
pub(super) fn line_taxes(line: &Line, discount: Decimal, rounding: Rounding) -> [Decimal; 2] {
    if rounding == Rounding::TaxesTogether {
        let exact = exact_taxes(line, discount, |tax| tax);
        let first = cents(exact[0], rounding);
        return [first, cents(exact.iter().sum(), rounding) - first];
    }
    exact_taxes(line, discount, |tax| cents(tax, rounding))
}

fn exact_taxes(line: &Line, discount: Decimal, settle: impl Fn(Decimal) -> Decimal) -> [Decimal; 2] {
    let net = line.amount - percent_of(discount, line.amount);
    let [first, second] = &line.taxes;
    let tax1 = settle(percent_of(first.percent, net));
    let base = if line.compounded_tax { net + tax1 } else { net };
    [tax1, settle(percent_of(second.percent, base))]
}

fn percent_of(percent: Decimal, amount: Decimal) -> Decimal {
    if percent.is_zero() { Decimal::ZERO } else { amount * percent / Decimal::ONE_HUNDRED }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(amount: &str, percents: [&str; 2], compounded_tax: bool) -> Line {
        let mut line = Line::priced(amount.parse().unwrap());
        for (slot, percent) in line.taxes.iter_mut().zip(percents) {
            slot.name = Some(format!("T{percent}"));
            slot.percent = percent.parse().unwrap();
        }
        line.compounded_tax = compounded_tax;
        line
    }

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn the_two_recorded_documents_add_up() {
        let lines = [line("20.00", ["13", "0"], false), line("24.00", ["0", "0"], false)];
        let sum = totals(&lines, dec("10"), Rounding::LineHalfUp);
        assert_eq!((sum.discount, sum.tax, sum.amount), (dec("-4.40"), dec("2.34"), dec("41.94")));

        let lines = [line("555.55", ["5", "9.975"], false), line("7.98", ["5", "9.975"], false)];
        assert_eq!(line_taxes(&lines[0], dec("15"), Rounding::LineHalfUp), [dec("23.61"), dec("47.10")]);
        assert_eq!(line_taxes(&lines[1], dec("15"), Rounding::LineHalfUp), [dec("0.34"), dec("0.68")]);
        let sum = totals(&lines, dec("15"), Rounding::LineHalfUp);
        assert_eq!((sum.discount, sum.tax, sum.amount), (dec("-84.53"), dec("71.73"), dec("550.73")));
    }

    #[test]
    fn taxes_are_rounded_apart_from_each_other() {
        let sum = totals(&[line("29.70", ["5", "9.975"], false)], dec("10"), Rounding::LineHalfUp);
        assert_eq!((sum.discount, sum.amount), (dec("-2.97"), dec("30.74")));
        let sum = totals(&[line("9.99", ["5", "9.975"], false)], Decimal::ZERO, Rounding::LineHalfUp);
        assert_eq!(sum.amount, dec("11.49"));
    }

    #[test]
    fn each_rounding_has_a_document_that_tells_it_from_the_others() {
        let three = || {
            [line("10.10", ["13", "0"], false), line("10.10", ["13", "0"], false), line("10.10", ["13", "0"], false)]
        };
        // 0.125 of tax on each of two lines: a tie per line, none over both.
        let ties = || [line("2.50", ["5", "0"], false), line("2.50", ["5", "0"], false)];
        // One tie, seen alike per line and per document.
        let tie = || [line("2.50", ["5", "0"], false)];
        let tax = |lines: &[Line], rounding| totals(lines, Decimal::ZERO, rounding).tax;
        for (rounding, expected) in [
            (Rounding::LineHalfUp, ["3.93", "0.26", "0.13"]),
            (Rounding::LineHalfEven, ["3.93", "0.24", "0.12"]),
            (Rounding::InvoiceHalfUp, ["3.94", "0.25", "0.13"]),
            (Rounding::InvoiceHalfEven, ["3.94", "0.25", "0.12"]),
        ] {
            let got = [tax(&three(), rounding), tax(&ties(), rounding), tax(&tie(), rounding)];
            assert_eq!(got.map(|tax| tax.to_string()), expected, "{rounding:?}");
        }
    }

    #[test]
    fn taxes_rounded_together_are_explained_by_no_other_rule() {
        let lines = [line("26.73", ["5", "9.975"], false)];
        let tax = |rounding| totals(&lines, Decimal::ZERO, rounding).tax;
        assert_eq!(tax(Rounding::TaxesTogether), dec("4.00"));
        assert_eq!(line_taxes(&lines[0], Decimal::ZERO, Rounding::TaxesTogether), [dec("1.34"), dec("2.66")]);
        for other in [Rounding::LineHalfUp, Rounding::LineHalfEven, Rounding::InvoiceHalfUp, Rounding::InvoiceHalfEven]
        {
            assert_eq!(tax(other), dec("4.01"), "{other:?}");
        }
    }

    #[test]
    fn a_compounded_tax_is_charged_on_the_first() {
        let sum = totals(&[line("100.00", ["5", "10"], true)], Decimal::ZERO, Rounding::LineHalfUp);
        assert_eq!(sum.tax, dec("15.50"));
    }

    #[test]
    fn a_negative_line_mirrors_the_positive_one() {
        let lines = [line("10.10", ["13", "0"], false), line("-10.10", ["13", "0"], false)];
        assert_eq!(totals(&lines, Decimal::ZERO, Rounding::LineHalfUp).amount, Decimal::ZERO);
    }
}
