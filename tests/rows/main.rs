//! One file a status code: the situation brought about on a real socket, and the answer read octet by
//! octet.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#[path = "../support/mod.rs"]
mod support;

mod status_404;
mod status_431;
mod status_500;
mod status_501;
mod status_503;
mod status_505;
