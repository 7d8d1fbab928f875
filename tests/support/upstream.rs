//! An upstream that does what a test tells it to, octet by octet, however wrong that is, and remembers what it
//! was asked.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::client::End;
pub use super::received::Received;
use super::received::{Incoming, is_late};
use super::server::PATIENCE;

/// What is done about one request, once its head was read.
#[derive(Clone, Debug)]
pub enum Act {
    /// The content is read, and then these octets are sent. The connection stays.
    Answer(Vec<u8>),
    /// These steps are taken. If none of them ends the connection, what is left of the content is read, and
    /// the next request.
    Steps(Vec<Step>),
}

/// One step of an act.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads the content to its end.
    Read,
    /// Reads until there are so many octets of content at least, or its end.
    ReadSome(usize),
    /// Reads the content to its end, and has a look at all of the request; what is wrong with it panics.
    Look(fn(&Received)),
    /// Sends these octets.
    Write(Vec<u8>),
    /// Sends these octets again and again, until nobody takes them, or so many times.
    Repeat(Vec<u8>, usize),
    /// Waits until it is told to [go on](Upstream::go_on).
    Await,
    /// Sends these octets one by one, each when it is told to go on.
    WriteEach(Vec<u8>),
    /// Sends these octets one by one, each so long after the last, until nobody takes them.
    Drip(Vec<u8>, Duration),
    /// Reads on, whatever it is, until the peer ends the connection or breaks it off.
    AwaitEnd,
    /// Sends back whatever comes, until the peer ends; then ends as well. A tunnel's other end.
    Echo,
    /// Says that nothing more is sent. The connection stays to be read from.
    HalfClose,
    /// Closes in an orderly way: what the peer still sends is read.
    Close,
    /// Resets the connection.
    Reset,
}

/// A hostile upstream. Dropped, it ends with all its connections.
pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

type Script = dyn Fn(&Received) -> Act + Send + Sync;

struct Shared {
    script: Box<Script>,
    state: Mutex<State>,
    changed: Condvar,
    memory: Memory,
}

/// What is remembered of requests that are done.
#[derive(Clone, Copy, PartialEq)]
enum Memory {
    All,
    Nothing,
}

#[derive(Default)]
struct State {
    is_over: bool,
    has_panicked: bool,
    /// How often it was told to go on, less how often it did.
    goes: usize,
    accepted: usize,
    connections: Vec<(usize, TcpStream)>,
    threads: Vec<JoinHandle<()>>,
    received: Vec<Received>,
    /// How many of `received` were asked for by head, and which are done, in that order.
    heard: usize,
    done: Vec<usize>,
    done_told: usize,
    /// Places in `received` that can be used again.
    free: Vec<usize>,
}

/// How many connections one upstream takes in its life.
const CONNECTIONS_MAX: usize = 100_000_000;

impl Upstream {
    /// Starts one that does what `script` says of each request.
    pub fn start(script: impl Fn(&Received) -> Act + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), script)
    }

    /// Starts one at the address of one that was stopped.
    pub fn start_at(
        address: SocketAddr,
        script: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::with(address, Memory::All, script)
    }

    /// The same, and it remembers no request that is done: for those who ask without end.
    pub fn forgetful_at(
        address: SocketAddr,
        script: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::with(address, Memory::Nothing, script)
    }

    fn with(
        address: SocketAddr,
        memory: Memory,
        script: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Mutex::new(State::default());
        let changed = Condvar::new();
        let shared = Arc::new(Shared { script: Box::new(script), state, changed, memory });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// One that answers every request with these octets.
    pub fn always(octets: impl AsRef<[u8]>) -> Self {
        let octets = octets.as_ref().to_vec();
        Self::start(move |_| Act::Answer(octets.clone()))
    }

    /// One that takes the same steps for every request.
    pub fn stepping(steps: Vec<Step>) -> Self {
        Self::start(move |_| Act::Steps(steps.clone()))
    }

    /// One that takes whatever is sent, and never says anything.
    pub fn silent() -> Self {
        Self::stepping(vec![Step::AwaitEnd])
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets whoever awaits it go on, once.
    pub fn go_on(&self) {
        self.shared.lock().goes += 1;
        self.shared.changed.notify_all();
    }

    /// The next request, as soon as its head is there. Its content may still be on its way.
    pub fn heard(&self) -> Received {
        let mut state = self.shared.wait(|state| state.heard < state.received.len());
        state.heard += 1;
        state.received[state.heard - 1].clone()
    }

    /// The next request of which all that is to be done is done, with all of it that was read.
    pub fn done(&self) -> Received {
        let mut state = self.shared.wait(|state| state.done_told < state.done.len());
        state.done_told += 1;
        state.received[state.done[state.done_told - 1]].clone()
    }

    /// Every request so far, as far as it was read.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// How many connections it has taken.
    pub fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }

    /// Ends it as if it were killed: connections are reset where something was not read. At its address nobody
    /// listens then.
    pub fn stop(self) -> SocketAddr {
        self.address
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let connections = {
            let mut state = self.shared.lock();
            state.is_over = true;
            std::mem::take(&mut state.connections)
        };
        self.shared.changed.notify_all();
        // The listener is shut down, so that whoever accepts wakes; its threads find their sockets ended.
        drop(TcpStream::connect(self.address));
        let accepted = self.accepting.take().map(JoinHandle::join);
        for (_, connection) in connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        let threads = std::mem::take(&mut self.shared.lock().threads);
        let ended: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
        // A script that panics fails its test, unless that is failing already.
        if !thread::panicking() {
            assert!(accepted.is_none_or(|ended| ended.is_ok()), "the upstream's listener panicked");
            let has_panicked = self.shared.lock().has_panicked || ended.iter().any(Result::is_err);
            assert!(!has_panicked, "the upstream's script panicked");
        }
    }
}

