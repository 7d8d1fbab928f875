//! The whole IANA registry of status codes as one table: what each means, what it must carry, whether
//! it has content, whether a cache may keep it on its own judgement.

use core::fmt;

use crate::field::{FieldName, FieldSet};
use crate::spec::Spec;

/// A status code from 100 to 599 (RFC 9110 §15).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

/// The five classes of status codes (RFC 9110 §15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 1xx: interim, before the final answer.
    Interim,
    /// 2xx: received, understood, accepted.
    Success,
    /// 3xx: the client has to act further.
    Redirection,
    /// 4xx: the request can't be fulfilled as it is.
    ClientError,
    /// 5xx: the server failed a request that looks valid.
    ServerError,
}

/// Whether an answer with this status may have content at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It may.
    Allowed,
    /// The message always ends with its head.
    Never,
    /// No content, but the empty length is said (205, RFC 9110 §15.3.6).
    SaidEmpty,
}

/// When a cache may keep an answer with this status (RFC 9111 §3, §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Also by a guessed lifetime, where none is said.
    Heuristic,
    /// Only where a lifetime is said.
    Explicit,
    /// Never: the defining text forbids it.
    Never,
    /// The question does not arise (interim answers, 304, and codes that are not sent).
    Apart,
}

/// Who sends a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Some rule of the engine answers it, now or in a role still to come.
    Ours,
    /// Never sent by our own decision: the reason. A gateway relays it.
    Relayed(&'static str),
}

/// One row of the registry.
#[derive(Debug)]
pub struct Row {
    /// The code.
    pub status: Status,
    /// Today's reason phrase.
    pub phrase: &'static str,
    /// Where it is defined.
    pub spec: Spec,
    /// Whether content may follow.
    pub content: Content,
    /// Whether caches may keep it.
    pub caching: Caching,
    /// Fields without which the answer does not say what the code promises: each MUST of the RFCs,
    /// and those SHOULDs that this program always keeps.
    pub must: FieldSet,
    /// Fields of [`APART`] that it may carry besides: with them the code says more.
    pub may: FieldSet,
    /// Fields that must not stand in it.
    pub must_not: FieldSet,
    /// Who sends it.
    pub sent: Use,
}

/// Fields that mean something in answers with certain codes alone: `Location` (RFC 9110 §10.2.2),
/// `Content-Range` (§14.4), `Retry-After` (§10.2.3). An answer carries them only if its row names them.
pub const APART: FieldSet =
    FieldSet::of(&[FieldName::Location, FieldName::ContentRange, FieldName::RetryAfter]);

impl Row {
    /// Every field that an answer with this status is not to carry.
    #[must_use]
    pub const fn never(&self) -> FieldSet {
        self.must_not.or(APART.without(self.must.or(self.may)))
    }
}

macro_rules! statuses {
    ($( $code:literal $name:ident $phrase:literal $rfc:literal $section:literal
        $content:ident $caching:ident must[$($must:ident)*] may[$($may:ident)*] not[$($not:ident)*] $sent:expr; )*) => {
        #[allow(missing_docs, reason = "each constant is the status of that name")]
        impl Status { $( pub const $name: Self = Self($code); )* }

        /// Every registered status, in order.
        pub static REGISTRY: &[Row] = &[ $( Row {
            status: Status($code),
            phrase: $phrase,
            spec: Spec::new($rfc, $section),
            content: Content::$content,
            caching: Caching::$caching,
            must: FieldSet::of(&[$(FieldName::$must),*]),
            may: FieldSet::of(&[$(FieldName::$may),*]),
            must_not: FieldSet::of(&[$(FieldName::$not),*]),
            sent: $sent,
        }, )* ];
    };
}

use Use::{Ours, Relayed};

