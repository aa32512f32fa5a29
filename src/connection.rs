//! Connections: one shop tied to one FreshBooks account, its settings, and what has been learnt of both ends.

mod settings;

use chrono::{DateTime, Utc};
use entity::{
    connection::{ActiveModel, Column, Entity, Model, Status},
    ids::ConnectionId,
    platform_grant::Platform,
};
use rand::RngCore;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

pub use self::settings::{proposed, update_settings};
use crate::{
    app::App,
    audit,
    auth::Actor,
    grant::{self, TokenSet},
    mapping::{Rules, Settings, Shop, settings::Wrong},
    order, schedule,
    shopify::model::ShopInfo,
};

/// A connection to be made, with both grants at hand.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// What people call it.
    pub name: String,
    /// Shopify's grant.
    pub shopify: TokenSet,
    /// What the shop says of itself.
    pub shop: ShopInfo,
    /// FreshBooks' grant.
    pub freshbooks: TokenSet,
    /// Which of the person's businesses.
    pub account: Account,
    /// How its orders are booked.
    pub settings: Settings,
}

/// A FreshBooks account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// For the accounting API.
    pub account_id: String,
    /// For the others.
    pub business_id: i64,
    /// Its name.
    pub name: String,
    /// Its home currency, where known.
    pub currency_code: Option<String>,
}

/// Stores an active connection with its grants and its schedule.
///
/// # Errors
/// When the database fails, the settings cannot be meant, or the shop is connected already.
pub async fn create(app: &App, _by: &Actor, new: NewConnection) -> Result<Model, Error> {
    let now = app.clock.now();
    let mut salt = [0_u8; 16];
    rand::rng().fill_bytes(&mut salt);
    let txn = app.db.begin_write().await?;
    settings::check_new(&txn, &new, now).await?;
    let row = ActiveModel {
        id: NotSet,
        name: Set(new.name),
        shop_domain: Set(new.shop.myshopify_domain),
        status: Set(Status::Active),
        settings: Set(serde_json::to_string(&new.settings)?),
        shop_name: Set(Some(new.shop.name)),
        shop_currency: Set(Some(new.shop.currency_code.code().to_owned())),
        shop_time_zone: Set(Some(new.shop.iana_timezone.clone())),
        account_id: Set(Some(new.account.account_id)),
        business_id: Set(Some(new.account.business_id)),
        business_name: Set(Some(new.account.name)),
        business_currency: Set(new.account.currency_code),
        rounding_rules: Set(Rules::default().bits()),
        issues_in_create: Set(None),
        salt: Set(hex::encode(salt)),
        watermark: Set(None),
        last_pull_at: Set(None),
        last_synced_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let row = Entity::insert(row).exec_with_returning(&txn).await?;
    grant::store(&txn, &app.keyring, row.id, Platform::Shopify, &new.shopify, now).await?;
    grant::store(&txn, &app.keyring, row.id, Platform::Freshbooks, &new.freshbooks, now).await?;
    schedule::put(&txn, row.id, &app.config.pull_cron, &new.shop.iana_timezone, now).await?;
    txn.commit().await?;
    Ok(row)
}

/// The connection of this id.
///
/// # Errors
/// When the database fails or there is none.
pub async fn load(conn: &impl ConnectionTrait, id: ConnectionId) -> Result<Model, Error> {
    Entity::find_by_id(id).one(conn).await?.ok_or(Error::Missing)
}

/// The connection of this shop.
///
/// # Errors
/// When the database fails.
pub async fn find_by_shop(conn: &impl ConnectionTrait, domain: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::ShopDomain.eq(domain)).one(conn).await
}

/// All connections, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &impl ConnectionTrait, status: Option<Status>) -> Result<Vec<Model>, DbErr> {
    let mut select = Entity::find().order_by_asc(Column::Id);
    if let Some(status) = status {
        select = select.filter(Column::Status.eq(status));
    }
    select.all(conn).await
}

/// The connection's settings.
///
/// # Errors
/// When the stored text is not settings.
pub fn settings(row: &Model) -> Result<Settings, Error> {
    Ok(serde_json::from_str(&row.settings)?)
}

/// What mapping must know of the connection's two ends.
///
/// # Errors
/// When the shop's time zone is missing or unknown.
pub fn shop(row: &Model) -> Result<Shop, Error> {
    let zone = row.shop_time_zone.as_deref().unwrap_or_default();
    let time_zone = zone.parse().map_err(|_| Error::TimeZone(zone.to_owned()))?;
    Ok(Shop { time_zone, rules: Rules::from_bits(row.rounding_rules) })
}

/// Remembers what FreshBooks' answers have shown of the account: which rounding rules still stand, whether `status` in a create works.
///
/// # Errors
/// When the database fails.
pub async fn learn(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    rules: Rules,
    issues_in_create: Option<bool>,
) -> Result<(), DbErr> {
    let mut update = Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::RoundingRules, Expr::col(Column::RoundingRules).bit_and(rules.bits()));
    if let Some(honoured) = issues_in_create {
        update = update.col_expr(Column::IssuesInCreate, Expr::value(honoured));
    }
    update.exec(txn).await?;
    Ok(())
}

/// Stops all work of the connection until a person authorizes again: one of its tokens is no longer accepted.
///
/// # Errors
/// When the database fails.
pub async fn needs_reauthorization(app: &App, id: ConnectionId) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(Status::Active))
        .col_expr(Column::Status, Expr::value(Status::NeedsReauthorization))
        .col_expr(Column::UpdatedAt, Expr::value(app.clock.now()))
        .exec(app.db.write())
        .await?;
    Ok(())
}

/// A pull was proved up to `watermark`: every change before it has been read. Never moves back.
///
/// # Errors
/// When the database fails.
pub async fn pulled(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    watermark: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let of_this = || Entity::update_many().filter(Column::Id.eq(id));
    of_this().col_expr(Column::LastPullAt, Expr::value(now)).exec(txn).await?;
    if let Some(watermark) = watermark {
        of_this()
            .filter(Column::Watermark.is_null().or(Column::Watermark.lt(watermark)))
            .col_expr(Column::Watermark, Expr::value(watermark))
            .exec(txn)
            .await?;
    }
    Ok(())
}

/// An order has come to rest.
///
/// # Errors
/// When the database fails.
pub async fn synced(txn: &impl ConnectionTrait, id: ConnectionId, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many().filter(Column::Id.eq(id)).col_expr(Column::LastSyncedAt, Expr::value(now)).exec(txn).await?;
    Ok(())
}

/// Why a connection is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such row.
    #[error("there is no such connection")]
    Missing,
    /// Not an IANA name.
    #[error("the shop's time zone `{0}` is not known")]
    TimeZone(String),
    /// The stored settings are not ours.
    #[error("the connection's settings are malformed")]
    Settings(#[from] serde_json::Error),
    /// The settings that are asked for cannot be meant: a person must mend them.
    #[error("the settings cannot be meant: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))]
    Wrong(Vec<Wrong>),
    /// The connection's orders could not be read or marked.
    #[error("the connection's orders could not be read or marked")]
    Orders(#[from] order::Error),
    /// The trail could not be written.
    #[error("the audit trail could not be written")]
    Audit(#[from] audit::Error),
    /// A grant could not be stored.
    #[error("a grant could not be stored")]
    Grant(#[from] grant::Error),
    /// The schedule is wrong.
    #[error("the schedule could not be stored")]
    Schedule(#[from] schedule::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
