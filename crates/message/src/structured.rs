//! Structured fields (RFC 9651): dictionaries, parsed strictly and written canonically.

use std::borrow::Cow;

use crate::base64;
use crate::token::is_token_octet;

/// The most members that a dictionary may have here; RFC 9651 §3.2 asks for no more than this.
pub const MEMBERS_MAX: usize = 1024;

/// The most items of an inner list, and the most parameters of one item (RFC 9651 §3.1.1, §3.1.2).
pub const ITEMS_MAX: usize = 256;

/// A dictionary (RFC 9651 §3.2): keys in order, none twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dictionary<'a> {
    /// Keys with their members.
    pub members: Vec<(&'a str, Member<'a>)>,
}

/// What a key of a dictionary holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Member<'a> {
    /// One item.
    Item(Item<'a>),
    /// Several in parentheses (RFC 9651 §3.1.1).
    InnerList {
        /// The items in order.
        items: Vec<Item<'a>>,
        /// The parameters of the whole list.
        parameters: Parameters<'a>,
    },
}

/// A value with parameters (RFC 9651 §3.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Item<'a> {
    /// The value.
    pub value: BareItem<'a>,
    /// What is said of it.
    pub parameters: Parameters<'a>,
}

/// Parameters (RFC 9651 §3.1.2): keys in order, none twice.
pub type Parameters<'a> = Vec<(&'a str, BareItem<'a>)>;

/// A value without parameters (RFC 9651 §3.3.1 to §3.3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BareItem<'a> {
    /// A whole number of at most 15 digits.
    Integer(i64),
    /// A number with one to three decimals, in thousandths; at most 12 digits before the point.
    Decimal(i64),
    /// Printable ASCII.
    String(Cow<'a, str>),
    /// A short word.
    Token(&'a str),
    /// Octets.
    Bytes(Vec<u8>),
    /// True or false.
    Boolean(bool),
    /// Seconds since the start of 1970.
    Date(i64),
    /// Any text.
    DisplayString(String),
}

impl<'a> Dictionary<'a> {
    /// Reads all lines of a field as one dictionary; none if any breaks the grammar. Of a key that
    /// comes twice the last value counts. An empty line adds nothing.
    pub fn read(lines: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut dictionary = Self::default();
        for line in lines {
            let mut input = Input { rest: line };
            input.skip(|octet| octet == b' ');
            input.dictionary(&mut dictionary.members)?;
            input.skip(|octet| octet == b' ');
            if !input.rest.is_empty() {
                return None;
            }
        }
        Some(dictionary)
    }

    /// The item of this key; none if there is no such key, or it holds a list.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<&Item<'a>> {
        match self.members.iter().find(|(other, _)| *other == key)? {
            (_, Member::Item(item)) => Some(item),
            (_, Member::InnerList { .. }) => None,
        }
    }

    /// The dictionary as a field value (RFC 9651 §4.1.2); none if a key or value is not one that the
    /// grammar can say. What was read can always be written.
    #[must_use]
    pub fn written(&self) -> Option<String> {
        let mut out = String::new();
        for (key, member) in &self.members {
            if !out.is_empty() {
                out.push_str(", ");
            }
            write_key(key, &mut out)?;
            match member {
                Member::Item(Item { value: BareItem::Boolean(true), parameters }) => {
                    write_parameters(parameters, &mut out)?;
                }
                Member::Item(item) => {
                    out.push('=');
                    write_item(item, &mut out)?;
                }
                Member::InnerList { items, parameters } => {
                    out.push_str("=(");
                    for (i, item) in items.iter().enumerate() {
                        if i > 0 {
                            out.push(' ');
                        }
                        write_item(item, &mut out)?;
                    }
                    out.push(')');
                    write_parameters(parameters, &mut out)?;
                }
            }
        }
        Some(out)
    }
}

