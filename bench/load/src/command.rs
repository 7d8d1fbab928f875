//! The command line.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::asking::{Plan, Talk};
use crate::http::{Closing, Request};

const USAGE: &str = "\
Usage: wherefore-load upstream
       wherefore-load floor --port PORT
       wherefore-load ask --port PORT [--path /1k.bin] [--method GET] [--field 'Name: value']...
              [--connections 64] [--seconds 1] [--warm 0.2] [--files 1] [--depth 1] [--sends 0]
              [--status 200] [--closing no] [--octets 0]

--files: how many files {} in the path stands for; --depth: requests written at once; --sends: octets of content;
--closing yes: a connection for each request; --octets: WebSocket messages of so many octets, which have to come back";

/// What is to be done.
pub(crate) enum Command {
    /// Ask, and measure.
    Ask(Plan),
    /// Answer for gateways.
    Upstream,
    /// Answer at a port, without reading what is asked.
    Floor(u16),
}

/// What the command line says.
pub(crate) fn read(arguments: &[String]) -> Result<Command, String> {
    match arguments {
        [command] if command == "upstream" => Ok(Command::Upstream),
        [command, name, port] if command == "floor" && name == "--port" => {
            number(port).map(Command::Floor)
        }
        [command, options @ ..] if command == "ask" => ask(options).map(Command::Ask),
        _ => Err(USAGE.to_owned()),
    }
}

fn ask(options: &[String]) -> Result<Plan, String> {
    let (mut port, mut connections, mut octets) = (0, 64, 0);
    let (mut window, mut warm) = (Duration::from_secs(1), Duration::from_millis(200));
    let (mut method, mut path, mut fields) = ("GET", "/1k.bin", String::new());
    let (mut files, mut depth, mut sends, mut status) = (1, 1, 0, 200);
    let mut closing = Closing::Never;
    for option in options.chunks(2) {
        let [name, value] = option else { return Err(format!("{} has no value", option[0])) };
        match name.as_str() {
            "--port" => port = number(value)?,
            "--path" => path = value,
            "--method" => method = value,
            "--field" => write!(fields, "{value}\r\n").map_err(|error| error.to_string())?,
            "--connections" => connections = number::<usize>(value)?.max(1),
            "--seconds" => window = seconds(value)?,
            "--warm" => warm = seconds(value)?,
            "--files" => files = number::<u64>(value)?.max(1),
            "--depth" => depth = number::<usize>(value)?.max(1),
            "--sends" => sends = number(value)?,
            "--status" => status = number(value)?,
            "--closing" if value == "yes" => closing = Closing::EachTime,
            "--closing" if value == "no" => {}
            "--octets" => octets = number(value)?,
            _ => return Err(format!("{name} {value}: not known\n{USAGE}")),
        }
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let talk = if octets > 0 {
        Talk::Echo { path: path.to_owned(), octets }
    } else {
        let path = path.to_owned();
        let method = method.to_owned();
        Talk::Http(Rc::new(Request { method, path, fields, files, depth, sends, status, closing }))
    };
    Ok(Plan { address, connections, window, warm, talk })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number that fits here"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = number(text)?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{text}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Result<Command, String> {
        read(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_line_is_a_plan() {
        let line = "ask --port 80 --path /{}.bin --field A:b --field C:d --seconds 0.5 --files 9 --closing yes";
        let Ok(Command::Ask(plan)) = said(line) else { panic!("not understood") };
        assert_eq!(plan.address.port(), 80);
        assert_eq!(plan.window, Duration::from_millis(500));
        let Talk::Http(request) = plan.talk else { panic!("no requests") };
        assert_eq!((request.fields.as_str(), request.files), ("A:b\r\nC:d\r\n", 9));
        assert!(matches!(request.closing, Closing::EachTime));
        assert!(matches!(said("upstream"), Ok(Command::Upstream)));
        assert!(matches!(said("floor --port 80"), Ok(Command::Floor(80))));
        let Ok(Command::Ask(plan)) = said("ask --octets 32") else { panic!("not understood") };
        assert!(matches!(plan.talk, Talk::Echo { octets: 32, .. }));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for line in [
            "",
            "serve",
            "ask --port",
            "ask --port x",
            "ask --colour red",
            "ask --seconds -1",
            "floor 80",
        ] {
            assert!(said(line).is_err(), "{line}");
        }
    }
}
