//! What an exchange sees of a connection of HTTP/1.1.

use std::io;
use std::net::IpAddr;
use std::task::{Context, Poll, ready};

use wherefore_decide::act::Begun;
use wherefore_h1::Event;
use wherefore_message::{Fields, Request, ResponseHead};

use super::{Filled, H1};
use crate::carrier::{Carrier, Gone, More, Trouble};

impl Carrier for H1<'_> {
    fn request(&self) -> Request<'_> {
        self.server.request(self.input.head())
    }

    fn peer(&self) -> IpAddr {
        self.peer
    }

    fn begun(&self) -> Begun {
        if self.input.unread().is_empty() { Begun::NotYet } else { Begun::Already }
    }

    fn poll_content(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<More, Trouble>> {
        Poll::Ready(loop {
            match self.server.receive(self.input.unread(), self.now()) {
                Ok((used, Event::Content(range))) => {
                    into.extend_from_slice(self.input.unread().get(range).unwrap_or_default());
                    self.input.consume(used);
                    self.server.rest(self.now());
                    break Ok(More::Yes);
                }
                Ok((used, Event::NeedMore)) => {
                    self.input.consume(used);
                    let Poll::Ready(filled) = self.poll_fill(cx) else {
                        // The client may wait for an earlier answer before it sends more.
                        if self.poll_sent_while_waiting(cx).is_ready() {
                            break Err(Trouble::Gone);
                        }
                        return Poll::Pending;
                    };
                    match filled {
                        Filled::More => {}
                        Filled::Late(fault) => break Err(Trouble::Fault(fault)),
                        Filled::Gone => break Err(Trouble::Gone),
                    }
                }
                Ok((used, Event::End)) => {
                    self.input.consume(used);
                    break Ok(More::No);
                }
                Ok((_, Event::Head | Event::Paused | Event::Closed(_))) => break Ok(More::No),
                Err(fault) => break Err(Trouble::Fault(fault)),
            }
        })
    }

    fn trailers(&self) -> Fields<'_> {
        self.server.trailers()
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        if let Poll::Ready(gone) = self.poll_sent_while_waiting(cx) {
            return Poll::Ready(gone);
        }
        // Who has sent more has not gone; that is looked at when its turn comes.
        if !self.input.unread().is_empty() || self.input.make_room(usize::MAX).is_err() {
            return Poll::Pending;
        }
        match ready!(self.socket.poll_read(cx, self.input.spare())) {
            Ok(count) if count > 0 => {
                self.input.filled(count);
                Poll::Pending
            }
            Ok(_) | Err(_) => Poll::Ready(Gone),
        }
    }

    async fn interim(&mut self, head: &ResponseHead) -> io::Result<()> {
        if self.server.send_interim(head, self.output) {
            self.flush().await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(())
    }

    fn push_interim(&mut self, head: &ResponseHead) {
        self.server.send_interim(head, self.output);
    }

    fn push(&mut self, content: &[u8]) {
        self.server.frame(content.len(), self.output);
        self.output.extend_from_slice(content);
        self.server.frame_end(content.len(), self.output);
    }

    fn push_through(&mut self, cx: &mut Context<'_>, content: &[u8]) {
        self.server.frame(content.len(), self.output);
        let before = self.output.len();
        // Flushing meets whatever this does.
        let _ = self.socket.poll_write_all(cx, self.output, content, &mut self.sent);
        let left = content.get(self.sent.saturating_sub(before)..).unwrap_or_default();
        if self.sent >= before {
            self.output.clear();
            self.sent = 0;
        }
        self.output.extend_from_slice(left);
        self.server.frame_end(content.len(), self.output);
    }

    fn unsent_bytes(&self) -> usize {
        self.output.len() - self.sent
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        let flushed = ready!(self.socket.poll_write_all(cx, self.output, &[], &mut self.sent));
        self.output.clear();
        self.sent = 0;
        Poll::Ready(flushed.map_err(|_| Gone))
    }
}

impl H1<'_> {
    /// Goes on sending what earlier requests are answered with, while this one waits. Ready if the client has gone.
    fn poll_sent_while_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        if self.unsent_bytes() == 0 {
            return Poll::Pending;
        }
        match self.poll_flush(cx) {
            Poll::Ready(Err(gone)) => Poll::Ready(gone),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}
