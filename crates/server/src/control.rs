//! The control socket: by it the owner of a running server tells it to reload, what was paid in, and which upstreams
//! are to be sent nothing.
//!
//! It is a file that its owner alone may open, and who opened it is asked of the system besides. What is said
//! on it stands in [`words`].

mod upstreams;
pub mod words;

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

pub use words::{Command, Credit, ListForm, Reply, UpstreamName};

use wherefore_gateway::Service;
use wherefore_state::{Balances, Credited};

use crate::configuration::Current;
use crate::notice::Seldom;
use crate::reload::Reloads;
use words::{COMMAND_BYTES_MAX, REPLY_BYTES_MAX};

/// How many may be connected at once.
const CONNECTIONS_MAX: usize = 8;
/// How long a command may take to come, and a reply to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a command may take to be carried out, as far as who gave it waits.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);
/// How long nobody is accepted after that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// A control socket that is listened on. Dropped, it is removed.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    place: PathBuf,
    /// The device and the inode of the file, so that no other's is removed.
    file: (u64, u64),
}

impl Control {
    /// Listens at `place`, in a folder that is made for this user alone if there is none. What a server left
    /// there that ended hard is taken away.
    ///
    /// # Errors
    /// If another server listens there, or something else stands there, or the system does not let it.
    pub fn listen(place: &Path) -> Result<Self, ControlError> {
        let at = |reason| ControlError { place: place.to_path_buf(), reason };
        let io = |error: io::Error| at(Reason::Io(error));
        make_room(place).map_err(at)?;
        // It gets its name when nobody but its owner can open it any more.
        let mut beside = place.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(beside);
        let listener = bind(&beside).map_err(io)?;
        let named = fs::metadata(&beside).and_then(|meta| {
            fs::rename(&beside, place)?;
            Ok((meta.dev(), meta.ino()))
        });
        let file = named.map_err(|error| {
            drop(fs::remove_file(&beside));
            io(error)
        })?;
        Ok(Self { listener, place: place.to_path_buf(), file })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let is_ours = |meta: fs::Metadata| (meta.dev(), meta.ino()) == self.file;
        if fs::symlink_metadata(&self.place).is_ok_and(is_ours) {
            drop(fs::remove_file(&self.place));
        }
    }
}

/// Sees to it that a socket may take its name: its folder is there, and nobody listens under that name.
fn make_room(place: &Path) -> Result<(), Reason> {
    if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Reason::Io)?;
    }
    let meta = match fs::symlink_metadata(place) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Reason::Io(error)),
    };
    if !std::os::unix::fs::FileTypeExt::is_socket(&meta.file_type()) {
        return Err(Reason::NoSocket);
    }
    match connect(place) {
        Ok(_) => Err(Reason::InUse),
        // As many wait to be accepted as may.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Reason::InUse),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(Reason::Io(error)),
    }
}

/// Connects, or fails at once.
fn connect(place: &Path) -> io::Result<UnixStream> {
    let socket = socket()?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(place)?)?;
    Ok(UnixStream::from(socket))
}

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// A listener that its owner alone may open from the first moment on.
fn bind(place: &Path) -> io::Result<UnixListener> {
    // One of an earlier process of the same number.
    drop(fs::remove_file(place));
    let socket = socket()?;
    // Taken over by the file that is made; until it listens, nobody can connect.
    let _ = rustix::fs::fchmod(&socket, Mode::from_raw_mode(0o600));
    rustix::net::bind(&socket, &SocketAddrUnix::new(place)?)?;
    let listening = fs::set_permissions(place, fs::Permissions::from_mode(0o600))
        .and_then(|()| Ok(rustix::net::listen(&socket, CONNECTIONS_MAX as i32)?));
    if let Err(error) = listening {
        drop(fs::remove_file(place));
        return Err(error);
    }
    Ok(UnixListener::from(socket))
}

/// What can be commanded.
#[derive(Clone)]
pub(crate) struct Commanded {
    /// None where nothing can be reloaded.
    pub(crate) reloads: Option<Reloads>,
    /// None where nothing is paid for.
    pub(crate) balances: Option<Arc<Balances>>,
    /// What is served; none where nothing can be reloaded.
    pub(crate) current: Option<Arc<Current>>,
}

