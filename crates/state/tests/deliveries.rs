//! Deliveries over restarts, at their bounds, and with what is not theirs.
#![allow(clippy::unwrap_used, reason = "every function here is a test's")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use wherefore_message::later::{Lasts, Progress, Setback};
use wherefore_message::{Cause, Status};
use wherefore_state::StateError;
use wherefore_state::deliveries::{
    AcceptError, ClientKey, Content, Deliveries, DeliveryBounds, DeliveryId, DeliverySettings, Due,
    Lease, NewDelivery, Next, Refused, Retry, UnixMillis,
};

const REFUSED: Refused =
    Refused { why: Setback::Cause(Cause::Refused), lasts: Lasts::ForNow, retry_after: None };
const FOR_GOOD: Refused = Refused {
    why: Setback::Answered(Status::BAD_REQUEST),
    lasts: Lasts::ForGood,
    retry_after: None,
};

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wherefore-deliveries-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> Deliveries {
        self.open_within(small()).unwrap()
    }

    fn open_within(&self, bounds: DeliveryBounds) -> Result<Deliveries, StateError> {
        let retry = Retry { tries_max: 3, ..Retry::default() };
        let settings = DeliverySettings { bounds, retry, dead_letters: None };
        Deliveries::open(&self.0, settings)
    }

    /// The names of the files in this folder of the state.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("deliveries").join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn dead(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join("deliveries/dead-letters").join(name)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Content of more than 16 octets is a file.
fn small() -> DeliveryBounds {
    DeliveryBounds { inline_bytes_max: 16, ..DeliveryBounds::default() }
}

fn id(number: u8) -> DeliveryId {
    DeliveryId::new([number; 16])
}

fn request(key: Option<&str>) -> NewDelivery {
    let key =
        key.map(|key| ClientKey { principal: b"anna"[..].into(), key: key.as_bytes().into() });
    NewDelivery {
        destination: "orders".into(),
        method: "POST".into(),
        target: b"/orders?a=b"[..].into(),
        fields: vec![(b"Content-Type"[..].into(), b"text/plain"[..].into())],
        key,
    }
}

fn accept(
    deliveries: &Deliveries,
    number: u8,
    content: &[u8],
    key: Option<&str>,
    now: u64,
) -> Result<DeliveryId, AcceptError> {
    let mut incoming = deliveries.begin(id(number))?;
    // In pieces: some of it is in memory before there is a file.
    for piece in content.chunks(7) {
        incoming.write(piece)?;
    }
    deliveries.accept(incoming, request(key), UnixMillis(now))
}

fn lease(deliveries: &Deliveries, now: u64) -> Lease {
    match deliveries.lease(UnixMillis(now)).unwrap() {
        Due::Now(lease) => *lease,
        other => panic!("{other:?}"),
    }
}

fn content(lease: &Lease) -> Vec<u8> {
    match &lease.delivery().content {
        Content::Inline(octets) => octets.to_vec(),
        Content::File { path, length } => {
            let octets = fs::read(path).unwrap();
            assert_eq!(octets.len() as u64, *length);
            octets
        }
    }
}

