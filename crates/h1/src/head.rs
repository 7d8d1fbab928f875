//! A request's complete head as spans over its octets: the request line (RFC 9112 §3), and what its fields say.

use wherefore_message::authority::{Authority, HostKind};
use wherefore_message::target::{Form, Target};
use wherefore_message::token::is_token_octet;
use wherefore_message::{Announced, Fault, FaultKind, Method, Request, Span, Version};

use crate::block::Block;
use crate::framing::Framing;
use crate::limits::Limits;
use crate::lines::Wish;
use crate::octets::{TargetEnd, from, span, span_of, target_end, within};
use crate::scan::{Scan, VERSION_PART_BYTES};

/// A request's head. Its memory is reused from request to request.
#[derive(Debug)]
pub(crate) struct Head {
    /// How many octets of empty lines stand before the head in what the caller keeps.
    before: usize,
    method: Method,
    method_at: Span,
    target: TargetAt,
    target_at: Span,
    version: Version,
    /// Where the first field line begins.
    fields_start: usize,
    fields: Block,
}

/// A target's parts, by where they stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TargetAt {
    form: Form,
    scheme: Option<Span>,
    authority: Option<AuthorityAt>,
    /// None for the `/` of an absolute form without path, which stands nowhere.
    path: Option<Span>,
    query: Option<Span>,
}

/// An authority, by where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthorityAt {
    host: Span,
    kind: HostKind,
    port: Option<u16>,
}

impl Default for Head {
    fn default() -> Self {
        let target =
            TargetAt { form: Form::Origin, scheme: None, authority: None, path: None, query: None };
        Self {
            before: 0,
            method: Method::Other,
            method_at: Span::default(),
            target,
            target_at: Span::default(),
            version: Version::HTTP_10,
            fields_start: 0,
            fields: Block::default(),
        }
    }
}

impl Head {
    /// Reads the head that `input` begins with in one pass, and says how many octets it is; `before` octets of empty
    /// lines stand before it in what the caller keeps. None if it is not all there, past a limit, or there is a fault
    /// or anything else unusual in it: that is for the scan and [`read`](Self::read) to find out.
    #[inline]
    pub(crate) fn read_whole(
        &mut self,
        input: &[u8],
        before: usize,
        limits: &Limits,
    ) -> Option<usize> {
        let (method, method_end) = method(input, limits.method_bytes as usize)?;
        let start = method_end + 1;
        let rest = from(input, start);
        let TargetEnd { end, query } = target_end(rest)?;
        let version = version(from(rest, end + 1).first_chunk::<8>()?)?;
        if from(rest, end + 9).first_chunk::<2>()? != b"\r\n" {
            return None;
        }
        if end > limits.target_bytes as usize {
            return None;
        }
        let target = if rest.first() == Some(&b'/') && method != Method::Connect {
            TargetAt {
                form: Form::Origin,
                scheme: None,
                authority: None,
                path: Some(span(start, start + query.unwrap_or(end))),
                query: query.map(|at| span(start + at + 1, start + end)),
            }
        } else {
            TargetAt::new(input, &Target::parse(method, within(rest, 0, end)).ok()?)
        };
        let fields_start = start + end + VERSION_PART_BYTES;
        let length = self.fields.read_whole(from(input, fields_start), version, limits)?;
        (self.before, self.method, self.method_at) = (before, method, span(0, method_end));
        (self.target, self.target_at) = (target, span(start, start + end));
        (self.version, self.fields_start) = (version, fields_start);
        Some(fields_start + length)
    }

    /// Reads the head that `scan` found to be complete; `before` octets of empty lines stand before it
    /// in what the caller keeps.
    ///
    /// # Errors
    /// The first fault: of a field line, of `Host`, of the framing, of `Connection`, in this order.
    pub(crate) fn read(&mut self, head: &[u8], before: usize, scan: &Scan) -> Result<(), Fault> {
        let (Some((method, method_at)), Some(target_at), Some(target), Some(fields_start)) =
            (scan.method_read(), scan.target_at(), scan.target_parts(), scan.fields_start())
        else {
            return Err(Fault::new(FaultKind::MethodEmpty, 0));
        };
        (self.before, self.method, self.method_at) = (before, method, method_at);
        (self.target_at, self.target, self.version) = (target_at, target, scan.version_read());
        self.fields_start = fields_start;
        let read = self.fields.read(from(head, fields_start), self.version);
        read.map_err(|fault| Fault { at: fault.at + fields_start as u32, ..fault })
    }

