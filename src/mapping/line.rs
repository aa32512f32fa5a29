//! Parts as FreshBooks lines: whole quantities, unit prices of two decimals, two tax percentages, nothing else.

use rust_decimal::Decimal;

use crate::{
    freshbooks::model::{Amount, Line},
    mapping::{
        Cents,
        amount::unit,
        part::{Part, Tax, tax_line_name},
        settings::Discounts,
    },
    money::{Currency, share},
};

/// A line and where in the Shopify order it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourcedLine {
    /// Such as `lineItems[LineItem/7]`.
    pub(super) source: String,
    /// What FreshBooks is sent.
    pub(super) line: Line,
}

/// How taxes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taxes {
    /// As percentages: FreshBooks computes the amounts and reports them.
    Percentages,
    /// As lines of their own: exact, but outside FreshBooks' tax report.
    Lines,
}

/// The lines of all parts.
pub(super) fn lines(parts: &[Part], currency: Currency, discounts: Discounts, taxes: Taxes) -> Vec<SourcedLine> {
    let mut lines: Vec<SourcedLine> =
        parts.iter().flat_map(|part| of_part(part, currency, discounts, taxes == Taxes::Percentages)).collect();
    if taxes == Taxes::Lines {
        lines.extend(tax_lines(parts, currency.code()));
    }
    lines
}

/// One plain line: a tax of its own, or the rounding line.
pub(super) fn plain(source: &str, name: &str, amount: Cents, currency: &str) -> SourcedLine {
    let part = Part::plain(source.to_owned(), name, amount);
    SourcedLine { source: part.source.clone(), line: untaxed(&part.name, "", 1, amount, currency) }
}

fn of_part(part: &Part, currency: Currency, discounts: Discounts, taxed: bool) -> Vec<SourcedLine> {
    let (unit, currency) = (unit(currency), currency.code());
    let own_lines = discounts == Discounts::OwnLine && !part.discounts.is_empty();
    let item_net = if own_lines { net_before_discounts(part, unit) } else { part.net() };
    let mut description = part.description.clone();
    let (slots, merged) = slots(part, taxed);
    if let Some(text) = merged {
        description = if description.is_empty() { text } else { format!("{description}, {text}") };
    }
    let mut lines = Vec::new();
    for (quantity, price) in split(item_net, part.quantity, unit) {
        let mut line = untaxed(&part.name, &description, quantity, price, currency);
        put(&mut line, &slots);
        lines.push(SourcedLine { source: part.source.clone(), line });
    }
    if own_lines {
        // Shares of what the discounts take off the net price, so that they end exactly on the part's net amount.
        let (all, whole) = (part.discount(), item_net - part.net());
        let (mut seen, mut given) = (0, 0);
        for (index, (name, amount)) in part.discounts.iter().enumerate() {
            seen += amount;
            let up_to_here =
                if index + 1 == part.discounts.len() { whole } else { share(whole / unit, seen, all) * unit };
            let mut line = untaxed(name, &part.name, 1, given - up_to_here, currency);
            given = up_to_here;
            put(&mut line, &slots);
            lines.push(SourcedLine { source: format!("{}.discountAllocations[{index}]", part.source), line });
        }
    }
    lines
}

/// The net amount that the undiscounted price stands for: with inclusive prices, its share of tax is taken out.
fn net_before_discounts(part: &Part, unit: Cents) -> Cents {
    if !part.inclusive {
        return part.gross;
    }
    let charged = part.gross - part.discount();
    if charged == 0 { part.gross } else { part.gross - share(part.tax() / unit, part.gross, charged) * unit }
}

/// Quantities and unit prices that make `net` exactly: where it does not divide, two prices a minor unit apart.
fn split(net: Cents, quantity: i64, unit: Cents) -> Vec<(i64, Cents)> {
    let (quantity, whole) = (quantity.max(1), net / unit);
    let (price, dearer) = (whole.div_euclid(quantity), whole.rem_euclid(quantity));
    if dearer == 0 {
        return vec![(quantity, price * unit)];
    }
    vec![(quantity - dearer, price * unit), (dearer, (price + 1) * unit)]
}

/// A line's taxes for FreshBooks' two slots, and in words what had to be merged to fit.
fn slots(part: &Part, taxed: bool) -> (Vec<(String, Decimal)>, Option<String>) {
    if !taxed {
        return (Vec::new(), None);
    }
    let net = part.net();
    let rate = |tax: &Tax| {
        tax.percent.unwrap_or_else(|| {
            if net == 0 {
                return Decimal::ZERO;
            }
            (Decimal::from(tax.amount) * Decimal::ONE_HUNDRED / Decimal::from(net)).round_dp(3).normalize()
        })
    };
    let all: Vec<(String, Decimal)> = part.taxes.iter().map(|tax| (tax.name.clone(), rate(tax))).collect();
    // Nor can FreshBooks tell two taxes of one name apart.
    let distinct = all.len() < 2 || all[0].0 != all[1].0;
    if all.len() <= 2 && distinct {
        return (all, None);
    }
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let parts: Vec<String> = all.iter().map(|(name, percent)| format!("{name} {percent}%")).collect();
    let sum = all.iter().map(|(_, percent)| percent).sum::<Decimal>().normalize();
    (vec![(names.join(" + "), sum)], Some(format!("Taxes: {}", parts.join(", "))))
}

fn put(line: &mut Line, slots: &[(String, Decimal)]) {
    if let Some((name, percent)) = slots.first() {
        (line.tax_name1, line.tax_amount1) = (Some(name.clone()), Some(*percent));
    }
    if let Some((name, percent)) = slots.get(1) {
        (line.tax_name2, line.tax_amount2) = (Some(name.clone()), Some(*percent));
    }
}

/// One line per tax with the amount that Shopify charged.
fn tax_lines(parts: &[Part], currency: &str) -> Vec<SourcedLine> {
    let mut sums: Vec<(String, Cents)> = Vec::new();
    for tax in parts.iter().flat_map(|part| &part.taxes) {
        let name = tax_line_name(tax);
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += tax.amount,
            None => sums.push((name, tax.amount)),
        }
    }
    sums.into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|(name, amount)| plain("taxLines", &name, amount, currency))
        .collect()
}

fn untaxed(name: &str, description: &str, quantity: i64, price: Cents, currency: &str) -> Line {
    Line {
        name: name.to_owned(),
        description: description.to_owned(),
        qty: quantity,
        unit_cost: Amount { amount: Decimal::new(price, 2), code: currency.to_owned() },
        tax_name1: None,
        tax_amount1: None,
        tax_name2: None,
        tax_amount2: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_net_amount_that_does_not_divide_becomes_two_prices_a_minor_unit_apart() {
        assert_eq!(split(2990, 3, 1), [(1, 996), (2, 997)]);
        assert_eq!(split(3000, 3, 1), [(3, 1000)]);
        assert_eq!(split(-100, 3, 1), [(1, -34), (2, -33)]);
        assert_eq!(split(100_000, 3, 100), [(2, 33_300), (1, 33_400)], "whole yen");
        for net in -50..50 {
            for quantity in 1..12 {
                assert_eq!(split(net, quantity, 1).iter().map(|(units, price)| units * price).sum::<Cents>(), net);
            }
        }
    }
}
