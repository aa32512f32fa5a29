//! A person's consent, from the link that they open to the grant that is stored.
//!
//! A grant begins and ends in the same browser: the `state` that a platform sends back is good once, for a quarter of an hour, with the
//! cookie of the browser that began it. Both are stored as hashes. The link that begins FreshBooks' grant names its connection under the
//! keyring's seal, so that it can be sent to somebody and neither guessed nor changed. Nothing here is ever sent to a host that a request
//! names, but for shops of myshopify.com.

mod explained;
mod freshbooks;
mod shopify;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    connection::Model,
    ids::ConnectionId,
    oauth_state::{ActiveModel, Column, Entity, Model as State},
    platform_grant::Platform,
};
use rand::RngCore;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
};
use sha2::{Digest, Sha256};
use url::Url;

pub use self::{
    freshbooks::{begin_freshbooks, disconnect, end_freshbooks, freshbooks_link},
    shopify::{begin_shopify, end_shopify, shopify_link, use_client_credentials, use_shopify_token},
};
pub(crate) use self::{
    freshbooks::{fit, subscribed, writable},
    shopify::{missing, scope_missing},
};
use crate::{app::App, connection, crypto, grant};

/// How long a person may take at a platform.
const PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// The link under which this end of a connection is authorized, to be opened by whoever may.
///
/// # Errors
/// Only when it cannot be sealed.
pub fn link(app: &App, connection: &Model, platform: Platform) -> Result<Url, crypto::Error> {
    match platform {
        Platform::Shopify => Ok(shopify_link(app, &connection.shop_domain)),
        Platform::Freshbooks => freshbooks_link(app, connection),
    }
}

/// A browser, by the cookie that we gave it.
#[derive(Clone)]
pub struct Browser(String);

impl Browser {
    /// One that has none yet.
    pub fn fresh() -> Self {
        Self(random())
    }

    /// By what it sent.
    pub fn of(cookie: &str) -> Self {
        Self(cookie.to_owned())
    }

    /// To be sent.
    pub fn cookie(&self) -> &str {
        &self.0
    }
}

/// What became of a grant.
#[derive(Debug)]
pub struct Granted {
    /// The connection as it is now.
    pub connection: Model,
    /// Where to go on: FreshBooks, where that end is still missing.
    pub next: Option<Url>,
}

/// Why there is no grant. Each has its own page, which says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service lacks its app's credentials.
    #[error("{0} is not set: this service has no app there")]
    NotConfigured(&'static str),
    /// Not the address of a shop.
    #[error("this is not a shop's address")]
    NotAShop,
    /// Not signed by Shopify.
    #[error("the signature is wrong")]
    Unsigned,
    /// Signed too long ago.
    #[error("the signature is too old")]
    Stale,
    /// Over, used already, or never begun here.
    #[error("this authorization was not begun here, was ended already, or took too long")]
    UnknownState,
    /// Begun in another browser.
    #[error("this authorization was begun in another browser")]
    OtherBrowser,
    /// A link of ours that is over, or was changed.
    #[error("this link is not valid any more")]
    BadLink,
    /// The person said no.
    #[error("access was not allowed")]
    Declined,
    /// The platform does not accept its own code, or not any more.
    #[error("the code was not accepted")]
    Code,
    /// The platform accepted less than is needed.
    #[error("these scopes are missing: {}", .0.join(", "))]
    Scopes(Vec<String>),
    /// The platform does not accept what it was given.
    #[error("not accepted: {0}")]
    Rejected(String),
    /// No business that could be written to; why not, one by one.
    #[error("no business to write to: {}", .0.join("; "))]
    NoBusiness(Vec<String>),
    /// The platform did not answer.
    #[error("{} did not answer", grant::name(*.0))]
    NoAnswer(Platform),
    /// The connection does not take it.
    #[error(transparent)]
    Connection(#[from] connection::Error),
    /// A grant could not be stored.
    #[error(transparent)]
    Grant(#[from] grant::Error),
    /// A link could not be sealed.
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}

/// What a grant under way is about.
struct Subject<'a> {
    platform: Platform,
    connection: Option<ConnectionId>,
    shop: Option<&'a str>,
}

/// Notes that a grant has begun, and returns the `state` that ends it.
async fn begin(app: &App, browser: &Browser, subject: Subject<'_>) -> Result<String, DbErr> {
    let (state, now) = (random(), app.clock.now());
    let row = ActiveModel {
        id: NotSet,
        platform: Set(subject.platform),
        state_hash: Set(hash(&state)),
        browser_hash: Set(hash(&browser.0)),
        connection_id: Set(subject.connection),
        shop_domain: Set(subject.shop.map(str::to_owned)),
        expires_at: Set(now + PATIENCE),
    };
    Entity::delete_many().filter(Column::ExpiresAt.lt(now)).exec(app.db.write()).await?;
    Entity::insert(row).exec_without_returning(app.db.write()).await?;
    Ok(state)
}

/// The grant that a `state` stands for, in the browser that began it. Not ended by this yet: see [`take`].
async fn pending(app: &App, browser: Option<&Browser>, platform: Platform, state: &str) -> Result<State, Error> {
    // Looked up by its hash: how long that takes tells nothing of the state itself.
    let row = Entity::find()
        .filter(Column::StateHash.eq(hash(state)))
        .filter(Column::Platform.eq(platform))
        .filter(Column::ExpiresAt.gt(app.clock.now()))
        .one(app.db.read())
        .await?
        .ok_or(Error::UnknownState)?;
    // Two hashes: comparing them tells nothing of what was hashed.
    match browser {
        Some(browser) if hash(&browser.0) == row.browser_hash => Ok(row),
        _ => Err(Error::OtherBrowser),
    }
}

/// Ends a grant under way: of those who come with the same `state`, one goes on.
async fn take(app: &App, row: &State) -> Result<(), Error> {
    let taken = Entity::delete_many().filter(Column::Id.eq(row.id)).exec(app.db.write()).await?;
    if taken.rows_affected == 1 { Ok(()) } else { Err(Error::UnknownState) }
}

/// Forgets whatever was begun for this connection or shop, and not ended.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget(txn: &DatabaseTransaction, connection: ConnectionId, shop: &str) -> Result<(), DbErr> {
    let theirs = Column::ConnectionId.eq(connection).or(Column::ShopDomain.eq(shop));
    Entity::delete_many().filter(theirs).exec(txn).await?;
    Ok(())
}

/// 256 bits that nobody guesses, in letters that a query and a cookie may hold.
fn random() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Since when something is over.
fn is_over(until: i64, now: DateTime<Utc>) -> bool {
    until <= now.timestamp()
}