    /// Forgets the field lines, which the next head's would be held against.
    pub(crate) fn forget(&mut self) {
        self.fields.forget();
    }

    /// The request, over the octets that the caller kept.
    #[inline]
    pub(crate) fn request<'a>(&'a self, kept: &'a [u8]) -> Request<'a> {
        let head = from(kept, self.before);
        let text = from(head, self.fields_start);
        let path = match self.target.path {
            Some(path) => path.of(head),
            None => b"/",
        };
        let authority = self.target.authority.map(|authority| authority.of(head));
        Request {
            version: self.version,
            method: self.method,
            method_text: self.method_at.of(head),
            target: Target {
                form: self.target.form,
                scheme: self.target.scheme.map(|scheme| scheme.of(head)),
                authority,
                path,
                query: self.target.query.map(|query| query.of(head)),
            },
            target_text: self.target_at.of(head),
            // The target's own goes before `Host` (RFC 9112 §3.2.2).
            authority: authority.or_else(|| self.fields.host().map(|host| host.of(text))),
            fields: self.fields.fields(text),
            announced: match self.framing() {
                Framing::Nothing | Framing::Tunnel => Announced::Nothing,
                Framing::Length(length) => Announced::Length(length),
                Framing::Chunked | Framing::UntilClose => Announced::Unknown,
            },
        }
    }

    pub(crate) const fn method(&self) -> Method {
        self.method
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    pub(crate) const fn framing(&self) -> Framing {
        self.fields.framing()
    }

    pub(crate) const fn wish(&self) -> Wish {
        self.fields.wish()
    }

    /// Whether the client waits for 100 (Continue) before it sends content.
    pub(crate) fn expects_continue(&self, head: &[u8]) -> bool {
        self.fields.expects_continue(from(head, self.fields_start))
    }
}

/// The version that this text names, if it is one that is read in one pass.
#[inline]
pub(crate) fn version(text: &[u8; 8]) -> Option<Version> {
    // Compared as one word.
    if text == b"HTTP/1.1" {
        return Some(Version::HTTP_11);
    }
    (text == b"HTTP/1.0").then_some(Version::HTTP_10)
}

/// The method that `head` begins with, and where it ends; none if no space follows, or if it is past the limit.
#[inline]
fn method(head: &[u8], most: usize) -> Option<(Method, usize)> {
    if head.starts_with(b"GET ") && most >= 3 {
        return Some((Method::Get, 3));
    }
    let end = head.iter().position(|octet| !is_token_octet(*octet))?;
    let is_well = end > 0 && end <= most && head.get(end) == Some(&b' ');
    is_well.then(|| (Method::parse(within(head, 0, end)), end))
}

impl TargetAt {
    pub(crate) fn new(head: &[u8], target: &Target<'_>) -> Self {
        // The parser lends a `/` of its own for an absolute form without path.
        let path = match target.path {
            b"" => Some(Span::default()),
            path => head.as_ptr_range().contains(&path.as_ptr()).then(|| span_of(head, path)),
        };
        Self {
            form: target.form,
            scheme: target.scheme.map(|scheme| span_of(head, scheme)),
            authority: target.authority.map(|authority| AuthorityAt::new(head, &authority)),
            path,
            query: target.query.map(|query| span_of(head, query)),
        }
    }
}

impl AuthorityAt {
    /// Where `authority` stands in `head`.
    pub(crate) fn new(head: &[u8], authority: &Authority<'_>) -> Self {
        let Authority { host, kind, port } = *authority;
        Self { host: span_of(head, host), kind, port }
    }

