//! What an order became in FreshBooks, as our links tell it.

use std::sync::Arc;

use async_graphql::{Context, Enum, SimpleObject};
use chrono_tz::Tz;
use entity::{
    resource_link::{self, Kind, State},
    synced_order::Model,
};

use super::{
    super::{
        auth::Asking,
        error::Result,
        loader::{ClientOf, LinksOf, SnapshotOf, SubjectOf},
        scalar::{Day, Instant, Money},
    },
    waiting,
};
use crate::{
    connection as connections, link,
    shopify::model::{Order, Transaction, TransactionKind},
};

/// How sure we are of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(in super::super) enum DocumentState {
    /// Not written yet: it waits for another document, as a payment does for its invoice.
    Waiting,
    /// It was about to be written; whether it was is looked up before anything else is done.
    Intended,
    /// Somebody named it by `adoptDocument`: it is read before anything is done about it, and given back where it does not fit.
    Adopting,
    /// FreshBooks has it.
    Confirmed,
    /// It was removed again in FreshBooks.
    Removed,
}

impl From<State> for DocumentState {
    fn from(state: State) -> Self {
        match state {
            State::Intended => Self::Intended,
            State::Adopting => Self::Adopting,
            State::Confirmed => Self::Confirmed,
            State::Removed => Self::Removed,
        }
    }
}

/// The FreshBooks client that an order is invoiced to. Says nothing about the person.
#[derive(SimpleObject)]
pub(in super::super) struct OrderClient {
    /// FreshBooks' id of the client; null until it has answered.
    freshbooks_id: Option<String>,
    /// Whether the client was there already: found by its e-mail address, or named by a person. Such a client keeps what a person filled in: blanks are
    /// filled, and later changes in Shopify are followed, except for guests. False for clients that we made for this buyer, and for one that
    /// is no longer linked to anybody in Shopify.
    matched: bool,
    /// Shopify's number of the customer who ordered; null for a guest and for sales without a customer.
    shopify_customer_id: Option<String>,
    /// Shopify's number of the company that the client stands for; null where it is a person, or the generic client.
    shopify_company_id: Option<String>,
    /// How sure we are.
    state: DocumentState,
    /// When it was last written or looked up.
    synced_at: Instant,
}

/// The FreshBooks invoice of an order.
#[derive(SimpleObject)]
pub(in super::super) struct Invoice {
    /// FreshBooks' id of the invoice; null until it has answered.
    freshbooks_id: Option<String>,
    /// The invoice's number.
    number: Option<String>,
    /// The total that FreshBooks answered. Refunds that are recorded as adjustments are taken off it, credit notes are not.
    amount: Option<Money>,
    /// What is still to be paid: the total less the payments that we made.
    outstanding: Option<Money>,
    /// Where a person sees it in FreshBooks.
    url: Option<String>,
    /// Whether it was marked sent. A draft is outside FreshBooks' reports.
    issued: bool,
    /// How sure we are.
    state: DocumentState,
    /// When it was last written.
    synced_at: Instant,
}

/// What a payment was in Shopify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(in super::super) enum PaymentKind {
    /// Authorized and captured at once.
    Sale,
    /// Captured after it was authorized.
    Capture,
}

/// A FreshBooks payment of an order.
#[derive(SimpleObject)]
pub(in super::super) struct Payment {
    /// Shopify's number of the transaction.
    pub(super) shopify_transaction_id: String,
    /// FreshBooks' id of the payment; null until it has answered.
    pub(super) freshbooks_id: Option<String>,
    /// What was booked: the transaction less change, and less refunds of it that are recorded as adjustments. While it waits, what the buyer
    /// paid, in the currency that they paid in.
    pub(super) amount: Option<Money>,
    /// What it was in Shopify; null once the order's snapshot is past its retention.
    pub(super) kind: Option<PaymentKind>,
    /// The gateway that it came through, such as `shopify_payments`; null once the order's snapshot is past its retention.
    pub(super) gateway: Option<String>,
    /// Its day, in the shop's time zone; null once the order's snapshot is past its retention.
    pub(super) date: Option<Day>,
    /// How sure we are.
    pub(super) state: DocumentState,
    /// When it was last written; null while it waits.
    pub(super) synced_at: Option<Instant>,
}

/// Where a person sees an invoice. Spelt here, as resolvers know no platform; a test holds it to the platform's own spelling.
fn invoice_url(account_id: &str, invoice_id: i64) -> String {
    format!("https://my.freshbooks.com/#/invoice/{account_id}-{invoice_id}")
}

pub(super) fn text(id: Option<i64>) -> Option<String> {
    id.map(|id| id.to_string())
}

/// Hundredths in the document's currency: FreshBooks' own word for it, or the proof's.
pub(super) fn money(cents: Option<i64>, facts: &link::Facts, order: &Model) -> Option<Money> {
    Money::hundredths(cents?, &facts.currency)
        .or_else(|| Money::hundredths(cents?, order.proof_currency.as_deref().or(order.currency.as_deref())?))
}

pub(super) async fn links(ctx: &Context<'_>, order: &Model) -> Result<Vec<resource_link::Model>> {
    Ok(ctx.reader().load_one(LinksOf(order.id)).await?.unwrap_or_default())
}

/// The order as it was last read, and the zone of its shop's days.
pub(super) async fn snapshot(ctx: &Context<'_>, order: &Model) -> Result<(Option<Arc<Order>>, Option<Tz>)> {
    let snapshot = ctx.reader().load_one(SnapshotOf(order.id)).await?;
    let connection = ctx.reader().load_one(order.connection_id).await?;
    Ok((snapshot, connection.and_then(|row| connections::shop(&row).ok()).map(|shop| shop.time_zone)))
}

