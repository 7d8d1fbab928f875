//! Who asks the same gets the same: what is no part of a question tells on nothing that is said to it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;
use wherefore_decide::again::question;
use wherefore_message::problem::ProblemForm;
use wherefore_message::{Announced, FieldName, Version};

use crate::ask::{Asked, Split, founds, requests};

/// Fields of a request, where they stand among the others, and what they say.
type Added = Vec<(Index, &'static str, &'static str)>;

/// What the question is that a request asks, if it is one that may be answered again.
fn asks(asked: &Asked) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    asked.read(Split::ALineAField, |request| question(request, &mut out)).then_some(out)
}

/// The names whose fields are no part of a question, and one that nobody knows.
fn unread() -> Vec<&'static str> {
    let plain = Asked::new("GET", "/a");
    let is_unread =
        |name: &&FieldName| asks(&plain.clone().with(name.as_str(), "x")) == asks(&plain);
    let known = FieldName::KNOWN.iter().filter(is_unread);
    known.map(|name| name.as_str()).chain(["X-Own"]).collect()
}

fn added() -> impl Strategy<Value = Added> {
    let values = vec![
        "",
        "x",
        "*",
        "close",
        "keep-alive, Upgrade",
        "a=b; c=d",
        "de, en;q=0.5",
        "https://evil.example/",
        "timeout=5",
        "\"now\"",
        "bytes=0-1",
        "Sun, 06 Nov 1994 08:49:37 GMT",
    ];
    vec((any::<Index>(), select(unread()), select(values)), 0..6)
}

/// Requests that may be answered again.
fn questions() -> impl Strategy<Value = Asked> {
    requests().prop_map(|mut asked| {
        (asked.method, asked.version, asked.announced) =
            ("GET", Version::HTTP_11, Announced::Nothing);
        // That is OPTIONS' alone.
        if asked.target == "*" {
            asked.target = "/*".to_owned();
        }
        let plain = Asked::new("GET", "/a");
        asked.fields.retain(|(name, _)| asks(&plain.clone().with(name, "x")).is_some());
        asked
    })
}

fn with(mut asked: Asked, added: &Added) -> Asked {
    for (place, name, value) in added {
        asked.fields.insert(place.index(asked.fields.len() + 1), (name, vec![value]));
    }
    asked
}

#[test]
fn what_is_no_part_of_the_question_tells_on_nothing() {
    let seen = RefCell::new(BTreeSet::new());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2048) };
    let values = (questions(), added(), added(), founds());
    let outcome = TestRunner::new(config).run(&values, |(asked, one, other, found)| {
        let question = asks(&asked);
        prop_assert!(question.is_some(), "{:?}", asked.fields);
        let both = [one, other].map(|added| with(asked.clone(), &added));
        for asked in &both {
            prop_assert_eq!(&asks(asked), &question);
        }
        // The answer, the path that led to it, and all octets that leave.
        let [one, other] = both.map(|asked| {
            let (said, trail) = asked.ask(&found);
            let answer = asked.answer(&found, ProblemForm::Text);
            let status = said.status().map(|status| status.code());
            (status, format!("{said:?}"), trail, answer.map(|answer| answer.written()))
        });
        prop_assert_eq!(&one, &other);
        seen.borrow_mut().extend(one.0);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    for status in [200, 206, 304, 404, 410] {
        assert!(seen.borrow().contains(&status), "{status} was never said");
    }
}
