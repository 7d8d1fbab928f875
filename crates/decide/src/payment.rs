//! Stage two, paid for now: a payment that comes with the request, and that somebody else knows the worth of
//! (RFC 9110 §15.5.3).

use wherefore_message::{FieldSet, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of a payment.
#[derive(Clone, Copy, Debug)]
pub struct PaymentFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// What came of its payment.
    pub tendered: Tendered,
}

/// What came of a request's payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tendered {
    /// It is good, or was settled before for the same.
    Good,
    /// There is none.
    Absent,
    /// It can't be read: why.
    Malformed(&'static str),
    /// It is none for this: why.
    Unfit(&'static str),
    /// Another request is being paid with it.
    Underway,
    /// It was used before: for what.
    Used(&'static str),
    /// Who knows its worth can't be asked now; in so many seconds perhaps.
    Unreachable(u32),
    /// Who knows its worth refuses it.
    Refused,
}

/// A rule that answers for one end of a payment.
macro_rules! payment {
    ($id:literal, $asks:literal, $rfc:literal $section:literal, $status:ident, $shown_by:literal, $($end:pat => $witness:expr)*) => {
        Rule {
            info: &Info {
                id: $id,
                asks: $asks,
                spec: Spec::new($rfc, $section),
                needs: FieldSet::EMPTY,
                may: &[Status::$status],
                shown_by: $shown_by,
            },
            check: |facts| match facts.tendered {
                $($end => Step::Stop(Status::$status, $witness),)*
                _ => Step::Pass,
            },
        }
    };
}

impl Group for PaymentFacts<'_> {
    const ID: GroupId = GroupId::Payment;
    type Rules = [Rule<Self>; 7];
    const RULES: Self::Rules = [
        payment!(
            "payment-sent", "Does the request bring a payment?", 9110 "15.5.3", PAYMENT_REQUIRED,
            "a request without PAYMENT-SIGNATURE for a route with price = { x402 = { network = \"eip155:8453\" } }",
            Tendered::Absent => Witness::Who("the answer is to be paid for")
        ),
        payment!(
            "payment-form", "Can the payment be read?", 9110 "15.5.1", BAD_REQUEST,
            "PAYMENT-SIGNATURE with what is not in base 64",
            Tendered::Malformed(why) => Witness::Who(why)
        ),
        payment!(
            "payment-terms", "Is the payment for this?", 9110 "15.5.3", PAYMENT_REQUIRED,
            "PAYMENT-SIGNATURE with another amount than is asked for",
            Tendered::Unfit(why) => Witness::Who(why)
        ),
        payment!(
            "payment-free", "Is no other request being paid with it?", 9110 "15.5.10", CONFLICT,
            "two requests at the same time with the same PAYMENT-SIGNATURE",
            Tendered::Underway => Witness::Who("another request is being paid with this payment")
        ),
        payment!(
            "payment-unused", "Was nothing else paid with it before?", 9110 "15.5.3", PAYMENT_REQUIRED,
            "the PAYMENT-SIGNATURE of an answer that was paid for, for another one",
            Tendered::Used(why) => Witness::Who(why)
        ),
        payment!(
            "facilitator", "Can be asked what the payment is worth?", 9110 "15.6.4", SERVICE_UNAVAILABLE,
            "a facilitator that is down",
            Tendered::Unreachable(wait) => Witness::Wait(if wait == 0 { 1 } else { wait as u64 })
        ),
        payment!(
            "payment-good", "Is the payment good?", 9110 "15.5.3", PAYMENT_REQUIRED,
            "a payment that the facilitator refuses",
            Tendered::Refused => Witness::Who("the payment is refused")
        ),
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}
