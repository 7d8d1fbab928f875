//! Requests, and answers of which the status and the length are checked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Instant;

use rustix::net::{RecvFlags, recv};

use crate::asking::{Link, Next, Plan, Shared, Talk, ready, unless_waiting};
use crate::head;

/// Content up to this long is sent together with the head.
const TOGETHER_MAX: u64 = 64 * 1024;

/// Content of which at least so much is still to come is thrown away by the kernel, without being copied.
const UNSEEN_MIN: u64 = 64 * 1024;

/// Files of which there are many are asked for in steps of this prime: in an order that is nobody's.
const STRIDE: u64 = 7919;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// A path, in which `{}` stands for the number of a file.
    pub(crate) path: String,
    /// Field lines, each with its end.
    pub(crate) fields: String,
    /// How many files there are.
    pub(crate) files: u64,
    /// How many requests are written at once.
    pub(crate) depth: usize,
    /// How much content each has.
    pub(crate) sends: u64,
    /// The status of each answer.
    pub(crate) status: u16,
    pub(crate) closing: Closing,
}

/// When a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    Never,
    /// After each answer: the server closes it.
    EachTime,
}

impl Request {
    /// Appends the head of a request, and its content if that is short.
    fn write(&self, out: &mut Vec<u8>, number: u64) {
        let path = match self.path.split_once("{}") {
            Some((before, after)) => {
                format!("{before}{}{after}", number.wrapping_mul(STRIDE) % self.files)
            }
            None => self.path.clone(),
        };
        let (method, fields) = (&self.method, &self.fields);
        let close = match self.closing {
            Closing::EachTime => "Connection: close\r\n",
            Closing::Never => "",
        };
        let length = match self.sends {
            0 => String::new(),
            octets => format!("Content-Length: {octets}\r\n"),
        };
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}{close}{length}\r\n");
        out.extend_from_slice(head.as_bytes());
        if self.sends <= TOGETHER_MAX {
            out.resize(out.len() + self.sends as usize, b'w');
        }
    }
}

/// A connection for requests.
#[derive(Debug)]
pub(crate) struct Http {
    request: Rc<Request>,
    stream: TcpStream,
    /// The requests, and how much of them has been sent.
    out: Vec<u8>,
    sent: usize,
    /// Content that is sent after them.
    sends: u64,
    began: Instant,
    /// How many answers have not been read to their end.
    awaited: usize,
    /// How much content of the present one is still to come.
    content: Option<u64>,
    /// The beginning of a head.
    held: Vec<u8>,
}

impl Link for Http {
    fn open(plan: &Plan) -> Result<Self, String> {
        let Talk::Http(request) = &plan.talk else { return Err("no requests".to_owned()) };
        let stream = TcpStream::connect(plan.address).and_then(ready);
        Ok(Self {
            request: Rc::clone(request),
            stream: stream.map_err(|error| format!("no connection: {error}"))?,
            out: Vec::new(),
            sent: 0,
            sends: 0,
            began: Instant::now(),
            awaited: 0,
            content: None,
            held: Vec::new(),
        })
    }

    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn begin(&mut self, shared: &mut Shared) -> Result<(), String> {
        let request = Rc::clone(&self.request);
        // What is always the same is written once: the less is done here, the more can be asked.
        if request.files > 1 || self.out.is_empty() {
            self.out.clear();
            for number in shared.begun..shared.begun + request.depth as u64 {
                request.write(&mut self.out, number);
            }
        }
        shared.begun += request.depth as u64;
        self.sent = 0;
        self.sends = if request.sends > TOGETHER_MAX { request.sends } else { 0 };
        self.awaited = request.depth;
        self.began = Instant::now();
        self.send(shared)
    }

    fn go_on(&mut self, shared: &mut Shared) -> Result<Next, String> {
        self.send(shared)?;
        let next = self.receive(shared)?;
        if next == Next::Waits && self.awaited == 0 && self.request.closing == Closing::Never {
            if self.sends > 0 {
                return Err("answered before all was sent".to_owned());
            }
            self.begin(shared)?;
        }
        Ok(next)
    }
}

