//! Payments that come with requests (x402): whoever knows their worth is asked before the request is carried out, and
//! settles them before its answer is sent. A payment is settled at most once, and buys one answer: who asks for the
//! same once more in its lifetime is answered without paying again.

use std::sync::Arc;

use wherefore_decide::payment::Tendered;
use wherefore_decide::plan::Question;
use wherefore_gateway::x402::{
    FACILITATOR_ANSWER_BYTES_MAX, Offer, Payment, Settled, Verified, is_unsent, read_settled,
    read_verified,
};
use wherefore_message::status::Class;
use wherefore_message::{FieldName, Method, Request};
use wherefore_state::payments::{Hold, Known, Settlement};
use wherefore_state::{BeginError, Payments};

use crate::gateway::{Errand, ErrandContent, Gateway, Returned, errand};
use crate::notice;
use crate::service::Service;

/// Who knows what payments are worth, and what is asked for.
#[derive(Debug)]
pub struct Facilitator {
    /// How it is reached.
    pub gateway: Arc<Gateway>,
    /// What stands before `/verify` and `/settle` in its paths; it ends with no slash.
    pub base: Box<str>,
    /// What is asked for.
    pub offer: Offer,
    /// For how long a payment buys the same answer, in seconds.
    pub lifetime_seconds: u64,
    /// Which payments were settled; none where nothing is to be written.
    pub payments: Option<Arc<Payments>>,
}

/// A payment on its way, and what it is for.
#[derive(Debug)]
pub(crate) struct Paying {
    facilitator: Arc<Facilitator>,
    payments: Arc<Payments>,
    payment: Payment,
    hold: Arc<Hold>,
    purpose: Box<[u8]>,
    /// What it was told as when it was settled before.
    before: Option<String>,
}

/// What is asked for in place of an answer.
#[derive(Debug, Default)]
pub(crate) struct Offered {
    /// As JSON.
    pub(crate) json: String,
    /// What became of a payment that was not good enough.
    pub(crate) receipt: Option<String>,
}

/// Why a request is not carried out, and what is asked for.
pub(crate) type Refused = (Tendered, Offered);

/// Looks at the payment of a request, and has it verified.
///
/// # Errors
/// What stands against it.
pub(crate) async fn tender(
    service: &Service,
    facilitator: &Arc<Facilitator>,
    question: &Question<'_>,
) -> Result<Box<Paying>, Box<Refused>> {
    let request = question.request;
    let url = url(question);
    let offered =
        |error: &str| Offered { json: facilitator.offer.required(&url, error), receipt: None };
    let refused = |tendered, error: &str| Box::new((tendered, offered(error)));
    let unreachable = || refused(Tendered::Unreachable(soon(service)), "unexpected_verify_error");
    let mut sent = request.fields.all(FieldName::PaymentSignature);
    let Some(field) = sent.next() else {
        return Err(refused(Tendered::Absent, "PAYMENT-SIGNATURE header is required"));
    };
    if sent.next().is_some() {
        return Err(refused(
            Tendered::Malformed("there is more than one payment"),
            "invalid_payload",
        ));
    }
    let payment = facilitator.offer.read(&url, field).map_err(|fault| {
        let tendered = match fault.status().class() {
            Class::ClientError if fault.status() == wherefore_message::Status::BAD_REQUEST => {
                Tendered::Malformed(fault.text())
            }
            _ => Tendered::Unfit(fault.text()),
        };
        refused(tendered, fault.code())
    })?;
    let Some(payments) = &facilitator.payments else { return Err(unreachable()) };
    let Some(hold) = payments.hold(payment.id().as_bytes()) else {
        return Err(refused(Tendered::Underway, "duplicate_settlement"));
    };
    let (hold, payments) = (Arc::new(hold), Arc::clone(payments));
    let purpose = purpose(request, &url);
    let known = {
        let (payments, hold) = (Arc::clone(&payments), Arc::clone(&hold));
        service.work(move || payments.known(&hold)).await
    };
    let before = match known {
        Ok(Ok(Known::Nothing)) => None,
        Ok(Ok(Known::Begun)) => {
            let why = "it is not known whether this payment was settled; it is not tried again";
            return Err(refused(Tendered::Used(why), "duplicate_settlement"));
        }
        Ok(Ok(Known::Settled(settlement))) => {
            if settlement.purpose != purpose {
                let why = "something else was paid with this payment";
                return Err(refused(Tendered::Used(why), "duplicate_settlement"));
            }
            if settlement.until <= question.now.unix() {
                let why = "what was paid with this payment was paid too long ago";
                return Err(refused(Tendered::Used(why), "duplicate_settlement"));
            }
            Some(String::from_utf8_lossy(&settlement.told).into_owned())
        }
        Ok(Err(error)) => {
            notice!("payments can't be looked up: {error}");
            return Err(unreachable());
        }
        Err(_) => return Err(unreachable()),
    };
    if before.is_none() {
        let returned = ask(service, facilitator, "verify", &payment).await;
        let Ok(returned) = returned else { return Err(unreachable()) };
        match (returned.status.class(), read_verified(&returned.content)) {
            (Class::Success, Ok(Verified::Valid)) => {}
            (Class::Success | Class::ClientError, Ok(Verified::Invalid { reason })) => {
                return Err(refused(Tendered::Refused, &reason));
            }
            _ => return Err(unreachable()),
        }
    }
    let facilitator = Arc::clone(facilitator);
    Ok(Box::new(Paying { facilitator, payments, payment, hold, purpose, before }))
}

