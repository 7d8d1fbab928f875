//! Gateways: groups of upstreams with all that is said of them, and which routes go to which.

use core::time::Duration;
use std::path::PathBuf;

use wherefore_decide::policy;
use wherefore_decide::policy::Index;
use wherefore_gateway::forward::{Credentials, Forwarded, Host, Upgrades};
use wherefore_gateway::names::Names;
use wherefore_gateway::relay::Locations;
use wherefore_gateway::transform::Transform;
use wherefore_gateway::{
    Breaker, HashBy, Hedge, Member, Recovery, Role, Scheme, Settings, Strategy, forward, relay,
};
use wherefore_message::Status;

use super::Lowering;
use super::route::is_true;
use crate::complaint::Complaint;
use crate::keys::{self, File};
use crate::source::{Placed, Span};
use crate::table::{Key, Set};
use crate::value::{
    self, Balance, Either, GatewayTo, HashKey, List, Named, Switch, ToldForwarded, ToldHost,
    Unless, Upgrade, UpstreamUrl,
};

/// A gateway, and where it stands in the file.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// All that is said of it.
    pub settings: GatewaySettings,
    /// Where it is named.
    pub span: Span,
    /// Where it is said how TLS is spoken, or else where it is named.
    pub tls_span: Span,
}

/// All that is said of a gateway. Of two that are equal, one will do for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// The name of its group, or, where it has none, its upstreams.
    pub name: String,
    /// Its upstreams.
    pub members: Vec<Member>,
    /// How one of them is chosen.
    pub choosing: Settings,
    /// What they are told, but for the name of the gateway.
    pub forward: forward::Policy,
    /// What of their answers goes on, but for that name.
    pub relay: relay::Policy,
    /// What is changed of their answers.
    pub transform: Option<Transform>,
    /// Whether interim answers besides 100 go on.
    pub early_hints: bool,
    /// How long each step may take.
    pub times: GatewayTimes,
    /// The longest head of an answer, in octets.
    pub answer_head_bytes_max: u64,
    /// The most content of an answer, in octets.
    pub answer_bytes_max: Option<u64>,
    /// How much content is read before it goes on, in octets; 0 for none.
    pub buffer_bytes_max: usize,
    /// The most connections to one upstream that a core keeps.
    pub idle_max: usize,
    /// How TLS is spoken with those that speak it.
    pub tls: Tls,
    /// How they are asked whether they are well.
    pub check: Option<Check>,
}

/// How long each step of asking an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayTimes {
    /// Resolving the name, connecting, and the TLS handshake, each.
    pub connect: Duration,
    /// Until the first octet of an answer.
    pub answer: Duration,
    /// From then until the end of its head.
    pub head: Duration,
    /// Between two octets of content.
    pub pause: Duration,
    /// Until more of a request is taken.
    pub send: Duration,
    /// How long a connection is kept.
    pub idle: Duration,
    /// How long a tunnel may carry nothing.
    pub tunnel_idle: Duration,
}

/// How TLS is spoken with upstreams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The files with the authorities that are believed; none for those of the system.
    pub authorities: Vec<PathBuf>,
    /// The name that the certificate has to have, if not that of the URL.
    pub server_name: Option<String>,
    /// Our certificate, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether anybody is believed.
    pub is_unverified: bool,
}

/// How upstreams are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What for.
    pub path: String,
    /// How long an answer may take.
    pub time: Duration,
    /// The statuses of those that are well; all from 200 to 299 if none is said.
    pub statuses: Vec<Status>,
    /// The host that they are told, if not their own.
    pub host: Option<String>,
}

/// A group as it was read: its settings, and what stands before the paths that its upstreams are asked for.
#[derive(Clone)]
pub(super) struct Group {
    pub(super) gateway: Gateway,
    pub(super) base: Option<Box<str>>,
}

impl Lowering<'_, '_> {
    /// The groups under their names.
    pub(super) fn gateways(&mut self, file: &File) {
        for (name, keys) in super::named_placed(file.gateway.as_ref().map(|set| &set.value)) {
            let group = self.group(name.value.as_str(), &keys.value, name.span);
            self.groups.insert(name.value.as_str().to_owned(), group);
        }
    }

