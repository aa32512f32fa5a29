//! Reading orders from Shopify, many to a call: twenty cost what one costs.
//!
//! Visits of one connection take turns here. Whoever has the turn reads its own order and whatever else is due and stale, so that those
//! who wait find theirs read already. A burst of a thousand events is fifty calls, whatever the number of workers; where even that is more
//! than a minute's budget, one bulk operation reads them all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use entity::{connection, ids::ConnectionId, synced_order};
use tokio::sync::OwnedMutexGuard;

use super::{Error, shop};
use crate::{
    app::App,
    grant::Used,
    order::{self, Reading},
    pull,
    shopify::model::{Gid, Order},
};

/// Orders that one call reads.
const TOGETHER: u64 = 20;

/// Whose turn it is to read: one at a time for each connection in this process.
#[derive(Debug, Default)]
pub struct Readings(Mutex<HashMap<ConnectionId, Arc<tokio::sync::Mutex<()>>>>);

impl Readings {
    async fn turn(&self, id: ConnectionId) -> OwnedMutexGuard<()> {
        let queue = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone();
        queue.lock_owned().await
    }
}

/// Brings the stored state of `row` up to date, and that of others that wait for the same. `false` when Shopify shows no such order.
pub(super) async fn bring_up_to_date(
    app: &App,
    connection: &connection::Model,
    row: &synced_order::Model,
    used: &Used,
) -> Result<bool, Error> {
    let _turn = app.readings.turn(connection.id).await;
    let now = order::load(app.db.read(), row.id).await?;
    if !now.stale && now.shopify_updated_at.is_some() && row.stale {
        return Ok(true); // somebody has read it along with theirs
    }
    let own = Reading { id: now.id, number: now.shopify_order_id, generation: now.generation };
    let waiting = order::to_be_read(app.db.read(), connection.id, app.clock.now(), TOGETHER).await?;
    if waiting.len() as u64 == TOGETHER {
        catch_up(app, connection, used).await?;
    }
    let others = waiting.into_iter().filter(|other| other.id != own.id);
    let all: Vec<Reading> = std::iter::once(own).chain(others).take(TOGETHER as usize).collect();
    let read = match read(app, connection, &all, used).await {
        // One of the others may be what cannot be read: it fails its own visit, not this one.
        Err(Error::Shopify(error)) if error.is_about_one() && all.len() > 1 => {
            read(app, connection, &all[..1], used).await?
        }
        other => other?,
    };
    let found = read.iter().any(|(reading, _)| reading.id == own.id);
    let txn = app.db.begin_write().await?;
    order::refresh(&txn, &app.keyring, connection.id, row, &read, app.clock.now()).await?;
    txn.commit().await?;
    Ok(found)
}

/// Has everything read by one operation, where more waits than a minute's budget reads.
async fn catch_up(app: &App, connection: &connection::Model, used: &Used) -> Result<(), Error> {
    let Some(most) = shop(app, connection, used).await?.orders_per_minute() else { return Ok(()) };
    let now = app.clock.now();
    let (waiting, since) = order::waiting_to_be_read(app.db.read(), connection.id, now).await?;
    if let Some(since) = since.filter(|_| u64::try_from(waiting).is_ok_and(|waiting| waiting > most)) {
        let txn = app.db.begin_write().await?;
        pull::catch_up(&txn, connection.id, since, now).await?;
        txn.commit().await?;
    }
    Ok(())
}

async fn read(
    app: &App,
    connection: &connection::Model,
    readings: &[Reading],
    used: &Used,
) -> Result<Vec<(Reading, Order)>, Error> {
    let ids: Vec<Gid> = readings.iter().map(|reading| Gid::new("Order", reading.number)).collect();
    let orders = shop(app, connection, used).await?.orders(&ids).await?;
    Ok(readings.iter().zip(orders).filter_map(|(reading, order)| Some((*reading, order?))).collect())
}
