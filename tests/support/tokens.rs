//! An issuer of tokens: a key of each kind that is taken, and tokens signed with them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use serde_json::{Value, json};
use wherefore_message::base64;

/// The secret that is shared with the issuer.
pub const SECRET: &str = "an octet for each of its 32 bits";

/// The keys of an issuer.
pub struct Issuer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    okp: Ed25519KeyPair,
}

impl Issuer {
    /// New keys.
    pub fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            okp: Ed25519KeyPair::generate().unwrap(),
        }
    }

    /// Its public keys, each called by its algorithm in small letters.
    pub fn jwks(&self) -> String {
        // A sequence of the modulus, behind a zero, and the exponent.
        let rsa = self.rsa.public_key().as_ref();
        assert_eq!((rsa.len(), &rsa[4..9]), (270, [2, 0x82, 1, 1, 0].as_slice()));
        let ec = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kid": "rs256", "kty": "RSA", "alg": "RS256", "n": url(&rsa[9..265]), "e": "AQAB" },
            { "kid": "es256", "kty": "EC", "crv": "P-256", "x": url(&ec[1..33]), "y": url(&ec[33..]) },
            { "kid": "eddsa", "kty": "OKP", "crv": "Ed25519", "x": url(self.okp.public_key().as_ref()) },
        ] })
        .to_string()
    }

    /// A token of these claims, signed by this algorithm with the key of its name.
    pub fn token(&self, algorithm: &str, claims: &Value) -> String {
        self.token_by(&json!({ "alg": algorithm, "kid": algorithm.to_ascii_lowercase() }), claims)
    }

    /// The same with a header of its own; what is signed by an unknown algorithm has no signature.
    pub fn token_by(&self, header: &Value, claims: &Value) -> String {
        let text = |value: &Value| url(value.to_string().as_bytes());
        let signed = format!("{}.{}", text(header), text(claims));
        let random = SystemRandom::new();
        let signature = match header["alg"].as_str().unwrap() {
            "RS256" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            "ES256" => self.ec.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.okp.sign(signed.as_bytes()).as_ref().to_vec(),
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{signed}.{}", url(&signature))
    }
}

/// The time, so many seconds from now.
pub fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + seconds
}

fn url(octets: &[u8]) -> String {
    base64::encode(octets).trim_end_matches('=').replace('+', "-").replace('/', "_")
}
