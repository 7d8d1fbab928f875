//! Inboxes: what one offers and takes, as far as the head tells, and every end that a submission can have.

use wherefore_decide::inbox::{Shown, Submitted};
use wherefore_decide::plan::{self, Reading};
use wherefore_decide::policy::inbox::{Format, Inbox, Thanks};
use wherefore_decide::policy::{
    ContentPolicy, Folder, Hosts, Pattern, Resource, Route, Site, Template,
};
use wherefore_decide::reply::{self, Setting, Varies};
use wherefore_decide::{Scheme, Trail, Verdict};
use wherefore_message::form::{FormFault, FormFaultKind};
use wherefore_message::problem::ProblemForm;
use wherefore_message::{Announced, Method, ResponseHead, Status};

use crate::ask::{Asked, Said, file};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn inbox_of(thanks: Thanks) -> Inbox {
    let mut inbox = Inbox { thanks, ..Inbox::new(0) };
    inbox.limits.fields_bytes_max = 50;
    inbox
}

fn site() -> Site {
    let content = ContentPolicy::up_to(100, 100);
    let resource = Resource::Inbox(inbox_of(Thanks::Created));
    Site::new("law", Hosts::any(), vec![Route::new(pattern("/orders"), resource, content)])
}

fn asked(method: &'static str) -> Asked {
    Asked::new(method, "/orders").in_site(site())
}

fn posted(media_type: &'static str, octets: u64) -> Asked {
    asked("POST").with("Content-Type", media_type).bringing(Announced::Length(octets))
}

const ENCODED: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=x";

/// Every way to thank.
fn thanks() -> [Thanks; 4] {
    let page = Template::parse("/thanks", &pattern("/orders")).unwrap();
    [Thanks::Created, Thanks::NoContent, Thanks::Reset, Thanks::SeeOther(page)]
}

/// Every way in which a submission can end.
fn ends() -> impl Iterator<Item = Submitted> {
    let faults = FormFaultKind::ALL.iter().map(|kind| Submitted::Faulty(FormFault::new(*kind, 7)));
    [Submitted::Stored(Shown::ByARoute), Submitted::Stored(Shown::Nowhere)]
        .into_iter()
        .chain(faults)
}

/// Goes through all that the rules of inboxes can say.
pub(crate) fn trails(mut tell: impl FnMut(&Trail)) {
    for asked in [asked("GET"), posted("text/plain", 5), posted(ENCODED, 5), posted(ENCODED, 51)] {
        tell(&asked.ask(&file()).1);
    }
    for thanks in thanks() {
        for end in ends() {
            let mut trail = Trail::new();
            let _ = plan::submitted(&thanks, end, &mut trail);
            tell(&trail);
        }
    }
}

#[test]
fn what_is_offered_is_taken_and_nothing_else() {
    for method in Method::KNOWN.iter().filter(|method| **method != Method::Connect) {
        let (said, _) = match method {
            Method::Post => posted(ENCODED, 5),
            _ => asked(method.as_str()),
        }
        .ask(&file());
        match (method, said) {
            (Method::Post, Said::Take(Format::UrlEncoded)) => {}
            (Method::Options, Said::Read(_, Reading::Options(methods))) => {
                assert_eq!(methods.to_string(), "POST, OPTIONS");
            }
            (Method::Post | Method::Options, said) => panic!("{method}: {}", said.summary()),
            (_, said) => {
                assert_eq!(said.summary(), "405 Method Not Allowed inbox-method", "{method}");
            }
        }
    }
}

#[test]
fn a_type_is_read_as_what_it_is_within_its_own_limit() {
    for (media_type, octets, wanted) in [
        (ENCODED, 50, "UrlEncoded"),
        (ENCODED, 51, "413 Content Too Large inbox-size"),
        ("application/json", 50, "Json"),
        ("application/json", 51, "413 Content Too Large inbox-size"),
        (PARTS, 100, "FormData"),
        (PARTS, 101, "413 Content Too Large content-size"),
        ("text/plain", 51, "415 Unsupported Media Type inbox-type"),
    ] {
        let (said, _) = posted(media_type, octets).ask(&file());
        assert_eq!(said.summary(), wanted, "{media_type} {octets}");
    }
    let untyped = asked("POST").bringing(Announced::Length(1)).ask(&file()).0;
    assert_eq!(untyped.summary(), "415 Unsupported Media Type inbox-type");
    assert_eq!(asked("POST").ask(&file()).0.summary(), "411 Length Required length");
}

