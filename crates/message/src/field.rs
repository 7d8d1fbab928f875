//! Field names that this program knows, sets of them, and a view of a message's field lines.
//!
//! A message's fields are never copied into a map: whoever parses the wire notes for each line which
//! known name it has and where its name and value stand in the buffer, and [`Fields`] reads it there.

use core::fmt;

mod lookup;

macro_rules! fields {
    ($( $name:ident = $text:literal; )*) => {
        /// A field name that some rule, parser or writer looks at; any other is [`FieldName::Other`].
        #[allow(missing_docs, reason = "each variant is the field of that name")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FieldName { $( $name, )* Other }

        impl FieldName {
            /// Every known name, in alphabetical order.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];

            /// The name as it is usually written; empty for [`FieldName::Other`].
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )* Self::Other => "" }
            }
        }
    };
}

fields! {
    Accept = "Accept";
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AcceptPatch = "Accept-Patch";
    AcceptPost = "Accept-Post";
    AcceptRanges = "Accept-Ranges";
    AccessControlAllowCredentials = "Access-Control-Allow-Credentials";
    AccessControlAllowHeaders = "Access-Control-Allow-Headers";
    AccessControlAllowMethods = "Access-Control-Allow-Methods";
    AccessControlAllowOrigin = "Access-Control-Allow-Origin";
    AccessControlExposeHeaders = "Access-Control-Expose-Headers";
    AccessControlMaxAge = "Access-Control-Max-Age";
    AccessControlRequestHeaders = "Access-Control-Request-Headers";
    AccessControlRequestMethod = "Access-Control-Request-Method";
    Age = "Age";
    Allow = "Allow";
    Authorization = "Authorization";
    CacheControl = "Cache-Control";
    Connection = "Connection";
    ContentDigest = "Content-Digest";
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding";
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length";
    ContentLocation = "Content-Location";
    ContentRange = "Content-Range";
    ContentSecurityPolicy = "Content-Security-Policy";
    ContentType = "Content-Type";
    Cookie = "Cookie";
    Date = "Date";
    EarlyData = "Early-Data";
    ETag = "ETag";
    Expect = "Expect";
    Expires = "Expires";
    Forwarded = "Forwarded";
    Host = "Host";
    IdempotencyKey = "Idempotency-Key";
    IfMatch = "If-Match";
    IfModifiedSince = "If-Modified-Since";
    IfNoneMatch = "If-None-Match";
    IfRange = "If-Range";
    IfUnmodifiedSince = "If-Unmodified-Since";
    KeepAlive = "Keep-Alive";
    LastModified = "Last-Modified";
    Link = "Link";
    Location = "Location";
    MaxForwards = "Max-Forwards";
    Origin = "Origin";
    PaymentRequired = "PAYMENT-REQUIRED";
    PaymentResponse = "PAYMENT-RESPONSE";
    PaymentSignature = "PAYMENT-SIGNATURE";
    Pragma = "Pragma";
    Prefer = "Prefer";
    PreferenceApplied = "Preference-Applied";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyConnection = "Proxy-Connection";
    ProxyStatus = "Proxy-Status";
    Range = "Range";
    RateLimit = "RateLimit";
    RateLimitPolicy = "RateLimit-Policy";
    Referer = "Referer";
    ReprDigest = "Repr-Digest";
    RequestId = "Request-Id";
    RetryAfter = "Retry-After";
    SecFetchSite = "Sec-Fetch-Site";
    Server = "Server";
    SetCookie = "Set-Cookie";
    Slug = "Slug";
    StrictTransportSecurity = "Strict-Transport-Security";
    Te = "TE";
    Trailer = "Trailer";
    TransferEncoding = "Transfer-Encoding";
    Upgrade = "Upgrade";
    UserAgent = "User-Agent";
    Vary = "Vary";
    Via = "Via";
    WantContentDigest = "Want-Content-Digest";
    WantReprDigest = "Want-Repr-Digest";
    WwwAuthenticate = "WWW-Authenticate";
    XContentTypeOptions = "X-Content-Type-Options";
    XForwardedFor = "X-Forwarded-For";
    XForwardedHost = "X-Forwarded-Host";
    XForwardedPort = "X-Forwarded-Port";
    XForwardedPrefix = "X-Forwarded-Prefix";
    XForwardedProto = "X-Forwarded-Proto";
    XRealIp = "X-Real-IP";
}

