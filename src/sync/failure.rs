//! How a visit ends that could not be finished: who waits, who retries, who is told.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    platform_grant::Platform,
    synced_order::{self, State},
};
use rand::Rng;
use sea_orm::DbErr;
use tracing::{debug, error, info, warn};

use super::apply::Unfit;
use crate::{
    app::App,
    audit, check, connection, customer_key,
    db::Trouble,
    freshbooks,
    grant::{self, Used},
    link, order,
    problem::{Owner, Problem},
    shopify, telemetry,
    work::Lease,
};

/// The waits between tries, in seconds. After the last one the order has failed.
const LADDER: [i64; 9] = [5, 30, 120, 600, 1_800, 7_200, 18_000, 28_800, 36_000];

/// The shortest wait of what is not tried again at once: a platform may name none.
const SHORTEST: Duration = Duration::from_millis(200);

/// Why a visit was not finished.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A person must decide or mend something first.
    #[error("waiting: {0}")]
    Waiting(Problem),
    /// It will not work as it is.
    #[error("failed: {0}")]
    Refused(Problem),
    /// A document that a person named does not fit.
    #[error("not adopted: {}", _0.problem)]
    Unfit(Box<Unfit>),
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopping,
    /// A webhook told of an order, or of a state of it, that Shopify does not show yet: its money may be seen before itself.
    #[error("Shopify told of this order and does not show it yet")]
    NotShownYet,
    /// The last visits never ended: each time the process died, or hung for longer than its lease.
    #[error("the service died or hung each of the last times while it synced this order")]
    Lost,
    /// A call of an earlier visit, which had no answer, died or hung, may be carried out yet.
    #[error("a call of an earlier visit may still be under way, until {0}")]
    UnderWay(DateTime<Utc>),
    /// FreshBooks confirmed an invoice without a total.
    #[error("FreshBooks confirmed an invoice without a total")]
    NoTotal,
    /// Shopify did not answer as it should.
    #[error(transparent)]
    Shopify(#[from] shopify::Error),
    /// FreshBooks did not answer as it should.
    #[error(transparent)]
    Books(#[from] freshbooks::Error),
    /// The link is not ours to write, or not readable.
    #[error(transparent)]
    Link(#[from] link::Error),
    /// The order is not to be had.
    #[error(transparent)]
    Order(#[from] order::Error),
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] connection::Error),
    /// No token.
    #[error(transparent)]
    Grant(#[from] grant::Error),
    /// Both ends could not be looked at.
    #[error(transparent)]
    Check(#[from] check::Error),
    /// A customer's key is not to be had.
    #[error(transparent)]
    Key(#[from] customer_key::Error),
    /// The trail could not be written.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}

impl Error {
    /// The platform that did not accept our token, where that was it.
    pub(super) fn unauthorized(&self) -> Option<Platform> {
        match self {
            Self::Shopify(shopify::Error::Unauthorized | shopify::Error::NonExpiringToken) => Some(Platform::Shopify),
            Self::Books(freshbooks::Error::Unauthorized) => Some(Platform::Freshbooks),
            _ => None,
        }
    }
}

/// What is done about it.
enum Remedy {
    /// Somebody else has the order; nothing is left to say.
    Leave,
    /// Again after this long, at no attempt's cost.
    Wait(Duration),
    /// Again then, at no attempt's cost.
    Until(DateTime<Utc>),
    /// Again when the database may work, at no attempt's cost: whoever runs the service has something to mend.
    Postpone(Trouble),
    /// Again by the ladder.
    Retry(Problem),
    /// Again with a newer token, or when a person has authorized anew.
    Renew(Platform),
    /// The whole connection may be concerned: both ends are looked at. Where nothing stands in the way this one order is.
    Look(Box<Remedy>),
    /// Rest until a person or Shopify changes something.
    Rest(State, Problem),
}

/// Ends the visit as the error asks.
pub(super) async fn end(
    app: &App,
    lease: Lease,
    row: &synced_order::Model,
    error: &Error,
    used: &Used,
) -> Result<(), Error> {
    // After an unknown outcome nobody may look yet: FreshBooks may still be at it. The lease keeps them away.
    if !matches!(error, Error::Books(freshbooks::Error::Unknown(_)) | Error::Lost) {
        link::release(app.db.write(), lease).await?;
    }
    let remedy = match remedy(error) {
        Remedy::Look(otherwise) => match check::allows_work(app, row.connection_id).await {
            Ok(true) => *otherwise,
            Ok(false) => Remedy::Wait(Duration::ZERO),
            Err(check::Error::NoAnswer) => untold(*otherwise, row.attempts),
            Err(error) => return Err(error.into()),
        },
        Remedy::Renew(platform) => {
            let verdict = used.refused(app, row.connection_id, platform).await?;
            debug!(?verdict, "a token was not accepted");
            Remedy::Wait(Duration::ZERO)
        }
        other => other,
    };
    let (attempts, now) = (row.attempts, app.clock.now());
    let later = |wait: Duration| now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(10));
    let db = app.db.write();
    let ours = match remedy {
        Remedy::Leave => false,
        Remedy::Wait(wait) => {
            debug!(error = error as &dyn std::error::Error, ?wait, "this visit waits");
            order::retry_later(db, lease, State::Due, None, later(wait), false, now).await?
        }
        Remedy::Until(at) => {
            info!("this visit waits until {at}: {error}");
            order::retry_later(db, lease, State::Due, None, at, false, now).await?
        }
        Remedy::Postpone(trouble) => {
            let trouble = app.db.failed(error).unwrap_or(trouble);
            let wait = app.config.scaled(TimeDelta::from_std(app.db.patience()).unwrap_or(TimeDelta::seconds(1)));
            debug!(error = error as &dyn std::error::Error, ?wait, "this visit waits for the database");
            order::retry_later(db, lease, State::Due, Some(&trouble.problem()), now + wait, false, now).await?
        }
        Remedy::Rest(state, problem) => {
            warn!(error = error as &dyn std::error::Error, code = problem.code, "order not synced");
            let unfit = if let Error::Unfit(unfit) = error { Some(unfit.as_ref()) } else { None };
            rest(app, lease, row, state, problem, unfit).await?
        }
        Remedy::Retry(problem) => match LADDER.get(usize::try_from(attempts).unwrap_or(usize::MAX)) {
            Some(seconds) => {
                let wait = jittered(app.config.scaled(TimeDelta::seconds(*seconds)));
                warn!(error = error as &dyn std::error::Error, ?wait, "order not synced, tried again later");
                order::retry_later(db, lease, State::Retrying, Some(&problem), later(wait), true, now).await?
            }
            None => {
                error!(error = error as &dyn std::error::Error, "order given up after {attempts} tries");
                rest(app, lease, row, State::Failed, problem, None).await?
            }
        },
        // Told apart above.
        Remedy::Look(_) | Remedy::Renew(_) => true,
    };
    if !ours {
        // An order that was given up during the visit is nobody's from now on.
        order::let_go(db, lease).await?;
        warn!(error = error as &dyn std::error::Error, "this visit was taken over or ended: it writes no more");
    }
    Ok(())
}

/// Orders whose visits never end, because the process dies of them or hangs, are tried ever more rarely like all others that fail, and given
/// up at last. Returns how many there were.
pub async fn put_off_lost(app: &App) -> usize {
    let all = async {
        let lost = order::lost(app.db.read(), app.clock.now()).await?;
        for (lease, row) in &lost {
            end(app, *lease, row, &Error::Lost, &Used::default()).await?;
        }
        Ok::<_, Error>(lost.len())
    };
    all.await.unwrap_or_else(|e| {
        if app.db.failed(&e).is_none() {
            error!(error = &e as &dyn std::error::Error, "orders whose visits never end could not be put off");
        }
        0
    })
}

/// Brings the order to rest with its reason, and the decision into the trail; a document that does not fit is no longer linked then. `false`
/// where the visit no longer holds the order.
async fn rest(
    app: &App,
    lease: Lease,
    row: &synced_order::Model,
    state: State,
    problem: Problem,
    unfit: Option<&Unfit>,
) -> Result<bool, Error> {
    let now = app.clock.now();
    let outcome = order::Outcome { state, problem: Some(problem), proof: None };
    let txn = app.db.begin_write().await?;
    if !order::settle(&txn, lease, &outcome, now).await? {
        return Ok(false);
    }
    if let Some(Unfit { key, freshbooks_id, problem }) = unfit {
        link::give_back(&txn, row.connection_id, key, *freshbooks_id, now).await?;
        let noun = link::noun(key.kind);
        let mut entry = super::entry(lease, row, &format!("adopt_{noun}"), "refused", problem.message.clone());
        entry.shopify_resource = Some(link::shopify_resource(key.kind, &key.shopify_id));
        entry.freshbooks_resource = Some(format!("{noun}/{freshbooks_id}"));
        audit::append(&txn, entry, None, now).await?;
    }
    audit::append(&txn, super::decision(lease, row, &outcome), None, now).await?;
    txn.commit().await?;
    telemetry::order_settled(super::state_name(state));
    Ok(true)
}

fn remedy(error: &Error) -> Remedy {
    if let Some(trouble) = Trouble::of(error) {
        return Remedy::Postpone(trouble);
    }
    let platform = |code, message: String| Remedy::Retry(Problem::new(Owner::Platform, code, message, AGAIN));
    match error {
        Error::Link(link::Error::Fenced) => Remedy::Leave,
        Error::Link(link::Error::Erased) => Remedy::Rest(State::Skipped, order::erased()),
        Error::Link(link::Error::Busy) => Remedy::Wait(Duration::from_millis(300)),
        Error::Stopping => Remedy::Wait(Duration::ZERO),
        Error::NotShownYet => platform("NOT_IN_SHOPIFY", format!("{error}.")),
        Error::UnderWay(until) => Remedy::Until(*until),
        Error::Lost => Remedy::Retry(Problem::new(
            Owner::Operator,
            "VISIT_LOST",
            format!("{error}."),
            "The log of those times names the cause. It is tried again ever more rarely; other orders are not held up.",
        )),
        Error::Waiting(problem) => Remedy::Rest(State::Waiting, problem.clone()),
        Error::Refused(problem) => Remedy::Rest(State::Failed, problem.clone()),
        Error::Unfit(unfit) => Remedy::Rest(State::Waiting, unfit.problem.clone()),
        Error::Books(freshbooks::Error::Throttled { wait }) => {
            Remedy::Wait(wait.unwrap_or(Duration::from_secs(5)).max(SHORTEST))
        }
        Error::Books(freshbooks::Error::Busy) => Remedy::Wait(Duration::from_secs(2)),
        Error::Books(freshbooks::Error::TooLate) => Remedy::Wait(Duration::ZERO),
        Error::Books(freshbooks::Error::Unauthorized) => Remedy::Renew(Platform::Freshbooks),
        Error::Shopify(shopify::Error::Unauthorized | shopify::Error::NonExpiringToken) => {
            Remedy::Renew(Platform::Shopify)
        }
        Error::Books(freshbooks::Error::Forbidden(fault)) => look(Remedy::Rest(
            State::Failed,
            Problem::new(
                Owner::Accountant,
                "FRESHBOOKS_FORBIDDEN",
                format!("FreshBooks does not allow this: {fault}."),
                "The person who authorized needs the role owner, admin or manager there.",
            ),
        )),
        // A login that was shut out of the account finds nothing in it, or not even the account.
        Error::Books(freshbooks::Error::NotFound(fault)) => look(Remedy::Rest(
            State::Failed,
            Problem::new(
                Owner::Accountant,
                "FRESHBOOKS_NOT_FOUND",
                format!("FreshBooks no longer has what this order is linked to: {fault}."),
                "Was it deleted there? Undelete it, then resync the order.",
            ),
        )),
        Error::Books(freshbooks::Error::Refused(fault)) => Remedy::Rest(
            State::Failed,
            Problem::new(
                Owner::Operator,
                "FRESHBOOKS_REFUSED",
                format!("FreshBooks refused what was sent: {fault}."),
                "previewOrder shows what is sent; resync the order once the cause is mended.",
            ),
        ),
        Error::Books(freshbooks::Error::Unknown(_)) => platform(
            "FRESHBOOKS_NO_ANSWER",
            "FreshBooks did not answer a write; it is looked up before anything is sent again.".to_owned(),
        ),
        Error::Books(error) => platform("FRESHBOOKS_UNAVAILABLE", format!("{error}.")),
        Error::Shopify(shopify::Error::Throttled { wait }) => Remedy::Wait((*wait).max(SHORTEST)),
        Error::Shopify(error) if error.denial().is_some() => look(Remedy::Rest(
            State::Failed,
            Problem::new(
                Owner::Merchant,
                "SHOPIFY_FORBIDDEN",
                format!("Shopify does not allow reading this order: {}.", error.denial().unwrap_or_default()),
                "The app needs the scopes read_orders and read_customers and access to protected customer data.",
            ),
        )),
        Error::Shopify(error @ shopify::Error::ShopUnavailable { .. }) => {
            look(platform("SHOPIFY_UNAVAILABLE", format!("{error}.")))
        }
        Error::Shopify(error) => platform("SHOPIFY_UNAVAILABLE", format!("{error}.")),
        // The connection has been stopped, or is about to be: its orders are not claimed until it goes on.
        Error::Grant(grant::Error::Missing | grant::Error::Refused(_)) => Remedy::Wait(Duration::from_secs(1)),
        Error::Grant(grant::Error::NotYet { wait }) => Remedy::Wait((*wait).max(SHORTEST)),
        // A key is missing: whoever runs the service has been told, and no order is to blame.
        Error::Grant(grant::Error::Crypto(_)) => Remedy::Wait(Duration::from_secs(60)),
        other => Remedy::Retry(Problem::new(
            Owner::Operator,
            "INTERNAL",
            format!("The sync failed on our side: {other}."),
            "The log of this time names the cause; the order is tried again by itself.",
        )),
    }
}

/// Nobody can tell yet whether it is about this order alone: again by the ladder. Where nobody could until its end, it is.
fn untold(otherwise: Remedy, attempts: i32) -> Remedy {
    if usize::try_from(attempts).is_ok_and(|attempts| attempts >= LADDER.len()) {
        return otherwise;
    }
    let message = match &otherwise {
        Remedy::Rest(_, problem) | Remedy::Retry(problem) => &problem.message,
        _ => return otherwise,
    };
    let message =
        format!("{message} Whether all orders are concerned could not be found out: a platform did not answer.");
    Remedy::Retry(Problem::new(Owner::Platform, "PLATFORM_NO_ANSWER", message, AGAIN))
}

fn look(otherwise: Remedy) -> Remedy {
    Remedy::Look(Box::new(otherwise))
}

const AGAIN: &str = "Nothing to do: it is tried again by itself.";

/// The wait with a fifth of jitter, so that what failed together is not tried again together.
fn jittered(wait: TimeDelta) -> Duration {
    let millis = u64::try_from(wait.num_milliseconds()).unwrap_or_default();
    let fifth = (millis / 5).max(1);
    Duration::from_millis(millis.saturating_sub(fifth / 2).saturating_add(rand::rng().random_range(0..fifth)))
}
