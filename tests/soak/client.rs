//! A client that takes answers as they come: whole, or broken off where they are.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::support::Client;
use super::support::client::End;

/// A connection to the server.
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    /// What it was asked before, for whoever wonders why it ended.
    pub before: Vec<String>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    pub interim: Vec<u16>,
    /// None where there was no head.
    pub status: Option<u16>,
    pub fields: Vec<(String, String)>,
    pub content: Vec<u8>,
    pub is_whole: bool,
}

/// Nothing more comes.
struct Over(End);

impl Connection {
    pub fn to(address: SocketAddr) -> Self {
        Self::over(Client::connect(address).stream())
    }

    /// One that takes little at a time.
    pub fn narrow(address: SocketAddr) -> Self {
        Self::over(Client::connect_with_room(address, 8 << 10).stream())
    }

    fn over(stream: &TcpStream) -> Self {
        Self { stream: stream.try_clone().unwrap(), unread: Vec::new(), before: Vec::new() }
    }

    /// Sends octets; whoever answers early may not want all.
    pub fn send(&self, octets: &[u8]) {
        let _ = (&self.stream).write_all(octets);
    }

    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Takes a little of what comes, if the connection has not ended.
    pub fn sip(&mut self) {
        let mut room = [0; 16 << 10];
        if let Ok(count) = (&self.stream).read(&mut room) {
            self.unread.extend(&room[..count]);
        }
    }

    /// Reads the answer to a request of this method.
    pub fn answer(&mut self, method: &str) -> Answer {
        let mut interim = Vec::new();
        loop {
            let Ok(head) = self.until(b"\r\n\r\n") else { return Answer::none(interim) };
            let mut answer = Answer::headed(&head);
            match answer.status {
                Some(status @ (100 | 102..=199)) => interim.push(status),
                _ => {
                    answer.interim = interim;
                    answer.is_whole = self.content(method, &mut answer).is_ok();
                    return answer;
                }
            }
        }
    }

    /// Reads one head.
    pub fn head(&mut self) -> Answer {
        match self.until(b"\r\n\r\n") {
            Ok(head) => Answer::headed(&head),
            Err(_) => Answer::none(Vec::new()),
        }
    }

    /// Reads until there are so many octets, if there are.
    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut content = Vec::new();
        let _ = self.take(count, &mut content);
        content
    }

    /// Whether nothing more comes, and the end is an orderly one.
    pub fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && matches!(self.more(), Err(Over(End::Closed)))
    }

    fn content(&mut self, method: &str, answer: &mut Answer) -> Result<(), Over> {
        if method == "HEAD" || matches!(answer.status, Some(101 | 204 | 304)) {
            return Ok(());
        }
        if answer.field("transfer-encoding").is_some() {
            return self.chunks(&mut answer.content);
        }
        if let Some(length) = answer.field("content-length") {
            let length = length.parse().unwrap();
            return self.take(length, &mut answer.content);
        }
        loop {
            answer.content.append(&mut self.unread);
            match self.more() {
                Ok(()) => {}
                Err(Over(End::Closed)) => return Ok(()),
                Err(over) => return Err(over),
            }
        }
    }

    fn chunks(&mut self, content: &mut Vec<u8>) -> Result<(), Over> {
        loop {
            let line = self.until(b"\r\n")?;
            let size = std::str::from_utf8(&line).unwrap().trim_end();
            let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("size {size:?}"));
            if size == 0 {
                // Trailers, and the empty line.
                while self.until(b"\r\n")? != b"\r\n" {}
                return Ok(());
            }
            self.take(size, content)?;
            assert_eq!(self.until(b"\r\n")?, b"\r\n", "a chunk is longer than it says");
        }
    }

    /// What comes up to this, with it.
    fn until(&mut self, end: &[u8]) -> Result<Vec<u8>, Over> {
        let mut from = 0;
        loop {
            let found = self.unread[from..].windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                return Ok(self.unread.drain(..from + at + end.len()).collect());
            }
            from = self.unread.len().saturating_sub(end.len());
            self.more()?;
        }
    }

    fn take(&mut self, count: usize, content: &mut Vec<u8>) -> Result<(), Over> {
        let wanted = content.len() + count;
        loop {
            let now = (wanted - content.len()).min(self.unread.len());
            content.extend(self.unread.drain(..now));
            if content.len() == wanted {
                return Ok(());
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Result<(), Over> {
        let mut room = [0; 64 << 10];
        loop {
            match (&self.stream).read(&mut room) {
                Ok(0) => return Err(Over(End::Closed)),
                Ok(count) => {
                    self.unread.extend(&room[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let is_late =
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!is_late, "the server neither answers nor ends");
                    return Err(Over(End::BrokenOff));
                }
            }
        }
    }
}

impl Answer {
    const fn none(interim: Vec<u16>) -> Self {
        Self { interim, status: None, fields: Vec::new(), content: Vec::new(), is_whole: false }
    }

    fn headed(head: &[u8]) -> Self {
        let head = std::str::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next().unwrap();
        assert!(first.starts_with("HTTP/1.1 "), "no answer: {first:?}");
        let fields = lines.map(|line| {
            let (name, value) =
                line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status: Some(status), fields: fields.collect(), ..Self::none(Vec::new()) }
    }

    /// The value of a field, which is to be there once at most.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} stands twice in {:?}", self.fields);
        value
    }

    /// Whether the next request may go over the same connection.
    pub fn leaves_open(&self) -> bool {
        self.is_whole && self.status != Some(101) && self.field("connection") != Some("close")
    }
}
