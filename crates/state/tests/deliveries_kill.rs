//! A process that accepts and delivers is killed at any moment: what it said to be accepted is there with its content,
//! or was delivered; what it said to be delivered or given up is; and nothing is left of what it did not accept.
#![allow(clippy::unwrap_used, reason = "every function here is a test's")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use wherefore_message::later::{Lasts, Progress, Setback};
use wherefore_message::{Cause, Status};
use wherefore_state::deliveries::{
    Content, Deliveries, DeliveryBounds, DeliveryId, DeliverySettings, Due, Lease, NewDelivery,
    Next, Refused, Retry, UnixMillis,
};

const FOLDER: &str = "WHEREFORE_KILL_TEST_FOLDER";
const ROUNDS: u64 = 12;
const ACCEPTING: u64 = 3;
const DELIVERING: usize = 2;

fn open(folder: &Path) -> Deliveries {
    let bounds = DeliveryBounds { inline_bytes_max: 64, ..DeliveryBounds::default() };
    // Due at once again, so that all ends are come to.
    let retry = Retry { delay_min: Duration::ZERO, tries_max: 2, ..Retry::default() };
    Deliveries::open(folder, DeliverySettings { bounds, retry, dead_letters: None }).unwrap()
}

/// Content by which each delivery is known; every other one is large.
fn content_of(id: DeliveryId) -> Vec<u8> {
    let text = id.to_string();
    let times = if text.ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e']) { 1 } else { 500 };
    text.repeat(times).into_bytes()
}

fn content(lease: &Lease) -> Vec<u8> {
    match &lease.delivery().content {
        Content::Inline(octets) => octets.to_vec(),
        Content::File { path, .. } => fs::read(path).unwrap(),
    }
}

/// What a process said of the deliveries, over all rounds.
#[derive(Default)]
struct Said {
    accepted: HashSet<DeliveryId>,
    /// What it had begun to send.
    sent: HashMap<DeliveryId, u32>,
    delivered: HashSet<DeliveryId>,
    dead: HashSet<DeliveryId>,
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let name = format!("wherefore-deliveries-kill-{}", std::process::id());
    let folder = Scratch(std::env::temp_dir().join(name));
    fs::create_dir(&folder.0).unwrap();
    let mut said = Said::default();
    for round in 0..ROUNDS {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process", "--ignored", "--nocapture"])
            .env(FOLDER, &folder.0)
            .env("ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = 0;
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The first may stand behind what the test's own frame says.
            let words: Vec<_> = line.rsplitn(3, ' ').collect();
            let [id, what, ..] = words[..] else { continue };
            if what == "process" && id == "begun" {
                lines += 1;
            } else if let Some(id) = DeliveryId::parse(id.as_bytes()) {
                lines += 1;
                let is_new = match what {
                    "accepted" => said.accepted.insert(id),
                    "sent" => {
                        said.sent.entry(id).and_modify(|times| *times += 1).or_insert(1) > &mut 0
                    }
                    "delivered" => said.delivered.insert(id),
                    "dead" => said.dead.insert(id),
                    other => panic!("{other}"),
                };
                assert!(is_new, "{line}: it was said before");
            }
            // In the first round, while it makes the file.
            if lines == 1 + round * 9 {
                // What it does from here on until the signal arrives is left to chance.
                process.kill().unwrap();
            }
        }
        assert!(!process.wait().unwrap().success());
        check(&folder.0, &said);
    }
    assert!(!said.delivered.is_empty() && !said.dead.is_empty());
    // What is still pending is delivered in the end: then each was sent at least once.
    let deliveries = open(&folder.0);
    while let Due::Now(lease) = deliveries.lease(UnixMillis(u64::MAX)).unwrap() {
        said.sent.insert(lease.delivery().id, 1);
        deliveries.delivered(*lease, Status::OK, UnixMillis(1)).unwrap();
    }
    assert_eq!(deliveries.pending(), 0);
    assert!(said.accepted.iter().all(|id| said.sent.contains_key(id)));
}

