//! What is accepted for later, what each end of storing it is answered with, and what a monitor tells.

use wherefore_decide::later::Kept;
use wherefore_decide::plan::{self, Reading};
use wherefore_decide::policy::later::{MONITORS, When};
use wherefore_decide::policy::{Dress, Gateway, Inbox, Later, Resource, Site};
use wherefore_decide::reply::monitor::{Monitored, accepted};
use wherefore_decide::reply::{self, Setting, Varies};
use wherefore_decide::{Scheme, Trail};
use wherefore_message::later::{Progress, Setback};
use wherefore_message::problem::ProblemForm;
use wherefore_message::{Announced, Cause, FieldName, Method, ResponseHead, Status};

use crate::answers::{FORMS, REQUEST_ID};
use crate::ask::{Asked, NOW, Said, Split, file};
use crate::policies::{Told, routed};

const PENDING: Progress = Progress::Pending {
    tries: 3,
    next_at: NOW + 6,
    last: Some(Setback::Cause(Cause::ConnectLate)),
};

/// Everything that a monitor can have to tell.
fn progresses() -> Vec<Progress> {
    let why = Setback::Answered(Status::NOT_FOUND);
    vec![
        Progress::Pending { tries: 0, next_at: NOW - 1, last: None },
        PENDING,
        Progress::Delivered { status: Status::NO_CONTENT, at: NOW },
        Progress::Failed { why, tries: 1, at: NOW },
    ]
}

const ENDS: &[(Kept, u16, &str)] = &[
    (Kept::Stored, 202, "accepted-for-later"),
    (Kept::HeadTooLarge { limit: 1, seen: 2 }, 431, "later-head"),
    (Kept::ContentTooLarge { limit: 1, seen: 2 }, 413, "later-size"),
    (Kept::KeyReused, 422, "later-key"),
    (Kept::Full(0), 503, "later-room"),
    (Kept::Full(9), 503, "later-room"),
];

fn gateway(when: When) -> Site {
    let later = Later::new(3, when);
    routed("/api/*", Resource::Gateway(Gateway::new(0)), |route| route.later = Some(later))
}

fn asked(method: &'static str, when: When) -> Asked {
    Asked::new(method, "/api/a").in_site(gateway(when)).bringing(Announced::Length(1))
}

fn posted() -> Asked {
    let inbox = Inbox { origin: None, ..Inbox::new(0) };
    let later = Later::new(0, When::Always);
    let site = routed("/orders", Resource::Inbox(inbox), |route| route.later = Some(later));
    let posted = Asked::new("POST", "/orders").in_site(site).bringing(Announced::Length(3));
    posted.with("Content-Type", "application/x-www-form-urlencoded")
}

fn monitored(method: &'static str, progress: Option<Progress>) -> Asked {
    let site = routed(&format!("{MONITORS}{{id}}"), Resource::Monitors, |_| {});
    let told = Told { progress, ..Told::default() };
    Asked { told, ..Asked::new(method, &format!("{MONITORS}0a")).in_site(site) }
}

/// Goes through all that the rules about what is for later can say.
pub(crate) fn trails(mut tell: impl FnMut(&Trail)) {
    for asked in [monitored("GET", None), monitored("PUT", None), monitored("GET", Some(PENDING))] {
        tell(&asked.ask(&file()).1);
    }
    for (kept, ..) in ENDS {
        let mut trail = Trail::new();
        let _ = plan::kept(*kept, &mut trail);
        tell(&trail);
    }
}

#[test]
fn what_changes_something_is_for_later_where_that_is_wanted() {
    let prefers = |value: &'static str, method| {
        asked(method, When::Preferred).with("Prefer", value).ask(&file()).0.summary()
    };
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(prefers("respond-async, wait=5", method), "later");
        assert_eq!(prefers("return=minimal", method), "forward");
        assert_eq!(asked(method, When::Preferred).ask(&file()).0.summary(), "forward");
        assert_eq!(asked(method, When::Always).ask(&file()).0.summary(), "later");
    }
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(prefers("respond-async", method), "forward", "a monitor has no answer");
        assert_eq!(asked(method, When::Always).ask(&file()).0.summary(), "forward");
    }
    // Where nobody allows it, the preference is passed over.
    let elsewhere = routed("/api/*", Resource::Gateway(Gateway::new(0)), |_| {});
    let plain = asked("POST", When::Always).in_site(elsewhere).with("Prefer", "respond-async");
    assert_eq!(plain.ask(&file()).0.summary(), "forward");

    assert_eq!(posted().ask(&file()).0.summary(), "later");
    let other = posted().without(&["Content-Type"]).with("Content-Type", "text/plain");
    assert_eq!(other.ask(&file()).0.summary(), "415 Unsupported Media Type inbox-type");
}

