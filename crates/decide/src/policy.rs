//! What the operator decided: sites, routes, and the policies that rules read. `serve FOLDER` is one
//! site with one route; a configuration file makes more of them.

pub mod allowance;
pub mod asker;
pub mod compress;
pub mod cors;
pub mod dress;
pub mod folder;
pub mod gate;
pub mod gateway;
pub mod hosts;
pub mod inbox;
pub mod later;
pub mod pattern;
pub mod router;
pub mod template;
pub mod variants;

use std::sync::Arc;

use wherefore_message::{Method, MethodSet};

pub use allowance::{Limit, Payment, Price};
pub use asker::{Ask, Auth, RefusedAs};
pub use compress::Compress;
pub use cors::Cors;
pub use dress::Dress;
pub use folder::{Folder, FolderAccess, MissingFolders, ResourceKind};
pub use gate::Gate;
pub use gateway::Gateway;
pub use hosts::{DefaultFor, Hosts, Sites};
pub use inbox::{Inbox, Thanks};
pub use later::Later;
pub use pattern::{Captures, Pattern};
pub use router::Router;
pub use template::Template;
pub use variants::{ListedVariant, VariantList, VariantPolicy};

/// Something that stands outside the engine, by its number in the configuration: a folder's origin, a
/// source of credentials, a limit.
pub type Index = u16;

/// One site: the hosts that it answers for, and what stands under its paths.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name, for people.
    pub name: Box<str>,
    /// Which hosts it answers for.
    pub hosts: Hosts,
    /// What is added to answers that are no route's.
    pub dress: Dress,
    index: usize,
    routes: Vec<Route>,
    router: Router,
}

impl Site {
    /// A site of these routes. Of two that stand under the same path, the first holds.
    #[must_use]
    pub fn new(name: &str, hosts: Hosts, routes: Vec<Route>) -> Self {
        let router = Router::new(routes.iter().map(|route| &route.pattern));
        Self { name: name.into(), hosts, dress: Dress::default(), index: 0, routes, router }
    }

    /// Its place among the sites of its configuration.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Its routes, in the order of the configuration.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The most specific route that a decoded path falls under.
    #[must_use]
    pub fn route(&self, path: &[u8]) -> Option<Matched<'_>> {
        let (index, rest_at) = self.router.route(path)?;
        Some(Matched { route: self.routes.get(index)?, index, rest_at })
    }
}

/// A route that a path falls under.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'a> {
    /// The route.
    pub route: &'a Route,
    /// Its place among its site's routes.
    pub index: usize,
    /// The offset of what is left of the path behind the pattern's own segments, where a slash stands; for
    /// a pattern that names one resource, of its last segment.
    pub rest_at: usize,
}

/// What stands under a path, and the policies in front of it.
#[derive(Clone, Debug)]
pub struct Route {
    /// The paths that it stands under.
    pub pattern: Pattern,
    /// What answers.
    pub resource: Resource,
    /// The only methods that are offered; none: all that the resource has.
    pub methods: Option<MethodSet>,
    /// What content is taken.
    pub content: ContentPolicy,
    /// Whether TRACE is offered (RFC 9110 §9.3.8).
    pub trace: Trace,
    /// Whether writes have to name a condition (RFC 6585 §3).
    pub preconditions: Preconditions,
    /// What is asked before anyone is asked for credentials.
    pub gate: Gate,
    /// Who may ask.
    pub auth: Option<Auth>,
    /// How often, and how much at once.
    pub limits: Vec<Limit>,
    /// What is stored, to be delivered later.
    pub later: Option<Later>,
    /// What it costs.
    pub price: Option<Price>,
    /// What has to be paid for each answer.
    pub payment: Option<Payment>,
    /// What scripts of other origins may do (the Fetch standard's CORS protocol).
    pub cors: Option<Cors>,
    /// What is encoded as it is sent; to be asked for by [`Route::compression`].
    pub compress: Option<Arc<Compress>>,
    /// What is added to every answer.
    pub dress: Dress,
}

