//! Payments over restarts, races and bounds.

use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process, thread};

use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("wherefore-payments-{}-{count}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> Arc<Payments> {
        Payments::open(&self.0, 2).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn settlement() -> Settlement {
    Settlement { until: 9, purpose: b"/a"[..].into(), told: b"told"[..].into() }
}

#[test]
fn what_was_settled_is_known_for_ever() {
    let scratch = Scratch::new();
    for is_first in [true, false] {
        let payments = scratch.open();
        let hold = payments.hold(b"a").unwrap();
        let known = payments.known(&hold).unwrap();
        assert_eq!(known, if is_first { Known::Nothing } else { Known::Settled(settlement()) });
        if is_first {
            payments.begin(&hold).unwrap();
            payments.settled(&hold, &settlement()).unwrap();
        }
        assert!(matches!(payments.begin(&hold), Err(BeginError::Again)));
        assert_eq!(payments.known(&hold).unwrap(), Known::Settled(settlement()));
    }
}

#[test]
fn what_was_begun_is_never_begun_again_unless_it_was_refused() {
    let scratch = Scratch::new();
    let payments = scratch.open();
    let hold = payments.hold(b"a").unwrap();
    payments.begin(&hold).unwrap();
    drop((hold, payments));
    let payments = scratch.open();
    let hold = payments.hold(b"a").unwrap();
    assert_eq!(payments.known(&hold).unwrap(), Known::Begun);
    assert!(matches!(payments.begin(&hold), Err(BeginError::Again)));
    payments.refused(&hold).unwrap();
    assert_eq!(payments.known(&hold).unwrap(), Known::Nothing);
    payments.begin(&hold).unwrap();
}

#[test]
fn one_is_at_a_payment_and_begins_it_once() {
    const RACERS: usize = 16;
    let scratch = Scratch::new();
    let (payments, barrier) = (&scratch.open(), &Barrier::new(RACERS));
    let begun: usize = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|_| {
                scope.spawn(move || {
                    barrier.wait();
                    let Some(hold) = payments.hold(b"a") else { return 0 };
                    usize::from(payments.begin(&hold).is_ok())
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(begun, 1);
    assert!(payments.hold(b"a").is_some(), "it was let go of");
}

#[test]
fn no_more_than_may_be_are_remembered() {
    let scratch = Scratch::new();
    let payments = scratch.open();
    for (id, is_taken) in [(b"a", true), (b"b", true), (b"c", false)] {
        let hold = payments.hold(id).unwrap();
        let begun = payments.begin(&hold);
        assert!(if is_taken { begun.is_ok() } else { matches!(begun, Err(BeginError::Full)) });
    }
    let hold = payments.hold(b"c").unwrap();
    assert_eq!(payments.known(&hold).unwrap(), Known::Nothing);
    assert!(payments.hold(&vec![b'x'; PAYMENT_ID_BYTES_MAX + 1]).is_none());
    assert!(matches!(Payments::open(&scratch.0, 2), Err(StateError::Locked { .. })));
}