#[test]
fn accepted_tried_and_delivered_over_restarts() {
    let (small, large) = (&b"a=b"[..], [b'x'; 100]);
    let scratch = Scratch::new();
    let deliveries = scratch.open();
    assert!(matches!(deliveries.lease(UnixMillis(0)).unwrap(), Due::Nothing));
    assert_eq!(accept(&deliveries, 1, small, None, 1_000).unwrap(), id(1));
    assert_eq!(accept(&deliveries, 2, &large, Some("\"k\""), 2_000).unwrap(), id(2));
    assert_eq!(scratch.names("spool"), [id(2).to_string()]);
    let new = |next_at| Some(Progress::Pending { tries: 0, next_at, last: None });
    assert_eq!((deliveries.progress(id(1)), deliveries.progress(id(3))), (new(1), None));
    drop(deliveries);

    let deliveries = scratch.open();
    assert_eq!((deliveries.progress(id(2)), deliveries.pending()), (new(2), 2));
    let first = lease(&deliveries, 1_500);
    assert_eq!((first.delivery().id, content(&first)), (id(1), small.to_vec()));
    assert_eq!(first.delivery().request, request(None));
    assert_eq!(*first.delivery().idempotency_key(), *format!("\"{}\"", id(1)).as_bytes());
    // Somebody is at the first, and the second is not due yet.
    let due = deliveries.lease(UnixMillis(1_999)).unwrap();
    assert!(matches!(due, Due::At(UnixMillis(2_000))));
    let second = lease(&deliveries, 2_000);
    assert_eq!((second.delivery().id, content(&second)), (id(2), large.to_vec()));
    assert_eq!(*second.delivery().idempotency_key(), *b"\"k\"");
    assert!(matches!(deliveries.lease(UnixMillis(9_000)).unwrap(), Due::Nothing));

    deliveries.delivered(first, Status::CREATED, UnixMillis(3_000)).unwrap();
    let next = deliveries.failed(second, &REFUSED, UnixMillis(3_000), 0).unwrap();
    assert!(matches!(next, Next::At(UnixMillis(4_000))), "{next:?}");
    drop(deliveries);

    let deliveries = scratch.open();
    let delivered = Progress::Delivered { status: Status::CREATED, at: 3 };
    assert_eq!(deliveries.progress(id(1)), Some(delivered));
    let pending = Progress::Pending { tries: 1, next_at: 4, last: Some(REFUSED.why) };
    assert_eq!(deliveries.progress(id(2)), Some(pending));
    assert!(matches!(deliveries.lease(UnixMillis(3_999)).unwrap(), Due::At(_)));
    // A lease that is let go of leaves it as it was.
    drop(lease(&deliveries, 4_000));
    let second = lease(&deliveries, 4_000);
    assert_eq!((second.delivery().tries, second.delivery().accepted_at), (1, UnixMillis(2_000)));
    deliveries.delivered(second, Status::OK, UnixMillis(5_000)).unwrap();
    assert_eq!((deliveries.pending(), scratch.names("spool")), (0, vec![]));
}

#[test]
fn what_is_given_up_is_a_dead_letter() {
    let scratch = Scratch::new();
    let deliveries = scratch.open();
    let large = [b'y'; 50];
    accept(&deliveries, 1, &large, None, 0).unwrap();
    accept(&deliveries, 2, b"small", Some("k\nForged: x"), 0).unwrap();
    // The first is given up after three tries, the second at once.
    let (mut now, mut ends) = (0, HashMap::new());
    loop {
        let held = match deliveries.lease(UnixMillis(now)).unwrap() {
            Due::Now(held) => *held,
            Due::At(at) => {
                assert!(scratch.names("dead-letters").len() == 2 && now < at.0);
                now = at.0;
                continue;
            }
            Due::Nothing => break,
        };
        let of = held.delivery().id;
        let refused = if of == id(1) { REFUSED } else { FOR_GOOD };
        match deliveries.failed(held, &refused, UnixMillis(now), u64::MAX).unwrap() {
            Next::At(_) => assert_eq!(of, id(1)),
            Next::Dead => assert_eq!(ends.insert(of, now), None),
            Next::Kept { error, .. } => panic!("{error}"),
        }
    }
    let at = |of| UnixMillis(ends[&of]).seconds();
    let first = Progress::Failed { why: REFUSED.why, tries: 3, at: at(id(1)) };
    let second = Progress::Failed { why: FOR_GOOD.why, tries: 1, at: at(id(2)) };
    assert_eq!(
        (deliveries.progress(id(1)), deliveries.progress(id(2))),
        (Some(first), Some(second))
    );
    let names: Vec<_> = [1, 2]
        .iter()
        .flat_map(|number| [format!("{}.content", id(*number)), format!("{}.head", id(*number))])
        .collect();
    assert_eq!(scratch.names("dead-letters"), names);
    assert_eq!(
        (scratch.dead(&names[0]), scratch.dead(&names[2])),
        (large.to_vec(), b"small".to_vec())
    );
    let head = String::from_utf8(scratch.dead(&names[3])).unwrap();
    let lines: Vec<_> = head.lines().collect();
    assert_eq!(lines[0], format!("# delivery {} to orders", id(2)));
    assert_eq!(lines[1], "# accepted 1970-01-01T00:00:00Z");
    assert!(lines[2].ends_with("after 1 tries: the upstream answered 400 Bad Request"), "{head}");
    let rest =
        ["POST /orders?a=b HTTP/1.1", "Content-Type: text/plain", "Idempotency-Key: k Forged: x"];
    assert_eq!(lines[3..], rest);
    drop(deliveries);
    assert_eq!(scratch.open().progress(id(1)), Some(first));
    assert!(scratch.names("spool").is_empty());
}

