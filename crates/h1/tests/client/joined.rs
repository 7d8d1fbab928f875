//! Both roles joined in memory: whatever is asked and answered arrives as it was sent, over one connection,
//! however the octets are cut on their way.

use std::sync::Arc;

use proptest::prelude::*;
use wherefore_h1::{
    After, Client, ClientEvent, ClientLimits, Event, Limits, Millis, Outbound, Outgoing, Server,
    TeTrailers,
};
use wherefore_message::{
    Announced, FieldName, Fields, Method, ResponseHead, Status, Value, response,
};

use crate::drive::{Lines, lines};

const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

#[derive(Clone, Debug)]
struct Exchange {
    method: Method,
    target: String,
    fields: Lines,
    content: Content,
    interims: Vec<Status>,
    status: Status,
    answer_fields: Lines,
    answer: Content,
}

/// Content by its runs.
#[derive(Clone, Debug)]
enum Content {
    None,
    Sized(Vec<Vec<u8>>),
    /// With trailer fields.
    Streamed(Vec<Vec<u8>>, Lines),
}

impl Content {
    fn outgoing(&self) -> Outgoing {
        match self {
            Self::None => Outgoing::None,
            Self::Sized(_) => Outgoing::Sized(self.whole().len() as u64),
            Self::Streamed(..) => Outgoing::Streamed,
        }
    }

    fn runs(&self) -> &[Vec<u8>] {
        match self {
            Self::None => &[],
            Self::Sized(runs) | Self::Streamed(runs, _) => runs,
        }
    }

    fn whole(&self) -> Vec<u8> {
        self.runs().concat()
    }

    fn trailers(&self) -> Lines {
        match self {
            Self::Streamed(_, trailers) => trailers.clone(),
            Self::None | Self::Sized(_) => Lines::new(),
        }
    }
}

/// Octets on their way, delivered in pieces of these lengths over and over.
struct Cuts {
    lengths: Vec<usize>,
    next: usize,
}

impl Cuts {
    fn pieces<'a>(&mut self, mut wire: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !wire.is_empty() {
            let length = self.lengths[self.next % self.lengths.len()].min(wire.len());
            self.next += 1;
            let (piece, rest) = wire.split_at(length);
            pieces.push(piece);
            wire = rest;
        }
        pieces
    }
}

fn written(lines: &Lines) -> Vec<u8> {
    lines.iter().flat_map(|(name, value)| format!("{name}: {value}\r\n").into_bytes()).collect()
}

/// The lines that the test has sent, without those of the role.
fn sent(fields: Fields<'_>) -> Lines {
    lines(fields).into_iter().filter(|(name, _)| name.starts_with("Q-")).collect()
}

fn ask(client: &mut Client, exchange: &Exchange) -> Vec<u8> {
    let (mut wire, lines) = (Vec::new(), written(&exchange.fields));
    let request = Outbound {
        method: exchange.method,
        method_text: b"BREW",
        target: exchange.target.as_bytes(),
        host: b"example.org:81",
        lines: &lines,
        content: exchange.content.outgoing(),
        upgrade: None,
        te_trailers: TeTrailers::Said,
    };
    client.begin(&request, &mut wire);
    for run in exchange.content.runs() {
        client.frame(run.len(), &mut wire);
        wire.extend_from_slice(run);
        client.frame_end(run.len(), &mut wire);
    }
    client.end_content(&written(&exchange.content.trailers()), &mut wire);
    wire
}

/// Receives the request and checks that it is what was asked.
fn take_request(server: &mut Server, exchange: &Exchange, wire: &[u8], cuts: &mut Cuts) {
    let (mut unread, mut content, mut ended) = (Vec::new(), Vec::new(), false);
    for piece in cuts.pieces(wire) {
        unread.extend_from_slice(piece);
        loop {
            let (used, event) = server.receive(&unread, Millis(0)).unwrap();
            let octets: Vec<u8> = unread.drain(..used).collect();
            match event {
                Event::NeedMore | Event::Paused => break,
                Event::Head => {
                    let request = server.request(&octets);
                    assert_eq!(request.method, exchange.method);
                    assert_eq!(request.target_text, exchange.target.as_bytes());
                    assert_eq!(request.authority.unwrap().port, Some(81));
                    assert_eq!(request.fields.only(FieldName::Te), Some(&b"trailers"[..]));
                    assert_eq!(sent(request.fields), exchange.fields);
                }
                Event::Content(range) => content.extend_from_slice(&octets[range]),
                Event::End => ended = true,
                Event::Closed(reason) => panic!("closed: {reason:?}"),
            }
        }
    }
    assert!(ended && unread.is_empty());
    assert_eq!(content, exchange.content.whole());
    assert_eq!(lines(server.trailers()), exchange.content.trailers());
}

