//! The FreshBooks end: an address for each event, and a handshake for each address.
//!
//! A callback that was just made is rung for once, with the secret that signs whatever it sends. Anybody could ring: a secret counts once
//! FreshBooks itself has confirmed it. What a callback is there for is told by its address, which is of one connection and one event.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entity::{
    ids::ConnectionId,
    platform_grant::Platform,
    webhook_subscription::{Model, State},
};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::{
    Stop, Wish,
    told::{self, Fault},
    turn::{self, Turn},
    verifier::{self, Candidate},
};
use crate::{
    app::App,
    freshbooks::{self, Books, Callback, callback::EVENTS},
    global_id,
    problem::Problem,
};

/// How often it is listed again after an answer that was lost.
const ROUNDS: usize = 3;
/// How long a run waits for verifiers: they mostly come at once.
const WAITS: Duration = Duration::from_secs(3);
/// Between two looks at what has come.
const LOOKS: Duration = Duration::from_millis(50);
/// Secrets that are tried for one callback in one run: whoever floods us with wrong ones does not flood FreshBooks. More than are kept, so
/// that one that is rung for after all of those has its turn in the same run.
const TRIES: usize = 30;
/// How often FreshBooks is asked to ring once more in one run, likewise.
const RINGS: usize = 2;

/// What the addresses of a connection have in common.
fn prefix(app: &App, id: ConnectionId) -> String {
    app.config.public(&format!("webhooks/freshbooks/{}/", global_id::write("Connection", id.0))).into()
}

/// Every event, each at its own address.
pub(super) fn wanted(app: &App, id: ConnectionId) -> Vec<Wish> {
    let prefix = prefix(app, id);
    EVENTS.map(|event| Wish { topic: event, address: format!("{prefix}{event}") }).into()
}

/// Lists, compares, repairs, and shakes hands.
pub(super) async fn settle(turn: &mut Turn<'_>, token: SecretString) -> Result<(), Stop> {
    let (app, connection) = (turn.app, turn.connection);
    let Some(account_id) = connection.account_id.as_deref() else { return Err(Stop::Closed) };
    let books = app.freshbooks.account(account_id, token);
    let wishes = wanted(app, connection.id);
    for row in std::mem::take(&mut turn.unwanted) {
        if let Some(id) = row.remote_id.as_deref().and_then(|id| id.parse().ok()) {
            books.delete_callback(id).await.map_err(silent)?;
        }
        turn::drop_row(app.db.write(), &row).await?;
    }
    let mut waiting = BTreeMap::new();
    for round in 0..=ROUNDS {
        if round == ROUNDS {
            return Err(Stop::Silent("callbacks come and go while they are set up".into()));
        }
        let listed = books.callbacks().await.map_err(silent)?;
        let mut again = false;
        for wish in &wishes {
            again |= !set_up(turn, &books, wish, &listed, &mut waiting).await?;
        }
        if !again {
            break;
        }
    }
    shake_hands(turn, &books, waiting).await
}

/// A callback whose secret has to come yet.
struct Waiting {
    id: i64,
    /// FreshBooks is to ring once more. It rings by itself for what was just made.
    ring: bool,
    rings: usize,
    tries: usize,
    /// The marks of those that were tried: each is tried once in one run.
    tried: BTreeSet<String>,
    /// What FreshBooks said to the last secret that came.
    said: Option<String>,
}

impl Waiting {
    fn new(id: i64, ring: bool) -> Self {
        Self { id, ring, rings: 0, tries: 0, tried: BTreeSet::new(), said: None }
    }
}

/// One event as it should be, but for its handshake; `false` when it must be listed again.
async fn set_up(
    turn: &mut Turn<'_>,
    books: &Books,
    wish: &Wish,
    listed: &[Callback],
    waiting: &mut BTreeMap<&'static str, Waiting>,
) -> Result<bool, Stop> {
    let (event, address) = (wish.topic, wish.address.as_str());
    let row = turn.row(event)?;
    let known = row.remote_id.as_deref().and_then(|id| id.parse().ok());
    let plan = plan(event, address, known, row.verifier.is_some(), listed);
    for id in plan.surplus {
        books.delete_callback(id).await.map_err(silent)?;
    }
    let id = match plan.step {
        Step::Keep => {
            turn.stands(event, None, |row| address.clone_into(&mut row.address)).await?;
            return Ok(true);
        }
        Step::Verify(id) => id,
        Step::Create => {
            // Before the call: its secret may come before its answer, and finds a row that waits.
            turn.put(event, plan.fault, |row| {
                address.clone_into(&mut row.address);
                row.state = State::Wanted;
                (row.remote_id, row.verifier) = (None, None);
            })
            .await?;
            match books.create_callback(event, address).await {
                Ok(made) => {
                    waiting.insert(event, Waiting::new(made.id, false));
                    made.id
                }
                // Perhaps it is there.
                Err(freshbooks::Error::Unknown(_)) => return Ok(false),
                Err(error) => {
                    turn.fails(event, &objection(address, error)?).await?;
                    return Ok(true);
                }
            }
        }
    };
    // From here on secrets for this one alone are kept.
    turn.put(event, plan.fault, |row| {
        address.clone_into(&mut row.address);
        row.state = State::Unverified;
        row.problem = None;
        if known != Some(id) {
            (row.remote_id, row.verifier) = (Some(id.to_string()), None);
        }
    })
    .await?;
    let mut one = waiting.remove(event).unwrap_or_else(|| Waiting::new(id, true));
    // Mostly FreshBooks still goes by the secret that we have.
    let confirmed = match verifier::open(turn.app, turn.row(event)?)? {
        Some(secret) => try_out(turn, books, event, &mut one, secret).await?,
        None => false,
    };
    if !confirmed {
        waiting.insert(event, one);
    }
    Ok(true)
}

