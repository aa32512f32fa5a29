//! One visit to one order: take it as it is now, work out what FreshBooks should hold, make the missing writes one by one.
//!
//! The first run, the retry, the restart after a crash and the preview are this same code.

mod apply;
mod diff;
mod failure;
mod known;
mod named;
pub mod plan;
mod preview;
mod reading;
mod what_if;

use std::collections::{BTreeSet, HashMap};

use entity::{
    connection,
    ids::ConnectionId,
    platform_grant::Platform,
    synced_order::{self, State},
};
use tracing::{info, instrument, warn};

pub use self::{
    failure::{Error, put_off_lost},
    named::find_by_name,
    preview::{Preview, preview},
    reading::Readings,
    what_if::{Difference, Side, WhatIf, what_if},
};
use self::{
    known::{load_client, load_known},
    plan::{Action, Known, invoice_key, plan},
};
use crate::{
    app::App,
    audit, connection as connections,
    freshbooks::Books,
    freshbooks::model::VisState,
    grant::{Used, Verdict},
    link::{self, LinkKey},
    mapping::{self, Refusal, Settings, Shop, SkipRule, Wanted},
    order::{
        self, Outcome, Proof,
        snapshot::{self, Snapshot},
    },
    problem::{Owner, Problem},
    shopify::{
        self,
        model::{Gid, Order},
    },
    telemetry,
    work::{Lane, Lease},
};

/// How often one document is written the same way in one visit, at most: once for each rounding rule that is struck out, and once more.
const MOST_CORRECTIONS: u32 = 5;

/// Everything that one visit needs to know.
struct Visit<'a> {
    app: &'a App,
    connection: connection::Model,
    settings: Settings,
    shop: Shop,
    row: synced_order::Model,
    lease: Lease,
    used: &'a Used,
}

/// Visits a claimed order and ends the visit, whatever comes: at rest, or due again.
#[instrument(skip_all, fields(order = %row.name, id = row.shopify_order_id, visit = %lease.visit()))]
pub async fn sync_order(app: &App, lease: Lease, row: synced_order::Model) {
    let id = row.id;
    let used = Used::default();
    let ended = match run(app, lease, row.clone(), &used).await {
        Ok(outcome) => {
            telemetry::order_settled(state_name(outcome.state));
            Ok(())
        }
        Err(error) => app.db.insist(&app.stop, || failure::end(app, lease, &row, &error, &used)).await,
    };
    if let Err(e) = ended {
        warn!(
            error = &e as &dyn std::error::Error,
            "the visit of order row {id} could not be ended; its lease will run out"
        );
    }
}

async fn run(app: &App, lease: Lease, row: synced_order::Model, used: &Used) -> Result<Outcome, Error> {
    let connection = connections::load(app.db.read(), row.connection_id).await?;
    let settings = connections::settings(&connection)?;
    let shop = connections::shop(&connection)?;
    let mut visit = Visit { app, connection, settings, shop, row, lease, used };
    match visit.snapshot().await? {
        Found::Order(snapshot) => visit.make_it_so(&snapshot).await,
        Found::Erased => visit.rest(State::Skipped, Some(order::erased()), None, true).await,
        // Told of before it can be read: a moment later it can.
        Found::Nothing if visit.row.lane == Lane::Webhook as i16 && visit.row.shopify_updated_at.is_none() => {
            Err(Error::NotShownYet)
        }
        Found::Nothing => {
            let problem = Problem::new(
                Owner::Merchant,
                "NOT_IN_SHOPIFY",
                "Shopify shows no such order.",
                "Was it deleted there? What FreshBooks has of it is left as it is. Else check the number; orders older than 60 days need \
                 the scope read_all_orders.",
            );
            visit.rest(State::Failed, Some(problem), None, true).await
        }
    }
}

/// An order as it is to be booked, or why not.
enum Found {
    Order(Box<Snapshot>),
    /// Shopify shows no such order.
    Nothing,
    /// Its customer was erased.
    Erased,
}