fn check(folder: &Path, said: &Said) {
    let deliveries = open(folder);
    let mut pending = HashSet::new();
    let mut leases = Vec::new();
    while let Due::Now(lease) = deliveries.lease(UnixMillis(u64::MAX)).unwrap() {
        let id = lease.delivery().id;
        assert_eq!(content(&lease), content_of(id), "what is pending is whole");
        pending.insert(id);
        leases.push(lease);
    }
    assert_eq!(pending.len(), deliveries.pending());
    let letters = folder.join("deliveries/dead-letters");
    for id in &said.accepted {
        let progress = deliveries.progress(*id).unwrap_or_else(|| panic!("{id} is lost"));
        let sent = said.sent.get(id).copied().unwrap_or(0);
        match progress {
            Progress::Pending { tries, .. } => assert!(pending.contains(id) && tries <= sent),
            Progress::Delivered { .. } => assert!(sent > 0 && !said.dead.contains(id)),
            Progress::Failed { tries, .. } => {
                assert!(tries <= sent && !said.delivered.contains(id));
                let content = fs::read(letters.join(format!("{id}.content"))).unwrap();
                assert_eq!(content, content_of(*id));
                let head = fs::read_to_string(letters.join(format!("{id}.head"))).unwrap();
                assert!(head.starts_with(&format!("# delivery {id} to somewhere\n")), "{head}");
            }
        }
    }
    for settled in said.delivered.iter().chain(&said.dead) {
        assert!(!pending.contains(settled), "{settled} was settled");
    }
    let needed =
        leases.iter().filter(|lease| matches!(lease.delivery().content, Content::File { .. }));
    let spool = fs::read_dir(folder.join("deliveries/spool")).unwrap().count();
    assert_eq!(spool, needed.count(), "nothing else is left");
}

#[test]
#[ignore = "the process to be killed: the other test runs it"]
fn the_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let round: u64 = std::env::var("ROUND").unwrap().parse().unwrap();
    let say = |what: &str, id: &str| writeln!(std::io::stdout(), "{what} {id}").unwrap();
    say("process", "begun");
    let deliveries = open(&folder);
    std::thread::scope(|scope| {
        for thread in 0..ACCEPTING {
            let deliveries = &deliveries;
            scope.spawn(move || {
                // Ends by itself should nobody kill it.
                for number in 0..2_000u64 {
                    let id =
                        u128::from(round) << 96 | u128::from(thread) << 64 | u128::from(number);
                    accept(deliveries, DeliveryId::new(id.to_be_bytes()));
                    say("accepted", &DeliveryId::new(id.to_be_bytes()).to_string());
                }
            });
        }
        for _ in 0..DELIVERING {
            let deliveries = &deliveries;
            scope.spawn(move || {
                for turn in 0..4_000u32 {
                    let Due::Now(lease) = deliveries.lease(UnixMillis(u64::MAX)).unwrap() else {
                        std::thread::yield_now();
                        continue;
                    };
                    let id = lease.delivery().id;
                    assert_eq!(content(&lease), content_of(id));
                    say("sent", &id.to_string());
                    if turn % 3 == 0 {
                        deliveries.delivered(*lease, Status::OK, UnixMillis(1)).unwrap();
                        say("delivered", &id.to_string());
                        continue;
                    }
                    let why = Setback::Cause(Cause::Refused);
                    let refused = Refused { why, lasts: Lasts::ForNow, retry_after: None };
                    let next = deliveries.failed(*lease, &refused, UnixMillis(1), 0).unwrap();
                    if matches!(next, Next::Dead) {
                        say("dead", &id.to_string());
                    }
                }
            });
        }
    });
}

fn accept(deliveries: &Deliveries, id: DeliveryId) {
    let mut incoming = deliveries.begin(id).unwrap();
    content_of(id).chunks(50).for_each(|piece| incoming.write(piece).unwrap());
    let request = NewDelivery {
        destination: "somewhere".into(),
        method: "POST".into(),
        target: b"/"[..].into(),
        fields: Vec::new(),
        key: None,
    };
    assert_eq!(deliveries.accept(incoming, request, UnixMillis(1)).unwrap(), id);
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
