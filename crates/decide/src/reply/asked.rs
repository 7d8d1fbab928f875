//! What goes on to the client of the answer of whoever was asked whether it may come in: where it is sent, and how
//! it can show who it is. Of all else nothing does.

use wherefore_message::{FieldName, Fields, ResponseHead, Status};

use crate::rule::Verdict;

/// The fields that an answer may take over.
const TAKEN: [FieldName; 3] =
    [FieldName::Location, FieldName::SetCookie, FieldName::WwwAuthenticate];

/// Adds to the finished head of this verdict what was `told` by whoever was asked.
pub fn asked(verdict: &Verdict, told: Fields<'_>, head: &mut ResponseHead) {
    let taken: &[FieldName] = match (verdict.because.id, verdict.status) {
        ("asked-lets-stay", _) => &TAKEN[..2],
        ("asked-knows", Status::UNAUTHORIZED) => &TAKEN[1..],
        _ => return,
    };
    for name in taken {
        let mut values = told.all(*name).peekable();
        if values.peek().is_some() {
            // Where it says nothing of it, what we say ourselves holds.
            head.remove(*name);
        }
        for value in values {
            head.relay_known(*name, name.as_str().as_bytes(), value);
        }
    }
}
