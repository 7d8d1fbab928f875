//! The policies of a route.

use std::path::PathBuf;
use std::sync::Arc;

use wherefore_decide::policy::allowance::{By, LimitKind};
use wherefore_decide::policy::asker::RefusedAs;
use wherefore_decide::policy::cors::{Credentials, Origins};
use wherefore_decide::policy::gate::{Block, Country, Maintenance, Protocol};
use wherefore_decide::policy::{
    Ask, Auth, Cors, Index, Length, Limit, Payment, Preconditions, Price, Route, Trace,
};
use wherefore_message::MethodSet;
use wherefore_message::network::Networks;

use super::route::is_true;
use super::{Lowering, networks, placed};
use crate::complaint::Complaint;
use crate::keys::{self, ByField, File, Policies};
use crate::source::{Placed, Span};
use crate::table::Set;
use crate::value::{
    CorsOrigin, CountedBy, Either, FieldName, GatewayTo, HttpVersion, List, Method, Name, Switch,
    Unless,
};

impl Lowering<'_, '_> {
    /// The limits under their names.
    pub(super) fn limits(&mut self, file: &File) {
        let limits = file.limits.iter().flat_map(|set| &set.value.0).enumerate();
        for (i, (name, limit)) in limits {
            let id = self.number(i, name.span);
            let resolved = limit.value.resolved();
            let kind = match (&resolved.rate, &resolved.at_once) {
                (Some(rate), _) => LimitKind::Rate {
                    count: rate.value.count,
                    window_seconds: rate.value.window_seconds,
                    burst: resolved.burst.as_ref().map_or(rate.value.count, |set| set.value.0),
                },
                (None, Some(at_once)) => {
                    LimitKind::AtOnce(u32::try_from(at_once.value.0).unwrap_or(u32::MAX))
                }
                (None, None) => continue,
            };
            let limit = Limit {
                id,
                name: name.value.as_str().into(),
                by: by(resolved.by.as_ref(), ""),
                kind,
            };
            self.limits.insert(name.value.as_str().to_owned(), limit);
        }
    }

    /// Puts the policies in front of a route. `key` stands for the route where requests for it are counted.
    pub(super) fn policies(&mut self, policies: &Policies, key: &str, route: &mut Route) {
        route.methods = policies.methods.as_ref().map(|set| methods(&set.value));
        if is_true(&policies.require_length) {
            route.content.length = Length::Required;
        }
        if let Some(max) = &policies.content_max
            && max.from.span().is_some()
        {
            match &max.value {
                Either::Short(size) => route.content.bytes_max = size.bytes,
                Either::Table(limit) => {
                    if let Some(size) = &limit.size {
                        route.content.bytes_max = size.value.bytes;
                    }
                    route.content.until =
                        limit.until.as_ref().map(|until| until.value.unix_seconds);
                }
            }
        }
        if is_true(&policies.trace) {
            route.trace = Trace::On;
        }
        if is_true(&policies.require_precondition) {
            route.preconditions = Preconditions::Required;
        }
        route.limits = self.limits_of(policies, key);
        self.auth(policies, route);
        self.price(policies, key, route);
        self.cors(policies, route);
        self.compress(policies, route);
        self.blocked(policies, route);
        self.maintenance(policies, route);
        route.gate.protocol = match policies.http_version.as_ref().map(|set| set.value) {
            None => Protocol::Any,
            Some(HttpVersion::Http11) => Protocol::Http11,
            Some(HttpVersion::Http2) => Protocol::Http2,
            Some(HttpVersion::Http3) => Protocol::Http3,
        };
    }

    fn limits_of(&mut self, policies: &Policies, key: &str) -> Vec<Limit> {
        let mut limits = Vec::new();
        for name in policies.limit.iter().flat_map(|set| &set.value.0) {
            match self.limits.get(name.value.as_str()) {
                Some(limit) => {
                    let by = match &limit.by {
                        By::Route(_) => By::Route(key.into()),
                        other => other.clone(),
                    };
                    limits.push(Limit { by, ..limit.clone() });
                }
                None => self.unknown(name, "limits"),
            }
        }
        limits
    }

