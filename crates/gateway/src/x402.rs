//! Payments by x402, version 2 of its protocol, over HTTP: what is asked for, what a client sends for it, and what is
//! said to the facilitator, which alone knows the money. Its specification is at <https://github.com/coinbase/x402>:
//! `specs/x402-specification-v2.md` and `specs/transports-v2/http.md`.

mod answer;
mod identity;

use core::fmt;

use serde_json::{Map, Value, json};
use wherefore_message::{Cause, Status, base64};

pub use answer::{
    AnswerFault, FACILITATOR_ANSWER_BYTES_MAX, Settled, Verified, read_settled, read_verified,
};
pub use identity::PaymentId;

/// How long the value of `PAYMENT-SIGNATURE`, by which a client pays, may be.
pub const PAYMENT_FIELD_BYTES_MAX: usize = 16 << 10;

/// How many ways to pay one offer may have.
pub const TERMS_MAX: usize = 8;

/// How long each text of the terms may be.
pub const TERMS_TEXT_BYTES_MAX: usize = 256;

const VERSION: u64 = 2;
const SCHEME: &str = "exact";

/// One way to pay: `PaymentRequirements` of the scheme `exact`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    network: Box<str>,
    /// As it is sent: what a client accepts has to be the same.
    json: Map<String, Value>,
}

/// What the operator wrote of one way to pay.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The network, as CAIP-2 has it: `eip155:8453`.
    pub network: &'a str,
    /// The amount in the asset's smallest unit, in decimal digits.
    pub amount: &'a str,
    /// What is paid: a token's address, or a currency.
    pub asset: &'a str,
    /// To whom.
    pub pay_to: &'a str,
    /// For how long the payment may take.
    pub max_timeout_seconds: u32,
    /// What else the scheme wants on this network, as a JSON object; empty if nothing.
    pub extra: &'a str,
}

/// What is wrong with terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermsError {
    /// The network is not as CAIP-2 has it.
    Network,
    /// The amount is no positive number of 256 bits in decimal digits.
    Amount,
    /// The asset is empty or too long, or has other than visible characters.
    Asset,
    /// The same of who is paid.
    PayTo,
    /// No time is left to pay.
    Timeout,
    /// What else there is, is no JSON object.
    Extra,
}

impl fmt::Display for TermsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "a network has a namespace and a reference, such as eip155:8453",
            Self::Amount => "an amount is a whole number above 0, in the asset's smallest unit",
            Self::Asset => "an asset is a token's address, or a currency",
            Self::PayTo => "who is paid has an address",
            Self::Timeout => "a payment takes a second at least",
            Self::Extra => "this has to be a JSON object",
        })
    }
}

impl core::error::Error for TermsError {}

