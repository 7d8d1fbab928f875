//! `wherefore serve`: a folder, or what a configuration file says, over HTTP/1.1.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use wherefore_config::value;
use wherefore_server::admit::Kept;
use wherefore_server::configuration::{Configuration, Current};
use wherefore_server::core::{Ends, Server};
use wherefore_server::line::Format;
use wherefore_server::random::secret;
use wherefore_server::service::Service;
use wherefore_server::shutdown::Shutdown;
use wherefore_server::{core, descriptors, listen, log};
use wherefore_state::{BalanceBounds, Balances};
use wherefore_store::Access;

use crate::configuration::{ConfigurationFile, Opened};
use crate::folder::Served;
use crate::limits::{self, Limits};
use crate::{UsageError, config};

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
    addresses: Vec<SocketAddr>,
    #[command(flatten)]
    served: Served,
    /// The access log on the standard output; text unless told
    #[arg(long, value_name = "FORMAT", value_enum)]
    log: Option<LogFormat>,
    /// How many cores to use; all, unless told
    #[arg(long, value_name = "N")]
    cores: Option<NonZeroUsize>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    /// The combined form, with the time taken, the rule and the request's id
    Text,
    /// An object of JSON a line
    Json,
    /// None
    Off,
}

/// How long the log's writer may take to write what is left at the end.
const LOG_WAIT: Duration = Duration::from_secs(2);
/// Where it listens unless told.
const ADDRESS_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// How many accounts have a balance at most, and how many payments are remembered.
const BALANCES: BalanceBounds = BalanceBounds { accounts_max: 1_000_000, payments_max: 10_000_000 };

/// All that serving needs, wherever it was said.
struct Serving {
    addresses: Vec<SocketAddr>,
    cores: NonZeroUsize,
    limits: Limits,
    log: LogFormat,
    configuration: Configuration,
    balances: Option<Arc<Balances>>,
    /// What is served, for people.
    told: String,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), UsageError> {
    let descriptors = descriptors::raise_limit();
    let serving = match &arguments.config {
        Some(file) => configured(&arguments, file, descriptors)?,
        None => folder(&arguments, descriptors)?,
    };
    let Serving { addresses, cores, limits, configuration, .. } = serving;
    let listeners = addresses
        .iter()
        .map(|address| listen::bind(*address, cores).map_err(|error| UsageError(error.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    let bound: Vec<SocketAddr> = listeners.iter().map(|listeners| listeners.address).collect();
    let (log, writer) = match serving.log {
        LogFormat::Off => (None, None),
        LogFormat::Text => started(Format::Text)?,
        LogFormat::Json => started(Format::Json)?,
    };
    let server = Server {
        listeners,
        limits: limits.server,
        log,
        shutdown: Shutdown::new(),
        ends: Ends::OnSignal,
    };
    let wire = limits.wire;
    let current = Current::new(configuration);
    let secret =
        secret().map_err(|error| UsageError(format!("there is no random source: {error}")))?;
    let kept = Kept::new(secret, serving.balances);
    let make_service = |core| Service::new(core, Arc::clone(&current), Arc::clone(&kept), wire);
    // Whoever reads it may connect, or end it, at once.
    let ready = || announce(&bound, &serving.told);
    let served = core::run(server, make_service, ready);
    if let Some(writer) = writer {
        let _ = writer.finish(LOG_WAIT);
    }
    served.map_err(|error| UsageError(format!("the server ended: {error}")))
}

fn all_cores() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Serving one folder, as the command line says.
fn folder(arguments: &Arguments, descriptors: u64) -> Result<Serving, UsageError> {
    let cores = arguments.cores.unwrap_or_else(all_cores);
    let limits = Limits::read(&arguments.served.limits, descriptors, cores.get())?;
    let addresses = match &*arguments.addresses {
        [] => vec![ADDRESS_DEFAULT],
        addresses => addresses.to_vec(),
    };
    let is_loopback = addresses.iter().all(|address| address.ip().is_loopback());
    let site = arguments.served.site(is_loopback, &limits);
    let access = arguments.served.access();
    Ok(Serving {
        configuration: arguments.served.configuration(&arguments.folder, access, site)?,
        addresses,
        cores,
        limits,
        log: arguments.log.unwrap_or(LogFormat::Text),
        balances: None,
        told: told_of_folder(arguments, is_loopback),
    })
}

/// Serving what a file says. What the command line says besides goes before it.
fn configured(arguments: &Arguments, file: &Path, descriptors: u64) -> Result<Serving, UsageError> {
    let from = ConfigurationFile::new(file);
    let cores = arguments.cores.unwrap_or_else(all_cores);
    let read = from.read(from.source()?, descriptors, cores.get());
    let read = read.map_err(|report| config::refused(&report))?;
    config::warn(&read.report);
    let server = &read.model.server;
    let cores = arguments.cores.or(server.cores.and_then(NonZeroUsize::new)).unwrap_or(cores);
    let addresses: Vec<_> = match (&*arguments.addresses, &*server.listen) {
        ([], []) => vec![ADDRESS_DEFAULT],
        ([], listen) => listen.iter().map(|address| address.value).collect(),
        (addresses, _) => addresses.to_vec(),
    };
    let log = arguments.log.unwrap_or(match server.log {
        Some(value::LogForm::Json) => LogFormat::Json,
        Some(value::LogForm::Off) => LogFormat::Off,
        Some(value::LogForm::Text) | None => LogFormat::Text,
    });
    let balances = match (read.model.has_prices, &server.state) {
        (false, _) => None,
        (true, Some(state)) => {
            let folder = from.path(&state.value);
            let balances = Balances::open(&folder, BALANCES)
                .map_err(|error| UsageError(format!("the accounts can't be opened: {error}")))?;
            Some(Arc::new(balances))
        }
        (true, None) => {
            return Err(UsageError(
                "there are prices, and no place to keep accounts: say state = \"DIR\" under [server]"
                    .to_owned(),
            ));
        }
    };
    let mut opened = Opened::default();
    let configuration = match opened.open(&from, &read, Access::Writable) {
        Ok(configuration) => configuration,
        Err(complaints) => return Err(config::unusable(read.report, complaints)),
    };
    // What a route takes is counted for the route; on the wire it is bounded by what any takes.
    let mut limits = read.limits.clone();
    let routes = configuration.sites.iter().flat_map(|site| site.routes());
    let most = routes.map(|route| route.content.bytes_max).max().unwrap_or_default();
    limits.wire.content_bytes = limits.wire.content_bytes.max(most);
    let sites: Vec<_> = configuration.sites.iter().map(|site| &*site.name).collect();
    let told = format!("serving {} as {} says\n", sites.join(", "), from.name());
    Ok(Serving { configuration, addresses, cores, limits, log, balances, told })
}

type Log = (Option<log::AccessLog>, Option<log::Writer>);

fn started(format: Format) -> Result<Log, UsageError> {
    let (log, writer) = log::start(std::io::stdout(), format)
        .map_err(|error| UsageError(format!("can't start the access log: {error}")))?;
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
