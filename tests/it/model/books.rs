//! The reference model: what must never be, and what must be in the end.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    resource_link::{Kind, Model as Link, State as Linked},
    synced_order::State,
};
use ml_connector::{
    link,
    sandbox::freshbooks::{CreditNoteView, InvoiceView, PaymentView},
};

use super::{
    happening,
    shop::{Sale, Shop},
};
use crate::harness::{TestApp, hundredths};

/// What FreshBooks shows that was not deleted.
pub(super) struct Books {
    invoices: Vec<InvoiceView>,
    payments: Vec<PaymentView>,
    notes: Vec<CreditNoteView>,
    clients: BTreeMap<String, usize>,
}

impl Books {
    pub(super) fn of(app: &TestApp) -> Self {
        let mut clients = BTreeMap::new();
        for client in app.freshbooks.clients().into_iter().filter(|client| client.vis_state != 1) {
            *clients.entry(client.email).or_default() += 1;
        }
        Self {
            invoices: app.freshbooks.invoices().into_iter().filter(|invoice| invoice.vis_state != 1).collect(),
            payments: app.freshbooks.payments().into_iter().filter(|payment| payment.vis_state != 1).collect(),
            notes: app.freshbooks.credit_notes().into_iter().filter(|note| note.vis_state != 1).collect(),
            clients,
        }
    }

    /// An order's documents, as they would be told.
    pub(super) fn told(&self, sale: &Sale) -> Vec<String> {
        let of_it = format!(" of order {} ", sale.name);
        let invoices = self.invoices.iter().filter(|invoice| invoice.po_number == sale.name);
        let invoices = invoices.map(|invoice| format!("invoice {}: {}", invoice.id, invoice.amount));
        let payments = self.payments.iter().filter(|payment| payment.note.contains(&of_it));
        let payments = payments.map(|payment| format!("payment {}: {}", payment.id, payment.amount));
        let notes = self.notes.iter().filter(|note| note.notes.contains(&of_it));
        invoices.chain(payments).chain(notes.map(|note| format!("credit {}: {}", note.id, note.amount))).collect()
    }

    /// What a link's document comes to; nothing where it does not show.
    fn amount(&self, link: &Link) -> Option<i64> {
        let id = link.freshbooks_id?.unsigned_abs();
        let amount = match link.kind {
            Kind::Invoice => self.invoices.iter().find(|invoice| invoice.id == id)?.amount,
            Kind::Payment => self.payments.iter().find(|payment| payment.id == id)?.amount,
            Kind::CreditNote => self.notes.iter().find(|note| note.id == id)?.amount,
            Kind::Client => return None,
        };
        Some(hundredths(amount))
    }

    /// Nothing is there twice, and no money is where it does not belong.
    pub(super) fn hold_nothing_twice(&self, shop: &Shop<'_>) {
        for sale in &shop.sales {
            let invoices = self.invoices.iter().filter(|invoice| invoice.po_number == sale.name).count();
            assert!(invoices <= 1, "{} has {invoices} invoices", sale.name);
        }
        for customer in &shop.customers {
            let clients = self.clients.get(customer.email.as_deref().unwrap_or_default()).copied();
            assert!(clients.unwrap_or_default() <= 1, "{:?} has {clients:?} clients", customer.email);
        }
        let mut once = BTreeSet::new();
        for payment in &self.payments {
            let what = payment.note.split(" of ").next().unwrap_or_default();
            assert!(once.insert(what), "{what} was booked twice");
            assert_eq!(payment.overpayment_id, None, "{what} was booked in part as a credit");
            let invoice = self.invoices.iter().find(|invoice| invoice.id == payment.invoice_id);
            let order = invoice.map_or("no order", |invoice| &invoice.po_number);
            assert!(payment.note.contains(&format!(" of order {order} ")), "{} pays {order}", payment.note);
        }
        for note in &self.notes {
            let what = note.notes.split(" of ").next().unwrap_or_default();
            assert!(once.insert(what), "{what} was credited twice");
            assert_eq!(note.kind, "goodwill", "money was booked as a credit");
        }
    }

    /// The order stands in the books as it does in the shop, and is remembered as it stands in the books.
    pub(super) async fn are_right(&self, app: &TestApp, shop: &Shop<'_>, sale: &Sale) {
        let (name, row) = (&sale.name, shop.row(sale).await);
        let problem = ml_connector::order::problem(&row);
        assert_eq!((row.due_at, row.fence, row.attempts), (None, None, 0), "{name} rests: {problem:?}");
        let order = app.shopify.order(sale.id).unwrap();
        let links = link::list(app.app.db.read(), row.id).await.unwrap();
        self.are_remembered(app, name, &links).await;

        let invoice = self.invoices.iter().find(|invoice| invoice.po_number == *name);
        if order.cancelled_at.is_some() && order.totals.total_received.shop == 0 {
            assert!(invoice.is_none(), "{name} was cancelled unpaid and has an invoice");
            assert!(matches!(row.state, State::Synced | State::Skipped), "{name}: {problem:?}");
            return;
        }
        assert_eq!(row.state, State::Synced, "{name}: {problem:?}");
        assert!(!happening::is_overpaid(&order), "{name} cannot be booked as it is");
        let invoice = invoice.unwrap_or_else(|| panic!("{name} has no invoice"));
        let credits = links.iter().filter(|link| link.kind == Kind::CreditNote);
        let credited: i64 = credits.filter_map(|link| self.amount(link)).sum();
        assert_eq!(hundredths(invoice.amount) - credited, order.owed(), "{name} is owed");
        assert_eq!(hundredths(invoice.paid) - credited, order.totals.net_payment.shop, "{name} was paid");
        assert_ne!(invoice.display_status, "draft", "{name} was issued");
    }

    async fn are_remembered(&self, app: &TestApp, name: &str, links: &[Link]) {
        let trail = app.trail(name).await;
        for link in links {
            let (noun, amount) = (link::noun(link.kind), self.amount(link));
            let remembered = match link.state {
                Linked::Confirmed => link::facts(link).total,
                Linked::Removed | Linked::Intended | Linked::Adopting => None,
            };
            assert_eq!(amount, remembered, "{name}: {noun} {:?} is remembered as {link:?}", link.freshbooks_id);
            if let (Some(_), Some(id)) = (amount, link.freshbooks_id) {
                let resource = format!("{noun}/{id}");
                let entry = trail.iter().find(|entry| entry.freshbooks_resource.as_ref() == Some(&resource));
                assert!(entry.is_some(), "{name}: the trail does not tell of {resource}");
            }
        }
    }
}
