//! Routes with policies, made up, and what is fetched for the requests that meet them.

use std::sync::Arc;

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use wherefore_decide::allowance::{Denied, Paid, Why};
use wherefore_decide::asked;
use wherefore_decide::asker::Credentials;
use wherefore_decide::forward::Passed;
use wherefore_decide::negotiate::{LeadsTo, Negotiated};
use wherefore_decide::payment::Tendered;
use wherefore_decide::policy::allowance::{By, LimitKind};
use wherefore_decide::policy::asker::RefusedAs;
use wherefore_decide::policy::cors::{self, Origins};
use wherefore_decide::policy::gate::{Block, Country, Https, Maintenance, Protocol};
use wherefore_decide::policy::{
    Ask, Auth, ContentPolicy, Cors, Dress, Elsewhere, Folder, FolderAccess, Gate, Hosts, Length,
    Limit, Pattern, Payment, Preconditions, Price, Resource, Route, Site, Template,
};
use wherefore_decide::upstream::Lost;
use wherefore_decide::{Client, Scheme};
use wherefore_message::later::Progress;
use wherefore_message::network::{Network, Networks};
use wherefore_message::{Cause, FieldName, Method, MethodSet, Status};

use crate::ask::{CONTENT_BYTES_MAX, NOW};

/// What is fetched for a request on its way, where a policy asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) client_limits: Option<Denied>,
    pub(crate) credentials: Sent,
    /// What came of the payment.
    pub(crate) tendered: Tendered,
    /// What somebody else says.
    pub(crate) said: asked::Said,
    pub(crate) user_limits: Option<Denied>,
    pub(crate) paid: Paid,
    /// What came of the variants of what was found, if it has any.
    pub(crate) negotiated: Option<Negotiated>,
    /// Whether it came through this gateway before.
    pub(crate) passed: Passed,
    /// How far it is that a monitor is asked for.
    pub(crate) progress: Option<Progress>,
}

