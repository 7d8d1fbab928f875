//! Every rule lets some request pass and answers some other; where it can do only one, that is said here.

use std::collections::BTreeSet;
use std::sync::Arc;

use wherefore_decide::act::{Acted, Begun, Failure};
use wherefore_decide::allowance::{Denied, Paid, Why};
use wherefore_decide::asked::Said;
use wherefore_decide::catalogue::GroupId;
use wherefore_decide::content::Excess;
use wherefore_decide::facts::{Found, Members, Parent, Refusal};
use wherefore_decide::negotiate::{LeadsTo, Negotiated};
use wherefore_decide::payment::Tendered;
use wherefore_decide::policy::allowance::{By, Payment};
use wherefore_decide::policy::asker::RefusedAs;
use wherefore_decide::policy::cors;
use wherefore_decide::policy::folder::Listing;
use wherefore_decide::policy::gate::{Https, Protocol};
use wherefore_decide::policy::{
    Dress, Elsewhere, Folder, FolderAccess, Gate, Lasting, MissingFolders, Preconditions, Resource,
    Trace,
};
use wherefore_decide::screen::Wire;
use wherefore_decide::story::Fate;
use wherefore_decide::upstream::Lost;
use wherefore_decide::{Scheme, Trail, plan, reply};
use wherefore_message::{
    Announced, Cause, Fault, FaultKind, FieldName, Method, MethodSet, Status, Version,
};

use crate::ask::{
    self, Asked, CONTENT_BYTES_MAX, Split, alone, file, folder, missing, representation, site,
};
use crate::policies::{
    RATE, Sent, Told, asking, auth, blocked, cors, guarded, limit, maintenance, networks, price,
    routed, template, these,
};

/// Rules that let nothing pass: each answers, or does not apply.
const NEVER_PASS: &[(&str, &str)] = &[
    ("preflight", "it says what every preflight is answered with that comes so far"),
    ("moved", "it says what every request for what moved is answered with"),
    ("see-other", "it says what every request for what is to be seen elsewhere is answered with"),
    ("retired", "it says what every request for what was retired is answered with"),
    ("use-proxy", "it says what every request for what a proxy has is answered with"),
    ("partial-put", "a PUT with Content-Range is refused, and without it the rule does not apply"),
    ("part", "the whole is asked for where the rule does not apply"),
    ("options", "it says what every OPTIONS is answered with"),
    ("trace", "it says what every TRACE is answered with"),
    ("representation", "the last of its group, so that every reading has an answer"),
    ("relayed", "the last of its group: what no other rule answers for is an answer"),
    ("accepted-for-later", "the last of its group: what is stored is accepted"),
    ("submission-stored", "the last of its group: what is stored has an answer"),
    ("done", "the last of its group: what is neither made nor failed is done"),
];
/// Rules that answer nothing.
const NEVER_ANSWER: &[(&str, &str)] = &[];

/// Every way in which an act can fail.
pub(crate) const ACTS_THAT_FAIL: &[Failure] = &[
    Failure::Content(Fault::new(FaultKind::ChunkSize, 3)),
    Failure::Content(Fault::new(FaultKind::ContentTooLarge, 3)),
    Failure::Content(Fault::new(FaultKind::ContentLate, 3)),
    Failure::TooLarge(Excess { limit: 1, seen: 2, wait_seconds: None }),
    Failure::TooLarge(Excess { limit: 1, seen: 2, wait_seconds: Some(3) }),
    Failure::Digest,
    Failure::PatchSyntax("it is no JSON"),
    Failure::PatchUnfit("there is no such member"),
    Failure::PatchTest,
    Failure::Conflict("the folder has members"),
    Failure::Denied,
    Failure::NameTooLong,
    Failure::NoSpace,
    Failure::Quota,
    Failure::Busy(0),
    Failure::Io,
    Failure::Panicked,
];

/// Every way in which an act can end.
pub(crate) fn acts() -> impl Iterator<Item = Acted> {
    let failed = ACTS_THAT_FAIL.iter().map(|failure| Acted::Failed(*failure));
    [Acted::Created, Acted::Replaced, Acted::Removed].into_iter().chain(failed)
}

/// Which rules passed, and which answered.
#[derive(Default)]
struct Seen {
    passed: BTreeSet<&'static str>,
    answered: BTreeSet<&'static str>,
}

