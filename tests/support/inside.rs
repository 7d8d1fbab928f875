//! A server inside the test's own process, over any store: for what no file system can be made to do.

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use wherefore_decide::policy::{
    self, ContentPolicy, Folder, FolderAccess, Hosts, Pattern, Resource, Route, Site,
};
use wherefore_gateway::{Address, Member, Place, Settings, Upstreams, forward};
use wherefore_origin::Origin;
use wherefore_server::admit::Kept;
use wherefore_server::configuration::{Configuration, Current};
use wherefore_server::core::{Ends, Server};
use wherefore_server::gateway::{Gateway, Reached};
use wherefore_server::limits::Limits;
use wherefore_server::line::Format;
use wherefore_server::ring::Io;
use wherefore_server::service::Service;
use wherefore_server::shutdown::Shutdown;
use wherefore_server::{core, listen, log};
use wherefore_store::{MemoryStore, Store};
use wherefore_upstream::{ConnectSettings, Connector, Endpoint, Target};

use super::client::{Client, Reply};
use super::counted::Counted;
use super::server::{first_with, io};

/// A running server. Dropped, it is ended.
pub struct Inside {
    pub address: SocketAddr,
    log: Mutex<Receiver<String>>,
    shutdown: Arc<Shutdown>,
    thread: Option<JoinHandle<()>>,
    /// How many answers were given again; known when it has ended.
    again: Arc<AtomicU64>,
}

/// Serves `store`, writable, with these `NAME=VALUE` limits of the server.
pub fn serve(store: Arc<dyn Store>, limits: &[(&str, &str)]) -> Inside {
    serve_route(store, limits, |route| route)
}

/// The same, by a route with further policies.
pub fn serve_route(
    store: Arc<dyn Store>,
    limits: &[(&str, &str)],
    policies: impl FnOnce(Route) -> Route,
) -> Inside {
    let folder = Folder { access: FolderAccess::Writable, ..Folder::read_only(0) };
    let content = ContentPolicy::up_to(1 << 30, 1 << 20);
    let route = Route::new(Pattern::everything(), Resource::Folder(folder), content);
    let site = Site::new("inside", Hosts::loopback::<&str>(&[]), vec![policies(route)]);
    let origin = Arc::new(Origin::new(store, None));
    serve_configuration(Configuration::of_folder(site, origin), limits)
}

/// Serves a gateway to these upstreams, changed as `with` says.
pub fn serve_gateway(
    upstreams: &[&str],
    settings: Settings,
    with: impl FnOnce(&mut Gateway),
) -> Inside {
    serve_gateway_route(upstreams, settings, with, |route| route)
}

/// The same, by a route with further policies.
pub fn serve_gateway_route(
    upstreams: &[&str],
    settings: Settings,
    with: impl FnOnce(&mut Gateway),
    policies: impl FnOnce(Route) -> Route,
) -> Inside {
    let members: Vec<Member> =
        upstreams.iter().map(|url| Member::new(Address::parse(url).unwrap())).collect();
    let reached = members.iter().map(|member| Reached {
        target: target(&member.address),
        authority: member.address.authority().into(),
    });
    let reached = reached.collect();
    let upstreams = Upstreams::new(members, settings).unwrap();
    let connector = Connector::new(&ConnectSettings::default()).unwrap();
    let forward = forward::Policy::new("inside");
    let mut gateway = Gateway::new("inside", upstreams, reached, Arc::new(connector), forward);
    with(&mut gateway);
    let content = ContentPolicy::up_to(1 << 30, 1 << 20);
    let resource = Resource::Gateway(policy::Gateway::new(0));
    let route = Route::new(Pattern::everything(), resource, content);
    let site = Site::new("inside", Hosts::loopback::<&str>(&[]), vec![policies(route)]);
    let store = Arc::new(MemoryStore::new());
    let origin = Arc::new(Origin::new(store, None));
    let configuration = Configuration {
        gateways: vec![Arc::new(gateway)],
        ..Configuration::of_folder(site, origin)
    };
    serve_configuration(configuration, &[])
}

fn target(address: &Address) -> Target {
    let endpoint = match &address.place {
        Place::Ip(address) => Endpoint::Ip(*address),
        Place::Host { name, port } => Endpoint::Name { host: name.clone(), port: *port },
        Place::Unix(path) => Endpoint::Unix(path.to_string().into()),
    };
    Target { endpoint, tls: None }
}

/// Serves this, with these `NAME=VALUE` limits of the server.
pub fn serve_configuration(configuration: Configuration, limits: &[(&str, &str)]) -> Inside {
    let cores = NonZeroUsize::new(2).unwrap();
    let listeners = listen::bind("127.0.0.1:0".parse().unwrap(), cores).unwrap();
    let address = listeners.address;
    let mut bounds = Limits::preset(1024, cores.get());
    for (name, value) in limits {
        bounds.set(name, value).unwrap();
    }
    let kept = Kept::new([7; 64], None, None);
    let current = Current::new(configuration);
    let shutdown = Shutdown::new();
    let (lines, received) = channel();
    let (log, writer) = log::start(Lines(lines), Format::Json).unwrap();
    let server = Server {
        listeners: vec![listeners],
        limits: bounds,
        log: Some(log),
        shutdown: Arc::clone(&shutdown),
        ends: Ends::OnShutdown,
        io: match io() {
            Some(_) => Io::IoUring,
            None => Io::Epoll,
        },
    };
    let wire = wherefore_h1::Limits::default();
    let again = Arc::new(AtomicU64::new(0));
    let thread = std::thread::spawn({
        let again = Arc::clone(&again);
        move || {
            let service = |core| Service::new(core, Arc::clone(&current), Arc::clone(&kept), wire);
            core::run(server, |core| Counted::new(service(core), &again), || ()).unwrap();
            drop(writer);
        }
    });
    Inside { address, log: Mutex::new(received), shutdown, thread: Some(thread), again }
}

impl Inside {
    pub fn ask(&self, request: &str) -> Reply {
        let mut client = self.connect();
        client.send(request);
        client.reply_to(request)
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// The first line of its log that holds `text`, as the object that it is.
    pub fn log_line(&self, text: &str) -> serde_json::Value {
        serde_json::from_str(&first_with(&self.log, text)).unwrap()
    }

    /// Ends it; says how many answers it gave again.
    pub fn given_again(mut self) -> u64 {
        self.end();
        self.again.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.shutdown.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Takes whole lines, as the log's writer hands them over.
struct Lines(Sender<String>);

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        for line in std::str::from_utf8(octets).unwrap().lines() {
            // Nobody may be waiting for it any more.
            let _ = self.0.send(line.to_owned());
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.end();
    }
}