/// What came of the credentials.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    None,
    Malformed(&'static str),
    Wrong(&'static str),
    Busy(u32),
    TooMany(u32),
    Known(&'static str, Vec<String>),
}

impl Default for Told {
    fn default() -> Self {
        let credentials = Sent::Known("ann", vec!["staff".to_owned()]);
        let (client_limits, user_limits, negotiated) = (None, None, None);
        let (paid, passed, progress) = (Paid::Reserved, Passed::Never, None);
        let (said, tendered) = (asked::Said::LetIn, Tendered::Good);
        Self {
            client_limits,
            credentials,
            said,
            tendered,
            user_limits,
            paid,
            negotiated,
            passed,
            progress,
        }
    }
}

impl Sent {
    pub(crate) fn read(&self) -> Credentials<'_> {
        match self {
            Self::None => Credentials::None,
            Self::Malformed(why) => Credentials::Malformed(why),
            Self::Wrong(why) => Credentials::Wrong(why),
            Self::Busy(seconds) => Credentials::Busy(*seconds),
            Self::TooMany(seconds) => Credentials::TooMany(*seconds),
            Self::Known(name, groups) => Credentials::Known { name, groups },
        }
    }
}

/// A site of one route for everything, made from one without policies.
pub(crate) fn guarded(with: impl FnOnce(&mut Route)) -> Site {
    let folder = Folder { access: FolderAccess::Writable, ..Folder::read_only(0) };
    routed("/*", Resource::Folder(folder), with)
}

/// A site of one route under these paths.
pub(crate) fn routed(pattern: &str, resource: Resource, with: impl FnOnce(&mut Route)) -> Site {
    let content = ContentPolicy::up_to(CONTENT_BYTES_MAX, 1 << 20);
    let mut route = Route::new(Pattern::parse(pattern).unwrap(), resource, content);
    with(&mut route);
    Site::new("law", Hosts::loopback(&["named.example"]), vec![route])
}

pub(crate) fn networks(text: &str) -> Networks {
    text.split_whitespace().map(|network| network.parse::<Network>().unwrap()).collect()
}

pub(crate) fn template(text: &str) -> Template {
    Template::parse(text, &Pattern::everything()).unwrap()
}

pub(crate) fn auth(refusal: RefusedAs) -> Auth {
    Auth {
        realm: "the \"inner\" room".into(),
        basic: vec![0],
        bearer: vec![1],
        methods: None,
        groups: vec!["staff".into()],
        users: Vec::new(),
        refusal,
        ask: None,
    }
}

/// Who is let in as somebody else says.
pub(crate) fn asking(refusal: RefusedAs) -> Auth {
    let ask = Ask {
        upstreams: 0,
        target: "/check".into(),
        copy: vec!["Remote-Groups".into()],
        user_from: Some("Remote-User".into()),
        cache_millis: 0,
    };
    Auth {
        basic: Vec::new(),
        bearer: Vec::new(),
        groups: Vec::new(),
        ask: Some(ask),
        ..auth(refusal)
    }
}

pub(crate) fn limit(name: &str, by: By, kind: LimitKind) -> Limit {
    Limit { id: 0, name: name.into(), by, kind }
}

pub(crate) const RATE: LimitKind = LimitKind::Rate { count: 5, window_seconds: 60, burst: 5 };

pub(crate) fn price() -> Price {
    let top_up = Some("https://shop.example/".into());
    Price { amount: 3, unit: "EUR cent".into(), account: By::User, top_up }
}

pub(crate) fn blocked(networks: Networks, countries: &[[u8; 2]]) -> Block {
    Block {
        networks,
        countries: countries.iter().copied().map(Country).collect(),
        by: "https://host.example/legal".into(),
        demand: "A court demanded it.".into(),
    }
}

pub(crate) fn maintenance(until: Option<u64>) -> Maintenance {
    let detail = Some("The roof is mended.".into());
    Maintenance { until, detail, page: None, except: Networks::default() }
}

pub(crate) fn cors(origins: Origins, credentials: cors::Credentials) -> Cors {
    Cors {
        origins,
        methods: None,
        request_fields: "content-type".into(),
        response_fields: Some("etag".into()),
        credentials,
        max_age_seconds: 600,
    }
}

pub(crate) fn these(origins: &[&str]) -> Origins {
    Origins::These(origins.iter().map(|origin| (*origin).into()).collect())
}

/// Sites of one route with policies of every kind, who asks, and what is fetched: most of it such that the
/// request comes through.
pub(crate) fn guarded_sites() -> impl Strategy<Value = (Site, Client, Told)> {
    let route = (gates(), resources(), auths(), limits(), weighted(0.3, Just(price())), corses());
    let more = (contents(), dresses(), any::<[bool; 3]>());
    (route, more, clients(), tolds()).prop_map(|(route, more, client, told)| {
        let (gate, resource, auth, limits, price, cors) = route;
        let (content, dress, [is_conditional, is_restricted, is_paid]) = more;
        let site = routed("/*", resource, |route| {
            (route.gate, route.auth, route.limits, route.price) = (gate, auth, limits, price);
            (route.cors, route.content, route.dress) = (cors, content, dress);
            route.payment =
                (is_paid && route.price.is_none()).then_some(Payment { facilitator: 0 });
            if is_conditional {
                route.preconditions = Preconditions::Required;
            }
            if is_restricted {
                let only = [Method::Get, Method::Head, Method::Put, Method::Patch];
                route.methods = Some(MethodSet::of(&only));
            }
        });
        (site, client, told)
    })
}

fn gates() -> impl Strategy<Value = Gate> {
    let maintained = select(vec![None, Some(NOW - 1), Some(NOW), Some(NOW + 60)]);
    let https = select(vec![Https::Required, Https::RequiredForWrites]);
    let protocol = select(vec![Protocol::WebSocket, Protocol::Http11, Protocol::Http3]);
    let blocks = select(vec!["192.0.2.0/24", "198.51.100.0/24 2001:db8::/32", ""]);
    let countries = select(vec![vec![], vec![*b"DE"]]);
    let from = select(vec!["192.0.2.0/24", "127.0.0.0/8"]);
    (
        weighted(0.1, maintained.prop_map(maintenance)),
        weighted(0.2, https).prop_map(Option::unwrap_or_default),
        weighted(0.1, Just("named.example".into())),
        weighted(0.1, protocol).prop_map(Option::unwrap_or_default),
        weighted(0.2, (blocks, countries)),
        weighted(0.2, from.prop_map(networks)),
        select(vec![RefusedAs::Forbidden, RefusedAs::Missing]),
    )
        .prop_map(|(maintenance, https, canonical_host, protocol, block, from, refusal)| {
            Gate {
                maintenance,
                https,
                canonical_host,
                protocol,
                blocked: block.into_iter().map(|(of, by)| blocked(networks(of), &by)).collect(),
                from,
                refusal,
            }
        })
}

fn resources() -> impl Strategy<Value = Resource> {
    let folder = Folder { access: FolderAccess::Writable, ..Folder::read_only(0) };
    let elsewhere = elsewheres(["/new{path}", "https://example.org{path}", "/fixed?a=b"]);
    prop_oneof![
        6 => Just(Resource::Folder(folder)),
        1 => select(elsewhere).prop_map(Resource::Elsewhere),
    ]
}

/// Everything that can be said of what is not here.
pub(crate) fn elsewheres<const N: usize>(templates: [&str; N]) -> Vec<Elsewhere> {
    use wherefore_decide::policy::Lasting::{Permanent, Temporary};
    let moved = |to: &Template, lasting| Elsewhere::Moved { to: to.clone(), lasting };
    let mut all = vec![
        Elsewhere::Gone { since: None },
        Elsewhere::Gone { since: Some(784_111_777) },
        Elsewhere::UseProxy("http://proxy.example:3128/".into()),
    ];
    for to in templates.map(template) {
        all.extend([moved(&to, Permanent), moved(&to, Temporary), Elsewhere::SeeOther(to)]);
    }
    all
}

fn auths() -> impl Strategy<Value = Option<Auth>> {
    let refusals = select(vec![RefusedAs::Forbidden, RefusedAs::Missing]);
    let taken = select(vec![(vec![0], vec![]), (vec![], vec![1]), (vec![0, 2], vec![1])]);
    let asking = refusals.clone().prop_map(asking);
    let own = (refusals, taken).prop_map(|(refusal, (basic, bearer))| Auth {
        basic,
        bearer,
        ..auth(refusal)
    });
    weighted(0.5, prop_oneof![3 => own, 1 => asking])
}

fn limits() -> impl Strategy<Value = Vec<Limit>> {
    let all = vec![
        limit("network", By::Network, RATE),
        limit("user", By::User, RATE),
        limit("key", By::Field("X-Key".into()), LimitKind::AtOnce(2)),
        limit("all", By::Route("all".into()), LimitKind::AtOnce(9)),
    ];
    proptest::sample::subsequence(all, 0..=3)
}

fn corses() -> impl Strategy<Value = Option<Cors>> {
    let origins = select(vec![Origins::Any, these(&["http://friend.example", "http://localhost"])]);
    let credentials = select(vec![cors::Credentials::Omitted, cors::Credentials::Included]);
    weighted(0.4, (origins, credentials).prop_map(|(origins, sent)| cors(origins, sent)))
}

fn contents() -> impl Strategy<Value = ContentPolicy> {
    let until = select(vec![None, Some(NOW), Some(NOW + 9)]);
    (until, select(vec![Length::Optional, Length::Required])).prop_map(|(until, length)| {
        ContentPolicy { until, length, ..ContentPolicy::up_to(CONTENT_BYTES_MAX, 1 << 20) }
    })
}

fn dresses() -> impl Strategy<Value = Dress> {
    any::<bool>().prop_map(|hinted| {
        let hints = vec![Arc::from("</style.css>; rel=preload; as=style")];
        Dress { early_hints: if hinted { hints } else { Vec::new() }, ..Dress::default() }
    })
}

fn clients() -> impl Strategy<Value = Client> {
    let addresses = select(vec![
        Some("192.0.2.7"),
        Some("::ffff:192.0.2.7"),
        Some("2001:db8::7"),
        Some("127.0.0.1"),
        None,
    ]);
    let schemes = select(vec![Scheme::Http, Scheme::Https]);
    let countries = select(vec![None, Some(Country(*b"DE")), Some(Country(*b"FR"))]);
    (addresses, schemes, countries).prop_map(|(address, scheme, country)| {
        let address = address.map(|text| text.parse().unwrap());
        Client { address, nearest: address, fault: None, scheme, country }
    })
}

fn tolds() -> impl Strategy<Value = Told> {
    let known = |name, group: &str| Sent::Known(name, vec![group.to_owned()]);
    let credentials = prop_oneof![
        4 => Just(known("ann", "staff")),
        2 => Just(known("bob", "guests")),
        2 => select(vec![
            Sent::None,
            Sent::Malformed("it can't be read"),
            Sent::Wrong("it has run out"),
            Sent::Busy(0),
            Sent::TooMany(7),
        ]),
    ];
    let paid = select(vec![
        Paid::Reserved,
        Paid::Reserved,
        Paid::Reserved,
        Paid::NoAccount,
        Paid::Short(2),
        Paid::Unreachable,
    ]);
    let negotiated = select(vec![
        Negotiated::Chosen(LeadsTo::End),
        Negotiated::Chosen(LeadsTo::AnotherList),
        Negotiated::LeftToClient(LeadsTo::End),
        Negotiated::LeftToClient(LeadsTo::Itself),
        Negotiated::NotAcceptable(FieldName::AcceptLanguage),
    ]);
    let denied = || weighted(0.1, denials());
    let credentials = (credentials, select(said()), select(tendered()));
    (denied(), credentials, denied(), paid, weighted(0.2, negotiated)).prop_map(
        |(client_limits, (credentials, said, tendered), user_limits, paid, negotiated)| Told {
            passed: Passed::Never,
            progress: None,
            client_limits,
            credentials,
            said,
            tendered,
            user_limits,
            paid,
            negotiated,
        },
    )
}

/// Everything that somebody else can say.
pub(crate) fn said() -> Vec<asked::Said> {
    let leads = [Status::FOUND, Status::SEE_OTHER, Status::TEMPORARY_REDIRECT];
    let lost = Cause::ALL.iter().map(|cause| asked::Said::Nothing(Lost::to(*cause)));
    let mut all = vec![asked::Said::LetIn, asked::Said::Unknown, asked::Said::Refused];
    all.extend(leads.map(asked::Said::Leads));
    all.extend(lost);
    // Most are let in.
    all.extend([asked::Said::LetIn; 30]);
    all
}

/// Everything that can come of a payment.
pub(crate) fn tendered() -> Vec<Tendered> {
    vec![
        Tendered::Good,
        Tendered::Good,
        Tendered::Good,
        Tendered::Absent,
        Tendered::Malformed("it is not in base 64"),
        Tendered::Unfit("it is for another resource"),
        Tendered::Underway,
        Tendered::Used("something else was paid with it"),
        Tendered::Unreachable(0),
        Tendered::Unreachable(9),
        Tendered::Refused,
    ]
}

fn denials() -> impl Strategy<Value = Denied> {
    let whys = select(vec![Why::Rate, Why::AtOnce, Why::NoRoom]);
    (0_u16..4, whys, select(vec![0, 1, 60, u64::MAX]))
        .prop_map(|(limit, why, wait_seconds)| Denied { limit, why, wait_seconds })
}
