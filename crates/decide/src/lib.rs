//! Which answer, and why: ordered, named rules, each with its section of an RFC, asked in groups over
//! facts that others fetch. Pure: no socket, file, clock, thread or random source.
//!
//! Read [`rule`] for what a rule is, [`admit`] and [`plan`] for the order of the stages, [`conditions`] for a group in
//! full, [`reply`] for what an answer carries, [`story`] for how a path is told.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod access;
pub mod act;
pub mod admit;
pub mod again;
pub mod allowance;
pub mod asked;
pub mod asker;
pub mod catalogue;
pub mod choose;
pub mod conditions;
pub mod content;
pub mod docs;
pub mod elsewhere;
pub mod facts;
pub mod find;
pub mod forward;
pub mod gate;
pub mod hints;
pub mod inbox;
pub mod later;
pub mod negotiate;
pub mod payment;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod ranges;
pub mod read;
pub mod reply;
pub mod rule;
pub mod screen;
pub mod story;
pub mod target;
pub mod upstream;
pub mod variants;

pub use admit::{Admission, Fetched, Need};
pub use gate::{Client, Scheme};
pub use plan::{
    Admitted, GatewayPlace, InboxPlace, Listed, MonitorPlace, Part, Place, Plan, Question, Reading,
    Writing, after_lookup,
};
pub use rule::{Info, Verdict, Witness};
pub use story::Trail;
