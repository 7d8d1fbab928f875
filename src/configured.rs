//! Serving what a configuration file says, and reading it anew while it is served.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wherefore_config::Colours;
use wherefore_config::keys::File;
use wherefore_config::model::{self, Model, Server, needs_restart};
use wherefore_config::source::Placed;
use wherefore_config::value;
use wherefore_server::descriptors;
use wherefore_server::listen::Opening;
use wherefore_server::outbox::Outbox;
use wherefore_server::reload::{Next, Reload, note_of_addresses};
use wherefore_state::deliveries::{Deliveries, DeliveryBounds, DeliverySettings, Retry};
use wherefore_state::{BalanceBounds, Balances};
use wherefore_store::Access;

use crate::configuration::{ConfigurationFile, Opened, Read};
use crate::limits::Limits;
use crate::process::{self, Process};
use crate::serve::{Arguments, IoWay, LogFormat, Open, Serving, all_cores};
use crate::{UsageError, config};

/// How many accounts have a balance at most, and how many payments are remembered.
pub(crate) const BALANCES: BalanceBounds =
    BalanceBounds { accounts_max: 1_000_000, payments_max: 10_000_000 };

/// Serving what a file says. What the command line says besides goes before it.
pub(crate) fn serving<'a>(
    arguments: &'a Arguments,
    file: &Path,
    descriptors: u64,
) -> Result<Serving<'a>, UsageError> {
    let from = ConfigurationFile::new(file);
    let assumed = arguments.cores.unwrap_or_else(all_cores);
    let read = from.read(from.source()?, descriptors, assumed.get());
    let read = read.map_err(|report| config::refused(&report))?;
    config::warn(&read.report);
    let server = read.model.server.clone();
    let cores = arguments.cores.or(server.cores.and_then(NonZeroUsize::new)).unwrap_or(assumed);
    let log = arguments.log.unwrap_or(match server.log {
        Some(value::LogForm::Json) => LogFormat::Json,
        Some(value::LogForm::Off) => LogFormat::Off,
        Some(value::LogForm::Text) | None => LogFormat::Text,
    });
    let io = arguments.io.unwrap_or(match server.io {
        Some(value::Io::IoUring) => IoWay::IoUring,
        Some(value::Io::Epoll) | None => IoWay::Epoll,
    });
    let addresses = match &*arguments.addresses {
        [] => listened(&server),
        addresses => addresses.to_vec(),
    };
    let limits = Limits { wire: wire_limits(&read), server: read.limits.server.clone() };
    let (process, content_bytes) = (process(arguments, &from, &server), limits.wire.content_bytes);
    let started_with = arguments.addresses.is_empty().then(|| listened(&server));
    let open = move |_: &[SocketAddr]| {
        let opened = Opened::default();
        let cores = assumed;
        let (file, accounts, outbox) = (read.file.clone(), Accounts::None, Queue::None);
        Reread {
            from,
            opened,
            file,
            started_with,
            content_bytes,
            descriptors,
            cores,
            accounts,
            outbox,
        }
        .open(*read)
    };
    Ok(Serving { addresses, cores, io, limits, log, process, open: Box::new(open) })
}

/// What the file and the command line say of the process.
fn process(arguments: &Arguments, from: &ConfigurationFile, server: &Server) -> Process {
    let said = Process::from(arguments.process.clone());
    let text = |placed: &Option<Placed<String>>| value_of(placed).cloned();
    let path = |placed: &Option<Placed<PathBuf>>| value_of(placed).map(|path| from.path(path));
    // A user that the command line names comes with the group that it names, if any.
    let (user, group) = match said.user {
        Some(user) => (Some(user), said.group),
        None => (text(&server.user), said.group.or_else(|| text(&server.group))),
    };
    Process {
        user,
        group,
        opening: if server.proxy_protocol { Opening::ProxyHeader } else { said.opening },
        control: said.control.clone().or_else(|| path(&server.control)),
        state: path(&server.state),
        ..said
    }
}

/// What reads the file anew.
struct Reread {
    from: ConfigurationFile,
    opened: Opened,
    /// What the file said when the server was started.
    file: File,
    /// The addresses that the file named then, if those counted.
    started_with: Option<Vec<SocketAddr>>,
    /// The most content that is taken on the wire.
    content_bytes: u64,
    descriptors: u64,
    cores: NonZeroUsize,
    accounts: Accounts,
    outbox: Queue,
}

/// Whether accounts were opened, which only a start does.
#[derive(PartialEq)]
enum Accounts {
    None,
    Open,
}

/// Whether what is to be delivered later was opened, which only a start does.
#[derive(PartialEq)]
enum Queue {
    None,
    Open,
}

impl Reread {
    /// Opens what the file names, for the first time.
    fn open(mut self, read: Read) -> Result<Open, UsageError> {
        let balances = match &read.model.accounts {
            None => None,
            Some(folder) => {
                let folder = self.from.path(&folder.value);
                let balances = Balances::open(&folder, BALANCES).map_err(|error| {
                    UsageError(format!("the accounts can't be opened: {error}"))
                })?;
                self.accounts = Accounts::Open;
                Some(Arc::new(balances))
            }
        };
        let outbox = self.outbox(&read.model)?;
        let configuration = match self.opened.open(&self.from, &read, Access::Writable) {
            Ok(configuration) => configuration,
            Err(complaints) => return Err(config::unusable(read.report, complaints)),
        };
        let sites: Vec<_> = configuration.sites.iter().map(|site| &*site.name).collect();
        let told = format!("serving {} as {} says\n", sites.join(", "), self.from.name());
        Ok(Open { configuration, balances, outbox, told, reload: Box::new(self) })
    }

