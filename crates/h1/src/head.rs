//! A request's complete head as spans over its octets, and what RFC 9112 asks of it as a whole: `Host`
//! (§3.2), framing (§6.3) and `Connection` (§9.3).

use wherefore_message::authority::{Authority, HostKind};
use wherefore_message::target::{Form, Target};
use wherefore_message::{
    Announced, Fault, FaultKind, FieldName, Fields, Method, Request, Span, Version, list,
};

use crate::framing::{Expecting, Framing, framing};
use crate::lines::{Lines, Wish};
use crate::octets::{from, span_of};
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
    lines: Lines,
    framing: Framing,
    wish: Wish,
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
            lines: Lines::default(),
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
        self.lines.read(head, fields_start, scan.lines())?;
        self.read_authority(head)?;
        self.framing = framing(Expecting::Request, self.version, head, self.fields(head))?;
        self.wish = self.lines.wish(head)?;
        Ok(())
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
        self.lines.fields(head)
    }

    /// The rules of RFC 9112 §3.2 about `Host`; the target's own authority goes before it (§3.2.2).
    fn read_authority(&mut self, head: &[u8]) -> Result<(), Fault> {
        let mut hosts = self.lines.named(FieldName::Host);
        let (first, second) = (hosts.next(), hosts.next());
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
        drop(hosts);
        self.authority = self.target.authority.or(named);
        Ok(())
    }
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
