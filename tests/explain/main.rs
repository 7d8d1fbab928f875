//! `explain` says what the running server does: of a folder, and of a configuration.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod case;
mod configuration;
mod folder;
mod gateway;
#[path = "../support/mod.rs"]
mod support;

use std::process::Output;

use support::server::command;

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// What a command printed that did its work and had nothing to complain of.
fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complained of that was called wrongly: with status 2, and nothing else printed.
fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn explain_says_what_is_wrong_with_its_arguments() {
    for (arguments, says) in [
        (&["explain", "GET", "/", "-H", "Accept"][..], "'Name: value'"),
        (&["explain", "GET", "/", "--content", "/dev/null/file"], "--content /dev/null/file"),
        (
            &["explain", "GET", "/", "--folder", "/dev/null/site"],
            "can't serve the folder /dev/null/site",
        ),
        (&["explain", "GET", "/", "--limit", "no-such=1"], "no-such"),
        (&["explain", "GET"], "<TARGET>"),
        (&["explain", "GET", "/", "--from", "here"], "--from"),
        (&["explain", "GET", "/", "--as", ":staff"], "USER:group,group"),
        (&["explain", "GET", "/", "--config", "/dev/null/x"], "/dev/null/x"),
        (&["explain", "GET", "/", "--config", "x", "--folder", "y"], "cannot be used with"),
    ] {
        let text = complaint(arguments);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}
