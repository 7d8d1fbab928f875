//! What the operator decided: sites, routes, and the policies that rules read. `serve FOLDER` is one
//! site with one route; a configuration file makes more of them.

use wherefore_message::authority::{Authority, HostKind};
use wherefore_message::{Method, MethodSet};

/// One site: the hosts that it answers for, and what stands under its paths.
#[derive(Clone, Debug)]
pub struct Site {
    /// Which hosts it answers for.
    pub hosts: Hosts,
    /// Its routes, most specific first. A request that matches none finds nothing.
    pub routes: Vec<Route>,
}

/// Which hosts a site answers for (RFC 9110 §7.4).
#[derive(Clone, Debug)]
pub enum Hosts {
    /// Any: the default site of a listener.
    Any,
    /// Addresses, `localhost` and names under it, and these names: the guard against DNS rebinding
    /// of what listens on loopback only.
    Loopback(Vec<String>),
}

impl Hosts {
    /// Whether the site answers for this host; a request that names none (HTTP/1.0) goes to whoever
    /// listens.
    #[must_use]
    pub fn answer_for(&self, authority: Option<&Authority<'_>>) -> bool {
        let (Self::Loopback(names), Some(authority)) = (self, authority) else { return true };
        match authority.kind {
            HostKind::Address(_) => true,
            HostKind::Name => {
                authority.host.is_empty()
                    || authority.is_named("localhost")
                    || is_under_localhost(authority.host)
                    || names.iter().any(|name| authority.is_named(name))
            }
        }
    }
}

/// Names under `localhost` are loopback's too (RFC 6761 §6.3), and no one else can own them.
fn is_under_localhost(host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let tail = b".localhost";
    host.len() > tail.len() && host[host.len() - tail.len()..].eq_ignore_ascii_case(tail)
}

/// What stands under a path.
#[derive(Clone, Debug)]
pub struct Route {
    /// The path that it stands under, ending in `/`.
    pub prefix: String,
    /// What answers.
    pub resource: Folder,
    /// The most octets of content that a request may bring.
    pub content_bytes_max: u64,
    /// The most octets of content that a patch may bring: it is held in memory.
    pub patch_bytes_max: u64,
    /// Whether TRACE is offered (RFC 9110 §9.3.8).
    pub trace: Trace,
}

/// Whether TRACE is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// It echoes.
    On,
    /// 405.
    Off,
}

/// A folder as an origin's resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Whether it can be written to.
    pub access: FolderAccess,
    /// Whether a PUT makes the folders that its path names.
    pub missing_folders: MissingFolders,
}

/// Whether a folder can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderAccess {
    /// GET, HEAD and OPTIONS alone.
    ReadOnly,
    /// PUT, POST, PATCH and DELETE too.
    Writable,
}

/// What a PUT under a folder that is not there does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingFolders {
    /// 409.
    Conflict,
    /// Makes it.
    Create,
}

/// The kinds of thing that a path of a folder can name, as far as methods differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// The folder that is served itself: it can't be deleted.
    Root,
    /// A folder in it.
    Folder,
    /// A file.
    File,
    /// A file of JSON: it can be patched.
    JsonFile,
    /// Nothing.
    Nothing,
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

const READ: MethodSet = MethodSet::of(&[Method::Get, Method::Head, Method::Options]);

impl Route {
    /// The methods that a resource of this kind offers: the one table behind `Allow`, 405 and OPTIONS.
    #[must_use]
    pub fn methods(&self, kind: ResourceKind) -> MethodSet {
        let read = match self.trace {
            Trace::On => READ.or(MethodSet::of(&[Method::Trace])),
            Trace::Off => READ,
        };
        if self.resource.access == FolderAccess::ReadOnly {
            return read;
        }
        read.or(MethodSet::of(match kind {
            ResourceKind::Root => &[Method::Post],
            ResourceKind::Folder => &[Method::Post, Method::Delete],
            ResourceKind::File => &[Method::Put, Method::Delete],
            ResourceKind::JsonFile => &[Method::Put, Method::Delete, Method::Patch],
            ResourceKind::Nothing => &[Method::Put],
        }))
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
            Method::Patch => self.content_bytes_max.min(self.patch_bytes_max),
            _ => self.content_bytes_max,
        }
    }

    /// Whether any resource of this route offers the method.
    #[must_use]
    pub fn offers(&self, method: Method) -> bool {
        self.offered().has(method)
    }
}

impl Site {
    /// The route that a decoded path falls under.
    #[must_use]
    pub fn route(&self, path: &[u8]) -> Option<&Route> {
        self.routes.iter().find(|route| path.starts_with(route.prefix.as_bytes()))
    }
}