/// A listener whose queue is full: the kernel drops whoever else comes.
pub struct FullQueue {
    pub address: SocketAddr,
    _listener: Socket,
    _first: TcpStream,
}

impl FullQueue {
    pub fn start() -> Self {
        let listener = bound();
        // There is one place more than is asked for.
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let first = TcpStream::connect(address).unwrap();
        Self { address, _listener: listener, _first: first }
    }
}

/// A port at which nobody listens, and that nobody else gets.
pub struct Refusing {
    pub address: SocketAddr,
    _socket: Socket,
}

impl Refusing {
    pub fn start() -> Self {
        let socket = bound();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { address, _socket: socket }
    }
}

fn bound() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until something is so; not forever.
    fn wait(&self, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, |state| !is_so(state));
        let (state, late) = waited.unwrap();
        assert!(!late.timed_out(), "nothing came: {:?}", state.received);
        state
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for number in 0..CONNECTIONS_MAX {
            let Ok((stream, _)) = listener.accept() else { return };
            let mut state = self.lock();
            if state.is_over {
                return;
            }
            state.accepted += 1;
            state.join_those_that_ended();
            state.connections.push((number, stream.try_clone().unwrap()));
            let shared = Arc::clone(self);
            state.threads.push(thread::spawn(move || {
                shared.serve(stream, number);
                shared.forget(number);
            }));
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The socket of a connection ends with the last that has it.
    fn forget(&self, number: usize) {
        self.lock().connections.retain(|(other, _)| *other != number);
    }

    /// Takes requests off one connection, until it ends.
    fn serve(&self, stream: TcpStream, connection: usize) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut incoming = Incoming::new(stream);
        while let Some(received) = incoming.head(connection) {
            let act = (self.script)(&received);
            let at = {
                let mut state = self.lock();
                state.remember(received)
            };
            self.changed.notify_all();
            let steps = match act {
                Act::Answer(octets) => vec![Step::Read, Step::Write(octets)],
                Act::Steps(steps) => steps,
            };
            let mut serving = Serving { shared: self, incoming, at };
            let taken = steps.into_iter().try_for_each(|step| serving.take(step));
            let taken = taken.and_then(|()| serving.take(Step::Read));
            if let Err(ended) = &taken {
                serving.note(|received| received.end = received.end.or(ended.how()));
            }
            incoming = serving.incoming;
            match self.memory {
                Memory::All => self.lock().done.push(at),
                Memory::Nothing => self.lock().forget(at),
            }
            self.changed.notify_all();
            if taken.is_err() {
                return;
            }
        }
    }
}

impl State {
    /// Where a request is kept from now on.
    fn remember(&mut self, received: Received) -> usize {
        let at = self.free.pop().unwrap_or(self.received.len());
        match self.received.get_mut(at) {
            Some(place) => *place = received,
            None => self.received.push(received),
        }
        at
    }

    fn forget(&mut self, at: usize) {
        self.received[at].content = Vec::new();
        self.free.push(at);
    }

    /// What a thread that has ended still holds is given back only then.
    fn join_those_that_ended(&mut self) {
        let threads = std::mem::take(&mut self.threads);
        let (ended, running): (Vec<_>, _) = threads.into_iter().partition(JoinHandle::is_finished);
        self.threads = running;
        self.has_panicked |= ended.into_iter().any(|thread| thread.join().is_err());
    }
}

