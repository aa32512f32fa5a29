//! How a connection comes about and ends: made, both ends let in, its books chosen, disconnected.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::{
    connection::{ActiveModel, Column, Entity, Model, Status},
    ids::ConnectionId,
    platform_grant::Platform,
    schedule::Kind,
};
use rand::RngCore;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, SqlErr,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{Error, find_by_shop, load, noted, settings, status};
use crate::{
    app::App,
    auth::Actor,
    grant::{self, TokenSet},
    mapping::{Rules, Settings},
    schedule,
    shopify::{model::ShopInfo, oauth},
    subscription,
};

/// A connection to be made.
#[derive(Clone, Debug)]
pub struct New {
    /// What people call it.
    pub name: String,
    /// `name.myshopify.com`.
    pub shop_domain: String,
    /// How its orders are booked.
    pub settings: Settings,
}

/// A FreshBooks account that can be written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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

/// Stores a connection that nobody has authorized yet.
///
/// # Errors
/// [`Error::Wrong`] when the settings cannot be meant, [`Error::Taken`] when there is one for this shop, or when the database fails.
pub async fn create(app: &App, by: &Actor, new: New) -> Result<Model, Error> {
    let now = app.clock.now();
    let shop_domain = shop_domain(&new.shop_domain)?;
    let mut salt = [0_u8; 16];
    rand::rng().fill_bytes(&mut salt);
    let txn = app.db.begin_write().await?;
    if find_by_shop(&txn, &shop_domain).await?.is_some() {
        return Err(Error::Taken);
    }
    settings::check_new(&txn, &new.settings, now).await?;
    let row = ActiveModel {
        id: NotSet,
        name: Set(new.name),
        shop_domain: Set(shop_domain.clone()),
        status: Set(Status::Pending),
        settings: Set(serde_json::to_string(&new.settings)?),
        shop_name: Set(None),
        shop_currency: Set(None),
        shop_time_zone: Set(None),
        account_id: Set(None),
        business_id: Set(None),
        business_name: Set(None),
        business_currency: Set(None),
        rounding_rules: Set(Rules::default().bits()),
        issues_in_create: Set(None),
        businesses: Set(None),
        blocked: Set(None),
        salt: Set(hex::encode(salt)),
        watermark: Set(None),
        last_pull_at: Set(None),
        last_synced_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let row = match Entity::insert(row).exec_with_returning(&txn).await {
        Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => return Err(Error::Taken),
        other => other?,
    };
    schedule::begin(&txn, row.id, now).await?;
    noted(&txn, by, row.id, "create_connection", format!("A connection for {shop_domain}."), now).await?;
    txn.commit().await?;
    Ok(row)
}

/// The one spelling of a shop's permanent address.
///
/// # Errors
/// [`Error::NotAShop`] when it is none.
pub fn shop_domain(text: &str) -> Result<String, Error> {
    let domain = text.trim().to_ascii_lowercase();
    if oauth::is_shop_domain(&domain) { Ok(domain) } else { Err(Error::NotAShop) }
}

/// The shop has let us in: its grant is stored. What it says of itself comes by [`shop_seen`]. A connection that was disconnected is taken
/// up again.
///
/// # Errors
/// When there is no such connection, or the database fails.
pub async fn shopify_granted(app: &App, by: &Actor, id: ConnectionId, tokens: &TokenSet) -> Result<Model, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    settings::lock(&txn, Some(id), None).await?;
    let row = load(&txn, id).await?;
    grant::store(&txn, &app.keyring, id, Platform::Shopify, tokens, now).await?;
    granted(app, txn, by, &row, Platform::Shopify, now).await
}