    /// Complains of a name that stands nowhere.
    fn unknown(&mut self, name: &Placed<Name>, table: &str) {
        let what = format!("nothing is called `{}` here", name.value);
        let right = format!("a table [{table}.{}]", name.value);
        self.complain(Complaint::error(name.span, what).right(right));
    }

    fn auth(&mut self, policies: &Policies, route: &mut Route) {
        let Some(Set { value: Unless::As(auth), .. }) = &policies.auth else { return };
        let refusal =
            if is_true(&policies.hide) { RefusedAs::Missing } else { RefusedAs::Forbidden };
        if let Some(from) = &auth.networks {
            route.gate.from = Some(networks(Some(&from.value)));
            route.gate.refusal = refusal;
            if let Some(span) = auth.methods.as_ref().and_then(|set| set.from.span()) {
                let what = "networks are asked for whatever the method is";
                let right = "no `methods` beside `networks`";
                self.complain(Complaint::error(span, what).right(right));
            }
        }
        if let Some(ask) = &auth.ask {
            self.asking(auth, ask, refusal, route);
            return;
        }
        if auth.users.is_none() && auth.tokens.is_none() {
            if auth.networks.is_none() {
                let what = "`auth` lets everybody in";
                self.complain(
                    Complaint::error(auth.head, what)
                        .right("users, tokens, networks or somebody to ask, or no `auth`"),
                );
            }
            return;
        }
        let known = |lists: Option<&Set<List<Name>>>| {
            lists.iter().flat_map(|set| set.value.0.clone()).collect::<Vec<_>>()
        };
        let (users, tokens) = (known(auth.users.as_ref()), known(auth.tokens.as_ref()));
        let mut numbers: [Vec<Index>; 2] = [Vec::new(), Vec::new()];
        for (names, table, i) in [(users, "users", 0), (tokens, "tokens", 1)] {
            for name in names {
                let map = if table == "users" { &self.users } else { &self.tokens };
                match map.get(name.value.as_str()).copied() {
                    Some(number) => numbers[i].push(number),
                    None => self.unknown(&name, table),
                }
            }
        }
        let [basic, bearer] = numbers;
        route.auth = Some(Auth {
            realm: auth.realm.as_ref().map_or("wherefore", |set| set.value.as_str()).into(),
            basic,
            bearer,
            methods: auth.methods.as_ref().map(|set| methods(&set.value)),
            groups: auth
                .groups
                .iter()
                .flat_map(|set| &set.value.0)
                .map(|name| name.value.as_str().into())
                .collect(),
            users: auth
                .names
                .iter()
                .flat_map(|set| &set.value.0)
                .map(|name| name.value.as_str().into())
                .collect(),
            refusal,
            ask: None,
        });
    }

    /// Somebody else is asked who may come in.
    fn asking(
        &mut self,
        auth: &keys::Auth,
        ask: &Set<GatewayTo>,
        refusal: RefusedAs,
        route: &mut Route,
    ) {
        for idle in [auth.users.as_ref(), auth.tokens.as_ref()].into_iter().flatten() {
            let what = "credentials are looked at by whoever is asked";
            let span = idle.from.span().unwrap_or(auth.head);
            self.complain(Complaint::error(span, what).right("`ask`, or users and tokens"));
        }
        let resolved = auth.resolved();
        let Some(asked) = self.asked(&resolved, ask) else { return };
        route.auth = Some(Auth {
            realm: resolved.realm.as_ref().map_or("wherefore", |set| set.value.as_str()).into(),
            basic: Vec::new(),
            bearer: Vec::new(),
            methods: auth.methods.as_ref().map(|set| methods(&set.value)),
            groups: Vec::new(),
            users: Vec::new(),
            refusal,
            ask: Some(Ask {
                copy: copied(auth).map(Into::into).collect(),
                user_from: auth.user_from.as_ref().map(|set| set.value.as_str().into()),
                cache_millis: resolved.cache.as_ref().map_or(0, |set| set.value.millis),
                ..asked
            }),
        });
    }

