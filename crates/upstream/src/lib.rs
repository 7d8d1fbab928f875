//! Connections to upstreams: names are resolved, sockets opened, TLS spoken. What goes wrong is a
//! [`Cause`](wherefore_message::Cause).
#![forbid(unsafe_code)]
#![deny(missing_docs)]
