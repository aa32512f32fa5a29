//! Who is asking, and what they may do.
//!
//! A bearer token becomes a [`Principal`], a principal that holds a right becomes an [`Actor`], and every change asks for an actor. Only
//! this file makes one, so a change that nobody was allowed to ask for does not compile. The algorithm is ours to choose, never the
//! token's; the time is a parameter.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::config::{self, Config};

/// How far the clock of whoever issued a token may be off.
const LEEWAY_SECONDS: i64 = 30;
/// Bytes of the shortest secret that HS256 is safe with (RFC 7518, 3.2).
const SECRET_LENGTH: usize = 32;
/// Characters of the longest subject: it is written into every audit entry.
const SUBJECT_LENGTH: usize = 200;

/// What somebody is trusted with. Each may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads, with personal data masked.
    Viewer,
    /// Also resyncs, retries, dismisses, pulls, and sees personal data.
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
            Self::ReadPersonal | Self::Resync | Self::Pull => Role::Support,
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

/// Not known: why a token is not good. Says nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not three parts of base64 JSON.
    #[error("this is not a token")]
    Malformed,
    /// Signed by another method than ours.
    #[error("the token is not signed with HS256")]
    Algorithm,
    /// Altered, or signed with another secret.
    #[error("the signature of the token is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// Issued by somebody else.
    #[error("the token was issued by somebody else")]
    Issuer,
    /// Meant for somebody else.
    #[error("the token is meant for another audience")]
    Audience,
    /// A claim is missing or not what it should be.
    #[error("the token's claim `{0}` is missing or malformed")]
    Claim(String),
}

/// Issues and checks tokens.
#[derive(Clone)]
pub struct Verifier {
    check: DecodingKey,
    sign: EncodingKey,
    issuer: Option<String>,
    audience: Option<String>,
    role_claim: String,
    connections_claim: String,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Takes the secret and the names of the claims.
    ///
    /// # Errors
    /// When `MLC_JWT_SECRET` is unset or too short to be safe, or an identity provider is asked for.
    pub fn from_config(config: &Config) -> Result<Self, config::Error> {
        if config.jwt_jwks_url.is_some() {
            let reason = "tokens of an identity provider are not supported yet; unset it and use MLC_JWT_SECRET";
            return Err(config::Error::new("MLC_JWT_JWKS_URL", reason));
        }
        let wrong = |reason: &str| config::Error::new("MLC_JWT_SECRET", reason);
        let secret = config.jwt_secret.as_ref().ok_or_else(|| {
            wrong("it is not set, and admin tokens need a secret of at least 32 bytes (such as `openssl rand -base64 48` prints)")
        })?;
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < SECRET_LENGTH {
            return Err(wrong("it is shorter than 32 bytes, which HS256 is not safe with"));
        }
        Ok(Self {
            check: DecodingKey::from_secret(secret),
            sign: EncodingKey::from_secret(secret),
            issuer: config.jwt_issuer.clone(),
            audience: config.jwt_audience.clone(),
            role_claim: config.jwt_role_claim.clone(),
            connections_claim: config.jwt_connections_claim.clone(),
        })
    }

    /// Whose token this is. Takes it bare or as the whole `Bearer …` header.
    ///
    /// # Errors
    /// When it is not good at `now`.
    pub fn verify(&self, bearer: &str, now: DateTime<Utc>) -> Result<Principal, Error> {
        let claims = self.signed(without_scheme(bearer))?;
        self.check_time(&claims, now)?;
        if self.issuer.is_some() && text(&claims, "iss") != self.issuer.as_deref() {
            return Err(Error::Issuer);
        }
        // A token that names an audience is not for those whom it does not name (RFC 7519, 4.1.3), also where we have no name.
        match (&self.audience, claims.get("aud")) {
            (None, None) => {}
            (Some(ours), Some(aud)) if words(aud).contains(&ours.as_str()) => {}
            _ => return Err(Error::Audience),
        }
        let subject = text(&claims, "sub")
            .filter(|sub| {
                !sub.is_empty() && sub.chars().count() <= SUBJECT_LENGTH && !sub.chars().any(char::is_control)
            })
            .ok_or_else(|| claim("sub"))?;
        Ok(Principal {
            subject: subject.to_owned(),
            role: self.role(&claims)?,
            connections: self.connections(&claims)?,
        })
    }

