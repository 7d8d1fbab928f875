//! The built binary as a process of its own, on a port of its own, over a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::{Client, Reply};

/// How long anything may take that a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropped, it is ended, and its folders are removed.
pub struct Running {
    pub address: SocketAddr,
    child: Child,
    log: Mutex<Receiver<String>>,
    notices: Mutex<Receiver<String>>,
    folder: PathBuf,
    // Dropped last.
    _own: Option<TempDir>,
    state: TempDir,
}

/// Starts `wherefore serve` over a new, empty folder with these further arguments.
pub fn start(arguments: &[&str]) -> Running {
    let own = TempDir::new().unwrap();
    let folder = own.path().join("site");
    std::fs::create_dir(&folder).unwrap();
    Running::over(&folder, arguments).owning(own)
}

impl Running {
    /// Starts it over a folder that is there.
    pub fn over(folder: &Path, arguments: &[&str]) -> Self {
        Self::with_state(folder, TempDir::new().unwrap(), arguments)
    }

    /// Starts it over a folder that is there, with the state of an earlier run.
    pub fn with_state(folder: &Path, state: TempDir, arguments: &[&str]) -> Self {
        Self::by(command(), folder, state, arguments)
    }

    /// Starts it by a command of its own.
    pub fn by(mut command: Command, folder: &Path, state: TempDir, arguments: &[&str]) -> Self {
        command
            .arg("serve")
            .arg(folder)
            .args(["--listen", "127.0.0.1:0", "--cores", "2", "--allow-root", "--state"])
            .arg(state.path())
            .args(arguments)
            .stdin(Stdio::null());
        if let Some(io) = io().filter(|_| !arguments.contains(&"--io")) {
            command.args(["--io", &io]);
        }
        Self::started(command, folder, state)
    }

    /// Starts it by a command that says all, and waits until it listens. What it says before is kept with
    /// its other notices. Its standard input is the command's.
    pub fn started(mut command: Command, folder: &Path, state: TempDir) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let (notice, notices) = channel();
        let mut before = String::new();
        let address = loop {
            let mut line = String::new();
            if said.read_line(&mut line).unwrap() == 0 {
                panic!("the server did not start: {before}");
            }
            let _ = notice.send(line.trim_end().to_owned());
            let address = line.trim().strip_prefix("listening at http://");
            if let Some(address) = address.and_then(|rest| rest.strip_suffix('/')) {
                break address.parse().unwrap();
            }
            before.push_str(&line);
        };
        let (lines, log) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        // What it says on the standard error is read on, so that it never waits for us.
        thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                eprintln!("{line}");
                let _ = notice.send(line);
            }
        });
        Self {
            address,
            child,
            log: Mutex::new(log),
            notices: Mutex::new(notices),
            folder: folder.to_path_buf(),
            _own: None,
            state,
        }
    }

    fn owning(mut self, own: TempDir) -> Self {
        self._own = Some(own);
        self
    }

    /// The folder that is served.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it keeps its state.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Writes a file into the folder, as another program would.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// What a file of the folder holds.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap()
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends one request, written as it goes over the wire, on a connection of its own, and reads the final
    /// answer. `\n` in it stands for CR LF.
    pub fn ask(&self, request: &str) -> Reply {
        let mut client = self.connect();
        client.send(request);
        client.reply_to(request)
    }

    /// Puts `content` at `target`, which is to be possible, and says which tag it has then.
    pub fn put(&self, target: &str, content: &str) -> String {
        let length = content.len();
        let reply = self.ask(&format!(
            "PUT {target} HTTP/1.1\nHost: localhost\nContent-Length: {length}\n\n{content}"
        ));
        assert!(matches!(reply.status, 201 | 204), "{reply:?}");
        reply.field("etag").unwrap().to_owned()
    }

    /// The first log line that holds `text`.
    pub fn log_line(&self, text: &str) -> String {
        first_with(&self.log, text)
    }

    /// What of its log has come and was not read yet.
    pub fn log_so_far(&self) -> Vec<String> {
        self.log.lock().unwrap().try_iter().collect()
    }

    /// What is left of its log once it has ended.
    pub fn rest_of_log(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().collect()
    }

    /// The first line on its standard error that holds `text`.
    pub fn notice(&self, text: &str) -> String {
        first_with(&self.notices, text)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Ends it hard, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it hard, as a crash would, and starts it anew over the same folder and state.
    pub fn crash_and_restart(mut self, arguments: &[&str]) -> Self {
        self.kill();
        let folder = self.folder.clone();
        let state = std::mem::replace(&mut self.state, TempDir::new().unwrap());
        let own = self._own.take();
        let mut again = Self::with_state(&folder, state, arguments);
        again._own = own;
        again
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line that holds `text`, of those that are still to be read.
pub fn first_with(lines: &Mutex<Receiver<String>>, text: &str) -> String {
    let lines = lines.lock().unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).unwrap_or_else(|_| panic!("no line has {text:?}"));
        if line.contains(text) {
            return line;
        }
    }
}

/// Waits until `happened` says that it has: for what the server can't be asked to tell.
pub fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < until, "never happened: {what}");
        thread::yield_now();
    }
}

/// By what octets go to and from clients where a test does not say it: `WHEREFORE_TEST_IO=io_uring` has all tests see
/// the other way.
pub fn io() -> Option<String> {
    std::env::var("WHEREFORE_TEST_IO").ok()
}

/// The binary, in an environment of its own.
pub fn command() -> Command {
    alone(Command::new(env!("CARGO_BIN_EXE_wherefore")))
}

/// The same, in a process that may hold only so many descriptors.
pub fn command_with_descriptors(count: u32) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {count} && exec \"$0\" \"$@\""));
    command.arg(env!("CARGO_BIN_EXE_wherefore"));
    alone(command)
}

fn alone(mut command: Command) -> Command {
    for variable in [
        "XDG_STATE_HOME",
        "XDG_RUNTIME_DIR",
        "RUNTIME_DIRECTORY",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
        "LISTEN_FDS",
        "LISTEN_PID",
    ] {
        command.env_remove(variable);
    }
    command.env("HOME", "/dev/null");
    command
}
