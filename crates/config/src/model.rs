//! From the keys of a file to what the engine reads: sites and routes with their policies, and, beside
//! them, what has to be opened for them.

mod asking;
mod compress;
mod fields;
mod folders;
mod gateway;
mod inbox;
mod later;
mod policies;
mod route;
mod server;
mod transform;
mod variants;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use wherefore_decide::policy::{DefaultFor, Hosts, Index, Limit, Site};
use wherefore_message::network::Networks;

use crate::complaint::{Complaint, Report};
use crate::keys::{self, File};
use crate::source::{Placed, Span};
use crate::table::Key;
use crate::value::{DefaultSite, HostPattern, List, Named, Network};

use route::Laid;

pub use asking::Facilitator;
pub(crate) use fields::{STRICT, USUAL};
pub use folders::{Folder, contradictions};
pub use gateway::{Check, Gateway, GatewaySettings, GatewayTimes, Tls};
pub use later::Deliveries;
pub use server::{Server, needs_restart};

/// A whole configuration, before anything of it is opened.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the server as a whole does.
    pub server: Server,
    /// The sites, with numbers for what stands behind their routes.
    pub sites: Vec<Site>,
    /// Where each of them stands in the file.
    pub places: Vec<SitePlace>,
    /// The folders, by the numbers that routes have for them.
    pub folders: Vec<Folder>,
    /// The lists of users, by theirs.
    pub users: Vec<Users>,
    /// The issuers of tokens, by theirs.
    pub tokens: Vec<Tokens>,
    /// The gateways, by theirs.
    pub gateways: Vec<Gateway>,
    /// Who knows what payments are worth, by theirs.
    pub facilitators: Vec<Facilitator>,
    /// The file that tells the country of an address, if a route asks for it.
    pub countries: Option<Placed<PathBuf>>,
    /// The folder in which accounts are kept, if a route has a price.
    pub accounts: Option<Placed<PathBuf>>,
    /// The folder in which is kept what is accepted for later, if a route accepts something.
    pub queue: Option<Placed<PathBuf>>,
    /// How that is kept and delivered.
    pub deliveries: Deliveries,
}

/// Where a site stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePlace {
    /// Its host.
    pub host: Span,
    /// The path of each of its routes.
    pub routes: Vec<Span>,
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
    let mut lowering = Lowering::new(bounds, read_text);
    lowering.users = lowering.names(file.users.as_ref().map(|set| &set.value));
    lowering.tokens = lowering.names(file.tokens.as_ref().map(|set| &set.value));
    let server = lowering.server(file);
    lowering.state = server.state.clone();
    lowering.limits(file);
    lowering.gateways(file);
    let deliveries = lowering.deliveries(file);
    let users = named(file.users.as_ref().map(|set| &set.value)).filter_map(users).collect();
    let tokens = named(file.tokens.as_ref().map(|set| &set.value)).filter_map(tokens).collect();
    let (sites, places) = lowering.sites(file);
    let Lowering {
        mut complaints,
        folders,
        gateways,
        facilitators,
        countries,
        accounts,
        queue,
        ..
    } = lowering;
    let by_path: Vec<_> = folders.iter().map(|one| (one.path.value.clone(), one)).collect();
    complaints.extend(contradictions(&by_path));
    report.extend(complaints);
    report.is_usable().then_some(Model {
        server,
        sites,
        places,
        folders,
        users,
        tokens,
        gateways,
        facilitators,
        countries,
        accounts,
        queue,
        deliveries,
    })
}

/// A model while it is made.
struct Lowering<'a, 'r> {
    bounds: Bounds,
    read_text: &'a mut ReadText<'r>,
    complaints: Vec<Complaint>,
    /// The texts that were read already, since what a site names is named for each of its routes.
    texts: HashMap<String, Result<Arc<str>, String>>,
    folders: Vec<Folder>,
    folder_numbers: HashMap<PathBuf, Index>,
    users: HashMap<String, Index>,
    tokens: HashMap<String, Index>,
    limits: HashMap<String, Limit>,
    /// The groups of upstreams by their names; none for one that was complained about.
    groups: HashMap<String, Option<gateway::Group>>,
    gateways: Vec<Gateway>,
    facilitators: Vec<Facilitator>,
    state: Option<Placed<PathBuf>>,
    countries: Option<Placed<PathBuf>>,
    accounts: Option<Placed<PathBuf>>,
    queue: Option<Placed<PathBuf>>,
    monitors: later::Monitors,
}

impl<'a, 'r> Lowering<'a, 'r> {
    fn new(bounds: Bounds, read_text: &'a mut ReadText<'r>) -> Self {
        Self {
            bounds,
            read_text,
            complaints: Vec::new(),
            texts: HashMap::new(),
            folders: Vec::new(),
            folder_numbers: HashMap::new(),
            users: HashMap::new(),
            tokens: HashMap::new(),
            limits: HashMap::new(),
            groups: HashMap::new(),
            gateways: Vec::new(),
            facilitators: Vec::new(),
            state: None,
            countries: None,
            accounts: None,
            queue: None,
            monitors: later::Monitors::default(),
        }
    }
}

impl Lowering<'_, '_> {
    fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    fn sites(&mut self, file: &File) -> (Vec<Site>, Vec<SitePlace>) {
        let (mut sites, mut places) = (Vec::new(), Vec::new());
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
            let names = core::iter::once(host).chain(aliases);
            let hosts = Hosts {
                names: names.map(|name| name.value.to_string().into()).collect(),
                default: self.default_for(&site.value, &mut default),
            };
            let resolved = site.value.resolved();
            let dress = self.dress(&resolved.policies);
            let Laid { routes, paths, targets, lists, .. } = self.routes(host, &site.value, &dress);
            let mut made = Site::new(&host.value.to_string(), hosts, routes);
            made.dress = dress;
            self.complain_of_circles(&made, &targets);
            self.complain_of_variants(&made, &lists);
            sites.push(made);
            places.push(SitePlace { host: host.span, routes: paths });
        }
        (sites, places)
    }

    fn default_for(&mut self, site: &keys::Site, known: &mut Option<Span>) -> Option<DefaultFor> {
        let set = site.default.as_ref()?;
        let default = match set.value {
            DefaultSite::No => return None,
            DefaultSite::Everyone => DefaultFor::Everyone,
            DefaultSite::Loopback => DefaultFor::Loopback,
        };
        let span = set.from.span()?;
        if let Some(first) = known.replace(span) {
            let complaint = Complaint::error(span, "there is more than one default site");
            self.complain(complaint.related(first, "the first stands here"));
        }
        Some(default)
    }

    /// The numbers of what stands under these names.
    fn names<T>(&mut self, named: Option<&Named<crate::value::Name, T>>) -> HashMap<String, Index> {
        let names = named.iter().flat_map(|named| &named.0).enumerate();
        names
            .map(|(i, (name, _))| (name.value.as_str().to_owned(), self.number(i, name.span)))
            .collect()
    }
}

/// The host under which a site is reached, if it is one name.
fn canonical(host: &HostPattern) -> Option<Box<str>> {
    let name = host.to_string();
    (!name.starts_with('*')).then(|| name.into())
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

fn named<N, T>(named: Option<&Named<N, T>>) -> impl Iterator<Item = &T> {
    named.into_iter().flat_map(|named| named.0.iter().map(|(_, value)| &value.value))
}

fn named_placed<N, T>(
    named: Option<&Named<N, T>>,
) -> impl Iterator<Item = (&Placed<N>, &Placed<T>)> {
    named.into_iter().flat_map(|named| named.0.iter().map(|(name, value)| (name, value)))
}
