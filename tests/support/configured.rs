//! The built binary over a configuration file, with all that the file names in a folder of its own.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use argon2::{Algorithm, Argon2, Params, Version};
use tempfile::TempDir;
use wherefore_message::base64;
use wherefore_state::{BalanceBounds, Balances, Credited};

use super::server::{Running, command, eventually, io};

/// A folder with what a configuration names, before it is served: `site` is there to be served, `state`
/// for what is to be remembered.
pub struct Setup {
    own: TempDir,
    server: String,
}

/// A running server with its configuration. Dropped, it is ended, and its folder is removed.
pub struct Configured {
    running: Running,
    own: TempDir,
}

/// A new folder, in which only `site/file` is, and says `here`.
pub fn setup() -> Setup {
    let own = TempDir::new().unwrap();
    std::fs::create_dir(own.path().join("state")).unwrap();
    let server = "[server]\nlisten = \"127.0.0.1:0\"\nstate = \"state\"\ncores = 2\n".to_owned();
    let setup = Setup { own, server }.file("site/file", "here");
    match io() {
        Some(io) => setup.server(&format!("io = \"{io}\"")),
        None => setup,
    }
}

/// Serves this configuration over a new folder.
pub fn configured(text: &str) -> Configured {
    setup().serve(text)
}

/// Serves one site, `localhost`, of these routes, each as an inline table.
pub fn routes(routes: &[&str]) -> Configured {
    setup().routes(routes)
}

impl Setup {
    /// With this file, named from the folder of the configuration.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.own.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// With this empty folder, named from that of the configuration.
    pub fn folder(self, name: &str) -> Self {
        std::fs::create_dir_all(self.own.path().join(name)).unwrap();
        self
    }

    /// With the file `users`, of names and passwords; the hashes cost next to nothing.
    pub fn users(self, users: &[(&str, &str)]) -> Self {
        let lines: Vec<_> =
            users.iter().map(|(name, password)| format!("{name}:{}\n", hash(password))).collect();
        self.file("users", lines.concat())
    }

    /// With this further line under `[server]`.
    pub fn server(mut self, line: &str) -> Self {
        self.server.push_str(line);
        self.server.push('\n');
        self
    }

    /// With this much on an account that pays in advance.
    pub fn credit(self, account: &str, amount: u64) -> Self {
        let state = self.own.path().join("state");
        // A process that is about to be started by another test has what we had open for a moment.
        let mut balances = None;
        eventually("the balances are ours", || {
            balances = Balances::open(&state, BalanceBounds::default()).ok();
            balances.is_some()
        });
        let balances = balances.unwrap();
        let credited = balances.credit(account.as_bytes(), amount, account.as_bytes()).unwrap();
        assert_eq!(credited, Credited::Now);
        self
    }

    /// Serves it by this configuration, which has everything but the table `[server]`.
    pub fn serve(self, text: &str) -> Configured {
        Configured::start(self.written(text))
    }

    /// Leaves the folder with this configuration in it, and serves nothing.
    pub fn written(self, text: &str) -> TempDir {
        let whole = format!("{}\n{text}", self.server);
        std::fs::write(self.own.path().join("wherefore.toml"), whole).unwrap();
        self.own
    }

    /// Serves one site, `localhost`, of these routes, each as an inline table.
    pub fn routes(self, routes: &[&str]) -> Configured {
        self.serve(&format!("[site.localhost]\nroute = [\n{}\n]\n", routes.join(",\n")))
    }
}

impl Configured {
    fn start(own: TempDir) -> Self {
        let mut command = command();
        let file = own.path().join("wherefore.toml");
        command.args(["serve", "--allow-root", "--config"]).arg(file).stdin(Stdio::null());
        let running = Running::started(command, &own.path().join("site"), TempDir::new().unwrap());
        Self { running, own }
    }

    /// Where what is to be remembered is kept.
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// The folder of the configuration.
    pub fn path(&self) -> &Path {
        self.own.path()
    }

    /// Ends it hard, as a crash would, and starts it anew.
    pub fn crash_and_restart(self) -> Self {
        let Self { mut running, own } = self;
        running.kill();
        Self::start(own)
    }

    /// Tells it to end, waits until it has, and starts it anew.
    pub fn stop_and_restart(self) -> Self {
        let Self { mut running, own } = self;
        running.signal("TERM");
        assert!(running.wait().success());
        Self::start(own)
    }

    /// Ends it hard, and says how much is on an account then.
    pub fn balance_left(self, account: &str) -> u64 {
        let Self { mut running, own } = self;
        running.kill();
        let balances = Balances::open(&own.path().join("state"), BalanceBounds::default());
        balances.unwrap().available(account.as_bytes())
    }
}

impl Deref for Configured {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

/// A line's hash, as `hash-password` makes it, but for its cost.
fn hash(password: &str) -> String {
    let salt = b"sixteen octets!!";
    let params = Params::new(8, 1, 1, Some(32)).unwrap();
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .unwrap();
    let text = |octets: &[u8]| base64::encode(octets).trim_end_matches('=').to_owned();
    format!("$argon2id$v=19$m=8,t=1,p=1${}${}", text(salt), text(&hash))
}

/// The field line by which this user asks.
pub fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\n", base64::encode(format!("{user}:{password}").as_bytes()))
}
