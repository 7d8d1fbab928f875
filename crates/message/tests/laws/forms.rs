//! Forms: what a small writer of its own wrote is read as the same, however it is cut; and nothing that is
//! sent makes a reader panic, or read differently when it comes in other pieces.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use proptest::sample::Index;
use wherefore_message::form::{self, FormFault};
use wherefore_message::form_data::{Event, FormData, Limits, PartHead};

type Part = (PartHead, Vec<u8>);

fn limits() -> Limits {
    Limits { parts_max: 6, head_bytes_max: 400, name_bytes_max: 80 }
}

/// Content made of what a boundary is made of, and of anything else.
fn content(boundary: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"--".to_vec()),
        Just(boundary.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()).prop_filter(
        "no boundary",
        move |content| {
            let before = [b"\r\n", &content[..]].concat();
            !before.windows(delimiter.len()).any(|window| window == delimiter)
        },
    )
}

fn part(boundary: &'static str) -> impl Strategy<Value = Part> {
    // A percent sign that looks like a browser's escape can't be told from one.
    let name = "(\\PC|[\"\\\\;=\r\n ]){0,12}"
        .prop_filter("no escape", |name| !name.contains('%') && name.len() <= 80);
    let media_type =
        prop::option::of(prop::sample::select(vec!["text/plain", "image/png", "a/b; c=\"d;e\""]));
    (name.clone(), prop::option::of(name), media_type, content(boundary)).prop_map(
        |(name, file_name, media_type, content)| {
            let media_type = media_type.map(str::to_owned);
            (PartHead { name, file_name, media_type }, content)
        },
    )
}

/// How a browser escapes what stands in quotes, or how other clients do.
fn quoted(text: &str, with_backslashes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\r', "%0D").replace('\n', "%0a");
    let quote = if with_backslashes { "\\\"" } else { "%22" };
    format!("\"{}\"", text.replace('"', quote))
}

fn write(parts: &[Part], boundary: &str, around: &str, with_backslashes: bool) -> Vec<u8> {
    let mut out = around.as_bytes().to_vec();
    for (head, content) in parts {
        let name = quoted(&head.name, with_backslashes);
        out.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name={name}").bytes());
        if let Some(name) = &head.file_name {
            out.extend(format!("; filename={}", quoted(name, with_backslashes)).bytes());
        }
        if let Some(media_type) = &head.media_type {
            out.extend(format!("\r\nContent-Type: {media_type}").bytes());
        }
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend(format!("--{boundary}--\r\n{around}").bytes());
    out
}

/// What was read until the end or the first fault. Cuts that come twice make empty pieces.
fn read(form: &[u8], boundary: &str, cuts: &[Index]) -> (Vec<Part>, Result<(), FormFault>) {
    let mut reader = FormData::new(boundary.as_bytes(), limits()).unwrap();
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(form.len() + 1)).collect();
    ends.push(form.len());
    ends.sort_unstable();
    let (mut parts, mut open, mut start) = (Vec::<Part>::new(), false, 0);
    for end in ends {
        let mut piece = &form[start..end];
        start = end;
        loop {
            match reader.receive(piece) {
                Err(fault) => return (parts, Err(fault)),
                Ok((used, event)) => {
                    piece = &piece[used..];
                    match event {
                        Event::NeedMore => break,
                        Event::Part(head) => {
                            assert!(!open);
                            open = true;
                            parts.push((head, Vec::new()));
                        }
                        Event::Content(content) => {
                            assert!(open && !content.is_empty());
                            parts.last_mut().unwrap().1.extend_from_slice(content);
                        }
                        Event::PartEnd => {
                            assert!(open);
                            open = false;
                        }
                        Event::End => assert!(!open),
                    }
                }
            }
        }
        assert!(piece.is_empty());
    }
    assert_eq!(reader.offset(), form.len() as u64);
    (parts, reader.finish())
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..24)
}

const BOUNDARY: &str = "-b-b";