impl Terms {
    /// Reads what the operator wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(written: &Written<'_>) -> Result<Self, TermsError> {
        let is_text = |text: &str| {
            (1..=TERMS_TEXT_BYTES_MAX).contains(&text.len())
                && text.bytes().all(|octet| octet.is_ascii_graphic())
        };
        if !is_network(written.network) {
            return Err(TermsError::Network);
        }
        if !is_amount(written.amount) {
            return Err(TermsError::Amount);
        }
        // There a payment is known by its token.
        let is_of_evm = written.network.starts_with("eip155:");
        let is_token = !is_of_evm || identity::hex_octets::<20>(written.asset).is_some();
        if !is_text(written.asset) || !is_token {
            return Err(TermsError::Asset);
        }
        if !is_text(written.pay_to) {
            return Err(TermsError::PayTo);
        }
        if written.max_timeout_seconds == 0 {
            return Err(TermsError::Timeout);
        }
        let extra = match written.extra {
            "" => None,
            extra => match serde_json::from_str(extra) {
                Ok(Value::Object(extra)) => Some(Value::Object(extra)),
                _ => return Err(TermsError::Extra),
            },
        };
        let mut json = Map::new();
        json.insert("scheme".into(), SCHEME.into());
        json.insert("network".into(), written.network.into());
        json.insert("amount".into(), written.amount.into());
        json.insert("asset".into(), written.asset.into());
        json.insert("payTo".into(), written.pay_to.into());
        json.insert("maxTimeoutSeconds".into(), written.max_timeout_seconds.into());
        if let Some(extra) = extra {
            json.insert("extra".into(), extra);
        }
        Ok(Self { network: written.network.into(), json })
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.network
    }

    /// What is paid.
    #[must_use]
    pub fn asset(&self) -> &str {
        self.json.get("asset").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a client took up these terms and changed nothing. That nothing else is said may be said as nothing.
    fn are(&self, accepted: &Map<String, Value>) -> bool {
        let is_nothing = |(name, value): &(&String, &Value)| {
            *name == "extra" && value.as_object().is_some_and(Map::is_empty)
        };
        let told = |json: &Map<String, Value>| json.iter().filter(|pair| !is_nothing(pair)).count();
        let is_same = |pair: &(&String, &Value)| self.json.get(pair.0) == Some(pair.1);
        told(accepted) == told(&self.json)
            && accepted.iter().filter(|pair| !is_nothing(pair)).all(|pair| is_same(&pair))
    }
}

/// What is asked for an answer of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The ways to pay, of which a client chooses one; [`TERMS_MAX`] at most are offered.
    pub accepts: Vec<Terms>,
    /// What the payment is for, for people.
    pub description: Option<Box<str>>,
    /// The media type of what is paid for.
    pub mime_type: Option<Box<str>>,
}

impl Offer {
    /// The JSON of `PaymentRequired` for the resource at `url`, with why it is sent. In base 64 it is the value of
    /// `PAYMENT-REQUIRED`, which a 402 carries; as it is, it can be the content.
    #[must_use]
    pub fn required(&self, url: &str, error: &str) -> String {
        let accepts = self.terms().map(|terms| Value::Object(terms.json.clone()));
        let mut resource = Map::new();
        resource.insert("url".into(), url.into());
        if let Some(description) = &self.description {
            resource.insert("description".into(), description.as_ref().into());
        }
        if let Some(mime_type) = &self.mime_type {
            resource.insert("mimeType".into(), mime_type.as_ref().into());
        }
        let required = json!({
            "x402Version": VERSION,
            "error": error,
            "resource": resource,
            "accepts": accepts.collect::<Vec<_>>(),
        });
        required.to_string()
    }

    /// Reads the value of `PAYMENT-SIGNATURE`, for the resource at `url`. It has to have taken up one of the offered terms as
    /// they are, and may not speak of another resource.
    ///
    /// # Errors
    /// Why it is no payment for this.
    pub fn read(&self, url: &str, field: &[u8]) -> Result<Payment, PaymentFault> {
        if field.len() > PAYMENT_FIELD_BYTES_MAX {
            return Err(PaymentFault::TooLong);
        }
        let octets = base64::decode(field).ok_or(PaymentFault::NotBase64)?;
        let json = serde_json::from_slice(&octets).map_err(|_| PaymentFault::NotJson)?;
        let Value::Object(payload) = json else { return Err(PaymentFault::Shape) };
        if payload.get("x402Version").and_then(Value::as_u64) != Some(VERSION) {
            return Err(PaymentFault::Version);
        }
        let part = |name: &str| payload.get(name).map(Value::as_object);
        let (Some(Some(accepted)), Some(Some(signed))) = (part("accepted"), part("payload")) else {
            return Err(PaymentFault::Shape);
        };
        if part("extensions") == Some(None) {
            return Err(PaymentFault::Shape);
        }
        match payload.get("resource").map(|resource| resource.get("url").and_then(Value::as_str)) {
            Some(None) => return Err(PaymentFault::Shape),
            Some(Some(other)) if other != url => return Err(PaymentFault::OtherResource),
            _ => {}
        }
        let taken = self.terms().find(|terms| terms.are(accepted));
        let terms = taken.ok_or(PaymentFault::NotOffered)?.clone();
        let id = PaymentId::of(&terms, signed).ok_or(PaymentFault::Shape)?;
        Ok(Payment { payload, terms, id })
    }

