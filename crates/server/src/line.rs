//! A line of the access log, in the two forms it has. What came from outside is escaped in both: a
//! request can't forge a line, a field of one, or a command to the terminal that shows it.

use std::io::Write;
use std::net::IpAddr;

use wherefore_message::date::{HttpDate, IMF_FIXDATE_BYTES};
use wherefore_message::{Status, Version};

use crate::random::RequestId;

/// The forms of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The combined form that log readers know, then the time taken in microseconds, the rule that
    /// answered, and the request's id.
    Text,
    /// An object of JSON, in ASCII alone.
    Json,
}

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// When the answer ended, in milliseconds since the start of 1970.
    pub unix_millis: u64,
    /// Who asked.
    pub client: IpAddr,
    /// The method as it came.
    pub method: &'a [u8],
    /// The target as it came.
    pub target: &'a [u8],
    /// The version it came in.
    pub version: Version,
    /// The answer's status; none if the connection ended without an answer.
    pub status: Option<Status>,
    /// Octets of content that were sent.
    pub octets: u64,
    /// Microseconds from the head's arrival to the answer's end.
    pub duration_micros: u64,
    /// The id of the rule that answered; empty if none did.
    pub rule: &'a str,
    /// The upstream that was asked, for a gateway.
    pub upstream: Option<&'a str>,
    /// The other one that was asked for the same at the same time.
    pub hedged: Option<&'a str>,
    /// Why its answer did not come, or not whole.
    pub cause: Option<&'a str>,
    /// The id of the request.
    pub request_id: RequestId,
    /// The `Referer` field.
    pub referer: Option<&'a [u8]>,
    /// The `User-Agent` field.
    pub user_agent: Option<&'a [u8]>,
}

impl Line<'_> {
    /// Appends the line and its end to `out`. `date` is the date of its second, which a core has at hand.
    pub fn write(&self, format: Format, date: &[u8; IMF_FIXDATE_BYTES], out: &mut Vec<u8>) {
        match format {
            Format::Text => self.write_text(date, out),
            Format::Json => self.write_json(date, out),
        }
        out.push(b'\n');
    }

    fn write_text(&self, date: &[u8; IMF_FIXDATE_BYTES], out: &mut Vec<u8>) {
        display(out, format_args!("{} - - [", self.client));
        for (part, after) in [
            (&date[5..7], b'/'),
            (&date[8..11], b'/'),
            (&date[12..16], b':'),
            (&date[17..25], b' '),
        ] {
            out.extend_from_slice(part);
            out.push(after);
        }
        out.extend_from_slice(b"+0000] \"");
        escape_text(self.method, out);
        out.push(b' ');
        escape_text(self.target, out);
        display(out, format_args!(" {}\" ", self.version));
        match self.status {
            Some(status) => number(out, u64::from(status.code())),
            None => out.push(b'-'),
        }
        out.push(b' ');
        number(out, self.octets);
        for field in [self.referer, self.user_agent] {
            out.extend_from_slice(b" \"");
            escape_text(field.unwrap_or(b"-"), out);
            out.push(b'"');
        }
        out.push(b' ');
        number(out, self.duration_micros);
        out.push(b' ');
        out.extend_from_slice(if self.rule.is_empty() { "-" } else { self.rule }.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.request_id.as_str().as_bytes());
        // What has no upstream has none of these: readers that know the form find it as it was.
        for (name, text) in
            [(" upstream=", self.upstream), (" hedged=", self.hedged), (" cause=", self.cause)]
        {
            if let Some(text) = text {
                out.extend_from_slice(name.as_bytes());
                escape_text(text.as_bytes(), out);
            }
        }
    }

    fn write_json(&self, date: &[u8; IMF_FIXDATE_BYTES], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(&date[12..16]);
        display(out, format_args!("-{:02}-", month(&date[8..11])));
        out.extend_from_slice(&date[5..7]);
        out.push(b'T');
        out.extend_from_slice(&date[17..25]);
        display(out, format_args!(".{:03}Z\"", self.unix_millis % 1000));
        display(out, format_args!(",\"client\":\"{}\"", self.client));
        string(out, "method", Some(self.method));
        string(out, "target", Some(self.target));
        display(out, format_args!(",\"version\":\"{}\",\"status\":", self.version));
        match self.status {
            Some(status) => number(out, u64::from(status.code())),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"octets\":");
        number(out, self.octets);
        out.extend_from_slice(b",\"duration_us\":");
        number(out, self.duration_micros);
        let rule = Some(self.rule.as_bytes()).filter(|rule| !rule.is_empty());
        string(out, "rule", rule);
        for (name, text) in
            [("upstream", self.upstream), ("hedged", self.hedged), ("cause", self.cause)]
        {
            if text.is_some() {
                string(out, name, text.map(str::as_bytes));
            }
        }
        string(out, "id", Some(self.request_id.as_str().as_bytes()));
        string(out, "referer", self.referer);
        string(out, "user_agent", self.user_agent);
        out.push(b'}');
    }
}

/// The date of the second in which a line's time lies.
#[must_use]
pub fn date_of(unix_millis: u64) -> [u8; IMF_FIXDATE_BYTES] {
    HttpDate::from_unix(unix_millis / 1000).to_fixdate()
}

fn display(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // A vector takes everything.
    drop(out.write_fmt(text));
}

/// Decimal digits, without the formatting machinery: a line has several numbers.
fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Visible ASCII stays, quotes and backslashes get a backslash, any other octet becomes `\xHH`.
fn escape_text(text: &[u8], out: &mut Vec<u8>) {
    for octet in text {
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *octet]),
            b' '..=b'~' => out.push(*octet),
            _ => display(out, format_args!("\\x{octet:02x}")),
        }
    }
}

