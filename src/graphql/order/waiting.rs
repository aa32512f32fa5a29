//! Money that has come in Shopify and is not in the books yet.

use std::collections::HashSet;

use async_graphql::Context;
use entity::{
    synced_order::{Model, State},
    told_transaction,
};

use super::{
    super::{
        auth::Asking,
        error::Result,
        loader::ToldOf,
        scalar::{Day, Money},
    },
    documents::{DocumentState, Payment, PaymentKind, snapshot},
};
use crate::shopify::model::{Transaction, TransactionKind, TransactionStatus};

/// Payments of an order that are still to be booked: those that its stored state shows, and those that a webhook told of before it could be
/// read. None where nothing more will be booked.
pub(super) async fn payments(ctx: &Context<'_>, order: &Model, booked: &[Payment]) -> Result<Vec<Payment>> {
    if matches!(order.state, State::Synced | State::Skipped | State::Dismissed) {
        return Ok(Vec::new());
    }
    let (snapshot, zone) = snapshot(ctx, order).await?;
    let day = |at: chrono::DateTime<chrono::Utc>| zone.map(|zone| Day(at.with_timezone(&zone).date_naive()));
    let mut known: HashSet<String> = booked.iter().map(|payment| payment.shopify_transaction_id.clone()).collect();
    let mut waiting = Vec::new();
    for transaction in snapshot.iter().flat_map(|order| &order.transactions) {
        let (Some(kind), Some(number)) = (kind(transaction), transaction.id.number()) else { continue };
        if !known.insert(number.to_string()) {
            continue;
        }
        let paid = &transaction.amount_set.presentment_money;
        waiting.push(Payment {
            shopify_transaction_id: number.to_string(),
            freshbooks_id: None,
            amount: Money::decimal(paid.amount, paid.currency_code.code()),
            kind: Some(kind),
            gateway: transaction.gateway.clone(),
            date: day(transaction.processed_at.unwrap_or(transaction.created_at)),
            state: DocumentState::Waiting,
            synced_at: None,
        });
    }
    for told in ctx.reader().load_one(ToldOf(order.connection_id, order.shopify_order_id)).await?.unwrap_or_default() {
        let told_transaction::Model { kind, status, gateway, amount, currency, processed_at, .. } = told;
        let kind = match (kind.as_str(), status.as_str()) {
            ("sale", "success") => PaymentKind::Sale,
            ("capture", "success") => PaymentKind::Capture,
            _ => continue,
        };
        let number = told.shopify_transaction_id.to_string();
        if !known.insert(number.clone()) {
            continue;
        }
        waiting.push(Payment {
            shopify_transaction_id: number,
            freshbooks_id: None,
            amount: amount.parse().ok().and_then(|amount| Money::decimal(amount, &currency)),
            kind: Some(kind),
            gateway: Some(gateway).filter(|gateway| !gateway.is_empty()),
            date: processed_at.and_then(day),
            state: DocumentState::Waiting,
            synced_at: None,
        });
    }
    Ok(waiting)
}

/// What would be booked of a transaction; `None` where nothing is.
fn kind(transaction: &Transaction) -> Option<PaymentKind> {
    match (transaction.kind, transaction.status) {
        _ if transaction.test => None,
        (TransactionKind::Sale, TransactionStatus::Success) => Some(PaymentKind::Sale),
        (TransactionKind::Capture, TransactionStatus::Success) => Some(PaymentKind::Capture),
        _ => None,
    }
}