    /// Opens what is to be delivered later, if anything is accepted for that, or an earlier run left some.
    fn outbox(&mut self, model: &Model) -> Result<Option<Arc<Outbox>>, UsageError> {
        let state = model.server.state.as_ref().map(|folder| self.from.path(&folder.value));
        let Some(folder) = state else { return Ok(None) };
        if model.queue.is_none() && !Deliveries::are_in(&folder) {
            return Ok(None);
        }
        let said = &model.deliveries;
        let dead_letters = said.dead_letters.as_ref().map(|folder| self.from.path(folder));
        let outbox = Outbox::open(&folder, delivery_settings(said, dead_letters), said.at_once_max);
        let outbox = outbox.map_err(|error| {
            UsageError(format!("what is to be delivered later can't be opened: {error}"))
        })?;
        self.outbox = Queue::Open;
        Ok(Some(outbox))
    }

    /// What the file says otherwise than when the server was started, and only a start heeds.
    fn notes(&self, model: &Model) -> Vec<String> {
        let now = &model.server;
        let started_with = self.started_with.as_deref();
        let mut notes: Vec<String> = started_with
            .and_then(|started_with| note_of_addresses(started_with, &listened(now)))
            .into_iter()
            .collect();
        if content_bytes_max(model) > self.content_bytes {
            notes.push(format!(
                "a route takes more content than the server does since it was started, {} octets: that takes \
                 a restart",
                self.content_bytes
            ));
        }
        notes
    }
}

impl Reload for Reread {
    fn reload(&mut self) -> Result<Next, String> {
        let source = self.from.source().map_err(|UsageError(why)| why)?;
        let read = self.from.read(source, self.descriptors, self.cores.get());
        let mut read = read.map_err(|report| config::refusal(&report, Colours::None))?;
        if read.model.accounts.is_some() && self.accounts == Accounts::None {
            return Err("there are prices now: accounts are opened by a restart".to_owned());
        }
        if read.model.queue.is_some() && self.outbox == Queue::None {
            let why =
                "something is accepted for later now: the place for it is opened by a restart";
            return Err(why.to_owned());
        }
        let opened = self.opened.open(&self.from, &read, Access::Writable);
        let configuration = opened.map_err(|complaints| {
            read.report.extend(complaints);
            config::refusal(&read.report, Colours::None)
        })?;
        let mut notes = self.notes(&read.model);
        // Of addresses more is known than what the file says.
        let late = needs_restart(&self.file, &read.file).into_iter();
        let late = late.filter(|(key, _)| *key != "listen").map(|(_, complaint)| complaint);
        read.report.extend(late);
        if !read.report.complaints().is_empty() {
            notes.push(read.report.drawn(Colours::None));
        }
        Ok(Next { configuration: Some(configuration), notes })
    }
}

fn delivery_settings(said: &model::Deliveries, dead_letters: Option<PathBuf>) -> DeliverySettings {
    DeliverySettings {
        bounds: DeliveryBounds {
            pending_max: said.pending_max,
            pending_bytes_max: said.pending_bytes_max,
            content_bytes_max: said.content_bytes_max,
            finished_max: said.finished_max,
            finished_time: said.finished_time,
            dead_letters_max: said.dead_letters_max,
            ..DeliveryBounds::default()
        },
        retry: Retry {
            delay_min: said.delay_min,
            delay_max: said.delay_max,
            tries_max: said.tries_max,
            age_max: said.age_max,
        },
        dead_letters,
    }
}

fn value_of<T>(placed: &Option<Placed<T>>) -> Option<&T> {
    placed.as_ref().map(|placed| &placed.value)
}

/// Where a server that was started with a file has what it shares with other commands.
pub(crate) struct Places {
    /// Its control socket.
    pub(crate) control: Option<PathBuf>,
    /// The folder of its accounts, if anything is paid for.
    pub(crate) accounts: Option<PathBuf>,
}

/// The places of a server that was started with this file.
pub(crate) fn places(file: &Path) -> Result<Places, UsageError> {
    let from = ConfigurationFile::new(file);
    let read = from.read(from.source()?, descriptors::raise_limit(), 1);
    let read = read.map_err(|report| config::refused(&report))?;
    let path = |placed: &Option<Placed<PathBuf>>| value_of(placed).map(|path| from.path(path));
    let server = &read.model.server;
    Ok(Places {
        control: process::control_place(path(&server.control), path(&server.state), None),
        accounts: path(&read.model.accounts),
    })
}

/// The limits of messages: what a route takes is counted for the route, and on the wire it is bounded by what any
/// takes.
pub(crate) fn wire_limits(read: &Read) -> wherefore_h1::Limits {
    let mut limits = read.limits.wire;
    limits.content_bytes = limits.content_bytes.max(content_bytes_max(&read.model));
    limits
}

/// The most content that any route takes.
fn content_bytes_max(model: &Model) -> u64 {
    let routes = model.sites.iter().flat_map(|site| site.routes());
    routes.map(|route| route.content.bytes_max).max().unwrap_or_default()
}

/// The addresses that the file names.
fn listened(server: &Server) -> Vec<SocketAddr> {
    server.listen.iter().map(|address| address.value).collect()
}
