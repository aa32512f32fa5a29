//! Parts as FreshBooks lines: whole quantities, unit prices of two decimals, two tax percentages, nothing else.

use rust_decimal::Decimal;

use crate::{
    freshbooks::model::{Amount, Line},
    mapping::{
        Cents,
        amount::unit,
        part::Part,
        settings::{Discounts, Settings},
        tax::{self, Slots},
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

/// How parts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// Taxes as percentages: FreshBooks computes the amounts and reports them. Where a price does not divide, two prices a minor unit apart.
    Split,
    /// The same, but where a price does not divide, one line of quantity 1: one tax is rounded less often than two.
    Single,
    /// Taxes as lines of their own: exact, but outside FreshBooks' tax report.
    TaxLines,
}

/// The lines of all parts; `None` where a tax cannot be written as asked.
pub(super) fn lines(parts: &[Part], currency: Currency, settings: &Settings, shape: Shape) -> Option<Vec<SourcedLine>> {
    let percentages = shape != Shape::TaxLines;
    let mut lines = Vec::new();
    for part in parts {
        let slots = if percentages { Slots::of(part)? } else { Slots::default() };
        lines.extend(of_part(part, currency, settings.discounts, &slots, shape));
    }
    let apart = tax::sums(parts, |tax| tax.apart || !percentages);
    lines.extend(apart.into_iter().map(|(name, amount)| plain("taxLines", &name, amount, currency.code())));
    Some(lines)
}

/// One plain line: a tax of its own, or the rounding line.
pub(super) fn plain(source: &str, name: &str, amount: Cents, currency: &str) -> SourcedLine {
    SourcedLine { source: source.to_owned(), line: untaxed(name, "", 1, amount, currency) }
}

fn of_part(part: &Part, currency: Currency, discounts: Discounts, slots: &Slots, shape: Shape) -> Vec<SourcedLine> {
    let (unit, currency) = (unit(currency), currency.code());
    let own_lines = discounts == Discounts::OwnLine && !part.discounts.is_empty();
    let item_net = if own_lines { net_before_discounts(part, unit) } else { part.net() };
    let mut prices = split(item_net, part.quantity, unit);
    let mut units = String::new();
    if prices.len() > 1 && shape == Shape::Single {
        prices = vec![(1, item_net)];
        units = format!("{} × {}", part.quantity, Decimal::new(share(part.gross, 1, part.quantity), 2));
    }
    let words = [units.as_str(), part.description.as_str(), slots.merged.as_deref().unwrap_or_default()];
    let description = words.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let mut lines = Vec::new();
    for (quantity, price) in prices {
        let mut line = untaxed(&part.name, &description, quantity, price, currency);
        slots.put(&mut line);
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
            slots.put(&mut line);
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
        compounded_tax: false,
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
