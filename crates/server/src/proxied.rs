//! The header of the PROXY protocol before the first request: who the client is of a connection that a load
//! balancer opened.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, ReadBuf};
use tokio::net::TcpStream;
use wherefore_access::proxy_protocol::{Header, ProxyFault, V1_BYTES_MAX, V2_BYTES_MAX, parse};

use crate::notice::Seldom;
use crate::service::Service;
use crate::shutdown::State;
use crate::socket::Socket;

/// Reads what a connection has to say before its first request, and says who is at its other end then. None if it
/// does not say it: it is to be closed, without an answer, since the other end speaks no HTTP yet.
pub(crate) async fn open(
    service: &Service,
    socket: &mut Socket,
    peer: SocketAddr,
) -> Option<SocketAddr> {
    static REFUSED: Seldom = Seldom::every(Duration::from_secs(1));
    // Anybody can send a header: others than those that are trusted speak for themselves.
    let configuration = service.configuration.get();
    let trusted = &configuration.proxies.trusted;
    if !trusted.is_empty() && !trusted.has(peer.ip()) {
        return Some(peer);
    }
    drop(configuration);
    match within_time(service, socket.watched().ok()?).await {
        Ok(Some(header)) => Some(header.ends.map_or(peer, |ends| ends.source)),
        Ok(None) => None,
        Err(fault) => {
            REFUSED.say(format_args!("a connection from {peer} is closed: {fault}"));
            None
        }
    }
}

/// Reads the header in the time that a request's head may take. None if nobody is there, or nothing has come
/// when the server ends.
async fn within_time(
    service: &Service,
    stream: &mut TcpStream,
) -> Result<Option<Header>, OpeningFault> {
    let (deadline, draining) = (service.core.wheel.deadline(), service.core.shutdown.watch());
    deadline.set_in(Duration::from_millis(service.wire.head_time));
    let mut header = pin!(header(stream));
    poll_fn(|cx| {
        if let Poll::Ready(read) = header.as_mut().poll(cx) {
            return Poll::Ready(read);
        }
        if draining.poll_reached(cx, State::Draining).is_ready() {
            return Poll::Ready(Ok(None));
        }
        deadline.poll_expired(cx).map(|()| Err(OpeningFault::Late))
    })
    .await
}

/// Reads the header and not an octet more. None if the connection ends before it begins.
async fn header(stream: &mut TcpStream) -> Result<Option<Header>, OpeningFault> {
    let mut taken = Vec::new();
    // Most headers come whole, in what is room for one of version 1, or of version 2 with addresses alone.
    let mut few = [0; 256];
    loop {
        let room = few.len().min(V2_BYTES_MAX - taken.len());
        let count = match poll_fn(|cx| poll_look(cx, stream, &mut few[..room])).await {
            Ok(0) | Err(_) if taken.is_empty() => return Ok(None),
            Ok(0) => return Err(OpeningFault::CutOff),
            Err(error) => return Err(OpeningFault::Io(error)),
            Ok(count) => count,
        };
        let before = taken.len();
        taken.extend_from_slice(&few[..count]);
        let (header, used) = match parse(&taken)? {
            // What was looked at is the header's alone so far, and can be taken.
            None => (None, taken.len()),
            Some(header) => (Some(header), header.used),
        };
        let of_header = few.get_mut(..used.saturating_sub(before)).unwrap_or_default();
        stream.read_exact(of_header).await.map_err(OpeningFault::Io)?;
        if header.is_some() {
            return Ok(header);
        }
    }
}

/// Looks at what has come, which stays to be read.
fn poll_look(cx: &mut Context<'_>, stream: &TcpStream, room: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut room = ReadBuf::new(room);
    ready!(stream.poll_peek(cx, &mut room))?;
    Poll::Ready(Ok(room.filled().len()))
}

const _: () = assert!(V1_BYTES_MAX < V2_BYTES_MAX, "every header has room");

/// Why a connection is closed before its first request.
#[derive(Debug)]
enum OpeningFault {
    Header(ProxyFault),
    CutOff,
    Late,
    Io(io::Error),
}

impl From<ProxyFault> for OpeningFault {
    fn from(fault: ProxyFault) -> Self {
        Self::Header(fault)
    }
}