/// Why a connection is served no longer.
enum Ended {
    ByUs,
    ByPeer(End),
}

impl Ended {
    const fn how(&self) -> Option<End> {
        match self {
            Self::ByUs => None,
            Self::ByPeer(end) => Some(*end),
        }
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        assert!(!is_late(&error), "the peer neither sent, took nor ended anything");
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::ByPeer(End::Closed),
            _ => Self::ByPeer(End::BrokenOff),
        }
    }
}

/// A request that is being served.
struct Serving<'a> {
    shared: &'a Shared,
    incoming: Incoming,
    at: usize,
}

impl Serving<'_> {
    fn take(&mut self, step: Step) -> Result<(), Ended> {
        match step {
            Step::Read => self.read(usize::MAX)?,
            Step::ReadSome(octets) => self.read(octets)?,
            Step::Look(look) => {
                self.read(usize::MAX)?;
                let received = self.shared.lock().received[self.at].clone();
                look(&received);
            }
            Step::Write(octets) => self.stream().write_all(&octets)?,
            Step::Repeat(octets, times) => {
                (0..times).try_for_each(|_| self.stream().write_all(&octets))?;
            }
            Step::Await => self.told()?,
            Step::WriteEach(octets) => {
                for octet in octets {
                    self.told()?;
                    self.stream().write_all(&[octet])?;
                }
            }
            Step::Drip(octets, pace) => self.drip(&octets, pace)?,
            Step::AwaitEnd => return Err(Ended::ByPeer(self.drain())),
            Step::Echo => self.echo()?,
            Step::HalfClose => self.stream().shutdown(Shutdown::Write)?,
            Step::Close => {
                self.stream().shutdown(Shutdown::Write)?;
                self.drain();
                return Err(Ended::ByUs);
            }
            Step::Reset => {
                SockRef::from(&self.incoming.stream).set_linger(Some(Duration::ZERO))?;
                return Err(Ended::ByUs);
            }
        }
        Ok(())
    }

    fn stream(&mut self) -> &mut TcpStream {
        &mut self.incoming.stream
    }

    /// Changes what is remembered of the request.
    fn note(&self, change: impl FnOnce(&mut Received)) {
        change(&mut self.shared.lock().received[self.at]);
    }

    /// Reads content until there are so many octets of it.
    fn read(&mut self, octets: usize) -> Result<(), Ended> {
        loop {
            let so_far = {
                let received = &mut self.shared.lock().received[self.at];
                self.incoming.content(received);
                received.is_whole || received.content.len() >= octets
            };
            self.shared.changed.notify_all();
            if so_far {
                return Ok(());
            }
            self.incoming.more()?;
        }
    }

    /// Waits until it is told to go on; an end if all is over.
    fn told(&self) -> Result<(), Ended> {
        let waited =
            self.shared.changed.wait_timeout_while(self.shared.lock(), PATIENCE, |state| {
                state.goes == 0 && !state.is_over
            });
        let (mut state, late) = waited.unwrap();
        assert!(!late.timed_out(), "it was never told to go on");
        if state.is_over {
            return Err(Ended::ByUs);
        }
        state.goes -= 1;
        Ok(())
    }

    /// Between two octets the peer's end is waited for.
    fn drip(&mut self, octets: &[u8], pace: Duration) -> Result<(), Ended> {
        for octet in octets {
            self.stream().write_all(&[*octet])?;
            self.stream().set_read_timeout(Some(pace))?;
            let read = self.incoming.more();
            self.stream().set_read_timeout(Some(PATIENCE))?;
            if let Err(error) = read
                && !is_late(&error)
            {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Reads and drops what comes; how it ended.
    fn drain(&mut self) -> End {
        let mut room = [0; 65536];
        loop {
            match self.stream().read(&mut room) {
                Ok(0) => return End::Closed,
                Ok(_) => {}
                Err(error) => {
                    assert!(!is_late(&error), "the peer does not end");
                    return End::BrokenOff;
                }
            }
        }
    }

    fn echo(&mut self) -> Result<(), Ended> {
        let early = std::mem::take(&mut self.incoming.unread);
        self.stream().write_all(&early)?;
        let mut room = [0; 65536];
        loop {
            let count = self.stream().read(&mut room)?;
            if count == 0 {
                self.stream().shutdown(Shutdown::Write)?;
                return Err(Ended::ByPeer(End::Closed));
            }
            self.stream().write_all(&room[..count])?;
        }
    }
}