/// Carries out what is asked for on the socket, for ever.
pub(crate) async fn serve(control: Control, commanded: Commanded) -> io::Result<()> {
    static REFUSED: Seldom = Seldom::every(Duration::from_secs(10));
    let listener = tokio::net::UnixListener::from_std(control.listener.try_clone()?)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let own = rustix::process::geteuid().as_raw();
    loop {
        // The semaphore is never closed.
        let Ok(connection_place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let asker = stream.peer_cred().map(|asker| asker.uid());
        if !asker.as_ref().is_ok_and(|uid| may_command(*uid, own)) {
            REFUSED.say(format_args!("user {asker:?} may not command this server"));
            continue;
        }
        let commanded = commanded.clone();
        tokio::spawn(async move {
            // Should the other end break off, nobody is left to be told.
            drop(exchange(stream, commanded).await);
            drop(connection_place);
        });
    }
}

/// Who may command a server that runs as `own`: that user, and root, who may do anything.
const fn may_command(uid: u32, own: u32) -> bool {
    uid == own || uid == 0
}

/// One command and its reply.
async fn exchange(mut stream: tokio::net::UnixStream, commanded: Commanded) -> io::Result<()> {
    let line = timeout(PATIENCE, command_line(&mut stream)).await??;
    let reply = match Command::parse(&line) {
        Ok(Command::Reload) => match commanded.reloads {
            Some(reloads) => reloads.wait().await,
            None => Reply::failed("this server can't reload"),
        },
        Ok(Command::Credit(payment)) => match commanded.balances {
            Some(balances) => {
                let credited = tokio::task::spawn_blocking(move || credit(&balances, &payment));
                credited.await.unwrap_or_else(|_| Reply::failed("the accounts panicked"))
            }
            None => Reply::failed("nothing is paid for here: no route has a price"),
        },
        Ok(Command::List(form)) => {
            of_upstreams(&commanded, |current| upstreams::list(current, form))
        }
        Ok(Command::Drain(name)) => of_upstreams(&commanded, |current| {
            upstreams::set_service(current, &name, Service::Drained)
        }),
        Ok(Command::Restore(name)) => {
            of_upstreams(&commanded, |current| upstreams::set_service(current, &name, Service::In))
        }
        Err(why) => Reply::failed(why.as_ref()),
    };
    timeout(PATIENCE, stream.write_all(reply.to_string().as_bytes())).await??;
    Ok(())
}

fn of_upstreams(commanded: &Commanded, of: impl FnOnce(&Current) -> Reply) -> Reply {
    match &commanded.current {
        Some(current) => of(current),
        None => Reply::failed("this server has no gateways"),
    }
}

/// Accounts for a payment. Waits for the disk.
#[must_use]
pub fn credit(balances: &Balances, payment: &Credit) -> Reply {
    let account = payment.account();
    let credited =
        balances.credit(account.as_bytes(), payment.amount(), payment.payment().as_bytes());
    let how = match credited {
        Ok(Credited::Now) => "it is accounted for",
        Ok(Credited::Before) => "it was accounted for before, and counts once",
        Err(error) => return Reply::failed(&error.to_string()),
    };
    let available = balances.available(account.as_bytes());
    Reply::done(&format!("{how}: {account} can spend {available}"))
}

/// The octets up to the first end of a line, or as many as a command may have.
async fn command_line(stream: &mut tokio::net::UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(64);
    while line.len() < COMMAND_BYTES_MAX {
        match stream.read_u8().await? {
            b'\n' => break,
            octet => line.push(octet),
        }
    }
    Ok(line)
}

/// Gives a command to the server that listens at `place`, and waits for its reply.
///
/// # Errors
/// If no server can be reached there, or it does not answer as one does.
pub fn ask(place: &Path, command: &Command) -> Result<Reply, ControlError> {
    let at = |reason| ControlError { place: place.to_path_buf(), reason };
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => at(Reason::Nobody),
        io::ErrorKind::PermissionDenied => at(Reason::NotOwner),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => at(Reason::Late),
        _ => at(Reason::Io(error)),
    };
    let mut stream = connect(place).map_err(io)?;
    stream.set_nonblocking(false).map_err(io)?;
    let until = Instant::now() + ANSWER_TIME_MAX;
    stream.set_write_timeout(Some(PATIENCE)).map_err(io)?;
    // Who refuses it closes at once; what can be read tells.
    drop(stream.write_all(command.to_string().as_bytes()));
    let mut said = Vec::new();
    let mut room = [0; 4096];
    while said.len() <= REPLY_BYTES_MAX {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).map_err(io)?;
        match stream.read(&mut room) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(&room[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(io(error)),
        }
    }
    match Reply::parse(&said) {
        Some(reply) => Ok(reply),
        None if said.is_empty() => Err(at(Reason::NotOwner)),
        None => Err(at(Reason::Garbled)),
    }
}