/// Waits for the secrets of these callbacks, and has FreshBooks confirm them.
async fn shake_hands(
    turn: &mut Turn<'_>,
    books: &Books,
    mut waiting: BTreeMap<&'static str, Waiting>,
) -> Result<(), Stop> {
    let until = Instant::now() + WAITS;
    loop {
        for row in turn.offered().await? {
            let Some((event, mut one)) = waiting.remove_entry(row.topic.as_str()) else { continue };
            let tries = one.tries;
            if !try_all(turn, books, event, &mut one, &row).await? {
                one.ring |= one.tries > tries;
                waiting.insert(event, one);
            }
        }
        for one in waiting.values_mut().filter(|one| one.ring && one.rings < RINGS) {
            books.resend_callback(one.id).await.map_err(silent)?;
            (one.ring, one.rings) = (false, one.rings + 1);
        }
        if waiting.is_empty() || Instant::now() >= until {
            break;
        }
        sleep(LOOKS).await;
    }
    for (event, one) in waiting {
        // What was just made has until the next look.
        if turn.has_waited(event) {
            let problem = match one.said {
                Some(said) => told::not_confirmed(&said),
                None => told::not_verified(&turn.row(event)?.address),
            };
            turn.fails(event, &problem).await?;
        }
    }
    Ok(())
}

/// Tries what has come for a callback and was not tried yet. What FreshBooks refuses is remembered.
async fn try_all(
    turn: &mut Turn<'_>,
    books: &Books,
    event: &'static str,
    one: &mut Waiting,
    row: &Model,
) -> Result<bool, Stop> {
    for Candidate { secret, mark } in verifier::candidates(turn.app, row, one.id)? {
        if one.tries >= TRIES || !one.tried.insert(mark.clone()) {
            continue;
        }
        if try_out(turn, books, event, one, secret).await? {
            return Ok(true);
        }
        // At once: a run that ends early has not tried it for nothing.
        verifier::refused(turn.app, row.id, &mark).await?;
    }
    Ok(false)
}

/// Whether FreshBooks confirms a secret. It is stored then, and the callback stands.
async fn try_out(
    turn: &mut Turn<'_>,
    books: &Books,
    event: &'static str,
    one: &mut Waiting,
    secret: SecretString,
) -> Result<bool, Stop> {
    one.tries += 1;
    one.said = Some(match books.verify_callback(one.id, &secret).await {
        Ok(callback) if callback.verified => {
            let sealed = verifier::seal(turn.app, turn.row(event)?, &secret)?;
            turn.stands(event, None, |row| row.verifier = Some(sealed)).await?;
            return Ok(true);
        }
        Ok(_) => "it stays unverified".to_owned(),
        Err(
            freshbooks::Error::Refused(fault)
            | freshbooks::Error::Forbidden(fault)
            | freshbooks::Error::NotFound(fault),
        ) => fault.to_string(),
        // How a wrong secret is answered is not known: one that a stranger sent must not cost us the grant.
        Err(error @ freshbooks::Error::Unauthorized) => error.to_string(),
        Err(error) => return Err(silent(error)),
    });
    Ok(false)
}

/// Deletes what there is of ours.
pub(super) async fn delete_all(app: &App, id: ConnectionId, books: &Books) -> Result<(), freshbooks::Error> {
    let prefix = prefix(app, id);
    for callback in books.callbacks().await?.iter().filter(|callback| callback.uri.starts_with(&prefix)) {
        books.delete_callback(callback.id).await?;
    }
    Ok(())
}

/// What is to be done about an event.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// To be deleted.
    surplus: Vec<i64>,
    /// Then this.
    step: Step,
    /// What was wrong, where something was.
    fault: Option<Fault>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Keep,
    Verify(i64),
    Create,
}

