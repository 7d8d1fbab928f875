//! What a group of upstreams does in each situation that its settings speak of.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use wherefore_gateway::{
    Address, Asked, Breaker, GroupError, HashBy, Health, Member, MemberSet, NotChosen, Permit,
    Probed, Purpose, QueuePlace, Recovery, Retry, Role, Service, Settings, Strategy, Upstreams,
};
use wherefore_h1::Millis;
use wherefore_message::{Cause, Status};

fn member(name: &str) -> Member {
    Member::new(Address::parse(&format!("http://{name}")).unwrap())
}

fn group(names: &[&str], settings: Settings) -> Arc<Upstreams> {
    Upstreams::new(names.iter().map(|name| member(name)).collect(), settings).unwrap()
}

fn at(now: u64) -> Asked {
    Asked { now: Millis(now), ..Asked::default() }
}

fn fail(upstreams: &Arc<Upstreams>, now: u64) {
    upstreams.choose(&at(now)).unwrap().failed(Cause::Refused, Millis(now));
}

fn is_healthy(upstreams: &Upstreams, index: usize) -> bool {
    matches!(upstreams.standing(index).unwrap().health, Health::Healthy { .. })
}

#[test]
fn groups_that_can_not_be() {
    let new = |members| Upstreams::new(members, Settings::default()).map(|_| ());
    assert_eq!(new(vec![]), Err(GroupError::Empty));
    assert_eq!(new(vec![member("a"); 257]), Err(GroupError::TooMany));
    assert_eq!(new(vec![member("a"); 256]), Ok(()));
    for weight in [0, 101] {
        let wrong = Member { weight, ..member("b") };
        assert_eq!(new(vec![member("a"), wrong]), Err(GroupError::Weight(1)));
    }
}

#[test]
fn none_healthy_says_when_the_next_trial_is() {
    let upstreams = group(&["a", "b"], Settings::default());
    for now in [0, 0, 0, 0, 0, 700] {
        fail(&upstreams, now);
    }
    let none = |retry_in_millis| Some(NotChosen::NoneHealthy { retry_in_millis });
    assert_eq!(upstreams.choose(&at(1000)).err(), none(9000));
    assert_eq!(upstreams.choose(&at(9999)).err(), none(1));
    let trial = upstreams.choose(&at(10_000)).unwrap();
    assert_eq!((trial.index(), trial.purpose()), (0, Purpose::Trial));
    assert_eq!(upstreams.choose(&at(10_000)).err(), none(700));
    assert_eq!(upstreams.choose(&at(10_000)).err(), none(700));
    // The head of an answer is enough: its content may take for ever.
    trial.answered(Status::OK, Millis(10_100));
    assert!(is_healthy(&upstreams, 0));
    trial.failed(Cause::ClosedInContent, Millis(10_200));
    let Health::Healthy { failures: 1, .. } = upstreams.standing(0).unwrap().health else {
        panic!("{:?}", upstreams.standing(0));
    };
}

#[test]
fn a_trial_of_which_nothing_comes_is_made_again() {
    let settings = Settings { unhealthy_after: 1, ..Settings::default() };
    let upstreams = group(&["a"], settings);
    fail(&upstreams, 0);
    let trial = upstreams.choose(&at(10_000)).unwrap();
    trial.failed(Cause::OwnLack, Millis(10_001));
    assert!(upstreams.choose(&at(10_001)).is_err());
    drop(trial);
    let trial = upstreams.choose(&at(10_001)).unwrap();
    assert_eq!(trial.purpose(), Purpose::Trial);
    trial.failed(Cause::Refused, Millis(10_002));
    let none = Some(NotChosen::NoneHealthy { retry_in_millis: 20_000 });
    assert_eq!(upstreams.choose(&at(10_002)).err(), none);
}

#[test]
fn backups_stand_in_for_who_is_out_but_not_for_who_is_busy() {
    let backup = Member { role: Role::Backup, ..member("b") };
    let settings = Settings { in_flight_max: 1, unhealthy_after: 1, ..Settings::default() };
    let upstreams = Upstreams::new(vec![member("a"), backup], settings).unwrap();
    let first = upstreams.choose(&at(0)).unwrap();
    assert_eq!(upstreams.choose(&at(0)).err(), Some(NotChosen::AllBusy));
    let tried = MemberSet::from_iter([0]);
    assert_eq!(upstreams.choose(&Asked { tried, ..at(0) }).unwrap().index(), 1);
    first.failed(Cause::Reset, Millis(0));
    drop(first);
    assert_eq!(upstreams.choose(&at(0)).unwrap().index(), 1);
    assert_eq!(upstreams.choose(&at(10_000)).unwrap().index(), 0);
    upstreams.set_service(0, Service::Drained);
    assert_eq!(upstreams.choose(&at(10_000)).unwrap().index(), 1);
    upstreams.set_service(1, Service::Drained);
    assert_eq!(upstreams.choose(&at(10_000)).err(), Some(NotChosen::AllDrained));
    upstreams.set_service(99, Service::Drained);
}

