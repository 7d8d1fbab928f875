//! Gateways: what is forwarded and what is not, and what each end of asking an upstream is to the client.

use wherefore_decide::catalogue::{GroupId, find_rule};
use wherefore_decide::forward::Passed;
use wherefore_decide::plan::{self, Reading};
use wherefore_decide::policy::{Gateway, Preconditions, Resource, Route, Site, Trace};
use wherefore_decide::reply::{self, Setting, Varies};
use wherefore_decide::story::Fate;
use wherefore_decide::upstream::{Changed, Heard, Lost};
use wherefore_decide::{Scheme, Trail, Witness};
use wherefore_message::problem::ProblemForm;
use wherefore_message::status::REGISTRY;
use wherefore_message::{
    Announced, Cause, FaultKind, FieldName, Method, MethodSet, ResponseHead, Status,
};

use crate::ask::{Asked, CONTENT_BYTES_MAX, Said, file};
use crate::policies::{Told, routed};

fn site(with: impl FnOnce(&mut Route)) -> Site {
    routed("/api/*", Resource::Gateway(Gateway::new(0)), with)
}

fn asked(method: &'static str) -> Asked {
    Asked::new(method, "/api/.a;b=c").in_site(site(|_| {}))
}

fn looped(asked: Asked) -> Asked {
    Asked { told: Told { passed: Passed::Before, ..Told::default() }, ..asked }
        .with("Via", "1.1 here")
}

/// Requests that are not forwarded, and the rules that say so.
fn kept() -> Vec<(Asked, &'static str)> {
    let only_get = |route: &mut Route| route.methods = Some(MethodSet::of(&[Method::Get]));
    let echoing = |route: &mut Route| route.trace = Trace::On;
    let required = |route: &mut Route| route.preconditions = Preconditions::Required;
    let too_much = Announced::Length(CONTENT_BYTES_MAX + 1);
    vec![
        (asked("TRACE"), "forward-method"),
        (asked("POST").in_site(site(only_get)), "forward-method"),
        (asked("BREW").in_site(site(only_get)), "forward-method"),
        (Asked { target: "/api/..;/a".to_owned(), ..asked("GET") }, "forward-path"),
        (looped(asked("GET")), "forward-loop"),
        (asked("OPTIONS").with("Max-Forwards", "0"), "options"),
        (asked("TRACE").in_site(site(echoing)).with("Max-Forwards", "00"), "trace"),
        (asked("PUT").in_site(site(required)).bringing(Announced::Length(1)), "precondition-sent"),
        (asked("POST").bringing(too_much), "content-size"),
        (asked("PATCH").bringing(too_much), "content-size"),
        (asked("POST").with("Expect", "a-miracle"), "expectation"),
    ]
}

/// Requests that go on: what they mean is for the upstream to say.
fn forwarded() -> Vec<Asked> {
    let bringing = |method| asked(method).bringing(Announced::Length(CONTENT_BYTES_MAX));
    let required = |route: &mut Route| route.preconditions = Preconditions::Required;
    let echoing = |route: &mut Route| route.trace = Trace::On;
    vec![
        asked("GET"),
        asked("BREW"),
        asked("POST"),
        asked("OPTIONS").with("Max-Forwards", "1"),
        asked("OPTIONS").with("Max-Forwards", "many"),
        asked("GET").with("Max-Forwards", "0"),
        asked("TRACE").in_site(site(echoing)),
        asked("GET").with("Via", "1.1 another"),
        asked("GET").with("If-None-Match", "*").with("If-Match", "\"x\""),
        asked("DELETE").in_site(site(required)).with("If-Match", "\"x\""),
        bringing("PATCH").with("Content-Type", "text/plain"),
        bringing("PUT").with("Content-Range", "bytes 0-0/2").with("Content-Encoding", "gzip"),
        bringing("POST").with("Content-Type", "multipart/form-data; boundary=x"),
        bringing("POST").with("Sec-Fetch-Site", "cross-site").with("Expect", "100-continue"),
    ]
}

