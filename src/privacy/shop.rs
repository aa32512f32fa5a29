//! `shop/redact`: a shop is forgotten, two days after it has uninstalled the app.

use chrono::TimeDelta;
use entity::{
    connection::{self, Status},
    platform_grant::Platform,
    privacy_request::{Model, State},
    reference_check::Outcome,
};
use tracing::warn;

use super::{
    Error, SERVICE,
    attend::{self, Ended},
    customer,
    erase::{self, Erased},
};
use crate::{
    alert::{self, Raise, Severity},
    app::App,
    auth::Actor,
    authorize, check, connection as connections, customer_key, grant, link, order,
    problem::{Owner, Problem},
    webhook,
    work::Lease,
};

pub(super) const WHILE_INSTALLED: &str = "SHOP_REDACT_WHILE_INSTALLED";

/// Keys that are destroyed in one transaction.
const TOGETHER: usize = 500;
/// After so long it is seen whether somebody who was at work just then has stored something since: no lease lives longer.
const ONCE_MORE: TimeDelta = TimeDelta::minutes(10);

/// Forgets the shop, unless it has the app: a request that comes late must not empty a shop that was installed again.
pub(super) async fn attend(app: &App, lease: Lease, row: &Model) -> Result<Ended, Error> {
    let begun = !row.detail.is_empty();
    let connection = connections::load(app.db.read(), row.connection_id).await?;
    if begun && connection.status != Status::Disconnected {
        // Erased by the first visit, and connected again since: what is there now is new.
        return done(app, lease, row, &row.detail).await;
    }
    if !begun && has_the_app(app, &connection).await? {
        return decline(app, lease, row).await;
    }
    authorize::disconnect(app, &Actor::system("privacy"), connection.id).await?;
    let erased = erase_keys(app, &connection).await?;
    if begun && erased == Erased::default() {
        return done(app, lease, row, &row.detail).await;
    }
    let Erased { keys, snapshots, documents } = erased;
    let detail = format!(
        "Keys destroyed: {keys}; snapshots deleted: {snapshots}; copies of documents deleted: {documents}. The documents in FreshBooks stay."
    );
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    link::forget_all_guests(&txn, connection.id).await?;
    webhook::forget_shop(&txn, connection.id, &connection.shop_domain).await?;
    erase::requests(&txn, connection.id, None, now).await?;
    authorize::forget(&txn, connection.id, &connection.shop_domain).await?;
    check::forget(&txn, connection.id).await?;
    if !connections::forget_shop(&txn, connection.id, now).await? {
        return Err(Error::ConnectedAgain);
    }
    if !begun {
        attend::note(&txn, lease, &detail).await?;
    }
    // Nobody has to mend anything of it any more.
    alert::forget(&txn, connection.id).await?;
    if !begun {
        let message = format!("The shop was forgotten at Shopify's request. {detail}");
        erase::noted(&txn, connection.id, SERVICE, ("redact_shop", "done"), message, now).await?;
    }
    txn.commit().await?;
    customer::scrub(app).await;
    Ok(Ended::Again(ONCE_MORE))
}

async fn done(app: &App, lease: Lease, row: &Model, detail: &str) -> Result<Ended, Error> {
    let txn = app.db.begin_write().await?;
    attend::settle(&txn, lease, row, (State::Done, detail), app.clock.now()).await?;
    txn.commit().await?;
    Ok(Ended::Settled)
}

async fn decline(app: &App, lease: Lease, row: &Model) -> Result<Ended, Error> {
    let now = app.clock.now();
    let detail = "The app is still installed in the shop: nothing was erased.";
    let problem = Problem::new(
        Owner::Operator,
        WHILE_INSTALLED,
        "Shopify asked to erase all data of this shop, but the app is still installed there: nothing was erased.",
        "An old request that came late needs nothing. If the shop shall be forgotten, have the app uninstalled there: Shopify asks again two days later. `completePrivacyRequest` closes this alert.",
    );
    let txn = app.db.begin_write().await?;
    attend::settle(&txn, lease, row, (State::Declined, detail), now).await?;
    let raise =
        Raise { connection: row.connection_id, subject: "", severity: Severity::Warning, problem, action: None };
    alert::raise(&txn, raise, now).await?;
    let message = format!("Shopify asked to forget the shop. {detail}");
    erase::noted(&txn, row.connection_id, SERVICE, ("redact_shop", "declined"), message, now).await?;
    txn.commit().await?;
    warn!("connection {} was to be forgotten, but its app is still installed", row.connection_id);
    Ok(Ended::Settled)
}

/// Whether Shopify still takes our token. Asked anew, unless it is known that it does not.
async fn has_the_app(app: &App, connection: &connection::Model) -> Result<bool, Error> {
    let id = connection.id;
    let let_in = async || -> Result<bool, Error> {
        let grant = grant::find(app.db.read(), id, Platform::Shopify).await?;
        Ok(grant.is_some_and(|grant| grant.refusal.is_none()))
    };
    if connection.status == Status::Disconnected || !let_in().await? {
        return Ok(false);
    }
    let found = match check::run(app, id).await {
        Ok(found) => found,
        Err(check::Error::Connection(connections::Error::Disconnected)) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let token = found.iter().find(|check| check.name == "shopifyToken").map(|check| check.outcome);
    if token == Some(Outcome::Passed) {
        return Ok(true);
    }
    if let_in().await? { Err(Error::Unsure) } else { Ok(false) }
}

/// Destroys all keys of the connection, some at a time: whoever writes meanwhile hardly waits.
async fn erase_keys(app: &App, connection: &connection::Model) -> Result<Erased, Error> {
    let mut erased = Erased::default();
    let live = customer_key::live(app.db.read(), connection.id).await?;
    for keys in live.chunks(TOGETHER) {
        let txn = app.db.begin_write().await?;
        order::lock_of_keys(&txn, connection.id, keys, &[]).await?;
        erased += erase::under(&txn, keys, None, app.clock.now()).await?;
        txn.commit().await?;
    }
    Ok(erased)
}