/// What is still to be read. Each function takes what it names off the front, or returns none.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// RFC 9651 §4.2.2.
    fn dictionary(&mut self, members: &mut Vec<(&'a str, Member<'a>)>) -> Option<()> {
        while !self.rest.is_empty() {
            let key = self.key()?;
            let member = if self.take(b'=') {
                self.member()?
            } else {
                let parameters = self.parameters()?;
                Member::Item(Item { value: BareItem::Boolean(true), parameters })
            };
            put(members, key, member, MEMBERS_MAX)?;
            self.skip(|octet| matches!(octet, b' ' | b'\t'));
            if self.rest.is_empty() {
                return Some(());
            }
            if !self.take(b',') {
                return None;
            }
            self.skip(|octet| matches!(octet, b' ' | b'\t'));
            if self.rest.is_empty() {
                return None;
            }
        }
        Some(())
    }

    /// RFC 9651 §4.2.1.1.
    fn member(&mut self) -> Option<Member<'a>> {
        if self.take(b'(') { self.inner_list() } else { self.item().map(Member::Item) }
    }

    /// RFC 9651 §4.2.1.2, behind the parenthesis.
    fn inner_list(&mut self) -> Option<Member<'a>> {
        let mut items = Vec::new();
        loop {
            self.skip(|octet| octet == b' ');
            if self.take(b')') {
                return Some(Member::InnerList { items, parameters: self.parameters()? });
            }
            if items.len() == ITEMS_MAX {
                return None;
            }
            items.push(self.item()?);
            if !matches!(self.rest.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    /// RFC 9651 §4.2.3.
    fn item(&mut self) -> Option<Item<'a>> {
        Some(Item { value: self.bare_item()?, parameters: self.parameters()? })
    }

    /// RFC 9651 §4.2.3.2.
    fn parameters(&mut self) -> Option<Parameters<'a>> {
        let mut parameters = Vec::new();
        while self.take(b';') {
            self.skip(|octet| octet == b' ');
            let key = self.key()?;
            let value = if self.take(b'=') { self.bare_item()? } else { BareItem::Boolean(true) };
            put(&mut parameters, key, value, ITEMS_MAX)?;
        }
        Some(parameters)
    }

    /// RFC 9651 §4.2.3.3.
    fn key(&mut self) -> Option<&'a str> {
        if !self.rest.first().is_some_and(|octet| is_key_start(*octet)) {
            return None;
        }
        self.ascii(is_key_octet)
    }

    /// RFC 9651 §4.2.3.1.
    fn bare_item(&mut self) -> Option<BareItem<'a>> {
        match *self.rest.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b'*' | b'A'..=b'Z' | b'a'..=b'z' => {
                self.ascii(is_inner_token_octet).map(BareItem::Token)
            }
            b':' => self.bytes(),
            b'?' => self.boolean(),
            b'@' => {
                self.next()?;
                match self.number()? {
                    BareItem::Integer(seconds) => Some(BareItem::Date(seconds)),
                    _ => None,
                }
            }
            b'%' => self.display_string(),
            _ => None,
        }
    }

    /// RFC 9651 §4.2.4.
    fn number(&mut self) -> Option<BareItem<'a>> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let whole = self.ascii(|octet| octet.is_ascii_digit())?;
        if whole.is_empty() || whole.len() > 15 {
            return None;
        }
        let number: i64 = whole.parse().ok()?;
        if !self.take(b'.') {
            return Some(BareItem::Integer(sign * number));
        }
        let decimals = self.ascii(|octet| octet.is_ascii_digit())?;
        if whole.len() > 12 || !(1..=3).contains(&decimals.len()) {
            return None;
        }
        let thousandths = decimals.parse::<i64>().ok()? * [100, 10, 1].get(decimals.len() - 1)?;
        Some(BareItem::Decimal(sign * (number * 1000 + thousandths)))
    }

    /// RFC 9651 §4.2.5.
    fn string(&mut self) -> Option<BareItem<'a>> {
        self.next()?;
        let plain = self.ascii(|octet| is_printable(octet) && !matches!(octet, b'"' | b'\\'))?;
        if self.take(b'"') {
            return Some(BareItem::String(Cow::Borrowed(plain)));
        }
        let mut text = String::from(plain);
        loop {
            match self.next()? {
                b'"' => return Some(BareItem::String(Cow::Owned(text))),
                b'\\' => match self.next()? {
                    octet @ (b'"' | b'\\') => text.push(octet as char),
                    _ => return None,
                },
                octet if is_printable(octet) => text.push(octet as char),
                _ => return None,
            }
        }
    }

    /// RFC 9651 §4.2.7.
    fn bytes(&mut self) -> Option<BareItem<'a>> {
        self.next()?;
        let end = self.rest.iter().position(|octet| *octet == b':')?;
        let octets = base64::decode(self.rest.get(..end)?)?;
        self.rest = self.rest.get(end + 1..)?;
        Some(BareItem::Bytes(octets))
    }

    /// RFC 9651 §4.2.8.
    fn boolean(&mut self) -> Option<BareItem<'a>> {
        self.next()?;
        match self.next()? {
            b'0' => Some(BareItem::Boolean(false)),
            b'1' => Some(BareItem::Boolean(true)),
            _ => None,
        }
    }

    /// RFC 9651 §4.2.10.
    fn display_string(&mut self) -> Option<BareItem<'a>> {
        self.next()?;
        if !self.take(b'"') {
            return None;
        }
        let mut octets = Vec::new();
        loop {
            match self.next()? {
                b'"' => return String::from_utf8(octets).ok().map(BareItem::DisplayString),
                b'%' => {
                    let digits = self.rest.get(..2)?;
                    if digits.iter().any(u8::is_ascii_uppercase) {
                        return None;
                    }
                    octets.push(crate::path::percent_value(digits)?);
                    self.rest = self.rest.get(2..)?;
                }
                octet if is_printable(octet) => octets.push(octet),
                _ => return None,
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, octet: u8) -> bool {
        let is_next = self.rest.first() == Some(&octet);
        if is_next {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn skip(&mut self, may: fn(u8) -> bool) {
        let end = self.rest.iter().position(|octet| !may(*octet)).unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    /// The octets of one kind at the front; may be empty. The kind is one within ASCII.
    fn ascii(&mut self, may: fn(u8) -> bool) -> Option<&'a str> {
        let before = self.rest;
        self.skip(may);
        core::str::from_utf8(before.get(..before.len() - self.rest.len())?).ok()
    }
}

/// Sets the value of a key, in the place of its earlier one; none if there are too many keys.
fn put<'a, V>(map: &mut Vec<(&'a str, V)>, key: &'a str, value: V, count_max: usize) -> Option<()> {
    if let Some((_, old)) = map.iter_mut().find(|(other, _)| *other == key) {
        *old = value;
    } else if map.len() < count_max {
        map.push((key, value));
    } else {
        return None;
    }
    Some(())
}

