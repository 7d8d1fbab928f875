//! Starting: what is said of what is served, and what is refused, with what words.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::server::{command, eventually};
use crate::support::{Running, start};

#[test]
fn it_says_where_what_and_whether_it_is_written_to() {
    let server = start(&[]);
    let listening = server.notice("listening");
    assert_eq!(listening, format!("listening at http://{}/", server.address));
    let serving = server.notice("serving");
    assert_eq!(serving, format!("serving {}", server.folder().canonicalize().unwrap().display()));
    assert!(server.notice("writing").contains("writing is off (--writable"));

    let server = start(&["--writable"]);
    assert!(server.notice("writing").contains("writing is ON for every program on this machine"));
}

#[test]
fn writing_for_the_whole_network_is_warned_of() {
    let folder = TempDir::new().unwrap();
    let server = Running::over(folder.path(), &["--writable", "--listen", "0.0.0.0:0"]);
    assert!(server.notice("warning").contains("writing is ON, for ANYONE"));

    let server = Running::over(folder.path(), &["--listen", "0.0.0.0:0"]);
    assert!(server.notice("writing").contains("writing is off"));
}

/// Runs what is expected to refuse to start.
fn refused(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } =
        command().args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{arguments:?}: {said}");
    assert!(stdout.is_empty(), "{arguments:?}");
    assert!(!said.contains("panicked") && !said.contains("listening at"), "{said}");
    said
}

fn serve_refused(folder: &Path, arguments: &[&str]) -> String {
    let start = ["serve", folder.to_str().unwrap(), "--listen", "127.0.0.1:0", "--allow-root"];
    refused(&[&start, arguments].concat())
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = TempDir::new().unwrap();
    let folder = folder.path().to_str().unwrap();
    let said = refused(&["serve", folder, "--allow-root", "--listen", &address.to_string()]);
    assert!(said.contains(&format!("port {} is in use", address.port())), "{said}");
    assert!(said.contains("choose another port"), "{said}");

    // Also if it is another of our own that has it.
    let server = start(&[]);
    let said = refused(&["serve", folder, "--allow-root", "--listen", &server.address.to_string()]);
    assert!(said.contains("is in use"), "{said}");
}

#[test]
fn an_address_that_is_not_here() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().to_str().unwrap();
    // From the block for documentation (RFC 5737), which no interface has.
    let said = refused(&["serve", folder, "--allow-root", "--listen", "192.0.2.1:0"]);
    assert!(said.contains("no interface of this machine has 192.0.2.1"), "{said}");
}

#[test]
fn a_folder_that_is_missing_or_none() {
    let folder = TempDir::new().unwrap();
    for arguments in [&[][..], &["--writable"]] {
        let missing = folder.path().join("missing");
        let said = serve_refused(&missing, arguments);
        assert!(said.contains(missing.to_str().unwrap()), "{said}");
        assert!(said.contains("name a folder that is there"), "{said}");

        let file = folder.path().join("file");
        fs::write(&file, "no folder").unwrap();
        let said = serve_refused(&file, arguments);
        assert!(said.contains("can't serve the folder"), "{said}");
    }
}

