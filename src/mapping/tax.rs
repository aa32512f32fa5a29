//! Taxes: what Shopify charged, and how it fits into the two percentages that FreshBooks has for a line.

use rust_decimal::Decimal;

use crate::{
    freshbooks::model::Line,
    mapping::{Cents, Refusal, amount::Reader, part::Part, settings::MarketplaceTax, text},
    money::half_up,
    shopify::model::TaxLine,
};

/// FreshBooks' slots for taxes on a line.
const SLOTS: usize = 2;

/// The suffix by which an accountant knows that somebody else remits a tax.
const MARKETPLACE: &str = " (collected by the marketplace)";

/// One tax on one part, with the amount that Shopify charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tax {
    pub(super) name: String,
    /// In percent; absent where Shopify states none.
    pub(super) percent: Option<Decimal>,
    pub(super) amount: Cents,
    /// Shown as a line of its own, whatever fits.
    pub(super) apart: bool,
}

impl Tax {
    /// How it is called where it has to be a line of its own.
    pub(super) fn line_name(&self) -> String {
        self.percent.map_or_else(|| format!("Tax: {}", self.name), |percent| format!("Tax: {} {percent}%", self.name))
    }
}

/// The shares of `lines` that fall on `kept` of `quantity` units.
pub(super) fn taxes(
    lines: &[TaxLine],
    (kept, quantity): (i64, i64),
    read: Reader,
    marketplace: MarketplaceTax,
) -> Result<Vec<Tax>, Refusal> {
    lines
        .iter()
        .map(|line| {
            let liable = line.channel_liable == Some(true);
            let title = Some(line.title.trim()).filter(|title| !title.is_empty()).unwrap_or("Tax");
            Ok(Tax {
                name: format!("{title}{}", if liable { MARKETPLACE } else { "" }),
                percent: line.rate.map(|rate| three_decimals(rate * Decimal::ONE_HUNDRED)),
                amount: read.left(read.cents("tax", &line.price_set)?, kept, quantity),
                apart: liable && marketplace == MarketplaceTax::OwnLine,
            })
        })
        .collect()
}

/// The same taxes scaled to make `sum` together; shares are cumulative, so that no cent is lost. Of nothing there are no shares: the last
/// one takes it all, or one that nobody named.
pub(super) fn making(mut taxes: Vec<Tax>, sum: Cents, read: Reader) -> Vec<Tax> {
    let whole: Cents = taxes.iter().map(|tax| tax.amount).sum();
    if whole == 0 {
        if let Some(tax) = taxes.last_mut() {
            tax.amount = sum;
        } else if sum != 0 {
            taxes.push(Tax { name: "Tax".to_owned(), percent: None, amount: sum, apart: false });
        }
        return taxes;
    }
    let (mut seen, mut given) = (0, 0);
    for tax in &mut taxes {
        seen += tax.amount;
        let up_to_here = read.share(sum, seen, whole);
        tax.amount = up_to_here - given;
        given = up_to_here;
    }
    taxes
}

/// A line's taxes as FreshBooks takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    taxes: Vec<(String, Decimal)>,
    /// The second is charged on net and first.
    compound: bool,
    /// What had to be merged to fit, in words.
    pub(super) merged: Option<String>,
}

impl Slots {
    /// The taxes of `part`; `None` where no percentages say them.
    pub(super) fn of(part: &Part) -> Option<Self> {
        let net = part.net();
        let mut taxes: Vec<(&str, Decimal, Cents)> = Vec::new();
        for tax in part.taxes.iter().filter(|tax| !tax.apart) {
            let percent = tax.percent.unwrap_or_else(|| percentage(tax.amount, net));
            // FreshBooks refuses the same tax twice on one line.
            match taxes.iter_mut().find(|(name, ..)| *name == tax.name) {
                Some(same) => (same.1, same.2) = (same.1 + percent, same.2 + tax.amount),
                None => taxes.push((&tax.name, percent, tax.amount)),
            }
        }
        if taxes.iter().any(|(_, percent, _)| percent.is_sign_negative() || *percent > Decimal::ONE_HUNDRED) {
            return None;
        }
        if taxes.len() > SLOTS {
            return Some(Self::merged(&taxes)).filter(|slots| slots.taxes[0].1 <= Decimal::ONE_HUNDRED);
        }
        let compound = match taxes[..] {
            [first, second] if compounds(net, first, second) => true,
            [first, second] if compounds(net, second, first) => {
                taxes.reverse();
                true
            }
            _ => false,
        };
        let taxes = taxes.into_iter().map(|(name, percent, _)| (text::fit(name, text::SHORT), percent)).collect();
        Some(Self { taxes, compound, merged: None })
    }

    /// One named sum of all; its parts in words.
    fn merged(taxes: &[(&str, Decimal, Cents)]) -> Self {
        let names: Vec<&str> = taxes.iter().map(|(name, ..)| *name).collect();
        let parts: Vec<String> = taxes.iter().map(|(name, percent, _)| format!("{name} {percent}%")).collect();
        let sum = taxes.iter().map(|(_, percent, _)| percent).sum::<Decimal>().normalize();
        Self {
            taxes: vec![(text::fit(&names.join(" + "), text::SHORT), sum)],
            compound: false,
            merged: Some(format!("Taxes: {}", parts.join(", "))),
        }
    }

    /// Writes them into a line.
    pub(super) fn put(&self, line: &mut Line) {
        if let Some((name, percent)) = self.taxes.first() {
            (line.tax_name1, line.tax_amount1) = (Some(name.clone()), Some(*percent));
        }
        if let Some((name, percent)) = self.taxes.get(1) {
            (line.tax_name2, line.tax_amount2) = (Some(name.clone()), Some(*percent));
        }
        line.compounded_tax = self.compound;
    }
}

/// Whether Shopify charged `second` on the net amount and `first`: it has no flag for that, its amounts tell. Some of a line's units carry
/// a share of its tax, which may be a cent off.
fn compounds(net: Cents, first: (&str, Decimal, Cents), second: (&str, Decimal, Cents)) -> bool {
    let off = |base: Cents| (half_up(Decimal::from(base) * second.1 / Decimal::ONE_HUNDRED) - second.2).abs();
    off(net + first.2) <= 1 && off(net + first.2) < off(net)
}

/// One sum per tax of all parts, in the order of their appearance, with the amounts that Shopify charged.
pub(super) fn sums<'a>(parts: &'a [Part], wanted: impl Fn(&Tax) -> bool + 'a) -> Vec<(String, Cents)> {
    let mut sums: Vec<(String, Cents)> = Vec::new();
    for tax in parts.iter().flat_map(|part| &part.taxes).filter(|tax| wanted(tax)) {
        let name = tax.line_name();
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += tax.amount,
            None => sums.push((name, tax.amount)),
        }
    }
    sums.retain(|(_, amount)| *amount != 0);
    sums
}

fn percentage(tax: Cents, net: Cents) -> Decimal {
    if net == 0 {
        return Decimal::ZERO;
    }
    three_decimals(Decimal::from(tax) * Decimal::ONE_HUNDRED / Decimal::from(net))
}

/// FreshBooks keeps three decimals of a percentage.
fn three_decimals(percent: Decimal) -> Decimal {
    percent.round_dp(3).normalize()
}
