//! Grants at FreshBooks: plain calls, nothing is stored.
//!
//! A refresh spends its token: when the answer is lost, only a person can authorize again. No call for tokens is repeated here: whoever
//! holds the stored pair decides that.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{Error, FreshBooks, answer::shape};

/// What the connector asks for: one scope more than the app has switched on, and FreshBooks shows no consent page at all.
pub const SCOPES: [&str; 10] = [
    "user:profile:read",
    "user:clients:read",
    "user:clients:write",
    "user:invoices:read",
    "user:invoices:write",
    "user:payments:read",
    "user:payments:write",
    "user:credit_notes:read",
    "user:credit_notes:write",
    "user:taxes:read",
];

/// A new pair of tokens. Whatever was before is spent.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    /// For calls.
    pub access_token: SecretString,
    /// For the next refresh, once.
    pub refresh_token: SecretString,
    /// By FreshBooks' own account of when it made the token: an answer may bring an older one.
    pub expires_at: DateTime<Utc>,
    /// What the token may do.
    pub scopes: Vec<String>,
}

/// Who authorized us, and what they can reach.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The login's own number.
    pub id: Option<i64>,
    /// Where an identity has no business of its own this is empty.
    pub businesses: Vec<Business>,
    /// By account id: `active`, `active_trial`, `cancelled`.
    pub subscriptions: HashMap<String, String>,
    /// By account id: how many active clients the plan allows. Accounts without such a limit are not in it.
    pub client_limits: HashMap<String, u64>,
}

/// A business that the person belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Business {
    /// Of the business, not of the membership.
    pub id: i64,
    /// As people call it.
    pub name: String,
    /// `None` where a business keeps no books: it cannot be connected.
    pub account_id: Option<String>,
    /// The person's role in it: `owner`, `admin`, `manager`, `business_employee`, `client`.
    pub role: String,
    /// The person's role in its books, where FreshBooks tells: a `client` may not write, whatever the scopes.
    pub account_role: Option<String>,
    /// Such as `America/Toronto`.
    pub timezone: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: SecretString,
    refresh_token: SecretString,
    expires_in: i64,
    created_at: i64,
    #[serde(default)]
    scope: String,
}

impl FreshBooks {
    /// Turns the code of a callback into tokens. `redirect_uri` as in the authorization.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub async fn exchange_code(
        &self,
        client_id: &str,
        client_secret: &SecretString,
        code: &str,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, Error> {
        let grant = [("grant_type", "authorization_code"), ("code", code)];
        self.tokens("POST oauth: exchange code", grant, client_id, client_secret, redirect_uri).await
    }

