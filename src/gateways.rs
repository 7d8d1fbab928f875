//! The gateways of a configuration: what makes connections to their upstreams, and what is known of these. Of a gateway
//! of which a new configuration says the same, both go on: connections, health, and who was taken out of service.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wherefore_config::Complaint;
use wherefore_config::model::{self, GatewaySettings, GatewayTimes, Model};
use wherefore_config::source::Span;
use wherefore_gateway::{Address, GroupError, Member, Place, Scheme, Upstreams, forward, relay};
use wherefore_server::gateway::{
    AnswerLimits, Gateway, GatewayTimes as ServerTimes, Interim, Probe, Reached,
};
use wherefore_server::random::secret;
use wherefore_upstream::{
    ConnectSettings, Connector, Endpoint, Identity, Target, Times, TlsClient, TlsSettings, Trust,
};

use crate::configuration::ConfigurationFile;

/// What is kept of gateways from one configuration to the next.
#[derive(Default)]
pub(crate) struct Gateways {
    connector: Option<Arc<Connector>>,
    /// The name of this process in `Via`, where the configuration does not say one.
    pseudonym: Option<String>,
    open: Vec<Open>,
}

/// A gateway, and all that it was made of.
struct Open {
    settings: GatewaySettings,
    files: Vec<File>,
    gateway: Arc<Gateway>,
}

/// A file that was read for a gateway, by what changes when it does.
#[derive(PartialEq)]
struct File {
    path: PathBuf,
    changed: Option<SystemTime>,
    bytes: u64,
}

impl Gateways {
    /// Opens the gateways of a configuration. They hold once [`keep`](Self::keep) is told so.
    pub(crate) fn open(
        &mut self,
        from: &ConfigurationFile,
        model: &Model,
        complaints: &mut Vec<Complaint>,
    ) -> Opened {
        let mut opened = Opened(Vec::new());
        let Some(first) = model.gateways.first() else { return opened };
        let pseudonym = match &model.server.via {
            Some(name) => name.clone(),
            None => self.pseudonym.get_or_insert_with(by_chance).clone(),
        };
        let pseudonym = forward::Policy::new(&pseudonym).pseudonym;
        let connector = match self.connector(model) {
            Ok(connector) => connector,
            Err(why) => {
                let what = format!("the names of upstreams can't be resolved: {why}");
                complaints.push(Complaint::error(first.span, what));
                return opened;
            }
        };
        for gateway in &model.gateways {
            let settings = GatewaySettings {
                forward: forward::Policy {
                    pseudonym: pseudonym.clone(),
                    ..gateway.settings.forward.clone()
                },
                relay: relay::Policy {
                    pseudonym: pseudonym.clone(),
                    ..gateway.settings.relay.clone()
                },
                ..gateway.settings.clone()
            };
            let files = files(from, &settings);
            let same = |open: &&Open| open.settings == settings && open.files == files;
            let made = match self.open.iter().find(same) {
                Some(open) => Ok(Arc::clone(&open.gateway)),
                None => self
                    .upstreams(&settings, &files, &opened)
                    .map_err(|error| Complaint::error(gateway.span, error.to_string()))
                    .and_then(|upstreams| {
                        made(from, (&settings, gateway.tls_span), &connector, upstreams)
                    }),
            };
            match made {
                Ok(gateway) => opened.0.push(Open { settings, files, gateway }),
                Err(complaint) => complaints.push(complaint),
            }
        }
        opened
    }

    /// From now on these are the gateways.
    pub(crate) fn keep(&mut self, opened: Opened) -> Vec<Arc<Gateway>> {
        self.open = opened.0;
        self.open.iter().map(|open| Arc::clone(&open.gateway)).collect()
    }

    fn connector(&mut self, model: &Model) -> Result<Arc<Connector>, String> {
        if let Some(connector) = &self.connector {
            return Ok(Arc::clone(connector));
        }
        let name_servers = model.server.name_servers.clone();
        let settings = ConnectSettings { name_servers, ..ConnectSettings::default() };
        let connector = Connector::new(&settings).map_err(|error| error.to_string())?;
        Ok(Arc::clone(self.connector.insert(Arc::new(connector))))
    }

    /// What is known of the members: shared by all gateways that reach the same in the same way, and taken over where
    /// what is said of choosing them changed.
    fn upstreams(
        &self,
        settings: &GatewaySettings,
        files: &[File],
        opened: &Opened,
    ) -> Result<Arc<Upstreams>, GroupError> {
        let known =
            || opened.0.iter().chain(&self.open).filter(|open| open.reaches(settings, files));
        let same = known().find(|open| {
            open.settings.members == settings.members && open.settings.choosing == settings.choosing
        });
        if let Some(same) = same {
            return Ok(Arc::clone(&same.gateway.upstreams));
        }
        let upstreams = Upstreams::new(settings.members.clone(), settings.choosing.clone())?;
        if let Some(earlier) = known().next() {
            upstreams.adopt(&earlier.gateway.upstreams);
        }
        Ok(upstreams)
    }
}

