//! The platforms' consents: token sets, sealed under the keyring and bound to their row. No token is ever stored in the clear.
//!
//! A token set is renewed once in the whole fleet: whoever takes the row's lease asks the platform, everybody else waits for what is
//! stored. The new set is stored before it is used, and counted by `generation`: a call that was refused with an older one simply takes
//! the present one. Only a refusal of a set that was itself the answer to a refusal is final, and only a person can mend that.

mod ask;
mod renew;

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use entity::{
    ids::ConnectionId,
    platform_grant::{ActiveModel, Column, Entity, Kind, Model, Platform},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, SimpleExpr},
};
use secrecy::{ExposeSecret, SecretString};
use tracing::warn;

pub(crate) use self::renew::alone;
pub use self::renew::{Verdict, access, refused};
use crate::{
    app::App,
    config::Client,
    crypto::{self, Keyring},
    problem::Problem,
};

/// What a platform granted.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// How it came about.
    pub kind: Kind,
    /// Sent with each call.
    pub access: SecretString,
    /// Buys the next pair; absent where the token does not expire, or is renewed otherwise.
    pub refresh: Option<SecretString>,
    /// Of an app of the shop's own, where the settings' app is not the one that was granted to.
    pub client: Option<Client>,
    /// As granted, separated as the platform separates them.
    pub scopes: String,
    /// When `access` ends; absent where it does not.
    pub expires_at: Option<DateTime<Utc>>,
    /// When `refresh` ends; absent where it does not.
    pub refresh_expires_at: Option<DateTime<Utc>>,
}

impl TokenSet {
    /// A token that does not expire, out of Shopify's admin.
    pub fn custom_app(token: SecretString, scopes: String) -> Self {
        Self {
            kind: Kind::CustomApp,
            access: token,
            refresh: None,
            client: None,
            scopes,
            expires_at: None,
            refresh_expires_at: None,
        }
    }
}

/// A token for calls now.
#[derive(Clone, Debug)]
pub struct Access {
    /// To be sent.
    pub token: SecretString,
    /// Which of the row's token sets it is from: told to [`refused`] when the platform does not accept it.
    pub generation: i64,
}

/// Which token sets a piece of work has called with: told when one of them is refused.
#[derive(Debug, Default)]
pub struct Used {
    shopify: AtomicI64,
    freshbooks: AtomicI64,
}

impl Used {
    /// As [`access`], and noted.
    ///
    /// # Errors
    /// As [`access`].
    pub async fn token(&self, app: &App, connection: ConnectionId, platform: Platform) -> Result<SecretString, Error> {
        let access = access(app, connection, platform).await?;
        self.of(platform).store(access.generation, Ordering::Relaxed);
        Ok(access.token)
    }

    /// As [`refused`], about the token set that was called with.
    ///
    /// # Errors
    /// As [`refused`].
    pub async fn refused(&self, app: &App, connection: ConnectionId, platform: Platform) -> Result<Verdict, Error> {
        refused(app, connection, platform, self.generation(platform)).await
    }

    /// Which token set was called with last.
    pub fn generation(&self, platform: Platform) -> i64 {
        self.of(platform).load(Ordering::Relaxed)
    }

    fn of(&self, platform: Platform) -> &AtomicI64 {
        match platform {
            Platform::Shopify => &self.shopify,
            Platform::Freshbooks => &self.freshbooks,
        }
    }
}

/// Stores a token set that a person brought about, in place of an earlier one: whatever was wrong with that is over.
///
/// # Errors
/// When the database fails.
pub async fn store(
    txn: &impl ConnectionTrait,
    keyring: &Keyring,
    connection: ConnectionId,
    platform: Platform,
    tokens: &TokenSet,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sealed = Sealed::of(keyring, connection, platform, tokens)?;
    let row = ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        platform: Set(platform),
        kind: Set(tokens.kind),
        generation: Set(1),
        access_token: Set(sealed.access),
        refresh_token: Set(sealed.refresh),
        client_id: Set(tokens.client.as_ref().map(|client| client.id.clone())),
        client_secret: Set(sealed.client_secret),
        scopes: Set(tokens.scopes.clone()),
        expires_at: Set(tokens.expires_at),
        refresh_expires_at: Set(tokens.refresh_expires_at),
        stale: Set(false),
        second_chance: Set(false),
        refusal: Set(None),
        renewer: Set(None),
        renewing_until: Set(None),
        failures: Set(0),
        renew_after: Set(None),
        updated_at: Set(now),
    };
    // Held: a renewal that is stored in between would count the same generation.
    let known = Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Platform.eq(platform))
        .lock_exclusive()
        .one(txn)
        .await?;
    let Some(known) = known else {
        Entity::insert(row).exec_without_returning(txn).await?;
        return Ok(());
    };
    let row = ActiveModel { id: Set(known.id), generation: Set(known.generation + 1), ..row };
    Entity::update(row).exec(txn).await?;
    Ok(())
}