statuses! {
    100 CONTINUE "Continue" 9110 "15.2.1" Never Apart must[] may[] not[ContentLength TransferEncoding] Ours;
    101 SWITCHING_PROTOCOLS "Switching Protocols" 9110 "15.2.2" Never Apart must[Upgrade Connection] may[] not[ContentLength TransferEncoding] Ours;
    102 PROCESSING "Processing" 2518 "10.1" Never Apart must[] may[] not[ContentLength TransferEncoding] Relayed("dropped from WebDAV by RFC 4918");
    103 EARLY_HINTS "Early Hints" 8297 "2" Never Apart must[] may[] not[ContentLength TransferEncoding] Ours;
    104 UPLOAD_RESUMPTION_SUPPORTED "Upload Resumption Supported" 9110 "15.2" Never Apart must[] may[Location] not[ContentLength TransferEncoding] Ours;
    200 OK "OK" 9110 "15.3.1" Allowed Heuristic must[] may[RetryAfter] not[] Ours;
    201 CREATED "Created" 9110 "15.3.2" Allowed Explicit must[Location] may[] not[] Ours;
    202 ACCEPTED "Accepted" 9110 "15.3.3" Allowed Explicit must[Location] may[RetryAfter] not[] Ours;
    203 NON_AUTHORITATIVE_INFORMATION "Non-Authoritative Information" 9110 "15.3.4" Allowed Heuristic must[] may[] not[] Ours;
    204 NO_CONTENT "No Content" 9110 "15.3.5" Never Heuristic must[] may[] not[ContentLength TransferEncoding ContentType] Ours;
    205 RESET_CONTENT "Reset Content" 9110 "15.3.6" SaidEmpty Explicit must[] may[] not[ContentType] Ours;
    206 PARTIAL_CONTENT "Partial Content" 9110 "15.3.7" Allowed Heuristic must[] may[ContentRange] not[] Ours;
    207 MULTI_STATUS "Multi-Status" 4918 "11.1" Allowed Explicit must[ContentType] may[] not[] Ours;
    208 ALREADY_REPORTED "Already Reported" 5842 "7.1" Allowed Explicit must[] may[] not[] Relayed("stands only inside a 207");
    226 IM_USED "IM Used" 3229 "10.4.1" Allowed Explicit must[] may[] not[] Ours;
    300 MULTIPLE_CHOICES "Multiple Choices" 9110 "15.4.1" Allowed Heuristic must[] may[Location RetryAfter] not[] Ours;
    301 MOVED_PERMANENTLY "Moved Permanently" 9110 "15.4.2" Allowed Heuristic must[Location] may[RetryAfter] not[] Ours;
    302 FOUND "Found" 9110 "15.4.3" Allowed Explicit must[Location] may[RetryAfter] not[] Ours;
    303 SEE_OTHER "See Other" 9110 "15.4.4" Allowed Explicit must[Location] may[RetryAfter] not[] Ours;
    304 NOT_MODIFIED "Not Modified" 9110 "15.4.5" Never Apart must[] may[] not[TransferEncoding ContentType ContentEncoding] Ours;
    305 USE_PROXY "Use Proxy" 9110 "15.4.6" Allowed Explicit must[Location] may[RetryAfter] not[] Ours;
    306 UNUSED "(Unused)" 9110 "15.4.7" Allowed Apart must[] may[] not[] Relayed("reserved, and means nothing");
    307 TEMPORARY_REDIRECT "Temporary Redirect" 9110 "15.4.8" Allowed Explicit must[Location] may[RetryAfter] not[] Ours;
    308 PERMANENT_REDIRECT "Permanent Redirect" 9110 "15.4.9" Allowed Heuristic must[Location] may[RetryAfter] not[] Ours;
    400 BAD_REQUEST "Bad Request" 9110 "15.5.1" Allowed Explicit must[] may[] not[] Ours;
    401 UNAUTHORIZED "Unauthorized" 9110 "15.5.2" Allowed Explicit must[WwwAuthenticate] may[] not[] Ours;
    402 PAYMENT_REQUIRED "Payment Required" 9110 "15.5.3" Allowed Explicit must[] may[] not[] Ours;
    403 FORBIDDEN "Forbidden" 9110 "15.5.4" Allowed Explicit must[] may[] not[] Ours;
    404 NOT_FOUND "Not Found" 9110 "15.5.5" Allowed Heuristic must[] may[] not[] Ours;
    405 METHOD_NOT_ALLOWED "Method Not Allowed" 9110 "15.5.6" Allowed Heuristic must[Allow] may[] not[] Ours;
    406 NOT_ACCEPTABLE "Not Acceptable" 9110 "15.5.7" Allowed Explicit must[] may[] not[] Ours;
    407 PROXY_AUTHENTICATION_REQUIRED "Proxy Authentication Required" 9110 "15.5.8" Allowed Explicit must[ProxyAuthenticate] may[] not[] Ours;
    408 REQUEST_TIMEOUT "Request Timeout" 9110 "15.5.9" Allowed Explicit must[] may[] not[] Ours;
    409 CONFLICT "Conflict" 9110 "15.5.10" Allowed Explicit must[] may[] not[] Ours;
    410 GONE "Gone" 9110 "15.5.11" Allowed Heuristic must[] may[] not[] Ours;
    411 LENGTH_REQUIRED "Length Required" 9110 "15.5.12" Allowed Explicit must[] may[] not[] Ours;
    412 PRECONDITION_FAILED "Precondition Failed" 9110 "15.5.13" Allowed Explicit must[] may[] not[] Ours;
    413 CONTENT_TOO_LARGE "Content Too Large" 9110 "15.5.14" Allowed Explicit must[] may[RetryAfter] not[] Ours;
    414 URI_TOO_LONG "URI Too Long" 9110 "15.5.15" Allowed Heuristic must[] may[] not[] Ours;
    415 UNSUPPORTED_MEDIA_TYPE "Unsupported Media Type" 9110 "15.5.16" Allowed Explicit must[] may[] not[] Ours;
    416 RANGE_NOT_SATISFIABLE "Range Not Satisfiable" 9110 "15.5.17" Allowed Explicit must[ContentRange] may[] not[] Ours;
    417 EXPECTATION_FAILED "Expectation Failed" 9110 "15.5.18" Allowed Explicit must[] may[] not[] Ours;
    418 UNUSED_418 "(Unused)" 9110 "15.5.19" Allowed Apart must[] may[] not[] Relayed("reserved for a joke");
    421 MISDIRECTED_REQUEST "Misdirected Request" 9110 "15.5.20" Allowed Explicit must[] may[] not[] Ours;
    422 UNPROCESSABLE_CONTENT "Unprocessable Content" 9110 "15.5.21" Allowed Explicit must[] may[] not[] Ours;
    423 LOCKED "Locked" 4918 "11.3" Allowed Explicit must[] may[] not[] Ours;
    424 FAILED_DEPENDENCY "Failed Dependency" 4918 "11.4" Allowed Explicit must[] may[] not[] Ours;
    425 TOO_EARLY "Too Early" 8470 "5.2" Allowed Explicit must[] may[] not[] Ours;
    426 UPGRADE_REQUIRED "Upgrade Required" 9110 "15.5.22" Allowed Explicit must[Upgrade Connection] may[] not[] Ours;
    428 PRECONDITION_REQUIRED "Precondition Required" 6585 "3" Allowed Never must[] may[] not[] Ours;
    429 TOO_MANY_REQUESTS "Too Many Requests" 6585 "4" Allowed Never must[RetryAfter] may[] not[] Ours;
    431 REQUEST_HEADER_FIELDS_TOO_LARGE "Request Header Fields Too Large" 6585 "5" Allowed Never must[] may[] not[] Ours;
    451 UNAVAILABLE_FOR_LEGAL_REASONS "Unavailable For Legal Reasons" 7725 "3" Allowed Heuristic must[Link] may[] not[] Ours;
    500 INTERNAL_SERVER_ERROR "Internal Server Error" 9110 "15.6.1" Allowed Explicit must[] may[] not[] Ours;
    501 NOT_IMPLEMENTED "Not Implemented" 9110 "15.6.2" Allowed Heuristic must[] may[] not[] Ours;
    502 BAD_GATEWAY "Bad Gateway" 9110 "15.6.3" Allowed Explicit must[ProxyStatus] may[] not[] Ours;
    503 SERVICE_UNAVAILABLE "Service Unavailable" 9110 "15.6.4" Allowed Explicit must[RetryAfter] may[] not[] Ours;
    504 GATEWAY_TIMEOUT "Gateway Timeout" 9110 "15.6.5" Allowed Explicit must[ProxyStatus] may[] not[] Ours;
    505 HTTP_VERSION_NOT_SUPPORTED "HTTP Version Not Supported" 9110 "15.6.6" Allowed Explicit must[] may[] not[] Ours;
    506 VARIANT_ALSO_NEGOTIATES "Variant Also Negotiates" 2295 "8.1" Allowed Explicit must[] may[] not[] Ours;
    507 INSUFFICIENT_STORAGE "Insufficient Storage" 4918 "11.5" Allowed Explicit must[] may[RetryAfter] not[] Ours;
    508 LOOP_DETECTED "Loop Detected" 5842 "7.2" Allowed Explicit must[] may[] not[] Ours;
    510 NOT_EXTENDED "Not Extended" 2774 "7" Allowed Apart must[] may[] not[] Relayed("historic");
    511 NETWORK_AUTHENTICATION_REQUIRED "Network Authentication Required" 6585 "6" Allowed Never must[] may[] not[] Ours;
}

