//! Routes at which somebody else says who is let in: every answer to that, against what each is to mean, and what of it
//! a client is told.

use wherefore_decide::Trail;
use wherefore_decide::asked::Said;
use wherefore_decide::policy::asker::RefusedAs;
use wherefore_decide::reply;
use wherefore_decide::upstream::Lost;
use wherefore_message::problem::ProblemForm;
use wherefore_message::status::REGISTRY;
use wherefore_message::{Cause, FieldLines, FieldName, Status};

use crate::ask::{Asked, file};
use crate::policies::{asking, guarded, said};

fn told(lines: &[(&str, &str)]) -> FieldLines {
    lines.iter().copied().collect()
}

/// Whatever is not plainly yes is no: 2xx lets in, and nothing else does.
#[test]
fn only_success_lets_in() {
    let with_location = told(&[("Location", "https://login.example/")]);
    let (empty, twice) =
        (told(&[("Location", "")]), told(&[("Location", "/a"), ("Location", "/b")]));
    for row in REGISTRY {
        let code = row.status.code();
        let leads = matches!(code, 302 | 303 | 307);
        let wanted = match code {
            200..=299 => Said::LetIn,
            401 => Said::Unknown,
            403 => Said::Refused,
            _ if leads => Said::Leads(row.status),
            _ => Said::Nothing(Lost::to(Cause::Unusable)),
        };
        assert_eq!(Said::of(row.status, with_location.view()), wanted, "{code}");
        for bare in [FieldLines::new(), empty.clone(), twice.clone()] {
            let wanted = if leads { Said::Nothing(Lost::to(Cause::Unusable)) } else { wanted };
            assert_eq!(Said::of(row.status, bare.view()), wanted, "{code}");
        }
    }
}

#[test]
fn each_thing_that_is_said_has_its_answer() {
    for refusal in [RefusedAs::Forbidden, RefusedAs::Missing] {
        for said in said() {
            let mut asked = Asked::new("GET", "/a")
                .in_site(guarded(|route| route.auth = Some(asking(refusal))))
                .with("Authorization", "Bearer x");
            asked.told.said = said;
            let (code, rule) = match (said, refusal) {
                (Said::LetIn, _) => (200, "representation"),
                (Said::Unknown, _) => (401, "asked-knows"),
                (Said::Refused, RefusedAs::Forbidden) => (403, "asked-allows"),
                (Said::Refused, RefusedAs::Missing) => (404, "asked-allows"),
                (Said::Leads(status), _) => (status.code(), "asked-lets-stay"),
                (Said::Nothing(lost), _) => (lost.cause.status().code(), "asked-answers"),
            };
            if let Said::Leads(_) = said {
                // Where it leads is added by whoever heard it.
                let verdict = asked.ask_before_lookup().unwrap();
                assert_eq!((verdict.status.code(), verdict.because.id), (code, rule));
                continue;
            }
            let answer = asked.answer(&file(), ProblemForm::Json).unwrap();
            assert_eq!((answer.status().code(), answer.rule()), (code, rule), "{said:?}");
            assert_eq!(answer.sealed, Ok(()), "{said:?}");
            let stored = answer.value(FieldName::CacheControl);
            assert_eq!(stored.as_deref(), (code != 200).then_some("no-store"), "{said:?}");
            let challenge = answer.value(FieldName::WwwAuthenticate);
            assert_eq!(challenge.is_some(), code == 401, "{said:?}");
        }
    }
}

/// Of the answer of whoever was asked only what the verdict is about goes on.
#[test]
fn what_is_taken_over() {
    let lines = told(&[
        ("Location", "https://login.example/?rd=a"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("WWW-Authenticate", "Negotiate"),
        ("Content-Length", "7"),
        ("X-Secret", "s"),
    ]);
    for said in said() {
        let mut asked = Asked::new("GET", "/a")
            .in_site(guarded(|route| route.auth = Some(asking(RefusedAs::Forbidden))));
        asked.told.said = said;
        let Some(verdict) = asked.ask_before_lookup() else { continue };
        let mut head = asked.conduct(crate::ask::Split::ALineAField, &file(), |conducted| {
            let setting = reply::Setting {
                verdict: &verdict,
                request: Some(conducted.request),
                path: conducted.path,
                matched: conducted.matched,
                dress: None,
                scheme: wherefore_decide::Scheme::Http,
                current: None,
                varies: reply::Varies::Not,
                field: None,
            };
            let mut head = wherefore_message::ResponseHead::new(Status::OK);
            let _ = reply::explained(&setting, ProblemForm::Json, "id", &mut head);
            head
        });
        reply::asked(&verdict, lines.view(), &mut head);
        let relayed: Vec<_> = head.relayed().map(|(name, _)| name.to_vec()).collect();
        let wanted: &[&[u8]] = match said {
            Said::Leads(_) => &[b"Location", b"Set-Cookie", b"Set-Cookie"],
            Said::Unknown => &[b"Set-Cookie", b"Set-Cookie", b"WWW-Authenticate"],
            _ => &[],
        };
        assert_eq!(relayed, wanted, "{said:?}");
        assert!(head.value(FieldName::Location).is_none());
        let is_ours = head.value(FieldName::WwwAuthenticate).is_some();
        assert!(!is_ours, "ours stands beside theirs: {said:?}");
        assert_eq!(reply::seal(&mut head), Ok(()), "{said:?}");
    }
}

/// Who is let in by somebody else is not asked for credentials, and has no name among ours.
#[test]
fn credentials_are_not_asked_for() {
    use wherefore_decide::catalogue::GroupId;
    use wherefore_decide::story::Fate;
    let asked = Asked::new("GET", "/a")
        .in_site(guarded(|route| route.auth = Some(asking(RefusedAs::Forbidden))));
    let (_, trail): (_, Trail) = asked.ask(&file());
    assert_eq!(trail.fate(GroupId::Asker, 0), Fate::NotAsked);
    assert_eq!(trail.fate(GroupId::Asked, 3), Fate::Passed);
}
