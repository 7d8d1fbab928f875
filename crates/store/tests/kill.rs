//! A process that writes is killed at any moment: what it had acknowledged is there, whole, and nothing
//! else is.
#![allow(clippy::unwrap_used, reason = "every function here is a test's")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wherefore_store::{Access, CreateFolders, FileStore, Options, Store};

const FOLDER: &str = "WHEREFORE_KILL_TEST_FOLDER";
const ROUNDS: usize = 12;

fn open(folder: &Path) -> FileStore {
    let options = Options { access: Access::Writable, ..Options::default() };
    FileStore::open(folder, options).unwrap()
}

/// Content by which each version is known, and half a version as well.
fn version(number: u64) -> Vec<u8> {
    format!("{number:016}").repeat(512).into_bytes()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let name = format!("wherefore-kill-{}", std::process::id());
    let folder = Scratch(std::env::temp_dir().join(name));
    fs::create_dir(&folder.0).unwrap();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_writer", "--ignored", "--nocapture"])
            .env(FOLDER, &folder.0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            let Some(number) = line.unwrap().strip_prefix("done ").map(str::to_owned) else {
                continue;
            };
            acknowledged = number.parse().unwrap();
            seen += 1;
            if seen == 1 + round * 3 {
                // What it does from here on until the signal arrives is left to chance.
                writer.kill().unwrap();
            }
        }
        assert!(!writer.wait().unwrap().success() && seen > round * 3, "{seen} in round {round}");
        check(&folder.0, acknowledged);
    }
    assert!(acknowledged > 0);
}

/// Whatever the last acknowledged version is, the one being written then may have come after it.
fn check(folder: &Path, acknowledged: u64) {
    let content = fs::read(folder.join("file")).unwrap();
    let next = version(acknowledged + 1);
    assert!(content == version(acknowledged) || content == next, "{} octets", content.len());
    open(folder);
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["file"], "opening cleared away what was left");
}

#[test]
#[ignore = "the process to be killed: the other test runs it"]
fn the_writer() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = open(&folder);
    let last = fs::read_to_string(folder.join("file")).unwrap_or_default();
    let last: u64 = last.get(..16).map_or(0, |number| number.parse().unwrap());
    // Ends by itself should nobody kill it.
    for number in last + 1..last + 10_000 {
        let mut staged = store.stage(b"/", None).unwrap();
        for piece in version(number).chunks(1000) {
            staged.write(piece).unwrap();
        }
        store.replace(b"/file", staged, CreateFolders::No, &mut |_| true).unwrap();
        writeln!(std::io::stdout(), "done {number}").unwrap();
    }
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
