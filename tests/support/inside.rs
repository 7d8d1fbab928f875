//! A server inside the test's own process, over any store: for what no file system can be made to do.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;

use wherefore_decide::policy::{Folder, FolderAccess, Hosts, MissingFolders, Route, Site, Trace};
use wherefore_origin::Origin;
use wherefore_server::core::{Ends, Server};
use wherefore_server::limits::Limits;
use wherefore_server::service::Service;
use wherefore_server::shutdown::Shutdown;
use wherefore_server::{core, listen};
use wherefore_store::Store;

use super::client::{Client, Reply};

/// A running server. Dropped, it is ended.
pub struct Inside {
    pub address: SocketAddr,
    shutdown: Arc<Shutdown>,
    thread: Option<JoinHandle<()>>,
}

/// Serves `store`, writable, with these `NAME=VALUE` limits of the server.
pub fn serve(store: Arc<dyn Store>, limits: &[(&str, &str)]) -> Inside {
    let cores = NonZeroUsize::new(2).unwrap();
    let listeners = listen::bind("127.0.0.1:0".parse().unwrap(), cores).unwrap();
    let address = listeners.address;
    let mut bounds = Limits::preset(1024, cores.get());
    for (name, value) in limits {
        bounds.set(name, value).unwrap();
    }
    let site = Site {
        hosts: Hosts::Loopback(Vec::new()),
        routes: vec![Route {
            prefix: "/".to_owned(),
            resource: Folder {
                access: FolderAccess::Writable,
                missing_folders: MissingFolders::Conflict,
            },
            content_bytes_max: 1 << 30,
            patch_bytes_max: bounds.patch_bytes,
            trace: Trace::Off,
        }],
    };
    let origin = Arc::new(Origin::new(store, None, Arc::new(site)));
    let shutdown = Shutdown::new();
    let server = Server {
        listeners: vec![listeners],
        limits: bounds,
        log: None,
        shutdown: Arc::clone(&shutdown),
        ends: Ends::OnShutdown,
    };
    let wire = wherefore_h1::Limits::default();
    let thread = std::thread::spawn(move || {
        core::run(server, |core| Service::new(core, Arc::clone(&origin), wire)).unwrap();
    });
    Inside { address, shutdown, thread: Some(thread) }
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
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.shutdown.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
