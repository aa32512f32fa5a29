//! Admin tokens: JWTs that we issue (HS256) or an identity provider does, and how both are checked.
//!
//! The algorithm is the key's, never the token's: our secret checks HS256 only, a provider's key the one of its kind. The time is a parameter: the library would ask the system's clock, so its own
//! checks of times are off and made here.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Principal, Role, SUBJECT_LENGTH,
    jwks::{self, Provider},
};
use crate::config::{self, Config};

/// How far the clock of whoever issued a token may be off.
const LEEWAY_SECONDS: i64 = 30;
/// Bytes of the shortest secret that HS256 is safe with (RFC 7518, 3.2).
const SECRET_LENGTH: usize = 32;

/// Not known: why a token is not good. Says nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not three parts of base64 JSON.
    #[error("this is not a token")]
    Malformed,
    /// Signed by a method that we do not take, or not with this key.
    #[error("the token is not signed by a method that is taken here")]
    Algorithm,
    /// The identity provider has other keys.
    #[error("the token is signed with a key that the identity provider does not list")]
    UnknownKey,
    /// It names no key, and there are several.
    #[error("the token does not say which of the identity provider's keys it is signed with")]
    WhichKey,
    /// The key is not known yet, and nobody tells it.
    #[error("the identity provider does not answer, so that the token's key is not known; try again in a minute")]
    Provider,
    /// There is nothing to sign with.
    #[error("MLC_JWT_SECRET is not set, and tokens are signed with it")]
    NoSecret,
    /// Altered, or signed with another secret or key.
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

/// Issues and checks tokens. Clones share what is known of the identity provider's keys.
#[derive(Clone)]
pub struct Verifier {
    secret: Option<Secret>,
    provider: Option<Arc<Provider>>,
    issuer: Option<String>,
    audience: Option<String>,
    role_claim: String,
    connections_claim: String,
}

/// `MLC_JWT_SECRET`.
#[derive(Clone)]
struct Secret {
    check: DecodingKey,
    sign: EncodingKey,
}

/// What is read of a token before anything of it is believed.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
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
    /// Takes the secret, the identity provider, or both, and the names of the claims. Asks nobody.
    ///
    /// # Errors
    /// When there is neither, when `MLC_JWT_SECRET` is too short to be safe, or when not every condition is named that a token of an
    /// identity provider has to meet.
    pub fn from_config(config: &Config) -> Result<Self, config::Error> {
        let provider = Provider::from_config(config)?;
        let wrong = |reason: &str| config::Error::new("MLC_JWT_SECRET", reason);
        let secret = config.jwt_secret.as_ref().map(|secret| {
            let secret = secret.expose_secret().as_bytes();
            if secret.len() < SECRET_LENGTH {
                return Err(wrong("it is shorter than 32 bytes, which HS256 is not safe with"));
            }
            Ok(Secret { check: DecodingKey::from_secret(secret), sign: EncodingKey::from_secret(secret) })
        });
        let secret = secret.transpose()?;
        if secret.is_none() && provider.is_none() {
            return Err(wrong(
                "it is not set, and admin tokens need a secret of at least 32 bytes (such as `openssl rand -base64 48` prints)",
            ));
        }
        Ok(Self {
            secret,
            provider,
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
    pub async fn verify(&self, bearer: &str, now: DateTime<Utc>) -> Result<Principal, Error> {
        let claims = self.signed(without_scheme(bearer), now).await?;
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
    /// [`Error::NoSecret`] when only an identity provider issues tokens here.
    pub fn issue(&self, principal: &Principal, ttl: TimeDelta, now: DateTime<Utc>) -> Result<String, Error> {
        let secret = self.secret.as_ref().ok_or(Error::NoSecret)?;
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
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret.sign).map_err(|_| Error::Malformed)
    }

    /// The claims, once the signature is good; nothing else is checked yet. The header only says who is to check it.
    async fn signed(&self, token: &str, now: DateTime<Utc>) -> Result<Map<String, Value>, Error> {
        let head = head(token).ok_or(Error::Malformed)?;
        if head.alg == "HS256" {
            let secret = self.secret.as_ref().ok_or(Error::Algorithm)?;
            return claims(token, &secret.check, Algorithm::HS256);
        }
        let provider = self.provider.as_ref().ok_or(Error::Algorithm)?;
        let algorithm = jwks::algorithm(&head.alg).ok_or(Error::Algorithm)?;
        let key = provider.key(head.kid.as_deref(), algorithm, now).await?;
        claims(token, &key, algorithm)
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

/// The header of a token. `None` also where it asks for more than we understand (RFC 7515, 4.1.11).
fn head(token: &str) -> Option<Head> {
    let header = BASE64.decode(token.split_once('.')?.0).ok()?;
    serde_json::from_slice(&header).ok().filter(|head: &Head| head.crit.is_none())
}

/// The claims of a token that `key` has signed by `algorithm`, the key's own.
fn claims(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Map<String, Value>, Error> {
    use jsonwebtoken::errors::ErrorKind;
    let mut only_signature = Validation::new(algorithm);
    only_signature.required_spec_claims.clear();
    only_signature.validate_exp = false;
    only_signature.validate_nbf = false;
    only_signature.validate_aud = false;
    match jsonwebtoken::decode(token, key, &only_signature) {
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
