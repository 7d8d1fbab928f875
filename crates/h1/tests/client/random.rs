use proptest::prelude::*;
use wherefore_h1::{ClientLimits, Outbound};

use crate::drive::{CONNECT, GET, HEAD, Seen, UPGRADE, piece, run, run_cut, run_with};

/// Small limits, so that random input runs into them.
fn tight() -> ClientLimits {
    ClientLimits {
        head_bytes_max: 256,
        field_bytes_max: 64,
        fields_max: 3,
        interim_max: 2,
        interim_bytes_max: 90,
        trailers_bytes_max: 16,
    }
}

fn request() -> impl Strategy<Value = Outbound<'static>> {
    prop::sample::select(vec![GET, GET, HEAD, CONNECT, UPGRADE])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_octets_at_any_cuts(
        request in request(),
        octets in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        run(&request, &octets);
        run(&request, &[b"HTTP/1.1 200 OK\r\n", &octets[..]].concat());
        run(&request, &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &octets[..]].concat());
    }

    #[test]
    fn near_answers_at_any_cuts(
        request in request(),
        pieces in prop::collection::vec(piece(), 0..24),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let input = pieces.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        for limits in [ClientLimits::default(), tight()] {
            let whole = run_with(&request, &input, &limits);
            prop_assert_eq!(&whole, &run_cut(&request, &input, &cuts, &limits));
            // One final answer at most comes of one request, whatever the upstream sends.
            let heads = whole.iter().filter(|seen| matches!(seen, Seen::Head(_))).count();
            prop_assert!(heads <= 1, "{:?}", whole);
        }
    }

    /// What we take, httparse takes and reads the same.
    #[test]
    fn httparse_agrees(pieces in prop::collection::vec(piece(), 0..16)) {
        let mut input = b"HTTP/1.1 200 OK\r\n".to_vec();
        input.extend_from_slice(&pieces.concat());
        input.extend_from_slice(b"\r\n\r\n");
        if let Some(Seen::Head(ours)) = run(&GET, &input).first() {
            let mut slots = [httparse::EMPTY_HEADER; 128];
            let mut theirs = httparse::Response::new(&mut slots);
            let parsed = theirs.parse(&input);
            prop_assert!(matches!(parsed, Ok(httparse::Status::Complete(_))), "{:?}", parsed);
            prop_assert_eq!(theirs.code, Some(ours.code));
            let headers = theirs.headers.iter().map(|header| {
                (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
            });
            prop_assert!(headers.eq(ours.fields.iter().cloned()));
        }
    }
}