#[test]
fn keys_keep_their_member_in_any_order_and_on_any_machine() {
    let settings = || Settings {
        strategy: Strategy::Hash(HashBy::Client),
        hash_seed: *b"0123456789abcdef",
        unhealthy_after: 1,
        ..Settings::default()
    };
    let names = ["a", "b", "c", "d"];
    let one = group(&names, settings());
    let other = group(&["d", "c", "b", "a"], settings());
    let without = group(&["a", "c", "d"], settings());
    let name = |upstreams: &Arc<Upstreams>, key: u64, tried| {
        let asked = Asked { key: Some(key), tried, random: key.reverse_bits(), ..at(5) };
        upstreams.choose(&asked).unwrap().member().address.authority()
    };
    let mut moved = 0;
    for i in 0..400_u32 {
        let key = one.key(&i.to_be_bytes());
        let before = name(&one, key, MemberSet::NONE);
        assert_eq!(before, name(&other, other.key(&i.to_be_bytes()), MemberSet::NONE));
        let after = name(&without, key, MemberSet::NONE);
        assert!(before == after || before == "b");
        moved += usize::from(before != after);
        // The next in its order is who would have it without the first.
        if before == "b" {
            assert_eq!(name(&one, key, MemberSet::from_iter([1])), after);
        }
    }
    // A quarter, within six standard deviations.
    assert!((48..152).contains(&moved), "{moved}");
    // These do not change from release to release.
    let first: Vec<_> =
        (0..6_u32).map(|i| name(&one, one.key(&i.to_be_bytes()), MemberSet::NONE)).collect();
    assert_eq!(first, ["b", "d", "c", "c", "a", "b"]);
}

#[test]
fn what_has_no_key_goes_anywhere() {
    let settings = Settings { strategy: Strategy::Hash(HashBy::Path), ..Settings::default() };
    let upstreams = group(&["a", "b"], settings);
    let chosen: MemberSet = (0..50)
        .map(|random| upstreams.choose(&Asked { random, ..at(0) }).unwrap().index())
        .collect();
    assert_eq!(chosen.len(), 2);
}

#[test]
fn the_share_of_one_that_came_back_grows() {
    for strategy in
        [Strategy::RoundRobin, Strategy::TwoChoices, Strategy::Hash(HashBy::Path), Strategy::Least]
    {
        let settings = Settings {
            strategy,
            unhealthy_after: 1,
            slow_start: Duration::from_secs(10),
            ..Settings::default()
        };
        let upstreams = group(&["a", "b"], settings);
        let tried = MemberSet::from_iter([1]);
        let first = Asked { tried, ..at(0) };
        upstreams.choose(&first).unwrap().failed(Cause::Reset, Millis(0));
        let trial = upstreams.choose(&Asked { now: Millis(10_000), ..first }).unwrap();
        trial.succeeded(Millis(10_000));
        drop(trial);
        let share = |now: u64| {
            let permits: Vec<Permit> = (0..1000)
                .map(|i: u64| {
                    let random = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    upstreams.choose(&Asked { random, key: Some(random), ..at(now) }).unwrap()
                })
                .collect();
            permits.iter().filter(|permit| permit.index() == 0).count()
        };
        let shares = [10_100, 12_500, 15_000, 20_000].map(share);
        // A weight of 0.01, 0.25, 0.5 and 1 against 1.
        for (is, due) in shares.into_iter().zip([10, 200, 333, 500]) {
            assert!(is.abs_diff(due) < 80, "{:?} {shares:?}", upstreams.settings().strategy);
        }
    }
}