    /// The gateway of a route.
    pub(super) fn gateway(
        &mut self,
        route: &keys::Route,
        to: &Set<Either<List<GatewayTo>, keys::Gateway>>,
    ) -> Option<policy::Gateway> {
        let span = to.from.span().unwrap_or(route.head);
        let Group { mut gateway, base } = match &to.value {
            Either::Table(keys) => self.group("", keys, span),
            Either::Short(List(list)) => self.group_of(list, span),
        }?;
        let is_closed = gateway.settings.forward.upgrades == Upgrades::None;
        if let Some(Set { value: true, from }) = &route.websocket_only
            && is_closed
            && let Some(span) = from.span()
        {
            let what = "nothing but WebSocket is let in here, and the gateway lets none through";
            self.complain(Complaint::error(span, what).right("upgrade = \"websocket\" there"));
        }
        if let Some(transform) = &route.transform {
            gateway.settings.transform = self.transform(transform);
        }
        Some(self.gateway_of(route, Group { gateway, base }))
    }

    /// The group that is named by its name, or by its URLs.
    pub(super) fn group_of(&mut self, list: &[Placed<GatewayTo>], span: Span) -> Option<Group> {
        match list {
            [Placed { value: GatewayTo::Group(name), span }] => {
                self.group_named(name.as_str(), *span)
            }
            list => self.group_of_urls(list, span),
        }
    }

    /// A gateway to a group, for requests that come by this route.
    pub(super) fn gateway_of(&mut self, route: &keys::Route, group: Group) -> policy::Gateway {
        let Group { mut gateway, base } = group;
        if let Some(Set { value: Unless::As(auth), .. }) = &route.policies.auth
            && auth.ask.is_some()
        {
            // Whether or not the answer has them: a client's own would be taken for those.
            let user = auth.user_from.iter().map(|set| set.value.as_str());
            let copied = Names::new(super::policies::copied(auth).chain(user));
            gateway.settings.forward.copied = copied;
        }
        if let Some(Set { value: Unless::As(price), .. }) = &route.policies.price
            && price.x402.is_some()
        {
            // Money is for us: whoever has seen it could spend it.
            let copied = &gateway.settings.forward.copied;
            let names: Vec<_> = copied.iter().map(String::from_utf8_lossy).collect();
            let names = names.iter().map(|name| &**name).chain(["PAYMENT-SIGNATURE"]);
            gateway.settings.forward.copied = Names::new(names);
        }
        policy::Gateway { upstreams: self.gateway_number(gateway), base }
    }

    /// Policies that make no difference to what a gateway relays.
    pub(super) fn complain_of_idle_policies(&mut self, own: &keys::Policies, route: &keys::Route) {
        let Some(Set { value: Switch::On | Switch::As(_), from }) = &own.compress else { return };
        let what = "what a gateway relays is not encoded by this";
        let right = "`transform = { recompress = [\"zstd\", \"gzip\"] }`";
        let span = from.span().unwrap_or(route.head);
        self.complain(Complaint::warning(span, what).right(right));
    }

