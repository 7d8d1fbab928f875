//! What holds of representations that are made as they are sent.

use proptest::prelude::*;
use wherefore_decide::facts::{Found, Octets, Representation};
use wherefore_decide::plan::{self, Reading};
use wherefore_decide::reply::{self, Repeats, Sent, Varies};
use wherefore_message::coding::Level;
use wherefore_message::{Coding, EntityTag, FieldName, ResponseHead, Status};

use crate::ask::{Asked, Said, Split, alone, founds, representation, requests};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// Such a one has no length before it is made, so no part of it can be asked for.
    #[test]
    fn what_is_made_has_no_parts(asked in requests(), found in founds()) {
        let (said, _) = asked.ask(&found);
        let selected = asked.read(Split::ALineAField, |request| {
            plan::selected(request, &found).map(|(one, coding)| (*one, coding))
        });
        let Some((one, coding)) = selected else { return Ok(()) };
        prop_assert_ne!(one.octets, Octets::Withheld);
        if let Octets::Made(level) = one.octets {
            prop_assert_eq!(Some(level.coding()), coding);
            prop_assert_ne!(said.status(), Some(Status::PARTIAL_CONTENT));
            prop_assert_ne!(said.status(), Some(Status::RANGE_NOT_SATISFIABLE));
            if let Said::Read(verdict, Reading::Representation { coding, part, .. }) = &said {
                let sent = Sent {
                    of: &one,
                    media_type: "text/plain",
                    coding: *coding,
                    varies: Varies::of(&found),
                    part,
                    repeats: Repeats::All,
                };
                let mut head = ResponseHead::new(Status::OK);
                reply::representation(verdict, &sent, &mut head);
                prop_assert!(!head.present().has(FieldName::AcceptRanges));
                for name in [FieldName::Vary, FieldName::ContentEncoding, FieldName::ETag] {
                    prop_assert!(head.present().has(name), "{}", name);
                }
            }
        }
    }
}

/// A file with the tag `"now"` that is offered in gzip, with the tag `"now-gzip"`, but not stored in it.
fn offered() -> Found {
    let original = representation("now");
    let gzip = Representation {
        tag: EntityTag::strong(b"now-gzip"),
        octets: Octets::Made(Level::usual(Coding::Gzip)),
        ..original
    };
    let mut all = alone(original);
    all.gzip = Some(gzip);
    Found::File(all)
}

#[test]
fn a_copy_is_known_by_the_tag_of_its_coding() {
    let says = |name, value, accepts: bool| {
        let asked = Asked::new("GET", "/a").with(name, value);
        let asked = if accepts { asked.with("Accept-Encoding", "gzip") } else { asked };
        asked.ask(&offered()).0.status().unwrap().code()
    };
    assert_eq!(says("If-None-Match", "\"now-gzip\"", true), 304);
    assert_eq!(says("If-None-Match", "\"now\"", true), 200);
    assert_eq!(says("If-None-Match", "\"now-gzip\"", false), 200);
    assert_eq!(says("If-None-Match", "\"now\"", false), 304);
    assert_eq!(says("Range", "bytes=0-4", true), 200);
    assert_eq!(says("Range", "bytes=0-4", false), 206);
    assert_eq!(says("Range", "bytes=10-", true), 200);
    assert_eq!(says("Range", "bytes=10-", false), 416);
}

#[test]
fn a_write_is_met_by_the_tag_of_any_coding_of_its_version() {
    for (tag, is_met) in [
        ("\"now\"", true),
        ("\"now-gzip\"", true),
        ("\"then-gzip\"", false),
        ("W/\"now-gzip\"", false),
    ] {
        let (said, _) = Asked::new("DELETE", "/a").with("If-Match", tag).ask(&offered());
        assert_eq!(matches!(said, Said::Write(_)), is_met, "{tag}");
    }
}
