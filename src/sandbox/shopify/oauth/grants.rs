//! The app's tokens in this shop: codes, access tokens, and the one chain of refresh tokens.
//!
//! A refresh hands out a new pair. The token that was used may be used again, for as long as nobody has used its replacement: whoever lost
//! an answer asks once more and gets a fresh access token with the same replacement. Any other grant ends the chain.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rand::RngCore;
use serde::Serialize;

use super::{Refusal, scope::Scopes};

/// Nobody says how long a code lives; a browser needs seconds.
const CODE_LIVES: TimeDelta = TimeDelta::seconds(60);
const CREDENTIALS_LIVE: TimeDelta = TimeDelta::seconds(86_399);
const REFRESH_LIVES: TimeDelta = TimeDelta::days(90);
const USED_REFRESH_LIVES: TimeDelta = TimeDelta::days(30);
const MIGRATION_REPEATS: TimeDelta = TimeDelta::days(7);

const DEAD_REFRESH: Refusal =
    Refusal { status: 401, error: "invalid_request", text: "This request requires an active refresh_token" };
const DEAD_CODE: Refusal =
    Refusal { status: 400, error: "invalid_request", text: "The authorization code was not found or was already used" };
const DEAD_SUBJECT: Refusal =
    Refusal { status: 400, error: "invalid_subject_token", text: "The subject token is not active" };

/// A token answer, in the order of the recorded ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Pair {
    access_token: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<i64>,
}

