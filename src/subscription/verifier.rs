//! The secrets of FreshBooks' callbacks: what came for one, and what was confirmed. Both are sealed under the keyring and bound to their row.
//!
//! Anybody may post what claims to be a secret, as much as they like. So that nobody crowds the right one out, the first and the last that
//! came are kept, and what FreshBooks has refused once gives way to whatever it has not seen.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chrono::TimeDelta;
use entity::{
    ids::ConnectionId,
    platform_grant::Platform,
    schedule::Kind,
    webhook_subscription::{Column, Entity, Model, State},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use crate::{
    app::App,
    crypto::{self, Keyring},
    schedule,
};

/// Of the secrets that FreshBooks has not seen yet the first ones are kept, …
const FIRST: usize = 10;
/// … and the last ones.
const LAST: usize = 10;
/// Of those that it has refused before the last ones: it may have been wrong.
const AGAIN: usize = 5;
/// Refused ones that are remembered.
const REMEMBERED: usize = 200;
/// Bytes of the longest that is kept: FreshBooks' have a few dozen.
const LONGEST: usize = 512;
/// At least so long after a look another one is asked for: a stranger who posts without an end does not have us call without one.
pub(super) const BETWEEN: TimeDelta = TimeDelta::seconds(10);

/// What was posted as the secret of a callback.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Offer {
    callback: i64,
    verifier: String,
}

impl Offer {
    /// What is remembered of it.
    fn mark(&self) -> String {
        let digest = Sha256::new().chain_update(self.callback.to_be_bytes()).chain_update(&self.verifier).finalize();
        STANDARD_NO_PAD.encode(&digest[..12])
    }
}

/// What has come for a row, oldest first.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Offers {
    /// FreshBooks has not seen them yet.
    fresh: Vec<Offer>,
    /// It has refused them before.
    again: Vec<Offer>,
    /// The marks of what it has refused.
    refused: Vec<String>,
}

impl Offers {
    /// Keeps one more; `false` where there is nothing new about it.
    fn keep(&mut self, offer: Offer) -> bool {
        if self.refused.contains(&offer.mark()) {
            self.again.retain(|known| *known != offer);
            self.again.push(offer);
            if self.again.len() > AGAIN {
                self.again.remove(0);
            }
            return false;
        }
        if self.fresh.contains(&offer) {
            return false;
        }
        self.fresh.push(offer);
        if self.fresh.len() > FIRST + LAST {
            self.fresh.remove(FIRST);
        }
        true
    }

    /// Takes one away, and remembers that it was refused.
    fn refuse(&mut self, mark: &str) {
        for list in [&mut self.fresh, &mut self.again] {
            list.retain(|offer| offer.mark() != mark);
        }
        self.refused.retain(|known| known != mark);
        self.refused.push(mark.to_owned());
        if self.refused.len() > REMEMBERED {
            self.refused.remove(0);
        }
    }
}

/// A secret that may be that of a callback.
pub(super) struct Candidate {
    pub(super) secret: SecretString,
    /// What it is remembered by.
    pub(super) mark: String,
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
    let mut offers = read(&app.keyring, &row)?;
    if row.remote_id.is_some() {
        // What came before the id was known may be of others.
        offers.fresh.retain(|offer| offer.callback == callback);
    }
    let is_new = offers.keep(Offer { callback, verifier: verifier.to_owned() });
    write(&txn, &app.keyring, &row, &offers).await?;
    // A run that is at it finds it, or leaves word when it ends.
    if is_new && row.leased_until.is_none_or(|until| until <= now) {
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

/// What has come for a callback: what FreshBooks has not seen yet, the oldest first, then what it has refused before.
pub(super) fn candidates(app: &App, row: &Model, callback: i64) -> Result<Vec<Candidate>, Error> {
    let Offers { fresh, again, .. } = read(&app.keyring, row)?;
    let its = fresh.into_iter().chain(again.into_iter().rev()).filter(|offer| offer.callback == callback);
    Ok(its.map(|offer| Candidate { mark: offer.mark(), secret: offer.verifier.into() }).collect())
}

/// Whether something has come that FreshBooks has not seen yet.
pub(super) fn has_fresh(app: &App, row: &Model) -> Result<bool, Error> {
    Ok(!read(&app.keyring, row)?.fresh.is_empty())
}

/// FreshBooks has refused this one.
pub(super) async fn refused(app: &App, row: i64, mark: &str) -> Result<(), Error> {
    let txn = app.db.begin_write().await?;
    let Some(row) = Entity::find_by_id(row).lock_exclusive().one(&txn).await? else { return Ok(()) };
    let mut offers = read(&app.keyring, &row)?;
    offers.refuse(mark);
    write(&txn, &app.keyring, &row, &offers).await?;
    txn.commit().await?;
    Ok(())
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
    let any = Condition::any().add(Column::Verifier.is_not_null()).add(Column::Offered.is_not_null());
    let rows = Entity::find().filter(any).all(conn).await?;
    let sealed = rows.iter().flat_map(|row| [row.verifier.as_deref(), row.offered.as_deref()]);
    Ok(sealed.flatten().find_map(|sealed| keyring.missing_for(sealed)).map(str::to_owned))
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

fn read(keyring: &Keyring, row: &Model) -> Result<Offers, Error> {
    let Some(sealed) = row.offered.as_deref() else { return Ok(Offers::default()) };
    Ok(serde_json::from_slice(&keyring.open(&place(row, "offered"), sealed)?)?)
}

async fn write(txn: &impl ConnectionTrait, keyring: &Keyring, row: &Model, offers: &Offers) -> Result<(), Error> {
    let sealed = keyring.seal(&place(row, "offered"), &serde_json::to_vec(offers)?)?;
    let update = Entity::update_many().filter(Column::Id.eq(row.id)).col_expr(Column::Offered, Expr::value(sealed));
    update.exec(txn).await?;
    Ok(())
}

fn place(row: &Model, column: &str) -> String {
    format!("webhook_subscription/{}/freshbooks/{}/{column}", row.connection_id, row.topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(verifier: impl ToString) -> Offer {
        Offer { callback: 7, verifier: verifier.to_string() }
    }

    fn fresh(offers: &Offers) -> Vec<&str> {
        offers.fresh.iter().map(|offer| offer.verifier.as_str()).collect()
    }

    #[test]
    fn the_first_and_the_last_stay() {
        let mut offers = Offers::default();
        for number in 0..100 {
            assert!(offers.keep(offer(number)));
            assert!(!offers.keep(offer(number)), "twice is once");
        }
        let expected: Vec<String> = (0..10).chain(90..100).map(|number| number.to_string()).collect();
        assert_eq!(fresh(&offers), expected);
    }

    #[test]
    fn what_was_refused_gives_way() {
        let mut offers = Offers::default();
        for number in 0..20 {
            offers.keep(offer(number));
        }
        for number in 0..20 {
            offers.refuse(&offer(number).mark());
        }
        assert_eq!(fresh(&offers), [""; 0]);
        assert!(offers.keep(offer("right")));
        for number in 0..20 {
            assert!(!offers.keep(offer(number)));
        }
        assert_eq!((fresh(&offers), offers.again.len()), (vec!["right"], AGAIN));
        assert!(offers.keep(Offer { callback: 8, ..offer(1) }), "of another callback it was not");
        for number in 0..1_000 {
            offers.refuse(&offer(number).mark());
        }
        assert_eq!(offers.refused.len(), REMEMBERED);
    }
}
