//! Books that answer a plan as FreshBooks would: what is written is there, totals are computed over there.

use entity::resource_link::{Kind, State};
use ml_connector::{
    link::{Facts, KnownDoc, LinkKey},
    mapping::{Booked, Cents, Rules, Wanted},
    sync::plan::{Action, Draft, Known, Write, plan},
};

use super::{adding, limits};

/// What FreshBooks holds of one order, and how it behaves.
#[derive(Debug)]
pub(super) struct Books {
    known: Known,
    client: LinkKey,
    rules: Rules,
    honours_status: bool,
    next_id: i64,
}

impl Books {
    pub(super) fn new(rules: Rules, (honours_status, issues_in_create): (bool, Option<bool>)) -> Self {
        let client = LinkKey { kind: Kind::Client, shopify_id: "1".to_owned() };
        Self { known: Known { issues_in_create, ..Known::default() }, client, rules, honours_status, next_id: 1 }
    }

    /// Carries plans out, first things first, until nothing is left to do.
    pub(super) fn settle(&mut self, wanted: &Wanted) -> Result<(), String> {
        // A look-up and a write for the client, five for the invoice, three for any other document: more is a circle.
        let documents =
            wanted.payments.len() + self.known.payments.len() + wanted.credits.len() + self.known.credits.len();
        let most = 8 + 3 * documents;
        for _ in 0..most {
            let Some(write) = plan(wanted, &self.known, &self.client).into_iter().next() else { return Ok(()) };
            self.answer(write, wanted)?;
            self.check()?;
        }
        let left: Vec<_> =
            plan(wanted, &self.known, &self.client).into_iter().map(|write| (write.key.kind, write.action)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("after {most} writes the plan still says {left:?}")) }
    }

    fn answer(&mut self, write: Write, wanted: &Wanted) -> Result<(), String> {
        if write.action == Action::Find {
            self.known.absent.push(write.key);
            return Ok(());
        }
        let request = write.request.ok_or_else(|| format!("{:?} without a request", write.action))?;
        limits::wire(&request.body)?;
        let id = write.id.unwrap_or(self.next_id);
        self.next_id += 1;
        match write.draft {
            Draft::Client(draft) => {
                let doc = answered(write.action, id, *draft, self.known.client.take(), Facts::default());
                self.known.client = Some(doc);
            }
            Draft::Invoice(draft) => {
                let issued = write.action == Action::Issue
                    || (self.honours_status && request.body["invoice"]["status"] == 2)
                    || self.known.invoice.as_ref().is_some_and(|doc| doc.facts.issued);
                let total = Some(adding::total(&draft.lines, self.rules));
                let facts = Facts {
                    total,
                    issued,
                    number: Some(draft.invoice_number.clone()),
                    dated: Some(draft.create_date),
                    currency: draft.currency_code.clone(),
                    client: Some(draft.customerid),
                    adjusted: wanted.invoice.adjusted.clone(),
                    ..Facts::default()
                };
                self.known.invoice = Some(answered(write.action, id, draft, self.known.invoice.take(), facts));
            }
            Draft::Payment(draft) => {
                if draft.invoiceid != self.known.invoice.as_ref().and_then(|doc| doc.id).unwrap_or_default() {
                    return Err(format!("a payment names the invoice {}", draft.invoiceid));
                }
                let transaction = write.key.shopify_id.parse().unwrap();
                let total = i64::try_from(adding::scaled(draft.amount.amount, 2)).unwrap();
                let facts = Facts { total: Some(total), dated: Some(draft.date), ..Facts::default() };
                let before = self.known.payments.remove(&transaction);
                self.known.payments.insert(transaction, answered(write.action, id, draft, before, facts));
            }
            Draft::Credit(draft) => {
                let refund = write.key.shopify_id.parse().unwrap();
                let total = Some(adding::total(&draft.lines, self.rules));
                let facts = Facts { total, dated: Some(draft.create_date), ..Facts::default() };
                let before = self.known.credits.remove(&refund);
                self.known.credits.insert(refund, answered(write.action, id, draft, before, facts));
            }
        }
        Ok(())
    }

    /// What binds the mapping of what is there.
    pub(super) fn booked(&self) -> Booked {
        self.known.booked()
    }

    /// At no step are the payments more than the invoice.
    fn check(&self) -> Result<(), String> {
        let Some(invoice) = self.known.invoice.as_ref().filter(|doc| doc.state == State::Confirmed) else {
            return Ok(());
        };
        let (invoice, paid) = (invoice.facts.total.unwrap_or_default(), self.paid());
        if paid > invoice { Err(format!("{paid} are booked as paid of an invoice over {invoice}")) } else { Ok(()) }
    }

    fn paid(&self) -> Cents {
        let there = self.known.payments.values().filter(|doc| doc.state == State::Confirmed);
        there.map(|doc| doc.facts.total.unwrap_or_default()).sum()
    }

    /// The invoice's total and what is booked as paid of it, both less what is credited; `None` where no invoice shows.
    pub(super) fn figures(&self) -> Option<(Cents, Cents)> {
        let invoice = self.known.invoice.as_ref().filter(|doc| doc.state == State::Confirmed)?;
        let credits = self.known.credits.values().filter(|doc| doc.state == State::Confirmed);
        let credited: Cents = credits.map(|doc| doc.facts.total.unwrap_or_default()).sum();
        Some((invoice.facts.total? - credited, self.paid() - credited))
    }
}

/// The document as the answer to `action` shows it.
fn answered<D>(action: Action, id: i64, draft: D, before: Option<KnownDoc<D>>, facts: Facts) -> KnownDoc<D> {
    let state = match action {
        Action::Void | Action::Delete => State::Removed,
        _ => State::Confirmed,
    };
    match (action, before) {
        // Nothing but the visibility changes.
        (Action::Void | Action::Delete | Action::Restore, Some(before)) => KnownDoc { state, ..before },
        _ => KnownDoc { state, id: Some(id), written: Some(draft), facts },
    }
}
