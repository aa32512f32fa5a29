//! Orders: where each stands on its way into the books, and why.

mod adopt;
mod documents;
mod drift;
mod filter;
mod refunds;
mod resync;
mod timeline;
mod waiting;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ids::ConnectionId,
    synced_order::{Column, Model, State},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

pub(super) use self::resync::OrderMutation;
use self::{
    documents::{Invoice, OrderClient, Payment},
    drift::DriftedField,
    filter::{OrderFilter, OrderOrder},
    refunds::Refund,
    timeline::TimelineEntry,
};
use super::{
    audit::{AuditEntry, AuditFilter},
    auth::Asking,
    connection::Connection,
    error::{Fault, Result},
    node::{Numbered, shopify_order_id},
    page::{self, Asked, Page},
    problem::Problem,
    scalar::{Instant, Money},
};
use crate::order;

/// Where an order stands on its way into FreshBooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum OrderState {
    /// Waits for a worker.
    Due,
    /// A worker is at it.
    Syncing,
    /// FreshBooks holds what it should, to the cent.
    Synced,
    /// Waits for something other than time: a person, a refund, another document. `lastError` says for what.
    Waiting,
    /// Failed for now; tried again by itself at `nextAttemptAt`.
    Retrying,
    /// Given up until it changes or somebody resyncs it. `lastError` says why.
    Failed,
    /// A rule leaves it out. `lastError` names the rule.
    Skipped,
    /// A person gave it up: its changes are still recorded, and nothing is done about them until it is resynced.
    Dismissed,
}

impl OrderState {
    /// Each, in the order of the way.
    pub(super) const ALL: [Self; 8] = [
        Self::Due,
        Self::Syncing,
        Self::Synced,
        Self::Waiting,
        Self::Retrying,
        Self::Failed,
        Self::Skipped,
        Self::Dismissed,
    ];

    /// What a column shows where nobody is at the order.
    pub(super) fn at_rest(state: State) -> Self {
        match state {
            State::Due => Self::Due,
            State::Synced => Self::Synced,
            State::Waiting => Self::Waiting,
            State::Retrying => Self::Retrying,
            State::Failed => Self::Failed,
            State::Skipped => Self::Skipped,
            State::Dismissed => Self::Dismissed,
        }
    }

    /// The column's value; `None` for what no column says.
    fn stored(self) -> Option<State> {
        Some(match self {
            Self::Due => State::Due,
            Self::Syncing => return None,
            Self::Synced => State::Synced,
            Self::Waiting => State::Waiting,
            Self::Retrying => State::Retrying,
            Self::Failed => State::Failed,
            Self::Skipped => State::Skipped,
            Self::Dismissed => State::Dismissed,
        })
    }
}

/// How urgent an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum Lane {
    /// A person waits for it: ahead of everything else.
    Resync,
    /// A webhook rang.
    Webhook,
    /// A scheduled pull brought it.
    Pull,
    /// A backfill brought it.
    Backfill,
}

impl Lane {
    pub(super) fn of(lane: i16) -> Self {
        match lane {
            0 => Self::Resync,
            1 => Self::Webhook,
            2 => Self::Pull,
            _ => Self::Backfill,
        }
    }
}

/// The three totals that must agree to the cent before an order counts as synced. A refund that is left to a person (setting `refunds`) is
/// owed no more and still in the books: it shows as a disagreement.
#[derive(SimpleObject)]
pub(super) struct CentProof {
    /// What FreshBooks was expected to answer: the invoice's total less those of the credit notes made for it.
    predicted: Money,
    /// What FreshBooks did answer: the invoice's total less those of the credit notes made for it.
    returned: Money,
    /// What the Shopify order is owed.
    shopify: Money,
    /// Whether all three are equal.
    agrees: bool,
}

/// One Shopify order and where it stands on its way into FreshBooks.
pub(super) struct SyncedOrder(pub(super) Model);

impl SyncedOrder {
    /// Whether a worker is at it. One that is still at a dismissed order is on its way out.
    fn leased(&self, now: DateTime<Utc>) -> bool {
        self.0.state != State::Dismissed && self.0.leased_until.is_some_and(|until| until > now)
    }

