//! What a facilitator answers, and what of it a client is told.

use core::fmt;

use serde_json::{Map, Value};
use wherefore_message::base64;

use super::{Payment, Terms};

/// How long a facilitator's answer may be.
pub const FACILITATOR_ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long each text that is read of it may be.
const TEXT_BYTES_MAX: usize = 512;

/// What the facilitator says of a payment before it is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It can be settled.
    Valid,
    /// It can't.
    Invalid {
        /// The protocol's code for why.
        reason: Box<str>,
    },
}

/// What became of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was made.
    Success {
        /// The transaction by which it was.
        transaction: Box<str>,
        /// Whose it was, if that is said.
        payer: Option<Box<str>>,
    },
    /// It was not.
    Failure {
        /// The protocol's code for why.
        reason: Box<str>,
        /// Whose it was, if that is said.
        payer: Option<Box<str>>,
    },
}

/// Why a facilitator's answer says nothing. Whether a payment was settled is not known then: it may not be tried
/// with another one, and must not be taken for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFault {
    /// It is longer than [`FACILITATOR_ANSWER_BYTES_MAX`].
    TooLong,
    /// It is not JSON.
    NotJson,
    /// A part that is needed is absent, or of another type, or too long.
    Shape,
    /// It speaks of another network.
    OtherNetwork,
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the facilitator's answer is too long",
            Self::NotJson => "the facilitator's answer is not JSON",
            Self::Shape => "the facilitator's answer lacks a part, or one is of the wrong type",
            Self::OtherNetwork => "the facilitator's answer speaks of another network",
        })
    }
}

impl core::error::Error for AnswerFault {}

/// Reads the answer to `/verify`.
///
/// # Errors
/// Why it says nothing.
pub fn read_verified(content: &[u8]) -> Result<Verified, AnswerFault> {
    let answer = read(content)?;
    match answer.get("isValid") {
        Some(Value::Bool(true)) => Ok(Verified::Valid),
        Some(Value::Bool(false)) => {
            let reason = text(&answer, "invalidReason")?;
            Ok(Verified::Invalid { reason: reason.unwrap_or("unexpected_verify_error".into()) })
        }
        _ => Err(AnswerFault::Shape),
    }
}

/// Reads the answer to `/settle`.
///
/// # Errors
/// Why it says nothing.
pub fn read_settled(content: &[u8], payment: &Payment) -> Result<Settled, AnswerFault> {
    let answer = read(content)?;
    let payer = text(&answer, "payer")?;
    match answer.get("success") {
        Some(Value::Bool(true)) => {
            let network = text(&answer, "network")?.ok_or(AnswerFault::Shape)?;
            if *network != *payment.terms().network() {
                return Err(AnswerFault::OtherNetwork);
            }
            let transaction = text(&answer, "transaction")?.filter(|text| !text.is_empty());
            Ok(Settled::Success { transaction: transaction.ok_or(AnswerFault::Shape)?, payer })
        }
        Some(Value::Bool(false)) => {
            let reason = text(&answer, "errorReason")?;
            let reason = reason.unwrap_or("unexpected_settle_error".into());
            Ok(Settled::Failure { reason, payer })
        }
        _ => Err(AnswerFault::Shape),
    }
}

impl Settled {
    /// The value of `PAYMENT-RESPONSE`, which tells the client: `SettlementResponse` in base 64.
    #[must_use]
    pub fn field(&self, terms: &Terms) -> String {
        let mut told = Map::new();
        let (transaction, payer) = match self {
            Self::Success { transaction, payer } => {
                told.insert("success".into(), true.into());
                (&**transaction, payer)
            }
            Self::Failure { reason, payer } => {
                told.insert("success".into(), false.into());
                told.insert("errorReason".into(), reason.as_ref().into());
                ("", payer)
            }
        };
        told.insert("transaction".into(), transaction.into());
        told.insert("network".into(), terms.network().into());
        if let Some(payer) = payer {
            told.insert("payer".into(), payer.as_ref().into());
        }
        base64::encode(Value::Object(told).to_string().as_bytes())
    }
}

fn read(content: &[u8]) -> Result<Map<String, Value>, AnswerFault> {
    if content.len() > FACILITATOR_ANSWER_BYTES_MAX {
        return Err(AnswerFault::TooLong);
    }
    match serde_json::from_slice(content) {
        Ok(Value::Object(answer)) => Ok(answer),
        Ok(_) => Err(AnswerFault::Shape),
        Err(_) => Err(AnswerFault::NotJson),
    }
}

/// A text, which may be left out or null.
fn text(answer: &Map<String, Value>, name: &str) -> Result<Option<Box<str>>, AnswerFault> {
    match answer.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= TEXT_BYTES_MAX => Ok(Some(text.as_str().into())),
        Some(_) => Err(AnswerFault::Shape),
    }
}
