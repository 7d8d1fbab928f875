//! Names and values of fields, and what stands in some of them.

use wherefore_message::media::MediaType;
use wherefore_message::token::{is_token, is_value_octet};

use super::Wrong;
use super::name::text;
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};

/// The longest value of a field that can be set, in octets.
const VALUE_BYTES_MAX: usize = 8192;

text! {
    /// The name of a field.
    FieldName,
    Kind {
        name: "the name of a field",
        example: "\"X-Api-Key\"",
        wrong: &["\"\"", "\"X Y\"", "\"X:\"", "\"X\\r\\nY\""],
        shape: Shape::Text(NAME_PATTERN),
    },
    is_name
}

text! {
    /// The name of a field that can be set in answers: none of those that say how the message is sent, or
    /// what the server alone knows.
    SetField,
    Kind {
        name: "the name of a field that can be set",
        example: "\"X-Frame-Options\"",
        wrong: &["\"\"", "\"X Y\"", "\"X:\"", "\"Content-Length\"", "\"connection\"", "\"ETag\""],
        shape: Shape::Text(NAME_PATTERN),
    },
    |text| {
        is_name(text)?;
        is_free(text, OWNED.iter())
    }
}

text! {
    /// The name of a field that can be set in requests to an upstream.
    ToldField,
    Kind {
        name: "the name of a field that an upstream can be told",
        example: "\"X-Tenant\"",
        wrong: &["\"\"", "\"X Y\"", "\"Content-Length\"", "\"host\"", "\"Via\""],
        shape: Shape::Text(NAME_PATTERN),
    },
    |text| {
        is_name(text)?;
        let own = [("Expect", OF_THE_MESSAGE), ("Host", "the key `host` says it"), ("Via", OF_THE_SERVER)];
        is_free(text, OWNED.iter().filter(|(_, why)| *why == OF_THE_MESSAGE).chain(&own))
    }
}

text! {
    /// The name of a field that can be set in what is relayed of an upstream's answers.
    RelayedField,
    Kind {
        name: "the name of a field that can be set in answers",
        example: "\"X-Frame-Options\"",
        wrong: &["\"\"", "\"X Y\"", "\"Content-Length\"", "\"via\""],
        shape: Shape::Text(NAME_PATTERN),
    },
    |text| {
        is_name(text)?;
        let own = [("Via", OF_THE_SERVER), ("Request-Id", OF_THE_SERVER)];
        is_free(text, OWNED.iter().filter(|(_, why)| *why == OF_THE_MESSAGE).chain(&own))
    }
}

/// Whether a field is none of these.
fn is_free<'a>(
    text: &str,
    mut owned: impl Iterator<Item = &'a (&'a str, &'a str)>,
) -> Result<(), Wrong> {
    match owned.find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((name, why)) => Err(Wrong::new(format!("`{name}` can't be set")).right(*why)),
        None => Ok(()),
    }
}

const NAME_PATTERN: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$";
const NAME_BYTES_MAX: usize = 128;

const OF_THE_MESSAGE: &str = "it says how the message is sent, which differs from answer to answer";
const OF_THE_SERVER: &str = "the server knows it, and says it where it is true";

/// Fields that are not the operator's, and why.
const OWNED: &[(&str, &str)] = &[
    ("Connection", OF_THE_MESSAGE),
    ("Content-Length", OF_THE_MESSAGE),
    ("Keep-Alive", OF_THE_MESSAGE),
    ("Proxy-Connection", OF_THE_MESSAGE),
    ("TE", OF_THE_MESSAGE),
    ("Trailer", OF_THE_MESSAGE),
    ("Transfer-Encoding", OF_THE_MESSAGE),
    ("Upgrade", OF_THE_MESSAGE),
    ("Accept-Ranges", OF_THE_SERVER),
    ("Age", OF_THE_SERVER),
    ("Allow", OF_THE_SERVER),
    ("Content-Encoding", OF_THE_SERVER),
    ("Content-Range", OF_THE_SERVER),
    ("Content-Type", OF_THE_SERVER),
    ("Date", OF_THE_SERVER),
    ("ETag", OF_THE_SERVER),
    ("Last-Modified", OF_THE_SERVER),
    ("Retry-After", OF_THE_SERVER),
    ("Request-Id", OF_THE_SERVER),
    ("Vary", OF_THE_SERVER),
    ("Proxy-Authenticate", "the key `auth` asks for credentials"),
    ("WWW-Authenticate", "the key `auth` asks for credentials"),
    ("Location", "the keys `redirect` and `see-other` lead elsewhere"),
    ("Cache-Control", "the key `cache-control` says it"),
    ("Access-Control-Allow-Origin", "the key `cors` says it"),
    ("Access-Control-Allow-Credentials", "the key `cors` says it"),
    ("Access-Control-Allow-Headers", "the key `cors` says it"),
    ("Access-Control-Allow-Methods", "the key `cors` says it"),
    ("Access-Control-Expose-Headers", "the key `cors` says it"),
    ("Access-Control-Max-Age", "the key `cors` says it"),
];

fn is_name(text: &str) -> Result<(), Wrong> {
    if is_token(text.as_bytes()) && text.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let right = "letters, digits and hyphens, without the colon";
    Err(Wrong::new(format!("{} is no name of a field", quoted(text))).right(right))
}

text! {
    /// The value of a field (RFC 9110 §5.5).
    FieldValue,
    Kind {
        name: "the value of a field",
        example: "\"DENY\"",
        wrong: &["\"\"", "\" x\"", "\"a\\r\\nSet-Cookie: b\"", "\"a\\u0000b\""],
        shape: Shape::Text(VALUE_PATTERN),
    },
    is_value
}

