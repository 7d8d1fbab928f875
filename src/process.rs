//! How `serve` stands among the other processes of a machine: what it listens with, as whom it serves, where
//! its log goes, and where it takes commands.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use wherefore_server::control::{self, Command, Control, Reply};
use wherefore_server::listen::{self, Listeners, Opening};
use wherefore_server::log::file::LogFile;
use wherefore_server::notice;
use wherefore_server::privileges::{self, Account};
use wherefore_server::systemd;
use wherefore_state::{RootIdentity, state_folder_default};

use crate::UsageError;

/// Where it listens unless told.
pub(crate) const ADDRESS_DEFAULT: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// The name of the control socket in a folder of its own or of state.
const CONTROL: &str = "control";

/// What the command line says of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ProcessArguments {
    /// Become this user, named or by number, once it listens
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Become this group and no other; all of the user's unless told
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Go on as root without a word about it
    #[arg(long)]
    allow_root: bool,
    /// Add the access log to this file, which SIGHUP opens anew
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Each connection begins with a header of the PROXY protocol, version 1 or 2
    #[arg(long)]
    proxy_protocol: bool,
    /// The socket for commands such as `wherefore reload`
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
}

/// All that is known of it, from the command line and from the file.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) allow_root: bool,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) opening: Opening,
    pub(crate) control: Option<PathBuf>,
    /// Where state is kept, if that was said.
    pub(crate) state: Option<PathBuf>,
    /// The folder that is served, if it is one.
    pub(crate) served: Option<PathBuf>,
}

impl From<ProcessArguments> for Process {
    fn from(said: ProcessArguments) -> Self {
        Self {
            user: said.user,
            group: said.group,
            allow_root: said.allow_root,
            log_file: said.log_file,
            opening: if said.proxy_protocol { Opening::ProxyHeader } else { Opening::Request },
            control: said.control,
            state: None,
            served: None,
        }
    }
}

impl Process {
    /// The user to become, if another one was named. Who goes on as root is told so.
    pub(crate) fn account(&self) -> Result<Option<Account>, UsageError> {
        let account = match (&self.user, &self.group) {
            (Some(user), group) => {
                let account = Account::look_up(user, group.as_deref());
                Some(account.map_err(|error| UsageError(format!("can't become {user}: {error}")))?)
            }
            (None, Some(_)) => {
                return Err(UsageError("a group is taken with a user: add --user NAME".to_owned()));
            }
            (None, None) => None,
        };
        let stays_root = account.as_ref().map_or_else(privileges::is_root, Account::is_root);
        if stays_root && !self.allow_root {
            notice!(
                "the server goes on as root, who may do anything: name a user for it (--user NAME), or say \
                 --allow-root"
            );
        }
        Ok(account)
    }

    /// The sockets that a supervisor handed over, or else listeners at these addresses.
    pub(crate) fn listen(
        &self,
        addresses: &[SocketAddr],
        cores: NonZeroUsize,
    ) -> Result<Vec<Listeners>, UsageError> {
        let handed_over =
            systemd::handed_over(cores).map_err(|error| UsageError(error.to_string()))?;
        let mut listeners = match (&*handed_over, addresses) {
            ([], []) => vec![bind(ADDRESS_DEFAULT, cores)?],
            ([], addresses) => addresses
                .iter()
                .map(|address| bind(*address, cores))
                .collect::<Result<Vec<_>, _>>()?,
            (_, []) => handed_over,
            (_, addresses) => {
                let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                notice!("sockets were handed over, and are used in place of {}", list.join(", "));
                handed_over
            }
        };
        for listeners in &mut listeners {
            listeners.opening = self.opening;
        }
        Ok(listeners)
    }

    /// The file of the log, if one was named.
    pub(crate) fn log_file(&self, owner: Option<&Account>) -> Result<Option<LogFile>, UsageError> {
        let Some(path) = &self.log_file else { return Ok(None) };
        let file = LogFile::open(path, owner).map_err(|error| {
            UsageError(format!("can't open the log {}: {error}", path.display()))
        })?;
        Ok(Some(file))
    }

    /// Becomes the user, for good. The folder of state is made for it before, where only root might.
    pub(crate) fn assume(&self, account: Option<&Account>) -> Result<(), UsageError> {
        let Some(account) = account else { return Ok(()) };
        if let Some(state) = self.state.as_deref().filter(|_| privileges::is_root()) {
            account.make_folder(state).map_err(|error| {
                UsageError(format!("can't make the folder {}: {error}", state.display()))
            })?;
        }
        account.assume().map_err(|error| {
            UsageError(format!("can't become {}: {error}", self.user.as_deref().unwrap_or("-")))
        })
    }

    /// The control socket. That there is none at a place that nobody named is no reason not to serve.
    pub(crate) fn control(&self) -> Result<Option<Control>, UsageError> {
        let said = self.control.clone();
        let Some(place) = control_place(said, self.state.clone(), self.served.as_deref()) else {
            return Ok(None);
        };
        match Control::listen(&place) {
            Ok(control) => Ok(Some(control)),
            Err(error) if self.control.is_none() => {
                notice!("no commands are taken, but by SIGHUP: {error}");
                Ok(None)
            }
            Err(error) => Err(UsageError(format!("{error}; name another place with --control"))),
        }
    }
}

/// Where commands are taken: the place that was named, the folder that a supervisor made for the running
/// service, or where its state is kept. None if there is no such place.
pub(crate) fn control_place(
    named: Option<PathBuf>,
    state: Option<PathBuf>,
    served: Option<&Path>,
) -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    // Of several, the first is the service's own.
    let runtime = variable("RUNTIME_DIRECTORY").and_then(|all| std::env::split_paths(&all).next());
    let default = || {
        let (runtime, home) = (variable("XDG_RUNTIME_DIR"), variable("HOME"));
        state_folder_default(runtime.as_deref(), home.as_deref(), identity(served?)?)
    };
    named.or_else(|| Some(runtime.or(state).or_else(default)?.join(CONTROL)))
}

/// Tells a running server something, by the socket where it takes commands.
pub(crate) fn tell(place: Option<PathBuf>, command: &Command) -> Result<Reply, UsageError> {
    let place = place.ok_or_else(|| {
        UsageError(
            "where the server takes commands is not known: say --control SOCKET as it was started"
                .to_owned(),
        )
    })?;
    control::ask(&place, command).map_err(|error| {
        UsageError(format!("{error}; is it running, and was it started with other options?"))
    })
}

fn bind(address: SocketAddr, cores: NonZeroUsize) -> Result<Listeners, UsageError> {
    listen::bind(address, cores).map_err(|error| UsageError(error.to_string()))
}

fn identity(folder: &Path) -> Option<RootIdentity> {
    let meta = std::fs::metadata(folder).ok()?;
    Some(RootIdentity { device: meta.dev(), inode: meta.ino() })
}
