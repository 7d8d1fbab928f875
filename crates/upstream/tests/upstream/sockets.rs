//! TCP and unix sockets: reading, writing, ending, and what may lie on an idle connection.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::thread;

use tempfile::TempDir;
use wherefore_message::Cause;
use wherefore_upstream::{Endpoint, Peer, Quiet, Times, broken_by};

use crate::peers::{
    LONG, connect, connector, plain, read, read_all, refusing, server, when_no_longer_quiet,
    write_all,
};

#[tokio::test]
async fn each_side_ends_when_it_has_said_all() {
    let (address, served) = server(|mut peer| {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        peer.write_all(b"and back").unwrap();
        all
    });
    let mut stream = connect(Endpoint::Ip(address)).await.unwrap();
    assert_eq!(*stream.peer(), Peer::Ip(address));
    assert_eq!(stream.peer().to_string(), address.to_string());
    let slices = [IoSlice::new(b"head, "), IoSlice::new(b""), IoSlice::new(b"content")];
    let count = poll_fn(|cx| stream.poll_write_vectored(cx, &slices)).await.unwrap();
    assert_eq!(count, 13, "both go in one call");
    poll_fn(|cx| stream.poll_shutdown_write(cx)).await.unwrap();
    assert_eq!(read_all(&mut stream).await.unwrap(), b"and back");
    assert_eq!(served.join().unwrap(), b"head, content");
}

#[tokio::test]
async fn much_arrives_whole_however_slowly_it_is_taken() {
    let content: Vec<u8> = (0..4 << 20).map(|i: u32| (i % 251) as u8).collect();
    let (address, served) = server(|mut peer| {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all
    });
    let mut stream = connect(Endpoint::Ip(address)).await.unwrap();
    write_all(&mut stream, &content).await.unwrap();
    drop(stream);
    assert!(served.join().unwrap() == content);
}

#[tokio::test]
async fn an_abort_is_a_reset() {
    let (address, served) = server(|mut peer| peer.read_to_end(&mut Vec::new()).unwrap_err());
    let mut stream = connect(Endpoint::Ip(address)).await.unwrap();
    write_all(&mut stream, b"half").await.unwrap();
    stream.abort();
    assert_eq!(served.join().unwrap().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_reset_is_told_as_one() {
    let (address, served) = server(|peer| {
        // With octets unread a close is a reset.
        peer.peek(&mut [0]).unwrap();
    });
    let mut stream = connect(Endpoint::Ip(address)).await.unwrap();
    write_all(&mut stream, b"unread").await.unwrap();
    served.join().unwrap();
    assert_eq!(broken_by(&read(&mut stream).await.unwrap_err()), Cause::Reset);
}

#[tokio::test]
async fn an_idle_connection_tells_what_lies_on_it() {
    let (tell, told) = mpsc::channel::<&[u8]>();
    let (address, served) = server(move |mut peer| {
        for octets in told {
            peer.write_all(octets).unwrap();
        }
    });
    let mut stream = connect(Endpoint::Ip(address)).await.unwrap();
    assert_eq!(stream.is_quiet(), Quiet::Quiet);
    tell.send(b"answer").unwrap();
    assert_eq!(when_no_longer_quiet(&mut stream).await, Quiet::Octets);
    assert_eq!(stream.is_quiet(), Quiet::Octets, "nothing was taken");
    assert_eq!(read(&mut stream).await.unwrap(), b"answer");
    assert_eq!(stream.is_quiet(), Quiet::Quiet);
    drop(tell);
    served.join().unwrap();
    assert_eq!(when_no_longer_quiet(&mut stream).await, Quiet::Closed);
}

#[tokio::test]
async fn what_came_is_known_before_the_reactor_hears_of_it() {
    let (tell, told) = mpsc::channel::<&[u8]>();
    let (says, said) = mpsc::channel();
    let (address, served) = server(move |mut peer| {
        for octets in told {
            peer.write_all(octets).unwrap();
            says.send(()).unwrap();
        }
    });
    let mut stream = connect(Endpoint::Ip(address)).await.unwrap();
    assert_eq!(stream.is_quiet(), Quiet::Quiet);
    // The reactor hears of nothing while nobody awaits it.
    tell.send(b"answer").unwrap();
    said.recv().unwrap();
    assert_eq!(stream.is_quiet(), Quiet::Octets);
    assert_eq!(read(&mut stream).await.unwrap(), b"answer", "nothing was taken");
    drop(tell);
    served.join().unwrap();
    assert_eq!(stream.is_quiet(), Quiet::Closed);
}

#[tokio::test]
async fn an_idle_connection_that_was_reset_is_closed() {
    let (address, served) = server(|peer| {
        peer.peek(&mut [0]).unwrap();
    });
    let mut stream = connect(Endpoint::Ip(address)).await.unwrap();
    write_all(&mut stream, b"unread").await.unwrap();
    served.join().unwrap();
    assert_eq!(when_no_longer_quiet(&mut stream).await, Quiet::Closed);
}

#[tokio::test]
async fn a_unix_socket_is_a_connection_like_any_other() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let served = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        peer.write_all(&all).unwrap();
        peer.shutdown(Shutdown::Both).unwrap();
    });
    let mut stream = connect(Endpoint::Unix(path.clone())).await.unwrap();
    assert_eq!(stream.peer().to_string(), format!("unix:{}", path.display()));
    assert_eq!(stream.is_quiet(), Quiet::Quiet);
    let slices = [IoSlice::new(b"there "), IoSlice::new(b"and back")];
    poll_fn(|cx| stream.poll_write_vectored(cx, &slices)).await.unwrap();
    poll_fn(|cx| stream.poll_shutdown_write(cx)).await.unwrap();
    assert_eq!(when_no_longer_quiet(&mut stream).await, Quiet::Octets);
    assert_eq!(read_all(&mut stream).await.unwrap(), b"there and back");
    assert_eq!(stream.is_quiet(), Quiet::Closed);
    served.join().unwrap();
}