    fn proof(&self) -> Option<CentProof> {
        let currency = self.0.proof_currency.as_deref()?;
        let (predicted, returned, shopify) =
            (self.0.proof_predicted_minor?, self.0.proof_returned_minor?, self.0.proof_shopify_minor?);
        Some(CentProof {
            predicted: Money::hundredths(predicted, currency)?,
            returned: Money::hundredths(returned, currency)?,
            shopify: Money::hundredths(shopify, currency)?,
            agrees: predicted == returned && returned == shopify,
        })
    }
}

/// One Shopify order and where it stands on its way into FreshBooks.
#[Object]
impl SyncedOrder {
    /// Opaque and global.
    pub(super) async fn id(&self) -> ID {
        self.0.id.global()
    }

    /// The connection that it came through.
    async fn connection(&self, ctx: &Context<'_>) -> Result<Connection> {
        let row = ctx.reader().load_one(self.0.connection_id).await?;
        row.map(Connection).ok_or_else(|| Fault::NotFound("There is no such connection.".to_owned()))
    }

    /// Shopify's number of the order (its `legacyResourceId`); as text, since it is larger than an `Int`.
    async fn shopify_order_id(&self) -> String {
        self.0.shopify_order_id.to_string()
    }

    /// What people call it, such as `#1001`. Empty while it has not been read from Shopify yet.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was placed, as Shopify's reports count it. Null while it has not been read yet.
    async fn processed_at(&self) -> Option<Instant> {
        self.0.processed_at.map(Instant)
    }

    /// The newest state of the order that is known, by Shopify's own stamp.
    async fn shopify_updated_at(&self) -> Option<Instant> {
        self.0.shopify_updated_at.map(Instant)
    }

    /// How far its money is, as Shopify names it, such as `PAID`.
    async fn financial_status(&self) -> Option<&str> {
        self.0.financial_status.as_deref()
    }

    /// Shopify's present total, in the shop's currency.
    async fn total(&self) -> Option<Money> {
        Money::minor(self.0.total_minor?, self.0.currency.as_deref()?)
    }

    /// Where it stands.
    async fn state(&self, ctx: &Context<'_>) -> OrderState {
        if self.leased(ctx.app().clock.now()) { OrderState::Syncing } else { OrderState::at_rest(self.0.state) }
    }

    /// Whether it will be read from Shopify again before it is looked at.
    async fn stale(&self) -> bool {
        self.0.stale
    }

    /// How often in a row it could not be finished.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When a worker will take it next; null at rest.
    async fn next_attempt_at(&self, ctx: &Context<'_>) -> Option<Instant> {
        if self.leased(ctx.app().clock.now()) { None } else { self.0.due_at.map(Instant) }
    }

    /// Why it is not in the books, and who can mend it. Null when it is. A dismissed order keeps what it had when it was given up.
    async fn last_error(&self) -> Option<Problem> {
        order::problem(&self.0).map(Problem::from)
    }

