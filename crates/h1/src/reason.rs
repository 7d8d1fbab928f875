//! Why a connection closes. Every closing has a reason, and every reason a sentence.

use wherefore_message::FaultKind;

/// Why a connection closes, or has left HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The request said `Connection: close` (RFC 9112 §9.6).
    PeerAsked,
    /// An HTTP/1.0 request did not ask for the connection to persist (RFC 9112 §9.3).
    OldVersion,
    /// The peer closed its side.
    PeerClosed,
    /// The peer broke the protocol; where the next message would start is not certain.
    Faulty(FaultKind),
    /// More of the request's content was left unread than is worth reading to keep the connection.
    ContentUnread,
    /// The request waited for 100 (Continue) and got its final answer instead: whether its content
    /// still follows is not certain (RFC 9110 §10.1.1).
    ContentUninvited,
    /// The answer's length is not known and the client knows no chunks: it ends where the connection does.
    EndsByClosing,
    /// The answer ended before the length that its head had said.
    AnswerCutShort,
    /// No request came for too long.
    Idle,
    /// The server is shutting down.
    ShuttingDown,
    /// The server has more to do than it can.
    Overloaded,
    /// The server's own code failed within the exchange: how far it had read is not certain.
    OwnFault,
    /// Not closed: from here on the connection speaks another protocol, or is a tunnel.
    Switched,
}

impl CloseReason {
    /// Whether it lets the connection be closed at once, since the client counts on it.
    pub(crate) const fn closes_at_once(self) -> bool {
        matches!(self, Self::PeerAsked | Self::OldVersion | Self::EndsByClosing)
    }

    /// A sentence for people, without its full stop.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::PeerAsked => "the client asked to close after this answer",
            Self::OldVersion => "an HTTP/1.0 client did not ask to keep the connection",
            Self::PeerClosed => "the client closed its side",
            Self::Faulty(kind) => kind.text(),
            Self::ContentUnread => "too much of the request's content was left unread",
            Self::ContentUninvited => {
                "the client was not invited to send its content, and may send it or not"
            }
            Self::EndsByClosing => "the end of the answer can only be told by closing",
            Self::AnswerCutShort => "the answer ended before the length it had said",
            Self::Idle => "no request came for too long",
            Self::ShuttingDown => "the server is shutting down",
            Self::Overloaded => "the server has more to do than it can",
            Self::OwnFault => "the server's own code failed",
            Self::Switched => "the connection left HTTP/1.1 for another protocol",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_sentence_of_its_own() {
        let reasons = [
            CloseReason::PeerAsked,
            CloseReason::OldVersion,
            CloseReason::PeerClosed,
            CloseReason::Faulty(FaultKind::HeadLate),
            CloseReason::ContentUnread,
            CloseReason::ContentUninvited,
            CloseReason::EndsByClosing,
            CloseReason::AnswerCutShort,
            CloseReason::Idle,
            CloseReason::ShuttingDown,
            CloseReason::Overloaded,
            CloseReason::OwnFault,
            CloseReason::Switched,
        ];
        for (i, reason) in reasons.iter().enumerate() {
            let text = reason.explain();
            assert!(!text.is_empty() && !text.ends_with('.'), "{reason:?}");
            assert!(reasons.iter().skip(i + 1).all(|other| other.explain() != text), "{reason:?}");
        }
    }
}
