//! Stage two, the gate: what is asked of every request for a route before anyone is asked for credentials.

use core::net::IpAddr;

use wherefore_message::{FieldName, FieldSet, Method, Request, Spec, Status, Version, list};

use crate::catalogue::GroupId;
use crate::policy::asker::RefusedAs;
use crate::policy::gate::{Block, Country, Https, Protocol};
use crate::policy::{Gate, Site};
use crate::rule::{Group, Info, Leads, Rule, Step, Witness};

/// Who asks, as far as the connection tells.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Its address: the connection's, or the one that a trusted proxy names.
    pub address: Option<IpAddr>,
    /// The known address that is nearest to it: its own, or that of the proxy which keeps it to itself.
    /// Clients are counted by it.
    pub nearest: Option<IpAddr>,
    /// Why what trusted proxies say of it can't be read.
    pub fault: Option<&'static str>,
    /// How it asks.
    pub scheme: Scheme,
    /// Its country, where a route asks for it and it is known.
    pub country: Option<Country>,
}

/// How a request came, to us or to the trusted proxy before us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Its name in a URI.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Client {
    /// Someone of whom nothing is known.
    pub const UNKNOWN: Self =
        Self { address: None, nearest: None, fault: None, scheme: Scheme::Http, country: None };

    /// Someone who asks directly from this address.
    #[must_use]
    pub const fn at(address: IpAddr) -> Self {
        Self { address: Some(address), nearest: Some(address), ..Self::UNKNOWN }
    }
}

/// What is known of the request, of who asks and of the gate.
#[derive(Clone, Copy, Debug)]
pub struct GateFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Who asks.
    pub client: &'a Client,
    /// The site.
    pub site: &'a Site,
    /// The gate.
    pub gate: &'a Gate,
    /// The time, in seconds since 1970.
    pub now: u64,
}

/// How long those are told to wait who meet a maintenance without an end, in seconds.
const MAINTENANCE_WAIT_SECONDS: u64 = 300;

