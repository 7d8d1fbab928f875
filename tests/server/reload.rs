//! Reloading a running server: by the signal, by the command, and while requests go on.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::server::{command, eventually};
use crate::support::{Client, Running, start};

const GET: &str = "GET /file HTTP/1.1\nHost: localhost\n\n";

/// What `wherefore reload` came to: its exit code, and what it said.
fn reload(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } =
        command().arg("reload").args(arguments).output().unwrap();
    let said = [stdout, stderr].concat();
    (status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn text(client: &mut Client) -> String {
    client.send(GET);
    let reply = client.reply("GET");
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.text().to_owned()
}

#[test]
fn a_served_folder_opens_its_log_anew_and_is_served_as_before() {
    let logs = TempDir::new().unwrap();
    let (log, moved) = (logs.path().join("log"), logs.path().join("log.1"));
    let server = start(&["--log-file", log.to_str().unwrap()]);
    server.file("file", "here");
    let holds =
        |path: &Path, text: &str| fs::read_to_string(path).unwrap_or_default().contains(text);
    let mut steady = server.connect();
    assert_eq!(text(&mut steady), "here");
    server.ask("GET /one HTTP/1.1\nHost: localhost\n\n");
    eventually("the first line is written", || holds(&log, "/one"));
    fs::rename(&log, &moved).unwrap();

    server.signal("HUP");
    server.notice(&format!("the log {} was opened anew", log.display()));
    server.ask("GET /two HTTP/1.1\nHost: localhost\n\n");
    eventually("the second line is written", || holds(&log, "/two"));
    assert!(holds(&moved, "/one") && !holds(&moved, "/two") && !holds(&log, "/one"));
    // The connection from before is none the worse.
    assert_eq!(text(&mut steady), "here");

    // The command does the same, and says so.
    fs::remove_file(&log).unwrap();
    let (code, said) = reload(&["--state", server.state().to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("opened anew") && said.contains("takes a restart"), "{said}");
    assert!(log.exists());
}

/// A configuration file with two folders to choose from, and its control socket.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("file"), name).unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("wherefore.toml")
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// Says that this folder is served, and more under `[server]`.
    fn say(&self, folder: &str, server: &str) {
        let text = format!(
            "[server]\ncontrol = \"control\"\n{server}\n\n[[site.localhost.route]]\npath = \"/*\"\n\
             folder = \"{folder}\"\n"
        );
        fs::write(self.path(), text).unwrap();
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let mut command = command();
        command.args(["serve", "--cores", "2", "--allow-root", "--config"]).arg(self.path());
        command.args(arguments);
        Running::started(command, self.folder.path(), TempDir::new().unwrap())
    }

    fn reload(&self) -> (i32, String) {
        reload(&["--control", self.control().to_str().unwrap()])
    }
}

#[test]
fn a_configuration_is_read_anew_and_a_bad_one_changes_nothing() {
    let files = Files::new();
    files.say("a", "");
    let server = files.start(&["--listen", "127.0.0.1:0"]);
    let mut steady = server.connect();
    assert_eq!(text(&mut steady), "a");

    files.say("b", "");
    let (code, said) = files.reload();
    assert_eq!((code, said.as_str()), (0, "the configuration was reloaded\n"));
    assert_eq!(text(&mut steady), "b", "on a connection from before");
    server.notice("the configuration was reloaded");

    for (folder, server_lines, says) in [
        ("no-such-folder", "", "no-such-folder"),
        ("a", "listne = \"127.0.0.1:0\"", "listne"),
        ("a\"", "", "wherefore.toml:"),
    ] {
        files.say(folder, server_lines);
        let (code, said) = files.reload();
        assert_eq!(code, 2, "{said}");
        assert!(said.starts_with("wherefore: the configuration was not reloaded"), "{said}");
        assert!(said.contains(says), "{said}");
        server.notice("the configuration was not reloaded; the one before holds");
        server.notice(says);
        assert_eq!(text(&mut steady), "b");
    }
    // By the file itself it is found too.
    files.say("a", "");
    let (code, said) = reload(&["--config", files.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    server.notice("the configuration was reloaded");
    assert_eq!(text(&mut steady), "a");

    files.say("b", "");
    server.signal("HUP");
    server.notice("the configuration was reloaded");
    assert_eq!(text(&mut steady), "b");
}

#[test]
fn what_takes_a_restart_is_said() {
    let files = Files::new();
    files.say("a", "listen = \"127.0.0.1:0\"");
    let server = files.start(&[]);
    let addresses = "listen = [\"127.0.0.1:0\", \"127.0.0.1:1\"]";
    files.say("b", &format!("{addresses}\ncores = 1\nlimits = {{ target-bytes = \"2KiB\" }}"));
    let (code, said) = files.reload();
    assert_eq!(code, 0, "{said}");
    for says in ["127.0.0.1:1", "`cores` has changed", "`limits` has changed", "a restart"] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert!(!said.contains("`user`") && !said.contains("`state`"), "{said}");
    assert_eq!(server.ask(GET).text(), "b", "what can be changed is");
}

/// A store that is written to stays open, as it was opened.
#[test]
fn how_a_folder_is_written_to_takes_a_restart() {
    let files = Files::new();
    let say = |keys: &str| {
        let text = format!(
            "[server]\ncontrol = \"control\"\nstate = \"state\"\n\n[[site.localhost.route]]\n\
             path = \"/*\"\nfolder = \"a\"\nwritable = true\n{keys}\n"
        );
        fs::write(files.path(), text).unwrap();
    };
    say("quota = \"5KiB\"");
    let server = files.start(&["--listen", "127.0.0.1:0"]);
    server.put("/new", "x");
    for keys in ["quota = \"6KiB\"", "quota = \"5KiB\"\nlinks = \"refuse\"", ""] {
        say(keys);
        let (code, said) = files.reload();
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("restart the server for them"), "{said}");
    }
    say("quota = \"5KiB\"\ncreate-folders = true");
    let (code, said) = files.reload();
    assert_eq!(code, 0, "{said}");
    server.put("/deep/new", "x");
    let long = "x".repeat(6 << 10);
    let put =
        format!("PUT /long HTTP/1.1\nHost: localhost\nContent-Length: {}\n\n{long}", long.len());
    assert_eq!(server.ask(&put).status, 507);
}

#[test]
fn the_control_socket_is_the_owners_and_comes_and_goes_with_the_server() {
    let mut server = start(&[]);
    let control = server.state().join("control");
    let meta = fs::symlink_metadata(&control).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);

    // A second server is not given the place of the first.
    let folder = TempDir::new().unwrap();
    let other = ["serve", "--allow-root", "--listen", "127.0.0.1:0", "--control"];
    let refused = command().args(other).arg(&control).arg(folder.path()).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("another server listens at the control socket"), "{said}");
    let place = control.to_str().unwrap();
    assert_eq!(reload(&["--control", place]).0, 0);

    // What is no command does no harm.
    for octets in [&b"wherefore 9 reload\n"[..], b"\n", &[b'x'; 5000], b"GET / HTTP/1.1\r\n\r\n"] {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(&control).unwrap();
        // It reads no more than a command may have.
        let _ = stream.write_all(octets);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        assert!(reply.is_empty() || reply.ends_with(b"\nfailed\n"), "{reply:?}");
    }
    assert_eq!(reload(&["--control", place]).0, 0);

    server.signal("TERM");
    assert!(server.wait().success());
    assert!(!control.exists());
    let (code, said) = reload(&["--control", place]);
    assert_eq!(code, 2);
    assert!(said.contains("no server listens at the control socket"), "{said}");
}

