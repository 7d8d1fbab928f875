//! Why a gateway has no answer of an upstream to relay: one table from the cause to the status and to the error
//! type that `Proxy-Status` tells it by (RFC 9209 §2.3).

use core::fmt;

use crate::fault::{Fault, FaultClass, FaultKind};
use crate::status::Status;

macro_rules! causes {
    ($( $name:ident $id:literal $token:literal $status:ident $text:literal; )*) => {
        /// The causes. Each has a stable id, the error type of RFC 9209, a status and a sentence.
        #[allow(missing_docs, reason = "each variant is explained by its text in the table")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Cause { $($name),* }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its stable name, as logs and tests use it.
            #[must_use]
            pub const fn id(self) -> &'static str { match self { $(Self::$name => $id),* } }

            /// The error type that `Proxy-Status` names (RFC 9209 §2.3).
            #[must_use]
            pub const fn token(self) -> &'static str { match self { $(Self::$name => $token),* } }

            /// The status that answers it, where nothing of an answer was sent yet.
            #[must_use]
            pub const fn status(self) -> Status { match self { $(Self::$name => Status::$status),* } }

            /// A sentence for people, without its full stop.
            #[must_use]
            pub const fn text(self) -> &'static str { match self { $(Self::$name => $text),* } }
        }
    };
}