    /// The group of this name. What is none inside was complained about.
    pub(super) fn group_named(&mut self, name: &str, span: Span) -> Option<Group> {
        if let Some(group) = self.groups.get(name) {
            return group.clone();
        }
        let known = self.groups.keys().map(String::as_str);
        let near = crate::nearest::nearest(name, known);
        let what = format!("no group of upstreams is called `{name}` here");
        let complaint = Complaint::error(span, what);
        self.complain(complaint.right(match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("a group [gateway.{name}], or a URL such as \"http://{name}\""),
        }));
        None
    }

    /// A group of URLs alone, with all else as it is unless said otherwise.
    pub(super) fn group_of_urls(
        &mut self,
        list: &[Placed<GatewayTo>],
        span: Span,
    ) -> Option<Group> {
        let mut urls = Vec::new();
        for to in list {
            match &to.value {
                GatewayTo::Url(url) => {
                    urls.push(Placed { value: Either::Short(url.clone()), span: to.span });
                }
                GatewayTo::Group(name) => {
                    let what = format!("`{name}` is the name of a group among URLs");
                    let right = "the group alone, or URLs alone";
                    self.complain(Complaint::error(to.span, what).right(right));
                    return None;
                }
            }
        }
        if urls.is_empty() {
            let what = "a gateway has at least one upstream";
            self.complain(Complaint::error(span, what).right("as in \"http://127.0.0.1:9000\""));
            return None;
        }
        let mut keys = keys::Gateway::defaults();
        keys.to = Some(Set { value: List(urls), from: crate::table::Provenance::Written(span) });
        self.group("", &keys, span)
    }

    /// The number of a gateway; routes whose gateways are the same share it.
    pub(super) fn gateway_number(&mut self, gateway: Gateway) -> Index {
        let same = self.gateways.iter().position(|known| known.settings == gateway.settings);
        let number = same.unwrap_or(self.gateways.len());
        let index = self.number(number, gateway.span);
        if same.is_none() {
            self.gateways.push(gateway);
        }
        index
    }

    fn group(&mut self, name: &str, keys: &keys::Gateway, span: Span) -> Option<Group> {
        let resolved = keys.resolved();
        let to = resolved.to.as_ref()?;
        let (members, base) = self.members(&to.value)?;
        self.complain_of_idle_keys(keys, &members);
        let urls = members.iter().map(|member| member.address.to_string()).collect::<Vec<_>>();
        let name = if name.is_empty() { urls.join(", ") } else { name.to_owned() };
        let forward = forwarding(&resolved);
        let tls_span = keys.tls.as_ref().and_then(|set| set.from.span()).unwrap_or(span);
        let settings = GatewaySettings {
            name,
            members,
            choosing: choosing(&resolved),
            relay: relaying(&resolved, &forward),
            forward,
            transform: None,
            early_hints: is_true(&resolved.early_hints),
            times: times(&resolved),
            answer_head_bytes_max: bytes(&resolved.answer_head_bytes).unwrap_or(64 << 10),
            answer_bytes_max: bytes(&resolved.answer_bytes),
            buffer_bytes_max: bytes(&resolved.buffer)
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or_default(),
            idle_max: number(&resolved.idle_connections),
            tls: resolved.tls.as_ref().map(|set| tls(&set.value)).unwrap_or_default(),
            check: resolved.check.as_ref().and_then(|set| check(&set.value.resolved())),
        };
        Some(Group { gateway: Gateway { settings, span, tls_span }, base })
    }

    /// The upstreams, and what stands before the paths that all of them are asked for.
    fn members(
        &mut self,
        to: &List<Either<UpstreamUrl, keys::Upstream>>,
    ) -> Option<(Vec<Member>, Option<Box<str>>)> {
        let mut members: Vec<(Member, Span)> = Vec::new();
        let mut bases: Vec<(Option<&str>, Span)> = Vec::new();
        let mut is_right = true;
        for placed in &to.0 {
            let (url, weight, role, span) = match &placed.value {
                Either::Short(url) => (url, 1, Role::Primary, placed.span),
                Either::Table(keys) => {
                    let url = keys.url.as_ref()?;
                    let weight = keys.weight.as_ref().map_or(1, |set| set.value.0);
                    let role = if is_true(&keys.backup) { Role::Backup } else { Role::Primary };
                    (&url.value, weight, role, url.from.span().unwrap_or(placed.span))
                }
            };
            let address = url.address.clone();
            if let Some((_, first)) = members.iter().find(|(known, _)| known.address == address) {
                let complaint = Complaint::error(span, format!("{address} is there twice"));
                let first = *first;
                self.complain(
                    complaint.right("a greater `weight`").related(first, "the first stands here"),
                );
                is_right = false;
            }
            if let Some((base, first)) = bases.first()
                && *base != url.base.as_deref()
            {
                let what = "the upstreams of a gateway are asked for the same paths";
                let right = match base {
                    Some(base) => format!("the path {base} here as well"),
                    None => "no path here either".to_owned(),
                };
                let first = *first;
                let complaint = Complaint::error(span, what).right(right);
                self.complain(complaint.related(first, "the path of the first stands here"));
                is_right = false;
            }
            bases.push((url.base.as_deref(), span));
            let weight = u32::try_from(weight).unwrap_or(1);
            members.push((Member { address, weight, role }, span));
        }
        let base = bases.first().and_then(|(base, _)| base.map(Box::from));
        is_right.then(|| (members.into_iter().map(|(member, _)| member).collect(), base))
    }

    /// Keys that can't change anything beside the others.
    fn complain_of_idle_keys(&mut self, keys: &keys::Gateway, members: &[Member]) {
        let balance = keys.balance.as_ref().map(|set| set.value);
        let mut idle = |from: Option<Span>, what: &str, right: &str| {
            if let Some(span) = from {
                self.complain(Complaint::warning(span, what).right(right));
            }
        };
        if let Some(hash_by) = &keys.hash_by
            && balance != Some(Balance::Hash)
        {
            idle(
                hash_by.from.span(),
                "no upstream is chosen by this",
                "balance = \"hash\" beside it",
            );
        }
        if let Some(hedge) = &keys.hedge
            && members.len() == 1
        {
            let what = "there is no other upstream to be asked as well";
            idle(hedge.from.span(), what, "a second one in `to`");
        }
        if let Some(tls) = &keys.tls
            && !members.iter().any(|member| member.address.scheme == Scheme::Https)
        {
            let what = "TLS is spoken with none of these upstreams";
            idle(tls.from.span(), what, "a URL that begins with https://");
        }
        if let Some(Set { value, from }) = &keys.tls
            && let Some(unverified) = &value.insecure_no_verification
        {
            if value.ca.is_some() {
                idle(
                    from.span(),
                    "whoever answers is believed here, whatever `ca` says",
                    "one of them",
                );
            }
            let what = "whoever can reach the wire can read and change all that goes over it";
            idle(
                unverified.from.span(),
                what,
                "the upstream's own authority, as in ca = \"ca.pem\"",
            );
        }
    }
}

