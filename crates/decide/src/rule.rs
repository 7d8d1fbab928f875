//! A rule is a row of data; what asks it, prints it, draws it, tests it and explains it reads that row.

use wherefore_message::form::FormFault;
use wherefore_message::status::Class;
use wherefore_message::{Fault, FieldName, FieldSet, MethodSet, Spec, Status};

use crate::catalogue::GroupId;
use crate::story::Trail;
use crate::upstream::Lost;

/// What is said of a rule, apart from its check.
#[derive(Debug)]
pub struct Info {
    /// Its stable name: in logs, problem documents and tests.
    pub id: &'static str,
    /// The question that it asks; "yes" lets the request pass.
    pub asks: &'static str,
    /// The section that it carries out.
    pub spec: Spec,
    /// The fields that it looks at: with none of them present it does not apply. Empty: always asked.
    pub needs: FieldSet,
    /// The statuses that it may answer; [`ANY`]: whatever an upstream answers.
    pub may: &'static [Status],
    /// How to bring the answer about.
    pub shown_by: &'static str,
}

/// The statuses of a rule that answers with what an upstream said.
pub const ANY: &[Status] = &[];

/// A rule over the facts `F`.
pub struct Rule<F> {
    /// The row's data.
    pub info: &'static Info,
    /// The row's question.
    pub check: fn(&F) -> Step,
}

/// What a check finds.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The rule does not apply to this request.
    Skip,
    /// It applies, and the request passes.
    Pass,
    /// It answers.
    Stop(Status, Witness),
}

/// The values that a rule saw when it answered: enough to say why, and to fill the answer's fields.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Witness {
    /// The rule's id says it all.
    Nothing,
    /// A fault on the wire.
    Fault(Fault),
    /// A fault of a posted form.
    Form(FormFault),
    /// The methods that the resource offers.
    Methods(MethodSet),
    /// A limit, and what was announced or seen; both in octets.
    Limit {
        /// The limit.
        limit: u64,
        /// What passed it.
        seen: u64,
    },
    /// The same of a limit that holds for a time: how long, in seconds.
    LimitUntil {
        /// The limit.
        limit: u64,
        /// What passed it.
        seen: u64,
        /// For how long it holds.
        wait_seconds: u32,
    },
    /// A length in octets.
    Length(u64),
    /// Since when, in seconds since 1970.
    Since(u64),
    /// How long to wait, in seconds.
    Wait(u64),
    /// The field that decided.
    Field(FieldName),
    /// A fixed sentence, without its full stop.
    Because(&'static str),
    /// The same of what depends on who or where the client is: no cache may keep the answer.
    Who(&'static str),
    /// What stands elsewhere: where it leads.
    Leads(Leads),
    /// The route's policy of this number.
    Policy(u16),
    /// The route's limit of this number, and how long to wait, in seconds.
    Quota {
        /// The limit's place among the route's limits.
        limit: u16,
        /// In how many seconds it can be asked again.
        wait_seconds: u64,
    },
    /// A price and the balance that does not meet it.
    Price {
        /// The price.
        price: u64,
        /// What the account holds.
        balance: u64,
    },
    /// An upstream's answer that did not come.
    Upstream(Lost),
    /// Something may be there, and the client is not to know.
    Hidden,
}

/// Where an answer leads that sends no representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the path with a slash at its end.
    ToSlash,
    /// To the same target by https.
    ToHttps,
    /// To the same target on the site's canonical host.
    ToCanonicalHost,
    /// To the target that the route names.
    ToTarget,
}

const _: () = assert!(size_of::<Witness>() <= 32, "a path record keeps 32 octets of witness");

/// An answer: which status, by which rule, on what grounds. Not an error type.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// The status to send.
    pub status: Status,
    /// The rule that answered.
    pub because: &'static Info,
    /// What it saw.
    pub witness: Witness,
}

/// Rules that are asked together: no fact is fetched between them. At most 16, so that their loop is
/// unrolled and their passing fits a mask.
pub trait Group: Sized {
    /// Which group it is.
    const ID: GroupId;
    /// An array of its rules: no slice, since facts borrow from the request and can't be `'static`.
    type Rules: AsRef<[Rule<Self>]>;
    /// Its rules, in the order in which they are asked.
    const RULES: Self::Rules;

    /// The fields that the request carries.
    fn present(&self) -> FieldSet;
}

/// Asks a group's rules in order; the first that answers ends it. Notes in `trail` which passed.
///
/// # Errors
/// The verdict, where a rule answers.
#[inline]
pub fn ask<G: Group>(facts: &G, trail: &mut Trail) -> Result<(), Verdict> {
    const { assert!(size_of::<G::Rules>() <= 16 * size_of::<Rule<G>>(), "a group has at most 16 rules") };
    let (rules, present) = (G::RULES, facts.present());
    let rules = rules.as_ref();
    let mut passed = 0;
    // Spelled out, since the compiler leaves a loop over so many rules a loop: so each rule's row is a
    // constant where it is asked, and its check is compiled into its place.
    macro_rules! in_order {
        ($($i:literal)*) => { $(
            if let Some(rule) = rules.get($i)
                && let Some(verdict) = ask_one(rule, $i, facts, present, &mut passed, trail)
            {
                return Err(verdict);
            }
        )* };
    }
    in_order!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    trail.note(G::ID, passed, None);
    Ok(())
}

/// Asks rule number `i` of its group: its verdict, if it answers.
#[inline(always)]
fn ask_one<G: Group>(
    rule: &Rule<G>,
    i: u8,
    facts: &G,
    present: FieldSet,
    passed: &mut u16,
    trail: &mut Trail,
) -> Option<Verdict> {
    if !rule.info.needs.is_empty() && !rule.info.needs.meets(present) {
        return None;
    }
    match (rule.check)(facts) {
        Step::Skip => None,
        Step::Pass => {
            *passed |= 1 << i;
            None
        }
        Step::Stop(status, witness) => {
            debug_assert!(
                rule.info.may.contains(&status) || rule.info.may.is_empty(),
                "{} said {status}",
                rule.info.id
            );
            // An interim answer is no end of the path: the request goes on from this rule.
            if status.class() == Class::Interim && status != Status::SWITCHING_PROTOCOLS {
                trail.note(G::ID, *passed | 1 << i, None);
            } else {
                trail.note(G::ID, *passed, Some(i));
            }
            Some(Verdict { status, because: rule.info, witness })
        }
    }
}
