//! `wherefore serve`: a folder, or what a configuration file says, over HTTP/1.1.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use wherefore_server::admit::Kept;
use wherefore_server::configuration::{Configuration, Current};
use wherefore_server::core::{Ends, Server};
use wherefore_server::line::Format;
use wherefore_server::log::file::LogFile;
use wherefore_server::outbox::Outbox;
use wherefore_server::random::secret;
use wherefore_server::reload::{Next, Reload, Reloading};
use wherefore_server::ring::Io;
use wherefore_server::service::Service;
use wherefore_server::shutdown::Shutdown;
use wherefore_server::supervision::Supervision;
use wherefore_server::systemd::Notify;
use wherefore_server::{core, descriptors, log};
use wherefore_state::Balances;

use crate::UsageError;
use crate::configured;
use crate::folder::Served;
use crate::limits::{self, Limits};
use crate::process::{Process, ProcessArguments};

/// Serve a folder, or all that a configuration file says
#[derive(clap::Args)]
#[command(after_help = limits::help())]
pub(crate) struct Arguments {
    /// The folder to serve
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Serve what this file says, in place of a folder; - is the standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "folder", "writable", "create_folders", "trace", "refuse_links", "quota", "hosts", "limits", "state",
        ]
    )]
    config: Option<PathBuf>,
    /// Listen at this address and port (may be repeated); 127.0.0.1:8080 unless told
    #[arg(long = "listen", value_name = "ADDR")]
    pub(crate) addresses: Vec<SocketAddr>,
    #[command(flatten)]
    served: Served,
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
    /// The access log on the standard output; text unless told
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) log: Option<LogFormat>,
    /// How many cores to use; all, unless told
    #[arg(long, value_name = "N")]
    pub(crate) cores: Option<NonZeroUsize>,
    /// By what octets go to and from clients; epoll unless told, or where io_uring is refused
    #[arg(long, value_name = "WAY", value_enum)]
    pub(crate) io: Option<IoWay>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum IoWay {
    /// A call for each read and each write
    Epoll,
    /// One call for those of many connections
    #[value(name = "io_uring")]
    IoUring,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// The combined form, with the time taken, the rule and the request's id
    Text,
    /// An object of JSON a line
    Json,
    /// None
    Off,
}

/// How long the log's writer may take to write what is left at the end.
const LOG_WAIT: Duration = Duration::from_secs(2);

/// All that serving needs, wherever it was said.
pub(crate) struct Serving<'a> {
    /// Where it was told to listen.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) cores: NonZeroUsize,
    pub(crate) io: IoWay,
    pub(crate) limits: Limits,
    pub(crate) log: LogFormat,
    pub(crate) process: Process,
    /// Opens what is served, where the server listens.
    pub(crate) open: Opens<'a>,
}

/// Opens what is served by listeners at these addresses.
pub(crate) type Opens<'a> = Box<dyn FnOnce(&[SocketAddr]) -> Result<Open, UsageError> + 'a>;

/// What is open, and how it is read anew.
pub(crate) struct Open {
    pub(crate) configuration: Configuration,
    pub(crate) balances: Option<Arc<Balances>>,
    pub(crate) outbox: Option<Arc<Outbox>>,
    /// What is served, for people.
    pub(crate) told: String,
    pub(crate) reload: Box<dyn Reload>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), UsageError> {
    let descriptors = descriptors::raise_limit();
    let serving = match &arguments.config {
        Some(file) => configured::serving(&arguments, file, descriptors)?,
        None => folder(&arguments, descriptors)?,
    };
    let Serving { addresses, cores, limits, process, .. } = serving;
    let account = process.account()?;
    let listeners = process.listen(&addresses, cores)?;
    let bound: Vec<SocketAddr> = listeners.iter().map(|listeners| listeners.address).collect();
    let log_file = process.log_file(account.as_ref())?;
    // What needs the rights of root is done; what is opened from here on, and at each reload, is opened as
    // whoever serves.
    process.assume(account.as_ref())?;
    let Open { configuration, balances, outbox, told, reload } = (serving.open)(&bound)?;
    let (log, writer) = started(serving.log, log_file.as_ref())?;
    let server = Server {
        listeners,
        limits: limits.server,
        log,
        shutdown: Shutdown::new(),
        ends: Ends::OnSignal,
        io: match serving.io {
            IoWay::Epoll => Io::Epoll,
            IoWay::IoUring => Io::IoUring,
        },
    };
    let wire = limits.wire;
    let current = Current::new(configuration);
    let secret =
        secret().map_err(|error| UsageError(format!("there is no random source: {error}")))?;
    let kept = Kept::new(secret, balances.clone(), outbox);
    let supervision = Supervision {
        reloading: Some(Reloading {
            reload: with_log(reload, log_file),
            current: Arc::clone(&current),
        }),
        control: process.control()?,
        balances,
        notify: Notify::from_environment(),
    };
    let make_service = |core| Service::new(core, Arc::clone(&current), Arc::clone(&kept), wire);
    // Whoever reads it may connect, or end it, at once.
    let ready = || announce(&bound, &told);
    let served = core::run_supervised(server, supervision, make_service, ready);
    if let Some(writer) = writer {
        let _ = writer.finish(LOG_WAIT);
    }
    served.map_err(|error| UsageError(format!("the server ended: {error}")))
}

