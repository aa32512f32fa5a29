//! Changing a connection's settings.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::ids::ConnectionId;

use super::{
    super::{
        auth::Asking,
        connection::Connection,
        error::Result,
        mutation::{UserError, UserErrorCode},
        node::Numbered,
    },
    input::ConnectionSettingsInput,
};
use crate::{
    auth::Right,
    connection as connections,
    mapping::settings::{Reason, Wrong},
};

/// Which settings of which connection become what.
#[derive(Debug, InputObject)]
pub(in super::super) struct UpdateConnectionSettingsInput {
    /// Whose settings.
    connection_id: ID,
    /// What they become.
    settings: ConnectionSettingsInput,
}

/// What became of a change of settings.
#[derive(SimpleObject)]
pub(in super::super) struct UpdateConnectionSettingsPayload {
    /// The connection with its settings as they are now; null where the input must be mended first.
    connection: Option<Connection>,
    /// What is wrong with the input: all of it, so that it can be mended at once.
    user_errors: Vec<UserError>,
}

/// What may be done about settings.
#[derive(Default)]
pub(in super::super) struct SettingsMutation;

/// What may be done about settings.
#[Object]
impl SettingsMutation {
    /// Changes how a connection's orders are booked. Orders that wait, failed or were skipped are looked at again under the new settings;
    /// what is in the books stays as it is until an order changes or is resynced. The trail says who changed what. For the role ADMIN.
    async fn update_connection_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which settings of which connection become what.")] input: UpdateConnectionSettingsInput,
    ) -> Result<UpdateConnectionSettingsPayload> {
        ctx.role_may(Right::Manage)?;
        let connection = ConnectionId::read(&input.connection_id)?;
        let by = ctx.may(Right::Manage, connection)?;
        let user_errors = match connections::update_settings(ctx.app(), &by, connection, &input.settings.into()).await {
            Ok(row) => {
                let connection = Some(Connection(row));
                return Ok(UpdateConnectionSettingsPayload { connection, user_errors: Vec::new() });
            }
            Err(connections::Error::Missing) => {
                vec![UserError::new("connectionId", "There is no such connection.", UserErrorCode::NotFound)]
            }
            Err(connections::Error::Wrong(wrong)) => {
                wrong.into_iter().map(|wrong| user_error(wrong, |id| ctx.sees(Some(id)))).collect()
            }
            Err(error) => return Err(error.into()),
        };
        Ok(UpdateConnectionSettingsPayload { connection: None, user_errors })
    }
}

pub(in super::super) fn user_error(wrong: Wrong, sees: impl Fn(ConnectionId) -> bool) -> UserError {
    let code = match &wrong.reason {
        Reason::Empty => UserErrorCode::Required,
        Reason::Invalid(_) => UserErrorCode::Invalid,
        Reason::Taken { .. } => UserErrorCode::Taken,
    };
    UserError::setting(wrong.field, sentence(&wrong.reason, sees), code)
}

/// A connection that the asker may not know of is not named.
fn sentence(reason: &Reason, sees: impl Fn(ConnectionId) -> bool) -> String {
    match reason {
        Reason::Taken { connection, .. } if !sees(ConnectionId(*connection)) => {
            "Another connection writes invoices with such numbers to the same FreshBooks account: choose another prefix."
                .to_owned()
        }
        other => other.to_string(),
    }
}

/// What is wrong with settings, for an answer that has no `userErrors`.
pub(in super::super) fn sentences(wrong: &[Wrong], sees: impl Fn(ConnectionId) -> bool) -> String {
    let one = |wrong: &Wrong| format!("`settings.{}`: {}", wrong.field, sentence(&wrong.reason, &sees));
    wrong.iter().map(one).collect::<Vec<_>>().join(" ")
}
