//! The path that a request took through the rules: kept as masks, told in words.

use core::fmt;

use wherefore_message::date::HttpDate;

use crate::catalogue::{GROUPS, GroupId};
use crate::rule::{Info, Leads, Verdict, Witness};

/// The path of one request: which rules passed, and which answered. Always kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    passed: [u16; GROUPS],
    asked: u32,
    answered: Option<(GroupIndex, u8)>,
}

type GroupIndex = u8;

/// What became of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its group was not reached, or an earlier rule of it had answered.
    NotAsked,
    /// It did not apply.
    Skipped,
    /// It let the request pass.
    Passed,
    /// It answered.
    Answered,
}

impl Trail {
    /// A path on which nothing was asked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { passed: [0; GROUPS], asked: 0, answered: None }
    }

    pub(crate) fn note(&mut self, group: GroupId, passed: u16, answered: Option<u8>) {
        let i = group as usize;
        self.passed[i] = passed;
        self.asked |= 1 << i;
        self.answered = answered.map(|rule| (i as u8, rule));
    }

    /// What became of rule number `rule` of `group`.
    #[must_use]
    pub fn fate(&self, group: GroupId, rule: usize) -> Fate {
        let i = group as usize;
        if self.asked & (1 << i) == 0 {
            return Fate::NotAsked;
        }
        match self.answered {
            Some((g, r)) if g as usize == i && r as usize == rule => Fate::Answered,
            Some((g, r)) if g as usize == i && (r as usize) < rule => Fate::NotAsked,
            _ if self.passed[i] & (1 << rule) != 0 => Fate::Passed,
            _ => Fate::Skipped,
        }
    }
}

/// The path and its verdict in words, a line a rule.
pub struct Story<'a> {
    /// The path.
    pub trail: &'a Trail,
    /// Where it ended, if it did.
    pub verdict: Option<&'a Verdict>,
    /// Whether rules that did not apply are told too.
    pub detail: Detail,
}

/// How much of a path is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Rules that applied.
    Applied,
    /// Rules that did not apply too.
    All,
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in GroupId::ALL {
            let mut told_title = false;
            for (i, info) in group.rules().into_iter().enumerate() {
                let fate = self.trail.fate(*group, i);
                let mark = match fate {
                    Fate::NotAsked => continue,
                    Fate::Skipped if self.detail == Detail::Applied => continue,
                    Fate::Skipped => "·",
                    Fate::Passed => "✓",
                    Fate::Answered => "→",
                };
                if !told_title {
                    writeln!(f, "{}: {}", group.stage(), group.title())?;
                    told_title = true;
                }
                writeln!(f, "  {mark} {:<20} {:<62} {}", info.id, info.asks, info.spec)?;
            }
        }
        if let Some(verdict) = self.verdict {
            write!(f, "{}  because of {}", verdict.status, verdict.because.id)?;
            let grounds = Grounds { witness: verdict.witness, info: verdict.because }.to_string();
            if !grounds.is_empty() {
                write!(f, ": {grounds}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// What a rule saw, as a sentence without its full stop; empty where the rule's id says it all.
pub struct Grounds {
    /// What it saw.
    pub witness: Witness,
    /// The rule.
    pub info: &'static Info,
}

impl fmt::Display for Grounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.witness {
            Witness::Nothing => Ok(()),
            Witness::Fault(fault) => write!(f, "{fault}"),
            Witness::Form(fault) => write!(f, "{fault}"),
            Witness::Methods(methods) => write!(f, "the methods offered are {methods}"),
            Witness::Limit { limit, seen } => {
                write!(f, "{seen} octets, where {limit} is the limit")
            }
            Witness::Length(length) => write!(f, "the representation has {length} octets"),
            Witness::Since(seconds) => {
                write!(f, "it was deleted at {}", HttpDate::from_unix(seconds))
            }
            Witness::Wait(seconds) => write!(f, "it can't be done now; try again in {seconds} s"),
            Witness::Field(name) => write!(f, "the field {name} decided"),
            Witness::LimitUntil { limit, seen, wait_seconds } => {
                write!(f, "{seen} octets, where {limit} is the limit for {wait_seconds} s more")
            }
            Witness::Because(text) | Witness::Who(text) => f.write_str(text),
            Witness::Leads(leads) => f.write_str(match leads {
                Leads::ToSlash => "it stands at the path with a slash",
                Leads::ToHttps => "it is served by https",
                Leads::ToCanonicalHost => "it is served under the site's canonical host",
                Leads::ToTarget => "the route names where it stands",
            }),
            Witness::Policy(number) => write!(f, "number {number} of the route's list answered"),
            Witness::Quota { limit, wait_seconds } => {
                write!(f, "limit number {limit} of the route; try again in {wait_seconds} s")
            }
            Witness::Price { price, balance } => {
                write!(f, "the price is {price}, and the account holds {balance}")
            }
            Witness::Upstream(lost) => {
                f.write_str(lost.cause.text())?;
                if let Some(fault) = lost.fault {
                    write!(f, ": {}", fault.text())?;
                }
                if lost.wait_seconds > 0 {
                    write!(f, "; try again in {} s", lost.wait_seconds)?;
                }
                Ok(())
            }
            Witness::Hidden => {
                f.write_str("something may be there, and is hidden from this client")
            }
        }
    }
}
