//! How often batch endpoints may change one message: once per second (api-conventions.md A9.2).

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::time::{Micros, Timestamp};
use quick_cache::sync::Cache;

/// Messages remembered at the most: the oldest make room, and may then be changed again early.
const REMEMBERED_MAX: usize = 100_000;
/// Time between two changes.
const INTERVAL: Micros = Micros(1_000_000);

/// When this node last changed which message in a batch.
pub(crate) struct BatchUpdates {
    last: Cache<(EnvId, Ksuid), Timestamp>,
}

impl Default for BatchUpdates {
    fn default() -> Self {
        Self { last: Cache::new(REMEMBERED_MAX) }
    }
}

impl BatchUpdates {
    /// True when the message may be changed now, which then counts as its change.
    pub(crate) fn take(&self, env: EnvId, message: Ksuid, now: Timestamp) -> bool {
        let key = (env, message);
        if self.last.get(&key).is_some_and(|at| now < at + INTERVAL) {
            return false;
        }
        self.last.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_change_per_second_and_message() {
        let updates = BatchUpdates::default();
        let at = Timestamp(1_700_000_000_000_000);
        let (a, b) = (Ksuid::floor(at), Ksuid::floor(at + Micros(1)));
        for (env, message, micros, want) in [
            (1, a, 0, true),
            (1, a, 0, false),
            (1, b, 0, true),
            (2, a, 0, true),
            (1, a, 999_999, false),
            (1, a, 1_000_000, true),
            (1, a, 1_999_999, false),
        ] {
            assert_eq!(updates.take(EnvId(env), message, at + Micros(micros)), want, "{env} {micros}");
        }
    }
}
