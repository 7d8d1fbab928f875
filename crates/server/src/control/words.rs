//! What is said on a control socket: one line from who commands, and lines from the server.
//!
//! ```text
//! > wherefore 1 reload
//! <  the configuration was reloaded
//! < done
//! ```
//!
//! A line of the reply that begins with a space is for people; the last is `done` or `failed`. The number is
//! the version of all this. Both sides bound what they read.

use std::borrow::Cow;
use std::fmt;

use wherefore_state::ACCOUNT_BYTES_MAX;

/// The version that is spoken here.
const VERSION: &str = "1";
/// The longest command, in octets, its end included.
pub const COMMAND_BYTES_MAX: usize = 1024;
/// The longest reply, in octets.
pub const REPLY_BYTES_MAX: usize = 1 << 20;
/// The longest name of an upstream, in octets.
pub const UPSTREAM_BYTES_MAX: usize = 512;

/// What a server is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// To read its configuration anew.
    Reload,
    /// To add to what an account holds.
    Credit(Credit),
    /// To say how the upstreams of its gateways are.
    List(ListForm),
    /// To send an upstream nothing new.
    Drain(UpstreamName),
    /// To send it requests again.
    Restore(UpstreamName),
}

/// For whom upstreams are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// For people.
    Text,
    /// For programs: an array of JSON.
    Json,
}

/// Somebody's name for an upstream: its URL, or its host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamName(String);

impl UpstreamName {
    /// This one.
    ///
    /// # Errors
    /// Why no upstream is called so, for people.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if !(1..=UPSTREAM_BYTES_MAX).contains(&text.len()) || text.chars().any(char::is_control) {
            return Err("an upstream has a name of 1 to 512 octets, without control characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &[u8]) -> Result<Self, &'static str> {
        Self::new(std::str::from_utf8(text).map_err(|_| "an upstream is written in UTF-8")?)
    }
}

/// A payment into an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    amount: u64,
    payment: String,
    account: String,
}

impl Credit {
    /// This much for `account`, under the name of the payment.
    ///
    /// # Errors
    /// Why there can be no such payment, for people.
    pub fn new(amount: u64, payment: &str, account: &str) -> Result<Self, &'static str> {
        let is_short = |name: &str| (1..=ACCOUNT_BYTES_MAX).contains(&name.len());
        if !is_short(payment) || !payment.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err("a payment has a name of 1 to 256 visible characters of ASCII");
        }
        if !is_short(account) || account.chars().any(char::is_control) {
            return Err("an account has a name of 1 to 256 octets, without control characters");
        }
        Ok(Self { amount, payment: payment.to_owned(), account: account.to_owned() })
    }

    /// How much, in the smallest unit.
    #[must_use]
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// The payment's name: under it, it counts once, however often it is told.
    #[must_use]
    pub fn payment(&self) -> &str {
        &self.payment
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Reads what follows the command's name. The account is all that is left: it may have spaces in it.
    fn parse(rest: &[u8]) -> Result<Self, &'static str> {
        let rest = std::str::from_utf8(rest).map_err(|_| "a payment is written in UTF-8")?;
        let mut parts = rest.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let amount = part().parse().map_err(|_| "an amount is a whole number")?;
        Self::new(amount, part(), part())
    }
}

