//! The keys that tokens are held against: from a JWK set (RFC 7517), a PEM public key (RFC 7468 §13), or
//! the octets of a shared secret.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use aws_lc_rs::{hmac, rsa};
use serde_json::{Map, Value};
use wherefore_message::base64;

/// The longest document of keys that is read, in octets.
pub const KEYS_BYTES_MAX: usize = 1024 * 1024;

/// The most keys of one set: a token that names none is tried with each of its algorithm.
pub const KEYS_MAX: usize = 32;

/// The shortest secret of HS256, in octets: as long as its hash (RFC 7518 §3.2).
pub const SECRET_BYTES_MIN: usize = 32;

/// Keys, each bound to one algorithm (RFC 8725 §3.1).
#[derive(Debug)]
pub struct Keys {
    keys: Vec<Key>,
    passed_over: Vec<PassedOver>,
}

/// Whether a JWK set may hold shared secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// It is published by whoever makes the tokens: a secret in it is none.
    Refused,
    /// It is a file that only we and whoever makes the tokens read.
    Local,
}

/// A key of a set that is of no use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Its `kid`, if it has one.
    pub id: Option<String>,
    /// Its place in the set, from 0.
    pub place: usize,
    /// Why.
    pub why: &'static str,
}

/// Why keys can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysFault {
    /// Longer than [`KEYS_BYTES_MAX`].
    TooLong,
    /// Not JSON, or without an array `keys`.
    NoSet,
    /// No key of the set can be used.
    NoKey,
    /// More than [`KEYS_MAX`].
    TooMany,
    /// A shared secret in a set that is not local.
    Secret,
    /// Not exactly one block of PEM.
    NoPem,
    /// A private key in PEM, where a public one is to be.
    PrivateKey,
    /// A certificate or something else in PEM that is not a public key.
    NoPublicKey,
    /// A public key that is neither RSA of 2048 to 8192 bits, nor P-256, nor Ed25519.
    UnknownKey,
    /// A secret of less than [`SECRET_BYTES_MIN`].
    SecretTooShort,
}

impl fmt::Display for KeysFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the keys take more than 1 MiB",
            Self::NoSet => "this is no JWK set: a JSON object with an array `keys`",
            Self::NoKey => "no key of the set is of use: RSA, EC with P-256, or OKP with Ed25519",
            Self::TooMany => "the set has more than 32 keys that are of use",
            Self::Secret => "the set has a shared secret (`oct`), and is not said to be local",
            Self::NoPem => "this is not one block of PEM (-----BEGIN PUBLIC KEY-----)",
            Self::PrivateKey => "this is a private key: only the public one belongs here",
            Self::NoPublicKey => "this is PEM, but no public key (-----BEGIN PUBLIC KEY-----)",
            Self::UnknownKey => {
                "this public key is neither RSA of 2048 to 8192 bits, nor of P-256, nor of Ed25519"
            }
            Self::SecretTooShort => "a shared secret is to have 32 octets at least",
        })
    }
}

impl std::error::Error for KeysFault {}

/// The algorithms of signatures that are taken (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
    Hs256,
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "ES256" => Self::Es256,
            // The second is the newer name of what the first means with this curve (RFC 9864 §2.2).
            "EdDSA" | "Ed25519" => Self::EdDsa,
            "HS256" => Self::Hs256,
            _ => return None,
        })
    }
}

struct Key {
    id: Option<String>,
    verifier: Verifier,
}