const _: () = assert!(FieldName::KNOWN.len() < 128, "a FieldSet has 128 bits");

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of known field names: one bit each, so that a rule finds its fields absent with one AND.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldSet(u128);

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = Self(0);

    /// The set of `names`; [`FieldName::Other`] is left out.
    #[must_use]
    pub const fn of(names: &[FieldName]) -> Self {
        let mut set = 0;
        let mut i = 0;
        while i < names.len() {
            if !matches!(names[i], FieldName::Other) {
                set |= 1 << names[i] as u8;
            }
            i += 1;
        }
        Self(set)
    }

    /// Whether `name` is in it.
    #[must_use]
    pub const fn has(self, name: FieldName) -> bool {
        // The bit of those that are not known is never set.
        self.0 >> name as u8 & 1 != 0
    }

    /// Whether any name is in both.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no name is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Puts `name` in.
    #[inline]
    pub fn insert(&mut self, name: FieldName) {
        if !matches!(name, FieldName::Other) {
            self.0 |= 1 << name as u8;
        }
    }

    /// The set with `name` in it.
    #[must_use]
    pub const fn with(self, name: FieldName) -> Self {
        if matches!(name, FieldName::Other) { self } else { Self(self.0 | 1 << name as u8) }
    }

    /// Both sets together.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The names, in alphabetical order.
    pub fn iter(self) -> impl Iterator<Item = FieldName> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let name = FieldName::KNOWN.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(*name)
        })
    }
}

impl fmt::Debug for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A run of octets in the buffer that holds a message's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first octet.
    pub start: u32,
    /// One past the last octet.
    pub end: u32,
}

impl Span {
    /// The octets it spans in `bytes`; none if it does not lie within them.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// How many octets it spans.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether it spans none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One field line of a message: where it stands, and whether its name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name, where known.
    pub name: FieldName,
    /// Where the name stands.
    pub name_at: Span,
    /// Where the value stands, without the white space around it (RFC 9110 §5.5).
    pub value_at: Span,
}

/// A message's field lines, read in place.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    lines: &'a [Line],
    present: FieldSet,
}

impl<'a> Fields<'a> {
    /// No lines.
    pub const EMPTY: Fields<'static> = Fields { bytes: &[], lines: &[], present: FieldSet::EMPTY };

    /// The lines that stand in `bytes`; `present` holds the known names among them.
    #[must_use]
    pub const fn new(bytes: &'a [u8], lines: &'a [Line], present: FieldSet) -> Self {
        Self { bytes, lines, present }
    }

    /// The known names that occur.
    #[must_use]
    pub const fn present(self) -> FieldSet {
        self.present
    }

    /// Whether a line has this name.
    #[must_use]
    pub const fn has(self, name: FieldName) -> bool {
        self.present.has(name)
    }

    /// The values of all lines of this name, in order (RFC 9110 §5.2).
    pub fn all(self, name: FieldName) -> impl Iterator<Item = &'a [u8]> + Clone {
        let lines = if self.has(name) { self.lines } else { &[] };
        lines.iter().filter(move |line| line.name == name).map(move |l| l.value_at.of(self.bytes))
    }

    /// The value of the only line of this name; none if there is no line, or if there are several
    /// (for a field that is no list, several lines mean nothing, RFC 9110 §5.3).
    #[must_use]
    pub fn only(self, name: FieldName) -> Option<&'a [u8]> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            (None, _) | (Some(_), Some(_)) => None,
        }
    }

    /// Every line as name and value, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
        let bytes = self.bytes;
        self.lines.iter().map(move |line| (line.name_at.of(bytes), line.value_at.of(bytes)))
    }

    /// Every line with what is known of it.
    #[must_use]
    pub const fn lines(self) -> &'a [Line] {
        self.lines
    }

    /// The octets that the lines stand in.
    pub(crate) const fn octets(self) -> &'a [u8] {
        self.bytes
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        f.debug_map().entries(self.iter().map(|(n, v)| (text(n), text(v)))).finish()
    }
}

