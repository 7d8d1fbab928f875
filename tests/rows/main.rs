//! One file a status code: the situation brought about on a real socket, and the answer read octet by
//! octet.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

#[path = "../support/mod.rs"]
mod support;

mod arriving;
mod buffered;
mod every;
mod gateways;
mod hedging;
mod inboxes;
mod racing;
mod variants;
mod written;

mod asking;
mod cors;
mod pages;
mod paying;

mod status_100;
mod status_101;
mod status_103;
mod status_200;
mod status_201;
mod status_202;
mod status_202_kill;
mod status_203;
mod status_204;
mod status_205;
mod status_206;
mod status_300;
mod status_301;
mod status_302;
mod status_303;
mod status_304;
mod status_305;
mod status_306;
mod status_307;
mod status_308;
mod status_400;
mod status_401;
mod status_402;
mod status_403;
mod status_404;
mod status_405;
mod status_406;
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
mod status_426;
mod status_428;
mod status_429;
mod status_431;
mod status_451;
mod status_500;
mod status_501;
mod status_502;
mod status_503;
mod status_504;
mod status_505;
mod status_506;
mod status_507;
