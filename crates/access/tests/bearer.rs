//! Tokens: those of the RFCs, those made here, and those that try to get past the rules of RFC 8725.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use proptest::prelude::*;
use wherefore_access::bearer::{
    BearerFault, ErrorCode, Expiry, KEYS_BYTES_MAX, KEYS_MAX, Keys, KeysFault, SECRET_BYTES_MIN,
    Secrets, TOKEN_BYTES_MAX, Tokens,
};
use wherefore_message::base64;

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8; 32] = b"an octet for each of its 32 bits";
const CLAIMS: &str = r#"{"sub":"anna","exp":1800000100,"groups":["staff","admins"]}"#;

const RSA: &str = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ""#;
const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
const OKP: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
const OCT: &str = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow""#;

/// A set of keys whose objects are left open; `more` goes into each.
fn set(keys: &[&str], more: &str) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("{key}{more}}}")).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn jwks(keys: &[&str]) -> Keys {
    Keys::from_jwks(set(keys, "").as_bytes(), Secrets::Local).unwrap()
}

fn url(octets: &[u8]) -> String {
    base64::encode(octets).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

fn token(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", url(header.as_bytes()), url(claims.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", url(&signature))
}

fn by_secret(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    move |signed| hmac::sign(&key, signed).as_ref().to_vec()
}