const fn is_key_start(octet: u8) -> bool {
    octet.is_ascii_lowercase() || octet == b'*'
}

const fn is_key_octet(octet: u8) -> bool {
    is_key_start(octet) || octet.is_ascii_digit() || matches!(octet, b'_' | b'-' | b'.')
}

const fn is_inner_token_octet(octet: u8) -> bool {
    is_token_octet(octet) || matches!(octet, b':' | b'/')
}

const fn is_printable(octet: u8) -> bool {
    matches!(octet, b' '..=b'~')
}

/// RFC 9651 §4.1.1.3.
fn write_key(key: &str, out: &mut String) -> Option<()> {
    let is_key = key.bytes().next().is_some_and(is_key_start) && key.bytes().all(is_key_octet);
    is_key.then(|| out.push_str(key))
}

fn write_item(item: &Item<'_>, out: &mut String) -> Option<()> {
    write_bare_item(&item.value, out)?;
    write_parameters(&item.parameters, out)
}

/// RFC 9651 §4.1.1.2.
fn write_parameters(parameters: &Parameters<'_>, out: &mut String) -> Option<()> {
    for (key, value) in parameters {
        out.push(';');
        write_key(key, out)?;
        if *value != BareItem::Boolean(true) {
            out.push('=');
            write_bare_item(value, out)?;
        }
    }
    Some(())
}