impl Command {
    /// Reads a line without its end.
    ///
    /// # Errors
    /// Why it is none, for people.
    pub fn parse(line: &[u8]) -> Result<Self, Cow<'static, str>> {
        let mut words = line.splitn(4, |octet| *octet == b' ');
        if words.next() != Some(b"wherefore") {
            return Err("this is the control socket of wherefore, and that is no command".into());
        }
        if words.next() != Some(VERSION.as_bytes()) {
            return Err(format!("this server speaks version {VERSION} of its commands").into());
        }
        match (words.next(), words.next()) {
            (Some(b"reload"), None) => Ok(Self::Reload),
            (Some(b"credit"), Some(rest)) => Ok(Self::Credit(Credit::parse(rest)?)),
            (Some(b"upstreams"), None) => Ok(Self::List(ListForm::Text)),
            (Some(b"upstreams"), Some(b"json")) => Ok(Self::List(ListForm::Json)),
            (Some(b"drain"), Some(rest)) => Ok(Self::Drain(UpstreamName::parse(rest)?)),
            (Some(b"restore"), Some(rest)) => Ok(Self::Restore(UpstreamName::parse(rest)?)),
            _ => Err("this server does not know that command".into()),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reload => writeln!(f, "wherefore {VERSION} reload"),
            Self::Credit(Credit { amount, payment, account }) => {
                writeln!(f, "wherefore {VERSION} credit {amount} {payment} {account}")
            }
            Self::List(ListForm::Text) => writeln!(f, "wherefore {VERSION} upstreams"),
            Self::List(ListForm::Json) => writeln!(f, "wherefore {VERSION} upstreams json"),
            Self::Drain(name) => writeln!(f, "wherefore {VERSION} drain {}", name.0),
            Self::Restore(name) => writeln!(f, "wherefore {VERSION} restore {}", name.0),
        }
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    is_done: bool,
    /// Lines for people, each with its end.
    text: String,
}

impl Reply {
    /// It was done.
    #[must_use]
    pub fn done(text: &str) -> Self {
        Self::new(true, text)
    }

    /// It was not done, and why.
    #[must_use]
    pub fn failed(text: &str) -> Self {
        Self::new(false, text)
    }

    fn new(is_done: bool, text: &str) -> Self {
        let mut reply = Self { is_done, text: String::new() };
        reply.add(text);
        reply
    }

    /// Adds lines for people, as far as there is room. What could command a terminal is written out.
    pub fn add(&mut self, text: &str) {
        // Each line takes a space before it, and `failed` is to follow.
        let mut bytes = self.text.len() + self.lines().count() + 7;
        for line in text.lines() {
            let line: String = line.chars().flat_map(plain).collect();
            bytes += line.len() + 2;
            if bytes > REPLY_BYTES_MAX {
                return;
            }
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    /// Whether it was done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.is_done
    }

    /// The lines for people.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// Reads a whole reply; none if it is cut off or is none.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        if octets.len() > REPLY_BYTES_MAX {
            return None;
        }
        let lines = std::str::from_utf8(octets).ok()?.strip_suffix('\n')?;
        let (text, end) = match lines.rsplit_once('\n') {
            Some((text, end)) => (Some(text), end),
            None => (None, lines),
        };
        let mut reply = match end {
            "done" => Self::done(""),
            "failed" => Self::failed(""),
            _ => return None,
        };
        for line in text.into_iter().flat_map(|text| text.split('\n')) {
            reply.text.extend(line.strip_prefix(' ')?.chars().flat_map(plain));
            reply.text.push('\n');
        }
        Some(reply)
    }
}

