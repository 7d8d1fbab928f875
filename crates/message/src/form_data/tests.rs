use super::*;
use crate::form::FormFaultKind as K;

/// What was read, in an order and shape that cuts must not change.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    parts: Vec<(PartHead, Vec<u8>)>,
    /// How many parts were said to be complete.
    complete: usize,
    ended: bool,
}

fn limits() -> Limits {
    Limits { parts_max: 4, head_bytes_max: 200, name_bytes_max: 20 }
}

/// Reads a form in pieces of these sizes, the last of which goes on.
fn read_cut(form: &[u8], step: usize) -> (Seen, Result<(), FormFault>) {
    let mut reader = FormData::new(b"b", limits()).unwrap();
    let mut seen = Seen::default();
    for mut piece in form.chunks(step.max(1)) {
        loop {
            let (used, event) = match reader.receive(piece) {
                Ok(found) => found,
                Err(fault) => return (seen, Err(fault)),
            };
            piece = &piece[used..];
            match event {
                Event::NeedMore => {
                    assert!(piece.is_empty());
                    break;
                }
                Event::Part(head) => seen.parts.push((head, Vec::new())),
                Event::Content(content) => {
                    assert!(!content.is_empty());
                    seen.parts.last_mut().unwrap().1.extend_from_slice(content);
                }
                Event::PartEnd => seen.complete += 1,
                Event::End => seen.ended = true,
            }
        }
    }
    let finished = reader.finish();
    (seen, finished)
}

/// Reads a form whole and in pieces of all sizes that matter: they are read as the same.
fn read(form: &str) -> (Seen, Result<(), FormFault>) {
    let whole = read_cut(form.as_bytes(), form.len());
    for step in 1..20 {
        assert_eq!(read_cut(form.as_bytes(), step), whole, "in pieces of {step}: {form:?}");
    }
    whole
}

fn contents(form: &str) -> Vec<String> {
    let (seen, finished) = read(form);
    assert_eq!(finished, Ok(()), "{form:?}");
    assert!(seen.ended && seen.complete == seen.parts.len(), "{form:?}");
    seen.parts.into_iter().map(|(_, content)| String::from_utf8(content).unwrap()).collect()
}

fn fault(form: &str) -> FormFault {
    let (seen, finished) = read(form);
    let fault = finished.expect_err(form);
    assert!(fault.at <= form.len() as u64, "{fault:?}");
    assert!(!seen.ended || fault.kind == K::DelimiterLine);
    fault
}

fn part(head: &str) -> String {
    format!("--b\r\n{head}\r\n\r\n\r\n--b--\r\n")
}

fn head(text: &str) -> PartHead {
    let (mut seen, finished) = read(&part(text));
    assert_eq!(finished, Ok(()), "{text}");
    assert_eq!(seen.parts.len(), 1);
    seen.parts.remove(0).0
}

const A: &str = "Content-Disposition: form-data; name=a\r\n\r\n";

#[test]
fn parts_and_what_is_around_them() {
    assert_eq!(contents(&format!("--b\r\n{A}x\r\n--b--\r\n")), ["x"]);
    assert_eq!(contents(&format!("--b\r\n{A}x\r\n--b\r\n{A}y\r\n--b--")), ["x", "y"]);
    assert_eq!(contents(&format!("before\r\n\r\n--b\r\n{A}x\r\n--b--\r\nafter\r\n--b\r\n")), ["x"]);
    assert_eq!(contents(&format!("\r\n--b \t \r\n{A}x\r\n--b--  \r\n")), ["x"]);
    assert_eq!(contents(&format!("x--b\r\r\n--b\r\n{A}\r\n--b--")), [""]);
    assert_eq!(contents("--b--"), [""; 0]);
    assert_eq!(contents("--b--\r\n"), [""; 0]);
}

#[test]
fn what_only_looks_like_a_boundary_is_content() {
    for content in [
        "",
        "\r\n",
        "\r",
        "\n",
        "\r\n\r\n",
        "\r\r\n--",
        "--b",
        "x--b--",
        "\r\n-",
        "\r\n--",
        "\r\n--c",
        "\r\n--\r\n--",
        "\r\n\r\r\n",
        "\n--b\n",
        "\r\n--B",
        "a\r\nb\r\n--c\r\n--d--\r",
    ] {
        // Right behind the empty line, `--b` is a boundary.
        let before = if content.starts_with("--b") { "." } else { "" };
        let found = contents(&format!("--b\r\n{A}{before}{content}\r\n--b--"));
        assert_eq!(found, [format!("{before}{content}")], "{content:?}");
    }
}