    fn of<'a>(&self, head: &'a [u8]) -> Authority<'a> {
        Authority { host: self.host.of(head), kind: self.kind, port: self.port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scanned;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            12 => prop::sample::select(vec![
                "Host: a", "Host: a", "Host: a", "Host: 127.0.0.1:8080", "host:[::1]", "Host: a b",
                "Content-Length: 3", "Content-Length: 3", "Content-Length: 4", "Connection: close",
                "Transfer-Encoding: chunked", "Connection: Keep-Alive", "Connection: x, close",
                "Connection: a b", "Expect: 100-continue", "Accept:\t*/* \t", "X:", "Bad", " folded",
                "Name : a", "X: \u{1}", "A-Field-Of-Nobody-That-Is-Longer-Than-Words: 1", "X: \u{ff}~\t~",
            ]).prop_map(String::from),
            1 => "[ -~]{0,70}",
        ]
    }

    fn block() -> impl Strategy<Value = String> {
        let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n\r\nGET", "\n", "\r", ""]);
        (prop::collection::vec(line(), 0..5), end).prop_map(|(lines, end)| {
            let lines: Vec<String> = lines.iter().map(|line| format!("{line}\r\n")).collect();
            lines.concat() + end
        })
    }

    fn start() -> impl Strategy<Value = String> {
        let method = prop::sample::select(vec![
            "GET", "GET", "GET", "POST", "CONNECT", "OPTIONS", "A-METHOD", "G(T", "",
        ]);
        let target = prop::sample::select(vec![
            "/",
            "/a?b=c?d",
            "/a/long/path/of/sixty/four/octets?",
            "*",
            "h:1",
            "http://h/a",
            "http://h",
            "/a#b",
            "/a b",
            "/\u{ff}~\u{e4}",
            "/\u{7f}",
            "",
        ]);
        let version = prop::sample::select(vec![
            "HTTP/1.1\r\n",
            "HTTP/1.1\r\n",
            "HTTP/1.0\r\n",
            "HTTP/1.2\r\n",
            "HTTP/2.0\r\n",
            "HTTP/1.1\n",
        ]);
        (method, target, version)
            .prop_map(|(method, target, version)| format!("{method} {target} {version}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6000))]

        /// What is read in one pass, or was known before, is what the scan and the grammar find; and whatever they
        /// take is read in one pass, but for versions that nobody sends.
        #[test]
        fn one_pass_tells_the_same(
            starts in prop::collection::vec(start(), 1..3),
            blocks in prop::collection::vec(block(), 1..3),
            turns in prop::collection::vec(
                (any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8
            ),
            limits in prop::sample::select(vec![
                Limits::default(),
                Limits { target_bytes: 16, method_bytes: 7, field_bytes: 32, fields_bytes: 64, fields_count: 3,
                    ..Limits::default() },
            ]),
        ) {
            let mut quick = Head::default();
            for (start, block) in turns {
                let input = format!("{}{}", start.get(&starts), block.get(&blocks));
                let octets = input.as_bytes();
                let whole = quick.read_whole(octets, 0, &limits);
                let (mut scan, mut slow) = (Scan::default(), Head::default());
                let expected = match scan.scan(octets, &limits) {
                    Ok(Scanned::Whole(end)) => {
                        slow.read(within(octets, 0, end), 0, &scan).ok().map(|()| end)
                    }
                    Ok(Scanned::NeedMore) | Err(_) => None,
                };
                let is_unusual = input.contains(" HTTP/1.2\r\n");
                prop_assert_eq!(whole, expected.filter(|_| !is_unusual), "{:?}", input);
                if let Some(end) = whole {
                    let head = within(octets, 0, end);
                    let tell = |of: &Head| format!(
                        "{:?} {:?} {}", of.request(head), of.wish(), of.expects_continue(head)
                    );
                    prop_assert_eq!(tell(&quick), tell(&slow));
                    let lines = |of: &Head| of.request(head).fields.lines().to_vec();
                    prop_assert_eq!(lines(&quick), lines(&slow));
                }
            }
        }
    }
}
