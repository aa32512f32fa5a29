//! The workers: claim what is due, run it, end the visit. Woken by the bell of this process and by a look once a second.

mod room;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use entity::{alert, alert_digest, privacy_request, pull, synced_order};
use sea_orm::DbErr;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{error, warn};

pub use self::room::{orders, pulls};
use crate::{
    alert as alerts,
    app::App,
    budget, privacy, pull as reads, sync,
    work::{self, Due, Lane, Lease},
};

/// How often the database is asked when nothing rings.
const LOOK: Duration = Duration::from_secs(1);
/// No visit to an order takes as long: what hangs is let go of, and its lease runs out.
const LONGEST_VISIT: Duration = Duration::from_secs(600);

/// Works until the app stops; visits under way are finished by [`App::stopped`].
pub async fn run(app: &App) {
    let orders = Arc::new(Semaphore::new(app.config.workers));
    // Kept free for whom a person waits for, whatever the others are busy with.
    let resyncs = Arc::new(Semaphore::new(1));
    // A pull streams and waits; a few at once keep one slow shop from holding up another.
    let reads = Arc::new(Semaphore::new(4));
    // Apart from the orders: a mail server that does not answer holds up no sync.
    let messages = Arc::new(Semaphore::new(2));
    let people = Arc::new(Semaphore::new(1));
    while !app.stop.is_cancelled() {
        let mut claimed = 0;
        for outcome in [
            app.mind_clock().await.map(|()| 0),
            budget::exchange(app).await.map(|()| 0),
            Ok(sync::put_off_lost(app).await),
            claim_orders(app, &orders, Lane::Backfill).await,
            claim_orders(app, &resyncs, Lane::Resync).await,
            claim_pulls(app, &reads).await,
            claim_alerts(app, &messages).await,
            claim_digest(app, &messages).await,
            claim_requests(app, &people).await,
        ] {
            match outcome {
                Ok(rows) => claimed += rows,
                Err(e) if app.db.failed(&e).is_some() => {}
                Err(e) => error!(error = &e as &dyn std::error::Error, "due work could not be claimed"),
            }
        }
        if claimed > 0 {
            continue;
        }
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = app.bell.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Does everything that is due now, and what becomes due by it. Returns how many visits that were.
///
/// # Errors
/// When the database fails.
pub async fn drain(app: &App) -> Result<usize, DbErr> {
    let mut visits = 0;
    loop {
        app.mind_clock().await?;
        budget::exchange(app).await?;
        sync::put_off_lost(app).await;
        let pulls = pulls(app, 1).await?;
        let orders = orders(app, 50, Lane::Backfill).await?;
        let alerts = work::claim::<alert::Entity>(app.db.write(), 50, app.clock.now()).await?;
        let digest = work::claim::<alert_digest::Entity>(app.db.write(), 1, app.clock.now()).await?;
        let requests = work::claim::<privacy_request::Entity>(app.db.write(), 1, app.clock.now()).await?;
        let claimed = pulls.len() + orders.len() + alerts.len() + digest.len() + requests.len();
        if claimed == 0 {
            return Ok(visits);
        }
        visits += claimed;
        for (lease, row) in pulls {
            reads::advance(app, lease, row).await;
        }
        for (lease, row) in orders {
            sync::sync_order(app, lease, row).await;
        }
        for (lease, row) in alerts {
            alerts::deliver(app, lease, row).await;
        }
        for (lease, row) in digest {
            alerts::digest::deliver(app, lease, row).await;
        }
        for (lease, row) in requests {
            privacy::attend(app, lease, row).await;
        }
    }
}

async fn claim_orders(app: &App, free: &Arc<Semaphore>, least_urgent: Lane) -> Result<usize, DbErr> {
    let permits = take(free);
    let rows = orders(app, permits.len(), least_urgent).await?;
    Ok(visit_all::<synced_order::Entity, _>(app, rows, permits, |app, lease, row| async move {
        if tokio::time::timeout(LONGEST_VISIT, sync::sync_order(&app, lease, row)).await.is_err() {
            error!("the visit of order row {} took longer than {LONGEST_VISIT:?}", lease.id);
        }
    }))
}

async fn claim_pulls(app: &App, free: &Arc<Semaphore>) -> Result<usize, DbErr> {
    let permits = take(free);
    let rows = pulls(app, permits.len()).await?;
    Ok(visit_all::<pull::Entity, _>(app, rows, permits, |app, lease, row| async move {
        reads::advance(&app, lease, row).await;
    }))
}

/// Claims rows that are no connection's.
async fn claim<E: Due>(app: &App, permits: &[OwnedSemaphorePermit]) -> Result<Vec<(Lease, E::Model)>, DbErr> {
    if permits.is_empty() {
        return Ok(Vec::new());
    }
    work::claim::<E>(app.db.write(), permits.len() as u64, app.clock.now()).await
}

async fn claim_alerts(app: &App, free: &Arc<Semaphore>) -> Result<usize, DbErr> {
    let permits = take(free);
    let rows = claim::<alert::Entity>(app, &permits).await?;
    Ok(visit_all::<alert::Entity, _>(app, rows, permits, |app, lease, row| async move {
        alerts::deliver(&app, lease, row).await;
    }))
}

async fn claim_requests(app: &App, free: &Arc<Semaphore>) -> Result<usize, DbErr> {
    let permits = take(free);
    let rows = claim::<privacy_request::Entity>(app, &permits).await?;
    Ok(visit_all::<privacy_request::Entity, _>(app, rows, permits, |app, lease, row| async move {
        privacy::attend(&app, lease, row).await;
    }))
}

async fn claim_digest(app: &App, free: &Arc<Semaphore>) -> Result<usize, DbErr> {
    if app.config.alert_digest_cron.is_none() {
        return Ok(0);
    }
    let permits = take(free);
    let rows = claim::<alert_digest::Entity>(app, &permits).await?;
    Ok(visit_all::<alert_digest::Entity, _>(app, rows, permits, |app, lease, row| async move {
        alerts::digest::deliver(&app, lease, row).await;
    }))
}

/// Visits each of these rows in the background; how many there are.
fn visit_all<E: Due, F: Future<Output = ()> + Send + 'static>(
    app: &App,
    rows: Vec<(Lease, E::Model)>,
    permits: Vec<OwnedSemaphorePermit>,
    attend: impl Fn(App, Lease, E::Model) -> F,
) -> usize {
    let claimed = rows.len();
    for ((lease, row), permit) in rows.into_iter().zip(permits) {
        visit::<E>(app, lease, permit, work::RENEW, attend(app.clone(), lease, row));
    }
    claimed
}

/// As many permits as are free: rows claimed for nobody would only be held.
fn take(free: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    std::iter::from_fn(|| free.clone().try_acquire_owned().ok()).take(16).collect()
}

/// Runs one visit in the background beside the renewal of its lease; a visit whose lease is lost is dropped where it stands.
fn visit<E: Due>(
    app: &App,
    lease: Lease,
    permit: OwnedSemaphorePermit,
    every: TimeDelta,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let app = app.clone();
    app.clone().spawn(async move {
        // Both are polled all the time: the visit may hold the very connection that the renewal waits for.
        tokio::select! {
            () = work => {}
            () = hold::<E>(&app, lease, every) => {}
        }
        drop(permit);
        app.bell.notify_one();
    });
}

/// Renews a lease for as long as it is ours.
async fn hold<E: Due>(app: &App, lease: Lease, every: TimeDelta) {
    loop {
        tokio::time::sleep(every.to_std().unwrap_or_default()).await;
        match work::renew::<E>(app.db.write(), lease, app.clock.now()).await {
            Ok(true) => {}
            Ok(false) => {
                warn!("the lease of row {} was lost: another worker has it, or its visit has just ended", lease.id);
                return;
            }
            Err(e) if app.db.failed(&e).is_some() => {}
            Err(e) => {
                warn!(error = &e as &dyn std::error::Error, "the lease of row {} could not be renewed", lease.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sea_orm::ConnectionTrait;
    use tempfile::TempDir;
    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::{clock::Clock, config::Config, crypto::keygen};

    /// An app over a database of its own, which goes with the directory.
    pub(super) async fn app() -> (App, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            database_url: format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display()).into(),
            encryption_keys: Some(keygen("test")),
            ..Config::default()
        };
        (App::new(config, Clock::default()).await.unwrap(), directory)
    }

    #[tokio::test]
    async fn a_visit_that_holds_the_writing_connection_is_not_stopped_by_its_own_renewal() {
        let (app, _directory) = app().await;
        let id = uuid::Uuid::new_v4();
        let row = format!(
            "INSERT INTO pull (connection_id, kind, state, until, orders_seen, orders_changed, \"trigger\", actor, lane, generation,
             claimed_generation, attempts, fence, created_at) VALUES (1, 'backfill', 'running', '', 0, 0, '', '', 3, 0, 0, 0, X'{}', '')",
            id.simple()
        );
        app.db.write().execute_unprepared(&row).await.unwrap();
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let (done, ended) = oneshot::channel();
        let visiting = app.clone();
        visit::<pull::Entity>(&app, Lease { id: 1, fence: id }, permit, TimeDelta::milliseconds(1), async move {
            for _ in 0..20 {
                let txn = visiting.db.begin_write().await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
                txn.commit().await.unwrap();
            }
            done.send(()).unwrap();
        });
        tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap();
    }
}
