//! Every combination of preconditions, against a second and naive transcription of RFC 9110 §13.2.2.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use wherefore_decide::conditions::{ConditionFacts, Current};
use wherefore_decide::facts::{Octets, Representation};
use wherefore_decide::policy::Preconditions;
use wherefore_decide::rule::ask;
use wherefore_decide::story::Trail;
use wherefore_message::date::HttpDate;
use wherefore_message::target::Target;
use wherefore_message::{
    Announced, EntityTag, FieldLines, FieldName, Method, Request, Status, Version,
};

const MODIFIED: u64 = 784_111_777;
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const EQUAL: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

const METHODS: [Method; 6] =
    [Method::Get, Method::Head, Method::Put, Method::Post, Method::Patch, Method::Delete];
const TAG_LISTS: [Option<&str>; 8] = [
    None,
    Some("*"),
    Some("\"now\""),
    Some("W/\"now\""),
    Some("\"then\""),
    Some("\"then\", \"now\""),
    Some("\"a,b\", W/\"then\""),
    Some("now"),
];
const DATES: [Option<&str>; 5] = [None, Some(BEFORE), Some(EQUAL), Some(AFTER), Some("yesterday")];

/// What the resource has, in the words of this test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Has {
    Nothing,
    Unmarked,
    Strong,
    Weak,
}

#[test]
fn every_combination_is_decided_as_the_rfc_s_steps_say() {
    let mut cases = 0;
    for method in METHODS {
        for has in [Has::Nothing, Has::Unmarked, Has::Strong, Has::Weak] {
            for if_match in TAG_LISTS {
                for if_none_match in TAG_LISTS {
                    for if_unmodified in DATES {
                        for if_modified in DATES {
                            let sent = [if_match, if_unmodified, if_none_match, if_modified];
                            let wanted = steps(method, has, sent);
                            assert_eq!(
                                engine(method, has, sent),
                                wanted,
                                "{method} {has:?} {sent:?}"
                            );
                            cases += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 6 * 4 * 8 * 8 * 5 * 5);
}

/// RFC 9110 §13.2.2, step by step, with booleans in place of rules.
fn steps(method: Method, has: Has, [im, ius, inm, ims]: [Option<&str>; 4]) -> Option<Status> {
    let reads = method == Method::Get || method == Method::Head;
    let dated = has == Has::Strong || has == Has::Weak;
    let later_than = |date: &str| match date {
        BEFORE => Some(true),
        EQUAL | AFTER => Some(false),
        _ => None,
    };
    // 1 and 2
    if let Some(list) = im {
        let is_true = match list {
            "*" => has != Has::Nothing,
            "\"now\"" | "\"then\", \"now\"" => has == Has::Strong,
            _ => false,
        };
        if !is_true {
            return Some(Status::PRECONDITION_FAILED);
        }
    } else if let Some(date) = ius
        && dated
        && later_than(date) == Some(true)
    {
        return Some(Status::PRECONDITION_FAILED);
    }
    // 3 and 4
    if let Some(list) = inm {
        let is_false = match list {
            "*" => has != Has::Nothing,
            "\"now\"" | "W/\"now\"" | "\"then\", \"now\"" => dated,
            _ => false,
        };
        if is_false {
            return Some(if reads { Status::NOT_MODIFIED } else { Status::PRECONDITION_FAILED });
        }
    } else if let Some(date) = ims
        && reads
        && dated
        && later_than(date) == Some(false)
    {
        return Some(Status::NOT_MODIFIED);
    }
    None
}

fn engine(method: Method, has: Has, sent: [Option<&str>; 4]) -> Option<Status> {
    let names = ["If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"];
    let lines: FieldLines =
        names.into_iter().zip(sent).filter_map(|(name, value)| Some((name, value?))).collect();
    let request = request(method, &lines);
    let strong = EntityTag::strong(b"now");
    let tag = if has == Has::Weak { strong.weakened() } else { strong };
    let kept =
        Representation { tag, modified: HttpDate::from_unix(MODIFIED), octets: Octets::Stored(1) };
    let current = match has {
        Has::Nothing => Current::None,
        Has::Unmarked => Current::Unmarked,
        Has::Strong | Has::Weak => Current::Selected(&kept),
    };
    let now = HttpDate::from_unix(1_795_000_000);
    let required = Preconditions::Optional;
    let facts = ConditionFacts { request: &request, current, now, required };
    ask(&facts, &mut Trail::new()).err().map(|verdict| verdict.status)
}

fn request(method: Method, lines: &FieldLines) -> Request<'_> {
    Request {
        version: Version::HTTP_11,
        method,
        method_text: method.as_str().as_bytes(),
        target: Target::parse(Method::Get, b"/x").unwrap(),
        target_text: b"/x",
        authority: None,
        fields: lines.view(),
        announced: Announced::Nothing,
    }
}

#[test]
fn a_repeated_date_is_no_date_and_a_split_list_is_one_list() {
    let now = HttpDate::from_unix(1_795_000_000);
    let kept = Representation {
        tag: EntityTag::strong(b"now"),
        modified: HttpDate::from_unix(MODIFIED),
        octets: Octets::Stored(1),
    };
    let decide = |sent: &[(&str, &str)]| {
        let lines: FieldLines = sent.iter().copied().collect();
        let request = request(Method::Get, &lines);
        let facts = ConditionFacts {
            request: &request,
            current: Current::Selected(&kept),
            now,
            required: Preconditions::Optional,
        };
        ask(&facts, &mut Trail::new()).err().map(|verdict| (verdict.status, verdict.because.id))
    };
    let twice = [("If-Modified-Since", AFTER), ("If-Modified-Since", AFTER)];
    assert_eq!(decide(&twice), None);
    let split = [("If-None-Match", "\"then\""), ("If-None-Match", "\"now\"")];
    assert_eq!(decide(&split), Some((Status::NOT_MODIFIED, "if-none-match")));
    assert!(FieldName::KNOWN.contains(&FieldName::IfNoneMatch));
}