#[test]
fn while_a_dead_letter_has_no_place_it_is_not_one() {
    let scratch = Scratch::new();
    let bounds = DeliveryBounds { dead_letters_max: 1, ..small() };
    let deliveries = scratch.open_within(bounds).unwrap();
    accept(&deliveries, 1, b"1", None, 0).unwrap();
    accept(&deliveries, 2, b"2", None, 0).unwrap();
    let give_up = |now| deliveries.failed(lease(&deliveries, now), &FOR_GOOD, UnixMillis(now), 0);
    assert!(matches!(give_up(0).unwrap(), Next::Dead));
    let Next::Kept { at, error } = give_up(0).unwrap() else { panic!("there is no place") };
    assert!(matches!(error, StateError::Io { .. }) && deliveries.pending() == 1, "{error}");
    for name in scratch.names("dead-letters") {
        fs::remove_file(scratch.0.join("deliveries/dead-letters").join(name)).unwrap();
    }
    assert!(matches!(give_up(at.0).unwrap(), Next::Dead));
    assert_eq!(deliveries.pending(), 0);
}

#[test]
fn one_key_of_one_client_is_one_delivery() {
    let scratch = Scratch::new();
    let bounds = DeliveryBounds { finished_time: Duration::from_secs(10), ..small() };
    let mut deliveries = scratch.open_within(bounds).unwrap();
    let long = [b'z'; 40];
    for again in 0..2 {
        for (number, content) in [(1, &b"a"[..]), (2, &long)] {
            let key = format!("k{number}");
            let accepted = accept(&deliveries, number + again * 10, content, Some(&key), 0);
            assert_eq!(accepted.unwrap(), id(number));
        }
        drop(deliveries);
        deliveries = scratch.open_within(bounds).unwrap();
    }
    assert_eq!((deliveries.pending(), scratch.names("spool").len()), (2, 1));
    let reused = accept(&deliveries, 3, b"b", Some("k1"), 0);
    assert!(matches!(reused, Err(AcceptError::KeyReused)), "{reused:?}");
    // Another's key is another, and so is none.
    let mut others = request(Some("k1"));
    others.key.as_mut().unwrap().principal = b"berta"[..].into();
    let other = deliveries.begin(id(4)).unwrap();
    assert_eq!(deliveries.accept(other, others, UnixMillis(0)).unwrap(), id(4));
    assert_eq!(accept(&deliveries, 5, b"a", None, 0).unwrap(), id(5));

    // It is remembered for its time after it was delivered.
    while deliveries.pending() > 0 {
        deliveries.delivered(lease(&deliveries, 0), Status::OK, UnixMillis(1_000)).unwrap();
    }
    assert_eq!(accept(&deliveries, 6, b"a", Some("k1"), 10_999).unwrap(), id(1));
    assert_eq!(accept(&deliveries, 7, b"a", Some("k1"), 11_000).unwrap(), id(7));
    assert_eq!(deliveries.progress(id(1)), None);
}