impl Seen {
    fn trail(&mut self, trail: &Trail) {
        for group in GroupId::ALL {
            for (i, info) in group.rules().into_iter().enumerate() {
                match trail.fate(*group, i) {
                    Fate::Passed => self.passed.insert(info.id),
                    Fate::Answered => self.answered.insert(info.id),
                    Fate::NotAsked | Fate::Skipped => false,
                };
            }
        }
    }

    /// Asks, and notes; the rule that answers must be this one, if any.
    fn expect(&mut self, asked: &Asked, found: &Found, rule: Option<&str>) {
        let (said, trail) = asked.ask(found);
        let id = said.verdict().map(|verdict| verdict.because.id);
        assert_eq!(id, rule, "{} {}: {}", asked.method, asked.target, said.summary());
        self.trail(&trail);
    }
}

#[test]
fn every_rule_passes_and_answers() {
    let mut seen = Seen::default();
    wire(&mut seen);
    let asked = before_lookup().into_iter().chain(after_lookup());
    for (asked, found, rule) in asked.chain(guarded_requests()).chain(fetched()) {
        seen.expect(&asked, &found, Some(rule));
    }
    for (asked, found) in writes() {
        seen.expect(&asked, &found, None);
    }
    for acted in acts() {
        let mut trail = Trail::new();
        let _ = plan::outcome(acted, &mut trail);
        seen.trail(&trail);
    }
    invitations(&mut seen);
    hints(&mut seen);
    crate::inboxes::trails(|trail| seen.trail(trail));
    crate::later::trails(|trail| seen.trail(trail));
    crate::gateways::trails(|trail| seen.trail(trail));

    let all: Vec<_> = GroupId::ALL.iter().flat_map(|group| group.rules()).collect();
    for (what, seen, never) in
        [("passes", &seen.passed, NEVER_PASS), ("answers", &seen.answered, NEVER_ANSWER)]
    {
        for info in &all {
            let excepted = never.iter().any(|(id, _)| *id == info.id);
            let is_seen = seen.contains(info.id);
            assert!(is_seen != excepted, "{} {what}: {is_seen}, excepted: {excepted}", info.id);
        }
        assert!(
            never.iter().all(|(id, why)| all.iter().any(|info| info.id == *id) && !why.is_empty())
        );
    }
}

fn wire(seen: &mut Seen) {
    for kind in FaultKind::ALL {
        let mut trail = Trail::new();
        let wire = Wire { fault: Some(Fault::new(*kind, 0)), overload: None };
        let _ = plan::refuse(&wire, &mut trail);
        seen.trail(&trail);
    }
    let mut trail = Trail::new();
    assert!(plan::refuse(&Wire { fault: None, overload: Some(3) }, &mut trail).is_some());
    seen.trail(&trail);
}

/// An interim answer is no end of the path, so the trail has it as passed: that it was given is seen by
/// what is returned.
fn invitations(seen: &mut Seen) {
    let asked =
        Asked::new("PUT", "/a").with("Expect", "100-continue").bringing(Announced::Length(1));
    for (begun, invites) in [(Begun::NotYet, true), (Begun::Already, false)] {
        let mut trail = Trail::new();
        let verdict =
            asked.read(Split::ALineAField, |request| plan::invite(request, begun, &mut trail));
        assert_eq!(verdict.is_some(), invites);
        assert_eq!(trail.fate(GroupId::Invite, 0), Fate::Passed);
        seen.answered.extend(verdict.map(|verdict| verdict.because.id));
        seen.trail(&trail);
    }
}

fn hints(seen: &mut Seen) {
    let asked = Asked::new("GET", "/a");
    let hints = vec![Arc::from("</style.css>; rel=preload; as=style")];
    for early_hints in [Vec::new(), hints] {
        let dress = Dress { early_hints, ..Dress::default() };
        let mut trail = Trail::new();
        let verdict =
            asked.read(Split::ALineAField, |request| plan::hints(request, &dress, &mut trail));
        let told = verdict.map(|verdict| reply::hints(&verdict, &dress));
        let links = told.as_ref().and_then(|head| head.value(FieldName::Link));
        assert_eq!(
            links.map(ToString::to_string).as_deref(),
            dress.early_hints.first().map(|link| &**link)
        );
        assert_eq!(
            told.is_some_and(|head| head.status == Status::EARLY_HINTS),
            !dress.early_hints.is_empty()
        );
        seen.answered.extend(verdict.map(|verdict| verdict.because.id));
        seen.trail(&trail);
    }
}

