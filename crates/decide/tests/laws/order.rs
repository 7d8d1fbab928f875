//! The order of the rules: of any two that would answer, the earlier one does. The list is written by hand; what
//! lets others learn least comes first.

use wherefore_decide::allowance::{Denied, Paid, Why};
use wherefore_decide::asked::Said;
use wherefore_decide::facts::{Found, Members, Parent, Refusal};
use wherefore_decide::negotiate::{LeadsTo, Negotiated};
use wherefore_decide::payment::Tendered;
use wherefore_decide::policy::allowance::{By, LimitKind, Payment};
use wherefore_decide::policy::asker::RefusedAs;
use wherefore_decide::policy::cors::Credentials;
use wherefore_decide::policy::gate::{Https, Protocol};
use wherefore_decide::policy::{
    ContentPolicy, Elsewhere, Folder, FolderAccess, Lasting, Pattern, Preconditions, Resource,
    Route, Site,
};
use wherefore_decide::rule::Info;
use wherefore_decide::upstream::Lost;
use wherefore_message::{Announced, Cause, FieldName, Method, MethodSet, Status};

use crate::ask::{Asked, CONTENT_BYTES_MAX, file, folder, missing};
use crate::policies::{
    RATE, Sent, asking, auth, blocked, cors, guarded, limit, maintenance, networks, price,
    template, these,
};

/// A request in the making, and what is to be found.
struct Setup {
    asked: Asked,
    found: Found,
    route: Route,
}

/// One rule, and how to make it answer.
struct Trigger {
    rule: &'static str,
    code: u16,
    /// What it decides of the request: two that decide the same can't both be brought about.
    slots: &'static [&'static str],
    set: fn(&mut Setup),
}

const fn trigger(
    rule: &'static str,
    code: u16,
    slots: &'static [&'static str],
    set: fn(&mut Setup),
) -> Trigger {
    Trigger { rule, code, slots, set }
}

