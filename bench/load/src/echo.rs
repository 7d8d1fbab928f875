//! Messages over WebSocket, each of which has to come back before the next is sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::asking::{Link, Next, Plan, Shared, Talk, ready, unless_waiting};
use crate::{frame, head};

/// How long the handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);

const MASK: [u8; 4] = [0x5a, 0xc3, 0x96, 0x0f];

/// A connection for messages.
#[derive(Debug)]
pub(crate) struct Echo {
    stream: TcpStream,
    /// What the present message says.
    content: Vec<u8>,
    /// Its frame, and how much of it has been sent.
    out: Vec<u8>,
    sent: usize,
    began: Instant,
    /// The beginning of what comes back.
    held: Vec<u8>,
}

impl Link for Echo {
    fn open(plan: &Plan) -> Result<Self, String> {
        let Talk::Echo { path, octets } = &plan.talk else { return Err("no messages".to_owned()) };
        if *octets > frame::CONTENT_MAX {
            return Err(format!("a message has {} octets at most", frame::CONTENT_MAX));
        }
        let stream = TcpStream::connect(plan.address);
        let mut stream = stream.map_err(|error| format!("no connection: {error}"))?;
        shake_hands(&mut stream, path)?;
        Ok(Self {
            stream: ready(stream).map_err(|error| error.to_string())?,
            content: (0..*octets).map(|at| (at * 31) as u8).collect(),
            out: Vec::new(),
            sent: 0,
            began: Instant::now(),
            held: Vec::new(),
        })
    }

    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn begin(&mut self, shared: &mut Shared) -> Result<(), String> {
        shared.begun += 1;
        // No message is like the one before: one that comes back twice is seen.
        for (octet, number) in self.content.iter_mut().zip(shared.begun.to_le_bytes()) {
            *octet = number;
        }
        self.out.clear();
        frame::begin(&mut self.out, self.content.len(), Some(MASK));
        let begins = self.out.len();
        self.out.extend_from_slice(&self.content);
        frame::mask(&mut self.out[begins..], MASK);
        self.sent = 0;
        self.began = Instant::now();
        self.send()
    }

    fn go_on(&mut self, shared: &mut Shared) -> Result<Next, String> {
        self.send()?;
        while let Some(octets) = unless_waiting(self.stream.read(&mut shared.buffer))? {
            if octets == 0 {
                return Err("the tunnel ended".to_owned());
            }
            let is_last = octets < shared.buffer.len();
            let came = &shared.buffer[..octets];
            let whole = if self.held.is_empty() {
                self.is_back(came)?
            } else {
                self.held.extend_from_slice(came);
                self.is_back(&self.held)?
            };
            if whole {
                self.held.clear();
                shared.carried(self.content.len() as u64);
                shared.answered(self.began);
                self.begin(shared)?;
            } else if self.held.is_empty() {
                self.held.extend_from_slice(&shared.buffer[..octets]);
            }
            if is_last {
                break;
            }
        }
        Ok(Next::Waits)
    }
}

impl Echo {
    fn send(&mut self) -> Result<(), String> {
        while self.sent < self.out.len() {
            match unless_waiting(self.stream.write(&self.out[self.sent..]))? {
                Some(octets) => self.sent += octets,
                None => break,
            }
        }
        Ok(())
    }

    /// Whether the message has come back, and nothing besides.
    fn is_back(&self, octets: &[u8]) -> Result<bool, String> {
        let Some(frame) = frame::read(octets)? else { return Ok(false) };
        if frame.mask.is_some() || octets[frame.begins..] != self.content[..] {
            return Err("another message came back".to_owned());
        }
        Ok(true)
    }
}

fn shake_hands(stream: &mut TcpStream, path: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("no handshake: {error}");
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let key = frame::KEY;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut got = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let octets = stream.read(&mut piece).map_err(failed)?;
        got.extend_from_slice(&piece[..octets]);
        if let Some(head) = head::read(&got)? {
            let status = head::status(head.line)?;
            let is_proven =
                got.windows(frame::ACCEPT.len()).any(|some| some == frame::ACCEPT.as_bytes());
            return match (status, is_proven) {
                (101, true) => Ok(()),
                _ => Err(format!("the handshake was answered {status}")),
            };
        }
        if octets == 0 {
            return Err("the handshake was not answered".to_owned());
        }
    }
}