/// Settles a payment, and says what it is told as; of one that was settled before only that.
///
/// # Errors
/// What stands against it: the answer is not to be sent.
pub(crate) async fn settle(
    service: &Service,
    paying: Box<Paying>,
    question: &Question<'_>,
) -> Result<String, Box<Refused>> {
    if let Some(before) = paying.before {
        return Ok(before);
    }
    let url = url(question);
    let refused = |tendered, error: &str, receipt| {
        let json = paying.facilitator.offer.required(&url, error);
        Box::new((tendered, Offered { json, receipt }))
    };
    let unreachable =
        || refused(Tendered::Unreachable(soon(service)), "unexpected_settle_error", None);
    match write(service, &paying, |paying| paying.payments.begin(&paying.hold)).await {
        Some(Ok(())) => {}
        Some(Err(BeginError::Again)) => {
            let why = "it is not known whether this payment was settled; it is not tried again";
            return Err(refused(Tendered::Used(why), "duplicate_settlement", None));
        }
        Some(Err(error)) => {
            notice!("a payment can't be noted, and is not settled: {error}");
            return Err(unreachable());
        }
        None => return Err(unreachable()),
    }
    let answered = ask(service, &paying.facilitator, "settle", &paying.payment).await;
    let said = answered.map(|returned| {
        (returned.status.class(), read_settled(&returned.content, &paying.payment))
    });
    match said {
        Ok((Class::Success, Ok(settled @ Settled::Success { .. }))) => {
            let told = settled.field(paying.payment.terms());
            let settlement = Settlement {
                until: question.now.unix().saturating_add(paying.facilitator.lifetime_seconds),
                purpose: paying.purpose.clone(),
                told: told.as_bytes().into(),
            };
            let noted = write(service, &paying, move |paying| {
                paying.payments.settled(&paying.hold, &settlement)
            });
            if !matches!(noted.await, Some(Ok(()))) {
                notice!(
                    "a payment was settled, and that could not be noted: it buys no second answer"
                );
            }
            Ok(told)
        }
        Ok((Class::Success | Class::ClientError, Ok(settled @ Settled::Failure { .. }))) => {
            let receipt = settled.field(paying.payment.terms());
            let Settled::Failure { reason, .. } = settled else { return Err(unreachable()) };
            forget(service, &paying).await;
            Err(refused(Tendered::Refused, &reason, Some(receipt)))
        }
        Err(lost) if is_unsent(lost.cause) => {
            forget(service, &paying).await;
            Err(unreachable())
        }
        // Whether it was settled nobody can say: it stays begun, and is never tried again.
        Ok(_) | Err(_) => {
            notice!(
                "a facilitator did not say whether it settled a payment: it is not tried again"
            );
            Err(unreachable())
        }
    }
}

/// Notes that a payment was not settled.
async fn forget(service: &Service, paying: &Paying) {
    let noted = write(service, paying, |paying| paying.payments.refused(&paying.hold)).await;
    if !matches!(noted, Some(Ok(()))) {
        notice!("a payment was not settled, and that could not be noted: it is not tried again");
    }
}

/// What a worker needs to write of a payment.
struct Noting {
    payments: Arc<Payments>,
    hold: Arc<Hold>,
}

async fn write<T: Send + 'static>(
    service: &Service,
    paying: &Paying,
    work: impl FnOnce(&Noting) -> T + Send + 'static,
) -> Option<T> {
    let noting = Noting { payments: Arc::clone(&paying.payments), hold: Arc::clone(&paying.hold) };
    service.commit(move || work(&noting)).await.ok()
}

async fn ask(
    service: &Service,
    facilitator: &Facilitator,
    what: &str,
    payment: &Payment,
) -> Result<Returned, wherefore_decide::upstream::Lost> {
    let target = [&*facilitator.base, "/", what].concat();
    let errand = Errand {
        method: Method::Post,
        target: target.as_bytes(),
        lines: b"Content-Type: application/json\r\nAccept: application/json\r\n",
        host: None,
        content: ErrandContent::Octets(payment.request().into_bytes()),
    };
    Box::pin(self::errand(service, &facilitator.gateway, errand, FACILITATOR_ANSWER_BYTES_MAX))
        .await
}

fn soon(service: &Service) -> u32 {
    let seconds = service.core.load.retry_after(service.core.random.next_u64());
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// What is paid for, as a client names it.
fn url(question: &Question<'_>) -> String {
    let request = question.request;
    let authority = request.authority.map(|authority| authority.to_string()).unwrap_or_default();
    let mut url = format!("{}://{authority}", question.client.scheme.name()).into_bytes();
    url.extend_from_slice(request.target.path);
    if let Some(query) = request.target.query {
        url.push(b'?');
        url.extend_from_slice(query);
    }
    String::from_utf8_lossy(&url).into_owned()
}

/// What one payment buys: this method at this place.
fn purpose(request: &Request<'_>, url: &str) -> Box<[u8]> {
    [request.method_text, b" ", url.as_bytes()].concat().into()
}
