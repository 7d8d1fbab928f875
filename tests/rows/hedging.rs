//! Two upstreams asked for the same: which of them answers, and what becomes of the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use wherefore_gateway::{Hedge, Settings};

use crate::support::client::End;
use crate::support::inside::{Inside, serve_gateway};
use crate::support::lies::good;
use crate::support::server::PATIENCE;
use crate::support::upstream::{Act, Received, Step, Upstream};

const GET: &str = "GET /a HTTP/1.1\nHost: localhost\n\n";

/// Two upstreams, and which of them was asked when.
struct Pair {
    upstreams: [Upstream; 2],
    order: Receiver<usize>,
}

impl Pair {
    /// Both do what the script says of a request, by how many came to either before.
    fn start(script: impl Fn(usize, &Received) -> Act + Send + Sync + 'static) -> Self {
        let (tell, order) = channel();
        let (script, count) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
        let upstreams = [0, 1].map(|index| {
            let tell: Sender<usize> = tell.clone();
            let (script, count) = (Arc::clone(&script), Arc::clone(&count));
            Upstream::start(move |received| {
                let act = script(count.fetch_add(1, Ordering::SeqCst), received);
                // The test may have seen enough.
                let _ = tell.send(index);
                act
            })
        });
        Self { upstreams, order }
    }

    /// A gateway to both, which hedges so many of a hundred requests after hardly any time.
    fn gateway(&self, ratio_percent: u32) -> Inside {
        self.gateway_with(Hedge { after: Duration::from_millis(1), ratio_percent }, 0)
    }

    fn gateway_with(&self, hedge: Hedge, buffer_bytes_max: usize) -> Inside {
        let hedge = Some(hedge);
        let settings =
            Settings { hedge, unhealthy_after: 1, retries_max: 0, ..Settings::default() };
        let urls = self.upstreams.each_ref().map(Upstream::url);
        serve_gateway(&urls.each_ref().map(String::as_str), settings, |gateway| {
            gateway.buffer_bytes_max = buffer_bytes_max;
        })
    }

    /// The one that is asked next.
    fn next(&self) -> &Upstream {
        &self.upstreams[self.order.recv_timeout(PATIENCE).unwrap()]
    }

    fn received(&self) -> Vec<Received> {
        self.upstreams.iter().flat_map(Upstream::received).collect()
    }
}

fn told(steps: &[Step]) -> Act {
    Act::Steps([&[Step::Await], steps].concat())
}

fn hello() -> Act {
    Act::Answer(good("hello").into_bytes())
}

#[test]
fn the_faster_one_answers_and_the_slower_one_is_cancelled_without_blame() {
    let pair = Pair::start(|nth, _| match nth {
        0 => Act::Steps(vec![Step::AwaitEnd]),
        _ => hello(),
    });
    let gateway = pair.gateway(100);
    let mut client = gateway.connect();
    client.send(GET);
    let reply = client.reply("GET");
    assert_eq!((reply.status, reply.text()), (200, "hello"));
    let (slow, fast) = (pair.next(), pair.next());
    assert_ne!(slow.address, fast.address);
    let cancelled = slow.done();
    assert_eq!((cancelled.target.as_str(), cancelled.end), ("/a", Some(End::BrokenOff)));
    assert_eq!(fast.done().head, cancelled.head.replace(&host(slow), &host(fast)));
    let line = gateway.log_line("\"rule\":");
    assert_eq!(line["rule"], "relayed");
    assert_eq!((&line["upstream"], &line["hedged"]), (&host(fast).into(), &host(slow).into()));
    // One failure would have been enough for it to be left alone. Some of these may be hedged too, and not come to
    // either in turn.
    for _ in 0..20 {
        client.send(GET);
        assert_eq!(client.reply("GET").text(), "hello");
    }
    let again: Vec<_> = pair.order.try_iter().map(|index| pair.upstreams[index].address).collect();
    assert!(again.contains(&slow.address) && again.contains(&fast.address), "{again:?}");
}

fn host(upstream: &Upstream) -> String {
    upstream.address.to_string()
}

