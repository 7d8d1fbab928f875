//! Listening: one address, one listener a core.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
#[cfg(target_os = "linux")]
use std::{os::fd::AsFd, time::Duration};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// How many connections may wait to be accepted, for each core; the kernel may allow fewer (somaxconn).
pub(crate) const BACKLOG: i32 = 4096;

/// How long who has connected and says nothing stays with the kernel: one second is the least it takes. An HTTP
/// client speaks first, and is accepted once it has: its request is there to be read then.
#[cfg(target_os = "linux")]
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// The listeners of one address.
#[derive(Debug)]
pub struct Listeners {
    /// The address, with the port that was really taken.
    pub address: SocketAddr,
    /// One for each core, ready for use by a loop: non-blocking, closed on exec, without Nagle's delay.
    pub sockets: Vec<TcpListener>,
    /// What connections begin with.
    pub opening: Opening,
    /// Whose the connections are that wait to be accepted.
    pub queue: Queue,
}

/// What the connections of a listener begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// A request.
    #[default]
    Request,
    /// A header of the PROXY protocol, version 1 or 2, where a proxy that is trusted opened them, or anyone
    /// if none is said to be trusted.
    ProxyHeader,
}

/// Whose the connections are that wait to be accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// This process's: they are lost with it.
    #[default]
    Own,
    /// Those of all who hold the socket: whoever serves next takes them.
    Shared,
}

impl Listeners {
    pub(crate) const fn new(address: SocketAddr, sockets: Vec<TcpListener>) -> Self {
        Self { address, sockets, opening: Opening::Request, queue: Queue::Own }
    }
}

/// Listens at `address` with a socket for each of `cores`, among which the kernel spreads connections.
/// Port 0 asks for any free one. An IPv6 address of all interfaces takes IPv4 clients too.
///
/// # Errors
/// If the address can't be had: the error says why, and what to do.
pub fn bind(address: SocketAddr, cores: NonZeroUsize) -> Result<Listeners, BindError> {
    let at = |error: io::Error| BindError::new(address, error);
    // The first is bound without SO_REUSEPORT, and given it only then: else a second server of the same
    // user would get a share of the connections of the first and neither would notice.
    let first = open(address).map_err(at)?;
    first.bind(&address.into()).map_err(at)?;
    let taken =
        first.local_addr().map_err(at)?.as_socket().ok_or_else(|| at(Errno::AFNOSUPPORT.into()))?;
    let mut sockets = vec![listen(first, cores).map_err(at)?];
    while sockets.len() < cores.get() {
        let next = open(address).map_err(at)?;
        next.set_reuse_port(true).map_err(at)?;
        next.bind(&taken.into()).map_err(at)?;
        sockets.push(listen(next, cores).map_err(at)?);
    }
    Ok(Listeners::new(taken, sockets))
}

pub(crate) fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a former run that are still winding down don't hold the port.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    prepare(&socket)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Sets what Linux lets accepted sockets inherit, which saves a call a connection, and who is accepted when.
pub(crate) fn prepare(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    wherefore_sockopt::set_tcp_defer_accept(socket.as_fd(), SILENCE_MAX)?;
    Ok(())
}

fn listen(socket: Socket, cores: NonZeroUsize) -> io::Result<TcpListener> {
    if cores.get() > 1 {
        socket.set_reuse_port(true)?;
    }
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// An address could not be listened at.
#[derive(Debug)]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// Why not.
    pub reason: BindReason,
}

/// Why an address could not be listened at.
#[derive(Debug)]
pub enum BindReason {
    /// Another program listens there.
    InUse,
    /// This user may not.
    NotPermitted,
    /// No interface of this machine has the address.
    NotHere,
    /// This machine does not speak this version of IP.
    NotSpoken,
    /// Anything else.
    Other(io::Error),
}