#[test]
fn every_end_has_its_answer() {
    for (kept, status, rule) in ENDS {
        let verdict = plan::kept(*kept, &mut Trail::new());
        assert_eq!((verdict.status.code(), verdict.because.id), (*status, *rule));
        assert_eq!(plan::is_earned(&verdict), *kept == Kept::Stored);
        if *kept == Kept::Stored {
            continue;
        }
        let setting = Setting {
            verdict: &verdict,
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
        let _ = reply::explained(&setting, ProblemForm::Json, "id", &mut head);
        assert!(reply::seal(&mut head).is_ok(), "{kept:?}");
        let wait = head.value(FieldName::RetryAfter).map(ToString::to_string);
        let Kept::Full(seconds) = kept else {
            assert_eq!(wait, None);
            continue;
        };
        assert_eq!(wait, Some(seconds.max(&1).to_string()));
    }
}

#[test]
fn who_is_accepted_is_told_where_to_ask() {
    let verdict = plan::kept(Kept::Stored, &mut Trail::new());
    let later = Later::new(0, When::Preferred);
    for (prefer, applied) in [("respond-async", Some("respond-async")), ("wait=1", None)] {
        let asked = asked("POST", When::Preferred).with("Prefer", prefer);
        asked.read(Split::ALineAField, |request| {
            let (progress, form) = (&PENDING, ProblemForm::Json);
            let monitored = Monitored { progress, form, now: NOW, request_id: REQUEST_ID };
            let mut head = ResponseHead::new(Status::OK);
            let content = accepted(&verdict, request, &later, "0a", &monitored, &mut head);
            assert!(reply::seal(&mut head).is_ok());
            let value = |name| head.value(name).map(ToString::to_string);
            assert_eq!((head.status, content), (Status::ACCEPTED, PENDING.to_json()));
            let location = value(FieldName::Location);
            assert_eq!(location.as_deref(), Some("/.well-known/wherefore/later/0a"));
            assert_eq!(value(FieldName::PreferenceApplied).as_deref(), applied);
            assert_eq!(value(FieldName::RetryAfter).as_deref(), Some("7"));
            assert_eq!(value(FieldName::CacheControl).as_deref(), Some("no-store"));
        });
    }
}

#[test]
fn a_monitor_tells_how_far_it_is_to_whoever_knows_its_name() {
    for method in ["GET", "HEAD"] {
        for progress in progresses() {
            let asked = monitored(method, Some(progress)).with("If-None-Match", "\"now\"");
            for form in FORMS {
                let answer = asked.answer(&file(), form).unwrap();
                assert_eq!((answer.status(), answer.rule()), (Status::OK, "representation"));
                assert_eq!(answer.sealed, Ok(()));
                assert_eq!(answer.content.as_deref(), Some(&*progress.to_form(form)));
                let wait = answer.value(FieldName::RetryAfter);
                let is_pending = matches!(progress, Progress::Pending { .. });
                assert_eq!(wait.is_some(), is_pending, "{progress:?}");
                assert!(wait.is_none_or(|wait| wait.parse::<u64>().unwrap() >= 1));
                assert_eq!(answer.value(FieldName::CacheControl).as_deref(), Some("no-store"));
                assert!(answer.has_member(FieldName::Vary, "accept"));
                let is_page = form == ProblemForm::Html;
                assert_eq!(answer.value(FieldName::ContentSecurityPolicy).is_some(), is_page);
            }
        }
        let (said, _) = monitored(method, None).ask(&file());
        assert_eq!(said.summary(), "404 Not Found monitor-known");
    }
    // What the operator says of caching is not meant for it.
    let mut kept = monitored("GET", Some(PENDING));
    let known = vec![(FieldName::CacheControl, "max-age=60".into())];
    kept.site = routed("/.well-known/wherefore/later/{id}", Resource::Monitors, |route| {
        route.dress = Dress { known, ..Dress::default() };
    });
    let answer = kept.answer(&file(), ProblemForm::Json).unwrap();
    assert_eq!(answer.value(FieldName::CacheControl).as_deref(), Some("no-store"));

    let (said, _) = monitored("OPTIONS", Some(PENDING)).ask(&file());
    let Said::Read(_, Reading::Options(methods)) = said else { panic!("{}", said.summary()) };
    assert_eq!(methods.to_string(), "GET, HEAD, OPTIONS");
    // CONNECT asks for no path.
    let is_asked = |method: &&Method| !method.is_safe() && **method != Method::Connect;
    for method in Method::KNOWN.iter().filter(is_asked) {
        let summary = monitored(method.as_str(), Some(PENDING))
            .bringing(Announced::Length(0))
            .ask(&file())
            .0
            .summary();
        let refused =
            ["405 Method Not Allowed monitor-method", "501 Not Implemented method-implemented"];
        assert!(refused.contains(&&*summary), "{method}: {summary}");
    }
}

/// The name is the last segment, whatever it is.
#[test]
fn the_name_is_what_stands_behind_the_path_of_monitors() {
    let asked = monitored("GET", None);
    asked.conduct(Split::ALineAField, &file(), |conducted| {
        let (matched, path) = (conducted.matched.unwrap(), conducted.path.unwrap());
        assert_eq!(plan::MonitorPlace { matched, path }.id(), b"0a");
    });
}