/// What answers under a route.
#[derive(Clone, Debug)]
pub enum Resource {
    /// The files of a folder.
    Folder(Folder),
    /// A folder that takes what is posted to it.
    Inbox(Inbox),
    /// Servers behind this one.
    Gateway(Gateway),
    /// Something that is no longer here, or never was.
    Elsewhere(Elsewhere),
    /// The monitors of what was accepted for later.
    Monitors,
    /// One of several variants that stand under other paths of the site.
    Variants(VariantList),
}

/// What is not here.
#[derive(Clone, Debug)]
pub enum Elsewhere {
    /// It moved. The method decides between 301 and 308, or between 302 and 307.
    Moved {
        /// Where to.
        to: Template,
        /// For how long.
        lasting: Lasting,
    },
    /// What is to be looked at stands elsewhere (303).
    SeeOther(Template),
    /// It was retired for good (410).
    Gone {
        /// Since when, in seconds since 1970.
        since: Option<u64>,
    },
    /// It is reached through a proxy (305, deprecated by RFC 9110 §15.4.6): the proxy's URI.
    UseProxy(Box<str>),
}

/// For how long something has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// For good: 301, 308.
    Permanent,
    /// For now: 302, 307.
    Temporary,
}

/// What content a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentPolicy {
    /// The most octets of content that a request may bring.
    pub bytes_max: u64,
    /// The most octets of content that a patch may bring: it is held in memory.
    pub patch_bytes_max: u64,
    /// Until when `bytes_max` is expected to hold, in seconds since 1970: who is refused before is told to come
    /// back then. None: for good.
    pub until: Option<u64>,
    /// Whether its length has to be announced.
    pub length: Length,
}

impl ContentPolicy {
    /// Content of at most so many octets, patches of at most so many.
    #[must_use]
    pub const fn up_to(bytes_max: u64, patch_bytes_max: u64) -> Self {
        Self { bytes_max, patch_bytes_max, until: None, length: Length::Optional }
    }
}

/// Whether the length of content has to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Chunked content will do.
    Optional,
    /// 411 without `Content-Length`.
    Required,
}

/// Whether TRACE is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// It echoes.
    On,
    /// 405.
    Off,
}

/// Whether writes have to name a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preconditions {
    /// As the client likes.
    Optional,
    /// 428 without one.
    Required,
}

/// Methods that an origin implements somewhere (RFC 9110 §9.1): any other is 501.
pub const IMPLEMENTED: MethodSet = MethodSet::of(&[
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Options,
    Method::Trace,
    Method::Patch,
]);

impl Route {
    /// A route without policies.
    #[must_use]
    pub fn new(pattern: Pattern, resource: Resource, content: ContentPolicy) -> Self {
        Self {
            pattern,
            resource,
            methods: None,
            content,
            trace: Trace::Off,
            preconditions: Preconditions::Optional,
            gate: Gate::default(),
            auth: None,
            limits: Vec::new(),
            later: None,
            price: None,
            payment: None,
            cors: None,
            compress: None,
            dress: Dress::default(),
        }
    }

    /// Whether whoever is let in here is let in at `other` too, and for no less: then what stands there can be
    /// sent from here.
    #[must_use]
    pub fn stands_in_for(&self, other: &Self) -> bool {
        let is_like = |(own, other): (&Limit, &Limit)| {
            let by_route = |limit: &Limit| matches!(limit.by, allowance::By::Route(_));
            own.id == other.id && (own.by == other.by || (by_route(own) && by_route(other)))
        };
        let limits = other.limits.len() == self.limits.len()
            && self.limits.iter().zip(&other.limits).all(is_like);
        (other.gate.is_open() || other.gate == self.gate)
            && (other.auth.is_none() || other.auth == self.auth)
            && (other.limits.is_empty() || limits)
            && (other.price.is_none() || other.price == self.price)
            && (other.payment.is_none() || other.payment == self.payment)
    }

