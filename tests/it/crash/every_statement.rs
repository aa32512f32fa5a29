//! A visit cut short at each statement that it sends to its database: BEGIN, COMMIT and the claim are statements too.
//!
//! The process dies, or the database refuses the statement, or the connection breaks before it arrives or before its answer does.

use ml_connector::app::App;

use super::{
    kinds::{CHANGED, GIVEN_BACK, Kind, SOLD},
    statements::{Fate, Refusal, until_statement},
    trial::{Trial, visit},
};
use crate::{
    harness::TestDatabase,
    wire::{Break, Wire},
};

/// A visit that makes one call sends more statements than this.
const FEWEST: u64 = 25;

#[tokio::test]
async fn a_sale_is_booked_once_wherever_the_process_dies() {
    dying(&SOLD).await;
}

#[tokio::test]
async fn a_change_is_booked_once_wherever_the_process_dies() {
    dying(&CHANGED).await;
}

#[tokio::test]
async fn what_goes_back_is_booked_once_wherever_the_process_dies() {
    dying(&GIVEN_BACK).await;
}

#[tokio::test]
async fn a_sale_is_booked_once_whichever_statement_sqlite_refuses() {
    refusing(&SOLD).await;
}

#[tokio::test]
async fn what_becomes_of_it_is_booked_once_whichever_statement_sqlite_refuses() {
    refusing(&CHANGED).await;
    refusing(&GIVEN_BACK).await;
}

#[tokio::test]
async fn a_sale_is_booked_once_wherever_the_connection_breaks() {
    breaking(&SOLD).await;
}

#[tokio::test]
async fn a_change_is_booked_once_wherever_the_connection_breaks() {
    breaking(&CHANGED).await;
}

#[tokio::test]
async fn what_goes_back_is_booked_once_wherever_the_connection_breaks() {
    breaking(&GIVEN_BACK).await;
}

#[tokio::test]
async fn a_server_that_goes_away_costs_nothing_but_time() {
    let Some((wire, database)) = wired().await else { return };
    let mut trial = Trial::on(database, &SOLD[0]).await;
    trial.begin().await;
    wire.refuse();
    trial.visit().await;
    wire.pass();
    trial.ends_right("without a server for a while").await;
    trial.end().await;
}

async fn dying(kinds: &'static [Kind]) {
    for kind in kinds.iter().filter(|kind| !kind.alike) {
        let mut trial = Trial::of(kind).await;
        for n in 0.. {
            trial.begin().await;
            let app = trial.app.app.clone();
            let died = until_statement(n, Fate::Death, visit(app.clone())).await;
            // The next process knows nothing but the database.
            trial.app.app = App::on(app.db.clone(), app.config.clone(), app.clock.clone()).unwrap();
            trial.ends_right(&format!("dead before statement {n}")).await;
            if !died {
                assert!(n > FEWEST, "{}: only {n} statements", kind.name);
                break;
            }
        }
        trial.end().await;
    }
}

async fn refusing(kinds: &'static [Kind]) {
    for kind in kinds.iter().filter(|kind| !kind.alike) {
        let mut trial = Trial::of(kind).await;
        if !trial.app.app.db.is_single_process() {
            return trial.end().await;
        }
        for n in 0.. {
            trial.begin().await;
            let refusal = Refusal::of(&trial.app.app).await;
            let refused = until_statement(n, Fate::Refusal(refusal), visit(trial.app.app.clone())).await;
            trial.ends_right(&format!("statement {n} refused")).await;
            if !refused {
                assert!(n > FEWEST, "{}: only {n} statements", kind.name);
                break;
            }
        }
        trial.end().await;
    }
}

async fn breaking(kinds: &'static [Kind]) {
    for kind in kinds.iter().filter(|kind| !kind.alike) {
        let Some((wire, database)) = wired().await else { return };
        let mut trial = Trial::on(database, kind).await;
        for moment in [Break::Before, Break::After] {
            for n in 0.. {
                trial.begin().await;
                wire.break_at(n, moment);
                trial.visit().await;
                let broken = wire.has_broken();
                trial.ends_right(&format!("broken at statement {n}, {moment:?}")).await;
                if !broken {
                    assert!(n > FEWEST, "{}: only {n} statements", kind.name);
                    break;
                }
            }
        }
        trial.end().await;
    }
}

/// A database behind a wire, where there is a server to be parted from.
async fn wired() -> Option<(Wire, TestDatabase)> {
    let mut database = TestDatabase::make().await;
    if !database.url.starts_with("postgres") {
        return None;
    }
    let wire = Wire::before(&database.url).await;
    database.url = wire.through(&database.url);
    Some((wire, database))
}