    fn price(&mut self, policies: &Policies, key: &str, route: &mut Route) {
        let Some(Set { value: Unless::As(price), from }) = &policies.price else { return };
        let span = from.span().unwrap_or(price.head);
        if let Some(x402) = &price.x402 {
            self.payment(price, x402, span, route);
            return;
        }
        let price = price.resolved();
        let Some(amount) = &price.amount else { return };
        let account = by(price.account.as_ref(), key);
        self.accounts = self.state.clone();
        if self.accounts.is_none() {
            let what = "there is no place to keep accounts";
            let right = "state = \"DIR\" under [server]";
            self.complain(Complaint::error(span, what).right(right));
        }
        match account {
            By::Network | By::Route(_) => {
                let what = "an account is somebody's";
                let right = "account = \"user\", or { field = \"X-Api-Key\" }";
                self.complain(Complaint::error(span, what).right(right));
            }
            By::User if route.auth.is_none() => {
                let what = "nobody is asked who pays";
                let right = "`auth` beside it, or account = { field = \"X-Api-Key\" }";
                self.complain(Complaint::error(span, what).right(right));
            }
            By::User | By::Field(_) => {}
        }
        route.price = Some(Price {
            amount: amount.value.0,
            unit: price.currency.as_ref().map_or("credit", |set| set.value.as_str()).into(),
            account,
            top_up: price.top_up.as_ref().map(|set| set.value.as_str().into()),
        });
    }

    /// What is paid for each answer.
    fn payment(
        &mut self,
        price: &keys::Price,
        x402: &Set<keys::X402>,
        span: Span,
        route: &mut Route,
    ) {
        let idle = [
            price.currency.as_ref().and_then(|set| set.from.span()),
            price.account.as_ref().and_then(|set| set.from.span()),
            price.top_up.as_ref().and_then(|set| set.from.span()),
        ];
        for span in idle.into_iter().flatten() {
            let what = "no balance pays here";
            self.complain(Complaint::error(span, what).right("`amount` in place of `x402`"));
        }
        if self.state.is_none() {
            let what = "there is no place to remember payments";
            let right = "state = \"DIR\" under [server]";
            self.complain(Complaint::error(span, what).right(right));
        }
        let facilitator = self.facilitator(&x402.value, x402.from.span().unwrap_or(span));
        route.payment = facilitator.map(|facilitator| Payment { facilitator });
    }

    fn cors(&mut self, policies: &Policies, route: &mut Route) {
        let Some(Set { value: Unless::As(cors), .. }) = &policies.cors else { return };
        let written = cors.methods.as_ref().map(|set| methods(&set.value));
        let cors = cors.resolved();
        let mut origins = Vec::new();
        let mut any = None;
        for origin in cors.origins.iter().flat_map(|set| &set.value.0) {
            match &origin.value {
                CorsOrigin::Any => any = Some(origin.span),
                CorsOrigin::One(one) => origins.push(one.to_string().into()),
            }
        }
        let credentials = is_true(&cors.credentials);
        if let (Some(span), true) = (any, credentials) {
            let what = "credentials of every site would be taken";
            let right = "the origins by name, or no credentials";
            self.complain(Complaint::error(span, what).right(right));
        }
        route.cors = Some(Cors {
            origins: if any.is_some() { Origins::Any } else { Origins::These(origins) },
            methods: written,
            request_fields: joined(cors.headers.as_ref()).unwrap_or_default(),
            response_fields: joined(cors.expose.as_ref()),
            credentials: if credentials { Credentials::Included } else { Credentials::Omitted },
            max_age_seconds: cors.max_age.as_ref().map_or(5, |set| set.value.millis / 1000),
        });
    }

