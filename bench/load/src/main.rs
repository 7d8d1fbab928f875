//! The load that servers are compared under: clients that ask as soon as they have been answered, and an
//! upstream for gateways. Both check what they get. And a loop that answers without reading, below which no server comes.
//!
//! Each is one thread around epoll. The clients never sleep: else a server would also pay for waking them, the
//! more the less it has to do.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod asking;
mod command;
mod echo;
mod floor;
mod frame;
mod head;
mod http;
mod listening;
mod times;
mod upstream;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use command::Command;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match command::read(&arguments) {
        Ok(Command::Ask(plan)) => asking::run(&plan, &mut io::stdout()),
        Ok(Command::Upstream) => upstream(),
        Ok(Command::Floor(port)) => floor::Floor::bind(port).and_then(|mut floor| floor.run()),
        Err(message) => Err(io::Error::other(message)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn upstream() -> io::Result<()> {
    let mut upstream = upstream::Upstream::bind()?;
    println!("listening {}", upstream.port()?);
    io::stdout().flush()?;
    loop {
        upstream.turn()?;
    }
}
