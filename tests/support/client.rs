//! A client that shows every octet, and reads answers by the letter of RFC 9112 §6.3.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::server::PATIENCE;

/// A connection.
pub struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In an orderly way.
    Closed,
    /// By a reset.
    BrokenOff,
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Reply {
    pub version: String,
    pub status: u16,
    pub phrase: String,
    pub fields: Vec<(String, String)>,
    pub content: Vec<u8>,
    /// The codes of the interim answers before it.
    pub interim: Vec<u16>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects with room for so many octets, about, of what comes and is not read.
    pub fn connect_with_room(address: SocketAddr, octets: usize) -> Self {
        let kind = socket2::Type::STREAM;
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), kind, None);
        let socket = socket.unwrap();
        // Before it connects: the window is agreed on then.
        socket.set_recv_buffer_size(octets).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Sends text in which `\n` stands for CR LF.
    pub fn send(&mut self, text: &str) {
        self.send_octets(text.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes());
    }

    /// Sends octets as they are.
    pub fn send_octets(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).unwrap();
    }

    /// Sends octets, of which the server may not want all.
    pub fn try_send_octets(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(octets)
    }

    /// Says that nothing more is sent.
    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads the final answer to a request of this method, with the interim ones before it.
    pub fn reply(&mut self, method: &str) -> Reply {
        let mut interim = Vec::new();
        loop {
            let mut reply = self.head();
            match reply.status {
                100..=199 if reply.status != 101 => interim.push(reply.status),
                _ => {
                    reply.interim = interim;
                    reply.content = self.content(method, &reply);
                    return reply;
                }
            }
        }
    }

    /// Reads the final answer to this request.
    pub fn reply_to(&mut self, request: &str) -> Reply {
        self.reply(request.trim_start().split(' ').next().unwrap())
    }

    /// Reads one head, be it interim.
    pub fn head(&mut self) -> Reply {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(
                self.more(),
                "closed before a head: {:?}",
                self.unread.escape_ascii().to_string()
            );
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap().splitn(3, ' ');
        Reply {
            version: first.next().unwrap().to_owned(),
            status: first.next().unwrap().parse().unwrap(),
            phrase: first.next().unwrap_or_default().to_owned(),
            fields: lines
                .take_while(|line| !line.is_empty())
                .map(|line| {
                    let (name, value) = line.split_once(':').unwrap();
                    (name.to_owned(), value.trim().to_owned())
                })
                .collect(),
            content: Vec::new(),
            interim: Vec::new(),
        }
    }

    fn content(&mut self, method: &str, reply: &Reply) -> Vec<u8> {
        if method == "HEAD" || reply.status == 204 || reply.status == 304 {
            return Vec::new();
        }
        if reply.has("transfer-encoding") {
            return self.chunks();
        }
        match reply.field("content-length") {
            Some(length) => self.exactly(length.parse().unwrap()),
            None => self.rest(),
        }
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line(), 16).unwrap();
            content.extend(self.exactly(size));
            assert_eq!(self.exactly(2), b"\r\n");
            if size == 0 {
                return content;
            }
        }
    }

    /// Reads one line, without its end.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).collect();
                return String::from_utf8(line[..end].to_vec()).unwrap();
            }
            assert!(self.more(), "closed within a line");
        }
    }

    /// Reads exactly this many octets.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.more(), "closed after {} of {count} octets", self.unread.len());
        }
        self.unread.drain(..count).collect()
    }

    /// Reads until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.unread)
    }

    /// Whether the server closes, in an orderly way, without saying anything more.
    pub fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && !self.more()
    }

    /// Whether the server breaks the connection off, or closes it, without saying anything more.
    pub fn is_broken(&mut self) -> bool {
        let mut room = [0; 64 << 10];
        match self.stream.read(&mut room) {
            Ok(count) => {
                self.unread.extend_from_slice(&room[..count]);
                self.unread.is_empty()
            }
            Err(error) => {
                assert!(!is_late(&error), "the connection is still open");
                true
            }
        }
    }

    /// Reads what the server sends until it closes or breaks off; says which.
    pub fn until_end(&mut self) -> (Vec<u8>, End) {
        let mut room = [0; 64 << 10];
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => return (std::mem::take(&mut self.unread), End::Closed),
                Ok(count) => self.unread.extend_from_slice(&room[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    assert!(!is_late(&error), "the connection is still open");
                    return (std::mem::take(&mut self.unread), End::BrokenOff);
                }
            }
        }
    }

    /// Reads more; says whether there was any. A reset is no orderly end.
    fn more(&mut self) -> bool {
        let mut room = [0; 64 << 10];
        loop {
            match self.stream.read(&mut room) {
                Ok(count) => {
                    self.unread.extend_from_slice(&room[..count]);
                    return count > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("the connection broke: {error}"),
            }
        }
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl Reply {
    /// The value of the only field line of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} stands twice in {:?}", self.fields);
        value
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// The content as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }

    /// The content as the problem document that it must be.
    pub fn problem(&self) -> serde_json::Value {
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_slice(&self.content).unwrap();
        assert_eq!(problem["status"], self.status);
        problem
    }

    /// The rule that its problem document names.
    pub fn rule(&self) -> String {
        let kind = self.problem()["type"].as_str().unwrap().to_owned();
        kind.rsplit(':').next().unwrap().to_owned()
    }

    /// Asserts status and rule at once.
    pub fn is(&self, status: u16, rule: &str) -> &Self {
        assert_eq!((self.status, self.rule().as_str()), (status, rule), "{self:?}");
        self
    }
}