/// The grant of this platform.
///
/// # Errors
/// When the database fails.
pub async fn find(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    platform: Platform,
) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::ConnectionId.eq(connection)).filter(Column::Platform.eq(platform)).one(conn).await
}

/// Both grants of a connection, as far as they are there.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &impl ConnectionTrait, connection: ConnectionId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::ConnectionId.eq(connection)).order_by_asc(Column::Id).all(conn).await
}

/// Why a person must authorize this one again; `None` while it is good.
pub fn refusal(row: &Model) -> Option<Problem> {
    serde_json::from_str(row.refusal.as_deref()?).ok()
}

/// From when on Shopify refuses a token of this kind, where it does: one of a public app that never expires. Those of custom apps may stay.
pub fn refused_from(row: &Model) -> Option<DateTime<Utc>> {
    let concerned = row.platform == Platform::Shopify && row.kind == Kind::Authorization && row.expires_at.is_none();
    let deadline = NaiveDate::from_ymd_opt(2027, 1, 1)?.and_time(NaiveTime::MIN).and_utc();
    concerned.then_some(deadline)
}

/// Calls nothing with this token set any more, until a person authorizes again. `false` when it is another one by now.
///
/// # Errors
/// When the database fails.
pub(crate) async fn refuse(txn: &impl ConnectionTrait, row: &Model, problem: &Problem) -> Result<bool, Error> {
    let refused = Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .filter(Column::Generation.eq(row.generation))
        .filter(Column::Refusal.is_null())
        .col_expr(Column::Refusal, Expr::value(serde_json::to_string(problem)?))
        .exec(txn)
        .await?;
    Ok(refused.rows_affected == 1)
}

/// The tokens of a grant, to be taken back at the platform: the one that renews first.
///
/// # Errors
/// When one does not open.
pub(crate) fn tokens(keyring: &Keyring, row: &Model) -> Result<Vec<SecretString>, Error> {
    let refresh = opened(keyring, row, "refresh_token", row.refresh_token.as_deref())?;
    let access = opened(keyring, row, "access_token", Some(&row.access_token))?;
    Ok(refresh.into_iter().chain(access).collect())
}

/// Gives tokens back to the platform, where it takes them: in Shopify the app is uninstalled instead. Whether it has confirmed all of it.
pub(crate) async fn give_back<'a>(
    app: &App,
    platform: Platform,
    tokens: impl Iterator<Item = &'a SecretString>,
) -> bool {
    let (Platform::Freshbooks, Some(client)) = (platform, app.config.freshbooks_client()) else { return false };
    let mut all = true;
    for token in tokens {
        if let Err(e) = app.freshbooks.revoke(&client.id, &client.secret, token).await {
            warn!(error = &e as &dyn std::error::Error, "a token was not revoked at FreshBooks");
            all = false;
        }
    }
    all
}

/// Forgets both grants of a connection.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget(txn: &impl ConnectionTrait, connection: ConnectionId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ConnectionId.eq(connection)).exec(txn).await?;
    Ok(())
}

/// The secret of a shop's own app, where it has one: it signs that shop's webhooks.
///
/// # Errors
/// When the database fails, or the secret does not open.
pub async fn own_secret(app: &App, shop_domain: &str) -> Result<Option<SecretString>, Error> {
    let connection = crate::connection::find_by_shop(app.db.read(), shop_domain).await?;
    let Some(connection) = connection else { return Ok(None) };
    let row = find(app.db.read(), connection.id, Platform::Shopify).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(opened(&app.keyring, &row, "client_secret", row.client_secret.as_deref())?)
}

/// The id of a key that some stored token is sealed under and the ring does not hold.
///
/// # Errors
/// When the database fails.
pub async fn missing_key(conn: &impl ConnectionTrait, keyring: &Keyring) -> Result<Option<String>, DbErr> {
    let rows = Entity::find().all(conn).await?;
    let sealed =
        rows.iter().flat_map(|row| [Some(&row.access_token), row.refresh_token.as_ref(), row.client_secret.as_ref()]);
    Ok(sealed.flatten().find_map(|sealed| keyring.missing_for(sealed)).map(str::to_owned))
}