/// A form that is nearly one: the octets that matter, in any order.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => Just("\r\n"),
        3 => Just("---b-b"),
        4 => Just("---b-b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"),
        4 => Just("\r\n---b-b\r\nContent-Disposition: form-data; name=a; filename=\"b\"\r\n"),
        2 => Just("Content-Type: a/b\r\n\r\n"),
        1 => Just("Content-Transfer-Encoding: 8bit"),
        1 => Just("; filename*=x"),
        3 => Just("--"),
        1 => Just("\r"),
        1 => Just("\n"),
        1 => Just("\""),
        1 => Just("\\"),
        1 => Just("%22"),
        1 => Just(" "),
        1 => Just("\0"),
        2 => Just("x"),
    ];
    let mixed = prop::collection::vec((piece, prop::option::weighted(0.05, any::<u8>())), 0..20);
    mixed.prop_map(|pieces| {
        let octets = pieces.into_iter().map(|(piece, octet)| {
            let mut piece = piece.as_bytes().to_vec();
            piece.extend(octet);
            piece
        });
        octets.collect::<Vec<_>>().concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        parts in prop::collection::vec(part(BOUNDARY), 0..6),
        around in prop::sample::select(vec!["", "\r\n", "some words\r\n", "---b-\r\n", "\r\r\n"]),
        with_backslashes: bool,
        cuts in cuts(),
    ) {
        let form = write(&parts, BOUNDARY, around, with_backslashes);
        let (found, finished) = read(&form, BOUNDARY, &cuts);
        prop_assert_eq!(finished, Ok(()));
        prop_assert_eq!(found, parts);
    }

    #[test]
    fn cuts_change_nothing_of_what_is_nearly_a_form(form in nearly(), cuts in cuts()) {
        let whole = read(&form, BOUNDARY, &[]);
        let cut = read(&form, BOUNDARY, &cuts);
        if let Err(fault) = whole.1 {
            prop_assert!(fault.at <= form.len() as u64);
        }
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn a_form_cut_short_is_never_whole(
        parts in prop::collection::vec(part(BOUNDARY), 1..4), end in any::<Index>(),
    ) {
        let form = write(&parts, BOUNDARY, "", false);
        let whole = form.len() - b"--\r\n".len();
        let (found, finished) = read(&form[..end.index(whole)], BOUNDARY, &[]);
        prop_assert!(finished.is_err());
        prop_assert!(found.len() <= parts.len());
    }

    #[test]
    fn url_encoded_pairs_are_read_back(
        pairs in prop::collection::vec(("\\PC{0,8}", "(\\PC|[&=+%\r\n ]){0,8}"), 0..8), plain: bool,
    ) {
        let encode = |text: &str| -> String {
            text.bytes().map(|octet| match octet {
                b' ' if plain => "+".into(),
                octet if octet.is_ascii_alphanumeric() && plain => char::from(octet).to_string(),
                octet => format!("%{octet:02x}"),
            }).collect()
        };
        let written: Vec<_> =
            pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let content = written.join("&");
        let read: Result<Vec<_>, _> = form::pairs(content.as_bytes(), 8)
            .map(|pair| pair.map(|pair| (pair.name.into_owned(), pair.value.into_owned())))
            .collect();
        prop_assert_eq!(read, Ok(pairs));
    }

    #[test]
    fn any_octets_are_pairs_or_a_fault(content in nearly_pairs(), pairs_max in 0..6usize) {
        let mut good = 0;
        for pair in form::pairs(&content, pairs_max) {
            match pair {
                Ok(_) => good += 1,
                Err(fault) => {
                    let octet = content[fault.at as usize];
                    prop_assert!(octet == b'%' || good == pairs_max);
                }
            }
        }
        prop_assert!(good <= pairs_max);
    }
}

fn nearly_pairs() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..32),
        "[&=+%a0F]{0,24}".prop_map(String::into_bytes),
    ]
}
