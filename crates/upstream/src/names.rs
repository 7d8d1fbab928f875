//! Names to addresses: the machine's own list first, then name servers, whose answers are kept as long as they
//! say.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::lookup_ip::LookupIp;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{Hosts, TokioResolver};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wherefore_message::Cause;

use crate::failure::{ConnectError, connect_cause};

/// No file of names or name servers is read further than this.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Who is asked for names, and how long their answers are believed.
#[derive(Clone, Debug)]
pub struct ConnectSettings {
    /// The name servers to ask. If there are none, those that `resolv_conf` names.
    pub name_servers: Vec<SocketAddr>,
    /// The file that names the system's name servers. Where it does not exist or names none, one on this
    /// machine is asked.
    pub resolv_conf: PathBuf,
    /// The file of names that need no name server. It may be missing.
    pub hosts: PathBuf,
    /// How many answers of name servers are kept.
    pub names_max: u64,
    /// How long an address is believed at most, whatever its TTL.
    pub name_kept_time_max: Duration,
    /// How long it is believed at most that a name does not exist.
    pub name_missed_time_max: Duration,
    /// How many addresses of a name are tried for one connection.
    pub addresses_max: usize,
}

impl Default for ConnectSettings {
    fn default() -> Self {
        Self {
            name_servers: Vec::new(),
            resolv_conf: "/etc/resolv.conf".into(),
            hosts: "/etc/hosts".into(),
            names_max: 1024,
            name_kept_time_max: Duration::from_secs(60 * 60),
            name_missed_time_max: Duration::from_secs(30),
            addresses_max: 8,
        }
    }
}

