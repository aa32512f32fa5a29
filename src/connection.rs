//! Connections: one shop tied to one FreshBooks account, its settings, where it stands, and what has been learnt of both ends.

mod ends;
mod settings;
mod status;

use chrono::{DateTime, Utc};
use entity::{
    connection::{Column, Entity, Model, Status},
    ids::ConnectionId,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, sea_query::Expr};
use uuid::Uuid;

pub use self::{
    ends::{
        Account, New, businesses, create, freshbooks_granted, select_business, shop_domain, shop_seen, shopify_granted,
    },
    settings::{lock, proposed, update_settings},
    status::{pause, problem, resume},
};
pub(crate) use self::{
    ends::{disconnected, forget_shop},
    status::{block, keys_are_back, needs_reauthorization, not_renewed, renewed, unblock},
};
use crate::{
    alert,
    app::App,
    audit,
    auth::Actor,
    grant,
    mapping::{Rules, Settings, Shop, settings::Wrong},
    order, schedule,
};

/// Something that happened to the connection without changing it, for the trail.
///
/// # Errors
/// When the database fails.
pub(crate) async fn note(app: &App, by: &Actor, id: ConnectionId, action: &str, message: &str) -> Result<(), Error> {
    let txn = app.db.begin_write().await?;
    noted(&txn, by, id, action, message.to_owned(), app.clock.now()).await?;
    Ok(txn.commit().await?)
}

/// A change of the connection itself, for the trail.
async fn noted(
    txn: &impl ConnectionTrait,
    by: &Actor,
    id: ConnectionId,
    action: &str,
    message: String,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let entry = audit::Entry {
        connection: id,
        shopify_order_id: None,
        shopify_resource: None,
        freshbooks_resource: None,
        action: action.to_owned(),
        outcome: "done".to_owned(),
        actor: by.name().to_owned(),
        trigger: "connection".to_owned(),
        correlation_id: Uuid::new_v4().to_string(),
        field_mappings: Vec::new(),
        message,
    };
    audit::append_of(txn, "connection", entry, None, now).await?;
    Ok(())
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
    /// Not the address of a shop.
    #[error("this is no shop's address: it looks like name.myshopify.com")]
    NotAShop,
    /// The shop has a connection already.
    #[error("there is a connection for this shop already")]
    Taken,
    /// The grant is another shop's.
    #[error("the grant is of another shop than {0}")]
    AnotherShop(String),
    /// The person who authorized cannot write to the account that the connection's documents are in.
    #[error("the login has no access to {0}, where this connection's documents are")]
    AnotherAccount(String),
    /// Not one of those that the grant opens.
    #[error("the FreshBooks login has no such business to write to")]
    NoSuchBusiness,
    /// It is tied to a business already.
    #[error("the connection is tied to {0}")]
    Bound(String),
    /// Nothing can be done with it before somebody authorizes again.
    #[error("the connection is disconnected")]
    Disconnected,
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
    /// An alert could not be raised.
    #[error("an alert could not be raised")]
    Alert(#[from] alert::Error),
    /// The schedule is wrong.
    #[error("the schedule could not be stored")]
    Schedule(#[from] schedule::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
