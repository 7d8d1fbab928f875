//! Which answers may be given again, as they are, to whoever asks the same: those on which nothing tells but what the
//! question holds.

use wherefore_message::{FieldName, FieldSet, Method, Request, Status, Version};

use crate::facts::Found;
use crate::plan::{Place, asks_for_variants};
use crate::rule::Verdict;

/// The longest question, in octets.
pub const QUESTION_BYTES_MAX: usize = 1 << 10;

/// Fields that tell on what is answered: their values belong to the question.
const ASKED_BY: FieldSet = FieldSet::of(&[
    FieldName::Accept,
    FieldName::AcceptEncoding,
    FieldName::Host,
    FieldName::IfModifiedSince,
    FieldName::IfNoneMatch,
    FieldName::IfRange,
    FieldName::Range,
]);

/// Fields that do not, where a file is read that is everyone's. What the connection is told is not the answer's to say.
const UNREAD: FieldSet = FieldSet::of(&[
    FieldName::AcceptLanguage,
    FieldName::Connection,
    FieldName::Cookie,
    FieldName::KeepAlive,
    FieldName::Referer,
    FieldName::UserAgent,
]);

/// Writes down what a request asks, in place of what `out` held; false where something else could tell on the answer.
#[must_use]
pub fn question(request: &Request<'_>, out: &mut Vec<u8>) -> bool {
    let fields = request.fields;
    let is_plain = request.method == Method::Get
        && request.version == Version::HTTP_11
        && !request.announced.may_have_content()
        && fields.present().without(ASKED_BY).without(UNREAD).is_empty();
    if !is_plain || request.target_text.len() > QUESTION_BYTES_MAX {
        return false;
    }
    out.clear();
    out.extend_from_slice(request.target_text);
    for (line, (_, value)) in fields.lines().iter().zip(fields.iter()) {
        if ASKED_BY.has(line.name) {
            // No target and no value holds a line feed.
            out.extend_from_slice(&[b'\n', line.name as u8]);
            out.extend_from_slice(value);
        }
    }
    out.len() <= QUESTION_BYTES_MAX
}

/// Whether all who ask the same get this answer, as long as what was found stays as it is and no second passes.
#[must_use]
pub fn is_everyones(
    request: &Request<'_>,
    place: &Place<'_>,
    found: &Found,
    verdict: &Verdict,
) -> bool {
    let route = place.matched.route;
    // What guards a route takes from a client's share or looks who it is; a hint goes before each answer; a variant
    // would stand under another name.
    let is_open = !route.is_guarded()
        && route.dress.early_hints.is_empty()
        && !asks_for_variants(request, place.folder, place.inner, found);
    let status = verdict.status;
    is_open
        && match found {
            Found::Missing { .. } => matches!(status, Status::NOT_FOUND | Status::GONE),
            Found::File(_) | Found::Folder { index: Some(_), .. } => {
                matches!(status, Status::OK | Status::PARTIAL_CONTENT | Status::NOT_MODIFIED)
            }
            // A list is of what stands under other names.
            Found::Folder { index: None, .. } | Found::Refused(_) => false,
        }
}

#[cfg(test)]
mod tests {
    use wherefore_message::request::RequestBuf;
    use wherefore_message::{Announced, FieldLines};

    use super::*;
    use crate::catalogue::GroupId;

    fn asked(method: &str, target: &str, fields: &[(&str, &str)]) -> Option<Vec<u8>> {
        let lines: FieldLines = fields.iter().copied().collect();
        let (method, target) = (method.as_bytes(), target.as_bytes());
        let nothing = Announced::Nothing;
        let request = RequestBuf::new(Version::HTTP_11, method, target, None, lines, nothing);
        let mut out = b"of another request".to_vec();
        question(&request.unwrap().view(), &mut out).then_some(out)
    }

    #[test]
    fn a_question_is_all_that_can_tell_on_its_answer() {
        let host = ("Host", "a");
        let plain = asked("GET", "/a", &[host]);
        assert!(plain.is_some());
        // What nobody reads makes no other question.
        let more = [("Cookie", "c"), host, ("X-Own", "1"), ("User-Agent", "u")];
        assert_eq!(asked("GET", "/a", &more), plain);
        for field in [("Accept-Encoding", "gzip"), ("If-None-Match", "\"a\""), ("Range", "b")] {
            let with = asked("GET", "/a", &[host, field]);
            assert!(with.is_some() && with != plain, "{field:?}");
        }
        assert_ne!(asked("GET", "/a", &[("Host", "b")]), plain);
        assert_ne!(asked("GET", "/b", &[host]), plain);
        for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "BREW"] {
            assert_eq!(asked(method, "/a", &[host]), None);
        }
        assert_eq!(asked("GET", &format!("/{}", "a".repeat(QUESTION_BYTES_MAX)), &[host]), None);
        // What others read makes none at all.
        for name in FieldName::KNOWN {
            let is_known = ASKED_BY.has(*name) || UNREAD.has(*name);
            assert_eq!(asked("GET", "/a", &[(name.as_str(), "1")]).is_some(), is_known, "{name}");
        }
    }

    /// Rules that are skipped without a field must not be asked about one that is no part of the question.
    #[test]
    fn no_rule_on_the_way_reads_what_is_called_unread() {
        const ON_THE_WAY: [GroupId; 8] = [
            GroupId::Wire,
            GroupId::Target,
            GroupId::Access,
            GroupId::Content,
            GroupId::Find,
            GroupId::Conditions,
            GroupId::Ranges,
            GroupId::Read,
        ];
        for rule in ON_THE_WAY.into_iter().flat_map(GroupId::rules) {
            assert!(!rule.needs.meets(UNREAD), "{}", rule.id);
        }
    }
}
