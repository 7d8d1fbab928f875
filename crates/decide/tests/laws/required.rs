//! 428 over the whole of a small domain, against a second and naive transcription of RFC 6585 §3: where a lost update
//! is to be prevented, a write has a condition that is one.

use wherefore_decide::facts::{Found, Parent};
use wherefore_decide::policy::Preconditions;
use wherefore_message::problem::ProblemForm;
use wherefore_message::{Announced, FieldName};

use crate::ask::{Asked, file, missing};
use crate::policies::guarded;

const METHODS: [&str; 7] = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "POST"];
const MATCH: [Option<&str>; 3] = [None, Some("\"now\""), Some("\"then\"")];
const NONE_MATCH: [Option<&str>; 3] = [None, Some("*"), Some("\"then\"")];
/// Not later than the last change, and what is no date.
const UNMODIFIED: [Option<&str>; 3] =
    [None, Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some("yesterday")];
const MODIFIED: [Option<&str>; 2] = [None, Some("Sun, 06 Nov 1994 08:49:36 GMT")];

#[test]
fn every_combination_is_decided_as_the_rfc_says() {
    let mut cases = 0;
    for required in [Preconditions::Optional, Preconditions::Required] {
        let site = guarded(|route| route.preconditions = required);
        for method in METHODS {
            for found in [file(), missing(Parent::Folder, None)] {
                for im in MATCH {
                    for inm in NONE_MATCH {
                        for ius in UNMODIFIED {
                            for ims in MODIFIED {
                                let mut asked = Asked::new(method, "/a.json").in_site(site.clone());
                                if matches!(method, "PUT" | "PATCH") {
                                    asked = asked.bringing(Announced::Length(2));
                                    asked =
                                        asked.with("Content-Type", "application/merge-patch+json");
                                }
                                for (name, value) in [
                                    ("If-Match", im),
                                    ("If-None-Match", inm),
                                    ("If-Unmodified-Since", ius),
                                    ("If-Modified-Since", ims),
                                ] {
                                    if let Some(value) = value {
                                        asked = asked.with(name, value);
                                    }
                                }
                                let wanted = required == Preconditions::Required
                                    && asks_for_condition(method, &found)
                                    && !is_conditional(im, inm, ius);
                                judged(&asked, &found, wanted);
                                cases += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 2 * 7 * 2 * 3 * 3 * 3 * 2);
}

/// What is missing can be put; it can't be patched or removed, which is said first.
fn asks_for_condition(method: &str, found: &Found) -> bool {
    match method {
        "PUT" => true,
        "PATCH" | "DELETE" => matches!(found, Found::File(_)),
        _ => false,
    }
}

/// RFC 9110 §13.1.3: `If-Modified-Since` means something to GET and HEAD alone. §13.1.4: a date that is none is
/// ignored, and then nothing is demanded.
fn is_conditional(im: Option<&str>, inm: Option<&str>, ius: Option<&str>) -> bool {
    im.is_some() || inm.is_some() || ius.is_some_and(|date| date != "yesterday")
}

fn judged(asked: &Asked, found: &Found, wanted: bool) {
    let answer = asked.answer(found, ProblemForm::Json);
    let is_required = answer.as_ref().is_some_and(|answer| answer.status().code() == 428);
    assert_eq!(is_required, wanted, "{asked:?} {found:?}");
    let Some(answer) = answer.filter(|_| is_required) else { return };
    assert_eq!(answer.rule(), "precondition-sent");
    // RFC 6585 §3: it explains how to resubmit, and the tag to do it with is at hand.
    let text = answer.content.as_deref().unwrap();
    assert!(text.contains("If-Match") && text.contains("If-None-Match: *"), "{text}");
    let tag = matches!(found, Found::File(_)).then_some("\"now\"");
    assert_eq!(answer.value(FieldName::ETag).as_deref(), tag);
    assert_eq!(answer.sealed, Ok(()));
}
