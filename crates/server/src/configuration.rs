//! What is served: the sites and what stands behind their routes. Read by all cores, swapped as a whole.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use wherefore_access::basic::Users;
use wherefore_access::bearer::Tokens;
use wherefore_access::country::Countries;
use wherefore_access::forwarded::{self, Dialect, Proxies};
use wherefore_decide::policy::gate::Country;
use wherefore_decide::policy::{Index, Site, Sites};
use wherefore_decide::{Client, Scheme};
use wherefore_gateway::forward::PeerTrust;
use wherefore_gateway::{Address, Service};
use wherefore_message::Fields;
use wherefore_origin::Origin;

use crate::gateway::Gateway;
use crate::notice::Seldom;
use crate::paying::Facilitator;

/// The sites, and what stands behind their routes. Never changed: a new one takes its place.
#[derive(Clone)]
pub struct Configuration {
    /// The sites.
    pub sites: Arc<Sites>,
    /// The folders, by the numbers that routes have for them.
    pub origins: Vec<Arc<Origin>>,
    /// The sources of names and passwords, by theirs.
    pub users: Vec<Arc<Users>>,
    /// The sources of keys for tokens, by theirs.
    pub tokens: Vec<Arc<Tokens>>,
    /// The proxies that are believed.
    pub proxies: Arc<Proxies>,
    /// The upstreams of gateways, by theirs.
    pub gateways: Vec<Arc<Gateway>>,
    /// Who knows what payments are worth, by theirs.
    pub facilitators: Vec<Arc<Facilitator>>,
    /// Where addresses are.
    pub countries: Option<Arc<Countries>>,
}

impl Configuration {
    /// One site over one folder, which is number 0.
    #[must_use]
    pub fn of_folder(site: Site, origin: Arc<Origin>) -> Self {
        Self {
            sites: Arc::new(Sites::new(vec![site])),
            origins: vec![origin],
            users: Vec::new(),
            tokens: Vec::new(),
            proxies: Arc::default(),
            gateways: Vec::new(),
            facilitators: Vec::new(),
            countries: None,
        }
    }

    /// Who asks, as far as the connection and the proxies that are believed tell.
    #[must_use]
    pub fn client(&self, peer: IpAddr, fields: Fields<'_>) -> Client {
        if self.proxies.trusted.is_empty() {
            return Client::at(peer);
        }
        match self.proxies.client(peer, forwarded::Scheme::Http, fields) {
            Ok(told) => Client {
                address: told.address,
                nearest: Some(told.nearest),
                scheme: match told.scheme {
                    forwarded::Scheme::Http => Scheme::Http,
                    forwarded::Scheme::Https => Scheme::Https,
                },
                ..Client::UNKNOWN
            },
            Err(fault) => Client { fault: Some(fault.text()), ..Client::at(peer) },
        }
    }

    /// How far what a peer says of others is believed.
    #[must_use]
    pub fn peer_trust(&self, peer: IpAddr) -> PeerTrust {
        if self.proxies.trusted.is_empty() || !self.proxies.trusted.has(peer.to_canonical()) {
            return PeerTrust::Stranger;
        }
        match self.proxies.dialect {
            Dialect::Forwarded => PeerTrust::Forwarded,
            Dialect::XForwarded => PeerTrust::XForwarded,
            Dialect::Either => PeerTrust::Either,
        }
    }

    /// The client's country, if it is known.
    #[must_use]
    pub fn country(&self, client: &Client) -> Option<Country> {
        let found = self.countries.as_ref()?.of(client.address?);
        let country = match found {
            Ok(country) => country?,
            Err(fault) => {
                static DAMAGED: Seldom = Seldom::every(Duration::from_secs(60));
                DAMAGED.say(format_args!("the country of a client can't be looked up: {fault}"));
                return None;
            }
        };
        country.as_str().as_bytes().try_into().ok().map(Country)
    }

