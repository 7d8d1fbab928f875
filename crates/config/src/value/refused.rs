//! Status codes: where they may be named at all, and why most may not.

use core::fmt;

use wherefore_message::Status;
use wherefore_message::status::Use;

use super::{Text, Wrong};
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};

/// The code of an error, or a class of errors, for which a page can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorStatus {
    /// This one.
    One(Status),
    /// Each from 400 to 499 that has no page of its own.
    ClientErrors,
    /// Each from 500 to 599 that has none.
    ServerErrors,
}

impl fmt::Display for ErrorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(status) => write!(f, "{}", status.code()),
            Self::ClientErrors => f.write_str("4xx"),
            Self::ServerErrors => f.write_str("5xx"),
        }
    }
}

impl Text for ErrorStatus {
    const KIND: Kind = Kind {
        name: "the code of an error, \"4xx\" or \"5xx\"",
        example: "404",
        wrong: &["\"\"", "\"9\"", "\"200\"", "\"306\"", "\"418\"", "\"499\"", "\"4O4\"", "\"3xx\""],
        shape: Shape::Text("^[45]([0-9][0-9]|xx)$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "4xx" => return Ok(Self::ClientErrors),
            "5xx" => return Ok(Self::ServerErrors),
            _ => {}
        }
        let status = text.parse().ok().and_then(Status::new).filter(|_| text.len() == 3);
        let Some(status) = status else {
            return Err(Wrong::new(format!("{} is no status code", quoted(text))));
        };
        if let Some(why) = refusal(status) {
            return Err(Wrong::new(why));
        }
        if status.code() < 400 {
            let wrong = Wrong::new(format!("{status} is no error"));
            return Err(wrong.right("a code from 400 to 599"));
        }
        Ok(Self::One(status))
    }
}

/// Why this status is never sent, however it is asked for; none for one that some situation brings about.
#[must_use]
pub fn refusal(status: Status) -> Option<String> {
    let code = status.code();
    match status.row() {
        None => Some(format!("{code} is not registered, and no one would know what it means")),
        Some(row) => match row.sent {
            Use::Relayed(why) => Some(format!("{code} is never sent: {why} ({})", row.spec)),
            Use::Ours => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherefore_message::status::REGISTRY;

    #[test]
    fn errors_that_are_sent_can_be_named() {
        for row in REGISTRY {
            let may = row.status.code() >= 400 && row.sent == Use::Ours;
            let parsed = ErrorStatus::parse(&row.status.code().to_string());
            assert_eq!(parsed.is_ok(), may, "{}", row.status);
        }
    }

    #[test]
    fn classes_of_errors_can_be_named() {
        for text in ["4xx", "5xx"] {
            assert_eq!(ErrorStatus::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_never_sent_is_refused_with_the_reason() {
        for (code, why) in [
            ("306", "306 is never sent: reserved, and means nothing (RFC 9110 §15.4.7)"),
            ("418", "418 is never sent: reserved for a joke (RFC 9110 §15.5.19)"),
            ("499", "499 is not registered, and no one would know what it means"),
            ("+404", "`+404` is no status code"),
            ("0404", "`0404` is no status code"),
            ("1000", "`1000` is no status code"),
            ("3xx", "`3xx` is no status code"),
        ] {
            assert_eq!(ErrorStatus::parse(code).unwrap_err().what, why);
        }
        assert!(ErrorStatus::parse("200").unwrap_err().what.contains("is no error"));
    }
}