#[test]
fn a_folder_that_may_not_be_read() {
    let all = TempDir::new().unwrap();
    let mode = |path: &Path, bits| fs::set_permissions(path, Permissions::from_mode(bits)).unwrap();
    let closed = all.path().join("closed");
    fs::create_dir(&closed).unwrap();
    mode(&closed, 0);
    let mut command = command();
    if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root, so another user runs it, from where that user may read it.
        mode(all.path(), 0o755);
        let copy = all.path().join("wherefore");
        // Copied by another process: a child of another test's could inherit what we write to, and a
        // program that is open to be written can't be run.
        let copied =
            std::process::Command::new("cp").arg(command.get_program()).arg(&copy).status();
        assert!(copied.unwrap().success());
        command = std::process::Command::new(copy);
        command.uid(65534).gid(65534);
    }
    let folder = closed.to_str().unwrap();
    let output = command.args(["serve", folder, "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(folder) && said.contains("that you may read"), "{said}");
}

#[test]
fn a_second_that_writes_to_the_same_folder() {
    let folder = TempDir::new().unwrap();
    let state = TempDir::new().unwrap();
    let shared = state.path().to_str().unwrap().to_owned();
    let first = Running::with_state(folder.path(), state, &["--writable"]);
    let said = serve_refused(folder.path(), &["--writable", "--state", &shared]);
    assert!(said.contains("another instance writes to"), "{said}");
    assert!(said.contains("end it, or serve without --writable"), "{said}");
    // One that only reads may stand beside it, and the first is as it was.
    let reader = Running::over(folder.path(), &[]);
    let put = "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 4\n\nhere";
    assert_eq!(first.ask(put).status, 201);
    assert_eq!(reader.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "here");
    // And when it has ended, however that was, its place is free.
    let again = first.crash_and_restart(&["--writable"]);
    assert_eq!(again.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "here");
}

#[test]
fn limits_that_are_none() {
    let folder = TempDir::new().unwrap();
    for (limit, hint) in [
        ("target-bites=1KiB", "did you mean \"target-bytes\""),
        ("nonsense=1", "there is no limit \"nonsense\""),
        ("target-bytes", "a limit is set as NAME=VALUE"),
        ("target-bytes=fast", "not \"fast\""),
        ("target-bytes=1", "from 16"),
        ("connections=0", "connections"),
        ("connections=-1", "connections"),
        ("shutdown-time=soon", "shutdown-time"),
        ("=", "there is no limit"),
    ] {
        let said = serve_refused(folder.path(), &["--limit", limit]);
        assert!(said.starts_with(&format!("wherefore: --limit {limit}: ")), "{said}");
        assert!(said.contains(hint), "{limit}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_quota_that_is_none() {
    let folder = TempDir::new().unwrap();
    for quota in ["much", "1.5GiB", "10GB", "GiB", ""] {
        let state = folder.path().join("state");
        let arguments = ["--writable", "--quota", quota, "--state", state.to_str().unwrap()];
        let said = serve_refused(folder.path(), &arguments);
        assert!(said.contains("--quota") && said.contains("GiB"), "{said}");
    }
    let said = serve_refused(folder.path(), &["--quota", "1GiB"]);
    assert!(said.contains("--writable"), "{said}");
}

#[test]
fn flags_that_are_none() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["--wirtable"][..],
        &["--cores", "0"],
        &["--log", "xml"],
        &["--listen", "8080"],
        &["--create-folders"],
        &["surplus"],
    ] {
        let said = serve_refused(folder.path(), arguments);
        assert!(said.starts_with("error: "), "{said}");
        assert!(said.contains("--help"), "{said}");
    }
    refused(&[]);
    refused(&["sreve"]);
}

#[test]
fn a_place_for_the_state_that_is_none() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let said = serve_refused(folder.path(), &["--writable", "--state", file.to_str().unwrap()]);
    assert!(said.contains("--state DIR"), "{said}");
}

/// Whether the process has taken SIGTERM over, so that the signal ends it in good order. SIGINT tells,
/// which it takes over next: a handler that is only just there may not know yet what to do.
fn takes_sigterm(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 << 1 != 0)
}

/// Who reads that it listens may end it at once.
#[test]
fn it_says_that_it_listens_when_it_can_be_told_to_end() {
    for _ in 0..10 {
        let mut server = start(&[]);
        assert!(takes_sigterm(server.pid()));
        server.signal("TERM");
        assert!(server.wait().success());
    }
}

#[test]
fn nobody_has_to_read_what_it_says() {
    let folder = TempDir::new().unwrap();
    // Both pipes are closed at their other ends, as by `wherefore serve 2>&1 | head -1`.
    let closed = || std::io::pipe().unwrap().1;
    let mut child = command()
        .args(["serve", "--allow-root", "--listen", "127.0.0.1:0"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(closed())
        .stderr(closed())
        .spawn()
        .unwrap();
    let pid = child.id();
    eventually("it has started, or ended", || {
        takes_sigterm(pid) || child.try_wait().unwrap().is_some()
    });
    if child.try_wait().unwrap().is_none() {
        let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let refused = command()
        .args(["serve", "/nonexistent", "--allow-root"])
        .stderr(closed())
        .status()
        .unwrap();
    assert_eq!(refused.code(), Some(2));
}