pub(crate) fn all_cores() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Serving one folder, as the command line says.
fn folder(arguments: &Arguments, descriptors: u64) -> Result<Serving<'_>, UsageError> {
    let cores = arguments.cores.unwrap_or_else(all_cores);
    let limits = Limits::read(&arguments.served.limits, descriptors, cores.get())?;
    let served = &arguments.served;
    let wanted = limits.clone();
    let open = move |bound: &[SocketAddr]| {
        let is_loopback = bound.iter().all(|address| address.ip().is_loopback());
        let site = served.site(is_loopback, &wanted);
        Ok(Open {
            configuration: served.configuration(&arguments.folder, served.access(), site)?,
            balances: None,
            outbox: None,
            told: told_of_folder(arguments, is_loopback),
            reload: Box::new(|| {
                let note =
                    "a folder is served as the command line says, which takes a restart to change";
                Ok(Next { configuration: None, notes: vec![note.to_owned()] })
            }),
        })
    };
    Ok(Serving {
        addresses: arguments.addresses.clone(),
        cores,
        io: arguments.io.unwrap_or(IoWay::Epoll),
        limits,
        log: arguments.log.unwrap_or(LogFormat::Text),
        process: Process {
            state: served.state.clone(),
            served: Some(arguments.folder.clone()),
            ..arguments.process.clone().into()
        },
        open: Box::new(open),
    })
}

/// Reloading that opens the log anew too, before anything else and whatever comes of the rest.
fn with_log(mut reload: Box<dyn Reload>, log: Option<LogFile>) -> Box<dyn Reload> {
    let Some(log) = log else { return reload };
    Box::new(move || {
        let name = log.path().display().to_string();
        let note = match log.reopen() {
            Ok(()) => format!("the log {name} was opened anew"),
            Err(error) => {
                format!("the log {name} can't be opened anew, and goes on where it was: {error}")
            }
        };
        match reload.reload() {
            Ok(mut next) => {
                next.notes.push(note);
                Ok(next)
            }
            Err(why) => Err(format!("{why}\n{note}")),
        }
    })
}

type Log = (Option<log::AccessLog>, Option<log::Writer>);

fn started(format: LogFormat, file: Option<&LogFile>) -> Result<Log, UsageError> {
    let format = match format {
        LogFormat::Off => return Ok((None, None)),
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    let started = match file {
        Some(file) => log::start(file.clone(), format),
        None => log::start(std::io::stdout(), format),
    };
    let (log, writer) =
        started.map_err(|error| UsageError(format!("can't start the access log: {error}")))?;
    Ok((Some(log), Some(writer)))
}

fn announce(bound: &[SocketAddr], told: &str) {
    let mut text = String::new();
    for address in bound {
        let _ = writeln!(text, "listening at http://{address}/");
    }
    text.push_str(told);
    // Whoever started it may not read on; that is no reason not to serve.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn told_of_folder(arguments: &Arguments, is_loopback: bool) -> String {
    let folder = &arguments.folder;
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
    let writing = match (arguments.served.writable, is_loopback) {
        (false, _) => "writing is off (--writable turns it on)\n",
        (true, true) => "writing is ON for every program on this machine\n",
        (true, false) => {
            "warning: writing is ON, for ANYONE who can reach this address: they may add, replace and \
             delete files\n"
        }
    };
    format!("serving {}\n{writing}", folder.display())
}
