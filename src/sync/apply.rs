//! One write of a plan: the intent is stored, the call is made, the answer is stored with its audit entry.

use entity::{
    ids::LinkId,
    resource_link::{Kind, State},
};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Error, Visit,
    plan::{Action, Draft, Known, Write},
};
use crate::{
    audit, connection as connections,
    freshbooks::{
        Books, Error as BooksError,
        model::{Client, Invoice, Payment, PaymentDraft, VisState},
    },
    link::{self, Facts, Intent, KnownDoc, Writer},
    mapping::{Subject, Wanted, client, invoice, payment},
    money::half_up,
    order::snapshot::Snapshot,
    problem::{Owner, Problem},
};

/// Carries out `write` and brings `known` up to date with the answer.
pub(super) async fn apply(
    visit: &mut Visit<'_>,
    books: &Books,
    snapshot: &Snapshot,
    wanted: &Wanted,
    known: &mut Known,
    write: &Write,
) -> Result<(), Error> {
    let app = visit.app;
    let writer = Writer { connection: visit.connection.id, lease: visit.lease, key: &snapshot.key };
    let natural_key = match &write.draft {
        Draft::Invoice(draft) => Some(draft.invoice_number.as_str()),
        Draft::Client(_) | Draft::Payment(_) => None,
    };
    let txn = app.db.begin_write().await?;
    let writes = write.action != Action::Find;
    let intent = Intent { natural_key, changes: writes && write.id.is_some(), creates: write.action == Action::Create };
    let id = link::intend(&txn, writer, &write.key, intent, app.clock.now()).await?;
    txn.commit().await?;
    let mut step = Step { visit, books, snapshot, wanted, known, write, writer, id };
    match write.key.kind {
        Kind::Client => step.client().await,
        Kind::Invoice => step.invoice().await,
        Kind::Payment => step.payment().await,
        // None is planned yet.
        Kind::CreditNote => Ok(()),
    }
}

/// A write whose intent is stored.
struct Step<'a, 'b> {
    visit: &'a mut Visit<'b>,
    books: &'a Books,
    snapshot: &'a Snapshot,
    wanted: &'a Wanted,
    known: &'a mut Known,
    write: &'a Write,
    writer: Writer<'a>,
    id: LinkId,
}

impl Step<'_, '_> {
    async fn client(&mut self) -> Result<(), Error> {
        let Draft::Client(draft) = &self.write.draft else { return Ok(()) };
        let draft = (**draft).clone();
        let mut facts = Facts { as_of: Some(self.wanted.client.as_of), ..Facts::default() };
        let (client, written, outcome) = match (&self.write.request, self.write.id) {
            (Some(request), _) => (self.books.send_client(request).await?, Some(draft), "done"),
            (None, Some(id)) => {
                // Whether our last update was done is not known: all fields are written again.
                let client = self.books.client(id).await?.ok_or_else(|| gone("client", id))?;
                facts = self.known.client.as_ref().map(|doc| doc.facts.clone()).unwrap_or_default();
                facts.as_of = None;
                (client, None, "adopted")
            }
            (None, None) => {
                let subject = &self.wanted.client.subject;
                let Some((client, ours)) = find_client(self.books, subject, &draft.email).await? else {
                    return self.absent();
                };
                // Ours, but what it holds is not known: written anew. A person's stays as the person has it.
                facts.as_of = None;
                facts.adopted = !ours;
                (client, None, "adopted")
            }
        };
        let doc = KnownDoc { state: State::Confirmed, id: Some(client.id), written, facts };
        self.confirm(&doc, client.id, "client", outcome).await?;
        self.known.client = Some(doc);
        Ok(())
    }

    async fn invoice(&mut self) -> Result<(), Error> {
        let Draft::Invoice(draft) = &self.write.draft else { return Ok(()) };
        let draft = draft.clone();
        let (answer, written, outcome) = match &self.write.request {
            Some(request) => match self.books.send_invoice(request).await {
                // Taken: perhaps by our own create whose answer was lost, and that FreshBooks has only now carried out.
                Err(BooksError::Refused(fault))
                    if self.write.action == Action::Create && fault.is_about("invoice_number") =>
                {
                    let Some(found) = self.find_invoice(&draft.invoice_number).await? else {
                        return Err(BooksError::Refused(fault).into());
                    };
                    (found, None, "adopted")
                }
                answer => (answer?, Some(draft.clone()), "done"),
            },
            None => match self.write.id {
                Some(id) => (self.read_invoice(id).await?, None, "adopted"),
                None => match self.find_invoice(&draft.invoice_number).await? {
                    Some(found) => (found, None, "adopted"),
                    None => return self.absent(),
                },
            },
        };
        let known = self.known.invoice.as_ref();
        let written = match self.write.action {
            Action::Create | Action::Update | Action::Find => written,
            _ => known.and_then(|doc| doc.written.clone()),
        };
        let mut facts = known.map(|doc| doc.facts.clone()).unwrap_or_default();
        facts.total = Some(cents(answer.amount.amount));
        facts.outstanding = Some(cents(answer.outstanding.amount));
        facts.currency.clone_from(&answer.amount.code);
        facts.issued = answer.v3_status != "draft";
        if let Some(lines) = &answer.lines {
            facts.line_ids = lines.iter().map(|line| line.lineid).collect();
        }
        let state = if answer.vis_state == VisState::Deleted { State::Removed } else { State::Confirmed };
        self.learn(&answer, outcome).await?;
        let doc = KnownDoc { state, id: Some(answer.id), written, facts };
        self.confirm(&doc, answer.id, "invoice", outcome).await?;
        self.known.invoice = Some(doc);
        Ok(())
    }

