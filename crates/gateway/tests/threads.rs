//! A group of upstreams under threads: no place is lost, and none is given twice.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use wherefore_gateway::{
    Address, Asked, HashBy, Member, MemberSet, NotChosen, Permit, Settings, Strategy, Upstreams,
};
use wherefore_h1::Millis;
use wherefore_message::Cause;

const MEMBERS: usize = 3;
const THREADS: usize = 8;
const ROUNDS: u64 = 2000;
const MOST: u32 = 2;

/// Wakes a thread that waits.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn group(settings: Settings) -> Arc<Upstreams> {
    let member = |i| Member::new(Address::parse(&format!("http://h{i}")).unwrap());
    Upstreams::new((0..MEMBERS).map(member).collect(), settings).unwrap()
}

/// Chooses, and waits in the queue where all are busy.
fn permit(upstreams: &Arc<Upstreams>, asked: &Asked) -> Result<Permit, NotChosen> {
    match upstreams.choose(asked) {
        Err(NotChosen::AllBusy) => {}
        chosen => return chosen,
    }
    let mut place = upstreams.enqueue(asked).expect("there is a place for each thread");
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match place.poll_permit(asked, &mut context) {
            Poll::Ready(chosen) => return chosen,
            Poll::Pending => thread::park(),
        }
    }
}

fn strategies() -> [Strategy; 4] {
    [Strategy::RoundRobin, Strategy::Least, Strategy::TwoChoices, Strategy::Hash(HashBy::Client)]
}

#[test]
fn everyone_gets_a_place_and_never_too_many_at_once() {
    for strategy in strategies() {
        let upstreams = group(Settings { strategy, in_flight_max: MOST, ..Settings::default() });
        let in_use: [AtomicUsize; MEMBERS] = Default::default();
        let served = AtomicU64::new(0);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (upstreams, in_use, served) = (&upstreams, &in_use, &served);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let random = round * 31 + number as u64;
                        // Some were tried already, so that they wait for others than the rest.
                        let tried =
                            (0..MEMBERS).filter(|i| (random >> i).is_multiple_of(5)).collect();
                        let asked = Asked { now: Millis(round), random, key: None, tried };
                        let permit = match permit(upstreams, &asked) {
                            Ok(permit) => permit,
                            Err(error) => {
                                assert!(error == NotChosen::AllTried && tried.len() == MEMBERS);
                                served.fetch_add(1, Ordering::Relaxed);
                                continue;
                            }
                        };
                        assert!(!tried.has(permit.index()));
                        let in_use = &in_use[permit.index()];
                        assert!(in_use.fetch_add(1, Ordering::SeqCst) < MOST as usize);
                        if round % 7 == 0 {
                            thread::yield_now();
                        }
                        in_use.fetch_sub(1, Ordering::SeqCst);
                        permit.succeeded(Millis(round));
                        drop(permit);
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(served.into_inner(), THREADS as u64 * ROUNDS);
        assert!((0..MEMBERS).all(|i| upstreams.standing(i).unwrap().in_flight == 0));
        assert_eq!(Arc::strong_count(&upstreams), 1);
    }
}

#[test]
fn of_an_unhealthy_member_one_trial_alone_is_under_way() {
    let upstreams = group(Settings { unhealthy_after: 1, ..Settings::default() });
    let now = AtomicU64::new(0);
    let trials: [AtomicUsize; MEMBERS] = Default::default();
    let trials_seen = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..THREADS as u64 {
            let (upstreams, now, trials, trials_seen) = (&upstreams, &now, &trials, &trials_seen);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let now = Millis(now.fetch_add(20, Ordering::SeqCst));
                    let random = round * 17 + number;
                    let asked = Asked { now, random, key: None, tried: MemberSet::NONE };
                    let Ok(permit) = upstreams.choose(&asked) else { continue };
                    let is_trial = permit.purpose() == wherefore_gateway::Purpose::Trial;
                    let under_way = &trials[permit.index()];
                    if is_trial {
                        trials_seen.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0);
                    }
                    thread::yield_now();
                    if is_trial {
                        under_way.fetch_sub(1, Ordering::SeqCst);
                    }
                    match random % 3 {
                        0 => permit.failed(Cause::Reset, now),
                        1 => permit.succeeded(now),
                        _ => {}
                    }
                }
            });
        }
    });
    assert!(trials_seen.into_inner() > 0);
    assert!((0..MEMBERS).all(|i| upstreams.standing(i).unwrap().in_flight == 0));
}

#[test]
fn the_turns_of_all_threads_together_match_the_weights() {
    let member = |i: u32| Member {
        weight: i + 1,
        ..Member::new(Address::parse(&format!("http://h{i}")).unwrap())
    };
    let upstreams = Upstreams::new((0..3).map(member).collect(), Settings::default()).unwrap();
    let counts: [AtomicU64; 3] = Default::default();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..600 {
                    let permit = upstreams.choose(&Asked::default()).unwrap();
                    counts[permit.index()].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(counts.map(AtomicU64::into_inner), [800, 1600, 2400]);
}
