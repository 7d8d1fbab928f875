use proptest::prelude::*;

use super::*;

const URL: &str = "https://api.example.com/premium-data";

const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
const ASSET: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const PAYER: &str = "0x857b06519E91e3A54538791bDbb0E22373e36b66";
const NONCE: &str = "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480";

/// The field of the protocol's own example (`specs/transports-v2/http.md`).
const EXAMPLE: &str = concat!(
    "eyJ4NDAyVmVyc2lvbiI6MiwicmVzb3VyY2UiOnsidXJsIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20vcHJlbWl1",
    "bS1kYXRhIiwiZGVzY3JpcHRpb24iOiJBY2Nlc3MgdG8gcHJlbWl1bSBtYXJrZXQgZGF0YSIsIm1pbWVUeXBlIjoi",
    "YXBwbGljYXRpb24vanNvbiJ9LCJhY2NlcHRlZCI6eyJzY2hlbWUiOiJleGFjdCIsIm5ldHdvcmsiOiJlaXAxNTU6",
    "ODQ1MzIiLCJhbW91bnQiOiIxMDAwMCIsImFzc2V0IjoiMHgwMzZDYkQ1Mzg0MmM1NDI2NjM0ZTc5Mjk1NDFlQzIz",
    "MThmM2RDRjdlIiwicGF5VG8iOiIweDIwOTY5M0JjNmFmYzBDNTMyOGJBMzZGYUYwM0M1MTRFRjMxMjI4N0MiLCJt",
    "YXhUaW1lb3V0U2Vjb25kcyI6NjAsImV4dHJhIjp7Im5hbWUiOiJVU0RDIiwidmVyc2lvbiI6IjIifX0sInBheWxv",
    "YWQiOnsic2lnbmF0dXJlIjoiMHgyZDZhNzU4OGQ2YWNjYTUwNWNiZjBkOWE0YTIyN2UwYzUyYzZjMzQwMDhjOGU4",
    "OTg2YTEyODMyNTk3NjQxNzM2MDhhMmNlNjQ5NjY0MmUzNzdkNmRhOGRiYmY1ODM2ZTliZDE1MDkyZjllY2FiMDVk",
    "ZWQzZDYyOTNhZjE0OGI1NzFjIiwiYXV0aG9yaXphdGlvbiI6eyJmcm9tIjoiMHg4NTdiMDY1MTlFOTFlM0E1NDUz",
    "ODc5MWJEYmIwRTIyMzczZTM2YjY2IiwidG8iOiIweDIwOTY5M0JjNmFmYzBDNTMyOGJBMzZGYUYwM0M1MTRFRjMx",
    "MjI4N0MiLCJ2YWx1ZSI6IjEwMDAwIiwidmFsaWRBZnRlciI6IjE3NDA2NzIwODkiLCJ2YWxpZEJlZm9yZSI6IjE3",
    "NDA2NzIxNTQiLCJub25jZSI6IjB4ZjM3NDY2MTNjMmQ5MjBiNWZkYWJjMDg1NmYyYWViMmQ0Zjg4ZWU2MDM3Yjhj",
    "YzVkMDRhNzFhNDQ2MmYxMzQ4MCJ9fX0=",
);

fn written() -> Written<'static> {
    Written {
        network: "eip155:84532",
        amount: "10000",
        asset: ASSET,
        pay_to: PAY_TO,
        max_timeout_seconds: 60,
        extra: r#"{"name":"USDC","version":"2"}"#,
    }
}

fn offer() -> Offer {
    Offer {
        accepts: vec![
            Terms::read(&Written { network: "eip155:8453", ..written() }).unwrap(),
            Terms::read(&written()).unwrap(),
        ],
        description: Some("Access to premium market data".into()),
        mime_type: Some("application/json".into()),
    }
}

fn example() -> Value {
    serde_json::from_slice(&base64::decode(EXAMPLE.as_bytes()).unwrap()).unwrap()
}

fn read(payload: &Value) -> Result<Payment, PaymentFault> {
    offer().read(URL, base64::encode(payload.to_string().as_bytes()).as_bytes())
}

/// The example with what is at `path` changed, or taken out.
fn with(path: &str, value: Option<Value>) -> Value {
    let mut payload = example();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = payload.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(name.into(), value),
        None => parent.remove(name),
    };
    payload
}

