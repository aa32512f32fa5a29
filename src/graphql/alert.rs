//! Alerts: what a person should know of.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::{
    alert::{self as table, Column, Entity, Model},
    ids::{AlertId, ConnectionId},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    auth::Asking,
    connection::Connection,
    error::{Fault, Result},
    mutation::{UserError, UserErrorCode},
    node::Numbered,
    page::{self, Asked, Page, Sort},
    problem::ProblemOwner,
    scalar::Instant,
};
use crate::{alert, auth::Right};

/// How bad an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "table::Severity")]
pub(super) enum AlertSeverity {
    /// Should be looked at; everything else goes on.
    Warning,
    /// Work has stopped until somebody acts.
    Critical,
}

/// Something that a person should know of, from when it is raised until it is resolved.
pub(super) struct Alert(pub(super) Model);

/// Something that a person should know of, from when it is raised until it is resolved. The same thing is never open twice.
#[Object]
impl Alert {
    /// Opaque and global; messages carry it.
    pub(super) async fn id(&self) -> ID {
        self.0.id.global()
    }

    /// Whose.
    async fn connection(&self, ctx: &Context<'_>) -> Result<Connection> {
        let row = ctx.reader().load_one(self.0.connection_id).await?;
        row.map(Connection).ok_or_else(|| Fault::NotFound("There is no such connection.".to_owned()))
    }

    /// Its stable name, such as `NEEDS_REAUTHORIZATION`.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// What within the connection it is about, such as `shopify`; empty where it is the whole of it.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// How bad it is.
    async fn severity(&self) -> AlertSeverity {
        self.0.severity.into()
    }

    /// What is wrong, in one sentence.
    async fn message(&self) -> Result<String> {
        Ok(alert::problem(&self.0)?.message)
    }

    /// What to do about it.
    async fn hint(&self) -> Result<String> {
        Ok(alert::problem(&self.0)?.hint)
    }

    /// Whose turn it is.
    async fn owner(&self) -> Result<ProblemOwner> {
        Ok(alert::problem(&self.0)?.owner.into())
    }

    /// The page where it is mended, while it is open; null where there is none, and for every role but ADMIN.
    async fn authorization_url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        if ctx.may(Right::Manage, self.0.connection_id).is_err() {
            return Ok(None);
        }
        let Some(row) = ctx.reader().load_one(self.0.connection_id).await? else { return Ok(None) };
        Ok(alert::link(ctx.app(), &row, &self.0)?.map(String::from))
    }

    /// How often it was raised while open.
    async fn count(&self) -> i64 {
        self.0.count
    }

    /// When it was raised first.
    async fn raised_at(&self) -> Instant {
        Instant(self.0.raised_at)
    }

    /// When it was raised last.
    async fn last_raised_at(&self) -> Instant {
        Instant(self.0.last_raised_at)
    }

    /// When somebody took note of it; nobody is reminded since.
    async fn acknowledged_at(&self) -> Option<Instant> {
        self.0.acknowledged_at.map(Instant)
    }

    /// Who took note of it, such as `user:alice`.
    async fn acknowledged_by(&self) -> Option<&str> {
        self.0.acknowledged_by.as_deref()
    }

    /// When it was over; null while it is open.
    async fn resolved_at(&self) -> Option<Instant> {
        self.0.resolved_at.map(Instant)
    }

    /// When the webhook last took a message about it.
    async fn webhook_sent_at(&self) -> Option<Instant> {
        self.0.webhook_sent_at.map(Instant)
    }

    /// When the mail server last took a message about it.
    async fn email_sent_at(&self) -> Option<Instant> {
        self.0.email_sent_at.map(Instant)
    }

    /// Why a message could not be delivered yet, or was given up; null when there is nothing to complain of.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }
}

/// What is asked about alerts.
#[derive(Default)]
pub(super) struct AlertQuery;

/// What is asked about alerts.
#[Object]
impl AlertQuery {
    /// Alerts, newest first.
    #[graphql(complexity = "page::cost(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "Relay's four arguments and two filters")]
    async fn alerts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this connection.")] connection_id: Option<ID>,
        #[graphql(desc = "Only those that are open, or only those that are resolved.")] open: Option<bool>,
        #[graphql(desc = "So many from the beginning, 100 at most. Without `first` and `last`: 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Page<Alert>> {
        let connection = connection_id.as_ref().map(ConnectionId::read).transpose()?;
        let mut select = Entity::find();
        if let Some(visible) = ctx.visible(connection)? {
            select = select.filter(Column::ConnectionId.is_in(visible));
        }
        if let Some(open) = open {
            let resolved = Column::ResolvedAt;
            select = select.filter(if open { resolved.is_null() } else { resolved.is_not_null() });
        }
        let asked = Asked { first, after, last, before };
        let sort = Sort { order: 'a', at: None, id: Column::Id, latest_first: true };
        let key = |row: &Model| page::Key { at: None, id: row.id.0 };
        page::page(ctx.app().db.read(), select, sort, &asked, key, Alert).await
    }
}

/// Which alert somebody took note of.
#[derive(Debug, InputObject)]
pub(super) struct AcknowledgeAlertInput {
    /// The global id of the alert.
    alert_id: ID,
}

/// What became of an acknowledgement.
#[derive(SimpleObject)]
pub(super) struct AcknowledgeAlertPayload {
    /// The alert; null where the input must be mended first.
    alert: Option<Alert>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

/// What may be done about alerts.
#[derive(Default)]
pub(super) struct AlertMutation;

/// What may be done about alerts.
#[Object]
impl AlertMutation {
    /// Takes note of an alert: nobody is reminded of it any more. It stays open until what it is about is over. One that is acknowledged or
    /// resolved already stays as it is. For the role SUPPORT.
    async fn acknowledge_alert(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which alert.")] input: AcknowledgeAlertInput,
    ) -> Result<AcknowledgeAlertPayload> {
        ctx.role_may(Right::Acknowledge)?;
        let id = AlertId::read(&input.alert_id)?;
        let row = match alert::load(ctx.app().db.read(), id).await {
            Ok(row) => row,
            Err(alert::Error::Missing) => {
                let error = UserError::new("alertId", "There is no such alert.", UserErrorCode::NotFound);
                return Ok(AcknowledgeAlertPayload { alert: None, user_errors: vec![error] });
            }
            Err(error) => return Err(error.into()),
        };
        let by = ctx.may(Right::Acknowledge, row.connection_id)?;
        let row = alert::acknowledge(ctx.app(), &by, id).await?;
        Ok(AcknowledgeAlertPayload { alert: Some(Alert(row)), user_errors: Vec::new() })
    }
}
