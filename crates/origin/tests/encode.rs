//! Files encoded as they are sent, over a store in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use wherefore_coding::{Decoder, Level, tag_of};
use wherefore_decide::facts::{Found, Octets, Representations};
use wherefore_decide::policy::Compress;
use wherefore_message::path;
use wherefore_message::{Coding, EntityTag};
use wherefore_origin::Origin;
use wherefore_origin::encode::{Encoded, Encoding, WHOLE_BYTES_MAX, offer, whole};
use wherefore_origin::encoded::{Bounds, Files, Name};
use wherefore_origin::read::OpenFile;
use wherefore_origin::room::Budget;
use wherefore_store::{CreateFolders, LookFor, MemoryStore, Store, Wait};

/// An origin with these files, written by itself.
fn origin(files: &[(&str, &[u8])]) -> Origin {
    let store = MemoryStore::new();
    for (name, content) in files {
        let mut staged = store.stage(b"/", None).unwrap();
        staged.write(content).unwrap();
        store.replace(name.as_bytes(), staged, CreateFolders::No, &mut |_| true).unwrap();
    }
    Origin::new(Arc::new(store), None)
}

fn open(origin: &Origin, name: &str) -> OpenFile {
    let mut scratch = Vec::new();
    origin.open(path::decode(name.as_bytes(), &mut scratch).unwrap(), None, Wait::Yes).unwrap()
}

/// What is found under `name` of a route that encodes.
fn offered(origin: &Origin, name: &str, compress: &Compress) -> Representations {
    let mut scratch = Vec::new();
    let path = path::decode(name.as_bytes(), &mut scratch).unwrap();
    let mut found = origin.find(path, LookFor::Content, Wait::Yes).unwrap();
    offer(&mut found, path, compress);
    let Found::File(all) = found else { panic!("{found:?}") };
    all
}

fn decoded(coding: Coding, coded: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(coding, 1 << 30).unwrap();
    let (mut plain, mut rest) = (Vec::new(), coded);
    loop {
        let progress = decoder.decode(rest, &mut plain).unwrap();
        rest = &rest[progress.used..];
        if !progress.has_more {
            decoder.finish().unwrap();
            return plain;
        }
    }
}

/// Octets of an alphabet of so many: the smaller it is, the shorter they get.
fn content(seed: u64, letters: u8, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let octets = (0..length).map(|_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        ((state >> 56) as u8) % letters.max(1)
    });
    octets.collect()
}

/// All that comes out of a large file, a step at a time, and the steps.
fn stepwise(file: OpenFile, level: Level) -> (Vec<u8>, usize) {
    let room = Budget::new(Encoding::bytes_max(level)).take(Encoding::bytes_max(level)).unwrap();
    let mut encoding = Encoding::begin(file, level, room).unwrap();
    let (mut out, mut steps) = (encoding.ready().to_vec(), 1);
    while !encoding.is_done() {
        encoding = encoding.advance().unwrap();
        out.extend_from_slice(encoding.ready());
        steps += 1;
    }
    (out, steps)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_encoded_whole_is_the_file_or_not_worth_it(
        seed: u64, letters: u8, length in 1..100_000usize, coding in 0..3usize,
    ) {
        let plain = content(seed, letters, length);
        let origin = origin(&[("/a.txt", &plain)]);
        let (file, coding) = (open(&origin, "/a.txt"), Coding::ALL[coding]);
        let tag = EntityTag::strong(b"coded");
        match whole(&file, Level::usual(coding), tag).unwrap() {
            Encoded::File(coded) => {
                let octets = coded.octets.as_deref().unwrap();
                prop_assert!(octets.len() * 100 <= plain.len() * 95);
                prop_assert_eq!(coded.length(), octets.len() as u64);
                prop_assert_eq!(coded.representation.length(), Some(coded.length()));
                prop_assert!(coded.representation.tag.text().strong_eq(tag.text()));
                prop_assert!(decoded(coding, octets) == plain);
            }
            Encoded::NotWorth => prop_assert!(letters > 64 || length < 2000),
        }
    }
}