enum Verifier {
    Public(Algorithm, ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

/// Why a signature is no key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// No key has this name.
    UnknownKey,
    /// The keys of this name are of other algorithms.
    OtherAlgorithm,
    /// It is wrong.
    Wrong,
}

impl Keys {
    /// The keys of a JWK set. Those that can't be used are passed over, as RFC 7517 §5 asks.
    ///
    /// # Errors
    ///
    /// If that is no set, or no key is left.
    pub fn from_jwks(text: &[u8], secrets: Secrets) -> Result<Self, KeysFault> {
        if text.len() > KEYS_BYTES_MAX {
            return Err(KeysFault::TooLong);
        }
        let set: Value = serde_json::from_slice(text).map_err(|_| KeysFault::NoSet)?;
        let all = set.get("keys").and_then(Value::as_array).ok_or(KeysFault::NoSet)?;
        let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
        for (place, jwk) in all.iter().enumerate() {
            let id = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
            if secrets == Secrets::Refused && is(jwk, "kty", "oct") {
                return Err(KeysFault::Secret);
            }
            match jwk.as_object().ok_or("it is no object").and_then(parse_jwk) {
                Ok(verifier) => keys.push(Key { id, verifier }),
                Err(why) => passed_over.push(PassedOver { id, place, why }),
            }
        }
        match keys.len() {
            0 => Err(KeysFault::NoKey),
            1..=KEYS_MAX => Ok(Self { keys, passed_over }),
            _ => Err(KeysFault::TooMany),
        }
    }

    /// The key of a PEM text, which takes tokens whatever key they name.
    ///
    /// # Errors
    ///
    /// If that is no public key of a known kind.
    pub fn from_pem(text: &str) -> Result<Self, KeysFault> {
        if text.len() > KEYS_BYTES_MAX {
            return Err(KeysFault::TooLong);
        }
        let der = parse_pem(text)?;
        let algorithms: [(Algorithm, &'static dyn VerificationAlgorithm); 3] = [
            (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
            (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED),
            (Algorithm::EdDsa, &ED25519),
        ];
        // Of what a key is stands in its DER: only one of the three takes it.
        let key = algorithms.into_iter().find_map(|(algorithm, verifies)| {
            let key = ParsedPublicKey::new(verifies, &der).ok()?;
            (algorithm != Algorithm::Rs256 || is_fit_rsa(&der)).then_some((algorithm, key))
        });
        let (algorithm, key) = key.ok_or(KeysFault::UnknownKey)?;
        Ok(Self::one(Verifier::Public(algorithm, key)))
    }

    /// A shared secret, which takes tokens of HS256 whatever key they name. All octets count, a line's
    /// end as well.
    ///
    /// # Errors
    ///
    /// If it is shorter than [`SECRET_BYTES_MIN`].
    pub fn from_secret(octets: &[u8]) -> Result<Self, KeysFault> {
        Ok(Self::one(secret(octets).ok_or(KeysFault::SecretTooShort)?))
    }

    /// The keys of the set that are of no use, and why.
    #[must_use]
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// Finds the key by which the signature is right. A key without a name stands for any.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Unsigned> {
        let meant = |key: &&Key| match (&key.id, id) {
            (Some(known), Some(named)) => known == named,
            (None, _) | (_, None) => true,
        };
        let mut fault = Unsigned::UnknownKey;
        for key in self.keys.iter().filter(meant) {
            if key.verifier.algorithm() != algorithm {
                fault = if fault == Unsigned::Wrong { fault } else { Unsigned::OtherAlgorithm };
            } else if key.verifier.is_right(message, signature) {
                return Ok(());
            } else {
                fault = Unsigned::Wrong;
            }
        }
        Err(fault)
    }

    fn one(verifier: Verifier) -> Self {
        Self { keys: vec![Key { id: None, verifier }], passed_over: Vec::new() }
    }
}

impl Verifier {
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Public(algorithm, _) => *algorithm,
            Self::Secret(_) => Algorithm::Hs256,
        }
    }

    fn is_right(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(_, key) => key.verify_sig(message, signature).is_ok(),
            // In constant time.
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// Name and algorithm, never what it is made of.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = self.verifier.algorithm();
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &algorithm)
            .finish_non_exhaustive()
    }
}

