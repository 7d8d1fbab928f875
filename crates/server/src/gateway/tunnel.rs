//! Tunnels: after 101 octets go to and fro as they are. Each side may end its own direction; the other goes on.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use super::hop::Hop;
use super::relay::Relay;
use crate::buffer::Buffer;
use crate::service::Service;
use crate::socket::Socket;

/// How far one direction has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Octets go.
    Open,
    /// Its sender has ended; what it sent is still on its way.
    Ending,
    /// Its end was passed on.
    Ended,
}

/// What the client's side of a tunnel is made of.
pub(crate) struct Near<'a> {
    pub(crate) socket: &'a mut Socket,
    /// What it sent and was not looked at yet.
    pub(crate) input: &'a mut Buffer,
}

/// Carries octets until both directions have ended, or nothing went for too long. Says how many went to the client.
pub(crate) async fn tunnel(service: &Service, relay: Relay, near: Near<'_>) -> u64 {
    let Some((mut hop, _permit, idle_time)) = relay.into_tunnel() else { return 0 };
    hop.input.release_head();
    // Messages are longer than heads.
    for input in [&mut *near.input, &mut hop.input] {
        service.core.buffers.widen(input, None);
    }
    let deadline = service.core.wheel.deadline();
    deadline.set_in(idle_time);
    let mut tunnel = Tunnel {
        near,
        hop: &mut hop,
        up: Flow { way: Way::Open, sent: 0 },
        down: Flow { way: Way::Open, sent: 0 },
        octets: 0,
    };
    let ended = poll_fn(|cx| {
        loop {
            match tunnel.poll(cx) {
                Ok(Moved::Something) => deadline.set_in(idle_time),
                Ok(Moved::Nothing) if tunnel.is_over() => return Poll::Ready(Ok(())),
                Ok(Moved::Nothing) => {
                    return deadline.poll_expired(cx).map(|()| Err(io::ErrorKind::TimedOut.into()));
                }
                Err(error) => return Poll::Ready(Err::<(), io::Error>(error)),
            }
        }
    })
    .await;
    let octets = tunnel.octets;
    if ended.is_err() {
        hop.stream.abort();
    }
    octets
}

struct Tunnel<'a, 'b> {
    near: Near<'a>,
    hop: &'b mut Box<Hop>,
    up: Flow,
    down: Flow,
    octets: u64,
}

/// One direction.
struct Flow {
    way: Way,
    /// How much of what was read has left.
    sent: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Moved {
    Something,
    Nothing,
}

impl Tunnel<'_, '_> {
    fn is_over(&self) -> bool {
        self.up.way == Way::Ended && self.down.way == Way::Ended
    }

    /// Moves what can be moved.
    fn poll(&mut self, cx: &mut Context<'_>) -> io::Result<Moved> {
        let up = self.poll_up(cx)?;
        let down = self.poll_down(cx)?;
        let moved = up == Moved::Something || down == Moved::Something;
        Ok(if moved { Moved::Something } else { Moved::Nothing })
    }

    fn poll_up(&mut self, cx: &mut Context<'_>) -> io::Result<Moved> {
        let mut moved = self.poll_write_up(cx)?;
        let (near, hop) = (&mut self.near, &mut *self.hop);
        if self.up.way == Way::Open && near.input.unread().is_empty() {
            near.input.make_room(usize::MAX).map_err(|_| io::ErrorKind::OutOfMemory)?;
            match near.socket.poll_read(cx, near.input.spare()) {
                Poll::Ready(Ok(0)) => self.up.way = Way::Ending,
                Poll::Ready(Ok(count)) => {
                    near.input.filled(count);
                    self.poll_write_up(cx)?;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(moved),
            }
            moved = Moved::Something;
        } else if self.up.way == Way::Ending
            && near.input.unread().is_empty()
            && let Poll::Ready(ended) = hop.stream.poll_shutdown_write(cx)
        {
            ended?;
            self.up.way = Way::Ended;
            moved = Moved::Something;
        }
        Ok(moved)
    }

    /// Writes what the client sent, as far as the upstream takes it.
    fn poll_write_up(&mut self, cx: &mut Context<'_>) -> io::Result<Moved> {
        let (input, stream) = (&mut *self.near.input, &mut self.hop.stream);
        let mut moved = Moved::Nothing;
        if !input.unread().is_empty() {
            match stream.poll_write(cx, input.unread()) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    input.consume(count);
                    moved = Moved::Something;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {}
            }
        }
        if let Poll::Ready(flushed) = stream.poll_flush(cx) {
            flushed?;
        }
        Ok(moved)
    }

    fn poll_down(&mut self, cx: &mut Context<'_>) -> io::Result<Moved> {
        let mut moved = self.poll_write_down(cx)?;
        let (near, hop) = (&mut self.near, &mut *self.hop);
        if self.down.way == Way::Open && hop.input.unread().is_empty() {
            hop.input.make_room(usize::MAX).map_err(|_| io::ErrorKind::OutOfMemory)?;
            match hop.stream.poll_read(cx, hop.input.spare()) {
                Poll::Ready(Ok(0)) => self.down.way = Way::Ending,
                Poll::Ready(Ok(count)) => {
                    hop.input.filled(count);
                    self.poll_write_down(cx)?;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(moved),
            }
            moved = Moved::Something;
        } else if self.down.way == Way::Ending
            && hop.input.unread().is_empty()
            && let Poll::Ready(ended) = near.socket.poll_shutdown_write(cx)
        {
            ended?;
            self.down.way = Way::Ended;
            moved = Moved::Something;
        }
        Ok(moved)
    }

    /// Writes what the upstream sent, as far as the client takes it.
    fn poll_write_down(&mut self, cx: &mut Context<'_>) -> io::Result<Moved> {
        let (socket, input) = (&mut *self.near.socket, &mut self.hop.input);
        if input.unread().is_empty() {
            return Ok(Moved::Nothing);
        }
        let before = self.down.sent;
        let written = socket.poll_write_all(cx, input.unread(), &[], &mut self.down.sent);
        let went = self.down.sent > before;
        self.octets += (self.down.sent - before) as u64;
        if let Poll::Ready(written) = written {
            written?;
            input.consume(std::mem::take(&mut self.down.sent));
        }
        Ok(if went { Moved::Something } else { Moved::Nothing })
    }
}