/// What the shop says of itself by now: name, currency, time zone. With another zone the schedules go by other clocks; with the first one
/// its pulls begin. A connection that is called by its address is called by the shop's name. What is booked stays.
///
/// # Errors
/// When there is no such connection, the shop is another one, its time zone is unknown, or the database fails.
pub async fn shop_seen(app: &App, id: ConnectionId, shop: &ShopInfo) -> Result<Model, Error> {
    let told = |row: &Model| {
        let pairs = [
            ("name", row.shop_name.clone(), shop.name.as_str()),
            ("currency", row.shop_currency.clone(), shop.currency_code.code()),
            ("time zone", row.shop_time_zone.clone(), shop.iana_timezone.as_str()),
        ];
        let changed = pairs.into_iter().filter(|(_, known, now)| known.as_deref() != Some(*now));
        let words =
            changed.map(|(what, known, now)| format!("{what} from {} to {now}", known.as_deref().unwrap_or("none")));
        words.collect::<Vec<_>>().join(", ")
    };
    let row = load(app.db.read(), id).await?;
    if row.shop_domain != shop.myshopify_domain {
        return Err(Error::AnotherShop(row.shop_domain));
    }
    if told(&row).is_empty() {
        return Ok(row);
    }
    if shop.iana_timezone.parse::<Tz>().is_err() {
        return Err(Error::TimeZone(shop.iana_timezone.clone()));
    }
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    settings::lock(&txn, Some(id), None).await?;
    let row = load(&txn, id).await?;
    let changes = told(&row);
    if changes.is_empty() {
        return Ok(row);
    }
    write_shop(&txn, id, shop, now).await?;
    if row.shop_time_zone.as_deref() != Some(shop.iana_timezone.as_str()) {
        schedule::move_to(&txn, id, &shop.iana_timezone, now).await?;
    }
    if row.shop_time_zone.is_none() {
        schedule::put(&txn, id, Kind::Pull, &app.config.pull_cron, &shop.iana_timezone, now).await?;
    }
    if row.name == row.shop_domain {
        let named = Entity::update_many().filter(Column::Id.eq(id)).col_expr(Column::Name, Expr::value(&shop.name));
        named.exec(&txn).await?;
    }
    if row.shop_name.is_some() {
        let message = format!("The shop changed its {changes}.");
        noted(&txn, &Actor::system("check"), id, "shop_changed", message, now).await?;
    }
    let row = status::settled(&txn, id, now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(row)
}

async fn write_shop(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    shop: &ShopInfo,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::ShopName, Expr::value(&shop.name))
        .col_expr(Column::ShopCurrency, Expr::value(shop.currency_code.code()))
        .col_expr(Column::ShopTimeZone, Expr::value(&shop.iana_timezone))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(())
}

/// A person has let us into FreshBooks: the grant is stored, with the businesses that it opens. Where there is one, or the connection
/// knows its own among them, that is the one; else somebody selects it.
///
/// # Errors
/// [`Error::AnotherAccount`] when the connection's own account is not among them; when there is no such connection, or the database fails.
pub async fn freshbooks_granted(
    app: &App,
    by: &Actor,
    id: ConnectionId,
    tokens: &TokenSet,
    accounts: &[Account],
) -> Result<Model, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    settings::lock(&txn, Some(id), None).await?;
    let row = load(&txn, id).await?;
    if let Some(own) = &row.account_id
        && !accounts.iter().any(|account| account.account_id == *own)
    {
        return Err(Error::AnotherAccount(row.business_name.unwrap_or_else(|| own.clone())));
    }
    grant::store(&txn, &app.keyring, id, Platform::Freshbooks, tokens, now).await?;
    let choice = if row.account_id.is_some() { None } else { Some(serde_json::to_string(accounts)?) };
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::Businesses, Expr::value(choice))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(&txn)
        .await?;
    let stored = granted(app, txn, by, &row, Platform::Freshbooks, now).await?;
    let [only] = accounts else { return Ok(stored) };
    if stored.account_id.is_some() {
        return Ok(stored);
    }
    match select_business(app, by, id, only.business_id).await {
        Ok(row) => Ok(row),
        // The grant is stored and good all the same: an admin changes the number template, or selects what can be selected.
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "connection {id}: its one business was not selected");
            load(app.db.read(), id).await
        }
    }
}