/// Reads one key of a set (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
fn parse_jwk(jwk: &Map<String, Value>) -> Result<Verifier, &'static str> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let octets = |name: &str| text(name).and_then(|text| base64::decode_url(text.as_bytes()));
    if jwk.contains_key("use") && text("use") != Some("sig") {
        return Err("it is not for signatures (`use`)");
    }
    if let Some(operations) = jwk.get("key_ops") {
        let all = operations.as_array().map_or(&[][..], Vec::as_slice);
        if !all.iter().any(|one| one == "verify") {
            return Err("it is not for verifying (`key_ops`)");
        }
    }
    let verifier = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let (n, e) = octets("n").zip(octets("e")).ok_or("its `n` or `e` can't be read")?;
            let parts = RsaPublicKeyComponents { n: without_zeros(&n), e: without_zeros(&e) };
            let key = parts.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok();
            let key = key.filter(|key| is_fit_rsa(key.as_ref()));
            Verifier::Public(Algorithm::Rs256, key.ok_or("it is not RSA of 2048 to 8192 bits")?)
        }
        (Some("EC"), Some("P-256")) => {
            let (x, y) = octets("x").zip(octets("y")).ok_or("its `x` or `y` can't be read")?;
            if x.len() != 32 || y.len() != 32 {
                return Err("its `x` and `y` are to have 32 octets each");
            }
            let point = [&[4], &x[..], &y[..]].concat();
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            Verifier::Public(Algorithm::Es256, key.map_err(|_| "it is no point of P-256")?)
        }
        (Some("OKP"), Some("Ed25519")) => {
            let x = octets("x").filter(|x| x.len() == 32).ok_or("its `x` is to have 32 octets")?;
            let key = ParsedPublicKey::new(&ED25519, x);
            Verifier::Public(Algorithm::EdDsa, key.map_err(|_| "it is no key of Ed25519")?)
        }
        (Some("oct"), _) => {
            let k = octets("k").ok_or("its `k` can't be read")?;
            secret(&k).ok_or("its `k` has less than 32 octets")?
        }
        (Some("EC" | "OKP"), _) => return Err("its curve (`crv`) is not known here"),
        _ => return Err("its type (`kty`) is not known here"),
    };
    let said = jwk.get("alg").map(|alg| alg.as_str().and_then(Algorithm::parse));
    match said {
        Some(said) if said != Some(verifier.algorithm()) => {
            Err("its `alg` is none that is taken with it")
        }
        _ => Ok(verifier),
    }
}

fn secret(octets: &[u8]) -> Option<Verifier> {
    let is_long = octets.len() >= SECRET_BYTES_MIN;
    is_long.then(|| Verifier::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, octets))))
}

/// Whether the DER is of an RSA key that is sound, and of a length that is taken.
fn is_fit_rsa(der: &[u8]) -> bool {
    let key = rsa::PublicKey::from_der(der).ok();
    let bits = key.and_then(|key| RsaParameters::public_modulus_len(key.as_ref()).ok());
    bits.is_some_and(|bits| (2048..=8192).contains(&bits))
}

/// Numbers are to be written without zeros before them; some writers leave one.
fn without_zeros(octets: &[u8]) -> &[u8] {
    let first = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    &octets[first..]
}

fn is(jwk: &Value, name: &str, text: &str) -> bool {
    jwk.get(name).and_then(Value::as_str) == Some(text)
}

/// The octets of the only block in a PEM text; what stands around it is explanation (RFC 7468 §2).
fn parse_pem(text: &str) -> Result<Vec<u8>, KeysFault> {
    let (_, rest) = text.split_once("-----BEGIN ").ok_or(KeysFault::NoPem)?;
    let (label, rest) = rest.split_once("-----").ok_or(KeysFault::NoPem)?;
    if label.ends_with("PRIVATE KEY") {
        return Err(KeysFault::PrivateKey);
    }
    // The second is RSA's own form (RFC 8017 §A.1.1).
    if !matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY") {
        return Err(KeysFault::NoPublicKey);
    }
    let (body, rest) =
        rest.split_once(&format!("-----END {label}-----")).ok_or(KeysFault::NoPem)?;
    if rest.contains("-----BEGIN ") {
        return Err(KeysFault::NoPem);
    }
    let body: Vec<u8> = body.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    base64::decode(&body).ok_or(KeysFault::NoPem)
}