const VALUE_PATTERN: &str = "^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]+$";

fn is_value(text: &str) -> Result<(), Wrong> {
    if text.trim_matches([' ', '\t']).len() != text.len() || text.is_empty() {
        let wrong = Wrong::new("the value of a field is not empty, and has no spaces around it");
        return Err(wrong);
    }
    if text.len() > VALUE_BYTES_MAX {
        return Err(Wrong::new("this value is too long for a field"));
    }
    match text.bytes().position(|octet| !is_value_octet(octet)) {
        Some(at) => {
            let wrong = Wrong::new("the value of a field can't hold line ends or other controls");
            Err(wrong.right("all on one line").at(at..at + 1))
        }
        None => Ok(()),
    }
}

text! {
    /// What caches may do, as `Cache-Control` says it (RFC 9111 §5.2).
    Directives,
    Kind {
        name: "what `Cache-Control` is to say",
        example: "\"public, max-age=3600\"",
        wrong: &["\"\"", "\"max age\"", "\"max-age=\"", "\"a\\r\\nb\"", "\"a,,b\""],
        shape: Shape::Text(VALUE_PATTERN),
    },
    |text| {
        is_value(text)?;
        let mut at = 0;
        for written in text.split(',') {
            let member = written.trim_matches([' ', '\t']);
            let (name, value) = match member.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (member, None),
            };
            let value = value.map(|value| {
                value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
            });
            let is_right = is_token(name.as_bytes())
                && value.is_none_or(|value| is_token(value.as_bytes()));
            if !is_right {
                let wrong = Wrong::new(format!("{} is no directive for caches", quoted(member)));
                return Err(wrong.at(at..at + written.len()));
            }
            at += written.len() + 1;
        }
        Ok(())
    }
}

text! {
    /// A link, as the field `Link` has it (RFC 8288 §3).
    LinkValue,
    Kind {
        name: "a link",
        example: "\"</style.css>; rel=preload; as=style\"",
        wrong: &["\"\"", "\"/style.css\"", "\"</style.css\"", "\"</a>; as=style\"", "\"<>; rel=x\""],
        shape: Shape::Text("^<[^<> ]+>.*;"),
    },
    |text| {
        is_value(text)?;
        let form = "a target in angle brackets and what it is for, as in </a.css>; rel=preload";
        let parts = text.strip_prefix('<').and_then(|text| text.split_once('>'));
        let Some((target, parameters)) = parts.filter(|(target, _)| !target.is_empty()) else {
            return Err(Wrong::new(format!("{} is no link", quoted(text))).right(form));
        };
        if target.contains(|c: char| !c.is_ascii_graphic() || "<>\"{}|\\^`".contains(c)) {
            let wrong = Wrong::new(format!("{} is no target of a link", quoted(target)));
            return Err(wrong.at(1..1 + target.len()));
        }
        let mut parameters = parameters.split(';').map(str::trim);
        let begins = parameters.next().is_some_and(str::is_empty);
        let has_relation = parameters.any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("rel") && !value.is_empty()
            })
        });
        match begins && has_relation {
            true => Ok(()),
            false => Err(Wrong::new("this link does not say what it is for").right(form)),
        }
    }
}

text! {
    /// A media type, or all types of a sort.
    MediaRange,
    Kind {
        name: "a media type",
        example: "\"text/*\"",
        wrong: &["\"\"", "\"text\"", "\"text/html; charset\"", "\"*/html\"", "\"text/x y\""],
        shape: Shape::Text("^[^/ ]+/[^/ ]+"),
    },
    |text| match MediaType::parse(text.as_bytes()) {
        Some(media) if media.main != b"*" || media.sub == b"*" => Ok(()),
        _ => Err(Wrong::new(format!("{} is no media type", quoted(text)))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Text;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_the_servers_can_not_be_set() {
        assert!(SetField::parse("X-Frame-Options").is_ok());
        let wrong = SetField::parse("content-length").unwrap_err();
        assert_eq!(wrong.what, "`Content-Length` can't be set");
        assert!(SetField::parse("cache-control").unwrap_err().right.unwrap().contains("key"));
        assert!(FieldName::parse("cache-control").is_ok());
    }

    #[test]
    fn values_end_no_line() {
        assert!(FieldValue::parse("default-src 'self'; x \"y\" \u{e4}").is_ok());
        assert_eq!(FieldValue::parse("ab\r\nX: y").unwrap_err().part, Some(2..3));
        assert!(FieldValue::parse(&"a".repeat(8193)).is_err());
    }

    #[test]
    fn directives_and_links() {
        for text in ["no-store", "public, max-age=60", "private=\"x\"", "immutable ,  max-age=1"] {
            assert!(Directives::parse(text).is_ok(), "{text}");
        }
        assert_eq!(Directives::parse("public, max age").unwrap_err().part, Some(7..15));
        for text in ["</a>; rel=preload", "<https://x.example/a?b>;REL=\"x\"; as=font"] {
            assert!(LinkValue::parse(text).is_ok(), "{text}");
        }
        for text in ["</a>", "</a> rel=x", "</a b>; rel=x", "</a>; rel=", "<a>;rel=x\r\nY:z"] {
            assert!(LinkValue::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_can_stand_in_a_message(text in "(?s).{0,40}") {
            let harmless = |text: &str| !text.contains(['\r', '\n', '\0']);
            if FieldValue::parse(&text).is_ok() || LinkValue::parse(&text).is_ok() {
                prop_assert!(harmless(&text));
            }
            if Directives::parse(&text).is_ok() || SetField::parse(&text).is_ok() {
                prop_assert!(harmless(&text));
            }
            let _ = MediaRange::parse(&text);
        }
    }
}
