//! What the sandbox has to show: both sides' figures, taken from the platforms themselves, and every order accounted for.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use anyhow::bail;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use entity::{
    connection::Model as Connection,
    synced_order::{Column, Entity, State},
};
use ml_connector::{
    audit::{self, Verdict},
    mapping::cents_text,
    money::half_up,
    order,
    sandbox::shopify::model::Order,
};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::Running;

/// FreshBooks' `vis_state` of a deleted document.
const DELETED: i64 = 1;

/// The figures of one run.
pub(super) struct Report {
    orders: usize,
    invoices: usize,
    payments: usize,
    /// Orders without an invoice, by the reason that they give.
    explained: BTreeMap<String, usize>,
    /// What should not be: each a sentence.
    disagreements: Vec<String>,
    /// In hundredths of the shop's currency.
    shopify: i64,
    freshbooks: i64,
    /// What Shopify received and kept, and what FreshBooks' payments make.
    received: i64,
    paid: i64,
    currency: String,
    audit_entries: i64,
    /// Without those that set up webhooks.
    calls: u64,
    /// Of these, those that change something.
    writes: u64,
    /// From the shop's word to the books.
    rung: Duration,
    took: Duration,
}

impl Report {
    pub(super) async fn make(running: &Running, rung: Duration, took: Duration) -> anyhow::Result<Self> {
        let Running { shopify, freshbooks, app, connection } = running;
        let mut live: BTreeMap<String, Vec<Invoiced>> = BTreeMap::new();
        for invoice in freshbooks.invoices().into_iter().filter(|invoice| invoice.vis_state != DELETED) {
            live.entry(invoice.po_number)
                .or_default()
                .push(Invoiced { total: cents(invoice.amount), paid: cents(invoice.paid) });
        }
        let payments = freshbooks.payments().iter().filter(|payment| payment.vis_state != DELETED).count();
        let invoices = live.values().map(Vec::len).sum();
        let mut calls = freshbooks.faults.calls();
        calls.retain(|call, _| !call.contains("Callback"));
        let is_write = |call: &str| ["Create", "Update", "Delete"].iter().any(|verb| call.starts_with(verb));
        let writes = calls.iter().filter(|(call, _)| is_write(call)).map(|(_, times)| times).sum();
        let calls = calls.into_values().sum();
        let facts = ml_connector::connection::load(app.db.read(), *connection).await?;
        let mut report = Self {
            orders: 0,
            invoices,
            payments,
            explained: BTreeMap::new(),
            disagreements: Vec::new(),
            shopify: 0,
            freshbooks: live.values().flatten().map(|invoice| invoice.total).sum(),
            received: 0,
            paid: live.values().flatten().map(|invoice| invoice.paid).sum(),
            currency: facts.shop_currency.unwrap_or_default(),
            audit_entries: 0,
            calls,
            writes,
            rung,
            took,
        };
        let mut missing: BTreeSet<u64> = shopify.orders().iter().map(|order| order.id).collect();
        let mut last = 0;
        loop {
            let page = Entity::find()
                .filter(Column::ConnectionId.eq(*connection))
                .filter(Column::Id.gt(last))
                .order_by_asc(Column::Id)
                .limit(500)
                .all(app.db.read())
                .await?;
            let Some(end) = page.last() else { break };
            last = end.id.0;
            for row in page {
                let Some(sold) = shopify.order(row.shopify_order_id.unsigned_abs()) else { continue };
                missing.remove(&sold.id);
                report.orders += 1;
                report.account_for(&row, &sold, &live.remove(&row.name).unwrap_or_default());
            }
        }
        report.disagreements.extend(missing.iter().map(|id| format!("order {id} never arrived")));
        report
            .disagreements
            .extend(live.keys().map(|name| format!("{name} has an invoice and is no order of the shop")));
        match audit::verify(app.db.read(), *connection).await? {
            Verdict::Intact(entries) => report.audit_entries = entries,
            Verdict::Broken { sequence, reason } => {
                report.disagreements.push(format!("audit entry {sequence}: {reason}"));
            }
        }
        Ok(report)
    }

