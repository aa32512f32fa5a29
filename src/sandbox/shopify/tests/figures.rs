//! How the figures of any order hang together.

use crate::sandbox::shopify::model::{Duty, Fee, Order, Shipping};

/// Checks what Shopify's figures promise of each other, whatever happened to the order.
#[track_caller]
pub(in crate::sandbox::shopify) fn agree(order: &Order) {
    let (sums, name) = (&order.totals, &order.name);
    let gross: i64 = order.lines.iter().filter(|line| !line.tip).map(|line| line.gross()).sum();
    assert_eq!(gross, sums.subtotal_price.presentment, "{name}");
    let shipping: i64 = order.shipping.iter().map(Shipping::discounted).sum();
    let tax = if order.taxes_included { 0 } else { sums.total_tax.presentment };
    let duties = if order.duties_included { 0 } else { sums.original_total_duties.unwrap_or_default().presentment };
    let fees = sums.original_total_additional_fees.unwrap_or_default().presentment;
    let total = gross + shipping + tax + duties + fees + sums.total_tip_received.presentment;
    assert_eq!(total, sums.total_price.presentment, "{name}");

    let all: i64 = order.lines.iter().map(|line| line.tax()).sum::<i64>()
        + order.shipping.iter().map(Shipping::tax).sum::<i64>()
        + order.lines.iter().flat_map(|line| &line.duties).map(Duty::tax).sum::<i64>()
        + order.fees.iter().map(Fee::tax).sum::<i64>();
    let listed = |now: bool| -> i64 { order.tax_lines(now).iter().map(|tax| tax.price).sum() };
    assert_eq!(listed(false), sums.total_tax.presentment, "{name}");
    assert!(order.order_taxes.is_empty() == (all == sums.total_tax.presentment), "{name}");
    if order.refunds.is_empty() && order.shipping.iter().all(|line| !line.removed) {
        assert_eq!(sums.current_total_tax, sums.total_tax, "{name}");
        assert_eq!(sums.current_total_price, sums.total_price, "{name}");
    }
    assert!(sums.current_total_price.presentment >= 0 && sums.current_total_tax.presentment >= 0, "{name}");

    let net = sums.total_received.presentment - sums.total_refunded.presentment;
    assert_eq!(net, sums.net_payment.presentment, "{name}");
    let owed = sums.current_total_price.presentment + sums.refund_discrepancy.presentment + order.cash_rounding;
    let held = sums.total_capturable.presentment.min(sums.current_total_price.presentment);
    assert_eq!(owed - net - held, sums.total_outstanding.presentment, "{name}");
    for (at, line) in order.lines.iter().enumerate() {
        let (left, tax) = order.line_now(at);
        assert!(left >= 0 && tax >= 0 && line.gone <= line.quantity, "{name}");
        assert!(
            line.gone < line.quantity || (left == 0 && tax == 0),
            "{name}: something is left of a line that is gone"
        );
        for duty in &line.duties {
            let (left, tax) = order.duty_now(duty);
            assert!(left >= 0 && tax >= 0, "{name}");
        }
    }
    let same = |paid: &crate::sandbox::shopify::model::Transaction| paid.amount.shop == paid.amount.presentment;
    if order.currency == order.presentment && order.transactions.iter().all(same) {
        assert_eq!(sums.total_price.shop, sums.total_price.presentment, "{name}");
        assert_eq!(sums.net_payment.shop, sums.net_payment.presentment, "{name}");
    }
}