#[test]
fn the_first_may_answer_all_the_same() {
    let answer = good("first").into_bytes();
    let pair = Pair::start(move |nth, _| match nth {
        0 => told(&[Step::Write(answer.clone())]),
        _ => Act::Steps(vec![Step::AwaitEnd]),
    });
    let gateway = pair.gateway(100);
    let mut client = gateway.connect();
    client.send(GET);
    let (first, second) = (pair.next(), pair.next());
    first.go_on();
    assert_eq!(client.reply("GET").text(), "first");
    assert_eq!(second.done().end, Some(End::BrokenOff));
    let line = gateway.log_line("\"rule\":");
    assert_eq!((&line["upstream"], &line["hedged"]), (&host(first).into(), &host(second).into()));
}

#[test]
fn where_one_fails_the_other_may_answer() {
    for (fails, answers) in [(0, 1), (1, 0)] {
        let answer = good("fine").into_bytes();
        let pair = Pair::start(move |nth, _| {
            told(&[if nth == fails { Step::Reset } else { Step::Write(answer.clone()) }])
        });
        let gateway = pair.gateway(100);
        let mut client = gateway.connect();
        client.send(GET);
        let asked = [pair.next(), pair.next()];
        asked[fails].go_on();
        let _ = asked[fails].done();
        asked[answers].go_on();
        assert_eq!(client.reply("GET").text(), "fine");
        let line = gateway.log_line("\"rule\":");
        assert_eq!(line["upstream"], host(asked[answers]));
        assert!(line["cause"].is_null(), "{line}");
    }
}

#[test]
fn where_both_fail_it_is_the_last_that_is_told() {
    for order in [[0, 1], [1, 0]] {
        let pair = Pair::start(|_, _| told(&[Step::Reset]));
        let gateway = pair.gateway(100);
        let mut client = gateway.connect();
        client.send(GET);
        let asked = [pair.next(), pair.next()];
        for which in order {
            asked[which].go_on();
            let _ = asked[which].done();
        }
        client.reply("GET").is(502, "upstream-answers");
        let line = gateway.log_line("\"rule\":");
        assert!(line["upstream"] == host(asked[0]) || line["upstream"] == host(asked[1]));
        assert!(line["hedged"].is_string() && line["hedged"] != line["upstream"], "{line}");
        // Both failures count: nobody is left.
        gateway.ask(GET).is(503, "upstream-healthy");
    }
}

#[test]
fn who_goes_cancels_both() {
    let pair = Pair::start(|_, _| Act::Steps(vec![Step::AwaitEnd]));
    let gateway = pair.gateway(100);
    let mut client = gateway.connect();
    client.send(GET);
    let asked = [pair.next(), pair.next()];
    drop(client);
    for upstream in asked {
        assert_eq!(upstream.done().end, Some(End::BrokenOff));
    }
    gateway.log_line("client-aborted");
}

/// When one has failed, somebody still looks whether the client is there.
#[test]
fn who_goes_cancels_the_one_that_is_left() {
    for fails in [0, 1] {
        let pair = Pair::start(move |nth, _| match nth {
            nth if nth == fails => told(&[Step::Reset]),
            _ => Act::Steps(vec![Step::AwaitEnd]),
        });
        let gateway = pair.gateway(100);
        let mut client = gateway.connect();
        client.send(GET);
        let asked = [pair.next(), pair.next()];
        asked[fails].go_on();
        let _ = asked[fails].done();
        drop(client);
        assert_eq!(asked[1 - fails].done().end, Some(End::BrokenOff));
        gateway.log_line("client-aborted");
    }
}

/// They could say what the answer of the other contradicts.
#[test]
fn interim_answers_go_no_further_while_two_are_asked() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    for answers in [0, 1] {
        let answer = [hints, &good("hello")].concat().into_bytes();
        let pair = Pair::start(move |nth, _| match nth {
            nth if nth < 2 && nth != answers => Act::Steps(vec![Step::AwaitEnd]),
            nth if nth < 2 => told(&[Step::Write(answer.clone())]),
            _ => Act::Answer(answer.clone()),
        });
        let gateway = pair.gateway(100);
        let mut client = gateway.connect();
        client.send(GET);
        [pair.next(), pair.next()][answers].go_on();
        assert_eq!(client.head().status, 200);
        assert_eq!(client.exactly(5), b"hello");
        client.send("POST / HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(client.head().status, 103);
        assert_eq!(client.reply("POST").text(), "hello");
    }
}

