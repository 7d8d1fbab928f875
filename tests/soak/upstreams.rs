//! The groups of upstreams, and the configuration that names them.

use std::net::SocketAddr;
use std::sync::Mutex;

use socket2::{Domain, Socket, Type};

use super::behaviour;
use super::content::Numbers;
use super::support::upstream::{FullQueue, Refusing, Upstream};

/// Every upstream there is.
pub struct Upstreams {
    steady: Vec<Upstream>,
    mixed: Vec<Mortal>,
    dying: Mortal,
    refusing: Refusing,
    lost: FullQueue,
}

/// An upstream that dies and comes back, at an address that nobody else gets meanwhile.
struct Mortal {
    number: usize,
    address: SocketAddr,
    alive: Mutex<Option<Upstream>>,
    _socket: Socket,
}

impl Upstreams {
    pub fn start() -> Self {
        Self {
            steady: (0..3).map(|number| upstream(([127, 0, 0, 1], 0).into(), number)).collect(),
            mixed: (0..3).map(Mortal::start).collect(),
            dying: Mortal::start(0),
            refusing: Refusing::start(),
            lost: FullQueue::start(),
        }
    }

    /// One of the mortal ones dies, or comes back if it was dead.
    pub fn kill_or_revive(&self, numbers: &mut Numbers) {
        let mortals: Vec<_> = self.mixed.iter().chain([&self.dying, &self.dying]).collect();
        numbers.one_of(&mortals).kill_or_revive();
    }

    /// The groups and the routes to them, in words of the configuration.
    pub fn configuration(&self) -> String {
        let urls = |addresses: Vec<SocketAddr>| {
            let urls: Vec<_> =
                addresses.iter().map(|address| format!("\"http://{address}\"")).collect();
            urls.join(", ")
        };
        let steady = urls(self.steady.iter().map(|upstream| upstream.address).collect());
        let mixed = urls(self.mixed.iter().map(|mortal| mortal.address).collect());
        let dying = urls(vec![self.steady[0].address, self.dying.address]);
        let lasting = "retries = 0\nunhealthy-after = 0\n";
        let brief = "head-time = \"100ms\"\npause-time = \"100ms\"\n";
        let groups = [
            ("steady", &*steady, "balance = \"least\"\n".to_owned()),
            ("forced", &steady, lasting.to_owned()),
            ("silent", &steady, format!("{lasting}answer-time = \"100ms\"\n")),
            ("halting", &steady, format!("{lasting}{brief}")),
            (
                "mixed",
                &mixed,
                "balance = \"two-choices\"\nunhealthy-time = \"100ms\"\nanswer-time = \"2s\"\n\
                 head-time = \"2s\"\npause-time = \"2s\"\n"
                    .to_owned(),
            ),
            (
                "dying",
                &dying,
                "retry-percent = 100\nbuffer = \"64KiB\"\nunhealthy-time = \"100ms\"\n".to_owned(),
            ),
            ("refusing", &urls(vec![self.refusing.address]), lasting.to_owned()),
            (
                "ill",
                &urls(vec![self.refusing.address]),
                "unhealthy-after = 1\nunhealthy-time = \"10h\"\n".to_owned(),
            ),
            (
                "lost",
                &urls(vec![self.lost.address]),
                format!("{lasting}connect-time = \"100ms\"\n"),
            ),
        ];
        let groups = groups.iter().map(|(name, to, keys)| {
            format!(
                "[[site.localhost.route]]\npath = \"/{name}/*\"\ngateway = \"{name}\"\n\
                 [gateway.{name}]\nto = [{to}]\nidle-time = \"2s\"\n{keys}"
            )
        });
        groups.collect()
    }
}

impl Mortal {
    fn start(number: usize) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let alive = Mutex::new(Some(upstream(address, number)));
        Self { number, address, alive, _socket: socket }
    }

    fn kill_or_revive(&self) {
        let mut alive = self.alive.lock().unwrap();
        *alive = match alive.take() {
            Some(upstream) => {
                upstream.stop();
                None
            }
            None => Some(upstream(self.address, self.number)),
        };
    }
}

fn upstream(address: SocketAddr, number: usize) -> Upstream {
    Upstream::forgetful_at(address, move |received| behaviour::act(received, number))
}