#[test]
fn a_large_file_is_encoded_the_same_way_each_time() {
    let plain = content(7, 20, WHOLE_BYTES_MAX as usize + 300_000);
    let origin = origin(&[("/a.txt", &plain)]);
    for coding in Coding::ALL {
        let level = Level::new(coding, *Level::numbers(coding).start()).unwrap();
        let (first, steps) = stepwise(open(&origin, "/a.txt"), level);
        assert!(decoded(coding, &first) == plain, "{}", coding.name());
        assert_eq!(steps, plain.len().div_ceil(256 << 10));
        assert!(first == stepwise(open(&origin, "/a.txt"), level).0, "{}", coding.name());
    }
}

#[test]
fn whether_a_large_file_is_worth_it_is_known_after_the_first_step() {
    for (letters, is_worth) in [(16, true), (255, false)] {
        let plain = content(7, letters, WHOLE_BYTES_MAX as usize + 1);
        let origin = origin(&[("/a.txt", &plain)]);
        for coding in Coding::ALL {
            let room = Budget::new(1).take(1).unwrap();
            let level = Level::new(coding, *Level::numbers(coding).start()).unwrap();
            let encoding = Encoding::begin(open(&origin, "/a.txt"), level, room).unwrap();
            assert_eq!(encoding.is_worth(), is_worth, "{} {letters}", coding.name());
        }
    }
}

#[test]
fn what_is_offered_has_tags_of_its_own_and_leaves_what_is_stored() {
    let text = content(1, 20, 2000);
    let origin = origin(&[("/a.txt", &text), ("/a.txt.gz", b"GZIP"), ("/a.png", &text)]);
    let compress = Compress::usual();
    let all = offered(&origin, "/a.txt", &compress);
    assert_eq!(all.gzip.unwrap().octets, Octets::Stored(4));
    for coding in [Coding::Brotli, Coding::Zstd] {
        let (level, coded) = (Level::usual(coding), all.in_coding(Some(coding)));
        assert_eq!(coded.octets, Octets::Made(level));
        assert!(coded.tag.text().strong_eq(tag_of(&all.original.tag, level).unwrap().text()));
    }
    let tags: BTreeSet<_> = all.iter().map(|one| one.tag.to_string()).collect();
    assert_eq!(tags.len(), 4);
    assert!(!offered(&origin, "/a.png", &compress).vary());
    let mut compress = compress;
    compress.bytes_min = 2001;
    let all = offered(&origin, "/a.txt", &compress);
    assert!(all.brotli.is_none() && all.gzip.is_some());
}

#[test]
fn what_was_encoded_is_kept_within_its_bounds() {
    let text = content(1, 20, 2000);
    let origin = origin(&[("/a.txt", &text)]);
    let file = open(&origin, "/a.txt");
    let tag = |i: u32| EntityTag::strong(format!("{i}").as_bytes());
    let name = |i| Name::of(origin.id(), &tag(0), &tag(i)).unwrap();
    assert!(Name::of(origin.id(), &tag(0).weakened(), &tag(1)).is_none());

    let bounds = Bounds { cache_bytes_max: 20_000, memory_bytes_max: 1500, cores_bytes_max: 1000 };
    let files = Files::new(bounds);
    assert!(files.find(&name(1)).is_none());
    for i in 0..100 {
        let encoded = whole(&file, Level::usual(Coding::Gzip), tag(i)).unwrap();
        files.keep(name(i), encoded);
    }
    let kept = (0..100).filter_map(|i| match files.find(&name(i)) {
        Some(Encoded::File(file)) => Some(file.length()),
        Some(Encoded::NotWorth) | None => None,
    });
    let kept: Vec<u64> = kept.collect();
    assert!(!kept.is_empty() && kept.iter().sum::<u64>() <= 20_000);

    // What is held is bounded by what is sent and what cores remember together, and comes back.
    let Encoded::File(coded) = whole(&file, Level::usual(Coding::Gzip), tag(0)).unwrap() else {
        panic!("it is worth it")
    };
    let most = 2500 / coded.length() as usize;
    let held: Vec<_> = (0..most).map(|_| files.hold(&coded).unwrap()).collect();
    assert!(files.hold(&coded).is_none());
    let copy = held[0].clone();
    drop(held);
    assert_eq!((1..most).filter(|_| files.hold(&coded).is_some()).count(), most - 1);
    drop(copy);
    let encoder = files.room(1500);
    assert!(encoder.is_some() && files.room(1).is_none());
    drop(encoder);
    assert!(files.room(1).is_some() && files.room(1501).is_none());
}