impl Group for GateFacts<'_> {
    const ID: GroupId = GroupId::Gate;
    type Rules = [Rule<Self>; 6];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "https",
                asks: "Does the request come by a scheme that is served here?",
                spec: Spec::new(9110, "15.4.9"),
                needs: FieldSet::EMPTY,
                may: &[Status::MOVED_PERMANENTLY, Status::PERMANENT_REDIRECT, Status::FORBIDDEN],
                shown_by: "https = \"only\" on a site, and a request by plain http",
            },
            check: |facts| match (facts.gate.https, facts.client.scheme) {
                (Https::Optional, _) => Step::Skip,
                (_, Scheme::Https) => Step::Pass,
                (Https::RequiredForWrites, Scheme::Http) if !facts.is_read() => Step::Stop(
                    Status::FORBIDDEN,
                    Witness::Because(
                        "what was sent came in clear; this site is served by https alone",
                    ),
                ),
                (Https::Required | Https::RequiredForWrites, Scheme::Http) => {
                    if facts.gate.canonical_host.is_some() || facts.names_host() {
                        Step::Stop(facts.moved(), Witness::Leads(Leads::ToHttps))
                    } else {
                        Step::Stop(
                            Status::FORBIDDEN,
                            Witness::Because(
                                "this site is served by https alone; the request names no host to be sent to",
                            ),
                        )
                    }
                }
            },
        },
        Rule {
            info: &Info {
                id: "canonical-host",
                asks: "Is the target's host the one under which the site is reached?",
                spec: Spec::new(9110, "15.4.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::MOVED_PERMANENTLY, Status::PERMANENT_REDIRECT],
                shown_by: "canonical = true on a site, and a request for one of its aliases",
            },
            check: |facts| match (&facts.gate.canonical_host, facts.request.authority) {
                (Some(host), Some(authority)) if !authority.is_named(host) => {
                    Step::Stop(facts.moved(), Witness::Leads(Leads::ToCanonicalHost))
                }
                (Some(_), Some(_)) => Step::Pass,
                (None, _) | (Some(_), None) => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "maintenance",
                asks: "Is the route open, and not closed for maintenance?",
                spec: Spec::new(9110, "15.6.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SERVICE_UNAVAILABLE],
                shown_by: "maintenance = { until = 2030-01-01T00:00:00Z } on a route",
            },
            check: |facts| {
                let Some(maintenance) = &facts.gate.maintenance else { return Step::Skip };
                let is_excepted =
                    facts.client.address.is_some_and(|client| maintenance.except.has(client));
                match maintenance.until {
                    _ if is_excepted => Step::Pass,
                    Some(until) if until <= facts.now => Step::Pass,
                    Some(until) => {
                        Step::Stop(Status::SERVICE_UNAVAILABLE, Witness::Wait(until - facts.now))
                    }
                    None => Step::Stop(
                        Status::SERVICE_UNAVAILABLE,
                        Witness::Wait(MAINTENANCE_WAIT_SECONDS),
                    ),
                }
            },
        },
        Rule {
            info: &Info {
                id: "protocol",
                asks: "Is the route's protocol spoken?",
                spec: Spec::new(9110, "15.5.22"),
                needs: FieldSet::EMPTY,
                may: &[Status::UPGRADE_REQUIRED],
                shown_by: "websocket-only = true on a route, and a plain GET",
            },
            check: |facts| {
                let refused =
                    Step::Stop(Status::UPGRADE_REQUIRED, Witness::Field(FieldName::Upgrade));
                let is_spoken = match facts.gate.protocol {
                    Protocol::Any => return Step::Skip,
                    Protocol::WebSocket => facts.is_websocket(),
                    Protocol::Http11 => facts.request.version >= Version::HTTP_11,
                    Protocol::Http2 => facts.request.version >= Version::HTTP_2,
                    Protocol::Http3 => facts.request.version >= Version::HTTP_3,
                };
                if is_spoken { Step::Pass } else { refused }
            },
        },
        Rule {
            info: &Info {
                id: "legal",
                asks: "Has no authority demanded to withhold it from this client?",
                spec: Spec::new(7725, "3"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNAVAILABLE_FOR_LEGAL_REASONS],
                shown_by: "blocked = { networks = [\"127.0.0.0/8\"], by = \"https://example.org/\" } on a route",
            },
            check: |facts| {
                let mut blocks = facts.gate.blocked.iter();
                match blocks.position(|block| facts.is_meant(block)) {
                    Some(index) => Step::Stop(
                        Status::UNAVAILABLE_FOR_LEGAL_REASONS,
                        Witness::Policy(u16::try_from(index).unwrap_or(u16::MAX)),
                    ),
                    None if facts.gate.blocked.is_empty() => Step::Skip,
                    None => Step::Pass,
                }
            },
        },
        Rule {
            info: &Info {
                id: "network",
                asks: "Does the request come from a network that may ask?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN, Status::NOT_FOUND],
                shown_by: "auth = { networks = [\"10.0.0.0/8\"] } on a route, and a client elsewhere",
            },
            check: |facts| match (&facts.gate.from, facts.client.address) {
                (None, _) => Step::Skip,
                (Some(networks), Some(client)) if networks.has(client) => Step::Pass,
                (Some(_), _) => match facts.gate.refusal {
                    RefusedAs::Forbidden => Step::Stop(
                        Status::FORBIDDEN,
                        Witness::Who("the client's network is none of those that may ask"),
                    ),
                    RefusedAs::Missing => Step::Stop(Status::NOT_FOUND, Witness::Hidden),
                },
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}

impl GateFacts<'_> {
    fn is_read(&self) -> bool {
        matches!(self.request.method, Method::Get | Method::Head)
    }

    fn moved(&self) -> Status {
        if self.is_read() { Status::MOVED_PERMANENTLY } else { Status::PERMANENT_REDIRECT }
    }

    /// Whether the target's host is said: an HTTP/1.0 client need not, and `Host` may be empty.
    fn names_host(&self) -> bool {
        self.request.authority.is_some_and(|authority| !authority.host.is_empty())
    }

    fn is_meant(&self, block: &Block) -> bool {
        block.is_for_all()
            || self.client.address.is_some_and(|client| block.networks.has(client))
            || self.client.country.is_some_and(|country| block.countries.contains(&country))
    }

    /// Whether the client asks for WebSocket (RFC 6455 §4.1). An `Upgrade` that `Connection` does not name
    /// was meant for another hop (RFC 9110 §7.8).
    fn is_websocket(&self) -> bool {
        let says = |name, wanted: &[u8]| {
            list::members(self.request.fields.all(name))
                .any(|member| member.eq_ignore_ascii_case(wanted))
        };
        self.request.version == Version::HTTP_11
            && self.request.method == Method::Get
            && says(FieldName::Connection, b"upgrade")
            && says(FieldName::Upgrade, b"websocket")
    }
}
