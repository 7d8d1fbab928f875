//! Clients and upstream, joined.

use super::*;
use crate::command::{self, Command};
use crate::upstream::Upstream;
use std::thread;

/// What was measured of an upstream of its own, as the JSON that is said of it.
fn measured(options: &str) -> Result<String, String> {
    let mut upstream = Upstream::bind().unwrap();
    let port = upstream.port().unwrap();
    // It ends with the process.
    thread::spawn(move || {
        loop {
            upstream.turn().unwrap();
        }
    });
    let line = format!("ask --port {port} --seconds 0.2 --warm 0.01 {options}");
    let line: Vec<_> = line.split(' ').map(str::to_owned).collect();
    let Command::Ask(plan) = command::read(&line)? else { return Err("no plan".to_owned()) };
    let mut out = Vec::new();
    run(&plan, &mut out).map_err(|error| error.to_string())?;
    let said = String::from_utf8(out).unwrap();
    let lines: Vec<_> = said.lines().collect();
    let ["begun", measured, all] = lines[..] else { panic!("{said}") };
    let all: u64 = all.strip_prefix("answered ").unwrap().parse().unwrap();
    assert!(all >= number(measured, "requests"), "{said}");
    Ok(measured.strip_prefix("measured ").unwrap().to_owned())
}

fn number(json: &str, name: &str) -> u64 {
    let (_, rest) = json.split_once(&format!("\"{name}\": ")).unwrap();
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}

#[test]
fn what_is_asked_is_answered() {
    for (options, octets) in [
        ("--path /up/1k --connections 3", 1024),
        ("--path /up/1k --depth 4 --field A:b", 1024),
        ("--path /up/{}/1k --files 10", 1024),
        ("--path /up/slow --connections 20 --seconds 0.6", 1024),
        ("--path /up/10m --connections 2 --seconds 0.6", 1024),
        ("--path /up/count --method PUT --sends 5", 1),
        ("--path /up/count --method PUT --sends 200000", 200_006),
        ("--path /up/echo --octets 32 --connections 3", 32),
        ("--path /up/echo --octets 4096", 4096),
    ] {
        let json = measured(options).unwrap();
        let answers = number(&json, "requests");
        assert!(answers > 0 && number(&json, "errors") == 0, "{options}: {json}");
        assert!(number(&json, "octets") >= answers * octets / 2, "{options}: {json}");
    }
}

#[test]
fn what_is_wrong_is_counted() {
    let error = measured("--path /up/1k --status 404 --seconds 10").unwrap_err();
    assert!(error.contains("status 200"), "{error}");
    // This upstream closes nothing: each connection is good for one answer.
    let json = measured("--path /up/1k --closing yes --connections 2").unwrap();
    assert!(number(&json, "requests") <= 2, "{json}");
    let error = measured("--path /up/1k --octets 32").unwrap_err();
    assert!(error.contains("answered 200"), "{error}");
}
