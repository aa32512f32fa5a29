//! Who is asking, and what they may do.
//!
//! A bearer token becomes a [`Principal`], a principal that holds a right becomes an [`Actor`], and every change asks for an actor. Only
//! this file makes one, so a change that nobody was allowed to ask for does not compile.

mod jwks;
#[cfg(test)]
pub(crate) mod testing;
mod token;

use std::{borrow::Cow, fmt};

pub use self::token::{Error, Verifier};

/// Characters of the longest subject: it is written into every audit entry.
const SUBJECT_LENGTH: usize = 200;

/// What somebody is trusted with. Each may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads, with personal data masked.
    Viewer,
    /// Also resyncs, retries, dismisses, pulls, acknowledges alerts, and sees and hands out personal data.
    Support,
    /// Also manages connections, settings and schedules.
    Admin,
}

/// One thing that may be asked of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// See orders, documents and the audit trail, people masked.
    Read,
    /// See names, addresses and e-mails.
    ReadPersonal,
    /// Sync, retry, dismiss, undo or adopt orders.
    Resync,
    /// Start and cancel pulls.
    Pull,
    /// Take note of alerts.
    Acknowledge,
    /// Hand out what is held of a customer who asks for it.
    HandOut,
    /// Connections, grants, settings, schedules.
    Manage,
}

impl Role {
    /// Whether this role holds the right.
    pub fn may(self, right: Right) -> bool {
        self >= right.least()
    }

    /// As tokens spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Viewer, Self::Support, Self::Admin]
            .into_iter()
            .find(|role| role.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("`{text}` is none of viewer, support, admin"))
    }
}

impl Right {
    fn least(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::ReadPersonal | Self::Resync | Self::Pull | Self::Acknowledge | Self::HandOut => Role::Support,
            Self::Manage => Role::Admin,
        }
    }
}

/// Somebody whose token was good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who, as the issuer of the token names them.
    pub subject: String,
    /// What they are trusted with.
    pub role: Role,
    /// Global ids of the connections that they are limited to; `None` is all of them.
    pub connections: Option<Vec<String>>,
}

impl Principal {
    /// Whether they may know of this connection at all: lists leave out what they may not.
    pub fn sees(&self, connection: &str) -> bool {
        self.connections.as_ref().is_none_or(|list| list.iter().any(|known| known == connection))
    }

    /// The proof that a change asks for. `None` is the whole installation, which somebody limited to some connections may look at (and
    /// gets lists narrowed by [`Principal::sees`]) but not change.
    ///
    /// # Errors
    /// Says whether the role or the connection stands in the way.
    pub fn may(&self, right: Right, connection: Option<&str>) -> Result<Actor, Denied> {
        if !self.role.may(right) {
            return Err(Denied::Role { has: self.role.name(), needs: right.least().name() });
        }
        let looks = matches!(right, Right::Read | Right::ReadPersonal);
        let covered = connection.map_or(looks || self.connections.is_none(), |connection| self.sees(connection));
        if covered { Ok(Actor(format!("user:{}", self.subject).into())) } else { Err(Denied::Connection) }
    }
}

/// Somebody or something that was allowed to make a change, as the audit trail names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(Cow<'static, str>);

impl Actor {
    /// A part of the service that acts on its own: `schedule`, `worker`, `webhook`.
    pub fn system(part: &'static str) -> Self {
        Self(format!("system:{part}").into())
    }

    /// A person whom a platform knows, by its number for their login.
    pub(crate) fn login(platform: &str, id: i64) -> Self {
        Self(format!("{platform}:{id}").into())
    }

    /// Somebody at a terminal of the machine, who holds its secrets anyway.
    pub fn cli(user: &str) -> Self {
        Self(
            format!("cli:{}", user.chars().filter(|c| !c.is_control()).take(SUBJECT_LENGTH).collect::<String>()).into(),
        )
    }

    /// Such as `user:alice`, `system:schedule` or `cli:root`.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Known, but not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Their role does not reach.
    #[error("this needs the role {needs}, and the token has {has}")]
    Role {
        /// Theirs.
        has: &'static str,
        /// The least that would do.
        needs: &'static str,
    },
    /// Their token is limited to other connections.
    #[error("the token is limited to other connections")]
    Connection,
}

#[cfg(test)]
mod tests;
