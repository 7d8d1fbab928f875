//! A name server that says what a test wants it to.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

/// What it says of a name.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// These addresses, for so many seconds.
    Four(Vec<Ipv4Addr>, u32),
    /// The same for IPv6; to questions for the other family, that there is none.
    Six(Vec<Ipv6Addr>, u32),
    /// There is no such name, for so many seconds.
    None(u32),
    /// It can't tell.
    Failure,
    /// Nothing.
    Nothing,
}

/// Runs until it is dropped.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    says: HashMap<String, Says>,
    asked: Vec<String>,
    is_over: bool,
}

/// Addresses as they are sent, and their seconds.
type Answers = Vec<(Vec<u8>, u32)>;

const A: u16 = 1;
const SOA: u16 = 6;
const AAAA: u16 = 28;

impl NameServer {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            let mut room = [0; 512];
            while let Ok((count, from)) = socket.recv_from(&mut room) {
                let mut state = shared.lock().unwrap();
                if state.is_over {
                    return;
                }
                if let Some(answer) = state.answer(&room[..count]) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        Self { address, state, thread: Some(thread) }
    }

    /// From now on it says this of `name`.
    pub(crate) fn says(&self, name: &str, says: Says) {
        self.state().says.insert(name.to_owned(), says);
    }

    /// How often it was asked for `name`, whichever family.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.state().asked.iter().filter(|asked| *asked == name).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.state().is_over = true;
        let waker = UdpSocket::bind("127.0.0.1:0").unwrap();
        waker.send_to(&[], self.address).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl State {
    /// RFC 1035 §4: the question back, and behind it what is said.
    fn answer(&mut self, query: &[u8]) -> Option<Vec<u8>> {
        let mut labels = Vec::new();
        let mut at = 12;
        while query[at] > 0 {
            let end = at + 1 + usize::from(query[at]);
            labels.push(String::from_utf8(query[at + 1..end].to_vec()).unwrap());
            at = end;
        }
        let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
        let name = labels.join(".").to_lowercase();
        let says = self.says.get(&name).cloned().unwrap_or(Says::None(0));
        self.asked.push(name);

        let (code, answers, missing): (u8, Answers, Option<u32>) = match (says, kind) {
            (Says::Nothing, _) => return None,
            (Says::Failure, _) => (2, Vec::new(), None),
            (Says::None(ttl), _) => (3, Vec::new(), Some(ttl)),
            (Says::Four(all, ttl), A) => {
                (0, all.iter().map(|ip| (ip.octets().to_vec(), ttl)).collect(), None)
            }
            (Says::Six(all, ttl), AAAA) => {
                (0, all.iter().map(|ip| (ip.octets().to_vec(), ttl)).collect(), None)
            }
            (Says::Four(_, ttl) | Says::Six(_, ttl), _) => (0, Vec::new(), Some(ttl)),
        };
        let mut out = query[..2].to_vec();
        out.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(answers.len()).unwrap()]);
        out.extend([0, u8::from(missing.is_some()), 0, 0]);
        out.extend(&query[12..at + 5]);
        for (octets, ttl) in answers {
            record(&mut out, kind, ttl, &octets);
        }
        if let Some(ttl) = missing {
            // Names of one dot, then serial, refresh, retry, expire and minimum.
            let mut soa = vec![0, 0];
            [1, 60, 60, 60, ttl].iter().for_each(|number| soa.extend(number.to_be_bytes()));
            record(&mut out, SOA, ttl, &soa);
        }
        Some(out)
    }
}

fn record(out: &mut Vec<u8>, kind: u16, ttl: u32, octets: &[u8]) {
    out.extend([0xc0, 12]);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    out.extend(ttl.to_be_bytes());
    out.extend(u16::try_from(octets.len()).unwrap().to_be_bytes());
    out.extend(octets);
}