/// The grammar lets a part have fields and an empty line, and no content at all.
#[test]
fn a_boundary_may_stand_right_behind_the_empty_line() {
    assert_eq!(contents(&format!("--b\r\n{A}--b\r\n{A}x\r\n--b--")), ["", "x"]);
}

#[test]
fn content_is_not_held() {
    let form = format!("--b\r\n{A}");
    let mut reader = FormData::new(b"b", limits()).unwrap();
    let (used, event) = reader.receive(form.as_bytes()).unwrap();
    assert_eq!((used, matches!(event, Event::Part(_))), (form.len(), true));
    let large = [b'x'; 5000];
    assert_eq!(reader.receive(&large).unwrap(), (5000, Event::Content(&large)));
    assert_eq!(reader.receive(b"y\r\n-").unwrap(), (4, Event::Content(b"y")));
    assert_eq!(reader.receive(b"z").unwrap(), (0, Event::Content(b"\r\n-")));
    assert_eq!(reader.receive(b"z").unwrap(), (1, Event::Content(b"z")));
    assert!(reader.head.capacity() <= 512);
}

#[test]
fn heads() {
    let plain = |name: &str| PartHead { name: name.into(), file_name: None, media_type: None };
    assert_eq!(head("Content-Disposition: form-data; name=\"a b\""), plain("a b"));
    assert_eq!(head("content-disposition:FORM-DATA;NAME=x;;"), plain("x"));
    assert_eq!(head("Content-Disposition: form-data; name=\"\""), plain(""));
    assert_eq!(head("Content-Disposition: form-data; size=1; name=a\r\nX: \u{ff}"), plain("a"));
    let binary = "Content-Transfer-Encoding: Binary\r\nContent-Disposition: form-data; name=a";
    assert_eq!(head(binary), plain("a"));
    assert_eq!(
        head(
            "Content-Disposition: form-data; name=\"f\"; filename=\"\u{e4}; \u{4f60}.png\"\r\n\
             Content-Type: image/png"
        ),
        PartHead {
            name: "f".into(),
            file_name: Some("\u{e4}; \u{4f60}.png".into()),
            media_type: Some("image/png".into()),
        }
    );
}