/// In the order in which they are asked. What stands elsewhere goes before what the head says of the content:
/// where it went, more may be taken than here, and none of it is to be sent here first.
const ORDER: &[Trigger] = &[
    trigger("forwarded", 400, &[], |setup| {
        setup.asked.client.fault = Some("the chain of proxies can't be read");
        setup.field("Forwarded", "for=[");
    }),
    trigger("authority", 421, &["host"], |setup| setup.asked.host = Some("evil.example")),
    trigger("path", 400, &["target"], |setup| setup.asked.target = "/%zz".to_owned()),
    trigger("https", 308, &["method-of-reading"], |setup| setup.route.gate.https = Https::Required),
    trigger("canonical-host", 308, &["host", "method-of-reading"], |setup| {
        setup.route.gate.canonical_host = Some("named.example".into());
    }),
    trigger("maintenance", 503, &[], |setup| {
        setup.route.gate.maintenance = Some(maintenance(None));
    }),
    trigger("protocol", 426, &[], |setup| setup.route.gate.protocol = Protocol::Http2),
    trigger("legal", 451, &[], |setup| {
        setup.route.gate.blocked = vec![blocked(networks(""), &[])];
    }),
    trigger("network", 403, &[], |setup| setup.route.gate.from = Some(networks("10.0.0.0/8"))),
    trigger("rate", 429, &["client-limits"], |setup| {
        setup.asked.told.client_limits = Some(Denied { limit: 0, why: Why::Rate, wait_seconds: 1 });
    }),
    trigger("at-once", 503, &["client-limits"], |setup| {
        setup.asked.told.client_limits =
            Some(Denied { limit: 1, why: Why::AtOnce, wait_seconds: 1 });
    }),
    trigger("limit-room", 503, &["client-limits"], |setup| {
        setup.asked.told.client_limits =
            Some(Denied { limit: 0, why: Why::NoRoom, wait_seconds: 1 });
    }),
    trigger("preflight-origin", 403, &["method", "origin"], |setup| {
        setup.preflight("http://evil.example");
    }),
    trigger("preflight", 204, &["method", "origin"], |setup| {
        setup.preflight("http://friend.example");
    }),
    trigger("credentials-sent", 401, &["credentials"], |setup| {
        setup.asked.told.credentials = Sent::None;
    }),
    trigger("credentials-form", 400, &["credentials"], |setup| {
        setup.asked.told.credentials = Sent::Malformed("it is cut off");
    }),
    trigger("credentials-tries", 429, &["credentials"], |setup| {
        setup.asked.told.credentials = Sent::TooMany(1);
    }),
    trigger("credentials-room", 503, &["credentials"], |setup| {
        setup.asked.told.credentials = Sent::Busy(1);
    }),
    trigger("credentials-valid", 401, &["credentials"], |setup| {
        setup.asked.told.credentials = Sent::Wrong("it has run out");
    }),
    trigger("allowed", 403, &["credentials"], |setup| {
        setup.asked.told.credentials = Sent::Known("eve", Vec::new());
    }),
    trigger("asked-answers", 502, &["credentials"], |setup| {
        setup.said(Said::Nothing(Lost::to(Cause::Refused)))
    }),
    trigger("asked-lets-stay", 302, &["credentials"], |setup| {
        setup.said(Said::Leads(Status::FOUND))
    }),
    trigger("asked-knows", 401, &["credentials"], |setup| setup.said(Said::Unknown)),
    trigger("asked-allows", 403, &["credentials"], |setup| setup.said(Said::Refused)),
    trigger("user-rate", 429, &["user-limits"], |setup| {
        setup.asked.told.user_limits = Some(Denied { limit: 2, why: Why::Rate, wait_seconds: 1 });
    }),
    trigger("account", 402, &["paid"], |setup| setup.asked.told.paid = Paid::NoAccount),
    trigger("ledger", 503, &["paid"], |setup| setup.asked.told.paid = Paid::Unreachable),
    trigger("balance", 402, &["paid"], |setup| setup.asked.told.paid = Paid::Short(0)),
    trigger("payment-sent", 402, &["tendered"], |setup| setup.tendered(Tendered::Absent)),
    trigger("payment-form", 400, &["tendered"], |setup| {
        setup.tendered(Tendered::Malformed("it is no JSON"))
    }),
    trigger("payment-terms", 402, &["tendered"], |setup| {
        setup.tendered(Tendered::Unfit("it is too little"))
    }),
    trigger("payment-free", 409, &["tendered"], |setup| setup.tendered(Tendered::Underway)),
    trigger("payment-unused", 402, &["tendered"], |setup| {
        setup.tendered(Tendered::Used("it was spent"))
    }),
    trigger("facilitator", 503, &["tendered"], |setup| setup.tendered(Tendered::Unreachable(1))),
    trigger("payment-good", 402, &["tendered"], |setup| setup.tendered(Tendered::Refused)),
    trigger("method-implemented", 501, &["method"], |setup| setup.asked.method = "BREW"),
    trigger("cross-site-write", 403, &["method", "origin", "resource"], |setup| {
        setup.field("Origin", "http://evil.example");
    }),
    trigger("dot-file", 403, &["target", "here"], |setup| {
        setup.asked.target = "/.git/x".to_owned()
    }),
    trigger("method-let-in", 405, &["resource", "here", "method"], |setup| {
        setup.route.resource = Resource::Elsewhere(Elsewhere::Gone { since: None });
        setup.route.methods = Some(MethodSet::of(&[Method::Get]));
    }),
    trigger("moved", 308, &["resource", "here", "method-of-reading"], |setup| {
        let (to, lasting) = (template("/new{path}"), Lasting::Permanent);
        setup.route.resource = Resource::Elsewhere(Elsewhere::Moved { to, lasting });
    }),
    trigger("retired", 410, &["resource", "here"], |setup| {
        setup.route.resource = Resource::Elsewhere(Elsewhere::Gone { since: None });
    }),
    trigger("expectation", 417, &[], |setup| setup.field("Expect", "a-miracle")),
    trigger("partial-put", 400, &["method"], |setup| setup.field("Content-Range", "bytes 0-4/9")),
    trigger("length", 411, &["announced", "method"], |setup| {
        setup.asked.announced = Announced::Nothing;
    }),
    trigger("content-size", 413, &["announced", "method"], |setup| {
        setup.asked.announced = Announced::Length(CONTENT_BYTES_MAX + 1);
    }),
    trigger("content-coding", 415, &["method"], |setup| setup.field("Content-Encoding", "gzip")),
    trigger("within", 403, &["found"], |setup| setup.found = Found::Refused(Refusal::Escapes)),
    trigger("ordinary", 403, &["found"], |setup| setup.found = Found::Refused(Refusal::Special)),
    trigger("gone", 410, &["found", "method"], |setup| {
        setup.asked.method = "DELETE";
        setup.found = missing(Parent::Folder, Some(1));
    }),
    trigger("missing", 404, &["found", "method"], |setup| {
        setup.asked.method = "DELETE";
        setup.found = missing(Parent::Folder, None);
    }),
    trigger("method", 405, &["found", "method", "target"], |setup| {
        setup.asked.target = "/a/".to_owned();
        setup.found = folder(None, Members::None);
    }),
    trigger("parent", 409, &["found", "method"], |setup| {
        setup.found = missing(Parent::Missing, None);
    }),
    trigger("variant-ends", 506, &["negotiated", "method", "method-of-reading"], |setup| {
        setup.negotiate(Negotiated::Chosen(LeadsTo::Itself));
    }),
    trigger("variant-chosen", 300, &["negotiated", "method", "method-of-reading"], |setup| {
        setup.negotiate(Negotiated::LeftToClient(LeadsTo::End));
    }),
    trigger("variant-acceptable", 406, &["negotiated", "method", "method-of-reading"], |setup| {
        setup.negotiate(Negotiated::NotAcceptable(FieldName::Accept));
    }),
    trigger("precondition-sent", 428, &["if-match", "if-none-match", "method"], |setup| {
        setup.route.preconditions = Preconditions::Required;
    }),
    trigger("if-match", 412, &["if-match"], |setup| setup.field("If-Match", "\"then\"")),
    trigger("if-none-match", 412, &["if-none-match", "method-of-reading"], |setup| {
        setup.field("If-None-Match", "\"now\"");
    }),
    trigger("if-none-match", 304, &["if-none-match", "method", "method-of-reading"], |setup| {
        setup.asked.method = "GET";
        setup.field("If-None-Match", "\"now\"");
    }),
    trigger("satisfiable", 416, &["method", "method-of-reading"], |setup| {
        setup.asked.method = "GET";
        setup.field("Range", "bytes=10-");
    }),
];

