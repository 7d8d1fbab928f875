//! Every way a message can be wrong on the wire, of any version of HTTP, with the status that answers
//! it and the section that says so. A fault says whose: the peer's. It becomes an answer only in a rule.

use core::fmt;

use crate::spec::Spec;
use crate::status::Status;

/// A fault of the peer: what kind, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// How many octets into the message (its head, or its content as framed) the wrong one stands; `u32::MAX` for
    /// those past it, too.
    pub at: u32,
    /// For a fault of one field line: which line, counted from 0.
    pub line: Option<u16>,
}

impl Fault {
    /// A fault of this kind at this octet, not of one field line.
    #[must_use]
    pub const fn new(kind: FaultKind, at: usize) -> Self {
        let at = if at > u32::MAX as usize { u32::MAX } else { at as u32 };
        Self { kind, at, line: None }
    }

    /// The same fault, of field line `line`.
    #[must_use]
    pub const fn in_line(self, line: usize) -> Self {
        Self { line: Some(line as u16), ..self }
    }
}

/// Which rule of the engine a kind of fault belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultClass {
    /// The target is longer than the limit.
    TargetLength,
    /// The major version is not spoken here.
    Version,
    /// The fields are larger than the limits.
    FieldSize,
    /// The grammar is broken.
    Syntax,
    /// `Host` is missing, doubled or malformed.
    Host,
    /// The length of the content is not certain.
    Framing,
    /// A transfer coding that no one here knows.
    TransferCoding,
    /// The method is longer than any that is implemented.
    Method,
    /// Too late.
    Deadline,
    /// The content is larger than the limit.
    ContentSize,
    /// The peer closed in the middle of a message; nobody is left to answer.
    Closed,
}

macro_rules! faults {
    ($( $name:ident $id:literal $class:ident $status:ident $rfc:literal $section:literal $text:literal; )*) => {
        /// The kinds of faults. Each has a stable id, a sentence, a status and a section.
        #[allow(missing_docs, reason = "each variant is explained by its text in the table")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum FaultKind { $($name),* }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its stable name, as logs and tests use it.
            #[must_use]
            pub const fn id(self) -> &'static str { match self { $(Self::$name => $id),* } }

            /// Which rule it belongs to.
            #[must_use]
            pub const fn class(self) -> FaultClass {
                match self { $(Self::$name => FaultClass::$class),* }
            }

            /// The status that answers it.
            #[must_use]
            pub const fn status(self) -> Status { match self { $(Self::$name => Status::$status),* } }

            /// The section that calls it wrong.
            #[must_use]
            pub const fn spec(self) -> Spec { match self { $(Self::$name => Spec::new($rfc, $section)),* } }

            /// A sentence for people, without its full stop.
            #[must_use]
            pub const fn text(self) -> &'static str { match self { $(Self::$name => $text),* } }
        }
    };
}

