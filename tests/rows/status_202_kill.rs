//! A server that accepts and delivers is killed again and again: whatever it answered with 202 is delivered, once at
//! least, and always under the same key.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::status_202::configuration;
use crate::support::lies::good;
use crate::support::server::{PATIENCE, eventually};
use crate::support::setup;
use crate::support::upstream::{Act, Step, Upstream};

const ROUNDS: usize = 6;
const CLIENTS: usize = 4;

/// Posts it, and says whether it was accepted, as far as that was heard.
fn is_accepted(address: SocketAddr, content: &str) -> Option<bool> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    stream.write_all(format!("{head}{content}").as_bytes()).ok()?;
    let mut answer = Vec::new();
    // What came before a reset counts.
    let _ = stream.read_to_end(&mut answer);
    (!answer.is_empty()).then(|| answer.starts_with(b"HTTP/1.1 202 "))
}

/// Content by which each is known; every third is a file of its own.
fn content(number: usize) -> String {
    let times = if number.is_multiple_of(3) { 5000 } else { 1 };
    format!("{number:08}").repeat(times)
}

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    let asked = AtomicUsize::new(0);
    // Some are taken, some refused for now, and of some nobody hears what came of them.
    let upstream = Upstream::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) % 5 {
        0 => Act::Answer(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n".to_vec()),
        1 => Act::Steps(vec![Step::Read, Step::Reset]),
        _ => Act::Answer(good("").into_bytes()),
    });
    let numbers = AtomicUsize::new(0);
    let acknowledged = Mutex::new(HashSet::new());
    let mut server = setup().serve(&configuration(&upstream.url(), ""));
    for round in 0..ROUNDS {
        let address = server.address;
        let until = acknowledged.lock().unwrap().len() + 10 + 7 * round;
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let number = numbers.fetch_add(1, Ordering::SeqCst);
                        match is_accepted(address, &content(number)) {
                            Some(true) => acknowledged.lock().unwrap().insert(number),
                            Some(false) => panic!("{number} is not accepted"),
                            None => return,
                        };
                    }
                });
            }
            eventually("some are acknowledged", || acknowledged.lock().unwrap().len() >= until);
            server.signal("KILL");
        });
        server = server.crash_and_restart();
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    let mut keys: HashMap<usize, HashSet<String>> = HashMap::new();
    eventually("all are delivered", || {
        keys.clear();
        for received in upstream.received().iter().filter(|received| received.is_whole) {
            let number: usize = received.text()[..8].parse().unwrap();
            assert_eq!(received.text(), content(number));
            let key = received.field("idempotency-key").unwrap().to_owned();
            keys.entry(number).or_default().insert(key);
        }
        acknowledged.iter().all(|number| keys.contains_key(number))
    });
    assert!(keys.values().all(|keys| keys.len() == 1), "{keys:?}");
    let distinct: HashSet<_> = keys.values().flatten().collect();
    assert_eq!(distinct.len(), keys.len(), "a key is one delivery's");
}
