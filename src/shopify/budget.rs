//! Shopify's budget, as far as we know it: a bucket of points per shop, refilled by the second.
//!
//! Every answer states the bucket, and what its operation had asked for. The next call of that operation waits here until the bucket
//! holds as much, rather than being refused over there. Other processes draw on the same bucket, so this is a forecast: a refusal is
//! still possible and gives the figures anew.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

/// The `extensions.cost` of an answer. Numbers come as `2000` or `2000.0`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cost {
    requested_query_cost: Option<f64>,
    actual_query_cost: Option<f64>,
    throttle_status: Option<ThrottleStatus>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    maximum_available: f64,
    currently_available: f64,
    restore_rate: f64,
}

impl Cost {
    /// What an answer says of it; nothing where it says nothing readable.
    pub(super) fn of(extensions: &Value) -> Self {
        Self::deserialize(&extensions["cost"]).unwrap_or_default()
    }

    pub(super) fn requested(&self) -> Option<u64> {
        self.requested_query_cost.map(whole)
    }

    pub(super) fn actual(&self) -> Option<u64> {
        self.actual_query_cost.map(whole)
    }

    pub(super) fn available(&self) -> Option<u64> {
        self.throttle_status.as_ref().map(|status| whole(status.currently_available))
    }

    /// How long a refused call has to wait: a second at least.
    pub(super) fn wait(&self) -> Duration {
        let Some(status) = &self.throttle_status else { return Duration::from_secs(1) };
        let missing = self.requested().unwrap_or(0).saturating_sub(whole(status.currently_available));
        refill(missing, whole(status.restore_rate)).max(Duration::from_secs(1))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "points are small, and below zero is empty"
)]
fn whole(points: f64) -> u64 {
    points as u64
}

fn refill(missing: u64, per_second: u64) -> Duration {
    Duration::from_millis(missing.saturating_mul(1000).div_ceil(per_second.max(1)))
}

struct Bucket {
    available: u64,
    maximum: u64,
    restore: u64,
    at: Instant,
}

impl Bucket {
    fn by(&self, now: Instant) -> u64 {
        let elapsed = u64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.available.saturating_add(elapsed.saturating_mul(self.restore) / 1000).min(self.maximum)
    }
}

#[derive(Default)]
struct Known {
    buckets: HashMap<String, Bucket>,
    costs: HashMap<&'static str, u64>,
}

/// All shops' buckets, shared by the clones of one client.
#[derive(Default)]
pub(super) struct Budgets(Mutex<Known>);

impl Budgets {
    /// Takes what `operation` will cost out of the shop's bucket, or says how long to wait before asking again.
    pub(super) fn take(&self, shop: &str, operation: &'static str, now: Instant) -> Result<(), Duration> {
        let mut known = self.lock();
        let cost = known.costs.get(operation).copied().unwrap_or(0);
        let Some(bucket) = known.buckets.get_mut(shop) else { return Ok(()) };
        let (have, need) = (bucket.by(now), cost.min(bucket.maximum));
        if have < need {
            return Err(refill(need - have, bucket.restore));
        }
        (bucket.available, bucket.at) = (have - need, now);
        Ok(())
    }

    /// How often `operation` can be asked within a minute, with what is left and what comes back meanwhile; `None` before its first answer.
    pub(super) fn per_minute(&self, shop: &str, operation: &'static str, now: Instant) -> Option<u64> {
        let known = self.lock();
        let (cost, bucket) = (known.costs.get(operation)?, known.buckets.get(shop)?);
        Some((bucket.by(now) + bucket.restore * 60) / (*cost).max(1))
    }

    /// Notes what an answer told.
    pub(super) fn learn(&self, shop: &str, operation: &'static str, cost: &Cost, now: Instant) {
        let mut known = self.lock();
        if let Some(requested) = cost.requested() {
            known.costs.insert(operation, requested);
        }
        if let Some(status) = &cost.throttle_status {
            let bucket = Bucket {
                available: whole(status.currently_available),
                maximum: whole(status.maximum_available),
                restore: whole(status.restore_rate),
                at: now,
            };
            known.buckets.insert(shop.to_owned(), bucket);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cost(requested: u64, available: f64) -> Cost {
        Cost::of(&json!({"cost": {"requestedQueryCost": requested, "actualQueryCost": null, "throttleStatus":
            {"maximumAvailable": 200.0, "currentlyAvailable": available, "restoreRate": 50}}}))
    }

    #[test]
    fn a_call_waits_until_the_bucket_holds_what_it_asked_for_last_time() {
        let (budgets, now) = (Budgets::default(), Instant::now());
        assert_eq!(budgets.take("a", "Orders", now), Ok(()), "nothing known yet");
        budgets.learn("a", "Orders", &cost(100, 60.0), now);
        assert_eq!(budgets.take("a", "Orders", now), Err(Duration::from_millis(800)));
        assert_eq!(budgets.take("a", "Shop", now), Ok(()), "another operation is not held up");
        assert_eq!(budgets.take("b", "Orders", now), Ok(()), "nor is another shop");
        let later = now + Duration::from_millis(800);
        assert_eq!(budgets.take("a", "Orders", later), Ok(()));
        assert_eq!(budgets.take("a", "Orders", later), Err(Duration::from_secs(2)), "the first one took it all");
    }

    #[test]
    fn a_call_dearer_than_the_bucket_waits_for_a_full_one_only() {
        let (budgets, now) = (Budgets::default(), Instant::now());
        budgets.learn("a", "Orders", &cost(1000, 100.0), now);
        assert_eq!(budgets.take("a", "Orders", now), Err(Duration::from_secs(2)));
        assert_eq!(budgets.take("a", "Orders", now + Duration::from_secs(2)), Ok(()));
    }

    #[test]
    fn a_refused_call_waits_a_second_at_least() {
        assert_eq!(cost(100, 99.0).wait(), Duration::from_secs(1));
        assert_eq!(cost(200, 25.0).wait(), Duration::from_millis(3500));
        assert_eq!(Cost::of(&Value::Null).wait(), Duration::from_secs(1));
    }
}