    async fn payment(&mut self) -> Result<(), Error> {
        let Draft::Payment(draft) = &self.write.draft else { return Ok(()) };
        let draft = draft.clone();
        let transaction: i64 = self.write.key.shopify_id.parse().unwrap_or_default();
        let before = self.known.payments.get(&transaction).and_then(|doc| doc.written.clone());
        let Some(request) = &self.write.request else { return self.find_payment(transaction, &draft, before).await };
        let answer = self.books.send_payment(request).await?;
        // What FreshBooks holds now: of the amount it may have taken less.
        let written = match self.write.action {
            Action::Restore => before,
            _ => Some(PaymentDraft { amount: answer.amount.clone(), ..draft.clone() }),
        };
        self.confirm_payment(transaction, &answer, written, "done").await?;
        // FreshBooks takes what is outstanding and makes a credit of the rest, without a word.
        let moves = matches!(self.write.action, Action::Create | Action::Update);
        let credited = self.write.action == Action::Create && answer.overpaymentid.is_some();
        if credited || (moves && answer.amount.amount < draft.amount.amount) {
            return Err(Error::Refused(Problem::new(
                Owner::Accountant,
                "OVERPAYMENT_CREDIT",
                "FreshBooks booked part of a payment as a credit: the invoice had less outstanding than was received.",
                "Delete the credit and any payment made by hand on this invoice, then resync the order.",
            )));
        }
        Ok(())
    }

    /// The payment of a transaction whose last write may or may not have been done.
    async fn find_payment(
        &mut self,
        transaction: i64,
        draft: &PaymentDraft,
        before: Option<PaymentDraft>,
    ) -> Result<(), Error> {
        let invoice = self.known.invoice.as_ref().and_then(|doc| doc.id).unwrap_or_default();
        let ours = |row: &Payment| match self.write.id {
            Some(id) => row.id == id,
            None => payment::is_ours(&row.note, transaction),
        };
        let live = |row: &Payment| row.vis_state != VisState::Deleted && ours(row);
        let found = self.books.payments_of(invoice).await?.into_iter().filter(live).min_by_key(|row| row.id);
        match (found, self.write.id) {
            (Some(found), _) => {
                let written = PaymentDraft {
                    invoiceid: found.invoiceid,
                    amount: found.amount.clone(),
                    date: found.date.unwrap_or(draft.date),
                    kind: found.kind.clone(),
                    note: found.note.clone(),
                };
                self.confirm_payment(transaction, &found, Some(written), "adopted").await
            }
            // It was there and no longer shows: our deletion was done.
            (None, Some(id)) => {
                let facts = Facts { currency: draft.amount.code.clone(), ..Facts::default() };
                let doc = KnownDoc { state: State::Removed, id: Some(id), written: before, facts };
                self.confirm(&doc, id, "payment", "adopted").await?;
                self.known.payments.insert(transaction, doc);
                Ok(())
            }
            (None, None) => self.absent(),
        }
    }

    async fn confirm_payment(
        &mut self,
        transaction: i64,
        answer: &Payment,
        written: Option<PaymentDraft>,
        outcome: &str,
    ) -> Result<(), Error> {
        let state = if answer.vis_state == VisState::Deleted { State::Removed } else { State::Confirmed };
        let (total, currency) = (Some(cents(answer.amount.amount)), answer.amount.code.clone());
        let facts = Facts { total, currency, ..Facts::default() };
        let doc = KnownDoc { state, id: Some(answer.id), written, facts };
        self.confirm(&doc, answer.id, "payment", outcome).await?;
        self.known.payments.insert(transaction, doc);
        Ok(())
    }

    /// An invoice whose update was never answered, as it is now.
    async fn read_invoice(&self, id: i64) -> Result<Invoice, Error> {
        self.books.invoice(id).await?.ok_or_else(|| gone("invoice", id))
    }

    async fn find_invoice(&self, number: &str) -> Result<Option<Invoice>, Error> {
        let found = self.books.invoices_by_number(number).await?;
        let ours = |row: &&Invoice| invoice::is_ours(&row.notes, self.wanted.shopify_order_id);
        // A live one before a deleted one; the oldest of several.
        let best = found.iter().filter(ours).min_by_key(|row| (row.vis_state == VisState::Deleted, row.id));
        if let Some(best) = best {
            return Ok(Some(best.clone()));
        }
        if found.is_empty() {
            return Ok(None);
        }
        Err(Error::Refused(Problem::new(
            Owner::Accountant,
            "INVOICE_NUMBER_TAKEN",
            format!("FreshBooks already has an invoice {number} that is not ours."),
            "Give this connection its own numbers (setting invoiceNumber, such as SH-{number}), or rename that invoice.",
        )))
    }

