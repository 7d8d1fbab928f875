//! From the keys of a file to what the engine reads: sites and routes with their policies, and, beside
//! them, what has to be opened for them.

mod fields;
mod policies;
mod route;

use core::net::SocketAddr;
use std::collections::HashMap;
use std::path::PathBuf;

use wherefore_decide::policy::{DefaultFor, Hosts, Index, Limit, Site};
use wherefore_message::network::Networks;

use crate::complaint::{Complaint, Report};
use crate::keys::{self, File};
use crate::source::{Placed, Span};
use crate::table::Key;
use crate::value::{HostPattern, List, LogForm, Named, Network};

/// A whole configuration, before anything of it is opened.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the server as a whole does.
    pub server: Server,
    /// The sites, with numbers for what stands behind their routes.
    pub sites: Vec<Site>,
    /// The folders, by the numbers that routes have for them.
    pub folders: Vec<Folder>,
    /// The lists of users, by theirs.
    pub users: Vec<Users>,
    /// The issuers of tokens, by theirs.
    pub tokens: Vec<Tokens>,
    /// The file that tells the country of an address, if a route asks for it.
    pub countries: Option<Placed<PathBuf>>,
    /// Whether a route has a price, so that accounts have to be kept.
    pub has_prices: bool,
}

/// What the server as a whole does.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The addresses to listen on.
    pub listen: Vec<Placed<SocketAddr>>,
    /// How many cores serve.
    pub cores: Option<usize>,
    /// The folder for what is remembered over restarts.
    pub state: Option<Placed<PathBuf>>,
    /// How the log is written.
    pub log: Option<LogForm>,
    /// The proxies that are believed.
    pub trusted_proxies: Networks,
    /// Whether connections begin with the PROXY protocol.
    pub proxy_protocol: bool,
    /// The user that the process becomes.
    pub user: Option<Placed<String>>,
    /// The group that the process becomes.
    pub group: Option<Placed<String>>,
    /// The socket by which it is told to reload.
    pub control: Option<Placed<PathBuf>>,
    /// The named limits.
    pub limits: Vec<(Placed<String>, Placed<String>)>,
}

/// A folder that routes serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is, and where it is first named.
    pub path: Placed<PathBuf>,
    /// Whether a route writes to it.
    pub writable: bool,
}

/// A list of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    /// The file with the hashes.
    pub htpasswd: Placed<PathBuf>,
    /// The file with the groups.
    pub groups: Option<Placed<PathBuf>>,
}

/// An issuer of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The file with the keys.
    pub keys: Placed<PathBuf>,
    /// What the file holds.
    pub form: KeysForm,
    /// Whom a token has to be for.
    pub audiences: Vec<String>,
    /// Whom it has to be from.
    pub issuer: Option<String>,
    /// How far the issuer's clock may differ from ours, in seconds.
    pub clock_skew_seconds: u64,
    /// The claim that holds the groups.
    pub groups_claim: String,
}

/// What a file with keys holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysForm {
    /// A JWK set.
    Jwks,
    /// A public key as PEM.
    Pem,
    /// A shared secret.
    Secret,
}

/// What content routes take that say nothing of it, in octets.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most content.
    pub content_bytes_max: u64,
    /// The longest patch.
    pub patch_bytes_max: u64,
}

/// What reads the text of a file that the configuration names, such as an error page; or says why it can't
/// be read.
pub type ReadText<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

/// Makes the model of a file that was read without errors; more complaints go to the report. None if one of
/// them is an error.
#[must_use]
pub fn model(
    file: &File,
    bounds: Bounds,
    read_text: &mut ReadText<'_>,
    report: &mut Report,
) -> Option<Model> {
    let mut lowering = Lowering {
        bounds,
        read_text,
        complaints: Vec::new(),
        folders: Vec::new(),
        users: names(file.users.as_ref().map(|set| &set.value)),
        tokens: names(file.tokens.as_ref().map(|set| &set.value)),
        limits: HashMap::new(),
        countries: None,
        has_prices: false,
    };
    lowering.limits(file);
    let users = named(file.users.as_ref().map(|set| &set.value)).filter_map(users).collect();
    let tokens = named(file.tokens.as_ref().map(|set| &set.value)).filter_map(tokens).collect();
    let server = server(file);
    let sites = lowering.sites(file);
    let Lowering { complaints, folders, countries, has_prices, .. } = lowering;
    report.extend(complaints);
    report.is_usable().then_some(Model {
        server,
        sites,
        folders,
        users,
        tokens,
        countries,
        has_prices,
    })
}

/// A model while it is made.
struct Lowering<'a, 'r> {
    bounds: Bounds,
    read_text: &'a mut ReadText<'r>,
    complaints: Vec<Complaint>,
    folders: Vec<Folder>,
    users: HashMap<String, Index>,
    tokens: HashMap<String, Index>,
    limits: HashMap<String, Limit>,
    countries: Option<Placed<PathBuf>>,
    has_prices: bool,
}

