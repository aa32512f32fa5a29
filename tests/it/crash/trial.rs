//! One world for all orders of a kind: each is visited once with something in the way, and must end as if nothing had been.

use entity::synced_order::State;
use ml_connector::{
    app::App,
    auth::Actor,
    order::{self, Target},
    sandbox::shopify::build,
    sync,
    work::{self, Lane},
    worker,
};
use sea_orm::ConnectionTrait;

use super::kinds::Kind;
use crate::harness::{TestApp, TestDatabase};

pub(super) struct Trial {
    pub(super) app: TestApp,
    kind: &'static Kind,
    /// The order that the next visit is about; each has a number of its own.
    number: i32,
}

impl Trial {
    pub(super) async fn of(kind: &'static Kind) -> Self {
        Self::on(TestDatabase::make().await, kind).await
    }

    pub(super) async fn on(database: TestDatabase, kind: &'static Kind) -> Self {
        let app = TestApp::on(database, (kind.world)()).await;
        if app.app.db.is_single_process() {
            // No power is cut here, and there are many visits to make.
            app.app.db.write().execute_unprepared("PRAGMA synchronous = OFF").await.unwrap();
        }
        let mut trial = Self { app, kind, number: 1000 };
        // Makes the known client, and teaches what can be learnt of the account.
        trial.begin().await;
        trial.ends_right("undisturbed").await;
        trial
    }

    /// The next order of this kind: due, and nothing has been in the way so far.
    pub(super) async fn begin(&mut self) {
        self.number += 1;
        let number = u64::from(self.number.unsigned_abs());
        let buyer = if self.kind.client_is_known { 0 } else { number };
        let draft = build::order(self.number)
            .line("Mug", "12.00", 2)
            .shipping("Standard", "5.00")
            .tax("HST", "0.13")
            .customer(build::customer(9_000 + buyer, "Ada", "Example", &format!("buyer{buyer}@example.com")));
        let placed = self.app.shopify.place((self.kind.sold)(draft));
        if let Some(then) = self.kind.then {
            self.announce(self.number).await;
            self.app.settle().await;
            self.app.shopify.evolve(placed.id, then);
        }
        self.announce(self.number).await;
    }

    async fn announce(&self, number: i32) {
        let id = build::order(number).placed().id;
        let target = Target::Shopify(self.app.connection, i64::try_from(id).unwrap());
        order::resync(&self.app.app, &Actor::system("test"), target).await.unwrap();
    }

    /// The order of this trial.
    pub(super) fn order(&self) -> String {
        format!("#{}", self.number)
    }

    /// The one visit of the order, as a worker makes it.
    pub(super) async fn visit(&self) {
        visit(self.app.app.clone()).await;
    }

    /// Once everything has come to rest the books hold what they should, once.
    pub(super) async fn ends_right(&self, what: &str) {
        // What holds a document against a visit that ended in doubt has run out by now.
        self.app.app.clock.advance(work::LEASE);
        self.app.settle().await;
        let (name, kind) = (self.order(), self.kind.name);
        let row = self.app.order(&name).await;
        assert_eq!(row.state, State::Synced, "{kind}, {what}: {:?}", row.last_error);
        assert_eq!(self.books(&name), self.kind.books, "{kind}, {what}");
        let mut emails: Vec<_> = self.app.freshbooks.clients().into_iter().map(|client| client.email).collect();
        let made = emails.len();
        emails.sort();
        emails.dedup();
        assert_eq!(emails.len(), made, "{kind}, {what}: a client was made twice");
    }

    /// All that was ever made of an order, as an accountant would name it.
    fn books(&self, name: &str) -> Vec<String> {
        let removed = |vis_state| if vis_state == 1 { ", removed" } else { "" };
        let books = &self.app.freshbooks;
        let invoices: Vec<_> = books.invoices().into_iter().filter(|invoice| invoice.po_number == name).collect();
        let mut payments = books.payments();
        payments.retain(|payment| invoices.iter().any(|invoice| invoice.id == payment.invoice_id));
        let mut notes = books.credit_notes();
        notes.retain(|note| note.notes.contains(&format!(" of order {name} ")));
        let invoices = invoices.iter().map(|invoice| {
            let mailed = match invoice.emails_sent {
                0 => String::new(),
                times => format!(", e-mailed {times} times"),
            };
            let removed = removed(invoice.vis_state);
            format!("invoice {} {}, {}{mailed}{removed}", invoice.amount, invoice.currency, invoice.payment_status)
        });
        let payments = payments
            .iter()
            .map(|payment| format!("payment {} {}{}", payment.amount, payment.currency, removed(payment.vis_state)));
        let notes = notes
            .iter()
            .map(|note| format!("credit note {} {}{}", note.amount, note.currency, removed(note.vis_state)));
        invoices.chain(payments).chain(notes).collect()
    }

    /// Ends the world. The links tell what the books hold: every order is visited once more, and FreshBooks is not called.
    pub(super) async fn end(self) {
        for number in 1001..=self.number {
            self.announce(number).await;
        }
        let calls = self.app.calls();
        self.app.settle().await;
        assert_eq!(self.app.calls(), calls, "{}: something was still missing", self.kind.name);
        self.app.end().await;
    }
}

/// Claims what is due and visits it, as a worker does. Ends early where the database fails the claim.
pub(super) async fn visit(app: App) {
    let Ok(claimed) = worker::orders(&app, 1, Lane::Backfill).await else { return };
    for (lease, row) in claimed {
        sync::sync_order(&app, lease, row).await;
    }
}
