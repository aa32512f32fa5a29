//! Many cases on all cores, what came of them, and the smallest that failed.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use super::{
    case::Case,
    check::{Outcome, check},
    dice::Features,
    features::Feature,
};

/// So many failures are made small and compared; the smallest is shown.
const COMPARED: usize = 5;

/// What came of all cases.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) cases: u64,
    /// How often each feature came up, in the order of [`Feature::ALL`].
    pub(super) features: BTreeMap<usize, u64>,
    /// How often each outcome came about, and the first seed of it.
    pub(super) outcomes: BTreeMap<(&'static str, String), (u64, u64)>,
    pub(super) failed: Vec<(u64, String)>,
}

impl Tally {
    fn count(&mut self, seed: u64) {
        let case = Case::new(seed, Features::default());
        self.cases += 1;
        for feature in case.seen.iter() {
            *self.features.entry(feature as usize).or_default() += 1;
        }
        match judge(&case) {
            Ok(outcome) => self.outcomes.entry(outcome.named()).or_insert((0, seed)).0 += 1,
            Err(problem) => self.failed.push((seed, problem)),
        }
    }

    fn add(&mut self, other: Tally) {
        self.cases += other.cases;
        for (feature, count) in other.features {
            *self.features.entry(feature).or_default() += count;
        }
        for (outcome, (count, seed)) in other.outcomes {
            self.outcomes.entry(outcome).or_insert((0, seed)).0 += count;
        }
        self.failed.extend(other.failed);
    }

    pub(super) fn seen(&self, feature: Feature) -> u64 {
        self.features.get(&(feature as usize)).copied().unwrap_or_default()
    }
}

impl Outcome {
    fn named(self) -> (&'static str, String) {
        match self {
            Self::Booked => ("booked", String::new()),
            Self::Skipped(code) => ("skipped", code),
            Self::Waiting(code) => ("waiting", code),
            Self::RuledOut(code) => ("ruled out", code),
            Self::Refused(code) => ("refused", code),
        }
    }
}

/// The cases of `seeds`, shared among all cores.
pub(super) fn all(seeds: std::ops::Range<u64>) -> Tally {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let share = |core| seeds.clone().skip(core).step_by(cores);
        let workers: Vec<_> = (0..cores)
            .map(|core| {
                let seeds = share(core);
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    seeds.for_each(|seed| tally.count(seed));
                    tally
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| tally.add(worker.join().unwrap()));
    });
    tally
}

/// [`check`], where a panic is a failure like any other.
pub(super) fn judge(case: &Case) -> Result<Outcome, String> {
    catch_unwind(AssertUnwindSafe(|| check(case))).unwrap_or_else(|panic| Err(format!("panic: {}", words(&*panic))))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Booked, or refused for a reason that the settings give.
pub(super) fn is_fine(case: &Case) -> bool {
    matches!(judge(case), Ok(outcome) if !matches!(outcome, Outcome::Refused(_)))
}

/// The case of `seed` with every feature forbidden that it does not need to go wrong.
pub(super) fn smallest(seed: u64) -> Case {
    let mut case = Case::new(seed, Features::default());
    loop {
        let simpler = case.seen.iter().map(|feature| Case::new(seed, case.without.with(feature)));
        match simpler.into_iter().find(|simpler| !is_fine(simpler)) {
            Some(simpler) => case = simpler,
            None => return case,
        }
    }
}

/// The simplest of the first failures.
pub(super) fn simplest(failed: &[(u64, String)]) -> Option<Case> {
    let smallest = failed.iter().take(COMPARED).map(|(seed, _)| smallest(*seed));
    smallest.min_by_key(|case| (case.order.lines.len(), case.seen.iter().count()))
}