/// Every end of asking an upstream.
fn ends() -> impl Iterator<Item = Heard> {
    let statuses = REGISTRY
        .iter()
        .map(|row| row.status)
        .filter(|status| status.code() >= 200 || *status == Status::SWITCHING_PROTOCOLS);
    let answers = statuses.chain([Status::new(299), Status::new(599)].into_iter().flatten());
    let changed = [Changed::Not, Changed::Told, Changed::Untold];
    let answers =
        answers.flat_map(move |status| changed.map(|changed| Heard::Answer(status, changed)));
    let lost = Cause::ALL.iter().flat_map(|cause| {
        [
            Lost::to(*cause),
            Lost { wait_seconds: 7, ..Lost::to(*cause) },
            Lost { fault: Some(FaultKind::ChunkSize), ..Lost::to(*cause) },
        ]
    });
    answers.chain(lost.map(Heard::Nothing))
}

/// Goes through all that the rules of gateways can say.
pub(crate) fn trails(mut tell: impl FnMut(&Trail)) {
    let kept = kept().into_iter().map(|(asked, _)| asked);
    for asked in kept.chain(forwarded()) {
        tell(&asked.ask(&file()).1);
    }
    for heard in ends() {
        let mut trail = Trail::new();
        let _ = plan::heard(heard, &mut trail);
        tell(&trail);
    }
}

#[test]
fn what_is_not_forwarded() {
    for (asked, rule) in kept() {
        let (said, _) = asked.ask(&file());
        let id = said.verdict().map(|verdict| verdict.because.id);
        assert_eq!(id, Some(rule), "{} {}: {}", asked.method, asked.target, said.summary());
    }
    let (said, _) = asked("OPTIONS").with("Max-Forwards", "0").ask(&file());
    let Said::Read(_, Reading::Options(methods)) = said else { panic!("{}", said.summary()) };
    assert!(methods.has(Method::Delete) && !methods.has(Method::Trace));
}

#[test]
fn what_is_forwarded() {
    for asked in forwarded() {
        let (said, _) = asked.ask(&file());
        assert!(
            matches!(said, Said::Forward),
            "{} {:?}: {}",
            asked.method,
            asked.fields,
            said.summary()
        );
    }
}

#[test]
fn each_end_has_its_status_and_its_rule() {
    for heard in ends() {
        let mut trail = Trail::new();
        let verdict = plan::heard(heard, &mut trail);
        let expected = match heard {
            Heard::Answer(Status::OK, Changed::Told) => Status::NON_AUTHORITATIVE_INFORMATION,
            Heard::Answer(status, _) => status,
            Heard::Nothing(lost) => lost.cause.status(),
        };
        assert_eq!(verdict.status, expected, "{heard:?}");
        let group = GroupId::Upstream.rules();
        let rule = group.iter().position(|info| info.id == verdict.because.id);
        assert!(
            rule.is_some_and(|rule| trail.fate(GroupId::Upstream, rule) == Fate::Answered),
            "{heard:?}"
        );
        assert!(find_rule(verdict.because.id).is_some());
    }
}

#[test]
fn what_did_not_come_is_told_by_its_type_and_never_kept() {
    for heard in ends() {
        let Heard::Nothing(mut lost) = heard else { continue };
        let verdict = plan::heard(heard, &mut Trail::new());
        if lost.cause.status() == Status::SERVICE_UNAVAILABLE {
            lost.wait_seconds = lost.wait_seconds.max(1);
        }
        assert_eq!(verdict.witness, Witness::Upstream(lost));
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
        let text = reply::explained(&setting, ProblemForm::Json, "id", &mut head).unwrap();
        assert!(text.contains(lost.cause.id()), "{text}");
        let told = head.value(FieldName::ProxyStatus).unwrap().to_string();
        let error = format!("wherefore; error={}; details=\"", lost.cause.token());
        assert!(told.starts_with(&error) && told.ends_with('"'), "{told}");
        let details = &told[error.len()..told.len() - 1];
        assert!(!details.contains(['"', '\\']) && details.is_ascii(), "{details}");
        assert_eq!(head.value(FieldName::CacheControl).unwrap().to_string(), "no-store");
        let wait = head.value(FieldName::RetryAfter).map(ToString::to_string);
        assert_eq!(wait, (lost.wait_seconds > 0).then(|| lost.wait_seconds.to_string()));
        // A status that asks for more than a cause always knows gets it from who knows it.
        let lacks_wait = verdict.status == Status::SERVICE_UNAVAILABLE && lost.wait_seconds == 0;
        assert_eq!(reply::seal(&mut head).is_err(), lacks_wait, "{heard:?}");
    }
}
