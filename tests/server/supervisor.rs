//! Under a supervisor such as systemd: sockets that it hands over, and what it is told.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::support::server::{PATIENCE, command};
use crate::support::{Client, Running};

const GET: &str = "GET /file HTTP/1.1\nHost: localhost\n\n";

fn site() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "here").unwrap();
    folder
}

/// The binary, with these sockets from descriptor 3 on, for the process that `LISTEN_PID` names in the shell.
fn handed(sockets: Vec<OwnedFd>, announced: &str, for_pid: &str) -> Command {
    assert!(sockets.len() <= 2, "the shell gets them as its input and its output");
    let plain = command();
    let mut shell = Command::new("sh");
    let moved = ["", "3<&0", "3<&0 4<&1"][sockets.len()];
    shell.arg("-c").arg(format!(
        "export LISTEN_FDS={announced} LISTEN_PID={for_pid} LISTEN_FDNAMES=web:more; \
         exec \"$0\" \"$@\" {moved} </dev/null >/dev/null"
    ));
    shell.arg(plain.get_program());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut sockets = sockets.into_iter();
    shell.stdin(sockets.next().map_or_else(Stdio::null, Stdio::from));
    shell.stdout(sockets.next().map_or_else(Stdio::null, Stdio::from));
    shell
}

fn arguments(command: &mut Command, folder: &Path, state: &Path) {
    command.args(["serve", "--cores", "2", "--allow-root", "--log", "off", "--state"]);
    command.arg(state).arg(folder);
}

/// Starts it with this socket, and waits until it serves.
fn started(sockets: Vec<OwnedFd>, folder: &Path) -> Running {
    let state = TempDir::new().unwrap();
    let mut command = handed(sockets, "1", "$$");
    arguments(&mut command, folder, state.path());
    Running::started(command, folder, state)
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn get(address: SocketAddr) -> String {
    let mut client = Client::connect(address);
    client.send(GET);
    client.reply("GET").text().to_owned()
}

#[test]
fn a_socket_that_was_handed_over_is_served_on() {
    let (site, (listener, address)) = (site(), listener());
    let server = started(vec![listener.try_clone().unwrap().into()], site.path());
    assert_eq!(server.address, address);
    for _ in 0..20 {
        assert_eq!(get(address), "here");
    }
}

/// Who comes between two servers waits, and is served by the second: nobody is refused.
#[test]
fn who_waits_is_served_by_the_next() {
    let (site, (listener, address)) = (site(), listener());
    let socket = || vec![OwnedFd::from(listener.try_clone().unwrap())];
    let mut first = started(socket(), site.path());
    assert_eq!(get(address), "here");
    first.signal("TERM");
    assert!(first.wait().success());
    let mut early = Client::connect(address);
    early.send(GET);
    let _second = started(socket(), site.path());
    assert_eq!(early.reply("GET").text(), "here");
}

#[test]
fn several_sockets_are_all_served_on() {
    let (site, state) = (site(), TempDir::new().unwrap());
    let ((one, first), (two, second)) = (listener(), listener());
    let mut command = handed(vec![one.into(), two.into()], "2", "$$");
    arguments(&mut command, site.path(), state.path());
    // What was asked for on the command line gives way, and that is said.
    command.args(["--listen", "127.0.0.1:0"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let notice = said.find(|line| line.contains("handed over")).unwrap();
    assert!(notice.contains("in place of 127.0.0.1:0"), "{notice}");
    for address in [first, second] {
        assert_eq!(said.next(), Some(format!("listening at http://{address}/")));
    }
    let both = (get(first), get(second));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(both, ("here".to_owned(), "here".to_owned()));
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let (site, state, (listener, address)) = (site(), TempDir::new().unwrap(), listener());
    let mut command = handed(vec![listener.into()], "1", "1");
    arguments(&mut command, site.path(), state.path());
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Running::started(command, site.path(), TempDir::new().unwrap());
    assert_ne!(server.address, address);
    assert_eq!(get(server.address), "here");
}

#[test]
fn what_can_not_be_served_on_is_refused() {
    let site = site();
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = UnixDatagram::unbound().unwrap();
    for (sockets, announced, says) in [
        (vec![bound.into()], "1", "nobody listens on it"),
        (vec![datagrams.into()], "1", "(web): "),
        (vec![local.into()], "1", "(web): "),
        (vec![listener().0.into()], "2", "socket 2 of those that were handed over (more)"),
        (Vec::new(), "1", "socket 1"),
        (Vec::new(), "many", "LISTEN_FDS"),
        (Vec::new(), "100000", "LISTEN_FDS"),
    ] {
        let mut command = handed(sockets, announced, "$$");
        arguments(&mut command, site.path(), site.path());
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{says}: {said}");
        assert!(said.contains(says), "{says}: {said}");
    }
}

/// A supervisor's ear.
struct Supervisor {
    socket: UnixDatagram,
    _folder: TempDir,
}

impl Supervisor {
    fn started(environment: &[(&str, &str)]) -> (Self, Running) {
        let folder = TempDir::new().unwrap();
        let at = folder.path().join("notify");
        let socket = UnixDatagram::bind(&at).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = command();
        command.env("NOTIFY_SOCKET", &at).envs(environment.iter().copied());
        let site = TempDir::new().unwrap();
        let server = Running::by(command, site.path(), TempDir::new().unwrap(), &[]);
        (Self { socket, _folder: folder }, server)
    }

    /// The next that is not a sign of life.
    fn hears(&self) -> String {
        loop {
            let said = self.anything();
            if said != "WATCHDOG=1" {
                return said;
            }
        }
    }

    fn anything(&self) -> String {
        let mut room = [0; 512];
        let count = self.socket.recv(&mut room).unwrap();
        String::from_utf8(room[..count].to_vec()).unwrap()
    }
}

#[test]
fn a_supervisor_is_told_of_each_step() {
    let (supervisor, mut server) = Supervisor::started(&[]);
    assert_eq!(supervisor.hears(), "READY=1");
    let mut last = 0;
    for _ in 0..2 {
        server.signal("HUP");
        let said = supervisor.hears();
        let micros = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        let micros: u64 = micros.parse().unwrap();
        assert!(micros > last);
        last = micros;
        assert_eq!(supervisor.hears(), "READY=1");
    }
    server.signal("TERM");
    assert_eq!(supervisor.hears(), "STOPPING=1");
    assert!(server.wait().success());
}

#[test]
fn a_supervisor_that_watches_hears_signs_of_life() {
    let (supervisor, server) = Supervisor::started(&[("WATCHDOG_USEC", "200000")]);
    for _ in 0..5 {
        while supervisor.anything() != "WATCHDOG=1" {}
    }
    // Not one that watches another process.
    let (supervisor, other) =
        Supervisor::started(&[("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")]);
    other.signal("TERM");
    assert_eq!([supervisor.anything(), supervisor.anything()], ["READY=1", "STOPPING=1"]);
    drop(server);
}

#[test]
fn a_supervisor_that_can_not_be_reached_is_no_hindrance() {
    for name in ["relative", "/nonexistent/notify", "vsock:1:2"] {
        let site = site();
        let mut command = command();
        command.env("NOTIFY_SOCKET", name);
        let server = Running::by(command, site.path(), TempDir::new().unwrap(), &[]);
        assert!(server.notice("notified").contains(": "), "{name}");
        assert_eq!(server.ask(GET).text(), "here");
    }
}
