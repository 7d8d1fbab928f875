//! JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902), applied whole or not at all.

use json_patch::{Patch, PatchErrorKind, PatchOperation};
use serde_json::Value;
use wherefore_decide::act::Failure;
use wherefore_decide::content::PatchFormat;

/// The longest document that is patched, and the longest that a patch may make, in octets.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 4 << 20;
/// The most operations of one JSON Patch: each may move all members of a long array.
const OPERATIONS_MAX: usize = 1_000;

/// The document after the patch.
///
/// # Errors
/// Which of the four ways to fail it was: the patch can't be read, fits nothing here, has a test that
/// fails, or what is there is no JSON.
pub(crate) fn apply(
    format: PatchFormat,
    document: &[u8],
    patch: &[u8],
) -> Result<Vec<u8>, Failure> {
    let mut value: Value = serde_json::from_slice(document)
        .map_err(|_| Failure::Conflict("what is there is not JSON, so that no patch fits it"))?;
    match format {
        PatchFormat::Merge => {
            let patch: Value = serde_json::from_slice(patch)
                .map_err(|_| Failure::PatchSyntax("the patch is not JSON"))?;
            json_patch::merge(&mut value, &patch);
        }
        PatchFormat::Operations => operate(&mut value, patch)?,
    }
    let written = if document.contains(&b'\n') {
        serde_json::to_vec_pretty(&value).map(|mut text| {
            text.push(b'\n');
            text
        })
    } else {
        serde_json::to_vec(&value)
    };
    let written = written.map_err(|_| Failure::Io)?;
    if written.len() as u64 > DOCUMENT_BYTES_MAX { Err(TOO_LARGE) } else { Ok(written) }
}

const TOO_LARGE: Failure = Failure::PatchUnfit("the patched document would be too large");
const TOO_MANY: Failure = Failure::PatchUnfit("the patch has more than 1,000 operations");

/// One operation after the other. What `copy` adds is counted, since a few copies of the whole into
/// itself would fill any memory.
fn operate(value: &mut Value, patch: &[u8]) -> Result<(), Failure> {
    let json: Value =
        serde_json::from_slice(patch).map_err(|_| Failure::PatchSyntax("the patch is not JSON"))?;
    let Patch(operations) = serde_json::from_value(json)
        .map_err(|_| Failure::PatchSyntax("the patch is not a list of JSON Patch operations"))?;
    if operations.len() > OPERATIONS_MAX {
        return Err(TOO_MANY);
    }
    let mut copied = 0;
    for operation in operations {
        if let PatchOperation::Copy(copy) = &operation
            && let Ok(source) = copy.from.resolve(value)
        {
            copied += weight(source);
            if copied > DOCUMENT_BYTES_MAX {
                return Err(TOO_LARGE);
            }
        }
        json_patch::patch(value, &[operation]).map_err(|error| match error.kind {
            PatchErrorKind::TestFailed => Failure::PatchTest,
            _ => Failure::PatchUnfit("an operation names a place that is not there"),
        })?;
    }
    Ok(())
}

/// About how many octets a value takes when written; never 0.
fn weight(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() as u64 + 2,
        Value::Array(items) => 2 + items.iter().map(weight).sum::<u64>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, item)| name.len() as u64 + 3 + weight(item)).sum::<u64>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(document: &str, patch: &str) -> Result<String, Failure> {
        apply(PatchFormat::Merge, document.as_bytes(), patch.as_bytes())
            .map(|out| String::from_utf8(out).unwrap())
    }

    fn operations(document: &str, patch: &str) -> Result<String, Failure> {
        apply(PatchFormat::Operations, document.as_bytes(), patch.as_bytes())
            .map(|out| String::from_utf8(out).unwrap())
    }

    /// RFC 7396 Appendix A.
    #[test]
    fn the_merges_of_the_rfc() {
        for (document, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r#"{}"#, r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merge(document, patch).unwrap(), result, "{document} {patch}");
        }
    }

    #[test]
    fn operations_are_applied_in_order_or_not_at_all() {
        let done = operations(
            r#"{"a":[1,2]}"#,
            r#"[{"op":"test","path":"/a/0","value":1},{"op":"add","path":"/a/-","value":3},
                {"op":"remove","path":"/a/0"},{"op":"copy","from":"/a","path":"/b"}]"#,
        );
        assert_eq!(done.unwrap(), r#"{"a":[2,3],"b":[2,3]}"#);
        let failed = operations(r#"{"a":1}"#, r#"[{"op":"test","path":"/a","value":2}]"#);
        assert!(matches!(failed, Err(Failure::PatchTest)));
        let unfit = operations(r#"{"a":1}"#, r#"[{"op":"remove","path":"/b"}]"#);
        assert!(matches!(unfit, Err(Failure::PatchUnfit(_))));
        for malformed in ["", "{", "{}", r#"[{"op":"grow","path":""}]"#, r#"[{"op":"add"}]"#] {
            let read = operations("{}", malformed);
            assert!(matches!(read, Err(Failure::PatchSyntax(_))), "{malformed}");
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_layout_its_lines() {
        let done = merge("{\n  \"big\": 123456789012345678901234567890\n}\n", r#"{"x":1.10}"#);
        assert_eq!(
            done.unwrap(),
            "{\n  \"big\": 123456789012345678901234567890,\n  \"x\": 1.10\n}\n"
        );
    }

    #[test]
    fn as_many_operations_as_may_be_and_no_more() {
        let many = |count| {
            let insert = r#"{"op":"add","path":"/0","value":1}"#;
            operations("[]", &format!("[{}]", vec![insert; count].join(",")))
        };
        assert_eq!(many(1000).unwrap().matches('1').count(), 1000);
        let Err(Failure::PatchUnfit(why)) = many(1001) else { panic!("one more than may be") };
        assert!(why.contains("1,000 operations"), "{why}");
    }

    #[test]
    fn copies_of_copies_end_before_memory_does() {
        let copies: Vec<_> =
            (0..64).map(|i| format!(r#"{{"op":"copy","from":"","path":"/c{i}"}}"#)).collect();
        let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(1000));
        let grown = operations(&document, &format!("[{}]", copies.join(",")));
        assert!(matches!(grown, Err(Failure::PatchUnfit(_))));
    }
}