/// Field lines that own their bytes: for tests, for `explain`, and for what arrives decoded.
#[derive(Clone, Debug, Default)]
pub struct FieldLines {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    present: FieldSet,
}

impl FieldLines {
    /// No lines yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one line.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let known = FieldName::parse(name);
        let name_at = self.append(name);
        let value_at = self.append(value);
        self.lines.push(Line { name: known, name_at, value_at });
        self.present.insert(known);
    }

    /// The lines, to be read.
    #[must_use]
    pub fn view(&self) -> Fields<'_> {
        Fields::new(&self.bytes, &self.lines, self.present)
    }

    fn append(&mut self, text: &[u8]) -> Span {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        Span { start, end: self.bytes.len() as u32 }
    }
}

impl From<Fields<'_>> for FieldLines {
    /// Copies the octets that the lines stand in as they are, with what stands between them.
    fn from(fields: Fields<'_>) -> Self {
        let Fields { bytes, lines, present } = fields;
        Self { bytes: bytes.to_vec(), lines: lines.to_vec(), present }
    }
}

impl<'t> FromIterator<(&'t str, &'t str)> for FieldLines {
    fn from_iter<I: IntoIterator<Item = (&'t str, &'t str)>>(lines: I) -> Self {
        let mut all = Self::new();
        for (name, value) in lines {
            all.push(name.as_bytes(), value.as_bytes());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_stands_in_order() {
        for name in FieldName::KNOWN {
            assert_eq!(FieldName::parse(name.as_str().as_bytes()), *name);
            assert_eq!(FieldName::parse(name.as_str().to_lowercase().as_bytes()), *name);
        }
        assert!(FieldName::KNOWN.is_sorted_by_key(|name| name.as_str().to_lowercase()));
        let of_name = |octet: u8| octet.is_ascii_alphabetic() || octet == b'-';
        assert!(FieldName::KNOWN.iter().all(|name| name.as_str().bytes().all(of_name)));
        assert_eq!(FieldName::parse(b"Hos"), FieldName::Other);
        assert_eq!(FieldName::parse(b""), FieldName::Other);
    }

    #[test]
    fn what_differs_in_one_octet_is_another_name() {
        for name in FieldName::KNOWN {
            let mut text = name.as_str().as_bytes().to_vec();
            for i in 0..text.len() {
                let kept = text[i];
                for octet in 0..=255 {
                    text[i] = octet;
                    let mut known = FieldName::KNOWN.iter();
                    let same =
                        known.find(|name| name.as_str().as_bytes().eq_ignore_ascii_case(&text));
                    assert_eq!(FieldName::parse(&text), same.copied().unwrap_or(FieldName::Other));
                }
                text[i] = kept;
            }
        }
    }

    #[test]
    fn only_refuses_a_repeated_line() {
        let lines: FieldLines =
            [("Host", "a"), ("host", "b"), ("X", "1"), ("Range", "r")].into_iter().collect();
        let fields = lines.view();
        assert_eq!(fields.only(FieldName::Host), None);
        assert_eq!(fields.only(FieldName::Range), Some(&b"r"[..]));
        assert_eq!(fields.all(FieldName::Host).count(), 2);
        assert_eq!(fields.only(FieldName::Date), None);
        assert_eq!(fields.iter().count(), 4);
        assert!(fields.present().meets(FieldSet::of(&[FieldName::Host, FieldName::Date])));
    }
}
