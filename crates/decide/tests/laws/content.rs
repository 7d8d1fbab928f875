//! The rules of the content over the whole of a small domain, against a second and naive transcription of
//! what the sections say.

use wherefore_decide::act::Begun;
use wherefore_decide::content::ContentFacts;
use wherefore_decide::plan::{self, Writing};
use wherefore_decide::policy::{FolderAccess, MissingFolders, Site, Trace};
use wherefore_decide::rule::ask;
use wherefore_decide::story::Trail;
use wherefore_message::{Announced, Status, Version};

use crate::ask::{Asked, CONTENT_BYTES_MAX, Split, site};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];
const ANNOUNCED: [Announced; 5] = [
    Announced::Nothing,
    Announced::Length(0),
    Announced::Length(CONTENT_BYTES_MAX),
    Announced::Length(CONTENT_BYTES_MAX + 1),
    Announced::Unknown,
];
const VERSIONS: [Version; 3] = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2];
const EXPECTED: [Option<&str>; 3] = [None, Some("100-continue"), Some("a-miracle")];
const CODINGS: [Option<&str>; 4] = [None, Some("identity"), Some("gzip"), Some("")];
const RANGES: [Option<&str>; 2] = [None, Some("bytes 0-0/2")];
const MEDIA: [Option<&str>; 6] = [
    None,
    Some("text/plain; charset=utf-8"),
    Some("Application/Merge-Patch+JSON"),
    Some("application/json-patch+json"),
    Some("multipart/form-data; boundary=x"),
    Some("nonsense"),
];

/// What the route is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Nowhere,
    ReadOnly,
    Writable,
}

#[test]
fn every_combination_is_decided_as_the_sections_say() {
    let mut cases = 0;
    for place in [Place::Nowhere, Place::ReadOnly, Place::Writable] {
        for method in METHODS {
            for announced in ANNOUNCED {
                for version in VERSIONS {
                    for expected in EXPECTED {
                        for coding in CODINGS {
                            for range in RANGES {
                                for media in MEDIA {
                                    let mut asked = Asked::new(method, "/a").bringing(announced);
                                    asked.version = version;
                                    for (name, value) in [
                                        ("Expect", expected),
                                        ("Content-Encoding", coding),
                                        ("Content-Range", range),
                                        ("Content-Type", media),
                                    ] {
                                        if let Some(value) = value {
                                            asked = asked.with(name, value);
                                        }
                                    }
                                    let wanted = transcribed(&asked, place);
                                    assert_eq!(
                                        engine(&asked, place),
                                        wanted,
                                        "{place:?} {asked:?}"
                                    );
                                    cases += 1;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 3 * 8 * 5 * 3 * 3 * 4 * 2 * 6);
}

/// The first of the sections that objects, with its status; none if none does.
fn transcribed(asked: &Asked, place: Place) -> Option<(&'static str, Status)> {
    let value = |name: &str| {
        asked.fields.iter().find(|(other, _)| *other == name).map(|(_, value)| value[0])
    };
    let method = asked.method;
    let writes = place == Place::Writable && ["PUT", "POST", "PATCH"].contains(&method);
    // RFC 9110 §10.1.1: the one expectation that is defined can be met.
    if value("Expect") == Some("a-miracle") {
        return Some(("expectation", Status::EXPECTATION_FAILED));
    }
    // §9.3.8: content in a TRACE.
    let brings = match asked.announced {
        Announced::Nothing => false,
        Announced::Length(octets) => octets > 0,
        Announced::Unknown => true,
    };
    if method == "TRACE" && brings {
        return Some(("trace-content", Status::BAD_REQUEST));
    }
    // §14.5: a part is not put.
    if method == "PUT" && value("Content-Range").is_some() {
        return Some(("partial-put", Status::BAD_REQUEST));
    }
    // §15.5.12: HTTP/1 has to say that there is content; later versions end a stream.
    let says_nothing = asked.announced == Announced::Nothing;
    if writes && says_nothing && asked.version != Version::HTTP_2 {
        return Some(("length", Status::LENGTH_REQUIRED));
    }
    // §15.5.14; of content in a GET or HEAD nothing is kept (§9.3.1), so it has no limit.
    let is_long =
        matches!(asked.announced, Announced::Length(octets) if octets > CONTENT_BYTES_MAX);
    if is_long && place != Place::Nowhere && method != "GET" && method != "HEAD" {
        return Some(("content-size", Status::CONTENT_TOO_LARGE));
    }
    if !writes {
        return None;
    }
    // §8.4: no content coding is taken off.
    if value("Content-Encoding") == Some("gzip") {
        return Some(("content-coding", Status::UNSUPPORTED_MEDIA_TYPE));
    }
    // RFC 5789 §2.2: two formats of patches.
    let media = value("Content-Type").map(str::to_ascii_lowercase);
    let is_patch = matches!(
        media.as_deref(),
        Some("application/merge-patch+json" | "application/json-patch+json")
    );
    if method == "PATCH" && !is_patch {
        return Some(("patch-format", Status::UNSUPPORTED_MEDIA_TYPE));
    }
    // RFC 9110 §15.5.16: a form is no file.
    if method == "POST" && media.is_some_and(|media| media.starts_with("multipart/form-data")) {
        return Some(("post-format", Status::UNSUPPORTED_MEDIA_TYPE));
    }
    None
}

fn engine(asked: &Asked, place: Place) -> Option<(&'static str, Status)> {
    let access = match place {
        Place::Writable => FolderAccess::Writable,
        Place::Nowhere | Place::ReadOnly => FolderAccess::ReadOnly,
    };
    let site: Site = site(access, MissingFolders::Conflict, Trace::Off);
    let route = site.routes().first().filter(|_| place != Place::Nowhere);
    asked.read(Split::ALineAField, |request| {
        let verdict = ask(&ContentFacts { request, route, now: 0 }, &mut Trail::new()).err()?;
        Some((verdict.because.id, verdict.status))
    })
}

/// Only what is small, coming already, and a PUT, is written without a look before.
#[test]
fn what_is_written_at_once() {
    for method in METHODS {
        for announced in ANNOUNCED {
            for begun in [Begun::NotYet, Begun::Already] {
                let small = [Announced::Length(0), Announced::Length(CONTENT_BYTES_MAX)];
                let expected =
                    (method == "PUT" && small.contains(&announced) && begun == Begun::Already)
                        .then_some(Writing::Put);
                let asked = Asked::new(method, "/a").bringing(announced);
                let said = asked.read(Split::ALineAField, |request| {
                    plan::at_once(request, begun, CONTENT_BYTES_MAX)
                });
                assert_eq!(said, expected, "{method} {announced:?} {begun:?}");
            }
        }
    }
}