#[test]
fn the_offer_of_the_protocols_example() {
    let one = Offer { accepts: vec![Terms::read(&written()).unwrap()], ..offer() };
    let required = one.required(URL, "PAYMENT-SIGNATURE header is required");
    let due = json!({
        "x402Version": 2,
        "error": "PAYMENT-SIGNATURE header is required",
        "resource": {
            "url": "https://api.example.com/premium-data",
            "description": "Access to premium market data",
            "mimeType": "application/json",
        },
        "accepts": [{
            "scheme": "exact",
            "network": "eip155:84532",
            "amount": "10000",
            "asset": ASSET,
            "payTo": PAY_TO,
            "maxTimeoutSeconds": 60,
            "extra": { "name": "USDC", "version": "2" },
        }],
    });
    assert_eq!(serde_json::from_str::<Value>(&required).unwrap(), due);

    let bare = Offer { accepts: vec![], description: None, mime_type: None };
    let required: Value = serde_json::from_str(&bare.required("u\"", "")).unwrap();
    assert_eq!(required["resource"], json!({ "url": "u\"" }));
}

#[test]
fn no_more_terms_are_offered_than_the_most() {
    let many = Offer { accepts: vec![Terms::read(&written()).unwrap(); TERMS_MAX + 1], ..offer() };
    let required: Value = serde_json::from_str(&many.required(URL, "")).unwrap();
    assert_eq!(required["accepts"].as_array().unwrap().len(), TERMS_MAX);
}

#[test]
fn terms_that_can_not_be() {
    type E = TermsError;
    let read = |written: Written<'_>| Terms::read(&written).map(|_| ());
    for network in ["", "eip155", "eip155:", "EIP155:1", "ei:1", "eip155:1/2", "eip155555:1"] {
        assert_eq!(read(Written { network, ..written() }), Err(E::Network), "{network}");
    }
    for amount in ["", "0", "010", "-1", "1.5", "0x10", &"9".repeat(78)] {
        assert_eq!(read(Written { amount, ..written() }), Err(E::Amount), "{amount}");
    }
    assert_eq!(read(Written { asset: "USD", ..written() }), Err(E::Asset));
    for text in ["", "a b", "é", &"a".repeat(TERMS_TEXT_BYTES_MAX + 1)] {
        assert_eq!(read(Written { asset: text, ..written() }), Err(E::Asset), "{text}");
        assert_eq!(read(Written { pay_to: text, ..written() }), Err(E::PayTo), "{text}");
    }
    assert_eq!(read(Written { max_timeout_seconds: 0, ..written() }), Err(E::Timeout));
    for extra in ["[]", "{", "1", " "] {
        assert_eq!(read(Written { extra, ..written() }), Err(E::Extra), "{extra}");
    }
    let solana = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";
    assert_eq!(read(Written { network: solana, extra: "", asset: "USD", ..written() }), Ok(()));
}

#[test]
fn the_payment_of_the_protocols_example() {
    let payment = offer().read(URL, EXAMPLE.as_bytes()).unwrap();
    assert_eq!(payment.terms().network(), "eip155:84532");
    let request: Value = serde_json::from_str(&payment.request()).unwrap();
    let due = json!({
        "x402Version": 2,
        "paymentPayload": example(),
        "paymentRequirements": example()["accepted"],
    });
    assert_eq!(request, due);
    assert!(format!("{:?}", payment.id()).starts_with("PaymentId(eip155:84532 eip3009 "));
}

