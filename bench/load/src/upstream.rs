//! The upstream of gateways. What it answers is said by the last segment of the path:
//!
//! - `1k`, `10m`: content of that length;
//! - `slow`: the same as `1k`, a tenth of a second later;
//! - `count`: how many octets the request's content has;
//! - `echo`: 101, and then each message of WebSocket as it came.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, recv};

use crate::asking::unless_waiting;
use crate::listening::Listening;
use crate::{frame, head};

const DELAY: Duration = Duration::from_millis(100);
const SHORT: u64 = 1 << 10;
const LONG: u64 = 10 << 20;
const BUFFER_BYTES: usize = 1 << 20;

/// A server for gateways.
#[derive(Debug)]
pub(crate) struct Upstream {
    peers: Listening<Peer>,
    /// Of whom something is told.
    places: Vec<usize>,
    /// Who is to be answered when: all wait for the same time, so they are in order.
    due: VecDeque<(Instant, usize, u64)>,
    accepted: u64,
    buffer: Vec<u8>,
}

impl Upstream {
    /// Listens at a free port.
    pub(crate) fn bind() -> io::Result<Self> {
        let told = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        Ok(Self {
            peers: Listening::bind(0, told)?,
            places: Vec::new(),
            due: VecDeque::new(),
            accepted: 0,
            buffer: vec![b'u'; BUFFER_BYTES],
        })
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> io::Result<u16> {
        self.peers.port()
    }

    /// Waits for what happens next, and answers.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let wait = self.due.front().map(|(due, ..)| {
            Timespec::try_from(due.saturating_duration_since(Instant::now())).unwrap_or_default()
        });
        let accepted = &mut self.accepted;
        self.peers.wait(wait.as_ref(), &mut self.places, |stream| {
            *accepted += 1;
            Peer::new(stream, *accepted)
        })?;
        let mut places = std::mem::take(&mut self.places);
        places.drain(..).for_each(|at| self.serve(at));
        self.places = places;
        let now = Instant::now();
        while let Some((due, at, serial)) = self.due.front().copied()
            && due <= now
        {
            self.due.pop_front();
            if let Some(peer) = self.peers.peer(at).filter(|peer| peer.serial == serial) {
                peer.answer(SHORT);
                self.serve(at);
            }
        }
        Ok(())
    }

    /// Goes on with a connection. What goes wrong ends it: the gateway is who notices.
    fn serve(&mut self, at: usize) {
        let Some(peer) = self.peers.peer(at) else { return };
        match peer.go_on(&mut self.buffer) {
            Ok(After::Waits) => {}
            Ok(After::WaitsFor(delay)) => {
                self.due.push_back((Instant::now() + delay, at, peer.serial));
            }
            Ok(After::Ended) | Err(_) => self.peers.close(at),
        }
    }
}

enum After {
    Waits,
    WaitsFor(Duration),
    Ended,
}

/// A gateway's connection.
#[derive(Debug)]
struct Peer {
    stream: TcpStream,
    serial: u64,
    state: State,
    /// What came and could not be used yet.
    held: Vec<u8>,
    /// What is to be sent, and content after it.
    out: Vec<u8>,
    sent: usize,
    content: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    /// So much content is to come, of so much.
    Counts {
        left: u64,
        of: u64,
    },
    Sleeps,
    Echoes,
}

impl Peer {
    fn new(stream: TcpStream, serial: u64) -> Self {
        let (held, out) = (Vec::new(), Vec::new());
        Self { stream, serial, state: State::Head, held, out, sent: 0, content: 0 }
    }

    fn go_on(&mut self, buffer: &mut [u8]) -> Result<After, String> {
        loop {
            if !self.send(buffer)? {
                return Ok(After::Waits);
            }
            if matches!(self.state, State::Sleeps) {
                return Ok(After::Waits);
            }
            let octets = match self.state {
                State::Counts { left, .. } => {
                    let most = left.min(buffer.len() as u64) as usize;
                    let dropped = recv(&self.stream, &mut buffer[..most], RecvFlags::TRUNC);
                    unless_waiting(dropped.map(|(_, octets)| octets).map_err(Into::into))?
                }
                // Content that is sent is what stands in the buffer: no more of it is written over than has to be.
                _ => unless_waiting(self.stream.read(&mut buffer[..16 * 1024]))?,
            };
            match octets {
                None => return Ok(After::Waits),
                Some(0) => return Ok(After::Ended),
                Some(octets) => {
                    if let Some(delay) = self.take(&buffer[..octets])? {
                        return Ok(After::WaitsFor(delay));
                    }
                }
            }
        }
    }

