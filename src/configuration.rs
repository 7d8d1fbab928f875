//! A configuration file, from its text to what is served: read, made into the engine's model, and opened.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wherefore_access::basic::Users;
use wherefore_access::bearer::{Keys, Secrets, Tokens};
use wherefore_access::country::Countries;
use wherefore_access::forwarded::{Dialect, Proxies};
use wherefore_config::keys::File;
use wherefore_config::model::{self, Bounds, KeysForm, Model, contradictions, model};
use wherefore_config::source::Placed;
use wherefore_config::value::{self, ForwardedForm};
use wherefore_config::{Complaint, Report, Source};
use wherefore_decide::policy::Sites;
use wherefore_origin::Origin;
use wherefore_server::configuration::Configuration;
use wherefore_server::gateway::Gateway;
use wherefore_server::notice;
use wherefore_server::paying::Facilitator;
use wherefore_state::Payments;
use wherefore_state::payments::PAYMENTS_MAX_DEFAULT;
use wherefore_store::{Access, Links};

use crate::UsageError;
use crate::folder::{FolderOptions, Folders};
use crate::gateways::Gateways;
use crate::limits::{self, Limits};

/// The longest file that the configuration may name (a page, a list of users, keys), in octets.
const NAMED_FILE_BYTES_MAX: u64 = 16 << 20;
/// The longest file of countries, in octets.
const COUNTRIES_BYTES_MAX: u64 = 512 << 20;

/// A configuration file and the model that it makes.
pub(crate) struct Read {
    pub(crate) file: File,
    pub(crate) model: Model,
    pub(crate) limits: Limits,
    /// Complaints that are no errors.
    pub(crate) report: Report,
}

/// Where a configuration comes from.
#[derive(Clone, Debug)]
pub(crate) struct ConfigurationFile {
    file: Option<PathBuf>,
    /// What relative paths in it are relative to.
    base: PathBuf,
    /// Its text, where that can be read only once.
    text: OnceCell<String>,
}

impl ConfigurationFile {
    /// The file of this name; `-` is the standard input.
    pub(crate) fn new(name: &Path) -> Self {
        if name == Path::new("-") {
            return Self { file: None, base: PathBuf::from("."), text: OnceCell::new() };
        }
        let base = name.parent().filter(|parent| !parent.as_os_str().is_empty());
        let base = base.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        Self { file: Some(name.to_path_buf()), base, text: OnceCell::new() }
    }

    /// The file's name, as it was given.
    pub(crate) fn name(&self) -> String {
        self.file
            .as_ref()
            .map_or_else(|| "standard input".to_owned(), |file| file.display().to_string())
    }

    /// Its text.
    pub(crate) fn source(&self) -> Result<Source, UsageError> {
        let text = match (&self.file, self.text.get()) {
            (None, Some(text)) => Ok(text.clone()),
            (Some(file), _) => fs::read_to_string(file),
            (None, None) => {
                let mut text = String::new();
                let most = wherefore_config::TEXT_BYTES_MAX as u64 + 1;
                std::io::stdin().lock().take(most).read_to_string(&mut text).map(|_| text)
            }
        };
        let text = text.map_err(|error| {
            UsageError(format!("can't read the configuration {}: {error}", self.name()))
        })?;
        if self.file.is_none() {
            let _ = self.text.set(text.clone());
        }
        Ok(Source::new(self.name(), text))
    }

    /// A path that the configuration names.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Reads it, with every complaint that can be made without opening what it names, but for pages.
    pub(crate) fn read(
        &self,
        source: Source,
        descriptors: u64,
        cores: usize,
    ) -> Result<Box<Read>, Box<Report>> {
        let (file, mut report) = wherefore_config::read(source);
        let Some(file) = file else { return Err(Box::new(report)) };
        let mut complaints = Vec::new();
        let limits = named_limits(&file, descriptors, cores, &mut complaints);
        report.extend(complaints);
        let bounds = Bounds {
            content_bytes_max: limits.wire.content_bytes,
            patch_bytes_max: limits.server.patch_bytes,
        };
        let mut read_text = |path: &str| {
            let octets = self.octets(Path::new(path), NAMED_FILE_BYTES_MAX)?;
            String::from_utf8(octets).map_err(|_| "it is not UTF-8".to_owned())
        };
        let made = model(&file, bounds, &mut read_text, &mut report);
        match made {
            Some(model) => Ok(Box::new(Read { file, model, limits, report })),
            None => Err(Box::new(report)),
        }
    }

