//! A server of Node's as an upstream: the package nodejs of Debian.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use super::program::spawn;

/// A running Node. Dropped, it is ended.
pub struct Node {
    pub address: SocketAddr,
    child: Child,
}

impl Node {
    /// Starts a server whose requests `script` handles, and waits until it listens; none if there is no Node.
    /// The script is JavaScript that finds `http`, `server` and `crypto`: for one,
    /// `server.on("request", (request, response) => response.end("hello"))`.
    pub fn start(script: &str) -> Option<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), script)
    }

    /// The same, at an address that is its own.
    pub fn start_at(address: SocketAddr, script: &str) -> Option<Self> {
        let (ip, port) = (address.ip(), address.port());
        // It ends with whoever holds its standard input: with the test, however that ends.
        let script = format!(
            "const http = require('node:http');\n\
             const crypto = require('node:crypto');\n\
             const server = http.createServer();\n\
             process.stdin.on('end', () => process.exit()).resume();\n\
             {script}\n\
             server.listen({port}, '{ip}', () => console.log(server.address().port));\n"
        );
        let mut child = spawn(&["node", "nodejs"], |command| {
            command.arg("-e").arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped());
        })?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("Node does not start: {line}"));
        Some(Self { address: SocketAddr::new(ip, port), child })
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
