//! Parts as the lines of one document whose total, as FreshBooks will add it up, is right to the cent.

use crate::{
    freshbooks::model::Line,
    mapping::{
        CentProof, Cents, Refusal,
        amount::unit,
        line::{self, Shape, SourcedLine},
        part::Part,
        rounding::{Rule, line_amount, percentages},
        settings::Settings,
    },
    money::Currency,
};

/// What the lines of a document depend on beside its parts.
#[derive(Clone, Copy)]
pub(super) struct Style<'a> {
    pub(super) settings: &'a Settings,
    pub(super) currency: Currency,
    /// The rule by which this account is believed to add up.
    pub(super) rule: Rule,
    /// The shape to begin with.
    pub(super) shape: Shape,
}

/// Lines that are right to the cent.
pub(super) struct Totalled {
    pub(super) lines: Vec<SourcedLine>,
    pub(super) shape: Shape,
}

/// Lines that FreshBooks adds up to `wanted`: true rates first, without a rounding line or with one, then taxes as lines of their own.
///
/// `unexplained` is by how much FreshBooks' answer to such lines differed from every known rule.
pub(super) fn to_the_cent(
    parts: &[Part],
    wanted: Cents,
    unexplained: Cents,
    style: Style<'_>,
) -> Result<Totalled, Refusal> {
    let Style { settings, currency, rule, shape: first } = style;
    let mut within_cap = None;
    let mut predicted = 0;
    for shape in [Shape::Split, Shape::Single, Shape::TaxLines].into_iter().filter(|shape| *shape >= first) {
        let Some(mut lines) = line::lines(parts, currency, settings, shape) else { continue };
        if !whole_units(&lines, currency) {
            continue;
        }
        let answer = rule.total(lines.iter().map(|line| &line.line));
        predicted = answer + if shape == Shape::TaxLines { 0 } else { unexplained };
        let missing = wanted - predicted;
        if missing == 0 && (shape != Shape::TaxLines || within_cap.is_none()) {
            return Ok(Totalled { lines, shape });
        }
        if missing.abs() <= cap(settings, lines.len(), currency) && within_cap.is_none() {
            lines.push(line::plain("currentTotalPriceSet", "Rounding", missing, currency.code()));
            within_cap = Some(Totalled { lines, shape });
        }
    }
    within_cap.ok_or_else(|| Refusal::not_to_the_cent(CentProof { shopify: wanted, predicted }, currency.code()))
}

/// The largest rounding line allowed, in hundredths.
fn cap(settings: &Settings, lines: usize, currency: Currency) -> Cents {
    let lines = i64::try_from(lines).unwrap_or(i64::MAX);
    settings.rounding_cap.unwrap_or_else(|| lines.max(2).saturating_mul(unit(currency)))
}

/// Whether a currency without decimals stays without: how FreshBooks rounds half a yen is not known, so none may come up.
fn whole_units(lines: &[SourcedLine], currency: Currency) -> bool {
    let unit = rust_decimal::Decimal::from(unit(currency));
    let fits = |line: &Line| {
        let net = rust_decimal::Decimal::from(line_amount(line));
        !line.compounded_tax
            && percentages(line)
                .all(|(_, percent)| (net * percent % (unit * rust_decimal::Decimal::ONE_HUNDRED)).is_zero())
    };
    currency.decimals() != 0 || lines.iter().all(|line| fits(&line.line))
}