impl Setup {
    /// A write that comes through every policy to an act.
    fn new() -> Self {
        let folder = Folder { access: FolderAccess::Writable, ..Folder::read_only(0) };
        let content = ContentPolicy::up_to(CONTENT_BYTES_MAX, 1 << 20);
        let resource = Resource::Folder(folder);
        let mut route = Route::new(Pattern::everything(), resource, content);
        route.auth = Some(auth(RefusedAs::Forbidden));
        route.limits = vec![
            limit("net", By::Network, RATE),
            limit("all", By::Route("all".into()), LimitKind::AtOnce(2)),
            limit("you", By::User, RATE),
        ];
        route.price = Some(price());
        route.cors = Some(cors(these(&["http://friend.example"]), Credentials::Omitted));
        let asked = Asked::new("PUT", "/a").bringing(Announced::Length(5));
        Self { asked, found: file(), route }
    }

    fn field(&mut self, name: &'static str, value: &'static str) {
        self.asked.fields.push((name, vec![value]));
    }

    fn negotiate(&mut self, negotiated: Negotiated) {
        self.asked.method = "GET";
        self.asked.told.negotiated = Some(negotiated);
    }

    /// What has to be paid for, with this to come of the payment.
    fn tendered(&mut self, tendered: Tendered) {
        self.route.payment = Some(Payment { facilitator: 0 });
        self.asked.told.tendered = tendered;
    }

    /// Somebody else is asked, and says this.
    fn said(&mut self, said: Said) {
        self.route.auth = Some(asking(RefusedAs::Forbidden));
        self.asked.told.said = said;
    }

    fn preflight(&mut self, origin: &'static str) {
        self.asked.method = "OPTIONS";
        self.field("Origin", origin);
        self.field("Access-Control-Request-Method", "PUT");
    }

    /// The status and the rule that answers.
    fn answered(self) -> (u16, &'static str) {
        let route = self.route;
        let site: Site = guarded(|own| *own = route);
        let (said, _) = self.asked.in_site(site).ask(&self.found);
        let id = |info: &'static Info| info.id;
        said.verdict().map_or((0, ""), |said| (said.status.code(), id(said.because)))
    }
}

#[test]
fn each_answers_alone_and_nothing_does_without() {
    assert_eq!(Setup::new().answered(), (0, ""));
    for trigger in ORDER {
        let mut setup = Setup::new();
        (trigger.set)(&mut setup);
        assert_eq!(setup.answered(), (trigger.code, trigger.rule));
    }
}

#[test]
fn of_two_that_would_answer_the_earlier_one_does() {
    let mut pairs = 0;
    for (i, earlier) in ORDER.iter().enumerate() {
        for later in &ORDER[i + 1..] {
            let is_reading = |one: &Trigger| one.slots.contains(&"method-of-reading");
            if earlier
                .slots
                .iter()
                .any(|slot| later.slots.contains(slot) && *slot != "method-of-reading")
            {
                continue;
            }
            let mut setup = Setup::new();
            (later.set)(&mut setup);
            (earlier.set)(&mut setup);
            let (code, rule) = setup.answered();
            assert_eq!(rule, earlier.rule, "{} is before {}", earlier.rule, later.rule);
            // A redirect's status is the method's.
            if !is_reading(earlier) {
                assert_eq!(code, earlier.code, "{rule} with {}", later.rule);
            }
            pairs += 1;
        }
    }
    assert!(pairs > 600, "{pairs}");
}