    fn account_for(&mut self, row: &entity::synced_order::Model, sold: &Order, invoices: &[Invoiced]) {
        let (name, owed) = (&row.name, sold.owed());
        match (row.state, invoices) {
            (State::Synced, [invoice]) => {
                // Transactions in another currency have rates of their own: there, a payment is its share of the invoice. Test transactions
                // never post.
                let other = sold.currency != sold.presentment || sold.transactions.iter().any(|moved| moved.test);
                let received = if other { invoice.paid } else { sold.totals.net_payment.shop };
                self.shopify += owed;
                self.received += received;
                if *invoice != (Invoiced { total: owed, paid: received }) {
                    let [owed, received, total, paid] = [owed, received, invoice.total, invoice.paid].map(cents_text);
                    self.disagreements.push(format!(
                        "{name} is owed {owed} and was paid {received}, its invoice says {total} and {paid}"
                    ));
                }
            }
            // Cancelled unpaid after it was invoiced: the invoice was voided.
            (State::Synced, []) => *self.explained.entry("voided: CANCELLED".to_owned()).or_default() += 1,
            (State::Skipped | State::Waiting, []) => {
                let reason = order::problem(row).map_or_else(|| "no reason".to_owned(), |problem| problem.code);
                let state = if row.state == State::Skipped { "skipped" } else { "waiting" };
                *self.explained.entry(format!("{state}: {reason}")).or_default() += 1;
            }
            (State::Waiting, [invoice]) => {
                self.shopify += owed;
                self.received += invoice.paid;
                *self.explained.entry("waiting, with an invoice".to_owned()).or_default() += 1;
            }
            (state, invoices) => {
                let reason = order::problem(row).map_or_else(String::new, |problem| format!(" ({})", problem.message));
                self.disagreements.push(format!("{name} is {state:?} with {} invoices{reason}", invoices.len()));
            }
        }
    }

    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        let mut row = |name: &str, value: String| {
            table.add_row([name.to_owned(), value]);
        };
        row("Orders in Shopify", self.orders.to_string());
        row("Invoices in FreshBooks", self.invoices.to_string());
        row("Payments in FreshBooks", self.payments.to_string());
        for (reason, orders) in &self.explained {
            row(&format!("Without invoice, {reason}"), orders.to_string());
        }
        row("Unexplained", self.disagreements.len().to_string());
        row("Shopify total", format!("{} {}", cents_text(self.shopify), self.currency));
        row("FreshBooks total", format!("{} {}", cents_text(self.freshbooks), self.currency));
        row("Difference", format!("{} {}", cents_text(self.freshbooks - self.shopify), self.currency));
        row("Payments, Shopify - FreshBooks", format!("{} {}", cents_text(self.received - self.paid), self.currency));
        row("Audit entries, chain verified", self.audit_entries.to_string());
        row("FreshBooks calls", self.calls.to_string());
        row("FreshBooks calls that write", self.writes.to_string());
        row("FreshBooks calls per order", per(self.calls, self.orders));
        row("One more order, told by webhook", format!("in the books after {} s", seconds(self.rung)));
        row("Seconds", seconds(self.took));
        table.to_string()
    }

    /// Zero tolerance: whatever disagrees fails the run.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        if self.disagreements.is_empty() && self.freshbooks == self.shopify && self.received == self.paid {
            return Ok(());
        }
        let first: Vec<&str> = self.disagreements.iter().take(10).map(String::as_str).collect();
        bail!(
            "Shopify and FreshBooks disagree by {} {}; {} orders unexplained: {}",
            cents_text(self.freshbooks - self.shopify),
            self.currency,
            self.disagreements.len(),
            first.join("; ")
        )
    }
}

/// A live invoice, as FreshBooks added it up.
#[derive(PartialEq, Eq)]
struct Invoiced {
    total: i64,
    paid: i64,
}

fn cents(amount: Decimal) -> i64 {
    half_up(amount * Decimal::ONE_HUNDRED)
}

/// To ask the admin API with.
pub(super) struct Tokens {
    pub(super) admin: String,
    pub(super) viewer: String,
}

/// What to try while it runs.
pub(super) fn next_steps(
    listen: SocketAddr,
    tokens: &Tokens,
    connection: &Connection,
    running: &Running,
    database: &str,
) -> String {
    let Tokens { admin, viewer } = tokens;
    let global = ml_connector::graphql::connection_id(connection.id);
    let query = format!(
        r##"{{"query":"{{ order(connectionId: \"{global}\", name: \"#1001\") {{ state invoice {{ number amount {{ amount currencyCode }} }} auditEntries(first: 5) {{ nodes {{ action fieldMappings {{ shopifyField freshbooksField after }} }} }} }} }}"}}"##
    );
    format!(
        "
It keeps running until Ctrl-C. Next:

  Admin API      http://{listen}/graphql   (GraphiQL: http://{listen}/graphiql)
  Shopify        {}   (simulated)
  FreshBooks     {}   (simulated)
  Authorize      {}   (in a browser; both consent pages say yes by themselves)
  Database       {database}
  Admin token    {admin}
  Viewer token   {viewer}   (reads, people masked; may change nothing)

  curl -s http://{listen}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {admin}' \\
    -d '{query}'
",
        running.shopify.url().replace("{shop}", running.shopify.shop()),
        running.freshbooks.url(),
        ml_connector::authorize::shopify_link(&running.app, running.shopify.shop()),
    )
}

fn seconds(time: Duration) -> String {
    format!("{}.{}", time.as_secs(), time.subsec_millis() / 100)
}

fn per(calls: u64, orders: usize) -> String {
    match u64::try_from(orders) {
        Ok(orders) if orders > 0 => (Decimal::from(calls) / Decimal::from(orders)).round_dp(2).to_string(),
        _ => "-".to_owned(),
    }
}