faults! {
    MethodEmpty "method-empty" Syntax BAD_REQUEST 9112 "3.1" "the request line has no method";
    MethodOctet "method-octet" Syntax BAD_REQUEST 9112 "3.1" "the method holds an octet that no token may hold";
    MethodTooLong "method-too-long" Method NOT_IMPLEMENTED 9112 "3" "the method is longer than any that is implemented";
    TargetEmpty "target-empty" Syntax BAD_REQUEST 9112 "3.2" "the request line has no target";
    TargetOctet "target-octet" Syntax BAD_REQUEST 9112 "3.2" "the target holds an octet that no URI may hold";
    TargetForm "target-form" Syntax BAD_REQUEST 9112 "3.2" "the target has none of the four forms, or not the one its method needs";
    TargetTooLong "target-too-long" TargetLength URI_TOO_LONG 9110 "15.5.15" "the target is longer than the limit";
    TargetUserinfo "target-userinfo" Syntax BAD_REQUEST 9110 "4.2.4" "the target names a user, which an http URI may not";
    VersionSyntax "version-syntax" Syntax BAD_REQUEST 9112 "2.3" "the version is not HTTP/ with a digit, a dot and a digit";
    VersionMajor "version-major" Version HTTP_VERSION_NOT_SUPPORTED 9110 "15.6.6" "the major version is not spoken here";
    RequestLineSpaces "request-line-spaces" Syntax BAD_REQUEST 9112 "3" "the parts of the request line are not set apart by single spaces";
    TlsOnPlain "tls-on-plain" Syntax BAD_REQUEST 9112 "3" "the client speaks TLS to a port that does not";
    BareLineFeed "bare-line-feed" Syntax BAD_REQUEST 9112 "2.2" "a line ends in LF without CR";
    BareCarriageReturn "bare-carriage-return" Syntax BAD_REQUEST 9112 "2.2" "a CR stands without its LF";
    FieldNameEmpty "field-name-empty" Syntax BAD_REQUEST 9112 "5" "a field line has no name";
    FieldNameOctet "field-name-octet" Syntax BAD_REQUEST 9112 "5" "a field name holds an octet that no token may hold";
    FieldNameSpace "field-name-space" Syntax BAD_REQUEST 9112 "5.1" "white space stands between a field name and its colon";
    FieldColonMissing "field-colon-missing" Syntax BAD_REQUEST 9112 "5" "a field line has no colon";
    FieldValueOctet "field-value-octet" Syntax BAD_REQUEST 9110 "5.5" "a field value holds a control character";
    FieldFolded "field-folded" Syntax BAD_REQUEST 9112 "5.2" "a field value goes on in a further line (obsolete folding)";
    SpaceBeforeFields "space-before-fields" Syntax BAD_REQUEST 9112 "2.2" "white space stands between the start line and the first field";
    FieldTooLarge "field-too-large" FieldSize REQUEST_HEADER_FIELDS_TOO_LARGE 6585 "5" "one field is larger than the limit";
    FieldsTooLarge "fields-too-large" FieldSize REQUEST_HEADER_FIELDS_TOO_LARGE 6585 "5" "all fields together are larger than the limit";
    FieldsTooMany "fields-too-many" FieldSize REQUEST_HEADER_FIELDS_TOO_LARGE 6585 "5" "there are more fields than the limit";
    TrailersTooLarge "trailers-too-large" FieldSize REQUEST_HEADER_FIELDS_TOO_LARGE 6585 "5" "the trailer fields are larger than the limit";
    HostMissing "host-missing" Host BAD_REQUEST 9112 "3.2" "an HTTP/1.1 request has no Host";
    HostRepeated "host-repeated" Host BAD_REQUEST 9112 "3.2" "there is more than one Host";
    HostInvalid "host-invalid" Host BAD_REQUEST 9112 "3.2" "Host is not a host with an optional port";
    LengthInvalid "length-invalid" Framing BAD_REQUEST 9112 "6.3" "Content-Length is not a number of octets";
    LengthsDiffer "lengths-differ" Framing BAD_REQUEST 9112 "6.3" "there are several lengths, and they differ";
    LengthAndCoding "length-and-coding" Framing BAD_REQUEST 9112 "6.1" "there are both a length and a transfer coding, as request smuggling has them";
    CodingUnknown "coding-unknown" TransferCoding NOT_IMPLEMENTED 9112 "6.1" "a transfer coding is not known here";
    CodingNotLast "coding-not-last" Framing BAD_REQUEST 9112 "6.3" "chunked is not the last transfer coding, so the length is not certain";
    CodingRepeated "coding-repeated" Framing BAD_REQUEST 9112 "6.1" "chunked is applied more than once";
    CodingSyntax "coding-syntax" Framing BAD_REQUEST 9112 "6.1" "Transfer-Encoding is not a list of codings";
    CodingInHttp10 "coding-in-http-1-0" Framing BAD_REQUEST 9112 "6.1" "an HTTP/1.0 message has a transfer coding, so its framing is faulty";
    ConnectionSyntax "connection-syntax" Syntax BAD_REQUEST 9110 "7.6.1" "Connection is not a list of options";
    ChunkSize "chunk-size" Syntax BAD_REQUEST 9112 "7.1" "a chunk size is not a hexadecimal number";
    ChunkSizeOverflow "chunk-size-overflow" Syntax BAD_REQUEST 9112 "7.1" "a chunk size is larger than any number of octets";
    ChunkExtension "chunk-extension" Syntax BAD_REQUEST 9112 "7.1.1" "a chunk extension is malformed";
    ChunkLineTooLong "chunk-line-too-long" Syntax BAD_REQUEST 9112 "7.1.1" "a chunk's size line with its extensions is longer than the limit";
    ChunkEnd "chunk-end" Syntax BAD_REQUEST 9112 "7.1" "a chunk's data does not end in CR LF";
    StatusLine "status-line" Syntax BAD_REQUEST 9112 "4" "the status line is malformed";
    StatusInvalid "status-invalid" Syntax BAD_REQUEST 9110 "15" "the status code is not three digits from 100 to 599";
    VersionMinor "version-minor" Syntax BAD_REQUEST 9112 "2.3" "the version is neither HTTP/1.0 nor HTTP/1.1";
    InterimTooMany "interim-too-many" Syntax BAD_REQUEST 9110 "15.2" "more interim answers than the limit come before the final one";
    InterimTooLarge "interim-too-large" FieldSize REQUEST_HEADER_FIELDS_TOO_LARGE 9110 "15.2" "the interim answers together are larger than the limit";
    InterimContent "interim-content" Framing BAD_REQUEST 9110 "15.2" "an interim answer says that content follows it, which can't be";
    SwitchUnasked "switch-unasked" Syntax BAD_REQUEST 9110 "7.8" "the answer changes to a protocol that was not asked for";
    ContentTooLarge "content-too-large" ContentSize CONTENT_TOO_LARGE 9110 "15.5.14" "the content is larger than the limit";
    HeadLate "head-late" Deadline REQUEST_TIMEOUT 9110 "15.5.9" "the head did not arrive in time";
    ContentLate "content-late" Deadline REQUEST_TIMEOUT 9110 "15.5.9" "the content did not arrive in time";
    ContentSlow "content-slow" Deadline REQUEST_TIMEOUT 9110 "15.5.9" "the content arrives more slowly than the least rate";
    ClosedInHead "closed-in-head" Closed BAD_REQUEST 9112 "8" "the peer closed before its head was complete";
    ClosedInContent "closed-in-content" Closed BAD_REQUEST 9112 "8" "the peer closed before its content was complete";
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at octet {})", self.kind.text(), self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::CURRENT_RFCS;

    #[test]
    fn ids_are_unique_and_sections_current() {
        for (i, kind) in FaultKind::ALL.iter().enumerate() {
            assert!(FaultKind::ALL[..i].iter().all(|other| other.id() != kind.id()), "{kind:?}");
            assert!(CURRENT_RFCS.contains(&kind.spec().rfc), "{kind:?}");
            assert!(kind.status().is_error() && !kind.text().ends_with('.'), "{kind:?}");
        }
    }
}