/// Seals anew, under the first key, what another one sealed. A token set that is renewed meanwhile is left alone: it is sealed anew anyway.
/// Returns how many grants that were.
///
/// # Errors
/// When the database fails, or a token does not open.
pub async fn reseal(app: &App) -> Result<u64, Error> {
    let keyring = &app.keyring;
    let mut done = 0;
    for row in Entity::find().order_by_asc(Column::Id).all(app.db.read()).await? {
        let columns = [
            (Column::AccessToken, "access_token", Some(&row.access_token)),
            (Column::RefreshToken, "refresh_token", row.refresh_token.as_ref()),
            (Column::ClientSecret, "client_secret", row.client_secret.as_ref()),
        ];
        let mut update =
            Entity::update_many().filter(Column::Id.eq(row.id)).filter(Column::Generation.eq(row.generation));
        let mut old = false;
        for (column, name, sealed) in columns {
            if let Some(sealed) = sealed.filter(|sealed| !keyring.is_current(sealed)) {
                let place = place(row.connection_id, row.platform, name);
                update = update.col_expr(column, Expr::value(keyring.seal(&place, &keyring.open(&place, sealed)?)?));
                old = true;
            }
        }
        if old {
            done += update.exec(app.db.write()).await?.rows_affected;
        }
    }
    Ok(done)
}

/// Lets go of whatever was being renewed. Only where no other process can be at it: at the start of the one process of a SQLite file.
///
/// # Errors
/// When the database fails.
pub async fn abandon(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::Renewer.is_not_null())
        .col_expr(Column::Renewer, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::RenewingUntil, SimpleExpr::Custom("NULL".into()))
        .exec(db)
        .await?;
    Ok(())
}

/// The columns of a token set that are sealed.
struct Sealed {
    access: String,
    refresh: Option<String>,
    client_secret: Option<String>,
}

impl Sealed {
    fn of(
        keyring: &Keyring,
        connection: ConnectionId,
        platform: Platform,
        tokens: &TokenSet,
    ) -> Result<Self, crypto::Error> {
        let seal = |column: &str, secret: &SecretString| {
            keyring.seal(&place(connection, platform, column), secret.expose_secret().as_bytes())
        };
        Ok(Self {
            access: seal("access_token", &tokens.access)?,
            refresh: tokens.refresh.as_ref().map(|token| seal("refresh_token", token)).transpose()?,
            client_secret: tokens.client.as_ref().map(|client| seal("client_secret", &client.secret)).transpose()?,
        })
    }
}

fn opened(
    keyring: &Keyring,
    row: &Model,
    column: &str,
    sealed: Option<&str>,
) -> Result<Option<SecretString>, crypto::Error> {
    let Some(sealed) = sealed else { return Ok(None) };
    let plain = keyring.open(&place(row.connection_id, row.platform, column), sealed)?;
    // Straight from bytes that are wiped into a text that is.
    Ok(std::str::from_utf8(&plain).ok().map(SecretString::from))
}

fn place(connection: ConnectionId, platform: Platform, column: &str) -> String {
    format!("platform_grant/{connection}/{}/{column}", name(platform))
}

/// How alerts and links name a platform.
pub fn name(platform: Platform) -> &'static str {
    match platform {
        Platform::Shopify => "shopify",
        Platform::Freshbooks => "freshbooks",
    }
}

/// What people call a platform.
pub(crate) fn title(platform: Platform) -> &'static str {
    match platform {
        Platform::Shopify => "Shopify",
        Platform::Freshbooks => "FreshBooks",
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has authorized yet.
    #[error("this platform has not been authorized yet")]
    Missing,
    /// Only a person can go on; the connection has been stopped and says so.
    #[error("a person must authorize again: {0}")]
    Refused(Problem),
    /// The token is over and could not be renewed now: the platform did not answer, or somebody else is at it.
    #[error("the token could not be renewed yet")]
    NotYet {
        /// When to ask again.
        wait: std::time::Duration,
    },
    /// A problem could not be written down.
    #[error("a problem could not be written down")]
    Form(#[from] serde_json::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
    /// The stored token does not open.
    #[error("a stored token does not open")]
    Crypto(#[from] crypto::Error),
    /// The connection could not be stopped.
    #[error("the connection could not be stopped")]
    Connection(#[source] Box<crate::connection::Error>),
}

impl From<crate::connection::Error> for Error {
    fn from(error: crate::connection::Error) -> Self {
        Self::Connection(Box::new(error))
    }
}