/// Compares what is listed with what is wanted. Ours is what goes to the event's address, or is known by its id; what others registered is
/// left alone. One that is verified by a secret which nobody here has is of no use.
fn plan(event: &str, address: &str, known: Option<i64>, has_secret: bool, listed: &[Callback]) -> Plan {
    let is_known = |callback: &Callback| Some(callback.id) == known;
    let is_right = |callback: &Callback| callback.event == event && callback.uri == address;
    let is_good =
        |callback: &Callback| is_right(callback) && (!callback.verified || (has_secret && is_known(callback)));
    let mut ours: Vec<_> = listed.iter().filter(|callback| callback.uri == address || is_known(callback)).collect();
    ours.sort_by_key(|callback| (!is_good(callback), !is_known(callback), callback.id));
    let its = ours.iter().find(|callback| is_known(callback));
    let fault = match its {
        None => Some(Fault::Missing),
        Some(its) if !is_right(its) => Some(Fault::Address),
        Some(its) if !its.verified => Some(Fault::Unverified),
        Some(_) if !has_secret => Some(Fault::Secret),
        Some(_) => None,
    };
    let step = match ours.first() {
        Some(first) if is_good(first) && first.verified => Step::Keep,
        Some(first) if is_good(first) => Step::Verify(first.id),
        _ => Step::Create,
    };
    let stays = usize::from(step != Step::Create);
    Plan { surplus: ours.iter().skip(stays).map(|callback| callback.id).collect(), step, fault }
}

/// The calls that tell nothing of what is wanted.
fn silent(error: freshbooks::Error) -> Stop {
    match error {
        freshbooks::Error::Unauthorized => Stop::Refused,
        error => Stop::Silent(Box::new(error)),
    }
}

/// Why one cannot be set up, where FreshBooks says so.
fn objection(address: &str, error: freshbooks::Error) -> Result<Problem, Stop> {
    match error {
        freshbooks::Error::Refused(fault) if fault.is_about("uri") => {
            Ok(told::address_refused(Platform::Freshbooks, address, &fault.to_string()))
        }
        freshbooks::Error::Refused(fault) => Ok(told::refused(Platform::Freshbooks, &fault.to_string())),
        freshbooks::Error::Forbidden(fault) => Ok(told::not_allowed(Platform::Freshbooks, &fault.to_string())),
        error => Err(silent(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = EVENTS[0];
    const HERE: &str = "https://sync.example.com/webhooks/freshbooks/7/invoice.update";

    fn one(id: i64, uri: &str, verified: bool) -> Callback {
        Callback { id, event: EVENT.to_owned(), uri: uri.to_owned(), verified }
    }

    fn planned(known: Option<i64>, has_secret: bool, listed: &[Callback]) -> (Vec<i64>, Step, Option<Fault>) {
        let plan = plan(EVENT, HERE, known, has_secret, listed);
        (plan.surplus, plan.step, plan.fault)
    }

    #[test]
    fn one_with_a_known_secret_stands() {
        assert_eq!(planned(Some(1), true, &[one(1, HERE, true)]), (vec![], Step::Keep, None));
        assert_eq!(planned(Some(1), true, &[one(2, HERE, false), one(1, HERE, true)]), (vec![2], Step::Keep, None));
    }

    #[test]
    fn one_whose_secret_nobody_has_is_made_anew() {
        assert_eq!(planned(Some(1), false, &[one(1, HERE, true)]), (vec![1], Step::Create, Some(Fault::Secret)));
        assert_eq!(planned(None, false, &[one(1, HERE, true)]), (vec![1], Step::Create, Some(Fault::Missing)));
        assert_eq!(planned(Some(2), true, &[one(1, HERE, true)]), (vec![1], Step::Create, Some(Fault::Missing)));
    }

    #[test]
    fn one_that_is_not_verified_is_verified_whoever_made_it() {
        assert_eq!(planned(Some(1), true, &[one(1, HERE, false)]), (vec![], Step::Verify(1), Some(Fault::Unverified)));
        let two = [one(3, HERE, false), one(2, HERE, false)];
        assert_eq!(planned(None, false, &two), (vec![3], Step::Verify(2), Some(Fault::Missing)));
    }

    #[test]
    fn ours_elsewhere_is_made_anew_and_that_of_others_is_left_alone() {
        let there = "https://other.example.com/hook";
        assert_eq!(planned(Some(1), true, &[one(1, there, false)]), (vec![1], Step::Create, Some(Fault::Address)));
        assert_eq!(planned(None, false, &[one(1, there, true)]), (vec![], Step::Create, Some(Fault::Missing)));
        let event = Callback { event: "invoice.delete".to_owned(), ..one(1, HERE, true) };
        assert_eq!(planned(Some(1), true, &[event]), (vec![1], Step::Create, Some(Fault::Address)));
        assert_eq!(planned(None, false, &[]), (vec![], Step::Create, Some(Fault::Missing)));
    }
}
