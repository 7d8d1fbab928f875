//! Answers that are none, and how to give them.

use super::upstream::Step;

/// An answer that no gateway may pass on: what is wrong with it, and its octets.
pub const LIES: &[(&str, &str)] = &[
    ("garbage", "\u{1}\u{2}\u{3}garbage\r\n\r\n"),
    ("another protocol", "220 mail.test ESMTP\r\n"),
    ("HTTP/0.9", "<html>hello</html>\n"),
    ("status 99", "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"),
    ("status 1000", "HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n"),
    ("status in letters", "HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/9.9", "HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    ("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc"),
    ("a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc"),
    (
        "both framings",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: bogus, chunked\r\n\r\n0\r\n\r\n"),
    ("a space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n"),
    ("no colon", "HTTP/1.1 200 OK\r\nfield\r\nContent-Length: 0\r\n\r\n"),
    ("a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
    ("a NUL in a field", "HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n"),
    ("a bare CR in a field", "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n"),
];

/// An answer of 200 with this content, as it should be.
pub fn good(content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}

/// The lie, told after the request was read; then the connection ends.
pub fn lie(octets: &str) -> Vec<Step> {
    vec![Step::Read, Step::Write(octets.into()), Step::Close]
}

/// A head of so many octets, all in one field.
pub fn field_of(octets: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(octets))
}

/// A head of so many octets at least, in many fields.
pub fn head_of(octets: usize) -> String {
    let line = format!("X-Field: {}\r\n", "x".repeat(100));
    let lines = line.repeat(octets.div_ceil(line.len()));
    format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n")
}

/// A head that does not end; 64 MiB of it are more than anybody reads.
pub fn endless_head() -> Vec<Step> {
    let line = format!("X-Field: {}\r\n", "x".repeat(1000));
    vec![
        Step::Read,
        Step::Write(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Step::Repeat(line.into_bytes(), 64 << 10),
        Step::AwaitEnd,
    ]
}

/// So many early hints, and then an answer.
pub fn storm_of_103(times: usize) -> Vec<Step> {
    let hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    vec![Step::Read, Step::Repeat(hint.to_vec(), times), Step::Write(good("at last").into_bytes())]
}

/// A final answer to a request of which so many octets of content were read; the rest never is.
pub fn early(octets: usize, answer: &str) -> Vec<Step> {
    vec![Step::ReadSome(octets), Step::Write(answer.into()), Step::Await, Step::Close]
}

/// A reset in place of an answer.
pub fn reset_before_head() -> Vec<Step> {
    vec![Step::Read, Step::Reset]
}

/// Half a head, and then a reset; told to go on in between, so that both are seen.
pub fn reset_in_head() -> Vec<Step> {
    vec![Step::Read, Step::Write(b"HTTP/1.1 200 O".to_vec()), Step::Await, Step::Reset]
}

/// A head and three of ten octets; told to go on, a reset.
pub fn reset_after_head() -> Vec<Step> {
    vec![Step::Read, Step::Write(cut_octets()), Step::Await, Step::Reset]
}

/// A head and three of ten octets, and then an orderly end.
pub fn cut_content() -> Vec<Step> {
    vec![Step::Read, Step::Write(cut_octets()), Step::Close]
}

/// One chunk, and then an orderly end where another should be.
pub fn cut_chunks() -> Vec<Step> {
    let octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    vec![Step::Read, Step::Write(octets.to_vec()), Step::Close]
}

fn cut_octets() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec()
}