    /// A token that [`Verifier::verify`] takes until `now + ttl`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it cannot be signed, which does not happen with a secret.
    pub fn issue(&self, principal: &Principal, ttl: TimeDelta, now: DateTime<Utc>) -> Result<String, Error> {
        let issued = now.timestamp();
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(principal.subject));
        claims.insert("iat".to_owned(), json!(issued));
        claims.insert("exp".to_owned(), json!(issued.saturating_add(ttl.num_seconds())));
        claims.insert(self.role_claim.clone(), json!(principal.role.name()));
        if let Some(connections) = &principal.connections {
            claims.insert(self.connections_claim.clone(), json!(connections));
        }
        for (name, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value {
                claims.insert(name.to_owned(), json!(value));
            }
        }
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign).map_err(|_| Error::Malformed)
    }

    /// The claims, once the signature is ours. The library's own checks of times and names are off: it asks the system's clock.
    fn signed(&self, token: &str) -> Result<Map<String, Value>, Error> {
        use jsonwebtoken::errors::ErrorKind;
        let mut only_signature = Validation::new(Algorithm::HS256);
        only_signature.required_spec_claims.clear();
        only_signature.validate_exp = false;
        only_signature.validate_nbf = false;
        only_signature.validate_aud = false;
        match jsonwebtoken::decode(token, &self.check, &only_signature) {
            Ok(token) => Ok(token.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidSignature => Error::Signature,
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::MissingAlgorithm => {
                    Error::Algorithm
                }
                _ => Error::Malformed,
            }),
        }
    }

    fn check_time(&self, claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<(), Error> {
        let now = now.timestamp();
        let expires = instant(claims, "exp")?.ok_or_else(|| claim("exp"))?;
        if now >= expires.saturating_add(LEEWAY_SECONDS) {
            return Err(Error::Expired);
        }
        let begins = instant(claims, "nbf")?.unwrap_or(i64::MIN);
        if now.saturating_add(LEEWAY_SECONDS) < begins { Err(Error::NotYet) } else { Ok(()) }
    }

    /// The highest role of ours that the claim names: identity providers send lists, with roles of other services among them.
    fn role(&self, claims: &Map<String, Value>) -> Result<Role, Error> {
        claims
            .get(&self.role_claim)
            .and_then(|value| words(value).iter().filter_map(|word| word.parse().ok()).max())
            .ok_or_else(|| claim(&self.role_claim))
    }

    fn connections(&self, claims: &Map<String, Value>) -> Result<Option<Vec<String>>, Error> {
        let wrong = || claim(&self.connections_claim);
        match claims.get(&self.connections_claim) {
            None => Ok(None),
            Some(Value::Array(list)) => list
                .iter()
                .map(|id| id.as_str().map(str::to_owned).ok_or_else(wrong))
                .collect::<Result<_, _>>()
                .map(Some),
            // Anything else was meant as a limit: reading it as "all" would be the worst guess.
            Some(_) => Err(wrong()),
        }
    }
}

fn without_scheme(header: &str) -> &str {
    let header = header.trim();
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => header,
    }
}

fn claim(name: &str) -> Error {
    Error::Claim(name.to_owned())
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// A string, or the strings of a list.
fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(word) => vec![word],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Seconds since 1970; a fraction is dropped.
fn instant(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Error> {
    claims
        .get(name)
        .map(|value| value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64)).ok_or_else(|| claim(name)))
        .transpose()
}

#[cfg(test)]
mod tests;
