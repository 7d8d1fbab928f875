//! Stage two, how much: limits on requests, and what they cost. What is used up was taken when these rules
//! are asked; they say what that means.

use wherefore_message::{FieldSet, Spec, Status};

use crate::catalogue::GroupId;
use crate::policy::{Limit, Price};
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What came of taking from the limits on a client: asked before credentials.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimitFacts<'a>(pub LimitFacts<'a>);

/// The same of the limits on a user: asked when it is known who asks.
#[derive(Clone, Copy, Debug)]
pub struct UserLimitFacts<'a>(pub LimitFacts<'a>);

/// What came of taking from limits; all of them or none.
#[derive(Clone, Copy, Debug)]
pub struct LimitFacts<'a> {
    /// The route's limits.
    pub limits: &'a [Limit],
    /// What stood against it.
    pub denied: Option<Denied>,
}

/// A limit that stood against a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Its place among the route's limits.
    pub limit: u16,
    /// Why.
    pub why: Why,
    /// In how many seconds it can be asked again.
    pub wait_seconds: u64,
}

/// Why a limit stood against a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too many in its time.
    Rate,
    /// Too many in flight.
    AtOnce,
    /// There is no room to count one more client.
    NoRoom,
}

impl LimitFacts<'_> {
    fn unless(&self, why: Why, status: Status) -> Step {
        match self.denied {
            Some(denied) if denied.why == why => Step::Stop(
                status,
                Witness::Quota { limit: denied.limit, wait_seconds: denied.wait_seconds.max(1) },
            ),
            Some(_) | None => Step::Pass,
        }
    }
}

macro_rules! limit_group {
    ($facts:ident $group:ident $rate:literal $at_once:literal $room:literal $by:literal) => {
        impl Group for $facts<'_> {
            const ID: GroupId = GroupId::$group;
            type Rules = [Rule<Self>; 3];
            const RULES: Self::Rules = [
                Rule {
                    info: &Info {
                        id: $rate,
                        asks: "Are there few enough requests in the limit's time?",
                        spec: Spec::new(6585, "4"),
                        needs: FieldSet::EMPTY,
                        may: &[Status::TOO_MANY_REQUESTS],
                        shown_by: concat!(
                            "rate = \"2/minute\", by = \"",
                            $by,
                            "\", and three requests"
                        ),
                    },
                    check: |facts| facts.0.unless(Why::Rate, Status::TOO_MANY_REQUESTS),
                },
                Rule {
                    info: &Info {
                        id: $at_once,
                        asks: "Are there few enough requests in flight?",
                        spec: Spec::new(9110, "15.6.4"),
                        needs: FieldSet::EMPTY,
                        may: &[Status::SERVICE_UNAVAILABLE],
                        shown_by: concat!(
                            "at-once = 1, by = \"",
                            $by,
                            "\", and two requests at once"
                        ),
                    },
                    check: |facts| facts.0.unless(Why::AtOnce, Status::SERVICE_UNAVAILABLE),
                },
                Rule {
                    info: &Info {
                        id: $room,
                        asks: "Is there room to count one more?",
                        spec: Spec::new(9110, "15.6.4"),
                        needs: FieldSet::EMPTY,
                        may: &[Status::SERVICE_UNAVAILABLE],
                        shown_by: "more clients at once than the table of limits holds",
                    },
                    check: |facts| facts.0.unless(Why::NoRoom, Status::SERVICE_UNAVAILABLE),
                },
            ];

            fn present(&self) -> FieldSet {
                FieldSet::EMPTY
            }
        }
    };
}

limit_group!(ClientLimitFacts ClientLimits "rate" "at-once" "limit-room" "network");
limit_group!(UserLimitFacts UserLimits "user-rate" "user-at-once" "user-limit-room" "user");

/// What came of reserving the price.
#[derive(Clone, Copy, Debug)]
pub struct PriceFacts<'a> {
    /// The price.
    pub price: &'a Price,
    /// What came of it.
    pub paid: Paid,
}

/// What came of reserving a price from an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paid {
    /// It is reserved.
    Reserved,
    /// The request names no account.
    NoAccount,
    /// The account holds too little: how much.
    Short(u64),
    /// The accounts can't be reached now.
    Unreachable,
}

impl Group for PriceFacts<'_> {
    const ID: GroupId = GroupId::Price;
    type Rules = [Rule<Self>; 3];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "account",
                asks: "Does the request name an account that pays?",
                spec: Spec::new(9110, "15.5.3"),
                needs: FieldSet::EMPTY,
                may: &[Status::PAYMENT_REQUIRED],
                shown_by: "a request without the field that names the account, for a route with a price",
            },
            check: |facts| match facts.paid {
                Paid::NoAccount => {
                    Step::Stop(Status::PAYMENT_REQUIRED, Witness::Who("no account was named"))
                }
                Paid::Reserved | Paid::Short(_) | Paid::Unreachable => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "ledger",
                asks: "Can the accounts be reached?",
                spec: Spec::new(9110, "15.6.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SERVICE_UNAVAILABLE],
                shown_by: "a full disk under the state folder",
            },
            check: |facts| match facts.paid {
                Paid::Unreachable => Step::Stop(Status::SERVICE_UNAVAILABLE, Witness::Wait(1)),
                Paid::Reserved | Paid::Short(_) | Paid::NoAccount => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "balance",
                asks: "Does the account hold the price?",
                spec: Spec::new(9110, "15.5.3"),
                needs: FieldSet::EMPTY,
                may: &[Status::PAYMENT_REQUIRED],
                shown_by: "an account that has run out",
            },
            check: |facts| match facts.paid {
                Paid::Short(balance) => Step::Stop(
                    Status::PAYMENT_REQUIRED,
                    Witness::Price { price: facts.price.amount, balance },
                ),
                Paid::Reserved | Paid::NoAccount | Paid::Unreachable => Step::Pass,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        FieldSet::EMPTY
    }
}