impl Visit<'_> {
    /// The order as it is now: read from Shopify where somebody said that ours may be old.
    async fn snapshot(&mut self) -> Result<Found, Error> {
        let app = self.app;
        if order::is_redacted(app.db.read(), &self.row).await? {
            return Ok(Found::Erased);
        }
        if !self.row.stale
            && let Some(found) = snapshot::find(app.db.read(), &app.keyring, self.row.id).await?
        {
            return Ok(Found::Order(Box::new(found)));
        }
        if !reading::bring_up_to_date(app, &self.connection, &self.row, self.used).await? {
            return Ok(Found::Nothing);
        }
        let Some(found) = snapshot::find(app.db.read(), &app.keyring, self.row.id).await? else {
            let now = order::load(app.db.read(), self.row.id).await?;
            return if order::is_redacted(app.db.read(), &now).await? {
                Ok(Found::Erased)
            } else {
                Err(Error::NotShownYet) // an older state than the one that is known
            };
        };
        self.row.name.clone_from(&found.order.name);
        Ok(Found::Order(Box::new(found)))
    }

    async fn make_it_so(&mut self, snapshot: &Snapshot) -> Result<Outcome, Error> {
        let books = books(self.app, &self.connection, self.used).await?;
        let mut known = load_known(self.app, &self.connection, self.row.id, Some(self.lease)).await?;
        let (mut writes, mut repeated) = (0, HashMap::<(LinkKey, Action), u32>::new());
        loop {
            let wanted = match mapping::wanted(&snapshot.order, &self.settings, &self.shop, &known.booked()) {
                Ok(wanted) => wanted,
                Err(refusal) => return self.refuse(refusal).await,
            };
            let client = LinkKey::of_client(&wanted.client.subject, &self.connection.salt);
            if writes == 0 && known.client.is_none() {
                load_client(self.app, &self.connection, &client, &mut known).await?;
            }
            let spared = match plan::spare(plan(&wanted, &known, &client), &known) {
                Ok(spared) => spared,
                Err(problem) => return self.refuse(Refusal::Waiting(problem)).await,
            };
            if let Some(problem) = plan::locked(&spared.writes, &known, &self.settings) {
                return self.refuse(Refusal::Waiting(problem)).await;
            }
            let Some(write) = spared.writes.into_iter().next() else {
                // What we remember of a wrong total may be old: a person may have mended it over there.
                if writes == 0 && self.look_again(&books, &wanted, &mut known).await? {
                    continue;
                }
                return self.agree(&wanted, &known, spared.left, writes).await;
            };
            // Each answer may teach how the account adds up, and the lines are corrected; what goes on and on is not rounding.
            let times = repeated.entry((write.key.clone(), write.action)).or_default();
            *times += 1;
            if *times > MOST_CORRECTIONS {
                return Err(Error::Refused(Problem::new(
                    Owner::Operator,
                    "DOES_NOT_SETTLE",
                    "FreshBooks answers something else than was written, again and again.",
                    "previewOrder shows what is still missing; compare it with the document in FreshBooks.",
                )));
            }
            if self.app.stop.is_cancelled() {
                return Err(Error::Stopping);
            }
            apply::apply(self, &books, snapshot, &wanted, &mut known, &write).await?;
            writes += 1;
        }
    }

    /// Reads an invoice whose total is remembered as wrong. Whether it has another one by now.
    async fn look_again(&self, books: &Books, wanted: &Wanted, known: &mut Known) -> Result<bool, Error> {
        let Some(doc) = known.invoice.as_mut().filter(|doc| doc.facts.total != Some(wanted.invoice.total)) else {
            return Ok(false);
        };
        let Some(id) = doc.id.filter(|_| !wanted.invoice.voided) else { return Ok(false) };
        let Some(invoice) = books.invoice(id).await? else { return Ok(false) };
        if invoice.vis_state == VisState::Deleted {
            return Ok(false); // it counts for nothing
        }
        let total = mapping::cents(invoice.amount.amount);
        if doc.facts.total == Some(total) {
            return Ok(false);
        }
        doc.facts.total = Some(total);
        link::remember(self.app.db.write(), self.connection.id, &invoice_key(wanted), &doc.facts).await?;
        Ok(true)
    }

    /// The books hold what they should; what is left is the proof.
    async fn agree(
        &self,
        wanted: &Wanted,
        known: &Known,
        left: BTreeSet<String>,
        writes: usize,
    ) -> Result<Outcome, Error> {
        if wanted.invoice.voided {
            if known.invoice.as_ref().is_none_or(|doc| doc.id.is_none()) {
                return self.refuse(Refusal::Skipped(SkipRule::CancelledBeforeInvoice)).await;
            }
            return self.rest(State::Synced, None, None, writes == 0).await;
        }
        let total = |facts: &link::Facts| facts.total.ok_or(Error::NoTotal);
        let facts = &known.invoice.as_ref().ok_or(Error::NoTotal)?.facts;
        let invoice = total(facts)?;
        if facts.adjusted != wanted.invoice.adjusted {
            // A refund that only lowered a payment changed no line, and is recorded all the same.
            let facts = link::Facts { adjusted: wanted.invoice.adjusted.clone(), ..facts.clone() };
            link::remember(self.app.db.write(), self.connection.id, &invoice_key(wanted), &facts).await?;
        }
        let (mut credits, mut agrees) = (0, invoice == wanted.invoice.total);
        for credit in &wanted.credits {
            let credited = total(&known.credits.get(&credit.refund).ok_or(Error::NoTotal)?.facts)?;
            credits += credited;
            agrees &= credited == credit.total;
        }
        let proof = Proof {
            currency: wanted.currency.code().to_owned(),
            predicted: wanted.proof.predicted,
            returned: invoice - credits,
            shopify: wanted.proof.shopify,
        };
        if let Some(problem) = plan::stands_against(wanted, known, agrees) {
            return self.rest(State::Waiting, Some(problem), Some(proof), true).await;
        }
        if !agrees {
            let problem = Problem::new(
                Owner::Operator,
                "NOT_TO_THE_CENT",
                format!(
                    "The order is owed {}, FreshBooks made {} {} of it.",
                    mapping::cents_text(proof.shopify),
                    mapping::cents_text(proof.returned),
                    proof.currency
                ),
                "No known rounding rule explains FreshBooks' total: compare the invoice's lines with the order's.",
            );
            return self.rest(State::Failed, Some(problem), Some(proof), true).await;
        }
        if !left.is_empty() {
            let fields: Vec<String> = left.into_iter().collect();
            return self.rest(State::Waiting, Some(plan::held_back(&fields.join(", "))), Some(proof), true).await;
        }
        match &wanted.left_to_person {
            Some(problem) => self.rest(State::Waiting, Some(problem.clone()), Some(proof), true).await,
            None => self.rest(State::Synced, None, Some(proof), writes == 0).await,
        }
    }

    async fn refuse(&self, refusal: Refusal) -> Result<Outcome, Error> {
        let state = match refusal {
            Refusal::Skipped(_) => State::Skipped,
            Refusal::Waiting(_) => State::Waiting,
            Refusal::Failed(_) => State::Failed,
        };
        self.rest(state, Some(refusal.problem()), None, true).await
    }

    /// Ends the visit. A decision not to write is audited too; writes have been already.
    async fn rest(
        &self,
        state: State,
        problem: Option<Problem>,
        proof: Option<Proof>,
        audited: bool,
    ) -> Result<Outcome, Error> {
        let now = self.app.clock.now();
        let outcome = Outcome { state, problem, proof };
        let txn = self.app.db.begin_write().await?;
        if !order::settle(&txn, self.lease, &outcome, now).await? {
            return Err(link::Error::Fenced.into());
        }
        // The order, its connection, its links: in this order, as whoever adopts a document locks them.
        connections::synced(&txn, self.connection.id, now).await?;
        link::forget_absent(&txn, self.lease).await?;
        link::release(&txn, self.lease).await?;
        if audited {
            audit::append(&txn, decision(self.lease, &self.row, &outcome), None, now).await?;
        }
        txn.commit().await?;
        info!(state = ?outcome.state, reason = outcome.problem.as_ref().map(|problem| problem.code.as_str()), "order at rest");
        Ok(outcome)
    }
}

