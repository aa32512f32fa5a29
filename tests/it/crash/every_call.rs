//! A failure at each outgoing call of a visit, before its effect and after it.

use ml_connector::sandbox::faults::{Failure, Faults, Moment};

use super::{
    kinds::{CHANGED, GIVEN_BACK, Kind, SOLD},
    trial::Trial,
};

/// How a call is spoilt, and how many calls after it.
const SPOILT: [(Moment, Failure, u64); 5] = [
    (Moment::Before, Failure::Drop, 1),
    // What only reads is asked three times within one visit.
    (Moment::Before, Failure::Status(503), 3),
    (Moment::Before, Failure::Throttle(Some(1)), 1),
    (Moment::After, Failure::Drop, 1),
    (Moment::After, Failure::Status(504), 1),
];

#[tokio::test]
async fn a_sale_is_booked_once_whichever_call_fails() {
    one_by_one(&SOLD).await;
}

#[tokio::test]
async fn a_change_is_booked_once_whichever_call_fails() {
    one_by_one(&CHANGED).await;
}

#[tokio::test]
async fn what_goes_back_is_booked_once_whichever_call_fails() {
    one_by_one(&GIVEN_BACK).await;
}

async fn one_by_one(kinds: &'static [Kind]) {
    for kind in kinds {
        let mut trial = Trial::of(kind).await;
        for spoilt in SPOILT {
            let calls = every(&mut trial, |trial| &trial.app.freshbooks.faults, spoilt).await;
            assert_eq!(calls, kind.calls, "{}: calls of FreshBooks", kind.name);
        }
        trial.end().await;
    }
}

#[tokio::test]
async fn an_order_is_booked_once_whichever_way_it_cannot_be_read() {
    // Reading is the same whatever became of the order.
    let mut trial = Trial::of(&CHANGED[0]).await;
    for (moment, failure, _) in SPOILT {
        for times in [1, 3] {
            let calls = every(&mut trial, |trial| &trial.app.shopify.faults, (moment, failure, times)).await;
            assert_eq!(calls, 1, "calls of Shopify");
        }
    }
    trial.end().await;
}

/// An order for each call that a visit makes, which fails there. How many calls that are.
async fn every(trial: &mut Trial, faults: fn(&Trial) -> &Faults, spoilt: (Moment, Failure, u64)) -> u64 {
    let (moment, failure, times) = spoilt;
    let mut n = 0;
    loop {
        trial.begin().await;
        let calls = faults(trial).total();
        faults(trial).add(None, n, times, moment, failure);
        trial.visit().await;
        let struck = faults(trial).total() - calls > n;
        faults(trial).clear();
        let attempts = trial.app.order(&trial.order()).await.attempts;
        let most = i32::from(!matches!(failure, Failure::Throttle(_)));
        assert!(attempts <= most, "{attempts} attempts for {failure:?} at call {n}");
        trial.ends_right(&format!("{failure:?} {moment:?} call {n}")).await;
        if !struck {
            return n;
        }
        n += 1;
    }
}