#[test]
fn what_a_crash_left_is_no_hindrance() {
    let server = start(&[]);
    let before = fs::symlink_metadata(server.state().join("control")).unwrap();
    assert!(before.file_type().is_socket());
    let again = server.crash_and_restart(&[]);
    let control = again.state().join("control");
    assert_eq!(reload(&["--control", control.to_str().unwrap()]).0, 0);
}

/// Only root can be two users, so that elsewhere the mode of the file is all that is looked at.
#[test]
fn another_user_may_not_command() {
    let server = start(&[]);
    let control = server.state().join("control");
    let place = control.to_str().unwrap();
    if !rustix::process::geteuid().is_root() {
        assert_eq!(reload(&["--control", place]).0, 0);
        return;
    }
    let copies = TempDir::new().unwrap();
    let copy = copies.path().join("wherefore");
    let copied = Command::new("cp").arg(command().get_program()).arg(&copy).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(copies.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(server.state(), Permissions::from_mode(0o755)).unwrap();
    let told = || {
        let mut other = Command::new(&copy);
        let output = other.uid(65533).gid(65533).args(["reload", "--control", place]).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = told();
    assert_eq!(code, Some(2));
    assert!(said.contains("another user's"), "{said}");
    // Were the file open to all, who it is would be asked still.
    fs::set_permissions(&control, Permissions::from_mode(0o666)).unwrap();
    let (code, said) = told();
    assert_eq!(code, Some(2));
    assert!(said.contains("another user's"), "{said}");
    assert!(server.notice("may not command").contains("65533"));
}
