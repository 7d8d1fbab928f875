//! A complete head as spans over its octets: the field lines by `httparse`, then what RFC 9112 asks of a
//! request's head as a whole: `Host` (§3.2), framing (§6.3) and `Connection` (§9.3).

use wherefore_message::authority::{Authority, HostKind};
use wherefore_message::target::{Form, Target};
use wherefore_message::token::is_token;
use wherefore_message::{
    Announced, Fault, FaultKind, FieldName, FieldSet, Fields, Line, Method, Request, Span, Version,
    list,
};

use crate::diagnose;
use crate::framing::{Expecting, Framing, framing};
use crate::limits::FIELDS_COUNT_MOST;
use crate::octets::{from, offset, span};
use crate::scan::Scan;

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
    authority: Option<AuthorityAt>,
    lines: Vec<Line>,
    present: FieldSet,
    framing: Framing,
    wish: Wish,
}

/// What the client wishes to become of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It says nothing: 1.1 persists, 1.0 closes.
    Nothing,
    /// `close`.
    Close,
    /// `keep-alive`.
    KeepAlive,
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

#[derive(Clone, Copy, Debug)]
struct AuthorityAt {
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
            authority: None,
            lines: Vec::new(),
            present: FieldSet::EMPTY,
            framing: Framing::Nothing,
            wish: Wish::Nothing,
        }
    }
}

