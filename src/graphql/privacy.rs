//! Requests about people, as Shopify passes them on.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::{
    ids::{ConnectionId, PrivacyRequestId},
    privacy_request::{self as table, Column, Entity, Model},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    auth::Asking,
    connection::Connection,
    error::{Fault, Result},
    mutation::{UserError, UserErrorCode},
    node::Numbered,
    page::{self, Asked, Page, Sort},
    scalar::Instant,
};
use crate::{auth::Right, privacy};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "table::Kind")]
pub(super) enum PrivacyRequestKind {
    /// `customers/data_request`: what is held of a customer is to be handed out, by a person.
    CustomerData,
    /// `customers/redact`: a customer is to be erased.
    CustomerRedact,
    /// `shop/redact`: a shop that has uninstalled the app is to be forgotten.
    ShopRedact,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "table::State")]
pub(super) enum PrivacyRequestState {
    /// The service is about to carry it out, or (`CUSTOMER_DATA`) a person has to.
    Open,
    /// Done.
    Done,
    /// Not done; `detail` says why.
    Declined,
}

/// A request under privacy law, from when it is received until it is done.
pub(super) struct PrivacyRequest(pub(super) Model);

/// A request under privacy law, as Shopify passes it on, from when it is received until it is done. Due within thirty days.
#[Object]
impl PrivacyRequest {
    /// Opaque and global.
    pub(super) async fn id(&self) -> ID {
        self.0.id.global()
    }

    /// Whose shop it came from.
    async fn connection(&self, ctx: &Context<'_>) -> Result<Connection> {
        let row = ctx.reader().load_one(self.0.connection_id).await?;
        row.map(Connection).ok_or_else(|| Fault::NotFound("There is no such connection.".to_owned()))
    }

    /// What it asks for.
    async fn kind(&self) -> PrivacyRequestKind {
        self.0.kind.into()
    }

    /// How it stands.
    async fn state(&self) -> PrivacyRequestState {
        self.0.state.into()
    }

    /// Shopify's number of a data request, where it has one.
    async fn reference(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }

    /// When it came.
    async fn received_at(&self) -> Instant {
        Instant(self.0.received_at)
    }

    /// Until when the law wants it done.
    async fn deadline_at(&self) -> Instant {
        Instant(self.0.deadline_at)
    }

    /// When it was done, or declined; null while it is open.
    async fn completed_at(&self) -> Option<Instant> {
        self.0.completed_at.map(Instant)
    }

    /// Who has done it, such as `user:alice` or `system:privacy`.
    async fn completed_by(&self) -> Option<&str> {
        self.0.completed_by.as_deref()
    }

    /// What was done, or why not; names nobody. Empty while nothing was done.
    async fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Shopify's numbers of the orders that it names.
    async fn shopify_order_ids(&self) -> Vec<String> {
        privacy::orders(&self.0).iter().map(ToString::to_string).collect()
    }

    /// All that is held of the customer now, as JSON: their orders as last read from Shopify, what was written to FreshBooks for them, and
    /// the audit trail of it. Made when asked for and kept nowhere. Null without the right to see people, for requests that ask for no
    /// data, and once the request is done.
    #[graphql(complexity = 200)]
    async fn export(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        if !ctx.sees_people(self.0.connection_id) {
            return Ok(None);
        }
        Ok(privacy::export(ctx.app(), &self.0).await?)
    }
}

/// What is asked about requests.
#[derive(Default)]
pub(super) struct PrivacyQuery;

/// What is asked about requests.
#[Object]
impl PrivacyQuery {
    /// Requests under privacy law, newest first.
    #[graphql(complexity = "page::cost(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "Relay's four arguments and two filters")]
    async fn privacy_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this connection.")] connection_id: Option<ID>,
        #[graphql(desc = "Only those that are open, or only those that are not.")] open: Option<bool>,
        #[graphql(desc = "So many from the beginning, 100 at most. Without `first` and `last`: 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Page<PrivacyRequest>> {
        let connection = connection_id.as_ref().map(ConnectionId::read).transpose()?;
        let mut select = Entity::find();
        if let Some(visible) = ctx.visible(connection)? {
            select = select.filter(Column::ConnectionId.is_in(visible));
        }
        if let Some(open) = open {
            let state = Column::State;
            let is_open = table::State::Open;
            select = select.filter(if open { state.eq(is_open) } else { state.ne(is_open) });
        }
        let asked = Asked { first, after, last, before };
        let sort = Sort { order: 'r', at: None, id: Column::Id, latest_first: true };
        let key = |row: &Model| page::Key { at: None, id: row.id.0 };
        page::page(ctx.app().db.read(), select, sort, &asked, key, PrivacyRequest).await
    }
}

/// Which request somebody has seen to.
#[derive(Debug, InputObject)]
pub(super) struct CompletePrivacyRequestInput {
    /// The global id of the request.
    id: ID,
    /// What was done, in one line that names nobody; it goes into the audit trail.
    note: Option<String>,
}

/// What became of it.
#[derive(SimpleObject)]
pub(super) struct CompletePrivacyRequestPayload {
    /// The request; null where the input must be mended first.
    privacy_request: Option<PrivacyRequest>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

impl CompletePrivacyRequestPayload {
    fn wrong(field: &str, message: &str, code: UserErrorCode) -> Self {
        Self { privacy_request: None, user_errors: vec![UserError::new(field, message, code)] }
    }
}

/// What may be done about requests.
#[derive(Default)]
pub(super) struct PrivacyMutation;

/// What may be done about requests.
#[Object]
impl PrivacyMutation {
    /// Notes that the data asked for were handed out, or that somebody has seen to a declined `SHOP_REDACT`; the alert about it is resolved
    /// once none is left. What is completed already stays as it is. For the role SUPPORT.
    async fn complete_privacy_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which request, and what was done.")] input: CompletePrivacyRequestInput,
    ) -> Result<CompletePrivacyRequestPayload> {
        use CompletePrivacyRequestPayload as Payload;
        ctx.role_may(Right::HandOut)?;
        let id = PrivacyRequestId::read(&input.id)?;
        let row = match privacy::load(ctx.app().db.read(), id).await {
            Ok(row) => row,
            Err(privacy::Error::Missing) => {
                return Ok(Payload::wrong("id", "There is no such request.", UserErrorCode::NotFound));
            }
            Err(error) => return Err(error.into()),
        };
        let by = ctx.may(Right::HandOut, row.connection_id)?;
        match privacy::complete(ctx.app(), &by, id, input.note.as_deref()).await {
            Ok(row) => Ok(Payload { privacy_request: Some(PrivacyRequest(row)), user_errors: Vec::new() }),
            Err(privacy::Error::Note(why)) => Ok(Payload::wrong("note", why, UserErrorCode::Invalid)),
            Err(privacy::Error::NotForPeople(why)) => Ok(Payload::wrong("id", why, UserErrorCode::Invalid)),
            Err(error) => Err(error.into()),
        }
    }
}