    /// Whether anything is asked before what its resource asks.
    #[must_use]
    pub const fn is_guarded(&self) -> bool {
        !self.gate.is_open()
            || self.auth.is_some()
            || !self.limits.is_empty()
            || self.price.is_some()
            || self.payment.is_some()
            || self.cors.is_some()
    }

    /// Whether some get 404 here for what others get: then no 404 is to differ from another.
    #[must_use]
    pub fn hides(&self) -> bool {
        let hides = |refusal| refusal == RefusedAs::Missing;
        (self.gate.from.is_some() && hides(self.gate.refusal))
            || self.auth.as_ref().is_some_and(|auth| hides(auth.refusal))
    }

    /// The folder that answers, if one does.
    #[must_use]
    pub const fn folder(&self) -> Option<&Folder> {
        match &self.resource {
            Resource::Folder(folder) => Some(folder),
            Resource::Inbox(_)
            | Resource::Gateway(_)
            | Resource::Monitors
            | Resource::Elsewhere(_)
            | Resource::Variants(_) => None,
        }
    }

    /// The inbox that answers, if one does.
    #[must_use]
    pub const fn inbox(&self) -> Option<&Inbox> {
        match &self.resource {
            Resource::Inbox(inbox) => Some(inbox),
            Resource::Folder(_)
            | Resource::Gateway(_)
            | Resource::Monitors
            | Resource::Elsewhere(_)
            | Resource::Variants(_) => None,
        }
    }

    /// The gateway that answers, if one does.
    #[must_use]
    pub const fn gateway(&self) -> Option<&Gateway> {
        match &self.resource {
            Resource::Gateway(gateway) => Some(gateway),
            Resource::Folder(_)
            | Resource::Inbox(_)
            | Resource::Monitors
            | Resource::Elsewhere(_)
            | Resource::Variants(_) => None,
        }
    }

    /// The methods that a resource of this kind offers: the one table behind `Allow`, 405 and OPTIONS.
    #[must_use]
    pub fn methods(&self, kind: ResourceKind) -> MethodSet {
        let own = match &self.resource {
            Resource::Folder(folder) => folder.methods(kind),
            Resource::Inbox(_) => inbox::METHODS,
            Resource::Gateway(_) => gateway::METHODS,
            Resource::Monitors => later::METHODS,
            // Whatever the method, the answer is where to go.
            Resource::Elsewhere(_) => IMPLEMENTED.without(MethodSet::of(&[Method::Trace])),
            Resource::Variants(_) => folder::READ,
        };
        let own = match self.trace {
            Trace::On => own.or(MethodSet::of(&[Method::Trace])),
            Trace::Off => own,
        };
        match self.methods {
            // An upstream's OPTIONS may do more than tell what there is.
            Some(only) if self.gateway().is_some() => own.and(only),
            // Ours only tells it.
            Some(only) => own.and(only.or(MethodSet::of(&[Method::Options]))),
            None => own,
        }
    }

    /// The methods that any resource of this route offers.
    #[must_use]
    pub fn offered(&self) -> MethodSet {
        self.methods(ResourceKind::Folder).or(self.methods(ResourceKind::JsonFile))
    }

    /// The most octets of content that a request with this method may bring.
    #[must_use]
    pub fn content_bytes_max_of(&self, method: Method) -> u64 {
        match method {
            // A patch that is forwarded is not held in memory.
            Method::Patch if self.gateway().is_none() => {
                self.content.bytes_max.min(self.content.patch_bytes_max)
            }
            _ => self.content.bytes_max,
        }
    }

    /// Whether a request with this method can change something here.
    #[must_use]
    pub fn changes_by(&self, method: Method) -> bool {
        let is_write = !method.is_safe() && method != Method::Other;
        let takes = matches!(self.resource, Resource::Folder(_) | Resource::Inbox(_));
        is_write && takes && self.offers(method)
    }

    /// Whether any resource of this route offers the method.
    #[must_use]
    pub fn offers(&self, method: Method) -> bool {
        self.offered().has(method)
    }
}
