//! The servers behind the gateways of examples: what stands beside a configuration says what they do, by the ports
//! that it has for them.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::serve;
use crate::support::Running;
use crate::support::upstream::{Refusing, Step, Upstream};

/// What stands before a port in the URL of an upstream.
const BEFORE: &str = "http://127.0.0.1:";

/// The servers of one example. Dropped, they end.
pub struct Upstreams {
    _served: Vec<Running>,
    _told: Vec<Upstream>,
    _refusing: Vec<Refusing>,
}

impl Upstreams {
    /// Starts those that the configuration of a folder names, and puts their ports into it.
    pub fn of(folder: &Path) -> Self {
        let file = folder.join("wherefore.toml");
        let mut text = fs::read_to_string(&file).unwrap();
        let mut all = Self { _served: Vec::new(), _told: Vec::new(), _refusing: Vec::new() };
        // The longer ones first, since one may begin with another.
        for port in ports(&text).into_iter().rev() {
            let address = all.start(folder, &port);
            // With the mark in it what was put in is not taken for what is to be replaced.
            text = text.replace(&format!("{BEFORE}{port}"), &format!("http:\0//{address}"));
        }
        fs::write(file, text.replace('\0', "")).unwrap();
        all
    }

    fn start(&mut self, folder: &Path, port: &str) -> SocketAddr {
        let configuration = format!("upstream-{port}.toml");
        let answer = folder.join(format!("upstream-{port}.txt"));
        if folder.join(&configuration).exists() {
            self._served.push(serve(folder, &configuration));
            self._served.last().unwrap().address
        } else if let Ok(answer) = fs::read_to_string(answer) {
            let answer = answer.replace('\n', "\r\n").into_bytes();
            let is_tunnel = answer.starts_with(b"HTTP/1.1 101 ");
            let then = if is_tunnel { Step::Echo } else { Step::Close };
            let steps = vec![Step::Read, Step::Write(answer), then];
            self._told.push(Upstream::stepping(steps));
            self._told.last().unwrap().address
        } else {
            self._refusing.push(Refusing::start());
            self._refusing.last().unwrap().address
        }
    }
}

/// The ports of upstreams that a configuration names.
fn ports(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let behind = lines.flat_map(|line| line.split(BEFORE).skip(1));
    behind.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect()).collect()
}

#[test]
fn ports_are_found() {
    let text = "# http://127.0.0.1:1\nto = [\"http://127.0.0.1:9000/a\", \"http://127.0.0.1:90\"]";
    assert_eq!(ports(text).into_iter().collect::<Vec<_>>(), ["90", "9000"]);
}
