//! Pulls: readings of a shop's orders over a window of their last change.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::{
    ids::ConnectionId,
    pull::{self, Column, Entity, Model},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    auth::Asking,
    connection::Connection,
    error::{Fault, Result},
    mutation::{UserError, UserErrorCode},
    node::Numbered,
    page::{self, Asked, Page, Sort},
    problem::Problem,
    scalar::Instant,
};
use crate::{auth::Right, connection as connections, pull as pulls};

/// Why a pull runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "pull::Kind")]
pub(super) enum PullKind {
    /// By the clock, from the watermark on.
    Scheduled,
    /// Asked for, over a window of one's choice.
    Backfill,
}

/// Where a pull stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "pull::State")]
pub(super) enum PullState {
    /// Waits for a worker.
    Waiting,
    /// Shopify gathers the orders, or they are being read.
    Running,
    /// Every order of the window was read, provably.
    Completed,
    /// Given up; `lastError` says why.
    Failed,
    /// Ended by a person.
    Cancelled,
}

/// One reading of a shop's orders over a window of their last change.
pub(super) struct Pull(pub(super) Model);

/// One reading of a shop's orders over a window of their last change.
#[Object]
impl Pull {
    /// Opaque and global.
    pub(super) async fn id(&self) -> ID {
        self.0.id.global()
    }

    /// Whose orders.
    async fn connection(&self, ctx: &Context<'_>) -> Result<Connection> {
        let row = ctx.reader().load_one(self.0.connection_id).await?;
        row.map(Connection).ok_or_else(|| Fault::NotFound("There is no such connection.".to_owned()))
    }

    /// Why it runs.
    async fn kind(&self) -> PullKind {
        self.0.kind.into()
    }

    /// Where it stands.
    async fn state(&self) -> PullState {
        self.0.state.into()
    }

    /// Reads orders changed at this instant or later; null from the beginning.
    async fn since(&self) -> Option<Instant> {
        self.0.since.map(Instant)
    }

    /// Reads orders changed before this instant.
    async fn until(&self) -> Instant {
        Instant(self.0.until)
    }

    /// How many orders Shopify announced; null until it has.
    async fn orders_announced(&self) -> Option<i64> {
        self.0.announced_orders
    }

    /// How many orders were read so far.
    async fn orders_seen(&self) -> i64 {
        self.0.orders_seen
    }

    /// How many of these were new or newer than what was known.
    async fn orders_changed(&self) -> i64 {
        self.0.orders_changed
    }

    /// Why it failed, or what it stumbled over last, and who can mend it.
    async fn last_error(&self) -> Option<Problem> {
        pulls::problem(&self.0).map(Problem::from)
    }

    /// How often in a row it could not go on.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// What started it: `schedule` or `pullOrders`.
    async fn trigger(&self) -> &str {
        &self.0.trigger
    }

    /// Who started it, such as `user:alice` or `system:schedule`.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// When it was asked for.
    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    /// When it ended; null while it has not.
    async fn finished_at(&self) -> Option<Instant> {
        self.0.finished_at.map(Instant)
    }
}

/// What is asked about pulls.
#[derive(Default)]
pub(super) struct PullQuery;

/// What is asked about pulls.
#[Object]
impl PullQuery {
    /// Pulls, newest first.
    #[graphql(complexity = "page::cost(first, last) * child_complexity + 1")]
    async fn pulls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this connection.")] connection_id: Option<ID>,
        #[graphql(desc = "So many from the beginning, 100 at most. Without `first` and `last`: 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Page<Pull>> {
        let connection = connection_id.as_ref().map(ConnectionId::read).transpose()?;
        let mut select = Entity::find();
        if let Some(visible) = ctx.visible(connection)? {
            select = select.filter(Column::ConnectionId.is_in(visible));
        }
        let asked = Asked { first, after, last, before };
        let sort = Sort { order: 'l', at: None, id: Column::Id, latest_first: true };
        let key = |row: &Model| page::Key { at: None, id: row.id.0 };
        page::page(ctx.app().db.read(), select, sort, &asked, key, Pull).await
    }
}

/// Which orders to read.
#[derive(Debug, InputObject)]
pub(super) struct PullOrdersInput {
    /// Whose orders.
    connection_id: ID,
    /// Those changed at this instant or later; left out from the shop's beginning on.
    since: Option<Instant>,
    /// Those changed before this instant; left out until now.
    until: Option<Instant>,
}

/// What became of a request for a pull.
#[derive(SimpleObject)]
pub(super) struct PullOrdersPayload {
    /// The pull, under way; null where the input must be mended first.
    pull: Option<Pull>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

/// What may be done about pulls.
#[derive(Default)]
pub(super) struct PullMutation;

/// What may be done about pulls.
#[Object]
impl PullMutation {
    /// Reads the orders that changed within a window, such as a shop's history from before it was connected. Orders that did not change
    /// cause no write. For the role SUPPORT.
    async fn pull_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which orders.")] input: PullOrdersInput,
    ) -> Result<PullOrdersPayload> {
        ctx.role_may(Right::Pull)?;
        let connection = ConnectionId::read(&input.connection_id)?;
        let by = ctx.may(Right::Pull, connection)?;
        let (since, until) = (input.since.map(|at| at.0), input.until.map(|at| at.0));
        let error = match pulls::request(ctx.app(), &by, connection, since, until).await {
            Ok(row) => return Ok(PullOrdersPayload { pull: Some(Pull(row)), user_errors: Vec::new() }),
            Err(pulls::Error::EmptyWindow) => {
                let message = "`since` must be before `until`, and in the past.";
                UserError::new("since", message, UserErrorCode::Invalid)
            }
            Err(pulls::Error::Connection(connections::Error::Missing)) => {
                UserError::new("connectionId", "There is no such connection.", UserErrorCode::NotFound)
            }
            Err(error) => return Err(Fault::internal(&error)),
        };
        Ok(PullOrdersPayload { pull: None, user_errors: vec![error] })
    }
}