#[tokio::test]
async fn who_does_not_listen_refuses() {
    let address = refusing();
    let error = connect(Endpoint::Ip(address)).await.unwrap_err();
    assert_eq!((error.cause, error.address), (Cause::Refused, Some(address)));
    assert!(error.to_string().contains(&address.to_string()), "{error}");

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let missing = connect(Endpoint::Unix(path.clone())).await.unwrap_err();
    assert_eq!((missing.cause, missing.address), (Cause::Refused, None));
    assert!(missing.detail.contains(&path.display().to_string()), "{missing}");
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(connect(Endpoint::Unix(path)).await.unwrap_err().cause, Cause::Refused);
}

// The clock goes on only where nothing else is to be done: nobody waits for it.
#[tokio::test(start_paused = true)]
async fn whose_queue_is_full_is_late() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let _first = TcpStream::connect(address).unwrap();
    let error = connect(Endpoint::Ip(address)).await.unwrap_err();
    assert_eq!((error.cause, error.address), (Cause::ConnectLate, Some(address)));

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let error = connect(Endpoint::Unix(path)).await.unwrap_err();
    assert_eq!(error.cause, Cause::ConnectLate, "{error}");
}

#[tokio::test]
async fn a_place_in_the_queue_of_a_unix_socket_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let (connector, target) = (connector(), plain(Endpoint::Unix(path)));
    let waiting = connector.connect(&target, &LONG);
    tokio::pin!(waiting);
    // It has to have found the queue full before there is a place.
    let early = poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
    assert!(!early, "the queue is not full");
    listener.accept().unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn no_way_leads_to_everybody() {
    let error = connect(Endpoint::Ip(([255; 4], 80).into())).await.unwrap_err();
    assert_eq!(error.cause, Cause::Unroutable, "{error}");
}

#[test]
fn nothing_waits_longer_than_this_unless_told() {
    let Times { name_time, connect_time, tls_time } = Times::default();
    assert!(name_time.min(connect_time).min(tls_time).as_secs() >= 1);
    assert!(name_time.max(connect_time).max(tls_time).as_secs() <= 10);
}
