//! The keys of what is accepted to be delivered later.

use super::scope;
use crate::kind::key;
use crate::table::keys;
use crate::value::{Count, Duration, FilePath, SitePath, Size};

/// A year, in milliseconds.
const YEAR: u64 = 365 * 86_400_000;

keys! {
    /// How what is accepted for later is kept and delivered.
    Later: scope(
        "deliveries",
        "`[later]`: how what is accepted for later is kept and delivered: what inboxes take that have `deliver-to`, and \
         what routes do with `respond-async`. It is on the disk, in the folder that `state` names, before it is \
         answered (202), and stays there until an upstream has taken it or it is given up. Upstreams may be told \
         twice, and know that by `Idempotency-Key`.",
    );

    pending: Count = key("pending", "100", "How many requests wait to be delivered at most (503)")
        .default("10000").within(1, 1_000_000).of_start();
    pending_bytes: Size = key("pending-bytes", "\"100MiB\"", "How much they are at most, all together (503)")
        .default("\"1GiB\"").within(1, 1 << 50).of_start();
    content_max: Size = key("content-max", "\"1MiB\"", "The most content of one (413)")
        .default("\"64MiB\"").within(0, 1 << 40).of_start();
    tries: Count = key("tries", "10", "After how many tries one is given up: it is a dead letter then")
        .default("64").within(1, 1_000_000).of_start();
    time: Duration = key("time", "\"24h\"", "After what time one is given up by the next try that fails")
        .default("\"72h\"").within(1, YEAR).of_start();
    delay: Duration = key(
        "delay",
        "\"10s\"",
        "How long is waited after the first try, at most; after each further one it is twice as long, and half of it is \
         left to chance",
    ).default("\"2s\"").within(1, YEAR).of_start();
    delay_max: Duration = key("delay-max", "\"10m\"", "How long is waited at most, whatever an upstream asks for")
        .default("\"1h\"").within(1, YEAR).of_start();
    at_once: Count = key(
        "at-once",
        "4",
        "How many are delivered at the same time at most; each destination has an equal share of these, and one at least",
    )
        .default("16").within(1, 1024).of_start();
    remembered: Count = key(
        "remembered",
        "1000",
        "How many are remembered that are delivered or given up: their monitors, and the keys of their clients",
    ).default("100000").within(0, 10_000_000).of_start();
    remembered_time: Duration = key("remembered-time", "\"48h\"", "For how long they are remembered")
        .default("\"24h\"").within(1, YEAR).of_start();
    dead_letters: FilePath = key(
        "dead-letters",
        "\"dead-letters\"",
        "The folder in which what is given up is left, as files; one in the folder that `state` names where it is not \
         said",
    ).of_start();
    dead_letters_max: Count = key(
        "dead-letters-max",
        "1000",
        "How many dead letters there are at most; while as many are there, what would be given up is tried on",
    ).default("10000").within(1, 10_000_000).of_start();
    monitors: SitePath = key(
        "monitors",
        "\"/pending/\"",
        "The path under which a site says how far each request is that it accepted for later",
    ).default("\"/.well-known/wherefore/later/\"").spec(9110, "15.3.3");
}
