//! A server that runs out of descriptors goes on when there are some again. It stands in a process of its
//! own, since the limit is the process's.

use std::fs::File;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::task::Poll;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wherefore_server::accept::Acceptor;
use wherefore_server::admission::Admission;
use wherefore_server::listen;

#[test]
fn when_descriptors_run_out_one_client_is_let_go_and_the_rest_are_served_later() {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: hard }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = "127.0.0.1:0".parse().unwrap();
        let listeners = listen::bind(address, NonZeroUsize::MIN).unwrap();
        let [socket] = <[_; 1]>::try_from(listeners.sockets).unwrap();
        let mut acceptor = Acceptor::new(socket, Admission::new(100, 100)).unwrap();
        let mut clients: Vec<TcpStream> =
            (0..3).map(|_| TcpStream::connect(listeners.address).unwrap()).collect();
        for client in &mut clients {
            client.write_all(b"G").unwrap();
            client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        }
        let taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        assert!(!taken.is_empty());

        // The listener's readiness comes with the first turn of the loop; then it must find out.
        tokio::task::yield_now().await;
        for _ in 0..3 {
            let polled = poll_fn(|cx| Poll::Ready(acceptor.poll_accept(cx))).await;
            assert!(polled.is_pending(), "there is no descriptor for it");
            tokio::task::yield_now().await;
        }
        let let_go = clients[0].read(&mut [0]).unwrap_err();
        assert_eq!(let_go.kind(), ErrorKind::ConnectionReset, "let go, and not read from");

        drop(taken);
        for client in &clients[1..] {
            let incoming = poll_fn(|cx| acceptor.poll_accept(cx)).await;
            assert_eq!(incoming.peer, client.local_addr().unwrap());
            assert!(incoming.place.is_ok());
        }
        assert!(File::open("/dev/null").is_ok());
    });
}
