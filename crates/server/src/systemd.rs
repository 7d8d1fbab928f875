//! What a supervisor such as systemd tells a service in its environment, and wants to be told by it: the
//! protocols of `sd_listen_fds(3)` and `sd_notify(3)`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::{SocketType, sockopt};
use socket2::SockRef;

use crate::listen::{self, Listeners, Queue};
use crate::notice;
use crate::notice::Seldom;

/// The most sockets that are taken over.
pub const HANDED_OVER_MAX: usize = 256;

/// Where a supervisor listens for what a service says of itself, and how often it wants to hear.
#[derive(Debug)]
pub struct Notify {
    socket: UnixDatagram,
    to: UnixAddress,
    watchdog: Option<Duration>,
}

impl Notify {
    /// The supervisor that the environment names (`NOTIFY_SOCKET`); none if it names none, or one that can't be
    /// spoken to: that is said, and is no reason not to serve.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        let watchdog =
            watchdog(text("WATCHDOG_USEC").as_deref(), text("WATCHDOG_PID").as_deref(), own_pid());
        match Self::to(&name, watchdog) {
            Ok(notify) => Some(notify),
            Err(error) => {
                notice!("NOTIFY_SOCKET is {}: {error}; nobody is notified", name.display());
                None
            }
        }
    }

    fn to(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let to = address(name)?;
        let socket = UnixDatagram::unbound()?;
        // A supervisor that doesn't listen must not hold the server up.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to, watchdog })
    }

    /// How long the supervisor waits for a sign of life before it ends the service; none if it doesn't.
    #[must_use]
    pub const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Says that the server serves: at its beginning, and when it has reloaded.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// Says that it begins to reload.
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// Says that it begins to end.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Says that it lives.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    fn say(&self, words: &str) {
        static DEAF: Seldom = Seldom::every(Duration::from_secs(60));
        if let Err(error) = self.socket.send_to_addr(words.as_bytes(), &self.to) {
            DEAF.say(format_args!("the supervisor can't be notified: {error}"));
        }
    }
}

/// An address as `NOTIFY_SOCKET` has it: an absolute path, or `@` and an abstract name.
fn address(name: &OsStr) -> io::Result<UnixAddress> {
    match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => {
            <UnixAddress as std::os::linux::net::SocketAddrExt>::from_abstract_name(rest)
        }
        [b'/', ..] => UnixAddress::from_pathname(name),
        _ => Err(io::Error::other("only a path or an abstract name is understood")),
    }
}

/// How long the supervisor waits, if it waits for this process.
fn watchdog(micros: Option<&str>, for_pid: Option<&str>, pid: u32) -> Option<Duration> {
    if for_pid.is_some_and(|text| text.parse() != Ok(pid)) {
        return None;
    }
    let micros = micros?.parse().ok().filter(|micros| *micros > 0)?;
    Some(Duration::from_micros(micros))
}

fn text(variable: &str) -> Option<String> {
    env::var(variable).ok()
}

fn own_pid() -> u32 {
    std::process::id()
}

/// The listeners that were handed over (`LISTEN_FDS`), each to be used by so many cores; none if there are
/// none. To be called once, before anything else is opened.
///
/// # Errors
/// If what was handed over is not what can be served on.
pub fn handed_over(cores: NonZeroUsize) -> Result<Vec<Listeners>, HandedOverError> {
    let announced = text("LISTEN_FDS");
    let Some(count) = count(announced.as_deref(), text("LISTEN_PID").as_deref(), own_pid())? else {
        return Ok(Vec::new());
    };
    let names = names(env::var_os("LISTEN_FDNAMES"));
    let wrong = |index: usize, why: String| HandedOverError {
        name: names.get(index).cloned().unwrap_or_default(),
        index,
        why,
    };
    let mut handed_over = ListenFd::from_env();
    let take = |index| match handed_over.take_tcp_listener(index) {
        Ok(Some(socket)) => Ok(socket),
        Ok(None) => Err(wrong(index, "it is not there".to_owned())),
        Err(error) => Err(wrong(index, error.to_string())),
    };
    // All are taken before anything is made of one: that would get the number of one that is missing.
    let sockets = (0..count).map(take).collect::<Result<Vec<_>, _>>()?;
    let all = sockets.iter().enumerate();
    all.map(|(index, socket)| listeners(socket, cores).map_err(|why| wrong(index, why))).collect()
}

/// One listener as what all cores use: they share its queue, which stays when this process ends.
fn listeners(socket: &TcpListener, cores: NonZeroUsize) -> Result<Listeners, String> {
    let said = |error: io::Error| error.to_string();
    if sockopt::socket_type(socket).map_err(|errno| said(errno.into()))? != SocketType::STREAM {
        return Err("it is no stream socket".to_owned());
    }
    #[cfg(not(target_vendor = "apple"))]
    if !sockopt::socket_acceptconn(socket).map_err(|errno| said(errno.into()))? {
        return Err("nobody listens on it; say Accept=no in the socket unit".to_owned());
    }
    let address: SocketAddr = socket.local_addr().map_err(said)?;
    let shared = SockRef::from(socket);
    listen::prepare(&shared).map_err(said)?;
    shared.set_nonblocking(true).map_err(said)?;
    let sockets = (0..cores.get()).map(|_| socket.try_clone()).collect::<Result<_, _>>();
    Ok(Listeners { queue: Queue::Shared, ..Listeners::new(address, sockets.map_err(said)?) })
}

