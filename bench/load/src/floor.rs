//! What a server costs at least: a loop around epoll with two system calls a request. It looks at the first request of
//! a connection, and answers whatever comes after it and is as long with the same octets, unread.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustix::event::epoll;

use crate::asking::unless_waiting;
use crate::listening::Listening;

const READ_BYTES: usize = 8 << 10;

/// The loop.
#[derive(Debug)]
pub(crate) struct Floor {
    clients: Listening<Client>,
    answers: [Vec<u8>; 4],
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    /// How long its last request was, and which answer that got.
    asked: (usize, usize),
}

impl Floor {
    /// Listens at a port.
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        let answers = [
            answer("200 OK", "Accept-Ranges: bytes\r\n", 1 << 10),
            answer("206 Partial Content", "Content-Range: bytes 65536-69631/1048576\r\n", 4 << 10),
            answer("304 Not Modified", "", 0),
            answer("404 Not Found", "", 150),
        ];
        let clients = Listening::bind(port, epoll::EventFlags::IN)?;
        Ok(Self { clients, answers, buffer: vec![0; READ_BYTES] })
    }

    /// Answers, for ever.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut places = Vec::new();
        loop {
            let client = |stream| Client { stream, asked: (0, 0) };
            self.clients.wait(None, &mut places, client)?;
            places.drain(..).for_each(|at| self.serve(at));
        }
    }

    /// Answers what came. Who does not take an answer at once is let go, as is who leaves.
    fn serve(&mut self, at: usize) {
        let Some(client) = self.clients.peer(at) else { return };
        let stays = match unless_waiting(client.stream.read(&mut self.buffer)) {
            Ok(None) => true,
            Ok(Some(octets @ 1..)) => {
                if client.asked.0 != octets {
                    client.asked = (octets, choice(&self.buffer[..octets]));
                }
                let answer = &self.answers[client.asked.1];
                client.stream.write(answer).is_ok_and(|sent| sent == answer.len())
            }
            Ok(Some(0)) | Err(_) => false,
        };
        if !stays {
            self.clients.close(at);
        }
    }
}

/// Which of the answers is meant.
fn choice(request: &[u8]) -> usize {
    let request = String::from_utf8_lossy(request);
    match () {
        () if request.contains("\r\nRange: ") => 1,
        () if request.contains("\r\nIf-None-Match: ") => 2,
        () if request.starts_with("GET /missing ") => 3,
        () => 0,
    }
}

fn answer(status: &str, fields: &str, content: usize) -> Vec<u8> {
    let length =
        if content == 0 { String::new() } else { format!("Content-Length: {content}\r\n") };
    let head = format!(
        "HTTP/1.1 {status}\r\nDate: Sun, 22 Nov 2026 19:00:00 GMT\r\n\
         Content-Type: application/octet-stream\r\n{length}\
         Last-Modified: Sun, 22 Nov 2026 18:00:00 GMT\r\nETag: \"5f-400\"\r\n{fields}\r\n"
    );
    let mut octets = head.into_bytes();
    octets.resize(octets.len() + content, b'f');
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_says_what_is_answered() {
        let floor = Floor::bind(0).unwrap();
        for (request, status) in [
            ("GET /1k.bin HTTP/1.1\r\n\r\n", "HTTP/1.1 200 "),
            ("GET /1m.bin HTTP/1.1\r\nRange: bytes=0-1\r\n\r\n", "HTTP/1.1 206 "),
            ("GET /1k.bin HTTP/1.1\r\nIf-None-Match: \"a\"\r\n\r\n", "HTTP/1.1 304 "),
            ("GET /missing HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "),
        ] {
            let answer = &floor.answers[choice(request.as_bytes())];
            assert!(answer.starts_with(status.as_bytes()), "{request}");
        }
    }
}
