//! Requests per second by tier (api-conventions.md section 8). Off unless the operator asks for them.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use parking_lot::Mutex;

/// Requests per second of the tiers 1 to 5.
const DOCUMENTED: [u32; 5] = [1, 5, 60, 200, 1_000];
/// Requests per second of one service token (management.md M2.11).
const SERVICE: u32 = 60;
const SHARDS: usize = 16;
/// Counters in one shard at the most; together a few megabytes.
const COUNTERS_MAX: usize = 4_096;

/// How many requests each tier allows per second; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    tiers: [u32; 5],
    service: u32,
}

impl RateLimits {
    /// The limits that Knock documents.
    pub const DOCUMENTED: Self = Self { tiers: DOCUMENTED, service: SERVICE };
    /// None at all.
    pub const OFF: Self = Self { tiers: [0; 5], service: 0 };

    /// Requests per second of a tier; 0 is no limit.
    pub fn of_tier(&self, tier: u8) -> u32 {
        usize::from(tier).checked_sub(1).and_then(|n| self.tiers.get(n)).copied().unwrap_or(0)
    }

    /// Requests per second of one service token; 0 is no limit.
    pub fn of_service_token(&self) -> u32 {
        self.service
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::OFF
    }
}

impl FromStr for RateLimits {
    type Err = String;

    /// `off`, `on`, or the documented limits with some changed: `2=50,5=0,management=100`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" | "off" | "false" | "0" => return Ok(Self::OFF),
            "on" | "true" | "1" => return Ok(Self::DOCUMENTED),
            _ => {}
        }
        let mut limits = Self::DOCUMENTED;
        for pair in text.split(',') {
            let wrong = || format!("rate_limits: {pair:?} is neither on, off nor TIER=REQUESTS_PER_SECOND");
            let (tier, limit) = pair.split_once('=').ok_or_else(wrong)?;
            let limit = limit.trim().parse().map_err(|_| wrong())?;
            match tier.trim() {
                "management" => limits.service = limit,
                tier => {
                    let tier: usize = tier.parse().map_err(|_| wrong())?;
                    let place = tier.checked_sub(1).and_then(|n| limits.tiers.get_mut(n));
                    *place.ok_or_else(wrong)? = limit;
                }
            }
        }
        Ok(limits)
    }
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Counted<'s> {
    pub(crate) env: EnvId,
    /// Operation id.
    pub(crate) operation: &'static str,
    /// A user, a message or a service token; empty when the environment counts as a whole.
    pub(crate) subject: &'s str,
}

/// Counts in fixed windows of one second (A8.3).
pub(crate) struct RateLimiter {
    limits: RateLimits,
    /// Seeded at random, so that nobody can choose subjects that share a counter.
    hasher: RandomState,
    shards: [Mutex<HashMap<u64, Window>>; SHARDS],
}

#[derive(Clone, Copy)]
struct Window {
    second: i64,
    count: u32,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    pub(crate) fn limits(&self) -> &RateLimits {
        &self.limits
    }

    /// Counts one request; false when it is one too many. Counters are named by a hash of 64 bits: that two share one
    /// in the same second is less likely than a fault of the machine.
    pub(crate) fn allows(&self, counted: &Counted<'_>, per_second: u32, now: Timestamp) -> bool {
        if per_second == 0 {
            return true;
        }
        let hash = self.hasher.hash_one(counted);
        let second = now.0.div_euclid(1_000_000);
        let mut shard = self.shards[hash as usize % SHARDS].lock();
        if shard.len() >= COUNTERS_MAX && !shard.contains_key(&hash) {
            shard.retain(|_, window| window.second == second);
            if shard.len() >= COUNTERS_MAX {
                // So many subjects in one second: memory stays bounded, and they start anew.
                shard.clear();
            }
        }
        let window = shard.entry(hash).or_insert(Window { second, count: 0 });
        if window.second != second {
            *window = Window { second, count: 0 };
        }
        if window.count >= per_second {
            return false;
        }
        window.count += 1;
        true
    }

    #[cfg(test)]
    fn counters(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        let own = |tiers, service| RateLimits { tiers, service };
        for (text, want) in [
            ("off", RateLimits::OFF),
            ("on", RateLimits::DOCUMENTED),
            ("true", RateLimits::DOCUMENTED),
            ("2=50, 5=0", own([1, 50, 60, 200, 0], 60)),
            ("management=7", own(DOCUMENTED, 7)),
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
        for text in ["6=1", "0=1", "x", "2=-1", "2=1;3=4", "2"] {
            assert!(text.parse::<RateLimits>().is_err(), "{text}");
        }
        assert_eq!(RateLimits::DOCUMENTED.of_tier(5), 1_000);
        assert_eq!((RateLimits::DOCUMENTED.of_tier(0), RateLimits::DOCUMENTED.of_tier(6)), (0, 0));
    }

    #[test]
    fn counts_by_environment_operation_and_subject_within_a_second() {
        let limiter = RateLimiter::new(RateLimits::DOCUMENTED);
        let counted = |env, operation, subject| Counted { env: EnvId(env), operation, subject };
        let at = |millis: i64| Timestamp(1_000_000_000 + millis * 1_000);
        for n in 0..5 {
            assert!(limiter.allows(&counted(1, "a", "u"), 5, at(n)), "{n}");
        }
        assert!(!limiter.allows(&counted(1, "a", "u"), 5, at(999)));
        for other in [counted(2, "a", "u"), counted(1, "b", "u"), counted(1, "a", "v")] {
            assert!(limiter.allows(&other, 5, at(999)), "{other:?}");
        }
        assert!(limiter.allows(&counted(1, "a", "u"), 5, at(1_000)), "a new second");
        assert!(limiter.allows(&counted(1, "c", ""), 0, at(0)), "0 is no limit");
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = RateLimiter::new(RateLimits::DOCUMENTED);
        for n in 0..200_000 {
            let subject = n.to_string();
            limiter.allows(&Counted { env: EnvId(1), operation: "a", subject: &subject }, 5, Timestamp(n));
        }
        assert!(limiter.counters() <= SHARDS * COUNTERS_MAX, "{}", limiter.counters());
    }
}