/// It is over when a request that came later, to another gateway, has been hedged.
#[test]
fn what_may_not_be_asked_for_twice_is_not() {
    let streamed = "GET /once HTTP/1.1\nHost: localhost\nContent-Length: 4\n\nabcd";
    let upgrade =
        "GET /once HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: websocket\n\n";
    for (request, ratio_percent) in [
        ("POST /once HTTP/1.1\nHost: localhost\n\n", 100),
        ("PUT /once HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n", 100),
        ("DELETE /once HTTP/1.1\nHost: localhost\n\n", 100),
        (streamed, 100),
        (upgrade, 100),
        ("GET /once HTTP/1.1\nHost: localhost\n\n", 99),
    ] {
        let answer = good("hello").into_bytes();
        let pair = Pair::start(move |nth, _| match nth {
            0 => Act::Steps(vec![Step::Read, Step::Await, Step::Write(answer.clone())]),
            1 => Act::Steps(vec![Step::AwaitEnd]),
            _ => hello(),
        });
        let gateways = [ratio_percent, 100].map(|percent| pair.gateway(percent));
        let [mut once, mut twice] = gateways.each_ref().map(Inside::connect);
        once.send(request);
        let first = pair.next();
        twice.send(GET);
        let slow = pair.next();
        assert_eq!(twice.reply("GET").text(), "hello", "{request}");
        assert_eq!(slow.done().end, Some(End::BrokenOff));
        first.go_on();
        assert_eq!(once.reply_to(request).text(), "hello", "{request}");
        let asked = pair.received().into_iter().filter(|received| received.target == "/once");
        assert_eq!(asked.count(), 1, "{request}");
    }
}

/// A machine that stands still for so long may have the time pass before the octet comes: then it is tried again.
#[test]
fn who_has_begun_to_answer_is_left_to_go_on() {
    let answer = good("slow").into_bytes();
    let is_left_alone = || {
        let (first, rest) = (answer[..1].to_vec(), answer[1..].to_vec());
        let pair = Pair::start(move |nth, received| match (nth, received.target.as_str()) {
            (0, _) => {
                let (first, rest) = (Step::Write(first.clone()), Step::Write(rest.clone()));
                Act::Steps(vec![first, Step::Await, rest])
            }
            (1, "/a") => Act::Steps(vec![Step::AwaitEnd]),
            _ => hello(),
        });
        let hedge = Hedge { after: Duration::from_millis(300), ratio_percent: 100 };
        let gateway = pair.gateway_with(hedge, 0);
        let (mut once, mut twice) = (gateway.connect(), gateway.connect());
        once.send("GET /once HTTP/1.1\nHost: localhost\n\n");
        let first = pair.next();
        // The time of this one is over after that of the other.
        twice.send(GET);
        assert_eq!(twice.reply("GET").text(), "hello");
        first.go_on();
        let is_slow = once.reply("GET").text() == "slow";
        let received = pair.received();
        is_slow && received.iter().filter(|received| received.target == "/once").count() == 1
    };
    assert!((0..5).any(|_| is_left_alone()), "another one is asked all the same");
}

#[test]
fn content_that_is_kept_goes_to_both() {
    let pair = Pair::start(|nth, _| match nth {
        0 => Act::Steps(vec![Step::Read, Step::AwaitEnd]),
        _ => hello(),
    });
    let after = Duration::from_millis(1);
    let gateway = pair.gateway_with(Hedge { after, ratio_percent: 100 }, 100);
    for request in [
        "GET / HTTP/1.1\nHost: localhost\nContent-Length: 4\n\nabcd",
        "GET / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n4\r\nabcd\r\n0\r\n\r\n",
    ] {
        assert_eq!(gateway.ask(request).text(), "hello");
    }
    let first = [pair.next(), pair.next()].map(Upstream::done);
    assert!(first.iter().all(|received| received.text() == "abcd" && received.is_whole));
}
