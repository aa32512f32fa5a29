//! What a resolver may ask about the one who asks.

use async_graphql::{Context, dataloader::DataLoader};
use entity::ids::ConnectionId;

use super::{
    error::{Fault, Result},
    loader::Reader,
    node::Numbered,
};
use crate::{
    app::App,
    auth::{Actor, Principal, Right},
};

/// The application, the asker and the asker's rights, from the context of an operation.
pub(super) trait Asking {
    /// The application.
    fn app(&self) -> &App;
    /// Reads by the batch.
    fn reader(&self) -> &DataLoader<Reader>;
    /// Who asks.
    fn principal(&self) -> Result<&Principal>;

    /// The proof that a change of this connection asks for.
    fn may(&self, right: Right, connection: ConnectionId) -> Result<Actor> {
        Ok(self.principal()?.may(right, Some(connection.global().as_str()))?)
    }

    /// Refuses whose role does not reach, before anything of the request is looked at.
    fn role_may(&self, right: Right) -> Result<()> {
        let principal = self.principal()?;
        if !principal.role.may(right) {
            principal.may(right, None)?;
        }
        Ok(())
    }

    /// Whether the asker may know of this connection; `None` is none at all.
    fn sees(&self, connection: Option<ConnectionId>) -> bool {
        let asker = self.principal();
        connection.is_some_and(|id| asker.is_ok_and(|asker| asker.sees(id.global().as_str())))
    }

    /// Whether the asker sees people of this connection unmasked.
    fn sees_people(&self, connection: ConnectionId) -> bool {
        self.may(Right::ReadPersonal, connection).is_ok()
    }

    /// The connections that a list is narrowed to; `None` is no narrowing.
    fn visible(&self, asked: Option<ConnectionId>) -> Result<Option<Vec<ConnectionId>>> {
        let limit = self.principal()?.connections.as_ref();
        let limit = limit.map(|ids| ids.iter().filter_map(|id| ConnectionId::find(id)).collect::<Vec<_>>());
        Ok(match (asked, limit) {
            (None, limit) => limit,
            (Some(asked), Some(limit)) if !limit.contains(&asked) => Some(Vec::new()),
            (Some(asked), _) => Some(vec![asked]),
        })
    }
}

impl Asking for Context<'_> {
    fn app(&self) -> &App {
        self.data_unchecked()
    }

    fn reader(&self) -> &DataLoader<Reader> {
        self.data_unchecked()
    }

    fn principal(&self) -> Result<&Principal> {
        self.data_opt().ok_or_else(|| Fault::Unauthenticated("Nobody is known to ask.".to_owned()))
    }
}