/// A letter, written out if it is none that is seen.
fn plain(letter: char) -> impl Iterator<Item = char> {
    let escaped = (letter.is_control() && letter != '\t').then(|| letter.escape_default());
    let kept = if escaped.is_none() { Some(letter) } else { None };
    escaped.into_iter().flatten().chain(kept)
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.text.split_terminator('\n') {
            writeln!(f, " {line}")?;
        }
        f.write_str(if self.is_done { "done\n" } else { "failed\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_read_as_they_are_written() {
        let line = Command::Reload.to_string();
        assert_eq!(line, "wherefore 1 reload\n");
        assert_eq!(Command::parse(line.trim_end().as_bytes()), Ok(Command::Reload));
        for form in [ListForm::Text, ListForm::Json] {
            let line = Command::List(form).to_string();
            assert_eq!(Command::parse(line.trim_end().as_bytes()), Ok(Command::List(form)));
        }
        for (line, says) in [
            ("", "no command"),
            ("GET / HTTP/1.1", "no command"),
            ("wherefore", "speaks version 1"),
            ("wherefore 2 reload", "speaks version 1"),
            ("wherefore 1", "does not know"),
            ("wherefore 1 ", "does not know"),
            ("wherefore 1 reload now", "does not know"),
            ("wherefore 1 Reload", "does not know"),
            ("wherefore 1 credit", "does not know"),
            ("wherefore 1 credit all p a", "whole number"),
            ("wherefore 1 credit -5 p a", "whole number"),
            ("wherefore 1 credit 5 p", "an account"),
            ("wherefore 1 credit 5  a", "a payment"),
            ("wherefore 1 upstreams xml", "does not know"),
            ("wherefore 1 drain", "does not know"),
            ("wherefore 1 drain ", "a name"),
            ("wherefore 1 restore a\u{1b}b", "a name"),
        ] {
            let why = Command::parse(line.as_bytes()).unwrap_err();
            assert!(why.contains(says), "{line}: {why}");
        }
    }

    #[test]
    fn replies_that_are_none() {
        for octets in [
            &b""[..],
            b"done",
            b"Done\n",
            b"text\ndone\n",
            b" text\n",
            b"done\n\n",
            b"\ndone\n",
            b" \xff\ndone\n",
        ] {
            assert_eq!(Reply::parse(octets), None, "{:?}", octets.escape_ascii().to_string());
        }
        assert_eq!(Reply::parse(b"failed\n"), Some(Reply::failed("")));
        let hostile = Reply::parse(b" a\x1b[2Jb\ndone\n").unwrap();
        assert_eq!(hostile.lines().next(), Some("a\\u{1b}[2Jb"));
    }

    #[test]
    fn what_is_said_has_a_bound() {
        let mut reply = Reply::failed("");
        for line in ["x".repeat(60), "y".repeat(REPLY_BYTES_MAX / 2)] {
            for _ in 0..3 {
                reply.add(&line);
            }
        }
        let written = reply.to_string();
        assert!(written.len() <= REPLY_BYTES_MAX && written.ends_with("\nfailed\n"));
        assert_eq!(reply.lines().count(), 4);
        assert_eq!(Reply::parse(written.as_bytes()), Some(reply));
    }

    proptest! {
        #[test]
        fn replies_are_read_as_they_are_written(is_done: bool, text in "(?s).{0,200}") {
            let reply = Reply::new(is_done, &text);
            let written = reply.to_string();
            prop_assert_eq!(Reply::parse(written.as_bytes()), Some(reply));
            // Cut off anywhere it is no reply.
            for cut in 0..written.len() {
                prop_assert_eq!(Reply::parse(&written.as_bytes()[..cut]), None);
            }
        }

        #[test]
        fn payments_are_read_as_they_are_written(
            amount: u64, payment in ".{0,300}", account in ".{0,300}",
        ) {
            if let Ok(credit) = Credit::new(amount, &payment, &account) {
                let command = Command::Credit(credit);
                let line = command.to_string();
                prop_assert!(line.len() <= COMMAND_BYTES_MAX);
                let line = line.strip_suffix('\n').unwrap();
                prop_assert_eq!(Command::parse(line.as_bytes()), Ok(command));
            }
        }

        #[test]
        fn upstreams_are_read_as_they_are_written(name in ".{0,300}", drains: bool) {
            if let Ok(name) = UpstreamName::new(&name) {
                let command = if drains { Command::Drain(name) } else { Command::Restore(name) };
                let line = command.to_string();
                prop_assert!(line.len() <= COMMAND_BYTES_MAX);
                let line = line.strip_suffix('\n').unwrap();
                prop_assert_eq!(Command::parse(line.as_bytes()), Ok(command));
            }
        }

        #[test]
        fn no_octets_are_too_much(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::parse(&octets);
            if let Some(reply) = Reply::parse(&octets) {
                prop_assert_eq!(Reply::parse(reply.to_string().as_bytes()), Some(reply));
            }
        }
    }
}