/// A control socket can't be listened on, or asked.
#[derive(Debug)]
pub struct ControlError {
    place: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// Another server listens there.
    InUse,
    /// What stands there is no socket.
    NoSocket,
    /// No server listens there.
    Nobody,
    /// It is another user's.
    NotOwner,
    /// It does not answer in time.
    Late,
    /// It does not answer as a server does.
    Garbled,
    /// Anything else.
    Io(io::Error),
}

impl ControlError {
    /// Whether no server listens there.
    #[must_use]
    pub const fn is_nobody(&self) -> bool {
        matches!(self.reason, Reason::Nobody)
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.display();
        match &self.reason {
            Reason::InUse => write!(f, "another server listens at the control socket {place}"),
            Reason::NoSocket => write!(f, "there is something at {place} that is no socket"),
            Reason::Nobody => write!(f, "no server listens at the control socket {place}"),
            Reason::NotOwner => {
                write!(f, "the control socket {place} is another user's, who alone may use it")
            }
            Reason::Late => write!(f, "the server at {place} does not answer"),
            Reason::Garbled => {
                write!(f, "what listens at {place} does not answer as a server does")
            }
            Reason::Io(error) => write!(f, "can't use the control socket {place}: {error}"),
        }
    }
}

impl std::error::Error for ControlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place of its own for each test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = format!("wherefore-control-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            drop(fs::remove_dir_all(&folder));
            Self(folder)
        }

        fn names(&self) -> Vec<std::ffi::OsString> {
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn it_is_its_owners_alone_and_goes_with_the_server() {
        let folder = Folder::new("owner");
        let place = folder.0.join("within/control");
        let control = Control::listen(&place).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(place.parent().unwrap())), (0o600, 0o700));
        drop(control);
        assert!(!place.exists());
    }

    #[test]
    fn a_place_that_is_taken_is_left_alone_and_one_that_was_left_is_taken() {
        let folder = Folder::new("taken");
        let place = folder.0.join("control");
        let first = Control::listen(&place).unwrap();
        let error = Control::listen(&place).unwrap_err().to_string();
        assert!(error.contains("another server listens"), "{error}");

        // As after a crash: the file stays, and nobody listens.
        drop(bind(&folder.0.join("left")).unwrap());
        let left = folder.0.join("left");
        assert!(matches!(ask(&left, &Command::Reload).unwrap_err().reason, Reason::Nobody));
        let second = Control::listen(&left).unwrap();
        assert!(connect(&left).is_ok());
        drop(second);
        assert_eq!(folder.names(), ["control"]);
        drop(first);
        assert_eq!(folder.names(), [""; 0]);
    }

    #[test]
    fn what_is_no_socket_is_not_taken_away() {
        let folder = Folder::new("file");
        fs::create_dir(&folder.0).unwrap();
        let place = folder.0.join("control");
        fs::write(&place, "kept").unwrap();
        let error = Control::listen(&place).unwrap_err().to_string();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read(&place).unwrap(), b"kept");
        let long = folder.0.join("x".repeat(120));
        assert!(matches!(Control::listen(&long).unwrap_err().reason, Reason::Io(_)));
    }

    #[test]
    fn the_owner_and_root_may_command() {
        assert!(may_command(1000, 1000) && may_command(0, 1000) && may_command(0, 0));
        assert!(!may_command(1001, 1000) && !may_command(1000, 0));
    }

    #[test]
    fn what_answers_in_another_way_is_no_server() {
        let folder = Folder::new("other");
        fs::create_dir(&folder.0).unwrap();
        let place = folder.0.join("control");
        let listener = UnixListener::bind(&place).unwrap();
        for (said, expected) in [
            (b"done\n".to_vec(), None),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Some("does not answer as a server")),
            (vec![b' '; 2 * REPLY_BYTES_MAX], Some("does not answer as a server")),
            (Vec::new(), Some("another user's")),
        ] {
            let outcome = std::thread::scope(|scope| {
                scope.spawn(|| {
                    let (mut stream, _) = listener.accept().unwrap();
                    stream.read_exact(&mut [0; 19]).unwrap();
                    // It may have heard enough.
                    drop(stream.write_all(&said));
                });
                ask(&place, &Command::Reload)
            });
            match expected {
                None => assert!(outcome.unwrap().is_done()),
                Some(says) => {
                    let error = outcome.unwrap_err().to_string();
                    assert!(error.contains(says), "{error}");
                }
            }
        }
    }
}