#[test]
fn bounds() {
    let scratch = Scratch::new();
    let bounds = DeliveryBounds {
        pending_max: 2,
        pending_bytes_max: 300,
        content_bytes_max: 100,
        head_bytes_max: 60,
        key_bytes_max: 4,
        finished_max: 2,
        ..small()
    };
    let deliveries = scratch.open_within(bounds).unwrap();
    let too_large = accept(&deliveries, 1, &[0; 101], None, 0);
    assert!(
        matches!(too_large, Err(AcceptError::TooLarge { limit: 100, seen: 101 })),
        "{too_large:?}"
    );
    let too_long = accept(&deliveries, 1, b"", Some("12345"), 0);
    assert!(matches!(too_long, Err(AcceptError::KeyTooLong { limit: 4, seen: 5 })), "{too_long:?}");
    let head = NewDelivery { target: vec![b'/'; 60].into(), ..request(None) };
    let too_large = deliveries.accept(deliveries.begin(id(1)).unwrap(), head, UnixMillis(0));
    assert!(
        matches!(too_large, Err(AcceptError::HeadTooLarge { limit: 60, seen: 92 })),
        "{too_large:?}"
    );
    let mut broken = deliveries.begin(id(1)).unwrap();
    broken.write(&[0; 90]).unwrap();
    assert!(broken.write(&[0; 90]).is_err());
    let broken = deliveries.accept(broken, request(None), UnixMillis(0));
    assert!(matches!(broken, Err(AcceptError::Incomplete)), "{broken:?}");
    assert!(scratch.names("spool").is_empty(), "what is let go of leaves nothing");

    // What comes in counts: 43 octets of a head, and its content.
    let held = deliveries.begin(id(9)).unwrap();
    accept(&deliveries, 1, &[1; 100], None, 0).unwrap();
    assert!(matches!(deliveries.begin(id(2)), Err(AcceptError::Full)));
    drop(held);
    assert!(matches!(deliveries.begin(id(1)), Err(AcceptError::IdTaken)));
    accept(&deliveries, 2, &[2; 100], None, 0).unwrap();
    deliveries.delivered(lease(&deliveries, 0), Status::OK, UnixMillis(1)).unwrap();
    let mut held = deliveries.begin(id(3)).unwrap();
    held.write(&[3; 100]).unwrap();
    let full = held.write(&[]).and_then(|()| {
        deliveries.delivered(lease(&deliveries, 0), Status::OK, UnixMillis(2)).unwrap();
        deliveries.accept(held, request(None), UnixMillis(2))
    });
    assert_eq!(full.unwrap(), id(3));
    accept(&deliveries, 4, &[4; 100], None, 3).unwrap();
    deliveries.delivered(lease(&deliveries, 3), Status::OK, UnixMillis(3)).unwrap();
    deliveries.delivered(lease(&deliveries, 3), Status::OK, UnixMillis(4)).unwrap();
    accept(&deliveries, 5, b"", None, 5).unwrap();
    let known: Vec<_> = (1..=5).filter(|n| deliveries.progress(id(*n)).is_some()).collect();
    assert_eq!(known, [3, 4, 5], "of what is settled the oldest is forgotten");
}

#[test]
fn more_than_may_be_kept_is_refused() {
    let scratch = Scratch::new();
    let bounds = DeliveryBounds { pending_bytes_max: 200, ..small() };
    let deliveries = scratch.open_within(bounds).unwrap();
    accept(&deliveries, 1, &[1; 100], None, 0).unwrap();
    let full = accept(&deliveries, 2, &[2; 100], None, 0);
    assert!(matches!(full, Err(AcceptError::Full)), "{full:?}");
    assert_eq!(scratch.names("spool"), [id(1).to_string()]);
    accept(&deliveries, 2, &[2; 10], None, 0).unwrap();
    drop(deliveries);
    let deliveries = scratch.open_within(bounds).unwrap();
    let full = accept(&deliveries, 3, &[2; 10], None, 0);
    assert!(
        matches!(full, Err(AcceptError::Full)),
        "what is kept counts after a restart: {full:?}"
    );
    deliveries.delivered(lease(&deliveries, 0), Status::OK, UnixMillis(1)).unwrap();
    accept(&deliveries, 3, &[2; 10], None, 0).unwrap();
}

