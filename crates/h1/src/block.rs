//! What the field lines of a request say, as far as that follows from them and the version alone: the authority, the
//! framing, what is to become of the connection. On a connection that persists they are mostly those of the request
//! before, to the octet; then all of it still holds, and nothing is read again.

use wherefore_message::authority::Authority;
use wherefore_message::{Fault, FaultKind, FieldName, Fields, Version, list};

use crate::framing::{Expecting, Framing, framing};
use crate::head::AuthorityAt;
use crate::limits::Limits;
use crate::lines::{Known, Lines, Wish};
use crate::octets::within;

/// The field lines of one request after another. Their memory is reused.
#[derive(Debug)]
pub(crate) struct Block {
    version: Version,
    lines: Lines,
    host: Option<AuthorityAt>,
    framing: Framing,
    wish: Wish,
    /// The version with which all this was settled; none until it is.
    settled: Option<Version>,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            version: Version::HTTP_10,
            lines: Lines::default(),
            host: None,
            framing: Framing::Nothing,
            wish: Wish::Nothing,
            settled: None,
        }
    }
}

impl Block {
    /// Reads the field lines that `text` begins with, blank line included, in one pass, or takes what is known of them;
    /// says how many octets they are. None if they are not all there, or there is a fault, which is then to be found out
    /// by [`read`](Self::read).
    #[inline]
    pub(crate) fn read_whole(
        &mut self,
        text: &[u8],
        version: Version,
        limits: &Limits,
    ) -> Option<usize> {
        let (length, known) = self.lines.read_whole(text, limits.into())?;
        if known == Known::Not || self.settled != Some(version) {
            self.settle(within(text, 0, length), version).ok()?;
        }
        Some(length)
    }

    /// Reads the field lines `text`, of which the last is the blank one, and each was found to be within the limits.
    ///
    /// # Errors
    /// The first fault: of a field line, of `Host`, of the framing, of `Connection`, in this order. Its octet is
    /// counted from the start of `text`.
    pub(crate) fn read(&mut self, text: &[u8], version: Version) -> Result<(), Fault> {
        self.lines.read(text)?;
        self.settle(text, version)
    }

    /// Forgets them, though not their memory.
    pub(crate) fn forget(&mut self) {
        self.lines.clear();
    }

    /// The lines, over the octets that they were read from or others that are the same.
    #[inline]
    pub(crate) fn fields<'a>(&'a self, text: &'a [u8]) -> Fields<'a> {
        self.lines.fields(text)
    }

    /// What `Host` names.
    pub(crate) const fn host(&self) -> Option<AuthorityAt> {
        self.host
    }

    pub(crate) const fn framing(&self) -> Framing {
        self.framing
    }

    pub(crate) const fn wish(&self) -> Wish {
        self.wish
    }

    /// Whether the client waits for 100 (Continue) before it sends content. HTTP/1.0 knows no such wait
    /// (RFC 9110 §10.1.1).
    pub(crate) fn expects_continue(&self, text: &[u8]) -> bool {
        self.version >= Version::HTTP_11
            && list::members(self.fields(text).all(FieldName::Expect))
                .any(|member| member.eq_ignore_ascii_case(b"100-continue"))
    }

    /// Settles what the lines say.
    fn settle(&mut self, text: &[u8], version: Version) -> Result<(), Fault> {
        (self.version, self.settled) = (version, None);
        self.host = self.read_host(text)?;
        self.framing = framing(Expecting::Request, version, text, self.lines.fields(text))?;
        self.wish = self.lines.wish(text)?;
        self.settled = Some(version);
        Ok(())
    }

    /// The rules of RFC 9112 §3.2 about `Host`.
    fn read_host(&self, text: &[u8]) -> Result<Option<AuthorityAt>, Fault> {
        let mut hosts = self.lines.named(FieldName::Host);
        let (first, second) = (hosts.next(), hosts.next());
        if let Some((i, line)) = second {
            let at = line.name_at.start as usize;
            return Err(Fault::new(FaultKind::HostRepeated, at).in_line(i));
        }
        let Some((i, line)) = first else {
            if self.version < Version::HTTP_11 {
                return Ok(None);
            }
            // Where it would have to stand: before the blank line.
            return Err(Fault::new(FaultKind::HostMissing, text.len().saturating_sub(2)));
        };
        match Authority::parse(line.value_at.of(text)) {
            Some(authority) => Ok(Some(AuthorityAt::new(text, &authority))),
            None => {
                let at = line.value_at.start as usize;
                Err(Fault::new(FaultKind::HostInvalid, at).in_line(i))
            }
        }
    }
}
