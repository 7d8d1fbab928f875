//! Every answer carries what its status must carry, and nothing that it must not.

use proptest::prelude::*;
use wherefore_decide::Scheme;
use wherefore_decide::act::{Acted, Failure};
use wherefore_decide::plan::{self, Part, Reading};
use wherefore_decide::reply::{self, Setting, Varies};
use wherefore_decide::screen::Wire;
use wherefore_decide::{Trail, Verdict};
use wherefore_message::problem::ProblemForm;
use wherefore_message::range::ByteRange;
use wherefore_message::{Fault, FaultClass, FaultKind, FieldName, ResponseHead, Status, Value};

use crate::ask::{Asked, Said, Split, founds, requests};
use crate::coverage::{ACTS_THAT_FAIL, acts};

/// The head of an answer to what no route was found for.
fn refusal(verdict: &Verdict) -> ResponseHead {
    let setting = Setting {
        verdict,
        request: None,
        path: None,
        matched: None,
        dress: None,
        scheme: Scheme::Http,
        current: None,
        varies: Varies::Not,
        field: None,
    };
    let mut head = ResponseHead::new(Status::OK);
    reply::fields(&setting, &mut head);
    head
}

/// Sealed, it lacks nothing; and what it must not carry is gone, also if it was there.
pub(crate) fn holds(mut head: ResponseHead) -> Result<(), String> {
    let row = head.status.row().ok_or("a status that is not registered")?;
    for name in row.must_not.iter() {
        head.push(name, Value::Static("x"));
    }
    reply::seal(&mut head).map_err(|missing| format!("{} lacks {missing:?}", head.status))?;
    for (name, value) in head.fields() {
        let text = value.to_string();
        if row.must_not.has(name) || text.bytes().any(|octet| octet < b' ' || octet == 0x7f) {
            return Err(format!("{} carries {name}: {text:?}", head.status));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_carry_what_they_must(asked in requests(), found in founds()) {
        let Some(answer) = asked.answer(&found, ProblemForm::Text) else { return Ok(()) };
        prop_assert_eq!(Some(answer.head.status), answer.said.status());
        if let Said::Read(_, Reading::Representation { part, .. }) = &answer.said {
            prop_assert_eq!(
                answer.head.value(FieldName::ContentRange).is_some(),
                matches!(part, Part::One(_))
            );
        }
        prop_assert_eq!(holds(answer.head), Ok(()));
    }

    /// RFC 9110 §15.3.7, §14.4: what is sent lies in what there is, in one part or in several that do not
    /// touch.
    #[test]
    fn parts_lie_within_the_representation(asked in requests(), found in founds()) {
        let (said, _) = asked.ask(&found);
        let Said::Read(verdict, Reading::Representation { part, .. }) = &said else {
            return Ok(());
        };
        let length = asked.read(Split::ALineAField, |request| {
            plan::selected(request, &found).unwrap().0.length()
        });
        let within = |range: &ByteRange| range.first <= range.last && length.is_some_and(|length| range.last < length);
        prop_assert_eq!(verdict.status == Status::PARTIAL_CONTENT, !matches!(part, Part::Whole));
        match part {
            Part::Whole => {}
            Part::One(range) => prop_assert!(within(range)),
            Part::Several(ranges) => prop_assert!(ranges.len() > 1 && ranges.iter().all(within)),
        }
    }
}

#[test]
fn every_end_of_an_act_is_some_rule_s_and_carries_what_it_must() {
    for acted in acts() {
        let verdict = plan::outcome(acted, &mut Trail::new());
        assert_ne!(verdict.because.id, "unknown-outcome", "{acted:?}");
        assert!(verdict.because.may.contains(&verdict.status), "{acted:?}");
        let head = match acted {
            Acted::Failed(_) => refusal(&verdict),
            Acted::Created | Acted::Replaced | Acted::Removed => {
                let mut head = ResponseHead::new(Status::OK);
                let location = (verdict.status == Status::CREATED).then(|| "/a".to_owned());
                reply::written(&verdict, location, None, &mut head);
                head
            }
        };
        holds(head).unwrap_or_else(|wrong| panic!("{acted:?}: {wrong}"));
    }
}

/// A fault is answered with its own status, by the rules of the wire, or by those of the act if only the
/// content can have it; nobody is left to be told of a close.
#[test]
fn every_fault_of_the_peer_is_answered_with_its_status() {
    for kind in FaultKind::ALL {
        let fault = Fault::new(*kind, 7).in_line(2);
        let wire = Wire { fault: Some(fault), overload: None };
        let refused = plan::refuse(&wire, &mut Trail::new());
        match kind.class() {
            FaultClass::Closed | FaultClass::ContentSize => assert!(refused.is_none(), "{kind:?}"),
            _ => {
                let verdict = refused.unwrap_or_else(|| panic!("{kind:?} is not answered"));
                assert_eq!(verdict.status, kind.status(), "{kind:?}");
                holds(refusal(&verdict)).unwrap();
            }
        }
        let in_head_alone = matches!(
            kind.class(),
            FaultClass::TargetLength
                | FaultClass::Version
                | FaultClass::Method
                | FaultClass::TransferCoding
        );
        if !in_head_alone {
            let acted = Acted::Failed(Failure::Content(fault));
            let verdict = plan::outcome(acted, &mut Trail::new());
            assert_eq!(verdict.status, kind.status(), "{kind:?}");
        }
    }
}

#[test]
fn explanations_are_whole_in_every_form() {
    let verdicts = ACTS_THAT_FAIL
        .iter()
        .map(|failure| plan::outcome(Acted::Failed(*failure), &mut Trail::new()));
    let missing = crate::ask::missing(wherefore_decide::facts::Parent::Folder, Some(1));
    let gone = *Asked::new("GET", "/a").ask(&missing).0.verdict().unwrap();
    for verdict in verdicts.chain([gone]) {
        let setting = Setting {
            verdict: &verdict,
            request: None,
            path: None,
            matched: None,
            dress: None,
            scheme: Scheme::Http,
            current: None,
            varies: Varies::Not,
            field: Some(b"X-\xff\"<"),
        };
        for form in [ProblemForm::Json, ProblemForm::Html, ProblemForm::Text] {
            let text = reply::explanation(&setting, Some("id-1"), form);
            assert!(text.contains(verdict.status.phrase()), "{text}");
            let is_bare = text.contains("X-\u{fffd}\"<");
            assert_eq!(is_bare, form == ProblemForm::Text, "escaped: {text}");
        }
        let json = reply::explanation(&setting, None, ProblemForm::Json);
        assert!(json.contains(&format!("\"status\":{}", verdict.status.code())), "{json}");
        assert!(json.contains(verdict.because.id), "{json}");
        let (_, detail) = json.split_once("\"detail\":\"").unwrap();
        let (detail, _) = detail.split_once("\",").unwrap();
        let is_sentence = detail.ends_with('.') && detail.starts_with(|c: char| !c.is_lowercase());
        assert!(is_sentence, "a sentence or more: {detail}");
    }
}