/// Where nobody knows where to go, that is no try, and nothing is written.
#[test]
fn what_is_set_aside_is_called_back() {
    let scratch = Scratch::new();
    let deliveries = scratch.open();
    let why = Setback::NoDestination;
    for number in 1..=2 {
        accept(&deliveries, number, b"x", None, 0).unwrap();
    }
    for _ in 0..2 {
        deliveries.set_aside(lease(&deliveries, 0), why, UnixMillis(500));
    }
    let pending = Progress::Pending { tries: 0, next_at: 1, last: Some(why) };
    assert_eq!(deliveries.progress(id(1)), Some(pending));
    assert!(matches!(deliveries.lease(UnixMillis(10)).unwrap(), Due::At(UnixMillis(500))));
    // One that somebody is at is not called back.
    let held = lease(&deliveries, 500);
    deliveries.call_back(Setback::ContentLost, UnixMillis(20));
    assert!(matches!(deliveries.lease(UnixMillis(20)).unwrap(), Due::At(UnixMillis(500))));
    deliveries.call_back(why, UnixMillis(20));
    let called = lease(&deliveries, 20);
    assert_ne!(called.delivery().id, held.delivery().id);
    assert_eq!(called.delivery().tries, 0);
    drop((called, held, deliveries));
    let again = scratch.open();
    assert_eq!(again.progress(id(1)), Some(Progress::Pending { tries: 0, next_at: 0, last: None }));
}

#[test]
fn what_was_stored_and_is_gone_is_given_up() {
    let scratch = Scratch::new();
    let deliveries = scratch.open();
    accept(&deliveries, 1, &[1; 100], None, 0).unwrap();
    accept(&deliveries, 2, &[2; 100], None, 0).unwrap();
    accept(&deliveries, 3, &[3; 100], None, 0).unwrap();
    let spool = scratch.0.join("deliveries/spool");
    fs::remove_file(spool.join(id(1).to_string())).unwrap();
    fs::write(spool.join(id(2).to_string()), b"cut off").unwrap();
    assert_eq!(lease(&deliveries, 0).delivery().id, id(3));
    for number in [1, 2] {
        let lost = Progress::Failed { why: Setback::ContentLost, tries: 1, at: 0 };
        assert_eq!(deliveries.progress(id(number)), Some(lost));
    }
    let head = |number| format!("{}.head", id(number));
    assert_eq!(scratch.names("dead-letters"), [head(1), format!("{}.content", id(2)), head(2)]);
}

#[test]
fn a_clock_that_is_put_back_keeps_nothing_waiting() {
    let scratch = Scratch::new();
    let deliveries = scratch.open();
    accept(&deliveries, 1, b"", None, 1_000_000_000_000).unwrap();
    assert!(matches!(deliveries.lease(UnixMillis(999_999_999_000)).unwrap(), Due::At(_)));
    assert_eq!(lease(&deliveries, 1_000).delivery().id, id(1));
}

#[test]
fn what_was_coming_in_when_it_was_closed_is_gone() {
    let scratch = Scratch::new();
    let deliveries = scratch.open();
    accept(&deliveries, 1, &[1; 100], None, 0).unwrap();
    let spool = scratch.0.join("deliveries/spool");
    // As a crash leaves it.
    fs::write(spool.join(id(7).to_string()), b"half").unwrap();
    fs::write(spool.join("somebody's"), b"else").unwrap();
    drop(deliveries);
    let second = scratch.open();
    assert_eq!(scratch.names("spool"), [id(1).to_string(), "somebody's".to_owned()]);
    let locked = scratch.open_within(small());
    assert!(matches!(locked, Err(StateError::Locked { .. })));
    drop(second);
}

