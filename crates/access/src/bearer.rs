//! Bearer tokens (RFC 6750 §2.1) that are JSON Web Tokens (RFC 7519), read with the care of RFC 8725.
//!
//! A token says by which algorithm and which key it is signed, but is not believed: each key is bound to
//! its algorithm, unsigned tokens have none, and keys or addresses of keys in a token are not looked at.
//! Nothing of what it claims is read before its signature was found right.

use std::fmt;

use serde_json::{Map, Value};
use wherefore_message::base64;

use crate::Asker;
use crate::keys::{Algorithm, Unsigned};
pub use crate::keys::{
    KEYS_BYTES_MAX, KEYS_MAX, Keys, KeysFault, PassedOver, SECRET_BYTES_MIN, Secrets,
};

/// The longest token that is read, in octets.
pub const TOKEN_BYTES_MAX: usize = 8192;

/// How far the clocks of whoever makes tokens may be from ours, unless told otherwise.
pub const CLOCK_SKEW_SECONDS: u64 = 60;

/// Which tokens are taken.
#[derive(Debug)]
pub struct Tokens {
    /// The keys that they may be signed with.
    pub keys: Keys,
    /// Whether they have to end.
    pub expiry: Expiry,
    /// How far another's clock may be from ours.
    pub clock_skew_seconds: u64,
    /// Whom they may be for (`aud`). If this is empty, only tokens that are for nobody in particular are
    /// taken: one that names its audience is not for others (RFC 7519 §4.1.3).
    pub audiences: Vec<String>,
    /// Who has to have made them (`iss`), if it is to be looked at.
    pub issuer: Option<String>,
    /// The claim with the groups: an array of names, or names with spaces between them, as `scope` has
    /// them (RFC 8693 §4.2). If it begins with `/` it is a JSON pointer (RFC 6901).
    pub groups_claim: String,
}

/// Whether a token has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// One without `exp` is refused.
    Required,
    /// One without `exp` is good for as long as its key is.
    Optional,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerFault {
    /// Nothing that a token can be stands behind `Bearer`, or the field stands on several lines.
    NoToken,
    /// Longer than [`TOKEN_BYTES_MAX`].
    TooLong,
    /// Not the three parts of a signed JSON Web Token.
    Malformed,
    /// It demands to be understood in a way that is not known here (`crit`, RFC 7515 §4.1.11).
    Critical,
    /// Its algorithm is none that is taken; `none` is not.
    Algorithm,
    /// No key has the name that it gives.
    UnknownKey,
    /// Its key is of another algorithm than it says.
    OtherAlgorithm,
    /// Its signature is wrong.
    Signature,
    /// Its claims are no JSON object, or one is not of its type.
    Claims,
    /// It does not say when it ends.
    Endless,
    /// It has ended.
    Expired,
    /// It has not begun.
    Early,
    /// Somebody else made it.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It does not say whose it is.
    Nobody,
}

/// The errors that a challenge can name (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed.
    InvalidRequest,
    /// The token is expired, malformed, or wrong in another way.
    InvalidToken,
    /// The token is right and not enough; no fault of a token is this, but a rule may say so.
    InsufficientScope,
}

impl ErrorCode {
    /// As the challenge has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

impl BearerFault {
    /// The error that the challenge names.
    #[must_use]
    pub const fn error(self) -> ErrorCode {
        match self {
            Self::NoToken | Self::TooLong => ErrorCode::InvalidRequest,
            Self::Malformed
            | Self::Critical
            | Self::Algorithm
            | Self::UnknownKey
            | Self::OtherAlgorithm
            | Self::Signature
            | Self::Claims
            | Self::Endless
            | Self::Expired
            | Self::Early
            | Self::Issuer
            | Self::Audience
            | Self::Nobody => ErrorCode::InvalidToken,
        }
    }

    /// What the challenge says of it: nothing of the token, in the characters of RFC 6750 §3.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::NoToken => "no token that can be read",
            Self::TooLong => "the token is longer than 8192 octets",
            Self::Malformed => "not a signed JSON Web Token",
            Self::Critical => "the token has a critical extension that is not known",
            Self::Algorithm => "the token is not signed with an algorithm that is taken",
            Self::UnknownKey => "the token names a key that is not known",
            Self::OtherAlgorithm => {
                "the token is signed with another algorithm than its key is for"
            }
            Self::Signature => "the signature of the token is wrong",
            Self::Claims => "the claims of the token can't be read",
            Self::Endless => "the token does not say when it ends",
            Self::Expired => "the token has expired",
            Self::Early => "the token is not yet valid",
            Self::Issuer => "the token is from another issuer",
            Self::Audience => "the token is for another audience",
            Self::Nobody => "the token does not say whose it is",
        }
    }
}

