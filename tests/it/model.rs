//! Random schedules against a small reference model: events, replicas, crashes, lost answers and leases that run out, in any order.
//!
//! A schedule is a seed. One thing happens at a time: a visit stands still at each of its calls until the schedule says what becomes of it,
//! so that any other visit, event or span of time fits between any two. After each step nothing may be there twice, and in the end the books
//! hold what Shopify says. `MLC_MODEL_SCHEDULES=100000` plays that many, from the seed `MLC_MODEL_FIRST` on.
//!
//! `MLC_MODEL_SEED=12345` plays one in a new world and prints its steps. What went wrong was perhaps not alone in its world, which had learnt
//! from the schedules before it: with `MLC_MODEL_FIRST`, the seed that began its batch, those are played before it in the same world. Both
//! numbers are printed. Waits are the model's own time, so that orders come in the same sequence again, but for two things that no seed
//! holds: the tenth, more or less, by which a wait between tries is drawn, and a machine that takes half a second for a step.

mod books;
mod happening;
mod schedule;
mod shop;
mod visits;

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use futures_util::FutureExt;
use ml_connector::{
    app::App,
    mapping::settings::{Refunds, Settings},
    sandbox::{freshbooks, shopify},
};
use rust_decimal::Decimal;

use self::schedule::Schedule;
use crate::harness::{TestApp, World};

/// Schedules that share a world, one after another; each has orders and customers of its own.
const TOGETHER: usize = 50;
/// Worlds side by side, one of each kind.
const KINDS: u64 = 4;
const REPLICAS: usize = 3;

/// The steps of a schedule so far, in words.
#[derive(Default)]
struct Steps(Mutex<Vec<String>>);

impl Steps {
    fn add(&self, step: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    fn told(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n  ")
    }
}

/// A world with several replicas at work.
struct Stage {
    app: TestApp,
    replicas: Vec<App>,
}

impl Stage {
    /// Refunds are recorded in one of two ways, and FreshBooks honours the status in a create or does not.
    async fn set(seed: u64) -> Self {
        let refunds = if seed.is_multiple_of(2) { Refunds::Adjust } else { Refunds::CreditNote };
        let app = TestApp::in_world(World {
            settings: Settings { refunds, ..Settings::default() },
            shopify: shopify::Options { restore_rate: 1_000, bucket: 20_000, ..shopify::Options::default() },
            freshbooks: freshbooks::Options {
                honours_status_in_create: seed % KINDS < 2,
                ..freshbooks::Options::default()
            },
            retry_scale: Decimal::ONE,
            ..World::default()
        })
        .await;
        let replica = |_| App::on(app.app.db.clone(), app.app.config.clone(), app.app.clock.clone()).unwrap();
        let replicas = (0..REPLICAS).map(replica).collect();
        Self { app, replicas }
    }
}

/// The schedule that went wrong, and the one that began its world.
struct Failed {
    began: u64,
    seed: u64,
    steps: String,
}

/// Plays a schedule as the `number`th of its world. Returns its steps, as an error where it went wrong.
async fn play(stage: &Stage, seed: u64, number: u64) -> Result<String, String> {
    let steps = Steps::default();
    let playing = Schedule::new(stage, seed, number, &steps).play();
    match AssertUnwindSafe(playing).catch_unwind().await {
        Ok(()) => Ok(steps.told()),
        Err(_) => Err(steps.told()),
    }
}

/// What came of all schedules.
#[derive(Default)]
struct Tally {
    played: AtomicU64,
    failed: Mutex<Option<Failed>>,
}

impl Tally {
    fn has_failed(&self) -> bool {
        self.failed.lock().unwrap().is_some()
    }
}

/// The schedules of one kind of world, until `end` or until one fails anywhere.
async fn play_all(first: u64, end: u64, tally: Arc<Tally>) {
    let seeds: Vec<u64> = (first..end).step_by(KINDS as usize).collect();
    for seeds in seeds.chunks(TOGETHER) {
        let stage = Stage::set(seeds[0]).await;
        for (number, seed) in (0..).zip(seeds) {
            if tally.has_failed() {
                return stage.app.database.remove().await;
            }
            if let Err(steps) = play(&stage, *seed, number).await {
                *tally.failed.lock().unwrap() = Some(Failed { began: seeds[0], seed: *seed, steps });
            }
            tally.played.fetch_add(1, Ordering::Relaxed);
        }
        if !tally.has_failed() && AssertUnwindSafe(stage.app.end()).catch_unwind().await.is_err() {
            let steps = "all of its batch, and the books as a whole are wrong".to_owned();
            *tally.failed.lock().unwrap() = Some(Failed { began: seeds[0], seed: seeds[seeds.len() - 1], steps });
        }
    }
}

/// Plays one again, after those that came before it in the world that `began` with another one. Returns its steps.
async fn play_again(began: u64, seed: u64) -> String {
    let stage = Stage::set(began).await;
    assert!(began <= seed && (seed - began).is_multiple_of(KINDS), "{began} begins no batch that {seed} is in");
    let mut last = String::new();
    for (number, one) in (0..).zip((began..=seed).step_by(KINDS as usize)) {
        last = play(&stage, one, number).await.unwrap_or_else(|steps| panic!("seed {one} failed:\n  {steps}"));
    }
    stage.app.end().await;
    last
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// What a debug build plays in about a minute and a half on two cores: a long run names more. Fewer on PostgreSQL, where each takes longer.
fn schedules() -> u64 {
    let usual = if std::env::var("TEST_DATABASE_URL").is_ok() { 60 } else { 200 };
    number("MLC_MODEL_SCHEDULES").unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_in_whatever_order_every_order_is_booked_once_and_right() {
    if let Some(seed) = number("MLC_MODEL_SEED") {
        let steps = play_again(number("MLC_MODEL_FIRST").unwrap_or(seed), seed).await;
        println!("seed {seed}:\n  {steps}");
        return;
    }
    // The same ones each time unless it is said where to begin: what fails has been broken since.
    let (began, base) = (Instant::now(), number("MLC_MODEL_FIRST").unwrap_or(1));
    let end = base + schedules();
    let tally = Arc::<Tally>::default();
    let playing: Vec<_> = (0..KINDS).map(|kind| tokio::spawn(play_all(base + kind, end, Arc::clone(&tally)))).collect();
    for kind in playing {
        kind.await.unwrap();
    }
    println!("seeds {base}..{end}: {} schedules in {:?}", tally.played.load(Ordering::Relaxed), began.elapsed());
    if let Some(Failed { began, seed, steps }) = tally.failed.lock().unwrap().take() {
        panic!("one went wrong, MLC_MODEL_FIRST={began} MLC_MODEL_SEED={seed} plays it again:\n  {steps}");
    }
}
