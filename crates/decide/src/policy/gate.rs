//! What is asked of a request before anyone is asked for credentials.

use std::sync::Arc;

use wherefore_message::network::Networks;

use crate::policy::asker::RefusedAs;

/// The gate in front of a route; open unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// It is closed for maintenance.
    pub maintenance: Option<Maintenance>,
    /// Which schemes are served.
    pub https: Https,
    /// The one host under which it is reached; requests for the site's other hosts are sent there.
    pub canonical_host: Option<Box<str>>,
    /// Which protocol is spoken.
    pub protocol: Protocol,
    /// What an authority demanded to be withheld.
    pub blocked: Vec<Block>,
    /// The only networks that may ask; none: all.
    pub from: Option<Networks>,
    /// What those get who ask from elsewhere.
    pub refusal: RefusedAs,
}

/// Closed for maintenance (503).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// When it is to end, in seconds since 1970.
    pub until: Option<u64>,
    /// What is done, for people.
    pub detail: Option<Box<str>>,
    /// The page that people see, in HTML; filled in as a route's pages are.
    pub page: Option<Arc<str>>,
    /// Networks that get through all the same: those who do the work.
    pub except: Networks,
}

/// Which schemes are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Https {
    /// Both.
    #[default]
    Optional,
    /// `https`; requests by `http` are sent there (301, 308).
    Required,
    /// `https`; of requests by `http`, GET and HEAD are sent there, and others are refused (403), since
    /// their content has gone in clear.
    RequiredForWrites,
}

/// Which protocol is spoken (426).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP of any version.
    #[default]
    Any,
    /// WebSocket alone (RFC 6455).
    WebSocket,
    /// HTTP/1.1 or newer.
    Http11,
    /// HTTP/2 or newer.
    Http2,
    /// HTTP/3.
    Http3,
}

/// Access that an authority demanded to be denied (RFC 7725).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// To clients in these networks.
    pub networks: Networks,
    /// To clients in these countries.
    pub countries: Vec<Country>,
    /// Who implements the block: the URI of `Link: rel="blocked-by"` (RFC 7725 §4).
    pub by: Box<str>,
    /// What was demanded, by whom, for people.
    pub demand: Box<str>,
}

/// A country's two letters (ISO 3166-1), in upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country(pub [u8; 2]);

impl Block {
    /// Whether everyone is meant.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        self.networks.is_empty() && self.countries.is_empty()
    }
}

impl Gate {
    /// Whether nothing is asked.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.maintenance.is_none()
            && matches!(self.https, Https::Optional)
            && self.canonical_host.is_none()
            && matches!(self.protocol, Protocol::Any)
            && self.blocked.is_empty()
            && self.from.is_none()
    }

    /// Whether the client's country matters.
    #[must_use]
    pub fn asks_for_country(&self) -> bool {
        self.blocked.iter().any(|block| !block.countries.is_empty())
    }
}
