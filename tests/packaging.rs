//! What packages are made of: the lines that start and reload the server do so, and what is to keep it in its
//! bounds is there.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tempfile::TempDir;

use crate::support::Running;
use crate::support::server::{PATIENCE, command};

const GET: &str = "GET /file HTTP/1.1\nHost: localhost\n\n";
const CONFIGURATION: &str = "/etc/wherefore/wherefore.toml";
const PROGRAM: &str = "/usr/bin/wherefore";

fn packaged(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name);
    fs::read_to_string(path).unwrap()
}

/// A unit: section, key and value of each line that says something.
struct Unit(Vec<(String, String, String)>);

impl Unit {
    fn read(name: &str) -> Self {
        let (mut section, mut lines) = (String::new(), Vec::new());
        for line in packaged(name).lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            if let Some(name) = line.strip_prefix('[') {
                section = name.strip_suffix(']').unwrap().to_owned();
                continue;
            }
            let (key, value) = line.split_once('=').unwrap();
            lines.push((section.clone(), key.to_owned(), value.to_owned()));
        }
        Self(lines)
    }

    fn all(&self, section: &str, key: &str) -> Vec<&str> {
        let of = self.0.iter().filter(|(s, k, _)| (s.as_str(), k.as_str()) == (section, key));
        of.map(|(.., value)| value.as_str()).collect()
    }

    fn only(&self, section: &str, key: &str) -> &str {
        let all = self.all(section, key);
        assert_eq!(all.len(), 1, "{key} in [{section}]: {all:?}");
        all[0]
    }

    /// A line that runs the program: its arguments.
    fn runs(&self, key: &str) -> Vec<&str> {
        let mut words = self.only("Service", key).split(' ');
        assert_eq!(words.next(), Some(PROGRAM), "{key}");
        words.collect()
    }
}

/// These arguments, with some put in the place of others, each of which must be there.
fn with(arguments: &[&str], changes: &[(&str, &str)]) -> Vec<String> {
    for (old, _) in changes {
        assert!(arguments.contains(old), "{old} is not in {arguments:?}");
    }
    let change = |argument: &&str| {
        let new = changes.iter().find(|(old, _)| old == argument);
        new.map_or(*argument, |(_, new)| new).to_owned()
    };
    arguments.iter().map(change).collect()
}

#[test]
fn the_service_starts_and_reloads_by_its_own_lines() {
    let unit = Unit::read("wherefore.service");
    assert_eq!(unit.only("Unit", "AssertPathExists"), CONFIGURATION);
    assert_eq!(unit.only("Service", "Type"), "notify");
    let own = TempDir::new().unwrap();
    let (file, runtime) = (own.path().join("wherefore.toml"), own.path().join("run"));
    fs::create_dir(&runtime).unwrap();
    let say = |name: &str| {
        fs::create_dir_all(own.path().join(name)).unwrap();
        fs::write(own.path().join(name).join("file"), name).unwrap();
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[[site.localhost.route]]\npath = \"/*\"\n\
             folder = \"{name}\"\n"
        );
        fs::write(&file, text).unwrap();
    };
    say("a");
    let notify = own.path().join("notify");
    let supervisor = UnixDatagram::bind(&notify).unwrap();
    supervisor.set_read_timeout(Some(PATIENCE)).unwrap();
    let hears = || {
        let mut room = [0; 256];
        let count = supervisor.recv(&mut room).unwrap();
        String::from_utf8(room[..count].to_vec()).unwrap()
    };

    let changes = [(CONFIGURATION, file.to_str().unwrap())];
    let mut start = command();
    start.env("RUNTIME_DIRECTORY", &runtime).env("NOTIFY_SOCKET", &notify);
    start.args(with(&unit.runs("ExecStart"), &changes)).arg("--allow-root");
    let server = Running::started(start, own.path(), TempDir::new().unwrap());
    assert_eq!(hears(), "READY=1");
    assert_eq!(server.ask(GET).text(), "a");

    say("b");
    let reload = || {
        let mut reload = command();
        reload.env("RUNTIME_DIRECTORY", &runtime);
        reload.args(with(&unit.runs("ExecReload"), &changes)).output().unwrap()
    };
    let output = reload();
    assert!(output.status.success(), "{output:?}");
    assert!(hears().starts_with("RELOADING=1\n"));
    assert_eq!(hears(), "READY=1");
    assert_eq!(server.ask(GET).text(), "b");

    fs::write(&file, "nonsense = 1").unwrap();
    let output = reload();
    let refused = output.status.code().unwrap().to_string();
    assert!(String::from_utf8(output.stderr).unwrap().contains("nonsense"));
    // Which is no reason to try again.
    assert_eq!(unit.only("Service", "RestartPreventExitStatus"), refused);
    assert_eq!(server.ask(GET).text(), "b");
}