/// RFC 9110 §13.1.1, §13.1.2: an inbox has no representation.
#[test]
fn preconditions_are_asked_of_nothing() {
    for (name, value, wanted) in [
        ("If-Match", "*", "412 Precondition Failed if-match"),
        ("If-Match", "\"now\"", "412 Precondition Failed if-match"),
        ("If-None-Match", "*", "UrlEncoded"),
        ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", "UrlEncoded"),
    ] {
        let (said, _) = posted(ENCODED, 5).with(name, value).ask(&file());
        assert_eq!(said.summary(), wanted, "{name}: {value}");
    }
}

/// What the operator said, as far as it is true; and of what is wrong, what it is and where.
#[test]
fn every_end_has_its_answer() {
    for thanks in thanks() {
        for end in ends() {
            let verdict = plan::submitted(&thanks, end, &mut Trail::new());
            let wanted = match (end, &thanks) {
                (Submitted::Faulty(fault), _) => fault.kind.status(),
                (Submitted::Stored(Shown::ByARoute), Thanks::Created) => Status::CREATED,
                (Submitted::Stored(Shown::Nowhere), Thanks::Created) => Status::NO_CONTENT,
                (_, Thanks::NoContent) => Status::NO_CONTENT,
                (_, Thanks::Reset) => Status::RESET_CONTENT,
                (_, Thanks::SeeOther(_)) => Status::SEE_OTHER,
            };
            assert_eq!(verdict.status, wanted, "{thanks:?} {end:?}");
            assert_eq!(plan::is_earned(&verdict), matches!(end, Submitted::Stored(_)));
            if let Submitted::Faulty(fault) = end {
                let told = explanation(&verdict);
                assert!(told.contains(fault.kind.id()) && told.contains("\"octet\":7"), "{told}");
            }
        }
    }
}

fn explanation(verdict: &Verdict) -> String {
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
    reply::explained(&setting, ProblemForm::Json, "id", &mut head).unwrap()
}

/// The place of a submission is named only if a request for it would be led there.
#[test]
fn what_is_made_is_shown_by_a_route_that_leads_to_it() {
    let content = ContentPolicy::up_to(100, 100);
    let folder = |text: &str, origin| {
        Route::new(pattern(text), Resource::Folder(Folder::read_only(origin)), content)
    };
    let gone = |text: &str| {
        let gone = Resource::Elsewhere(wherefore_decide::policy::Elsewhere::Gone { since: None });
        Route::new(pattern(text), gone, content)
    };
    let rewritten = |text: &str| {
        let rewrite = Some(Template::parse("/x", &pattern(text)).unwrap());
        let folder = Folder { rewrite, ..Folder::read_only(0) };
        Route::new(pattern(text), Resource::Folder(folder), content)
    };
    let unread = Route {
        methods: Some(wherefore_message::MethodSet::of(&[Method::Put])),
        ..folder("/kept/*", 0)
    };
    for (routes, wanted) in [
        (vec![], None),
        (vec![folder("/*", 0)], Some("/n.json")),
        (vec![folder("/kept/*", 0)], Some("/kept/n.json")),
        (vec![folder("/a b/ä/*", 0)], Some("/a%20b/%C3%A4/n.json")),
        (vec![folder("/other/*", 1)], None),
        (vec![folder("/kept", 0)], None),
        (vec![folder("/kept/", 0)], None),
        (vec![folder("/{user}/*", 0)], None),
        (vec![rewritten("/kept/*")], None),
        (vec![unread], None),
        (vec![folder("/kept/*", 0), gone("/kept/{name}")], None),
        (vec![folder("/kept/*", 0), gone("/kept/{name}"), folder("/*", 0)], Some("/n.json")),
    ] {
        let told: Vec<_> = routes.iter().map(|route| route.pattern.to_string()).collect();
        let site = Site::new("law", Hosts::any(), routes);
        let shown = Inbox::new(0).shown_at(&site, "n.json");
        assert_eq!(shown.as_deref(), wanted, "{told:?}");
    }
}
