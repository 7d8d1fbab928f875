//! As whom the server serves: as root only with a word about it, and never again once it became another user.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::support::Running;
use crate::support::server::{command, eventually};

/// A user and a group that own nothing here.
const USER: u32 = 65533;
const GROUP: u32 = 65532;

fn refused(arguments: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).arg(folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.starts_with("wherefore: "), "{said}");
    said
}

#[test]
fn users_that_are_none() {
    for (arguments, says) in [
        (&["--user", "no such user"][..], "no user \"no such user\""),
        (&["--user", "0", "--group", "no such group"], "no group \"no such group\""),
        (&["--user", "65533"], "say which group"),
        (&["--group", "0"], "add --user"),
    ] {
        let said = refused(arguments);
        assert!(said.contains(says), "{said}");
    }
}

/// Starts it as whom these arguments say, and says what it warned of before it listened.
fn warned(arguments: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let mut command = command();
    command.args(["serve", "--cores", "1", "--listen", "127.0.0.1:0"]).args(arguments);
    command.arg(folder.path());
    let server = Running::started(command, folder.path(), TempDir::new().unwrap());
    let mut before = String::new();
    loop {
        let line = server.notice("");
        if line.starts_with("listening at") {
            return before;
        }
        before.push_str(&line);
    }
}

#[test]
fn who_goes_on_as_root_is_told_so() {
    let warning = "the server goes on as root";
    assert!(!warned(&["--allow-root"]).contains(warning));
    if geteuid().is_root() {
        for arguments in [&[][..], &["--user", "root"], &["--user", "0", "--group", "0"]] {
            let said = warned(arguments);
            assert!(said.contains(warning) && said.contains("--user NAME"), "{said}");
        }
        assert!(!warned(&["--user", "65533", "--group", "65532"]).contains(warning));
    } else {
        assert!(!warned(&[]).contains(warning));
        let said = refused(&["--user", "root", "--allow-root"]);
        assert!(said.contains("only root may become root"), "{said}");
    }
}

/// The values of a line of a task's status.
fn values(status: &str, name: &str) -> Vec<String> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.strip_prefix(':').unwrap().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn root_is_given_up_for_good_by_the_whole_process() {
    let (user, group) = (USER.to_string(), GROUP.to_string());
    let arguments = ["--writable", "--user", &user, "--group", &group];
    let all = TempDir::new().unwrap();
    if !geteuid().is_root() {
        // Whoever is not root can't give it up, and can't become anybody else.
        let said = refused(&arguments);
        assert!(said.contains("only root may become 65533"), "{said}");
        return;
    }
    fs::set_permissions(all.path(), Permissions::from_mode(0o755)).unwrap();
    let site = all.path().join("site");
    fs::create_dir(&site).unwrap();
    chown(&site, Some(USER), Some(GROUP)).unwrap();
    // Only root could make these, and they are of use afterwards.
    let (state, log) = (all.path().join("state"), all.path().join("log"));
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--cores", "2", "--state"]).arg(&state);
    command.arg("--log-file").arg(&log).args(arguments).arg(&site);
    let mut server = Running::started(command, &site, TempDir::new().unwrap());

    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let statuses: Vec<String> = tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap())
        .collect();
    assert!(statuses.len() > 2, "the cores have begun");
    for status in &statuses {
        assert_eq!(values(status, "Uid"), vec![user.clone(); 4]);
        assert_eq!(values(status, "Gid"), vec![group.clone(); 4]);
        assert_eq!(values(status, "Groups"), std::slice::from_ref(&group));
        for set in ["CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(values(status, set), ["0000000000000000"], "{set}");
        }
        assert_eq!(values(status, "NoNewPrivs"), ["1"]);
    }

    server.put("/file", "x");
    assert_eq!(server.ask("DELETE /file HTTP/1.1\nHost: localhost\n\n").status, 204);
    assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").status, 410);
    let owner = |path: &Path| fs::metadata(path).map(|meta| (meta.uid(), meta.gid())).unwrap();
    for path in [&state, &log, &state.join("control")] {
        assert_eq!(owner(path), (USER, GROUP), "{}", path.display());
    }
    assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o700);
    let lines = || fs::read_to_string(&log).unwrap();
    eventually("the log is written", || lines().contains("\"GET /file HTTP/1.1\" 410"));

    // The log can't be made anew in root's folder: that is said, and the old one written to.
    fs::rename(&log, all.path().join("moved")).unwrap();
    server.signal("HUP");
    server.notice("can't be opened anew, and goes on where it was");
    assert_eq!(server.ask("GET /after HTTP/1.1\nHost: localhost\n\n").status, 404);
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(fs::read_to_string(all.path().join("moved")).unwrap().contains("/after"));
}

/// What it becomes may read less than root: that is found out at the start.
#[test]
fn a_folder_that_the_user_may_not_read_is_refused() {
    if !geteuid().is_root() {
        let said = refused(&["--user", "65533", "--group", "65532"]);
        assert!(said.contains("only root may become 65533"), "{said}");
        return;
    }
    let all = TempDir::new().unwrap();
    fs::set_permissions(all.path(), Permissions::from_mode(0o700)).unwrap();
    let mut command = command();
    let arguments = ["--user", "65533", "--group", "65532", "--listen", "127.0.0.1:0"];
    let output = command.arg("serve").args(arguments).arg(all.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("that you may read"), "{said}");
}