impl Http {
    fn send(&mut self, shared: &mut Shared) -> Result<(), String> {
        while self.sent < self.out.len() {
            match unless_waiting(self.stream.write(&self.out[self.sent..]))? {
                Some(octets) => self.sent += octets,
                None => return Ok(()),
            }
        }
        while self.sends > 0 {
            let most = self.sends.min(shared.buffer.len() as u64) as usize;
            // What is sent is whatever was read last: nobody looks at it.
            match unless_waiting(self.stream.write(&shared.buffer[..most]))? {
                Some(octets) => {
                    self.sends -= octets as u64;
                    shared.carried(octets as u64);
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Reads until nothing is left, or nothing is awaited.
    fn receive(&mut self, shared: &mut Shared) -> Result<Next, String> {
        // The end of a connection may have come with the last answer, and is not told again.
        while self.awaited > 0 || self.request.closing == Closing::EachTime {
            let unseen = self.content.filter(|left| *left >= UNSEEN_MIN);
            let most = unseen
                .map_or(shared.buffer.len(), |left| left.min(shared.buffer.len() as u64) as usize);
            let octets = match unseen {
                Some(_) => {
                    let dropped = recv(&self.stream, &mut shared.buffer[..most], RecvFlags::TRUNC);
                    unless_waiting(dropped.map(|(_, octets)| octets).map_err(Into::into))?
                }
                None => unless_waiting(self.stream.read(&mut shared.buffer[..most]))?,
            };
            match octets {
                None => return Ok(Next::Waits),
                Some(0) if self.awaited == 0 => return Ok(Next::Ended),
                Some(0) => return Err("the connection ended before the answer".to_owned()),
                Some(octets) => {
                    if unseen.is_some() {
                        self.content = self.content.map(|left| left - octets as u64);
                        shared.carried(octets as u64);
                        self.finish(shared);
                    } else {
                        self.take(shared, octets)?;
                    }
                    if octets < most && self.request.closing == Closing::Never {
                        return Ok(Next::Waits);
                    }
                }
            }
        }
        Ok(Next::Waits)
    }

    /// Takes what stands at the beginning of the buffer.
    fn take(&mut self, shared: &mut Shared, octets: usize) -> Result<(), String> {
        let mut from = 0;
        while from < octets {
            match self.content {
                Some(left) => {
                    let here = left.min((octets - from) as u64);
                    from += here as usize;
                    self.content = Some(left - here);
                    shared.carried(here);
                }
                None if self.awaited == 0 => return Err("an answer to nothing".to_owned()),
                None => {
                    let before = self.held.len();
                    let is_held = before > 0;
                    let rest = &shared.buffer[from..octets];
                    if is_held {
                        self.held.extend_from_slice(rest);
                    }
                    let seen = if is_held { &self.held[..] } else { rest };
                    let Some(head) = head::read(seen)? else {
                        if !is_held {
                            self.held = rest.to_vec();
                        }
                        return Ok(());
                    };
                    let (status, content) = (head::status(head.line)?, head.content);
                    from += head.octets - before;
                    self.held.clear();
                    self.judge(status, content)?;
                }
            }
            self.finish(shared);
        }
        Ok(())
    }

    fn judge(&mut self, status: u16, content: Option<u64>) -> Result<(), String> {
        if status != self.request.status {
            return Err(format!("status {status}"));
        }
        let has_none = matches!(status, 204 | 304) || self.request.method == "HEAD";
        self.content = if has_none { Some(0) } else { content };
        if self.content.is_none() {
            return Err("the answer does not say how long it is".to_owned());
        }
        Ok(())
    }

    /// Notes an answer that is complete.
    fn finish(&mut self, shared: &mut Shared) {
        if self.content == Some(0) {
            self.content = None;
            self.awaited -= 1;
            shared.answered(self.began);
        }
    }
}
