//! Which statuses a request can be answered with, and what they may rest on.

use proptest::prelude::*;
use wherefore_decide::facts::Found;
use wherefore_decide::plan;
use wherefore_message::status::Class;
use wherefore_message::{Method, Status};

use crate::ask::{Asked, PRECONDITIONS, Said, Split, founds, requests};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_status_is_one_that_its_rule_may_answer(asked in requests(), found in founds()) {
        if let Some(verdict) = asked.ask(&found).0.verdict() {
            prop_assert!(verdict.because.may.contains(&verdict.status), "{verdict:?}");
        }
    }

    #[test]
    fn a_status_rests_on_what_was_sent(asked in requests(), found in founds()) {
        let (said, _) = asked.ask(&found);
        let method = asked.method();
        let reads = matches!(method, Method::Get | Method::Head);
        let conditional = PRECONDITIONS.iter().any(|name| asked.sends(name));
        match said.status() {
            Some(Status::NOT_MODIFIED) => prop_assert!(reads && conditional),
            Some(Status::PRECONDITION_FAILED) => prop_assert!(conditional),
            Some(Status::PARTIAL_CONTENT | Status::RANGE_NOT_SATISFIABLE) => {
                prop_assert!(method == Method::Get && asked.sends("Range"));
            }
            Some(Status::EXPECTATION_FAILED) => prop_assert!(asked.sends("Expect")),
            Some(Status::GONE) => {
                let is_retired = said.verdict().is_some_and(|said| said.because.id == "retired");
                let was_there = matches!(found, Found::Missing { gone_since: Some(_), .. });
                prop_assert!(was_there || is_retired, "{found:?}");
            }
            Some(Status::PRECONDITION_REQUIRED) => prop_assert!(!method.is_safe()),
            _ => {}
        }
    }

    /// RFC 9110 §13.2.1: preconditions are asked only where the answer without them would be a success.
    /// `Range` comes after them (§14.2), so it goes with them.
    #[test]
    fn a_precondition_answers_only_in_place_of_a_success(asked in requests(), found in founds()) {
        let (said, _) = asked.ask(&found);
        let Some(Status::NOT_MODIFIED | Status::PRECONDITION_FAILED) = said.status() else {
            return Ok(());
        };
        let mut names = PRECONDITIONS.to_vec();
        names.push("Range");
        let (plain, _) = asked.without(&names).ask(&found);
        let goes_on = plain.status().is_none_or(|status| {
            // A route that demands a condition asks for it where the rest would have been a success.
            status.class() == Class::Success || status == Status::PRECONDITION_REQUIRED
        });
        prop_assert!(goes_on, "{} without conditions, {} with them", plain.summary(), said.summary());
    }

    /// RFC 9110 §13.2.1, the other way: where the answer is no success, conditions change nothing.
    #[test]
    fn a_refusal_does_not_look_at_preconditions(asked in requests(), found in founds()) {
        let plain = asked.without(&PRECONDITIONS).without(&["Range"]);
        let (refused, _) = plain.ask(&found);
        if let Some(status) = refused.status()
            && status.class() != Class::Success
            && status != Status::PRECONDITION_REQUIRED
        {
            prop_assert_eq!(asked.ask(&found).0.summary(), refused.summary());
        }
    }

    /// RFC 9110 §13.1: what version a file has decides on a write only where a precondition names one.
    #[test]
    fn without_a_precondition_no_version_decides_on_a_write(
        asked in requests(),
        one in founds().prop_filter("a file", |found| matches!(found, Found::File(_))),
        other in founds().prop_filter("a file", |found| matches!(found, Found::File(_))),
    ) {
        let asks = asked.read(Split::ALineAField, plan::asks_for_version);
        let is_conditional = PRECONDITIONS.iter().any(|name| asked.sends(name));
        prop_assert_eq!(asks, is_conditional);
        if !asks && !asked.method().is_safe() {
            prop_assert_eq!(asked.ask(&one).0.summary(), asked.ask(&other).0.summary());
        }
    }

    /// RFC 9110 §9.3.2, and §14.2: `Range` means something to GET alone.
    #[test]
    fn head_is_decided_as_get_is_but_for_ranges(asked in requests(), found in founds()) {
        prop_assume!(asked.target != "*");
        let get = Asked { method: "GET", ..asked.without(&["Range"]) };
        let head = Asked { method: "HEAD", ..asked };
        prop_assert_eq!(get.ask(&found).0.summary(), head.ask(&found).0.summary());
    }

    /// RFC 9110 §5.3.
    #[test]
    fn a_list_over_several_lines_is_the_list_on_one(asked in requests(), found in founds()) {
        let (one, trail) = asked.ask(&found);
        let (several, split) = asked.ask_split(Split::ALineAMember, &found);
        prop_assert_eq!(one.summary(), several.summary());
        prop_assert_eq!(trail, split);
    }

    /// Access comes before the look-up, so its answers say nothing of what is there.
    #[test]
    fn what_is_refused_unseen_is_refused_whatever_is_there(
        asked in requests(),
        found in founds(),
        other in founds(),
    ) {
        let unseen = asked.ask_before_lookup();
        let (one, two) = (asked.ask(&found).0, asked.ask(&other).0);
        if let Some(verdict) = unseen {
            let wanted = Said::Answer(verdict).summary();
            prop_assert_eq!(&one.summary(), &wanted);
            prop_assert_eq!(&two.summary(), &wanted);
        } else {
            // And what speaks of the request alone is never said after the look-up.
            for said in [&one, &two] {
                prop_assert!(!matches!(said.status(), Some(
                    Status::MISDIRECTED_REQUEST
                        | Status::NOT_IMPLEMENTED
                        | Status::EXPECTATION_FAILED
                        | Status::LENGTH_REQUIRED
                        | Status::CONTENT_TOO_LARGE
                        | Status::UNSUPPORTED_MEDIA_TYPE
                        | Status::BAD_REQUEST
                )), "{}", said.summary());
            }
        }
    }

    #[test]
    fn safe_methods_never_write_and_others_never_read(asked in requests(), found in founds()) {
        match asked.ask(&found).0 {
            Said::Write(_) | Said::Take(_) | Said::Later | Said::Forward => {
                prop_assert!(!asked.method().is_safe());
            }
            Said::Read(..) => prop_assert!(asked.method().is_safe()),
            Said::Answer(_) => {}
        }
    }
}