fn answer(server: &mut Server, exchange: &Exchange) -> Vec<u8> {
    let mut wire = Vec::new();
    for status in &exchange.interims {
        let mut head = ResponseHead::new(*status);
        head.push(FieldName::Link, Value::Static("</a>; rel=preload"));
        assert!(server.send_interim(&head, &mut wire));
    }
    let mut head = ResponseHead::new(exchange.status);
    let pairs = exchange.answer_fields.iter().map(|(name, value)| (&**name, &**value));
    head.add_lines(&Arc::new(response::Lines::new(pairs).unwrap()));
    server.send_head(&head, exchange.answer.outgoing(), DATE, &mut wire);
    if server.sends_content() {
        for run in exchange.answer.runs() {
            server.frame(run.len(), &mut wire);
            wire.extend_from_slice(run);
            server.frame_end(run.len(), &mut wire);
        }
    }
    let after = server.finish_with(&written(&exchange.answer.trailers()), &mut wire);
    assert_eq!(after, After::Next);
    wire
}

/// Receives the answer and checks that it is what was sent.
fn take_answer(client: &mut Client, exchange: &Exchange, wire: &[u8], cuts: &mut Cuts) {
    let (mut unread, mut content, mut ended) = (Vec::new(), Vec::new(), false);
    let mut interims = Vec::new();
    for piece in cuts.pieces(wire) {
        unread.extend_from_slice(piece);
        while !ended {
            let (used, event) = client.receive(&unread).unwrap();
            let octets: Vec<u8> = unread.drain(..used).collect();
            match event {
                ClientEvent::NeedMore => break,
                ClientEvent::Interim => {
                    let response = client.response(&octets);
                    assert!(response.fields.has(FieldName::Link));
                    interims.push(response.status);
                }
                ClientEvent::Head => check_head(client, exchange, &octets),
                ClientEvent::Content(range) => content.extend_from_slice(&octets[range]),
                ClientEvent::End => ended = true,
                ClientEvent::Switched | ClientEvent::Closed => panic!("{event:?}"),
            }
        }
    }
    assert!(ended && unread.is_empty() && client.is_reusable());
    assert_eq!(interims, exchange.interims);
    let follows = has_content(exchange);
    assert_eq!(content, if follows { exchange.answer.whole() } else { Vec::new() });
    let trailers = if follows { exchange.answer.trailers() } else { Lines::new() };
    assert_eq!(lines(client.trailers()), trailers);
}

fn check_head(client: &Client, exchange: &Exchange, octets: &[u8]) {
    let response = client.response(octets);
    assert_eq!(response.status, exchange.status);
    assert_eq!(sent(response.fields), exchange.answer_fields);
    let announced = match exchange.answer {
        _ if !has_content(exchange) => Announced::Nothing,
        Content::None => Announced::Length(0),
        Content::Sized(_) => Announced::Length(exchange.answer.whole().len() as u64),
        Content::Streamed(..) => Announced::Unknown,
    };
    assert_eq!(response.announced, announced);
    if let Content::Sized(_) = exchange.answer
        && !matches!(exchange.status, Status::NO_CONTENT | Status::RESET_CONTENT)
    {
        assert_eq!(response.length_said, Some(exchange.answer.whole().len() as u64));
    }
}

fn has_content(exchange: &Exchange) -> bool {
    exchange.method != Method::Head
        && !exchange.status.ends_with_head()
        && exchange.status != Status::RESET_CONTENT
}

fn any_lines() -> impl Strategy<Value = Lines> {
    prop::collection::vec(("Q-[A-Za-z]{1,8}", "([!-~]([ -~]{0,20}[!-~])?)?"), 0..4)
}

fn any_content() -> impl Strategy<Value = Content> {
    let runs = || prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4);
    prop_oneof![
        Just(Content::None),
        runs().prop_map(Content::Sized),
        (runs(), any_lines()).prop_map(|(runs, trailers)| Content::Streamed(runs, trailers)),
    ]
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let methods = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Options,
        Method::Patch,
        Method::Other,
    ];
    let statuses = [200, 204, 205, 206, 299, 304, 404, 500];
    let interims = prop::sample::select(vec![100, 102, 103, 150]);
    (
        prop::sample::select(methods.to_vec()),
        "/[a-z0-9%.]{0,12}".prop_map(|path| path.replace('%', "%25")),
        any_lines(),
        any_content(),
        prop::collection::vec(interims, 0..3),
        prop::sample::select(statuses.to_vec()),
        any_lines(),
        any_content(),
    )
        .prop_map(
            |(method, target, fields, content, interims, code, answer_fields, answer)| {
                let interims =
                    interims.into_iter().map(|code| Status::new(code).unwrap()).collect();
                let status = Status::new(code).unwrap();
                Exchange {
                    method,
                    target,
                    fields,
                    content,
                    interims,
                    status,
                    answer_fields,
                    answer,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_asked_and_answered_arrives_as_it_was_sent(
        exchanges in prop::collection::vec(any_exchange(), 1..5),
        lengths in prop::collection::vec(1_usize..40, 1..5),
    ) {
        let mut client = Client::new(&ClientLimits::default());
        let mut server = Server::new(&Limits::default());
        let mut cuts = Cuts { lengths, next: 0 };
        for exchange in &exchanges {
            let request = ask(&mut client, exchange);
            take_request(&mut server, exchange, &request, &mut cuts);
            let wire = answer(&mut server, exchange);
            take_answer(&mut client, exchange, &wire, &mut cuts);
        }
    }
}
