//! When a second member is asked as well, and which.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use wherefore_gateway::{
    Address, Asked, Health, Hedge, Member, MemberSet, Permit, Purpose, Repeatable, Role, Service,
    Settings, Strategy as Choosing, Upstreams,
};
use wherefore_h1::Millis;
use wherefore_message::{Cause, Method};

/// The most that can be saved up, in hundredths of a request.
const SAVED_MAX: u64 = 1000;

const AFTER: Duration = Duration::from_millis(200);

fn hedged(ratio_percent: u32) -> Settings {
    let hedge = Some(Hedge { after: AFTER, ratio_percent });
    Settings { hedge, unhealthy_after: 1, ..Settings::default() }
}

fn group(roles: &[Role], settings: Settings) -> Arc<Upstreams> {
    let member = |(i, role): (usize, &Role)| {
        let address = Address::parse(&format!("http://h{i}")).unwrap();
        Member { role: *role, ..Member::new(address) }
    };
    Upstreams::new(roles.iter().enumerate().map(member).collect(), settings).unwrap()
}

fn at(now: u64) -> Asked {
    Asked { now: Millis(now), ..Asked::default() }
}

fn beside(permit: &Permit, now: u64) -> Asked {
    Asked { tried: MemberSet::from_iter([permit.index()]), ..at(now) }
}

#[test]
fn only_what_asks_for_no_change_and_is_at_hand_is_asked_for_twice() {
    let safe = ["GET", "HEAD", "OPTIONS", "TRACE"];
    let (one, two) = ([Role::Primary].as_slice(), [Role::Primary, Role::Backup].as_slice());
    for method in Method::KNOWN.iter().copied().chain([Method::Other]) {
        for repeatable in [Repeatable::Yes, Repeatable::No] {
            for (roles, settings) in
                [(one, hedged(5)), (two, Settings::default()), (two, hedged(5))]
            {
                let is_due = roles.len() == 2
                    && settings.hedge.is_some()
                    && repeatable == Repeatable::Yes
                    && safe.contains(&method.as_str());
                let time = group(roles, settings).hedge_time(method, repeatable);
                assert_eq!(time, is_due.then_some(AFTER), "{method} {repeatable:?} {roles:?}");
            }
        }
    }
}

#[test]
fn no_more_than_the_share_and_little_is_saved_up() {
    let upstreams = group(&[Role::Primary; 2], hedged(20));
    let granted = || {
        let tried = MemberSet::from_iter([0]);
        let hedges = (0..100).map_while(|_| upstreams.hedge(&Asked { tried, ..at(0) }));
        hedges.count()
    };
    let choose = |times| (0..times).for_each(|_| drop(upstreams.choose(&at(0)).unwrap()));
    assert_eq!(granted(), 0);
    choose(14);
    assert_eq!(granted(), 2);
    choose(1);
    assert_eq!(granted(), 1);
    choose(1000);
    assert_eq!(granted(), 10);
    // Retries are another matter.
    assert_eq!(upstreams.retry(0, Millis(0)), wherefore_gateway::Retry::Granted);
    let off = group(&[Role::Primary; 2], Settings::default());
    (0..100).for_each(|_| drop(off.choose(&at(0)).unwrap()));
    assert!(off.hedge(&Asked { tried: MemberSet::from_iter([0]), ..at(0) }).is_none());
}

/// What is free by now is theirs who wait.
#[test]
fn none_is_sent_while_others_wait() {
    let settings = Settings { in_flight_max: 1, queue_max: 1, ..hedged(100) };
    let upstreams = group(&[Role::Primary; 2], settings);
    let first = upstreams.choose(&at(0)).unwrap();
    let second = upstreams.choose(&at(0)).unwrap();
    let place = upstreams.enqueue(&at(0)).unwrap();
    assert!(upstreams.hedge(&beside(&first, 0)).is_none());
    drop(second);
    assert!(upstreams.hedge(&beside(&first, 0)).is_none());
    drop(place);
    assert!(upstreams.hedge(&beside(&first, 0)).is_some());
}

/// One that is cancelled says nothing of its member, be it the first or the second.
#[test]
fn who_loses_is_neither_well_nor_ill() {
    let settings = Settings { unhealthy_after: 2, ..hedged(100) };
    let upstreams = group(&[Role::Primary; 2], settings);
    let fail = |tried: &[usize]| {
        let asked = Asked { tried: tried.iter().copied().collect(), ..at(0) };
        upstreams.choose(&asked).unwrap().failed(Cause::Reset, Millis(0));
    };
    fail(&[1]);
    fail(&[0]);
    let failures = || [0, 1].map(|index| upstreams.standing(index).unwrap().health);
    let before = failures();
    assert!(before.iter().all(|health| matches!(health, Health::Healthy { failures: 1, .. })));
    let first = upstreams.choose(&at(0)).unwrap();
    let second = upstreams.hedge(&beside(&first, 1)).unwrap();
    assert_ne!(first.index(), second.index());
    assert_eq!([0, 1].map(|index| upstreams.standing(index).unwrap().in_flight), [1, 1]);
    drop(first);
    drop(second);
    assert_eq!(failures(), before);
}

