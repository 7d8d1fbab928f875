//! What was accepted to be done later (RFC 9110 §15.3.3), and how far it is: for whoever asks its monitor, in three
//! forms. Nothing in it says where it is delivered to.

use core::fmt::{self, Write as _};
use std::borrow::Cow;

use crate::cause::Cause;
use crate::date::HttpDate;
use crate::escape;
use crate::problem::{ProblemForm, STYLE};
use crate::status::Status;

/// How far something is that was accepted to be delivered later. Moments are in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is still to be delivered.
    Pending {
        /// How often that was tried.
        tries: u32,
        /// When it is tried next, at the earliest.
        next_at: u64,
        /// Why the last try failed.
        last: Option<Setback>,
    },
    /// It was delivered.
    Delivered {
        /// What it was answered with.
        status: Status,
        /// When.
        at: u64,
    },
    /// It was given up.
    Failed {
        /// Why the last try failed.
        why: Setback,
        /// How often it was tried.
        tries: u32,
        /// When it was given up.
        at: u64,
    },
}

/// Why something was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setback {
    /// The upstream had no answer.
    Cause(Cause),
    /// The upstream answered that it did not take it.
    Answered(Status),
    /// The configuration no longer says where it is to go.
    NoDestination,
    /// What was stored of it is gone.
    ContentLost,
}

/// Whether what a try met may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// It is worth trying again.
    ForNow,
    /// The same would only be met again.
    ForGood,
}

/// What an answer to something that is delivered comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is delivered.
    Taken,
    /// It is not.
    Refused(Setback, Lasts),
}

/// What this final answer to a delivery comes to. It was taken if it is a success; a 303 says that it was as well,
/// and where to look (RFC 9110 §15.4.4). What a client may try again unchanged is tried again: 408 (§15.5.9), 425
/// (RFC 8470 §5.2), 429 (RFC 6585 §4), 409 of a key whose first request is still at work, and what is the server's
/// fault, but for 501 and 505. Nothing else is followed or mended here.
#[must_use]
pub const fn receipt(status: Status) -> Receipt {
    match status.code() {
        200..=299 | 303 => Receipt::Taken,
        501 | 505 => Receipt::Refused(Setback::Answered(status), Lasts::ForGood),
        408 | 409 | 425 | 429 | 500..=599 => {
            Receipt::Refused(Setback::Answered(status), Lasts::ForNow)
        }
        _ => Receipt::Refused(Setback::Answered(status), Lasts::ForGood),
    }
}

/// How many seconds an answer asks to wait (RFC 9110 §10.2.3), by what its `Retry-After` says at this time. None if
/// that can't be read.
#[must_use]
pub fn retry_after(value: &[u8], now: u64) -> Option<u64> {
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        return Some(value.iter().fold(0, |seconds: u64, digit| {
            seconds.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        }));
    }
    let date = HttpDate::parse(value, HttpDate::from_unix(now))?;
    Some(date.unix().saturating_sub(now))
}

impl Setback {
    /// Its stable name, for programs.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.id(),
            Self::Answered(_) => "answered",
            Self::NoDestination => "no-destination",
            Self::ContentLost => "content-lost",
        }
    }

    /// The status that says it: of what was answered, or of what a gateway would have answered.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Cause(cause) => cause.status(),
            Self::Answered(status) => status,
            Self::NoDestination | Self::ContentLost => Status::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A sentence for people, without its full stop.
impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cause(cause) => cause.fmt(f),
            Self::Answered(status) => {
                write!(f, "the upstream answered {} {}", status.code(), status.phrase())
            }
            Self::NoDestination => f.write_str("it is no longer said where it is to go"),
            Self::ContentLost => f.write_str("what was stored of it is gone"),
        }
    }
}

/// The value of a monitor's `Content-Type` in this form.
#[must_use]
pub const fn content_type(form: ProblemForm) -> &'static str {
    match form {
        ProblemForm::Json => "application/json",
        ProblemForm::Html | ProblemForm::Text => form.content_type(),
    }
}

