//! Limits that many threads take from at once: exactly what the quotas allow, and no more memory than told.
#![allow(clippy::unwrap_used, reason = "every function here is a test's")]

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use wherefore_state::{
    Charge, Denied, LIMIT_ENTRIES_DEFAULT, Limits, Meter, Moment, Quota, Secret, Why,
};

const SECOND: u64 = 1_000_000_000;
const NOW: Moment = Moment(100 * SECOND);

fn limits(entries_max: usize) -> Limits {
    Limits::new(entries_max, Secret::new(*b"sixteen octets !"))
}

fn an_hour(count: u32) -> Quota {
    Quota::new(count, 3600, count).unwrap()
}

/// Takes one for `key`.
fn take(limits: &Limits, key: &[u8], quota: Quota, now: Moment) -> Result<(), Why> {
    let mut charge = [limits.charge("limit", key, quota, 1)];
    limits.take(&mut charge, now).map_err(|refused| refused.why)
}

/// Runs the same on so many threads, all beginning at once, and adds up what they say.
fn on_threads(threads: usize, run: impl Fn(usize) -> u64 + Sync) -> u64 {
    let begin = Barrier::new(threads);
    let (run, begin) = (&run, &begin);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    begin.wait();
                    run(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn ten_thousand_takes_of_one_key_get_exactly_the_quota() {
    for quota in [1, 1000, 9_999] {
        let limits = limits(LIMIT_ENTRIES_DEFAULT);
        let granted = on_threads(16, |_| {
            let mine = (0..625).map(|_| take(&limits, b"key", an_hour(quota), NOW));
            mine.map(|taken| u64::from(taken.is_ok())).sum()
        });
        assert_eq!(granted, quota.into());
    }
}

#[test]
fn each_of_many_keys_gets_exactly_its_quota() {
    const KEYS: u32 = 3000;
    let limits = limits(LIMIT_ENTRIES_DEFAULT);
    let granted: Vec<AtomicU32> = (0..KEYS).map(|_| AtomicU32::new(0)).collect();
    on_threads(8, |thread| {
        for round in 0..3 {
            for i in 0..KEYS {
                // Each thread in another order.
                let key = (i * 7 + thread as u32 * 311 + round) % KEYS;
                let quota = an_hour(1 + key % 20);
                if take(&limits, &key.to_le_bytes(), quota, NOW).is_ok() {
                    granted[key as usize].fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        0
    });
    for (key, granted) in granted.iter().enumerate() {
        assert_eq!(granted.load(Ordering::Relaxed), 1 + key as u32 % 20, "{key}");
    }
}

/// Keys that come once push each other out of a table that is far too small, as time goes on; those that
/// owe something stay, and get what they may. The threads' clocks differ by less than a second.
#[test]
fn who_owes_something_is_never_pushed_out() {
    const THREADS: usize = 8;
    const ROUNDS: u64 = 200;
    const KEYS: u64 = 32;
    let limits = limits(96);
    let owing = Quota::new(5, 31 * 86_400, 5).unwrap();
    let busy = Quota::new(100, 1, 10).unwrap();
    for key in 0..KEYS {
        take(&limits, &key.to_le_bytes(), owing, NOW).unwrap();
    }
    let (took_busy, entered, full) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let round_ends = Barrier::new(THREADS);
    let owed = on_threads(THREADS, |thread| {
        let mut granted = 0;
        for round in 0..ROUNDS {
            let now = NOW.after(Duration::from_millis(round * 400 + thread as u64 * 100));
            for i in 0..KEYS {
                granted += u64::from(take(&limits, &i.to_le_bytes(), owing, now).is_ok());
                match take(&limits, &[thread as u8, round as u8, i as u8], busy, now) {
                    Ok(()) => entered.fetch_add(1, Ordering::Relaxed),
                    Err(_) => full.fetch_add(1, Ordering::Relaxed),
                };
                if take(&limits, b"busy", busy, now).is_ok() {
                    took_busy.fetch_add(1, Ordering::Relaxed);
                }
            }
            round_ends.wait();
        }
        granted
    });
    assert_eq!(owed, KEYS * 4);
    let (entered, full) = (entered.into_inner(), full.into_inner());
    assert!(entered > 10 * 96 && full > 0, "{entered} entered, {full} found no place");
    let millis = (ROUNDS - 1) * 400 + (THREADS as u64 - 1) * 100;
    let took_busy = took_busy.into_inner();
    assert!(took_busy > 0 && took_busy <= 10 + millis / 10, "{took_busy}");
}

#[test]
fn a_full_table_says_how_long() {
    let limits = limits(3);
    let quota = |seconds| Quota::new(1, seconds, 1).unwrap();
    for (key, seconds) in [(b"a", 10), (b"b", 5), (b"c", 7)] {
        take(&limits, key, quota(seconds), NOW).unwrap();
    }
    let full = |now| take(&limits, b"d", quota(60), now).unwrap_err();
    // A second longer than the first of them owes something, since clocks may differ.
    assert_eq!(full(NOW), Why::Full { wait: Duration::from_secs(6) });
    let later = NOW.after(Duration::from_secs(2));
    assert_eq!(full(later), Why::Full { wait: Duration::from_secs(4) });
    assert_eq!(
        take(&limits, b"b", quota(5), later),
        Err(Why::Denied(Denied { wait: Some(Duration::from_secs(3)) })),
    );
    let free = NOW.after(Duration::from_secs(6));
    take(&limits, b"d", quota(60), free).unwrap();
    assert!(matches!(take(&limits, b"d", quota(60), free), Err(Why::Denied(_))));
    assert!(matches!(take(&limits, b"e", quota(60), free), Err(Why::Full { .. })));
    assert!(matches!(take(&limits, b"a", quota(10), free), Err(Why::Denied(_))));
}

#[test]
fn several_limits_are_taken_all_or_none() {
    let limits = limits(1000);
    let (wide, narrow) = (an_hour(1000), an_hour(7));
    let remaining = |limit, quota| {
        let mut charge = [limits.charge(limit, b"key", quota, 1)];
        limits.take(&mut charge, NOW).unwrap();
        limits.give_back(&mut charge, NOW);
        charge[0].standing().remaining
    };
    let granted = on_threads(8, |thread| {
        let mut granted = 0;
        for _ in 0..50 {
            let mut charges = [
                limits.charge("wide", b"key", wide, 2),
                limits.charge("narrow", b"key", narrow, 1),
            ];
            if thread % 2 == 0 {
                charges.reverse();
            }
            let taken = limits.take(&mut charges, NOW);
            if let Err(refused) = &taken {
                let wide = charges.iter().position(|charge| charge.quota() == wide).unwrap();
                assert_ne!(refused.index, wide);
                let Why::Denied(denied) = refused.why else { panic!("{refused:?}") };
                assert!(denied.wait > Some(Duration::ZERO));
            }
            granted += u64::from(taken.is_ok());
        }
        granted
    });
    // Who had to give back may have kept the last of them from others; they are there now.
    assert!(granted <= 7, "{granted}");
    let mut rest = 0;
    while take_both(&limits, wide, narrow) {
        rest += 1;
    }
    assert_eq!(granted + rest, 7);
    assert_eq!(remaining("wide", wide), 1000 - 2 * 7);
}

fn take_both(limits: &Limits, wide: Quota, narrow: Quota) -> bool {
    let mut charges =
        [limits.charge("wide", b"key", wide, 2), limits.charge("narrow", b"key", narrow, 1)];
    limits.take(&mut charges, NOW).is_ok()
}

#[test]
fn a_refusal_tells_the_longest_wait_and_how_each_stands() {
    let limits = limits(1000);
    let (short, long) = (Quota::new(1, 10, 1).unwrap(), Quota::new(1, 60, 1).unwrap());
    let charges = || {
        [
            limits.charge("short", b"key", short, 1),
            limits.charge("long", b"key", long, 1),
            limits.charge("free", b"key", an_hour(9), 1),
        ]
    };
    let mut first = charges();
    limits.take(&mut first, NOW).unwrap();
    let mut second = charges();
    let refused = limits.take(&mut second, NOW).unwrap_err();
    assert_eq!(refused.index, 1);
    assert_eq!(refused.why, Why::Denied(Denied { wait: Some(Duration::from_secs(60)) }));
    let told = second.each_ref().map(|charge| {
        let standing = charge.standing();
        (standing.remaining, standing.seconds())
    });
    assert_eq!(told, [(0, 10), (0, 60), (8, 400)]);

    limits.give_back(&mut first, NOW);
    assert_eq!(first.each_ref().map(|charge| charge.standing().remaining), [1, 1, 9]);
    limits.take(&mut second, NOW).unwrap();
    limits.give_back(&mut first, NOW);
    assert!(limits.take(&mut charges(), NOW).is_err(), "nothing is given back twice");
    let mut dear = [limits.charge("free", b"key", an_hour(9), 10)];
    let refused = limits.take(&mut dear, NOW).unwrap_err();
    assert_eq!(refused.why, Why::Denied(Denied { wait: None }));
}

#[test]
fn a_limit_is_its_name_its_rate_and_its_key() {
    let limits = limits(1000);
    let take = |limit: &str, key: &[u8], quota| {
        limits.take(&mut [limits.charge(limit, key, quota, 1)], NOW).is_ok()
    };
    assert!(take("a", b"k", an_hour(1)));
    assert!(!take("a", b"k", an_hour(1)));
    assert!(take("a", b"l", an_hour(1)));
    assert!(take("ak", b"", an_hour(1)));
    assert!(take("a", b"k", an_hour(2)), "another rate");
    assert!(take("a", b"k", Quota::new(1, 3600, 2).unwrap()), "the same rate with more burst");
    assert!(!take("a", b"k", Quota::new(1, 3600, 2).unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One thread, a small table: as if it were unbounded, but for what it says is full; and it says so
    /// only if as many keys as fit owe something, or did a second ago.
    #[test]
    fn a_small_table_does_what_a_map_does(
        entries_max in 1usize..6,
        steps in proptest::collection::vec((0u8..9, 0..3000u64, 1..3u32, any::<bool>()), 1..120),
    ) {
        let limits = limits(entries_max);
        let quota = Quota::new(1, 1, 3).unwrap();
        let mut map: HashMap<u8, Moment> = HashMap::new();
        let mut now = NOW;
        let mut held: Vec<(u8, u32, Moment, [Charge; 1])> = Vec::new();
        for (key, pause, cost, back) in steps {
            now = now.after(Duration::from_millis(pause));
            if back && let Some((key, cost, taken, mut charge)) = held.pop() {
                limits.give_back(&mut charge, now);
                let clear_at = map[&key];
                map.insert(key, quota.give_back(clear_at, now, taken, cost));
                continue;
            }
            let mut charge = [limits.charge("limit", &[key], quota, cost)];
            let known = map.get(&key).copied().unwrap_or_default();
            let expected = quota.take(known, now, cost);
            match limits.take(&mut charge, now) {
                Ok(()) => {
                    let taken = expected.unwrap();
                    prop_assert_eq!(charge[0].standing(), quota.standing(taken, now));
                    map.insert(key, taken);
                    held.push((key, cost, taken, charge));
                }
                Err(refused) => match refused.why {
                    Why::Denied(denied) => prop_assert_eq!(expected, Err(denied)),
                    Why::Full { wait } => {
                        let lag = Duration::from_secs(1);
                        let owing = map.values().filter(|clear_at| clear_at.after(lag) > now);
                        prop_assert_eq!(owing.clone().count(), entries_max);
                        let first = owing.min().unwrap();
                        prop_assert!(!wait.is_zero() && wait <= first.after(lag).since(now));
                    }
                },
            }
        }
    }
}