#[test]
fn what_is_no_payment() {
    type F = PaymentFault;
    let of = |field: &[u8]| offer().read(URL, field).map(|_| ());
    assert_eq!(of(&vec![b'A'; PAYMENT_FIELD_BYTES_MAX + 4]), Err(F::TooLong));
    assert_eq!(of(b"{}"), Err(F::NotBase64));
    assert_eq!(of(b""), Err(F::NotJson));
    assert_eq!(of(base64::encode(b"{} {}").as_bytes()), Err(F::NotJson));
    assert_eq!(of(base64::encode("[".repeat(9000).as_bytes()).as_bytes()), Err(F::NotJson));
    assert_eq!(of(base64::encode(b"[2]").as_bytes()), Err(F::Shape));
    for (path, value, fault) in [
        ("/x402Version", Some(json!(1)), F::Version),
        ("/x402Version", Some(json!("2")), F::Version),
        ("/x402Version", None, F::Version),
        ("/accepted", None, F::Shape),
        ("/accepted", Some(json!([])), F::Shape),
        ("/payload", None, F::Shape),
        ("/payload", Some(json!("0x")), F::Shape),
        ("/extensions", Some(json!([])), F::Shape),
        ("/resource", Some(json!(URL)), F::Shape),
        ("/resource/url", Some(json!("https://api.example.com/other")), F::OtherResource),
        ("/accepted/amount", Some(json!("9999")), F::NotOffered),
        ("/accepted/amount", Some(json!(10000)), F::NotOffered),
        ("/accepted/payTo", Some(json!(PAYER)), F::NotOffered),
        ("/accepted/network", Some(json!("eip155:1")), F::NotOffered),
        ("/accepted/scheme", Some(json!("upto")), F::NotOffered),
        ("/accepted/maxTimeoutSeconds", Some(json!(61)), F::NotOffered),
        ("/accepted/extra", None, F::NotOffered),
        ("/accepted/extra", Some(json!({})), F::NotOffered),
        ("/accepted/extra/name", Some(json!("EUR")), F::NotOffered),
        ("/accepted/more", Some(json!(1)), F::NotOffered),
        ("/payload/authorization/nonce", None, F::Shape),
        ("/payload/authorization/nonce", Some(json!("0xzz")), F::Shape),
        ("/payload/authorization/from", Some(json!("0x12")), F::Shape),
        ("/payload/permit2Authorization", Some(json!({})), F::Shape),
    ] {
        assert_eq!(read(&with(path, value)).map(|_| ()), Err(fault), "{path}");
        assert_eq!(fault.status().code(), if fault.code().ends_with("ments") { 402 } else { 400 });
    }
    for (path, value) in [
        ("/resource", None),
        ("/extensions", Some(json!({ "a": { "info": {}, "schema": {} } }))),
        ("/accepted/network", Some(json!("eip155:8453"))),
    ] {
        assert!(read(&with(path, value)).is_ok(), "{path}");
    }
}

#[test]
fn nothing_more_can_be_said_as_an_empty_object() {
    let terms = Terms::read(&Written { extra: "", ..written() }).unwrap();
    let bare = Offer { accepts: vec![terms], ..offer() };
    for (extra, is_taken) in [(None, true), (Some(json!({})), true), (Some(json!({"a": 1})), false)]
    {
        let payload = with("/accepted/extra", extra).to_string();
        let field = base64::encode(payload.as_bytes());
        assert_eq!(bare.read(URL, field.as_bytes()).is_ok(), is_taken);
    }
}

#[test]
fn a_payment_is_known_by_what_is_spent() {
    let id = |payload: &Value| read(payload).unwrap().id().clone();
    let first = id(&example());
    let lower = |text: &str| Some(json!(text.to_lowercase().replace("0x", "0X")));
    for (path, value) in [
        ("/payload/authorization/nonce", lower(NONCE)),
        ("/payload/authorization/from", lower(PAYER)),
        ("/payload/authorization/validBefore", Some(json!("99"))),
        ("/payload/authorization/more", Some(json!(1))),
        ("/payload/signature", Some(json!("0x00"))),
        ("/payload/more", Some(json!(1))),
        ("/resource", None),
        ("/extensions", Some(json!({}))),
    ] {
        assert_eq!(id(&with(path, value)), first, "{path}");
    }
    for (path, value) in [
        ("/payload/authorization/nonce", NONCE.replace("f37", "f38")),
        ("/payload/authorization/from", PAY_TO.to_owned()),
        ("/accepted/network", "eip155:8453".to_owned()),
    ] {
        assert_ne!(id(&with(path, Some(json!(value)))), first, "{path}");
    }
}

#[test]
fn other_ways_to_sign() {
    let permit = |nonce: &str| {
        json!({
            "signature": "0x00",
            "permit2Authorization": { "from": PAYER, "nonce": nonce, "deadline": "1740672154" },
        })
    };
    let id = |payload: Value| read(&with("/payload", Some(payload))).unwrap().id().clone();
    assert_eq!(id(permit("255")), id(permit("0xff")));
    assert_ne!(id(permit("255")), id(permit("254")));
    assert_ne!(id(permit(NONCE)), read(&example()).unwrap().id().clone());
    // Of what is not known, everything counts.
    assert_eq!(id(json!({ "a": 1, "b": [2] })), id(json!({ "b": [2], "a": 1 })));
    assert_ne!(id(json!({ "a": 1 })), id(json!({ "a": 2 })));

    let network = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
    let terms = Terms::read(&Written { network, ..written() }).unwrap();
    let solana = Offer { accepts: vec![terms], ..offer() };
    let id = |transaction: &[u8]| {
        let mut payload = with("/accepted/network", Some(json!(network)));
        payload["payload"] = json!({ "transaction": base64::encode(transaction) });
        let field = base64::encode(payload.to_string().as_bytes());
        solana.read(URL, field.as_bytes()).map(|payment| payment.id().clone())
    };
    let transaction =
        |signature: u8, message: &[u8]| [&[1], &[signature; 64][..], message].concat();
    let first = id(&transaction(0, b"message")).unwrap();
    assert_eq!(id(&transaction(9, b"message")).unwrap(), first);
    assert_ne!(id(&transaction(0, b"massage")).unwrap(), first);
    assert_eq!(id(b"").unwrap_err(), PaymentFault::Shape);
}