fn put(target: &str) -> Asked {
    Asked::new("PUT", target).bringing(Announced::Length(1))
}

fn before_lookup() -> Vec<(Asked, Found, &'static str)> {
    let get = |target: &str| Asked::new("GET", target);
    let content = |method: &'static str| Asked::new(method, "/a").bringing(Announced::Length(1));
    let unlike = |host| Asked { host: Some(host), ..get("/") };
    vec![
        (get("https://localhost/"), file(), "scheme"),
        (get("http://localhost/a"), file(), "representation"),
        (unlike("evil.example"), file(), "authority"),
        (get("/%zz"), file(), "path"),
        (Asked::new("BREW", "/pot"), file(), "method-implemented"),
        (put("/a").with("Origin", "http://evil.example"), file(), "cross-site-write"),
        (get("/.git/config"), file(), "dot-file"),
        (get("/a%2fb"), file(), "nameable"),
        (get("/a").with("Expect", "a-miracle"), file(), "expectation"),
        (get("/a").with("Expect", "100-continue"), file(), "representation"),
        (content("TRACE"), file(), "trace-content"),
        (put("/a").with("Content-Range", "bytes 0-0/2"), file(), "partial-put"),
        (Asked::new("PUT", "/a"), file(), "length"),
        (put("/a").bringing(Announced::Length(CONTENT_BYTES_MAX + 1)), file(), "content-size"),
        (put("/a").with("Content-Encoding", "gzip"), file(), "content-coding"),
        (content("PATCH"), file(), "patch-format"),
        (
            content("POST").with("Content-Type", "multipart/form-data; boundary=x"),
            file(),
            "post-format",
        ),
        (Asked::new("OPTIONS", "*"), file(), "options"),
    ]
}

fn after_lookup() -> Vec<(Asked, Found, &'static str)> {
    let get = |target: &str| Asked::new("GET", target);
    let echoing = || site(FolderAccess::ReadOnly, MissingFolders::Conflict, Trace::On);
    let date = "Sun, 06 Nov 1994 08:49:36 GMT";
    let later = "Sun, 06 Nov 1994 08:49:38 GMT";
    let bare = folder(None, Members::NotAsked);
    vec![
        (get("/a"), Found::Refused(Refusal::Escapes), "within"),
        (get("/a"), Found::Refused(Refusal::Denied), "readable"),
        (get("/a"), Found::Refused(Refusal::Special), "ordinary"),
        (get("/a"), missing(Parent::Folder, Some(1)), "gone"),
        (get("/a"), missing(Parent::Folder, None), "missing"),
        (get("/a/"), file(), "missing"),
        (put("/a"), bare, "folder-name"),
        (get("/a"), bare, "slash"),
        (get("/a/"), bare, "listing"),
        (Asked::new("TRACE", "/a"), file(), "method"),
        (Asked::new("TRACE", "/a").in_site(echoing()), file(), "trace"),
        (put("/a/"), missing(Parent::Folder, None), "file-name"),
        (put("/a/b"), missing(Parent::Missing, None), "parent"),
        (put("/a/b"), missing(Parent::NotFolder, None), "parent"),
        (Asked::new("DELETE", "/a/"), folder(None, Members::Some), "members"),
        (get("/a").with("If-Match", "\"then\""), file(), "if-match"),
        (get("/a").with("If-Match", "\"now\""), file(), "representation"),
        (get("/a").with("If-Unmodified-Since", date), file(), "if-unmodified-since"),
        (get("/a").with("If-Unmodified-Since", later), file(), "representation"),
        (get("/a").with("If-None-Match", "\"now\""), file(), "if-none-match"),
        (get("/a").with("If-None-Match", "\"then\""), file(), "representation"),
        (get("/a").with("If-Modified-Since", later), file(), "if-modified-since"),
        (get("/a").with("If-Modified-Since", date), file(), "representation"),
        (get("/a").with("Range", "bytes=10-"), file(), "satisfiable"),
        (get("/a").with("Range", "bytes=0-1"), file(), "part"),
        (Asked::new("OPTIONS", "/a"), file(), "options"),
    ]
}

