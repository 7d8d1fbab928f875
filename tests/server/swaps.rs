//! A thousand reloads under load: no request fails for it, and nothing is left of what was before.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;
use wherefore_server::control::{Command, ask};

use crate::support::Running;
use crate::support::server::command;

const RELOADS: usize = 1000;
/// By how much the server may have grown from the first hundred reloads to the last, in KiB. A configuration
/// that was kept each time, with its routes, would take several times as much.
const GROWTH_KIB_MAX: usize = 6 << 10;

/// Writes the configuration that serves this folder, or one that can't be used. It takes the place of the old
/// one in one step, so that it is never seen half-written.
fn say(folder: &Path, served: &str) {
    let mut text =
        "[server]\ncontrol = \"control\"\n[[site.localhost.route]]\npath = \"/*\"\n".to_owned();
    text.push_str(&format!("folder = \"{served}\"\n"));
    for number in 0..8 {
        let path = "x".repeat(1000);
        text.push_str(&format!(
            "[[site.localhost.route]]\npath = \"/{number}/{path}\"\nredirect = \"/\"\n"
        ));
    }
    let beside = folder.join("new.toml");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, folder.join("wherefore.toml")).unwrap();
}

fn resident_kib(server: &Running) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}

#[test]
fn a_thousand_reloads_fail_no_request_and_leave_nothing() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    for name in ["a", "b"] {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("file"), name).unwrap();
    }
    say(folder, "a");
    let mut command = command();
    command.args(["serve", "--cores", "2", "--allow-root", "--log", "off"]);
    command.args(["--listen", "127.0.0.1:0", "--config"]).arg(folder.join("wherefore.toml"));
    let server = Running::started(command, folder, TempDir::new().unwrap());

    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut grown_from = 0;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.connect();
                while !over.load(Ordering::Relaxed) {
                    client.send("GET /file HTTP/1.1\nHost: localhost\n\n");
                    let reply = client.reply("GET");
                    assert_eq!(reply.status, 200, "{reply:?}");
                    assert!(matches!(reply.text(), "a" | "b"), "{reply:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for count in 1..=RELOADS {
            let (served, is_good) = match count % 10 {
                0 => ("missing", false),
                odd if odd % 2 == 1 => ("b", true),
                _ => ("a", true),
            };
            say(folder, served);
            let reply = ask(&folder.join("control"), &Command::Reload).unwrap();
            assert_eq!(reply.is_done(), is_good, "{reply:?}");
            if count == RELOADS / 10 {
                grown_from = resident_kib(&server);
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let grown = resident_kib(&server).saturating_sub(grown_from);
    assert!(grown <= GROWTH_KIB_MAX, "{grown} KiB more");
    assert!(answered.load(Ordering::Relaxed) > 0);
    // The last one was bad, and the one before it serves.
    assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "b");
}