pub(super) async fn invoice(ctx: &Context<'_>, order: &Model) -> Result<Option<Invoice>> {
    let links = links(ctx, order).await?;
    let Some(row) = links.iter().find(|row| row.kind == Kind::Invoice) else { return Ok(None) };
    let account = ctx.reader().load_one(order.connection_id).await?.and_then(|connection| connection.account_id);
    let facts = link::facts(row);
    let paid: i64 = links
        .iter()
        .filter(|row| row.kind == Kind::Payment && row.state == State::Confirmed)
        .filter_map(|row| link::facts(row).total)
        .sum();
    let outstanding = match row.state {
        State::Removed => Some(0),
        _ => facts.total.map(|total| total - paid),
    };
    Ok(Some(Invoice {
        freshbooks_id: text(row.freshbooks_id),
        number: facts.number.clone().or_else(|| row.natural_key.clone()),
        amount: money(facts.total, &facts, order),
        outstanding: money(outstanding, &facts, order),
        url: account.zip(row.freshbooks_id).map(|(account, id)| invoice_url(&account, id)),
        issued: facts.issued,
        state: row.state.into(),
        synced_at: Instant(row.updated_at),
    }))
}

pub(super) async fn payments(ctx: &Context<'_>, order: &Model) -> Result<Vec<Payment>> {
    let links = links(ctx, order).await?;
    let rows: Vec<_> = links.into_iter().filter(|row| row.kind == Kind::Payment).collect();
    // What the links do not hold is in the snapshot, which is not opened for nothing.
    let field = |name: &str| ctx.look_ahead().field(name).exists();
    let needed = !rows.is_empty() && ["kind", "gateway", "date"].into_iter().any(field);
    let (snapshot, zone) = if needed { snapshot(ctx, order).await? } else { (None, None) };
    let transaction = |number: &str| -> Option<&Transaction> {
        let all = &snapshot.as_ref()?.transactions;
        all.iter().find(|transaction| transaction.id.number().map(|id| id.to_string()).as_deref() == Some(number))
    };
    let payment = |row: resource_link::Model| {
        let (facts, transaction) = (link::facts(&row), transaction(&row.shopify_id));
        let moved_at = transaction.map(|transaction| transaction.processed_at.unwrap_or(transaction.created_at));
        Payment {
            freshbooks_id: text(row.freshbooks_id),
            amount: money(facts.total, &facts, order),
            kind: transaction.and_then(|transaction| match transaction.kind {
                TransactionKind::Sale => Some(PaymentKind::Sale),
                TransactionKind::Capture => Some(PaymentKind::Capture),
                _ => None,
            }),
            gateway: transaction.and_then(|transaction| transaction.gateway.clone()),
            date: moved_at.zip(zone).map(|(at, zone)| Day(at.with_timezone(&zone).date_naive())),
            state: row.state.into(),
            synced_at: Some(Instant(row.updated_at)),
            shopify_transaction_id: row.shopify_id,
        }
    };
    let mut payments: Vec<Payment> = rows.into_iter().map(payment).collect();
    payments.extend(waiting::payments(ctx, order, &payments).await?);
    Ok(payments)
}

pub(super) async fn client(ctx: &Context<'_>, order: &Model) -> Result<Option<OrderClient>> {
    let (reader, connection) = (ctx.reader(), order.connection_id);
    let subject = match order.customer_key_id {
        Some(key) => reader.load_one(SubjectOf(key)).await?,
        None => None,
    };
    let customer = subject.as_deref().and_then(|subject| subject.strip_prefix("customer:"));
    let links = links(ctx, order).await?;
    let invoice = links.iter().find(|row| row.kind == Kind::Invoice);
    let bound = invoice.and_then(|row| Some((row, link::facts(row).client?)));
    let key = match (bound, customer) {
        (Some((_, id)), _) => ClientOf::Client(connection, id),
        (None, Some(customer)) => ClientOf::Customer(connection, customer.to_owned()),
        (None, None) => return Ok(None),
    };
    let rows = reader.load_one(key).await?.unwrap_or_default();
    // Of several links to one client: the customer's own, rather than that of another.
    let is_anothers = |row: &resource_link::Model| {
        (customer != Some(row.shopify_id.as_str()), row.shopify_id.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Some(row) = rows.into_iter().min_by_key(is_anothers) {
        return Ok(Some(OrderClient {
            freshbooks_id: text(row.freshbooks_id),
            matched: link::facts(&row).adopted,
            shopify_customer_id: customer.map(str::to_owned),
            shopify_company_id: row.shopify_id.strip_prefix("company:").map(str::to_owned),
            state: row.state.into(),
            synced_at: Instant(row.updated_at),
        }));
    }
    // The customer has another client by now; this invoice stays where it is.
    Ok(bound.map(|(invoice, id)| OrderClient {
        freshbooks_id: text(Some(id)),
        matched: false,
        shopify_customer_id: customer.map(str::to_owned),
        shopify_company_id: None,
        state: State::Confirmed.into(),
        synced_at: Instant(invoice.updated_at),
    }))
}

#[cfg(test)]
mod tests {
    use crate::freshbooks::FreshBooks;

    #[test]
    fn an_invoice_is_seen_where_freshbooks_shows_it() {
        assert_eq!(super::invoice_url("a1B2", 7), FreshBooks::invoice_url("a1B2", 7));
    }
}