    fn octets(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
        let mut octets = Vec::new();
        let file = fs::File::open(self.path(path)).map_err(|error| error.to_string())?;
        let read = file.take(bytes_max + 1).read_to_end(&mut octets);
        read.map_err(|error| error.to_string())?;
        if octets.len() as u64 > bytes_max {
            return Err(format!("it has more than {bytes_max} octets"));
        }
        Ok(octets)
    }
}

/// The named limits of the file.
fn named_limits(
    file: &File,
    descriptors: u64,
    cores: usize,
    complaints: &mut Vec<Complaint>,
) -> Limits {
    let settings = file.server.iter().filter_map(|set| set.value.limits.as_ref());
    let settings: Vec<_> = settings.flat_map(|set| &set.value.0).collect();
    let mut good = Vec::new();
    for (name, value) in settings {
        let setting = format!("{}={}", name.value.as_str(), value.value.0);
        match Limits::read(std::slice::from_ref(&setting), descriptors, cores) {
            Ok(_) => good.push(setting),
            Err(UsageError(what)) => {
                let said = what.split_once(": ").map_or(&*what, |(_, said)| said);
                let is_known = limits::is_known(name.value.as_str());
                let span = if is_known { value.span } else { name.span };
                complaints.push(Complaint::error(span, said));
            }
        }
    }
    Limits::read(&good, descriptors, cores)
        .unwrap_or_else(|_| unreachable!("each setting was read alone"))
}

/// What is open for the configuration that holds, so that the next one can go on with it.
#[derive(Default)]
pub(crate) struct Opened {
    folders: Folders,
    origins: HashMap<OriginKey, Arc<Origin>>,
    gateways: Gateways,
    /// Which payments were settled, from when it is asked for on.
    payments: Option<Arc<Payments>>,
}

/// A folder and how it is opened.
#[derive(Clone, PartialEq, Eq, Hash)]
struct OriginKey {
    path: PathBuf,
    access: Access,
    links: Links,
    quota_bytes: Option<u64>,
    index: Option<Vec<Vec<u8>>>,
}

impl Opened {
    /// Opens what the model names. What is open already stays so.
    pub(crate) fn open(
        &mut self,
        from: &ConfigurationFile,
        read: &Read,
        access: Access,
    ) -> Result<Configuration, Vec<Complaint>> {
        let mut complaints = Vec::new();
        let model = &read.model;
        let state = model.server.state.as_ref().map(|state| from.path(&state.value));
        let (origins, kept) =
            self.origins(from, &model.folders, access, state.as_deref(), &mut complaints);
        let users = each(&model.users, &mut complaints, |users| open_users(from, users));
        let tokens = each(&model.tokens, &mut complaints, |tokens| open_tokens(from, tokens));
        let countries = model.countries.as_ref().and_then(|file| {
            let read = from
                .octets(&file.value, COUNTRIES_BYTES_MAX)
                .and_then(|octets| Countries::read(octets).map_err(|fault| fault.to_string()));
            match read {
                Ok(countries) => Some(Arc::new(countries)),
                Err(why) => {
                    complaints.push(unreadable(file, &why));
                    None
                }
            }
        });
        let gateways = self.gateways.open(from, model, &mut complaints);
        let payments = self.payments(from, model, access, &mut complaints);
        if !complaints.is_empty() {
            return Err(complaints);
        }
        self.origins = kept;
        let gateways = self.gateways.keep(gateways);
        let trusted = model.server.trusted_proxies.clone();
        let dialect = match model.server.forwarded {
            Some(ForwardedForm::XForwarded) => Dialect::XForwarded,
            Some(ForwardedForm::Forwarded) => Dialect::Forwarded,
            Some(ForwardedForm::Either) | None => Dialect::Either,
        };
        let facilitators = facilitators(model, &gateways, payments.as_ref());
        Ok(Configuration {
            sites: Arc::new(Sites::new(model.sites.clone())),
            origins,
            users,
            tokens,
            gateways,
            facilitators,
            proxies: Arc::new(Proxies { trusted, dialect }),
            countries,
        })
    }