    /// Sends; whether all is gone.
    fn send(&mut self, buffer: &[u8]) -> Result<bool, String> {
        while self.sent < self.out.len() {
            match unless_waiting(self.stream.write(&self.out[self.sent..]))? {
                Some(octets) => self.sent += octets,
                None => return Ok(false),
            }
        }
        self.out.clear();
        self.sent = 0;
        while self.content > 0 {
            let most = self.content.min(buffer.len() as u64) as usize;
            match unless_waiting(self.stream.write(&buffer[..most]))? {
                Some(octets) => self.content -= octets as u64,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Uses what came; says for how long it does nothing then.
    fn take(&mut self, octets: &[u8]) -> Result<Option<Duration>, String> {
        match self.state {
            State::Counts { left, of } => {
                self.count(left - octets.len() as u64, of);
                Ok(None)
            }
            State::Head | State::Sleeps => {
                self.held.extend_from_slice(octets);
                let mut delay = self.request()?;
                // Short answers may be asked for ahead of their turn; gateways do not.
                while delay.is_none() && matches!(self.state, State::Head) && self.content == 0 {
                    let before = self.held.len();
                    delay = self.request()?;
                    if self.held.len() == before {
                        break;
                    }
                }
                Ok(delay)
            }
            State::Echoes => {
                self.held.extend_from_slice(octets);
                self.echo().map(|()| None)
            }
        }
    }

    fn count(&mut self, left: u64, of: u64) {
        self.state = State::Counts { left, of };
        if left == 0 {
            self.state = State::Head;
            let said = of.to_string();
            self.head(said.len() as u64);
            self.out.extend_from_slice(said.as_bytes());
        }
    }

    fn request(&mut self) -> Result<Option<Duration>, String> {
        let Some(head) = head::read(&self.held)? else { return Ok(None) };
        let (octets, content) = (head.octets, head.content.unwrap_or(0));
        let path = head.line.split(' ').nth(1).unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        let mut delay = None;
        match last {
            "10m" => self.answer(LONG),
            "slow" => {
                self.state = State::Sleeps;
                delay = Some(DELAY);
            }
            "echo" => {
                self.state = State::Echoes;
                let accept = frame::ACCEPT;
                let answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                );
                self.out.extend_from_slice(answer.as_bytes());
            }
            "count" => {
                let here = (self.held.len() - octets) as u64;
                self.count(content.saturating_sub(here), content);
                self.held.clear();
                return Ok(None);
            }
            _ => self.answer(SHORT),
        }
        self.held.drain(..octets);
        Ok(delay)
    }

    fn echo(&mut self) -> Result<(), String> {
        let mut used = 0;
        while let Some(found) = frame::read(&self.held[used..])? {
            let begins = used + found.begins;
            let content = &mut self.held[begins..begins + found.octets];
            frame::mask(content, found.mask.ok_or("a frame without a mask")?);
            frame::begin(&mut self.out, found.octets, None);
            self.out.extend_from_slice(content);
            used = begins + found.octets;
        }
        self.held.drain(..used);
        Ok(())
    }

    fn answer(&mut self, content: u64) {
        self.state = State::Head;
        self.head(content);
        if content <= SHORT {
            self.out.resize(self.out.len() + content as usize, b'u');
        } else {
            self.content = content;
        }
    }

    fn head(&mut self, content: u64) {
        let head = format!(
            "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 19:00:00 GMT\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {content}\r\n\
             Last-Modified: Sun, 22 Nov 2026 18:00:00 GMT\r\nETag: \"5f-400\"\r\n\r\n"
        );
        self.out.extend_from_slice(head.as_bytes());
    }
}
