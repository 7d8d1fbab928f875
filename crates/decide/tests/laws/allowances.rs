//! Limits and prices over the whole of a small domain, against a second and naive transcription of the rows for 402,
//! 429 and 503.

use wherefore_decide::allowance::{Denied, Paid, Why};
use wherefore_decide::policy::allowance::{By, LimitKind};
use wherefore_decide::policy::{Limit, Price};
use wherefore_message::FieldName;
use wherefore_message::problem::ProblemForm;

use crate::answers::{Answer, FORMS};
use crate::ask::{Asked, file};
use crate::policies::{RATE, guarded, limit, price};

const WAITS: [u64; 4] = [0, 1, 61, u64::MAX];

/// When a limit stands against a request: before it is known who asks, or after.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Client,
    User,
}

fn limits() -> Vec<Limit> {
    vec![
        limit("net", By::Network, RATE),
        limit("you", By::User, LimitKind::Rate { count: 9, window_seconds: 3600, burst: 1 }),
        limit("all", By::Route("all".into()), LimitKind::AtOnce(2)),
    ]
}

#[test]
fn every_denial_is_answered_as_the_rows_say() {
    let mut cases = 0;
    for phase in [Phase::Client, Phase::User] {
        for why in [Why::Rate, Why::AtOnce, Why::NoRoom] {
            for index in 0..4 {
                for wait_seconds in WAITS {
                    for form in FORMS {
                        let denied = Denied { limit: index, why, wait_seconds };
                        let answer = engine(phase, Some(denied), form);
                        let wanted = match why {
                            Why::Rate => 429,
                            Why::AtOnce | Why::NoRoom => 503,
                        };
                        assert_eq!(answer.status().code(), wanted, "{phase:?} {denied:?}");
                        let wait = wait_seconds.max(1).to_string();
                        assert_eq!(answer.value(FieldName::RetryAfter), Some(wait.clone()));
                        assert_eq!(
                            answer.value(FieldName::CacheControl).as_deref(),
                            Some("no-store")
                        );
                        assert_eq!(answer.rule(), rule(phase, why));
                        assert_eq!(answer.sealed, Ok(()));
                        let text = answer.content.as_deref().unwrap();
                        assert!(text.contains(&wait), "how long: {text}");
                        // RFC 6585 §4: it explains the condition; only what was reached is told as reached.
                        let quota =
                            ["5 requests in 60", "9 requests in 3600"].get(usize::from(index));
                        if let Some(quota) = quota {
                            assert_eq!(text.contains(quota), why == Why::Rate, "{text}");
                        }
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 2 * 3 * 4 * 4 * 3);
}

fn rule(phase: Phase, why: Why) -> &'static str {
    match (phase, why) {
        (Phase::Client, Why::Rate) => "rate",
        (Phase::Client, Why::AtOnce) => "at-once",
        (Phase::Client, Why::NoRoom) => "limit-room",
        (Phase::User, Why::Rate) => "user-rate",
        (Phase::User, Why::AtOnce) => "user-at-once",
        (Phase::User, Why::NoRoom) => "user-limit-room",
    }
}

fn engine(phase: Phase, denied: Option<Denied>, form: ProblemForm) -> Answer {
    let mut asked = Asked::new("GET", "/a").in_site(guarded(|route| route.limits = limits()));
    match phase {
        Phase::Client => asked.told.client_limits = denied,
        Phase::User => asked.told.user_limits = denied,
    }
    asked.answer(&file(), form).unwrap()
}

/// The fields of the draft on limits: named, with quota and window; what is left, and until when. Told before the
/// wall and at it, of what was taken from.
#[test]
fn limits_are_told_before_the_wall_and_at_it() {
    let net = (r#""net";q=5;w=60"#, r#""net";r=4;t=12"#);
    let both = (r#""net";q=5;w=60, "you";q=9;w=3600"#, r#""net";r=4;t=12, "you";r=4;t=12"#);
    let denied = Some(Denied { limit: 0, why: Why::Rate, wait_seconds: 3 });
    for (phase, denied, (policy, state)) in
        [(Phase::Client, denied, net), (Phase::User, denied, both), (Phase::Client, None, both)]
    {
        let answer = engine(phase, denied, ProblemForm::Json);
        assert_eq!(answer.value(FieldName::RateLimitPolicy).as_deref(), Some(policy));
        assert_eq!(answer.value(FieldName::RateLimit).as_deref(), Some(state));
    }
}

/// A name is a string of structured fields (RFC 9651 §3.3.3): whatever the operator wrote, it is one.
#[test]
fn a_limit_s_name_stays_within_its_quotes() {
    let name = "a\"b\\c, \"d\r\n\u{e9}";
    let site = guarded(|route| route.limits = vec![limit(name, By::Network, RATE)]);
    let answer = Asked::new("GET", "/a").in_site(site).answer(&file(), ProblemForm::Json).unwrap();
    let told = answer.value(FieldName::RateLimit).unwrap();
    assert_eq!(told, r#""a\"b\\c, \"d";r=4;t=12"#);
}

#[test]
fn every_payment_is_answered_as_the_rows_say() {
    let mut cases = 0;
    for (paid, wanted, rule) in [
        (Paid::Reserved, 200, "representation"),
        (Paid::NoAccount, 402, "account"),
        (Paid::Short(0), 402, "balance"),
        (Paid::Short(2), 402, "balance"),
        (Paid::Unreachable, 503, "ledger"),
    ] {
        for account in [By::User, By::Field("X-Key".into())] {
            for top_up in [None, Some("https://shop.example/")] {
                let price =
                    Price { account: account.clone(), top_up: top_up.map(Into::into), ..price() };
                let mut asked =
                    Asked::new("GET", "/a").in_site(guarded(|route| route.price = Some(price)));
                asked.told.paid = paid;
                let answer = asked.answer(&file(), ProblemForm::Json).unwrap();
                let case = (paid, &account, top_up);
                assert_eq!((answer.status().code(), answer.rule()), (wanted, rule), "{case:?}");
                assert_eq!(answer.sealed, Ok(()));
                let stored = answer.value(FieldName::CacheControl);
                assert_eq!(stored.as_deref(), (wanted != 200).then_some("no-store"), "{case:?}");
                let waits = answer.value(FieldName::RetryAfter);
                assert_eq!(waits.as_deref(), (wanted == 503).then_some("1"), "{case:?}");
                if wanted == 402 {
                    let text = answer.content.unwrap();
                    assert!(text.contains("\"price\":3") && text.contains("EUR cent"), "{text}");
                    assert_eq!(text.contains("shop.example"), top_up.is_some(), "{text}");
                    assert_eq!(text.contains("\"balance\""), rule == "balance", "{text}");
                }
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 5 * 2 * 2);
}
