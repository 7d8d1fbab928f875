//! The clients' side: links on one thread, each of which asks again as soon as it has been answered.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::thread::sched_yield;

use crate::echo::Echo;
use crate::http::{Http, Request};
use crate::times::Times;

/// How many answers may be wrong before it is of no use to go on.
const FAULTS_MAX: u64 = 1000;

/// For how long it goes on after it has said what was measured, so that whoever reads that can look at the
/// server's clock while it is still under load.
const AFTER: Duration = Duration::from_millis(20);

const EVENTS: usize = 512;
const BUFFER_BYTES: usize = 1 << 20;

/// What is asked, of whom, and for how long.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// For how long is measured.
    pub(crate) window: Duration,
    /// For how long it has gone on before.
    pub(crate) warm: Duration,
    pub(crate) talk: Talk,
}

/// What clients and server say to each other.
#[derive(Debug)]
pub(crate) enum Talk {
    /// Requests and answers.
    Http(Rc<Request>),
    /// Messages over WebSocket that have to come back as they are.
    Echo {
        /// Where the handshake is sent.
        path: String,
        /// How long a message's content is.
        octets: usize,
    },
}

/// A connection, and what is said on it.
pub(crate) trait Link: Sized {
    /// Connects; what is said there first may wait for an answer.
    fn open(plan: &Plan) -> Result<Self, String>;
    /// Its connection, which never blocks.
    fn stream(&self) -> &TcpStream;
    /// Says the first thing.
    fn begin(&mut self, shared: &mut Shared) -> Result<(), String>;
    /// Goes on, as far as it can without waiting.
    fn go_on(&mut self, shared: &mut Shared) -> Result<Next, String>;
}

/// What becomes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It waits.
    Waits,
    /// It ended where it should, and another takes its place.
    Ended,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// What is read goes here, and is done with before the next.
    pub(crate) buffer: Vec<u8>,
    /// How many requests have been begun.
    pub(crate) begun: u64,
    /// How many answers there have been from the beginning on.
    answered: u64,
    /// What was got since the counting began.
    got: Got,
}

#[derive(Debug)]
struct Got {
    answers: u64,
    octets: u64,
    times: Times,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES], begun: 0, answered: 0, got: Got::nothing() }
    }

    /// Notes that something was answered to what was said at `began`.
    pub(crate) fn answered(&mut self, began: Instant) {
        self.answered += 1;
        self.got.answers += 1;
        self.got.times.note(began.elapsed());
    }

    /// Notes content that came or went.
    pub(crate) fn carried(&mut self, octets: u64) {
        self.got.octets += octets;
    }
}

impl Got {
    fn nothing() -> Self {
        Self { answers: 0, octets: 0, times: Times::new() }
    }
}

/// Asks as planned. It says `begun` when it begins to count, then what it `measured`, as JSON, and at
/// last how many answers there were in all.
pub(crate) fn run(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    match &plan.talk {
        Talk::Http(_) => Crowd::<Http>::gather(plan)?.measure(out),
        Talk::Echo { .. } => Crowd::<Echo>::gather(plan)?.measure(out),
    }
}

/// All connections.
struct Crowd<'a, L> {
    plan: &'a Plan,
    poll: OwnedFd,
    links: Vec<L>,
    shared: Shared,
    faults: u64,
    first_fault: String,
}

impl<'a, L: Link> Crowd<'a, L> {
    fn gather(plan: &'a Plan) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let links = Vec::with_capacity(plan.connections);
        let (shared, first_fault) = (Shared::new(), String::new());
        let mut crowd = Self { plan, poll, links, shared, faults: 0, first_fault };
        for at in 0..plan.connections {
            let link = crowd.opened(at)?;
            crowd.links.push(link);
        }
        Ok(crowd)
    }

    fn opened(&self, at: usize) -> io::Result<L> {
        let link = L::open(self.plan).map_err(io::Error::other)?;
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        epoll::add(&self.poll, link.stream(), epoll::EventData::new_u64(at as u64), flags)?;
        Ok(link)
    }

    fn measure(mut self, out: &mut impl Write) -> io::Result<()> {
        for at in 0..self.links.len() {
            let begun = self.links[at].begin(&mut self.shared);
            self.settle(at, begun.map(|()| Next::Waits))?;
        }
        self.go_on_until(Instant::now() + self.plan.warm)?;
        self.shared.got = Got::nothing();
        self.faults = 0;
        self.first_fault.clear();
        writeln!(out, "begun")?;
        out.flush()?;
        let began = Instant::now();
        self.go_on_until(began + self.plan.window)?;
        let (time, got) = (began.elapsed(), &self.shared.got);
        writeln!(
            out,
            "measured {{\"requests\": {}, \"octets\": {}, \"time_us\": {}, \"p50_us\": {}, \
             \"p99_us\": {}, \"errors\": {}, \"fault\": {:?}}}",
            got.answers,
            got.octets,
            time.as_micros(),
            got.times.within_us(500),
            got.times.within_us(990),
            self.faults,
            self.first_fault,
        )?;
        out.flush()?;
        self.go_on_until(Instant::now() + AFTER)?;
        writeln!(out, "answered {}", self.shared.answered)
    }

    fn go_on_until(&mut self, end: Instant) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        while Instant::now() < end {
            epoll::wait(&self.poll, spare_capacity(&mut events), Some(&Timespec::default()))?;
            if events.is_empty() {
                // An upstream on the same core has its turn.
                sched_yield();
            }
            for event in events.drain(..) {
                let at = event.data.u64() as usize;
                let next = self.links[at].go_on(&mut self.shared);
                self.settle(at, next)?;
            }
        }
        Ok(())
    }

    /// Puts another in the place of a connection that has ended.
    fn settle(&mut self, at: usize, next: Result<Next, String>) -> io::Result<()> {
        let mut next = next;
        while next != Ok(Next::Waits) {
            if let Err(fault) = next {
                self.faults += 1;
                if self.first_fault.is_empty() {
                    self.first_fault = fault;
                }
                if self.faults > FAULTS_MAX {
                    let first = &self.first_fault;
                    return Err(io::Error::other(format!("too much is wrong; at first: {first}")));
                }
            }
            self.links[at] = self.opened(at)?;
            next = self.links[at].begin(&mut self.shared).map(|()| Next::Waits);
        }
        Ok(())
    }
}

/// A connection that does not wait, and sends at once what it is given.
pub(crate) fn ready(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// What came of reading or writing, where to wait is no failure.
pub(crate) fn unless_waiting(done: io::Result<usize>) -> Result<Option<usize>, String> {
    match done {
        Ok(octets) => Ok(Some(octets)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
