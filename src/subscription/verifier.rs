//! The secrets of FreshBooks' callbacks: what came for one, and what was confirmed. Both are sealed under the keyring and bound to their row.

use std::collections::VecDeque;

use chrono::TimeDelta;
use entity::{
    ids::ConnectionId,
    platform_grant::Platform,
    schedule::Kind,
    webhook_subscription::{Column, Entity, Model, State},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::{
    app::App,
    crypto::{self, Keyring},
    schedule,
};

/// Secrets that are kept for one callback until FreshBooks has confirmed one of them.
const KEPT: usize = 5;
/// Bytes of the longest that is kept: FreshBooks' have a few dozen.
const LONGEST: usize = 512;
/// At least so long after a look another one is asked for: a stranger who posts without an end does not have us call without one.
const BETWEEN: TimeDelta = TimeDelta::seconds(10);

/// What was posted as the secret of a callback.
#[derive(Deserialize, Serialize)]
struct Offer {
    callback: i64,
    verifier: String,
}

/// What claims to be the secret of a callback, kept until FreshBooks itself confirms it. Dropped where nothing waits for it: no such
/// event, one that stands, another callback.
///
/// # Errors
/// When the database fails.
pub async fn offered(
    app: &App,
    id: ConnectionId,
    event: &str,
    callback: i64,
    verifier: SecretString,
) -> Result<(), Error> {
    let verifier = verifier.expose_secret();
    if verifier.is_empty() || verifier.len() > LONGEST {
        return Ok(());
    }
    let now = app.clock.now();
    let waits = |row: &Model| {
        row.state != State::Active && row.remote_id.as_ref().is_none_or(|known| *known == callback.to_string())
    };
    // Most of what strangers post ends here, without a transaction.
    if !of(id, event).one(app.db.read()).await?.is_some_and(|row| waits(&row)) {
        return Ok(());
    }
    let txn = app.db.begin_write().await?;
    let Some(row) = of(id, event).lock_exclusive().one(&txn).await?.filter(waits) else { return Ok(()) };
    let mut offers = match row.offered.as_deref() {
        Some(sealed) => read(&app.keyring, &row, sealed)?,
        None => VecDeque::new(),
    };
    offers.retain(|offer| offer.callback != callback || offer.verifier != verifier);
    offers.push_back(Offer { callback, verifier: verifier.to_owned() });
    while offers.len() > KEPT {
        offers.pop_front();
    }
    let sealed = app.keyring.seal(&place(&row, "offered"), &serde_json::to_vec(&offers)?)?;
    Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .col_expr(Column::Offered, Expr::value(sealed))
        .exec(&txn)
        .await?;
    // A run that is at it finds it, or leaves word when it ends.
    if row.leased_until.is_none_or(|until| until <= now) {
        let at = row.checked_at.map_or(now, |last| now.max(last + BETWEEN));
        schedule::hasten(&txn, [id], Kind::Webhooks, at).await?;
    }
    txn.commit().await?;
    Ok(())
}

/// The secrets with which FreshBooks signs what it sends to this connection, that of `event` first.
///
/// # Errors
/// When the database fails, or one does not open.
pub async fn verifiers(app: &App, id: ConnectionId, event: &str) -> Result<Vec<SecretString>, Error> {
    let mut rows = Entity::find()
        .filter(Column::ConnectionId.eq(id))
        .filter(Column::Platform.eq(Platform::Freshbooks))
        .filter(Column::Verifier.is_not_null())
        .all(app.db.read())
        .await?;
    rows.sort_by_key(|row| row.topic != event);
    rows.iter().filter_map(|row| open(app, row).transpose()).collect::<Result<_, _>>().map_err(Error::from)
}

/// What has come for a callback, the newest first.
pub(super) fn candidates(app: &App, row: &Model, sealed: &str, callback: i64) -> Result<Vec<SecretString>, Error> {
    let offers = read(&app.keyring, row, sealed)?;
    let its = offers.into_iter().rev().filter(|offer| offer.callback == callback);
    Ok(its.map(|offer| offer.verifier.into()).collect())
}

/// The secret that FreshBooks has confirmed.
pub(super) fn open(app: &App, row: &Model) -> Result<Option<SecretString>, crypto::Error> {
    let Some(sealed) = row.verifier.as_deref() else { return Ok(None) };
    let plain = app.keyring.open(&place(row, "verifier"), sealed)?;
    Ok(std::str::from_utf8(&plain).ok().map(SecretString::from))
}

/// The same, to be stored.
pub(super) fn seal(app: &App, row: &Model, secret: &SecretString) -> Result<String, crypto::Error> {
    app.keyring.seal(&place(row, "verifier"), secret.expose_secret().as_bytes())
}

/// The id of a key that some stored secret is sealed under and the ring does not hold.
///
/// # Errors
/// When the database fails.
pub async fn missing_key(conn: &impl ConnectionTrait, keyring: &Keyring) -> Result<Option<String>, DbErr> {
    let rows = Entity::find().filter(Column::Verifier.is_not_null()).all(conn).await?;
    let mut sealed = rows.iter().filter_map(|row| row.verifier.as_deref());
    Ok(sealed.find_map(|sealed| keyring.missing_for(sealed)).map(str::to_owned))
}

/// Seals anew, under the first key, what another one sealed. What changes meanwhile is left alone: it is sealed anew anyway. Returns how
/// many callbacks that were.
///
/// # Errors
/// When the database fails, or something does not open.
pub async fn reseal(app: &App) -> Result<u64, Error> {
    let keyring = &app.keyring;
    let mut done = 0;
    for row in Entity::find().order_by_asc(Column::Id).all(app.db.read()).await? {
        let columns = [
            (Column::Verifier, "verifier", row.verifier.as_deref()),
            (Column::Offered, "offered", row.offered.as_deref()),
        ];
        let mut anew = 0;
        for (column, name, sealed) in columns {
            if let Some(sealed) = sealed.filter(|sealed| !keyring.is_current(sealed)) {
                let place = place(&row, name);
                let update = Entity::update_many().filter(Column::Id.eq(row.id)).filter(column.eq(sealed));
                let update =
                    update.col_expr(column, Expr::value(keyring.seal(&place, &keyring.open(&place, sealed)?)?));
                anew += update.exec(app.db.write()).await?.rows_affected;
            }
        }
        done += u64::from(anew > 0);
    }
    Ok(done)
}

fn of(id: ConnectionId, event: &str) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::ConnectionId.eq(id))
        .filter(Column::Platform.eq(Platform::Freshbooks))
        .filter(Column::Topic.eq(event))
}

fn read(keyring: &Keyring, row: &Model, sealed: &str) -> Result<VecDeque<Offer>, Error> {
    Ok(serde_json::from_slice(&keyring.open(&place(row, "offered"), sealed)?)?)
}

fn place(row: &Model, column: &str) -> String {
    format!("webhook_subscription/{}/freshbooks/{}/{column}", row.connection_id, row.topic)
}
