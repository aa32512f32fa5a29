//! Who is asking.

use async_graphql::{Context, Enum, Object};

use super::{auth::Asking, connection::Connection, error::Result};
use crate::{auth, auth::Principal, connection as connections};

/// What a token is trusted with. Each role may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "auth::Role")]
pub(super) enum Role {
    /// Reads, with personal data masked.
    Viewer,
    /// Also resyncs, retries, dismisses, pulls, acknowledges alerts, and sees personal data.
    Support,
    /// Also manages connections, settings and schedules.
    Admin,
}

/// One thing that may be asked of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "auth::Right")]
pub(super) enum Right {
    /// See orders, documents and the audit trail, people masked.
    Read,
    /// See names, addresses and e-mails.
    ReadPersonal,
    /// Sync orders again.
    Resync,
    /// Start pulls.
    Pull,
    /// Acknowledge alerts.
    Acknowledge,
    /// Hand out what is held of a customer who asks for it.
    HandOut,
    /// Change connections, grants, settings and schedules.
    Manage,
}

const RIGHTS: [auth::Right; 7] = [
    auth::Right::Read,
    auth::Right::ReadPersonal,
    auth::Right::Resync,
    auth::Right::Pull,
    auth::Right::Acknowledge,
    auth::Right::HandOut,
    auth::Right::Manage,
];

/// The one whose token was sent, and what they may.
pub(super) struct Viewer(Principal);

/// The one whose token was sent, and what they may.
#[Object]
impl Viewer {
    /// Who the token was issued for; the audit trail names them so.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What they are trusted with.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// What the role allows, one by one.
    async fn rights(&self) -> Vec<Right> {
        RIGHTS.into_iter().filter(|right| self.0.role.may(*right)).map(Right::from).collect()
    }

    /// Whether the token is limited to some connections.
    async fn limited(&self) -> bool {
        self.0.connections.is_some()
    }

    /// The connections they may know of, oldest first.
    async fn connections(&self, ctx: &Context<'_>) -> Result<Vec<Connection>> {
        let rows = connections::list(ctx.app().db.read(), None).await?;
        Ok(rows.into_iter().filter(|row| ctx.sees(Some(row.id))).map(Connection).collect())
    }
}

/// What is asked about the asker.
#[derive(Default)]
pub(super) struct ViewerQuery;

/// What is asked about the asker.
#[Object]
impl ViewerQuery {
    /// Who is asking, and what they may.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        Ok(Viewer(ctx.principal()?.clone()))
    }
}