impl Head {
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
        self.read_lines(head, fields_start, scan.lines())?;
        self.read_authority(head)?;
        self.framing = framing(Expecting::Request, self.version, head, self.fields(head))?;
        self.read_wish(head)
    }

    /// The request, over the octets that the caller kept.
    pub(crate) fn request<'a>(&'a self, kept: &'a [u8]) -> Request<'a> {
        let head = from(kept, self.before);
        let path = match self.target.path {
            Some(path) => path.of(head),
            None => b"/",
        };
        Request {
            version: self.version,
            method: self.method,
            method_text: self.method_at.of(head),
            target: Target {
                form: self.target.form,
                scheme: self.target.scheme.map(|scheme| scheme.of(head)),
                authority: self.target.authority.map(|authority| authority.of(head)),
                path,
                query: self.target.query.map(|query| query.of(head)),
            },
            target_text: self.target_at.of(head),
            authority: self.authority.map(|authority| authority.of(head)),
            fields: self.fields(head),
            announced: match self.framing {
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
        self.framing
    }

    pub(crate) const fn wish(&self) -> Wish {
        self.wish
    }

    /// Whether the client waits for 100 (Continue) before it sends content. HTTP/1.0 knows no such wait
    /// (RFC 9110 §10.1.1).
    pub(crate) fn expects_continue(&self, head: &[u8]) -> bool {
        self.version >= Version::HTTP_11
            && list::members(self.fields(head).all(FieldName::Expect))
                .any(|member| member.eq_ignore_ascii_case(b"100-continue"))
    }

    fn fields<'a>(&'a self, head: &'a [u8]) -> Fields<'a> {
        Fields::new(head, &self.lines, self.present)
    }

    fn read_lines(&mut self, head: &[u8], start: usize, count: usize) -> Result<(), Fault> {
        self.lines.clear();
        if !quick_lines(head, start, count, &mut self.lines) {
            self.lines.clear();
            diagnose::field_lines(head, start, &mut self.lines)?;
        }
        self.present = FieldSet::EMPTY;
        for line in &self.lines {
            self.present.insert(line.name);
        }
        Ok(())
    }

    /// The rules of RFC 9112 §3.2 about `Host`; the target's own authority goes before it (§3.2.2).
    fn read_authority(&mut self, head: &[u8]) -> Result<(), Fault> {
        let mut hosts =
            self.lines.iter().enumerate().filter(|(_, line)| line.name == FieldName::Host);
        let (first, second) = match self.present.has(FieldName::Host) {
            true => (hosts.next(), hosts.next()),
            false => (None, None),
        };
        if let Some((i, line)) = second {
            let at = line.name_at.start as usize;
            return Err(Fault::new(FaultKind::HostRepeated, at).in_line(i));
        }
        let named = match first {
            None if self.version >= Version::HTTP_11 => {
                // Where it would have to stand: before the blank line.
                return Err(Fault::new(FaultKind::HostMissing, head.len().saturating_sub(2)));
            }
            None => None,
            Some((i, line)) => {
                let authority = Authority::parse(line.value_at.of(head)).ok_or_else(|| {
                    let at = line.value_at.start as usize;
                    Fault::new(FaultKind::HostInvalid, at).in_line(i)
                })?;
                Some(AuthorityAt::new(head, &authority))
            }
        };
        self.authority = self.target.authority.or(named);
        Ok(())
    }

    /// The options of `Connection`, over all its lines (RFC 9110 §7.6.1). `close` outdoes `keep-alive`
    /// (RFC 9112 §9.3).
    fn read_wish(&mut self, head: &[u8]) -> Result<(), Fault> {
        self.wish = Wish::Nothing;
        if !self.present.has(FieldName::Connection) {
            return Ok(());
        }
        let lines = self.lines.iter().enumerate();
        for (i, line) in lines.filter(|(_, line)| line.name == FieldName::Connection) {
            for option in list::members(core::iter::once(line.value_at.of(head))) {
                if !is_token(option) {
                    let at = offset(head, option);
                    return Err(Fault::new(FaultKind::ConnectionSyntax, at).in_line(i));
                }
                if option.eq_ignore_ascii_case(b"close") {
                    self.wish = Wish::Close;
                } else if option.eq_ignore_ascii_case(b"keep-alive") && self.wish == Wish::Nothing {
                    self.wish = Wish::KeepAlive;
                }
            }
        }
        Ok(())
    }
}

/// Reads the `count` field lines of `head` with `httparse`; false if it refuses them. The scan has seen
/// to it that every line ends in CR LF, which `httparse` would not ask.
fn quick_lines(head: &[u8], start: usize, count: usize, lines: &mut Vec<Line>) -> bool {
    // Most heads need few slots, and slots have to be filled before they are used.
    if count <= 16 {
        read_into(head, start, &mut [httparse::EMPTY_HEADER; 16], lines)
    } else if count <= 64 {
        read_into(head, start, &mut [httparse::EMPTY_HEADER; 64], lines)
    } else {
        read_into(head, start, &mut [httparse::EMPTY_HEADER; FIELDS_COUNT_MOST], lines)
    }
}

fn read_into<'a>(
    head: &'a [u8],
    start: usize,
    slots: &mut [httparse::Header<'a>],
    lines: &mut Vec<Line>,
) -> bool {
    let text = from(head, start);
    let Ok(httparse::Status::Complete((end, headers))) = httparse::parse_headers(text, slots)
    else {
        return false;
    };
    lines.extend(headers.iter().map(|header| Line {
        name: FieldName::parse(header.name.as_bytes()),
        name_at: span_of(head, header.name.as_bytes()),
        value_at: span_of(head, header.value),
    }));
    end == text.len()
}

/// Where `part` of `head` stands.
fn span_of(head: &[u8], part: &[u8]) -> Span {
    let start = offset(head, part);
    span(start, start + part.len())
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
    fn new(head: &[u8], authority: &Authority<'_>) -> Self {
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
    use proptest::prelude::*;

    /// Pieces that make field lines, well-formed and not.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => "[A-Za-z-]{1,9}".prop_map(String::into_bytes),
            3 => Just(b": ".to_vec()),
            2 => Just(b":".to_vec()),
            4 => Just(b"\r\n".to_vec()),
            1 => Just(b"\r".to_vec()),
            1 => Just(b" ".to_vec()),
            1 => Just(b"\t".to_vec()),
            2 => any::<u8>().prop_map(|octet| vec![octet]),
            1 => "[ -~]{0,40}".prop_map(String::into_bytes),
        ]
    }

    fn texts<'a>(head: &'a [u8], lines: &[Line]) -> Vec<(FieldName, &'a [u8], &'a [u8])> {
        lines
            .iter()
            .map(|line| (line.name, line.name_at.of(head), line.value_at.of(head)))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// The quick parser and the spelled-out grammar take the same field lines and read the same in them.
        #[test]
        fn both_grammars_agree(pieces in prop::collection::vec(piece(), 0..24)) {
            let mut block = pieces.concat();
            // As the scan hands them on: every LF after a CR, one blank line, at the end.
            for i in 0..block.len() {
                if block[i] == b'\n' && (i == 0 || block[i - 1] != b'\r') {
                    block[i] = b'x';
                }
            }
            while let Some(at) = block.windows(4).position(|w| w == b"\r\n\r\n") {
                block.drain(at..at + 2);
            }
            if block.starts_with(b"\r\n") {
                block.drain(..2);
            }
            while block.ends_with(b"\r\n") {
                block.truncate(block.len() - 2);
            }
            block.extend_from_slice(if block.is_empty() { b"\r\n" } else { b"\r\n\r\n" });
            prop_assume!(!block.starts_with(b"\r\n") || block.len() == 2);
            let count = block.windows(2).filter(|w| w == b"\r\n").count() - 1;
            let (mut quick, mut own) = (Vec::new(), Vec::new());
            let taken = quick_lines(&block, 0, count, &mut quick);
            let verdict = diagnose::field_lines(&block, 0, &mut own);
            prop_assert_eq!(taken, verdict.is_ok(), "{:?} {:?}", verdict, block);
            if taken {
                prop_assert_eq!(texts(&block, &quick), texts(&block, &own));
            }
        }
    }
}
