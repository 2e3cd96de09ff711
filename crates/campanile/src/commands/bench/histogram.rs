//! Latencies in logarithmic buckets: constant memory, no allocation while measuring, under 1 % error.

use std::time::Duration;

/// Buckets per power of two; the relative error of a percentile is at most half of one over this.
const SUB_BUCKETS: u64 = 64;
const SUB_BUCKET_BITS: u32 = SUB_BUCKETS.trailing_zeros();
/// Enough for 2^40 µs, which is twelve days.
const BUCKETS: usize = (SUB_BUCKETS as usize) * 36;

/// Counts of durations with microsecond resolution.
#[derive(Clone)]
pub(super) struct Histogram {
    counts: Box<[u64]>,
    recorded: u64,
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into_boxed_slice(), recorded: 0, max_us: 0 }
    }
}

impl Histogram {
    pub(super) fn record(&mut self, elapsed: Duration) {
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket_of(us)] += 1;
        self.recorded += 1;
        self.max_us = self.max_us.max(us);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.recorded += other.recorded;
        self.max_us = self.max_us.max(other.max_us);
    }

    pub(super) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// The smallest recorded value that at least `fraction` of all values do not exceed.
    /// `None` when nothing was recorded.
    pub(super) fn percentile_us(&self, fraction: f64) -> Option<u64> {
        let rank = ((self.recorded as f64 * fraction).ceil() as u64).clamp(1, self.recorded.max(1));
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= rank {
                return Some(middle_of(index).min(self.max_us));
            }
        }
        None
    }

    pub(super) fn max_us(&self) -> Option<u64> {
        (self.recorded > 0).then_some(self.max_us)
    }
}

/// Values below [`SUB_BUCKETS`] have a bucket each; above, every power of two is cut into that many.
fn bucket_of(us: u64) -> usize {
    if us < SUB_BUCKETS {
        return us as usize;
    }
    let shift = 63 - us.leading_zeros() - SUB_BUCKET_BITS;
    let within = (us >> shift) - SUB_BUCKETS;
    ((u64::from(shift + 1) * SUB_BUCKETS + within) as usize).min(BUCKETS - 1)
}

fn middle_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < SUB_BUCKETS {
        return bucket;
    }
    let shift = (bucket / SUB_BUCKETS - 1) as u32;
    let lowest = (bucket % SUB_BUCKETS + SUB_BUCKETS) << shift;
    lowest + ((1 << shift) - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values_us: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for us in values_us {
            histogram.record(Duration::from_micros(us));
        }
        histogram
    }

    #[test]
    fn empty_has_no_percentiles() {
        let empty = Histogram::default();
        assert_eq!(empty.percentile_us(0.5), None);
        assert_eq!(empty.max_us(), None);
        assert_eq!(empty.recorded(), 0);
    }

    #[test]
    fn small_values_are_exact() {
        let histogram = of(1..=50);
        for (fraction, want) in [(0.0, 1), (0.02, 1), (0.5, 25), (0.9, 45), (0.99, 50), (1.0, 50)] {
            assert_eq!(histogram.percentile_us(fraction), Some(want), "{fraction}");
        }
    }

    #[test]
    fn one_value_is_every_percentile() {
        for us in [0, 63, 64, 65, 4_095, 4_096, 1_000_000] {
            let histogram = of([us]);
            let p50 = histogram.percentile_us(0.5).unwrap_or_default();
            assert!(p50 <= us && us - p50 <= us / 100, "{us} became {p50}");
            assert_eq!(histogram.max_us(), Some(us));
        }
    }

    #[test]
    fn large_values_stay_within_one_percent() {
        let histogram = of(1..=100_000);
        for (fraction, want) in [(0.5, 50_000_u64), (0.9, 90_000), (0.99, 99_000), (1.0, 100_000)] {
            let got = histogram.percentile_us(fraction).unwrap_or_default();
            assert!(got.abs_diff(want) * 100 <= want, "{fraction}: {got} instead of {want}");
        }
    }

    #[test]
    fn buckets_are_ordered_and_contain_their_middle() {
        let mut last = 0;
        for us in (0..200_000).chain([1 << 30, 1 << 40, u64::MAX]) {
            let bucket = bucket_of(us);
            assert!(bucket >= last, "{us}");
            assert_eq!(bucket_of(middle_of(bucket)), bucket, "{us}");
            last = bucket;
        }
    }

    #[test]
    fn merging_is_the_same_as_recording_all() {
        let mut left = of(1..=1_000);
        left.merge(&of(1_001..=2_000));
        let both = of(1..=2_000);
        assert_eq!(left.recorded(), 2_000);
        for fraction in [0.1, 0.5, 0.9, 0.99] {
            assert_eq!(left.percentile_us(fraction), both.percentile_us(fraction));
        }
        assert_eq!(left.max_us(), Some(2_000));
    }
}
