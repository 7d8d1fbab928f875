//! From a target to a stream, each step within its time.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::{Instant, sleep_until, timeout};
use wherefore_message::Cause;

use crate::failure::{ConnectError, connect_cause};
use crate::names::{ConnectSettings, Names, SettingsError};
use crate::race::connect_first;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::target::{Endpoint, Peer, Target, Times};

/// Makes connections. It is shared by all cores, with what it knows of names.
#[derive(Debug)]
pub struct Connector {
    names: Names,
}

impl Connector {
    /// Sets it up: reads which name servers to ask, and the names that the machine itself knows; both are as
    /// they are now until another is made. The thread that it starts ends with it.
    ///
    /// # Errors
    /// If a file that is named in the settings can't be read, or there is no thread to be had.
    pub fn new(settings: &ConnectSettings) -> Result<Self, SettingsError> {
        Names::new(settings).map(|names| Self { names })
    }

    /// Connects to `target`: to whichever of its addresses takes it first.
    ///
    /// # Errors
    /// If it can't be done, or not in time; then nothing was sent but what TLS has to say.
    pub async fn connect(&self, target: &Target, times: &Times) -> Result<Stream, ConnectError> {
        let (socket, peer) = match &target.endpoint {
            Endpoint::Ip(address) => over_tcp(&[*address], times.connect_time).await?,
            Endpoint::Name { host, port } => {
                let addresses = self.names.resolve(host, *port, times.name_time).await?;
                over_tcp(&addresses, times.connect_time).await?
            }
            Endpoint::Unix(path) => {
                (over_unix(path, times.connect_time).await?, Peer::Unix(path.clone()))
            }
        };
        match &target.tls {
            None => Ok(Stream::plain(socket, peer)),
            Some(client) => {
                let name = client.name_of(&target.endpoint)?;
                let shaken = client.shake_hands(name, socket, times.tls_time).await;
                match (shaken, &peer) {
                    (Ok(tls), _) => Ok(Stream::tls(tls, peer)),
                    (Err(error), Peer::Ip(address)) => Err(error.at(*address)),
                    (Err(error), Peer::Unix(_)) => Err(error),
                }
            }
        }
    }
}

async fn over_tcp(
    addresses: &[SocketAddr],
    connect_time: Duration,
) -> Result<(Socket, Peer), ConnectError> {
    let Ok(connected) = timeout(connect_time, connect_first(addresses)).await else {
        let late = ConnectError::new(
            Cause::ConnectLate,
            format_args!("none of {addresses:?} took the connection within {connect_time:?}"),
        );
        return Err(match addresses.first() {
            Some(first) => late.at(*first),
            None => late,
        });
    };
    let (stream, address) = connected?;
    // Heads and small content are written whole: nothing is gained by holding them back.
    let set = stream.set_nodelay(true);
    set.map_err(|error| ConnectError::new(Cause::Reset, error).at(address))?;
    Ok((Socket::Tcp(stream), Peer::Ip(address)))
}

/// How long a full queue of a unix socket is left alone before it is tried again; the longest such wait.
const QUEUE_WAIT: Duration = Duration::from_millis(1);
const QUEUE_WAIT_MAX: Duration = Duration::from_millis(100);

/// The kernel has no waiting for a place in the queue of a unix socket without blocking: it is asked again.
async fn over_unix(path: &Path, connect_time: Duration) -> Result<Socket, ConnectError> {
    let end = Instant::now() + connect_time;
    let mut wait = QUEUE_WAIT;
    loop {
        let error = match UnixStream::connect(path).await {
            Ok(stream) => return Ok(Socket::Unix(stream)),
            Err(error) => error,
        };
        let said = format_args!("{}: {error}", path.display()).to_string();
        if error.kind() != ErrorKind::WouldBlock || Instant::now() >= end {
            return Err(ConnectError::new(connect_cause(&error), said));
        }
        sleep_until(end.min(Instant::now() + wait)).await;
        wait = QUEUE_WAIT_MAX.min(wait * 2);
    }
}
