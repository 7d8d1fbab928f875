//! `wherefore serve [FOLDER]`: a folder over HTTP/1.1.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use wherefore_server::admit::Kept;
use wherefore_server::configuration::Current;
use wherefore_server::core::{Ends, Server};
use wherefore_server::line::Format;
use wherefore_server::random::secret;
use wherefore_server::service::Service;
use wherefore_server::shutdown::Shutdown;
use wherefore_server::{core, descriptors, listen, log};

use crate::UsageError;
use crate::folder::Served;
use crate::limits::{self, Limits};

/// Serve a folder
#[derive(clap::Args)]
#[command(after_help = limits::help())]
pub(crate) struct Arguments {
    /// The folder to serve
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Listen at this address and port (may be repeated)
    #[arg(long = "listen", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    addresses: Vec<SocketAddr>,
    #[command(flatten)]
    served: Served,
    /// The access log on the standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log: LogFormat,
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

pub(crate) fn run(arguments: Arguments) -> Result<(), UsageError> {
    let cores =
        arguments.cores.unwrap_or_else(|| available_parallelism().unwrap_or(NonZeroUsize::MIN));
    let descriptors = descriptors::raise_limit();
    let limits = Limits::read(&arguments.served.limits, descriptors, cores.get())?;
    let is_loopback = arguments.addresses.iter().all(|address| address.ip().is_loopback());
    let site = arguments.served.site(is_loopback, &limits);
    let access = arguments.served.access();
    let configuration = arguments.served.configuration(&arguments.folder, access, site)?;
    let current = Current::new(configuration);
    let kept = Kept::new(secret().map_err(|error| UsageError(error.to_string()))?, None);
    let listeners = arguments
        .addresses
        .iter()
        .map(|address| listen::bind(*address, cores).map_err(|error| UsageError(error.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    let bound: Vec<SocketAddr> = listeners.iter().map(|listeners| listeners.address).collect();
    let (log, writer) = match arguments.log {
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
    let make_service = |core| Service::new(core, Arc::clone(&current), Arc::clone(&kept), wire);
    // Whoever reads it may connect, or end it, at once.
    let ready = || announce(&arguments, &bound, is_loopback);
    let served = core::run(server, make_service, ready);
    if let Some(writer) = writer {
        let _ = writer.finish(LOG_WAIT);
    }
    served.map_err(|error| UsageError(format!("the server ended: {error}")))
}

type Log = (Option<log::AccessLog>, Option<log::Writer>);

fn started(format: Format) -> Result<Log, UsageError> {
    let (log, writer) = log::start(std::io::stdout(), format)
        .map_err(|error| UsageError(format!("can't start the access log: {error}")))?;
    Ok((Some(log), Some(writer)))
}

fn announce(arguments: &Arguments, bound: &[SocketAddr], is_loopback: bool) {
    let folder = &arguments.folder;
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
    let mut text = String::new();
    for address in bound {
        let _ = writeln!(text, "listening at http://{address}/");
    }
    let _ = writeln!(text, "serving {}", folder.display());
    text.push_str(match (arguments.served.writable, is_loopback) {
        (false, _) => "writing is off (--writable turns it on)\n",
        (true, true) => "writing is ON for every program on this machine\n",
        (true, false) => {
            "warning: writing is ON, for ANYONE who can reach this address: they may add, replace and \
             delete files\n"
        }
    });
    // Whoever started it may not read on; that is no reason not to serve.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
