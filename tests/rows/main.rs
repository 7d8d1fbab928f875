//! One file a status code: the situation brought about on a real socket, and the answer read octet by
//! octet.

#![allow(clippy::unwrap_used, reason = "a test that meets what it did not expect has failed")]
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#[path = "../support/mod.rs"]
mod support;

mod racing;
mod status_404;
mod status_408;
mod status_409;
mod status_410;
mod status_411;
mod status_412;
mod status_413;
mod status_414;
mod status_415;
mod status_416;
mod status_417;
mod status_421;
mod status_422;
mod status_507;
