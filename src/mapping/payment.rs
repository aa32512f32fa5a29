//! What was received for an order, as payments against its invoice: one per successful sale or capture, less what was refunded of it.
//!
//! Authorizations, pending, failed, void and test transactions never post. In the shop's currency a transaction carries its own day's
//! exchange rate, so a payment is its presentment share of the total and the last one takes the remainder.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{
    freshbooks::model::{Amount, PaymentDraft},
    mapping::{
        Cents, Refusal, Shop, invoice,
        part::{self, Parts, View},
        refund,
    },
    shopify::model::{Gid, Transaction, TransactionKind, TransactionStatus},
};

/// A payment as it should be. `draft.invoiceid` is 0 until the invoice is known; an amount of 0 means that it should be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedPayment {
    /// Shopify's number for the transaction.
    pub transaction: i64,
    /// What FreshBooks is sent.
    pub draft: PaymentDraft,
    /// Its date is locked: while its amount is right, nothing about it is changed.
    pub frozen: bool,
}

impl WantedPayment {
    /// In hundredths.
    pub fn amount(&self) -> Cents {
        super::cents(self.draft.amount.amount)
    }
}

/// Where each field comes from: (FreshBooks field, Shopify field).
pub const SOURCES: [(&str, &str); 5] = [
    ("invoiceid", "id"),
    ("amount", "transactions.amountSet, less refunds of it"),
    ("date", "transactions.processedAt"),
    ("type", "transactions.gateway"),
    ("note", "transactions.id, name"),
];

/// Whether a payment with this note is the one we made for this transaction.
pub fn is_ours(note: &str, transaction: i64) -> bool {
    note.starts_with(&format!("Shopify transaction {transaction} "))
}

/// Whether a payment with this note was made for another transaction.
pub fn is_anothers(note: &str, transaction: i64) -> bool {
    !is_ours(note, transaction) && super::names_a_number(note, "Shopify transaction ")
}

/// Whether money came in by this transaction: it has a payment of its own, as long as anything of it is kept.
pub fn is_received(transaction: &Transaction) -> bool {
    let moved = transaction.status == TransactionStatus::Success && !transaction.test;
    moved && matches!(transaction.kind, TransactionKind::Sale | TransactionKind::Capture)
}

pub(super) fn wanted(view: View<'_>, parts: &Parts, shop: &Shop) -> Result<Vec<WantedPayment>, Refusal> {
    let View { order, read, settings, booked } = view;
    let currency = read.currency(order);
    // Exchange rates differ from day to day only in the shop's money: there, shares are taken in the buyer's.
    let foreign = read.is_foreign(order);
    let (view, owed) =
        if foreign { (view.in_shares(), part::take_apart(view.in_shares())?.invoiced) } else { (view, parts.invoiced) };
    let received = received(view, parts)?;
    let paid: Cents = received.iter().map(|(_, amount)| amount).sum();
    if paid > owed.max(0) {
        let (paid, owed) =
            if foreign { (read.share(parts.invoiced, paid, owed), parts.invoiced) } else { (paid, owed) };
        return Err(Refusal::overpaid(paid, owed, currency.code()));
    }
    let (mut seen, mut given) = (0, 0);
    let mut payments = Vec::new();
    for (transaction, amount) in received {
        let amount = if foreign {
            seen += amount;
            let up_to_here = read.share(parts.invoiced, seen, owed);
            let amount = up_to_here - given;
            given = up_to_here;
            amount
        } else {
            amount
        };
        let number = transaction.id.number().unwrap_or_default();
        let gateway = transaction.gateway.as_deref().unwrap_or("unknown");
        let own = invoice::day(moved_at(transaction), shop.time_zone);
        let dated = booked.paid.get(&number).copied();
        let date = settings.date(own, dated);
        let mut note =
            format!("Shopify transaction {number} of order {} (id {}), {gateway}", order.name, order.number_of_id());
        if date != own {
            note.push_str(&format!(". Received on {own}."));
        }
        payments.push(WantedPayment {
            transaction: number,
            frozen: dated.is_some_and(|day| settings.locks(day)),
            draft: PaymentDraft {
                invoiceid: 0,
                amount: Amount { amount: Decimal::new(amount, 2), code: currency.code().to_owned() },
                date,
                kind: settings.payment_type(gateway).to_owned(),
                note,
            },
        });
    }
    Ok(payments)
}

fn moved_at(transaction: &Transaction) -> DateTime<Utc> {
    transaction.processed_at.unwrap_or(transaction.created_at)
}

/// Each sale and capture with what is left of it after change and the refunds that lower payments, oldest first.
fn received<'a>(view: View<'a>, parts: &Parts) -> Result<Vec<(&'a Transaction, Cents)>, Refusal> {
    let View { order, read, .. } = view;
    let elsewhere = |id: &Gid| {
        let recorded = parts.refunds.iter().filter(|refund| !refund.is_adjusted());
        let recorded = recorded.map(|refund| &order.refunds[refund.index]);
        let waiting = order.refunds.iter().filter(|refund| refund::is_under_way(refund));
        recorded.chain(waiting).flat_map(|refund| &refund.transactions).any(|transaction| transaction.id == *id)
    };
    let moved = |transaction: &&Transaction| transaction.status == TransactionStatus::Success && !transaction.test;
    let mut received = Vec::new();
    for transaction in order.transactions.iter().filter(|transaction| is_received(transaction)) {
        received.push((transaction, read.cents("transaction", &transaction.amount_set)?));
    }
    received.sort_by_key(|(transaction, _)| (moved_at(transaction), transaction.id.clone()));
    for transaction in order.transactions.iter().filter(moved) {
        let back = matches!(transaction.kind, TransactionKind::Refund | TransactionKind::Change);
        if back && !elsewhere(&transaction.id) {
            let amount = read.cents("transaction", &transaction.amount_set)?;
            give_back(&mut received, transaction.parent_transaction.as_ref().map(|parent| &parent.id), amount);
        }
    }
    Ok(received)
}

/// Takes `amount` off its parent first, then off the latest that still have something: money left, so some payment was smaller.
fn give_back(received: &mut [(&Transaction, Cents)], parent: Option<&Gid>, mut amount: Cents) {
    let is_parent = |transaction: &Transaction| Some(&transaction.id) == parent;
    let order: Vec<usize> = (0..received.len())
        .filter(|&index| is_parent(received[index].0))
        .chain((0..received.len()).rev().filter(|&index| !is_parent(received[index].0)))
        .collect();
    for index in order {
        let taken = amount.min(received[index].1).max(0);
        received[index].1 -= taken;
        amount -= taken;
    }
}
