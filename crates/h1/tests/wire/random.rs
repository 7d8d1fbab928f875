use proptest::prelude::*;
use wherefore_h1::Limits;

use crate::drive::{Seen, piece, run, run_cut, run_with};

/// Small limits, so that random input runs into them.
fn tight() -> Limits {
    Limits {
        empty_lines: 1,
        method_bytes: 7,
        target_bytes: 16,
        field_bytes: 64,
        fields_bytes: 256,
        fields_count: 4,
        chunk_line_bytes: 16,
        extensions_bytes: 24,
        trailers_bytes: 32,
        content_bytes: 16,
        ..Limits::default()
    }
}

fn start() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET /b?c HTTP/1.1\r\nHost: a\r\n",
        "POST /longer HTTP/1.1\r\nHost: a\r\n",
        "GET http://b:1/ HTTP/1.1\r\nHost: a\r\n",
        "HEAD / HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n",
    ])
}

fn field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Host: b\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 0\r\n",
        "Connection: keep-alive\r\n",
        "Connection: close\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Accept: */*\r\n",
        "Cookie: a=b\r\n",
        "Cookie: a=c\r\n",
        "X: y\r\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_octets_at_any_cuts(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        run(&octets);
    }

    #[test]
    fn near_requests_at_any_cuts(
        pieces in prop::collection::vec(piece(), 0..24),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let input = pieces.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        for limits in [Limits::default(), tight()] {
            let whole = run_with(&input, &limits);
            prop_assert_eq!(whole, run_cut(&input, &cuts, &limits));
        }
    }

    /// Octet by octet nothing is remembered of the head before; whole heads have often the fields that it had.
    #[test]
    fn repeated_fields_at_any_cuts(
        blocks in prop::collection::vec(prop::collection::vec(field(), 0..4), 1..4),
        turns in prop::collection::vec(
            (any::<prop::sample::Index>(), start(), any::<prop::sample::Index>()), 1..8
        ),
    ) {
        let requests = turns.iter().map(|(block, start, cut)| {
            let block = block.get(&blocks).concat();
            // The head before is often the beginning of this one, and the other way round.
            let end = if cut.index(3) == 0 { cut.index(block.len() + 1) } else { block.len() };
            format!("{start}{}\r\n", &block[..end])
        });
        let input: String = requests.collect();
        for limits in [Limits::default(), tight()] {
            run_with(input.as_bytes(), &limits);
        }
    }

    /// What we take, httparse takes and reads the same; what it takes and we refuse, we refuse for a
    /// reason that is not its to know.
    #[test]
    fn httparse_agrees(pieces in prop::collection::vec(piece(), 0..16)) {
        let mut input = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
        input.extend_from_slice(&pieces.concat());
        input.extend_from_slice(b"\r\n\r\n");
        let mut slots = [httparse::EMPTY_HEADER; 128];
        let mut theirs = httparse::Request::new(&mut slots);
        let parsed = theirs.parse(&input);
        match &run(&input)[0] {
            Seen::Head(ours) => {
                prop_assert!(matches!(parsed, Ok(httparse::Status::Complete(_))), "{:?}", parsed);
                prop_assert_eq!(theirs.method, Some(&*ours.method));
                prop_assert_eq!(theirs.path, Some(&*ours.target));
                let headers = theirs.headers.iter().map(|header| {
                    (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
                });
                prop_assert!(headers.eq(ours.fields.iter().cloned()));
            }
            Seen::Fault(fault, _) => if parsed.is_ok() {
                use wherefore_message::FaultClass as C;
                use wherefore_message::FaultKind as K;
                let stricter = matches!(fault.kind, K::BareLineFeed | K::ConnectionSyntax)
                    || matches!(fault.kind.class(), C::Host | C::Framing | C::TransferCoding);
                prop_assert!(stricter, "{:?}", fault);
            }
            other => prop_assert!(parsed.is_ok_and(|status| status.is_partial()), "{:?}", other),
        }
    }
}
