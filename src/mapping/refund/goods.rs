//! What a refund gives back: goods, shipping and duties, as the negative parts of an invoice, with the taxes that go back with them.

use crate::{
    mapping::{
        Cents, Refusal,
        part::{Part, View, short, states_taxes_alone},
        tax::{Tax, making, taxes},
    },
    shopify::model::{Refund, TaxLine},
};

/// The negative parts of one refund.
pub(super) fn parts(view: View<'_>, refund: &Refund) -> Result<Vec<Part>, Refusal> {
    let View { order, read, .. } = view;
    let source = short(&refund.id.0);
    let mut parts = Vec::new();
    for line in &refund.refund_line_items {
        let item = order.line_items.iter().find(|item| item.id == line.line_item.id);
        let taxes = match item {
            Some(item) => like(view, &item.tax_lines, (line.quantity, item.quantity))?,
            None => Vec::new(),
        };
        let subtotal = read.cents("subtotalSet", &line.subtotal_set)?;
        let mut part = given_back(
            format!("refunds[{source}].refundLineItems[{}]", short(&line.line_item.id.0)),
            item.map_or("item", |item| item.title.as_str()),
            subtotal,
            making(taxes, -read.cents("totalTaxSet", &line.total_tax_set)?, read),
            order.taxes_included,
        );
        if line.quantity > 1 {
            part.description = format!("{} units", line.quantity);
        }
        parts.push(part);
    }
    for line in &refund.refund_shipping_lines {
        let name = line.shipping_line.as_ref();
        let shipping = name.and_then(|name| order.shipping_lines.iter().find(|shipping| shipping.id == name.id));
        let taxes = match shipping {
            Some(shipping) => like(view, &shipping.tax_lines, (1, 1))?,
            None => Vec::new(),
        };
        parts.push(given_back(
            format!("refunds[{source}].refundShippingLines"),
            name.map_or("Shipping", |name| name.title.as_str()),
            read.cents("subtotalAmountSet", &line.subtotal_amount_set)?,
            making(taxes, -read.cents("taxAmountSet", &line.tax_amount_set)?, read),
            order.taxes_included,
        ));
    }
    for duty in refund.duties.iter().flatten() {
        let amount = read.cents("refunded duty", &duty.amount_set)?;
        let taxes = duty_taxes(view, amount)?;
        parts.push(given_back(format!("refunds[{source}].duties"), "Duty", amount, taxes, order.taxes_included));
    }
    parts.retain(|part| part.total() != 0);
    Ok(parts)
}

/// The taxes of a line that is taken back; where the order states them for itself alone, these, shown as they were charged.
fn like(view: View<'_>, lines: &[TaxLine], share: (i64, i64)) -> Result<Vec<Tax>, Refusal> {
    if !states_taxes_alone(view.order) {
        return taxes(lines, share, view.read, view.marketplace());
    }
    let mut of_order = taxes(&view.order.tax_lines, (1, 1), view.read, view.marketplace())?;
    of_order.iter_mut().for_each(|tax| tax.apart |= !view.order.taxes_included);
    Ok(of_order)
}

/// The taxes that go back with a duty. The refund states none, and does not say which duty: the one of the same amount, or the first.
fn duty_taxes(view: View<'_>, amount: Cents) -> Result<Vec<Tax>, Refusal> {
    let View { order, read, .. } = view;
    let mut like = None;
    for duty in order.line_items.iter().flat_map(|item| &item.duties).filter(|_| !order.duties_included) {
        let price = read.cents("duty", &duty.price)?;
        if price == amount || like.is_none() {
            like = Some((price, duty));
        }
        if price == amount {
            break;
        }
    }
    let Some((price, duty)) = like else { return Ok(Vec::new()) };
    let taxes = taxes(&duty.tax_lines, (1, 1), read, view.marketplace())?;
    let whole = taxes.iter().map(|tax| tax.amount).sum();
    Ok(making(taxes, -read.share(whole, amount, price), read))
}

/// A negative part with the taxes that go back with it.
fn given_back(source: String, name: &str, subtotal: Cents, taxes: Vec<Tax>, inclusive: bool) -> Part {
    Part { taxes, inclusive, ..Part::plain(source, &format!("Refund: {name}"), -subtotal) }
}