/// Requests that what is known beforehand stands against, and others that it does not.
fn guarded_requests() -> Vec<(Asked, Found, &'static str)> {
    let gate =
        |set: fn(&mut Gate)| Asked::new("GET", "/a").in_site(guarded(|route| set(&mut route.gate)));
    let elsewhere = |elsewhere: Elsewhere| {
        Asked::new("GET", "/a").in_site(routed("/*", Resource::Elsewhere(elsewhere), |_| {}))
    };
    let gone = Resource::Elsewhere(Elsewhere::Gone { since: None });
    let kept_to_get = Asked::new("DELETE", "/a")
        .in_site(routed("/*", gone, |route| route.methods = Some(MethodSet::of(&[Method::Get]))));
    let shared = |method, origin| {
        let policy = cors(these(&["http://friend.example"]), cors::Credentials::Omitted);
        let site = guarded(|route| route.cors = Some(policy));
        let asked = Asked::new(method, "/a").in_site(site).with("Origin", origin);
        asked.with("Access-Control-Request-Method", "PUT")
    };
    let listed = |listing| {
        let folder = Folder { listing, ..Folder::read_only(0) };
        Asked::new("GET", "/a/").in_site(routed("/*", Resource::Folder(folder), |_| {}))
    };
    let forwarded = Asked::new("GET", "/a").with("Forwarded", "for=[");
    let mut unread = forwarded.clone();
    unread.client.fault = Some("the chain of proxies can't be read");
    let mut secure = gate(|gate| gate.https = Https::Required);
    secure.client.scheme = Scheme::Https;
    let canonical: fn(&mut Gate) = |gate| gate.canonical_host = Some("named.example".into());
    let mut required =
        put("/a").in_site(guarded(|route| route.preconditions = Preconditions::Required));
    required.fields.clear();
    let bare = folder(None, Members::NotAsked);
    let to = || template("/new{path}");
    let (file, ok) = (file(), "representation");
    vec![
        (forwarded, file, ok),
        (unread, file, "forwarded"),
        (gate(|gate| gate.https = Https::Required), file, "https"),
        (secure, file, ok),
        (gate(canonical), file, "canonical-host"),
        (Asked { host: Some("named.example"), ..gate(canonical) }, file, ok),
        (gate(|gate| gate.maintenance = Some(maintenance(None))), file, "maintenance"),
        (gate(|gate| gate.maintenance = Some(maintenance(Some(1)))), file, ok),
        (gate(|gate| gate.protocol = Protocol::Http2), file, "protocol"),
        (gate(|gate| gate.protocol = Protocol::Http11), file, ok),
        (gate(|gate| gate.blocked = vec![blocked(networks(""), &[])]), file, "legal"),
        (gate(|gate| gate.blocked = vec![blocked(networks(""), &[*b"DE"])]), file, ok),
        (gate(|gate| gate.from = Some(networks("10.0.0.0/8"))), file, "network"),
        (shared("OPTIONS", "http://evil.example"), file, "preflight-origin"),
        (shared("OPTIONS", "http://friend.example"), file, "preflight"),
        (shared("GET", "http://evil.example"), file, ok),
        (elsewhere(Elsewhere::Moved { to: to(), lasting: Lasting::Temporary }), file, "moved"),
        (elsewhere(Elsewhere::SeeOther(to())), file, "see-other"),
        (elsewhere(Elsewhere::Gone { since: Some(1) }), file, "retired"),
        (elsewhere(Elsewhere::UseProxy("http://proxy.example/".into())), file, "use-proxy"),
        (kept_to_get, file, "method-let-in"),
        (listed(Listing::On), bare, "listing"),
        (listed(Listing::Off), bare, "listed"),
        (required.clone(), file, "precondition-sent"),
        (required.with("If-Match", "\"then\""), file, "if-match"),
    ]
}

