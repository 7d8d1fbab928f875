//! A group of upstreams beside a plain model of it, over any sequence of requests, ends, pauses and drains.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use wherefore_gateway::{
    Address, Asked, HashBy, Health, Member, NotChosen, Permit, Purpose, Role, Service, Settings,
    Strategy as Choosing, Upstreams,
};
use wherefore_h1::Millis;
use wherefore_message::{Cause, Status};

const UNHEALTHY_AFTER: u32 = 2;
const UNHEALTHY_MILLIS: u64 = 1000;

#[derive(Clone, Debug)]
enum Event {
    Choose { tried: u8, random: u64 },
    End { which: prop::sample::Index, how: How },
    Wait(u64),
    Set(usize, Service),
}

#[derive(Clone, Copy, Debug)]
enum How {
    Succeeds,
    Fails(Cause),
    FailsTwice,
    Answers(u16),
    IsDropped,
}

/// A member, as one would write it down without sharing.
#[derive(Clone, Debug)]
struct Plain {
    role: Role,
    is_drained: bool,
    in_flight: u32,
    failures: u32,
    /// For how long it was unhealthy, and until when.
    out: Option<(u64, u64)>,
    is_tried_out: bool,
}

impl Plain {
    fn may_be_asked(&self, now: u64) -> bool {
        !self.is_drained && !self.is_tried_out && self.out.is_none_or(|(_, until)| now >= until)
    }

    fn end(&mut self, how: How, is_trial: bool, now: u64) {
        self.in_flight -= 1;
        let failed = match how {
            How::Fails(Cause::Loop) | How::IsDropped => None,
            How::Succeeds => Some(false),
            How::Fails(_) | How::FailsTwice | How::Answers(500) => Some(true),
            How::Answers(_) if is_trial => Some(false),
            How::Answers(_) => None,
        };
        if is_trial {
            self.is_tried_out = false;
        }
        match (failed, self.out) {
            (None, _) => {}
            (Some(false), Some(_)) if is_trial => (self.out, self.failures) = (None, 0),
            (Some(true), Some((time, _))) if is_trial => {
                let time = (time * 2).min(8 * UNHEALTHY_MILLIS);
                self.out = Some((time, now + time));
            }
            (Some(_), Some(_)) => {}
            (Some(false), None) => self.failures = 0,
            (Some(true), None) => {
                self.failures += 1;
                if self.failures == UNHEALTHY_AFTER {
                    self.out = Some((UNHEALTHY_MILLIS, now + UNHEALTHY_MILLIS));
                }
            }
        }
    }

    fn is_as(&self, health: Health) -> bool {
        match health {
            Health::Healthy { failures, .. } => {
                self.out.is_none() && failures == u64::from(self.failures)
            }
            Health::Unhealthy { until, .. } => {
                !self.is_tried_out && self.out.is_some_and(|(_, at)| at == until.0)
            }
            Health::Trial { .. } => self.is_tried_out,
        }
    }
}

/// What has to come of a choice: one of these, or this error.
fn due(
    members: &[Plain],
    tried: u8,
    in_flight_max: u32,
    now: u64,
) -> Result<Vec<usize>, NotChosen> {
    let left = |index: &usize| tried >> index & 1 == 0;
    for role in [Role::Primary, Role::Backup] {
        let ready: Vec<usize> = (0..members.len())
            .filter(left)
            .filter(|i| members[*i].role == role && members[*i].may_be_asked(now))
            .collect();
        let is_free = |i: &usize| in_flight_max == 0 || members[*i].in_flight < in_flight_max;
        let free: Vec<usize> = ready.iter().copied().filter(is_free).collect();
        if !free.is_empty() {
            return Ok(free);
        }
        if !ready.is_empty() {
            return Err(NotChosen::AllBusy);
        }
    }
    let left: Vec<&Plain> = (0..members.len()).filter(left).map(|i| &members[i]).collect();
    let waits = left.iter().filter(|member| !member.is_drained).map(|member| {
        let until = member.out.map_or(now, |(_, until)| until);
        if member.is_tried_out { 1000 } else { until.saturating_sub(now) }
    });
    Err(match waits.min() {
        _ if left.is_empty() => NotChosen::AllTried,
        None => NotChosen::AllDrained,
        Some(retry_in_millis) => NotChosen::NoneHealthy { retry_in_millis },
    })
}

