//! One write of a plan: the intent is stored, the call is made, the answer is stored with its audit entry.

mod adopt;
pub(super) mod client;
mod credit;
mod invoice;
mod payment;
mod seen;

use chrono::TimeDelta;
use entity::{
    ids::LinkId,
    resource_link::{Kind, State},
    schedule::Kind::Drift,
};
use serde::Serialize;

pub(super) use self::adopt::Unfit;
use self::seen::Answered;
use super::{
    Error, Visit,
    plan::{Action, Draft, Known, Write, sent},
};
use crate::{
    audit::{self, FieldMapping},
    connection as connections, customer_key,
    drift::view::is_personal,
    freshbooks::{
        Books,
        model::{Line, VisState},
    },
    link::{self, Intent, KnownDoc, Writer, seen::View},
    mapping::{Cents, Wanted, cents},
    order::snapshot::Snapshot,
    problem::{Owner, Problem},
    schedule,
};

/// How long after its intent was stored a write may leave: a lease of 45 s holds this and the 30 s that an answer may take.
const SEND_WITHIN: TimeDelta = TimeDelta::seconds(10);

/// Carries out `write` and brings `known` up to date with the answer.
pub(super) async fn apply(
    visit: &mut Visit<'_>,
    books: &Books,
    snapshot: &Snapshot,
    wanted: &Wanted,
    known: &mut Known,
    write: &Write,
) -> Result<(), Error> {
    payment::fits(books, known, write).await?;
    let app = visit.app;
    app.mind_clock().await?;
    let writer = Writer { connection: visit.connection.id, lease: visit.lease, key: &snapshot.key };
    let adopts = write.id.filter(|_| write.action == Action::Adopt);
    let natural_key = match &write.draft {
        Draft::Invoice(draft) if adopts.is_none() => Some(draft.invoice_number.as_str()),
        Draft::Invoice(_) | Draft::Client(_) | Draft::Payment(_) | Draft::Credit(_) => None,
    };
    let txn = app.db.begin_write().await?;
    let changes = write.id.is_some() && !matches!(write.action, Action::Find | Action::Adopt);
    let intent = Intent { natural_key, changes, creates: write.action == Action::Create, adopts };
    let now = app.clock.now();
    let id = link::intend(&txn, writer, &write.key, intent, now).await?;
    txn.commit().await?;
    // A call and its answer fit into the lease: whoever comes after it finds what this one did.
    let books = &books.until(&app.clock, now + SEND_WITHIN);
    let mut step = Step { visit, books, snapshot, wanted, known, write, writer, id };
    match write.key.kind {
        Kind::Client => step.client().await,
        Kind::Invoice => step.invoice().await,
        Kind::Payment => step.payment().await,
        Kind::CreditNote => step.credit().await,
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
    /// Whether FreshBooks has just added up lines of ours.
    fn priced(&self, outcome: &str) -> bool {
        outcome == "done" && sent(self.write).contains("lines")
    }

    /// What FreshBooks' total for these lines shows of the account. Returns by how much it differs from every rule that still stands;
    /// `before` where lines without taxes show nothing of that.
    async fn learn(
        &mut self,
        lines: &[Line],
        total: Cents,
        issues: Option<bool>,
        before: Cents,
    ) -> Result<Cents, Error> {
        let rules = self.visit.shop.rules.learn(lines, total);
        let news = rules != self.visit.shop.rules || (issues.is_some() && issues != self.known.issues_in_create);
        if news {
            connections::learn(self.visit.app.db.write(), self.visit.connection.id, rules, issues).await?;
            self.visit.shop.rules = rules;
            self.known.issues_in_create = issues.or(self.known.issues_in_create);
        }
        let taxed = lines.iter().any(|line| line.tax_name1.is_some());
        Ok(if taxed { rules.unexplained(lines, total) } else { before })
    }

    /// FreshBooks has no such document: the next plan may create it, under the same intent.
    fn absent(&mut self) {
        self.known.absent.push(self.write.key.clone());
    }

    /// Stores FreshBooks' answer; `shown` is the document as it showed it.
    async fn confirm<D: Serialize>(
        &mut self,
        doc: &KnownDoc<D>,
        freshbooks_id: i64,
        outcome: &str,
        shown: Option<View>,
    ) -> Result<(), Error> {
        let app = self.visit.app;
        let now = app.clock.now();
        let (kind, name) = (self.write.key.kind, self.write.action.name());
        let document = link::noun(kind);
        let adopts = self.write.action == Action::Adopt;
        let message = match outcome {
            "adopted" if adopts => format!("The {document} {freshbooks_id} that a person named fits, and is linked."),
            "adopted" => format!("Found {document} {freshbooks_id} in FreshBooks and linked it."),
            _ => format!("FreshBooks accepted: {name} {document} {freshbooks_id}."),
        };
        let mut entry =
            super::entry(self.visit.lease, &self.visit.row, &format!("{name}_{document}"), outcome, message);
        entry.shopify_resource = Some(link::shopify_resource(kind, &self.write.key.shopify_id));
        entry.freshbooks_resource = Some(format!("{document}/{freshbooks_id}"));
        entry.field_mappings = match &shown {
            Some(shown) if adopts => as_it_is(kind, shown),
            _ => self.write.mappings.clone(),
        };
        let (key_id, key) = &self.snapshot.key;
        let txn = app.db.begin_write().await?;
        // Keys before links: as whoever erases a customer locks them. The document is linked in any case; what it says of a customer who was
        // erased meanwhile is not kept.
        let held = customer_key::hold(&txn, *key_id).await?;
        let mut answered = self.answered(&txn, freshbooks_id, outcome, shown).await?;
        let mut look = Self::tell_others(&txn, &answered.others).await?;
        if !held {
            answered = Answered::default();
        }
        let confirmed = link::Confirmed {
            id: self.id,
            state: doc.state,
            freshbooks_id,
            written: doc.written.as_ref().filter(|_| held),
            facts: &doc.facts,
            seen: answered.seen.as_ref(),
            drift: &answered.drift,
        };
        let stored = link::confirm(&txn, self.writer, confirmed, now).await?;
        look.extend(answered.look.then_some(self.id));
        if !look.is_empty() {
            link::look_later(&txn, &look, now).await?;
            schedule::hasten(&txn, [self.visit.connection.id], Drift, now).await?;
        }
        audit::append(&txn, entry, Some((*key_id, key)), now).await?;
        txn.commit().await?;
        if !stored {
            return Err(link::Error::Busy.into()); // the order is ours still: what became of the document is read again
        }
        self.hold(&answered);
        Ok(())
    }
}

/// A document that somebody else made, field by field: what is written next takes the place of it.
fn as_it_is(kind: Kind, shown: &View) -> Vec<FieldMapping> {
    let field = |(name, text): (&String, &String)| FieldMapping {
        shopify_field: "-".to_owned(),
        freshbooks_field: name.clone(),
        before: Some(text.clone()),
        after: Some(text.clone()),
        personal: is_personal(kind, name),
    };
    shown.iter().filter(|(_, text)| !text.is_empty()).map(field).collect()
}

/// How a document stands after an answer.
fn state(vis_state: VisState) -> State {
    if vis_state == VisState::Deleted { State::Removed } else { State::Confirmed }
}

fn gone(kind: &str, id: i64) -> Error {
    Error::Refused(Problem::new(
        Owner::Accountant,
        "FRESHBOOKS_NOT_FOUND",
        format!("FreshBooks no longer has the {kind} {id}."),
        "Was it erased there? Ask FreshBooks; nothing is made in its place.",
    ))
}