impl BindError {
    fn new(address: SocketAddr, error: io::Error) -> Self {
        let reason = match Errno::from_io_error(&error) {
            Some(Errno::ADDRINUSE) => BindReason::InUse,
            Some(Errno::ACCESS | Errno::PERM) => BindReason::NotPermitted,
            Some(Errno::ADDRNOTAVAIL) => BindReason::NotHere,
            Some(Errno::AFNOSUPPORT) => BindReason::NotSpoken,
            _ => BindReason::Other(error),
        };
        Self { address, reason }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, reason } = self;
        let (ip, port) = (address.ip(), address.port());
        write!(f, "can't listen at {address}: ")?;
        match reason {
            BindReason::InUse => write!(
                f,
                "port {port} is in use; stop the program that holds it (`ss -ltnp 'sport = {port}'` \
                 names it) or choose another port"
            ),
            BindReason::NotPermitted => write!(
                f,
                "this user may not take port {port}; choose one from 1024 up, or grant \
                 CAP_NET_BIND_SERVICE"
            ),
            BindReason::NotHere => write!(
                f,
                "no interface of this machine has {ip}; choose one that `ip address` lists, or \
                 {any} for all",
                any = if address.is_ipv6() { "[::]" } else { "0.0.0.0" }
            ),
            BindReason::NotSpoken => {
                write!(f, "this machine has no {}; choose another address", version_of(address))
            }
            BindReason::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            BindReason::Other(error) => Some(error),
            _ => None,
        }
    }
}

const fn version_of(address: &SocketAddr) -> &'static str {
    if address.is_ipv6() { "IPv6" } else { "IPv4" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpStream;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;
    const FOUR: NonZeroUsize = NonZeroUsize::new(4).unwrap();

    fn loopback() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    /// A client that has said something.
    fn speaking(address: SocketAddr) -> TcpStream {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"G").unwrap();
        client
    }

    #[test]
    fn every_core_listens_at_one_port_and_gets_connections() {
        let listeners = bind(loopback(), FOUR).unwrap();
        assert_eq!(listeners.sockets.len(), 4);
        assert_ne!(listeners.address.port(), 0);
        let clients: Vec<_> = (0..200).map(|_| speaking(listeners.address)).collect();
        let accepted: Vec<usize> = listeners
            .sockets
            .iter()
            .map(|socket| std::iter::from_fn(|| socket.accept().ok()).count())
            .collect();
        assert_eq!(accepted.iter().sum::<usize>(), clients.len());
        assert!(accepted.iter().all(|count| *count > 0), "{accepted:?}");
    }

    #[test]
    fn a_taken_port_is_noticed_even_when_it_is_shared_among_cores() {
        let listeners = bind(loopback(), FOUR).unwrap();
        for cores in [ONE, FOUR] {
            let error = bind(listeners.address, cores).unwrap_err();
            assert!(matches!(error.reason, BindReason::InUse), "{error:?}");
            let text = error.to_string();
            assert!(
                text.contains(&listeners.address.to_string()) && text.contains("in use"),
                "{text}"
            );
        }
        let address = listeners.address;
        drop(listeners);
        assert_eq!(bind(address, FOUR).unwrap().address, address);
    }

    #[test]
    fn an_address_that_is_elsewhere() {
        let error = bind("192.0.2.1:0".parse().unwrap(), ONE).unwrap_err();
        assert!(matches!(error.reason, BindReason::NotHere), "{error:?}");
        assert!(error.to_string().contains("0.0.0.0"));
    }

    #[test]
    fn reasons_are_told_apart() {
        for (errno, text) in [
            (Errno::ACCESS, "CAP_NET_BIND_SERVICE"),
            (Errno::AFNOSUPPORT, "no IPv4"),
            (Errno::MFILE, "open files"),
        ] {
            let error = BindError::new(loopback(), errno.into());
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn accepted_sockets_inherit_what_the_listener_was_told() {
        let listeners = bind(loopback(), ONE).unwrap();
        let _client = speaking(listeners.address);
        let (accepted, _) = listeners.sockets[0].accept().unwrap();
        assert!(accepted.nodelay().unwrap());
    }

    #[test]
    fn all_interfaces_of_ipv6_take_ipv4_too() {
        match open("[::]:0".parse().unwrap()) {
            Ok(socket) => assert!(!socket.only_v6().unwrap()),
            // A machine may have IPv6 switched off, and nothing else excuses it.
            Err(error) => assert_eq!(Errno::from_io_error(&error), Some(Errno::AFNOSUPPORT)),
        }
    }
}
