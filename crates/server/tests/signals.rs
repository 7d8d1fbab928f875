//! Signals end a server. They stand in a process of their own, since they reach all of it.

use std::sync::Arc;

use rustix::process::{Signal, getpid, kill_process};
use wherefore_server::shutdown::{Shutdown, Signals, State};

#[test]
fn the_first_signal_drains_and_the_second_stops() {
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
