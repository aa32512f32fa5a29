//! How an order's refunds are recorded in FreshBooks, as our links tell it.

use async_graphql::{Context, Enum, SimpleObject};
use entity::{
    resource_link::{self, Kind},
    synced_order::Model,
};
use rust_decimal::Decimal;

use super::{
    super::{
        error::Result,
        scalar::{Day, Instant, Money},
    },
    documents::{DocumentState, links, money, snapshot, text},
};
use crate::{
    link,
    money::half_up,
    shopify::model::{self as shopify, Order, TransactionKind, TransactionStatus},
};

/// In which form a refund is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(in super::super) enum RefundRecord {
    /// On the invoice itself: negative lines, and a lowered payment. Money that had come in beyond what was owed only lowers the payment.
    Adjustment,
    /// As a credit note of its own; the invoice and its payments stay as they are.
    CreditNote,
}

/// A refund of an order as FreshBooks has it.
#[derive(SimpleObject)]
pub(in super::super) struct Refund {
    /// Shopify's number of the refund.
    shopify_refund_id: String,
    /// In which form it is recorded: it stays so when the setting `refunds` changes.
    recorded_as: RefundRecord,
    /// FreshBooks' id of the credit note; null until it has answered, and for adjustments.
    freshbooks_id: Option<String>,
    /// The credit note's total, as FreshBooks answered it. For adjustments what Shopify says was given back, in the invoice's currency and at
    /// that day's exchange rate; null once the order's snapshot is past its retention.
    amount: Option<Money>,
    /// The credit note's date. For adjustments the day of the refund in the shop's time zone; null once the order's snapshot is past its
    /// retention.
    date: Option<Day>,
    /// How sure we are of the document that shows it: the credit note, or the invoice.
    state: DocumentState,
    /// When that document was last written.
    synced_at: Instant,
}

pub(super) async fn refunds(ctx: &Context<'_>, order: &Model) -> Result<Vec<Refund>> {
    let links = links(ctx, order).await?;
    let credited = links.iter().filter(|row| row.kind == Kind::CreditNote).map(|row| {
        let facts = link::facts(row);
        let refund = Refund {
            shopify_refund_id: row.shopify_id.clone(),
            recorded_as: RefundRecord::CreditNote,
            freshbooks_id: text(row.freshbooks_id),
            amount: money(facts.total, &facts, order),
            date: facts.dated.map(Day),
            state: row.state.into(),
            synced_at: Instant(row.updated_at),
        };
        (row.shopify_id.parse().unwrap_or_default(), refund)
    });
    let mut refunds: Vec<(i64, Refund)> = credited.collect();
    if let Some(invoice) = links.iter().find(|row| row.kind == Kind::Invoice) {
        refunds.extend(adjusted(ctx, order, invoice).await?);
    }
    // Shopify counts up.
    refunds.sort_by_key(|(number, _)| *number);
    Ok(refunds.into_iter().map(|(_, refund)| refund).collect())
}

/// The refunds that the invoice shows. What they came to is in the snapshot, which is not opened for nothing.
async fn adjusted(ctx: &Context<'_>, order: &Model, invoice: &resource_link::Model) -> Result<Vec<(i64, Refund)>> {
    let facts = link::facts(invoice);
    let field = |name: &str| ctx.look_ahead().field(name).exists();
    let needed = !facts.adjusted.is_empty() && ["amount", "date"].into_iter().any(field);
    let (snapshot, zone) = if needed { snapshot(ctx, order).await? } else { (None, None) };
    let refund = |number: i64| {
        let known = snapshot.as_ref().and_then(|order| {
            let refund = order.refunds.iter().find(|refund| refund.id.number() == Some(number))?;
            Some((order, refund))
        });
        let refund = Refund {
            shopify_refund_id: number.to_string(),
            recorded_as: RefundRecord::Adjustment,
            freshbooks_id: None,
            amount: known.and_then(|(order, refund)| given_back(order, refund, &facts.currency)),
            date: known.zip(zone).map(|((_, refund), zone)| Day(refund.processed_at.with_timezone(&zone).date_naive())),
            state: invoice.state.into(),
            synced_at: Instant(invoice.updated_at),
        };
        (number, refund)
    };
    Ok(facts.adjusted.iter().copied().map(refund).collect())
}

/// What a refund's successful transactions come to, in one of the order's two currencies.
fn given_back(order: &Order, refund: &shopify::Refund, currency: &str) -> Option<Money> {
    let in_shop = order.currency_code.code() == currency;
    if !in_shop && order.presentment_currency_code.code() != currency {
        return None;
    }
    let moved = refund.transactions.iter().filter(|transaction| {
        transaction.kind == TransactionKind::Refund && transaction.status == TransactionStatus::Success
    });
    let mut amounts = moved.map(|transaction| {
        let set = &transaction.amount_set;
        if in_shop { set.shop_money.amount } else { set.presentment_money.amount }
    });
    let sum = amounts.try_fold(Decimal::ZERO, Decimal::checked_add)?;
    Money::hundredths(half_up(sum.checked_mul(Decimal::ONE_HUNDRED)?), currency)
}
