//! How long answers took, in buckets a thirty-second wide: as many as come, in the same memory.

use std::time::Duration;

const PARTS: u64 = 32;
const BUCKETS: usize = 64 * PARTS as usize;

/// The times of many answers.
#[derive(Debug)]
pub(crate) struct Times {
    counts: Vec<u64>,
    total: u64,
}

impl Times {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }

    /// Notes one more.
    pub(crate) fn note(&mut self, took: Duration) {
        self.counts[bucket(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))] += 1;
        self.total += 1;
    }

    /// How long all but a share of them took at most, in microseconds; the share is in thousandths.
    pub(crate) fn within_us(&self, per_mille: u64) -> u64 {
        let wanted = (self.total * per_mille).div_ceil(1000);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted && seen > 0
        });
        found.map_or(0, |bucket| least(bucket) / 1000)
    }
}

/// Times of one bucket share their highest octet's place and the five bits after it.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(PARTS);
    let place = u64::from(nanos.ilog2());
    let part = (nanos >> (place - 5)) & (PARTS - 1);
    (place * PARTS + part) as usize
}

fn least(bucket: usize) -> u64 {
    let (place, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    (PARTS + part) << (place.max(5) - 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_falls_where_it_belongs() {
        for nanos in [32, 33, 999, 1000, 123_456, 1 << 40, u64::MAX] {
            let at = least(bucket(nanos));
            assert!(at <= nanos && nanos - at <= nanos / PARTS, "{nanos} is at {at}");
        }
        assert_eq!(bucket(0), bucket(32));
    }

    #[test]
    fn shares_are_found() {
        let mut times = Times::new();
        assert_eq!(times.within_us(500), 0);
        (1..=1000).for_each(|micros| times.note(Duration::from_micros(micros)));
        for (per_mille, most) in [(500, 500), (990, 990), (1000, 1000)] {
            let at = times.within_us(per_mille);
            assert!(at <= most && at >= most - most / PARTS - 1, "{per_mille}: {at}");
        }
    }
}