/// What both grants have in common once they are stored.
async fn granted(
    app: &App,
    txn: DatabaseTransaction,
    by: &Actor,
    row: &Model,
    platform: Platform,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    if row.status == Status::Disconnected {
        status::write_status(&txn, row.id, Status::Pending, now).await?;
    }
    status::well_again(&txn, row.id, platform, now).await?;
    subscription::begin_anew(&txn, row.id, platform, now).await?;
    let row = status::settled(&txn, row.id, now).await?;
    let (action, title) = match platform {
        Platform::Shopify => ("authorize_shopify", "Shopify"),
        Platform::Freshbooks => ("authorize_freshbooks", "FreshBooks"),
    };
    noted(&txn, by, row.id, action, format!("{title} was authorized."), now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(row)
}

/// The businesses that are still to be chosen from.
pub fn businesses(row: &Model) -> Vec<Account> {
    row.businesses.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Ties the connection to one of the businesses that its FreshBooks grant opens, for good: what is booked there stays there.
///
/// # Errors
/// [`Error::NoSuchBusiness`], [`Error::Bound`] when it is tied to another one, [`Error::Wrong`] when its invoice numbers would collide
/// with another connection's; when there is no such connection, or the database fails.
pub async fn select_business(app: &App, by: &Actor, id: ConnectionId, business_id: i64) -> Result<Model, Error> {
    let now = app.clock.now();
    let choose = |row: &Model| {
        if row.account_id.is_some() {
            let same = row.business_id == Some(business_id);
            return if same { Ok(None) } else { Err(Error::Bound(row.business_name.clone().unwrap_or_default())) };
        }
        let found = businesses(row).into_iter().find(|account| account.business_id == business_id);
        found.map(Some).ok_or(Error::NoSuchBusiness)
    };
    let known = load(app.db.read(), id).await?;
    let Some(account) = choose(&known)? else { return Ok(known) };
    let txn = app.db.begin_write().await?;
    settings::lock(&txn, Some(id), Some(&account.account_id)).await?;
    // Somebody else may have chosen, or authorized with another login, before the lock was ours.
    let row = load(&txn, id).await?;
    match choose(&row)? {
        None => return Ok(row),
        Some(still) if still == account => {}
        Some(_) => return Err(Error::NoSuchBusiness),
    }
    settings::check_account(&txn, &row, &account.account_id, now).await?;
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::AccountId, Expr::value(&account.account_id))
        .col_expr(Column::BusinessId, Expr::value(account.business_id))
        .col_expr(Column::BusinessName, Expr::value(&account.name))
        .col_expr(Column::BusinessCurrency, Expr::value(account.currency_code))
        .col_expr(Column::Businesses, Expr::value(None::<String>))
        .exec(&txn)
        .await?;
    let row = status::settled(&txn, id, now).await?;
    let message = format!("Its orders are booked in {}.", account.name);
    noted(&txn, by, id, "select_business", message, now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(row)
}

/// Ends a connection: its grants are forgotten, nothing is read or written any more. Orders, links and the trail stay, and so do the
/// documents in FreshBooks. Both ends authorized again take it up where it stopped.
///
/// # Errors
/// When there is no such connection, or the database fails.
pub(crate) async fn disconnected(app: &App, by: &Actor, id: ConnectionId) -> Result<Model, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    settings::lock(&txn, Some(id), None).await?;
    let row = load(&txn, id).await?;
    if row.status == Status::Disconnected {
        return Ok(row);
    }
    grant::forget(&txn, id).await?;
    status::write_status(&txn, id, Status::Disconnected, now).await?;
    status::forgotten(&txn, &row, now).await?;
    noted(&txn, by, id, "disconnect", "Disconnected; the tokens are forgotten here.".to_owned(), now).await?;
    let row = load(&txn, id).await?;
    txn.commit().await?;
    Ok(row)
}

/// Forgets what the shop of a connection that has ended said of itself, its name first of all. What ties its documents to its books stays.
/// `false`, and nothing is forgotten, where somebody has connected it again.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget_shop(
    txn: &DatabaseTransaction,
    id: ConnectionId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let forgotten = Entity::update_many()
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(Status::Disconnected))
        .col_expr(Column::Name, Expr::col(Column::ShopDomain))
        .col_expr(Column::ShopName, Expr::value(None::<String>))
        .col_expr(Column::Businesses, Expr::value(None::<String>))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(forgotten.rows_affected == 1)
}