/// How many sockets were handed over to this process; none if they are for another, or there are none.
fn count(
    announced: Option<&str>,
    for_pid: Option<&str>,
    pid: u32,
) -> Result<Option<usize>, HandedOverError> {
    let (Some(announced), Some(for_pid)) = (announced, for_pid) else { return Ok(None) };
    if for_pid.parse() != Ok(pid) {
        return Ok(None);
    }
    match announced.parse() {
        Ok(0) => Ok(None),
        Ok(count) if count <= HANDED_OVER_MAX => Ok(Some(count)),
        _ => Err(HandedOverError {
            name: String::new(),
            index: 0,
            why: format!(
                "LISTEN_FDS is {announced:?}, and a number up to {HANDED_OVER_MAX} is understood"
            ),
        }),
    }
}

fn names(value: Option<OsString>) -> Vec<String> {
    let value = value.unwrap_or_default();
    let names = value.as_bytes().split(|octet| *octet == b':');
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// A socket that was handed over can't be served on.
#[derive(Debug)]
pub struct HandedOverError {
    name: String,
    index: usize,
    why: String,
}

impl fmt::Display for HandedOverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't use socket {} of those that were handed over", self.index + 1)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        write!(f, ": {}", self.why)
    }
}

impl std::error::Error for HandedOverError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen;
    use std::io::Write;
    use std::net::{TcpStream, UdpSocket};
    use std::os::fd::OwnedFd;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    #[test]
    fn what_is_for_another_process_is_not_taken() {
        for (announced, for_pid, expected) in [
            (Some("2"), Some("7"), Some(2)),
            (Some("2"), Some("8"), None),
            (Some("2"), Some("x"), None),
            (Some("2"), None, None),
            (None, Some("7"), None),
            (Some("0"), Some("7"), None),
        ] {
            assert_eq!(
                count(announced, for_pid, 7).unwrap(),
                expected,
                "{announced:?} {for_pid:?}"
            );
        }
        for wrong in ["", "-1", "two", "257", "99999999999999999999"] {
            let error = count(Some(wrong), Some("7"), 7).unwrap_err();
            assert!(error.to_string().contains("LISTEN_FDS"), "{error}");
        }
    }

    #[test]
    fn the_watchdog_is_for_this_process_or_none() {
        let half = Some(Duration::from_millis(500));
        assert_eq!(watchdog(Some("500000"), None, 7), half);
        assert_eq!(watchdog(Some("500000"), Some("7"), 7), half);
        assert_eq!(watchdog(Some("500000"), Some("8"), 7), None);
        for none in [None, Some("0"), Some("soon"), Some("-5")] {
            assert_eq!(watchdog(none, None, 7), None, "{none:?}");
        }
    }

    #[test]
    fn a_listener_is_used_by_every_core() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = listeners(&socket, TWO).unwrap();
        assert_eq!(listeners.address, socket.local_addr().unwrap());
        assert_eq!((listeners.sockets.len(), listeners.queue), (2, Queue::Shared));
        let mut client = TcpStream::connect(listeners.address).unwrap();
        client.write_all(b"G").unwrap();
        let (accepted, peer) = listeners.sockets[1].accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(accepted.nodelay().unwrap());
        let empty = listeners.sockets[0].accept().unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn what_nobody_listens_on_is_refused() {
        let bound = listen::open("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = listeners(&bound.into(), TWO).unwrap_err();
        assert!(error.contains("Accept=no"), "{error}");
        let datagrams = OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        let error = listeners(&datagrams.into(), TWO).unwrap_err();
        assert!(error.contains("no stream"), "{error}");
    }

    #[test]
    fn a_supervisor_hears_at_a_path_and_at_an_abstract_name() {
        let path = env::temp_dir().join(format!("wherefore-notify-{}", own_pid()));
        drop(std::fs::remove_file(&path));
        let supervisor = UnixDatagram::bind(&path).unwrap();
        hears_all(&supervisor, path.as_os_str());
        std::fs::remove_file(&path).unwrap();

        let name = format!("wherefore-notify-{}", own_pid());
        let at = <UnixAddress as std::os::linux::net::SocketAddrExt>::from_abstract_name(&name);
        let supervisor = UnixDatagram::bind_addr(&at.unwrap()).unwrap();
        hears_all(&supervisor, OsStr::new(&format!("@{name}")));
        for wrong in ["relative", "vsock:2:1234", ""] {
            assert!(Notify::to(OsStr::new(wrong), None).is_err(), "{wrong}");
        }
    }

    fn hears_all(supervisor: &UnixDatagram, name: &OsStr) {
        let notify = Notify::to(name, None).unwrap();
        let mut room = [0; 256];
        let mut heard = || {
            let count = supervisor.recv(&mut room).unwrap();
            String::from_utf8(room[..count].to_vec()).unwrap()
        };
        notify.ready();
        assert_eq!(heard(), "READY=1");
        notify.reloading();
        let first = heard();
        notify.reloading();
        let micros = |said: &str| -> u64 {
            said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap()
        };
        assert!(micros(&first) > 0 && micros(&heard()) >= micros(&first));
        notify.stopping();
        assert_eq!(heard(), "STOPPING=1");
        notify.alive();
        assert_eq!(heard(), "WATCHDOG=1");
    }
}