    /// What the answer shows of the account: its rounding rule, and whether it issues in the create.
    async fn learn(&mut self, answer: &Invoice, outcome: &str) -> Result<(), Error> {
        let Draft::Invoice(draft) = &self.write.draft else { return Ok(()) };
        let priced = matches!(self.write.action, Action::Create | Action::Update) && outcome == "done";
        if !priced {
            return Ok(());
        }
        let rules = self.visit.shop.rules.learn(&draft.lines, cents(answer.amount.amount));
        let asked = self.write.request.as_ref().is_some_and(|request| request.body["invoice"]["status"] == 2);
        let issues = asked.then_some(answer.v3_status != "draft");
        let news = rules != self.visit.shop.rules || (issues.is_some() && issues != self.known.issues_in_create);
        if news {
            connections::learn(self.visit.app.db.write(), self.visit.connection.id, rules, issues).await?;
            self.visit.shop.rules = rules;
            self.known.issues_in_create = issues.or(self.known.issues_in_create);
        }
        Ok(())
    }

    /// FreshBooks has no such document: the next plan may create it, under the same intent.
    fn absent(&mut self) -> Result<(), Error> {
        self.known.absent.push(self.write.key.clone());
        Ok(())
    }

    async fn confirm<D: Serialize>(
        &self,
        doc: &KnownDoc<D>,
        freshbooks_id: i64,
        kind: &str,
        outcome: &str,
    ) -> Result<(), Error> {
        let app = self.visit.app;
        let now = app.clock.now();
        let action = format!("{}_{kind}", self.write.action.name());
        let message = match outcome {
            "adopted" => format!("Found {kind} {freshbooks_id} in FreshBooks and linked it."),
            _ => format!("FreshBooks accepted: {} {kind} {freshbooks_id}.", self.write.action.name()),
        };
        let mut entry = super::entry(self.visit.lease, &self.visit.row, &action, outcome, message);
        entry.shopify_resource = Some(match self.write.key.kind {
            Kind::Invoice => format!("Order/{}", self.write.key.shopify_id),
            Kind::Payment => format!("OrderTransaction/{}", self.write.key.shopify_id),
            Kind::CreditNote => format!("Refund/{}", self.write.key.shopify_id),
            Kind::Client => match self.wanted.client.subject {
                Subject::Customer(number) => format!("Customer/{number}"),
                Subject::Guest(_) => "guest".to_owned(),
                Subject::Generic => "generic".to_owned(),
            },
        });
        entry.freshbooks_resource = Some(format!("{kind}/{freshbooks_id}"));
        entry.field_mappings.clone_from(&self.write.mappings);
        let (key_id, key) = &self.snapshot.key;
        let txn = app.db.begin_write().await?;
        let confirmed = link::Confirmed {
            id: self.id,
            state: doc.state,
            freshbooks_id,
            written: doc.written.as_ref(),
            facts: &doc.facts,
        };
        link::confirm(&txn, self.writer, confirmed, now).await?;
        audit::append(&txn, entry, Some((*key_id, key)), now).await?;
        txn.commit().await?;
        Ok(())
    }
}

/// The client for `subject`, and whether it is one that we made. Several that fit are a person's decision.
async fn find_client(books: &Books, subject: &Subject, email: &str) -> Result<Option<(Client, bool)>, Error> {
    let mut found = if email.is_empty() {
        books.clients_by_note(&client::marker(subject)).await?
    } else {
        books.clients_by_email(email).await?
    };
    found.retain(|row| row.vis_state == VisState::Active);
    found.sort_by_key(|row| row.id);
    if let Some(ours) = found.iter().find(|row| client::is_ours(&row.note, subject)) {
        return Ok(Some((ours.clone(), true)));
    }
    if email.is_empty() {
        return Ok(None);
    }
    match found.len() {
        0 => Ok(None),
        1 => Ok(found.pop().map(|row| (row, false))),
        several => Err(Error::Waiting(Problem::new(
            Owner::Accountant,
            "AMBIGUOUS_CLIENT",
            format!("FreshBooks has {several} active clients with this customer's e-mail address."),
            "Archive or merge all but one of them in FreshBooks, then resync the order.",
        ))),
    }
}

fn gone(kind: &str, id: i64) -> Error {
    Error::Refused(Problem::new(
        Owner::Accountant,
        "FRESHBOOKS_NOT_FOUND",
        format!("FreshBooks no longer has the {kind} {id}."),
        "Was it erased there? Ask FreshBooks; nothing is made in its place.",
    ))
}

fn cents(amount: Decimal) -> i64 {
    half_up(amount * Decimal::ONE_HUNDRED)
}
