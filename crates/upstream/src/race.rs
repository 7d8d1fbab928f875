//! Several addresses of one name: the first that takes the connection has it (RFC 8305 §5, simply).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wherefore_message::Cause;

use crate::failure::{ConnectError, connect_cause, weight};

/// How long an address is alone before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first of `addresses` that takes it. One that fails gives way to the next at once. Of several
/// failures the one is told that says most.
pub(crate) async fn connect_first(
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), ConnectError> {
    if let [address] = addresses {
        let connected = TcpStream::connect(*address).await;
        return connected.map(|stream| (stream, *address)).map_err(|e| failed_at(*address, &e));
    }
    let mut waiting = addresses.iter().copied();
    // Dropped with this future, it ends the attempts that are still under way.
    let mut running = JoinSet::new();
    let mut told: Option<ConnectError> = None;
    loop {
        if let Some(address) = waiting.next() {
            running.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let ended = match waiting.len() {
            0 => running.join_next().await,
            _ => match timeout(HEAD_START, running.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            Some(Ok((address, Ok(stream)))) => return Ok((stream, address)),
            Some(Ok((address, Err(error)))) => {
                let error = failed_at(address, &error);
                if told.as_ref().is_none_or(|told| weight(told.cause) < weight(error.cause)) {
                    told = Some(error);
                }
            }
            // An attempt that panicked is one that failed.
            Some(Err(_)) => {}
            None => {
                let none = || ConnectError::new(Cause::NameNotFound, "the name has no address");
                return Err(told.unwrap_or_else(none));
            }
        }
    }
}

fn failed_at(address: SocketAddr, error: &io::Error) -> ConnectError {
    ConnectError::new(connect_cause(error), error).at(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream as Client};

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// A listener whose queue is full: the kernel drops who else comes.
    fn full() -> (TcpListener, Client, SocketAddr) {
        let (listener, address) = listener();
        rustix::net::listen(&listener, 0).unwrap();
        let first = Client::connect(address).unwrap();
        (listener, first, address)
    }

    fn refusing() -> SocketAddr {
        listener().1
    }

    // The clock goes on only where nothing else is to be done: no test waits for it.
    #[tokio::test(start_paused = true)]
    async fn one_that_is_silent_is_overtaken() {
        let (_full, _first, silent) = full();
        let (_listener, good) = listener();
        let (stream, address) = connect_first(&[silent, good]).await.unwrap();
        assert_eq!((address, stream.peer_addr().unwrap()), (good, good));
    }

    #[tokio::test]
    async fn one_that_refuses_gives_way_at_once() {
        let (_listener, good) = listener();
        let addresses = [refusing(), refusing(), good];
        assert_eq!(connect_first(&addresses).await.unwrap().1, good);
    }

    #[tokio::test]
    async fn of_several_failures_the_one_that_says_most_is_told() {
        let (refusing, nowhere) = (refusing(), SocketAddr::from(([255; 4], 1)));
        for addresses in [[refusing, nowhere], [nowhere, refusing]] {
            let error = connect_first(&addresses).await.unwrap_err();
            assert_eq!((error.cause, error.address), (Cause::Refused, Some(refusing)));
        }
        assert_eq!(connect_first(&[nowhere]).await.unwrap_err().cause, Cause::Unroutable);
        assert_eq!(connect_first(&[]).await.unwrap_err().cause, Cause::NameNotFound);
    }
}