fn hs256(claims: &str) -> String {
    token(r#"{"alg":"HS256"}"#, claims, by_secret(SECRET))
}

fn tokens() -> Tokens {
    Tokens::new(Keys::from_secret(SECRET).unwrap())
}

fn fault(tokens: &Tokens, token: &str) -> BearerFault {
    tokens.verify(token.as_bytes(), NOW).unwrap_err()
}

#[test]
fn the_signatures_of_the_rfcs() {
    // RFC 7515 §A.1 to §A.3: right signatures of somebody without a name, until 2011.
    let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let hs = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    for (key, header, signature) in [
        (OCT, hs, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        (
            RSA,
            "eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            EC,
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
    ] {
        let tokens = Tokens::new(jwks(&[key]));
        let verify = |token: String, now| tokens.verify(token.as_bytes(), now);
        let right = format!("{header}.{claims}.{signature}");
        assert_eq!(verify(right.clone(), 1_300_819_380), Err(BearerFault::Nobody), "{key}");
        assert_eq!(verify(right, NOW), Err(BearerFault::Expired), "{key}");
        let wrong = format!("{header}.{claims}.{}", signature.replacen(&signature[..1], "E", 1));
        assert_eq!(verify(wrong, 1_300_819_380), Err(BearerFault::Signature), "{key}");
    }
    // RFC 8037 §A.4: right, and of a text that is no JSON.
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(fault(&Tokens::new(jwks(&[OKP])), token), BearerFault::Claims);
}

#[test]
fn keys_in_pem() {
    let pem = |label: &str, der: &[u8]| {
        format!("a key\n-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64::encode(der))
    };
    let random = SystemRandom::new();
    let rsa = RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let okp = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();

    let by_rsa = |signed: &[u8]| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).unwrap();
        signature
    };
    let rsa_der = rsa.public_key().as_der().unwrap();
    let ec_der = ec.public_key().as_der().unwrap();
    let okp_der = okp.public_key().as_der().unwrap();
    let rs256 = token(r#"{"alg":"RS256","kid":"any"}"#, CLAIMS, by_rsa);
    let es256 = token(r#"{"alg":"ES256"}"#, CLAIMS, |signed| {
        ec.sign(&random, signed).unwrap().as_ref().to_vec()
    });
    let eddsa = |name: &str| {
        token(&format!(r#"{{"alg":"{name}"}}"#), CLAIMS, |signed| {
            okp.sign(signed).as_ref().to_vec()
        })
    };
    for (pem, token) in [
        (pem("PUBLIC KEY", rsa_der.as_ref()), &rs256),
        (pem("RSA PUBLIC KEY", rsa.public_key().as_ref()), &rs256),
        (pem("PUBLIC KEY", ec_der.as_ref()), &es256),
        (pem("PUBLIC KEY", okp_der.as_ref()), &eddsa("EdDSA")),
        (pem("PUBLIC KEY", okp_der.as_ref()), &eddsa("Ed25519")),
    ] {
        let tokens = Tokens::new(Keys::from_pem(&pem).unwrap());
        let asker = tokens.verify(token.as_bytes(), NOW).unwrap();
        assert_eq!((&*asker.name, asker.groups.len()), ("anna", 2));

        // With the public key as a shared secret (RFC 8725 §2.1), in each form that it has.
        let der = base64::decode(pem.lines().nth(2).unwrap().as_bytes()).unwrap();
        for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), &der] {
            let forged = self::token(r#"{"alg":"HS256"}"#, CLAIMS, by_secret(secret));
            assert_eq!(fault(&tokens, &forged), BearerFault::OtherAlgorithm);
        }
    }
    let of_rsa = Tokens::new(Keys::from_pem(&pem("PUBLIC KEY", rsa_der.as_ref())).unwrap());
    assert_eq!(fault(&of_rsa, &es256), BearerFault::OtherAlgorithm);

    let keys = |text: &str| Keys::from_pem(text).unwrap_err();
    let one = pem("PUBLIC KEY", okp_der.as_ref());
    assert_eq!(keys(&pem("PRIVATE KEY", b"x")), KeysFault::PrivateKey);
    assert_eq!(keys(&pem("RSA PRIVATE KEY", b"x")), KeysFault::PrivateKey);
    assert_eq!(keys(&pem("CERTIFICATE", b"x")), KeysFault::NoPublicKey);
    assert_eq!(keys(&pem("PUBLIC KEY", b"x")), KeysFault::UnknownKey);
    assert_eq!(keys(&format!("{one}{one}")), KeysFault::NoPem);
    assert_eq!(keys(one.trim_end_matches(['-', '\n'])), KeysFault::NoPem);
    assert_eq!(keys("ssh-ed25519 AAAA"), KeysFault::NoPem);
    assert_eq!(keys(&" ".repeat(KEYS_BYTES_MAX + 1)), KeysFault::TooLong);
}

#[test]
fn sets_of_keys() {
    let read = |text: &str, secrets| Keys::from_jwks(text.as_bytes(), secrets);
    let fault = |text: &str| read(text, Secrets::Refused).unwrap_err();
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]"#] {
        assert_eq!(fault(text), KeysFault::NoSet, "{text}");
    }
    assert_eq!(fault(r#"{"keys":[]}"#), KeysFault::NoKey);
    assert_eq!(fault(&set(&[RSA, OCT], "")), KeysFault::Secret);
    assert!(read(&set(&[RSA, OCT], ""), Secrets::Local).is_ok());
    assert_eq!(fault(&set(&[OKP; KEYS_MAX + 1], "")), KeysFault::TooMany);
    assert!(read(&set(&[OKP; KEYS_MAX], ""), Secrets::Refused).is_ok());

    for (more, why) in [
        (r#","use":"enc""#, "`use`"),
        (r#","key_ops":["sign"]"#, "`key_ops`"),
        (r#","alg":"RS512""#, "`alg`"),
        (r#","alg":"HS256""#, "`alg`"),
        (r#","alg":7"#, "`alg`"),
    ] {
        let text = set(&[RSA, &format!(r#"{EC},"kid":"good"}},{OKP},"kid":"bad""#)], more);
        let keys = read(&text, Secrets::Refused).unwrap();
        let passed_over: Vec<_> =
            keys.passed_over().iter().map(|key| (key.place, key.id.as_deref())).collect();
        assert_eq!(passed_over, [(0, None), (2, Some("bad"))]);
        assert!(keys.passed_over().iter().all(|key| key.why.contains(why)), "{keys:?}");
    }
    for key in [
        r#"{"kty":"RSA","e":"AQAB","n":"AQAB""#,
        r#"{"kty":"RSA","e":"AQAB""#,
        r#"{"kty":"EC","crv":"P-384","x":"","y":"""#,
        r#"{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB""#,
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU""#,
        r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"AQAB""#,
        r#"{"kty":"oct","k":"AQAB""#,
        r#"{"kty":"new""#,
        r#"{"kty":7"#,
    ] {
        assert_eq!(read(&set(&[key], ""), Secrets::Local).unwrap_err(), KeysFault::NoKey, "{key}");
        assert_eq!(
            read(&set(&[key, OKP], ""), Secrets::Local).unwrap().passed_over().len(),
            1,
            "{key}"
        );
    }
    // Zeros before the number are no part of it.
    let (start, n) = RSA.trim_end_matches('"').rsplit_once('"').unwrap();
    let n = [&[0], &*base64::decode_url(n.as_bytes()).unwrap()].concat();
    let zero = format!(r#"{start}"{}""#, url(&n));
    assert!(read(&set(&[&zero], ""), Secrets::Refused).is_ok());

    assert_eq!(Keys::from_secret(&SECRET[1..]).unwrap_err(), KeysFault::SecretTooShort);
    assert_eq!(SECRET.len(), SECRET_BYTES_MIN);
}

#[test]
fn a_token_names_its_key() {
    let oct =
        |id: &str, secret: &[u8]| format!(r#"{{"kty":"oct","kid":"{id}","k":"{}""#, url(secret));
    let (one, two) = (oct("one", SECRET), oct("two", &[7; 32]));
    let tokens = Tokens::new(jwks(&[&one, &two, &format!(r#"{OKP},"kid":"three""#)]));
    let verify = |id: &str, secret: &[u8]| {
        let header = format!(r#"{{"alg":"HS256"{id}}}"#);
        tokens
            .verify(token(&header, CLAIMS, by_secret(secret)).as_bytes(), NOW)
            .map(|asker| asker.name)
    };
    let anna = || Ok("anna".to_owned());
    assert_eq!(verify(r#","kid":"one""#, SECRET), anna());
    assert_eq!(verify(r#","kid":"two""#, &[7; 32]), anna());
    assert_eq!(verify("", &[7; 32]), anna());
    assert_eq!(verify(r#","kid":"two""#, SECRET), Err(BearerFault::Signature));
    assert_eq!(verify(r#","kid":"three""#, SECRET), Err(BearerFault::OtherAlgorithm));
    assert_eq!(verify(r#","kid":"four""#, SECRET), Err(BearerFault::UnknownKey));
    assert_eq!(verify(r#","kid":7"#, SECRET), Err(BearerFault::Malformed));
    assert_eq!(verify("", &[8; 32]), Err(BearerFault::Signature));
}

#[test]
fn tokens_that_try_to_be_believed() {
    let tokens = tokens();
    let none = |name: &str| token(&format!(r#"{{"alg":"{name}"}}"#), CLAIMS, |_| Vec::new());
    for name in ["none", "None", "", "HS512", "hs256", "RS384", "PS256", "ES256K"] {
        assert_eq!(fault(&tokens, &none(name)), BearerFault::Algorithm, "{name}");
    }
    assert_eq!(fault(&tokens, &none("HS256")), BearerFault::Signature);
    assert_eq!(fault(&tokens, &none("RS256")), BearerFault::OtherAlgorithm);

    // A key that it brings along counts for nothing; what must be understood is not.
    let own = [9; 32];
    let header = format!(
        r#"{{"alg":"HS256","jwk":{{"kty":"oct","k":"{}"}},"jku":"http://127.0.0.1/"}}"#,
        url(&own)
    );
    assert_eq!(fault(&tokens, &token(&header, CLAIMS, by_secret(&own))), BearerFault::Signature);
    let critical =
        token(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, CLAIMS, by_secret(SECRET));
    assert_eq!(fault(&tokens, &critical), BearerFault::Critical);

    // What was signed is not what is shown.
    let right = hs256(CLAIMS);
    assert!(tokens.verify(right.as_bytes(), NOW).is_ok());
    let parts: Vec<_> = right.split('.').collect();
    let root = url(CLAIMS.replace("anna", "root").as_bytes());
    assert_eq!(
        fault(&tokens, &format!("{}.{root}.{}", parts[0], parts[2])),
        BearerFault::Signature
    );
    assert_eq!(fault(&tokens, &format!("{}.{}.", parts[0], parts[1])), BearerFault::Signature);
    for malformed in [
        parts[..2].join("."),
        format!("{right}.x"),
        format!("{right}="),
        right.replace('.', ".."),
        format!("{}.{}.{}", url(b"[]"), parts[1], parts[2]),
        format!("{}.{}.{}", url(b"{}"), parts[1], parts[2]),
        "abc".to_owned(),
    ] {
        assert_eq!(fault(&tokens, &malformed), BearerFault::Malformed, "{malformed}");
    }
    for none in ["", "=", "a b", "a,b", "a\u{e9}.b.c", "\"a.b.c\""] {
        assert_eq!(fault(&tokens, none), BearerFault::NoToken, "{none}");
    }
    assert_eq!(fault(&tokens, &"a".repeat(TOKEN_BYTES_MAX + 1)), BearerFault::TooLong);
    assert_eq!(fault(&tokens, &"a".repeat(TOKEN_BYTES_MAX)), BearerFault::Malformed);
}

#[test]
fn times_with_their_skew() {
    let mut tokens = tokens();
    let claims = |times: &str| hs256(&format!(r#"{{"sub":"anna"{times}}}"#));
    let verify = |tokens: &Tokens, times: &str| {
        tokens
            .verify(claims(times).as_bytes(), NOW)
            .map(|asker| asker.name)
            .map_err(|fault| fault as u8)
    };
    let anna = || Ok("anna".to_owned());
    let err = |fault: BearerFault| Err(fault as u8);
    // The clocks may be 60 seconds apart: an end is then over, a start is then there.
    for (times, expected) in [
        (r#","exp":1800000000"#, anna()),
        (r#","exp":1799999941"#, anna()),
        (r#","exp":1799999940"#, err(BearerFault::Expired)),
        (r#","exp":1799999940.5"#, anna()),
        (r#","exp":-1"#, err(BearerFault::Expired)),
        (r#","exp":1e300"#, anna()),
        (r#","exp":"1800000100""#, err(BearerFault::Claims)),
        (r#","exp":null"#, err(BearerFault::Claims)),
        ("", err(BearerFault::Endless)),
        (r#","exp":1800000100,"nbf":1800000060"#, anna()),
        (r#","exp":1800000100,"nbf":1800000061"#, err(BearerFault::Early)),
        (r#","exp":1800000100,"nbf":[]"#, err(BearerFault::Claims)),
    ] {
        assert_eq!(verify(&tokens, times), expected, "{times}");
    }
    tokens.expiry = Expiry::Optional;
    assert_eq!(verify(&tokens, ""), anna());
    assert_eq!(verify(&tokens, r#","exp":1799999940"#), err(BearerFault::Expired));
    tokens.clock_skew_seconds = 0;
    assert_eq!(verify(&tokens, r#","exp":1800000000"#), err(BearerFault::Expired));
    assert_eq!(verify(&tokens, r#","exp":1800000001"#), anna());
    assert_eq!(verify(&tokens, r#","nbf":1800000001"#), err(BearerFault::Early));
    tokens.clock_skew_seconds = u64::MAX;
    assert_eq!(verify(&tokens, r#","exp":0"#), anna());
}

#[test]
fn from_whom_and_for_whom() {
    let mut tokens = tokens();
    let token = |more: &str| hs256(&format!(r#"{{"sub":"anna","exp":1800000100{more}}}"#));
    let verify = |tokens: &Tokens, more: &str| tokens.verify(token(more).as_bytes(), NOW).map(drop);
    assert_eq!(verify(&tokens, r#","iss":"anyone""#), Ok(()));
    assert_eq!(verify(&tokens, r#","aud":"us""#), Err(BearerFault::Audience));
    tokens.audiences = vec!["us".to_owned(), "https://us.example/".to_owned()];
    assert_eq!(verify(&tokens, ""), Err(BearerFault::Audience));
    for (aud, expected) in [
        (r#""us""#, Ok(())),
        (r#"["them","https://us.example/"]"#, Ok(())),
        (r#""US""#, Err(BearerFault::Audience)),
        (r#"["them"]"#, Err(BearerFault::Audience)),
        ("[]", Err(BearerFault::Audience)),
        ("7", Err(BearerFault::Audience)),
    ] {
        assert_eq!(verify(&tokens, &format!(r#","aud":{aud}"#)), expected, "{aud}");
    }
    tokens.audiences.clear();
    tokens.issuer = Some("https://issuer.example".to_owned());
    assert_eq!(verify(&tokens, r#","iss":"https://issuer.example""#), Ok(()));
    for other in [r#","iss":"https://issuer.example/""#, r#","iss":["https://issuer.example"]"#, ""]
    {
        assert_eq!(verify(&tokens, other), Err(BearerFault::Issuer));
    }
}

#[test]
fn names_and_groups() {
    let mut tokens = tokens();
    let ask = |tokens: &Tokens, claims: &str| {
        tokens.verify(hs256(&format!(r#"{{"exp":1800000100,{claims}}}"#)).as_bytes(), NOW)
    };
    for claims in [r#""a":1"#, r#""sub":"""#, r#""sub":7"#, r#""sub":"a\nb""#] {
        assert_eq!(ask(&tokens, claims), Err(BearerFault::Nobody), "{claims}");
    }
    let groups = |tokens: &Tokens, claims: &str| {
        ask(tokens, &format!(r#""sub":"anna",{claims}"#)).unwrap().groups
    };
    assert_eq!(groups(&tokens, r#""groups":["a b","c"]"#), ["a b", "c"]);
    assert_eq!(groups(&tokens, r#""groups":"a  b""#), ["a", "b"]);
    assert_eq!(groups(&tokens, r#""groups":["a",7,null,["b"]]"#), ["a"]);
    for none in [r#""groups":{"a":true}"#, r#""groups":7"#, r#""scope":"a b""#] {
        assert_eq!(groups(&tokens, none), [""; 0], "{none}");
    }
    tokens.groups_claim = "scope".to_owned();
    assert_eq!(groups(&tokens, r#""scope":"read write""#), ["read", "write"]);
    tokens.groups_claim = "/realm_access/roles".to_owned();
    assert_eq!(groups(&tokens, r#""realm_access":{"roles":["admin"]}"#), ["admin"]);
    tokens.groups_claim = "https://example.org/roles".to_owned();
    assert_eq!(groups(&tokens, r#""https://example.org/roles":["admin"]"#), ["admin"]);
}

#[test]
fn challenges_say_nothing_that_breaks_them() {
    use BearerFault as F;
    let all = [
        F::NoToken,
        F::TooLong,
        F::Malformed,
        F::Critical,
        F::Algorithm,
        F::UnknownKey,
        F::OtherAlgorithm,
        F::Signature,
        F::Claims,
        F::Endless,
        F::Expired,
        F::Early,
        F::Issuer,
        F::Audience,
        F::Nobody,
    ];
    for fault in all {
        let is_fine = |octet: u8| matches!(octet, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(fault.description().bytes().all(is_fine), "{fault:?}");
        let is_request = matches!(fault, F::NoToken | F::TooLong);
        let error = if is_request { ErrorCode::InvalidRequest } else { ErrorCode::InvalidToken };
        assert_eq!(fault.error(), error, "{fault:?}");
    }
    assert_eq!(ErrorCode::InsufficientScope.as_str(), "insufficient_scope");
}

#[test]
fn keys_are_not_shown() {
    let shown = format!("{:?} {:?}", tokens(), jwks(&[OCT, OKP]));
    assert!(shown.contains("Hs256") && shown.contains("EdDsa"));
    for secret in ["AyM1", "11qY", "an octet", "97, 110, 32"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn a_changed_octet_is_never_taken(at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let tokens = tokens();
        let right = hs256(CLAIMS).into_bytes();
        let mut changed = right.clone();
        changed[at.index(right.len())] = octet;
        prop_assert_eq!(tokens.verify(&changed, NOW).is_ok(), changed == right);
    }

    #[test]
    fn nothing_makes_it_panic(
        octets in prop::collection::vec(any::<u8>(), 0..80), header in "\\PC{0,30}", claims in "[{}\\[\\]\":,a-z0-9.-]{0,40}",
    ) {
        let tokens = tokens();
        prop_assert!(tokens.verify(&octets, NOW).is_err());
        prop_assert!(tokens.verify(token(&header, &claims, by_secret(SECRET)).as_bytes(), NOW).is_err());
        prop_assert!(tokens.verify(hs256(&claims).as_bytes(), NOW).is_err());
        let _ = Keys::from_jwks(&octets, Secrets::Local);
        let _ = Keys::from_jwks(claims.as_bytes(), Secrets::Local);
        let _ = Keys::from_pem(&format!("-----BEGIN PUBLIC KEY-----{header}-----END PUBLIC KEY-----"));
    }
}
