//! What an upstream was asked, as it came: heads by their lines, content out of its framing.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;

use super::client::End;

/// A request as an upstream received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which of the upstream's connections it came on, from 0.
    pub connection: usize,
    /// Which of that connection's requests it is, from 0.
    pub number: usize,
    /// The head as it came, with the empty line.
    pub head: String,
    pub method: String,
    pub target: String,
    pub fields: Vec<(String, String)>,
    /// As much of the content as was read, out of its framing.
    pub content: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// Whether the content was read to its end.
    pub is_whole: bool,
    /// How the peer ended the connection in the middle of it, if it did.
    pub end: Option<End>,
}

impl Received {
    /// The value of a field that is to be there once at most.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} more than once in {}", self.head);
        value
    }

    /// The values of all fields of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The content, which is to be text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }
}

/// How long a head is read.
const HEAD_BYTES_MAX: usize = 1 << 20;

/// A connection, and what came on it and is not used yet.
pub(super) struct Incoming {
    pub(super) stream: TcpStream,
    pub(super) unread: Vec<u8>,
    number: usize,
    framing: Framing,
}

/// What is left of the content.
#[derive(Clone, Copy)]
enum Framing {
    Octets(usize),
    Chunk(usize),
    ChunkSize,
    Trailers,
}

impl Incoming {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self { stream, unread: Vec::new(), number: 0, framing: Framing::Octets(0) }
    }

    /// The next request's head; none if the connection ends before it, in whichever way.
    pub(super) fn head(&mut self, connection: usize) -> Option<Received> {
        let end = loop {
            match self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.more().ok()?,
            }
            assert!(self.unread.len() < HEAD_BYTES_MAX, "a request's head without end");
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let fields = lines.map(field).collect();
        let mut received = Received {
            connection,
            number: self.number,
            method,
            target,
            fields,
            content: Vec::new(),
            trailers: Vec::new(),
            is_whole: false,
            end: None,
            head: head.clone(),
        };
        self.number += 1;
        self.framing = match (received.field("transfer-encoding"), received.field("content-length"))
        {
            (Some(coding), None) => {
                assert_eq!(coding, "chunked", "{head}");
                Framing::ChunkSize
            }
            (None, length) => Framing::Octets(length.map_or(0, |length| length.parse().unwrap())),
            (Some(_), Some(_)) => panic!("framed in two ways: {head}"),
        };
        self.content(&mut received);
        Some(received)
    }

    /// Moves what has come of the content to the request.
    pub(super) fn content(&mut self, received: &mut Received) {
        loop {
            match self.framing {
                Framing::Octets(left) => {
                    self.framing = Framing::Octets(left - self.take(left, received));
                    received.is_whole = matches!(self.framing, Framing::Octets(0));
                    return;
                }
                Framing::Chunk(left) => match left - self.take(left, received) {
                    0 => match self.line() {
                        Some(line) => {
                            assert_eq!(line, "", "a chunk is longer than it says");
                            self.framing = Framing::ChunkSize;
                        }
                        None => return self.framing = Framing::Chunk(0),
                    },
                    left => return self.framing = Framing::Chunk(left),
                },
                Framing::ChunkSize => {
                    let Some(line) = self.line() else { return };
                    let size = line.split(';').next().unwrap_or_default();
                    self.framing = match usize::from_str_radix(size, 16).unwrap() {
                        0 => Framing::Trailers,
                        size => Framing::Chunk(size),
                    };
                }
                Framing::Trailers => match self.line() {
                    None => return,
                    Some(line) if line.is_empty() => self.framing = Framing::Octets(0),
                    Some(line) => received.trailers.push(field(&line)),
                },
            }
        }
    }

    /// Waits for more.
    pub(super) fn more(&mut self) -> io::Result<()> {
        let mut room = [0; 65536];
        match self.stream.read(&mut room)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend(&room[..count]);
                Ok(())
            }
        }
    }

    fn take(&mut self, most: usize, received: &mut Received) -> usize {
        let count = most.min(self.unread.len());
        received.content.extend(self.unread.drain(..count));
        count
    }

    fn line(&mut self) -> Option<String> {
        let end = self.unread.windows(2).position(|two| two == b"\r\n")?;
        let line = self.unread.drain(..end + 2).take(end).collect();
        Some(String::from_utf8(line).unwrap())
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}

pub(super) fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
