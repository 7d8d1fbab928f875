//! What carries an exchange, seen from the exchange: the same for every version of HTTP.

use std::future::Future;
use std::io;
use std::net::IpAddr;

use wherefore_decide::act::Begun;
use wherefore_message::{Fault, Request, ResponseHead};

/// What carries one exchange: a connection of HTTP/1, a stream of HTTP/2 or 3.
pub(crate) trait Carrier {
    /// The request's head.
    fn request(&self) -> Request<'_>;

    /// The address at the other end.
    fn peer(&self) -> IpAddr;

    /// Whether content has come already.
    fn begun(&self) -> Begun;

    /// Appends the next content to `into`, at least one octet; says whether there was any.
    fn content(&mut self, into: &mut Vec<u8>) -> impl Future<Output = Result<More, Trouble>>;

    /// Sends an interim answer at once.
    fn interim(&mut self, head: &ResponseHead) -> impl Future<Output = io::Result<()>>;
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
