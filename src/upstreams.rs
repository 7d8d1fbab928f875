//! `wherefore upstreams`: shows how the upstreams of a running server are, and takes them out of service.

use std::path::PathBuf;

use wherefore_server::control::{Command, ListForm, UpstreamName};

use crate::process::tell;
use crate::{UsageError, configured, print};

/// Show the upstreams of a running server, take one out of service, or back into it
///
/// Only the user that the server runs as may do this. What is taken out stays so over a reload, until it is
/// restored or the server ends.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The configuration file that is served
    #[arg(long, global = true, value_name = "FILE", default_value = "wherefore.toml")]
    config: PathBuf,
    /// Where the server takes commands, if not where the file says
    #[arg(long, global = true, value_name = "SOCKET")]
    control: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Say of each upstream whether it is in service and healthy, and how many requests are in flight with it
    List {
        /// As an array of JSON
        #[arg(long)]
        json: bool,
    },
    /// Send an upstream nothing new; what is in flight with it ends as it would
    Drain {
        /// Its URL, or its host and port
        upstream: String,
    },
    /// Send it requests again
    Restore {
        /// Its URL, or its host and port
        upstream: String,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), UsageError> {
    let named = |text: &str| UpstreamName::new(text).map_err(|what| UsageError(what.to_owned()));
    let command = match &arguments.what {
        What::List { json: true } => Command::List(ListForm::Json),
        What::List { json: false } => Command::List(ListForm::Text),
        What::Drain { upstream } => Command::Drain(named(upstream)?),
        What::Restore { upstream } => Command::Restore(named(upstream)?),
    };
    let place = match &arguments.control {
        Some(place) => Some(place.clone()),
        None => configured::places(&arguments.config)?.control,
    };
    let reply = tell(place, &command)?;
    let text: Vec<&str> = reply.lines().collect();
    let text = text.join("\n");
    if reply.is_done() { print(&format!("{text}\n")) } else { Err(UsageError(text)) }
}
