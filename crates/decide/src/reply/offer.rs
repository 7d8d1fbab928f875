//! What is asked for an answer that has to be paid for, and what became of a payment (x402, version 2, over HTTP).

use wherefore_message::problem::ProblemForm;
use wherefore_message::{FieldName, ResponseHead, Status, Value, base64};

/// Adds an offer to the head of a 402, as JSON. Returns what stands in place of the explanation, where programs read it.
#[must_use]
pub fn offer(json: &str, form: ProblemForm, head: &mut ResponseHead) -> Option<String> {
    if head.status != Status::PAYMENT_REQUIRED {
        return None;
    }
    let field = base64::encode(json.as_bytes());
    head.set(FieldName::PaymentRequired, Value::Text(field.into_boxed_str()));
    if form != ProblemForm::Json {
        return None;
    }
    head.set(FieldName::ContentType, Value::Static("application/json"));
    Some(json.to_owned())
}

/// Adds what became of a payment.
pub fn receipt(field: &str, head: &mut ResponseHead) {
    // An upstream's own would be taken for it.
    head.remove(FieldName::PaymentResponse);
    head.set(FieldName::PaymentResponse, Value::Text(field.into()));
}
