//! How often strangers may come, by address: a network of IPv6 is one stranger, as it is one household's.
//!
//! Forgetting is part of it: an address that has been quiet is dropped, and beyond a number of them all share one allowance until enough
//! are.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

/// Requests between two looks for addresses to forget.
const EVERY: u32 = 1024;
/// Addresses that are remembered: some 5 MB.
const MOST: usize = 50_000;
/// Leading bits of an IPv6 address that one customer of a provider is given.
const NETWORK: u32 = 64;

/// An allowance per address.
#[derive(Debug)]
pub(super) struct Limit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    seen: AtomicU32,
    most: usize,
}

impl Limit {
    /// For routes that anybody may call: twenty at once, and one more every two seconds.
    pub(super) fn strangers() -> Self {
        let (per_minute, burst) = (NonZeroU32::MIN.saturating_add(29), NonZeroU32::MIN.saturating_add(19));
        Self::new(Quota::per_minute(per_minute).allow_burst(burst), MOST)
    }

    fn new(quota: Quota, most: usize) -> Self {
        Self { limiter: RateLimiter::keyed(quota), seen: AtomicU32::new(0), most }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// How many seconds until one would be let through.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), u64> {
        if self.seen.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let crowded = self.limiter.len() >= self.most;
        let key = if crowded { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { network(address) };
        self.limiter.check_key(&key).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(self.limiter.clock().now());
            (wait + Duration::from_millis(999)).as_secs().max(1)
        })
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX << (Ipv6Addr::BITS - NETWORK);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(limit: &Limit, address: &str) -> usize {
        (0..100).take_while(|_| limit.admit(address.parse().unwrap()).is_ok()).count()
    }

    fn hourly(burst: u32, most: usize) -> Limit {
        Limit::new(Quota::per_hour(NonZeroU32::new(burst).unwrap()), most)
    }

    #[test]
    fn each_address_has_an_allowance_of_its_own() {
        let limit = hourly(20, MOST);
        assert_eq!(admitted(&limit, "203.0.113.9"), 20);
        assert_eq!(admitted(&limit, "::ffff:203.0.113.9"), 0);
        assert_eq!(admitted(&limit, "203.0.113.10"), 20);
        let wait = limit.admit("203.0.113.9".parse().unwrap()).unwrap_err();
        assert!((170..=180).contains(&wait), "{wait}");
        assert!(admitted(&Limit::strangers(), "203.0.113.9") >= 20);
    }

    #[test]
    fn a_network_of_ipv6_is_one_stranger() {
        let limit = hourly(20, MOST);
        assert_eq!(admitted(&limit, "2001:db8:1:1::1"), 20);
        assert_eq!(admitted(&limit, "2001:db8:1:1:ffff::2"), 0);
        assert_eq!(admitted(&limit, "2001:db8:1:2::1"), 20);
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let limit = hourly(1, 100);
        for number in 0..5000_u32 {
            let _ = limit.admit(IpAddr::V4(number.into()));
        }
        assert!(limit.limiter.len() <= 101, "{}", limit.limiter.len());

        let quick = Limit::new(Quota::with_period(Duration::from_nanos(1)).unwrap(), MOST);
        for number in 0..EVERY {
            quick.admit(IpAddr::V4(number.into())).unwrap();
        }
        assert!(quick.limiter.len() < 10, "{}", quick.limiter.len());
    }
}
