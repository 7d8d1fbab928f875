//! What the server role tells its caller.

use core::ops::Range;

use wherefore_message::{Method, Span, Version};

use crate::reason::CloseReason;

/// What [`Server::receive`](crate::Server::receive) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing more can be told without more octets.
    NeedMore,
    /// A head is complete; the octets used are it.
    Head,
    /// These octets of the input are content.
    Content(Range<usize>),
    /// The request is complete.
    End,
    /// The request is complete or broken, and the answer is not finished: what follows waits.
    Paused,
    /// The connection is over.
    Closed(CloseReason),
}

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next request: call [`Server::receive`](crate::Server::receive), with what is unread, be it nothing.
    Next,
    /// The rest of this request's content, little enough to be read and dropped: call
    /// [`Server::receive`](crate::Server::receive) until [`Event::End`], then go on as after [`After::Next`].
    Drain,
    /// Nothing: send what is written, then close, or leave the connection to another protocol.
    Close(CloseReason),
}

/// What can be told of a head that broke the protocol. Spans are of the input that was shown last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenHead {
    /// The method, if it was read before the fault.
    pub method: Option<Method>,
    /// The target, as far as it was read.
    pub target: Option<Span>,
    /// The version; 1.0, which promises least, if it was not read.
    pub version: Version,
    /// The name of the field whose line is at fault.
    pub field: Option<Span>,
}