    /// Which payments were settled, where any has to be, and where something may be written.
    fn payments(
        &mut self,
        from: &ConfigurationFile,
        model: &Model,
        access: Access,
        complaints: &mut Vec<Complaint>,
    ) -> Option<Arc<Payments>> {
        let state = model.server.state.as_ref().filter(|_| !model.facilitators.is_empty())?;
        if access == Access::Writable && self.payments.is_none() {
            match Payments::open(&from.path(&state.value), PAYMENTS_MAX_DEFAULT) {
                Ok(payments) => self.payments = Some(payments),
                Err(error) => {
                    let what = format!("payments can't be remembered: {error}");
                    complaints.push(Complaint::error(state.span, what));
                }
            }
        }
        self.payments.clone()
    }

    /// The folders by their numbers, each opened once whatever it is called, and all of them by how they are
    /// opened.
    fn origins(
        &mut self,
        from: &ConfigurationFile,
        folders: &[model::Folder],
        access: Access,
        state: Option<&Path>,
        complaints: &mut Vec<Complaint>,
    ) -> (Vec<Arc<Origin>>, HashMap<OriginKey, Arc<Origin>>) {
        let whole = |folder: &model::Folder| {
            let path = from.path(&folder.path.value);
            path.canonicalize().unwrap_or(path)
        };
        let named: Vec<_> = folders.iter().map(|folder| (whole(folder), folder)).collect();
        let contradictions = contradictions(&named);
        if !contradictions.is_empty() {
            complaints.extend(contradictions);
            return (Vec::new(), HashMap::new());
        }
        let mut joined: HashMap<&Path, model::Folder> = HashMap::new();
        for (path, folder) in &named {
            let same = joined.entry(path.as_path()).or_insert_with(|| (*folder).clone());
            same.join(folder);
        }
        let (mut origins, mut kept) = (Vec::new(), HashMap::new());
        for (path, folder) in &named {
            let joined = joined.get(path.as_path()).unwrap_or(folder);
            let key = key_of(path.clone(), joined, access);
            let origin = match kept.get(&key) {
                Some(origin) => Ok(Arc::clone(origin)),
                None => self.origin(&key, joined, state),
            };
            match origin {
                Ok(origin) => {
                    kept.insert(key, Arc::clone(&origin));
                    origins.push(origin);
                }
                Err(what) => complaints.push(Complaint::error(folder.path.span, what)),
            }
        }
        (origins, kept)
    }

    fn origin(
        &mut self,
        key: &OriginKey,
        folder: &model::Folder,
        state: Option<&Path>,
    ) -> Result<Arc<Origin>, String> {
        if let Some(origin) = self.origins.get(key) {
            return Ok(Arc::clone(origin));
        }
        let is_written = |other: &&OriginKey| {
            other.path == key.path && other.access == Access::Writable && key.access == other.access
        };
        if self.origins.keys().any(|other| is_written(&other)) {
            return Err("`quota`, `links` and `index` of a folder that is written to are other ones from the \
                        next start on: restart the server for them"
                .to_owned());
        }
        let OriginKey { access, links, quota_bytes, .. } = *key;
        let index = key.index.as_deref();
        let options = FolderOptions { access, links, quota_bytes, index, state };
        let origin = self.folders.open(&key.path, &options).map_err(|UsageError(what)| what)?;
        // Only now is nothing under way that would look like what a crash left.
        if folder.is_inbox && access == Access::Writable {
            let path = key.path.display();
            let cleared = origin.inbox().clear().map_err(|error| {
                format!("the folder {path} can't be cleared of what a crash left: {error}")
            })?;
            if cleared.unfinished > 0 {
                let count = cleared.unfinished;
                notice!("{path}: {count} submissions that were cut off have been cleared away");
            }
        }
        Ok(Arc::new(origin))
    }
}