/// RFC 9651 §4.1.3.1.
fn write_bare_item(value: &BareItem<'_>, out: &mut String) -> Option<()> {
    const INTEGER_MAX: u64 = 999_999_999_999_999;
    let integer = |number: i64| (number.unsigned_abs() <= INTEGER_MAX).then(|| number.to_string());
    match value {
        BareItem::Integer(number) => out.push_str(&integer(*number)?),
        BareItem::Date(seconds) => {
            out.push('@');
            out.push_str(&integer(*seconds)?);
        }
        BareItem::Decimal(thousandths) => {
            integer(*thousandths)?;
            let sign = if *thousandths < 0 { "-" } else { "" };
            let (whole, rest) =
                (thousandths.unsigned_abs() / 1000, thousandths.unsigned_abs() % 1000);
            let text = format!("{sign}{whole}.{rest:03}");
            let decimals = text.trim_end_matches('0');
            out.push_str(decimals);
            if decimals.ends_with('.') {
                out.push('0');
            }
        }
        BareItem::String(text) => {
            out.push('"');
            for octet in text.bytes() {
                match octet {
                    b'"' | b'\\' => out.extend(['\\', octet as char]),
                    octet if is_printable(octet) => out.push(octet as char),
                    _ => return None,
                }
            }
            out.push('"');
        }
        BareItem::Token(token) => {
            let starts = |octet: u8| octet.is_ascii_alphabetic() || octet == b'*';
            if !token.bytes().next().is_some_and(starts) || !token.bytes().all(is_inner_token_octet)
            {
                return None;
            }
            out.push_str(token);
        }
        BareItem::Bytes(octets) => {
            out.push(':');
            base64::encode_into(octets, out);
            out.push(':');
        }
        BareItem::Boolean(is) => out.push_str(if *is { "?1" } else { "?0" }),
        BareItem::DisplayString(text) => {
            out.push_str("%\"");
            for octet in text.bytes() {
                match octet {
                    b'%' | b'"' => out.push_str(&format!("%{octet:02x}")),
                    octet if is_printable(octet) => out.push(octet as char),
                    octet => out.push_str(&format!("%{octet:02x}")),
                }
            }
            out.push('"');
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Dictionary<'_>> {
        Dictionary::read([text.as_bytes()].into_iter())
    }

    fn value<'a>(text: &'a str) -> Option<BareItem<'a>> {
        let mut input = Input { rest: text.as_bytes() };
        let value = input.bare_item()?;
        input.rest.is_empty().then_some(value)
    }

    #[test]
    fn dictionaries_of_the_rfc() {
        let found = read("en=\"Applepie\", da=:w4ZibGV0w6ZydGU=:").unwrap();
        assert_eq!(found.item("en").unwrap().value, BareItem::String("Applepie".into()));
        assert_eq!(found.item("da").unwrap().value, BareItem::Bytes("Æbletærte".into()));
        let found = read("a=?0, b, c; foo=bar").unwrap();
        assert_eq!(found.item("b").unwrap().value, BareItem::Boolean(true));
        assert_eq!(found.item("c").unwrap().parameters, [("foo", BareItem::Token("bar"))]);
        let found = read("rating=1.5, feelings=(joy sadness)").unwrap();
        assert_eq!(found.item("rating").unwrap().value, BareItem::Decimal(1500));
        assert!(found.item("feelings").is_none());
        assert_eq!(found.written().unwrap(), "rating=1.5, feelings=(joy sadness)");
        let text = "a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid";
        assert_eq!(read(text).unwrap().written().unwrap(), text);
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("-0", BareItem::Integer(0)),
            ("999999999999999", BareItem::Integer(999_999_999_999_999)),
            ("-1.05", BareItem::Decimal(-1050)),
            ("123456789012.125", BareItem::Decimal(123_456_789_012_125)),
            (r#""a\"b\\""#, BareItem::String("a\"b\\".into())),
            ("*a/b:c", BareItem::Token("*a/b:c")),
            ("::", BareItem::Bytes(vec![])),
            ("@-1", BareItem::Date(-1)),
            ("%\"f%c3%bc%25\"", BareItem::DisplayString("fü%".into())),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "-",
            "1.",
            "1.2345",
            "1234567890123.1",
            "1000000000000000",
            "--1",
            "\"a",
            "\"\\n\"",
            "\"é\"",
            ":a:",
            ":YQ",
            "?2",
            "?",
            "@1.0",
            "@",
            "%a",
            "%\"%C3%BC\"",
            "%\"%ff\"",
            "%\"%c\"",
            "{",
            "'a'",
            ":-_==:",
        ] {
            assert_eq!(value(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_dictionary() {
        for wrong in [
            "A=1", "=1", "a=", "a=1,", "a=1,,b=2", ",a=1", "a =1", "a= 1", "a=1 b=2", "a=(1",
            "a=(1,2)", "a=(1\t2)", "a;", "a;=1", "a;B", "a=1 ;b", "\ta=1", "é=1", "a=(1)2", "1a=1",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(read("").unwrap().members.is_empty());
        assert_eq!(read(" a=1\t,\t b; c ").unwrap().members.len(), 2);
    }

    #[test]
    fn the_last_value_of_a_key_counts_in_its_first_place() {
        let lines = [&b"a=1, b=2"[..], b"", b"a=3;x;x=2"];
        let found = Dictionary::read(lines.into_iter()).unwrap();
        assert_eq!(found.written().unwrap(), "a=3;x=2, b=2");
    }

    #[test]
    fn what_can_not_be_written() {
        let of = |key, value| {
            let item = Item { value, parameters: vec![] };
            Dictionary { members: vec![(key, Member::Item(item))] }.written()
        };
        assert_eq!(of("A", BareItem::Integer(1)), None);
        assert_eq!(of("a", BareItem::Integer(i64::MIN)), None);
        assert_eq!(of("a", BareItem::String("é".into())), None);
        assert_eq!(of("a", BareItem::Token("1")), None);
        assert_eq!(of("a", BareItem::Decimal(-10)).unwrap(), "a=-0.01");
    }

    #[test]
    fn numbers_of_members_are_bounded() {
        let keys = |count: usize| (0..count).map(|i| format!("k{i}")).collect::<Vec<_>>();
        assert!(read(&keys(MEMBERS_MAX).join(",")).is_some());
        assert!(read(&keys(MEMBERS_MAX + 1).join(",")).is_none());
        assert!(read(&format!("a;{}", keys(ITEMS_MAX + 1).join(";"))).is_none());
        assert!(read(&format!("a=({})", keys(ITEMS_MAX + 1).join(" "))).is_none());
    }
}