/// What each delivery is, as the model has it.
#[derive(Clone, Debug)]
enum Model {
    Pending { content: Vec<u8>, tries: u32, next_at: u64, is_shelved: bool },
    Delivered,
    Failed,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn it_does_what_a_map_does(
        steps in proptest::collection::vec((0u8..9, 0usize..40, 0u8..6, any::<u64>()), 1..60),
    ) {
        let scratch = Scratch::new();
        let mut deliveries = scratch.open();
        let mut model: BTreeMap<u8, Model> = BTreeMap::new();
        let mut keys: HashMap<u8, (u8, usize)> = HashMap::new();
        let (mut now, mut number) = (0u64, 0u8);
        for (what, size, key, random) in steps {
            let first = |model: &BTreeMap<u8, Model>, shelved: bool| {
                let pending = model.iter().filter_map(|(number, one)| match one {
                    Model::Pending { next_at, is_shelved, .. } if *is_shelved == shelved => {
                        Some((*next_at, id(*number), *number))
                    }
                    _ => None,
                });
                pending.min()
            };
            match what {
                0..=2 => {
                    number += 1;
                    let content = vec![key; size];
                    // Half of them have a key, and some of those another content under it.
                    let name = (key < 3).then(|| format!("k{key}"));
                    let accepted = accept(&deliveries, number, &content, name.as_deref(), now);
                    match keys.get(&key).filter(|_| name.is_some()) {
                        Some((first, of)) if *of == size => prop_assert_eq!(accepted.unwrap(), id(*first)),
                        Some(_) => prop_assert!(matches!(accepted, Err(AcceptError::KeyReused))),
                        None => {
                            prop_assert_eq!(accepted.unwrap(), id(number));
                            let (tries, next_at, is_shelved) = (0, now, false);
                            model.insert(number, Model::Pending { content, tries, next_at, is_shelved });
                            if name.is_some() {
                                keys.insert(key, (number, size));
                            }
                        }
                    }
                }
                3..=5 => {
                    let leased = deliveries.lease(UnixMillis(now)).unwrap();
                    let expected = first(&model, false);
                    match (leased, expected) {
                        (Due::Nothing, None) => {}
                        (Due::At(at), Some((next_at, ..))) => {
                            prop_assert!(at == UnixMillis(next_at) && next_at > now);
                        }
                        (Due::Now(lease), Some((next_at, of, number))) => {
                            prop_assert!(next_at <= now);
                            prop_assert_eq!(lease.delivery().id, of);
                            let Some(one @ Model::Pending { .. }) = model.get_mut(&number) else {
                                panic!("{number} is not pending")
                            };
                            let Model::Pending { content: expected, tries, next_at, is_shelved } = one else {
                                unreachable!()
                            };
                            prop_assert_eq!(&content(&lease), expected);
                            prop_assert_eq!(lease.delivery().tries, *tries);
                            if key < 2 {
                                deliveries.delivered(*lease, Status::OK, UnixMillis(now)).unwrap();
                                *one = Model::Delivered;
                            } else if key == 5 {
                                deliveries.shelve(*lease);
                                *is_shelved = true;
                            } else {
                                let end = deliveries.failed(*lease, &REFUSED, UnixMillis(now), random);
                                match end.unwrap() {
                                    Next::At(at) => {
                                        *tries += 1;
                                        *next_at = at.0;
                                        prop_assert!(*tries < 3 && at.0 > now);
                                    }
                                    Next::Dead => {
                                        prop_assert_eq!(*tries, 2);
                                        *one = Model::Failed;
                                    }
                                    Next::Kept { error, .. } => panic!("{error}"),
                                }
                            }
                        }
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                6 => now += random % 3_000,
                7 => {
                    let shelved = first(&model, true);
                    prop_assert!(!deliveries.unshelve("elsewhere"));
                    prop_assert_eq!(deliveries.unshelve("orders"), shelved.is_some());
                    let one = shelved.and_then(|(.., number)| model.get_mut(&number));
                    if let Some(Model::Pending { is_shelved, .. }) = one {
                        *is_shelved = false;
                    }
                }
                _ => {
                    drop(deliveries);
                    deliveries = scratch.open();
                    // Only this process knew.
                    for one in model.values_mut() {
                        if let Model::Pending { is_shelved, .. } = one {
                            *is_shelved = false;
                        }
                    }
                }
            }
            let mut files = Vec::new();
            let mut dead = 0;
            for (number, one) in &model {
                let progress = deliveries.progress(id(*number)).unwrap();
                match one {
                    Model::Pending { content, tries, .. } => {
                        let told = matches!(progress, Progress::Pending { tries: told, .. } if told == *tries);
                        prop_assert!(told, "{:?}", progress);
                        files.extend((content.len() > 16).then(|| id(*number).to_string()));
                    }
                    Model::Delivered => prop_assert_eq!(progress.id(), "delivered"),
                    Model::Failed => {
                        dead += 2;
                        prop_assert_eq!(progress.id(), "failed");
                    }
                }
            }
            prop_assert_eq!(scratch.names("spool"), files);
            prop_assert_eq!(scratch.names("dead-letters").len(), dead);
        }
    }
}