    /// The FreshBooks client that it is invoiced to; before there is an invoice, the one that its customer has. Null until there is one.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<OrderClient>> {
        documents::client(ctx, &self.0).await
    }

    /// Its FreshBooks invoice; null until there is one.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>> {
        documents::invoice(ctx, &self.0).await
    }

    /// Its payments in FreshBooks: one per successful sale or capture in Shopify. Money that has come in Shopify and is not booked yet, since
    /// the order has no invoice, shows as WAITING.
    async fn payments(&self, ctx: &Context<'_>) -> Result<Vec<Payment>> {
        documents::payments(ctx, &self.0).await
    }

    /// Its refunds as FreshBooks has them: one per refund that is recorded, the oldest first. Not those whose money has not moved, nor those
    /// left to a person.
    async fn refunds(&self, ctx: &Context<'_>) -> Result<Vec<Refund>> {
        refunds::refunds(ctx, &self.0).await
    }

    /// The three totals that must agree to the cent; null until FreshBooks has answered, and once a visit has ended without comparing them:
    /// skipped, voided, waiting or failed before that.
    async fn cent_proof(&self) -> Option<CentProof> {
        self.proof()
    }

    /// Whether the three totals of `centProof` disagree. False where there is no proof.
    async fn has_difference(&self) -> bool {
        self.proof().is_some_and(|proof| !proof.agrees)
    }

    /// Fields that somebody changed in FreshBooks since we wrote them, and nobody has decided about; those of its client too.
    async fn drift(&self, ctx: &Context<'_>) -> Result<Vec<DriftedField>> {
        drift::drift(ctx, &self.0).await
    }

    /// What last made it due, such as `resync`, `schedule` or `pull:12`.
    async fn trigger(&self) -> &str {
        &self.0.trigger
    }

    /// Who last made it due, such as `user:alice` or `system:schedule`.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// How urgent it last was.
    async fn lane(&self) -> Lane {
        Lane::of(self.0.lane)
    }

    /// When it was last found, or made, to agree.
    async fn synced_at(&self) -> Option<Instant> {
        self.0.synced_at.map(Instant)
    }

    /// When this service first heard of it.
    async fn first_seen_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    /// What happened to it, newest first: what the platforms told, what was written for it, what was decided about it.
    #[graphql(complexity = "page::cost(Some(first), None) * child_complexity + 1")]
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many of the newest, 100 at most.", default = 20)] first: i32,
    ) -> Result<Vec<TimelineEntry>> {
        timeline::timeline(ctx, &self.0, u64::try_from(first.clamp(0, 100)).unwrap_or_default()).await
    }

    /// What was written for it and what was decided about it, newest first.
    #[graphql(complexity = "page::cost(first, last) * child_complexity + 1")]
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the beginning, 100 at most. Without `first` and `last`: 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Page<AuditEntry>> {
        let filter = AuditFilter::of_order(self.0.connection_id, self.0.shopify_order_id);
        super::audit::list(ctx, filter, &Asked { first, after, last, before }).await
    }
}

/// What is asked about orders.
#[derive(Default)]
pub(super) struct OrderQuery;

/// What is asked about orders.
#[Object]
impl OrderQuery {
    /// One order, by Shopify id (number or gid) or by name such as #1001; the newest of that name. Null when it is not known here, or not
    /// for this token.
    async fn order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connection that it came through.")] connection_id: ID,
        #[graphql(desc = "Shopify's number of the order, or its gid.")] shopify_order_id: Option<String>,
        #[graphql(desc = "Its name; the # may be left out.")] name: Option<String>,
    ) -> Result<Option<SyncedOrder>> {
        let connection = ConnectionId::read(&connection_id)?;
        if !ctx.sees(Some(connection)) {
            return Ok(None);
        }
        let row = match (shopify_order_id, name) {
            (Some(id), None) => order::find(ctx.app().db.read(), connection, self::shopify_order_id(&id)?).await?,
            (None, Some(name)) => by_name(ctx, connection, &name).await?,
            _ => return Err(Fault::BadInput("Give `shopifyOrderId` or `name`, one of them.".to_owned())),
        };
        Ok(row.map(SyncedOrder))
    }

    /// Orders, by default the newest first.
    #[graphql(complexity = "page::cost(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "Relay's four and three of ours")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this connection.")] connection_id: Option<ID>,
        #[graphql(desc = "Only those that all of this holds for.")] filter: Option<OrderFilter>,
        #[graphql(desc = "Which come first.", default)] order_by: OrderOrder,
        #[graphql(desc = "So many from the beginning, 100 at most. Without `first` and `last`: 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Page<SyncedOrder>> {
        let app = ctx.app();
        let connection = connection_id.as_ref().map(ConnectionId::read).transpose()?;
        let mut select = entity::synced_order::Entity::find();
        if let Some(visible) = ctx.visible(connection)? {
            select = select.filter(Column::ConnectionId.is_in(visible));
        }
        if let Some(filter) = filter {
            select = select.filter(filter.condition(app.clock.now())?);
        }
        let asked = Asked { first, after, last, before };
        let key = |row: &Model| page::Key { at: order_by.at(row), id: row.id.0 };
        page::page(app.db.read(), select, order_by.sort(), &asked, key, SyncedOrder).await
    }
}

/// The newest order of this name, with or without Shopify's #.
async fn by_name(ctx: &Context<'_>, connection: ConnectionId, name: &str) -> Result<Option<Model>> {
    let (db, name) = (ctx.app().db.read(), name.trim());
    let found = order::find_by_name(db, connection, name).await?;
    if found.is_some() || name.starts_with('#') {
        return Ok(found);
    }
    Ok(order::find_by_name(db, connection, &format!("#{name}")).await?)
}
