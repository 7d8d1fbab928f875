//! What carries an exchange, seen from the exchange: the same for every version of HTTP.

use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::task::{Context, Poll};

use wherefore_decide::act::Begun;
use wherefore_message::{Fault, Fields, Request, ResponseHead};

/// What carries one exchange: a connection of HTTP/1, a stream of HTTP/2 or 3.
pub(crate) trait Carrier {
    /// The request's head.
    fn request(&self) -> Request<'_>;

    /// The address at the other end.
    fn peer(&self) -> IpAddr;

    /// Whether content has come already.
    fn begun(&self) -> Begun;

    /// Appends the next content to `into`, at least one octet; says whether there was any. While it is pending,
    /// time counts against the client.
    fn poll_content(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<More, Trouble>>;

    /// The same, awaited.
    fn content(&mut self, into: &mut Vec<u8>) -> impl Future<Output = Result<More, Trouble>> {
        poll_fn(|cx| self.poll_content(cx, into))
    }

    /// The trailers of the request's content, once it is complete (RFC 9110 §6.5).
    fn trailers(&self) -> Fields<'_>;

    /// Ready when the client has gone. To be asked while nothing is awaited from it.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone>;

    /// Sends an interim answer at once.
    fn interim(&mut self, head: &ResponseHead) -> impl Future<Output = io::Result<()>>;

    /// Writes an interim answer, which leaves with what is flushed next.
    fn push_interim(&mut self, head: &ResponseHead);

    /// Writes content behind the answer's head, which leaves with what is flushed next.
    fn push(&mut self, content: &[u8]);

    /// The same, and sends what is written at once, as far as the client takes it: the content is not copied unless
    /// it does not leave. Whoever is pending wakes this task, and what goes wrong is told by what is flushed next.
    fn push_through(&mut self, cx: &mut Context<'_>, content: &[u8]);

    /// How many octets are written and have not left.
    fn unsent_bytes(&self) -> usize;

    /// Sends what is written. How long the client may take for it is the caller's to say.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>>;
}

/// Whether there was more content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    Yes,
    No,
}

/// What can go wrong with a request's content.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The peer's fault, which can be answered.
    Fault(Fault),
    /// Nobody is there any more to be answered.
    Gone,
}

/// The client has gone.
#[derive(Debug)]
pub(crate) struct Gone;