#[test]
fn escapes_of_every_client() {
    for (written, name) in [
        (r#""a%22b""#, "a\"b"),
        (r#""a%0D%0ab""#, "a\r\nb"),
        (r#""100%25%2e%""#, "100%25%2e%"),
        (r#""a\"b""#, "a\"b"),
        (r#""a\\b""#, "a\\b"),
        (r#""C:\dir\x.txt""#, "C:\\dir\\x.txt"),
        (r#""""#, ""),
        ("x.txt", "x.txt"),
    ] {
        let read = head(&format!("Content-Disposition: form-data; filename={written}; name=a"));
        assert_eq!(read.file_name.as_deref(), Some(name), "{written}");
    }
}

/// A form with every kind of fault that a reader finds, and the octet it stands at, marked by a `^`.
#[test]
fn each_fault_is_named_where_it_stands() {
    let field = |value: &str| format!("--b\r\nContent-Disposition: {value}\r\n\r\n\r\n--b--");
    let other = |line: &str| format!("--b\r\n{line}\r\n{A}\r\n--b--");
    let part = format!("--b\r\n{A}");
    let cases = [
        (K::Unended, "^".into()),
        (K::Unended, "nothing^".into()),
        (K::Unended, "--b^".into()),
        (K::Unended, "--b-^".into()),
        (K::Unended, format!("--b\r\n{A}x\r\n--^")),
        (K::Unended, format!("--b\r\n{A}x\r\n--b\r\n^")),
        (K::DelimiterLine, "--b^x\r\n".into()),
        (K::DelimiterLine, "--b-^x".into()),
        (K::DelimiterLine, "--b ^-".into()),
        (K::DelimiterLine, "--b^\n".into()),
        (K::DelimiterLine, "--b\r^\r".into()),
        (K::DelimiterLine, format!("--b\r\n{A}x\r\n--b^b--")),
        (K::DelimiterLine, "--b--^x".into()),
        (K::DelimiterLine, "--b--\r^x".into()),
        (K::DelimiterLine, "--b--\r^".into()),
        (K::PartLineFeed, "--b\r\nX: y^\n".into()),
        (K::PartLineFeed, "--b\r\n^\n".into()),
        (K::PartCarriageReturn, "--b\r\nX: y^\rz".into()),
        (K::PartFieldName, other("^: y")),
        (K::PartFieldName, other("X^ : y")),
        (K::PartFieldName, other("X^")),
        (K::PartFieldName, other("X\u{7f}^: y").replace("\u{7f}^", "^\u{7f}")),
        (K::PartFieldOctet, other("X: y^\0")),
        (K::PartFieldFolded, other("X: y\r\n^ z")),
        (K::PartFieldRepeated, other("Content-Type: a/b\r\n^content-type: a/b")),
        (K::PartFieldRepeated, format!("--b\r\n{}\r\n^{A}\r\n--b--", A.trim_end())),
        (K::DispositionMissing, "--b\r\n^\r\n\r\n--b--".into()),
        (K::DispositionMissing, "--b\r\n^X: y\r\n\r\n\r\n--b--".into()),
        (K::DispositionSyntax, field("^attachment; name=a")),
        (K::DispositionSyntax, field("^\"form-data\"; name=a")),
        (K::DispositionSyntax, field("form-data name^=a")),
        (K::DispositionSyntax, field("form-data; name^")),
        (K::DispositionSyntax, field("form-data; name=^")),
        (K::DispositionSyntax, field("form-data; ^=a")),
        (K::DispositionSyntax, field("form-data; name=\"a^")),
        (K::DispositionSyntax, field("form-data; name=\"a\\\"^")),
        (K::DispositionSyntax, field("form-data; name=\"a\"b^")),
        (K::DispositionSyntax, field("form-data; name=a b^")),
        (K::NameMissing, field("^form-data")),
        (K::NameMissing, field("  ^form-data; filename=a")),
        (K::ParameterRepeated, field("form-data; name=a; ^name=a")),
        (K::FileNameExtended, field("form-data; name=a; ^filename*=UTF-8''x")),
        (K::NameTooLong, field("form-data; name=^aaaaaaaaaaaaaaaaaaaaa")),
        (K::PartType, other("Content-Type: ^text")),
        (K::PartType, other("Content-Type:^")),
        (K::PartCoding, other("Content-Transfer-Encoding: ^base64")),
        (K::PartsTooMany, format!("{0}\r\n{0}\r\n{0}\r\n{0}\r\n--b\r^\n", part)),
        (K::PartHeadTooLarge, format!("--b\r\nX: {}^y", "y".repeat(197))),
    ];
    for (kind, marked) in &cases {
        let at = marked.find('^').unwrap();
        let form = marked.replacen('^', "", 1);
        assert_eq!(fault(&form), FormFault::new(*kind, at as u64), "{marked:?}");
    }
    let found_here = |kind: &K| cases.iter().any(|(found, _)| found == kind);
    let found_elsewhere = [
        K::Percent,
        K::Boundary,
        K::NameText,
        K::ValueText,
        K::Json,
        K::FieldsTooMany,
        K::FieldsTooLarge,
        K::FilesTooMany,
        K::FileTooLarge,
        K::FormTooLarge,
    ];
    for kind in K::ALL {
        assert!(found_here(kind) != found_elsewhere.contains(kind), "{kind:?}");
    }
}

#[test]
fn names_that_are_no_text() {
    let form = b"--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n\r\n--b--";
    for step in [1, 7, form.len()] {
        assert_eq!(read_cut(form, step).1, Err(FormFault::new(K::NameText, 42)));
    }
}

#[test]
fn as_much_as_may_be_and_no_more() {
    assert_eq!(contents(&(format!("--b\r\n{A}\r\n").repeat(4) + "--b--")).len(), 4);
    let longest = "Content-Disposition: form-data; name=";
    assert_eq!(head(&format!("{longest}{}", "a".repeat(20))).name.len(), 20);
    let full = format!("{}\r\nX: {}", A.trim_end(), "y".repeat(200 - A.len() - 5));
    assert_eq!(head(&full).name, "a");
}

#[test]
fn boundaries() {
    let new = |text: &str| FormData::new(text.as_bytes(), Limits::default()).map(|_| ());
    for right in ["a", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a b", "'()+_,-./:=?", "-"] {
        assert_eq!(new(right), Ok(()), "{right}");
    }
    assert_eq!(new(&"x".repeat(70)), Ok(()));
    for wrong in ["", " ", "a ", "a*b", "a\r\nb", "\u{e4}", &"x".repeat(71)] {
        assert_eq!(new(wrong), Err(FormFault::new(K::Boundary, 0)), "{wrong}");
    }
    let of = |text: &str| {
        let media = MediaType::parse(text.as_bytes()).unwrap();
        FormData::of(&media, Limits::default()).map(|reader| reader.delimiter)
    };
    assert_eq!(of("multipart/form-data; Boundary=\"a b\"").unwrap(), b"\r\n--a b");
    assert!(of("multipart/form-data").is_err());
}