    fn blocked(&mut self, policies: &Policies, route: &mut Route) {
        let Some(Set { value: Unless::As(blocked), .. }) = &policies.blocked else { return };
        let Some(by) = &blocked.by else { return };
        if let Some(database) = &blocked.database {
            let span = database.from.span();
            let path = placed(PathBuf::from(database.value.as_str()), span);
            match &self.countries {
                Some(known) if known.value != path.value => {
                    let what = "countries are looked up in one file only";
                    let complaint = Complaint::error(path.span, what);
                    let first = known.span;
                    self.complain(complaint.related(first, "another one is named here"));
                }
                _ => self.countries = Some(path),
            }
        }
        let countries = blocked.countries.iter().flat_map(|set| &set.value.0);
        route.gate.blocked.push(Block {
            networks: networks(blocked.networks.as_ref().map(|set| &set.value)),
            countries: countries
                .filter_map(|country| country.value.as_str().as_bytes().try_into().ok())
                .map(Country)
                .collect(),
            by: by.value.as_str().into(),
            demand: blocked
                .demand
                .as_ref()
                .map_or("An authority demanded that this be withheld.", |set| set.value.as_str())
                .into(),
        });
    }

    fn maintenance(&mut self, policies: &Policies, route: &mut Route) {
        let Some(Set { value, .. }) = &policies.maintenance else { return };
        route.gate.maintenance = match value {
            Switch::Off => None,
            Switch::On => Some(Maintenance {
                until: None,
                detail: None,
                page: None,
                except: Networks::default(),
            }),
            Switch::As(keys::Maintenance { until, reason, page, except, .. }) => {
                Some(Maintenance {
                    until: until.as_ref().map(|set| set.value.unix_seconds),
                    detail: reason.as_ref().map(|set| set.value.as_str().into()),
                    page: page.as_ref().and_then(|set| {
                        self.text(set.value.as_str(), set.from.span().unwrap_or_default())
                    }),
                    except: networks(except.as_ref().map(|set| &set.value)),
                })
            }
        };
    }

    /// The text of a file that the configuration names.
    pub(super) fn text(&mut self, path: &str, span: Span) -> Option<Arc<str>> {
        if !self.texts.contains_key(path) {
            let read = (self.read_text)(path).map(Arc::from);
            self.texts.insert(path.to_owned(), read);
        }
        match self.texts.get(path)? {
            Ok(text) => Some(Arc::clone(text)),
            Err(error) => {
                let what = format!("`{path}` can't be read: {error}");
                self.complain(Complaint::error(span, what));
                None
            }
        }
    }
}

/// The fields that whoever is asked fills, for the upstream of the route.
pub(super) fn copied(auth: &keys::Auth) -> impl Iterator<Item = &str> {
    auth.copy.iter().flat_map(|set| &set.value.0).map(|name| name.value.as_str())
}

fn methods(list: &List<Method>) -> MethodSet {
    list.0.iter().fold(MethodSet::EMPTY, |all, method| all.or(MethodSet::of(&[method.value.0])))
}

fn by(by: Option<&Set<keys::By>>, route: &str) -> By {
    match by.map(|set| &set.value) {
        None | Some(Either::Short(CountedBy::Network)) => By::Network,
        Some(Either::Short(CountedBy::User)) => By::User,
        Some(Either::Short(CountedBy::Route)) => By::Route(route.into()),
        Some(Either::Table(ByField { field, .. })) => {
            field.as_ref().map_or(By::Network, |set| By::Field(set.value.as_str().into()))
        }
    }
}

fn joined(names: Option<&Set<List<FieldName>>>) -> Option<Arc<str>> {
    let names: Vec<_> = names?.value.0.iter().map(|name| name.value.as_str()).collect();
    Some(names.join(", ").into())
}