#[test]
fn the_service_is_kept_within_bounds() {
    let unit = Unit::read("wherefore.service");
    let user = unit.only("Service", "User");
    assert!(user != "root" && unit.only("Service", "Group") == user);
    assert!(
        packaged("wherefore.sysusers").lines().any(|line| line.starts_with(&format!("u {user} ")))
    );
    assert_eq!(unit.only("Service", "RuntimeDirectory"), "wherefore");
    assert_eq!(unit.only("Service", "StateDirectory"), "wherefore");
    for key in ["AmbientCapabilities", "CapabilityBoundingSet"] {
        assert_eq!(unit.only("Service", key), "CAP_NET_BIND_SERVICE");
    }
    assert_eq!(unit.only("Service", "ProtectSystem"), "strict");
    assert_eq!(unit.only("Service", "RestrictAddressFamilies"), "AF_INET AF_INET6 AF_UNIX");
    assert_eq!(unit.all("Service", "SystemCallFilter")[0], "@system-service");
    for key in [
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "NoNewPrivileges",
        "PrivateDevices",
        "PrivateTmp",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "RemoveIPC",
        "RestrictNamespaces",
        "RestrictRealtime",
        "RestrictSUIDSGID",
    ] {
        assert_eq!(unit.only("Service", key), "yes", "{key}");
    }
}

#[test]
fn the_socket_is_one_that_can_be_handed_over() {
    let unit = Unit::read("wherefore.socket");
    assert_eq!(unit.only("Socket", "Service"), "wherefore.service");
    // One process takes all connections.
    assert_eq!(unit.only("Socket", "Accept"), "no");
    assert!(unit.all("Socket", "ListenDatagram").is_empty());
    assert_eq!(unit.only("Install", "WantedBy"), "sockets.target");
}

/// The words of a line of the Dockerfile that is an array.
fn array(file: &str, instruction: &str) -> Vec<String> {
    let line = file.lines().rev().find_map(|line| line.strip_prefix(instruction)).unwrap();
    serde_json::from_str(line).unwrap()
}

#[test]
fn the_container_serves_without_root_by_its_own_line() {
    let file = packaged("Dockerfile");
    let last = &file[file.rfind("\nFROM ").unwrap()..];
    assert_eq!(array(&file, "ENTRYPOINT "), [PROGRAM]);
    assert!(last.contains(&format!("/wherefore {PROGRAM}\n")));
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    let (user, group) = user.split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    // It has no shell to be asked by whether it is well.
    assert!(!file.contains("HEALTHCHECK"));

    let arguments = array(&file, "CMD ");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (site, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(site.path().join("file"), "here").unwrap();
    let changes = [
        ("/srv", site.path().to_str().unwrap()),
        ("0.0.0.0:8080", "127.0.0.1:0"),
        ("/var/lib/wherefore", state.path().to_str().unwrap()),
    ];
    assert!(last.contains("\nEXPOSE 8080\n"));
    let mut start = command();
    start.args(with(&arguments, &changes)).arg("--allow-root");
    let server = Running::started(start, site.path(), TempDir::new().unwrap());
    assert_eq!(server.ask(GET).text(), "here");
}
