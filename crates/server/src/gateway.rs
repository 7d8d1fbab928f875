//! Gateways: a request is forwarded to an upstream, and what that answers is relayed. Which upstream is asked, what it is
//! told and what of its answer goes on is decided elsewhere; here octets are carried, and waits bounded.

mod ask;
mod asking;
mod change;
mod errand;
mod forwarded;
mod hop;
mod pool;
mod probe;
mod relay;
mod tunnel;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wherefore_gateway::transform::Transform;
use wherefore_gateway::{Upstreams, forward, relay as relayed};
use wherefore_h1::ClientLimits;
use wherefore_message::Status;
use wherefore_message::status::Class;
use wherefore_upstream::{Connector, Target, Times};

pub(crate) use ask::{Asked, ask};
pub(crate) use asking::{Asking, LetIn, hear};
pub(crate) use errand::{Errand, ErrandContent, Returned, errand, hand_over};
pub(crate) use forwarded::{Forwarded, Known};
pub(crate) use pool::Pool;
pub(crate) use probe::probe;
pub(crate) use relay::{Coded, Cut, Relay};
pub(crate) use tunnel::{Near, tunnel};

/// A group of upstreams, and how they are spoken to. Connections to them belong to it: another one of the same
/// settings has its own.
#[derive(Debug)]
pub struct Gateway {
    /// Its name, for logs.
    pub name: Box<str>,
    /// Which of them is asked.
    pub upstreams: Arc<Upstreams>,
    /// How each is reached, in the order of the group's members.
    pub members: Vec<Reached>,
    /// What is said to them.
    pub forward: forward::Policy,
    /// What of their answers goes on.
    pub relay: relayed::Policy,
    /// What is changed of their answers' content.
    pub transform: Option<Transform>,
    /// So much content of a request is read before an upstream is asked, and of an answer before the client is told its
    /// head, in octets. 0: each part goes on at once.
    pub buffer_bytes_max: usize,
    /// How they are asked whether they are well, if they are: when, the upstreams' own settings say.
    pub probe: Option<Probe>,
    /// Whether interim answers other than 100 go on: 103 (RFC 8297) and others.
    pub interim: Interim,
    /// How long each step may take.
    pub times: GatewayTimes,
    /// What an answer may cost.
    pub limits: AnswerLimits,
    /// What makes connections.
    pub connector: Arc<Connector>,
    id: u64,
}

/// Whether interim answers are relayed. Some old clients take them for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interim {
    /// They are.
    Relayed,
    /// They end here.
    Dropped,
}

/// How an upstream is asked whether it is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The target that it is asked for, in origin form.
    pub path: Box<str>,
    /// How long its answer may take, from connecting to the end of the head.
    pub time: Duration,
    /// The statuses of one that is well; all from 200 to 299 if there are none.
    pub statuses: Vec<Status>,
    /// The host that it is told, if not its own.
    pub host: Option<Box<str>>,
}

impl Probe {
    fn is_met_by(&self, status: Status) -> bool {
        match &*self.statuses {
            [] => status.class() == Class::Success,
            statuses => statuses.contains(&status),
        }
    }
}

/// How one upstream is reached.
#[derive(Clone, Debug)]
pub struct Reached {
    /// Where it is.
    pub target: Target,
    /// Its host, with its port where that is not the usual one: its `Host`, and its name in logs.
    pub authority: Arc<str>,
}

/// How long each step of asking an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayTimes {
    /// Resolving, connecting, the TLS handshake.
    pub connect: Times,
    /// From the end of the request to the first octet of its answer.
    pub answer: Duration,
    /// From the first octet of a head to its last.
    pub head: Duration,
    /// Between two octets of an answer's content.
    pub pause: Duration,
    /// Until the upstream takes more of the request.
    pub write: Duration,
    /// For how long a connection is kept for the next request.
    pub idle: Duration,
    /// For how long a tunnel may carry nothing.
    pub tunnel_idle: Duration,
}

impl Default for GatewayTimes {
    fn default() -> Self {
        Self {
            connect: Times::default(),
            answer: Duration::from_secs(60),
            head: Duration::from_secs(10),
            pause: Duration::from_secs(60),
            write: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            tunnel_idle: Duration::from_secs(3600),
        }
    }
}

/// What an upstream's answer may cost.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// Its head, its interim answers, its trailers.
    pub wire: ClientLimits,
    /// The most octets of its content.
    pub content_bytes_max: u64,
    /// The most connections to one upstream that a core keeps for the next request.
    pub idle_max: usize,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self { wire: ClientLimits::default(), content_bytes_max: u64::MAX, idle_max: 256 }
    }
}

impl Gateway {
    /// A gateway to these upstreams, each reached as the member of its place says.
    #[must_use]
    pub fn new(
        name: &str,
        upstreams: Arc<Upstreams>,
        members: Vec<Reached>,
        connector: Arc<Connector>,
        forward: forward::Policy,
    ) -> Self {
        let relay = relayed::Policy::new(&forward);
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            name: name.into(),
            upstreams,
            members,
            forward,
            relay,
            transform: None,
            buffer_bytes_max: 0,
            probe: None,
            interim: Interim::Relayed,
            times: GatewayTimes::default(),
            limits: AnswerLimits::default(),
            connector,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }
}