/// Why settings can't be carried out.
#[derive(Debug)]
pub struct SettingsError(String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for SettingsError {}

/// What knows of names. The resolver, its cache and its sockets are on a thread of their own: they belong to no
/// core, so that none waits for another that is busy or ends.
pub(crate) struct Names {
    questions: mpsc::Sender<Question>,
    own: Hosts,
    addresses_max: usize,
    /// How often names were resolved: by it the addresses of an answer take turns.
    turn: AtomicUsize,
}

/// A name whose addresses somebody waits for.
struct Question {
    host: String,
    answer: oneshot::Sender<Result<Vec<IpAddr>, NetError>>,
}

/// How many questions may wait for their turn, and how many are asked at once.
const QUESTIONS_MAX: usize = 1024;
const LOOKUPS_MAX: usize = 128;

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Names {
    pub(crate) fn new(settings: &ConnectSettings) -> Result<Self, SettingsError> {
        let (config, mut options) = whom_to_ask(settings)?;
        options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
        options.cache_size = settings.names_max;
        options.positive_max_ttl = Some(settings.name_kept_time_max);
        options.negative_max_ttl = Some(settings.name_missed_time_max);
        options.use_hosts_file = ResolveHosts::Never;
        // Each of them asks for both families, and over TCP they may share a connection.
        options.max_active_requests = 2 * LOOKUPS_MAX;
        let provider = TokioRuntimeProvider::default();
        let resolver = TokioResolver::builder_with_config(config, provider)
            .with_options(options)
            .build()
            .map_err(|error| SettingsError(format!("no resolver: {error}")))?;
        let questions = answered_by(resolver)
            .map_err(|error| SettingsError(format!("no thread for the resolver: {error}")))?;
        let own = own_names(settings)?;
        let addresses_max = settings.addresses_max.max(1);
        Ok(Self { questions, own, addresses_max, turn: AtomicUsize::new(0) })
    }

    /// The addresses of `host` in the order in which to try them: families in turn, and within each another
    /// address first each time. At least one.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        port: u16,
        name_time: Duration,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let mut found = self.own_addresses(host);
        if found.is_empty() {
            let late = |_| {
                let said = format!("{host} was not resolved within {name_time:?}");
                ConnectError::new(Cause::NameLate, said)
            };
            found = timeout(name_time, self.ask(host)).await.map_err(late)??;
        }
        let (six, four): (Vec<_>, Vec<_>) = found.into_iter().partition(IpAddr::is_ipv6);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut addresses = in_turn(six, four, turn);
        addresses.truncate(self.addresses_max);
        if addresses.is_empty() {
            return Err(ConnectError::new(Cause::NameNotFound, format!("{host} has no address")));
        }
        Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// What the machine itself says of a name. Where it has an address of one family, nobody is asked for the
    /// other: such names work without name servers.
    fn own_addresses(&self, host: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_str(host) else { return Vec::new() };
        let of = |kind| self.own.lookup_static_host(&Query::query(name.clone(), kind));
        let found = [RecordType::AAAA, RecordType::A].into_iter().filter_map(of);
        found.flat_map(|lookup| LookupIp::from(lookup).iter().collect::<Vec<_>>()).collect()
    }

    async fn ask(&self, host: &str) -> Result<Vec<IpAddr>, ConnectError> {
        let gone = || ConnectError::new(Cause::OwnLack, "the resolver broke down");
        let (answer, answered) = oneshot::channel();
        let question = Question { host: host.to_owned(), answer };
        self.questions.send(question).await.map_err(|_| gone())?;
        let found = answered.await.map_err(|_| gone())?;
        found.map_err(|error| failed(host, &error))
    }
}

/// Starts the resolver's thread. It ends when nobody is left to ask.
fn answered_by(resolver: TokioResolver) -> io::Result<mpsc::Sender<Question>> {
    let (ask, mut asked) = mpsc::channel::<Question>(QUESTIONS_MAX);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let answer_all = async move {
        let mut lookups = JoinSet::new();
        while let Some(Question { host, answer }) = asked.recv().await {
            if lookups.len() >= LOOKUPS_MAX {
                lookups.join_next().await;
            }
            while lookups.try_join_next().is_some() {}
            let resolver = resolver.clone();
            lookups.spawn(async move {
                let found = resolver.lookup_ip(host).await;
                // Who asked may have lost patience; the cache has it now.
                drop(answer.send(found.map(|found| found.iter().collect())));
            });
        }
    };
    thread::Builder::new().name("names".into()).spawn(move || runtime.block_on(answer_all))?;
    Ok(ask)
}

/// Both families, one address of each in turn, beginning with IPv6 (RFC 8305 §4); `turn` says which address of
/// a family is its first.
fn in_turn(mut six: Vec<IpAddr>, mut four: Vec<IpAddr>, turn: usize) -> Vec<IpAddr> {
    for family in [&mut six, &mut four] {
        if !family.is_empty() {
            let first = turn % family.len();
            family.rotate_left(first);
        }
    }
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let mut both = Vec::with_capacity(six.len() + four.len());
    while six.len() + four.len() > 0 {
        both.extend(six.next());
        both.extend(four.next());
    }
    both
}

fn failed(host: &str, error: &NetError) -> ConnectError {
    let cause = match error {
        NetError::Timeout => Cause::NameLate,
        NetError::Busy => Cause::OwnLack,
        NetError::Io(error) if connect_cause(error) == Cause::OwnLack => Cause::OwnLack,
        _ => Cause::NameNotFound,
    };
    ConnectError::new(cause, format_args!("{host}: {error}"))
}

fn whom_to_ask(
    settings: &ConnectSettings,
) -> Result<(ResolverConfig, ResolverOpts), SettingsError> {
    if !settings.name_servers.is_empty() {
        let servers = settings.name_servers.iter().map(name_server).collect();
        return Ok((ResolverConfig::from_name_servers(servers), ResolverOpts::default()));
    }
    let path = settings.resolv_conf.display();
    let text = match read(&settings.resolv_conf) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(SettingsError(format!("{path}: {error}"))),
    };
    // What names no server is taken for an error there; everywhere else it means the one on this machine.
    Ok(parse_resolv_conf(text).unwrap_or_else(|_| {
        let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53);
        (ResolverConfig::from_name_servers(vec![name_server(&local)]), ResolverOpts::default())
    }))
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn own_names(settings: &ConnectSettings) -> Result<Hosts, SettingsError> {
    let path = settings.hosts.display();
    let mut hosts = Hosts::default();
    let text = match read(&settings.hosts) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(hosts),
        Err(error) => return Err(SettingsError(format!("{path}: {error}"))),
    };
    let read = hosts.read_hosts_conf(text.as_slice());
    read.map_err(|error| SettingsError(format!("{path}: {error}")))?;
    Ok(hosts)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_the_resolver_says_has_its_cause() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        for (error, cause) in [
            (NetError::Timeout, Cause::NameLate),
            (NetError::Busy, Cause::OwnLack),
            (NetError::from(io::Error::from(rustix::io::Errno::MFILE)), Cause::OwnLack),
            (NetError::from(refused), Cause::NameNotFound),
            (NetError::NoConnections, Cause::NameNotFound),
        ] {
            assert_eq!(failed("a.test", &error).cause, cause, "{error}");
        }
    }

    proptest! {
        #[test]
        fn families_alternate_and_each_address_has_its_turn(
            six in prop::collection::btree_set(any::<u128>(), 0..6),
            four in prop::collection::btree_set(any::<u32>(), 0..6),
            turn: usize,
        ) {
            let six: Vec<IpAddr> = six.into_iter().map(|n| IpAddr::V6(n.into())).collect();
            let four: Vec<IpAddr> = four.into_iter().map(|n| IpAddr::V4(n.into())).collect();
            let both = in_turn(six.clone(), four.clone(), turn);
            let paired = 2 * six.len().min(four.len());
            for (i, ip) in both.iter().take(paired).enumerate() {
                prop_assert_eq!(ip.is_ipv6(), i % 2 == 0);
            }
            let mut sorted = both;
            sorted.sort_unstable();
            let mut all = [four, six.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(sorted, all);
            let firsts: std::collections::BTreeSet<_> =
                (0..six.len()).map(|turn| in_turn(six.clone(), Vec::new(), turn)[0]).collect();
            prop_assert_eq!(firsts.len(), six.len());
        }
    }
}