#[test]
fn too_large_a_share_of_failures_trips_a_member() {
    let breaker =
        Breaker { failures_percent: 50, requests_min: 10, window: Duration::from_secs(10) };
    let settings = Settings { breaker: Some(breaker), unhealthy_after: 0, ..Settings::default() };
    let upstreams = group(&["a"], settings);
    for i in 0..9 {
        let permit = upstreams.choose(&at(i)).unwrap();
        if i % 2 == 0 {
            permit.failed(Cause::Malformed, Millis(i))
        } else {
            permit.succeeded(Millis(i))
        }
    }
    assert!(is_healthy(&upstreams, 0));
    fail(&upstreams, 9);
    assert!(!is_healthy(&upstreams, 0));
}

#[test]
fn under_probes_nothing_else_brings_a_member_back() {
    let every = Duration::from_secs(5);
    let recovery = Recovery::Probes { every, healthy_after: 2 };
    let settings = Settings { recovery, unhealthy_after: 2, ..Settings::default() };
    let upstreams = group(&["a", "b"], settings);
    assert_eq!([0, 0, 0].map(|now| upstreams.take_probe(Millis(now))), [Some(0), Some(1), None]);
    assert_eq!(upstreams.next_probe(), Some(Millis(5000)));
    for _ in 0..4 {
        fail(&upstreams, 1000);
    }
    let none = |retry_in_millis| Some(NotChosen::NoneHealthy { retry_in_millis });
    assert_eq!(upstreams.choose(&at(1000)).err(), none(4000));
    assert_eq!(upstreams.choose(&at(99_000)).err(), none(0));
    for (probed, healthy) in [
        (Probed::Healthy, false),
        (Probed::Unhealthy, false),
        (Probed::Healthy, false),
        (Probed::Healthy, true),
        (Probed::Unhealthy, true),
        (Probed::Unhealthy, false),
    ] {
        upstreams.probed(1, probed, Millis(2000));
        assert_eq!(is_healthy(&upstreams, 1), healthy);
    }
    assert_eq!(upstreams.take_probe(Millis(4999)), None);
    assert_eq!(upstreams.take_probe(Millis(6000)), Some(0));
    let others = group(&["a"], Settings::default());
    assert_eq!((others.take_probe(Millis(9)), others.next_probe()), (None, None));
}

#[test]
fn what_was_known_is_taken_over() {
    let settings = || Settings { unhealthy_after: 1, ..Settings::default() };
    let earlier = group(&["a", "b", "c"], settings());
    fail(&earlier, 0);
    fail(&earlier, 0);
    earlier.set_service(2, Service::Drained);
    let trial = earlier.choose(&at(10_000)).unwrap();
    assert_eq!(trial.index(), 0);
    let later = group(&["d", "c", "b", "a"], settings());
    later.adopt(&earlier);
    assert_eq!([0, 1, 2, 3].map(|i| is_healthy(&later, i)), [true, true, false, false]);
    // Who is out of service is for whoever holds all groups to say.
    assert_eq!(later.standing(1).unwrap().service, Service::In);
    // The other group's trial is not this one's.
    let tried = MemberSet::from_iter([0, 1, 2]);
    let again = later.choose(&Asked { tried, ..at(10_000) }).unwrap();
    assert_eq!((again.index(), again.purpose()), (3, Purpose::Trial));
    trial.succeeded(Millis(10_001));
    assert!(!is_healthy(&later, 3));
}

#[test]
fn retries_have_a_budget() {
    let settings = Settings { retry_least_per_second: 0, ..Settings::default() };
    let upstreams = group(&["a", "b"], settings);
    assert_eq!(upstreams.retry(0, Millis(0)), Retry::Spent);
    for _ in 0..5 {
        drop(upstreams.choose(&at(0)).unwrap());
    }
    // What is sent again adds nothing.
    let tried = MemberSet::from_iter([0]);
    for _ in 0..20 {
        drop(upstreams.choose(&Asked { tried, ..at(0) }).unwrap());
    }
    assert_eq!(upstreams.retry(2, Millis(0)), Retry::Enough);
    assert_eq!(upstreams.retry(1, Millis(0)), Retry::Granted);
    assert_eq!(upstreams.retry(0, Millis(0)), Retry::Spent);
}

/// Counts how often it is called.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// One that waits.
struct Waiting {
    place: QueuePlace,
    asked: Asked,
    calls: Arc<Calls>,
}

impl Waiting {
    fn new(upstreams: &Arc<Upstreams>, asked: Asked) -> Self {
        let place = upstreams.enqueue(&asked).unwrap();
        let mut waiting = Self { place, asked, calls: Arc::default() };
        assert!(waiting.poll().is_none());
        waiting
    }