fn end(permit: Permit, how: How, now: Millis) {
    match how {
        How::Succeeds => permit.succeeded(now),
        How::Fails(cause) => permit.failed(cause, now),
        How::FailsTwice => {
            permit.failed(Cause::Reset, now);
            permit.failed(Cause::Closed, now);
            permit.succeeded(now);
        }
        How::Answers(code) => permit.answered(Status::new(code).unwrap(), now),
        How::IsDropped => {}
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let how = prop_oneof![
        3 => Just(How::Succeeds),
        4 => prop::sample::select(&[Cause::Refused, Cause::Reset, Cause::AnswerLate, Cause::Loop][..])
            .prop_map(How::Fails),
        1 => Just(How::FailsTwice),
        2 => prop::sample::select(&[200, 404, 500][..]).prop_map(How::Answers),
        1 => Just(How::IsDropped),
    ];
    prop_oneof![
        6 => (prop_oneof![3 => Just(0), 1 => any::<u8>()], any::<u64>())
            .prop_map(|(tried, random)| Event::Choose { tried, random }),
        6 => (any::<prop::sample::Index>(), how).prop_map(|(which, how)| Event::End { which, how }),
        2 => (0..2 * UNHEALTHY_MILLIS).prop_map(Event::Wait),
        1 => (0..4_usize, prop::sample::select(&[Service::In, Service::Drained][..]))
            .prop_map(|(index, service)| Event::Set(index, service)),
    ]
}

fn any_strategy() -> impl Strategy<Value = Choosing> {
    prop::sample::select(vec![
        Choosing::RoundRobin,
        Choosing::Least,
        Choosing::TwoChoices,
        Choosing::Hash(HashBy::Path),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn it_does_as_the_model(
        kinds in prop::collection::vec((1..=9_u32, any::<bool>()), 1..5),
        strategy in any_strategy(),
        in_flight_max in 0..3_u32,
        slow_start in prop::sample::select(vec![0, 500]),
        events in prop::collection::vec(any_event(), 0..120),
    ) {
        let role = |is_backup| if is_backup { Role::Backup } else { Role::Primary };
        let member = |i: usize, (weight, is_backup): (u32, bool)| Member {
            address: Address::parse(&format!("http://h{i}")).unwrap(),
            weight,
            role: role(is_backup),
        };
        let members = kinds.iter().enumerate().map(|(i, kind)| member(i, *kind)).collect();
        let settings = Settings {
            strategy,
            in_flight_max,
            unhealthy_after: UNHEALTHY_AFTER,
            unhealthy_time: Duration::from_millis(UNHEALTHY_MILLIS),
            unhealthy_statuses: vec![Status::INTERNAL_SERVER_ERROR],
            slow_start: Duration::from_millis(slow_start),
            ..Settings::default()
        };
        let upstreams = Upstreams::new(members, settings).unwrap();
        let mut model: Vec<Plain> = kinds.iter().map(|(_, is_backup)| Plain {
            role: role(*is_backup),
            is_drained: false,
            in_flight: 0,
            failures: 0,
            out: None,
            is_tried_out: false,
        }).collect();
        let mut permits: Vec<Permit> = Vec::new();
        let mut now = 1;
        for event in events {
            match event {
                Event::Choose { tried, random } => {
                    let set = (0..8).filter(|index| tried >> index & 1 == 1).collect();
                    let asked = Asked { now: Millis(now), random, key: None, tried: set };
                    let due = due(&model, tried, in_flight_max, now);
                    match upstreams.choose(&asked) {
                        Ok(permit) => {
                            let index = permit.index();
                            prop_assert!(due.is_ok_and(|due| due.contains(&index)), "{index}");
                            let member = &mut model[index];
                            member.in_flight += 1;
                            member.is_tried_out = member.out.is_some();
                            let is_trial = permit.purpose() == Purpose::Trial;
                            prop_assert_eq!(is_trial, member.is_tried_out);
                            permits.push(permit);
                        }
                        Err(error) => prop_assert_eq!(Err(error), due),
                    }
                }
                Event::End { which, how } if !permits.is_empty() => {
                    let permit = permits.swap_remove(which.index(permits.len()));
                    let is_trial = permit.purpose() == Purpose::Trial;
                    model[permit.index()].end(how, is_trial, now);
                    end(permit, how, Millis(now));
                }
                Event::End { .. } => {}
                Event::Wait(millis) => now += millis,
                Event::Set(index, service) => {
                    upstreams.set_service(index, service);
                    if let Some(member) = model.get_mut(index) {
                        member.is_drained = service == Service::Drained;
                    }
                }
            }
            for (i, member) in model.iter().enumerate() {
                let standing = upstreams.standing(i).unwrap();
                prop_assert_eq!(standing.in_flight, member.in_flight);
                prop_assert!(member.is_as(standing.health), "{:?} {:?}", member, standing);
            }
        }
        drop(permits);
        prop_assert!((0..model.len()).all(|i| upstreams.standing(i).unwrap().in_flight == 0));
        prop_assert_eq!(Arc::strong_count(&upstreams), 1);
    }
}