fn choosing(keys: &keys::Gateway) -> Settings {
    let usual = Settings::default();
    let strategy = match keys.balance.as_ref().map(|set| set.value) {
        None | Some(Balance::RoundRobin) => Strategy::RoundRobin,
        Some(Balance::Least) => Strategy::Least,
        Some(Balance::TwoChoices) => Strategy::TwoChoices,
        Some(Balance::Hash) => Strategy::Hash(match keys.hash_by.as_ref().map(|set| &set.value) {
            None | Some(HashKey::Client) => HashBy::Client,
            Some(HashKey::Path) => HashBy::Path,
            Some(HashKey::Field(name)) => HashBy::Field(name.as_str().into()),
            Some(HashKey::Cookie(name)) => HashBy::Cookie(name.as_str().into()),
        }),
    };
    let breaker = keys.breaker.as_ref().map(|set| {
        let keys = set.value.resolved();
        Breaker {
            failures_percent: number(&keys.percent),
            requests_min: number(&keys.requests),
            window: time(&keys.window),
        }
    });
    let hedge = keys.hedge.as_ref().map(|set| {
        let keys = set.value.resolved();
        Hedge { after: time(&keys.after), ratio_percent: number(&keys.percent) }
    });
    let recovery = keys.check.as_ref().map_or(Recovery::Trial, |set| {
        let keys = set.value.resolved();
        Recovery::Probes { every: time(&keys.every), healthy_after: number(&keys.healthy_after) }
    });
    Settings {
        strategy,
        unhealthy_after: number(&keys.unhealthy_after),
        unhealthy_time: time(&keys.unhealthy_time),
        unhealthy_statuses: statuses(keys.unhealthy_statuses.as_ref()),
        recovery,
        slow_start: time(&keys.slow_start),
        breaker,
        retries_max: number(&keys.retries),
        retry_ratio_percent: number(&keys.retry_percent),
        hedge,
        in_flight_max: number(&keys.max_requests),
        queue_max: number(&keys.queue),
        queue_time: time(&keys.queue_time),
        ..usual
    }
}

