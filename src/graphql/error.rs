//! What an operation answers when it does not do what was asked.
//!
//! Resolvers return a [`Fault`], not async-graphql's own error: that one takes anything that can be printed, and would print our causes to
//! whoever asks. A cause reaches the log only.

use std::{error::Error as StdError, sync::Arc};

use async_graphql::{ErrorExtensionValues, ServerError};
use sea_orm::DbErr;
use tracing::error;

use crate::{alert, audit, auth::Denied, connection, crypto, customer_key, db::Trouble, drift, link, order, privacy};

/// What resolvers return.
pub(super) type Result<T> = std::result::Result<T, Fault>;

/// Why there is no answer, by what the asker can do about it. Not `Display`: see the module.
pub(super) enum Fault {
    /// Nobody is known.
    Unauthenticated(String),
    /// Somebody is known who may not.
    Forbidden(String),
    /// It is not there, or not for this token.
    NotFound(String),
    /// It cannot be meant.
    BadInput(String),
    /// Too often.
    RateLimited(String),
    /// Ours; the text gives nothing away, the cause has been logged.
    Internal(&'static str),
}

impl Fault {
    /// Something of ours failed: logged here, told to nobody.
    pub(super) fn internal(cause: &(dyn StdError + 'static)) -> Self {
        // That no connection is free may have any of the others behind it.
        match Trouble::of(cause).filter(|trouble| *trouble != Trouble::Crowded) {
            Some(trouble) => error!(error = cause, "a GraphQL operation failed: {trouble}"),
            None => error!(error = cause, "a GraphQL operation failed"),
        }
        Self::Internal("Something went wrong here; the log says what, under this answer's x-request-id.")
    }

    /// A platform failed: logged here, named in one sentence without its words.
    pub(super) fn platform(cause: &(dyn StdError + 'static)) -> Self {
        error!(error = cause, "a platform did not answer a GraphQL operation as it should");
        Self::Internal("Shopify did not answer as it should. Try again; the log has the cause under this x-request-id.")
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::BadInput(_) => BAD_INPUT,
            Self::RateLimited(_) => "RATE_LIMITED",
            Self::Internal(_) => "INTERNAL",
        }
    }
}

const BAD_INPUT: &str = "BAD_USER_INPUT";

impl From<Fault> for async_graphql::Error {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let message = match fault {
            Fault::Internal(message) => message.to_owned(),
            Fault::Unauthenticated(message)
            | Fault::Forbidden(message)
            | Fault::NotFound(message)
            | Fault::BadInput(message)
            | Fault::RateLimited(message) => message,
        };
        let mut error = Self::new(message);
        error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
        error
    }
}

impl From<Fault> for ServerError {
    fn from(fault: Fault) -> Self {
        async_graphql::Error::from(fault).into_server_error(async_graphql::Pos::default())
    }
}

/// Gives the errors of parsing, validation and limits the code that ours already have.
pub(super) fn name_codes(errors: &mut [ServerError]) {
    for error in errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", BAD_INPUT);
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        Self::Forbidden(format!("Not allowed: {denied}."))
    }
}

impl From<connection::Error> for Fault {
    fn from(error: connection::Error) -> Self {
        match error {
            connection::Error::Missing => Self::NotFound("There is no such connection.".to_owned()),
            connection::Error::Wrong(wrong) => Self::BadInput(super::settings::sentences(&wrong, |_| false)),
            other => Self::internal(&other),
        }
    }
}

impl From<order::Error> for Fault {
    fn from(error: order::Error) -> Self {
        match error {
            order::Error::Missing => Self::NotFound("There is no such order.".to_owned()),
            other => Self::internal(&other),
        }
    }
}

impl From<drift::Error> for Fault {
    fn from(error: drift::Error) -> Self {
        match error {
            drift::Error::Order(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<alert::Error> for Fault {
    fn from(error: alert::Error) -> Self {
        match error {
            alert::Error::Missing => Self::NotFound("There is no such alert.".to_owned()),
            other => Self::internal(&other),
        }
    }
}

impl From<privacy::Error> for Fault {
    fn from(error: privacy::Error) -> Self {
        match error {
            privacy::Error::Missing => Self::NotFound("There is no such request.".to_owned()),
            other => Self::internal(&other),
        }
    }
}

/// Shared by all who waited for the same batch of a loader.
pub(super) type Shared = Arc<dyn StdError + Send + Sync>;

impl From<Shared> for Fault {
    fn from(error: Shared) -> Self {
        Self::internal(&*error)
    }
}

macro_rules! ours {
    ($($error:ty),+) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::internal(&error)
            }
        }
    )+};
}

ours!(DbErr, audit::Error, crypto::Error, customer_key::Error, link::Error);
