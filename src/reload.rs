//! `wherefore reload`: tells a running server to read its configuration anew.

use std::path::PathBuf;

use wherefore_server::control::Command;

use crate::process::{control_place, tell};
use crate::{UsageError, configured, print};

/// Have a running server read its configuration anew, and say what came of it
///
/// What is wrong with the configuration is said here too, and changes nothing. The server is found as it was
/// started: by the same folder, file or options.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder that it serves
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The configuration file that it serves
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folder", "state"])]
    config: Option<PathBuf>,
    /// Where it keeps its state
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Where it takes commands
    #[arg(long, value_name = "SOCKET", conflicts_with_all = ["folder", "config", "state"])]
    control: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), UsageError> {
    let place = match (&arguments.control, &arguments.config) {
        (None, Some(file)) => configured::places(file)?.control,
        (named, _) => {
            control_place(named.clone(), arguments.state.clone(), Some(&arguments.folder))
        }
    };
    let reply = tell(place, &Command::Reload)?;
    let mut text: String = reply.lines().flat_map(|line| [line, "\n"]).collect();
    if reply.is_done() {
        return print(&text);
    }
    text.truncate(text.trim_end().len());
    Err(UsageError(text))
}
