//! Visits that stand still at each call, and what becomes of them there.
//!
//! Whatever is let go runs until the next call that matters: nothing else runs meanwhile, so that a schedule is the same again whenever it
//! is played.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{ids::ConnectionId, synced_order};
use ml_connector::{
    app::App,
    budget,
    sandbox::faults::{Failure, Held, Moment},
    sync,
    work::{self, Lane, Lease, Share},
};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinHandle,
    time::timeout,
};

use super::Stage;

/// FreshBooks carries a call out, if at all, before its caller has stopped waiting for the answer.
const CARRIED_OUT_WITHIN: TimeDelta = TimeDelta::seconds(30);
/// Longer than the waits of a moment, such as for a client that another visit makes: they are over when the next visit begins, however fast
/// the machine.
const MOMENT: TimeDelta = TimeDelta::milliseconds(500);
/// In real time: nothing takes as long by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call that waits to be let go, and since when.
struct Call {
    held: Held,
    since: DateTime<Utc>,
}

impl Call {
    fn is_before(&self) -> bool {
        self.held.moment == Moment::Before
    }

    fn words(&self) -> String {
        format!("{} ({:?})", self.held.call, self.held.moment)
    }
}

/// A visit at one of its calls.
struct Visit {
    task: JoinHandle<()>,
    order: String,
    lease: Lease,
    call: Call,
}

/// Every replica has at most one visit.
pub(super) struct Visits<'a> {
    connection: ConnectionId,
    replicas: &'a [App],
    calls: UnboundedReceiver<Held>,
    at: Vec<Option<Visit>>,
    /// Calls of visits that were killed: FreshBooks may carry them out yet.
    left: Vec<Call>,
    /// A write was carried out that nobody has asked about.
    wrote: bool,
}

