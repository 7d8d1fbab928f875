//! Values of which there are a few, each a word.

use core::fmt;

use wherefore_message::Method as Known;

use super::{Text, Wrong};
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};
use crate::nearest::nearest;

macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident $what:literal $example:literal
        { $( $(#[$about:meta])* $variant:ident = $word:literal, )* }
    )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( $(#[$about])* $variant, )* }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $( Self::$variant => $word, )* })
            }
        }

        impl Text for $name {
            const KIND: Kind = Kind {
                name: $what,
                example: $example,
                wrong: &["\"\"", "\"somehow\""],
                shape: Shape::Word(&[ $( $word, )* ]),
            };

            fn parse(text: &str) -> Result<Self, Wrong> {
                match text {
                    $( $word => Ok(Self::$variant), )*
                    _ => Err(no_word(text, &[ $( $word, )* ])),
                }
            }
        }
    )* };
}

words! {
    /// How the log is written.
    LogForm "the form of the log" "\"json\"" {
        /// The combined form, with the time taken, the rule and the request's id.
        Text = "text",
        /// An object of JSON a line.
        Json = "json",
        /// None.
        Off = "off",
    }

    /// By what octets go to and from clients.
    Io "by what octets go to and from clients" "\"io_uring\"" {
        /// A call for each read and each write.
        Epoll = "epoll",
        /// One call for those of many connections.
        IoUring = "io_uring",
    }

    /// Which fields the trusted proxies write.
    ForwardedForm "which fields the trusted proxies write" "\"x-forwarded\"" {
        /// `X-Forwarded-For` and `X-Forwarded-Proto`.
        XForwarded = "x-forwarded",
        /// `Forwarded`.
        Forwarded = "forwarded",
        /// Whichever is there.
        Either = "either",
    }

    /// Whether links in a folder are followed.
    Links "whether links are followed" "\"refuse\"" {
        /// They are, as long as they stay within the folder.
        Follow = "follow",
        /// None is.
        Refuse = "refuse",
    }

    /// Whether a site is served in the clear.
    Https "whether HTTPS is asked for" "\"only\"" {
        /// It is.
        Optional = "optional",
        /// Requests in the clear are sent on to HTTPS.
        Only = "only",
    }

    /// What becomes of a write that came in the clear to a site that is served by HTTPS alone.
    ClearWrites "what becomes of writes in the clear" "\"refuse\"" {
        /// It is sent on to HTTPS, though its content was seen already.
        Redirect = "redirect",
        /// It is refused, so that somebody notices.
        Refuse = "refuse",
    }

    /// What a limit counts by.
    CountedBy "what is counted by" "\"network\"" {
        /// The client's address, or its /64.
        Network = "network",
        /// Who asks, once that is known; the network until then.
        User = "user",
        /// All requests of the route together.
        Route = "route",
    }

    /// Who chooses among variants.
    Negotiate "who chooses among variants" "\"reactive\"" {
        /// The server, by what the client accepts.
        Proactive = "proactive",
        /// The client, from a list.
        Reactive = "reactive",
        /// Nobody: there are no variants.
        Off = "off",
    }

    /// The least version of HTTP that is let in.
    HttpVersion "a version of HTTP" "\"2\"" {
        /// HTTP/1.1.
        Http11 = "1.1",
        /// HTTP/2.
        Http2 = "2",
        /// HTTP/3.
        Http3 = "3",
    }

    /// A set of fields for the security of browsers.
    SecurityFields "a set of security fields, or a table of fields" "\"strict\"" {
        /// What a site can have that needs nothing from elsewhere.
        Strict = "strict",
        /// What hardly any site is hurt by.
        Usual = "usual",
        /// None.
        Off = "off",
    }

    /// A content coding.
    CodingName "a content coding" "\"zstd\"" {
        /// gzip.
        Gzip = "gzip",
        /// Brotli.
        Brotli = "br",
        /// Zstandard.
        Zstd = "zstd",
    }

    /// How an upstream is chosen.
    Balance "how an upstream is chosen" "\"least\"" {
        /// One after the other.
        RoundRobin = "round-robin",
        /// The one with the fewest requests in flight.
        Least = "least",
        /// The one with fewer in flight of two that are drawn.
        TwoChoices = "two-choices",
        /// The same one for the same key.
        Hash = "hash",
    }

    /// By which fields an upstream is told who asks, and from where.
    ToldForwarded "which fields tell who asks" "\"x-forwarded\"" {
        /// All of them.
        Both = "both",
        /// `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto`.
        XForwarded = "x-forwarded",
        /// `Forwarded`.
        Forwarded = "forwarded",
        /// None.
        None = "none",
    }

    /// Which protocols a client may change to.
    Upgrade "which protocols may be changed to" "\"any\"" {
        /// WebSocket.
        WebSocket = "websocket",
        /// Any that is not HTTP itself or TLS.
        Any = "any",
        /// None.
        None = "none",
    }

    /// What a form that was taken is answered with.
    InboxAnswer "the answer to a form" "\"reset\"" {
        /// 201, with the place of what was stored.
        Created = "created",
        /// 204: the page stays as it is.
        NoContent = "no-content",
        /// 205: the form is cleared.
        Reset = "reset",
    }
}

/// A method that can be named in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method(pub Known);

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

impl Text for Method {
    const KIND: Kind = Kind {
        name: "a method",
        example: "\"GET\"",
        wrong: &["\"\"", "\"get\"", "\"FETCH\""],
        shape: Shape::Word(METHODS),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        match Known::parse(text.as_bytes()) {
            Known::Other => Err(no_word(text, METHODS)),
            known => Ok(Self(known)),
        }
    }
}

fn no_word(text: &str, words: &[&str]) -> Wrong {
    let all = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    Wrong::new(format!("{} is not known here", quoted(text))).right(
        match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"? There are {all}"),
            None => format!("one of {all}"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written() {
        assert_eq!(HttpVersion::parse("1.1"), Ok(HttpVersion::Http11));
        assert_eq!(InboxAnswer::NoContent.to_string(), "no-content");
        let wrong = Negotiate::parse("reactiv").unwrap_err();
        assert_eq!(wrong.what, "`reactiv` is not known here");
        assert_eq!(
            wrong.right.unwrap(),
            "did you mean \"reactive\"? There are \"proactive\", \"reactive\", \"off\""
        );
    }

    #[test]
    fn methods_have_case() {
        assert_eq!(METHODS, Known::KNOWN.iter().map(|known| known.as_str()).collect::<Vec<_>>());
        for name in METHODS {
            assert_eq!(Method::parse(name).unwrap().to_string(), *name);
        }
        let wrong = Method::parse("get").unwrap_err();
        assert!(wrong.right.unwrap().starts_with("did you mean \"GET\"?"));
    }
}
