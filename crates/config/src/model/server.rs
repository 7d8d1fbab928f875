//! What the server as a whole does.

use core::net::SocketAddr;
use std::path::PathBuf;

use wherefore_message::network::Networks;

use super::{Lowering, file_path, networks, placed};
use crate::complaint::Complaint;
use crate::keys::{self, File};
use crate::source::Placed;
use crate::table::{Key, Keys, Provenance};
use crate::value::{ForwardedForm, Io, LogForm, Name};

/// What the server as a whole does.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The addresses to listen on.
    pub listen: Vec<Placed<SocketAddr>>,
    /// How many cores serve.
    pub cores: Option<usize>,
    /// By what octets go to and from clients.
    pub io: Option<Io>,
    /// The folder for what is remembered over restarts.
    pub state: Option<Placed<PathBuf>>,
    /// How the log is written.
    pub log: Option<LogForm>,
    /// The proxies that are believed.
    pub trusted_proxies: Networks,
    /// Which fields they write.
    pub forwarded: Option<ForwardedForm>,
    /// Whether connections begin with the PROXY protocol.
    pub proxy_protocol: bool,
    /// The user that the process becomes.
    pub user: Option<Placed<String>>,
    /// The group that the process becomes.
    pub group: Option<Placed<String>>,
    /// The socket by which it is told to reload.
    pub control: Option<Placed<PathBuf>>,
    /// The server's name in `Via`.
    pub via: Option<String>,
    /// The servers that are asked for names; none for the system's.
    pub name_servers: Vec<SocketAddr>,
    /// The named limits.
    pub limits: Vec<(Placed<String>, Placed<String>)>,
}

impl Lowering<'_, '_> {
    pub(super) fn server(&mut self, file: &File) -> Server {
        let Some(set) = &file.server else { return Server::default() };
        let server = set.value.resolved();
        let text = |key: &Key<Name>| {
            key.as_ref().map(|set| placed(set.value.as_str().to_owned(), set.from.span()))
        };
        let path = |key: &Key<crate::value::FilePath>| {
            key.as_ref().map(|set| placed(file_path(&set.value), set.from.span()))
        };
        Server {
            listen: self.addresses(&server),
            cores: server.cores.as_ref().and_then(|set| usize::try_from(set.value.0).ok()),
            io: server.io.as_ref().map(|set| set.value),
            state: path(&server.state),
            log: server.log.as_ref().map(|set| set.value),
            trusted_proxies: networks(server.trusted_proxies.as_ref().map(|set| &set.value)),
            forwarded: server.forwarded.as_ref().map(|set| set.value),
            proxy_protocol: server.proxy_protocol.as_ref().is_some_and(|set| set.value),
            user: text(&server.user),
            group: text(&server.group),
            control: path(&server.control),
            via: server.via.as_ref().map(|set| set.value.as_str().to_owned()),
            name_servers: server
                .resolver
                .iter()
                .filter_map(|set| set.value.servers.as_ref())
                .flat_map(|set| set.value.0.iter().map(|one| one.value.0))
                .collect(),
            limits: server
                .limits
                .iter()
                .flat_map(|set| &set.value.0)
                .map(|(name, value)| {
                    let name = Placed { value: name.value.as_str().to_owned(), span: name.span };
                    (name, Placed { value: value.value.0.clone(), span: value.span })
                })
                .collect(),
        }
    }

    fn addresses(&mut self, server: &keys::Server) -> Vec<Placed<SocketAddr>> {
        let mut listen: Vec<Placed<SocketAddr>> = Vec::new();
        for address in server.listen.iter().flat_map(|set| &set.value.0) {
            let Placed { value, span } = Placed { value: address.value.0, span: address.span };
            // Of port 0 each is another one.
            let first = listen.iter().find(|first| first.value == value && value.port() != 0);
            if let Some(first) = first {
                let complaint = Complaint::error(span, format!("{value} is listened on twice"));
                let complaint = complaint.related(first.span, "the first stands here");
                self.complain(complaint);
                continue;
            }
            listen.push(Placed { value, span });
        }
        listen
    }
}

/// The keys that a running server can't take over from a file that it reads again, each with a warning at its
/// place in the new one.
#[must_use]
pub fn needs_restart(running: &File, new: &File) -> Vec<(&'static str, Complaint)> {
    let (before, after) = (of_start(running), of_start(new));
    let server = new.server.as_ref().map(|set| set.value.head);
    let head = server.or(new.later.as_ref().map(|set| set.value.head)).unwrap_or_default();
    let changed = after.iter().zip(&before).filter(|((.., after), (.., before))| after != before);
    changed
        .map(|((name, from, _), _)| {
            let what = format!("`{name}` has changed, which takes a restart");
            let right = "until then the server goes on with what it has";
            (*name, Complaint::warning(from.span().unwrap_or(head), what).right(right))
        })
        .collect()
}

/// What holds for each key that is looked at when the server starts.
fn of_start(file: &File) -> Vec<(&'static str, Provenance, String)> {
    let server = file.server.as_ref().map(|set| &set.value);
    let server = server.map_or_else(keys::Server::defaults, keys::Server::resolved);
    let later = file.later.as_ref().map(|set| &set.value);
    let later = later.map_or_else(keys::Later::defaults, keys::Later::resolved);
    let mut all = of_start_in(&server);
    all.extend(of_start_in(&later));
    all
}

fn of_start_in<K: Keys>(keys: &K) -> Vec<(&'static str, Provenance, String)> {
    let rows = K::SCOPE.keys().filter(|row| row.is_of_start);
    let mut all: Vec<_> = rows.map(|row| (row.name, Provenance::Default, String::new())).collect();
    keys.each(&mut |row, write, from| {
        if let Some(known) = all.iter_mut().find(|known| known.0 == row.name) {
            known.1 = from;
            write(&mut known.2);
        }
    });
    all
}
