//! What stands in `examples/` works as it stands: each configuration is right, and each request that is
//! written beside it is answered as is written there.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

#[path = "../support/mod.rs"]
mod support;

mod requests;
mod site;
mod translation;
mod upstreams;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::requests::{Step, steps};
use crate::support::server::command;
use crate::support::{Client, Running};
use crate::upstreams::Upstreams;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The folders with a configuration, by name.
fn examples() -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(Path::new(ROOT).join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("wherefore.toml").exists())
        .collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

fn steps_of(folder: &Path) -> Vec<Step> {
    let file = folder.join("requests.txt");
    let text = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{} is gone", file.display()));
    steps(&text).unwrap_or_else(|(line, what)| panic!("{}:{line}: {what}", file.display()))
}

#[test]
fn each_is_right() {
    for folder in examples() {
        let file = folder.join("wherefore.toml");
        let out = command().args(["config", "check"]).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success() && said.is_empty(), "{said}");
    }
}

#[test]
fn each_answers_as_is_written_beside_it() {
    let mut wrong = Vec::new();
    for folder in examples() {
        let (own, server, _upstreams) = started(&folder);
        // Kept open until the last is asked: some requests are not to end before.
        let mut connections = Vec::new();
        for step in steps_of(&folder) {
            match step.carry_out(own.path(), || Client::connect(server.address)) {
                Ok(connection) => connections.extend(connection),
                Err(what) => {
                    wrong.push(format!("{}/requests.txt:{}: {what}", name(&folder), step.line));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Serves a copy, so that nothing is written to the example itself.
fn started(folder: &Path) -> (TempDir, Running, Upstreams) {
    let own = TempDir::new().unwrap();
    copy(folder, own.path());
    let upstreams = Upstreams::of(own.path());
    let running = serve(own.path(), "wherefore.toml");
    (own, running, upstreams)
}

/// Serves a configuration of a folder, wherever it says to listen.
fn serve(folder: &Path, name: &str) -> Running {
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--cores", "2", "--allow-root", "--config"]);
    command.arg(folder.join(name));
    let state = TempDir::new().unwrap();
    // Where state is kept of which the configuration says nothing.
    command.env("XDG_STATE_HOME", state.path());
    Running::started(command, folder, state)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn each_says_what_it_is_for_and_is_listed() {
    let list = fs::read_to_string(Path::new(ROOT).join("examples/README.md")).unwrap();
    let listed: Vec<&str> = list
        .match_indices("](")
        .map(|(at, link)| list[at + link.len()..].split(')').next().unwrap())
        .filter_map(|link| link.strip_suffix("/wherefore.toml"))
        .collect();
    let folders = examples();
    let there: Vec<&str> = folders.iter().map(|folder| name(folder)).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, there);
    for folder in &folders {
        assert!(steps_of(folder).len() >= 2, "{}", name(folder));
        let text = fs::read_to_string(folder.join("wherefore.toml")).unwrap();
        assert!(text.starts_with("# "), "{} does not say what it is for", name(folder));
    }
}