/// What stands behind an access token.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) scopes: Scopes,
    /// `None` for one that never expires.
    pub(super) expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Code {
    scopes: Scopes,
    expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
struct Refresh {
    token: String,
    expires_at: DateTime<Utc>,
}

#[derive(Debug)]
struct Chain {
    scopes: Scopes,
    current: Refresh,
    /// The one whose use made `current`, and when it was used first.
    used: Option<(Refresh, DateTime<Utc>)>,
}

/// A token that never expired, and the pair it was changed for.
#[derive(Debug)]
struct Migration {
    from: String,
    access: String,
    made_at: DateTime<Utc>,
}

/// Everything the app was granted here.
#[derive(Debug)]
pub(super) struct Grants {
    prefix: &'static str,
    /// How long an access token lives that can be refreshed.
    lives: TimeDelta,
    codes: BTreeMap<String, Code>,
    access: BTreeMap<String, Access>,
    chain: Option<Chain>,
    migration: Option<Migration>,
    /// Every secret there ever was, oldest first.
    pub(super) secrets: Vec<String>,
}

impl Grants {
    /// Nothing granted yet; access tokens will begin with `prefix`, and live that long where they can be refreshed.
    pub(super) fn new(prefix: &'static str, lives: TimeDelta) -> Grants {
        Grants {
            prefix,
            lives,
            codes: BTreeMap::new(),
            access: BTreeMap::new(),
            chain: None,
            migration: None,
            secrets: Vec::new(),
        }
    }

    /// A live access token.
    pub(super) fn find(&self, token: &str, now: DateTime<Utc>) -> Option<&Access> {
        self.access.get(token).filter(|access| access.expires_at.is_none_or(|end| now < end))
    }

    /// The code a person's consent is worth.
    pub(super) fn consent(&mut self, scopes: Scopes, now: DateTime<Utc>) -> String {
        let code = self.secret("");
        self.codes.insert(code.clone(), Code { scopes, expires_at: now + CODE_LIVES });
        code
    }

    /// Takes a code, once.
    pub(super) fn exchange(&mut self, code: &str, expiring: bool, now: DateTime<Utc>) -> Result<Pair, Refusal> {
        let code = self.codes.remove(code).filter(|code| now < code.expires_at).ok_or(DEAD_CODE)?;
        self.retire();
        if expiring {
            return Ok(self.begin(code.scopes, now).1);
        }
        // A repeated grant hands back the token that is there, with what was granted now.
        let there = self.access.iter().find(|(_, access)| access.expires_at.is_none()).map(|(token, _)| token.clone());
        let token = there.unwrap_or_else(|| self.secret(self.prefix));
        let access = Access { scopes: code.scopes, expires_at: None };
        let pair = self.pair(&token, &access, now);
        self.access.insert(token, access);
        Ok(pair)
    }

    /// Takes the current refresh token, or once more the one before it.
    pub(super) fn refresh(&mut self, token: &str, now: DateTime<Utc>) -> Result<Pair, Refusal> {
        let chain = self.chain.as_ref().ok_or(DEAD_REFRESH)?;
        let again = |(used, first): &(Refresh, DateTime<Utc>)| {
            used.token == token && now < used.expires_at && now < *first + USED_REFRESH_LIVES
        };
        let scopes = chain.scopes.clone();
        if chain.current.token == token && now < chain.current.expires_at {
            let used = Some((chain.current.clone(), now));
            let current = Refresh { token: self.secret("shprt_"), expires_at: now + REFRESH_LIVES };
            self.chain = Some(Chain { scopes: scopes.clone(), current, used });
        } else if !chain.used.as_ref().is_some_and(again) {
            return Err(DEAD_REFRESH);
        }
        self.migration = None;
        Ok(self.mint(scopes, Some(self.lives), now).1)
    }

    /// Changes a token that never expires for a pair, and stops it. The same request gives the same pair for a week.
    pub(super) fn migrate(&mut self, from: &str, now: DateTime<Utc>) -> Result<Pair, Refusal> {
        if let Some(done) = &self.migration
            && done.from == from
            && now < done.made_at + MIGRATION_REPEATS
            && let Some(access) = self.access.get_mut(&done.access)
        {
            if access.expires_at.is_some_and(|end| end <= now) {
                access.expires_at = Some(now + self.lives);
            }
            let (token, access) = (done.access.clone(), access.clone());
            return Ok(self.pair(&token, &access, now));
        }
        let scopes = self.access.get(from).filter(|access| access.expires_at.is_none()).map(|old| old.scopes.clone());
        let scopes = scopes.ok_or(DEAD_SUBJECT)?;
        self.access.remove(from);
        self.retire();
        let (access, pair) = self.begin(scopes, now);
        self.migration = Some(Migration { from: from.to_owned(), access, made_at: now });
        Ok(pair)
    }

    /// A token for a day, to an app on its owner's store.
    pub(super) fn credentials(&mut self, scopes: Scopes, now: DateTime<Utc>) -> Pair {
        self.retire();
        self.mint(scopes, Some(CREDENTIALS_LIVE), now).1
    }

    /// Nothing that was granted is good any longer.
    pub(super) fn forget(&mut self) {
        self.codes.clear();
        self.access.clear();
        self.retire();
    }

    /// Ends all access tokens that would have ended by themselves.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) {
        for end in self.access.values_mut().filter_map(|access| access.expires_at.as_mut()) {
            *end = now.min(*end);
        }
    }

    /// Every token that is there has these scopes; those that one of them had before.
    pub(super) fn rescope(&mut self, scopes: &Scopes) -> Option<Scopes> {
        let chain = self.chain.as_mut().map(|chain| &mut chain.scopes);
        let mut before = None;
        for held in self.access.values_mut().map(|access| &mut access.scopes).chain(chain) {
            before = Some(std::mem::replace(held, scopes.clone()));
        }
        before
    }

    fn retire(&mut self) {
        self.chain = None;
        self.migration = None;
    }

    fn begin(&mut self, scopes: Scopes, now: DateTime<Utc>) -> (String, Pair) {
        let current = Refresh { token: self.secret("shprt_"), expires_at: now + REFRESH_LIVES };
        self.chain = Some(Chain { scopes: scopes.clone(), current, used: None });
        self.mint(scopes, Some(self.lives), now)
    }

    fn mint(&mut self, scopes: Scopes, lives: Option<TimeDelta>, now: DateTime<Utc>) -> (String, Pair) {
        let token = self.secret(self.prefix);
        let access = Access { scopes, expires_at: lives.map(|lives| now + lives) };
        let pair = self.pair(&token, &access, now);
        self.access.insert(token.clone(), access);
        (token, pair)
    }

    // The chain is there whenever the token is one of its tokens: any other grant ended it before.
    fn pair(&self, token: &str, access: &Access, now: DateTime<Utc>) -> Pair {
        let left = |end: DateTime<Utc>| (end - now).num_seconds();
        let refresh = self.chain.as_ref().map(|chain| &chain.current);
        Pair {
            access_token: token.to_owned(),
            scope: access.scopes.listed(),
            expires_in: access.expires_at.map(left),
            refresh_token: refresh.map(|refresh| refresh.token.clone()),
            refresh_token_expires_in: refresh.map(|refresh| left(refresh.expires_at)),
        }
    }

    fn secret(&mut self, prefix: &str) -> String {
        let mut bytes = [0; 16];
        rand::rng().fill_bytes(&mut bytes);
        let secret = format!("{prefix}{}", hex::encode(bytes));
        self.secrets.push(secret.clone());
        secret
    }
}
