//! A case as a person reads it.

use std::fmt::{self, Write};

use ml_connector::{
    freshbooks::model::Line as BooksLine,
    mapping::{self, Booked},
    sandbox::shopify::model::{Line, Order, Refund, Shipping, TaxLine, Transaction},
};

use super::{case::Case, convert::convert};

/// The order and what the mapping makes of it.
pub(super) fn dump(case: &Case) -> String {
    let mut text = String::new();
    write(case, &mut text).unwrap();
    text
}

fn write(case: &Case, to: &mut String) -> fmt::Result {
    let features: Vec<_> = case.seen.iter().map(super::features::Feature::words).collect();
    let settings = &case.settings;
    writeln!(to, "features: {}", features.join(", "))?;
    writeln!(
        to,
        "settings: {:?} currency, discounts {:?}, marketplace tax {:?}, refunds {:?}, cap {:?}, rules {:04b}",
        settings.currency,
        settings.discounts,
        settings.marketplace_tax,
        settings.refunds,
        settings.rounding_cap,
        case.shop.rules.bits()
    )?;
    order(&case.order, to)?;
    match mapping::wanted(&convert(&case.order), settings, &case.shop, &Booked::default()) {
        Err(refusal) => writeln!(to, "refusal: {refusal:?}"),
        Ok(wanted) => {
            writeln!(to, "invoice {:?}:", wanted.proof)?;
            wanted.invoice.draft.lines.iter().try_for_each(|line| invoice_line(line, to))?;
            let payments: Vec<_> = wanted.payments.iter().map(mapping::WantedPayment::amount).collect();
            writeln!(to, "payments: {payments:?}")
        }
    }
}

fn order(order: &Order, to: &mut String) -> fmt::Result {
    let Order { currency, presentment, rate, taxes_included, cancelled_at, tip, .. } = order;
    writeln!(
        to,
        "order {}: {currency:?} shop, {presentment:?} buyer at {rate}, tax inside: {taxes_included}, duties inside: {}, tip {tip}, \
         cash rounding {} and {}, cancelled: {}; minor units of the buyer's currency:",
        order.name,
        order.duties_included,
        order.cash_rounding,
        order.cash_rounding_refund,
        cancelled_at.is_some()
    )?;
    order.lines.iter().try_for_each(|each| line(each, to))?;
    order.shipping.iter().try_for_each(|each| shipping(each, to))?;
    for fee in &order.fees {
        writeln!(to, "  fee {} {}", fee.price, taxes(&fee.taxes))?;
    }
    if !order.order_taxes.is_empty() {
        writeln!(to, "  on the order alone: {}", taxes(&order.order_taxes))?;
    }
    order.transactions.iter().try_for_each(|each| transaction(each, to))?;
    order.refunds.iter().try_for_each(|each| refund(each, to))?;
    let totals = &order.totals;
    writeln!(
        to,
        "  total {:?}, now {:?}, discrepancy {:?}, received {:?}, refunded {:?}, outstanding {:?}, capturable {:?}",
        totals.total_price,
        totals.current_total_price,
        totals.refund_discrepancy,
        totals.total_received,
        totals.total_refunded,
        totals.total_outstanding,
        totals.total_capturable
    )
}

fn line(line: &Line, to: &mut String) -> fmt::Result {
    let off: Vec<_> = line.allocations.iter().map(|share| share.amount).collect();
    let duties: Vec<_> = line.duties.iter().map(|duty| (duty.price, taxes(&duty.taxes))).collect();
    writeln!(
        to,
        "  {} × {} at {}, gone {}, discounts {off:?} {} duties {duties:?}",
        line.quantity,
        line.title,
        line.unit_price,
        line.gone,
        taxes(&line.taxes)
    )
}

fn shipping(line: &Shipping, to: &mut String) -> fmt::Result {
    let removed = if line.removed { "removed" } else { "" };
    writeln!(to, "  {} {} discounted {} {} {removed}", line.title, line.price, line.discounted(), taxes(&line.taxes))
}

fn taxes(taxes: &[TaxLine]) -> String {
    let tax = |tax: &TaxLine| format!("{:?} {} makes {}", tax.title, tax.rate.unwrap_or_default(), tax.price);
    format!("[{}]", taxes.iter().map(tax).collect::<Vec<_>>().join(", "))
}

fn transaction(paid: &Transaction, to: &mut String) -> fmt::Result {
    let test = if paid.test { "test" } else { "" };
    writeln!(to, "  {:?} {:?} {} {:?} {test}", paid.kind, paid.status, paid.gateway, paid.amount)
}

fn refund(refund: &Refund, to: &mut String) -> fmt::Result {
    let lines: Vec<_> = refund.lines.iter().map(|line| (line.line, line.quantity, line.subtotal, line.tax)).collect();
    let shipping: Vec<_> = refund.shipping.iter().map(|line| (line.subtotal, line.tax)).collect();
    let kind = if refund.removal { "removal" } else { "refund" };
    writeln!(
        to,
        "  {kind}: lines (position, units, amount, tax) {lines:?}, shipping {shipping:?}, duties {:?}, settles {}, {} transactions",
        refund.duties,
        refund.settles,
        refund.transactions.len()
    )
}

fn invoice_line(line: &BooksLine, to: &mut String) -> fmt::Result {
    let slots = [(&line.tax_name1, line.tax_amount1), (&line.tax_name2, line.tax_amount2)];
    let taxes: Vec<_> = slots
        .iter()
        .filter_map(|(name, percent)| Some(format!("{:?} {}%", name.as_deref()?, percent.as_ref()?)))
        .collect();
    writeln!(to, "  {} × {} at {} {}", line.qty, line.name, line.unit_cost.amount, taxes.join(", "))
}
