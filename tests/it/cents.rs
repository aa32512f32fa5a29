//! The laws over random orders: to the cent, money once, quiet when done.
//!
//! Orders are made by the sandbox, which does Shopify's arithmetic and shares no type with the connector, and every figure is checked
//! against the sandbox's own. `MLC_PROPERTY_CASES=1000000` tries that many, `MLC_PROPERTY_SEED=12345` shows one.

mod adding;
mod books;
mod case;
mod check;
mod convert;
mod dice;
mod dump;
mod features;
mod later;
mod law;
mod limits;
mod names;
mod payments;
mod run;
mod sale;

use std::{fmt::Write, time::Instant};

use self::{dump::dump, features::Feature, run::Tally};

/// Of ten thousand cases so many may be refused without a reason that the settings give.
const TOLERATED: u64 = 10;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[test]
fn every_random_order_is_booked_to_the_cent_or_refused_by_name() {
    if let Some(seed) = number("MLC_PROPERTY_SEED") {
        return println!("{}", shown(seed).unwrap_or_else(|text| panic!("{text}")));
    }
    let started = Instant::now();
    let tally = run::all(0..number("MLC_PROPERTY_CASES").unwrap_or(100_000));
    println!("{}{:?}", report(&tally), started.elapsed());
    if let Some(case) = run::simplest(&tally.failed) {
        let problem = run::judge(&case);
        let others: Vec<_> = tally.failed.iter().take(20).collect();
        panic!(
            "{} of {} cases failed. The simplest, MLC_PROPERTY_SEED={} shows it again: {problem:?}\n{}\n{others:#?}",
            tally.failed.len(),
            tally.cases,
            case.seed,
            dump(&case)
        );
    }
    let refused: u64 =
        tally.outcomes.iter().filter(|((kind, _), _)| *kind == "refused").map(|(_, (count, _))| count).sum();
    assert!(refused * 10_000 <= tally.cases * TOLERATED, "{refused} of {} cases were refused", tally.cases);
    let missing: Vec<_> = Feature::ALL.iter().filter(|feature| tally.seen(**feature) == 0).collect();
    assert!(missing.is_empty() || tally.cases < 100_000, "never came up: {missing:?}");
}

/// The case of `seed` whole, and, where it fails, once more without all that is not needed for its failure.
fn shown(seed: u64) -> Result<String, String> {
    let case = case::Case::new(seed, dice::Features::default());
    let whole = format!("{:?}\n{}", run::judge(&case), dump(&case));
    if run::is_fine(&case) {
        return Ok(whole);
    }
    let case = run::smallest(seed);
    Err(format!("{whole}\nwithout what is not needed: {:?}\n{}", run::judge(&case), dump(&case)))
}

fn report(tally: &Tally) -> String {
    let mut text = format!("{} cases\n", tally.cases);
    for ((kind, code), (count, seed)) in &tally.outcomes {
        writeln!(text, "{count:>9}  {kind} {code} (such as {seed})").unwrap();
    }
    for feature in Feature::ALL {
        writeln!(text, "{:>9}  {}", tally.seen(*feature), feature.words()).unwrap();
    }
    text
}
