//! What one client network may send: a token bucket (governor's GCRA) per IPv4 /32 or IPv6 /64.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use schemas::configuration::Limits;

use crate::refusal::Refusal;

/// The network whose hits count together, as 64 bits: an IPv4 address, or the first half of an IPv6 address.
type Network = u64;
type Limiter = RateLimiter<Network, DashMapStateStore<Network>, DefaultClock>;

/// New networks between two clean-ups of the table.
const CLEAN_UP_EVERY: u64 = 1024;
/// Orders a minute, and so many at once: a visitor needs one, a household a few.
const ORDERS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Counts hits per client network in a bounded table.
#[derive(Debug)]
pub struct NetworkLimits {
    limiter: ArcSwap<Limiter>,
    quota: Quota,
    networks_max: usize,
    checks: AtomicU64,
}

impl NetworkLimits {
    /// Limits as configured.
    pub fn new(limits: &Limits) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::per_second(at_least_one(limits.hits_per_second)).allow_burst(at_least_one(limits.burst));
        Self::with_quota(quota, limits)
    }

    /// Limits of orders to forget a visitor: a few a minute.
    pub fn of_orders(limits: &Limits) -> Self {
        Self::with_quota(Quota::per_minute(ORDERS_PER_MINUTE), limits)
    }

    fn with_quota(quota: Quota, limits: &Limits) -> Self {
        let limiter = ArcSwap::from_pointee(RateLimiter::dashmap(quota));
        Self { limiter, quota, networks_max: limits.networks, checks: AtomicU64::new(0) }
    }

    /// One hit, before its body is read.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`] when the network has used up its hits.
    pub fn check(&self, client: IpAddr) -> Result<(), Refusal> {
        self.keep_table_small();
        self.limiter.load().check_key(&network(client)).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Refusal::TooManyRequests { retry_seconds: wait.as_secs() + 1 }
        })
    }

    /// The other hits of the same request.
    ///
    /// # Errors
    /// As [`NetworkLimits::check`], or when the network may never send so many at once.
    pub fn check_more(&self, client: IpAddr, hits: usize) -> Result<(), Refusal> {
        let Some(hits) = u32::try_from(hits).ok().and_then(NonZeroU32::new) else { return Ok(()) };
        match self.limiter.load().check_key_n(&network(client), hits) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Refusal::TooManyRequests { retry_seconds: 1 }),
        }
    }

    /// Forgets networks whose hits are so long ago that they no longer count: none stays here longer than its limit needs it.
    pub fn forget_idle(&self) {
        let limiter = self.limiter.load();
        limiter.retain_recent();
        limiter.shrink_to_fit();
    }

    /// Networks in the table.
    pub fn networks(&self) -> usize {
        self.limiter.load().len()
    }

    /// Forgets networks that are idle. If too many are busy at once the table starts anew: an attacker with that
    /// many addresses is not held by a limit per address, and memory stays bounded.
    fn keep_table_small(&self) {
        let due = self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CLEAN_UP_EVERY);
        let limiter = self.limiter.load();
        if !due || limiter.len() < self.networks_max {
            return;
        }
        limiter.retain_recent();
        if limiter.len() >= self.networks_max {
            tracing::warn!(
                networks = limiter.len(),
                "more client networks are busy than limits.networks allows; limits start anew"
            );
            self.limiter.store(Arc::new(RateLimiter::dashmap(self.quota)));
        }
    }
}

fn network(client: IpAddr) -> Network {
    match client {
        IpAddr::V4(v4) => u64::from(u32::from(v4)),
        IpAddr::V6(v6) => (u128::from(v6) >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn limits() -> NetworkLimits {
        NetworkLimits::new(&Limits { hits_per_second: 1, burst: 3, networks: 10, ..Limits::default() })
    }

    #[test]
    fn a_network_gets_its_burst_and_no_more() {
        let limits = limits();
        let client = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            assert_eq!(limits.check(client), Ok(()));
        }
        assert!(matches!(limits.check(client), Err(Refusal::TooManyRequests { retry_seconds: 1..=2 })));
        assert_eq!(limits.check("192.0.2.2".parse().unwrap()), Ok(()));
    }

    #[test]
    fn a_network_gives_five_orders_a_minute_whatever_its_hits() {
        let limits = NetworkLimits::of_orders(&Limits { hits_per_second: 1000, ..Limits::default() });
        let client = "192.0.2.1".parse().unwrap();
        assert_eq!([(); 5].map(|()| limits.check(client)), [const { Ok(()) }; 5]);
        assert!(matches!(limits.check(client), Err(Refusal::TooManyRequests { retry_seconds: 2..=13 })));
    }

    #[test]
    fn hits_of_one_request_count_one_by_one() {
        let limits = limits();
        let client = "192.0.2.1".parse().unwrap();
        assert_eq!(limits.check(client), Ok(()));
        assert_eq!(limits.check_more(client, 0), Ok(()));
        assert_eq!(limits.check_more(client, 2), Ok(()));
        assert!(limits.check_more(client, 1).is_err());
        assert!(limits.check_more("192.0.2.2".parse().unwrap(), 4).is_err(), "more than the burst");
    }

    #[test]
    fn one_ipv6_network_cannot_spread_over_its_addresses() {
        let limits = limits();
        for host in 1..=3 {
            assert_eq!(limits.check(format!("2001:db8::{host}").parse().unwrap()), Ok(()));
        }
        assert!(limits.check("2001:db8::ffff".parse().unwrap()).is_err());
        assert_eq!(limits.check("2001:db8:0:1::1".parse().unwrap()), Ok(()));
    }

    #[test]
    fn a_network_whose_hits_no_longer_count_is_forgotten() {
        let limits =
            NetworkLimits::new(&Limits { hits_per_second: 1_000_000, burst: 1, ..Limits::default() });
        let busy = NetworkLimits::of_orders(&Limits::default());
        let client = "192.0.2.1".parse().unwrap();
        assert_eq!((limits.check(client), busy.check(client)), (Ok(()), Ok(())));
        // Its hit counts for a microsecond, its order for seconds.
        let until = Instant::now() + Duration::from_secs(5);
        while limits.networks() > 0 && Instant::now() < until {
            limits.forget_idle();
        }
        busy.forget_idle();
        assert_eq!((limits.networks(), busy.networks()), (0, 1));
    }

    #[test]
    fn the_table_stays_bounded_under_any_number_of_networks() {
        let limits = limits();
        for address in 0..10_000_u32 {
            assert_eq!(limits.check(IpAddr::V4(address.into())), Ok(()));
        }
        assert!(limits.limiter.load().len() <= 10 + CLEAN_UP_EVERY as usize);
    }
}