    fn calls(&self) -> usize {
        self.calls.0.load(Ordering::SeqCst)
    }

    fn poll(&mut self) -> Option<Result<usize, NotChosen>> {
        match self.poll_permit() {
            Poll::Ready(chosen) => Some(chosen.map(|permit| permit.index())),
            Poll::Pending => None,
        }
    }

    fn poll_permit(&mut self) -> Poll<Result<Permit, NotChosen>> {
        let waker = Waker::from(self.calls.clone());
        self.place.poll_permit(&self.asked, &mut Context::from_waker(&waker))
    }
}

fn narrow(names: &[&str]) -> Arc<Upstreams> {
    let settings =
        Settings { in_flight_max: 1, queue_max: 2, unhealthy_after: 1, ..Settings::default() };
    group(names, settings)
}

#[test]
fn who_waits_first_is_served_first() {
    let upstreams = narrow(&["a"]);
    let busy = upstreams.choose(&at(0)).unwrap();
    let mut first = Waiting::new(&upstreams, at(0));
    let mut second = Waiting::new(&upstreams, at(0));
    assert!(upstreams.enqueue(&at(0)).is_none());
    drop(busy);
    assert_eq!((first.calls(), second.calls()), (1, 0));
    // It is the first one's already: nobody comes between.
    assert_eq!(upstreams.choose(&at(0)).err(), Some(NotChosen::AllBusy));
    assert_eq!(second.poll(), None);
    let Poll::Ready(Ok(permit)) = first.poll_permit() else { panic!("it was woken") };
    assert!(upstreams.enqueue(&at(0)).is_some());
    drop(permit);
    assert_eq!((second.calls(), second.poll()), (1, Some(Ok(0))));
    assert_eq!(upstreams.standing(0).unwrap().in_flight, 0);
}

#[test]
fn who_gives_up_hands_on_what_was_given() {
    let upstreams = narrow(&["a"]);
    let busy = upstreams.choose(&at(0)).unwrap();
    let first = Waiting::new(&upstreams, at(0));
    let mut second = Waiting::new(&upstreams, at(0));
    drop(busy);
    drop(first);
    assert_eq!((second.calls(), second.poll()), (1, Some(Ok(0))));
    drop(second);
    assert_eq!(upstreams.standing(0).unwrap().in_flight, 0);
    assert_eq!(Arc::strong_count(&upstreams), 1);
}

#[test]
fn who_waits_for_others_is_passed_over() {
    let upstreams = narrow(&["a", "b"]);
    let [a, b] = [(); 2].map(|()| upstreams.choose(&at(0)).unwrap());
    let tried = MemberSet::from_iter([0]);
    let mut only_b = Waiting::new(&upstreams, Asked { tried, ..at(0) });
    let mut any = Waiting::new(&upstreams, at(0));
    drop(a);
    assert_eq!((only_b.calls(), any.calls()), (0, 1));
    assert_eq!(any.poll(), Some(Ok(0)));
    drop(b);
    assert_eq!((only_b.calls(), only_b.poll()), (1, Some(Ok(1))));
}

#[test]
fn who_waits_in_vain_is_told() {
    let upstreams = narrow(&["a"]);
    let busy = upstreams.choose(&at(0)).unwrap();
    let mut first = Waiting::new(&upstreams, at(0));
    let mut second = Waiting::new(&upstreams, at(0));
    busy.failed(Cause::Reset, Millis(0));
    assert_eq!((first.calls(), second.calls()), (1, 1));
    let none = Some(Err(NotChosen::NoneHealthy { retry_in_millis: 10_000 }));
    assert_eq!((first.poll(), second.poll()), (none, none));

    let upstreams = narrow(&["a"]);
    let busy = upstreams.choose(&at(0)).unwrap();
    let mut waiting = Waiting::new(&upstreams, at(0));
    upstreams.set_service(0, Service::Drained);
    assert_eq!((waiting.calls(), waiting.poll()), (1, Some(Err(NotChosen::AllDrained))));
    drop(busy);
}

#[test]
fn a_place_that_is_free_by_now_is_found_at_once() {
    let upstreams = narrow(&["a"]);
    let busy = upstreams.choose(&at(0)).unwrap();
    let mut place = upstreams.enqueue(&at(0)).unwrap();
    drop(busy);
    let waker = Waker::noop();
    let polled = place.poll_permit(&at(0), &mut Context::from_waker(waker));
    assert!(matches!(polled, Poll::Ready(Ok(_))));
}