    /// Spends `refresh_token` for a new pair.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the grant is spent, revoked or expired: a person must authorize again. [`Error::Refused`] when
    /// our own credentials are wrong. [`Error::Unknown`] when the answer was lost: the token is most likely spent.
    pub async fn refresh(
        &self,
        client_id: &str,
        client_secret: &SecretString,
        refresh_token: &SecretString,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, Error> {
        let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        self.tokens("POST oauth: refresh", grant, client_id, client_secret, redirect_uri).await
    }

    async fn tokens(
        &self,
        call: &str,
        grant: [(&str, &str); 2],
        client_id: &str,
        client_secret: &SecretString,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, Error> {
        let client = [
            ("client_id", client_id),
            ("client_secret", client_secret.expose_secret()),
            ("redirect_uri", redirect_uri),
        ];
        let form = [&grant[..], &client[..]].concat();
        let request = self.http.post(format!("{}/auth/oauth/token", self.base)).form(&form);
        let answer = self.once(true, call, request).await.map_err(|error| match error {
            Error::Refused(fault) if fault.message == "invalid_grant" => Error::Unauthorized,
            other => other,
        })?;
        let unreadable = |what: String| Error::unreadable(true, what);
        let tokens = Tokens::deserialize(answer).map_err(|error| unreadable(shape(&error)))?;
        let created = DateTime::from_timestamp(tokens.created_at, 0);
        let lifetime = TimeDelta::try_seconds(tokens.expires_in);
        let expires_at = created.zip(lifetime).and_then(|(created, lifetime)| created.checked_add_signed(lifetime));
        Ok(TokenAnswer {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires_at: expires_at.ok_or_else(|| unreadable("no time of expiry".to_owned()))?,
            scopes: tokens.scope.split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// Gives a token back. A refresh token should go first.
    ///
    /// # Errors
    /// As any write; giving back twice is none.
    pub async fn revoke(
        &self,
        client_id: &str,
        client_secret: &SecretString,
        token: &SecretString,
    ) -> Result<(), Error> {
        let form = [
            ("client_id", client_id),
            ("client_secret", client_secret.expose_secret()),
            ("token", token.expose_secret()),
        ];
        let request = self.http.post(format!("{}/auth/oauth/revoke", self.base)).form(&form);
        self.once(true, "POST oauth/revoke", request).await.map(drop)
    }

    /// Who `token` speaks for.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn me(&self, token: &SecretString) -> Result<Identity, Error> {
        let address = format!("{}/auth/api/v1/users/me", self.base);
        let request = || self.http.get(&address).bearer_auth(token.expose_secret());
        let answer = self.repeat("GET users/me", request).await?;
        match &answer["response"] {
            me if me.is_object() => Ok(identity(me)),
            _ => Err(Error::Malformed("no identity".to_owned())),
        }
    }
}

/// Everything in it may be missing: the shapes differ by age of the identity.
fn identity(me: &Value) -> Identity {
    let rows = |key: &str| me[key].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let account_role = |account: &str| {
        let role = rows("roles").find(|role| role["accountid"].as_str() == Some(account))?;
        text(&role["role"])
    };
    let business = |membership: &Value| {
        let business = &membership["business"];
        let account_id = text(&business["account_id"]).filter(|id| !id.is_empty());
        Some(Business {
            id: business["id"].as_i64()?,
            name: text(&business["name"]).unwrap_or_default(),
            account_role: account_id.as_deref().and_then(account_role),
            account_id,
            role: text(&membership["role"]).unwrap_or_default(),
            timezone: text(&business["timezone"]),
        })
    };
    let subscriptions = me["subscription_statuses"].as_object().into_iter().flatten();
    let permissions = me["permissions"].as_object().into_iter().flatten();
    // -1 is no limit.
    let limit = |permissions: &Value| u64::try_from(permissions["client.limit"].as_i64()?).ok();
    Identity {
        id: me["identity_id"].as_i64().or_else(|| me["id"].as_i64()),
        businesses: rows("business_memberships").filter_map(business).collect(),
        subscriptions: subscriptions.filter_map(|(account, status)| Some((account.clone(), text(status)?))).collect(),
        client_limits: permissions.filter_map(|(account, of)| Some((account.clone(), limit(of)?))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::*, *};

    async fn refreshed(reply: Reply) -> (Result<TokenAnswer, Error>, Vec<Seen>) {
        let server = Server::start([reply]).await;
        let (secret, token) = ("s&cret".into(), "old".into());
        let answer = server.freshbooks().refresh("app", &secret, &token, "https://example.com/cb").await;
        (answer, server.seen())
    }

    #[tokio::test]
    async fn a_refresh_counts_from_when_freshbooks_made_the_token() {
        let body = json!({"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": 43199,
            "created_at": 1_790_000_000, "scope": "user:profile:read user:invoices:write", "id_token": "x"});
        let (answer, seen) = refreshed(Reply::json(200, body)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.expires_at.timestamp(), 1_790_043_199);
        assert_eq!(answer.scopes.len(), 2);
        assert_eq!(
            seen[0].form,
            "grant_type=refresh_token&refresh_token=old&client_id=app&client_secret=s%26cret&redirect_uri=https%3A%2F%2Fexample.com%2Fcb"
        );
        assert!(!format!("{answer:?}").contains("\"a\""), "tokens do not print");
    }

    #[tokio::test]
    async fn a_spent_grant_wrong_credentials_and_a_lost_answer_differ() {
        let (answer, _) =
            refreshed(Reply::json(400, json!({"error": "invalid_grant", "error_description": "…"}))).await;
        assert!(matches!(answer, Err(Error::Unauthorized)));
        let (answer, _) = refreshed(Reply::json(401, json!({"error": "invalid_client"}))).await;
        assert!(matches!(answer, Err(Error::Refused(_))));
        for reply in [Reply::status(502, ""), Reply::status(200, "{}"), Reply::Silence] {
            let (answer, seen) = refreshed(reply).await;
            assert!(matches!(answer, Err(Error::Unknown(_))));
            assert_eq!(seen.len(), 1);
        }
    }

    #[tokio::test]
    async fn an_identity_shows_which_books_it_can_write() {
        let me = json!({"response": {"id": 1, "business_memberships": [
                {"id": 40, "role": "owner", "business": {"id": 14, "business_uuid": "u", "name": "Sample Ltd",
                    "account_id": "ZyX01a", "timezone": "America/Toronto"}},
                {"id": 41, "role": "manager", "business": {"id": 15, "name": "No books", "account_id": null}}],
            "roles": [{"role": "admin", "accountid": "ZyX01a"}, {"role": "client", "accountid": "Other1"}],
            "permissions": {"ZyX01a": {"client.limit": 50}, "Other1": {"client.limit": -1}, "Old1": {}},
            "subscription_statuses": {"ZyX01a": "active"}}});
        let server = Server::start([Reply::json(200, me), Reply::json(401, json!({"error": "unauthenticated"}))]).await;
        let identity = server.freshbooks().me(&"t".into()).await.unwrap();
        let [books, none] = &identity.businesses[..] else { panic!("two") };
        assert_eq!(
            (books.id, books.account_id.as_deref(), books.account_role.as_deref()),
            (14, Some("ZyX01a"), Some("admin"))
        );
        assert_eq!((none.account_id.as_deref(), none.account_role.as_deref()), (None, None));
        assert_eq!(identity.client_limits, HashMap::from([("ZyX01a".to_owned(), 50)]));
        assert!(matches!(server.freshbooks().me(&"t".into()).await, Err(Error::Unauthorized)));
    }
}