impl Open {
    /// Whether it reaches its upstreams as a gateway of these settings does: then it knows how they are.
    fn reaches(&self, settings: &GatewaySettings, files: &[File]) -> bool {
        let own = &self.settings;
        own.name == settings.name
            && own.tls == settings.tls
            && own.check == settings.check
            && self.files == files
    }
}

/// Gateways that were opened, and do not hold yet.
pub(crate) struct Opened(Vec<Open>);

/// A gateway to these upstreams.
fn made(
    from: &ConfigurationFile,
    (settings, tls_span): (&GatewaySettings, Span),
    connector: &Arc<Connector>,
    upstreams: Arc<Upstreams>,
) -> Result<Arc<Gateway>, Complaint> {
    let is_tls = |member: &Member| member.address.scheme == Scheme::Https;
    let tls = if settings.members.iter().any(is_tls) {
        let client = TlsClient::new(&tls(from, &settings.tls)).map_err(|error| {
            Complaint::error(tls_span, format!("TLS can't be spoken with upstreams: {error}"))
        })?;
        Some(Arc::new(client))
    } else {
        None
    };
    let members = settings.members.iter().map(|member| reached(&member.address, tls.as_ref()));
    let connector = Arc::clone(connector);
    let (members, forward) = (members.collect(), settings.forward.clone());
    let mut gateway = Gateway::new(&settings.name, upstreams, members, connector, forward);
    let usual = AnswerLimits::default();
    let mut limits = AnswerLimits { idle_max: settings.idle_max, ..usual };
    limits.wire.head_bytes_max = settings.answer_head_bytes_max;
    limits.content_bytes_max = settings.answer_bytes_max.unwrap_or(usual.content_bytes_max);
    gateway.relay = settings.relay.clone();
    gateway.transform.clone_from(&settings.transform);
    gateway.buffer_bytes_max = settings.buffer_bytes_max;
    gateway.probe = settings.check.as_ref().map(probe);
    gateway.interim = if settings.early_hints { Interim::Relayed } else { Interim::Dropped };
    gateway.times = times(&settings.times);
    gateway.limits = limits;
    Ok(Arc::new(gateway))
}

/// A name that no other process has: a loop is known by it.
fn by_chance() -> String {
    // Without chance it is the process that has the number.
    let octets = secret::<5>().unwrap_or_else(|_| {
        let mut octets = [0; 5];
        octets[..4].copy_from_slice(&std::process::id().to_be_bytes());
        octets
    });
    octets.iter().fold("wherefore-".to_owned(), |mut name, octet| {
        let _ = write!(name, "{octet:02x}");
        name
    })
}

fn reached(address: &Address, tls: Option<&Arc<TlsClient>>) -> Reached {
    let endpoint = match &address.place {
        Place::Ip(address) => Endpoint::Ip(*address),
        Place::Host { name, port } => Endpoint::Name { host: name.clone(), port: *port },
        Place::Unix(path) => Endpoint::Unix(PathBuf::from(&**path)),
    };
    let tls = tls.filter(|_| address.scheme == Scheme::Https).map(Arc::clone);
    Reached { target: Target { endpoint, tls }, authority: address.authority().into() }
}

fn tls(from: &ConfigurationFile, said: &model::Tls) -> TlsSettings {
    let trust = if said.is_unverified {
        Trust::AnyCertificateInsecurely
    } else if said.authorities.is_empty() {
        Trust::System
    } else {
        Trust::Files(said.authorities.iter().map(|file| from.path(file)).collect())
    };
    let identity = said.identity.as_ref().map(|(certificates, key)| Identity {
        certificates: from.path(certificates),
        key: from.path(key),
    });
    TlsSettings { trust, name: said.server_name.clone(), identity }
}

/// The files that TLS is spoken by.
fn files(from: &ConfigurationFile, settings: &GatewaySettings) -> Vec<File> {
    let tls = &settings.tls;
    let identity = tls.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
    let paths = tls.authorities.iter().chain(identity).map(|path| from.path(path));
    paths
        .map(|path| {
            let meta = fs::metadata(&path).ok();
            File {
                path,
                changed: meta.as_ref().and_then(|meta| meta.modified().ok()),
                bytes: meta.map_or(0, |meta| meta.len()),
            }
        })
        .collect()
}

fn probe(check: &model::Check) -> Probe {
    Probe {
        path: check.path.as_str().into(),
        time: check.time,
        statuses: check.statuses.clone(),
        host: check.host.as_deref().map(Into::into),
    }
}

const fn times(said: &GatewayTimes) -> ServerTimes {
    let each: Duration = said.connect;
    ServerTimes {
        connect: Times { name_time: each, connect_time: each, tls_time: each },
        answer: said.answer,
        head: said.head,
        pause: said.pause,
        write: said.send,
        idle: said.idle,
        tunnel_idle: said.tunnel_idle,
    }
}