#[derive(Clone, Debug)]
enum Event {
    Choose { random: u64 },
    Hedge { which: prop::sample::Index, random: u64 },
    Fail { which: prop::sample::Index },
    End { which: prop::sample::Index },
    Wait(u64),
    Set(usize, Service),
}

fn any_event() -> impl Strategy<Value = Event> {
    let which = any::<prop::sample::Index>;
    prop_oneof![
        6 => any::<u64>().prop_map(|random| Event::Choose { random }),
        4 => (which(), any::<u64>()).prop_map(|(which, random)| Event::Hedge { which, random }),
        1 => which().prop_map(|which| Event::Fail { which }),
        4 => which().prop_map(|which| Event::End { which }),
        1 => (0..20_000_u64).prop_map(Event::Wait),
        1 => (0..4_usize, prop::sample::select(&[Service::In, Service::Drained][..]))
            .prop_map(|(index, service)| Event::Set(index, service)),
    ]
}

/// Whether a second request could be sent to this member.
fn is_open(upstreams: &Upstreams, index: usize) -> bool {
    let standing = upstreams.standing(index).unwrap();
    standing.service == Service::In && matches!(standing.health, Health::Healthy { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn it_goes_to_another_that_is_healthy_in_service_and_free(
        backups in prop::collection::vec(any::<bool>(), 1..5),
        strategy in prop::sample::select(vec![Choosing::RoundRobin, Choosing::Least, Choosing::TwoChoices]),
        in_flight_max in 0..3_u32,
        ratio_percent in 0..=100_u32,
        events in prop::collection::vec(any_event(), 0..150),
    ) {
        let roles: Vec<Role> = backups
            .iter()
            .map(|is_backup| if *is_backup { Role::Backup } else { Role::Primary })
            .collect();
        let settings = Settings { strategy, in_flight_max, ..hedged(ratio_percent) };
        let upstreams = group(&roles, settings);
        let mut permits: Vec<Permit> = Vec::new();
        let (mut now, mut saved) = (1, 0);
        for event in events {
            match event {
                Event::Choose { random } => {
                    if let Ok(permit) = upstreams.choose(&Asked { random, ..at(now) }) {
                        saved = (saved + u64::from(ratio_percent)).min(SAVED_MAX);
                        permits.push(permit);
                    }
                }
                Event::Hedge { which, random } if !permits.is_empty() => {
                    let first = permits[which.index(permits.len())].index();
                    let tried = MemberSet::from_iter([first]);
                    let others = |role| {
                        let open = (0..roles.len()).filter(|i| *i != first && roles[*i] == role);
                        open.filter(|i| is_open(&upstreams, *i)).collect::<Vec<_>>()
                    };
                    let has_place = |index: &usize| {
                        let busy = upstreams.standing(*index).unwrap().in_flight;
                        in_flight_max == 0 || busy < in_flight_max
                    };
                    let open = match others(Role::Primary) {
                        primary if primary.is_empty() => others(Role::Backup),
                        primary => primary,
                    };
                    let free: Vec<usize> = open.into_iter().filter(has_place).collect();
                    let is_due = saved >= 100 && !free.is_empty();
                    let permit = upstreams.hedge(&Asked { random, tried, ..at(now) });
                    prop_assert_eq!(permit.is_some(), is_due);
                    if let Some(permit) = permit {
                        saved -= 100;
                        prop_assert!(free.contains(&permit.index()));
                        prop_assert_eq!(permit.purpose(), Purpose::Ordinary);
                        permits.push(permit);
                    }
                }
                Event::Fail { which } if !permits.is_empty() => {
                    let permit = permits.swap_remove(which.index(permits.len()));
                    permit.failed(Cause::Reset, Millis(now));
                }
                Event::End { which } if !permits.is_empty() => {
                    drop(permits.swap_remove(which.index(permits.len())));
                }
                Event::Hedge { .. } | Event::Fail { .. } | Event::End { .. } => {}
                Event::Wait(millis) => now += millis,
                Event::Set(index, service) => upstreams.set_service(index, service),
            }
        }
        let in_flight: u32 = (0..roles.len()).map(|i| upstreams.standing(i).unwrap().in_flight).sum();
        prop_assert_eq!(usize::try_from(in_flight).unwrap(), permits.len());
    }
}