impl fmt::Display for BearerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for BearerFault {}

impl Tokens {
    /// Tokens of these keys that end, are for nobody in particular, and have their groups in `groups`.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            expiry: Expiry::Required,
            clock_skew_seconds: CLOCK_SKEW_SECONDS,
            audiences: Vec::new(),
            issuer: None,
            groups_claim: "groups".to_owned(),
        }
    }

    /// Whose token it is that stands behind `Bearer`, at this time, in seconds since the start of 1970.
    ///
    /// # Errors
    ///
    /// If it is no token, or not one that is taken.
    pub fn verify(&self, token: &[u8], now_seconds: u64) -> Result<Asker, BearerFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(BearerFault::TooLong);
        }
        if !is_b64token(token) {
            return Err(BearerFault::NoToken);
        }
        let claims = self.signed_claims(token)?;
        self.judge_times(&claims, now_seconds)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if self.issuer.is_some() && self.issuer.as_deref() != text("iss") {
            return Err(BearerFault::Issuer);
        }
        self.judge_audience(&claims)?;
        // Names are told to logs: a line's end in one would be another line.
        let name =
            text("sub").filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
        let name = name.ok_or(BearerFault::Nobody)?.to_owned();
        let claims = Value::Object(claims);
        let groups = match &*self.groups_claim {
            pointer if pointer.starts_with('/') => claims.pointer(pointer),
            name => claims.get(name),
        };
        Ok(Asker { name, groups: groups.map(group_names).unwrap_or_default() })
    }

    /// The claims of a token whose signature is right (RFC 7519 §7.2, RFC 7515 §5.2).
    fn signed_claims(&self, token: &[u8]) -> Result<Map<String, Value>, BearerFault> {
        let mut parts = token.split(|octet| *octet == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BearerFault::Malformed);
        };
        let signed = &token[..header.len() + 1 + payload.len()];
        let decode = |part| base64::decode_url(part).ok_or(BearerFault::Malformed);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header = object(&header).ok_or(BearerFault::Malformed)?;
        if header.contains_key("crit") {
            return Err(BearerFault::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(BearerFault::Malformed)?;
        let algorithm = Algorithm::parse(algorithm).ok_or(BearerFault::Algorithm)?;
        let id = match header.get("kid") {
            Some(id) => Some(id.as_str().ok_or(BearerFault::Malformed)?),
            None => None,
        };
        self.keys.verify(algorithm, id, signed, &signature).map_err(|unsigned| match unsigned {
            Unsigned::UnknownKey => BearerFault::UnknownKey,
            Unsigned::OtherAlgorithm => BearerFault::OtherAlgorithm,
            Unsigned::Wrong => BearerFault::Signature,
        })?;
        object(&payload).ok_or(BearerFault::Claims)
    }

    /// RFC 7519 §4.1.4, §4.1.5.
    fn judge_times(&self, claims: &Map<String, Value>, now: u64) -> Result<(), BearerFault> {
        let seconds = |name: &str| match claims.get(name) {
            Some(value) => value.as_f64().map(Some).ok_or(BearerFault::Claims),
            None => Ok(None),
        };
        // Seconds of our time are exact in 53 bits; those that aren't are not of our time.
        let (now, skew) = (now as f64, self.clock_skew_seconds as f64);
        match seconds("exp")? {
            Some(end) if now - skew >= end => return Err(BearerFault::Expired),
            None if self.expiry == Expiry::Required => return Err(BearerFault::Endless),
            Some(_) | None => {}
        }
        match seconds("nbf")? {
            Some(start) if now + skew < start => Err(BearerFault::Early),
            Some(_) | None => Ok(()),
        }
    }

    fn judge_audience(&self, claims: &Map<String, Value>) -> Result<(), BearerFault> {
        let is_ours = |one: &Value| {
            one.as_str().is_some_and(|one| self.audiences.iter().any(|ours| ours == one))
        };
        let fits = match claims.get("aud") {
            None => self.audiences.is_empty(),
            Some(Value::Array(all)) => all.iter().any(is_ours),
            Some(one) => is_ours(one),
        };
        if fits { Ok(()) } else { Err(BearerFault::Audience) }
    }
}

/// `b64token` (RFC 6750 §2.1).
fn is_b64token(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|octet| **octet == b'=').count();
    let rest = &token[..token.len() - padding];
    let is_fine = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._~+/".contains(octet);
    !rest.is_empty() && rest.iter().all(is_fine)
}

fn object(text: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

/// What is no name is passed over: it gives nothing.
fn group_names(claim: &Value) -> Vec<String> {
    match claim {
        Value::String(names) => names.split_ascii_whitespace().map(str::to_owned).collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
