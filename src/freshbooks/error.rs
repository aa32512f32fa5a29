//! What can go wrong at FreshBooks, sorted by what the caller can do about it.
//!
//! What is kept of a failure names codes and fields; values are dropped, since they may be people's.

use std::time::Duration;

use super::deadline;

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 429. Nothing was done.
    #[error("FreshBooks asked us to slow down")]
    Throttled {
        /// How long it is left alone; `None` where nothing is known of that.
        wait: Option<Duration>,
    },
    /// The token, or the grant that it is renewed by, is no longer accepted.
    #[error("FreshBooks no longer accepts our token")]
    Unauthorized,
    /// The person's role, the scopes or the account's state do not allow it.
    #[error("FreshBooks does not allow this: {0}")]
    Forbidden(Fault),
    /// No such object (or account) over there.
    #[error("FreshBooks does not know this: {0}")]
    NotFound(Fault),
    /// Our body or argument is not accepted: the same call will fail again.
    #[error("FreshBooks refused: {0}")]
    Refused(Fault),
    /// Somebody else is writing the same object. Nothing was done; try again in a moment.
    #[error("the object is being changed by another request")]
    Busy,
    /// A read that failed, also when repeated, or a write that never reached FreshBooks.
    #[error("FreshBooks is not available")]
    Unavailable(#[source] Cause),
    /// A write without an answer: it may have been done. Look it up before trying again.
    #[error("no answer: FreshBooks may have done it")]
    Unknown(#[source] Cause),
    /// A write that was to leave before a certain time, and did not: nothing was sent.
    #[error("this process stood still: it was too late to write")]
    TooLate,
    /// An answer to a read that is not what the API promises.
    #[error("cannot make sense of FreshBooks' answer: {0}")]
    Malformed(String),
}

impl Error {
    /// Its name in the figures.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Refused(_) => "refused",
            Self::Busy => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Unknown(_) => "unknown",
            Self::TooLate => "too_late",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// What lies behind a missing answer.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// No answer at all; never names the address.
    #[error("the connection failed")]
    Transport(#[source] reqwest::Error),
    /// A status that says nothing about the request.
    #[error("HTTP {0}")]
    Status(u16),
    /// FreshBooks' own code for a failure on its side, or what was wrong with its answer.
    #[error("{0}")]
    Answer(String),
}

/// What FreshBooks objects to, without the value that it objects to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// FreshBooks' code, such as 1012.
    pub errno: Option<i64>,
    /// Such as `client`; empty where FreshBooks does not say.
    pub object: String,
    /// Such as `userid`; empty where FreshBooks does not say.
    pub field: String,
    /// FreshBooks' words; where it names several faults, all of them.
    pub message: String,
}

impl Fault {
    /// Whether it is about `field`: FreshBooks does not always use its own place for saying so.
    pub fn is_about(&self, field: &str) -> bool {
        self.field.rsplit('.').next() == Some(field) || self.message.contains(field)
    }

    /// The account itself is unknown, rather than something in it.
    pub(super) fn is_account(&self) -> bool {
        self.object == "account" || self.message.to_ascii_lowercase().contains("account")
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(errno) = self.errno {
            write!(f, "errno {errno}, ")?;
        }
        match (self.object.as_str(), self.field.as_str()) {
            ("", "") => {}
            ("", name) | (name, "") => write!(f, "{name}: ")?,
            (object, field) => write!(f, "{object}.{field}: ")?,
        }
        f.write_str(if self.message.is_empty() { "no reason given" } else { &self.message })
    }
}

impl Error {
    /// Whether the same read may succeed in a moment.
    pub(super) fn is_blip(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// No answer, or none that can be read: a read can be repeated, a write is in doubt.
    pub(super) fn lost(write: bool, cause: Cause) -> Self {
        if write { Self::Unknown(cause) } else { Self::Unavailable(cause) }
    }

    /// A request that did not bring an answer. Where not even a connection came about, nothing was done.
    pub(super) fn transport(write: bool, error: reqwest::Error) -> Self {
        if deadline::passed(&error) {
            return Self::TooLate;
        }
        let error = error.without_url();
        if error.is_builder() {
            return Self::Malformed("our own request: the address or the token cannot be sent".to_owned());
        }
        Self::lost(write && !error.is_connect(), Cause::Transport(error))
    }

    /// A success that does not hold what it should.
    pub(super) fn unreadable(write: bool, what: String) -> Self {
        if write { Self::Unknown(Cause::Answer(what)) } else { Self::Malformed(what) }
    }
}
