//! The books in the end, from the platforms' side: what Shopify sold beside what FreshBooks holds, whatever the connector thinks of it.

use std::{collections::BTreeMap, hash::Hash};

use entity::synced_order::{Column, Entity, State};
use ml_connector::{
    audit::{self, Verdict},
    mapping::cents_text,
    money::half_up,
    order,
    sandbox::{
        freshbooks::{ClientView, CreditNoteView, InvoiceView, PaymentView},
        shopify::model::Order,
    },
};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};

use crate::world::World;

/// FreshBooks' `vis_state` of what was deleted.
const DELETED: i64 = 1;

/// Both sides' figures; each disagreement is a sentence. Sums are in hundredths of the shop's currency.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) invoices: usize,
    pub(crate) payments: usize,
    pub(crate) credit_notes: usize,
    pub(crate) clients: usize,
    /// Orders that rightly have no invoice.
    pub(crate) without: usize,
    pub(crate) shopify: i64,
    pub(crate) freshbooks: i64,
    pub(crate) received: i64,
    pub(crate) paid: i64,
    pub(crate) audit_entries: i64,
    pub(crate) lost: Vec<String>,
    pub(crate) duplicates: Vec<String>,
    /// Wrong amounts, orders left undone, a broken chain.
    pub(crate) others: Vec<String>,
}

impl Audit {
    pub(crate) fn disagreements(&self) -> impl Iterator<Item = &String> {
        self.lost.iter().chain(&self.duplicates).chain(&self.others)
    }
}

/// What FreshBooks shows, less what was deleted there.
struct Books {
    invoices: BTreeMap<String, Vec<InvoiceView>>,
    credit_notes: Vec<CreditNoteView>,
}

pub(crate) async fn audit(world: &World) -> anyhow::Result<Audit> {
    let (shopify, freshbooks, db) = (&world.shopify, &world.freshbooks, world.app.db.read());
    let mut audit = Audit::default();
    let mut books =
        Books { invoices: BTreeMap::new(), credit_notes: live(freshbooks.credit_notes(), |note| note.vis_state) };
    for invoice in live(freshbooks.invoices(), |invoice| invoice.vis_state) {
        audit.invoices += 1;
        books.invoices.entry(invoice.po_number.clone()).or_default().push(invoice);
    }
    let payments = live(freshbooks.payments(), |payment| payment.vis_state);
    let clients = live(freshbooks.clients(), |client| client.vis_state);
    (audit.payments, audit.clients, audit.credit_notes) = (payments.len(), clients.len(), books.credit_notes.len());

    audit.duplicates.extend(twice("transaction", payments.iter().map(of_transaction)));
    audit.duplicates.extend(twice("client", clients.iter().map(named)));
    audit.duplicates.extend(twice("credit note", books.credit_notes.iter().map(|note| note.notes.as_str())));
    audit.others.extend(
        books
            .credit_notes
            .iter()
            .filter(|note| note.kind != "goodwill")
            .map(|note| format!("credit {} of {} is an {}", note.number, note.amount, note.kind)),
    );
    for order in shopify.orders() {
        let invoices = books.invoices.remove(&order.name).unwrap_or_default();
        audit.compare(&order, &invoices, books.credited(&order));
    }
    audit.others.extend(books.invoices.keys().map(|name| format!("{name} has an invoice and is no order of the shop")));

    let undone = [State::Due, State::Retrying, State::Failed, State::Dismissed];
    for row in Entity::find().filter(Column::State.is_in(undone).or(Column::DueAt.is_not_null())).all(db).await? {
        let problem = order::problem(&row).map_or_else(String::new, |problem| format!(": {}", problem.message));
        audit.others.push(format!("{} is {:?} in the end{problem}", row.name, row.state));
    }
    match audit::verify(db, world.connection).await? {
        Verdict::Intact(entries) => audit.audit_entries = entries,
        Verdict::Broken { sequence, reason } => audit.others.push(format!("audit entry {sequence}: {reason}")),
    }
    Ok(audit)
}

impl Audit {
    fn compare(&mut self, order: &Order, invoices: &[InvoiceView], credited: i64) {
        let name = &order.name;
        let wanted = wanted(order);
        match invoices {
            [] if wanted != Wanted::One => self.without += 1,
            [] => self.lost.push(format!("{name} has no invoice")),
            [_] if wanted == Wanted::None => self.others.push(format!("{name} has an invoice and should have none")),
            [invoice] => {
                // Where the transactions are in another currency, or are a test's, a payment is its share of the invoice.
                let told = order.currency == order.presentment && order.transactions.iter().all(|moved| !moved.test);
                let (total, paid) = (cents(invoice.amount) - credited, cents(invoice.paid) - credited);
                let received = if told { order.totals.net_payment.shop } else { paid };
                self.shopify += order.owed();
                self.freshbooks += total;
                self.received += received;
                self.paid += paid;
                if (total, paid) != (order.owed(), received) {
                    let [owed, received, total, paid] = [order.owed(), received, total, paid].map(cents_text);
                    self.others.push(format!(
                        "{name} is owed {owed} and was paid {received}, its invoice says {total} and {paid}"
                    ));
                }
            }
            several => self.duplicates.push(format!("{name} has {} live invoices", several.len())),
        }
    }
}

impl Books {
    /// What the credit notes of an order come to.
    fn credited(&self, order: &Order) -> i64 {
        let mark = format!(" of order {} (id {})", order.name, order.id);
        self.credit_notes.iter().filter(|note| note.notes.contains(&mark)).map(|note| cents(note.amount)).sum()
    }
}

/// What the books should hold of an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    One,
    None,
    /// It waits for a refund of what was paid too much: invoiced if that came later.
    Either,
}

fn wanted(order: &Order) -> Wanted {
    if order.test || (order.cancelled_at.is_some() && order.totals.total_received.shop == 0) {
        Wanted::None
    } else if order.totals.total_outstanding.shop < 0 {
        Wanted::Either
    } else {
        Wanted::One
    }
}

/// The transaction that a payment is of, as its note begins.
fn of_transaction(payment: &PaymentView) -> &str {
    payment.note.split(" of ").next().unwrap_or_default()
}

/// Nobody's address is used by two customers of the sample.
fn named(client: &ClientView) -> String {
    let nameless = || format!("{} {} {}", client.organization, client.fname, client.lname);
    if client.email.is_empty() { nameless() } else { client.email.to_lowercase() }
}

fn live<T>(mut all: Vec<T>, vis_state: impl Fn(&T) -> i64) -> Vec<T> {
    all.retain(|one| vis_state(one) != DELETED);
    all
}

fn twice<K: Hash + Ord + std::fmt::Display>(what: &str, keys: impl Iterator<Item = K>) -> Vec<String> {
    let mut counts: BTreeMap<K, usize> = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    let doubled = counts.into_iter().filter(|(_, times)| *times > 1);
    doubled.map(|(key, times)| format!("the {what} {key} is there {times} times")).collect()
}

fn cents(amount: Decimal) -> i64 {
    half_up(amount * Decimal::ONE_HUNDRED)
}
