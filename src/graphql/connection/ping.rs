//! What a look at both ends of a connection finds, and looking again.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::{
    ids::ConnectionId,
    reference_check::{Model, Outcome},
};

use super::{
    super::{
        auth::Asking,
        error::{Fault, Result},
        mutation::{UserError, UserErrorCode},
        node::Numbered,
        scalar::Instant,
    },
    Connection,
};
use crate::{auth::Right, check, connection as connections};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Outcome")]
pub(in super::super) enum CheckOutcome {
    /// As it should be.
    Passed,
    /// The sync works, but somebody should know of it: `hint` says who, and what for.
    Warning,
    /// Stands in the way, of everything or of some orders: `hint` says whose turn it is.
    Failed,
    /// Could not be found out this time, for instance because a platform did not answer. Nothing was concluded from it.
    Unknown,
}

/// One thing that was looked at, at one of the two ends.
#[derive(SimpleObject)]
pub(in super::super) struct ReferenceCheck {
    /// What was looked at; names stay. Shopify: `shopifyToken` (is it accepted), `shopifyShop` (open, frozen, locked or gone),
    /// `shopifyScopes` (`read_orders` and `read_customers`), `shopifyOrderHistory` (older than 60 days), `shopifyProtectedData` (orders at
    /// all; names, e-mail and addresses), `shopifyPlan`, `shopifyTokenKind` (one that Shopify refuses from 2027-01-01 on),
    /// `shopifyRefresh` (a refresh token that is about to end), `shopifyApiVersion` (supported until when), `timeZone` (whether the shop
    /// has changed it). FreshBooks: `freshbooksToken`, `freshbooksRole` (may the login write), `freshbooksSubscription`,
    /// `freshbooksScopes`, `freshbooksPlanLimit` (room for new clients). Both: `currency` (the shop's, and the business's own).
    name: String,
    /// How it went.
    outcome: CheckOutcome,
    /// What was found, in one sentence.
    detail: String,
    /// What to do about it, and whose turn it is; empty where there is nothing to do.
    hint: String,
    /// When it was looked at.
    checked_at: Instant,
}

impl From<Model> for ReferenceCheck {
    fn from(row: Model) -> Self {
        let Model { name, outcome, detail, hint, checked_at, .. } = row;
        Self { name, outcome: outcome.into(), detail, hint, checked_at: Instant(checked_at) }
    }
}

/// Which connection to look at.
#[derive(Debug, InputObject)]
pub(in super::super) struct PingConnectionInput {
    /// The connection.
    connection_id: ID,
}

/// What a look at a connection has found.
#[derive(SimpleObject)]
pub(in super::super) struct PingConnectionPayload {
    /// The connection as it is now: what was found may have stopped it, or let it go on. Null where the input must be mended first.
    connection: Option<Connection>,
    /// What was found at both ends, in a fixed order.
    reference_checks: Vec<ReferenceCheck>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

impl PingConnectionPayload {
    fn wrong(message: &str, code: UserErrorCode) -> Self {
        let user_errors = vec![UserError::new("connectionId", message, code)];
        Self { connection: None, reference_checks: Vec::new(), user_errors }
    }
}

/// Looking at both ends of a connection.
#[derive(Default)]
pub(in super::super) struct PingMutation;

/// Looking at both ends of a connection.
#[Object]
impl PingMutation {
    /// Asks Shopify and FreshBooks, with the stored credentials, whether all is as it should be, and keeps what it finds. A connection that
    /// was blocked goes on at once where nothing stands in its way any more; one where something does is stopped, and loses nothing. It
    /// repairs nothing over there: each check's `hint` says whose turn it is. Takes some seconds; the same happens by itself once a day. For
    /// the role SUPPORT.
    async fn ping_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection.")] input: PingConnectionInput,
    ) -> Result<PingConnectionPayload> {
        ctx.role_may(Right::Resync)?;
        let id = ConnectionId::read(&input.connection_id)?;
        ctx.may(Right::Resync, id)?;
        match check::run(ctx.app(), id).await {
            Ok(rows) => {
                let row = connections::load(ctx.app().db.read(), id).await?;
                let reference_checks = rows.into_iter().map(ReferenceCheck::from).collect();
                Ok(PingConnectionPayload {
                    connection: Some(Connection(row)),
                    reference_checks,
                    user_errors: Vec::new(),
                })
            }
            Err(check::Error::Connection(connections::Error::Missing)) => {
                Ok(PingConnectionPayload::wrong("There is no such connection.", UserErrorCode::NotFound))
            }
            Err(check::Error::Connection(connections::Error::Disconnected)) => {
                let message = "The connection is disconnected: authorize both ends to take it up again.";
                Ok(PingConnectionPayload::wrong(message, UserErrorCode::Invalid))
            }
            Err(error) => Err(Fault::internal(&error)),
        }
    }
}
