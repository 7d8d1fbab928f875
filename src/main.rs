//! The command line of Wherefore: a file a command.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod config;
mod configuration;
mod configured;
mod credit;
mod explain;
mod folder;
mod gateways;
mod hash_password;
mod limits;
mod process;
mod reload;
mod rules;
mod serve;
mod upstreams;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An HTTP server that answers with the status code that the specifications call for, and can say why.
#[derive(Parser)]
#[command(name = "wherefore", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Reload(reload::Arguments),
    Explain(explain::Arguments),
    Config(config::Arguments),
    HashPassword(hash_password::Arguments),
    Credit(credit::Arguments),
    Upstreams(upstreams::Arguments),
    Rules(rules::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Reload(arguments) => reload::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::HashPassword(arguments) => hash_password::run(&arguments),
        Command::Credit(arguments) => credit::run(&arguments),
        Command::Upstreams(arguments) => upstreams::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(UsageError(message)) => {
            // Where nobody reads it, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "wherefore: {message}");
            ExitCode::from(2)
        }
    }
}

/// What is wrong with what the user asked for, and what to do about it.
#[derive(Debug)]
struct UsageError(String);

/// Writes a command's result. A reader that has seen enough is no error.
fn print(text: &str) -> Result<(), UsageError> {
    use std::io::ErrorKind;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(UsageError(format!("can't write to the standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