/// What upstreams are told. The name of the gateway is put in when it is known.
fn forwarding(keys: &keys::Gateway) -> forward::Policy {
    let fields = keys.request_headers.as_ref().map(|set| &set.value);
    forward::Policy {
        host: match keys.host.as_ref().map(|set| &set.value) {
            None | Some(ToldHost::Client) => Host::Client,
            Some(ToldHost::Upstream) => Host::Upstream,
            Some(ToldHost::Fixed(host)) => Host::Fixed(host.as_str().into()),
        },
        set: pairs(fields.and_then(|fields| fields.set.as_ref())),
        drop: names(fields.and_then(|fields| fields.drop.as_ref())),
        user_field: keys.user_field.as_ref().map(|set| set.value.as_str().into()),
        forwarded: match keys.forwarded.as_ref().map(|set| set.value) {
            None | Some(ToldForwarded::Both) => Forwarded::Both,
            Some(ToldForwarded::XForwarded) => Forwarded::XForwarded,
            Some(ToldForwarded::Forwarded) => Forwarded::Forwarded,
            Some(ToldForwarded::None) => Forwarded::None,
        },
        upgrades: match keys.upgrade.as_ref().map(|set| set.value) {
            None | Some(Upgrade::WebSocket) => Upgrades::WebSocket,
            Some(Upgrade::Any) => Upgrades::Any,
            Some(Upgrade::None) => Upgrades::None,
        },
        credentials: if is_true(&keys.pass_authorization) {
            Credentials::Passed
        } else {
            Credentials::Dropped
        },
        ..forward::Policy::new("")
    }
}

fn relaying(keys: &keys::Gateway, forward: &forward::Policy) -> relay::Policy {
    let fields = keys.response_headers.as_ref().map(|set| &set.value);
    relay::Policy {
        set: pairs(fields.and_then(|fields| fields.set.as_ref())),
        drop: names(fields.and_then(|fields| fields.drop.as_ref())),
        locations: if is_true(&keys.rewrite_locations) {
            Locations::Rewritten
        } else {
            Locations::Kept
        },
        cookie_paths: pairs(keys.cookie_paths.as_ref()),
        cookie_domains: pairs(keys.cookie_domains.as_ref()),
        ..relay::Policy::new(forward)
    }
}

fn times(keys: &keys::Gateway) -> GatewayTimes {
    GatewayTimes {
        connect: time(&keys.connect_time),
        answer: time(&keys.answer_time),
        head: time(&keys.head_time),
        pause: time(&keys.pause_time),
        send: time(&keys.send_time),
        idle: time(&keys.idle_time),
        tunnel_idle: time(&keys.tunnel_idle_time),
    }
}

fn tls(keys: &keys::UpstreamTls) -> Tls {
    let files = keys.ca.iter().flat_map(|set| &set.value.0);
    let identity = keys.certificate.as_ref().zip(keys.key.as_ref());
    Tls {
        authorities: files.map(|file| super::file_path(&file.value)).collect(),
        server_name: keys.server_name.as_ref().map(|set| set.value.to_string()),
        identity: identity.map(|(certificate, key)| {
            (super::file_path(&certificate.value), super::file_path(&key.value))
        }),
        is_unverified: keys.insecure_no_verification.is_some(),
    }
}

fn check(keys: &keys::Check) -> Option<Check> {
    Some(Check {
        path: keys.path.as_ref()?.value.as_str().to_owned(),
        time: time(&keys.time),
        statuses: statuses(keys.statuses.as_ref()),
        host: keys.host.as_ref().map(|set| set.value.to_string()),
    })
}

/// Pairs of texts in the order of the file.
pub(super) fn pairs<N: ToString, V: ToString>(
    set: Option<&Set<Named<N, V>>>,
) -> Vec<(Box<str>, Box<str>)> {
    let pairs = set.into_iter().flat_map(|set| &set.value.0);
    pairs
        .map(|(name, value)| (name.value.to_string().into(), value.value.to_string().into()))
        .collect()
}

pub(super) fn names(set: Option<&Set<List<value::FieldName>>>) -> Names {
    Names::new(set.into_iter().flat_map(|set| &set.value.0).map(|name| name.value.as_str()))
}

fn statuses(set: Option<&Set<List<value::AnswerStatus>>>) -> Vec<Status> {
    set.into_iter().flat_map(|set| &set.value.0).map(|status| status.value.0).collect()
}

pub(super) fn time(key: &Key<value::Duration>) -> Duration {
    Duration::from_millis(key.as_ref().map_or(0, |set| set.value.millis))
}

pub(super) fn number<T: TryFrom<u64> + Default>(key: &Key<value::Count>) -> T {
    key.as_ref().and_then(|set| T::try_from(set.value.0).ok()).unwrap_or_default()
}

pub(super) fn bytes(key: &Key<value::Size>) -> Option<u64> {
    key.as_ref().map(|set| set.value.bytes)
}