#[test]
fn what_facilitators_say_of_a_payment() {
    for (content, due) in [
        (json!({ "isValid": true, "payer": PAYER }), Ok(Verified::Valid)),
        (
            json!({ "isValid": false, "invalidReason": "insufficient_funds", "payer": PAYER }),
            Ok(Verified::Invalid { reason: "insufficient_funds".into() }),
        ),
        (
            json!({ "isValid": false, "invalidReason": null }),
            Ok(Verified::Invalid { reason: "unexpected_verify_error".into() }),
        ),
        (json!({ "isValid": "true" }), Err(AnswerFault::Shape)),
        (json!({ "isValid": false, "invalidReason": 1 }), Err(AnswerFault::Shape)),
        (json!({ "isValid": false, "invalidReason": "a".repeat(600) }), Err(AnswerFault::Shape)),
        (json!([true]), Err(AnswerFault::Shape)),
        (json!({}), Err(AnswerFault::Shape)),
    ] {
        assert_eq!(read_verified(content.to_string().as_bytes()), due, "{content}");
    }
    assert_eq!(read_verified(b"true!"), Err(AnswerFault::NotJson));
    let long = vec![b' '; FACILITATOR_ANSWER_BYTES_MAX + 1];
    assert_eq!(read_verified(&long), Err(AnswerFault::TooLong));
}

#[test]
fn what_became_of_a_payment() {
    let payment = offer().read(URL, EXAMPLE.as_bytes()).unwrap();
    let transaction = "0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef";
    let network = "eip155:84532";
    let settled = |content: &Value| read_settled(content.to_string().as_bytes(), &payment);
    let told = |content: &Value| -> Value {
        let field = settled(content).unwrap().field(payment.terms());
        serde_json::from_slice(&base64::decode(field.as_bytes()).unwrap()).unwrap()
    };
    let success = json!({
        "success": true, "payer": PAYER, "transaction": transaction, "network": network,
    });
    assert_eq!(told(&success), success);
    let failure = json!({
        "success": false, "errorReason": "insufficient_funds", "payer": PAYER,
        "transaction": "", "network": network,
    });
    assert_eq!(told(&failure), failure);
    let bare = json!({ "success": false });
    let due = json!({
        "success": false, "errorReason": "unexpected_settle_error",
        "transaction": "", "network": network,
    });
    assert_eq!(told(&bare), due);
    for (wrong, fault) in [
        (json!({ "success": 1 }), AnswerFault::Shape),
        (json!({ "success": true, "network": network }), AnswerFault::Shape),
        (json!({ "success": true, "network": network, "transaction": "" }), AnswerFault::Shape),
        (json!({ "success": true, "transaction": transaction }), AnswerFault::Shape),
        (
            json!({ "success": true, "transaction": transaction, "network": "eip155:1" }),
            AnswerFault::OtherNetwork,
        ),
    ] {
        assert_eq!(settled(&wrong), Err(fault), "{wrong}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, octet in b' '..=b'~') {
        prop_assert!(offer().read(URL, &octets).is_err());
        let mut text = example().to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = octet;
        if let Ok(payment) = offer().read(URL, base64::encode(&text).as_bytes()) {
            let request: Value = serde_json::from_str(&payment.request()).unwrap();
            prop_assert_eq!(&request["paymentPayload"], &serde_json::from_slice::<Value>(&text).unwrap());
            prop_assert_eq!(&request["paymentRequirements"], &example()["accepted"]);
        }
    }

    #[test]
    fn whatever_is_changed_of_what_was_accepted_is_refused(at: prop::sample::Index, octet in b'!'..=b'~') {
        let accepted = example()["accepted"].to_string();
        let at = at.index(accepted.len());
        let mut changed = accepted.into_bytes();
        changed[at] = octet;
        let Ok(value) = serde_json::from_slice::<Value>(&changed) else { return Ok(()) };
        let is_same = value == example()["accepted"];
        prop_assert_eq!(read(&with("/accepted", Some(value))).is_ok(), is_same);
    }
}