impl Status {
    /// The status of this code, registered or not.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 100 && code <= 599 { Some(Self(code)) } else { None }
    }

    /// Its three digits.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// Its row in the registry; none for a code that is not registered, which is to be treated as
    /// x00 of its class (RFC 9110 §15).
    #[must_use]
    pub fn row(self) -> Option<&'static Row> {
        REGISTRY.binary_search_by_key(&self, |row| row.status).ok().map(|i| &REGISTRY[i])
    }

    /// Its reason phrase; empty where none is registered.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        self.row().map_or("", |row| row.phrase)
    }

    /// Its class.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.0 {
            100..=199 => Class::Interim,
            200..=299 => Class::Success,
            300..=399 => Class::Redirection,
            400..=499 => Class::ClientError,
            _ => Class::ServerError,
        }
    }

    /// Whether it is a 4xx or 5xx.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 >= 400
    }

    /// Whether an answer with this status ends with its head, whatever the method (RFC 9110 §6.4.1).
    #[must_use]
    pub const fn ends_with_head(self) -> bool {
        self.0 < 200 || self.0 == 204 || self.0 == 304
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.phrase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::CURRENT_RFCS;

    #[test]
    fn the_registry_is_in_order_without_repeats_and_each_row_is_found() {
        assert!(REGISTRY.is_sorted_by(|a, b| a.status < b.status));
        for row in REGISTRY {
            assert!(core::ptr::eq(row.status.row().unwrap(), row));
            assert!(CURRENT_RFCS.contains(&row.spec.rfc), "{row:?}");
            assert!(!row.must.meets(row.never()) && !row.may.meets(row.never()), "{row:?}");
            assert!(row.may.without(APART).is_empty(), "{row:?}");
        }
    }

    /// RFC 9110 §15.1 lists the codes that are heuristically cacheable; RFC 7725 §3 adds 451.
    #[test]
    fn heuristically_cacheable_as_the_rfcs_list_them() {
        let heuristic: Vec<u16> = REGISTRY
            .iter()
            .filter(|row| row.caching == Caching::Heuristic)
            .map(|row| row.status.code())
            .collect();
        assert_eq!(heuristic, [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501]);
    }

    #[test]
    fn what_stands_apart_is_carried_where_it_means_something() {
        let carrying = |name: FieldName| -> Vec<u16> {
            let rows = REGISTRY.iter().filter(|row| !row.never().has(name));
            rows.map(|row| row.status.code()).collect()
        };
        assert_eq!(carrying(FieldName::ContentRange), [206, 416]);
        let located = [104, 201, 202, 300, 301, 302, 303, 305, 307, 308];
        assert_eq!(carrying(FieldName::Location), located);
        assert!(carrying(FieldName::RetryAfter).contains(&503));
        assert!(!carrying(FieldName::RetryAfter).contains(&404));
    }

    #[test]
    fn no_content_exactly_where_the_head_ends_the_message() {
        for row in REGISTRY {
            assert_eq!(row.content == Content::Never, row.status.ends_with_head(), "{row:?}");
        }
    }

    #[test]
    fn only_three_digits_from_100_to_599_are_a_status() {
        assert!(Status::new(99).is_none() && Status::new(600).is_none());
        assert_eq!(Status::new(299).unwrap().phrase(), "");
        assert_eq!(Status::NOT_FOUND.to_string(), "404 Not Found");
    }
}
