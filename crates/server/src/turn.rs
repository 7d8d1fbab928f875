//! Turns: who could go on for long lets others have theirs in between, and the loop its own, in which it hears of sockets
//! and time.

use std::future::Future as _;
use std::pin::pin;
use std::task::Context;

/// Has this task woken once the loop has had a turn; to be pending then. Merely waking it would have it go on before.
pub(crate) fn after_the_loop(cx: &mut Context<'_>) {
    // Its waker is put off until then, and needs it no more.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::on_a_core;
    use std::future::poll_fn;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream as Client};
    use std::task::Poll;
    use tokio::net::TcpStream;

    #[test]
    fn the_loop_hears_of_sockets_between_two_turns() {
        on_a_core(async {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut client = Client::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = TcpStream::from_std(stream).unwrap();
            client.write_all(b"x").unwrap();
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                if polls <= 2 {
                    after_the_loop(cx);
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            assert_eq!((polls, stream.try_read(&mut [0]).unwrap()), (3, 1));
        });
    }
}