impl Lowering<'_, '_> {
    fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    fn sites(&mut self, file: &File) -> Vec<Site> {
        let mut sites = Vec::new();
        let mut hosts: HashMap<String, Span> = HashMap::new();
        let mut default: Option<Span> = None;
        for (host, site) in named_placed(file.site.as_ref().map(|set| &set.value)) {
            let aliases = site.value.aliases.as_ref().map_or(&[][..], |set| &set.value.0);
            for named in core::iter::once(host).chain(aliases) {
                if let Some(first) = hosts.insert(named.value.to_string(), named.span) {
                    let what = format!("`{}` is answered for twice", named.value);
                    let complaint = Complaint::error(named.span, what).right("one site for a host");
                    self.complain(complaint.related(first, "the first stands here"));
                }
            }
            let is_default = site.value.default.as_ref().filter(|set| set.value);
            if let Some(span) = is_default.and_then(|set| set.from.span())
                && let Some(first) = default.replace(span)
            {
                let complaint = Complaint::error(span, "there is more than one default site");
                self.complain(complaint.related(first, "the first stands here"));
            }
            let names = core::iter::once(host).chain(aliases);
            let hosts = Hosts {
                names: names.map(|name| name.value.to_string().into()).collect(),
                default: is_default.map(|_| DefaultFor::Everyone),
            };
            let resolved = site.value.resolved();
            let name = host.value.to_string();
            let routes = self.routes(host, &site.value);
            let mut made = Site::new(&name, hosts, routes);
            made.dress = self.dress(&resolved.policies);
            sites.push(made);
        }
        sites
    }
}

/// The host under which a site is reached, if it is one name.
fn canonical(host: &HostPattern) -> Option<Box<str>> {
    let name = host.to_string();
    (!name.starts_with('*')).then(|| name.into())
}

fn server(file: &File) -> Server {
    let Some(set) = &file.server else { return Server::default() };
    let server = set.value.resolved();
    let listen = server.listen.as_ref().map_or(&[][..], |set| &set.value.0);
    let text = |key: &Key<crate::value::Name>| {
        key.as_ref().map(|set| placed(set.value.as_str().to_owned(), set.from.span()))
    };
    Server {
        listen: listen
            .iter()
            .map(|address| Placed { value: address.value.0, span: address.span })
            .collect(),
        cores: server.cores.as_ref().and_then(|set| usize::try_from(set.value.0).ok()),
        state: server.state.as_ref().map(|set| placed(file_path(&set.value), set.from.span())),
        log: server.log.as_ref().map(|set| set.value),
        trusted_proxies: networks(server.trusted_proxies.as_ref().map(|set| &set.value)),
        proxy_protocol: server.proxy_protocol.as_ref().is_some_and(|set| set.value),
        user: text(&server.user),
        group: text(&server.group),
        control: server.control.as_ref().map(|set| placed(file_path(&set.value), set.from.span())),
        limits: server
            .limits
            .iter()
            .flat_map(|set| &set.value.0)
            .map(|(name, value)| {
                let name = Placed { value: name.value.as_str().to_owned(), span: name.span };
                (name, Placed { value: value.value.0.clone(), span: value.span })
            })
            .collect(),
    }
}

fn users(users: &keys::Users) -> Option<Users> {
    let path = |key: &Key<crate::value::FilePath>| {
        key.as_ref().map(|set| placed(file_path(&set.value), set.from.span()))
    };
    Some(Users { htpasswd: path(&users.htpasswd)?, groups: path(&users.groups) })
}

fn tokens(tokens: &keys::Tokens) -> Option<Tokens> {
    let tokens = tokens.resolved();
    let choices = [
        (&tokens.jwks, KeysForm::Jwks),
        (&tokens.public_key, KeysForm::Pem),
        (&tokens.secret, KeysForm::Secret),
    ];
    let (keys, form) = choices.into_iter().find_map(|(key, form)| {
        key.as_ref().map(|set| (placed(file_path(&set.value), set.from.span()), form))
    })?;
    Some(Tokens {
        keys,
        form,
        audiences: texts(tokens.audience.as_ref().map(|set| &set.value)),
        issuer: tokens.issuer.as_ref().map(|set| set.value.as_str().to_owned()),
        clock_skew_seconds: tokens.clock_skew.as_ref().map_or(60, |set| set.value.millis / 1000),
        groups_claim: tokens
            .groups_claim
            .as_ref()
            .map_or_else(|| "groups".to_owned(), |set| set.value.as_str().to_owned()),
    })
}

fn texts(list: Option<&List<crate::value::Prose>>) -> Vec<String> {
    list.iter().flat_map(|list| &list.0).map(|text| text.value.as_str().to_owned()).collect()
}

fn file_path(path: &crate::value::FilePath) -> PathBuf {
    PathBuf::from(path.as_str())
}

fn placed<T>(value: T, span: Option<Span>) -> Placed<T> {
    Placed { value, span: span.unwrap_or_default() }
}

fn networks(list: Option<&List<Network>>) -> Networks {
    list.iter().flat_map(|list| &list.0).map(|network| network.value.0).collect()
}

/// The numbers of what stands under these names.
fn names<T>(named: Option<&Named<crate::value::Name, T>>) -> HashMap<String, Index> {
    let names = named.iter().flat_map(|named| &named.0);
    names.zip(0..).map(|((name, _), index)| (name.value.as_str().to_owned(), index)).collect()
}

fn named<N, T>(named: Option<&Named<N, T>>) -> impl Iterator<Item = &T> {
    named.into_iter().flat_map(|named| named.0.iter().map(|(_, value)| &value.value))
}

fn named_placed<N, T>(
    named: Option<&Named<N, T>>,
) -> impl Iterator<Item = (&Placed<N>, &Placed<T>)> {
    named.into_iter().flat_map(|named| named.0.iter().map(|(name, value)| (name, value)))
}