impl Progress {
    /// Its stable name, for programs.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
        }
    }

    /// In how many seconds it is worth asking again (RFC 9110 §10.2.3): once the next try may have ended. None if
    /// it is settled.
    #[must_use]
    pub const fn wait_seconds(&self, now: u64) -> Option<u64> {
        match self {
            Self::Pending { next_at, .. } => Some(next_at.saturating_sub(now).saturating_add(1)),
            Self::Delivered { .. } | Self::Failed { .. } => None,
        }
    }

    /// It in one of its forms.
    #[must_use]
    pub fn to_form(&self, form: ProblemForm) -> String {
        match form {
            ProblemForm::Json => self.to_json(),
            ProblemForm::Html => self.to_html(),
            ProblemForm::Text => self.to_text(),
        }
    }

    /// It as JSON, with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(160);
        // Writing to a String can't fail, here and below.
        let _ = write!(out, "{{\"state\":\"{}\"", self.id());
        for (name, value) in self.members() {
            let _ = write!(out, ",\"{name}\":");
            match value {
                Member::Number(number) => {
                    let _ = write!(out, "{number}");
                }
                Member::Moment(at) => escape::json(&at.to_timestamp(), &mut out),
                Member::Setback(why) => {
                    let (id, status) = (why.id(), why.status().code());
                    let _ = write!(out, "{{\"id\":\"{id}\",\"status\":{status},\"detail\":");
                    escape::json(&why.to_string(), &mut out);
                    out.push('}');
                }
            }
        }
        out.push_str("}\n");
        out
    }

    /// It as a page, which loads nothing and runs nothing.
    #[must_use]
    pub fn to_html(&self) -> String {
        let (title, mut out) = (self.title(), String::with_capacity(1024));
        out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.push_str(
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n",
        );
        let _ = write!(out, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n");
        let _ = write!(out, "<body>\n<main>\n<h1>{title}</h1>\n<dl>\n");
        for (name, value) in self.members() {
            let value = value.to_string();
            let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escape::html(&value));
        }
        out.push_str("</dl>\n</main>\n</body>\n</html>\n");
        out
    }

    /// It as plain text, one line for each thing said.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n\n", self.title());
        for (name, value) in self.members() {
            let _ = writeln!(out, "{name}: {value}");
        }
        out
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "To be delivered",
            Self::Delivered { .. } => "Delivered",
            Self::Failed { .. } => "Not delivered",
        }
    }

    /// What there is to say of it, by name.
    fn members(&self) -> Vec<(&'static str, Member)> {
        let moment = |seconds| Member::Moment(HttpDate::from_unix(seconds));
        match *self {
            Self::Pending { tries, next_at, last } => {
                let mut members =
                    vec![("tries", Member::Number(tries.into())), ("next", moment(next_at))];
                members.extend(last.map(|why| ("last", Member::Setback(why))));
                members
            }
            Self::Delivered { status, at } => {
                vec![("status", Member::Number(status.code().into())), ("at", moment(at))]
            }
            Self::Failed { why, tries, at } => vec![
                ("tries", Member::Number(tries.into())),
                ("at", moment(at)),
                ("why", Member::Setback(why)),
            ],
        }
    }
}

enum Member {
    Number(u64),
    Moment(HttpDate),
    Setback(Setback),
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: Cow<'_, str> = match self {
            Self::Number(number) => number.to_string().into(),
            Self::Moment(at) => at.to_string().into(),
            Self::Setback(why) => why.to_string().into(),
        };
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PENDING: Progress = Progress::Pending {
        tries: 2,
        next_at: 1_000_000_000,
        last: Some(Setback::Cause(Cause::Refused)),
    };
    const FAILED: Progress = Progress::Failed {
        why: Setback::Answered(Status::SERVICE_UNAVAILABLE),
        tries: 20,
        at: 1_000_000_000,
    };

    #[test]
    fn json() {
        assert_eq!(
            PENDING.to_json(),
            "{\"state\":\"pending\",\"tries\":2,\"next\":\"2001-09-09T01:46:40Z\",\
             \"last\":{\"id\":\"refused\",\"status\":502,\
             \"detail\":\"the upstream refuses the connection\"}}\n"
        );
        let first = Progress::Pending { tries: 0, next_at: 0, last: None };
        assert_eq!(
            first.to_json(),
            "{\"state\":\"pending\",\"tries\":0,\"next\":\"1970-01-01T00:00:00Z\"}\n"
        );
        let delivered = Progress::Delivered { status: Status::CREATED, at: 1_000_000_000 };
        assert_eq!(
            delivered.to_json(),
            "{\"state\":\"delivered\",\"status\":201,\"at\":\"2001-09-09T01:46:40Z\"}\n"
        );
        assert_eq!(
            FAILED.to_json(),
            "{\"state\":\"failed\",\"tries\":20,\"at\":\"2001-09-09T01:46:40Z\",\
             \"why\":{\"id\":\"answered\",\"status\":503,\
             \"detail\":\"the upstream answered 503 Service Unavailable\"}}\n"
        );
    }

    #[test]
    fn pages_and_text_say_the_same() {
        for form in [ProblemForm::Html, ProblemForm::Text] {
            let said = FAILED.to_form(form);
            for part in [
                "Not delivered",
                "20",
                "Sun, 09 Sep 2001 01:46:40 GMT",
                "the upstream answered 503 Service Unavailable",
            ] {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
        assert!(PENDING.to_html().starts_with("<!doctype html>\n<html lang=\"en\">"));
        assert!(PENDING.to_text().starts_with("To be delivered\n\ntries: 2\n"));
        assert_eq!(content_type(ProblemForm::Json), "application/json");
        assert_eq!(content_type(ProblemForm::Html), "text/html; charset=utf-8");
    }

    #[test]
    fn who_asks_is_told_when_to_ask_again_while_it_is_worth_it() {
        assert_eq!(PENDING.wait_seconds(999_999_990), Some(11));
        assert_eq!(PENDING.wait_seconds(1_000_000_050), Some(1), "never under one second");
        assert_eq!(FAILED.wait_seconds(0), None);
    }

    #[test]
    fn seconds_and_dates_say_how_long_to_wait() {
        let now = 784_111_770;
        for (value, expected) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(value.as_bytes(), now), expected, "{value}");
        }
    }

    #[test]
    fn answers_that_take_it_that_may_pass_and_that_do_not() {
        for code in 200..=599 {
            let Some(status) = Status::new(code) else { panic!("{code} is a status") };
            let expected = match code {
                200..=299 | 303 => Receipt::Taken,
                408 | 409 | 425 | 429 | 500 | 502..=504 | 506..=599 => {
                    Receipt::Refused(Setback::Answered(status), Lasts::ForNow)
                }
                _ => Receipt::Refused(Setback::Answered(status), Lasts::ForGood),
            };
            assert_eq!(receipt(status), expected, "{code}");
        }
    }
}
