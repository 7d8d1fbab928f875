//! Names to addresses: the machine's own list first, then name servers, whose answers are kept as long as they
//! say.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::timeout;
use wherefore_message::Cause;

use crate::failure::ConnectError;

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

/// The resolver, with its cache.
pub(crate) struct Names {
    resolver: TokioResolver,
    addresses_max: usize,
    /// How often names were resolved: by it the addresses of an answer take turns.
    turn: AtomicUsize,
}

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
        let provider = TokioRuntimeProvider::default();
        let mut resolver = TokioResolver::builder_with_config(config, provider)
            .with_options(options)
            .build()
            .map_err(|error| SettingsError(format!("no resolver: {error}")))?;
        resolver.set_hosts(Arc::new(own_names(settings)?));
        Ok(Self { resolver, addresses_max: settings.addresses_max, turn: AtomicUsize::new(0) })
    }

    /// The addresses of `host` in the order in which to try them: families in turn, and within each another
    /// address first each time. At least one.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        port: u16,
        name_time: Duration,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let found = match timeout(name_time, self.resolver.lookup_ip(host)).await {
            Ok(found) => found.map_err(|error| failed(host, &error))?,
            Err(_) => {
                let said = format_args!("{host} was not resolved within {name_time:?}").to_string();
                return Err(ConnectError::new(Cause::NameLate, said));
            }
        };
        let (six, four): (Vec<_>, Vec<_>) = found.iter().partition(IpAddr::is_ipv6);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut addresses = in_turn(six, four, turn);
        addresses.truncate(self.addresses_max.max(1));
        if addresses.is_empty() {
            let said = format_args!("{host} has no address").to_string();
            return Err(ConnectError::new(Cause::NameNotFound, said));
        }
        Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
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

fn read(path: &std::path::Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}