fn facilitators(
    model: &Model,
    gateways: &[Arc<Gateway>],
    payments: Option<&Arc<Payments>>,
) -> Vec<Arc<Facilitator>> {
    let all = model.facilitators.iter().filter_map(|said| {
        let facilitator = Facilitator {
            gateway: Arc::clone(gateways.get(usize::from(said.upstreams))?),
            base: said.base.as_str().into(),
            offer: said.offer.clone(),
            lifetime_seconds: said.lifetime_seconds,
            payments: payments.cloned(),
        };
        Some(Arc::new(facilitator))
    });
    all.collect()
}

fn key_of(path: PathBuf, folder: &model::Folder, access: Access) -> OriginKey {
    let is_written = folder.writable.is_some() && access == Access::Writable;
    let links = match folder.links() {
        value::Links::Follow => Links::Follow,
        value::Links::Refuse => Links::Refuse,
    };
    OriginKey {
        path,
        access: if is_written { Access::Writable } else { Access::ReadOnly },
        links,
        quota_bytes: folder.quota_bytes.map(|quota| quota.value).filter(|_| is_written),
        index: folder
            .index
            .as_ref()
            .map(|index| index.value.iter().map(|name| name.clone().into_bytes()).collect()),
    }
}

fn each<S, T>(
    sources: &[S],
    complaints: &mut Vec<Complaint>,
    open: impl Fn(&S) -> Result<T, Vec<Complaint>>,
) -> Vec<Arc<T>> {
    let mut all = Vec::new();
    for source in sources {
        match open(source) {
            Ok(one) => all.push(Arc::new(one)),
            Err(more) => complaints.extend(more),
        }
    }
    all
}

fn unreadable(file: &Placed<PathBuf>, why: &str) -> Complaint {
    Complaint::error(file.span, format!("`{}` can't be read: {why}", file.value.display()))
}

fn open_users(from: &ConfigurationFile, users: &model::Users) -> Result<Users, Vec<Complaint>> {
    let text = |file: &Placed<PathBuf>| {
        let octets = from.octets(&file.value, NAMED_FILE_BYTES_MAX);
        let text = octets
            .and_then(|octets| String::from_utf8(octets).map_err(|_| "it is not UTF-8".to_owned()));
        text.map_err(|why| vec![unreadable(file, &why)])
    };
    let passwords = text(&users.htpasswd)?;
    let groups = match &users.groups {
        Some(groups) => text(groups)?,
        None => String::new(),
    };
    Users::read(&passwords, &groups).map_err(|found| {
        let complaint = |complaint: &wherefore_access::basic::Complaint| {
            let file = match (complaint.text, &users.groups) {
                (wherefore_access::basic::Text::Groups, Some(groups)) => groups,
                _ => &users.htpasswd,
            };
            let place = format!("{}:{}", file.value.display(), complaint.line);
            Complaint::error(file.span, format!("{place}: {}", complaint.what))
        };
        found.iter().map(complaint).collect()
    })
}

fn open_tokens(from: &ConfigurationFile, tokens: &model::Tokens) -> Result<Tokens, Vec<Complaint>> {
    let file = &tokens.keys;
    let refused = |why: String| vec![unreadable(file, &why)];
    let octets = from.octets(&file.value, NAMED_FILE_BYTES_MAX).map_err(refused)?;
    let keys = match tokens.form {
        KeysForm::Jwks => Keys::from_jwks(&octets, Secrets::Refused),
        KeysForm::Pem => Keys::from_pem(&String::from_utf8_lossy(&octets)),
        // Editors end a file with a line's end.
        KeysForm::Secret => Keys::from_secret(octets.trim_ascii_end()),
    };
    let keys = keys.map_err(|fault| refused(fault.to_string()))?;
    Ok(Tokens {
        clock_skew_seconds: tokens.clock_skew_seconds,
        audiences: tokens.audiences.clone(),
        issuer: tokens.issuer.clone(),
        groups_claim: tokens.groups_claim.clone(),
        ..Tokens::new(keys)
    })
}