/// An audit entry of a visit.
fn entry(lease: Lease, row: &synced_order::Model, action: &str, outcome: &str, message: String) -> audit::Entry {
    audit::Entry {
        connection: row.connection_id,
        shopify_order_id: Some(row.shopify_order_id),
        shopify_resource: Some(format!("Order/{}", row.shopify_order_id)),
        freshbooks_resource: None,
        action: action.to_owned(),
        outcome: outcome.to_owned(),
        actor: row.actor.clone(),
        trigger: row.trigger.clone(),
        correlation_id: lease.visit().to_string(),
        field_mappings: Vec::new(),
        message,
    }
}

/// The entry of a decision not to write.
fn decision(lease: Lease, row: &synced_order::Model, outcome: &Outcome) -> audit::Entry {
    let said = match outcome.state {
        State::Synced => "unchanged",
        state => state_name(state),
    };
    let message = outcome.problem.as_ref().map_or_else(
        || "FreshBooks already holds what it should.".to_owned(),
        |problem| format!("{}: {}", problem.code, problem.message),
    );
    entry(lease, row, "none", said, message)
}

async fn books(app: &App, connection: &connection::Model, used: &Used) -> Result<Books, Error> {
    let token = used.token(app, connection.id, Platform::Freshbooks).await?;
    Ok(app.freshbooks.account(connection.account_id.as_deref().unwrap_or_default(), token))
}

async fn shop(app: &App, connection: &connection::Model, used: &Used) -> Result<shopify::Shop, Error> {
    let token = used.token(app, connection.id, Platform::Shopify).await?;
    Ok(app.shopify.shop(&connection.shop_domain, token))
}

async fn read(
    app: &App,
    connection: &connection::Model,
    shopify_order_id: i64,
    used: &Used,
) -> Result<Option<Order>, Error> {
    let orders = shop(app, connection, used).await?.orders(&[Gid::new("Order", shopify_order_id)]).await?;
    Ok(orders.into_iter().next().flatten())
}

/// Whether the same may be asked once more: this platform did not accept a token that a newer one takes the place of.
async fn again(app: &App, connection: ConnectionId, refused: Option<Platform>, used: &Used) -> Result<bool, Error> {
    match refused {
        Some(platform) => Ok(used.refused(app, connection, platform).await? == Verdict::Again),
        None => Ok(false),
    }
}

/// The metric's label.
fn state_name(state: State) -> &'static str {
    match state {
        State::Due => "due",
        State::Synced => "synced",
        State::Waiting => "waiting",
        State::Retrying => "retrying",
        State::Failed => "failed",
        State::Skipped => "skipped",
        State::Dismissed => "dismissed",
    }
}