    /// The addresses of upstreams that are out of service.
    fn drained(&self) -> Vec<Address> {
        let members = self.gateways.iter().flat_map(|gateway| {
            let upstreams = &gateway.upstreams;
            upstreams.members().enumerate().filter(|(index, _)| {
                let standing = upstreams.standing(*index);
                standing.is_some_and(|standing| standing.service == Service::Drained)
            })
        });
        members.map(|(_, member)| member.address.clone()).collect()
    }

    fn set_service(&self, is_meant: impl Fn(&Address) -> bool, service: Service) -> usize {
        let mut count = 0;
        for gateway in &self.gateways {
            for (index, member) in gateway.upstreams.members().enumerate() {
                if is_meant(&member.address) {
                    gateway.upstreams.set_service(index, service);
                    count += 1;
                }
            }
        }
        count
    }

    pub(crate) fn users(&self, index: Index) -> Option<&Arc<Users>> {
        self.users.get(usize::from(index))
    }

    pub(crate) fn tokens(&self, index: Index) -> Option<&Arc<Tokens>> {
        self.tokens.get(usize::from(index))
    }

    pub(crate) fn gateway(&self, index: Index) -> Option<&Arc<Gateway>> {
        self.gateways.get(usize::from(index))
    }

    pub(crate) fn origin(&self, index: Index) -> Option<&Arc<Origin>> {
        self.origins.get(usize::from(index))
    }
}

/// The configuration that holds now.
pub struct Current {
    configuration: ArcSwap<Configuration>,
    generation: AtomicU64,
    /// Heard by one task, which waits for nothing else of it.
    swapped: Notify,
    /// Held by whoever changes which upstreams are in service: a reload forgets none of what is said meanwhile.
    services: Mutex<()>,
}

impl Current {
    /// This one, to begin with.
    #[must_use]
    pub fn new(configuration: Configuration) -> Arc<Self> {
        let configuration = ArcSwap::from_pointee(configuration);
        let (generation, swapped) = (AtomicU64::new(0), Notify::new());
        Arc::new(Self { configuration, generation, swapped, services: Mutex::new(()) })
    }

    /// Another one from now on. Requests that are in flight end under the one that they began under. Upstreams that were
    /// taken out of service stay so.
    pub fn swap(&self, configuration: Configuration) {
        let _services = self.services();
        self.load().drained().iter().for_each(|address| {
            configuration.set_service(|other| other == address, Service::Drained);
        });
        self.configuration.store(Arc::new(configuration));
        self.generation.fetch_add(1, Ordering::Release);
        self.swapped.notify_one();
    }

    /// The configuration.
    #[must_use]
    pub fn load(&self) -> Arc<Configuration> {
        self.configuration.load_full()
    }

    /// Takes upstreams out of service, or back into it; says how many that are.
    pub(crate) fn set_service(
        &self,
        is_meant: impl Fn(&Address) -> bool,
        service: Service,
    ) -> usize {
        let _services = self.services();
        self.load().set_service(is_meant, service)
    }

    fn services(&self) -> MutexGuard<'_, ()> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is swapped, or was since this was last asked. For the one task that does.
    pub(crate) async fn swapped(&self) {
        self.swapped.notified().await;
    }

    /// How often it was swapped.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

/// One core's hold on the configuration. Requests of the core share it without touching what other cores
/// touch.
pub(crate) struct Held {
    current: Arc<Current>,
    held: RefCell<(u64, Rc<Configuration>)>,
}

impl Held {
    pub(crate) fn new(current: Arc<Current>) -> Self {
        let generation = current.generation();
        let held = RefCell::new((generation, Rc::new(Configuration::clone(&current.load()))));
        Self { current, held }
    }

    /// What is swapped.
    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// How often what is held was swapped.
    pub(crate) fn generation(&self) -> u64 {
        self.current.generation()
    }

    /// The configuration that holds now.
    pub(crate) fn get(&self) -> Rc<Configuration> {
        let generation = self.current.generation();
        let mut held = self.held.borrow_mut();
        if held.0 != generation {
            *held = (generation, Rc::new(Configuration::clone(&self.current.load())));
        }
        Rc::clone(&held.1)
    }
}