impl<'a> Visits<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        let (replicas, platforms) = (&stage.replicas, [&stage.app.freshbooks.faults, &stage.app.shopify.faults]);
        let (holder, calls) = mpsc::unbounded_channel();
        for faults in platforms {
            faults.hold(holder.clone());
        }
        let connection = stage.app.connection;
        Self {
            connection,
            replicas,
            calls,
            at: replicas.iter().map(|_| None).collect(),
            left: Vec::new(),
            wrote: false,
        }
    }

    /// Whether FreshBooks has carried out a write since this was last asked.
    pub(super) fn have_written(&mut self) -> bool {
        std::mem::take(&mut self.wrote)
    }

    fn now(&self) -> DateTime<Utc> {
        self.replicas[0].clock.now()
    }

    /// A replica with nothing to do takes the most urgent order.
    pub(super) async fn begin(&mut self) -> Option<String> {
        let free = self.at.iter().position(Option::is_none)?;
        let app = self.replicas[free].clone();
        app.clock.advance(MOMENT);
        budget::exchange(&app).await.unwrap();
        sync::put_off_lost(&app).await;
        let share = Share { connection: self.connection, rows: 1 };
        let (db, now) = (app.db.write(), app.clock.now());
        let claimed = work::claim_share::<synced_order::Entity>(db, share, Lane::Backfill, now).await.unwrap();
        let (lease, row) = claimed.into_iter().next()?;
        let order = format!("{} (row {})", row.name, lease.id);
        let task = tokio::spawn(async move { sync::sync_order(&app, lease, row).await });
        let told = format!("replica {free} visits {order}");
        Some(format!("{told}: {}", self.until_it_calls(free, task, order, lease).await))
    }

    /// A call goes on; with `mishap`, not as it should.
    pub(super) async fn go_on(&mut self, dice: &mut StdRng, mishap: bool) -> Option<String> {
        let at = self.busy(dice)?;
        let Visit { task, order, lease, call } = self.at[at].take()?;
        let failure = if mishap { failure(&call, dice) } else { None };
        let told = format!("replica {at}, {order}: {}{}", call.words(), in_words(failure));
        call.held.go(failure);
        Some(format!("{told}: {}", self.until_it_calls(at, task, order, lease).await))
    }

    /// A process dies; FreshBooks may carry out what it was just asked to.
    pub(super) async fn kill(&mut self, dice: &mut StdRng) -> Option<String> {
        let at = self.busy(dice)?;
        Some(format!("replica {at} is killed: {}", self.drop_visit(at).await))
    }

    /// A process that is not frozen renews its lease; where it is lost the visit is dropped.
    pub(super) async fn renew(&mut self, dice: &mut StdRng) -> Option<String> {
        let at = self.busy(dice)?;
        let (lease, app) = (self.at[at].as_ref()?.lease, &self.replicas[at]);
        if work::renew::<synced_order::Entity>(app.db.write(), lease, app.clock.now()).await.unwrap() {
            return Some(format!("replica {at} renews its lease"));
        }
        Some(format!("replica {at} has lost its lease: {}", self.drop_visit(at).await))
    }

    async fn drop_visit(&mut self, at: usize) -> String {
        let Some(Visit { task, order, call, .. }) = self.at[at].take() else { return String::new() };
        task.abort();
        // Cancelled, which is what was wanted.
        drop(task.await);
        let told = format!("no more of {order} after {}", call.words());
        if call.is_before() {
            self.left.push(call);
        }
        told
    }

    /// What a killed process had asked for is carried out after all, or never.
    pub(super) async fn end_one_left(&mut self, dice: &mut StdRng) -> Option<String> {
        let call = self.left.pop()?;
        Some(self.end_left(call, dice).await)
    }

    async fn end_left(&mut self, call: Call, dice: &mut StdRng) -> String {
        let words = call.words();
        if dice.random_range(0..3) == 0 {
            call.held.go(Some(Failure::Drop));
            return format!("a killed process's {words} is never carried out");
        }
        self.carry_out(call).await;
        format!("a killed process's {words} is carried out")
    }

    /// Time passes. What was asked for is carried out before nobody waits for it any more.
    pub(super) async fn wait(&mut self, wait: TimeDelta, dice: &mut StdRng) -> String {
        let mut told = format!("{} s pass", wait.num_seconds());
        let asked_before = self.now() + wait - CARRIED_OUT_WITHIN;
        let sent = std::mem::take(&mut self.left);
        let (over, left): (Vec<Call>, Vec<Call>) = sent.into_iter().partition(|call| call.since < asked_before);
        self.left = left;
        for call in over {
            told = format!("{told}; {}", self.end_left(call, dice).await);
        }
        for at in 0..self.at.len() {
            let is_over = |visit: &mut Visit| visit.call.is_before() && visit.call.since < asked_before;
            if let Some(visit) = self.at[at].take_if(is_over) {
                told = format!("{told}; {} of {} is carried out", visit.call.words(), visit.order);
                let call = self.carry_out(visit.call).await;
                self.at[at] = Some(Visit { call, ..visit });
            }
        }
        self.replicas[0].clock.advance(wait);
        told
    }

    /// Lets a call have its effect: it comes again before its answer.
    async fn carry_out(&mut self, call: Call) -> Call {
        call.held.go(None);
        let held = timeout(PATIENCE, self.calls.recv()).await.unwrap().unwrap();
        assert_eq!(held.moment, Moment::After);
        self.wrote = true;
        Call { held, since: self.now() }
    }

    /// Does something that calls a platform and is no visit.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                held = self.calls.recv() => held.unwrap().go(None),
            }
        }
    }

    /// Nothing goes wrong any more: what is under way is finished, one after the other.
    pub(super) async fn finish(mut self, dice: &mut StdRng) {
        while self.end_one_left(dice).await.is_some() {}
        self.calls.close();
        for visit in self.at.into_iter().flatten() {
            visit.call.held.go(None);
            timeout(PATIENCE, visit.task).await.unwrap().unwrap();
        }
    }

    fn busy(&self, dice: &mut StdRng) -> Option<usize> {
        let busy: Vec<usize> = (0..self.at.len()).filter(|at| self.at[*at].is_some()).collect();
        busy.choose(dice).copied()
    }

    /// Runs a visit until its next call that matters, or to its end. Says which.
    async fn until_it_calls(&mut self, at: usize, mut task: JoinHandle<()>, order: String, lease: Lease) -> String {
        loop {
            let stopped = async {
                tokio::select! {
                    biased;
                    ended = &mut task => { ended.unwrap(); None }
                    held = self.calls.recv() => held,
                }
            };
            let Some(held) = timeout(PATIENCE, stopped).await.unwrap() else { return "it ends".to_owned() };
            if !matters(&held) {
                held.go(None);
                continue;
            }
            self.wrote |= held.moment == Moment::After && is_write(&held.call);
            let call = Call { held, since: self.now() };
            let told = format!("it is at {}", call.words());
            self.at[at] = Some(Visit { task, order, lease, call });
            return told;
        }
    }
}

/// Whether anything can come before it that could not as well have come earlier or later.
fn matters(held: &Held) -> bool {
    match held.moment {
        Moment::Before => is_write(&held.call),
        Moment::After => held.call != "Token" && (held.call == "graphql:Orders" || !held.call.starts_with("graphql:")),
    }
}

fn is_write(call: &str) -> bool {
    ["Create", "Update", "Delete"].iter().any(|verb| call.starts_with(verb))
}

/// How a call may fail. A read that breaks is repeated by itself, in real time: a refusal will do.
fn failure(call: &Call, dice: &mut StdRng) -> Option<Failure> {
    let throttle = [Failure::Throttle(None), Failure::Throttle(Some(3))];
    match call.held.moment {
        Moment::Before => {
            let others = [Failure::Drop, Failure::Drop, Failure::Status(503), Failure::Status(409)];
            others.iter().chain(&throttle).copied().collect::<Vec<_>>().choose(dice).copied()
        }
        Moment::After if is_write(&call.held.call) => {
            [Failure::Drop, Failure::Status(502), Failure::Status(200)].choose(dice).copied()
        }
        Moment::After if call.held.call.starts_with("graphql:") => None,
        Moment::After => throttle.choose(dice).copied(),
    }
}

fn in_words(failure: Option<Failure>) -> String {
    failure.map(|failure| format!(" fails ({failure:?})")).unwrap_or_default()
}
