//! What HTTP says, as types: the vocabulary of RFC 9110 without the bytes of any version of HTTP and
//! without policy. Everything here is pure: slices and numbers in, values out.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod accept;
pub mod alternative;
pub mod authority;
pub mod base64;
pub mod cause;
pub mod coding;
pub mod date;
pub mod digest;
pub mod escape;
pub mod etag;
pub mod expect;
pub mod fault;
pub mod field;
pub mod form;
pub mod form_data;
pub mod forwarded;
pub mod hops;
pub mod language;
pub mod later;
pub mod list;
pub mod media;
pub mod method;
pub mod network;
pub mod path;
pub mod prefer;
pub mod problem;
pub mod proxy_status;
pub mod range;
pub mod request;
pub mod response;
pub mod runs;
pub mod slug;
pub mod spec;
pub mod status;
pub mod structured;
pub mod target;
pub mod token;
pub mod version;
pub mod via;

pub use cause::Cause;
pub use coding::Coding;
pub use etag::{EntityTag, TagText};
pub use fault::{Fault, FaultClass, FaultKind};
pub use field::{FieldLines, FieldName, FieldSet, Fields, Line, Span};
pub use language::{LanguageRange, LanguageTag};
pub use method::{Method, MethodSet};
pub use request::{Announced, Request};
pub use response::{ResponseHead, Value};
pub use spec::Spec;
pub use status::Status;
pub use version::Version;
