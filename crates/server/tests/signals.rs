//! Signals end a server. They stand in a process of their own, since they reach all of it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{Read, Write};
use std::net::TcpStream as Client;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::io::AsyncWriteExt;
use wherefore_server::admission::Admitted;
use wherefore_server::core::{Arrival, Ends, Handler, Server, run};
use wherefore_server::limits::Limits;
use wherefore_server::listen;
use wherefore_server::ring::Io;
use wherefore_server::shutdown::{Shutdown, Signals, State};

/// One test, since each signal reaches every server of the process.
#[test]
fn the_first_signal_drains_and_the_second_stops() {
    signals_advance_the_state();
    a_server_ends_by_signals();
}

fn signals_advance_the_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for signals in [[Signal::TERM, Signal::TERM], [Signal::INT, Signal::TERM]] {
            let shutdown = Shutdown::new();
            let installed = Signals::install().unwrap();
            let following = tokio::spawn({
                let shutdown = Arc::clone(&shutdown);
                async move { installed.follow(&shutdown).await }
            });
            kill_process(getpid(), signals[0]).unwrap();
            shutdown.reached(State::Draining).await;
            assert_eq!(shutdown.state(), State::Draining);
            kill_process(getpid(), signals[1]).unwrap();
            shutdown.reached(State::Stopped).await;
            following.await.unwrap();
        }
    });
}

/// Says that it is there, and stays.
struct Stays;

impl Handler for Stays {
    async fn connection(&self, arrival: Arrival, _place: Admitted) {
        let mut stream = tokio::net::TcpStream::from_std(arrival.stream).unwrap();
        if stream.write_all(b"here").await.is_ok() {
            std::future::pending().await
        }
    }
}

fn a_server_ends_by_signals() {
    let cores = NonZeroUsize::new(2).unwrap();
    let listeners = listen::bind("127.0.0.1:0".parse().unwrap(), cores).unwrap();
    let (address, shutdown) = (listeners.address, Shutdown::new());
    let server = Server {
        listeners: vec![listeners],
        limits: Limits::preset(1000, cores.get()),
        log: None,
        shutdown: Arc::clone(&shutdown),
        ends: Ends::OnSignal,
        io: Io::default(),
    };
    let (ready, is_ready) = channel();
    let tell = move || ready.send(()).unwrap();
    let running = thread::spawn(move || run(server, |_| Stays, tell));
    is_ready.recv_timeout(Duration::from_secs(20)).unwrap();
    let mut client = Client::connect(address).unwrap();
    client.read_exact(&mut [0; 4]).unwrap();

    kill_process(getpid(), Signal::TERM).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(shutdown.reached(State::Draining));
    assert!(client.write_all(b"x").is_ok(), "it is let finish");
    assert!(!running.is_finished());

    kill_process(getpid(), Signal::INT).unwrap();
    running.join().unwrap().unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    assert!(Client::connect(address).is_err());
}