/// Requests for which something has to be fetched.
fn fetched() -> Vec<(Asked, Found, &'static str)> {
    let with = |set: &dyn Fn(&mut Told)| {
        let site = guarded(|route| {
            route.gate.from = Some(networks("127.0.0.0/8"));
            route.auth = Some(auth(RefusedAs::Forbidden));
            route.limits = vec![limit("net", By::Network, RATE), limit("you", By::User, RATE)];
            route.price = Some(price());
        });
        let mut asked = Asked::new("GET", "/a").in_site(site);
        asked.client.address = Some([127, 0, 0, 1].into());
        set(&mut asked.told);
        asked
    };
    let denied = |why| Some(Denied { limit: 0, why, wait_seconds: 1 });
    let sent = |sent: Sent| with(&|told| told.credentials = sent.clone());
    let paid = |paid| with(&|told| told.paid = paid);
    let found = |negotiated| with(&|told| told.negotiated = Some(negotiated));
    let said = |said| {
        let mut asked = with(&|told| told.said = said);
        asked.site = guarded(|route| route.auth = Some(asking(RefusedAs::Forbidden)));
        asked
    };
    let tendered = |tendered| {
        let mut asked = with(&|told| told.tendered = tendered);
        asked.site = guarded(|route| route.payment = Some(Payment { facilitator: 0 }));
        asked
    };
    let mut all = vec![
        (tendered(Tendered::Good), "representation"),
        (tendered(Tendered::Absent), "payment-sent"),
        (tendered(Tendered::Malformed("it is no JSON")), "payment-form"),
        (tendered(Tendered::Unfit("it is too little")), "payment-terms"),
        (tendered(Tendered::Underway), "payment-free"),
        (tendered(Tendered::Used("it was spent")), "payment-unused"),
        (tendered(Tendered::Unreachable(0)), "facilitator"),
        (tendered(Tendered::Refused), "payment-good"),
        (said(Said::LetIn), "representation"),
        (said(Said::Unknown), "asked-knows"),
        (said(Said::Refused), "asked-allows"),
        (said(Said::Leads(Status::FOUND)), "asked-lets-stay"),
        (said(Said::Nothing(Lost::to(Cause::Refused))), "asked-answers"),
        (with(&|_| ()), "representation"),
        (found(Negotiated::Chosen(LeadsTo::End)), "representation"),
        (found(Negotiated::Chosen(LeadsTo::AnotherList)), "variant-ends"),
        (found(Negotiated::LeftToClient(LeadsTo::End)), "variant-chosen"),
        (found(Negotiated::NotAcceptable(FieldName::Accept)), "variant-acceptable"),
        (sent(Sent::None), "credentials-sent"),
        (sent(Sent::Malformed("it is cut off")), "credentials-form"),
        (sent(Sent::TooMany(1)), "credentials-tries"),
        (sent(Sent::Busy(1)), "credentials-room"),
        (sent(Sent::Wrong("it has run out")), "credentials-valid"),
        (sent(Sent::Known("eve", Vec::new())), "allowed"),
        (paid(Paid::NoAccount), "account"),
        (paid(Paid::Unreachable), "ledger"),
        (paid(Paid::Short(1)), "balance"),
    ];
    for (why, client, user) in [
        (Why::Rate, "rate", "user-rate"),
        (Why::AtOnce, "at-once", "user-at-once"),
        (Why::NoRoom, "limit-room", "user-limit-room"),
    ] {
        all.push((with(&|told| told.client_limits = denied(why)), client));
        all.push((with(&|told| told.user_limits = denied(why)), user));
    }
    all.into_iter().map(|(asked, rule)| (asked, file(), rule)).collect()
}

/// Requests that come through to a write.
fn writes() -> Vec<(Asked, Found)> {
    let post =
        |media| Asked::new("POST", "/a/").bringing(Announced::Unknown).with("Content-Type", media);
    let index = folder(Some(alone(representation("now"))), Members::Some);
    let patch = Asked::new("PATCH", "/a.json").bringing(Announced::Length(2));
    vec![
        (put("/a").with("Content-Encoding", "identity").with("Sec-Fetch-Site", "none"), file()),
        (put("/a").with("Origin", "http://localhost"), missing(Parent::Folder, Some(1))),
        (post("text/plain"), folder(None, Members::NotAsked)),
        (post("text/plain").with("If-Match", "\"now\""), index),
        (patch.with("Content-Type", "application/merge-patch+json"), file()),
        (Asked::new("DELETE", "/a/"), folder(None, Members::None)),
        (Asked { version: Version::HTTP_2, ..Asked::new("PUT", "/a") }, file()),
    ]
}

#[test]
fn the_summary_of_a_write_is_the_write() {
    let (said, _) = Asked::new("DELETE", "/a").ask(&file());
    assert!(matches!(said, ask::Said::Write(plan::Writing::DeleteFile)), "{}", said.summary());
}