/// A further member of an object: a string, or null.
pub(crate) fn string(out: &mut Vec<u8>, name: &str, text: Option<&[u8]>) {
    display(out, format_args!(",\"{name}\":"));
    let Some(text) = text else {
        out.extend_from_slice(b"null");
        return;
    };
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        chunk.valid().chars().for_each(|letter| escape_json(letter, out));
        // What is no UTF-8 is written as a URI would have it.
        chunk.invalid().iter().for_each(|octet| display(out, format_args!("%{octet:02X}")));
    }
    out.push(b'"');
}

fn escape_json(letter: char, out: &mut Vec<u8>) {
    match letter {
        '"' | '\\' => out.extend_from_slice(&[b'\\', letter as u8]),
        ' '..='~' => out.push(letter as u8),
        _ => {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                display(out, format_args!("\\u{unit:04x}"));
            }
        }
    }
}

fn month(name: &[u8]) -> usize {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    MONTHS.chunks(3).position(|other| other == name).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn line<'a>(method: &'a [u8], target: &'a [u8], user_agent: &'a [u8]) -> Line<'a> {
        Line {
            unix_millis: 784_111_777_042,
            client: "2001:db8::1".parse().unwrap(),
            method,
            target,
            version: Version::HTTP_11,
            status: Some(Status::NOT_FOUND),
            octets: 1234,
            duration_micros: 56,
            rule: "missing",
            upstream: None,
            hedged: None,
            cause: None,
            request_id: RequestId::parse(b"abcdefghij234567").unwrap(),
            referer: None,
            user_agent: Some(user_agent),
        }
    }

    fn written(line: &Line<'_>, format: Format) -> Vec<u8> {
        let mut out = Vec::new();
        line.write(format, &date_of(line.unix_millis), &mut out);
        out
    }

    #[test]
    fn the_two_forms() {
        let line = line(b"GET", b"/a?b=\"c\"", b"curl/8\\\n");
        assert_eq!(
            String::from_utf8(written(&line, Format::Text)).unwrap(),
            "2001:db8::1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=\\\"c\\\" HTTP/1.1\" 404 1234 \
             \"-\" \"curl/8\\\\\\x0a\" 56 missing abcdefghij234567\n"
        );
        assert_eq!(
            String::from_utf8(written(&line, Format::Json)).unwrap(),
            "{\"time\":\"1994-11-06T08:49:37.042Z\",\"client\":\"2001:db8::1\",\"method\":\"GET\",\
             \"target\":\"/a?b=\\\"c\\\"\",\"version\":\"HTTP/1.1\",\"status\":404,\"octets\":1234,\
             \"duration_us\":56,\"rule\":\"missing\",\"id\":\"abcdefghij234567\",\"referer\":null,\
             \"user_agent\":\"curl/8\\\\\\u000a\"}\n"
        );
    }

    #[test]
    fn an_exchange_without_an_answer() {
        let line = Line { status: None, rule: "", ..line(b"GET", b"/", b"") };
        let text = String::from_utf8(written(&line, Format::Text)).unwrap();
        assert!(text.contains("HTTP/1.1\" - 1234 ") && text.contains(" 56 - abc"), "{text}");
        let json: Value = serde_json::from_slice(&written(&line, Format::Json)).unwrap();
        assert!(json["status"].is_null() && json["rule"].is_null());
    }

    #[test]
    fn what_was_forwarded_says_to_whom() {
        let (upstream, hedged) = (Some("a:1"), Some("b\"c"));
        let line = Line { upstream, hedged, cause: Some("reset"), ..line(b"GET", b"/", b"") };
        let text = String::from_utf8(written(&line, Format::Text)).unwrap();
        assert!(text.ends_with(" upstream=a:1 hedged=b\\\"c cause=reset\n"), "{text}");
        let json: Value = serde_json::from_slice(&written(&line, Format::Json)).unwrap();
        let told = ["upstream", "hedged", "cause"].map(|name| json[name].as_str());
        assert_eq!(told, [upstream, hedged, Some("reset")]);
    }

    #[test]
    fn numbers_are_decimal() {
        for value in [0, 9, 10, 12_345, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }

    proptest! {
        /// Whatever a client sends, a line is one line of visible ASCII with its quotes in pairs.
        #[test]
        fn no_line_is_forged(method: Vec<u8>, target: Vec<u8>, user_agent: Vec<u8>) {
            let line = line(&method, &target, &user_agent);
            for format in [Format::Text, Format::Json] {
                let out = written(&line, format);
                let (end, rest) = out.split_last().unwrap();
                prop_assert_eq!(*end, b'\n');
                prop_assert!(rest.iter().all(|octet| (b' '..=b'~').contains(octet)));
            }
            let out = written(&line, Format::Text);
            let (mut quotes, mut escaped) = (0, false);
            for octet in out {
                match octet {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => quotes += 1,
                    _ => {}
                }
            }
            prop_assert_eq!(quotes, 6);
        }

        /// Another reader of JSON gets back what was sent, where it was text.
        #[test]
        fn json_reads_back(target: String, user_agent: Vec<u8>) {
            let line = line(b"GET", target.as_bytes(), &user_agent);
            let json: Value = serde_json::from_slice(&written(&line, Format::Json)).unwrap();
            prop_assert_eq!(json["target"].as_str(), Some(&target[..]));
            prop_assert!(json["user_agent"].is_string());
            prop_assert_eq!(json.as_object().unwrap().len(), 12);
        }
    }
}