impl fmt::Display for OpeningFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(fault) => fault.fmt(f),
            Self::CutOff => f.write_str("the connection ended within its PROXY header"),
            Self::Late => f.write_str("its PROXY header did not come in time"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::on_a_core;
    use proptest::prelude::*;
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener, TcpStream as Client};
    use tokio::task::{spawn_local, yield_now};

    fn pair() -> (Client, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nodelay(true).unwrap();
        let (served, _) = listener.accept().unwrap();
        served.set_nonblocking(true).unwrap();
        (client, TcpStream::from_std(served).unwrap())
    }

    const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n";

    fn binary(more: &[u8]) -> Vec<u8> {
        let block = [&[192, 0, 2, 1, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb], more].concat();
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
        header.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
        header.extend(block);
        header
    }

    /// Sends the parts and nothing more; says what came of them, and what was left to be read.
    fn read<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Result<Said, String>, Vec<u8>) {
        on_a_core(async {
            let (mut client, mut served) = pair();
            let reading = spawn_local(async move {
                let header = header(&mut served).await;
                (header, served)
            });
            for part in parts {
                client.write_all(part).unwrap();
                // It may look at what has come so far, or at more of it: that is to make no difference.
                yield_now().await;
                yield_now().await;
            }
            client.shutdown(Shutdown::Write).unwrap();
            let (header, mut served) = reading.await.unwrap();
            let mut rest = Vec::new();
            served.read_to_end(&mut rest).await.unwrap();
            let said =
                header.map(|header| header.map(|header| header.ends.map(|ends| ends.source)));
            (said.map_err(|fault| fault.to_string()), rest)
        })
    }

    /// The client, if there was a header and it named one.
    type Said = Option<Option<SocketAddr>>;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    #[test]
    fn headers_are_read_to_their_end_and_no_further() {
        let client: SocketAddr = "192.0.2.1:56324".parse().unwrap();
        for (header, named) in [
            (LINE.to_vec(), Some(client)),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (binary(&[]), Some(client)),
            (binary(&[4; 3000]), Some(client)),
        ] {
            let whole = [&header, REQUEST].concat();
            let expected = (Ok(Some(named)), REQUEST.to_vec());
            assert_eq!(read([&whole[..]]), expected);
            assert_eq!(read(whole.chunks(1)), expected);
            for cut in [1, 11, 12, 13, 16, 17, header.len() - 1, header.len(), header.len() + 1] {
                assert_eq!(read([&whole[..cut], &whole[cut..]]), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_header_is_told_apart_from_nothing() {
        assert_eq!(read([]), (Ok(None), Vec::new()));
        for cut in 1..LINE.len() {
            let (said, _) = read([&LINE[..cut]]);
            assert_eq!(said, Err("the connection ended within its PROXY header".to_owned()));
        }
        let (said, rest) = read([REQUEST]);
        assert!(said.unwrap_err().contains("does not begin with a PROXY header"));
        assert_eq!(rest, REQUEST);
        let endless = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 10_000]].concat();
        assert!(read([&endless[..]]).0.unwrap_err().contains("does not end within 107 octets"));
        let huge = [&binary(&[])[..14], &[0xff, 0xff], &[0; 5000]].concat();
        assert!(read([&huge[..]]).0.unwrap_err().contains("too long"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_cut_comes_to_the_same(
            start in prop_oneof![Just(LINE.to_vec()), Just(binary(&[])), Just(binary(&[7; 300]))],
            change in prop::option::of((0..60_usize, any::<u8>())),
            cuts in prop::collection::vec(1..400_usize, 0..6),
        ) {
            let mut octets = [start, REQUEST.to_vec()].concat();
            if let Some((at, octet)) = change {
                let at = at % octets.len();
                octets[at] = octet;
            }
            let (mut parts, mut left) = (Vec::new(), &octets[..]);
            for cut in cuts {
                let (part, rest) = left.split_at(cut.min(left.len()));
                parts.push(part);
                left = rest;
            }
            parts.push(left);
            let whole = read([&octets[..]]);
            let cut = read(parts);
            prop_assert_eq!(&cut.0, &whole.0);
            if whole.0.is_ok() {
                prop_assert_eq!(cut.1, whole.1);
            }
        }
    }
}
