//! One file a status code: the situation brought about on a real socket, and the answer read octet by
//! octet.

#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]
#[path = "../support/mod.rs"]
mod support;

mod status_404;
