//! What the tests here have in common: a connection whose other end is a thread's, and short ways to use it.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::task::yield_now;
use wherefore_upstream::{
    ConnectError, ConnectSettings, Connector, Endpoint, Quiet, Stream, Target, Times,
};

/// Long enough to be reached only by what hangs.
pub(crate) const LONG: Times = Times {
    name_time: Duration::from_secs(60),
    connect_time: Duration::from_secs(60),
    tls_time: Duration::from_secs(60),
};

pub(crate) fn connector() -> Connector {
    Connector::new(&ConnectSettings::default()).unwrap()
}

pub(crate) const fn plain(endpoint: Endpoint) -> Target {
    Target { endpoint, tls: None }
}

pub(crate) async fn connect(endpoint: Endpoint) -> Result<Stream, ConnectError> {
    connector().connect(&plain(endpoint), &LONG).await
}

/// A server of one connection, which `serve` has the other end of.
pub(crate) fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

/// A port on which nobody listens.
pub(crate) fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) async fn read(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let mut room = [0; 4096];
    let count = poll_fn(|cx| stream.poll_read(cx, &mut room)).await?;
    Ok(room[..count].to_vec())
}

pub(crate) async fn read_all(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        match read(stream).await?.as_slice() {
            [] => return Ok(all),
            some => all.extend(some),
        }
    }
}

pub(crate) async fn write_all(stream: &mut Stream, mut octets: &[u8]) -> io::Result<()> {
    while !octets.is_empty() {
        let count = poll_fn(|cx| stream.poll_write(cx, octets)).await?;
        octets = &octets[count..];
    }
    poll_fn(|cx| stream.poll_flush(cx)).await
}

/// What becomes of a connection that is quiet at first.
pub(crate) async fn when_no_longer_quiet(stream: &mut Stream) -> Quiet {
    loop {
        match stream.is_quiet() {
            Quiet::Quiet => yield_now().await,
            other => return other,
        }
    }
}