causes! {
    NameNotFound "name-not-found" "dns_error" BAD_GATEWAY "the upstream's name does not resolve";
    NameLate "name-late" "dns_timeout" GATEWAY_TIMEOUT "the upstream's name was not resolved in time";
    Refused "refused" "connection_refused" BAD_GATEWAY "the upstream refuses the connection";
    Unroutable "unroutable" "destination_ip_unroutable" BAD_GATEWAY "no way leads to the upstream's address";
    ConnectLate "connect-late" "connection_timeout" GATEWAY_TIMEOUT "the upstream did not take the connection in time";
    TlsProtocol "tls-protocol" "tls_protocol_error" BAD_GATEWAY "the upstream does not speak TLS as it should";
    TlsCertificate "tls-certificate" "tls_certificate_error" BAD_GATEWAY "the upstream's certificate is not to be trusted";
    TlsAlert "tls-alert" "tls_alert_received" BAD_GATEWAY "the upstream ended the TLS handshake with an alert";
    Closed "closed" "connection_terminated" BAD_GATEWAY "the upstream closed the connection before it answered";
    Reset "reset" "connection_terminated" BAD_GATEWAY "the upstream reset the connection";
    ClosedInHead "closed-in-head" "http_response_incomplete" BAD_GATEWAY "the upstream closed the connection within the head of its answer";
    ClosedInContent "closed-in-content" "http_response_incomplete" BAD_GATEWAY "the upstream closed the connection within the content of its answer";
    Malformed "malformed" "http_protocol_error" BAD_GATEWAY "the upstream's answer is not HTTP/1.1";
    SwitchFailed "switch-failed" "http_upgrade_failed" BAD_GATEWAY "the upstream changed to a protocol that was not asked for";
    HeadTooLarge "head-too-large" "http_response_header_section_size" BAD_GATEWAY "the head of the upstream's answer is larger than the limit";
    FieldTooLarge "field-too-large" "http_response_header_size" BAD_GATEWAY "a field of the upstream's answer is larger than the limit";
    TrailersTooLarge "trailers-too-large" "http_response_trailer_section_size" BAD_GATEWAY "the trailers of the upstream's answer are larger than the limit";
    ContentTooLarge "content-too-large" "http_response_body_size" BAD_GATEWAY "the content of the upstream's answer is larger than the limit";
    TransferCoding "transfer-coding" "http_response_transfer_coding" BAD_GATEWAY "the upstream's answer has a transfer coding that is not known here";
    ContentCoding "content-coding" "http_response_content_coding" BAD_GATEWAY "the content of the upstream's answer can't be decoded";
    Unusable "unusable" "http_protocol_error" BAD_GATEWAY "the upstream's answer is none to what it was asked";
    AnswerLate "answer-late" "http_response_timeout" GATEWAY_TIMEOUT "the upstream did not begin to answer in time";
    HeadLate "head-late" "http_response_timeout" GATEWAY_TIMEOUT "the head of the upstream's answer was not complete in time";
    ContentLate "content-late" "connection_read_timeout" GATEWAY_TIMEOUT "the upstream stopped in the middle of its answer";
    WriteLate "write-late" "connection_write_timeout" GATEWAY_TIMEOUT "the upstream took nothing more of the request in time";
    Loop "loop" "proxy_loop_detected" BAD_GATEWAY "the request came through this gateway before";
    NoneHealthy "none-healthy" "destination_unavailable" SERVICE_UNAVAILABLE "no upstream is healthy";
    QueueFull "queue-full" "connection_limit_reached" SERVICE_UNAVAILABLE "as many requests as may wait for an upstream do already";
    QueueLate "queue-late" "connection_limit_reached" SERVICE_UNAVAILABLE "no upstream was free in time";
    Draining "draining" "destination_unavailable" SERVICE_UNAVAILABLE "every upstream is taken out of service";
    OwnLack "own-lack" "proxy_internal_error" SERVICE_UNAVAILABLE "the gateway has no descriptor or memory left to connect";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl From<Fault> for Cause {
    /// What a fault on the wire is, when it is an upstream's.
    fn from(fault: Fault) -> Self {
        match (fault.kind.class(), fault.kind) {
            (_, FaultKind::ClosedInHead) => Self::ClosedInHead,
            (_, FaultKind::ClosedInContent) => Self::ClosedInContent,
            (_, FaultKind::HeadLate) => Self::HeadLate,
            (_, FaultKind::SwitchUnasked) => Self::SwitchFailed,
            (_, FaultKind::FieldTooLarge) => Self::FieldTooLarge,
            (_, FaultKind::TrailersTooLarge) => Self::TrailersTooLarge,
            (FaultClass::FieldSize, _) => Self::HeadTooLarge,
            (FaultClass::ContentSize, _) => Self::ContentTooLarge,
            (FaultClass::Deadline, _) => Self::ContentLate,
            (FaultClass::TransferCoding, _) => Self::TransferCoding,
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9209 §2.3: the error types, each with the status that it recommends.
    const TYPES: &[(&str, u16)] = &[
        ("dns_timeout", 504),
        ("dns_error", 502),
        ("destination_unavailable", 503),
        ("destination_ip_unroutable", 502),
        ("connection_refused", 502),
        ("connection_terminated", 502),
        ("connection_timeout", 504),
        ("connection_read_timeout", 504),
        ("connection_write_timeout", 504),
        ("connection_limit_reached", 503),
        ("tls_protocol_error", 502),
        ("tls_certificate_error", 502),
        ("tls_alert_received", 502),
        ("http_response_incomplete", 502),
        ("http_response_header_section_size", 502),
        ("http_response_header_size", 502),
        ("http_response_body_size", 502),
        ("http_response_trailer_section_size", 502),
        ("http_response_transfer_coding", 502),
        ("http_response_content_coding", 502),
        ("http_response_timeout", 504),
        ("http_upgrade_failed", 502),
        ("http_protocol_error", 502),
        ("proxy_loop_detected", 502),
    ];

    #[test]
    fn each_cause_has_the_status_that_its_error_type_asks_for() {
        for (i, cause) in Cause::ALL.iter().enumerate() {
            assert!(Cause::ALL[..i].iter().all(|other| other.id() != cause.id()), "{cause:?}");
            assert!(!cause.text().ends_with('.'));
            // Our own lack passes, and is no fault of the configuration: 503 says more than 500.
            if *cause != Cause::OwnLack {
                let asked = TYPES.iter().find(|(token, _)| *token == cause.token());
                assert_eq!(asked.map(|(_, code)| *code), Some(cause.status().code()), "{cause:?}");
            }
        }
    }

    #[test]
    fn every_fault_of_an_upstream_is_a_cause() {
        for kind in FaultKind::ALL {
            let status = Cause::from(Fault::new(*kind, 0)).status();
            assert!(matches!(status.code(), 502 | 504), "{kind:?}");
        }
        for (kind, cause) in [
            (FaultKind::StatusInvalid, Cause::Malformed),
            (FaultKind::VersionMajor, Cause::Malformed),
            (FaultKind::InterimTooMany, Cause::Malformed),
            (FaultKind::InterimTooLarge, Cause::HeadTooLarge),
            (FaultKind::FieldsTooMany, Cause::HeadTooLarge),
            (FaultKind::SwitchUnasked, Cause::SwitchFailed),
            (FaultKind::CodingUnknown, Cause::TransferCoding),
        ] {
            assert_eq!(Cause::from(Fault::new(kind, 0)), cause, "{kind:?}");
        }
    }
}
