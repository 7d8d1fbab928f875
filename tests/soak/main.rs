//! A soak of the gateway: all that upstreams and clients may do, at once and for as long as one likes. No wrong
//! octet, no answer that looks whole and is not, each failure's cause right in the log, and nothing left at the end.
//!
//! `WHEREFORE_SOAK_SECONDS` says for how long; by default it is over after so many steps. `WHEREFORE_SOAK_SEED`
//! says what happens, as far as two threads and the machine leave that to chance.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that fails panics")]
#![allow(unreachable_pub, reason = "shared by several test binaries")]

#[path = "../support/mod.rs"]
mod support;

mod behaviour;
mod client;
mod content;
mod ledger;
mod load;
mod upstreams;

use std::collections::hash_map::RandomState;
use std::env;
use std::fs;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use content::mixed;
use ledger::Ledger;
use load::Load;
use support::server::eventually;
use support::{Configured, setup};
use upstreams::Upstreams;

const THREADS: usize = 2;
/// How much is done where nobody says for how long, by all threads together.
const STEPS: usize = 2000;
/// How often memory is looked at.
const SAMPLES: usize = 60;
/// By how much the server's memory may grow from the middle third to the last, in KiB.
const GROWTH_KIB_MAX: usize = 4 << 10;

/// How far it has come.
struct Course {
    begun: Instant,
    time: Option<Duration>,
    steps: AtomicUsize,
}

impl Course {
    /// Takes a step, and says how many of [`SAMPLES`] parts are over; none if all are.
    fn step(&self) -> Option<usize> {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        let part = match self.time {
            None => steps * SAMPLES / STEPS,
            Some(time) => {
                let share = self.begun.elapsed().as_secs_f64() / time.as_secs_f64();
                (share * SAMPLES as f64) as usize
            }
        };
        (part < SAMPLES).then_some(part)
    }
}

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

/// How much memory the server has for itself. What it shares with others of its kind comes and goes with them.
fn memory_kib(server: &Configured) -> usize {
    let map = fs::read_to_string(format!("/proc/{}/smaps_rollup", server.pid())).unwrap();
    let line = map.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}

fn descriptors(server: &Configured) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

/// The descriptors of a server that has nothing to do. It is asked so often before that each core has answered, and
/// is set up; and the one who is ill is found out by that.
fn at_rest(server: &Configured) -> usize {
    let request = "GET /ill/length/0/0/0 HTTP/1.1\nHost: localhost\nConnection: close\n\n";
    server.ask(request).is(502, "upstream-connects");
    for _ in 0..40 {
        server.ask(request).is(503, "upstream-healthy");
    }
    let mut logged = 0;
    eventually("all of that is in the log", || {
        logged += server.log_so_far().len();
        logged == 41
    });
    (0..1000).map(|_| descriptors(server)).min().unwrap()
}

fn median(samples: &[usize]) -> usize {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    samples[samples.len() / 2]
}

#[test]
fn nothing_wrong_comes_out_and_nothing_stays() {
    let seed = setting("WHEREFORE_SOAK_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    eprintln!("WHEREFORE_SOAK_SEED={seed}");
    let upstreams = Upstreams::start();
    let server = setup().server("log = \"json\"\nvia = \"soak\"").serve(&upstreams.configuration());
    let before = at_rest(&server);
    let ledger = Ledger::default();
    let time = setting("WHEREFORE_SOAK_SECONDS").map(Duration::from_secs);
    let course = Course { begun: Instant::now(), time, steps: AtomicUsize::new(0) };
    let mut samples = Vec::new();
    thread::scope(|scope| {
        for thread in 1..THREADS {
            let (course, ledger, upstreams) = (&course, &ledger, &upstreams);
            let mut load =
                Load::new(server.address, mixed(seed ^ thread as u64), ledger, upstreams);
            scope.spawn(move || {
                while course.step().is_some() {
                    load.step();
                }
                load.end();
            });
        }
        let mut load = Load::new(server.address, mixed(seed), &ledger, &upstreams);
        while let Some(part) = course.step() {
            load.step();
            ledger.lines(server.log_so_far());
            if part >= samples.len() {
                samples.push(memory_kib(&server));
            }
        }
        load.end();
    });

    eventually("all is in the log", || {
        ledger.lines(server.log_so_far());
        ledger.is_settled()
    });
    let first = samples[0];
    let middle = median(&samples[samples.len() / 3..samples.len() * 2 / 3]);
    let last = median(&samples[samples.len() * 2 / 3..]);
    eprintln!("{} in {:?}", ledger.summary(), course.begun.elapsed());
    eprintln!("memory in KiB: {first} at first, {middle} in the middle, {last} in the end");
    eprintln!("{samples:?}");
    let mut after = descriptors(&server);
    eprintln!("descriptors: {before} before, {after} with the last connections");
    eventually("descriptors are given back", || {
        after = descriptors(&server);
        after <= before
    });
    ledger.lines(server.log_so_far());
    let faults = ledger.faults();
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
    assert!(last <= middle + GROWTH_KIB_MAX, "memory grows: {samples:?}");
}