    fn terms(&self) -> impl Iterator<Item = &Terms> {
        self.accepts.iter().take(TERMS_MAX)
    }
}

/// A payment that a client sent: it took up what was offered, but whether there is any money in it the facilitator
/// has to say.
#[derive(Clone, Debug)]
pub struct Payment {
    payload: Map<String, Value>,
    terms: Terms,
    id: PaymentId,
}

impl Payment {
    /// What it is known by, so that it is settled once at most.
    #[must_use]
    pub const fn id(&self) -> &PaymentId {
        &self.id
    }

    /// The terms that the client took up.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The JSON that is posted to the facilitator's `/verify`, and the same to its `/settle`. It is written anew from
    /// what was read here, so that both see one meaning. Facilitators look for the version outside the payload too.
    #[must_use]
    pub fn request(&self) -> String {
        json!({
            "x402Version": VERSION,
            "paymentPayload": self.payload,
            "paymentRequirements": self.terms.json,
        })
        .to_string()
    }
}

/// Why what a client sent is no payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentFault {
    /// It is longer than [`PAYMENT_FIELD_BYTES_MAX`].
    TooLong,
    /// It is not in base 64.
    NotBase64,
    /// It is not JSON.
    NotJson,
    /// It is of another version.
    Version,
    /// A part that is needed is absent, or of another type.
    Shape,
    /// It takes up terms that are not offered.
    NotOffered,
    /// It is for another resource.
    OtherResource,
}

impl PaymentFault {
    /// The status that answers it: what can't be read is the client's mistake, what is not enough is asked for again.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::TooLong | Self::NotBase64 | Self::NotJson | Self::Version | Self::Shape => {
                Status::BAD_REQUEST
            }
            Self::NotOffered | Self::OtherResource => Status::PAYMENT_REQUIRED,
        }
    }

    /// A sentence for people, without its full stop.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::TooLong => "the payment is too long",
            Self::NotBase64 => "the payment is not in base 64",
            Self::NotJson => "the payment is not JSON",
            Self::Version => "the payment is not of version 2",
            Self::Shape => "the payment lacks a part, or one is of the wrong type",
            Self::NotOffered => "the payment takes up terms that are not offered",
            Self::OtherResource => "the payment is for another resource",
        }
    }

    /// The protocol's code for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong | Self::NotBase64 | Self::NotJson | Self::Shape => "invalid_payload",
            Self::Version => "invalid_x402_version",
            Self::NotOffered | Self::OtherResource => "invalid_payment_requirements",
        }
    }
}

impl fmt::Display for PaymentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for PaymentFault {}

/// Whether a request that came to nothing for this cause never reached the facilitator: then nothing was settled.
#[must_use]
pub const fn is_unsent(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::NameNotFound
            | Cause::NameLate
            | Cause::Refused
            | Cause::Unroutable
            | Cause::ConnectLate
            | Cause::TlsProtocol
            | Cause::TlsCertificate
            | Cause::NoneHealthy
            | Cause::QueueFull
            | Cause::QueueLate
            | Cause::Draining
    )
}

/// `namespace:reference` (CAIP-2).
fn is_network(text: &str) -> bool {
    let Some((namespace, reference)) = text.split_once(':') else { return false };
    let is_of_namespace =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    let is_of_reference =
        |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    (3..=8).contains(&namespace.len())
        && namespace.bytes().all(is_of_namespace)
        && (1..=32).contains(&reference.len())
        && reference.bytes().all(is_of_reference)
}

fn is_amount(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_digit())
        && !text.starts_with('0')
        && identity::uint256(text).is_some()
}

#[cfg(test)]
mod tests;
