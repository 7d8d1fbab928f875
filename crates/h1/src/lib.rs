//! HTTP/1.1 (RFC 9112) without input or output: octets go in as slices, events come out; heads and
//! framing are appended to the caller's buffer; time is an argument.
//!
//! [`Server`] is the whole server role. A head that is all there is turned into spans in one pass, by `head` and
//! `block`; one that is not, or has a fault, goes through `scan`, which finds where it ends or what is wrong. What a head
//! has in common with the one before on the same connection, to the octet, is not read again. [`framing`] says how the
//! content is delimited. What is wrong is named by kind and octet. Which states a connection can be in, and what leads
//! from one to the next, is the one function [`exchange::next`].
//!
//! ```
//! use wherefore_h1::{After, Event, Limits, Millis, Outgoing, Server};
//! use wherefore_message::{Method, ResponseHead, Status};
//!
//! let mut server = Server::new(&Limits::default());
//! let wire = b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n";
//! let (used, event) = server.receive(wire, Millis(0))?;
//! assert_eq!(event, Event::Head);
//! let (head, unread) = wire.split_at(used);
//! assert_eq!(server.request(head).method, Method::Get);
//! assert_eq!(server.receive(unread, Millis(0))?, (0, Event::End));
//!
//! let mut out = Vec::new();
//! let date = b"Sun, 06 Nov 1994 08:49:37 GMT";
//! server.send_head(&ResponseHead::new(Status::OK), Outgoing::Sized(2), date, &mut out);
//! server.frame(2, &mut out);
//! out.extend_from_slice(b"hi");
//! server.frame_end(2, &mut out);
//! assert_eq!(server.finish(&mut out), After::Next);
//! assert!(out.ends_with(b"Content-Length: 2\r\n\r\nhi"));
//! # Ok::<(), wherefore_message::Fault>(())
//! ```
//!
//! [`Client`] is the client role, as a gateway has it towards its upstreams. It reads field lines, framing and
//! chunks by the same code.
//!
//! ```
//! use wherefore_h1::{Client, ClientEvent, ClientLimits, Outbound, Outgoing, TeTrailers};
//! use wherefore_message::{Announced, Method, Status};
//!
//! let mut client = Client::new(&ClientLimits::default());
//! let mut out = Vec::new();
//! let request = Outbound {
//!     method: Method::Get,
//!     method_text: b"GET",
//!     target: b"/a",
//!     host: b"example.org",
//!     lines: b"Accept: */*\r\n",
//!     content: Outgoing::None,
//!     upgrade: None,
//!     te_trailers: TeTrailers::Unsaid,
//! };
//! client.begin(&request, &mut out);
//! assert_eq!(out, b"GET /a HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n");
//!
//! let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
//! let (used, event) = client.receive(wire)?;
//! assert_eq!(event, ClientEvent::Head);
//! let (head, unread) = wire.split_at(used);
//! assert_eq!(client.response(head).status, Status::OK);
//! assert_eq!(client.response(head).announced, Announced::Length(2));
//! assert_eq!(client.receive(unread)?, (2, ClientEvent::Content(0..2)));
//! assert_eq!(client.receive(b"")?, (0, ClientEvent::End));
//! assert!(client.is_reusable());
//! # Ok::<(), wherefore_message::Fault>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::wildcard_enum_match_arm)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

mod answer;
mod block;
pub mod chunked;
pub mod client;
pub mod deadlines;
mod diagnose;
mod event;
pub mod exchange;
pub mod framing;
mod head;
mod incoming;
pub mod limits;
mod lines;
mod octets;
mod outbound;
mod outgoing;
pub mod reason;
mod scan;
pub mod server;
mod write;

pub use answer::Response;
pub use client::{Client, ClientEvent};
pub use deadlines::{Late, Millis, Why};
pub use event::{After, BrokenHead, Event};
pub use incoming::Unread;
pub use limits::{CLIENT_LIMITS, ClientLimits, LIMITS, LimitInfo, Limits};
pub use outbound::{Outbound, TeTrailers};
pub use outgoing::Outgoing;
pub use reason::CloseReason;
pub use server::Server;
