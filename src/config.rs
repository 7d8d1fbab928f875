//! `wherefore config`: what a configuration file says, and what is wrong with it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use wherefore_config::{Colours, Complaint, Report};
use wherefore_server::descriptors;
use wherefore_store::Access;

use crate::configuration::{ConfigurationFile, Opened, Read};
use crate::{UsageError, print};

/// Check a configuration file, or show all that it means
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say everything that is wrong with a file, each at its place; nothing is served
    Check {
        /// The file; - is the standard input
        #[arg(default_value = "wherefore.toml")]
        file: PathBuf,
    },
    /// Show the whole configuration, defaults included, and where each value comes from
    Show {
        /// The file; - is the standard input
        #[arg(default_value = "wherefore.toml")]
        file: PathBuf,
    },
    /// Print the JSON schema of configuration files, for editors
    Schema,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), UsageError> {
    match &arguments.command {
        Command::Check { file } => {
            let (from, mut read) = read(file)?;
            // Nothing is written, so another instance may be serving it.
            match Opened::default().open(&from, &read, Access::ReadOnly) {
                Ok(_) => {
                    warn(&read.report);
                    print(&format!("{} is right\n", from.name()))
                }
                Err(complaints) => {
                    read.report.extend(complaints);
                    Err(refused(&read.report))
                }
            }
        }
        Command::Show { file } => {
            let (from, read) = read(file)?;
            warn(&read.report);
            print(&wherefore_config::show(&read.file, &from.source()?))
        }
        Command::Schema => print(&wherefore_config::schema::schema()),
    }
}

fn read(file: &Path) -> Result<(ConfigurationFile, Box<Read>), UsageError> {
    let from = ConfigurationFile::new(file);
    let read = from.read(from.source()?, descriptors::raise_limit(), 1);
    Ok((from, read.map_err(|report| refused(&report))?))
}

/// Prints complaints that are no errors.
pub(crate) fn warn(report: &Report) {
    if !report.complaints().is_empty() {
        eprintln!("{}", report.drawn(colours()));
    }
}

/// Every complaint, drawn at its place.
pub(crate) fn refused(report: &Report) -> UsageError {
    UsageError(refusal(report, colours()))
}

/// The same as text.
pub(crate) fn refusal(report: &Report, colours: Colours) -> String {
    format!("the configuration can't be used\n{}", report.drawn(colours))
}

/// The same of what was found when what it names was opened.
pub(crate) fn unusable(mut report: Report, complaints: Vec<Complaint>) -> UsageError {
    report.extend(complaints);
    refused(&report)
}

/// Those that the standard error shows.
fn colours() -> Colours {
    let is_seen = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if is_seen { Colours::Ansi } else { Colours::None }
}
