//! What the README shows is what is answered: each command of its first look is carried out.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use crate::support::Running;
use crate::support::server::command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What stands under the command that begins with `start`, up to the end of its block.
fn shown(start: &str) -> String {
    let page = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let at = page.find(start).unwrap_or_else(|| panic!("the README does not show {start}"));
    let block = page[at..].split("```").next().unwrap();
    block.split_once('\n').unwrap().1.to_owned()
}

fn said(arguments: &[&str]) -> String {
    let out = command().args(arguments).current_dir(ROOT).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_answer_is_as_it_is_shown() {
    let server = Running::over(&Path::new(ROOT).join("examples/site"), &[]);
    let fields = "Host: localhost\nIf-Match: \"an-older-version\"\n";
    let reply = server.ask(&format!("GET /data.json HTTP/1.1\n{fields}\n"));

    let shown = shown("$ curl -i -H 'If-Match:");
    let (head, document) = shown.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status_line = format!("{} {} {}", reply.version, reply.status, reply.phrase);
    assert_eq!(lines.next().unwrap(), status_line);
    let names: Vec<&str> = lines.map(|line| line.split(':').next().unwrap()).collect();
    let sent: Vec<&str> = reply.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, sent);
    assert!(head.contains(&format!("Content-Length: {}", reply.content.len())), "{reply:?}");

    let mut document: serde_json::Value = serde_json::from_str(document).unwrap();
    let answered = reply.problem();
    document["instance"] = answered["instance"].clone();
    assert_eq!(document, answered);

    let line = server.log_line("GET /data.json");
    assert!(line.contains(&format!("\" 412 {} \"-\" ", reply.content.len())), "{line}");
    let id = answered["instance"].as_str().unwrap();
    assert!(line.ends_with(&format!(" if-match {id}")), "{line}");
}

#[test]
fn the_explanation_is_as_it_is_shown() {
    let site = ["--folder", "examples/site"];
    let asked = ["GET", "/data.json", "-H", "If-Match: \"an-older-version\""];
    let told = said(&[&["explain"], &site[..], &asked[..]].concat());
    let shown = shown("$ wherefore explain");
    let shown = shown.strip_prefix("[...]\n").unwrap();
    let left_out = told.strip_suffix(shown).unwrap_or_else(|| panic!("it is\n{told}"));
    let rules = left_out.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(rules, 15, "the README says how many are left out");
}

#[test]
fn the_rules_are_as_they_are_shown() {
    assert_eq!(said(&["rules", "412"]), shown("$ wherefore rules 412"));
}
