//! How FreshBooks may add up an invoice, written a second time: whole numbers and fractions of them, no decimals.

use std::collections::BTreeMap;

use ml_connector::{
    freshbooks::model::Line,
    mapping::{Cents, Rules},
};
use rust_decimal::Decimal;

/// A cent in the unit that two percentages with three decimals on top of each other need.
const CENT: i128 = WHOLE * WHOLE;
/// A hundred per cent in thousandths of a per cent.
const WHOLE: i128 = 100_000;

/// The total of `lines` under the rule that `rules` predict by.
pub(super) fn total(lines: &[Line], rules: Rules) -> Cents {
    let rule = rules.bits().trailing_zeros();
    let (per_invoice, to_even) = (rule >= 2, rule % 2 == 1);
    let mut total = 0_i128;
    let mut taxes: BTreeMap<(&str, i128), i128> = BTreeMap::new();
    for line in lines {
        let amount = scaled(line.unit_cost.amount, 2) * i128::from(line.qty);
        total += amount;
        let mut base = amount * CENT;
        let slots = [(&line.tax_name1, line.tax_amount1), (&line.tax_name2, line.tax_amount2)];
        for (name, percent) in slots {
            let (Some(name), Some(percent)) = (name, percent) else { continue };
            let thousandths = scaled(percent, 3);
            let mut tax = base / WHOLE * thousandths;
            if per_invoice {
                *taxes.entry((name, thousandths)).or_default() += tax;
            } else {
                tax = rounded(tax, to_even) * CENT;
                total += tax / CENT;
            }
            if line.compounded_tax {
                base += tax;
            }
        }
    }
    total += taxes.into_values().map(|tax| rounded(tax, to_even)).sum::<i128>();
    i64::try_from(total).unwrap()
}

/// To a whole cent.
fn rounded(tax: i128, to_even: bool) -> i128 {
    let (cents, rest) = (tax.abs() / CENT, tax.abs() % CENT);
    let up = match (rest * 2).cmp(&CENT) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal if to_even => cents % 2,
        _ => 1,
    };
    (cents + up) * tax.signum()
}

/// `value` in units of its `digits`th decimal; it must have no more of them.
pub(super) fn scaled(value: Decimal, digits: u32) -> i128 {
    let value = value.normalize();
    assert!(value.scale() <= digits, "{value} has more than {digits} decimals");
    value.mantissa() * 10_i128.pow(digits - value.scale())
}

#[test]
fn ties_and_places_of_rounding_tell_the_four_rules_apart() {
    let line = |cents, percent: i64| Line {
        name: String::new(),
        description: String::new(),
        qty: 1,
        unit_cost: ml_connector::freshbooks::model::Amount { amount: Decimal::new(cents, 2), code: "CAD".to_owned() },
        tax_name1: Some("T".to_owned()),
        tax_amount1: Some(Decimal::from(percent)),
        tax_name2: None,
        tax_amount2: None,
        compounded_tax: false,
    };
    let all = |lines: &[Line]| [1, 2, 4, 8].map(|bits| total(lines, Rules::from_bits(bits)));
    // 2.5 cents each: 3 or 2 a line, 5 for both; 7.5 for three.
    assert_eq!(all(&[line(50, 5), line(50, 5)]), [106, 104, 105, 105]);
    assert_eq!(all(&[line(50, 5), line(50, 5), line(50, 5)]), [159, 156, 158, 158]);
    assert_eq!(all(&[line(-50, 5)]), [-53, -52, -53, -52]);
    assert_eq!(all(&[line(1010, 13), line(1010, 13), line(1010, 13)]), [3423, 3423, 3424, 3424]);
    let on_top = |cents| Line {
        tax_name2: Some("U".to_owned()),
        tax_amount2: Some(Decimal::from(10)),
        compounded_tax: true,
        ..line(cents, 5)
    };
    // 5 % of 0.50 are 2.5 cents; 10 % of 0.53, 0.52 or 0.525.
    assert_eq!(all(&[on_top(50)]), [58, 57, 58, 57]);
}
